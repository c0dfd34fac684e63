
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_ZONE_DATA_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_ZONE_DATA_H_INCLUDED_


/*
 * An idempotency zone: what all workers share, and what this process knows of
 * it.
 */

#include "ngx_http_alikassa_util.h"
#include "ngx_http_alikassa_claim.h"


/* the random part of the name of a worker's socket */
#define NGX_HTTP_ALIKASSA_SOCKET_NAME_LEN  16


/* a slot of the zone: a worker that may own records */

typedef struct {
    uint64_t                         generation;    /* 0: the slot is free */
    uint64_t                         start;         /* 0: not known */
    ngx_pid_t                        pid;
    ngx_uint_t                       epoch;         /* last one synced with */
    ngx_uint_t                       owned;         /* records it owns */
    unsigned                         listening:1;
    unsigned                         missed:1;      /* a message was lost */
    u_char                           name[NGX_HTTP_ALIKASSA_SOCKET_NAME_LEN];
} ngx_http_alikassa_worker_t;


/*
 * Stands at the end of the shared memory, outside the slab: the workers stay
 * known when the slab is initialized again.
 */

typedef struct {
    ngx_atomic_t                     dirty;         /* being modified */
    ngx_uint_t                       epoch;         /* grows with each loss */
    uint64_t                         serial;        /* of the last claim */
    uint64_t                         generation;    /* of the last worker */

    ngx_rbtree_t                    *trees;         /* of records */
    ngx_uint_t                       ntrees;        /* a power of two */
    ngx_rbtree_node_t                sentinel;
    ngx_queue_t                      done;          /* oldest first */
    ngx_queue_t                      unknown;       /* oldest first */

    /* records were lost or forgotten: an order without one may exist */
    ngx_uint_t                       incomplete;

    /* a worker that owned records is gone */
    ngx_uint_t                       orphans;

    ngx_uint_t                       nworkers;      /* slots */
    ngx_uint_t                       nused;         /* slots ever used */
    ngx_http_alikassa_worker_t      *workers;
    u_char                          *log_ctx;
} ngx_http_alikassa_zone_sh_t;


typedef struct {
    ngx_http_alikassa_store_t        store;
    ngx_http_alikassa_zone_sh_t     *sh;
    ngx_slab_pool_t                 *shpool;
    ngx_msec_t                       timeout;
    ngx_http_alikassa_conf_pos_t     pos;     /* of the first directive */

    /* this worker's slot, and its generation when the worker registered */
    ngx_http_alikassa_worker_t      *self;
    uint64_t                         generation;

    /* another worker, by its generation, and when it was seen alive */
    uint64_t                         alive;
    ngx_msec_t                       alive_msec;

    /* when this process last warned that the zone is full */
    ngx_msec_t                       evicted_msec;
    ngx_msec_t                       forgot_msec;
    unsigned                         evicted:1;
    unsigned                         forgot:1;
    unsigned                         defined:1;
} ngx_http_alikassa_zone_t;


/*
 * Marks the zone as being modified.  If this process dies before it unlocks
 * the zone, the next process that locks the zone empties it.
 */

static ngx_inline void
ngx_http_alikassa_zone_begin_write(ngx_http_alikassa_zone_t *zone)
{
    zone->sh->dirty = 1;
    ngx_memory_barrier();
}


/*
 * Returns 1 if this process has a slot in the zone.
 */

static ngx_inline ngx_uint_t
ngx_http_alikassa_zone_registered(ngx_http_alikassa_zone_t *zone)
{
    return zone->self && zone->self->generation == zone->generation;
}


/*
 * Returns the slot of the worker with the generation, or NULL.  Called with the
 * zone locked.
 */

static ngx_inline ngx_http_alikassa_worker_t *
ngx_http_alikassa_zone_find_worker(ngx_http_alikassa_zone_t *zone,
    uint64_t generation)
{
    ngx_uint_t                    i;
    ngx_http_alikassa_zone_sh_t  *sh;

    sh = zone->sh;

    for (i = 0; i < sh->nused; i++) {
        if (sh->workers[i].generation == generation) {
            return &sh->workers[i];
        }
    }

    return NULL;
}


#endif /* _NGX_HTTP_ALIKASSA_ZONE_DATA_H_INCLUDED_ */
