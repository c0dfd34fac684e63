
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * An idempotency zone's shared memory: creation, lock and repair.
 *
 * A worker may be killed at any instruction.  Before a worker changes the slab,
 * a tree or a queue, it sets sh->dirty.  If the worker dies, nginx's master
 * releases its lock, and the next process that locks the zone finds that the
 * change was not completed.  No record can be trusted then: this process drops
 * all records and begins a new epoch.  In a new epoch each worker restores the
 * records that it owns before it does anything else with the zone.  From then
 * on an order without a record counts as unknown: its status is queried before
 * it is sent.  The same holds after a record of an unknown order was evicted.
 */


#include "ngx_http_alikassa_zone.h"
#include "ngx_http_alikassa_record.h"


/* one tree of records for so many bytes, which keeps the trees small */
#define NGX_HTTP_ALIKASSA_BYTES_PER_TREE  1024

/* one slot for a worker, of an old or a new cycle, for so many bytes */
#define NGX_HTTP_ALIKASSA_BYTES_PER_WORKER  1024
#define NGX_HTTP_ALIKASSA_MAX_WORKERS       1024

/* a cache line: each worker writes into its slot */
#define NGX_HTTP_ALIKASSA_ALIGN  64


static void ngx_http_alikassa_zone_create(ngx_http_alikassa_zone_t *zone,
    size_t total);
static void ngx_http_alikassa_zone_reset(ngx_http_alikassa_zone_t *zone);
static void ngx_http_alikassa_zone_repair(ngx_http_alikassa_zone_t *zone);
static void ngx_http_alikassa_zone_restore_records(
    ngx_http_alikassa_zone_t *zone);


/* the claims of this process that own a record, of all zones */

static ngx_queue_t  ngx_http_alikassa_owners;


ngx_int_t
ngx_http_alikassa_for_each_zone(ngx_cycle_t *cycle,
    ngx_http_alikassa_zone_handler_pt handler, ngx_log_t *log)
{
    ngx_int_t         rc;
    ngx_uint_t        i;
    ngx_shm_zone_t   *shm_zone;
    ngx_list_part_t  *part;

    part = &cycle->shared_memory.part;
    shm_zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            shm_zone = part->elts;
            i = 0;
        }

        if (shm_zone[i].init != ngx_http_alikassa_zone_init) {
            continue;
        }

        rc = handler(shm_zone[i].data, log);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_alikassa_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_alikassa_zone_t *ozone = data;

    ngx_http_alikassa_zone_t  *zone;

    zone = shm_zone->data;

    if (ozone) {
        zone->sh = ozone->sh;
        zone->shpool = ozone->shpool;

        /* with "master_process off" this process serves the new cycle, too */
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
 * Creates the shared part at the end of the memory, and leaves the rest to the
 * slab.
 */

static void
ngx_http_alikassa_zone_create(ngx_http_alikassa_zone_t *zone, size_t total)
{
    u_char                       *p;
    size_t                        size;
    ngx_uint_t                    ntrees, nworkers;
    ngx_http_alikassa_zone_sh_t  *sh;

    for (ntrees = 1;
         ntrees <= total / NGX_HTTP_ALIKASSA_BYTES_PER_TREE / 2;
         ntrees <<= 1)
    {
        /* void */
    }

    nworkers = ngx_min(total / NGX_HTTP_ALIKASSA_BYTES_PER_WORKER,
                       NGX_HTTP_ALIKASSA_MAX_WORKERS);

    size = sizeof(ngx_http_alikassa_zone_sh_t)
           + ntrees * sizeof(ngx_rbtree_t)
           + nworkers * sizeof(ngx_http_alikassa_worker_t)
           + sizeof(" in idempotency zone \"\"") + zone->store.name.len;

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

    ngx_sprintf(sh->log_ctx, " in idempotency zone \"%V\"%Z",
                &zone->store.name);

    zone->sh = sh;

    ngx_http_alikassa_zone_reset(zone);
}


/*
 * Initializes the slab, the trees and the queues: all records are gone.
 */

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

    /* all trees share a sentinel, which only a locked change writes to */

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

    if (zone->sh->dirty) {
        ngx_http_alikassa_zone_repair(zone);
    }

    if (ngx_http_alikassa_zone_registered(zone)
        && zone->self->epoch != zone->sh->epoch)
    {
        zone->self->epoch = zone->sh->epoch;
        ngx_http_alikassa_zone_restore_records(zone);
    }
}


void
ngx_http_alikassa_zone_unlock(ngx_http_alikassa_zone_t *zone)
{
    ngx_memory_barrier();
    zone->sh->dirty = 0;

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


/*
 * Drops all records, and begins a new epoch.
 */

static void
ngx_http_alikassa_zone_repair(ngx_http_alikassa_zone_t *zone)
{
    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "a process died while it wrote to idempotency zone \"%V\": "
                  "the zone is emptied, and from now on an order that it "
                  "does not know is asked for before it is sent",
                  &zone->store.name);

    ngx_http_alikassa_zone_reset(zone);

    zone->sh->epoch++;
    zone->sh->incomplete = 1;

    ngx_memory_barrier();
    zone->sh->dirty = 0;
}


/*
 * Creates the records again that this process owns and that are lost.
 */

static void
ngx_http_alikassa_zone_restore_records(ngx_http_alikassa_zone_t *zone)
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
        other = claim->store->data;

        /* of two cycles with the same shared memory, sh is the same */

        if (other->sh != zone->sh
            || ngx_http_alikassa_record_find(zone, claim->key))
        {
            continue;
        }

        (void) ngx_http_alikassa_record_own(zone, NULL, claim, claim->state);
    }
}


void
ngx_http_alikassa_zone_add_owner(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_claim_t *claim)
{
    if (ngx_http_alikassa_owners.next == NULL) {
        ngx_queue_init(&ngx_http_alikassa_owners);
    }

    ngx_queue_insert_tail(&ngx_http_alikassa_owners, &claim->queue);

    zone->self->owned++;
}


void
ngx_http_alikassa_zone_remove_owner(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_claim_t *claim)
{
    ngx_queue_remove(&claim->queue);

    if (ngx_http_alikassa_zone_registered(zone) && zone->self->owned) {
        zone->self->owned--;
    }
}
