
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * What alikassa_key*.c, alikassa_signer.c and alikassa_verifier.c share.
 */


#ifndef _ALIKASSA_KEY_INTERNAL_H_INCLUDED_
#define _ALIKASSA_KEY_INTERNAL_H_INCLUDED_


#include <openssl/evp.h>

#include "alikassa_key.h"


struct alikassa_key_s {
    EVP_PKEY            *pkey;
    char                 fingerprint[ALIKASSA_FINGERPRINT_LEN + 1];
};


/*
 * Reads a public key in PEM, or the public key of a certificate, and empties
 * OpenSSL's error queue.  The caller frees the key.  Returns NULL if pem is
 * neither; then the queue says why.
 */

EVP_PKEY *alikassa_key_decode_public(const alikassa_str_t *pem);


/*
 * Returns whether OpenSSL, as it is configured in this process, cannot read
 * the key whatever the passphrase is: it has no RSA, or not the cipher or the
 * digest that the key is encrypted with.  Then the reason says which it is and
 * what helps.  With pem NULL only RSA is looked for, as for a public key.
 * Empties the error queue.
 */

int alikassa_key_unsupported(const alikassa_str_t *pem,
    alikassa_errmsg_t *errmsg);


/*
 * Requires an RSA key of a size between ALIKASSA_KEY_MIN_BITS and
 * ALIKASSA_KEY_MAX_BITS, with an odd modulus that is no prime and an odd
 * public exponent of at least 3.  ALIKASSA_DECLINED sets the reason.
 */

alikassa_rc_t alikassa_key_check(EVP_PKEY *pkey, alikassa_errmsg_t *errmsg);


/*
 * Sets the reason to what, with the library's last error where there is one,
 * and empties the error queue.
 */

void alikassa_key_errmsg(alikassa_errmsg_t *errmsg, const char *what);


#endif /* _ALIKASSA_KEY_INTERNAL_H_INCLUDED_ */
