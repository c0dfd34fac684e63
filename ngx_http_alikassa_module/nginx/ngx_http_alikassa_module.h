
/*
 * What the parts of the glue share: configuration, the request's context and
 * the life of a call.
 *
 *     ngx_http_alikassa_module.c      directives, merging, the module's life
 *     ngx_http_alikassa_key.c         keys and signers of a configuration
 *     ngx_http_alikassa_handler.c     a request's way to what is signed
 *     ngx_http_alikassa_order.c       and from there to the answer
 *     ngx_http_alikassa_outcome.c     what became of a call, recorded once
 *     ngx_http_alikassa_body.c        the client's body, read and decoded
 *     ngx_http_alikassa_fields.c      accept, set and defaults
 *     ngx_http_alikassa_sign.c        signing, in a thread or at once
 *     ngx_http_alikassa_upstream.c    the subrequest and its answer's capture
 *     ngx_http_alikassa_quic.c        HTTP/3: a request outlives its client
 *     ngx_http_alikassa_response.c    what the client gets
 *     ngx_http_alikassa_variables.c   $alikassa_*
 *     ngx_http_alikassa_protection.c  payouts that nothing protects
 *     ngx_http_alikassa_idempotency.c the idempotency zone's directives
 *     ngx_http_alikassa_claim.c       a request's hold on an order
 *     ngx_http_alikassa_zone.c        the records in shared memory
 *     ngx_http_alikassa_worker.c      whose they are, and who is gone
 *     ngx_http_alikassa_audit.c       the audit log
 *     ngx_http_alikassa_notification.c  a module of its own: notifications
 *     ngx_http_alikassa_notification_conf.c  its directives
 *     ngx_http_alikassa_notification_guard.c  what may follow a refusal
 *     ngx_http_alikassa_delivery.c    each of them to the shop once
 */


#ifndef _NGX_HTTP_ALIKASSA_MODULE_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "alikassa.h"
#include "alikassa_answer.h"
#include "alikassa_body.h"
#include "alikassa_input.h"
#include "alikassa_key.h"
#include "alikassa_media.h"
#include "alikassa_operation.h"
#include "alikassa_signer.h"
#include "ngx_http_alikassa_idempotency.h"


/*
 * nginx's handlers have fixed signatures and rarely need all of them: nginx
 * itself is built so, but clang lets a later -Wextra turn it on again.
 */

#pragma GCC diagnostic ignored "-Wunused-parameter"


/* a checkout's body; above it, 413 */
#define NGX_HTTP_ALIKASSA_BODY_MAX  (1024 * 1024)

/* how long a request waits for another one about the same order */
#define NGX_HTTP_ALIKASSA_WAIT  60000

/* headers of a call */
#define NGX_HTTP_ALIKASSA_HEADERS  5

#define NGX_HTTP_ALIKASSA_REDIRECT_OFF   0
#define NGX_HTTP_ALIKASSA_REDIRECT_ON    1
#define NGX_HTTP_ALIKASSA_REDIRECT_AUTO  2


typedef struct ngx_http_alikassa_ctx_s  ngx_http_alikassa_ctx_t;
typedef struct ngx_http_alikassa_call_s  ngx_http_alikassa_call_t;
typedef struct ngx_http_alikassa_audit_s  ngx_http_alikassa_audit_t;


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


#if (NGX_THREADS)
typedef ngx_thread_pool_t  ngx_http_alikassa_pool_t;
#else
typedef void  ngx_http_alikassa_pool_t;
#endif


/* where a directive stood, for errors that only merging finds */

typedef struct {
    ngx_str_t                           file;
    ngx_uint_t                          line;
} ngx_http_alikassa_where_t;


/* "alikassa_key": one loaded key, however many locations name it */

typedef struct {
    ngx_str_t                           path;
    ngx_str_t                           password;
    ngx_str_t                           public;
    ngx_str_t                           name;       /* as configured */
    ngx_http_alikassa_where_t           where;
    alikassa_key_t                     *key;
} ngx_http_alikassa_key_t;


typedef struct {
    ngx_http_alikassa_key_t            *key;
    ngx_str_t                           digest;
    alikassa_signer_t                  *signer;
} ngx_http_alikassa_signer_t;


/* a location that pays out */

typedef struct {
    ngx_http_core_loc_conf_t           *clcf;
    void                              **srv_conf;
} ngx_http_alikassa_till_t;


typedef struct {
    ngx_array_t                         keys;       /* ..._key_t * */
    ngx_array_t                         signers;    /* ..._signer_t */
    ngx_array_t                         tills;      /* ..._till_t */
    unsigned                            inline_notice:1;
    unsigned                            thread_pool:1;  /* of http{} */
    unsigned                            body_variables:1;  /* are used */
} ngx_http_alikassa_main_conf_t;


/* a set field's place in the operation's table, or one of these */

#define NGX_HTTP_ALIKASSA_SET_EXTRA  -1
#define NGX_HTTP_ALIKASSA_SET_SKIP   -2


