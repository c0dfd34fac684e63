
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_key.c and alikassa_signer.c.  The program generates the
 * keys.
 */


#include "test.h"

#include <pthread.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include "alikassa_key.h"
#include "alikassa_signer.h"


#define TEST_THREADS  8
#define TEST_ROUNDS  24

#define TEST_PASSPHRASE  "correct horse"


typedef enum {
    TEST_PKCS8 = 0,
    TEST_TRADITIONAL,
    TEST_PUBLIC,
    TEST_CERTIFICATE
} test_form_t;


static struct {
    EVP_PKEY             *rsa;
    EVP_PKEY             *other;
    EVP_PKEY             *small;
    EVP_PKEY             *ec;
    EVP_PKEY             *pss;

    /* how often OpenSSL has asked for a passphrase */
    unsigned              asked;
} test_keys;


/* what a thread signs, and how many signatures were good */

typedef struct {
    alikassa_signer_t    *signer;
    unsigned              number;
    unsigned              good;
} test_thread_t;


static const alikassa_str_t  test_none = alikassa_null_string;

static const alikassa_str_t  test_body = alikassa_string(
    "{\"amount\":150000.5,\"order_id\":\"A-1\",\"service\":"
    "\"online_banking_idr_hpp\"}");


static int
test_ask(UI *ui)
{
    (void) ui;

    test_keys.asked++;

    return 0;
}


static EVP_PKEY *
test_generate(const char *type, int bits)
{
    EVP_PKEY      *pkey;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;

    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (ctx == NULL
        || EVP_PKEY_keygen_init(ctx) != 1
        || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) != 1)
    {
        abort();
    }

    (void) EVP_PKEY_generate(ctx, &pkey);

    EVP_PKEY_CTX_free(ctx);

    return pkey;
}


static int
test_setup(void **state)
{
    static UI_METHOD  *method;

    (void) state;

    test_keys.rsa = test_generate("RSA", 2048);
    test_keys.other = test_generate("RSA", 2048);
    test_keys.small = test_generate("RSA", 1024);
    test_keys.pss = test_generate("RSA-PSS", 2048);
    test_keys.ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

    method = UI_create_method("test");

    if (test_keys.rsa == NULL || test_keys.other == NULL
        || test_keys.small == NULL || test_keys.pss == NULL
        || test_keys.ec == NULL || method == NULL)
    {
        return -1;
    }

    UI_method_set_opener(method, test_ask);
    UI_set_default_method(method);

    return 0;
}


static int
test_teardown(void **state)
{
    (void) state;

    UI_destroy_method((UI_METHOD *) UI_get_default_method());
    UI_set_default_method(UI_OpenSSL());

    EVP_PKEY_free(test_keys.rsa);
    EVP_PKEY_free(test_keys.other);
    EVP_PKEY_free(test_keys.small);
    EVP_PKEY_free(test_keys.pss);
    EVP_PKEY_free(test_keys.ec);

    return 0;
}


/*
 * Fails if a test has left an error in OpenSSL's queue, or if OpenSSL has asked
 * for a passphrase.
 */

static int
test_clean(void **state)
{
    (void) state;

    test_pool_free();

    return (ERR_peek_error() == 0 && test_keys.asked == 0) ? 0 : -1;
}


static int
test_write_certificate(BIO *bio, EVP_PKEY *pkey)
{
    int    rc;
    X509  *cert;

    cert = X509_new();
    assert_non_null(cert);

    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400));
    assert_int_equal(X509_set_pubkey(cert, pkey), 1);
    assert_true(X509_sign(cert, pkey, EVP_sha256()) > 0);

    rc = PEM_write_bio_X509(bio, cert);

    X509_free(cert);

    return rc;
}


/*
 * Returns the key in PEM, encrypted if there is a passphrase.
 */

static alikassa_str_t
test_pem(EVP_PKEY *pkey, test_form_t form, const char *passphrase)
{
    int                rc, len;
    BIO               *bio;
    char              *data;
    unsigned char     *copy;
    alikassa_str_t     pem;
    const EVP_CIPHER  *cipher;

    rc = 0;
    len = passphrase ? (int) strlen(passphrase) : 0;
    cipher = passphrase ? EVP_aes_256_cbc() : NULL;

    bio = BIO_new(BIO_s_mem());
    assert_non_null(bio);

    switch (form) {

    case TEST_PKCS8:
        rc = PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher, passphrase, len,
                                           NULL, NULL);
        break;

    case TEST_TRADITIONAL:
        rc = PEM_write_bio_PrivateKey_traditional(bio, pkey, cipher,
                                           (const unsigned char *) passphrase,
                                           len, NULL, NULL);
        break;

    case TEST_PUBLIC:
        rc = PEM_write_bio_PUBKEY(bio, pkey);
        break;

    case TEST_CERTIFICATE:
        rc = test_write_certificate(bio, pkey);
        break;
    }

    assert_int_equal(rc, 1);

    pem.len = (size_t) BIO_get_mem_data(bio, &data);

    copy = test_pool_alloc(NULL, pem.len);
    assert_non_null(copy);

    memcpy(copy, data, pem.len);
    pem.data = copy;

    BIO_free(bio);

    return pem;
}


