
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The idempotency zone's shared memory: its lock, the records and their
 * answers.
 *
 * A worker may be killed at any instruction.  Whoever changes the slab, the
 * tree or the list says so in sh->busy first; nginx's master frees the lock
 * of the dead, and the next one to lock sees that the change was not
 * finished.  No record can be trusted then, so all are dropped and an epoch
 * begins: each worker writes the records again that it owns, before it does
 * anything else with the zone; and from then on an order without a record
 * counts as unknown: it is asked for before it is sent.  The same holds where
 * an unknown order had to make way.
 */


#include "ngx_http_alikassa_zone.h"


/* a cache line: workers write their places */
#define NGX_HTTP_ALIKASSA_ALIGN  64


static void ngx_http_alikassa_zone_create(ngx_http_alikassa_zone_t *zone,
    size_t total);
static void ngx_http_alikassa_zone_reset(ngx_http_alikassa_zone_t *zone);
static void ngx_http_alikassa_zone_repair(ngx_http_alikassa_zone_t *zone);
static ngx_uint_t ngx_http_alikassa_zone_evict(
    ngx_http_alikassa_zone_t *zone);
static ngx_uint_t ngx_http_alikassa_zone_forget(
    ngx_http_alikassa_zone_t *zone);
static void ngx_http_alikassa_zone_orphans(ngx_http_alikassa_zone_t *zone);
static void ngx_http_alikassa_zone_expire(ngx_http_alikassa_zone_t *zone);
static ngx_uint_t ngx_http_alikassa_record_expired(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_record_t *record);
static ngx_rbtree_t *ngx_http_alikassa_zone_tree(
    ngx_http_alikassa_zone_t *zone, u_char *rest);
static ngx_http_alikassa_record_t *ngx_http_alikassa_record_create(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_claim_t *claim);
static ngx_http_alikassa_stored_t *ngx_http_alikassa_record_room(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_record_t *record,
    size_t size);
static void ngx_http_alikassa_record_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);


ngx_int_t
ngx_http_alikassa_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_alikassa_zone_t *ozone = data;

    ngx_http_alikassa_zone_t  *zone;

    zone = shm_zone->data;

    if (ozone) {
        zone->sh = ozone->sh;
        zone->shpool = ozone->shpool;

        /* without a master, the process goes on with its new cycle */
        zone->generation = ozone->generation;
        zone->self = ozone->self;

        return NGX_OK;
    }

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        zone->sh = zone->shpool->data;

        return NGX_OK;
    }

    ngx_http_alikassa_zone_create(zone, shm_zone->shm.size);

    return NGX_OK;
}


/*
 * Takes what is not in the slab off its end.
 */

static void
ngx_http_alikassa_zone_create(ngx_http_alikassa_zone_t *zone, size_t total)
{
    u_char                       *p;
    size_t                        size;
    ngx_uint_t                    ntrees, nworkers;
    ngx_http_alikassa_zone_sh_t  *sh;

    for (ntrees = 1;
         ntrees <= total / NGX_HTTP_ALIKASSA_TREE_SHARE / 2;
         ntrees <<= 1)
    {
        /* void */
    }

    nworkers = ngx_min(total / NGX_HTTP_ALIKASSA_WORKER_SHARE,
                       NGX_HTTP_ALIKASSA_WORKERS);

    size = sizeof(ngx_http_alikassa_zone_sh_t)
           + ntrees * sizeof(ngx_rbtree_t)
           + nworkers * sizeof(ngx_http_alikassa_worker_t)
           + sizeof(" in idempotency zone \"\"") + zone->name.len;

    size = ngx_align(size, NGX_HTTP_ALIKASSA_ALIGN);

    p = ngx_align_ptr(zone->shpool->end - size - NGX_HTTP_ALIKASSA_ALIGN,
                      NGX_HTTP_ALIKASSA_ALIGN);

    zone->shpool->end = p;

    ngx_memzero(p, size);

    sh = (ngx_http_alikassa_zone_sh_t *) p;
    p += sizeof(ngx_http_alikassa_zone_sh_t);

    sh->nworkers = nworkers;
    sh->workers = (ngx_http_alikassa_worker_t *) p;
    p += nworkers * sizeof(ngx_http_alikassa_worker_t);

    sh->ntrees = ntrees;
    sh->trees = (ngx_rbtree_t *) p;
    p += ntrees * sizeof(ngx_rbtree_t);

    sh->log_ctx = p;

    ngx_sprintf(sh->log_ctx, " in idempotency zone \"%V\"%Z", &zone->name);

    zone->sh = sh;

    ngx_http_alikassa_zone_reset(zone);
}


