
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Why OpenSSL cannot read a key: which algorithms the key is encrypted with,
 * and whether OpenSSL offers them as it is configured in this process.
 *
 * Since OpenSSL 3 a provider offers the algorithms.  Old ciphers are in the
 * legacy provider, which few systems load, and a policy (FIPS) removes others.
 * OpenSSL then fails as it does with a wrong passphrase.  The core loads no
 * provider, since it would be loaded for the whole process.
 */


#include <stdio.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "alikassa_key_internal.h"


/* bytes of a name of a cipher in an error message */
#define ALIKASSA_KEY_NAME_LEN  32


/* the algorithms of a key, by their names in OpenSSL; NULL: not known */

typedef struct {
    const char  *cipher;
    const char  *digest;

    /* of a key derivation, if it is one that may be missing */
    const char  *kdf;

    /* what an operator may look for */
    char         name[ALIKASSA_KEY_NAME_LEN];
} alikassa_key_cipher_t;


static int alikassa_key_cipher_find(const alikassa_str_t *pem,
    alikassa_key_cipher_t *c);
static int alikassa_key_cipher_traditional(const char *header,
    alikassa_key_cipher_t *c);
static int alikassa_key_cipher_pkcs8(const unsigned char *der, long len,
    alikassa_key_cipher_t *c);
static void alikassa_key_cipher_pbes2(const X509_ALGOR *alg,
    alikassa_key_cipher_t *c);
static int alikassa_key_cipher_offered(const alikassa_key_cipher_t *c);
static int alikassa_key_cipher_legacy(const alikassa_key_cipher_t *c);


/* how the names of the ciphers of the legacy provider begin */

static const char  *const alikassa_key_legacy[] = {
    "DES-CBC", "DES-CFB", "DES-ECB", "DES-OFB", "DESX-CBC", "RC2-", "RC4",
    "RC5-", "BF-", "CAST5-", "IDEA-", "SEED-", NULL
};


int
alikassa_key_unsupported(const alikassa_str_t *pem, alikassa_errmsg_t *errmsg)
{
    int                    found;
    EVP_KEYMGMT           *rsa;
    alikassa_key_cipher_t  c;

    rsa = EVP_KEYMGMT_fetch(NULL, "RSA", NULL);

    if (rsa == NULL) {
        ERR_clear_error();
        alikassa_key_errmsg(errmsg, "the configuration of OpenSSL (openssl.cnf "
                            "or OPENSSL_CONF) allows no provider with RSA: "
                            "mend its \"default_properties\" and providers");
        return 1;
    }

    EVP_KEYMGMT_free(rsa);

    memset(&c, 0, sizeof(alikassa_key_cipher_t));

    found = pem != NULL
            && alikassa_key_cipher_find(pem, &c)
            && !alikassa_key_cipher_offered(&c);

    ERR_clear_error();

    if (!found) {
        return 0;
    }

    if (alikassa_key_cipher_legacy(&c)) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                 "it is encrypted with %s, which OpenSSL 3 has only in its "
                 "legacy provider, encrypt it anew: \"openssl pkey -provider "
                 "legacy -provider default -in private.pem -aes256 -out "
                 "new.pem\"", c.name);

    } else {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                 "it is encrypted with %s, which OpenSSL or its policy (FIPS) "
                 "does not allow here, encrypt it anew where it is allowed: "
                 "\"openssl pkey -in private.pem -aes256 -out new.pem\"",
                 c.name);
    }

    return 1;
}


/*
 * Finds the first encrypted private key and the algorithms of its encryption.
 */

static int
alikassa_key_cipher_find(const alikassa_str_t *pem, alikassa_key_cipher_t *c)
{
    int             found;
    BIO            *bio;
    char           *name, *header;
    long            len;
    unsigned char  *data;

    if (pem->len == 0 || pem->len > INT32_MAX) {
        return 0;
    }

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);
    if (bio == NULL) {
        return 0;
    }

    found = 0;

    while (!found && PEM_read_bio(bio, &name, &header, &data, &len) == 1) {

        if (strcmp(name, PEM_STRING_PKCS8) == 0) {
            found = alikassa_key_cipher_pkcs8(data, len, c);

        } else if (strstr(name, "PRIVATE KEY") != NULL) {
            found = alikassa_key_cipher_traditional(header, c);
        }

        /* keys that are not encrypted have this label, too */

        OPENSSL_clear_free(data, (size_t) len);
        OPENSSL_free(header);
        OPENSSL_free(name);
    }

    BIO_free(bio);

    return found;
}


/*
 * OpenSSL derives such a key with MD5.
 */

