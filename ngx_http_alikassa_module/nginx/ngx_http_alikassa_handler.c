
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * A request's way to what is signed: method, body, fields.
 *
 * The content handler reads the body; from then on the request goes on from
 * one handler to the next and waits in between, with
 * ngx_http_alikassa_resume() as its write event handler: see
 * ngx_http_alikassa_order.c.
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
    ngx_http_alikassa_ctx_t *ctx, const ngx_http_alikassa_refusal_t *refusal);
static void ngx_http_alikassa_body_handler(ngx_http_request_t *r);
static ngx_http_alikassa_next_t ngx_http_alikassa_prepare(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static ngx_http_alikassa_next_t ngx_http_alikassa_prepare_request(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx, ngx_str_t *text);
static ngx_int_t ngx_http_alikassa_prepare_account(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);


static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_bad_method =
    ngx_http_alikassa_refusal(NGX_HTTP_NOT_ALLOWED, "method_not_allowed",
        "The method is not allowed here.", 0, 0);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_too_large =
    ngx_http_alikassa_refusal(NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
        "body_too_large", "The request is too large.", 0, 0);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_bad_type =
    ngx_http_alikassa_refusal(NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "The request must be application/json, "
        "application/x-www-form-urlencoded or multipart/form-data in UTF-8, "
        "not encoded.", 0, 0);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_bad_json_type =
    ngx_http_alikassa_refusal(NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "The request must be application/json in UTF-8, not encoded.", 0, 0);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_invalid =
    ngx_http_alikassa_refusal(NGX_HTTP_BAD_REQUEST, "invalid",
        "The given data was invalid.", 0, 0);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_no_account =
    ngx_http_alikassa_refusal(NGX_HTTP_INTERNAL_SERVER_ERROR,
        "invalid_account", "There is no account for this request.", 0, 0);

static ngx_str_t  ngx_http_alikassa_bad_json = ngx_string("bad_json");
static ngx_str_t  ngx_http_alikassa_bad_form = ngx_string("bad_form");


ngx_int_t
ngx_http_alikassa_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_alikassa_ctx_t   *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    if (ngx_http_alikassa_call(r)) {

        /* the phase handler before this one refuses it */

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_alikassa_create_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* not the URI: a control character in it would end the log's line */

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r != r->main && !ctx->operation->safe) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"alikassa_%*s\" cannot run in a subrequest, which may "
                      "be repeated: send the request itself to \"%V\"",
                      ctx->operation->name.len, ctx->operation->name.data,
                      &clcf->name);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->background) {

        /* the call's own subrequest would keep the main request for ever */

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"alikassa_%*s\" cannot run in a background "
                      "subrequest, such as a mirror",
                      ctx->operation->name.len, ctx->operation->name.data);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_http_alikassa_method(r, ctx)) {
        ctx->allow = 1;
        return ngx_http_alikassa_discard(r, ctx, &ngx_http_alikassa_bad_method);
    }

    if (r == r->main && r->headers_in.content_length_n
                        > NGX_HTTP_ALIKASSA_BODY_MAX)
    {
        return ngx_http_alikassa_discard(r, ctx, &ngx_http_alikassa_too_large);
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
 * Returns 1 if the request's method is allowed.  A call that moves money comes
 * as POST, unless an application hands the request over.
 */

static ngx_uint_t
ngx_http_alikassa_method(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx)
{
    ctx->trusted = ngx_http_alikassa_handed_over(r);

    if (ctx->trusted) {

        /* "alikassa_request" would sign the client's own body */

        return ctx->operation->nfields != 0;
    }

    if (r->method == NGX_HTTP_POST) {
        return 1;
    }

    return ctx->operation->safe && (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD));
}


