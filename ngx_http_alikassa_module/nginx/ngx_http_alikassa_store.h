
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_STORE_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_STORE_H_INCLUDED_


/*
 * Stores: a store remembers orders and decides which claim may send one.  A
 * zone in shared memory is one type of store.  The interface is called by
 * ngx_http_alikassa_claim.c only.
 */

#include "ngx_http_alikassa.h"

#include "alikassa_idempotency.h"

#include <openssl/evp.h>


typedef struct ngx_http_alikassa_claim_s  ngx_http_alikassa_claim_t;
typedef struct ngx_http_alikassa_store_s  ngx_http_alikassa_store_t;

typedef void (*ngx_http_alikassa_claim_handler_pt)(
    ngx_http_alikassa_claim_t *claim);


/* what the store has decided */

typedef enum {
    NGX_HTTP_ALIKASSA_CLAIM_NONE = 0,   /* nothing yet */
    NGX_HTTP_ALIKASSA_CLAIM_SEND,       /* owned: make the call, settle */
    NGX_HTTP_ALIKASSA_CLAIM_QUERY,      /* owned: query the status, settle */

    /* begin only */
    NGX_HTTP_ALIKASSA_CLAIM_REPLAY,     /* status and response are set */
    NGX_HTTP_ALIKASSA_CLAIM_CONFLICT,   /* the order has other data */
    NGX_HTTP_ALIKASSA_CLAIM_TIMED_OUT,  /* another claim still owns it */
    NGX_HTTP_ALIKASSA_CLAIM_FULL,       /* no room for order or worker */
    NGX_HTTP_ALIKASSA_CLAIM_FAILED,     /* no memory; the order may exist */

    /* settle only */
    NGX_HTTP_ALIKASSA_CLAIM_SETTLED,    /* the claim owns nothing any more */
    NGX_HTTP_ALIKASSA_CLAIM_LOST        /* it did not own the order */
} ngx_http_alikassa_claim_result_t;


/*
 * A type of store.
 *
 * init_process and exit_process: a worker begins and ends to use the store.
 * init_process returns NGX_OK, or NGX_ERROR to end the worker.  exit_process
 * settles at once what is being settled, and calls no handler of a claim.
 *
 * begin and settle: see ngx_http_alikassa_claim_begin() and _settle().  Return
 * NGX_OK if they have set claim->result, or NGX_AGAIN if the store will call
 * ngx_http_alikassa_claim_complete() with the result, later and once.
 *
 * settle is called for a claim with the flag owner.  When it has returned
 * NGX_AGAIN, the flag is not set, and the store has copied all that it needs:
 * the request, its pool and the claim may be gone before the order is settled.
 * If the result is SEND or QUERY, the store sets the flag again.
 *
 * A store that completes later keeps a timer meanwhile: nginx ends a worker
 * that shuts down when the worker has no timer left.
 *
 * leave: the store does not touch the claim again.  It ends a wait, and goes on
 * to settle.  If the claim would own an order afterwards, by a begin or a
 * settle that is not complete, the store settles that order as unsent or, where
 * its status was to be queried, with no status.  A claim that owns an order
 * when it leaves is forgotten as an owner: nobody settles the order.
 */

typedef struct {
    ngx_str_t                            name;
    ngx_int_t                          (*init_process)(
                                             ngx_http_alikassa_store_t *store);
    void                               (*exit_process)(
                                             ngx_http_alikassa_store_t *store);
    ngx_int_t                          (*begin)(
                                             ngx_http_alikassa_claim_t *claim,
                                             ngx_msec_t wait);
    ngx_int_t                          (*settle)(
                                             ngx_http_alikassa_claim_t *claim,
                                             alikassa_event_t event,
                                             ngx_uint_t status,
                                             ngx_str_t *response);
    void                               (*leave)(
                                             ngx_http_alikassa_claim_t *claim);
} ngx_http_alikassa_store_type_t;


struct ngx_http_alikassa_store_s {
    const ngx_http_alikassa_store_type_t  *type;
    ngx_str_t                              name;    /* for log messages */
    void                                  *data;    /* the type's own */

    /* of this process: a worker computes one hash at a time */
    EVP_MD                                *sha256;
    EVP_MD_CTX                            *md;
};


#endif /* _NGX_HTTP_ALIKASSA_STORE_H_INCLUDED_ */
