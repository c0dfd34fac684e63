
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The idempotency zone from inside, for the four files that make it:
 *
 *     ngx_http_alikassa_zone.c         shared memory: lock, records, answers
 *     ngx_http_alikassa_worker.c       who owns records, and waking others
 *     ngx_http_alikassa_claim.c        claims and waits
 *     ngx_http_alikassa_idempotency.c  directives
 */


#ifndef _NGX_HTTP_ALIKASSA_ZONE_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_ZONE_H_INCLUDED_


#include "ngx_http_alikassa_util.h"
#include "ngx_http_alikassa_idempotency.h"

#include <openssl/evp.h>


/* room that is kept for an answer before its call is made, with its head */
#define NGX_HTTP_ALIKASSA_ROOM  512

/* records that make way for one new record, or for a big answer */
#define NGX_HTTP_ALIKASSA_EVICT      1024
#define NGX_HTTP_ALIKASSA_EVICT_BIG  64

/* how often a full zone is worth a line in the log */
#define NGX_HTTP_ALIKASSA_WARN  60000

/* trees of records, which keeps each small: one for so many bytes */
#define NGX_HTTP_ALIKASSA_TREE_SHARE  1024

/* workers, old and new, that a zone can know: one for so many bytes */
#define NGX_HTTP_ALIKASSA_WORKER_SHARE  1024
#define NGX_HTTP_ALIKASSA_WORKERS       1024

/* random, of a worker's socket */
#define NGX_HTTP_ALIKASSA_NAME_LEN  16


/* an answer in the zone */

typedef struct {
    uint32_t                         len;
    uint16_t                         status;
    uint16_t                         found;
    u_char                           data[1];
} ngx_http_alikassa_stored_t;


/* FLIGHT, PROBE and CHECK */

typedef struct {
    uint64_t                         owner;     /* a worker's generation */
    uint64_t                         serial;    /* of the claim */
    uint64_t                         waiters;   /* a bit for each worker */
} ngx_http_alikassa_held_t;


/* DONE and UNKNOWN: each in a queue of its own, since when it is so */

typedef struct {
    ngx_queue_t                      queue;     /* oldest first */
    ngx_msec_t                       since;
} ngx_http_alikassa_rest_t;


/*
 * An order: 128 bytes on 64-bit systems, which is a size of the slab's.
 * node.key is the first part of the key, node.data the state.  What is held
 * has room for the answer in stored; what is done has the answer, or NULL
 * where it was too big for the zone.
 */

typedef struct {
    ngx_rbtree_node_t                node;
    u_char                           rest[NGX_HTTP_ALIKASSA_CLAIM_LEN
                                          - sizeof(ngx_rbtree_key_t)];
    u_char                           digest[NGX_HTTP_ALIKASSA_CLAIM_LEN];
    ngx_http_alikassa_stored_t      *stored;

    union {
        ngx_http_alikassa_held_t     held;
        ngx_http_alikassa_rest_t     rest;
    } u;
} ngx_http_alikassa_record_t;


/* a worker that may own records */

typedef struct {
    uint64_t                         generation;    /* 0: a free place */
    uint64_t                         start;         /* 0: not to be had */
    ngx_pid_t                        pid;
    ngx_uint_t                       epoch;         /* the last it heard of */
    ngx_uint_t                       held;          /* records it owns */
    unsigned                         listening:1;
    unsigned                         missed:1;      /* a message got lost */
    u_char                           name[NGX_HTTP_ALIKASSA_NAME_LEN];
} ngx_http_alikassa_worker_t;


/*
 * At the end of the shared memory, outside the slab, so that the slab can be
 * made anew and the workers still be known.
 */

typedef struct {
    ngx_atomic_t                     busy;
    ngx_uint_t                       epoch;         /* of the records */
    uint64_t                         serial;
    uint64_t                         generation;

    ngx_rbtree_t                    *trees;         /* by 4 of its bytes */
    ngx_uint_t                       ntrees;        /* a power of two */
    ngx_rbtree_node_t                sentinel;
    ngx_queue_t                      done;
    ngx_queue_t                      unknown;

    /* records were lost or forgotten: an order without one may exist */
    ngx_uint_t                       doubt;

    /* a worker is gone that held records */
    ngx_uint_t                       orphans;

    ngx_uint_t                       nworkers;      /* places */
    ngx_uint_t                       last;          /* beyond the last used */
    ngx_http_alikassa_worker_t      *workers;
    u_char                          *log_ctx;
} ngx_http_alikassa_zone_sh_t;


