
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_PROTECTION_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_PROTECTION_H_INCLUDED_


#include "ngx_http_alikassa_conf.h"


/*
 * Warns of each payout location that anyone can reach.  Returns NGX_OK.
 */

ngx_int_t ngx_http_alikassa_check_protection(ngx_conf_t *cf);

/*
 * Returns the name of the directive by which another module answers each
 * request of the location before its content handler, or NULL.  To be called
 * when the location is merged.
 */

const char *ngx_http_alikassa_answered_before(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);


#endif /* _NGX_HTTP_ALIKASSA_PROTECTION_H_INCLUDED_ */
