
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_SIGN_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_SIGN_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


/*
 * Sets "alikassa_thread_pool".
 */

char *ngx_http_alikassa_thread_pool(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Names the pool "default" for a location with an operation, while nginx parses
 * the location.  nginx sets the values of a pool without "thread_pool" when it
 * has parsed http{}.  Angie merges locations after that, and a pool that is
 * first named then has neither threads nor a queue.
 */

ngx_int_t ngx_http_alikassa_default_thread_pool(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf);

/*
 * Merges the pool of a location that signs.  No other location is merged, so
 * nginx creates the default pool only if a location needs it.
 */

ngx_int_t ngx_http_alikassa_merge_thread_pool(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf);

/*
 * Signs call->body.  The signature is call->sign, in the request's pool.
 *
 * NGX_OK: signing is over; the state of the call is SIGNED, or CREATED if
 * signing failed.  NGX_AGAIN: a thread signs; when it is over, the same holds,
 * and the request's write event handler is called.  NGX_BUSY: the pool's queue
 * is full.  NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_alikassa_sign(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call);

/*
 * Lets threads begin no more signatures, and waits for those that they have
 * begun.  nginx has ended its threads before, but not those of a pool whose
 * queue was full.
 */

void ngx_http_alikassa_sign_exit_process(void);

/*
 * Returns 1 if a thread may still be using a key when this process exits.
 */

ngx_uint_t ngx_http_alikassa_sign_busy(void);


#endif /* _NGX_HTTP_ALIKASSA_SIGN_H_INCLUDED_ */
