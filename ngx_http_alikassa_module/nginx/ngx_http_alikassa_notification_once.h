
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_H_INCLUDED_


/*
 * Delivers each verified notification to the shop once, in a location with
 * "alikassa_idempotency".
 */

#include "ngx_http_alikassa_util.h"


/*
 * Handles the precontent phase.  Returns NGX_DECLINED if the shop is to get the
 * notification, NGX_AGAIN if the request waits for another one with the same
 * notification, NGX_DONE if the request is finalized, or an HTTP status.
 */

ngx_int_t ngx_http_alikassa_notification_once_handler(ngx_http_request_t *r);

/*
 * Settles the claim of the notification by the response whose header nginx is
 * about to send: a success of the shop ends the deliveries.
 */

void ngx_http_alikassa_notification_once_response_handler(
    ngx_http_request_t *r);


#endif /* _NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_H_INCLUDED_ */
