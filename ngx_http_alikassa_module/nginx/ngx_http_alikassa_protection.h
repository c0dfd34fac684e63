
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_PROTECTION_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_PROTECTION_H_INCLUDED_


#include "ngx_http_alikassa_conf.h"


ngx_int_t ngx_http_alikassa_check_protection(ngx_conf_t *cf);
const char *ngx_http_alikassa_answered_before(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);


#endif /* _NGX_HTTP_ALIKASSA_PROTECTION_H_INCLUDED_ */
