
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_RECORD_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_RECORD_H_INCLUDED_


/*
 * Records: what an idempotency zone knows of an order.  All functions are
 * called with the zone locked, and a record is valid until the zone is
 * unlocked.
 */

#include "ngx_http_alikassa_zone_data.h"


/* DONE: the response that is replayed */

typedef struct {
    uint32_t                              len;
    uint16_t                              status;
    uint16_t                              found;    /* by a status call */
    u_char                                data[1];
} ngx_http_alikassa_saved_response_t;


/* the states in which a worker owns the record */

typedef struct {
    uint64_t                              owner;    /* generation of worker */
    uint64_t                              serial;   /* of the claim */
    uint64_t                              waiters;  /* a bit for each worker */
} ngx_http_alikassa_in_progress_t;


/* DONE and UNKNOWN: each of these states has a queue */

typedef struct {
    ngx_queue_t                           queue;    /* oldest first */
    ngx_msec_t                            since;
} ngx_http_alikassa_queued_t;


/*
 * 128 bytes on 64-bit systems, which is one of the sizes of nginx's slab.
 * node.key is the first part of the key, and node.data the state.  A record in
 * progress has memory reserved for its response.  A record that is DONE has
 * its response, or NULL if the response was too large for the zone.
 */

typedef struct {
    ngx_rbtree_node_t                     node;
    u_char                                key_tail[NGX_HTTP_ALIKASSA_HASH_LEN
                                                   - sizeof(ngx_rbtree_key_t)];
    u_char                                fingerprint[
                                                   NGX_HTTP_ALIKASSA_HASH_LEN];
    ngx_http_alikassa_saved_response_t   *response;

    union {
        ngx_http_alikassa_in_progress_t   in_progress;
        ngx_http_alikassa_queued_t        queued;
    } u;
} ngx_http_alikassa_record_t;


/*
 * The insert function of the trees of records.
 */

void ngx_http_alikassa_record_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);

/*
 * Returns the record with the key, or NULL.  Releases a record whose time is
 * over, and returns NULL for it.
 */

ngx_http_alikassa_record_t *ngx_http_alikassa_record_find(
    ngx_http_alikassa_zone_t *zone, u_char *key);

/*
 * Returns the state of an order by its record, which may be NULL.
 */

alikassa_state_t ngx_http_alikassa_record_state(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_record_t *record);

/*
 * Makes the claim the owner of the record, or of a new one if record is NULL,
 * sets the record's state, and sets claim->serial.  Reserves memory for the
 * response first, so that no call is made whose response cannot be saved; this
 * may evict other records.  Returns NULL if the zone is full.
 */

ngx_http_alikassa_record_t *ngx_http_alikassa_record_own(
    ngx_http_alikassa_zone_t *zone, ngx_http_alikassa_record_t *record,
    ngx_http_alikassa_claim_t *claim, alikassa_state_t state);

/*
 * Makes a record in progress UNKNOWN: the order may exist, and no claim owns
 * it.
 */

void ngx_http_alikassa_record_set_unknown(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record);

/*
 * Makes a record in progress DONE, with a copy of the response.  found tells
 * that a status call found the order.  Returns NGX_OK, or NGX_DECLINED if the
 * zone has no memory for the response: the record is DONE without it.
 */

ngx_int_t ngx_http_alikassa_record_set_done(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record, ngx_uint_t status,
    ngx_str_t *response, ngx_uint_t found);

/*
 * Deletes the record and its response.
 */

void ngx_http_alikassa_record_release(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_record_t *record);


/*
 * Returns 1 if a worker owns the record.
 */

static ngx_inline ngx_uint_t
ngx_http_alikassa_record_in_progress(ngx_http_alikassa_record_t *record)
{
    return record->node.data == ALIKASSA_STATE_IN_FLIGHT
           || record->node.data == ALIKASSA_STATE_QUERYING
           || record->node.data == ALIKASSA_STATE_CHECKING
           || record->node.data == ALIKASSA_STATE_RESENDING;
}


#endif /* _NGX_HTTP_ALIKASSA_RECORD_H_INCLUDED_ */
