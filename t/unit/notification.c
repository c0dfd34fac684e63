
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_notification.c and alikassa_verifier.c: a notification and
 * its signature.
 */


#include "test.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "alikassa_notification_input.h"
#include "alikassa_signer.h"


#define GOOD  "type=payment&id=7&order_id=A%2F1&payment_status=paid"          \
              "&amount=150000.50&payment_amount=1&commission_amount=2"        \
              "&is_partial_payment=0"                                         \
              "&account=cfa5a4bc-5a62-4f63-b7b2-0a4e32f0c1d5"                 \
              "&service=s&desc=%c3%a9"

#define REST  "\"is_partial_payment\":\"0\","                                 \
              "\"account\":\"cfa5a4bc-5a62-4f63-b7b2-0a4e32f0c1d5\","         \
              "\"service\":\"s\",\"desc\":"

#define START  "{\"type\":\"payment\",\"id\":7,\"order_id\":"

#define MIDDLE  ",\"payment_status\":\"paid\",\"amount\":\"150000.50\","      \
                "\"payment_amount\":\"1\","

static const char  php[] = START "\"A\\/1\"" MIDDLE
    "\"commission_amount\":\"2\"," REST "\"\\u00e9\"}";

static const char  slashes[] = START "\"A/1\"" MIDDLE
    "\"commission_amount\":\"2\"," REST "\"\\u00e9\"}";

static const char  unicode[] = START "\"A\\/1\"" MIDDLE
    "\"commission_amount\":\"2\"," REST "\"\xc3\xa9\"}";

static const char  js[] = START "\"A/1\"" MIDDLE
    "\"commission_amount\":\"2\"," REST "\"\xc3\xa9\"}";


typedef struct {
    char                  private[4096];
    char                  public[2048];
    alikassa_verifier_t  *verifier;
    alikassa_signer_t    *signer;
    alikassa_key_t       *key;
} pair_t;


static pair_t  first, second, longer;


