
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The store in shared memory: claims by the records of a zone.
 *
 * The state machine in alikassa_idempotency.c decides, and this file does what
 * the state machine says.  A claim that has to wait stands in a queue of this
 * process.  The worker that settles the order wakes the claims in its own
 * queues, and sends a message to the other workers that have such claims.
 */


#include "ngx_http_alikassa_zone_store.h"
#include "ngx_http_alikassa_record.h"
#include "ngx_http_alikassa_wait.h"
#include "ngx_http_alikassa_wakeup.h"
#include "ngx_http_alikassa_worker.h"
#include "ngx_http_alikassa_zone.h"


/* a worker that was found alive counts as alive that long, in milliseconds */
#define NGX_HTTP_ALIKASSA_ALIVE_TTL  500

/* responses up to this size are replayed without looking twice */
#define NGX_HTTP_ALIKASSA_REPLAY_STACK_SIZE  2048


static ngx_int_t ngx_http_alikassa_zone_store_init_process(
    ngx_http_alikassa_store_t *store);
static void ngx_http_alikassa_zone_store_exit_process(
    ngx_http_alikassa_store_t *store);
static ngx_int_t ngx_http_alikassa_zone_store_begin(
    ngx_http_alikassa_claim_t *claim, ngx_msec_t wait);
static void ngx_http_alikassa_zone_store_wake(
    ngx_http_alikassa_claim_t *claim);
static ngx_int_t ngx_http_alikassa_zone_store_wait(
    ngx_http_alikassa_claim_t *claim);
static ngx_http_alikassa_claim_result_t ngx_http_alikassa_zone_store_try(
    ngx_http_alikassa_claim_t *claim);
static void ngx_http_alikassa_zone_store_log(ngx_http_alikassa_claim_t *claim,
    ngx_log_t *log, alikassa_state_t from, alikassa_event_t event,
    alikassa_step_t step);
static ngx_int_t ngx_http_alikassa_zone_store_find(
    ngx_http_alikassa_claim_t *claim, ngx_http_alikassa_record_t **recordp);
static void ngx_http_alikassa_zone_store_owner_died(
    ngx_http_alikassa_claim_t *claim, ngx_http_alikassa_record_t *record);
static ngx_uint_t ngx_http_alikassa_zone_store_own(
    ngx_http_alikassa_claim_t *claim, ngx_http_alikassa_record_t *record,
    alikassa_step_t step);
static void ngx_http_alikassa_zone_store_copy_response(
    ngx_http_alikassa_claim_t *claim, ngx_http_alikassa_record_t *record,
    u_char *p, size_t size);
static ngx_int_t ngx_http_alikassa_zone_store_settle(
    ngx_http_alikassa_claim_t *claim, alikassa_event_t event,
    ngx_uint_t status, ngx_str_t *response);
static void ngx_http_alikassa_zone_store_disown(
    ngx_http_alikassa_claim_t *claim);
static void ngx_http_alikassa_zone_store_leave(
    ngx_http_alikassa_claim_t *claim);


const ngx_http_alikassa_store_type_t  ngx_http_alikassa_zone_store = {
    ngx_string("shared memory"),
    ngx_http_alikassa_zone_store_init_process,
    ngx_http_alikassa_zone_store_exit_process,
    ngx_http_alikassa_zone_store_begin,
    ngx_http_alikassa_zone_store_settle,
    ngx_http_alikassa_zone_store_leave
};


static ngx_int_t
ngx_http_alikassa_zone_store_init_process(ngx_http_alikassa_store_t *store)
{
    /* a worker without a slot tries again with its first order */

    (void) ngx_http_alikassa_worker_register(store->data);

    return NGX_OK;
}


static void
ngx_http_alikassa_zone_store_exit_process(ngx_http_alikassa_store_t *store)
{
    ngx_http_alikassa_worker_unregister(store->data);
    ngx_http_alikassa_wakeup_close();
}


static ngx_int_t
ngx_http_alikassa_zone_store_begin(ngx_http_alikassa_claim_t *claim,
    ngx_msec_t wait)
{
    claim->result = ngx_http_alikassa_zone_store_try(claim);

    if (claim->result != NGX_HTTP_ALIKASSA_CLAIM_NONE) {
        return NGX_OK;
    }

    claim->waited = 1;
    claim->deadline = ngx_current_msec + wait;

    return ngx_http_alikassa_zone_store_wait(claim);
}


/*
 * Tries again: the other claim may have settled the order.
 */

static void
ngx_http_alikassa_zone_store_wake(ngx_http_alikassa_claim_t *claim)
{
    claim->result = ngx_http_alikassa_zone_store_try(claim);

    if (claim->result == NGX_HTTP_ALIKASSA_CLAIM_NONE
        && ngx_http_alikassa_zone_store_wait(claim) == NGX_AGAIN)
    {
        return;
    }

    ngx_http_alikassa_claim_complete(claim, claim->result);
}


