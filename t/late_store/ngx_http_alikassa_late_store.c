
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * A store for tests: the store in shared memory, which decides and settles
 * later, as a database does.  "make late-store" builds the module with it, and
 * t/late_store.t runs tests of the flows with that module.
 */


#include "ngx_http_alikassa_claim.h"
#include "ngx_http_alikassa_zone_store.h"


/* how late, in milliseconds: other events come before */
#define NGX_HTTP_ALIKASSA_LATE  20


typedef struct {
    ngx_http_alikassa_claim_t   *claim;     /* NULL: the claim has left */
    ngx_http_alikassa_store_t   *store;
    ngx_queue_t                  queue;
    ngx_event_t                  timer;

    /* begin */
    ngx_msec_t                   wait;

    /* settle: a claim that owns the order while the request's claim does not */
    ngx_http_alikassa_claim_t    owner;
    alikassa_event_t             event;
    ngx_uint_t                   status;
    ngx_str_t                    response;
    unsigned                     settles:1;
} ngx_http_alikassa_late_t;


static ngx_int_t ngx_http_alikassa_late_init_process(
    ngx_http_alikassa_store_t *store);
static void ngx_http_alikassa_late_exit_process(
    ngx_http_alikassa_store_t *store);
static ngx_int_t ngx_http_alikassa_late_begin(
    ngx_http_alikassa_claim_t *claim, ngx_msec_t wait);
static ngx_int_t ngx_http_alikassa_late_settle(
    ngx_http_alikassa_claim_t *claim, alikassa_event_t event,
    ngx_uint_t status, ngx_str_t *response);
static void ngx_http_alikassa_late_leave(ngx_http_alikassa_claim_t *claim);
static ngx_http_alikassa_late_t *ngx_http_alikassa_late_create(
    ngx_http_alikassa_claim_t *claim, size_t size);
static void ngx_http_alikassa_late_move(ngx_http_alikassa_claim_t *from,
    ngx_http_alikassa_claim_t *to);
static void ngx_http_alikassa_late_handler(ngx_event_t *ev);
static void ngx_http_alikassa_late_do_begin(ngx_http_alikassa_late_t *late);
static void ngx_http_alikassa_late_do_settle(ngx_http_alikassa_late_t *late);
static void ngx_http_alikassa_late_free(ngx_http_alikassa_late_t *late);


const ngx_http_alikassa_store_type_t  ngx_http_alikassa_late_store = {
    ngx_string("late shared memory"),
    ngx_http_alikassa_late_init_process,
    ngx_http_alikassa_late_exit_process,
    ngx_http_alikassa_late_begin,
    ngx_http_alikassa_late_settle,
    ngx_http_alikassa_late_leave
};


static ngx_queue_t  ngx_http_alikassa_late_queue;


static ngx_int_t
ngx_http_alikassa_late_init_process(ngx_http_alikassa_store_t *store)
{
    if (ngx_http_alikassa_late_queue.next == NULL) {
        ngx_queue_init(&ngx_http_alikassa_late_queue);
    }

    return ngx_http_alikassa_zone_store.init_process(store);
}


static void
ngx_http_alikassa_late_exit_process(ngx_http_alikassa_store_t *store)
{
    ngx_queue_t               *q, *next;
    ngx_http_alikassa_late_t  *late;

    for (q = ngx_queue_head(&ngx_http_alikassa_late_queue);
         q != ngx_queue_sentinel(&ngx_http_alikassa_late_queue);
         q = next)
    {
        next = ngx_queue_next(q);

        late = ngx_queue_data(q, ngx_http_alikassa_late_t, queue);

        if (late->store != store || !late->settles) {
            continue;
        }

        late->claim = NULL;

        ngx_http_alikassa_late_do_settle(late);
    }

    ngx_http_alikassa_zone_store.exit_process(store);
}


