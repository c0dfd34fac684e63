
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_CLIENT_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_CLIENT_H_INCLUDED_


/*
 * The client's connection while a request waits.
 */

#include "ngx_http_alikassa.h"


/*
 * Lets nginx finalize the request if the client disconnects, until
 * ngx_http_alikassa_unwatch().  Only while no call that moves money is in
 * flight.  Does nothing for a subrequest, for a request that discards its
 * body, and if "post_action" is set: nginx would then run another request in
 * place of this one.
 */

void ngx_http_alikassa_watch(ngx_http_request_t *r);
void ngx_http_alikassa_unwatch(ngx_http_request_t *r);

/*
 * Leaves it to the main request to discard the client's body.
 *
 * nginx lets each subrequest of a request that discards its body discard the
 * body as well, by a copy of the number of bytes left: the main request then
 * waits for bytes that a subrequest has read, and both give back the one
 * reference to the request that discarding holds.  The headers of a call say
 * the length of the call's own body, so a call would read that many bytes.
 */

void ngx_http_alikassa_undiscard(ngx_http_request_t *sr);


#endif /* _NGX_HTTP_ALIKASSA_CLIENT_H_INCLUDED_ */
