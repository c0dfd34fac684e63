
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Notifications: what the check, the delivery and the answer share.
 */


#ifndef _NGX_HTTP_ALIKASSA_NOTIFICATION_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_NOTIFICATION_H_INCLUDED_


#include "ngx_http_alikassa_conf.h"
#include "ngx_http_alikassa_ctx.h"
#include "ngx_http_alikassa_error.h"
#include "alikassa_notification.h"


/* a notification has a few hundred bytes */
#define NGX_HTTP_ALIKASSA_NOTIFICATION_MAX  (64 * 1024)


/* a public key, as read */

typedef struct {
    ngx_str_t                           path;
    alikassa_str_t                      pem;
    ngx_http_alikassa_conf_pos_t           pos;
} ngx_http_alikassa_public_t;


typedef struct {
    ngx_array_t                        *keys;       /* ..._public_t, or NULL */
    ngx_array_t                        *verifiers;  /* alikassa_verifier_t * */
    ngx_str_t                           digest;     /* of the verifiers */
    alikassa_notification_extra_t       extra;
    ngx_http_alikassa_conf_pos_t           extra_pos;

    /* "alikassa_notification_fields", or the documented ones */
    const alikassa_notification_fields_t  *fields;

    /* a server's: one of its locations checks notifications */
    ngx_uint_t                          inside;

    /* a server's: a location of this or another server checks them */
    ngx_uint_t                          anywhere;
} ngx_http_alikassa_notification_conf_t;


typedef struct ngx_http_alikassa_debt_s  ngx_http_alikassa_debt_t;

/* the check that a location asks for */

struct ngx_http_alikassa_debt_s {
    ngx_http_alikassa_notification_conf_t  *conf;
    ngx_http_alikassa_loc_conf_t           *alcf;
    ngx_str_t                               args;
    ngx_uint_t                              uri_changes; /* by then */
    ngx_http_alikassa_debt_t               *next;
};


/*
 * The check is owed from the moment a request meets a location that has
 * "alikassa_notification", wherever rewrite takes it before the check.
 */

typedef struct {
    ngx_http_request_t                     *request;
    ngx_http_alikassa_notification_conf_t  *conf;
    ngx_http_alikassa_loc_conf_t           *alcf;
    ngx_str_t                               args;
    alikassa_notification_t                 notification;

    /* what is owed besides, in the order in which it was met */
    ngx_http_alikassa_debt_t               *debts;

    /* of this notification, and of the payment's final status */
    ngx_http_alikassa_claim_t              *claim;
    ngx_http_alikassa_claim_t              *final;

    unsigned                                owed:1;
    unsigned                                passed:1;   /* rewrite is over */
    unsigned                                read:1;     /* the body */
    unsigned                                proven:1;
    unsigned                                refused:1;
    unsigned                                uri_changes:4; /* by then */
    unsigned                                owed_at:4;  /* uri_changes */
    unsigned                                claimed:1;  /* delivery's part */
    unsigned                                failed:1;   /* error_page since */
    unsigned                                whole:1;    /* the body's end */
    unsigned                                admitted:1; /* by "satisfy any" */
    unsigned                                barred:1;   /* refused for good */
} ngx_http_alikassa_notification_ctx_t;


/* ngx_http_alikassa_notification.c */

/*
 * The request's context, also after an internal redirect; NULL if it has met
 * no location with "alikassa_notification".
 */

ngx_http_alikassa_notification_ctx_t *ngx_http_alikassa_notification_ctx(
    ngx_http_request_t *r);

/*
 * Creates the context.  Returns NULL if there is no memory.
 */

ngx_http_alikassa_notification_ctx_t *
    ngx_http_alikassa_notification_create_ctx(ngx_http_request_t *r);

/*
 * Returns whether $alikassa_notification_FIELD, for a field that is not empty,
 * is a variable of its own.
 */

ngx_uint_t ngx_http_alikassa_notification_is_variable(ngx_str_t *field);


/* ngx_http_alikassa_notification_guard.c */

ngx_int_t ngx_http_alikassa_notification_guard(ngx_http_request_t *r);
ngx_int_t ngx_http_alikassa_notification_bar(ngx_http_request_t *r);
ngx_int_t ngx_http_alikassa_notification_bar_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/*
 * The page that stands in place of the answer whose header is being sent, or
 * NULL.
 */

const ngx_http_alikassa_error_t *ngx_http_alikassa_notification_page(
    ngx_http_request_t *r);

ngx_int_t ngx_http_alikassa_notification_merge_guard(ngx_conf_t *cf);


/* ngx_http_alikassa_notification_conf.c */

void *ngx_http_alikassa_notification_create_conf(ngx_conf_t *cf);
char *ngx_http_alikassa_notification_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
char *ngx_http_alikassa_notification(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_alikassa_notification_fields(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


/* ngx_http_alikassa_delivery.c */

/*
 * The handler of the precontent phase: takes a proven notification to the
 * shop once, where the location has an idempotency zone.
 */

ngx_int_t ngx_http_alikassa_delivery_handler(ngx_http_request_t *r);

/*
 * The answer's header is being sent: a success of the shop's is remembered.
 */

void ngx_http_alikassa_delivery_answered(ngx_http_request_t *r);

/*
 * The request ends: what was not answered is free to come again.
 */

void ngx_http_alikassa_delivery_cleanup(
    ngx_http_alikassa_notification_ctx_t *ctx);


#endif /* _NGX_HTTP_ALIKASSA_NOTIFICATION_H_INCLUDED_ */