static int
alikassa_key_cipher_traditional(const char *header, alikassa_key_cipher_t *c)
{
    size_t       i;
    const char  *p;

    p = strstr(header, "DEK-Info: ");
    if (p == NULL) {
        return 0;
    }

    p += sizeof("DEK-Info: ") - 1;

    for (i = 0; i < ALIKASSA_KEY_NAME_LEN - 1; i++) {

        if (!((p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z')
              || (p[i] >= '0' && p[i] <= '9') || p[i] == '-'))
        {
            break;
        }

        c->name[i] = p[i];
    }

    c->name[i] = '\0';

    c->cipher = c->name;
    c->digest = "MD5";

    return i > 0;
}


static int
alikassa_key_cipher_pkcs8(const unsigned char *der, long len,
    alikassa_key_cipher_t *c)
{
    int                nid, cipher, digest;
    X509_SIG          *sig;
    const X509_ALGOR  *alg;
    const ASN1_OBJECT *oid;

    sig = d2i_X509_SIG(NULL, &der, len);
    if (sig == NULL) {
        return 0;
    }

    X509_SIG_get0(sig, &alg, NULL);
    X509_ALGOR_get0(&oid, NULL, NULL, alg);

    nid = OBJ_obj2nid(oid);

    if (nid == NID_pbes2) {
        alikassa_key_cipher_pbes2(alg, c);

    } else if (EVP_PBE_find(EVP_PBE_TYPE_OUTER, nid, &cipher, &digest, NULL)
               == 1)
    {
        snprintf(c->name, ALIKASSA_KEY_NAME_LEN, "%s", OBJ_nid2sn(nid));

        c->cipher = (cipher != -1) ? OBJ_nid2sn(cipher) : NULL;
        c->digest = (digest != -1) ? OBJ_nid2sn(digest) : NULL;
    }

    X509_SIG_free(sig);

    return c->name[0] != '\0';
}


static void
alikassa_key_cipher_pbes2(const X509_ALGOR *alg, alikassa_key_cipher_t *c)
{
    int                 nid, type, digest;
    const void         *value;
    PBE2PARAM          *pbe2;
    PBKDF2PARAM        *kdf;
    const ASN1_OBJECT  *oid;

    X509_ALGOR_get0(NULL, &type, &value, alg);

    if (type != V_ASN1_SEQUENCE) {
        return;
    }

    pbe2 = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBE2PARAM));
    if (pbe2 == NULL) {
        return;
    }

    X509_ALGOR_get0(&oid, NULL, NULL, pbe2->encryption);
    nid = OBJ_obj2nid(oid);

    if (nid == NID_undef) {
        (void) OBJ_obj2txt(c->name, ALIKASSA_KEY_NAME_LEN, oid, 1);

    } else {
        snprintf(c->name, ALIKASSA_KEY_NAME_LEN, "%s", OBJ_nid2sn(nid));
    }

    c->cipher = c->name;

    X509_ALGOR_get0(&oid, &type, &value, pbe2->keyfunc);
    nid = OBJ_obj2nid(oid);

    if (nid == NID_id_pbkdf2 && type == V_ASN1_SEQUENCE) {
        kdf = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBKDF2PARAM));

        if (kdf != NULL) {
            digest = NID_sha1;

            if (kdf->prf != NULL) {
                X509_ALGOR_get0(&oid, NULL, NULL, kdf->prf);

                if (EVP_PBE_find(EVP_PBE_TYPE_PRF, OBJ_obj2nid(oid), NULL,
                                 &digest, NULL)
                    != 1)
                {
                    digest = NID_undef;
                }
            }

            c->kdf = "PBKDF2";
            c->digest = (digest != NID_undef) ? OBJ_nid2sn(digest) : NULL;

            PBKDF2PARAM_free(kdf);
        }

    } else if (nid == NID_id_scrypt) {
        c->kdf = "SCRYPT";
    }

    PBE2PARAM_free(pbe2);
}


static int
alikassa_key_cipher_offered(const alikassa_key_cipher_t *c)
{
    int          offered;
    EVP_MD      *md;
    EVP_KDF     *kdf;
    EVP_CIPHER  *cipher;

    offered = 1;

    if (c->cipher != NULL) {
        cipher = EVP_CIPHER_fetch(NULL, c->cipher, NULL);
        offered = offered && cipher != NULL;
        EVP_CIPHER_free(cipher);
    }

    if (c->digest != NULL) {
        md = EVP_MD_fetch(NULL, c->digest, NULL);
        offered = offered && md != NULL;
        EVP_MD_free(md);
    }

    if (c->kdf != NULL) {
        kdf = EVP_KDF_fetch(NULL, c->kdf, NULL);
        offered = offered && kdf != NULL;
        EVP_KDF_free(kdf);
    }

    return offered;
}


static int
alikassa_key_cipher_legacy(const alikassa_key_cipher_t *c)
{
    size_t  i;

    if (c->cipher == NULL) {
        return 0;
    }

    for (i = 0; alikassa_key_legacy[i] != NULL; i++) {

        if (strncmp(c->cipher, alikassa_key_legacy[i],
                    strlen(alikassa_key_legacy[i]))
            == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Empties the error queue, because nginx reports what is left there at its next
 * TLS call.
 */

void
alikassa_key_errmsg(alikassa_errmsg_t *errmsg, const char *what)
{
    const char     *data;
    unsigned long   err;

    err = ERR_peek_last_error_all(NULL, NULL, NULL, &data, NULL);
    (void) data;

    if (err == 0 || ERR_reason_error_string(err) == NULL) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN, "%s", what);

    } else {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN, "%s (SSL: %s)", what,
                 ERR_reason_error_string(err));
    }

    ERR_clear_error();
}
