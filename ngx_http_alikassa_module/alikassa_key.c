
/*
 * The merchant's RSA key, over OpenSSL's EVP interface.
 */


#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "alikassa_key_internal.h"


struct alikassa_key_s {
    EVP_PKEY            *pkey;
    char                 fingerprint[ALIKASSA_FINGERPRINT_LEN + 1];
};


/*
 * ctx is ready to sign: key, padding and digest are set.  It is only ever
 * duplicated, which is half as dear as setting up a new one and, unlike
 * sharing one, needs no lock.
 */

struct alikassa_signer_s {
    EVP_MD              *md;
    EVP_PKEY_CTX        *ctx;
    size_t               size;
};


typedef struct {
    const alikassa_str_t  *passphrase;
    unsigned               asked:1;
} alikassa_passphrase_t;


static alikassa_rc_t alikassa_key_decode(const alikassa_str_t *pem,
    alikassa_passphrase_t *pass, EVP_PKEY **pkey);
static int alikassa_key_passphrase(char *buf, int size, int rwflag,
    void *data);
static alikassa_rc_t alikassa_key_digest_spki(alikassa_key_t *key);
static alikassa_rc_t alikassa_signer_prove(const alikassa_signer_t *signer,
    const alikassa_key_t *key, alikassa_reason_t *reason);
static alikassa_rc_t alikassa_signer_raw(const alikassa_signer_t *signer,
    const alikassa_str_t *text, unsigned char *sign, size_t *len);


alikassa_rc_t
alikassa_key_create(const alikassa_str_t *pem,
    const alikassa_str_t *passphrases, size_t npassphrases,
    alikassa_key_t **key, alikassa_reason_t *reason)
{
    size_t                  i;
    EVP_PKEY               *pkey;
    alikassa_rc_t           rc;
    alikassa_key_t         *k;
    alikassa_passphrase_t   pass;

    *key = NULL;
    pkey = NULL;

    if (pem->len == 0) {
        alikassa_key_reason(reason, "the file is empty");
        return ALIKASSA_DECLINED;
    }

    ERR_clear_error();

    memset(&pass, 0, sizeof(alikassa_passphrase_t));

    rc = alikassa_key_decode(pem, &pass, &pkey);

    for (i = 0; rc == ALIKASSA_DECLINED && pass.asked && i < npassphrases; i++)
    {
        ERR_clear_error();

        pass.passphrase = &passphrases[i];
        rc = alikassa_key_decode(pem, &pass, &pkey);
    }

    if (rc == ALIKASSA_ERROR) {
        alikassa_key_reason(reason, "cannot read it");
        return rc;
    }

    if (rc == ALIKASSA_DECLINED) {

        if (!pass.asked) {
            alikassa_key_reason(reason, "it is not a private key in PEM");

        } else if (npassphrases == 0) {
            alikassa_key_reason(reason, "it is encrypted and there is no "
                                "passphrase, name its file with \"password=\"");

        } else {
            alikassa_key_reason(reason, "no passphrase given opens it");
        }

        ERR_clear_error();
        return rc;
    }

    rc = alikassa_key_check(pkey, reason);

    if (rc != ALIKASSA_OK) {
        EVP_PKEY_free(pkey);
        return rc;
    }

    k = calloc(1, sizeof(alikassa_key_t));
    if (k == NULL) {
        EVP_PKEY_free(pkey);
        alikassa_key_reason(reason, "no memory");
        return ALIKASSA_ERROR;
    }

    k->pkey = pkey;

    if (alikassa_key_digest_spki(k) != ALIKASSA_OK) {
        alikassa_key_reason(reason, "cannot digest its public half");
        alikassa_key_free(k);
        return ALIKASSA_ERROR;
    }

    *key = k;

    return ALIKASSA_OK;
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
 * OpenSSL asks only if the key is encrypted.  Without this function it would
 * ask on the terminal.
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
alikassa_key_check(EVP_PKEY *pkey, alikassa_reason_t *reason)
{
    int  bits;

    /* RSASSA-PSS keys are of another type and cannot make PKCS #1 v1.5 */

    if (!EVP_PKEY_is_a(pkey, "RSA")) {
        alikassa_key_reason(reason, "it is not an RSA key");
        return ALIKASSA_DECLINED;
    }

    bits = EVP_PKEY_get_bits(pkey);

    if (bits < ALIKASSA_KEY_MIN_BITS || bits > ALIKASSA_KEY_MAX_BITS) {
        snprintf(reason->text, ALIKASSA_REASON_LEN,
                 "it has %d bits, from %d to %d are allowed",
                 bits, ALIKASSA_KEY_MIN_BITS, ALIKASSA_KEY_MAX_BITS);
        return ALIKASSA_DECLINED;
    }

    return ALIKASSA_OK;
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
    alikassa_reason_t *reason)
{
    int        rc;
    EVP_PKEY  *pub;

    pub = alikassa_key_decode_public(pem);
    if (pub == NULL) {
        alikassa_key_reason(reason, "it is not a public key in PEM");
        ERR_clear_error();
        return ALIKASSA_DECLINED;
    }

    rc = EVP_PKEY_eq(key->pkey, pub);

    EVP_PKEY_free(pub);
    ERR_clear_error();

    if (rc != 1) {
        alikassa_key_reason(reason, "it is not the other half of the private "
                            "key");
        return ALIKASSA_DECLINED;
    }

    return ALIKASSA_OK;
}


/*
 * With a function that has no passphrase OpenSSL does not ask on the terminal
 * where it is given a private key.
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


alikassa_rc_t
alikassa_signer_create(const alikassa_key_t *key, const char *digest,
    alikassa_signer_t **signer, alikassa_reason_t *reason)
{
    alikassa_rc_t       rc;
    alikassa_signer_t  *s;

    *signer = NULL;

    s = calloc(1, sizeof(alikassa_signer_t));
    if (s == NULL) {
        alikassa_key_reason(reason, "no memory");
        return ALIKASSA_ERROR;
    }

    ERR_clear_error();

    s->size = (size_t) EVP_PKEY_get_size(key->pkey);
    s->md = EVP_MD_fetch(NULL, digest, NULL);
    s->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);

    if (s->md == NULL
        || s->ctx == NULL
        || s->size > ALIKASSA_SIGN_MAX
        || EVP_PKEY_sign_init(s->ctx) != 1
        || EVP_PKEY_CTX_set_rsa_padding(s->ctx, RSA_PKCS1_PADDING) != 1
        || EVP_PKEY_CTX_set_signature_md(s->ctx, s->md) != 1)
    {
        alikassa_key_reason(reason, "the library refuses the digest");
        alikassa_signer_free(s);
        return ALIKASSA_DECLINED;
    }

    rc = alikassa_signer_prove(s, key, reason);

    if (rc != ALIKASSA_OK) {
        alikassa_signer_free(s);
        return rc;
    }

    *signer = s;

    return ALIKASSA_OK;
}


/*
 * Signs through the path that payments take, verifies through another one.
 */

static alikassa_rc_t
alikassa_signer_prove(const alikassa_signer_t *signer,
    const alikassa_key_t *key, alikassa_reason_t *reason)
{
    int                   rc;
    size_t                len;
    EVP_MD_CTX           *ctx;
    unsigned char         sign[ALIKASSA_SIGN_MAX];

    const alikassa_str_t  text = alikassa_string("{\"amount\":0.01}");

    if (alikassa_signer_raw(signer, &text, sign, &len) != ALIKASSA_OK) {
        alikassa_key_reason(reason, "a trial signature failed");
        return ALIKASSA_DECLINED;
    }

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        alikassa_key_reason(reason, "no memory");
        return ALIKASSA_ERROR;
    }

    rc = EVP_DigestVerifyInit(ctx, NULL, signer->md, NULL, key->pkey);

    if (rc == 1) {
        rc = EVP_DigestVerify(ctx, sign, len, text.data, text.len);
    }

    EVP_MD_CTX_free(ctx);

    if (rc != 1) {
        alikassa_key_reason(reason, "a trial signature does not verify");
        return ALIKASSA_DECLINED;
    }

    return ALIKASSA_OK;
}


