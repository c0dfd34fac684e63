
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The content handler: method, body, fields.
 *
 * It reads the body.  From then on ngx_http_alikassa_order_resume() is the
 * request's write event handler: see ngx_http_alikassa_order.c.
 */


#include "ngx_http_alikassa_handler.h"
#include "ngx_http_alikassa_client.h"
#include "ngx_http_alikassa_body.h"
#include "ngx_http_alikassa_fields.h"
#include "ngx_http_alikassa_order.h"
#include "ngx_http_alikassa_outcome.h"
#include "ngx_http_alikassa_response.h"
#include "ngx_http_alikassa_upstream.h"
#include "alikassa_json.h"
#include "alikassa_utf8.h"
#include "alikassa_value.h"


static ngx_uint_t ngx_http_alikassa_method(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
static ngx_uint_t ngx_http_alikassa_handed_over(ngx_http_request_t *r);
static ngx_int_t ngx_http_alikassa_discard(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_http_alikassa_error_id_t error);
static void ngx_http_alikassa_body_handler(ngx_http_request_t *r);
static ngx_http_alikassa_next_t ngx_http_alikassa_prepare(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static ngx_http_alikassa_next_t ngx_http_alikassa_body_error(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx,
    ngx_http_alikassa_error_id_t error, alikassa_errmsg_t *errmsg);
static ngx_http_alikassa_next_t ngx_http_alikassa_prepare_request(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx, ngx_str_t *text);
static ngx_int_t ngx_http_alikassa_save_input(ngx_http_alikassa_ctx_t *ctx,
    alikassa_field_role_t role, ngx_str_t *dst);
static ngx_int_t ngx_http_alikassa_prepare_account(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);


ngx_int_t
ngx_http_alikassa_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_alikassa_ctx_t   *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    if (ngx_http_alikassa_get_call(r)) {

        /* ngx_http_alikassa_upstream_phase() has refused this subrequest */

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_alikassa_create_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "http alikassa handler: \"alikassa_%*s\", module "
                   NGX_HTTP_ALIKASSA_VERSION,
                   ctx->operation->name.len, ctx->operation->name.data);

    /* the URI is not logged, as a control character would end the line */

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r != r->main && !ctx->operation->is_read_only) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"alikassa_%*s\" cannot run in a subrequest, which may "
                      "be repeated: send the request itself to \"%V\"",
                      ctx->operation->name.len, ctx->operation->name.data,
                      &clcf->name);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->background) {

        /* the call's own subrequest would keep the main request forever */

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"alikassa_%*s\" cannot run in a background "
                      "subrequest, such as a mirror",
                      ctx->operation->name.len, ctx->operation->name.data);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_http_alikassa_method(r, ctx)) {
        ctx->allow = 1;
        return ngx_http_alikassa_discard(r, ctx,
                                         NGX_HTTP_ALIKASSA_ERROR_METHOD);
    }

    if (r == r->main && r->headers_in.content_length_n
                        > NGX_HTTP_ALIKASSA_BODY_MAX)
    {
        return ngx_http_alikassa_discard(r, ctx,
                                      NGX_HTTP_ALIKASSA_ERROR_BODY_TOO_LARGE);
    }

    if (r != r->main) {
        ngx_http_alikassa_undiscard(r);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_alikassa_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/*
 * Returns 1 if the request's method is allowed.  A call that moves money must
 * be a POST, unless an application hands the request over.
 */

static ngx_uint_t
ngx_http_alikassa_method(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx)
{
    ctx->trusted = ngx_http_alikassa_handed_over(r);

    if (ctx->trusted) {

        /* "alikassa_request" would sign the body that the client sent */

        return !ctx->operation->signs_client_object;
    }

    if (r->method == NGX_HTTP_POST) {
        return 1;
    }

    return ctx->operation->is_read_only
           && (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD));
}


/*
 * Returns 1 if an application has sent X-Accel-Redirect.  The application then
 * decides, and nothing that the client sent is a field.  For a named location
 * nginx keeps the client's method and arguments; for any other it changes all
 * methods but HEAD to GET.
 */

static ngx_uint_t
ngx_http_alikassa_handed_over(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    return r->internal
           && u
           && u->conf
           && u->headers_in.x_accel_redirect
           && !(u->conf->ignore_headers & NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT);
}


static ngx_int_t
ngx_http_alikassa_discard(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_http_alikassa_error_id_t error)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    (void) ngx_http_alikassa_send_error(r, ctx, error, NULL);

    return ctx->rc;
}


static void
ngx_http_alikassa_body_handler(ngx_http_request_t *r)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_module);

    r->write_event_handler = ngx_http_alikassa_order_resume;

    if (ngx_http_alikassa_prepare(r, ctx) == NGX_HTTP_ALIKASSA_ANSWERED) {
        ngx_http_finalize_request(r, ctx->rc);
    }
}


