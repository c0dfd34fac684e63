
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_CALL_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_CALL_H_INCLUDED_


#include "ngx_http_alikassa_conf.h"

#include "alikassa_answer.h"


/* headers of a call */
#define NGX_HTTP_ALIKASSA_HEADERS  5


typedef struct ngx_http_alikassa_ctx_s  ngx_http_alikassa_ctx_t;
typedef struct ngx_http_alikassa_call_s  ngx_http_alikassa_call_t;


/*
 * What a step of a request's way leaves it in.  A type of its own: what
 * nginx's output returns, NGX_AGAIN for a client that takes its answer slowly,
 * is never one of these.
 */

typedef enum {
    NGX_HTTP_ALIKASSA_WAITING = 0,  /* an event will take the request on */
    NGX_HTTP_ALIKASSA_ANSWERED      /* finalize the request with ctx->rc */
} ngx_http_alikassa_next_t;


typedef ngx_http_alikassa_next_t (*ngx_http_alikassa_call_handler_pt)(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call);


typedef void (*ngx_http_alikassa_call_done_pt)(
    ngx_http_alikassa_call_t *call);


/*
 * A signed call to AliKassa: what is sent, and what came back.  A request
 * makes one; a status call may go before it, and another one after it.
 *
 * signing -> sent (the subrequest exists) -> done (post-subrequest handler,
 * first call) -> the parent resumes and calls handler.  recorded is set
 * where the outcome is recorded, whichever way the request ends.
 */

struct ngx_http_alikassa_call_s {
    ngx_http_alikassa_ctx_t            *ctx;
    const alikassa_operation_t         *operation;
    ngx_str_t                           uri;
    ngx_str_t                           body;
    ngx_str_t                           sign;

    ngx_http_alikassa_call_handler_pt   handler;

    /* called once when the subrequest is done, whatever became of the client */
    ngx_http_alikassa_call_done_pt      done_handler;

    ngx_http_request_t                 *subrequest;
    ngx_queue_t                         queue;      /* until recorded */

    /* of the subrequest's location, behind ours */
    ngx_http_handler_pt                 content_handler;

    /* what the subrequest is made of: one piece of memory for all */
    ngx_http_post_subrequest_t          post;
    ngx_http_request_body_t             request_body;
    ngx_chain_t                         chain;
    ngx_buf_t                           buf;
    ngx_table_elt_t                     headers_in[NGX_HTTP_ALIKASSA_HEADERS];
    u_char                              length[NGX_SIZE_T_LEN];

    /* captured */
    u_char                             *start;
    size_t                              size;
    size_t                              len;

    ngx_uint_t                          status;
    u_char                             *retry_after;    /* or NULL */
    alikassa_answer_t                   answer;
    alikassa_outcome_t                  outcome;
    alikassa_event_t                    asked;      /* of a status call */

    ngx_uint_t                          sign_time;      /* microseconds */
    ngx_msec_t                          start_time;
    ngx_msec_t                          response_time;

    unsigned                            asks:1;      /* before or after one */
    unsigned                            signing:1;
    unsigned                            signed_ok:1;
    unsigned                            sent:1;
    unsigned                            headers:1;   /* of the answer */
    unsigned                            done:1;
    unsigned                            excess:1;
    unsigned                            whole:1;     /* fit to be passed on */
    unsigned                            timedout:1;
    unsigned                            unsent:1;      /* surely */
    unsigned                            received:1;  /* all of a response */
    unsigned                            recorded:1;
    unsigned                            doubted:1;   /* a no that may be none */
    unsigned                            unsent_again:1; /* one was before */
    unsigned                            finished:1;  /* handler was called */
};


#endif /* _NGX_HTTP_ALIKASSA_CALL_H_INCLUDED_ */
