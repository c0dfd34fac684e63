
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_CLAIM_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_CLAIM_H_INCLUDED_


/*
 * Claims: a request's ownership of an order, or its wait for the order.  How
 * the store of the claim remembers orders makes no difference to the request.
 */

#include "ngx_http_alikassa_store.h"


/* SHA-256 */
#define NGX_HTTP_ALIKASSA_HASH_LEN  32


/*
 * Lives in the request's pool.  The caller sets store, request and data, and
 * zeroes the rest.
 */

struct ngx_http_alikassa_claim_s {
    ngx_http_alikassa_store_t            *store;
    ngx_http_request_t                   *request;
    void                                 *data;     /* for the handler */

    ngx_http_alikassa_claim_handler_pt    handler;
    ngx_http_alikassa_claim_result_t      result;

    u_char                                key[NGX_HTTP_ALIKASSA_HASH_LEN];
    u_char                                fingerprint[
                                                   NGX_HTTP_ALIKASSA_HASH_LEN];

    /* REPLAY: the saved response, in the request's pool */
    ngx_uint_t                            status;
    ngx_str_t                             response;

    /* of the order that the claim owns */
    alikassa_state_t                      state;

    /* the store's own */
    uint64_t                              serial;   /* of this ownership */
    ngx_queue_t                           queue;    /* of waits, or owners */
    ngx_event_t                           event;    /* ends a wait */
    ngx_msec_t                            deadline; /* of a wait; 0: none */
    ngx_http_alikassa_claim_handler_pt    wake;
    void                                 *pending;

    unsigned                              found:1;  /* REPLAY: by status */
    unsigned                              owner:1;
    unsigned                              querying:1; /* it may exist */
    unsigned                              waited:1; /* for a claim, or left */
    unsigned                              waiting:1;  /* begin: NGX_AGAIN */
    unsigned                              settling:1; /* settle: NGX_AGAIN */
};


/*
 * Sets the claim's key, the SHA-256 of the parts with their lengths, and its
 * fingerprint, the SHA-256 of data.  From then on, the end of the request's
 * pool leaves the claim, and settles the order as unknown if the claim owns it.
 * Returns NGX_ERROR if there is no memory, or if OpenSSL fails.
 */

ngx_int_t ngx_http_alikassa_claim_init(ngx_http_alikassa_claim_t *claim,
    ngx_str_t *parts, ngx_uint_t nparts, ngx_str_t *data);

/*
 * Sets part, for a claim's key, to a copy of the account in lower case: an
 * account is a UUID, and its case has no meaning.  Returns NGX_ERROR if there
 * is no memory.
 */

ngx_int_t ngx_http_alikassa_claim_account(ngx_http_request_t *r,
    ngx_str_t *account, ngx_str_t *part);

/*
 * Asks the store for the order.  Returns NGX_OK if claim->result is set, or
 * NGX_AGAIN if handler will be called once when it is set.  Waits for another
 * claim that owns the order, but not longer than wait milliseconds.  While
 * handler is to be called, nginx finalizes the request if the client
 * disconnects.
 */

ngx_int_t ngx_http_alikassa_claim_begin(ngx_http_alikassa_claim_t *claim,
    ngx_msec_t wait, ngx_http_alikassa_claim_handler_pt handler);

/*
 * Brings the event to the order that the claim owns.  The response is saved
 * with the events accepted and found; it may be NULL.  Returns NGX_OK if
 * claim->result is set, or NGX_AGAIN if handler will be called once when it is
 * set; NULL: nothing is called.  After SEND and QUERY the claim still owns the
 * order.  Does nothing if the claim owns no order: the result is LOST.  May be
 * called from the cleanup of a pool.
 */

ngx_int_t ngx_http_alikassa_claim_settle(ngx_http_alikassa_claim_t *claim,
    alikassa_event_t event, ngx_uint_t status, ngx_str_t *response,
    ngx_http_alikassa_claim_handler_pt handler);

/*
 * Makes sure that the claim's handler is not called.  Settling goes on.
 */

void ngx_http_alikassa_claim_leave(ngx_http_alikassa_claim_t *claim);

/*
 * For stores: sets the result of a claim for which begin or settle has returned
 * NGX_AGAIN, and calls its handler.  The claim may be gone afterwards.
 */

void ngx_http_alikassa_claim_complete(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_claim_result_t result);


#endif /* _NGX_HTTP_ALIKASSA_CLAIM_H_INCLUDED_ */
