
/*
 * The idempotency zone's shared memory: its lock, the records and their
 * answers.
 *
 * A worker may be killed at any instruction.  Whoever changes the slab, the
 * tree or a list says so in sh->busy first; nginx's master frees the lock of
 * the dead, and the next one to lock sees that the change was not finished.
 * Nothing in there can be trusted then, so the zone starts anew, and until
 * the old records would have expired an order without a record counts as
 * unknown: it is asked for before it is sent.
 */


#include "ngx_http_alikassa_zone.h"


static void ngx_http_alikassa_zone_reset(ngx_http_alikassa_zone_t *zone);
static void ngx_http_alikassa_zone_repair(ngx_http_alikassa_zone_t *zone);
static ngx_uint_t ngx_http_alikassa_zone_evict(
    ngx_http_alikassa_zone_t *zone);
static void ngx_http_alikassa_zone_expire(ngx_http_alikassa_zone_t *zone);
static ngx_uint_t ngx_http_alikassa_record_expired(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_record_t *record);
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

    size_t                     size;
    uintptr_t                  end;
    ngx_slab_pool_t           *shpool;
    ngx_http_alikassa_zone_t  *zone;

    zone = shm_zone->data;

    if (ozone) {
        zone->sh = ozone->sh;
        zone->shpool = ozone->shpool;

        /* without a master, the process goes on with its new cycle */
        zone->generation = ozone->generation;

        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    zone->shpool = shpool;

    if (shm_zone->shm.exists) {
        zone->sh = shpool->data;

        return NGX_OK;
    }

    size = sizeof(ngx_http_alikassa_zone_sh_t)
           + sizeof(" in idempotency zone \"\"") + zone->name.len;

    if (size > ngx_pagesize) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone name \"%V\" is too long", &zone->name);
        return NGX_ERROR;
    }

    end = (uintptr_t) shpool->end - size;
    end -= end % NGX_ALIGNMENT;

    shpool->end = (u_char *) end;

    zone->sh = (ngx_http_alikassa_zone_sh_t *) end;

    ngx_memzero(zone->sh, sizeof(ngx_http_alikassa_zone_sh_t));

    ngx_sprintf(zone->sh->log_ctx, " in idempotency zone \"%V\"%Z",
                &zone->name);

    ngx_http_alikassa_zone_reset(zone);

    return NGX_OK;
}


static void
ngx_http_alikassa_zone_reset(ngx_http_alikassa_zone_t *zone)
{
    ngx_http_alikassa_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_slab_init(zone->shpool);

    zone->shpool->data = sh;
    zone->shpool->log_ctx = sh->log_ctx;
    zone->shpool->log_nomem = 0;

    ngx_rbtree_init(&sh->rbtree, &sh->sentinel,
                    ngx_http_alikassa_record_insert);
    ngx_queue_init(&sh->done);
    ngx_queue_init(&sh->workers);
}


void
ngx_http_alikassa_zone_lock(ngx_http_alikassa_zone_t *zone)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    if (zone->sh->busy) {
        ngx_http_alikassa_zone_repair(zone);
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
                  "the zone is emptied, and for %T seconds an order that it "
                  "does not know is asked for before it is sent",
                  &zone->name, (time_t) (zone->timeout / 1000));

    ngx_http_alikassa_zone_reset(zone);

    zone->sh->doubt = 1;
    zone->sh->doubt_end = ngx_current_msec + zone->timeout;

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
 * Evicts finished records, oldest first, until there is room.
 */

