
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_RESPONSE_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_RESPONSE_H_INCLUDED_


/*
 * The response to the client.
 *
 * The first three functions return NGX_HTTP_ALIKASSA_ANSWERED, and ctx->rc is
 * then the value to finalize the request with: nginx's output may have returned
 * NGX_AGAIN for a client that reads slowly.
 */

#include "ngx_http_alikassa_ctx.h"
#include "ngx_http_alikassa_error.h"


/*
 * Sends an error in the shape of AliKassa's own, or lets the operator's
 * error_page take it.  errors may be NULL.
 */

ngx_http_alikassa_next_t ngx_http_alikassa_send_error(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_http_alikassa_error_id_t error,
    alikassa_field_errors_t *errors);

/*
 * Passes AliKassa's response on, byte for byte, or redirects the payer to the
 * payment page.  ctx->status and ctx->answer are read from it before.
 * replayed: the response is a stored one.
 */

ngx_http_alikassa_next_t ngx_http_alikassa_send_response(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_str_t *body, ngx_uint_t replayed);

/*
 * Tells the client that its order exists, if the first response with the
 * payer's link is lost.  A program gets 200.  A browser gets 409, which the
 * operator's error_page takes even without "alikassa_intercept_errors".
 */

ngx_http_alikassa_next_t ngx_http_alikassa_send_existing_order(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);

/*
 * Adds the headers that all responses of the module have.  Returns NGX_OK, or
 * NGX_ERROR if there is no memory.
 */

ngx_int_t ngx_http_alikassa_common_headers(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);


#endif /* _NGX_HTTP_ALIKASSA_RESPONSE_H_INCLUDED_ */