size_t
alikassa_signer_len(const alikassa_signer_t *signer)
{
    return (signer->size + 2) / 3 * 4;
}


alikassa_rc_t
alikassa_signer_sign(const alikassa_signer_t *signer,
    const alikassa_str_t *text, unsigned char *sign,
    alikassa_reason_t *reason)
{
    size_t         len;
    unsigned char  raw[ALIKASSA_SIGN_MAX];

    if (alikassa_signer_raw(signer, text, raw, &len) != ALIKASSA_OK) {
        alikassa_key_reason(reason, "signing failed");
        return ALIKASSA_ERROR;
    }

    (void) EVP_EncodeBlock(sign, raw, (int) len);

    return ALIKASSA_OK;
}


static alikassa_rc_t
alikassa_signer_raw(const alikassa_signer_t *signer,
    const alikassa_str_t *text, unsigned char *sign, size_t *len)
{
    unsigned        n;
    EVP_PKEY_CTX   *ctx;
    alikassa_rc_t   rc;
    unsigned char   md[EVP_MAX_MD_SIZE];

    if (EVP_Digest(text->data, text->len, md, &n, signer->md, NULL) != 1) {
        return ALIKASSA_ERROR;
    }

    ctx = EVP_PKEY_CTX_dup(signer->ctx);
    if (ctx == NULL) {
        return ALIKASSA_ERROR;
    }

    *len = signer->size;

    rc = (EVP_PKEY_sign(ctx, sign, len, md, n) == 1) ? ALIKASSA_OK
                                                     : ALIKASSA_ERROR;

    EVP_PKEY_CTX_free(ctx);

    return rc;
}


void
alikassa_signer_free(alikassa_signer_t *signer)
{
    if (signer == NULL) {
        return;
    }

    EVP_PKEY_CTX_free(signer->ctx);
    EVP_MD_free(signer->md);
    free(signer);
}


/*
 * The library's last error is added where there is one.  The queue is left
 * empty: nginx reports leftovers at its next TLS call.
 */

void
alikassa_key_reason(alikassa_reason_t *reason, const char *what)
{
    const char     *data;
    unsigned long   err;

    err = ERR_peek_last_error_all(NULL, NULL, NULL, &data, NULL);
    (void) data;

    if (err == 0 || ERR_reason_error_string(err) == NULL) {
        snprintf(reason->text, ALIKASSA_REASON_LEN, "%s", what);

    } else {
        snprintf(reason->text, ALIKASSA_REASON_LEN, "%s (SSL: %s)", what,
                 ERR_reason_error_string(err));
    }

    ERR_clear_error();
}
