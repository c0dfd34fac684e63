
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Signing with OpenSSL's EVP interface.
 */


#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "alikassa_key_internal.h"
#include "alikassa_signer.h"


/*
 * contexts that are kept for the next signatures: more threads rarely sign at
 * once.  Tests keep few contexts, so that some are freed
 */

#ifndef ALIKASSA_SIGNER_SPARE
#define ALIKASSA_SIGNER_SPARE  64
#endif


/* the context of one signature at a time */

typedef struct {
    EVP_MD_CTX                    *md;
    EVP_PKEY_CTX                  *pkey;
} alikassa_signer_ctx_t;


/*
 * A thread takes a kept context out of its slot, or creates another one, so
 * that no lock is needed.  Each context has its own copy of the key: OpenSSL
 * keeps the blinding factors with the key, under a lock of the key, and threads
 * that shared a key would wait for each other.
 */

struct alikassa_signer_s {
    EVP_MD                        *md;
    const alikassa_key_t          *key;
    size_t                         size;
    _Atomic(alikassa_signer_ctx_t *)  spare[ALIKASSA_SIGNER_SPARE];
};


static alikassa_rc_t alikassa_signer_prove(alikassa_signer_t *signer,
    const alikassa_key_t *key, alikassa_errmsg_t *errmsg);
static alikassa_rc_t alikassa_signer_raw(alikassa_signer_t *signer,
    const alikassa_str_t *text, unsigned char *sign, size_t *len);
static alikassa_rc_t alikassa_signer_ctx_create(
    const alikassa_signer_t *signer, alikassa_signer_ctx_t **ctx);
static alikassa_signer_ctx_t *alikassa_signer_get(alikassa_signer_t *signer);
static void alikassa_signer_put(alikassa_signer_t *signer,
    alikassa_signer_ctx_t *ctx);
static void alikassa_signer_drop(alikassa_signer_ctx_t *ctx);


alikassa_rc_t
alikassa_signer_create(const alikassa_key_t *key, const char *digest,
    alikassa_signer_t **signer, alikassa_errmsg_t *errmsg)
{
    alikassa_rc_t           rc;
    alikassa_signer_t      *s;
    alikassa_signer_ctx_t  *ctx;

    *signer = NULL;

    s = calloc(1, sizeof(alikassa_signer_t));
    if (s == NULL) {
        alikassa_key_errmsg(errmsg, "no memory");
        return ALIKASSA_ERROR;
    }

    ERR_clear_error();

    s->key = key;
    s->size = (size_t) EVP_PKEY_get_size(key->pkey);
    s->md = EVP_MD_fetch(NULL, digest, NULL);

    ctx = NULL;
    rc = ALIKASSA_FORBIDDEN;

    if (s->md != NULL) {
        rc = alikassa_signer_ctx_create(s, &ctx);
    }

    if (rc != ALIKASSA_OK) {
        alikassa_key_errmsg(errmsg, rc == ALIKASSA_FORBIDDEN
                                    ? "the library refuses the digest"
                                    : "cannot copy the key");
        alikassa_signer_free(s);
        return rc;
    }

    alikassa_signer_put(s, ctx);

    rc = alikassa_signer_prove(s, key, errmsg);

    if (rc != ALIKASSA_OK) {
        alikassa_signer_free(s);
        return rc;
    }

    *signer = s;

    return ALIKASSA_OK;
}


/*
 * Signs with the functions that payments use, and verifies with others.
 */

static alikassa_rc_t
alikassa_signer_prove(alikassa_signer_t *signer,
    const alikassa_key_t *key, alikassa_errmsg_t *errmsg)
{
    int                   rc;
    size_t                len;
    EVP_MD_CTX           *ctx;
    unsigned char         sign[ALIKASSA_SIGN_MAX];

    const alikassa_str_t  text = alikassa_string("{\"amount\":0.01}");

    if (alikassa_signer_raw(signer, &text, sign, &len) != ALIKASSA_OK) {
        alikassa_key_errmsg(errmsg, "a trial signature failed");
        return ALIKASSA_FORBIDDEN;
    }

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        alikassa_key_errmsg(errmsg, "no memory");
        return ALIKASSA_ERROR;
    }

    rc = EVP_DigestVerifyInit(ctx, NULL, signer->md, NULL, key->pkey);

    if (rc == 1) {
        rc = EVP_DigestVerify(ctx, sign, len, text.data, text.len);
    }

    EVP_MD_CTX_free(ctx);

    if (rc != 1) {
        alikassa_key_errmsg(errmsg, "a trial signature does not verify");
        return ALIKASSA_FORBIDDEN;
    }

    return ALIKASSA_OK;
}


size_t
alikassa_signer_len(const alikassa_signer_t *signer)
{
    return (signer->size + 2) / 3 * 4;
}


