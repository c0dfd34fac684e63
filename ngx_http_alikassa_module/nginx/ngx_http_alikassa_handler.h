
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_HANDLER_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_HANDLER_H_INCLUDED_


#include "ngx_http_alikassa_conf.h"


/*
 * The content handler of a location with an operation.
 */

ngx_int_t ngx_http_alikassa_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ALIKASSA_HANDLER_H_INCLUDED_ */
