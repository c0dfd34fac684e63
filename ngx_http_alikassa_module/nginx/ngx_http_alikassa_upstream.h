
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_UPSTREAM_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_UPSTREAM_H_INCLUDED_


/*
 * The subrequest of a call, and the capture of its response.
 */

#include "ngx_http_alikassa_ctx.h"


/*
 * Creates the subrequest of a signed call.  It runs when the caller has
 * returned to the event loop.  When it is done, call->done_handler runs, and
 * then the write event handler of the request, if the client is still there.
 * Returns NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t ngx_http_alikassa_call_create_subrequest(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call);

/*
 * Returns the call whose subrequest r is, or NULL.
 */

ngx_http_alikassa_call_t *ngx_http_alikassa_get_call(ngx_http_request_t *r);

/*
 * Returns 1 if a call was certainly not sent: its location's handler did not
 * run, or nginx's own upstream has sent nothing.  A handler of another kind may
 * have sent it in its own way.
 */

ngx_uint_t ngx_http_alikassa_call_unsent(ngx_http_alikassa_call_t *call);

ngx_int_t ngx_http_alikassa_upstream_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_ALIKASSA_UPSTREAM_H_INCLUDED_ */
