
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_FIELDS_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_FIELDS_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


char *ngx_http_alikassa_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_alikassa_accept(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_alikassa_merge_fields(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *prev, ngx_http_alikassa_loc_conf_t *conf);
ngx_int_t ngx_http_alikassa_fields_build(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, alikassa_faults_t *faults);
ngx_int_t ngx_http_alikassa_fields_take(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t field);
ngx_int_t ngx_http_alikassa_check_late(ngx_conf_t *cf,
    ngx_http_complex_value_t *cv, ngx_str_t *directive);
ngx_uint_t ngx_http_alikassa_refers(ngx_conf_t *cf,
    ngx_http_complex_value_t *cv, const char *name);
ngx_int_t ngx_http_alikassa_copy_str(ngx_http_alikassa_ctx_t *ctx,
    const alikassa_str_t *src, ngx_str_t *dst);


#endif /* _NGX_HTTP_ALIKASSA_FIELDS_H_INCLUDED_ */