/* "alikassa_set" */

typedef struct {
    ngx_str_t                           name;
    ngx_http_complex_value_t            value;
    ngx_http_alikassa_where_t           where;
} ngx_http_alikassa_set_t;


typedef struct {
    const alikassa_operation_t         *operation;
    ngx_http_alikassa_where_t           where;      /* of the operation */

    ngx_http_complex_value_t           *account;
    ngx_http_alikassa_key_t            *key;
    ngx_str_t                           digest;
    ngx_http_alikassa_where_t           digest_where;
    alikassa_signer_t                  *signer;

    ngx_str_t                           api;
    ngx_str_t                           uri;        /* api + path */
    ngx_str_t                           status_uri; /* of its status call */

    ngx_array_t                        *set;        /* ..._set_t */
    ngx_int_t                          *set_field;  /* of each: see above */
    ngx_http_alikassa_set_t           **field_set;  /* by field, or NULL */
    ngx_array_t                        *accept;     /* ngx_str_t */
    uint32_t                            accepted;   /* bit by field */

    ngx_uint_t                          validate;
    ngx_uint_t                          redirect;
    ngx_flag_t                          intercept_errors;

    /* nginx's, if it has threads; NULL: off */
    ngx_http_alikassa_pool_t           *thread_pool;

    ngx_shm_zone_t                     *idempotency;
    ngx_msec_t                          wait;

    ngx_http_alikassa_audit_t          *audit;      /* NULL: off */
} ngx_http_alikassa_loc_conf_t;


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
    unsigned                            recorded:1;
    unsigned                            doubted:1;   /* a no that may be none */
    unsigned                            unsent_again:1; /* one was before */
    unsigned                            finished:1;  /* handler was called */
};


/*
 * Something the module itself says no to.  retry: seconds for Retry-After;
 * told: the answer names the outcome and the order.
 */

typedef struct {
    ngx_uint_t                          status;
    ngx_str_t                           error;      /* $alikassa_error */
    alikassa_str_t                      message;
    ngx_uint_t                          retry;
    ngx_uint_t                          told;
} ngx_http_alikassa_refusal_t;


struct ngx_http_alikassa_ctx_s {
    ngx_http_request_t                 *request;
    ngx_http_alikassa_loc_conf_t       *conf;
    const alikassa_operation_t         *operation;
    alikassa_pool_t                     pool;

    alikassa_inputs_t                   inputs;
    alikassa_fields_t                  *fields;
    uint32_t                            taken;      /* of them, bit by field */

    ngx_str_t                           account;
    ngx_str_t                           order_id;
    ngx_str_t                           amount;
    ngx_str_t                           body;

    ngx_http_alikassa_call_t           *call;       /* the latest */
    ngx_http_alikassa_call_t           *rejected;   /* doubted, or NULL */

    /* AliKassa's, for the answer that is about to be sent; or NULL */
    u_char                             *retry_after;
    ngx_http_alikassa_claim_t          *claim;

    ngx_int_t                           rc;         /* of the answer's output */

    /* nginx's own, of a QUIC stream; see ngx_http_alikassa_quic.c */
    ngx_event_handler_pt                stream_handler;

    /* what the client was told, for variables */
    ngx_uint_t                          status;
    alikassa_answer_t                   answer;

    alikassa_outcome_t                  outcome;
    ngx_str_t                           error;
    ngx_str_t                           verdict;    /* MISS, HIT ... */

    /* replaces nginx's own page, see ngx_http_alikassa_response.c */
    ngx_str_t                           page;

    alikassa_media_type_t               type;

    unsigned                            decoded:1;
    unsigned                            built:1;     /* the fields are known */
    unsigned                            trusted:1;   /* by X-Accel-Redirect */
    unsigned                            allow:1;     /* send Allow */
    unsigned                            answered:1;
    unsigned                            replaced:1;
};


/* ngx_http_alikassa_module.c */

void ngx_http_alikassa_where(ngx_conf_t *cf,
    ngx_http_alikassa_where_t *where);


/* ngx_http_alikassa_protection.c */

ngx_int_t ngx_http_alikassa_check_protection(ngx_conf_t *cf);
const char *ngx_http_alikassa_answered_before(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);


/* ngx_http_alikassa_key.c */

char *ngx_http_alikassa_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_alikassa_key_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t secret, alikassa_str_t *content);
ngx_int_t ngx_http_alikassa_signer(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *alcf);
void ngx_http_alikassa_keys_free(void *data);


/* for tables of refusals */

#define ngx_http_alikassa_refusal(status, error, message, retry, told)        \
    { status, ngx_string(error), alikassa_string(message), retry, told }


/* ngx_http_alikassa_handler.c */

ngx_int_t ngx_http_alikassa_handler(ngx_http_request_t *r);
void ngx_http_alikassa_watch(ngx_http_request_t *r);
void ngx_http_alikassa_unwatch(ngx_http_request_t *r);
void ngx_http_alikassa_undiscard(ngx_http_request_t *sr);


