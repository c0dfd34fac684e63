
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The merchant's RSA key: reading it and checking it.
 */


#ifndef _ALIKASSA_KEY_H_INCLUDED_
#define _ALIKASSA_KEY_H_INCLUDED_


#include "alikassa.h"


/* AliKassa's keys have 2048 bits; OpenSSL verifies at most 16384 */
#define ALIKASSA_KEY_MIN_BITS  2048
#define ALIKASSA_KEY_MAX_BITS  16384

/* a signature of the largest key, and its base64 with a final NUL */
#define ALIKASSA_SIGN_MAX  (ALIKASSA_KEY_MAX_BITS / 8)
#define ALIKASSA_SIGN_BASE64_MAX  ((ALIKASSA_SIGN_MAX + 2) / 3 * 4 + 1)

/* hex of SHA-256 over the public key's SubjectPublicKeyInfo */
#define ALIKASSA_FINGERPRINT_LEN  64


typedef struct alikassa_key_s  alikassa_key_t;


/*
 * Reads a private key in PEM, PKCS #8 or traditional, encrypted or not.  Tries
 * each of the passphrases in turn: as it is, without a byte-order mark before
 * it, and without spaces and tabs behind it; npassphrases may be 0.  pem and
 * the passphrases are not kept; the caller owns and wipes them.
 *
 * ALIKASSA_OK: *key must be freed with alikassa_key_free().
 * ALIKASSA_DECLINED: reason says what is wrong with the key: no PEM, not RSA,
 * too short, passphrase needed or wrong, encrypted with what OpenSSL, as it is
 * configured, does not decrypt.
 * ALIKASSA_ERROR: the library failed; reason has its words.
 */

alikassa_rc_t alikassa_key_create(const alikassa_str_t *pem,
    const alikassa_str_t *passphrases, size_t npassphrases,
    alikassa_key_t **key, alikassa_errmsg_t *errmsg);


/*
 * Checks that the public key or the certificate in PEM belongs to key.
 *
 * ALIKASSA_OK: it does.
 * ALIKASSA_DECLINED: it does not, or it is no public key; errmsg says which.
 */

alikassa_rc_t alikassa_key_match(const alikassa_key_t *key,
    const alikassa_str_t *pem, alikassa_errmsg_t *errmsg);


/*
 * Returns the SHA-256 of the public key in lower-case hex, which ends with a
 * NUL and lives as long as the key.
 */

const char *alikassa_key_fingerprint(const alikassa_key_t *key);


/*
 * Wipes and frees the key; NULL is allowed.  Signers that use the key must be
 * freed first.
 */

void alikassa_key_free(alikassa_key_t *key);


#endif /* _ALIKASSA_KEY_H_INCLUDED_ */
