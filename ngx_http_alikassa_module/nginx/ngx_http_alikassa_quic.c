
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * HTTP/3: a client that disconnects does not cut a payment in half.
 *
 * When a QUIC connection is closed, nginx marks each of its streams as closed
 * and calls their read handlers; the request of such a stream is terminated at
 * once, with its subrequests. Over HTTP/1 and HTTP/2 a request lives until its
 * subrequest is done, unless something else, such as a mirror, runs beside it.
 * While a call that moves money is in flight, a handler in front of nginx's
 * removes the mark. The request then goes on, and ends when its response
 * cannot be sent. The QUIC connection itself waits for its last stream.
 */


#include "ngx_http_alikassa_quic.h"


#if (NGX_HTTP_V3)


static void ngx_http_alikassa_quic_event(ngx_event_t *ev);


void
ngx_http_alikassa_quic_hold(ngx_http_request_t *r)
{
    ngx_connection_t         *c;
    ngx_http_alikassa_ctx_t  *ctx;

    c = r->connection;

    if (r != r->main || c->quic == NULL) {
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_module);

    if (ctx->stream_handler) {
        return;
    }

    ctx->stream_handler = c->read->handler;

    c->read->handler = ngx_http_alikassa_quic_event;
    c->write->handler = ngx_http_alikassa_quic_event;
}


void
ngx_http_alikassa_quic_release(ngx_http_request_t *r)
{
    ngx_connection_t         *c;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_module);

    if (ctx->stream_handler == NULL) {
        return;
    }

    c = r->connection;

    c->read->handler = ctx->stream_handler;
    c->write->handler = ctx->stream_handler;

    ctx->stream_handler = NULL;
}


static void
ngx_http_alikassa_quic_event(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_alikassa_ctx_t  *ctx;

    c = ev->data;
    r = c->data;

    /* worker_shutdown_timeout sets c->error as well, and may end the request */

    if (c->close && !c->error) {

        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, c->log, 0,
                       "http alikassa: QUIC connection closed during a call");

        c->close = 0;
        return;
    }

    ctx = ngx_http_alikassa_ctx(r->main);

    ctx->stream_handler(ev);
}


#else


void
ngx_http_alikassa_quic_hold(ngx_http_request_t *r)
{
    /* an HTTP/1 connection or an HTTP/2 stream waits by itself */
}


void
ngx_http_alikassa_quic_release(ngx_http_request_t *r)
{
    /* nothing was held */
}


#endif
