
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_verifier.c, and for the checks of the modulus and exponent
 * of any RSA key.  The program generates the keys.
 */


#include "test.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "alikassa_signer.h"
#include "alikassa_verifier.h"


#define TEST_BITS  2048


static EVP_PKEY  *test_rsa;


static int
test_setup(void **state)
{
    (void) state;

    test_rsa = EVP_RSA_gen(TEST_BITS);

    return test_rsa ? 0 : -1;
}


static int
test_teardown(void **state)
{
    (void) state;

    EVP_PKEY_free(test_rsa);

    return 0;
}


/*
 * Copies the text in bio, and frees bio.
 */

static alikassa_str_t
test_copy_bio(BIO *bio)
{
    char            *data;
    alikassa_str_t   pem;
    unsigned char   *copy;

    pem.len = (size_t) BIO_get_mem_data(bio, &data);

    copy = test_pool_alloc(NULL, pem.len);
    assert_non_null(copy);

    memcpy(copy, data, pem.len);
    pem.data = copy;

    BIO_free(bio);

    return pem;
}


static alikassa_str_t
test_public(EVP_PKEY *pkey)
{
    BIO  *bio;

    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);

    return test_copy_bio(bio);
}


static alikassa_str_t
test_private(EVP_PKEY *pkey)
{
    BIO  *bio;

    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL,
                                              NULL), 1);

    return test_copy_bio(bio);
}


/*
 * Returns a certificate of pkey.  The good key signs the certificate, as an
 * unsuitable pkey may be unable to sign.
 */

static alikassa_str_t
test_certificate(EVP_PKEY *pkey)
{
    BIO   *bio;
    X509  *cert;

    cert = X509_new();
    assert_non_null(cert);

    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400));
    assert_int_equal(X509_set_pubkey(cert, pkey), 1);
    assert_true(X509_sign(cert, test_rsa, EVP_sha256()) > 0);

    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, cert), 1);

    X509_free(cert);

    return test_copy_bio(bio);
}


static BIGNUM *
test_number(const char *name)
{
    BIGNUM  *n;

    n = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(test_rsa, name, &n), 1);

    return n;
}


/*
 * Makes a key of the modulus n and the exponent e.  If d is not NULL, the key
 * is a private one and has the factors of the good key.
 */

static EVP_PKEY *
test_key(BIGNUM *n, BIGNUM *e, BIGNUM *d)
{
    size_t           i;
    BIGNUM          *factors[5];
    EVP_PKEY        *pkey;
    OSSL_PARAM      *params;
    EVP_PKEY_CTX    *ctx;
    OSSL_PARAM_BLD  *bld;

    static const char *names[5] = {
        OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
        OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
        OSSL_PKEY_PARAM_RSA_COEFFICIENT1
    };

    pkey = NULL;

    bld = OSSL_PARAM_BLD_new();
    assert_non_null(bld);

    assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e), 1);

    if (d != NULL) {
        assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_D, d),
                         1);

        for (i = 0; i < 5; i++) {
            factors[i] = test_number(names[i]);
            assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, names[i], factors[i]),
                             1);
        }
    }

    params = OSSL_PARAM_BLD_to_param(bld);
    assert_non_null(params);

    ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &pkey, d ? EVP_PKEY_KEYPAIR
                                                     : EVP_PKEY_PUBLIC_KEY,
                                       params), 1);

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);

    if (d != NULL) {
        for (i = 0; i < 5; i++) {
            BN_free(factors[i]);
        }
    }

    return pkey;
}


/*
 * Expects that the key is refused with the errmsg why: as a public key, as a
 * certificate, and as a private key.
 */

static void
test_refused(BIGNUM *n, BIGNUM *e, const char *why)
{
    size_t                i;
    BIGNUM               *d;
    EVP_PKEY             *pkey;
    alikassa_key_t       *key;
    alikassa_str_t        pems[2], pem;
    alikassa_errmsg_t     errmsg;
    alikassa_verifier_t  *verifier;

    pkey = test_key(n, e, NULL);

    pems[0] = test_public(pkey);
    pems[1] = test_certificate(pkey);

    EVP_PKEY_free(pkey);
    ERR_clear_error();

    for (i = 0; i < 2; i++) {
        assert_int_equal(alikassa_verifier_create(&pems[i], "sha1", &verifier,
                                                  &errmsg),
                         ALIKASSA_DECLINED);
        assert_null(verifier);
        assert_string_equal(errmsg.text, why);
        assert_int_equal(ERR_peek_error(), 0);
    }

    d = test_number(OSSL_PKEY_PARAM_RSA_D);
    pkey = test_key(n, e, d);
    pem = test_private(pkey);

    BN_free(d);
    EVP_PKEY_free(pkey);
    ERR_clear_error();

    assert_int_equal(alikassa_key_create(&pem, NULL, 0, &key, &errmsg),
                     ALIKASSA_DECLINED);
    assert_null(key);
    assert_string_equal(errmsg.text, why);
    assert_int_equal(ERR_peek_error(), 0);

    test_pool_free();
}


