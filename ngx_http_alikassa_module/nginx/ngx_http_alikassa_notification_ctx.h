
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_NOTIFICATION_CTX_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_NOTIFICATION_CTX_H_INCLUDED_


/*
 * The context of a request that is a notification.
 */

#include "ngx_http_alikassa_notification_conf.h"


typedef struct ngx_http_alikassa_notification_check_s
    ngx_http_alikassa_notification_check_t;

typedef struct ngx_http_alikassa_notification_ctx_s
    ngx_http_alikassa_notification_ctx_t;


/* a check that a location demands, with what it needs of the location */

struct ngx_http_alikassa_notification_check_s {
    ngx_http_alikassa_notification_conf_t   *conf;
    ngx_http_alikassa_loc_conf_t            *alcf;
    ngx_str_t                                args;
    ngx_uint_t                               uri_changes;
    ngx_http_alikassa_notification_check_t  *next;
};


/*
 * A check is pending from the moment when a request meets a location that has
 * "alikassa_notification" until the check is made, wherever a rewrite takes the
 * request before.
 */

struct ngx_http_alikassa_notification_ctx_s {
    ngx_http_request_t                      *request;
    alikassa_pool_t                          pool;

    /* called when the request's pool is destroyed, or NULL */
    void                                   (*cleanup)(
                                   ngx_http_alikassa_notification_ctx_t *ctx);

    /* of the check that is pending, or of the latest check */
    ngx_http_alikassa_notification_conf_t   *conf;
    ngx_http_alikassa_loc_conf_t            *alcf;
    ngx_str_t                                args;
    alikassa_notification_t                  notification;

    /* checks after the pending one, in the order of the locations */
    ngx_http_alikassa_notification_check_t  *checks;

    /* of this notification, and of the final status of its payment */
    ngx_http_alikassa_claim_t               *claim;
    ngx_http_alikassa_claim_t               *final_claim;

    unsigned                                 check_pending:1;
    unsigned                                 verified:1;

    /* nginx has left the rewrite phase */
    unsigned                                 rewrite_done:1;

    /* the check has begun to read the body; the body is read to its end */
    unsigned                                 body_started:1;
    unsigned                                 body_complete:1;

    /* "satisfy any": another access check has let the request in */
    unsigned                                 satisfied_any:1;

    /* refused with 403 by this module */
    unsigned                                 refused:1;

    /* refused before the content handler: only files and "return" may
       respond */
    unsigned                                 blocked:1;

    /* it is decided whether the shop gets the notification; the shop gets it */
    unsigned                                 claim_done:1;
    unsigned                                 delivering:1;

    /* nginx has taken an error_page since */
    unsigned                                 error_page_taken:1;

    /* the values of r->uri_changes when the pending check was noted, and when
       the request was refused */
    unsigned                                 pending_uri_changes:4;
    unsigned                                 refused_uri_changes:4;
};


/*
 * Returns the request's context, also after an internal redirect, which makes
 * nginx forget contexts; or NULL if the request has met no location with
 * "alikassa_notification".
 */

ngx_http_alikassa_notification_ctx_t *ngx_http_alikassa_notification_ctx(
    ngx_http_request_t *r);

/*
 * Creates the context of a main request.  Returns NULL if there is no memory.
 */

ngx_http_alikassa_notification_ctx_t *
    ngx_http_alikassa_notification_create_ctx(ngx_http_request_t *r);

/*
 * Adds the check of the request's present location to the checks that are to
 * be made.  Returns NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t ngx_http_alikassa_notification_add_check(
    ngx_http_alikassa_notification_ctx_t *ctx);

/*
 * Makes the first of ctx->checks, which must not be empty, the pending one.
 */

void ngx_http_alikassa_notification_next_check(
    ngx_http_alikassa_notification_ctx_t *ctx);


#endif /* _NGX_HTTP_ALIKASSA_NOTIFICATION_CTX_H_INCLUDED_ */