/*
 * Lets the claim wait.  Returns NGX_AGAIN, or NGX_OK with the result if the
 * claim has waited long enough.
 */

static ngx_int_t
ngx_http_alikassa_zone_store_wait(ngx_http_alikassa_claim_t *claim)
{
    if ((ngx_msec_int_t) (claim->deadline - ngx_current_msec) <= 0) {
        claim->result = NGX_HTTP_ALIKASSA_CLAIM_TIMED_OUT;
        return NGX_OK;
    }

    ngx_http_alikassa_wait_add(claim, ngx_http_alikassa_zone_store_wake);

    return NGX_AGAIN;
}


/*
 * Brings the claim to the record of the order.  Returns CLAIM_NONE if the claim
 * has to wait for another one.
 */

static ngx_http_alikassa_claim_result_t
ngx_http_alikassa_zone_store_try(ngx_http_alikassa_claim_t *claim)
{
    size_t                       size;
    u_char                      *p;
    ngx_uint_t                   owned;
    alikassa_step_t              step;
    alikassa_state_t             from;
    alikassa_event_t             event;
    ngx_http_alikassa_zone_t    *zone;
    ngx_http_alikassa_record_t  *record;
    u_char                       buf[NGX_HTTP_ALIKASSA_REPLAY_STACK_SIZE];

    zone = claim->store->data;

    p = buf;
    size = sizeof(buf);
    owned = 0;

    for ( ;; ) {

        if (ngx_http_alikassa_zone_store_find(claim, &record) != NGX_OK) {
            return NGX_HTTP_ALIKASSA_CLAIM_NONE;
        }

        event = (record && ngx_memcmp(record->fingerprint, claim->fingerprint,
                                      NGX_HTTP_ALIKASSA_HASH_LEN)
                           != 0)
                ? ALIKASSA_EVENT_MISMATCH : ALIKASSA_EVENT_REQUEST;

        from = ngx_http_alikassa_record_state(zone, record);

        step = alikassa_idempotency_step(from, event);

        switch (step.action) {

        case ALIKASSA_ACTION_SEND:
        case ALIKASSA_ACTION_QUERY:
            owned = ngx_http_alikassa_zone_store_own(claim, record, step);
            break;

        case ALIKASSA_ACTION_WAIT:

            /* settling wakes the claims of its own process without the bit */

            if (record->u.in_progress.owner != zone->generation) {
                record->u.in_progress.waiters |=
                              ngx_http_alikassa_wakeup_bit(zone->generation);
            }

            break;

        case ALIKASSA_ACTION_REPLAY:
            ngx_http_alikassa_zone_store_copy_response(claim, record, p, size);
            break;

        default:
            break;
        }

        ngx_http_alikassa_zone_unlock(zone);

        if (step.action != ALIKASSA_ACTION_REPLAY
            || claim->response.len <= size)
        {
            break;
        }

        /* do not allocate with the lock held: allocate, and look again */

        size = claim->response.len;

        p = ngx_pnalloc(claim->request->pool, size);
        if (p == NULL) {
            return NGX_HTTP_ALIKASSA_CLAIM_FAILED;
        }
    }

    ngx_http_alikassa_zone_store_log(claim, claim->request->connection->log,
                                     from, event, step);

    switch (step.action) {

    case ALIKASSA_ACTION_SEND:
    case ALIKASSA_ACTION_QUERY:

        if (!owned) {
            return NGX_HTTP_ALIKASSA_CLAIM_FULL;
        }

        return claim->querying ? NGX_HTTP_ALIKASSA_CLAIM_QUERY
                               : NGX_HTTP_ALIKASSA_CLAIM_SEND;

    case ALIKASSA_ACTION_WAIT:
        return NGX_HTTP_ALIKASSA_CLAIM_NONE;

    case ALIKASSA_ACTION_REPLAY:

        if (p == buf) {

            p = ngx_pnalloc(claim->request->pool, claim->response.len);
            if (p == NULL) {
                return NGX_HTTP_ALIKASSA_CLAIM_FAILED;
            }

            ngx_memcpy(p, buf, claim->response.len);
        }

        claim->response.data = p;

        return NGX_HTTP_ALIKASSA_CLAIM_REPLAY;

    case ALIKASSA_ACTION_CONFLICT:
        return NGX_HTTP_ALIKASSA_CLAIM_CONFLICT;

    default:
        return NGX_HTTP_ALIKASSA_CLAIM_FAILED;
    }
}


/*
 * Says in the debug log what has become of an order.  The first bytes of its
 * key are the same in each line about the order, and tell nothing of the order.
 */

