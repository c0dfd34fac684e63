
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_CALL_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_CALL_H_INCLUDED_


/*
 * A signed call to AliKassa: what is sent, and what came back.
 */

#include "ngx_http_alikassa_conf.h"
#include "ngx_http_alikassa_error.h"

#include "alikassa_api.h"
#include "alikassa_response.h"


/* headers of a call */


typedef struct ngx_http_alikassa_ctx_s  ngx_http_alikassa_ctx_t;
typedef struct ngx_http_alikassa_call_s  ngx_http_alikassa_call_t;


typedef void (*ngx_http_alikassa_call_done_pt)(ngx_http_alikassa_call_t *call);


/*
 * A request makes one call of its location's operation.  It may query the
 * status of an order before that call, or after it.
 */

typedef enum {
    NGX_HTTP_ALIKASSA_CALL_OPERATION = 0,
    NGX_HTTP_ALIKASSA_CALL_STATUS_QUERY
} ngx_http_alikassa_call_kind_t;


typedef enum {
    NGX_HTTP_ALIKASSA_CALL_CREATED = 0,   /* and not signed */
    NGX_HTTP_ALIKASSA_CALL_SIGNING,       /* by a thread */
    NGX_HTTP_ALIKASSA_CALL_SIGNED,
    NGX_HTTP_ALIKASSA_CALL_SENT,          /* the subrequest exists */
    NGX_HTTP_ALIKASSA_CALL_DONE,          /* its outcome is known */
    NGX_HTTP_ALIKASSA_CALL_ANSWERED       /* the request has gone on */
} ngx_http_alikassa_call_state_t;


struct ngx_http_alikassa_call_s {
    ngx_http_alikassa_ctx_t            *ctx;
    const alikassa_operation_t         *operation;
    ngx_http_alikassa_call_kind_t       kind;
    ngx_http_alikassa_call_state_t      state;
    ngx_str_t                           uri;
    ngx_str_t                           body;
    ngx_str_t                           sign;       /* empty: not signed */

    /* called once when the call is done, whatever became of the client */
    ngx_http_alikassa_call_done_pt      done_handler;

    /* why the call was not sent, if there is no subrequest */
    ngx_http_alikassa_error_id_t        error;

    ngx_http_request_t                 *subrequest;
    ngx_queue_t                         queue;      /* until recorded */

    /* of the subrequest's location, which ours runs */
    ngx_http_handler_pt                 content_handler;

    /* the parts of the subrequest, in one piece of memory */
    ngx_http_post_subrequest_t          post;
    ngx_http_request_body_t             request_body;
    ngx_chain_t                         chain;
    ngx_buf_t                           buf;
    ngx_table_elt_t                     headers_in[ALIKASSA_NHEADERS];
    u_char                              length[ALIKASSA_LENGTH_MAX];

    /* the response's body, captured */
    u_char                             *start;
    size_t                              size;
    size_t                              len;

    ngx_uint_t                          status;
    u_char                             *retry_after;    /* or NULL */
    alikassa_response_t                 answer;
    alikassa_outcome_t                  outcome;
    alikassa_event_t                    query_result;   /* of a status query */

    ngx_uint_t                          sign_time;      /* microseconds */
    ngx_msec_t                          start_time;
    ngx_msec_t                          response_time;

    /* the facts, see ngx_http_alikassa_upstream.c */
    unsigned                            header_received:1;
    unsigned                            response_too_large:1;
    unsigned                            response_complete:1;
    unsigned                            timedout:1;
    unsigned                            unsent:1;   /* certainly not sent */

    /* the judgement, see ngx_http_alikassa_outcome.c */
    unsigned                            response_usable:1;
    unsigned                            recorded:1;
    unsigned                            doubted:1;  /* rejected, may exist */
    unsigned                            unsent_resend:1;
};


/*
 * Changes the state of a call, and says so in the debug log.
 */

void ngx_http_alikassa_call_set_state(ngx_http_alikassa_call_t *call,
    ngx_http_alikassa_call_state_t state);


#endif /* _NGX_HTTP_ALIKASSA_CALL_H_INCLUDED_ */
