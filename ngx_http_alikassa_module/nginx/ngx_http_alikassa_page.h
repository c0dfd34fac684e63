
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_PAGE_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_PAGE_H_INCLUDED_


/*
 * The module's own response in place of an error page of nginx's.
 */

#include "ngx_http_alikassa.h"


/*
 * Adds the filters that replace pages.  Returns NGX_OK.
 */

ngx_int_t ngx_http_alikassa_page_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_ALIKASSA_PAGE_H_INCLUDED_ */
