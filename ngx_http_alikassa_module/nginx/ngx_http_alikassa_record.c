
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Records of an idempotency zone: found, owned, finished and evicted.
 */


#include "ngx_http_alikassa_record.h"


/* memory reserved for a response before its call is made, with its header */
#define NGX_HTTP_ALIKASSA_RESPONSE_RESERVE  512

/* how many records at most are evicted for a new record, and for a response */
#define NGX_HTTP_ALIKASSA_EVICT           1024
#define NGX_HTTP_ALIKASSA_EVICT_RESPONSE  64

/* how many expired records are released with each new record */
#define NGX_HTTP_ALIKASSA_EXPIRE  2

/* a worker warns once in this time that a zone is full, in milliseconds */
#define NGX_HTTP_ALIKASSA_FULL_WARN_INTERVAL  60000


static ngx_uint_t ngx_http_alikassa_record_expired(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_record_t *record);
static ngx_rbtree_t *ngx_http_alikassa_record_tree(
    ngx_http_alikassa_zone_t *zone, u_char *key_tail);
static ngx_http_alikassa_record_t *ngx_http_alikassa_record_create(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_claim_t *claim);
static void ngx_http_alikassa_record_expire(ngx_http_alikassa_zone_t *zone);
static void *ngx_http_alikassa_record_alloc(ngx_http_alikassa_zone_t *zone,
    size_t size, ngx_uint_t evict, ngx_uint_t unknown);
static ngx_uint_t ngx_http_alikassa_record_evict(
    ngx_http_alikassa_zone_t *zone);
static ngx_uint_t ngx_http_alikassa_record_evict_unknown(
    ngx_http_alikassa_zone_t *zone);
static void ngx_http_alikassa_record_find_orphans(
    ngx_http_alikassa_zone_t *zone);
static ngx_http_alikassa_saved_response_t *ngx_http_alikassa_record_reserve(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_record_t *record,
    size_t size);
static void ngx_http_alikassa_record_free(ngx_http_alikassa_zone_t *zone,
    void *p);


