
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * AliKassa's public RSA key: verifying signatures.
 */


#ifndef _ALIKASSA_VERIFIER_H_INCLUDED_
#define _ALIKASSA_VERIFIER_H_INCLUDED_


#include "alikassa.h"
#include "alikassa_key.h"


typedef struct alikassa_verifier_s  alikassa_verifier_t;


/*
 * Reads a public key or a certificate in PEM, for RSASSA-PKCS1-v1_5 with the
 * digest of that name ("sha1", "sha256").  The caller owns pem.
 *
 * ALIKASSA_OK: *verifier must be freed with alikassa_verifier_free().
 * ALIKASSA_DECLINED: reason says what is wrong with the key: no public key in
 * PEM, not RSA, too short or too long, a modulus or an exponent that no RSA
 * key has.
 * ALIKASSA_FORBIDDEN: the key is good, and the library refuses the digest;
 * reason has its words.
 * ALIKASSA_ERROR: no memory, or the library has no RSA; reason says which.
 *
 * OpenSSL's error queue is left empty.
 */

alikassa_rc_t alikassa_verifier_create(const alikassa_str_t *pem,
    const char *digest, alikassa_verifier_t **verifier,
    alikassa_errmsg_t *errmsg);


/*
 * Returns the number of bytes of a signature.
 */

size_t alikassa_verifier_size(const alikassa_verifier_t *verifier);


/*
 * Verifies that sign, of len bytes, is the key's signature of text.  Leaves
 * OpenSSL's error queue empty.
 *
 * ALIKASSA_OK: the signature is valid.
 * ALIKASSA_DECLINED: it is not.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_verifier_verify(const alikassa_verifier_t *verifier,
    const alikassa_str_t *text, const unsigned char *sign, size_t len);


/*
 * Frees the verifier; NULL is allowed.
 */

void alikassa_verifier_free(alikassa_verifier_t *verifier);


#endif /* _ALIKASSA_VERIFIER_H_INCLUDED_ */
