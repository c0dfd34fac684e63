
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_ERROR_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_ERROR_H_INCLUDED_


#include "ngx_http_alikassa_util.h"


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


/* for tables of refusals */

#define ngx_http_alikassa_refusal(status, error, message, retry, told)        \
    { status, ngx_string(error), alikassa_string(message), retry, told }


#endif /* _NGX_HTTP_ALIKASSA_ERROR_H_INCLUDED_ */