typedef struct {
    ngx_http_alikassa_zone_sh_t     *sh;
    ngx_slab_pool_t                 *shpool;
    ngx_str_t                        name;
    ngx_msec_t                       timeout;
    ngx_http_alikassa_conf_pos_t        pos;     /* of the first directive */

    /* this worker, and another one that was alive a moment ago */
    uint64_t                         generation;
    ngx_http_alikassa_worker_t      *self;
    uint64_t                         seen;
    ngx_msec_t                       seen_msec;

    /* for the worker's claims, one after the other */
    EVP_MD                          *sha256;
    EVP_MD_CTX                      *md;

    ngx_msec_t                       warned;
    ngx_msec_t                       forgot_msec;
    unsigned                         evicted:1;
    unsigned                         forgot:1;
    unsigned                         defined:1;
} ngx_http_alikassa_zone_t;


/* ngx_http_alikassa_zone.c; all but the first three: with the lock held */

ngx_int_t ngx_http_alikassa_zone_init(ngx_shm_zone_t *shm_zone, void *data);
void ngx_http_alikassa_zone_lock(ngx_http_alikassa_zone_t *zone);
void ngx_http_alikassa_zone_unlock(ngx_http_alikassa_zone_t *zone);

void ngx_http_alikassa_zone_busy(ngx_http_alikassa_zone_t *zone);
void *ngx_http_alikassa_zone_alloc(ngx_http_alikassa_zone_t *zone,
    size_t size, ngx_uint_t evict, ngx_uint_t forget);
void ngx_http_alikassa_zone_free(ngx_http_alikassa_zone_t *zone, void *p);

ngx_http_alikassa_record_t *ngx_http_alikassa_record_find(
    ngx_http_alikassa_zone_t *zone, u_char *key);
alikassa_state_t ngx_http_alikassa_record_state(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_record_t *record);
ngx_http_alikassa_record_t *ngx_http_alikassa_record_hold(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_record_t *record,
    ngx_http_alikassa_claim_t *claim, alikassa_state_t state);
void ngx_http_alikassa_record_unknown(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record);
ngx_int_t ngx_http_alikassa_record_done(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record, ngx_uint_t status, ngx_str_t *answer,
    ngx_uint_t found);
void ngx_http_alikassa_record_release(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record);


/* ngx_http_alikassa_worker.c; the first three with the lock held */

ngx_http_alikassa_worker_t *ngx_http_alikassa_worker_find(
    ngx_http_alikassa_zone_t *zone, uint64_t generation);
ngx_http_alikassa_worker_t *ngx_http_alikassa_worker_unheard(
    ngx_http_alikassa_zone_t *zone);
ngx_uint_t ngx_http_alikassa_worker_registered(
    ngx_http_alikassa_zone_t *zone);

ngx_int_t ngx_http_alikassa_worker_register(ngx_http_alikassa_zone_t *zone);
ngx_uint_t ngx_http_alikassa_worker_check(ngx_http_alikassa_zone_t *zone,
    const ngx_http_alikassa_worker_t *worker);
void ngx_http_alikassa_worker_wake(ngx_http_alikassa_zone_t *zone,
    u_char *key, uint64_t waiters);
void ngx_http_alikassa_worker_tell(ngx_http_alikassa_zone_t *zone,
    const ngx_http_alikassa_worker_t *worker, u_char *key);


/*
 * ngx_http_alikassa_claim.c
 *
 * Ends the waits in this process for a key that starts so; all waits if there
 * is none.
 */

void ngx_http_alikassa_claim_wake(const u_char *key, size_t len);

/* writes this process' records again, which were lost; with the lock held */

void ngx_http_alikassa_claim_assert(ngx_http_alikassa_zone_t *zone);


static ngx_inline uint64_t
ngx_http_alikassa_worker_bit(uint64_t generation)
{
    return (uint64_t) 1 << (generation % 64);
}


static ngx_inline ngx_uint_t
ngx_http_alikassa_held(ngx_http_alikassa_record_t *record)
{
    return record->node.data == ALIKASSA_STATE_IN_FLIGHT
           || record->node.data == ALIKASSA_STATE_QUERYING
           || record->node.data == ALIKASSA_STATE_CHECKING
           || record->node.data == ALIKASSA_STATE_RESENDING;
}


#endif /* _NGX_HTTP_ALIKASSA_ZONE_H_INCLUDED_ */