static void
make(pair_t *pair, unsigned bits)
{
    BIO                *bio;
    char               *data;
    long                len;
    EVP_PKEY           *pkey;
    alikassa_str_t      pem;
    alikassa_errmsg_t   errmsg;

    pkey = EVP_RSA_gen(bits);
    assert_non_null(pkey);

    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL,
                                              NULL), 1);
    len = BIO_get_mem_data(bio, &data);
    snprintf(pair->private, sizeof(pair->private), "%.*s", (int) len, data);
    BIO_free(bio);

    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    len = BIO_get_mem_data(bio, &data);
    snprintf(pair->public, sizeof(pair->public), "%.*s", (int) len, data);
    BIO_free(bio);

    EVP_PKEY_free(pkey);

    pem = test_str(pair->private);
    assert_int_equal(alikassa_key_create(&pem, NULL, 0, &pair->key, &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(alikassa_signer_create(pair->key, "sha1", &pair->signer,
                                            &errmsg), ALIKASSA_OK);

    pem = test_str(pair->public);
    assert_int_equal(alikassa_verifier_create(&pem, "sha1", &pair->verifier,
                                              &errmsg), ALIKASSA_OK);
}


static int
setup(void **state)
{
    (void) state;

    make(&first, 2048);
    make(&second, 2048);
    make(&longer, 3072);

    return 0;
}


static int
teardown(void **state)
{
    pair_t  *pairs[] = { &first, &second, &longer };
    size_t   i;

    (void) state;

    for (i = 0; i < 3; i++) {
        alikassa_verifier_free(pairs[i]->verifier);
        alikassa_signer_free(pairs[i]->signer);
        alikassa_key_free(pairs[i]->key);
    }

    return 0;
}


static const alikassa_str_t                 allowed = alikassa_string("x");
static const alikassa_notification_extra_t  one = { &allowed, 1 };


static void
begin(alikassa_notification_t *n, const alikassa_notification_extra_t *extra)
{
    memset(n, 0, sizeof(alikassa_notification_t));

    n->fields = alikassa_notification_default();
    n->extra = extra;
}


static alikassa_rc_t
add(alikassa_notification_t *n, const char *query, alikassa_errmsg_t *errmsg)
{
    alikassa_str_t  s;

    s = test_str(query);

    return alikassa_notification_add_form(test_pool(), n, &s, 1, errmsg);
}


static alikassa_rc_t
add_json(alikassa_notification_t *n, const char *text,
    alikassa_errmsg_t *errmsg)
{
    alikassa_str_t  s;

    s = test_str(text);

    return alikassa_notification_add_json(test_pool(), n, &s, errmsg);
}


/*
 * Verifies a query, or a JSON object, with the signature that the pair makes of
 * text.  Returns NULL if the signature is verified, otherwise the errmsg.
 */

static const char *
judge(const char *query, const char *text, pair_t *pair)
{
    alikassa_rc_t             rc;
    alikassa_str_t            s;
    alikassa_notification_t   n;
    alikassa_verifier_t      *verifiers[2];
    unsigned char             sign[ALIKASSA_SIGN_BASE64_MAX];

    static alikassa_errmsg_t  errmsg;

    verifiers[0] = second.verifier;
    verifiers[1] = first.verifier;

    begin(&n, &one);

    rc = (query[0] == '{') ? add_json(&n, query, &errmsg)
                           : add(&n, query, &errmsg);

    if (rc == ALIKASSA_OK) {

        s = test_str(text);
        assert_int_equal(alikassa_signer_sign(pair->signer, &s, sign, &errmsg),
                         ALIKASSA_OK);

        if (n.sign.data == NULL) {
            n.sign = test_str((char *) sign);
        }

        rc = alikassa_notification_verify(test_pool(), &n, verifiers, 2, NULL,
                                          &errmsg);
    }

    test_pool_free();
    assert_int_equal(ERR_peek_error(), 0);

    return (rc == ALIKASSA_OK) ? NULL : errmsg.text;
}


static void
every_json_spelling_is_verified(void **state)
{
    (void) state;

    assert_null(judge(GOOD, php, &first));
    assert_null(judge(GOOD, php, &second));
    assert_null(judge(GOOD, js, &first));
    assert_null(judge(GOOD, slashes, &first));
    assert_null(judge(GOOD, unicode, &first));
    assert_null(judge(GOOD "&x=1", php, &first));

    assert_string_equal(judge(GOOD, "{}", &first),
                        "signature does not match");
    assert_string_equal(judge(GOOD, php, &longer),
                        "sign has the wrong length");
}


static void
absent_parameters_are_signed_as_null(void **state)
{
    (void) state;

    assert_null(judge("id=1&amount=5", "{\"type\":null,\"id\":1,"
                "\"order_id\":null,\"payment_status\":null,\"amount\":\"5\","
                "\"payment_amount\":null,\"commission_amount\":null,"
                "\"is_partial_payment\":null,\"account\":null,"
                "\"service\":null,\"desc\":null}", &first));

    assert_null(judge("id=1&amount=5", "{\"type\":null,\"id\":1,"
                "\"order_id\":null,\"payment_status\":null,\"amount\":\"5\","
                "\"payment_amount\":null,"
                "\"is_partial_payment\":null,\"account\":null,"
                "\"service\":null,\"desc\":null}", &first));

    /* a boolean is signed as a boolean */

    assert_null(judge("{\"id\":1,\"is_partial_payment\":true,"
                "\"payment_status\":\"\"}",
                "{\"type\":null,\"id\":1,"
                "\"order_id\":null,\"payment_status\":\"\",\"amount\":null,"
                "\"payment_amount\":null,\"commission_amount\":null,"
                "\"is_partial_payment\":true,\"account\":null,"
                "\"service\":null,\"desc\":null}", &first));

    /* a commission_amount that was sent must be signed */

    assert_string_equal(judge("id=1&amount=5&commission_amount=9",
                "{\"type\":null,\"id\":1,"
                "\"order_id\":null,\"payment_status\":null,\"amount\":\"5\","
                "\"payment_amount\":null,"
                "\"is_partial_payment\":null,\"account\":null,"
                "\"service\":null,\"desc\":null}", &first),
                "signature does not match");
}


static alikassa_rc_t
configure(alikassa_notification_fields_t *fields, const char *text,
    alikassa_errmsg_t *errmsg)
{
    size_t       n;
    const char  *end;

    static alikassa_str_t  list[64];

    for (n = 0; *text; n++) {
        end = strchr(text, ' ');
        end = end ? end : text + strlen(text);

        list[n].data = (const unsigned char *) text;
        list[n].len = (size_t) (end - text);

        text = *end ? end + 1 : end;
    }

    return alikassa_notification_fields_set(fields, list, n, errmsg);
}


static void
configured_fields_are_checked_and_found(void **state)
{
    size_t                          i;
    alikassa_str_t                  s;
    alikassa_errmsg_t               errmsg;
    alikassa_notification_t         n;
    alikassa_notification_fields_t  fields;

    static const char *bad[] = {
        "", "id", "id order_id", "order_id payment_status",
        "id order_id payment_status id", "id order_id payment_status sign",
        "id order_id payment_status SIGN", "id order_id payment_status ID",
        "Id order_id payment_status", "id order_id payment_status a-b",
        "id order_id payment_status _", "id order_id payment_status 1a",
        "id order_id payment_status a\xc3\xa9",
        ("id order_id payment_status a a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 b2 b3 b4 "
         "b5 b6 b7 b8 b9 c1 c2 c3 c4 c5 c6 c7 c8 c9 d1 d2")
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errmsg.text[0] = '\0';
        assert_int_equal(configure(&fields, bad[i], &errmsg),
                         ALIKASSA_DECLINED);
        assert_true(errmsg.text[0] != '\0');
    }

    assert_int_equal(configure(&fields, "brand payment_status RRN order_id id",
                               &errmsg), ALIKASSA_OK);
    assert_int_equal(fields.nelts, 5);
    assert_int_equal(fields.older, 0);

    s = test_str("id");
    assert_int_equal(alikassa_notification_find(&fields, &s),
                     ALIKASSA_NOTIFICATION_ID);
    assert_false(alikassa_notification_signs_account(&fields));
    assert_true(alikassa_notification_signs_account(
                                           alikassa_notification_default()));

    s = test_str("amount");
    assert_int_equal(alikassa_notification_find(&fields, &s), -1);
    s = test_str("rrn");
    assert_int_equal(alikassa_notification_find(&fields, &s), -1);
    assert_true(alikassa_notification_find_lower(&fields, &s)
                >= ALIKASSA_NOTIFICATION_NFIELDS);
    assert_false(alikassa_notification_is_harmless(&fields, &s));
    s = test_str("amount");
    assert_true(alikassa_notification_is_harmless(&fields, &s));

    begin(&n, &one);
    n.fields = &fields;

    assert_int_equal(add(&n, "RRN=%2f&id=7&brand=&order_id=x", &errmsg),
                     ALIKASSA_OK);
    test_pool_free();

    /* the maximum of fields, with the longest name and values of null */

    assert_int_equal(configure(&fields,
        "id order_id payment_status a a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 b2 b3 b4 "
        "b5 b6 b7 b8 b9 c1 c2 c3 c4 c5 c6 c7 c8 c9 "
        "A234567890123456789012345678901234567890123456789012345678901234",
        &errmsg), ALIKASSA_OK);
    assert_int_equal(fields.nelts, ALIKASSA_NOTIFICATION_MAX_FIELDS);

    begin(&n, &one);
    n.fields = &fields;
    assert_int_equal(add(&n, "id=7&sign=aQ==", &errmsg), ALIKASSA_OK);
    assert_int_equal(alikassa_notification_verify(test_pool(), &n,
                                                  &first.verifier, 1, NULL,
                                                  &errmsg),
                     ALIKASSA_DECLINED);
    test_pool_free();
}


static void
malformed_id_and_sign_are_refused(void **state)
{
    size_t              i, len;
    char                text[ALIKASSA_SIGN_BASE64_MAX + 64];

    static const struct {
        const char     *query;
        const char     *why;
    } cases[] = {
        { "amount=5", "id is not an integer" },
        { "id=&amount=5", "id is not an integer" },
        { "id=1.5&amount=5", "id is not an integer" },
        { "id=9223372036854775808&amount=5", "id is not an integer" },
        { "id=1", "signature does not match" },
        { "id=1&amount=", "signature does not match" },
        { "id=1&amount=1e2", "signature does not match" },
        { "id=1&amount=5&service=a%7fb",
          "a parameter has control characters" },
        { "id=1&amount=5&type=%00", "a parameter has control characters" },
        { "id=1&amount=5&sign=", "no sign" },
        { "id=1&amount=5&sign=abc", "sign is not base64" },
        { "id=1&amount=5&sign=ab-_", "sign is not base64" },
        { "id=1&amount=5&sign=ab+d", "sign is not base64" },
        { "id=1&amount=5&sign=%20abc", "sign is not base64" },
        { "id=1&amount=5&sign=abc%0a", "sign is not base64" },
        { "id=1&amount=5&sign=a===", "sign is not base64" },
        { "id=1&amount=5&sign====", "sign is not base64" },
        { "id=1&amount=5&sign=ab==", "sign is not base64" },
        { "id=1&amount=5&sign=aa%3D%3D", "sign is not base64" },
        { "id=1&amount=5&sign=aQ==", "sign has the wrong length" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(judge(cases[i].query, "{}", &first),
                            cases[i].why);
    }

    /* signatures up to the longest one, and longer ones */

    len = (size_t) snprintf(text, sizeof(text), "id=1&amount=5&sign=");
    memset(text + len, 'A', sizeof(text) - len - 1);

    for (i = 4; i < sizeof(text) - len; i += 4) {
        text[len + i] = '\0';
        (void) judge(text, "{}", &first);
        text[len + i] = 'A';
    }
}


static void
notification_of_another_account_is_refused(void **state)
{
    size_t                    i;
    alikassa_rc_t             rc;
    alikassa_str_t            s, account;
    alikassa_errmsg_t         errmsg;
    alikassa_notification_t   n;
    unsigned char             sign[ALIKASSA_SIGN_BASE64_MAX];

    static const struct {
        const char     *account;
        alikassa_rc_t   rc;
    } cases[] = {
        { "cfa5a4bc-5a62-4f63-b7b2-0a4e32f0c1d5", ALIKASSA_OK },
        { "CFA5A4BC-5A62-4F63-B7B2-0A4E32F0C1D5", ALIKASSA_OK },
        { "cfa5a4bc-5a62-4f63-b7b2-0a4e32f0c1d6", ALIKASSA_DECLINED },
        { "cfa5a4bc\r5a62-4f63-b7b2-0a4e32f0c1d5", ALIKASSA_DECLINED },
        { "cfa5a4bc-5a62-4f63-b7b2-0a4e32f0c1d", ALIKASSA_DECLINED },
        { "", ALIKASSA_DECLINED }
    };

    (void) state;

    s = test_str(php);
    assert_int_equal(alikassa_signer_sign(first.signer, &s, sign, &errmsg),
                     ALIKASSA_OK);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        begin(&n, &one);
        assert_int_equal(add(&n, GOOD, &errmsg), ALIKASSA_OK);
        n.sign = test_str((char *) sign);

        account = test_str(cases[i].account);

        rc = alikassa_notification_verify(test_pool(), &n, &first.verifier, 1,
                                          &account, &errmsg);
        assert_int_equal(rc, cases[i].rc);

        if (rc != ALIKASSA_OK) {
            assert_string_equal(errmsg.text, "it is of another account");
        }

        test_pool_free();
    }
}


static void
final_payment_statuses_are_known(void **state)
{
    size_t                   i;
    alikassa_notification_t  n;

    static const struct {
        const char  *status;
        int          final;
    } cases[] = {
        { "paid", 1 }, { "cancel", 1 }, { "fail", 1 },
        { "wait", 0 }, { "", 0 }, { "Paid", 0 }
    };

    (void) state;

    memset(&n, 0, sizeof(n));
    assert_int_equal(alikassa_notification_final(&n), 0);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n.values[ALIKASSA_NOTIFICATION_PAYMENT_STATUS] =
            test_str(cases[i].status);
        assert_int_equal(alikassa_notification_final(&n), cases[i].final);
    }
}


