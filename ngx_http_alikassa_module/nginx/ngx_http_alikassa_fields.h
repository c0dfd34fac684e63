
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_FIELDS_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_FIELDS_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


/*
 * Set "alikassa_set" and "alikassa_accept".
 */

char *ngx_http_alikassa_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_alikassa_accept(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

ngx_int_t ngx_http_alikassa_merge_fields(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *prev, ngx_http_alikassa_loc_conf_t *conf);

/*
 * Takes all fields, validates them and writes the body to ctx->body.  Ignores
 * what the client sends for a field that the operator sets, or that the client
 * may not send.
 *
 * NGX_OK; NGX_DECLINED: errors lists the invalid fields; NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_alikassa_fields_build(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, alikassa_field_errors_t *errors);

/*
 * Takes the value of one field from the operator's configuration, or from the
 * client.  A field that the operator sets to nothing is left out, and the
 * client cannot fill it.
 *
 * A variable in the value may need another field, and so on: each field is
 * taken once, and is empty while it is being taken.  Returns NGX_OK, or
 * NGX_ERROR if there is no memory.
 */

ngx_int_t ngx_http_alikassa_fields_take(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t field);

/*
 * Returns NGX_ERROR, and logs it, if the value has a variable that has no value
 * yet when nginx evaluates the directive.
 */

ngx_int_t ngx_http_alikassa_check_late(ngx_conf_t *cf,
    ngx_http_complex_value_t *cv, ngx_str_t *directive);

/*
 * Returns 1 if the value has the variable, but not if a "map" makes one of it.
 */

ngx_uint_t ngx_http_alikassa_refers(ngx_conf_t *cf,
    ngx_http_complex_value_t *cv, const char *name);

/*
 * Copies a string of the client's body to the request's pool: after an
 * error_page another module may replace the body, before nginx writes the log.
 * Returns NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t ngx_http_alikassa_copy_str(ngx_http_alikassa_ctx_t *ctx,
    const alikassa_str_t *src, ngx_str_t *dst);


#endif /* _NGX_HTTP_ALIKASSA_FIELDS_H_INCLUDED_ */