/*
 * Returns 1 if an application has answered with X-Accel-Redirect: then the
 * application decides, and nothing of the client's counts as a field.  On the
 * way to a named location nginx keeps the client's method and arguments; to
 * any other it makes GET of all but HEAD.
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
    ngx_http_alikassa_ctx_t *ctx, const ngx_http_alikassa_refusal_t *refusal)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    (void) ngx_http_alikassa_refuse(r, ctx, refusal, NULL);

    return ctx->rc;
}


static void
ngx_http_alikassa_body_handler(ngx_http_request_t *r)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_module);

    r->write_event_handler = ngx_http_alikassa_resume;

    if (ngx_http_alikassa_prepare(r, ctx) == NGX_HTTP_ALIKASSA_ANSWERED) {
        ngx_http_finalize_request(r, ctx->rc);
    }
}


/*
 * From the client's body to the one that is signed, and on.
 *
 * Each step calls the next and returns what the last one has left: the
 * request waits for something, or it is answered, and is to be finalized with
 * ctx->rc.  A refusal that is sent cannot be taken for leave to go on, nor
 * one that the client has yet to take for a wait.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_prepare(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx)
{
    ngx_int_t                     rc;
    ngx_str_t                     text;
    alikassa_faults_t             faults;
    alikassa_reason_t             reason;
    ngx_http_alikassa_refusal_t   refusal;

    static const alikassa_str_t   order_id = alikassa_string("order_id");
    static const alikassa_str_t   no_order_id =
                           alikassa_string("The order id field is required.");

    if (ngx_http_alikassa_prepare_account(r, ctx) != NGX_OK) {
        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_no_account,
                                        NULL);
    }

    rc = ngx_http_alikassa_decode(r, ctx, 0, &text, &reason);

    if (ctx->trusted && rc != NGX_ERROR) {

        /* a body that is none of ours is no fault of this request */

        rc = NGX_OK;
    }

    switch (rc) {

    case NGX_OK:
        break;

    case NGX_HTTP_BAD_REQUEST:

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent a malformed body: %s", reason.text);

        refusal = ngx_http_alikassa_invalid;
        refusal.error = (ctx->type == ALIKASSA_MEDIA_JSON)
                        ? ngx_http_alikassa_bad_json
                        : ngx_http_alikassa_bad_form;

        faults.nelts = 1;
        faults.elts[0].field.data = (u_char *) "body";
        faults.elts[0].field.len = sizeof("body") - 1;
        faults.elts[0].message.data = (u_char *) reason.text;
        faults.elts[0].message.len = ngx_strlen(reason.text);

        return ngx_http_alikassa_refuse(r, ctx, &refusal, &faults);

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_too_large,
                                        NULL);

    case NGX_HTTP_UNSUPPORTED_MEDIA_TYPE:
        return ngx_http_alikassa_refuse(r, ctx, ctx->operation->nfields
                                        ? &ngx_http_alikassa_bad_type
                                        : &ngx_http_alikassa_bad_json_type,
                                        NULL);

    default: /* NGX_ERROR */
        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_no_memory,
                                        NULL);
    }

    if (ctx->operation->nfields == 0) {
        return ngx_http_alikassa_prepare_request(r, ctx, &text);
    }

    rc = ngx_http_alikassa_fields_build(r, ctx, &faults);

    if (rc == NGX_OK
        && ctx->conf->idempotency
        && ctx->operation->money
        && ctx->order_id.len == 0)
    {
        /* the zone knows an order by its name only */

        faults.nelts = 1;
        faults.elts[0].field = order_id;
        faults.elts[0].message = no_order_id;

        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        return ngx_http_alikassa_enter(r, ctx);
    }

    if (rc == NGX_ERROR) {
        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_no_memory,
                                        NULL);
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client sent invalid field \"%*s\", %uz in all",
                  faults.elts[0].field.len, faults.elts[0].field.data,
                  faults.nelts);

    return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_invalid,
                                    &faults);
}


/*
 * "alikassa_request": the client's object, spelt as PHP would.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_prepare_request(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_str_t *text)
{
    alikassa_rc_t                 rc;
    alikassa_str_t                in, out;
    alikassa_faults_t             faults;
    alikassa_reason_t             reason;
    const alikassa_input_t       *input;
    ngx_http_alikassa_refusal_t   refusal;

    static const alikassa_str_t   order_id = alikassa_string("order_id");
    static const alikassa_str_t   amount = alikassa_string("amount");

    if (ctx->type != ALIKASSA_MEDIA_JSON) {
        return ngx_http_alikassa_refuse(r, ctx,
                                        &ngx_http_alikassa_bad_json_type,
                                        NULL);
    }

    in.len = text->len;
    in.data = text->data;

    rc = alikassa_json_reencode(&ctx->pool, &in, &out, &reason);

    if (rc == ALIKASSA_ERROR) {
        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_no_memory,
                                        NULL);
    }

    if (rc == ALIKASSA_DECLINED) {

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent a body that cannot be signed: %s",
                      reason.text);

        refusal = ngx_http_alikassa_invalid;
        refusal.error = ngx_http_alikassa_bad_json;

        faults.nelts = 1;
        faults.elts[0].field.data = (u_char *) "body";
        faults.elts[0].field.len = sizeof("body") - 1;
        faults.elts[0].message.data = (u_char *) reason.text;
        faults.elts[0].message.len = ngx_strlen(reason.text);

        return ngx_http_alikassa_refuse(r, ctx, &refusal, &faults);
    }

    ctx->body.len = out.len;
    ctx->body.data = (u_char *) out.data;

    /* for the log */

    input = alikassa_inputs_find(&ctx->inputs, &order_id);

    if (input && input->type <= ALIKASSA_VALUE_NUMBER
        && ngx_http_alikassa_keep(ctx, &input->value, &ctx->order_id)
           != NGX_OK)
    {
        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_no_memory,
                                        NULL);
    }

    input = alikassa_inputs_find(&ctx->inputs, &amount);

    if (input && input->type <= ALIKASSA_VALUE_NUMBER
        && ngx_http_alikassa_keep(ctx, &input->value, &ctx->amount) != NGX_OK)
    {
        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_no_memory,
                                        NULL);
    }

    ctx->built = 1;

    return ngx_http_alikassa_enter(r, ctx);
}


static ngx_int_t
ngx_http_alikassa_prepare_account(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    ngx_str_t       value;
    alikassa_str_t  s;

    if (ngx_http_complex_value(r, ctx->conf->account, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    s.len = value.len;
    s.data = value.data;

    /* what is no variable was checked when it was configured */

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
