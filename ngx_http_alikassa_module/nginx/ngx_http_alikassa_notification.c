
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The check: lets only verified notifications through.
 *
 * The check is pending from the moment when a request meets a location with
 * "alikassa_notification".  nginx runs "return" and "rewrite" before the access
 * phase, so the module notes the pending check before them.  The check follows
 * a rewrite to another location, and the guard replaces a success with which
 * "return" responds before the check.
 */


#include "ngx_http_alikassa_notification.h"
#include "ngx_http_alikassa_notification_ctx.h"
#include "ngx_http_alikassa_body.h"

#include "alikassa_notification_input.h"


static ngx_int_t ngx_http_alikassa_notification_check(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx);
static ngx_int_t ngx_http_alikassa_notification_start_body(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx);
static void ngx_http_alikassa_notification_body_handler(
    ngx_http_request_t *r);
static alikassa_rc_t ngx_http_alikassa_notification_verify(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_get_body(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    ngx_str_t *body, alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_check_headers(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_check_sent_query(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    ngx_str_t *body, alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_add_parameters(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_notification_t *notification, ngx_str_t *args, ngx_str_t *body,
    alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_add_body(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_notification_t *notification, ngx_str_t *body,
    alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_decline(
    alikassa_errmsg_t *errmsg, const char *text);


ngx_int_t
ngx_http_alikassa_notification_rewrite_handler(ngx_http_request_t *r)
{
    ngx_http_alikassa_loc_conf_t           *alcf;
    ngx_http_alikassa_notification_ctx_t   *ctx;
    ngx_http_alikassa_notification_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_alikassa_notification_module);

    /* as nginx's own access checks, the check is for requests of clients */

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx && !ctx->verified && !ctx->satisfied_any
        && (!ctx->check_pending || (ctx->body_started && !ctx->body_complete)))
    {
        /*
         * The check has refused the request, or nginx has failed to read the
         * body for the check, and an error_page takes the request here.
         */

        if (!ctx->blocked) {
            ctx->blocked = 1;

            ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                           "http alikassa notification: blocked");
        }

        return NGX_DECLINED;
    }

    if (conf->verifiers == NULL) {
        return NGX_DECLINED;
    }

    if (ctx == NULL) {
        ctx = ngx_http_alikassa_notification_create_ctx(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_alikassa_module);

    if (ctx->conf
        && ctx->conf->verifiers == conf->verifiers
        && ctx->conf->extra.elts == conf->extra.elts
        && ctx->conf->fields == conf->fields
        && ctx->alcf->account == alcf->account)
    {
        return NGX_DECLINED;
    }

    if (ngx_http_alikassa_notification_add_check(ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->rewrite_done = 0;

    if (!ctx->check_pending) {
        ngx_http_alikassa_notification_next_check(ctx);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_alikassa_notification_preaccess_handler(ngx_http_request_t *r)
{
    ngx_int_t                               rc;
    ngx_http_alikassa_notification_ctx_t   *ctx;
    ngx_http_alikassa_notification_conf_t  *conf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    ctx->rewrite_done = 1;

    conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_alikassa_notification_module);

    /*
     * Only the check of the present location takes part in its "satisfy", in
     * the access phase.  The checks of other locations are made here.
     */

    while (ctx->check_pending
           && (conf->verifiers == NULL
               || ctx->pending_uri_changes != r->uri_changes))
    {
        rc = ngx_http_alikassa_notification_check(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }

        if (ctx->checks) {
            ngx_http_alikassa_notification_next_check(ctx);
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_alikassa_notification_access_handler(ngx_http_request_t *r)
{
    ngx_http_alikassa_notification_ctx_t   *ctx;
    ngx_http_alikassa_notification_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_alikassa_notification_module);

    if (conf->verifiers == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL) {

        /*
         * nginx has not run the rewrite phase of this location.  This should
         * not happen; refuse the request if it does.
         */

        return NGX_HTTP_FORBIDDEN;
    }

    return ngx_http_alikassa_notification_check(r, ctx);
}


/*
 * Makes the pending check.  Returns NGX_OK if the notification is verified,
 * NGX_DONE while nginx reads the body, which then runs the phases again, or
 * the HTTP status of a refusal.
 */

static ngx_int_t
ngx_http_alikassa_notification_check(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_int_t          rc;
    alikassa_errmsg_t  errmsg;

    if (!ctx->check_pending) {
        ctx->refused = !ctx->verified;
        return ctx->verified ? NGX_OK : NGX_HTTP_FORBIDDEN;
    }

    if (!ctx->body_started) {

        rc = ngx_http_alikassa_notification_start_body(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ctx->check_pending = 0;

    switch (ngx_http_alikassa_notification_verify(r, ctx, &errmsg)) {

    case ALIKASSA_OK:
        ctx->verified = 1;

        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "http alikassa notification: verified");

        return NGX_OK;

    case ALIKASSA_DECLINED:
        ctx->refused = 1;
        ctx->refused_uri_changes = r->uri_changes;

        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "http alikassa notification: refused");

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "notification refused: %s", errmsg.text);

        return NGX_HTTP_FORBIDDEN;

    default: /* ALIKASSA_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/*
 * Makes nginx read the body, if the method is one of notifications and the
 * length is allowed; ngx_http_alikassa_notification_get_body() refuses other
 * requests.  Returns NGX_OK to go on, NGX_DONE if the phases run again when the
 * body is read, or the HTTP status with which nginx refuses the body.
 */

static ngx_int_t
ngx_http_alikassa_notification_start_body(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_POST))
        || r->headers_in.content_length_n > NGX_HTTP_ALIKASSA_NOTIFICATION_MAX)
    {
        return NGX_OK;
    }

    ctx->body_started = 1;
    ctx->body_complete = (r->request_body != NULL && !r->reading_body);

    if (r->request_body) {
        return NGX_OK;
    }

    rc = ngx_http_read_client_request_body(r,
                                  ngx_http_alikassa_notification_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_alikassa_notification_body_handler(ngx_http_request_t *r)
{
    ngx_http_alikassa_notification_ctx_t  *ctx;

    ctx = ngx_http_alikassa_notification_ctx(r);
    ctx->body_complete = 1;

    /* the content handler passes the body on */

    r->preserve_body = 1;

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


/*
 * Verifies the notification.  Returns ALIKASSA_OK, ALIKASSA_DECLINED with the
 * reason of the refusal, or ALIKASSA_ERROR if there is no memory or nginx
 * cannot read its temporary file.
 */

static alikassa_rc_t
ngx_http_alikassa_notification_verify(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, alikassa_errmsg_t *errmsg)
{
    ngx_str_t                  body, value;
    alikassa_rc_t              rc;
    alikassa_str_t             account, uri;
    ngx_http_complex_value_t  *cv;

    rc = ngx_http_alikassa_notification_get_body(r, ctx, &body, errmsg);

    if (rc != ALIKASSA_OK) {
        return rc;
    }

    uri = ngx_http_alikassa_to_core(&r->unparsed_uri);

    rc = alikassa_notification_uri(&uri, errmsg);

    if (rc == ALIKASSA_OK) {
        rc = ngx_http_alikassa_notification_check_headers(r, ctx, errmsg);
    }

    if (rc == ALIKASSA_OK) {
        rc = ngx_http_alikassa_notification_add_parameters(r, ctx,
                                                           &ctx->notification,
                                                           &ctx->args, &body,
                                                           errmsg);
    }

    if (rc == ALIKASSA_OK) {
        rc = ngx_http_alikassa_notification_check_sent_query(r, ctx, &body,
                                                             errmsg);
    }

    if (rc != ALIKASSA_OK) {
        return rc;
    }

    cv = ctx->alcf->account;

    if (cv) {

        if (ngx_http_complex_value(r, cv, &value) != NGX_OK) {
            return ALIKASSA_ERROR;
        }

        account = ngx_http_alikassa_to_core(&value);
    }

    return alikassa_notification_verify(&ctx->pool, &ctx->notification,
                                        ctx->conf->verifiers->elts,
                                        ctx->conf->verifiers->nelts,
                                        cv ? &account : NULL, errmsg);
}


/*
 * Sets body to a copy of the body, which is empty if there is none.  Returns
 * as ngx_http_alikassa_notification_verify().
 */

static alikassa_rc_t
ngx_http_alikassa_notification_get_body(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, ngx_str_t *body,
    alikassa_errmsg_t *errmsg)
{
    ngx_int_t  rc;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_POST)) && !ctx->body_started) {
        return ngx_http_alikassa_notification_decline(errmsg,
                                                      "neither GET nor POST");
    }

    ngx_str_null(body);

    if (ctx->body_started) {

        /* nginx has refused the body, and an error_page has led here */

        if (!ctx->body_complete) {
            return ngx_http_alikassa_notification_decline(errmsg,
                                                    "the body is incomplete");
        }

        rc = ngx_http_alikassa_read_body(r, 1, body);

        if (rc == NGX_ERROR) {
            return ALIKASSA_ERROR;
        }

    } else {
        rc = NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (rc != NGX_OK || body->len > NGX_HTTP_ALIKASSA_NOTIFICATION_MAX) {
        return ngx_http_alikassa_notification_decline(errmsg,
                                                     "the body is too large");
    }

    if (body->len && (r->method & NGX_HTTP_GET)) {
        return ngx_http_alikassa_notification_decline(errmsg,
                                                      "a GET has a body");
    }

    return ALIKASSA_OK;
}


/*
 * Checks the headers of the request.  Of several Content-Types the shop might
 * use another one than this module.
 */

static alikassa_rc_t
ngx_http_alikassa_notification_check_headers(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, alikassa_errmsg_t *errmsg)
{
    ngx_uint_t        i;
    alikassa_rc_t     rc;
    alikassa_str_t    name, value;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  type = ngx_string("Content-Type");

    part = &r->headers_in.headers.part;
    i = 0;

    for ( ;; ) {
        h = ngx_http_alikassa_next_header(&part, &i, NULL);

        if (h == NULL) {
            break;
        }

        name = ngx_http_alikassa_to_core(&h->key);
        value = ngx_http_alikassa_to_core(&h->value);

        rc = alikassa_notification_header(ctx->conf->fields, &name, &value,
                                          errmsg);

        if (rc != ALIKASSA_OK) {
            return rc;
        }
    }

    part = &r->headers_in.headers.part;
    i = 0;

    if (ngx_http_alikassa_next_header(&part, &i, &type)
        && ngx_http_alikassa_next_header(&part, &i, &type))
    {
        return ngx_http_alikassa_notification_decline(errmsg,
                                                 "Content-Type is repeated");
    }

    return ALIKASSA_OK;
}


/*
 * Checks the query as the client sent it: "rewrite" and "set" may have changed
 * the query before the check, and $request_uri passes the original query on to
 * the shop.  So the original query must have the same signed parameters.
 */

static alikassa_rc_t
ngx_http_alikassa_notification_check_sent_query(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, ngx_str_t *body,
    alikassa_errmsg_t *errmsg)
{
    u_char                   *p, *last;
    ngx_str_t                 args;
    alikassa_rc_t             rc;
    alikassa_notification_t   sent;

    p = r->unparsed_uri.data;
    last = p + r->unparsed_uri.len;

    p = ngx_strlchr(p, last, '?');
    p = p ? p + 1 : last;

    args.len = last - p;
    args.data = p;

    if (ngx_http_alikassa_str_eq(&args, &ctx->args)) {
        return ALIKASSA_OK;
    }

    rc = ngx_http_alikassa_notification_add_parameters(r, ctx, &sent, &args,
                                                       body, errmsg);

    if (rc == ALIKASSA_OK
        && !alikassa_notification_equal(&sent, &ctx->notification))
    {
        return ngx_http_alikassa_notification_decline(errmsg,
            "the query that the client sent has other signed parameters");
    }

    return rc;
}


/*
 * Sets the notification to the parameters of the query and the body.  All
 * signed parameters must come from one of the two.
 */

static alikassa_rc_t
ngx_http_alikassa_notification_add_parameters(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_notification_t *notification, ngx_str_t *args, ngx_str_t *body,
    alikassa_errmsg_t *errmsg)
{
    alikassa_rc_t   rc;
    alikassa_str_t  s;

    ngx_memzero(notification, sizeof(alikassa_notification_t));

    notification->fields = ctx->conf->fields;
    notification->extra = &ctx->conf->extra;

    s = ngx_http_alikassa_to_core(args);

    rc = alikassa_notification_add_form(&ctx->pool, notification, &s,
                                        body->len == 0, errmsg);

    if (rc == ALIKASSA_OK && body->len) {
        rc = ngx_http_alikassa_notification_add_body(r, ctx, notification,
                                                     body, errmsg);
    }

    return rc;
}


static alikassa_rc_t
ngx_http_alikassa_notification_add_body(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_notification_t *notification, ngx_str_t *body,
    alikassa_errmsg_t *errmsg)
{
    alikassa_str_t         s, type;
    alikassa_media_type_t  media;

    media = ALIKASSA_MEDIA_OTHER;

    if (r->headers_in.content_type && !ngx_http_alikassa_content_encoding(r)) {
        type = ngx_http_alikassa_to_core(&r->headers_in.content_type->value);
        media = alikassa_notification_media(&type);
    }

    s = ngx_http_alikassa_to_core(body);

    switch (media) {

    case ALIKASSA_MEDIA_JSON:
        return alikassa_notification_add_json(&ctx->pool, notification, &s,
                                              errmsg);

    case ALIKASSA_MEDIA_FORM:
        return alikassa_notification_add_form(&ctx->pool, notification, &s, 1,
                                              errmsg);

    default:
        return ngx_http_alikassa_notification_decline(errmsg,
                                          "the body is neither form nor JSON");
    }
}


static alikassa_rc_t
ngx_http_alikassa_notification_decline(alikassa_errmsg_t *errmsg,
    const char *text)
{
    ngx_cpystrn((u_char *) errmsg->text, (u_char *) text, ALIKASSA_ERRMSG_LEN);

    return ALIKASSA_DECLINED;
}
