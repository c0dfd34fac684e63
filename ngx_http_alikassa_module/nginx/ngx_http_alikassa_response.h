
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_RESPONSE_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_RESPONSE_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"
#include "ngx_http_alikassa_error.h"


ngx_http_alikassa_next_t ngx_http_alikassa_refuse(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, const ngx_http_alikassa_refusal_t *refusal,
    alikassa_faults_t *faults);
ngx_http_alikassa_next_t ngx_http_alikassa_answer(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_str_t *body, ngx_uint_t replayed);
ngx_http_alikassa_next_t ngx_http_alikassa_exists(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
ngx_int_t ngx_http_alikassa_common_headers(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);


#endif /* _NGX_HTTP_ALIKASSA_RESPONSE_H_INCLUDED_ */
