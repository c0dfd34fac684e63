
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Claims: a request's hold on an order, and waits for one.
 *
 * The state machine says what happens, this file does it.  A claim that
 * waits stands in a queue of this process; whoever settles the order posts
 * its event here, or sends a message to the worker where it waits.
 */


#include "ngx_http_alikassa_zone.h"
#include "ngx_http_alikassa_client.h"

#include <openssl/err.h>


/* a wait looks at its order that often, should nobody wake it */
#define NGX_HTTP_ALIKASSA_LOOK  1000

/* another worker that is found alive counts as alive that long */
#define NGX_HTTP_ALIKASSA_SEEN  500

/* queues of claims, by the key's first byte */
#define NGX_HTTP_ALIKASSA_QUEUES  256

/* answers up to this size are copied at the first go */
#define NGX_HTTP_ALIKASSA_COPY  2048


static ngx_int_t ngx_http_alikassa_claim_digest(
    ngx_http_alikassa_claim_t *claim, ngx_str_t *parts, ngx_uint_t nparts,
    ngx_str_t *data);
static ngx_int_t ngx_http_alikassa_claim_look(
    ngx_http_alikassa_claim_t *claim, ngx_http_alikassa_record_t **recordp);
static void ngx_http_alikassa_claim_died(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_record_t *record);
static alikassa_action_t ngx_http_alikassa_claim_own(
    ngx_http_alikassa_claim_t *claim, ngx_http_alikassa_record_t *record,
    alikassa_step_t step);
static void ngx_http_alikassa_claim_disown(ngx_http_alikassa_claim_t *claim);
static void ngx_http_alikassa_claim_copy(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_record_t *record, u_char *p, size_t size);
static void ngx_http_alikassa_claim_wait(ngx_http_alikassa_claim_t *claim,
    ngx_msec_t wait);
static void ngx_http_alikassa_claim_event(ngx_event_t *ev);
static void ngx_http_alikassa_claim_cleanup(void *data);


/* this process' claims: those that wait, and those that own an order */

static ngx_queue_t  ngx_http_alikassa_waits[NGX_HTTP_ALIKASSA_QUEUES];
static ngx_queue_t  ngx_http_alikassa_owners;


ngx_int_t
ngx_http_alikassa_claim_init(ngx_http_alikassa_claim_t *claim,
    ngx_str_t *parts, ngx_uint_t nparts, ngx_str_t *data)
{
    ngx_pool_t           *pool;
    ngx_pool_cleanup_t   *cln, **last;

    if (ngx_http_alikassa_claim_digest(claim, parts, nparts, data) != NGX_OK) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    pool = claim->request->pool;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_alikassa_claim_cleanup;
    cln->data = claim;

    /* the last to run: the caller's own cleanup knows more, and comes first */

    pool->cleanup = cln->next;

    for (last = &pool->cleanup; *last; last = &(*last)->next) { /* void */ }

    *last = cln;
    cln->next = NULL;

    return NGX_OK;
}


/*
 * Copies an account for a claim's key: a UUID is the same in either case.
 */

ngx_int_t
ngx_http_alikassa_claim_account(ngx_http_request_t *r, ngx_str_t *account,
    ngx_str_t *part)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, account->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(p, account->data, account->len);

    part->len = account->len;
    part->data = p;

    return NGX_OK;
}


/*
 * The key is the parts', each with its length in front, so that no two lists
 * of parts make the same bytes.
 */