static void
ngx_http_alikassa_zone_store_log(ngx_http_alikassa_claim_t *claim,
    ngx_log_t *log, alikassa_state_t from, alikassa_event_t event,
    alikassa_step_t step)
{
    ngx_log_debug6(NGX_LOG_DEBUG_HTTP, log, 0,
                   "http alikassa order %02xd%02xd: %s, %s -> %s, %s",
                   claim->key[0], claim->key[1], alikassa_state_name(from),
                   alikassa_event_name(event), alikassa_state_name(step.state),
                   alikassa_action_name(step.action));
}


/*
 * Locks the zone and finds the record of the claim's order, or NULL.  If the
 * owner of the record has died, the record is UNKNOWN afterwards.
 *
 * Returns NGX_AGAIN without the lock if records were lost, and a worker that
 * may own this one has not restored its records yet.
 */

static ngx_int_t
ngx_http_alikassa_zone_store_find(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_record_t **recordp)
{
    uint64_t                     alive;
    ngx_uint_t                   tried;
    ngx_http_alikassa_zone_t    *zone;
    ngx_http_alikassa_record_t  *record;
    ngx_http_alikassa_worker_t   copy, *worker;

    zone = claim->store->data;

    alive = 0;
    tried = 0;

    if (ngx_current_msec - zone->alive_msec < NGX_HTTP_ALIKASSA_ALIVE_TTL) {
        alive = zone->alive;
    }

    for ( ;; ) {

        ngx_http_alikassa_zone_lock(zone);

        if (!tried && !ngx_http_alikassa_zone_registered(zone)) {

            ngx_http_alikassa_zone_unlock(zone);

            tried = 1;
            (void) ngx_http_alikassa_worker_register(zone);

            continue;
        }

        record = ngx_http_alikassa_record_find(zone, claim->key);
        *recordp = record;

        if (record == NULL && zone->sh->incomplete) {

            worker = ngx_http_alikassa_worker_find_unsynced(zone);
            if (worker == NULL) {
                return NGX_OK;
            }

        } else {

            if (record == NULL
                || !ngx_http_alikassa_record_in_progress(record)
                || record->u.in_progress.owner == zone->generation
                || record->u.in_progress.owner == alive)
            {
                return NGX_OK;
            }

            worker = ngx_http_alikassa_zone_find_worker(zone,
                                                record->u.in_progress.owner);
            if (worker == NULL) {
                ngx_http_alikassa_zone_store_owner_died(claim, record);
                return NGX_OK;
            }
        }

        copy = *worker;

        ngx_http_alikassa_zone_unlock(zone);

        if (!ngx_http_alikassa_worker_check(zone, &copy)) {
            continue;
        }

        if (record == NULL) {
            ngx_http_alikassa_wakeup_send(zone, &copy, claim->key);
            return NGX_AGAIN;
        }

        alive = copy.generation;
        zone->alive = alive;
        zone->alive_msec = ngx_current_msec;
    }
}


/*
 * Makes a record UNKNOWN whose owner has died.
 */

static void
ngx_http_alikassa_zone_store_owner_died(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_record_t *record)
{
    ngx_log_t                 *log;
    alikassa_step_t            step;
    alikassa_state_t           from;
    ngx_http_alikassa_zone_t  *zone;

    zone = claim->store->data;

    from = record->node.data;

    step = alikassa_idempotency_step(from, ALIKASSA_EVENT_DIED);

    if (step.state != ALIKASSA_STATE_UNKNOWN) {
        return;
    }

    ngx_http_alikassa_record_set_unknown(zone, record);

    log = claim->request->connection->log;

    ngx_http_alikassa_zone_store_log(claim, log, from, ALIKASSA_EVENT_DIED,
                                     step);

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "the worker that had this order in idempotency zone \"%V\" "
                  "is gone, the order may exist", &zone->store.name);
}


/*
 * Makes the claim the owner of the record, or of a new one.  Returns 0 if the
 * zone is full, or has no slot for this worker.
 */

static ngx_uint_t
ngx_http_alikassa_zone_store_own(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_record_t *record, alikassa_step_t step)
{
    ngx_http_alikassa_zone_t  *zone;

    zone = claim->store->data;

    /* set in any case: the caller has to know that the order may exist */

    claim->querying = (step.action == ALIKASSA_ACTION_QUERY);

    /* other workers would take a worker without a slot for dead */

    if (!ngx_http_alikassa_zone_registered(zone)
        || ngx_http_alikassa_record_own(zone, record, claim, step.state)
           == NULL)
    {
        return 0;
    }

    claim->owner = 1;
    claim->state = step.state;

    ngx_http_alikassa_zone_add_owner(zone, claim);

    return 1;
}