static void
verifier_refuses_wrong_keys_and_signatures(void **state)
{
    alikassa_str_t        pem, text;
    alikassa_errmsg_t     errmsg;
    alikassa_verifier_t  *verifier;
    unsigned char         sign[512];

    (void) state;

    pem = test_str(first.private);
    assert_int_equal(alikassa_verifier_create(&pem, "sha1", &verifier,
                                              &errmsg), ALIKASSA_DECLINED);
    assert_non_null(strstr(errmsg.text, "not a public key in PEM"));

    pem = test_str("");
    assert_int_equal(alikassa_verifier_create(&pem, "sha1", &verifier,
                                              &errmsg), ALIKASSA_DECLINED);

    pem = test_str(first.public);
    assert_int_equal(alikassa_verifier_create(&pem, "sha0", &verifier,
                                              &errmsg), ALIKASSA_FORBIDDEN);
    assert_int_equal(ERR_peek_error(), 0);
    assert_non_null(strstr(errmsg.text, "refuses the digest"));

    assert_int_equal(alikassa_verifier_size(first.verifier), 256);
    assert_int_equal(alikassa_verifier_size(longer.verifier), 384);

    memset(sign, 0, sizeof(sign));
    text = test_str("x");
    assert_int_equal(alikassa_verifier_verify(first.verifier, &text, sign,
                                              256), ALIKASSA_DECLINED);
    assert_int_equal(alikassa_verifier_verify(first.verifier, &text, sign,
                                              255), ALIKASSA_DECLINED);
    assert_int_equal(ERR_peek_error(), 0);

    alikassa_verifier_free(NULL);
}