static alikassa_key_t *
test_load(EVP_PKEY *pkey)
{
    alikassa_key_t     *key;
    alikassa_str_t      pem;
    alikassa_errmsg_t   errmsg;

    pem = test_pem(pkey, TEST_PKCS8, NULL);

    assert_int_equal(alikassa_key_create(&pem, NULL, 0, &key, &errmsg),
                     ALIKASSA_OK);

    return key;
}


static int
test_verify(EVP_PKEY *pkey, const char *digest, const alikassa_str_t *text,
    const unsigned char *sign)
{
    int             rc, len;
    EVP_MD_CTX     *ctx;
    unsigned char   raw[ALIKASSA_SIGN_BASE64_MAX];

    /* the last base64 group of 256 bytes holds one byte and "==" */

    len = EVP_DecodeBlock(raw, sign, (int) strlen((const char *) sign));

    ctx = EVP_MD_CTX_new();

    rc = ctx != NULL
         && len == 258
         && EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, pkey, NULL)
            == 1
         && EVP_DigestVerify(ctx, raw, 256, text->data, text->len) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}


static void
unencrypted_keys_are_loaded(void **state)
{
    alikassa_key_t     *key;
    alikassa_str_t      pem, passphrase;
    alikassa_errmsg_t   errmsg;

    (void) state;

    pem = test_pem(test_keys.rsa, TEST_PKCS8, NULL);
    passphrase = test_str("not needed");

    assert_int_equal(alikassa_key_create(&pem, NULL, 0, &key, &errmsg),
                     ALIKASSA_OK);
    alikassa_key_free(key);

    assert_int_equal(alikassa_key_create(&pem, &passphrase, 1, &key, &errmsg),
                     ALIKASSA_OK);
    alikassa_key_free(key);

    pem = test_pem(test_keys.rsa, TEST_TRADITIONAL, NULL);

    assert_int_equal(alikassa_key_create(&pem, NULL, 0, &key, &errmsg),
                     ALIKASSA_OK);
    alikassa_key_free(key);

    alikassa_key_free(NULL);
}


static void
encrypted_keys_are_decrypted(void **state)
{
    size_t              i, n;
    alikassa_key_t     *key;
    alikassa_str_t      pem, passphrases[3];
    alikassa_errmsg_t   errmsg;

    static const test_form_t  forms[] = { TEST_PKCS8, TEST_TRADITIONAL };

    (void) state;

    for (i = 0; i < 2; i++) {

        pem = test_pem(test_keys.rsa, forms[i], TEST_PASSPHRASE);

        /* the correct passphrase is the first, the second or the third */

        for (n = 0; n < 3; n++) {

            passphrases[0] = test_str("wrong");
            passphrases[1] = test_none;
            passphrases[2] = test_str(TEST_PASSPHRASE " ");
            passphrases[n] = test_str(TEST_PASSPHRASE);

            assert_int_equal(alikassa_key_create(&pem, passphrases, 3, &key,
                                                 &errmsg),
                             ALIKASSA_OK);
            assert_non_null(key);
            assert_int_equal(ERR_peek_error(), 0);

            alikassa_key_free(key);
        }
    }
}