alikassa_rc_t
alikassa_signer_sign(alikassa_signer_t *signer,
    const alikassa_str_t *text, unsigned char *sign,
    alikassa_errmsg_t *errmsg)
{
    size_t         len;
    unsigned char  raw[ALIKASSA_SIGN_MAX];

    if (alikassa_signer_raw(signer, text, raw, &len) != ALIKASSA_OK) {
        alikassa_key_errmsg(errmsg, "signing failed");
        return ALIKASSA_ERROR;
    }

    (void) EVP_EncodeBlock(sign, raw, (int) len);

    return ALIKASSA_OK;
}


static alikassa_rc_t
alikassa_signer_raw(alikassa_signer_t *signer, const alikassa_str_t *text,
    unsigned char *sign, size_t *len)
{
    unsigned                n;
    unsigned char           md[EVP_MAX_MD_SIZE];
    alikassa_signer_ctx_t  *ctx;

    ctx = alikassa_signer_get(signer);
    if (ctx == NULL) {
        return ALIKASSA_ERROR;
    }

    *len = signer->size;

    if (EVP_DigestInit_ex2(ctx->md, signer->md, NULL) != 1
        || EVP_DigestUpdate(ctx->md, text->data, text->len) != 1
        || EVP_DigestFinal_ex(ctx->md, md, &n) != 1
        || EVP_PKEY_sign(ctx->pkey, sign, len, md, n) != 1)
    {
        /* a context that failed is not used again */

        alikassa_signer_drop(ctx);
        return ALIKASSA_ERROR;
    }

    alikassa_signer_put(signer, ctx);

    return ALIKASSA_OK;
}


/*
 * Creates a context.  ALIKASSA_FORBIDDEN: the library refuses to sign with this
 * key and digest; ALIKASSA_ERROR: no memory, or the key cannot be copied.
 */

static alikassa_rc_t
alikassa_signer_ctx_create(const alikassa_signer_t *signer,
    alikassa_signer_ctx_t **ctx)
{
    EVP_PKEY               *pkey;
    alikassa_signer_ctx_t  *c;

    c = calloc(1, sizeof(alikassa_signer_ctx_t));
    if (c == NULL) {
        return ALIKASSA_ERROR;
    }

    pkey = EVP_PKEY_dup(signer->key->pkey);

    if (pkey != NULL) {
        c->md = EVP_MD_CTX_new();
        c->pkey = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

        /* the context has a reference to the key */

        EVP_PKEY_free(pkey);
    }

    if (c->md == NULL || c->pkey == NULL) {
        alikassa_signer_drop(c);
        return ALIKASSA_ERROR;
    }

    if (EVP_PKEY_sign_init(c->pkey) != 1
        || EVP_PKEY_CTX_set_rsa_padding(c->pkey, RSA_PKCS1_PADDING) != 1
        || EVP_PKEY_CTX_set_signature_md(c->pkey, signer->md) != 1)
    {
        alikassa_signer_drop(c);
        return ALIKASSA_FORBIDDEN;
    }

    *ctx = c;

    return ALIKASSA_OK;
}


static alikassa_signer_ctx_t *
alikassa_signer_get(alikassa_signer_t *signer)
{
    size_t                  i;
    alikassa_signer_ctx_t  *ctx;

    for (i = 0; i < ALIKASSA_SIGNER_SPARE; i++) {

        if (atomic_load(&signer->spare[i]) == NULL) {
            continue;
        }

        ctx = atomic_exchange(&signer->spare[i], NULL);

        if (ctx != NULL) {
            return ctx;
        }
    }

    return alikassa_signer_ctx_create(signer, &ctx) == ALIKASSA_OK ? ctx : NULL;
}


static void
alikassa_signer_put(alikassa_signer_t *signer, alikassa_signer_ctx_t *ctx)
{
    size_t                  i;
    alikassa_signer_ctx_t  *none;

    for (i = 0; i < ALIKASSA_SIGNER_SPARE; i++) {

        none = NULL;

        if (atomic_compare_exchange_strong(&signer->spare[i], &none, ctx)) {
            return;
        }
    }

    alikassa_signer_drop(ctx);
}


static void
alikassa_signer_drop(alikassa_signer_ctx_t *ctx)
{
    EVP_PKEY_CTX_free(ctx->pkey);
    EVP_MD_CTX_free(ctx->md);
    free(ctx);
}


void
alikassa_signer_free(alikassa_signer_t *signer)
{
    size_t                  i;
    alikassa_signer_ctx_t  *ctx;

    if (signer == NULL) {
        return;
    }

    for (i = 0; i < ALIKASSA_SIGNER_SPARE; i++) {

        ctx = atomic_load(&signer->spare[i]);

        if (ctx != NULL) {
            alikassa_signer_drop(ctx);
        }
    }

    EVP_MD_free(signer->md);
    free(signer);
}
