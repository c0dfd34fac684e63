
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_CONF_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_CONF_H_INCLUDED_


/*
 * The configuration of payments, payouts and status calls.  It is read-only
 * after merging.
 */

#include "ngx_http_alikassa_util.h"
#include "ngx_http_alikassa_idempotency.h"

#include "alikassa_key.h"
#include "alikassa_operation.h"
#include "alikassa_signer.h"


/* how long a request waits for another one about the same order */
#define NGX_HTTP_ALIKASSA_WAIT  60000

#define NGX_HTTP_ALIKASSA_REDIRECT_OFF   0
#define NGX_HTTP_ALIKASSA_REDIRECT_ON    1
#define NGX_HTTP_ALIKASSA_REDIRECT_AUTO  2


typedef struct ngx_http_alikassa_audit_s  ngx_http_alikassa_audit_t;


#if (NGX_THREADS)
typedef ngx_thread_pool_t  ngx_http_alikassa_pool_t;
#else
typedef void  ngx_http_alikassa_pool_t;
#endif


/* "alikassa_key": one loaded key, however many locations name it */

typedef struct {
    ngx_str_t                           path;
    ngx_str_t                           password;
    ngx_str_t                           public;
    ngx_str_t                           name;       /* as configured */
    ngx_http_alikassa_conf_pos_t           pos;
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
    ngx_http_alikassa_conf_pos_t           pos;
} ngx_http_alikassa_set_t;


typedef struct {
    const alikassa_operation_t         *operation;
    ngx_http_alikassa_conf_pos_t           pos;      /* of the operation */

    ngx_http_complex_value_t           *account;
    ngx_http_alikassa_key_t            *key;
    ngx_str_t                           digest;
    ngx_http_alikassa_conf_pos_t           digest_pos;
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


#endif /* _NGX_HTTP_ALIKASSA_CONF_H_INCLUDED_ */
