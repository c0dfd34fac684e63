
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_VARIABLES_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_VARIABLES_H_INCLUDED_


#include "ngx_http_alikassa_util.h"


/*
 * Adds the variables.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_http_alikassa_variables_add(ngx_conf_t *cf);

/*
 * Finds out whether the configuration uses a variable that is made of the
 * client's body.
 */

void ngx_http_alikassa_variables_init(ngx_conf_t *cf);

/*
 * Keeps the temporary file of the client's body for a variable in the access
 * log.  nginx would close the file after this response's header if it has
 * passed the body on.
 */

void ngx_http_alikassa_keep_body(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ALIKASSA_VARIABLES_H_INCLUDED_ */
