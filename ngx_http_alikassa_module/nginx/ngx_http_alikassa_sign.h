
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_SIGN_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_SIGN_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


char *ngx_http_alikassa_thread_pool(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_alikassa_default_thread_pool(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf);
ngx_int_t ngx_http_alikassa_merge_thread_pool(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf);

ngx_int_t ngx_http_alikassa_sign(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call);
void ngx_http_alikassa_sign_exit_process(void);
ngx_uint_t ngx_http_alikassa_sign_busy(void);


#endif /* _NGX_HTTP_ALIKASSA_SIGN_H_INCLUDED_ */