static void
wrong_passphrases_are_refused(void **state)
{
    size_t              i, j;
    alikassa_key_t     *key;
    alikassa_str_t      pem, passphrases[6];
    alikassa_errmsg_t   errmsg;

    static char               endless[65536];
    static const test_form_t  forms[] = { TEST_PKCS8, TEST_TRADITIONAL };

    (void) state;

    memset(endless, 'a', sizeof(endless) - 1);

    passphrases[0] = test_str("wrong");
    passphrases[1] = test_str(TEST_PASSPHRASE "\n");
    passphrases[2] = test_str("correct hors");
    passphrases[3] = test_none;
    passphrases[4] = test_str("");
    passphrases[5] = test_str(endless);

    for (i = 0; i < 2; i++) {

        pem = test_pem(test_keys.rsa, forms[i], TEST_PASSPHRASE);

        assert_int_equal(alikassa_key_create(&pem, passphrases, 6, &key,
                                             &errmsg),
                         ALIKASSA_DECLINED);
        assert_null(key);
        assert_int_equal(strncmp(errmsg.text, "no passphrase given opens it",
                                 28), 0);
        assert_null(strstr(errmsg.text, "correct"));
        assert_int_equal(ERR_peek_error(), 0);

        for (j = 0; j < 6; j++) {
            assert_int_equal(alikassa_key_create(&pem, &passphrases[j], 1,
                                                 &key, &errmsg),
                             ALIKASSA_DECLINED);
            assert_int_equal(ERR_peek_error(), 0);
        }

        /* no passphrase is given */

        assert_int_equal(alikassa_key_create(&pem, NULL, 0, &key, &errmsg),
                         ALIKASSA_DECLINED);
        assert_null(key);
        assert_non_null(strstr(errmsg.text, "there is no passphrase"));
        assert_int_equal(ERR_peek_error(), 0);
    }
}


static void
files_without_a_private_key_are_refused(void **state)
{
    size_t              i;
    alikassa_key_t     *key;
    alikassa_str_t      pems[8], passphrase, pem;
    alikassa_errmsg_t   errmsg;

    (void) state;

    passphrase = test_str(TEST_PASSPHRASE);
    pem = test_pem(test_keys.rsa, TEST_PKCS8, NULL);

    pems[0] = test_str("");
    pems[1] = test_str("this is no key");
    pems[2] = test_str("-----BEGIN PRIVATE KEY-----\n"
                          "-----END PRIVATE KEY-----\n");
    pems[3] = test_str("-----BEGIN PRIVATE KEY-----\nAAAA\n"
                          "-----END PRIVATE KEY-----\n");
    pems[4] = test_pem(test_keys.rsa, TEST_PUBLIC, NULL);
    pems[5] = test_pem(test_keys.rsa, TEST_CERTIFICATE, NULL);

    /* a truncated key; a key without its first line */

    pems[6] = pem;
    pems[6].len -= 40;

    pems[7] = pem;
    pems[7].data += 28;
    pems[7].len -= 28;

    for (i = 0; i < sizeof(pems) / sizeof(pems[0]); i++) {

        assert_int_equal(alikassa_key_create(&pems[i], &passphrase, 1, &key,
                                             &errmsg),
                         ALIKASSA_DECLINED);
        assert_null(key);
        assert_int_equal(ERR_peek_error(), 0);

        if (i == 0) {
            assert_string_equal(errmsg.text, "the file is empty");

        } else {
            assert_int_equal(strncmp(errmsg.text,
                                     "it is not a private key in PEM", 30),
                             0);
        }
    }
}


static void
unsuitable_private_keys_are_refused(void **state)
{
    alikassa_key_t     *key;
    alikassa_str_t      pem, passphrase;
    alikassa_errmsg_t   errmsg;

    (void) state;

    passphrase = test_str(TEST_PASSPHRASE);

    pem = test_pem(test_keys.ec, TEST_PKCS8, NULL);
    assert_int_equal(alikassa_key_create(&pem, NULL, 0, &key, &errmsg),
                     ALIKASSA_DECLINED);
    assert_null(key);
    assert_string_equal(errmsg.text, "it is not an RSA key");

    pem = test_pem(test_keys.ec, TEST_TRADITIONAL, TEST_PASSPHRASE);
    assert_int_equal(alikassa_key_create(&pem, &passphrase, 1, &key, &errmsg),
                     ALIKASSA_DECLINED);
    assert_string_equal(errmsg.text, "it is not an RSA key");

    pem = test_pem(test_keys.pss, TEST_PKCS8, NULL);
    assert_int_equal(alikassa_key_create(&pem, NULL, 0, &key, &errmsg),
                     ALIKASSA_DECLINED);
    assert_string_equal(errmsg.text, "it is not an RSA key");

    pem = test_pem(test_keys.small, TEST_PKCS8, TEST_PASSPHRASE);
    assert_int_equal(alikassa_key_create(&pem, &passphrase, 1, &key, &errmsg),
                     ALIKASSA_DECLINED);
    assert_null(key);
    assert_string_equal(errmsg.text,
                        "it has 1024 bits, from 2048 to 16384 are allowed");
}


