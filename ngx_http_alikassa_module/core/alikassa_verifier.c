
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * AliKassa's public RSA key with OpenSSL's EVP interface.
 */


#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "alikassa_key_internal.h"
#include "alikassa_verifier.h"


/* ctx is ready to verify; each verification uses a duplicate */

struct alikassa_verifier_s {
    EVP_MD              *md;
    EVP_PKEY_CTX        *ctx;
    size_t               size;
};


static alikassa_rc_t alikassa_verifier_init(alikassa_verifier_t *verifier,
    EVP_PKEY *pkey, const char *digest);


alikassa_rc_t
alikassa_verifier_create(const alikassa_str_t *pem, const char *digest,
    alikassa_verifier_t **verifier, alikassa_errmsg_t *errmsg)
{
    EVP_PKEY             *pkey;
    alikassa_rc_t         rc;
    alikassa_verifier_t  *v;

    *verifier = NULL;

    ERR_clear_error();

    /* without RSA the key is not to blame */

    if (alikassa_key_unsupported(NULL, errmsg)) {
        return ALIKASSA_ERROR;
    }

    pkey = alikassa_key_decode_public(pem);
    if (pkey == NULL) {
        ERR_clear_error();
        alikassa_key_errmsg(errmsg, "it is not a public key in PEM");
        return ALIKASSA_DECLINED;
    }

    rc = alikassa_key_check(pkey, errmsg);

    if (rc != ALIKASSA_OK) {
        EVP_PKEY_free(pkey);
        return rc;
    }

    v = calloc(1, sizeof(alikassa_verifier_t));
    if (v == NULL) {
        EVP_PKEY_free(pkey);
        alikassa_key_errmsg(errmsg, "no memory");
        return ALIKASSA_ERROR;
    }

    rc = alikassa_verifier_init(v, pkey, digest);

    EVP_PKEY_free(pkey);

    if (rc != ALIKASSA_OK) {
        alikassa_key_errmsg(errmsg, rc == ALIKASSA_FORBIDDEN
                                    ? "the library refuses the digest"
                                    : "cannot prepare the key");
        alikassa_verifier_free(v);
        return rc;
    }

    *verifier = v;

    return ALIKASSA_OK;
}


/*
 * Prepares the context.  ALIKASSA_FORBIDDEN: OpenSSL refuses the digest when it
 * is set; a trial signature would need the private key.
 */

static alikassa_rc_t
alikassa_verifier_init(alikassa_verifier_t *verifier, EVP_PKEY *pkey,
    const char *digest)
{
    verifier->size = (size_t) EVP_PKEY_get_size(pkey);
    verifier->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    if (verifier->ctx == NULL
        || verifier->size > ALIKASSA_SIGN_MAX
        || EVP_PKEY_verify_init(verifier->ctx) != 1
        || EVP_PKEY_CTX_set_rsa_padding(verifier->ctx, RSA_PKCS1_PADDING) != 1)
    {
        return ALIKASSA_ERROR;
    }

    verifier->md = EVP_MD_fetch(NULL, digest, NULL);

    if (verifier->md == NULL
        || EVP_PKEY_CTX_set_signature_md(verifier->ctx, verifier->md) != 1)
    {
        return ALIKASSA_FORBIDDEN;
    }

    return ALIKASSA_OK;
}


size_t
alikassa_verifier_size(const alikassa_verifier_t *verifier)
{
    return verifier->size;
}


alikassa_rc_t
alikassa_verifier_verify(const alikassa_verifier_t *verifier,
    const alikassa_str_t *text, const unsigned char *sign, size_t len)
{
    int             rc;
    unsigned        n;
    EVP_PKEY_CTX   *ctx;
    unsigned char   md[EVP_MAX_MD_SIZE];

    if (len != verifier->size) {
        return ALIKASSA_DECLINED;
    }

    if (EVP_Digest(text->data, text->len, md, &n, verifier->md, NULL) != 1) {
        ERR_clear_error();
        return ALIKASSA_ERROR;
    }

    ctx = EVP_PKEY_CTX_dup(verifier->ctx);
    if (ctx == NULL) {
        ERR_clear_error();
        return ALIKASSA_ERROR;
    }

    rc = EVP_PKEY_verify(ctx, sign, len, md, n);

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();

    return (rc == 1) ? ALIKASSA_OK : ALIKASSA_DECLINED;
}


void
alikassa_verifier_free(alikassa_verifier_t *verifier)
{
    if (verifier == NULL) {
        return;
    }

    EVP_PKEY_CTX_free(verifier->ctx);
    EVP_MD_free(verifier->md);
    free(verifier);
}
