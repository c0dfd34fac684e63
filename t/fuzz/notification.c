
/*
 * Notifications: any query is read, and none is proven by a signature that
 * nobody made.  What is taken has one value a field, in UTF-8.
 */


#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "alikassa_notification.h"
#include "alikassa_utf8.h"
#include "fuzz.h"


static alikassa_verifier_t *fuzz_verifier(void);
static void fuzz_names(const alikassa_inputs_t *inputs);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                         i;
    alikassa_rc_t                  rc;
    alikassa_str_t                 query;
    alikassa_inputs_t              inputs;
    alikassa_reason_t              reason;
    alikassa_notification_t        notification;
    alikassa_notification_extra_t  extra;

    static alikassa_verifier_t  *verifiers[1];
    static const alikassa_str_t  any = alikassa_string("*");

    if (verifiers[0] == NULL) {
        verifiers[0] = fuzz_verifier();
    }

    query = fuzz_copy(data, size);

    rc = alikassa_notification_separators(&query, &reason);
    fuzz_check(rc == ALIKASSA_OK || reason.text[0]);

    rc = alikassa_form_decode(test_pool(), &query, &inputs, &reason);

    if (rc != ALIKASSA_OK) {
        test_pool_free();
        return 0;
    }

    extra.elts = &any;
    extra.nelts = size & 1;

    memset(&notification, 0, sizeof(alikassa_notification_t));

    rc = alikassa_notification_add(&notification, &inputs, &extra, &reason);

    if (rc == ALIKASSA_OK) {

        fuzz_names(&inputs);

        for (i = 0; i < ALIKASSA_NOTIFICATION_NFIELDS; i++) {

            if (notification.values[i].data != NULL) {
                fuzz_check(alikassa_utf8_check(&notification.values[i], NULL));
                (void) fuzz_touch(&notification.values[i]);
            }
        }

        rc = alikassa_notification_verify(test_pool(), &notification,
                                          verifiers, 1, NULL, &reason);

        fuzz_check(rc == ALIKASSA_DECLINED);
        fuzz_check(reason.text[0]);
        fuzz_check(ERR_peek_error() == 0);
    }

    test_pool_free();

    return 0;
}


/*
 * No signed name stands twice.
 */

static void
fuzz_names(const alikassa_inputs_t *inputs)
{
    size_t  i, j;

    for (i = 0; i < inputs->nelts; i++) {

        if (alikassa_notification_find(&inputs->elts[i].name) < 0) {
            continue;
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
    alikassa_reason_t     reason;
    alikassa_verifier_t  *verifier;

    pkey = EVP_RSA_gen(2048);
    bio = BIO_new(BIO_s_mem());

    fuzz_check(PEM_write_bio_PUBKEY(bio, pkey) == 1);

    s.len = (size_t) BIO_get_mem_data(bio, &pem);
    s.data = (unsigned char *) pem;

    fuzz_check(alikassa_verifier_create(&s, "sha1", &verifier, &reason)
               == ALIKASSA_OK);

    BIO_free(bio);
    EVP_PKEY_free(pkey);

    return verifier;
}