static ngx_int_t
ngx_http_alikassa_claim_digest(ngx_http_alikassa_claim_t *claim,
    ngx_str_t *parts, ngx_uint_t nparts, ngx_str_t *data)
{
    size_t                     n;
    ngx_uint_t                 i, k;
    EVP_MD_CTX                *md;
    ngx_http_alikassa_zone_t  *zone;
    u_char                     len[8];

    zone = claim->zone->data;
    md = zone->md;

    if (EVP_DigestInit_ex2(md, zone->sha256, NULL) != 1) {
        return NGX_ERROR;
    }

    for (i = 0; i < nparts; i++) {

        n = parts[i].len;

        for (k = sizeof(len); k-- > 0; n >>= 8) {
            len[k] = (u_char) (n & 0xff);
        }

        if (EVP_DigestUpdate(md, len, sizeof(len)) != 1
            || EVP_DigestUpdate(md, parts[i].data, parts[i].len) != 1)
        {
            return NGX_ERROR;
        }
    }

    if (EVP_DigestFinal_ex(md, claim->key, NULL) != 1
        || EVP_DigestInit_ex2(md, zone->sha256, NULL) != 1
        || EVP_DigestUpdate(md, data->data, data->len) != 1
        || EVP_DigestFinal_ex(md, claim->digest, NULL) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


alikassa_action_t
ngx_http_alikassa_claim(ngx_http_alikassa_claim_t *claim, ngx_msec_t wait)
{
    size_t                       size;
    u_char                      *p;
    alikassa_step_t              step;
    alikassa_event_t             event;
    ngx_http_alikassa_zone_t    *zone;
    ngx_http_alikassa_record_t  *record;
    u_char                       buf[NGX_HTTP_ALIKASSA_COPY];

    ngx_http_alikassa_claim_leave(claim);

    zone = claim->zone->data;

    p = buf;
    size = sizeof(buf);

    for ( ;; ) {

        if (ngx_http_alikassa_claim_look(claim, &record) != NGX_OK) {
            ngx_http_alikassa_claim_wait(claim, wait);
            return ALIKASSA_ACTION_WAIT;
        }

        event = (record && ngx_memcmp(record->digest, claim->digest,
                                      NGX_HTTP_ALIKASSA_CLAIM_LEN)
                           != 0)
                ? ALIKASSA_EVENT_MISMATCH : ALIKASSA_EVENT_REQUEST;

        step = alikassa_idempotency_step(
                   ngx_http_alikassa_record_state(zone, record), event);

        switch (step.action) {

        case ALIKASSA_ACTION_SEND:
        case ALIKASSA_ACTION_QUERY:
            step.action = ngx_http_alikassa_claim_own(claim, record, step);
            break;

        case ALIKASSA_ACTION_WAIT:

            /* in the owner's own process the settling finds us by itself */

            if (record->u.held.owner != zone->generation) {
                record->u.held.waiters |=
                              ngx_http_alikassa_worker_bit(zone->generation);
            }

            break;

        case ALIKASSA_ACTION_REPLAY:
            ngx_http_alikassa_claim_copy(claim, record, p, size);
            break;

        default:
            break;
        }

        ngx_http_alikassa_zone_unlock(zone);

        if (step.action != ALIKASSA_ACTION_REPLAY
            || claim->answer.len <= size)
        {
            break;
        }

        /* memory is not asked for with the lock held: look again */

        size = claim->answer.len;

        p = ngx_pnalloc(claim->request->pool, size);
        if (p == NULL) {
            return ALIKASSA_ACTION_ERROR;
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, claim->request->connection->log, 0,
                   "http alikassa claim: state %d, action %d",
                   (int) step.state, (int) step.action);

    if (step.action == ALIKASSA_ACTION_WAIT) {
        ngx_http_alikassa_claim_wait(claim, wait);
        return ALIKASSA_ACTION_WAIT;
    }

    if (step.action == ALIKASSA_ACTION_REPLAY && claim->answer.len) {

        if (p == buf) {

            p = ngx_pnalloc(claim->request->pool, claim->answer.len);
            if (p == NULL) {
                return ALIKASSA_ACTION_ERROR;
            }

            ngx_memcpy(p, buf, claim->answer.len);
        }

        claim->answer.data = p;
    }

    return step.action;
}


/*
 * Locks the zone and finds the claim's record, or none.  A record whose owner
 * has died is unknown from here on.
 *
 * NGX_AGAIN: records were lost, and a worker that may own this one has yet to
 * write it again; the zone is not locked.
 */

static ngx_int_t
ngx_http_alikassa_claim_look(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_record_t **recordp)
{
    uint64_t                     alive;
    ngx_uint_t                   tried;
    ngx_http_alikassa_zone_t    *zone;
    ngx_http_alikassa_record_t  *record;
    ngx_http_alikassa_worker_t   copy, *worker;

    zone = claim->zone->data;

    alive = 0;
    tried = 0;

    if (ngx_current_msec - zone->seen_msec < NGX_HTTP_ALIKASSA_SEEN) {
        alive = zone->seen;
    }

    for ( ;; ) {

        ngx_http_alikassa_zone_lock(zone);

        if (!tried && !ngx_http_alikassa_worker_registered(zone)) {

            ngx_http_alikassa_zone_unlock(zone);

            tried = 1;
            (void) ngx_http_alikassa_worker_register(zone);

            continue;
        }

        record = ngx_http_alikassa_record_find(zone, claim->key);
        *recordp = record;

        if (record == NULL && zone->sh->doubt) {

            worker = ngx_http_alikassa_worker_unheard(zone);
            if (worker == NULL) {
                return NGX_OK;
            }

        } else {

            if (record == NULL
                || !ngx_http_alikassa_held(record)
                || record->u.held.owner == zone->generation
                || record->u.held.owner == alive)
            {
                return NGX_OK;
            }

            worker = ngx_http_alikassa_worker_find(zone,
                                                   record->u.held.owner);
            if (worker == NULL) {
                ngx_http_alikassa_claim_died(claim, record);
                return NGX_OK;
            }
        }

        copy = *worker;

        ngx_http_alikassa_zone_unlock(zone);

        if (!ngx_http_alikassa_worker_check(zone, &copy)) {
            continue;
        }

        if (record == NULL) {
            ngx_http_alikassa_worker_tell(zone, &copy, claim->key);
            return NGX_AGAIN;
        }

        alive = copy.generation;
        zone->seen = alive;
        zone->seen_msec = ngx_current_msec;
    }
}


static void
ngx_http_alikassa_claim_died(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_record_t *record)
{
    alikassa_step_t            step;
    ngx_http_alikassa_zone_t  *zone;

    zone = claim->zone->data;

    step = alikassa_idempotency_step(record->node.data, ALIKASSA_EVENT_DIED);

    if (step.state != ALIKASSA_STATE_UNKNOWN) {
        return;
    }

    ngx_http_alikassa_record_unknown(zone, record);

    ngx_log_error(NGX_LOG_WARN, claim->request->connection->log, 0,
                  "the worker that had this order in idempotency zone \"%V\" "
                  "is gone, the order may exist", &zone->name);
}


static alikassa_action_t
ngx_http_alikassa_claim_own(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_record_t *record, alikassa_step_t step)
{
    ngx_http_alikassa_zone_t  *zone;

    zone = claim->zone->data;

    /* also where it is refused: then the caller must know */

    claim->asking = (step.action == ALIKASSA_ACTION_QUERY);

    /* a worker that is not registered would be taken for dead */

    if (!ngx_http_alikassa_worker_registered(zone)
        || ngx_http_alikassa_record_hold(zone, record, claim, step.state)
           == NULL)
    {
        return ALIKASSA_ACTION_REFUSE;
    }

    claim->owner = 1;
    claim->state = step.state;

    if (ngx_http_alikassa_owners.next == NULL) {
        ngx_queue_init(&ngx_http_alikassa_owners);
    }

    ngx_queue_insert_tail(&ngx_http_alikassa_owners, &claim->queue);

    zone->self->held++;

    return step.action;
}


static void
ngx_http_alikassa_claim_disown(ngx_http_alikassa_claim_t *claim)
{
    ngx_http_alikassa_zone_t  *zone;

    zone = claim->zone->data;

    claim->owner = 0;
    claim->asking = 0;

    ngx_queue_remove(&claim->queue);

    if (ngx_http_alikassa_worker_registered(zone) && zone->self->held) {
        zone->self->held--;
    }
}


void
ngx_http_alikassa_claim_assert(ngx_http_alikassa_zone_t *zone)
{
    ngx_queue_t                *q, *head;
    ngx_http_alikassa_zone_t   *other;
    ngx_http_alikassa_claim_t  *claim;

    head = &ngx_http_alikassa_owners;

    if (head->next == NULL) {
        return;
    }

    for (q = ngx_queue_head(head); q != head; q = ngx_queue_next(q)) {

        claim = ngx_queue_data(q, ngx_http_alikassa_claim_t, queue);
        other = claim->zone->data;

        if (other->sh != zone->sh
            || ngx_http_alikassa_record_find(zone, claim->key))
        {
            continue;
        }

        (void) ngx_http_alikassa_record_hold(zone, NULL, claim, claim->state);
    }
}


static void
ngx_http_alikassa_claim_copy(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_record_t *record, u_char *p, size_t size)
{
    ngx_http_alikassa_stored_t  *stored;

    stored = record->stored;

    claim->status = stored ? stored->status : 0;
    claim->found = stored ? stored->found : 0;
    claim->answer.len = stored ? stored->len : 0;

    if (stored && stored->len <= size) {
        ngx_memcpy(p, stored->data, stored->len);
    }
}


static void
ngx_http_alikassa_claim_wait(ngx_http_alikassa_claim_t *claim,
    ngx_msec_t wait)
{
    ngx_uint_t      i;
    ngx_event_t    *ev;
    ngx_msec_int_t  left;

    if (ngx_http_alikassa_waits[0].next == NULL) {
        for (i = 0; i < NGX_HTTP_ALIKASSA_QUEUES; i++) {
            ngx_queue_init(&ngx_http_alikassa_waits[i]);
        }
    }

    /* one wait, however often it is woken in vain */

    if (claim->deadline == 0) {
        claim->deadline = ngx_current_msec + wait;

        if (claim->deadline == 0) {
            claim->deadline = 1;
        }
    }

    claim->waiting = 1;

    ngx_http_alikassa_watch(claim->request);

    ngx_queue_insert_tail(&ngx_http_alikassa_waits[claim->key[0]],
                          &claim->queue);

    ev = &claim->event;

    ev->handler = ngx_http_alikassa_claim_event;
    ev->data = claim;
    ev->log = claim->request->connection->log;

    left = (ngx_msec_int_t) (claim->deadline - ngx_current_msec);

    if (left <= 0) {
        claim->timedout = 1;
        ngx_post_event(ev, &ngx_posted_events);
        return;
    }

    ngx_add_timer(ev, ngx_min(left, NGX_HTTP_ALIKASSA_LOOK));
}


void
ngx_http_alikassa_claim_wake(const u_char *key, size_t len)
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
ngx_http_alikassa_claim_event(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_alikassa_claim_t  *claim;

    claim = ev->data;
    r = claim->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "http alikassa wait: \"%V?%V\"", &r->uri, &r->args);

    ngx_http_alikassa_claim_leave(claim);

    if (!c->error) {
        claim->handler(claim);

    } else if (!r->post_action) {

        /* the client went, and its request is ending: it takes no order */

        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
    }

    ngx_http_run_posted_requests(c);
}


alikassa_action_t
ngx_http_alikassa_claim_settle(ngx_http_alikassa_claim_t *claim,
    alikassa_event_t event, ngx_uint_t status, ngx_str_t *answer)
{
    uint64_t                     waiters;
    ngx_int_t                    rc;
    ngx_uint_t                   over;
    alikassa_step_t              step;
    ngx_http_alikassa_zone_t    *zone;
    ngx_http_alikassa_record_t  *record;

    if (!claim->owner) {
        return ALIKASSA_ACTION_REFUSE;
    }

    zone = claim->zone->data;
    rc = NGX_OK;

    ngx_http_alikassa_zone_lock(zone);

    record = ngx_http_alikassa_record_find(zone, claim->key);

    if (record == NULL
        || !ngx_http_alikassa_held(record)
        || record->u.held.serial != claim->serial)
    {
        ngx_http_alikassa_claim_disown(claim);
        ngx_http_alikassa_zone_unlock(zone);

        return ALIKASSA_ACTION_REFUSE;
    }

    waiters = record->u.held.waiters;

    step = alikassa_idempotency_step(record->node.data, event);

    switch (step.action) {

    case ALIKASSA_ACTION_SEND:
    case ALIKASSA_ACTION_QUERY:

        record->node.data = step.state;

        claim->state = step.state;
        claim->asking = (step.action == ALIKASSA_ACTION_QUERY);

        break;

    case ALIKASSA_ACTION_STORE:
        rc = ngx_http_alikassa_record_done(zone, record, status, answer,
                                         event == ALIKASSA_EVENT_FOUND);
        break;

    case ALIKASSA_ACTION_RELEASE:
        ngx_http_alikassa_record_release(zone, record);
        break;

    case ALIKASSA_ACTION_MARK_UNKNOWN:
        ngx_http_alikassa_record_unknown(zone, record);
        break;

    default: /* ALIKASSA_ACTION_REFUSE */
        break;
    }

    over = step.action != ALIKASSA_ACTION_REFUSE
           && step.action != ALIKASSA_ACTION_SEND
           && step.action != ALIKASSA_ACTION_QUERY;

    if (over) {
        ngx_http_alikassa_claim_disown(claim);
    }

    ngx_http_alikassa_zone_unlock(zone);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "http alikassa settle: event %d, state %d, action %d",
                   (int) event, (int) step.state, (int) step.action);

    if (!over) {
        return step.action;
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "no room for an answer of %uz bytes in idempotency zone "
                      "\"%V\", it cannot be replayed",
                      answer->len, &zone->name);
    }

    ngx_http_alikassa_claim_wake(claim->key, NGX_HTTP_ALIKASSA_CLAIM_LEN);
    ngx_http_alikassa_worker_wake(zone, claim->key, waiters);

    return step.action;
}


