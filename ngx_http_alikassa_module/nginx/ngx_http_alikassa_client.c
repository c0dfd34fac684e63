
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "ngx_http_alikassa_client.h"


static void ngx_http_alikassa_read_main(ngx_http_request_t *r);


void
ngx_http_alikassa_watch(ngx_http_request_t *r)
{
    ngx_event_t               *rev;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r != r->main || r->discard_body || clcf->post_action.data) {
        return;
    }

    rev = r->connection->read;

    r->read_event_handler = ngx_http_test_reading;

    /* the client may have disconnected while reading was blocked */

    if (rev->ready || r->connection->error) {
        ngx_post_event(rev, &ngx_posted_events);
        return;
    }

#if (NGX_HTTP_V2)

    /* a stream has no events of its own */

    if (r->stream) {
        return;
    }

#endif

    /* if nginx cannot add the event, a disconnect is noticed late */

    (void) ngx_handle_read_event(rev, 0);
}


void
ngx_http_alikassa_unwatch(ngx_http_request_t *r)
{
    if (r->read_event_handler == ngx_http_test_reading) {
        r->read_event_handler = ngx_http_block_reading;
    }
}


void
ngx_http_alikassa_undiscard(ngx_http_request_t *sr)
{
    sr->discard_body = 0;

    if (sr->main->discard_body) {
        sr->read_event_handler = ngx_http_alikassa_read_main;
    }
}


/*
 * Passes a read event on: nginx gives the events of the client's connection to
 * the subrequest whose output is next.
 */

static void
ngx_http_alikassa_read_main(ngx_http_request_t *r)
{
    r = r->main;

    r->read_event_handler(r);
}
