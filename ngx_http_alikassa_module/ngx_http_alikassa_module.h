
/*
 * What the parts of the glue share: configuration, the request's context and
 * the life of a call.
 *
 *     ngx_http_alikassa_module.c      directives, merging, the module's life
 *     ngx_http_alikassa_key.c         keys and signers of a configuration
 *     ngx_http_alikassa_handler.c     a request's way from body to answer
 *     ngx_http_alikassa_body.c        the client's body, read and decoded
 *     ngx_http_alikassa_fields.c      accept, set and defaults
 *     ngx_http_alikassa_sign.c        signing, in a thread or at once
 *     ngx_http_alikassa_upstream.c    the subrequest and its answer's capture
 *     ngx_http_alikassa_response.c    what the client gets
 *     ngx_http_alikassa_variables.c   $alikassa_*
 *     ngx_http_alikassa_idempotency.c the zone
 *     ngx_http_alikassa_audit.c       the audit log
 *     ngx_http_alikassa_notification.c  a module of its own: notifications
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
#include "ngx_http_alikassa_idempotency.h"


/* a checkout's body; above it, 413 */
#define NGX_HTTP_ALIKASSA_BODY_MAX  (1024 * 1024)

/* how long a request waits for another one about the same order */
#define NGX_HTTP_ALIKASSA_WAIT  60000

#define NGX_HTTP_ALIKASSA_REDIRECT_OFF   0
#define NGX_HTTP_ALIKASSA_REDIRECT_ON    1
#define NGX_HTTP_ALIKASSA_REDIRECT_AUTO  2


typedef struct ngx_http_alikassa_ctx_s  ngx_http_alikassa_ctx_t;
typedef struct ngx_http_alikassa_call_s  ngx_http_alikassa_call_t;
typedef struct ngx_http_alikassa_audit_s  ngx_http_alikassa_audit_t;

typedef void (*ngx_http_alikassa_call_handler_pt)(
    ngx_http_alikassa_call_t *call);


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


typedef struct {
    ngx_array_t                         keys;       /* ..._key_t * */
    ngx_array_t                         signers;    /* ..._signer_t */
    unsigned                            inline_notice:1;
} ngx_http_alikassa_main_conf_t;


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
    ngx_int_t                          *set_field;  /* of each: index or -1 */
    ngx_array_t                        *accept;     /* ngx_str_t */
    uint32_t                            accepted;   /* bit by field */

    ngx_uint_t                          validate;
    ngx_uint_t                          redirect;
    ngx_flag_t                          intercept_errors;

#if (NGX_THREADS)
    ngx_thread_pool_t                  *thread_pool;
#endif
    ngx_str_t                           thread_pool_name;

    ngx_shm_zone_t                     *idempotency;
    ngx_msec_t                          wait;

    ngx_http_alikassa_audit_t          *audit;      /* NULL: off */

    unsigned                            handler_set:1;
} ngx_http_alikassa_loc_conf_t;


/*
 * A signed call to AliKassa: what is sent, and what came back.  A request
 * makes one, or two where a status call goes before.
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

    /* the upstream's own handlers, behind ours */
    ngx_int_t                         (*process_header)(ngx_http_request_t *r);
    ngx_int_t                         (*reinit_request)(ngx_http_request_t *r);

    /* captured */
    u_char                             *start;
    size_t                              size;
    size_t                              len;

    ngx_uint_t                          status;
    alikassa_answer_t                   answer;
    alikassa_outcome_t                  outcome;

    ngx_msec_t                          sign_time;
    ngx_msec_t                          start_time;
    ngx_msec_t                          response_time;

    unsigned                            signing:1;
    unsigned                            signed_ok:1;
    unsigned                            busy:1;      /* the queue was full */
    unsigned                            sent:1;
    unsigned                            done:1;
    unsigned                            excess:1;
    unsigned                            whole:1;     /* fit to be passed on */
    unsigned                            timedout:1;
    unsigned                            recorded:1;
    unsigned                            finished:1;  /* handler was called */
};


struct ngx_http_alikassa_ctx_s {
    ngx_http_request_t                 *request;
    ngx_http_alikassa_loc_conf_t       *conf;
    const alikassa_operation_t         *operation;
    alikassa_pool_t                     pool;

    alikassa_inputs_t                   inputs;
    alikassa_fields_t                  *fields;

    ngx_str_t                           account;
    ngx_str_t                           order_id;
    ngx_str_t                           amount;
    ngx_str_t                           body;

    ngx_http_alikassa_call_t           *call;       /* the one under way */
    ngx_http_alikassa_call_t           *last;       /* the one for variables */
    ngx_http_alikassa_claim_t          *claim;

    /* of a replay, which has no call */
    alikassa_answer_t                   answer;

    alikassa_outcome_t                  outcome;
    ngx_str_t                           error;
    ngx_str_t                           verdict;    /* MISS, HIT ... */

    /* replaces nginx's own page, see ngx_http_alikassa_response.c */
    ngx_str_t                           page;

    unsigned                            decoded:1;
    unsigned                            answered:1;
    unsigned                            replaced:1;
};


/* ngx_http_alikassa_key.c */

char *ngx_http_alikassa_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_alikassa_key_load(ngx_conf_t *cf,
    ngx_http_alikassa_key_t *key);
ngx_int_t ngx_http_alikassa_signer(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *alcf);
void ngx_http_alikassa_keys_free(void *data);


/* ngx_http_alikassa_handler.c */

ngx_int_t ngx_http_alikassa_handler(ngx_http_request_t *r);
ngx_http_alikassa_ctx_t *ngx_http_alikassa_ctx(ngx_http_request_t *r);
ngx_http_alikassa_ctx_t *ngx_http_alikassa_create_ctx(ngx_http_request_t *r);
void ngx_http_alikassa_record(ngx_http_alikassa_call_t *call,
    alikassa_outcome_t outcome);
void ngx_http_alikassa_call_over(ngx_http_alikassa_call_t *call);


/* ngx_http_alikassa_body.c */

ngx_int_t ngx_http_alikassa_decode(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t lazy);
ngx_int_t ngx_http_alikassa_read_body(ngx_http_request_t *r, ngx_str_t *body);


/* ngx_http_alikassa_fields.c */

ngx_int_t ngx_http_alikassa_build(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, alikassa_faults_t *faults);


/* ngx_http_alikassa_sign.c */

ngx_int_t ngx_http_alikassa_sign(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call);


/* ngx_http_alikassa_upstream.c */

ngx_int_t ngx_http_alikassa_send(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call);
ngx_int_t ngx_http_alikassa_upstream_init(ngx_conf_t *cf);
ngx_http_alikassa_call_t *ngx_http_alikassa_call(ngx_http_request_t *r);


/* ngx_http_alikassa_response.c */

void ngx_http_alikassa_refuse(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t status, const char *error,
    const char *message, alikassa_faults_t *faults);
void ngx_http_alikassa_answer(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t status, ngx_str_t *body,
    alikassa_answer_t *answer);
ngx_int_t ngx_http_alikassa_response_init(ngx_conf_t *cf);


/* ngx_http_alikassa_variables.c */

ngx_int_t ngx_http_alikassa_add_variables(ngx_conf_t *cf);


/* ngx_http_alikassa_audit.c */

char *ngx_http_alikassa_audit_log(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_alikassa_audit(ngx_http_alikassa_call_t *call);


extern ngx_module_t  ngx_http_alikassa_module;


#endif /* _NGX_HTTP_ALIKASSA_MODULE_H_INCLUDED_ */