static void
ngx_http_alikassa_zone_reset(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t                    i;
    ngx_http_alikassa_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_slab_init(zone->shpool);

    zone->shpool->data = sh;
    zone->shpool->log_ctx = sh->log_ctx;
    zone->shpool->log_nomem = 0;

    /* a sentinel is written to only within a change, so one does for all */

    for (i = 0; i < sh->ntrees; i++) {
        ngx_rbtree_init(&sh->trees[i], &sh->sentinel,
                        ngx_http_alikassa_record_insert);
    }

    ngx_queue_init(&sh->done);
    ngx_queue_init(&sh->unknown);

    sh->orphans = 0;
}


void
ngx_http_alikassa_zone_lock(ngx_http_alikassa_zone_t *zone)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    if (zone->sh->busy) {
        ngx_http_alikassa_zone_repair(zone);
    }

    if (ngx_http_alikassa_worker_registered(zone)
        && zone->self->epoch != zone->sh->epoch)
    {
        zone->self->epoch = zone->sh->epoch;
        ngx_http_alikassa_claim_assert(zone);
    }
}


void
ngx_http_alikassa_zone_unlock(ngx_http_alikassa_zone_t *zone)
{
    ngx_memory_barrier();
    zone->sh->busy = 0;

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


static void
ngx_http_alikassa_zone_repair(ngx_http_alikassa_zone_t *zone)
{
    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "a process died while it wrote to idempotency zone \"%V\": "
                  "the zone is emptied, and from now on an order that it "
                  "does not know is asked for before it is sent", &zone->name);

    ngx_http_alikassa_zone_reset(zone);

    zone->sh->epoch++;
    zone->sh->doubt = 1;

    ngx_memory_barrier();
    zone->sh->busy = 0;
}


/*
 * The zone is about to be changed, and what stands in it to be untrue.
 */

void
ngx_http_alikassa_zone_busy(ngx_http_alikassa_zone_t *zone)
{
    zone->sh->busy = 1;
    ngx_memory_barrier();
}


/*
 * Evicts up to so many finished records, oldest first, until there is room,
 * and if told so forgets unknown ones when no finished one is left.
 */

void *
ngx_http_alikassa_zone_alloc(ngx_http_alikassa_zone_t *zone, size_t size,
    ngx_uint_t evict, ngx_uint_t forget)
{
    void  *p;

    ngx_http_alikassa_zone_busy(zone);

    for ( ;; ) {

        p = ngx_slab_alloc_locked(zone->shpool, size);

        if (p || evict-- == 0) {
            return p;
        }

        if (!ngx_http_alikassa_zone_evict(zone)
            && !(forget && ngx_http_alikassa_zone_forget(zone)))
        {
            return NULL;
        }
    }
}


void
ngx_http_alikassa_zone_free(ngx_http_alikassa_zone_t *zone, void *p)
{
    ngx_http_alikassa_zone_busy(zone);

    ngx_slab_free_locked(zone->shpool, p);
}


