
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_QUIC_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_QUIC_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


/*
 * Keeps nginx from terminating the request when its QUIC connection is closed,
 * until ngx_http_alikassa_quic_release().  Both do nothing over HTTP/1 and
 * HTTP/2, and in an nginx without HTTP/3.
 */

void ngx_http_alikassa_quic_hold(ngx_http_request_t *r);
void ngx_http_alikassa_quic_release(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ALIKASSA_QUIC_H_INCLUDED_ */
