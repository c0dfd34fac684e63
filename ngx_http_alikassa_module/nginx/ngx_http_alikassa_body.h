
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_BODY_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_BODY_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"
#include "ngx_http_alikassa_error.h"


/* the longest body of a checkout; a longer one is 413 */
#define NGX_HTTP_ALIKASSA_BODY_MAX  (1024 * 1024)


/*
 * Makes the body one piece: it may lie in several buffers and in a temporary
 * file.  A body that is one piece of memory is not copied, unless copy is set.
 * The piece lives as long as the request.  Returns NGX_OK; NGX_ERROR;
 * NGX_HTTP_REQUEST_ENTITY_TOO_LARGE.
 */

ngx_int_t ngx_http_alikassa_read_body(ngx_http_request_t *r, ngx_uint_t copy,
    ngx_str_t *body);

/*
 * Returns 1 if the request has a Content-Encoding other than identity.
 */

ngx_uint_t ngx_http_alikassa_content_encoding(ngx_http_request_t *r);

/*
 * Decodes the body, or the arguments of GET and HEAD, into ctx->inputs at each
 * call: another module may have replaced the body since the last one.  body is
 * set as by ngx_http_alikassa_read_body().
 *
 * NGX_OK.  NGX_DECLINED: error is set, and errmsg if the error is BAD_JSON or
 * BAD_FORM.  NGX_ERROR: no memory, or nginx cannot read its temporary file.
 */

ngx_int_t ngx_http_alikassa_decode(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t copy, ngx_str_t *body,
    ngx_http_alikassa_error_id_t *error, alikassa_errmsg_t *errmsg);


#endif /* _NGX_HTTP_ALIKASSA_BODY_H_INCLUDED_ */
