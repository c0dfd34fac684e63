
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_ORDER_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_ORDER_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"
#include "ngx_http_alikassa_error.h"


extern const ngx_http_alikassa_refusal_t  ngx_http_alikassa_no_memory;

ngx_http_alikassa_next_t ngx_http_alikassa_enter(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
void ngx_http_alikassa_resume(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ALIKASSA_ORDER_H_INCLUDED_ */
