
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The idempotency zone: which order is where, for all workers.
 */


#ifndef _NGX_HTTP_ALIKASSA_IDEMPOTENCY_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_IDEMPOTENCY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "alikassa_idempotency.h"


/* SHA-256 */
#define NGX_HTTP_ALIKASSA_CLAIM_LEN  32


typedef struct ngx_http_alikassa_claim_s  ngx_http_alikassa_claim_t;

typedef void (*ngx_http_alikassa_claim_handler_pt)(
    ngx_http_alikassa_claim_t *claim);


/*
 * A request's hold on an order.  It lives in the request's pool, and a
 * cleanup of that pool ends a wait.  Filled by the caller: zone, request,
 * handler, data.
 */

struct ngx_http_alikassa_claim_s {
    ngx_shm_zone_t                      *zone;
    ngx_http_request_t                  *request;

    /* called when a wait may be over: call ngx_http_alikassa_claim() again */
    ngx_http_alikassa_claim_handler_pt   handler;
    void                                *data;

    u_char                               key[NGX_HTTP_ALIKASSA_CLAIM_LEN];
    u_char                               digest[NGX_HTTP_ALIKASSA_CLAIM_LEN];

    ngx_queue_t                          queue;     /* of waits, or owners */
    ngx_event_t                          event;     /* bounds a wait */
    ngx_msec_t                           deadline;

    /* after a replay: the stored answer, in the request's pool */
    ngx_uint_t                           status;
    ngx_str_t                            answer;

    /* counts a record's owners, so that a late one settles nothing */
    uint64_t                             serial;

    /* of the record that we own */
    alikassa_state_t                     state;

    unsigned                             found:1;   /* a replay: by status */
    unsigned                             owner:1;   /* we must settle it */
    unsigned                             asking:1;  /* the order may exist */
    unsigned                             waiting:1;
    unsigned                             timedout:1;
};


/* directive setters: "alikassa_idempotency_zone", "alikassa_idempotency" */

char *ngx_http_alikassa_idempotency_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_alikassa_idempotency(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* when all is read: finds zones that are used but not defined */

ngx_int_t ngx_http_alikassa_idempotency_init(ngx_conf_t *cf);


/* registers this worker in each zone, and takes it out at its orderly end */

ngx_int_t ngx_http_alikassa_idempotency_init_process(ngx_cycle_t *cycle);
void ngx_http_alikassa_idempotency_exit_process(ngx_cycle_t *cycle);


/*
 * Sets the claim's key, the SHA-256 of the parts, each with its length, and
 * its digest, the SHA-256 of data.
 */

ngx_int_t ngx_http_alikassa_claim_init(ngx_http_alikassa_claim_t *claim,
    ngx_str_t *parts, ngx_uint_t nparts, ngx_str_t *data);
ngx_int_t ngx_http_alikassa_claim_account(ngx_http_request_t *r,
    ngx_str_t *account, ngx_str_t *part);


/*
 * Brings the request to the record.
 *
 * ALIKASSA_ACTION_SEND: it is ours: call, then settle.
 * ALIKASSA_ACTION_QUERY: it is ours: ask for the status, then settle with
 * found, not found (then it is ours to send, again) or no status.
 * ALIKASSA_ACTION_WAIT: nothing to do: handler will be called, also when the
 * wait has taken too long (then timedout is set).
 * ALIKASSA_ACTION_REPLAY: status and answer are set.
 * ALIKASSA_ACTION_CONFLICT: other data.
 * ALIKASSA_ACTION_REFUSE: the zone is full and nothing may be evicted, or
 * has no place for this worker; asking tells whether the order may exist.
 * ALIKASSA_ACTION_ERROR: no memory for the answer of an order that is done.
 */

alikassa_action_t ngx_http_alikassa_claim(ngx_http_alikassa_claim_t *claim,
    ngx_msec_t wait);


/*
 * Settles an order that the claim owns by the event, and wakes the claims that
 * wait for it.  status and answer are stored with accepted and found, else not
 * used.
 * Does nothing if the claim owns no order (any more).  Safe in a pool's
 * cleanup.  Returns what the state machine says: after ALIKASSA_ACTION_SEND
 * and ALIKASSA_ACTION_QUERY the order is still the claim's.
 */

alikassa_action_t ngx_http_alikassa_claim_settle(
    ngx_http_alikassa_claim_t *claim, alikassa_event_t event,
    ngx_uint_t status, ngx_str_t *answer);


/*
 * Gives up a wait.
 */

void ngx_http_alikassa_claim_leave(ngx_http_alikassa_claim_t *claim);


#endif /* _NGX_HTTP_ALIKASSA_IDEMPOTENCY_H_INCLUDED_ */