static ngx_uint_t
ngx_http_alikassa_zone_evict(ngx_http_alikassa_zone_t *zone)
{
    ngx_queue_t                 *q;
    ngx_msec_int_t               age;
    alikassa_step_t              step;
    ngx_http_alikassa_record_t  *record;

    if (ngx_queue_empty(&zone->sh->done)) {
        return 0;
    }

    q = ngx_queue_head(&zone->sh->done);
    record = ngx_queue_data(q, ngx_http_alikassa_record_t, u.rest.queue);

    step = alikassa_idempotency_step(record->node.data, ALIKASSA_EVENT_EVICT);

    if (step.action != ALIKASSA_ACTION_RELEASE) {
        return 0;
    }

    if (!zone->evicted || ngx_current_msec - zone->warned
                          > NGX_HTTP_ALIKASSA_WARN)
    {
        zone->evicted = 1;
        zone->warned = ngx_current_msec;

        age = (ngx_msec_int_t) (ngx_current_msec - record->u.rest.since);

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "idempotency zone \"%V\" is full: an order is forgotten "
                      "after %T of %T seconds, enlarge the zone", &zone->name,
                      (time_t) (age / 1000), (time_t) (zone->timeout / 1000));
    }

    ngx_http_alikassa_record_release(zone, record);

    return 1;
}


/*
 * Lets the oldest unknown order make way; 0: there is none.  The order may
 * exist, so from then on the zone takes no order for new that it does not
 * know, until the zone itself is made anew.
 */

static ngx_uint_t
ngx_http_alikassa_zone_forget(ngx_http_alikassa_zone_t *zone)
{
    ngx_queue_t                 *q;
    ngx_msec_int_t               age;
    alikassa_step_t              step;
    ngx_http_alikassa_record_t  *record;

    if (ngx_queue_empty(&zone->sh->unknown)) {

        ngx_http_alikassa_zone_orphans(zone);

        /* they have given back the room for their answers: that may do */

        return !ngx_queue_empty(&zone->sh->unknown);
    }

    q = ngx_queue_head(&zone->sh->unknown);
    record = ngx_queue_data(q, ngx_http_alikassa_record_t, u.rest.queue);

    step = alikassa_idempotency_step(record->node.data, ALIKASSA_EVENT_EVICT);

    if (step.action != ALIKASSA_ACTION_FORGET) {
        return 0;
    }

    if (!zone->sh->doubt
        || !zone->forgot
        || ngx_current_msec - zone->forgot_msec > NGX_HTTP_ALIKASSA_WARN)
    {
        zone->forgot = 1;
        zone->forgot_msec = ngx_current_msec;

        age = (ngx_msec_int_t) (ngx_current_msec - record->u.rest.since);

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "idempotency zone \"%V\" is full of orders that may "
                      "exist: one is forgotten after %T seconds, and from now "
                      "on an order that the zone does not know is asked for "
                      "before it is sent, enlarge the zone",
                      &zone->name, (time_t) (age / 1000));
    }

    zone->sh->doubt = 1;

    ngx_http_alikassa_record_release(zone, record);

    return 1;
}


/*
 * Makes records unknown whose owner is gone and that nobody has met since.
 * They are in no queue, so all are looked through: once after each death of a
 * worker that held some, and only where the zone is full.
 */

static void
ngx_http_alikassa_zone_orphans(ngx_http_alikassa_zone_t *zone)
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

            if (ngx_http_alikassa_held(record)
                && record->u.held.owner != zone->generation
                && ngx_http_alikassa_worker_find(zone, record->u.held.owner)
                   == NULL
                && alikassa_idempotency_step(record->node.data,
                                             ALIKASSA_EVENT_DIED).state
                   == ALIKASSA_STATE_UNKNOWN)
            {
                ngx_http_alikassa_record_unknown(zone, record);
            }
        }
    }
}


/*
 * One or two of the oldest, if their time is over.
 */

static void
ngx_http_alikassa_zone_expire(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t                   n;
    ngx_queue_t                 *q;
    ngx_http_alikassa_record_t  *record;

    for (n = 0; n < 2; n++) {

        if (ngx_queue_empty(&zone->sh->done)) {
            return;
        }

        q = ngx_queue_head(&zone->sh->done);
        record = ngx_queue_data(q, ngx_http_alikassa_record_t, u.rest.queue);

        if (!ngx_http_alikassa_record_expired(zone, record)) {
            return;
        }

        ngx_http_alikassa_record_release(zone, record);
    }
}