void
ngx_http_alikassa_claim_leave(ngx_http_alikassa_claim_t *claim)
{
    if (!claim->waiting) {
        return;
    }

    claim->waiting = 0;

    ngx_http_alikassa_unwatch(claim->request);

    ngx_queue_remove(&claim->queue);

    if (claim->event.timer_set) {
        ngx_del_timer(&claim->event);
    }

    if (claim->event.posted) {
        ngx_delete_posted_event(&claim->event);
    }
}


/*
 * The request is gone.  Whoever had the order should have settled it; what
 * was not settled nobody knows.
 */

static void
ngx_http_alikassa_claim_cleanup(void *data)
{
    ngx_http_alikassa_claim_t *claim = data;

    ngx_http_alikassa_zone_t  *zone;

    ngx_http_alikassa_claim_leave(claim);

    if (!claim->owner) {
        return;
    }

    (void) ngx_http_alikassa_claim_settle(claim,
                                          claim->asking
                                          ? ALIKASSA_EVENT_NO_STATUS
                                          : ALIKASSA_EVENT_OUTCOME_UNKNOWN,
                                          0, NULL);

    if (claim->owner) {

        /* it must not stay in the queue, whatever the table says */

        zone = claim->zone->data;

        ngx_http_alikassa_zone_lock(zone);
        ngx_http_alikassa_claim_disown(claim);
        ngx_http_alikassa_zone_unlock(zone);
    }
}
