
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The merchant's RSA key, read and checked with OpenSSL's EVP interface.
 */


#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "alikassa_key_internal.h"


/* variants of one passphrase */
#define ALIKASSA_KEY_SPELLINGS  3


typedef struct {
    const alikassa_str_t  *passphrase;
    unsigned               asked:1;
} alikassa_passphrase_t;


static size_t alikassa_key_spellings(const alikassa_str_t *passphrase,
    alikassa_str_t *spellings);
static alikassa_rc_t alikassa_key_decode(const alikassa_str_t *pem,
    alikassa_passphrase_t *pass, EVP_PKEY **pkey);
static int alikassa_key_passphrase(char *buf, int size, int rwflag,
    void *data);
static const char *alikassa_key_numbers(const EVP_PKEY *pkey);
static int alikassa_key_is_composite(EVP_PKEY *pkey);
static alikassa_rc_t alikassa_key_digest_spki(alikassa_key_t *key);


alikassa_rc_t
alikassa_key_create(const alikassa_str_t *pem,
    const alikassa_str_t *passphrases, size_t npassphrases,
    alikassa_key_t **key, alikassa_errmsg_t *errmsg)
{
    size_t                  i, j, n;
    EVP_PKEY               *pkey;
    alikassa_rc_t           rc;
    alikassa_key_t         *k;
    alikassa_str_t          spellings[ALIKASSA_KEY_SPELLINGS];
    alikassa_passphrase_t   pass;

    *key = NULL;
    pkey = NULL;

    if (pem->len == 0) {
        alikassa_key_errmsg(errmsg, "the file is empty");
        return ALIKASSA_DECLINED;
    }

    ERR_clear_error();

    memset(&pass, 0, sizeof(alikassa_passphrase_t));

    rc = alikassa_key_decode(pem, &pass, &pkey);

    /* no passphrase helps if OpenSSL lacks the algorithm */

    if (rc == ALIKASSA_DECLINED && alikassa_key_unsupported(pem, errmsg)) {
        return rc;
    }

    for (i = 0; rc == ALIKASSA_DECLINED && pass.asked && i < npassphrases; i++)
    {
        n = alikassa_key_spellings(&passphrases[i], spellings);

        for (j = 0; rc == ALIKASSA_DECLINED && j < n; j++) {
            ERR_clear_error();

            pass.passphrase = &spellings[j];
            rc = alikassa_key_decode(pem, &pass, &pkey);
        }
    }

    if (rc == ALIKASSA_ERROR) {
        alikassa_key_errmsg(errmsg, "cannot read it");
        return rc;
    }

    if (rc == ALIKASSA_DECLINED) {

        if (!pass.asked) {
            alikassa_key_errmsg(errmsg, "it is not a private key in PEM");

        } else if (npassphrases == 0) {
            alikassa_key_errmsg(errmsg, "it is encrypted and there is no "
                                "passphrase, name its file with \"password=\"");

        } else {
            alikassa_key_errmsg(errmsg, "no passphrase given opens it");
        }

        ERR_clear_error();
        return rc;
    }

    /* the errors of wrong variants do not count */

    ERR_clear_error();

    rc = alikassa_key_check(pkey, errmsg);

    if (rc != ALIKASSA_OK) {
        EVP_PKEY_free(pkey);
        return rc;
    }

    k = calloc(1, sizeof(alikassa_key_t));
    if (k == NULL) {
        EVP_PKEY_free(pkey);
        alikassa_key_errmsg(errmsg, "no memory");
        return ALIKASSA_ERROR;
    }

    k->pkey = pkey;

    if (alikassa_key_digest_spki(k) != ALIKASSA_OK) {
        alikassa_key_errmsg(errmsg, "cannot digest its public half");
        alikassa_key_free(k);
        return ALIKASSA_ERROR;
    }

    *key = k;

    return ALIKASSA_OK;
}


