
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Signing with the merchant's RSA key.
 */


#ifndef _ALIKASSA_SIGNER_H_INCLUDED_
#define _ALIKASSA_SIGNER_H_INCLUDED_


#include "alikassa_key.h"


typedef struct alikassa_signer_s  alikassa_signer_t;


/*
 * Creates a signer: RSASSA-PKCS1-v1_5 (RFC 8017) with the digest of that name
 * ("sha1", "sha256").  Signs and verifies a text once, because the policy of a
 * system may forbid the digest.  It keeps a copy of the key for each thread
 * that has signed at the same time as others, up to 64; the key itself must
 * outlive it.
 *
 * ALIKASSA_OK: *signer must be freed with alikassa_signer_free().
 * ALIKASSA_FORBIDDEN: this library refuses the digest; reason has its words.
 * ALIKASSA_ERROR: no memory, or a key that cannot be copied.
 */

alikassa_rc_t alikassa_signer_create(const alikassa_key_t *key,
    const char *digest, alikassa_signer_t **signer,
    alikassa_errmsg_t *errmsg);


/*
 * Returns the number of base64 characters of a signature, without a final NUL.
 */

size_t alikassa_signer_len(const alikassa_signer_t *signer);


/*
 * Signs text and writes the signature in base64, on one line, to sign, which
 * must have room for alikassa_signer_len() + 1 bytes; a NUL ends it.  Many
 * threads may call this for one signer at once.  The same text always gives
 * the same signature, which is PHP's base64_encode() of openssl_sign()'s.
 *
 * ALIKASSA_OK, or ALIKASSA_ERROR: the library failed; reason has its words
 * and its error queue is empty.
 */

alikassa_rc_t alikassa_signer_sign(alikassa_signer_t *signer,
    const alikassa_str_t *text, unsigned char *sign,
    alikassa_errmsg_t *errmsg);


/*
 * Frees the signer; NULL is allowed.  No thread may be signing with it.
 */

void alikassa_signer_free(alikassa_signer_t *signer);


#endif /* _ALIKASSA_SIGNER_H_INCLUDED_ */