static ngx_uint_t
ngx_http_alikassa_record_expired(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record)
{
    alikassa_step_t  step;
    ngx_msec_int_t   age;

    if (record->node.data != ALIKASSA_STATE_DONE) {
        return 0;
    }

    age = (ngx_msec_int_t) (ngx_current_msec - record->u.rest.since);

    if (age < (ngx_msec_int_t) zone->timeout) {
        return 0;
    }

    step = alikassa_idempotency_step(record->node.data,
                                     ALIKASSA_EVENT_EXPIRED);

    return step.action == ALIKASSA_ACTION_RELEASE;
}


static ngx_rbtree_t *
ngx_http_alikassa_zone_tree(ngx_http_alikassa_zone_t *zone, u_char *rest)
{
    uint32_t  n;

    ngx_memcpy(&n, rest, sizeof(uint32_t));

    return &zone->sh->trees[n & (zone->sh->ntrees - 1)];
}


ngx_http_alikassa_record_t *
ngx_http_alikassa_record_find(ngx_http_alikassa_zone_t *zone, u_char *key)
{
    u_char                      *rest;
    ngx_int_t                    rc;
    ngx_rbtree_key_t             hash;
    ngx_rbtree_node_t           *node, *sentinel;
    ngx_http_alikassa_record_t  *record;

    ngx_memcpy(&hash, key, sizeof(ngx_rbtree_key_t));
    rest = key + sizeof(ngx_rbtree_key_t);

    node = ngx_http_alikassa_zone_tree(zone, rest)->root;
    sentinel = &zone->sh->sentinel;

    while (node != sentinel) {

        if (hash != node->key) {
            node = (hash < node->key) ? node->left : node->right;
            continue;
        }

        record = (ngx_http_alikassa_record_t *) node;

        rc = ngx_memcmp(rest, record->rest, sizeof(record->rest));

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


alikassa_state_t
ngx_http_alikassa_record_state(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record)
{
    if (record) {
        return record->node.data;
    }

    return zone->sh->doubt ? ALIKASSA_STATE_UNKNOWN : ALIKASSA_STATE_FREE;
}


/*
 * Makes the claim the record's owner, with room for the answer that will
 * come: nothing is sent whose answer cannot be kept.  NULL: the zone is full.
 */

ngx_http_alikassa_record_t *
ngx_http_alikassa_record_hold(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record, ngx_http_alikassa_claim_t *claim,
    alikassa_state_t state)
{
    ngx_uint_t  created, unknown;

    created = 0;
    unknown = 0;

    if (record == NULL) {

        ngx_http_alikassa_zone_expire(zone);

        record = ngx_http_alikassa_record_create(zone, claim);
        if (record == NULL) {
            return NULL;
        }

        created = 1;

    } else if (record->node.data == ALIKASSA_STATE_UNKNOWN) {

        /* it must not make way for its own room */

        ngx_http_alikassa_zone_busy(zone);
        ngx_queue_remove(&record->u.rest.queue);

        unknown = 1;
    }

    if (record->stored == NULL) {

        record->stored = ngx_http_alikassa_zone_alloc(zone,
                                                NGX_HTTP_ALIKASSA_ROOM,
                                                NGX_HTTP_ALIKASSA_EVICT, 1);
        if (record->stored == NULL) {

            if (created) {
                ngx_http_alikassa_zone_free(zone, record);
            }

            if (unknown) {
                ngx_queue_insert_head(&zone->sh->unknown,
                                      &record->u.rest.queue);
            }

            return NULL;
        }
    }

    claim->serial = ++zone->sh->serial;

    record->u.held.owner = zone->generation;
    record->u.held.serial = claim->serial;
    record->u.held.waiters = 0;

    ngx_memory_barrier();
    record->node.data = state;

    if (created) {
        ngx_rbtree_insert(ngx_http_alikassa_zone_tree(zone, record->rest),
                          &record->node);
    }

    return record;
}


static ngx_http_alikassa_record_t *
ngx_http_alikassa_record_create(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_claim_t *claim)
{
    ngx_http_alikassa_record_t  *record;

    record = ngx_http_alikassa_zone_alloc(zone,
                                          sizeof(ngx_http_alikassa_record_t),
                                          NGX_HTTP_ALIKASSA_EVICT, 1);
    if (record == NULL) {
        return NULL;
    }

    ngx_memcpy(&record->node.key, claim->key, sizeof(ngx_rbtree_key_t));
    ngx_memcpy(record->rest, claim->key + sizeof(ngx_rbtree_key_t),
               sizeof(record->rest));
    ngx_memcpy(record->digest, claim->digest, NGX_HTTP_ALIKASSA_CLAIM_LEN);

    record->stored = NULL;

    return record;
}


/*
 * The order may exist, and nobody holds it.  It may stay so for long, so the
 * room for its answer is given back.
 */

void
ngx_http_alikassa_record_unknown(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record)
{
    ngx_http_alikassa_stored_t  *stored;

    ngx_http_alikassa_zone_busy(zone);

    record->node.data = ALIKASSA_STATE_UNKNOWN;
    record->u.rest.since = ngx_current_msec;

    ngx_queue_insert_tail(&zone->sh->unknown, &record->u.rest.queue);

    stored = record->stored;

    if (stored) {
        record->stored = NULL;
        ngx_http_alikassa_zone_free(zone, stored);
    }
}


/*
 * NGX_DECLINED: the answer was too big to be kept, but the order is done, and
 * stays so.
 */

ngx_int_t
ngx_http_alikassa_record_done(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record, ngx_uint_t status, ngx_str_t *answer,
    ngx_uint_t found)
{
    size_t                       len;
    ngx_http_alikassa_stored_t  *stored;

    ngx_http_alikassa_zone_busy(zone);

    len = answer ? answer->len : 0;

    stored = NULL;

    if (len <= ALIKASSA_RESPONSE_MAX) {
        stored = ngx_http_alikassa_record_room(zone, record,
                             offsetof(ngx_http_alikassa_stored_t, data) + len);
    }

    if (record->stored && record->stored != stored) {
        ngx_http_alikassa_zone_free(zone, record->stored);
    }

    record->stored = stored;

    if (stored) {
        stored->len = (uint32_t) len;
        stored->status = (uint16_t) status;
        stored->found = found;

        if (len) {
            ngx_memcpy(stored->data, answer->data, len);
        }
    }

    record->u.rest.since = ngx_current_msec;

    ngx_queue_insert_tail(&zone->sh->done, &record->u.rest.queue);

    record->node.data = ALIKASSA_STATE_DONE;

    return stored ? NGX_OK : NGX_DECLINED;
}


/*
 * Answers mostly fit the room that is kept for them; the small ones give it
 * back if they can, and big ones ask for more.
 */

static ngx_http_alikassa_stored_t *
ngx_http_alikassa_record_room(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record, size_t size)
{
    ngx_http_alikassa_stored_t  *stored;

    if (record->stored == NULL || size > NGX_HTTP_ALIKASSA_ROOM) {
        return ngx_http_alikassa_zone_alloc(zone, size,
                                            NGX_HTTP_ALIKASSA_EVICT_BIG, 0);
    }

    if (size > NGX_HTTP_ALIKASSA_ROOM / 2) {
        return record->stored;
    }

    stored = ngx_http_alikassa_zone_alloc(zone, size, 0, 0);

    return stored ? stored : record->stored;
}


void
ngx_http_alikassa_record_release(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record)
{
    ngx_http_alikassa_zone_busy(zone);

    if (record->node.data == ALIKASSA_STATE_DONE
        || record->node.data == ALIKASSA_STATE_UNKNOWN)
    {
        ngx_queue_remove(&record->u.rest.queue);
    }

    ngx_rbtree_delete(ngx_http_alikassa_zone_tree(zone, record->rest),
                      &record->node);

    if (record->stored) {
        ngx_slab_free_locked(zone->shpool, record->stored);
    }

    ngx_slab_free_locked(zone->shpool, record);
}


static void
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

            less = ngx_memcmp(record->rest, other->rest,
                              sizeof(record->rest))
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