static void
matching_public_key_is_accepted(void **state)
{
    alikassa_key_t     *key;
    alikassa_str_t      pem;
    alikassa_errmsg_t   errmsg;

    (void) state;

    key = test_load(test_keys.rsa);

    pem = test_pem(test_keys.rsa, TEST_PUBLIC, NULL);
    assert_int_equal(alikassa_key_match(key, &pem, &errmsg), ALIKASSA_OK);

    pem = test_pem(test_keys.rsa, TEST_CERTIFICATE, NULL);
    assert_int_equal(alikassa_key_match(key, &pem, &errmsg), ALIKASSA_OK);

    assert_int_equal(ERR_peek_error(), 0);

    alikassa_key_free(key);
}


static void
other_public_keys_are_refused(void **state)
{
    size_t              i;
    alikassa_key_t     *key;
    alikassa_str_t      pems[10];
    alikassa_errmsg_t   errmsg;

    (void) state;

    key = test_load(test_keys.rsa);

    pems[0] = test_pem(test_keys.other, TEST_PUBLIC, NULL);
    pems[1] = test_pem(test_keys.other, TEST_CERTIFICATE, NULL);
    pems[2] = test_pem(test_keys.ec, TEST_PUBLIC, NULL);
    pems[3] = test_pem(test_keys.small, TEST_PUBLIC, NULL);

    pems[4] = test_none;
    pems[5] = test_str("no key");
    pems[6] = test_pem(test_keys.rsa, TEST_PUBLIC, NULL);
    pems[6].len /= 2;

    /* private keys instead of public ones, encrypted or not */

    pems[7] = test_pem(test_keys.rsa, TEST_PKCS8, NULL);
    pems[8] = test_pem(test_keys.rsa, TEST_PKCS8, TEST_PASSPHRASE);
    pems[9] = test_pem(test_keys.rsa, TEST_TRADITIONAL, TEST_PASSPHRASE);

    for (i = 0; i < sizeof(pems) / sizeof(pems[0]); i++) {

        if (alikassa_key_match(key, &pems[i], &errmsg) != ALIKASSA_DECLINED) {
            fail_msg("public key %zu is accepted", i);
        }

        if (strncmp(errmsg.text, (i < 4) ? "it is not the other half of the "
                                           "private key"
                                         : "it is not a public key in PEM",
                    29)
            != 0)
        {
            fail_msg("public key %zu: errmsg \"%s\"", i, errmsg.text);
        }

        assert_int_equal(ERR_peek_error(), 0);
        assert_int_equal(test_keys.asked, 0);
    }

    alikassa_key_free(key);
}


static void
fingerprint_is_sha256_of_the_public_key(void **state)
{
    int              len;
    unsigned         i, n;
    unsigned char   *der, md[EVP_MAX_MD_SIZE];
    alikassa_key_t  *key, *other;
    char             hex[ALIKASSA_FINGERPRINT_LEN + 1];

    (void) state;

    key = test_load(test_keys.rsa);
    other = test_load(test_keys.other);

    der = NULL;
    len = i2d_PUBKEY(test_keys.rsa, &der);
    assert_true(len > 0);

    assert_int_equal(EVP_Digest(der, (size_t) len, md, &n, EVP_sha256(),
                                NULL), 1);
    OPENSSL_free(der);

    for (i = 0; i < n; i++) {
        (void) sprintf(hex + i * 2, "%02x", md[i]);
    }

    assert_string_equal(alikassa_key_fingerprint(key), hex);
    assert_string_not_equal(alikassa_key_fingerprint(other), hex);

    alikassa_key_free(key);
    alikassa_key_free(other);
}


static void
signatures_verify_with_the_public_key(void **state)
{
    size_t              i;
    alikassa_key_t     *key;
    alikassa_str_t      empty = alikassa_string("");
    alikassa_signer_t  *signer;
    alikassa_errmsg_t   errmsg;
    unsigned char       sign[ALIKASSA_SIGN_BASE64_MAX];
    unsigned char       again[ALIKASSA_SIGN_BASE64_MAX];

    static const char  *const digests[] = { "sha1", "sha256" };

    (void) state;

    key = test_load(test_keys.rsa);

    for (i = 0; i < 2; i++) {

        assert_int_equal(alikassa_signer_create(key, digests[i], &signer,
                                                &errmsg),
                         ALIKASSA_OK);
        assert_int_equal(ERR_peek_error(), 0);
        assert_int_equal(alikassa_signer_len(signer), 344);

        /* the bytes after the final NUL are not written */

        memset(sign, 0xee, sizeof(sign));

        assert_int_equal(alikassa_signer_sign(signer, &test_body, sign,
                                              &errmsg),
                         ALIKASSA_OK);
        assert_int_equal(strlen((char *) sign), 344);
        assert_int_equal(sign[345], 0xee);
        assert_null(strchr((char *) sign, '\n'));

        assert_true(test_verify(test_keys.rsa, digests[i], &test_body, sign));
        assert_false(test_verify(test_keys.rsa, digests[1 - i], &test_body,
                                 sign));
        assert_false(test_verify(test_keys.rsa, digests[i], &empty, sign));
        assert_false(test_verify(test_keys.other, digests[i], &test_body,
                                 sign));

        assert_int_equal(alikassa_signer_sign(signer, &test_body, again,
                                              &errmsg),
                         ALIKASSA_OK);
        assert_string_equal((char *) sign, (char *) again);

        assert_int_equal(alikassa_signer_sign(signer, &empty, again,
                                              &errmsg),
                         ALIKASSA_OK);
        assert_true(test_verify(test_keys.rsa, digests[i], &empty, again));

        alikassa_signer_free(signer);
    }

    alikassa_key_free(key);
}


