
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Forbids signatures with SHA-1, by LD_PRELOAD.  Red Hat's OpenSSL does so with
 * "rh-allow-sha1-signatures = no"; Debian's OpenSSL does not have this option.
 */


#define _GNU_SOURCE

#include <dlfcn.h>

#include <openssl/err.h>
#include <openssl/evp.h>


int
EVP_PKEY_CTX_set_signature_md(EVP_PKEY_CTX *ctx, const EVP_MD *md)
{
    int  (*next)(EVP_PKEY_CTX *ctx, const EVP_MD *md);

    if (EVP_MD_is_a(md, "SHA1")) {
        ERR_raise(ERR_LIB_EVP, EVP_R_INVALID_DIGEST);
        return -1;
    }

    *(void **) &next = dlsym(RTLD_NEXT, "EVP_PKEY_CTX_set_signature_md");

    return next(ctx, md);
}
