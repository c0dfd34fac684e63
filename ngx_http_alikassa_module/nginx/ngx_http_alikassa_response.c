
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The response to the client: AliKassa's response byte for byte, a redirect to
 * the payment page, or an error of the module's in AliKassa's shape.
 */


#include "ngx_http_alikassa_response.h"
#include "alikassa_api.h"
#include "alikassa_refusal.h"


static ngx_int_t ngx_http_alikassa_error_response(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, const ngx_http_alikassa_error_t *error,
    alikassa_field_errors_t *errors);
static ngx_int_t ngx_http_alikassa_error_code(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, const ngx_http_alikassa_error_t *error,
    alikassa_field_errors_t *errors);
static ngx_int_t ngx_http_alikassa_retry_after(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t seconds);
static ngx_int_t ngx_http_alikassa_call_response(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_str_t *body, ngx_uint_t replayed);
static ngx_int_t ngx_http_alikassa_existing_order_response(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static ngx_uint_t ngx_http_alikassa_intercept(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t status);
static ngx_uint_t ngx_http_alikassa_find_error_page(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_uint_t ngx_http_alikassa_wants_redirect(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
static ngx_int_t ngx_http_alikassa_accept_header(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_int_t ngx_http_alikassa_send_redirect(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
static ngx_int_t ngx_http_alikassa_write_refusal(ngx_http_alikassa_ctx_t *ctx,
    const ngx_http_alikassa_error_t *error, alikassa_field_errors_t *errors,
    ngx_str_t *out);
static ngx_int_t ngx_http_alikassa_write_exists(ngx_http_alikassa_ctx_t *ctx,
    ngx_str_t *out);
static ngx_int_t ngx_http_alikassa_send_json(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t status, ngx_str_t *body);


ngx_http_alikassa_next_t
ngx_http_alikassa_send_error(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_http_alikassa_error_id_t error,
    alikassa_field_errors_t *errors)
{
    ctx->rc = ngx_http_alikassa_error_response(r, ctx,
                                             &ngx_http_alikassa_errors[error],
                                               errors);

    return NGX_HTTP_ALIKASSA_ANSWERED;
}


static ngx_int_t
ngx_http_alikassa_error_response(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, const ngx_http_alikassa_error_t *error,
    alikassa_field_errors_t *errors)
{
    ngx_str_t  body;

    if (ctx->outcome == ALIKASSA_OUTCOME_NONE) {
        ngx_http_alikassa_set_outcome(ctx, ALIKASSA_OUTCOME_INVALID);
    }

    if (ngx_http_alikassa_error_code(r, ctx, error, errors) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_alikassa_intercept(r, ctx, error->status)) {
        return error->status;
    }

    if (ngx_http_alikassa_write_refusal(ctx, error, errors, &body) != NGX_OK
        || ngx_http_alikassa_retry_after(r, ctx, error->retry_after) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->allow
        && ngx_http_alikassa_add_header(r, "Allow",
                                        ctx->operation->is_read_only
                                        ? "GET, HEAD, POST" : "POST")
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_alikassa_send_json(r, ctx, error->status, &body);
}


/*
 * Sets $alikassa_error, which names the first invalid field: "invalid_amount".
 */

static ngx_int_t
ngx_http_alikassa_error_code(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, const ngx_http_alikassa_error_t *error,
    alikassa_field_errors_t *errors)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   field;

    ctx->error = error->code;

    if (!error->field_errors || errors == NULL) {
        return NGX_OK;
    }

    field = ngx_http_alikassa_from_core(&errors->elts[0].field);
    len = error->code.len + field.len;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(p, "%V%V", &error->code, &field);

    ctx->error.len = len;
    ctx->error.data = p;

    return NGX_OK;
}


/*
 * Adds Retry-After: AliKassa's own if there is one, else the seconds, if not 0.
 */

static ngx_int_t
ngx_http_alikassa_retry_after(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t seconds)
{
    u_char  *p;

    p = ctx->retry_after;

    if (p == NULL) {

        if (seconds == 0) {
            return NGX_OK;
        }

        p = ngx_pnalloc(r->pool, NGX_INT_T_LEN + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        *ngx_sprintf(p, "%ui", seconds) = '\0';
    }

    if (ngx_http_alikassa_add_header(r, "Retry-After", (char *) p) == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_http_alikassa_next_t
ngx_http_alikassa_send_response(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_str_t *body, ngx_uint_t replayed)
{
    ctx->rc = ngx_http_alikassa_call_response(r, ctx, body, replayed);

    return NGX_HTTP_ALIKASSA_ANSWERED;
}


static ngx_int_t
ngx_http_alikassa_call_response(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_str_t *body, ngx_uint_t replayed)
{
    ngx_uint_t  status;

    /* nginx drops the client at these, as if they were its own */

    status = (ctx->status == NGX_HTTP_REQUEST_TIME_OUT
              || ctx->status == NGX_HTTP_CLOSE
              || ctx->status == NGX_HTTP_CLIENT_CLOSED_REQUEST)
             ? NGX_HTTP_GATEWAY_TIME_OUT : ctx->status;

    if (ngx_http_alikassa_intercept(r, ctx, status)) {
        return status;
    }

    if (replayed
        && ngx_http_alikassa_add_header(r, "Idempotent-Replayed", "true")
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_alikassa_retry_after(r, ctx, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->status < NGX_HTTP_SPECIAL_RESPONSE
        && ctx->operation->moves_money
        && ngx_http_alikassa_wants_redirect(r, ctx)
        && alikassa_response_has_link(&ctx->answer))
    {
        return ngx_http_alikassa_send_redirect(r, ctx);
    }

    return ngx_http_alikassa_send_json(r, ctx, ctx->status, body);
}


ngx_http_alikassa_next_t
ngx_http_alikassa_send_existing_order(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    ctx->rc = ngx_http_alikassa_existing_order_response(r, ctx);

    return NGX_HTTP_ALIKASSA_ANSWERED;
}


static ngx_int_t
ngx_http_alikassa_existing_order_response(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    ngx_str_t   body;
    ngx_uint_t  status;

    static ngx_str_t  error = ngx_string("exists");

    status = NGX_HTTP_OK;

    if (ctx->operation->redirects_payer
        && ngx_http_alikassa_wants_redirect(r, ctx))
    {
        status = NGX_HTTP_CONFLICT;
        ctx->error = error;

        if (ngx_http_alikassa_find_error_page(r, status)) {
            return status;
        }
    }

    if (ngx_http_alikassa_write_exists(ctx, &body) != NGX_OK
        || ngx_http_alikassa_add_header(r, "Idempotent-Replayed", "true")
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_alikassa_send_json(r, ctx, status, &body);
}


static ngx_uint_t
ngx_http_alikassa_intercept(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t status)
{
    return ctx->conf->intercept_errors
           && status >= NGX_HTTP_SPECIAL_RESPONSE
           && ngx_http_alikassa_find_error_page(r, status);
}


/*
 * Returns 1 if an error_page of the operator's would take the status.
 */

static ngx_uint_t
ngx_http_alikassa_find_error_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages == NULL || r->error_page || r->uri_changes == 0) {
        return 0;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (page[i].status == (ngx_int_t) status) {
            return 1;
        }
    }

    return 0;
}


/*
 * Returns 1 if the client wants a redirect, and not JSON.
 */

static ngx_uint_t
ngx_http_alikassa_wants_redirect(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    ngx_str_t       value;
    alikassa_str_t  accept;

    if (ctx->conf->redirect != NGX_HTTP_ALIKASSA_REDIRECT_AUTO) {
        return ctx->conf->redirect == NGX_HTTP_ALIKASSA_REDIRECT_ON;
    }

    if (ngx_http_alikassa_accept_header(r, &value) != NGX_OK) {
        return 0;
    }

    accept = ngx_http_alikassa_to_core(&value);

    return alikassa_media_prefers_html(&accept);
}


/*
 * Joins the lines of the client's Accept (RFC 9110, section 5.3).
 *
 * $http_accept is not used: nginx shares the values of variables with
 * subrequests, so an evaluation in the location of a call would set the value
 * of the call for both.
 */

static ngx_int_t
ngx_http_alikassa_accept_header(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char           *p;
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("Accept");

    ngx_str_null(value);

    i = 0;
    part = &r->headers_in.headers.part;

    for ( ;; ) {

        h = ngx_http_alikassa_next_header(&part, &i, &name);
        if (h == NULL) {
            return NGX_OK;
        }

        if (value->len == 0) {
            *value = h->value;
            continue;
        }

        len = value->len + sizeof(", ") - 1 + h->value.len;

        p = ngx_pnalloc(r->pool, len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(p, "%V, %V", value, &h->value);

        value->data = p;
        value->len = len;
    }
}


static ngx_int_t
ngx_http_alikassa_send_redirect(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *location;

    ngx_http_clear_location(r);

    /* the core ends the strings of a response with a NUL */

    location = ngx_http_alikassa_add_header(r, "Location",
                                        (char *) ctx->answer.url.data);

    if (location == NULL || ngx_http_alikassa_common_headers(r, ctx) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.location = location;
    r->headers_out.status = NGX_HTTP_SEE_OTHER;
    r->headers_out.content_length_n = 0;

    ctx->answered = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_send_special(r, NGX_HTTP_LAST);
}


/*
 * Writes an error. One that tells the outcome names the order as well.
 */

static ngx_int_t
ngx_http_alikassa_write_refusal(ngx_http_alikassa_ctx_t *ctx,
    const ngx_http_alikassa_error_t *error, alikassa_field_errors_t *errors,
    ngx_str_t *out)
{
    alikassa_str_t      text;
    alikassa_refusal_t  refusal;

    refusal.message = error->message;
    refusal.errors = errors;
    refusal.outcome = error->with_outcome ? ctx->outcome
                                          : ALIKASSA_OUTCOME_NONE;
    refusal.order_id = ngx_http_alikassa_to_core(&ctx->order_id);

    if (alikassa_refusal_build(&ctx->pool, &refusal, &text) != ALIKASSA_OK) {
        return NGX_ERROR;
    }

    *out = ngx_http_alikassa_from_core(&text);

    return NGX_OK;
}


/*
 * Writes the response for an order that a status query has found.
 */

static ngx_int_t
ngx_http_alikassa_write_exists(ngx_http_alikassa_ctx_t *ctx, ngx_str_t *out)
{
    alikassa_str_t  text, order_id;

    order_id = ngx_http_alikassa_to_core(&ctx->order_id);

    if (alikassa_existing_order_build(&ctx->pool, &ctx->answer, &order_id,
                                      &text)
        != ALIKASSA_OK)
    {
        return NGX_ERROR;
    }

    *out = ngx_http_alikassa_from_core(&text);

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_send_json(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t status, ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (ngx_http_alikassa_common_headers(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = (body->len != 0);
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;
    b->sync = (body->len == 0 && r != r->main);

    out.buf = b;
    out.next = NULL;

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;

    ngx_str_set(&r->headers_out.content_type, ALIKASSA_CONTENT_TYPE);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    /* "If-None-Match: *" must not turn the response to a payment into 304 */

    r->disable_not_modified = 1;

    ctx->answered = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_alikassa_common_headers(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    if (ngx_http_alikassa_add_header(r, "Cache-Control", "no-store") == NULL) {
        return NGX_ERROR;
    }

    /* for auth_request_set and map: $sent_http_alikassa_payment_status */

    if (ctx->operation
        && ctx->operation->is_read_only
        && ctx->answer.payment_status.len
        && ngx_http_alikassa_add_header(r, "Alikassa-Payment-Status",
                                (char *) ctx->answer.payment_status.data)
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