/* ngx_http_alikassa_order.c */

extern const ngx_http_alikassa_refusal_t  ngx_http_alikassa_no_memory;

ngx_http_alikassa_next_t ngx_http_alikassa_enter(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
void ngx_http_alikassa_resume(ngx_http_request_t *r);
ngx_http_alikassa_ctx_t *ngx_http_alikassa_ctx(ngx_http_request_t *r);
ngx_http_alikassa_ctx_t *ngx_http_alikassa_create_ctx(ngx_http_request_t *r);


/* ngx_http_alikassa_outcome.c */

void ngx_http_alikassa_track(ngx_http_alikassa_call_t *call);
void ngx_http_alikassa_record(ngx_http_alikassa_call_t *call,
    alikassa_outcome_t outcome);
ngx_uint_t ngx_http_alikassa_unsent(ngx_http_alikassa_call_t *call);
void ngx_http_alikassa_abandon(ngx_http_alikassa_call_t *call);
void ngx_http_alikassa_order_init_process(void);
void ngx_http_alikassa_order_exit_process(void);


/* ngx_http_alikassa_body.c */

ngx_int_t ngx_http_alikassa_read_body(ngx_http_request_t *r, ngx_uint_t copy,
    ngx_str_t *body);
ngx_uint_t ngx_http_alikassa_content_encoding(ngx_http_request_t *r);
ngx_int_t ngx_http_alikassa_decode(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t copy, ngx_str_t *body,
    alikassa_reason_t *reason);


/* ngx_http_alikassa_fields.c */

char *ngx_http_alikassa_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_alikassa_accept(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_alikassa_merge_fields(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *prev, ngx_http_alikassa_loc_conf_t *conf);
ngx_int_t ngx_http_alikassa_fields_build(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, alikassa_faults_t *faults);
ngx_int_t ngx_http_alikassa_fields_take(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t field);
ngx_int_t ngx_http_alikassa_check_late(ngx_conf_t *cf,
    ngx_http_complex_value_t *cv, ngx_str_t *directive);
ngx_uint_t ngx_http_alikassa_refers(ngx_conf_t *cf,
    ngx_http_complex_value_t *cv, const char *name);
ngx_int_t ngx_http_alikassa_keep(ngx_http_alikassa_ctx_t *ctx,
    const alikassa_str_t *src, ngx_str_t *dst);


/* ngx_http_alikassa_sign.c */

char *ngx_http_alikassa_thread_pool(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_alikassa_default_thread_pool(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf);
ngx_int_t ngx_http_alikassa_merge_thread_pool(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf);

ngx_int_t ngx_http_alikassa_sign(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call);
void ngx_http_alikassa_sign_exit_process(void);
ngx_uint_t ngx_http_alikassa_sign_busy(void);


/* ngx_http_alikassa_upstream.c */

ngx_int_t ngx_http_alikassa_send(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call);
ngx_int_t ngx_http_alikassa_upstream_init(ngx_conf_t *cf);
ngx_http_alikassa_call_t *ngx_http_alikassa_call(ngx_http_request_t *r);


/* ngx_http_alikassa_quic.c */

void ngx_http_alikassa_hold(ngx_http_request_t *r);
void ngx_http_alikassa_release(ngx_http_request_t *r);


/* ngx_http_alikassa_response.c */

ngx_http_alikassa_next_t ngx_http_alikassa_refuse(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, const ngx_http_alikassa_refusal_t *refusal,
    alikassa_faults_t *faults);
ngx_http_alikassa_next_t ngx_http_alikassa_answer(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_str_t *body, ngx_uint_t replayed);
ngx_http_alikassa_next_t ngx_http_alikassa_exists(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
ngx_table_elt_t *ngx_http_alikassa_header(ngx_http_request_t *r,
    const char *name, const char *value);
ngx_int_t ngx_http_alikassa_response_init(ngx_conf_t *cf);


/* ngx_http_alikassa_variables.c */

void ngx_http_alikassa_value(ngx_http_variable_value_t *v, const u_char *data,
    size_t len);
ngx_int_t ngx_http_alikassa_add_variables(ngx_conf_t *cf);
void ngx_http_alikassa_variables_init(ngx_conf_t *cf);
void ngx_http_alikassa_keep_body(ngx_http_request_t *r);
ngx_int_t ngx_http_alikassa_add(ngx_conf_t *cf, ngx_http_variable_t *v);


/* ngx_http_alikassa_audit.c */

char *ngx_http_alikassa_audit_log(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_alikassa_audit(ngx_http_alikassa_call_t *call);
void ngx_http_alikassa_audit_exit_process(void);


static ngx_inline ngx_uint_t
ngx_http_alikassa_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


extern ngx_module_t  ngx_http_alikassa_module;
extern ngx_module_t  ngx_http_alikassa_notification_module;


#endif /* _NGX_HTTP_ALIKASSA_MODULE_H_INCLUDED_ */
