
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_UPSTREAM_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_UPSTREAM_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


ngx_int_t ngx_http_alikassa_send(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call);
ngx_uint_t ngx_http_alikassa_unsent(ngx_http_alikassa_call_t *call);
ngx_int_t ngx_http_alikassa_upstream_init(ngx_conf_t *cf);
ngx_http_alikassa_call_t *ngx_http_alikassa_call(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ALIKASSA_UPSTREAM_H_INCLUDED_ */
