
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
#include "ngx_http_alikassa_store.h"

#include "alikassa_key.h"
#include "alikassa_operation.h"
#include "alikassa_signer.h"


/* "alikassa_idempotency ... wait=", in milliseconds */
#define NGX_HTTP_ALIKASSA_DEFAULT_WAIT  60000

#define NGX_HTTP_ALIKASSA_REDIRECT_OFF   0
#define NGX_HTTP_ALIKASSA_REDIRECT_ON    1
#define NGX_HTTP_ALIKASSA_REDIRECT_AUTO  2


typedef struct ngx_http_alikassa_audit_s  ngx_http_alikassa_audit_t;


#if (NGX_THREADS)
typedef ngx_thread_pool_t  ngx_http_alikassa_pool_t;
#else
typedef void  ngx_http_alikassa_pool_t;
#endif


/* "alikassa_key": one key is loaded once, however many locations name it */

typedef struct {
    ngx_str_t                           path;
    ngx_str_t                           password;
    ngx_str_t                           public;
    ngx_str_t                           name;       /* as configured */
    ngx_http_alikassa_conf_pos_t        pos;
    alikassa_key_t                     *key;
} ngx_http_alikassa_key_t;


typedef struct {
    ngx_http_alikassa_key_t            *key;
    ngx_str_t                           digest;
    alikassa_signer_t                  *signer;
} ngx_http_alikassa_signer_t;


/* a location whose operation is a payout */

typedef struct {
    ngx_http_core_loc_conf_t           *clcf;
    void                              **srv_conf;
} ngx_http_alikassa_payout_location_t;


typedef struct {
    ngx_array_t                         keys;       /* ..._key_t * */
    ngx_array_t                         signers;    /* ..._signer_t */
    ngx_array_t                         payout_locations;
    ngx_http_alikassa_audit_t          *audits;     /* a list */
    unsigned                            inline_notice:1;
    unsigned                            thread_pool:1;  /* set in http{} */
    unsigned                            body_variables:1;   /* in use */
} ngx_http_alikassa_main_conf_t;


/* the place of a set field in the operation's table, or one of these */

#define NGX_HTTP_ALIKASSA_SET_EXTRA  -1
#define NGX_HTTP_ALIKASSA_SET_SKIP   -2


/* one "alikassa_set" */

typedef struct {
    ngx_str_t                           name;
    ngx_http_complex_value_t            value;
    ngx_http_alikassa_conf_pos_t        pos;
} ngx_http_alikassa_set_t;


typedef struct {
    const alikassa_operation_t         *operation;
    ngx_http_alikassa_conf_pos_t        pos;      /* of operation */

    ngx_http_complex_value_t           *account;
    ngx_http_alikassa_key_t            *key;
    ngx_str_t                           digest;
    ngx_http_alikassa_conf_pos_t        digest_pos;
    alikassa_signer_t                  *signer;

    ngx_str_t                           api;
    ngx_str_t                           uri;        /* api + path */
    ngx_str_t                           status_uri; /* of its status query */

    ngx_array_t                        *set;        /* ..._set_t */
    ngx_int_t                          *set_field;  /* for each of set */
    ngx_http_alikassa_set_t           **field_set;  /* by field, or NULL */
    ngx_array_t                        *accept;     /* ngx_str_t */
    uint32_t                            accepted;   /* bit by field */

    ngx_uint_t                          validate;
    ngx_uint_t                          redirect;
    ngx_flag_t                          intercept_errors;

    /* NULL: sign in the event loop */
    ngx_http_alikassa_pool_t           *thread_pool;

    ngx_http_alikassa_store_t          *idempotency;
    ngx_msec_t                          wait;       /* for another claim */

    ngx_http_alikassa_audit_t          *audit;      /* or NULL */
} ngx_http_alikassa_loc_conf_t;


#endif /* _NGX_HTTP_ALIKASSA_CONF_H_INCLUDED_ */
