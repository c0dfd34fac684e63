
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The merchant's RSA key: loading and proving.
 */


#ifndef _ALIKASSA_KEY_H_INCLUDED_
#define _ALIKASSA_KEY_H_INCLUDED_


#include "alikassa.h"


/* AliKassa's archives hold 2048 bits; more than 16384 only wastes time */
#define ALIKASSA_KEY_MIN_BITS  2048
#define ALIKASSA_KEY_MAX_BITS  16384

/* a signature of the largest key, and its base64 with a final NUL */
#define ALIKASSA_SIGN_MAX  (ALIKASSA_KEY_MAX_BITS / 8)
#define ALIKASSA_SIGN_BASE64_MAX  ((ALIKASSA_SIGN_MAX + 2) / 3 * 4 + 1)

/* hex of SHA-256 over the public key's SubjectPublicKeyInfo */
#define ALIKASSA_FINGERPRINT_LEN  64


typedef struct alikassa_key_s  alikassa_key_t;


/*
 * Reads a private key in PEM, PKCS#8 or traditional, encrypted or not.  Each
 * of the passphrases is tried in turn, as it is, then without a byte order mark
 * before it, then without blanks and tabs behind it; none may be given.  The
 * caller owns pem and passphrases and wipes them.
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
 * Proves that the PEM public key (or certificate) is the other half of key.
 *
 * ALIKASSA_DECLINED: it is not, or it is no public key.
 */

alikassa_rc_t alikassa_key_match(const alikassa_key_t *key,
    const alikassa_str_t *pem, alikassa_errmsg_t *errmsg);


/*
 * Lower-case hex, terminated by NUL; lives as long as the key.
 */

const char *alikassa_key_fingerprint(const alikassa_key_t *key);


/*
 * Wipes and frees the key.  Signers made from it must be freed before.
 */

void alikassa_key_free(alikassa_key_t *key);


#endif /* _ALIKASSA_KEY_H_INCLUDED_ */