static ngx_int_t
ngx_http_alikassa_late_begin(ngx_http_alikassa_claim_t *claim, ngx_msec_t wait)
{
    ngx_http_alikassa_late_t  *late;

    late = ngx_http_alikassa_late_create(claim, 0);
    if (late == NULL) {
        claim->result = NGX_HTTP_ALIKASSA_CLAIM_FAILED;
        return NGX_OK;
    }

    late->wait = wait;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_alikassa_late_settle(ngx_http_alikassa_claim_t *claim,
    alikassa_event_t event, ngx_uint_t status, ngx_str_t *response)
{
    ngx_http_alikassa_late_t  *late;

    late = ngx_http_alikassa_late_create(claim, response ? response->len : 0);
    if (late == NULL) {
        return ngx_http_alikassa_zone_store.settle(claim, event, status,
                                                   response);
    }

    late->settles = 1;
    late->event = event;
    late->status = status;

    if (response) {
        late->response.len = response->len;
        ngx_memcpy(late->response.data, response->data, response->len);
    }

    ngx_http_alikassa_late_move(claim, &late->owner);

    return NGX_AGAIN;
}


static void
ngx_http_alikassa_late_leave(ngx_http_alikassa_claim_t *claim)
{
    ngx_http_alikassa_late_t  *late;

    late = claim->pending;

    if (late) {
        claim->pending = NULL;
        late->claim = NULL;

        if (!late->settles) {
            ngx_http_alikassa_late_free(late);
        }
    }

    ngx_http_alikassa_zone_store.leave(claim);
}


static ngx_http_alikassa_late_t *
ngx_http_alikassa_late_create(ngx_http_alikassa_claim_t *claim, size_t size)
{
    ngx_http_alikassa_late_t  *late;

    late = ngx_calloc(sizeof(ngx_http_alikassa_late_t) + size, ngx_cycle->log);
    if (late == NULL) {
        return NULL;
    }

    late->claim = claim;
    late->store = claim->store;
    late->response.data = (u_char *) late + sizeof(ngx_http_alikassa_late_t);

    claim->pending = late;

    ngx_queue_insert_tail(&ngx_http_alikassa_late_queue, &late->queue);

    /* the timer also keeps a worker that shuts down until it has settled */

    late->timer.handler = ngx_http_alikassa_late_handler;
    late->timer.data = late;
    late->timer.log = ngx_cycle->log;

    ngx_add_timer(&late->timer, NGX_HTTP_ALIKASSA_LATE);

    return late;
}


/*
 * Makes another claim the owner of the order, in the place of this one.
 */

static void
ngx_http_alikassa_late_move(ngx_http_alikassa_claim_t *from,
    ngx_http_alikassa_claim_t *to)
{
    to->store = from->store;
    to->serial = from->serial;
    to->state = from->state;
    to->owner = from->owner;
    to->querying = from->querying;

    ngx_memcpy(to->key, from->key, NGX_HTTP_ALIKASSA_HASH_LEN);
    ngx_memcpy(to->fingerprint, from->fingerprint, NGX_HTTP_ALIKASSA_HASH_LEN);

    if (from->owner) {
        from->owner = 0;

        ngx_queue_insert_after(&from->queue, &to->queue);
        ngx_queue_remove(&from->queue);
    }
}


static void
ngx_http_alikassa_late_handler(ngx_event_t *ev)
{
    ngx_http_alikassa_late_t  *late;

    late = ev->data;

    if (late->settles) {
        ngx_http_alikassa_late_do_settle(late);

    } else {
        ngx_http_alikassa_late_do_begin(late);
    }
}


static void
ngx_http_alikassa_late_do_begin(ngx_http_alikassa_late_t *late)
{
    ngx_msec_t                  wait;
    ngx_http_alikassa_claim_t  *claim;

    claim = late->claim;
    wait = late->wait;

    claim->pending = NULL;

    ngx_http_alikassa_late_free(late);

    /* if the claim waits for another one, the other store completes it */

    if (ngx_http_alikassa_zone_store.begin(claim, wait) == NGX_OK) {
        ngx_http_alikassa_claim_complete(claim, claim->result);
    }
}


static void
ngx_http_alikassa_late_do_settle(ngx_http_alikassa_late_t *late)
{
    ngx_http_alikassa_claim_t         *claim, *owner;
    ngx_http_alikassa_claim_result_t   result;

    claim = late->claim;
    owner = &late->owner;

    (void) ngx_http_alikassa_zone_store.settle(owner, late->event,
                                               late->status, &late->response);

    if (claim == NULL) {

        /* nobody is left who would send the order, or query its status */

        if (owner->owner) {
            (void) ngx_http_alikassa_zone_store.settle(owner, owner->querying
                                                     ? ALIKASSA_EVENT_NO_STATUS
                                                     : ALIKASSA_EVENT_UNSENT,
                                                       0, NULL);
        }

        if (owner->owner) {
            ngx_http_alikassa_zone_store.leave(owner);
        }

        ngx_http_alikassa_late_free(late);

        return;
    }

    result = owner->result;

    claim->pending = NULL;

    ngx_http_alikassa_late_move(owner, claim);
    ngx_http_alikassa_late_free(late);

    ngx_http_alikassa_claim_complete(claim, result);
}


static void
ngx_http_alikassa_late_free(ngx_http_alikassa_late_t *late)
{
    if (late->timer.timer_set) {
        ngx_del_timer(&late->timer);
    }

    ngx_queue_remove(&late->queue);

    ngx_free(late);
}
