
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_NOTIFICATION_GUARD_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_NOTIFICATION_GUARD_H_INCLUDED_


/*
 * Keeps a refused notification away from the shop.
 */

#include "ngx_http_alikassa_notification_conf.h"
#include "ngx_http_alikassa_error.h"


/*
 * The name of the variable that stands before the URI of each error_page that
 * nginx can take for a request which it refuses early.
 */

#define NGX_HTTP_ALIKASSA_NOTIFICATION_GUARD_VARIABLE                         \
    "alikassa_notification_bar"


/*
 * Handles the precontent phase.  Returns NGX_DECLINED if the request may go
 * on, NGX_HTTP_FORBIDDEN otherwise.
 */

ngx_int_t ngx_http_alikassa_notification_guard_handler(ngx_http_request_t *r);

/*
 * Evaluates the variable to an empty string, and blocks a request that nginx
 * has refused early.  Returns NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t ngx_http_alikassa_notification_guard_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/*
 * Returns the error that replaces the response whose header nginx is about to
 * send, or NULL if the response stays.  Blocks the request if nginx has refused
 * it early.
 */

const ngx_http_alikassa_error_t *ngx_http_alikassa_notification_guard_error(
    ngx_http_request_t *r);

/*
 * Prepares a location with "alikassa_notification", and all servers, so that
 * the guard learns of requests that nginx refuses early.  To be called when
 * the location is merged: nginx has merged the configuration of the core module
 * of all locations before.  Returns NGX_OK, or NGX_ERROR if there is no memory
 * or an error_page cannot be compiled.
 */

ngx_int_t ngx_http_alikassa_notification_guard_merge_conf(ngx_conf_t *cf);


#endif /* _NGX_HTTP_ALIKASSA_NOTIFICATION_GUARD_H_INCLUDED_ */
