
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_BODY_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_BODY_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"



/* a checkout's body; above it, 413 */
#define NGX_HTTP_ALIKASSA_BODY_MAX  (1024 * 1024)


ngx_int_t ngx_http_alikassa_read_body(ngx_http_request_t *r, ngx_uint_t copy,
    ngx_str_t *body);
ngx_uint_t ngx_http_alikassa_content_encoding(ngx_http_request_t *r);
ngx_int_t ngx_http_alikassa_decode(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t copy, ngx_str_t *body,
    alikassa_reason_t *reason);


#endif /* _NGX_HTTP_ALIKASSA_BODY_H_INCLUDED_ */
