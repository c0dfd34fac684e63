
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_KEY_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_KEY_H_INCLUDED_


#include "ngx_http_alikassa_conf.h"


/* what helps where the library refuses a digest; the place follows */

#define NGX_HTTP_ALIKASSA_DIGEST_MEND                                         \
    "allow the digest in the system's crypto policy "                         \
    "(\"update-crypto-policies --set DEFAULT:SHA1\") or set another "         \
    "\"alikassa_digest\" that AliKassa has agreed to"


char *ngx_http_alikassa_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_alikassa_key_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t secret, alikassa_str_t *content);
ngx_int_t ngx_http_alikassa_signer(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *alcf);

/*
 * Frees all keys and signers of a configuration.
 */

void ngx_http_alikassa_keys_free(ngx_http_alikassa_main_conf_t *amcf);


#endif /* _NGX_HTTP_ALIKASSA_KEY_H_INCLUDED_ */
