
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Waits for an order: each claim that waits stands in one of this process'
 * queues, and has an event which is posted to wake it.
 */


#include "ngx_http_alikassa_wait.h"


/* a claim that nobody wakes looks at its order that often, in milliseconds */
#define NGX_HTTP_ALIKASSA_POLL_INTERVAL  1000

/* queues, by the first byte of the key */
#define NGX_HTTP_ALIKASSA_QUEUES  256


static void ngx_http_alikassa_wait_event_handler(ngx_event_t *ev);


static ngx_queue_t  ngx_http_alikassa_waits[NGX_HTTP_ALIKASSA_QUEUES];


void
ngx_http_alikassa_wait_add(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_claim_handler_pt wake)
{
    ngx_uint_t      i;
    ngx_event_t    *ev;
    ngx_msec_int_t  left;

    if (ngx_http_alikassa_waits[0].next == NULL) {
        for (i = 0; i < NGX_HTTP_ALIKASSA_QUEUES; i++) {
            ngx_queue_init(&ngx_http_alikassa_waits[i]);
        }
    }

    ngx_queue_insert_tail(&ngx_http_alikassa_waits[claim->key[0]],
                          &claim->queue);

    claim->wake = wake;

    ev = &claim->event;

    ev->handler = ngx_http_alikassa_wait_event_handler;
    ev->data = claim;
    ev->log = claim->request->connection->log;

    left = (ngx_msec_int_t) (claim->deadline - ngx_current_msec);

    ngx_add_timer(ev, ngx_max(ngx_min(left, NGX_HTTP_ALIKASSA_POLL_INTERVAL),
                              0));
}


void
ngx_http_alikassa_wait_remove(ngx_http_alikassa_claim_t *claim)
{
    if (claim->wake == NULL) {
        return;
    }

    claim->wake = NULL;

    ngx_queue_remove(&claim->queue);

    if (claim->event.timer_set) {
        ngx_del_timer(&claim->event);
    }

    if (claim->event.posted) {
        ngx_delete_posted_event(&claim->event);
    }
}


void
ngx_http_alikassa_wait_wake(const u_char *key, size_t len)
{
    ngx_uint_t                  i, last;
    ngx_queue_t                *q, *head;
    ngx_http_alikassa_claim_t  *claim;

    if (ngx_http_alikassa_waits[0].next == NULL) {
        return;
    }

    i = len ? key[0] : 0;
    last = len ? key[0] : NGX_HTTP_ALIKASSA_QUEUES - 1;

    for ( /* void */ ; i <= last; i++) {

        head = &ngx_http_alikassa_waits[i];

        for (q = ngx_queue_head(head); q != head; q = ngx_queue_next(q)) {

            claim = ngx_queue_data(q, ngx_http_alikassa_claim_t, queue);

            if (len == 0 || ngx_memcmp(claim->key, key, len) == 0) {
                ngx_post_event(&claim->event, &ngx_posted_events);
            }
        }
    }
}


static void
ngx_http_alikassa_wait_event_handler(ngx_event_t *ev)
{
    ngx_connection_t                    *c;
    ngx_http_request_t                  *r;
    ngx_http_alikassa_claim_t           *claim;
    ngx_http_alikassa_claim_handler_pt   wake;

    claim = ev->data;
    r = claim->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "http alikassa claim woken: \"%V?%V\"", &r->uri, &r->args);

    if (!c->error) {
        wake = claim->wake;

        ngx_http_alikassa_wait_remove(claim);

        wake(claim);
        return;
    }

    /* the client has disconnected: do not let the request own the order */

    ngx_http_alikassa_claim_leave(claim);

    /* by "post_action", nginx has made another request of this one */

    if (!r->post_action) {
        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
    }

    ngx_http_run_posted_requests(c);
}
