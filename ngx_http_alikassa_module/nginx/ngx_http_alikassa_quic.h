
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_QUIC_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_QUIC_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


void ngx_http_alikassa_quic_hold(ngx_http_request_t *r);
void ngx_http_alikassa_quic_release(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ALIKASSA_QUIC_H_INCLUDED_ */
