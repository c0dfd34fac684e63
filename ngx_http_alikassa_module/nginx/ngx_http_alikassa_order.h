
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_ORDER_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_ORDER_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


/*
 * Starts the order of a request whose body is built: claims it if the location
 * has an idempotency zone, signs and sends the call, and sends the response.
 * Returns what the caller of any step gets: see ngx_http_alikassa_next_t.
 */

ngx_http_alikassa_next_t ngx_http_alikassa_order_start(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);

/*
 * The request's write event handler.  nginx runs it when a thread has made the
 * signature, when the subrequest is done, and for any event of the client's
 * connection.
 */

void ngx_http_alikassa_order_resume(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ALIKASSA_ORDER_H_INCLUDED_ */
