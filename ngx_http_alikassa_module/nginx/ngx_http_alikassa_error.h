
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_ERROR_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_ERROR_H_INCLUDED_


/*
 * The errors of the module's own that a client can read, in one table.  The
 * texts about single fields are the core's.
 */

#include "ngx_http_alikassa_util.h"


/*
 * _CLAIMED: the location has an idempotency zone, so the client can safely
 * repeat the request.  MAY_EXIST_, RESEND_: the order was sent before.
 */

typedef enum {
    NGX_HTTP_ALIKASSA_ERROR_METHOD,
    NGX_HTTP_ALIKASSA_ERROR_BODY_TOO_LARGE,
    NGX_HTTP_ALIKASSA_ERROR_BAD_REQUEST,
    NGX_HTTP_ALIKASSA_ERROR_MEDIA_TYPE,
    NGX_HTTP_ALIKASSA_ERROR_MEDIA_TYPE_JSON,
    NGX_HTTP_ALIKASSA_ERROR_BAD_JSON,
    NGX_HTTP_ALIKASSA_ERROR_BAD_FORM,
    NGX_HTTP_ALIKASSA_ERROR_INVALID,
    NGX_HTTP_ALIKASSA_ERROR_NO_ACCOUNT,
    NGX_HTTP_ALIKASSA_ERROR_NO_MEMORY,
    NGX_HTTP_ALIKASSA_ERROR_SIGN_FAILED,
    NGX_HTTP_ALIKASSA_ERROR_BUSY,
    NGX_HTTP_ALIKASSA_ERROR_STORE_FULL,
    NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST,
    NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST_BUSY,
    NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST_FULL,
    NGX_HTTP_ALIKASSA_ERROR_IN_FLIGHT,
    NGX_HTTP_ALIKASSA_ERROR_MISMATCH,
    NGX_HTTP_ALIKASSA_ERROR_UNREACHABLE,
    NGX_HTTP_ALIKASSA_ERROR_CONNECT_TIMEOUT,
    NGX_HTTP_ALIKASSA_ERROR_RESEND_UNREACHABLE,
    NGX_HTTP_ALIKASSA_ERROR_RESEND_TIMEOUT,
    NGX_HTTP_ALIKASSA_ERROR_BAD_RESPONSE,
    NGX_HTTP_ALIKASSA_ERROR_BAD_RESPONSE_CLAIMED,
    NGX_HTTP_ALIKASSA_ERROR_TIMEOUT,
    NGX_HTTP_ALIKASSA_ERROR_TIMEOUT_CLAIMED,
    NGX_HTTP_ALIKASSA_ERROR_UNRESOLVED,
    NGX_HTTP_ALIKASSA_ERROR_UNRESOLVED_CLAIMED,
    NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_UNVERIFIED,
    NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_IN_FLIGHT,
    NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_BUSY,
    NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_REPLAYED
} ngx_http_alikassa_error_id_t;


/*
 * code is the value of $alikassa_error.  retry_after is in seconds, 0 for none.
 * with_outcome: the response names the outcome and the order.  field_errors:
 * the code is followed by the name of the first invalid field.
 */

typedef struct {
    ngx_uint_t                          status;
    ngx_str_t                           code;
    alikassa_str_t                      message;
    ngx_uint_t                          retry_after;
    unsigned                            with_outcome:1;
    unsigned                            field_errors:1;
} ngx_http_alikassa_error_t;


extern const ngx_http_alikassa_error_t  ngx_http_alikassa_errors[];


#endif /* _NGX_HTTP_ALIKASSA_ERROR_H_INCLUDED_ */
