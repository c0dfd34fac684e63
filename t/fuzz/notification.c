
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Fuzzes alikassa_notification*.c with queries and JSON objects.  No input may
 * have a valid signature.  What is accepted has one value for a field, in
 * UTF-8.
 */


#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "alikassa_form.h"
#include "alikassa_notification_input.h"
#include "alikassa_utf8.h"
#include "fuzz.h"


static void fuzz_names(const alikassa_inputs_t *inputs);
static alikassa_verifier_t *fuzz_verifier(void);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                         i;
    alikassa_rc_t                  rc;
    alikassa_str_t                 text;
    alikassa_inputs_t              inputs;
    alikassa_errmsg_t              errmsg;
    alikassa_notification_t        notification;
    alikassa_notification_extra_t  extra;

    static alikassa_verifier_t  *verifiers[1];
    static const alikassa_str_t  any = alikassa_string("*");
    static const alikassa_str_t  cookie = alikassa_string("Cookie");

    if (verifiers[0] == NULL) {
        verifiers[0] = fuzz_verifier();
    }

    text = fuzz_copy(data, size);

    extra.elts = &any;
    extra.nelts = size & 1;

    memset(&notification, 0, sizeof(alikassa_notification_t));
    errmsg.text[0] = '\0';

    notification.fields = alikassa_notification_default();
    notification.extra = &extra;

    rc = alikassa_notification_uri(&text, &errmsg);
    fuzz_check(rc == ALIKASSA_OK || errmsg.text[0]);

    rc = alikassa_notification_header(notification.fields, &cookie, &text,
                                      &errmsg);
    fuzz_check(rc == ALIKASSA_OK || errmsg.text[0]);

    (void) alikassa_notification_media(&text);

    if (size && text.data[0] == '{') {
        rc = alikassa_notification_add_json(test_pool(), &notification, &text,
                                            &errmsg);

    } else {
        rc = alikassa_notification_add_form(test_pool(), &notification, &text,
                                            1, &errmsg);

        if (rc == ALIKASSA_OK) {
            fuzz_check(alikassa_form_decode(test_pool(), &text, &inputs,
                                            &errmsg) == ALIKASSA_OK);
            fuzz_names(&inputs);
        }
    }

    fuzz_check(rc == ALIKASSA_OK || errmsg.text[0]);

    if (rc == ALIKASSA_OK) {

        for (i = 0; i < ALIKASSA_NOTIFICATION_VALUES; i++) {

            if (notification.values[i].data != NULL) {
                fuzz_check(alikassa_utf8_check(&notification.values[i], NULL));
                (void) fuzz_touch(&notification.values[i]);
            }
        }

        rc = alikassa_notification_verify(test_pool(), &notification,
                                          verifiers, 1, NULL, &errmsg);

        fuzz_check(rc == ALIKASSA_DECLINED);
        fuzz_check(errmsg.text[0]);
        fuzz_check(ERR_peek_error() == 0);
    }

    test_pool_free();

    return 0;
}


/*
 * Checks that no name is repeated, and that no name has a character that
 * parsers read differently.
 */

static void
fuzz_names(const alikassa_inputs_t *inputs)
{
    size_t  i, j;

    for (i = 0; i < inputs->nelts; i++) {

        for (j = 0; j < inputs->elts[i].name.len; j++) {
            fuzz_check(inputs->elts[i].name.data[j] > ' '
                       && inputs->elts[i].name.data[j] < 0x7f);
        }

        for (j = 0; j < i; j++) {
            fuzz_check(!alikassa_str_eq(&inputs->elts[i].name,
                                        &inputs->elts[j].name));
        }
    }
}


static alikassa_verifier_t *
fuzz_verifier(void)
{
    BIO                  *bio;
    char                 *pem;
    EVP_PKEY             *pkey;
    alikassa_str_t        s;
    alikassa_errmsg_t     errmsg;
    alikassa_verifier_t  *verifier;

    pkey = EVP_RSA_gen(2048);
    bio = BIO_new(BIO_s_mem());

    fuzz_check(PEM_write_bio_PUBKEY(bio, pkey) == 1);

    s.len = (size_t) BIO_get_mem_data(bio, &pem);
    s.data = (unsigned char *) pem;

    fuzz_check(alikassa_verifier_create(&s, "sha1", &verifier, &errmsg)
               == ALIKASSA_OK);

    BIO_free(bio);
    EVP_PKEY_free(pkey);

    return verifier;
}