static void
unknown_digests_are_refused(void **state)
{
    size_t              i;
    alikassa_key_t     *key;
    alikassa_signer_t  *signer;
    alikassa_errmsg_t   errmsg;

    static const char  *const digests[] = { "", "sha", "sha0", "no-such" };

    (void) state;

    key = test_load(test_keys.rsa);

    for (i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {

        if (alikassa_signer_create(key, digests[i], &signer, &errmsg)
            != ALIKASSA_FORBIDDEN)
        {
            fail_msg("digest \"%s\" is accepted", digests[i]);
        }

        assert_null(signer);
        assert_int_equal(strncmp(errmsg.text, "the library refuses the digest",
                                 30), 0);
        assert_int_equal(ERR_peek_error(), 0);
    }

    alikassa_signer_free(NULL);
    alikassa_key_free(key);
}


static void *
test_run(void *data)
{
    char                text[128];
    size_t              i;
    test_thread_t      *thread;
    alikassa_str_t      s;
    alikassa_errmsg_t   errmsg;
    unsigned char       sign[ALIKASSA_SIGN_BASE64_MAX];

    thread = data;

    for (i = 0; i < TEST_ROUNDS; i++) {

        s.data = (unsigned char *) text;
        s.len = (size_t) sprintf(text, "{\"amount\":%zu,\"order_id\":\"%u\"}",
                                 i + 1, thread->number);

        if (alikassa_signer_sign(thread->signer, &s, sign, &errmsg)
            == ALIKASSA_OK
            && test_verify(test_keys.rsa, "sha1", &s, sign))
        {
            thread->good++;
        }
    }

    return NULL;
}


static void
threads_share_one_signer(void **state)
{
    size_t              i;
    pthread_t           ids[TEST_THREADS];
    test_thread_t       threads[TEST_THREADS];
    alikassa_key_t     *key;
    alikassa_signer_t  *signer;
    alikassa_errmsg_t   errmsg;

    (void) state;

    key = test_load(test_keys.rsa);

    assert_int_equal(alikassa_signer_create(key, "sha1", &signer, &errmsg),
                     ALIKASSA_OK);

    for (i = 0; i < TEST_THREADS; i++) {

        threads[i].signer = signer;
        threads[i].number = (unsigned) i;
        threads[i].good = 0;

        assert_int_equal(pthread_create(&ids[i], NULL, test_run, &threads[i]),
                         0);
    }

    for (i = 0; i < TEST_THREADS; i++) {
        assert_int_equal(pthread_join(ids[i], NULL), 0);
    }

    for (i = 0; i < TEST_THREADS; i++) {
        assert_int_equal(threads[i].good, TEST_ROUNDS);
    }

    alikassa_signer_free(signer);
    alikassa_key_free(key);
}


#define test_case(f)  cmocka_unit_test_teardown(f, test_clean)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test_case(unencrypted_keys_are_loaded),
        test_case(encrypted_keys_are_decrypted),
        test_case(wrong_passphrases_are_refused),
        test_case(files_without_a_private_key_are_refused),
        test_case(unsuitable_private_keys_are_refused),
        test_case(matching_public_key_is_accepted),
        test_case(other_public_keys_are_refused),
        test_case(fingerprint_is_sha256_of_the_public_key),
        test_case(signatures_verify_with_the_public_key),
        test_case(unknown_digests_are_refused),
        test_case(threads_share_one_signer),
    };

    return cmocka_run_group_tests_name("key", tests, test_setup,
                                       test_teardown);
}
