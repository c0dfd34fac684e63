
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_CTX_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_CTX_H_INCLUDED_


/*
 * The context of a request in a location with an operation.
 */

#include "ngx_http_alikassa_call.h"
#include "ngx_http_alikassa_claim.h"

#include "alikassa_input.h"
#include "alikassa_media.h"
#include "alikassa_request.h"


/*
 * The result of a step of a request.  This is a type of its own, so that no
 * return value of nginx's output, such as NGX_AGAIN for a client that reads
 * slowly, can be mistaken for one.
 */

typedef enum {
    NGX_HTTP_ALIKASSA_WAITING = 0,  /* an event will continue the request */
    NGX_HTTP_ALIKASSA_ANSWERED      /* finalize the request with ctx->rc */
} ngx_http_alikassa_next_t;


struct ngx_http_alikassa_ctx_s {
    ngx_http_request_t                 *request;

    /* called when the request ends, before nginx writes the access log, and
       again when the request's pool is destroyed; or NULL */
    void                              (*cleanup)(ngx_http_alikassa_ctx_t *ctx);

    ngx_http_alikassa_loc_conf_t       *conf;
    const alikassa_operation_t         *operation;
    alikassa_pool_t                     pool;

    alikassa_inputs_t                   inputs;
    alikassa_fields_t                  *fields;
    uint32_t                            taken;      /* of fields, a bit each */

    ngx_str_t                           account;
    ngx_str_t                           order_id;
    ngx_str_t                           amount;
    ngx_str_t                           body;

    ngx_http_alikassa_call_t           *call;       /* the latest */
    ngx_http_alikassa_call_t           *rejected;   /* if doubted, or NULL */

    /* AliKassa's Retry-After for the response, or NULL */
    u_char                             *retry_after;
    ngx_http_alikassa_claim_t          *claim;

    ngx_int_t                           rc;         /* see ..._ANSWERED */

    /* nginx's own, of a QUIC stream; see ngx_http_alikassa_quic.c */
    ngx_event_handler_pt                stream_handler;

    /* of the response to the client, for variables */
    ngx_uint_t                          status;
    alikassa_response_t                 answer;

    alikassa_outcome_t                  outcome;
    ngx_str_t                           error;
    ngx_str_t                           idempotency_status;  /* MISS ... */

    /* replaces nginx's own page, see ngx_http_alikassa_page.c */
    ngx_str_t                           page;

    alikassa_media_type_t               type;

    unsigned                            decoded:1;
    unsigned                            built:1;     /* from the fields */
    unsigned                            trusted:1;   /* by X-Accel-Redirect */
    unsigned                            allow:1;     /* send Allow */
    unsigned                            answered:1;
    unsigned                            replaced:1;
};


/*
 * Returns the request's context, or NULL.  An internal redirect, such as
 * error_page's, makes nginx forget a context, but variables are evaluated after
 * it and in the log: the context is then found by the cleanup of the request's
 * pool, the newest first.
 */

ngx_http_alikassa_ctx_t *ngx_http_alikassa_ctx(ngx_http_request_t *r);

/*
 * Returns the request's context, new if there is none, with the configuration
 * of the current location; or NULL if there is no memory.
 */

ngx_http_alikassa_ctx_t *ngx_http_alikassa_create_ctx(ngx_http_request_t *r);

/*
 * Sets the outcome of the request's order, and says so in the debug log.  No
 * other function sets it.
 */

void ngx_http_alikassa_set_outcome(ngx_http_alikassa_ctx_t *ctx,
    alikassa_outcome_t outcome);


#endif /* _NGX_HTTP_ALIKASSA_CTX_H_INCLUDED_ */