static void
failed_allocation_is_an_error(void **state)
{
    alikassa_str_t           s;
    alikassa_errmsg_t        errmsg;
    alikassa_notification_t  n;
    unsigned char            sign[ALIKASSA_SIGN_BASE64_MAX];

    (void) state;

    s = test_str(php);
    assert_int_equal(alikassa_signer_sign(first.signer, &s, sign, &errmsg),
                     ALIKASSA_OK);

    begin(&n, &one);
    assert_int_equal(add(&n, GOOD, &errmsg), ALIKASSA_OK);
    n.sign = test_str((char *) sign);

    test_pool_fail_after(0);
    assert_int_equal(alikassa_notification_verify(test_pool(), &n,
                                                  &first.verifier, 1, NULL,
                                                  &errmsg), ALIKASSA_ERROR);
    test_pool_free();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_json_spelling_is_verified),
        cmocka_unit_test(absent_parameters_are_signed_as_null),
        cmocka_unit_test(configured_fields_are_checked_and_found),
        cmocka_unit_test(malformed_id_and_sign_are_refused),
        cmocka_unit_test(notification_of_another_account_is_refused),
        cmocka_unit_test(final_payment_statuses_are_known),
        cmocka_unit_test(verifier_refuses_wrong_keys_and_signatures),
        cmocka_unit_test(failed_allocation_is_an_error)
    };

    return cmocka_run_group_tests_name("notification", tests, setup, teardown);
}