/*
 * Prepares the body that is signed, and starts the order.
 *
 * Each step calls the next and returns what the last step returned.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_prepare(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx)
{
    ngx_int_t                      rc;
    ngx_str_t                      text;
    alikassa_field_errors_t        errors;
    alikassa_errmsg_t              errmsg;
    ngx_http_alikassa_error_id_t   error;

    if (ngx_http_alikassa_prepare_account(r, ctx) != NGX_OK) {
        return ngx_http_alikassa_send_error(r, ctx,
                                            NGX_HTTP_ALIKASSA_ERROR_NO_ACCOUNT,
                                            NULL);
    }

    rc = ngx_http_alikassa_decode(r, ctx, 0, &text, &error, &errmsg);

    if (rc == NGX_ERROR) {
        return ngx_http_alikassa_send_error(r, ctx,
                                            NGX_HTTP_ALIKASSA_ERROR_NO_MEMORY,
                                            NULL);
    }

    /* an application that hands a request over sends no body of its own */

    if (rc == NGX_DECLINED && !ctx->trusted) {
        return ngx_http_alikassa_body_error(r, ctx, error, &errmsg);
    }

    if (ctx->operation->signs_client_object) {
        return ngx_http_alikassa_prepare_request(r, ctx, &text);
    }

    rc = ngx_http_alikassa_fields_build(r, ctx, &errors);

    if (rc == NGX_OK
        && ctx->conf->idempotency
        && ctx->operation->moves_money
        && ctx->order_id.len == 0)
    {
        /* the zone finds an order by its order_id only */

        rc = (alikassa_validate_missing(&ctx->pool, ctx->operation,
                                        ALIKASSA_ROLE_ORDER_ID, &errors)
              == ALIKASSA_OK)
             ? NGX_DECLINED : NGX_ERROR;
    }

    if (rc == NGX_OK) {
        return ngx_http_alikassa_order_start(r, ctx);
    }

    if (rc == NGX_ERROR) {
        return ngx_http_alikassa_send_error(r, ctx,
                                            NGX_HTTP_ALIKASSA_ERROR_NO_MEMORY,
                                            NULL);
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client sent invalid field \"%*s\", %uz in all",
                  errors.elts[0].field.len, errors.elts[0].field.data,
                  errors.nelts);

    return ngx_http_alikassa_send_error(r, ctx,
                                        NGX_HTTP_ALIKASSA_ERROR_INVALID,
                                        &errors);
}


/*
 * Tells the client what is wrong with its body as a whole.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_body_error(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_http_alikassa_error_id_t error,
    alikassa_errmsg_t *errmsg)
{
    alikassa_field_errors_t  errors;

    static const alikassa_str_t  body = alikassa_string("body");

    if (error != NGX_HTTP_ALIKASSA_ERROR_BAD_JSON
        && error != NGX_HTTP_ALIKASSA_ERROR_BAD_FORM)
    {
        return ngx_http_alikassa_send_error(r, ctx, error, NULL);
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client sent a malformed body: %s", errmsg->text);

    errors.nelts = 1;
    errors.elts[0].field = body;
    errors.elts[0].message.data = (u_char *) errmsg->text;
    errors.elts[0].message.len = ngx_strlen(errmsg->text);

    return ngx_http_alikassa_send_error(r, ctx, error, &errors);
}


/*
 * Prepares the body of "alikassa_request": the client's object, written again
 * as PHP's json_encode() writes it.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_prepare_request(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_str_t *text)
{
    alikassa_rc_t      rc;
    alikassa_str_t     in, out;
    alikassa_errmsg_t  errmsg;

    if (ctx->type != ALIKASSA_MEDIA_JSON) {
        return ngx_http_alikassa_send_error(r, ctx,
                                       NGX_HTTP_ALIKASSA_ERROR_MEDIA_TYPE_JSON,
                                            NULL);
    }

    in = ngx_http_alikassa_to_core(text);

    rc = alikassa_json_reencode(&ctx->pool, &in, &out, &errmsg);

    if (rc == ALIKASSA_DECLINED) {
        return ngx_http_alikassa_body_error(r, ctx,
                                            NGX_HTTP_ALIKASSA_ERROR_BAD_JSON,
                                            &errmsg);
    }

    /* the order_id and the amount are for variables and logs */

    if (rc != ALIKASSA_OK
        || ngx_http_alikassa_save_input(ctx, ALIKASSA_ROLE_ORDER_ID,
                                        &ctx->order_id)
           != NGX_OK
        || ngx_http_alikassa_save_input(ctx, ALIKASSA_ROLE_AMOUNT,
                                        &ctx->amount)
           != NGX_OK)
    {
        return ngx_http_alikassa_send_error(r, ctx,
                                            NGX_HTTP_ALIKASSA_ERROR_NO_MEMORY,
                                            NULL);
    }

    ctx->body = ngx_http_alikassa_from_core(&out);
    ctx->built = 1;

    return ngx_http_alikassa_order_start(r, ctx);
}


/*
 * Copies the string or the number that the client sent as the field of this
 * role; dst stays empty if there is none.
 */

static ngx_int_t
ngx_http_alikassa_save_input(ngx_http_alikassa_ctx_t *ctx,
    alikassa_field_role_t role, ngx_str_t *dst)
{
    const alikassa_input_t  *input;

    input = alikassa_inputs_find(&ctx->inputs,
                                 alikassa_operation_role_name(role));

    if (input == NULL || input->type > ALIKASSA_VALUE_NUMBER) {
        return NGX_OK;
    }

    return ngx_http_alikassa_copy_str(ctx, &input->value, dst);
}


/*
 * Evaluates the account, and validates it if it is made of variables.
 */

static ngx_int_t
ngx_http_alikassa_prepare_account(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    ngx_str_t       value;
    alikassa_str_t  s;

    if (ngx_http_complex_value(r, ctx->conf->account, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    s = ngx_http_alikassa_to_core(&value);

    /* an account without variables is validated by "nginx -t" */

    if (ctx->conf->account->lengths && !alikassa_uuid(&s)) {
        if (alikassa_utf8_controls(&s)) {
            ngx_str_set(&value, "control characters");
        }

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"alikassa_account\" gives \"%V\", "
                      "which is not an account's UUID", &value);
        return NGX_DECLINED;
    }

    ctx->account = value;

    return NGX_OK;
}
