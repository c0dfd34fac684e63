
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_KEY_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_KEY_H_INCLUDED_


#include "ngx_http_alikassa_conf.h"


/* the mend if OpenSSL refuses a digest; the place follows */

#define NGX_HTTP_ALIKASSA_DIGEST_MEND                                         \
    "allow the digest in the system's crypto policy "                         \
    "(\"update-crypto-policies --set DEFAULT:SHA1\") or set another "         \
    "\"alikassa_digest\" that AliKassa has agreed to"


/*
 * Sets "alikassa_key", and loads the key unless it is loaded.
 */

char *ngx_http_alikassa_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Reads a small file into memory that the caller has to cleanse and free: the
 * pools of a configuration live long and are not cleansed.  secret: warns if
 * other users can read the file.
 *
 * open() of a FIFO waits for a writer, and that of a device may have effects.
 * So the file's type is checked before, and once more after it is open, since
 * another file may have taken its place.  Returns NGX_OK, or NGX_ERROR, which
 * is logged.
 */

ngx_int_t ngx_http_alikassa_key_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t secret, alikassa_str_t *content);

/*
 * Finds or creates the signer of a location's key and digest.  Returns NGX_OK,
 * or NGX_ERROR, which is logged.
 */

ngx_int_t ngx_http_alikassa_signer(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *alcf);

/*
 * Frees all keys and signers of a configuration.
 */

void ngx_http_alikassa_keys_free(ngx_http_alikassa_main_conf_t *amcf);


#endif /* _NGX_HTTP_ALIKASSA_KEY_H_INCLUDED_ */
