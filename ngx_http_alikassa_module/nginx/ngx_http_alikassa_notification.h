
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_NOTIFICATION_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_NOTIFICATION_H_INCLUDED_


/*
 * The check of notifications, in three phases of nginx.
 */

#include "ngx_http_alikassa_util.h"


/* the longest body of a notification: a notification has a few hundred bytes */
#define NGX_HTTP_ALIKASSA_NOTIFICATION_MAX  (64 * 1024)


/*
 * Handles the rewrite phase, before nginx's own handler of this phase: notes
 * that the check is pending if the location has "alikassa_notification".
 * Returns NGX_DECLINED, or NGX_HTTP_INTERNAL_SERVER_ERROR if there is no
 * memory.
 */

ngx_int_t ngx_http_alikassa_notification_rewrite_handler(
    ngx_http_request_t *r);

/*
 * Handles the preaccess phase: makes the pending checks of locations that the
 * request has left.  Returns NGX_DECLINED if the request may go on, NGX_DONE
 * while nginx reads the body, or the HTTP status of a refusal.
 */

ngx_int_t ngx_http_alikassa_notification_preaccess_handler(
    ngx_http_request_t *r);

/*
 * Handles the access phase: makes the check of the present location.  Returns
 * NGX_OK if the notification is verified, NGX_DECLINED if the location has no
 * check, NGX_DONE while nginx reads the body, or the HTTP status of a refusal.
 */

ngx_int_t ngx_http_alikassa_notification_access_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ALIKASSA_NOTIFICATION_H_INCLUDED_ */
