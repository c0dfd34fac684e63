
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_VARIABLES_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_VARIABLES_H_INCLUDED_


#include "ngx_http_alikassa_util.h"


ngx_int_t ngx_http_alikassa_variables_add(ngx_conf_t *cf);
void ngx_http_alikassa_variables_init(ngx_conf_t *cf);
void ngx_http_alikassa_keep_body(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ALIKASSA_VARIABLES_H_INCLUDED_ */