/*
 * Copies the saved response if it fits.  Sets claim->response.len in any case.
 */

static void
ngx_http_alikassa_zone_store_copy_response(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_record_t *record, u_char *p, size_t size)
{
    ngx_http_alikassa_saved_response_t  *saved;

    saved = record->response;

    claim->status = saved ? saved->status : 0;
    claim->found = saved ? saved->found : 0;
    claim->response.len = saved ? saved->len : 0;

    if (saved && saved->len <= size) {
        ngx_memcpy(p, saved->data, saved->len);
    }
}


static ngx_int_t
ngx_http_alikassa_zone_store_settle(ngx_http_alikassa_claim_t *claim,
    alikassa_event_t event, ngx_uint_t status, ngx_str_t *response)
{
    uint64_t                     waiters;
    ngx_int_t                    rc;
    alikassa_step_t              step;
    alikassa_state_t             from;
    ngx_http_alikassa_zone_t    *zone;
    ngx_http_alikassa_record_t  *record;

    zone = claim->store->data;
    rc = NGX_OK;

    ngx_http_alikassa_zone_lock(zone);

    record = ngx_http_alikassa_record_find(zone, claim->key);

    if (record == NULL
        || !ngx_http_alikassa_record_in_progress(record)
        || record->u.in_progress.serial != claim->serial)
    {
        ngx_http_alikassa_zone_store_disown(claim);
        ngx_http_alikassa_zone_unlock(zone);

        claim->result = NGX_HTTP_ALIKASSA_CLAIM_LOST;

        return NGX_OK;
    }

    waiters = record->u.in_progress.waiters;

    from = record->node.data;

    step = alikassa_idempotency_step(from, event);

    switch (step.action) {

    case ALIKASSA_ACTION_SEND:
    case ALIKASSA_ACTION_QUERY:

        record->node.data = step.state;

        claim->state = step.state;
        claim->querying = (step.action == ALIKASSA_ACTION_QUERY);
        claim->result = claim->querying ? NGX_HTTP_ALIKASSA_CLAIM_QUERY
                                        : NGX_HTTP_ALIKASSA_CLAIM_SEND;
        break;

    case ALIKASSA_ACTION_STORE:
        rc = ngx_http_alikassa_record_set_done(zone, record, status, response,
                                               event == ALIKASSA_EVENT_FOUND);
        claim->result = NGX_HTTP_ALIKASSA_CLAIM_SETTLED;
        break;

    case ALIKASSA_ACTION_RELEASE:
        ngx_http_alikassa_record_release(zone, record);
        claim->result = NGX_HTTP_ALIKASSA_CLAIM_SETTLED;
        break;

    case ALIKASSA_ACTION_MARK_UNKNOWN:
        ngx_http_alikassa_record_set_unknown(zone, record);
        claim->result = NGX_HTTP_ALIKASSA_CLAIM_SETTLED;
        break;

    default: /* ALIKASSA_ACTION_REFUSE */

        /* the event is none of this state's: the claim owns what it owned */

        claim->result = NGX_HTTP_ALIKASSA_CLAIM_LOST;
        break;
    }

    if (claim->result == NGX_HTTP_ALIKASSA_CLAIM_SETTLED) {
        ngx_http_alikassa_zone_store_disown(claim);
    }

    ngx_http_alikassa_zone_unlock(zone);

    ngx_http_alikassa_zone_store_log(claim, ngx_cycle->log, from, event, step);

    if (claim->result != NGX_HTTP_ALIKASSA_CLAIM_SETTLED) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "no room for an answer of %uz bytes in idempotency zone "
                      "\"%V\", it cannot be replayed",
                      response ? response->len : 0, &zone->store.name);
    }

    ngx_http_alikassa_wait_wake(claim->key, NGX_HTTP_ALIKASSA_HASH_LEN);
    ngx_http_alikassa_wakeup_send_all(zone, claim->key, waiters);

    return NGX_OK;
}


/*
 * Makes the claim the owner of nothing.  Called with the lock held.
 */

static void
ngx_http_alikassa_zone_store_disown(ngx_http_alikassa_claim_t *claim)
{
    claim->owner = 0;
    claim->querying = 0;

    ngx_http_alikassa_zone_remove_owner(claim->store->data, claim);
}


static void
ngx_http_alikassa_zone_store_leave(ngx_http_alikassa_claim_t *claim)
{
    ngx_http_alikassa_zone_t  *zone;

    ngx_http_alikassa_wait_remove(claim);

    if (!claim->owner) {
        return;
    }

    zone = claim->store->data;

    ngx_http_alikassa_zone_lock(zone);
    ngx_http_alikassa_zone_store_disown(claim);
    ngx_http_alikassa_zone_unlock(zone);
}
