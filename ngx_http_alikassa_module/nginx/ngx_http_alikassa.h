
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_H_INCLUDED_


/*
 * The base of all files of the glue: nginx's headers, the core's basic types,
 * and the two modules.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "alikassa.h"


/*
 * nginx's handlers have fixed signatures and rarely need all parameters: nginx
 * switches this warning off for itself, but clang lets a later -Wextra turn it
 * on again.
 */

#pragma GCC diagnostic ignored "-Wunused-parameter"


/* the release that CHANGES has at its head */
#define NGX_HTTP_ALIKASSA_VERSION  "0.2.0"


/* payments, payouts and status calls; notifications */

extern ngx_module_t  ngx_http_alikassa_module;
extern ngx_module_t  ngx_http_alikassa_notification_module;


#endif /* _NGX_HTTP_ALIKASSA_H_INCLUDED_ */