void
ngx_http_alikassa_record_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_int_t                     less;
    ngx_rbtree_node_t           **p;
    ngx_http_alikassa_record_t   *record, *other;

    for ( ;; ) {

        if (node->key != temp->key) {
            less = node->key < temp->key;

        } else {
            record = (ngx_http_alikassa_record_t *) node;
            other = (ngx_http_alikassa_record_t *) temp;

            less = ngx_memcmp(record->key_tail, other->key_tail,
                              sizeof(record->key_tail))
                   < 0;
        }

        p = less ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


ngx_http_alikassa_record_t *
ngx_http_alikassa_record_find(ngx_http_alikassa_zone_t *zone, u_char *key)
{
    u_char                      *tail;
    ngx_int_t                    rc;
    ngx_rbtree_key_t             hash;
    ngx_rbtree_node_t           *node, *sentinel;
    ngx_http_alikassa_record_t  *record;

    ngx_memcpy(&hash, key, sizeof(ngx_rbtree_key_t));
    tail = key + sizeof(ngx_rbtree_key_t);

    node = ngx_http_alikassa_record_tree(zone, tail)->root;
    sentinel = &zone->sh->sentinel;

    while (node != sentinel) {

        if (hash != node->key) {
            node = (hash < node->key) ? node->left : node->right;
            continue;
        }

        record = (ngx_http_alikassa_record_t *) node;

        rc = ngx_memcmp(tail, record->key_tail, sizeof(record->key_tail));

        if (rc == 0) {

            if (ngx_http_alikassa_record_expired(zone, record)) {
                ngx_http_alikassa_record_release(zone, record);
                return NULL;
            }

            return record;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


/*
 * Returns 1 if the record's time is over, and the state machine allows to
 * release it.
 */

static ngx_uint_t
ngx_http_alikassa_record_expired(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record)
{
    alikassa_step_t  step;
    ngx_msec_int_t   age;

    if (record->node.data != ALIKASSA_STATE_DONE) {
        return 0;
    }

    age = (ngx_msec_int_t) (ngx_current_msec - record->u.queued.since);

    if (age < (ngx_msec_int_t) zone->timeout) {
        return 0;
    }

    step = alikassa_idempotency_step(record->node.data,
                                     ALIKASSA_EVENT_EXPIRED);

    return step.action == ALIKASSA_ACTION_RELEASE;
}


/*
 * Returns the tree in which a record with this part of the key stands.
 */

static ngx_rbtree_t *
ngx_http_alikassa_record_tree(ngx_http_alikassa_zone_t *zone,
    u_char *key_tail)
{
    uint32_t  n;

    ngx_memcpy(&n, key_tail, sizeof(uint32_t));

    return &zone->sh->trees[n & (zone->sh->ntrees - 1)];
}


alikassa_state_t
ngx_http_alikassa_record_state(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record)
{
    if (record) {
        return record->node.data;
    }

    return zone->sh->incomplete ? ALIKASSA_STATE_UNKNOWN : ALIKASSA_STATE_FREE;
}


ngx_http_alikassa_record_t *
ngx_http_alikassa_record_own(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record, ngx_http_alikassa_claim_t *claim,
    alikassa_state_t state)
{
    ngx_uint_t  created, unknown;

    created = 0;
    unknown = 0;

    if (record == NULL) {

        ngx_http_alikassa_record_expire(zone);

        record = ngx_http_alikassa_record_create(zone, claim);
        if (record == NULL) {
            return NULL;
        }

        created = 1;

    } else if (record->node.data == ALIKASSA_STATE_UNKNOWN) {

        /* the record must not be evicted to make room for its own response */

        ngx_http_alikassa_zone_begin_write(zone);
        ngx_queue_remove(&record->u.queued.queue);

        unknown = 1;
    }

    if (record->response == NULL) {

        record->response = ngx_http_alikassa_record_alloc(zone,
                                            NGX_HTTP_ALIKASSA_RESPONSE_RESERVE,
                                            NGX_HTTP_ALIKASSA_EVICT, 1);
        if (record->response == NULL) {

            if (created) {
                ngx_http_alikassa_record_free(zone, record);
            }

            if (unknown) {
                ngx_queue_insert_head(&zone->sh->unknown,
                                      &record->u.queued.queue);
            }

            return NULL;
        }
    }

    claim->serial = ++zone->sh->serial;

    record->u.in_progress.owner = zone->generation;
    record->u.in_progress.serial = claim->serial;
    record->u.in_progress.waiters = 0;

    ngx_memory_barrier();
    record->node.data = state;

    if (created) {
        ngx_rbtree_insert(ngx_http_alikassa_record_tree(zone, record->key_tail),
                          &record->node);
    }

    return record;
}


/*
 * Creates a record of the claim that is not in a tree yet.  Returns NULL if the
 * zone is full.
 */

static ngx_http_alikassa_record_t *
ngx_http_alikassa_record_create(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_claim_t *claim)
{
    ngx_http_alikassa_record_t  *record;

    record = ngx_http_alikassa_record_alloc(zone,
                                          sizeof(ngx_http_alikassa_record_t),
                                          NGX_HTTP_ALIKASSA_EVICT, 1);
    if (record == NULL) {
        return NULL;
    }

    ngx_memcpy(&record->node.key, claim->key, sizeof(ngx_rbtree_key_t));
    ngx_memcpy(record->key_tail, claim->key + sizeof(ngx_rbtree_key_t),
               sizeof(record->key_tail));
    ngx_memcpy(record->fingerprint, claim->fingerprint,
               NGX_HTTP_ALIKASSA_HASH_LEN);

    record->response = NULL;

    return record;
}


/*
 * Releases some of the oldest records whose time is over.
 */

static void
ngx_http_alikassa_record_expire(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t                   n;
    ngx_queue_t                 *q;
    ngx_http_alikassa_record_t  *record;

    for (n = 0; n < NGX_HTTP_ALIKASSA_EXPIRE; n++) {

        if (ngx_queue_empty(&zone->sh->done)) {
            return;
        }

        q = ngx_queue_head(&zone->sh->done);
        record = ngx_queue_data(q, ngx_http_alikassa_record_t, u.queued.queue);

        if (!ngx_http_alikassa_record_expired(zone, record)) {
            return;
        }

        ngx_http_alikassa_record_release(zone, record);
    }
}


/*
 * Allocates memory of the zone.  Evicts up to the given number of DONE records,
 * the oldest first, until there is enough memory; then, if unknown is set, also
 * UNKNOWN records.  Returns NULL if there is not enough.
 */

static void *
ngx_http_alikassa_record_alloc(ngx_http_alikassa_zone_t *zone, size_t size,
    ngx_uint_t evict, ngx_uint_t unknown)
{
    void  *p;

    ngx_http_alikassa_zone_begin_write(zone);

    for ( ;; ) {

        p = ngx_slab_alloc_locked(zone->shpool, size);

        if (p || evict-- == 0) {
            return p;
        }

        if (!ngx_http_alikassa_record_evict(zone)
            && !(unknown && ngx_http_alikassa_record_evict_unknown(zone)))
        {
            return NULL;
        }
    }
}


/*
 * Releases the oldest DONE record.  Returns 0 if there is none.
 */

static ngx_uint_t
ngx_http_alikassa_record_evict(ngx_http_alikassa_zone_t *zone)
{
    ngx_queue_t                 *q;
    ngx_msec_int_t               age;
    alikassa_step_t              step;
    ngx_http_alikassa_record_t  *record;

    if (ngx_queue_empty(&zone->sh->done)) {
        return 0;
    }

    q = ngx_queue_head(&zone->sh->done);
    record = ngx_queue_data(q, ngx_http_alikassa_record_t, u.queued.queue);

    step = alikassa_idempotency_step(record->node.data, ALIKASSA_EVENT_EVICT);

    if (step.action != ALIKASSA_ACTION_RELEASE) {
        return 0;
    }

    if (!zone->evicted || ngx_current_msec - zone->evicted_msec
                          > NGX_HTTP_ALIKASSA_FULL_WARN_INTERVAL)
    {
        zone->evicted = 1;
        zone->evicted_msec = ngx_current_msec;

        age = (ngx_msec_int_t) (ngx_current_msec - record->u.queued.since);

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "idempotency zone \"%V\" is full: an order is forgotten "
                      "after %T of %T seconds, enlarge the zone",
                      &zone->store.name, (time_t) (age / 1000),
                      (time_t) (zone->timeout / 1000));
    }

    ngx_http_alikassa_record_release(zone, record);

    return 1;
}


/*
 * Releases the oldest UNKNOWN record.  Returns 0 if there is none.  The order
 * may exist: from then on, and until the zone is created again, an order
 * without a record counts as unknown.
 */

static ngx_uint_t
ngx_http_alikassa_record_evict_unknown(ngx_http_alikassa_zone_t *zone)
{
    ngx_queue_t                 *q;
    ngx_msec_int_t               age;
    alikassa_step_t              step;
    ngx_http_alikassa_record_t  *record;

    if (ngx_queue_empty(&zone->sh->unknown)) {

        ngx_http_alikassa_record_find_orphans(zone);

        /*
         * records that became UNKNOWN have released the memory reserved for
         * their responses: the caller tries again
         */

        return !ngx_queue_empty(&zone->sh->unknown);
    }

    q = ngx_queue_head(&zone->sh->unknown);
    record = ngx_queue_data(q, ngx_http_alikassa_record_t, u.queued.queue);

    step = alikassa_idempotency_step(record->node.data, ALIKASSA_EVENT_EVICT);

    if (step.action != ALIKASSA_ACTION_FORGET) {
        return 0;
    }

    if (!zone->sh->incomplete
        || !zone->forgot
        || ngx_current_msec - zone->forgot_msec
           > NGX_HTTP_ALIKASSA_FULL_WARN_INTERVAL)
    {
        zone->forgot = 1;
        zone->forgot_msec = ngx_current_msec;

        age = (ngx_msec_int_t) (ngx_current_msec - record->u.queued.since);

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "idempotency zone \"%V\" is full of orders that may "
                      "exist: one is forgotten after %T seconds, and from now "
                      "on an order that the zone does not know is asked for "
                      "before it is sent, enlarge the zone",
                      &zone->store.name, (time_t) (age / 1000));
    }

    zone->sh->incomplete = 1;

    ngx_http_alikassa_record_release(zone, record);

    return 1;
}


/*
 * Makes those records UNKNOWN whose owner is gone, and that no request has met
 * since.  They are in no queue, so this function looks at all records.  It does
 * so only if the zone is full, and once after the end of each worker that owned
 * records.
 */

static void
ngx_http_alikassa_record_find_orphans(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t                   i;
    ngx_rbtree_t                *tree;
    ngx_rbtree_node_t           *node;
    ngx_http_alikassa_record_t  *record;

    if (!zone->sh->orphans) {
        return;
    }

    zone->sh->orphans = 0;

    for (i = 0; i < zone->sh->ntrees; i++) {

        tree = &zone->sh->trees[i];

        if (tree->root == tree->sentinel) {
            continue;
        }

        for (node = ngx_rbtree_min(tree->root, tree->sentinel);
             node;
             node = ngx_rbtree_next(tree, node))
        {
            record = (ngx_http_alikassa_record_t *) node;

            if (ngx_http_alikassa_record_in_progress(record)
                && record->u.in_progress.owner != zone->generation
                && ngx_http_alikassa_zone_find_worker(zone,
                                                  record->u.in_progress.owner)
                   == NULL
                && alikassa_idempotency_step(record->node.data,
                                             ALIKASSA_EVENT_DIED).state
                   == ALIKASSA_STATE_UNKNOWN)
            {
                ngx_http_alikassa_record_set_unknown(zone, record);
            }
        }
    }
}


void
ngx_http_alikassa_record_set_unknown(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record)
{
    ngx_http_alikassa_saved_response_t  *reserved;

    ngx_http_alikassa_zone_begin_write(zone);

    record->node.data = ALIKASSA_STATE_UNKNOWN;
    record->u.queued.since = ngx_current_msec;

    ngx_queue_insert_tail(&zone->sh->unknown, &record->u.queued.queue);

    /* a record may stay UNKNOWN for long: it keeps no memory reserved */

    reserved = record->response;

    if (reserved) {
        record->response = NULL;
        ngx_http_alikassa_record_free(zone, reserved);
    }
}


ngx_int_t
ngx_http_alikassa_record_set_done(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record, ngx_uint_t status,
    ngx_str_t *response, ngx_uint_t found)
{
    size_t                               len, size;
    ngx_http_alikassa_saved_response_t  *saved;

    ngx_http_alikassa_zone_begin_write(zone);

    len = response ? response->len : 0;

    saved = NULL;

    if (len <= ALIKASSA_RESPONSE_MAX) {
        size = offsetof(ngx_http_alikassa_saved_response_t, data) + len;
        saved = ngx_http_alikassa_record_reserve(zone, record, size);
    }

    if (record->response && record->response != saved) {
        ngx_http_alikassa_record_free(zone, record->response);
    }

    record->response = saved;

    if (saved) {
        saved->len = (uint32_t) len;
        saved->status = (uint16_t) status;
        saved->found = found;

        if (len) {
            ngx_memcpy(saved->data, response->data, len);
        }
    }

    record->u.queued.since = ngx_current_msec;

    ngx_queue_insert_tail(&zone->sh->done, &record->u.queued.queue);

    record->node.data = ALIKASSA_STATE_DONE;

    return saved ? NGX_OK : NGX_DECLINED;
}


/*
 * Returns memory for a response of the size.  Most responses fit into the
 * memory that was reserved for them.  A small one moves to a smaller piece of
 * memory, if there is one; a large one needs more.  Returns NULL if there is
 * not enough.
 */

static ngx_http_alikassa_saved_response_t *
ngx_http_alikassa_record_reserve(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record, size_t size)
{
    ngx_http_alikassa_saved_response_t  *smaller;

    if (record->response == NULL || size > NGX_HTTP_ALIKASSA_RESPONSE_RESERVE)
    {
        return ngx_http_alikassa_record_alloc(zone, size,
                                         NGX_HTTP_ALIKASSA_EVICT_RESPONSE, 0);
    }

    if (size > NGX_HTTP_ALIKASSA_RESPONSE_RESERVE / 2) {
        return record->response;
    }

    smaller = ngx_http_alikassa_record_alloc(zone, size, 0, 0);

    return smaller ? smaller : record->response;
}


void
ngx_http_alikassa_record_release(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record)
{
    ngx_http_alikassa_zone_begin_write(zone);

    if (record->node.data == ALIKASSA_STATE_DONE
        || record->node.data == ALIKASSA_STATE_UNKNOWN)
    {
        ngx_queue_remove(&record->u.queued.queue);
    }

    ngx_rbtree_delete(ngx_http_alikassa_record_tree(zone, record->key_tail),
                      &record->node);

    if (record->response) {
        ngx_slab_free_locked(zone->shpool, record->response);
    }

    ngx_slab_free_locked(zone->shpool, record);
}


/*
 * Frees memory of the zone.
 */

static void
ngx_http_alikassa_record_free(ngx_http_alikassa_zone_t *zone, void *p)
{
    ngx_http_alikassa_zone_begin_write(zone);

    ngx_slab_free_locked(zone->shpool, p);
}
