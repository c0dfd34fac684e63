
/*
 * The merchant's RSA key: loading, proving and signing.
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
typedef struct alikassa_signer_s  alikassa_signer_t;


/*
 * Reads a private key in PEM, PKCS#8 or traditional, encrypted or not.  Each
 * of the passphrases is tried in turn; none may be given.  The caller owns
 * pem and passphrases and wipes them.
 *
 * ALIKASSA_OK: *key must be freed with alikassa_key_free().
 * ALIKASSA_DECLINED: reason says what is wrong with the key: no PEM, not RSA,
 * too short, passphrase needed or wrong.
 * ALIKASSA_ERROR: the library failed; reason has its words.
 */

alikassa_rc_t alikassa_key_create(const alikassa_str_t *pem,
    const alikassa_str_t *passphrases, size_t npassphrases,
    alikassa_key_t **key, alikassa_reason_t *reason);


/*
 * Proves that the PEM public key (or certificate) is the other half of key.
 *
 * ALIKASSA_DECLINED: it is not, or it is no public key.
 */

alikassa_rc_t alikassa_key_match(const alikassa_key_t *key,
    const alikassa_str_t *pem, alikassa_reason_t *reason);


/*
 * Lower-case hex, terminated by NUL; lives as long as the key.
 */

const char *alikassa_key_fingerprint(const alikassa_key_t *key);


/*
 * Wipes and frees the key.  Signers made from it must be freed before.
 */

void alikassa_key_free(alikassa_key_t *key);


/*
 * Makes a signer: RSASSA-PKCS1-v1_5 with the digest of that name ("sha1",
 * "sha256"), and proves it by signing and verifying once, since a system's
 * policy may forbid the digest.
 *
 * ALIKASSA_OK: *signer must be freed with alikassa_signer_free().
 * ALIKASSA_DECLINED: this library refuses the digest; reason has its words.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_signer_create(const alikassa_key_t *key,
    const char *digest, alikassa_signer_t **signer,
    alikassa_reason_t *reason);


/*
 * The number of base64 characters of a signature, without a final NUL.
 */

size_t alikassa_signer_len(const alikassa_signer_t *signer);


/*
 * Signs text and writes the signature's base64, one line, to sign, which
 * must have room for alikassa_signer_len() + 1 bytes; a NUL ends it.  Safe to
 * be called for one signer from many threads at once.  The result is the
 * same for the same text, and the same as PHP's base64_encode() of
 * openssl_sign()'s.
 *
 * ALIKASSA_OK, or ALIKASSA_ERROR: the library failed; reason has its words
 * and its error queue is empty.
 */

alikassa_rc_t alikassa_signer_sign(const alikassa_signer_t *signer,
    const alikassa_str_t *text, unsigned char *sign,
    alikassa_reason_t *reason);


void alikassa_signer_free(alikassa_signer_t *signer);


#endif /* _ALIKASSA_KEY_H_INCLUDED_ */