/*
 * Sets the variants of a passphrase: as it is, without the byte-order mark that
 * an editor put before it, and without the spaces and tabs that were copied
 * with it.  The variants point into the passphrase.  Returns their number.
 */

static size_t
alikassa_key_spellings(const alikassa_str_t *passphrase,
    alikassa_str_t *spellings)
{
    size_t          n;
    alikassa_str_t  s;

    s = *passphrase;
    n = 0;

    spellings[n++] = s;

    if (s.len > 3 && memcmp(s.data, "\xef\xbb\xbf", 3) == 0) {
        s.data += 3;
        s.len -= 3;

        spellings[n++] = s;
    }

    while (s.len > 0
           && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
    {
        s.len--;
    }

    if (s.len > 0 && s.len != spellings[n - 1].len) {
        spellings[n++] = s;
    }

    return n;
}


static alikassa_rc_t
alikassa_key_decode(const alikassa_str_t *pem, alikassa_passphrase_t *pass,
    EVP_PKEY **pkey)
{
    BIO  *bio;

    if (pem->len > INT32_MAX) {
        return ALIKASSA_DECLINED;
    }

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);
    if (bio == NULL) {
        return ALIKASSA_ERROR;
    }

    *pkey = PEM_read_bio_PrivateKey(bio, NULL, alikassa_key_passphrase, pass);

    BIO_free(bio);

    return (*pkey != NULL) ? ALIKASSA_OK : ALIKASSA_DECLINED;
}


/*
 * Gives OpenSSL the passphrase.  OpenSSL calls this only if the key is
 * encrypted; without this function it would ask on the terminal.
 */

static int
alikassa_key_passphrase(char *buf, int size, int rwflag, void *data)
{
    alikassa_passphrase_t  *pass = data;

    (void) rwflag;

    pass->asked = 1;

    if (pass->passphrase == NULL || size < 0
        || pass->passphrase->len > (size_t) size)
    {
        return -1;
    }

    if (pass->passphrase->len) {
        memcpy(buf, pass->passphrase->data, pass->passphrase->len);
    }

    return (int) pass->passphrase->len;
}


alikassa_rc_t
alikassa_key_check(EVP_PKEY *pkey, alikassa_errmsg_t *errmsg)
{
    int          bits;
    const char  *why;

    /* without RSA, OpenSSL loads some keys and then fails each check */

    if (alikassa_key_unsupported(NULL, errmsg)) {
        return ALIKASSA_DECLINED;
    }

    /* an RSASSA-PSS key has another type and cannot sign by PKCS #1 v1.5 */

    if (!EVP_PKEY_is_a(pkey, "RSA")) {
        alikassa_key_errmsg(errmsg, "it is not an RSA key");
        return ALIKASSA_DECLINED;
    }

    bits = EVP_PKEY_get_bits(pkey);

    if (bits < ALIKASSA_KEY_MIN_BITS || bits > ALIKASSA_KEY_MAX_BITS) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                 "it has %d bits, from %d to %d are allowed",
                 bits, ALIKASSA_KEY_MIN_BITS, ALIKASSA_KEY_MAX_BITS);
        return ALIKASSA_DECLINED;
    }

    why = alikassa_key_numbers(pkey);

    if (why == NULL && !alikassa_key_is_composite(pkey)) {
        why = "its modulus is not a product of two large primes";
    }

    if (why != NULL) {
        ERR_clear_error();
        alikassa_key_errmsg(errmsg, why);
        return ALIKASSA_DECLINED;
    }

    return ALIKASSA_OK;
}


/*
 * Returns what is wrong with the modulus or the public exponent, or NULL.
 * OpenSSL loads any numbers.  With the exponent 1 every text is its own
 * signature, and an even modulus or exponent has no private key.
 */