static void
unsuitable_exponents_are_refused(void **state)
{
    size_t   i;
    BIGNUM  *n, *e;

    static const BN_ULONG  bad[] = { 0, 1, 2, 4, 65536 };

    (void) state;

    n = test_number(OSSL_PKEY_PARAM_RSA_N);
    e = BN_new();

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(BN_set_word(e, bad[i]), 1);
        test_refused(n, e, "its public exponent is even or below 3");
    }

    /* an exponent that is not below the modulus */

    assert_non_null(BN_copy(e, n));
    test_refused(n, e, "its public exponent is not below its modulus");

    BN_free(n);
    BN_free(e);
}


static void
unsuitable_moduli_are_refused(void **state)
{
    BIGNUM  *n, *e;

    (void) state;

    n = test_number(OSSL_PKEY_PARAM_RSA_N);
    e = test_number(OSSL_PKEY_PARAM_RSA_E);

    assert_int_equal(BN_sub_word(n, 1), 1);
    test_refused(n, e, "its modulus is even");

    /* one of three successive odd numbers is divisible by 3 */

    assert_int_equal(BN_add_word(n, 1), 1);

    while (BN_mod_word(n, 3) != 0) {
        assert_int_equal(BN_sub_word(n, 2), 1);
    }

    test_refused(n, e, "its modulus is not a product of two large primes");

    BN_free(n);

    /* if the modulus is a prime, the public key reveals the private key */

    n = BN_new();
    assert_int_equal(BN_generate_prime_ex(n, TEST_BITS, 0, NULL, NULL, NULL),
                     1);
    test_refused(n, e, "its modulus is not a product of two large primes");

    BN_free(n);
    BN_free(e);
}


/*
 * 3 is the smallest exponent that is accepted.
 */

static void
exponent_3_is_accepted(void **state)
{
    BIGNUM               *e;
    EVP_PKEY             *pkey;
    EVP_PKEY_CTX         *ctx;
    alikassa_str_t        pem;
    alikassa_errmsg_t     errmsg;
    alikassa_verifier_t  *verifier;

    (void) state;

    e = BN_new();
    assert_int_equal(BN_set_word(e, 3), 1);

    pkey = NULL;
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, TEST_BITS), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);

    pem = test_public(pkey);
    assert_int_equal(alikassa_verifier_create(&pem, "sha1", &verifier,
                                              &errmsg), ALIKASSA_OK);
    assert_int_equal(ERR_peek_error(), 0);

    alikassa_verifier_free(verifier);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    BN_free(e);
    test_pool_free();
}


/*
 * A public key, a certificate and a certificate after other text verify a
 * signature, and leave OpenSSL's error queue empty: nginx would take what is
 * left in the queue for an error of the next connection.
 */

static void
keys_and_certificates_verify_signatures(void **state)
{
    size_t                i;
    alikassa_key_t       *key;
    alikassa_str_t        pems[3], pem, text;
    alikassa_errmsg_t     errmsg;
    alikassa_signer_t    *signer;
    alikassa_verifier_t  *verifier;
    unsigned char         sign[ALIKASSA_SIGN_BASE64_MAX], raw[TEST_BITS];

    (void) state;

    pems[0] = test_public(test_rsa);
    pems[1] = test_certificate(test_rsa);

    /* text before the certificate */

    pems[2].len = pems[1].len + 5;
    pems[2].data = test_pool_alloc(NULL, pems[2].len);
    memcpy((void *) pems[2].data, "Bag:\n", 5);
    memcpy((void *) (pems[2].data + 5), pems[1].data, pems[1].len);

    text.len = 4;
    text.data = (const unsigned char *) "text";

    pem = test_private(test_rsa);

    assert_int_equal(alikassa_key_create(&pem, NULL, 0, &key, &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(alikassa_signer_create(key, "sha1", &signer, &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(alikassa_signer_sign(signer, &text, sign, &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(EVP_DecodeBlock(raw, sign, (int) strlen((char *) sign)),
                     258);

    for (i = 0; i < 3; i++) {
        assert_int_equal(alikassa_verifier_create(&pems[i], "sha1", &verifier,
                                                  &errmsg), ALIKASSA_OK);
        assert_int_equal(ERR_peek_error(), 0);
        assert_int_equal(alikassa_verifier_verify(verifier, &text, raw, 256),
                         ALIKASSA_OK);
        alikassa_verifier_free(verifier);

        assert_int_equal(alikassa_key_match(key, &pems[i], &errmsg),
                         ALIKASSA_OK);
        assert_int_equal(ERR_peek_error(), 0);
    }

    alikassa_signer_free(signer);
    alikassa_key_free(key);
    test_pool_free();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(unsuitable_exponents_are_refused),
        cmocka_unit_test(unsuitable_moduli_are_refused),
        cmocka_unit_test(exponent_3_is_accepted),
        cmocka_unit_test(keys_and_certificates_verify_signatures)
    };

    return cmocka_run_group_tests_name("verifier", tests, test_setup,
                                       test_teardown);
}