void *
ngx_http_alikassa_zone_alloc(ngx_http_alikassa_zone_t *zone, size_t size,
    ngx_uint_t evict)
{
    void  *p;

    ngx_http_alikassa_zone_busy(zone);

    for ( ;; ) {

        p = ngx_slab_alloc_locked(zone->shpool, size);

        if (p || evict-- == 0 || !ngx_http_alikassa_zone_evict(zone)) {
            return p;
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
    alikassa_step_t              step;
    ngx_http_alikassa_record_t  *record;

    if (ngx_queue_empty(&zone->sh->done)) {
        return 0;
    }

    q = ngx_queue_head(&zone->sh->done);
    record = ngx_queue_data(q, ngx_http_alikassa_record_t, u.done.queue);

    step = alikassa_idempotency_step(record->node.data, ALIKASSA_EVENT_EVICT);

    if (step.action != ALIKASSA_ACTION_RELEASE) {
        return 0;
    }

    ngx_http_alikassa_record_release(zone, record);

    return 1;
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
        record = ngx_queue_data(q, ngx_http_alikassa_record_t, u.done.queue);

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

    age = (ngx_msec_int_t) (ngx_current_msec - record->u.done.finished);

    if (age < (ngx_msec_int_t) zone->timeout) {
        return 0;
    }

    step = alikassa_idempotency_step(record->node.data,
                                     ALIKASSA_EVENT_EXPIRED);

    return step.action == ALIKASSA_ACTION_RELEASE;
}


ngx_http_alikassa_record_t *
ngx_http_alikassa_record_find(ngx_http_alikassa_zone_t *zone, u_char *key)
{
    ngx_int_t                    rc;
    ngx_rbtree_key_t             hash;
    ngx_rbtree_node_t           *node, *sentinel;
    ngx_http_alikassa_record_t  *record;

    ngx_memcpy(&hash, key, sizeof(ngx_rbtree_key_t));

    node = zone->sh->rbtree.root;
    sentinel = zone->sh->rbtree.sentinel;

    while (node != sentinel) {

        if (hash != node->key) {
            node = (hash < node->key) ? node->left : node->right;
            continue;
        }

        record = (ngx_http_alikassa_record_t *) node;

        rc = ngx_memcmp(key + sizeof(ngx_rbtree_key_t), record->rest,
                        sizeof(record->rest));

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

    if (!zone->sh->doubt) {
        return ALIKASSA_STATE_FREE;
    }

    if ((ngx_msec_int_t) (ngx_current_msec - zone->sh->doubt_end) >= 0) {
        zone->sh->doubt = 0;
        return ALIKASSA_STATE_FREE;
    }

    return ALIKASSA_STATE_UNKNOWN;
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
    ngx_uint_t  created;

    created = 0;

    if (record == NULL) {

        ngx_http_alikassa_zone_expire(zone);

        record = ngx_http_alikassa_record_create(zone, claim);
        if (record == NULL) {
            return NULL;
        }

        created = 1;
    }

    if (record->stored == NULL) {

        record->stored = ngx_http_alikassa_zone_alloc(zone,
                                                NGX_HTTP_ALIKASSA_ROOM,
                                                NGX_HTTP_ALIKASSA_EVICT);
        if (record->stored == NULL) {

            if (created) {
                ngx_http_alikassa_zone_free(zone, record);
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
        ngx_rbtree_insert(&zone->sh->rbtree, &record->node);
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
                                          NGX_HTTP_ALIKASSA_EVICT);
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

    record->node.data = ALIKASSA_STATE_UNKNOWN;

    stored = record->stored;

    if (stored) {
        ngx_http_alikassa_zone_busy(zone);

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

    if (len <= ALIKASSA_ANSWER_MAX) {
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

    record->u.done.finished = ngx_current_msec;

    ngx_queue_insert_tail(&zone->sh->done, &record->u.done.queue);

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
                                            NGX_HTTP_ALIKASSA_EVICT_BIG);
    }

    if (size > NGX_HTTP_ALIKASSA_ROOM / 2) {
        return record->stored;
    }

    stored = ngx_http_alikassa_zone_alloc(zone, size, 0);

    return stored ? stored : record->stored;
}


void
ngx_http_alikassa_record_release(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record)
{
    ngx_http_alikassa_zone_busy(zone);

    if (record->node.data == ALIKASSA_STATE_DONE) {
        ngx_queue_remove(&record->u.done.queue);
    }

    ngx_rbtree_delete(&zone->sh->rbtree, &record->node);

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