static const char *
alikassa_key_numbers(const EVP_PKEY *pkey)
{
    BIGNUM      *n, *e;
    const char  *why;

    n = NULL;
    e = NULL;
    why = NULL;

    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1
        || EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
    {
        why = "it has no modulus or no public exponent";

    } else if (!BN_is_odd(n)) {
        why = "its modulus is even";

    } else if (!BN_is_odd(e) || BN_is_one(e)) {
        why = "its public exponent is even or below 3";

    } else if (BN_ucmp(e, n) >= 0) {
        why = "its public exponent is not below its modulus";
    }

    BN_free(n);
    BN_free(e);

    return why;
}


/*
 * Tells whether OpenSSL accepts the modulus as a product of two primes: it is
 * not a prime, not a power of a prime, and has no small factor.
 */

static int
alikassa_key_is_composite(EVP_PKEY *pkey)
{
    int            rc;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    rc = (ctx != NULL) ? EVP_PKEY_public_check(ctx) : 0;

    EVP_PKEY_CTX_free(ctx);

    return rc == 1;
}


static alikassa_rc_t
alikassa_key_digest_spki(alikassa_key_t *key)
{
    int             len;
    unsigned        i, n;
    unsigned char  *der, md[EVP_MAX_MD_SIZE];

    der = NULL;

    len = i2d_PUBKEY(key->pkey, &der);

    if (len <= 0
        || EVP_Digest(der, (size_t) len, md, &n, EVP_sha256(), NULL) != 1)
    {
        OPENSSL_free(der);
        ERR_clear_error();
        return ALIKASSA_ERROR;
    }

    OPENSSL_free(der);

    for (i = 0; i < n && i * 2 < ALIKASSA_FINGERPRINT_LEN; i++) {
        snprintf(&key->fingerprint[i * 2], 3, "%02x", md[i]);
    }

    return ALIKASSA_OK;
}


alikassa_rc_t
alikassa_key_match(const alikassa_key_t *key, const alikassa_str_t *pem,
    alikassa_errmsg_t *errmsg)
{
    int        rc;
    EVP_PKEY  *pub;

    pub = alikassa_key_decode_public(pem);
    if (pub == NULL) {
        ERR_clear_error();

        if (!alikassa_key_unsupported(NULL, errmsg)) {
            alikassa_key_errmsg(errmsg, "it is not a public key in PEM");
        }

        return ALIKASSA_DECLINED;
    }

    rc = EVP_PKEY_eq(key->pkey, pub);

    EVP_PKEY_free(pub);
    ERR_clear_error();

    if (rc != 1) {
        alikassa_key_errmsg(errmsg, "it is not the other half of the private "
                            "key");
        return ALIKASSA_DECLINED;
    }

    return ALIKASSA_OK;
}


/*
 * The callback has no passphrase: without a callback OpenSSL would ask on the
 * terminal if pem is an encrypted private key.
 */

EVP_PKEY *
alikassa_key_decode_public(const alikassa_str_t *pem)
{
    BIO                    *bio;
    X509                   *cert;
    EVP_PKEY               *pub;
    alikassa_passphrase_t   pass;

    if (pem->len == 0 || pem->len > INT32_MAX) {
        return NULL;
    }

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);
    if (bio == NULL) {
        return NULL;
    }

    memset(&pass, 0, sizeof(alikassa_passphrase_t));

    pub = PEM_read_bio_PUBKEY(bio, NULL, alikassa_key_passphrase, &pass);

    if (pub == NULL && BIO_reset(bio) == 1) {

        cert = PEM_read_bio_X509(bio, NULL, alikassa_key_passphrase, &pass);

        if (cert != NULL) {
            pub = X509_get_pubkey(cert);
            X509_free(cert);
        }
    }

    BIO_free(bio);

    /* the error of PEM_read_bio_PUBKEY() about a certificate does not count */

    if (pub != NULL) {
        ERR_clear_error();
    }

    return pub;
}


const char *
alikassa_key_fingerprint(const alikassa_key_t *key)
{
    return key->fingerprint;
}


void
alikassa_key_free(alikassa_key_t *key)
{
    if (key == NULL) {
        return;
    }

    /* OpenSSL wipes the private numbers */

    EVP_PKEY_free(key->pkey);
    free(key);
}
