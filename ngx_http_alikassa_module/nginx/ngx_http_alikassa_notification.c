
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Lets only proven notifications through.
 *
 * A module of its own, since the check has a life of its own: it is owed from
 * the moment a request meets a location with "alikassa_notification".  nginx
 * runs "return" and "rewrite" before the access phase, so the debt is noted
 * before them.  A rewrite takes it along to another location, and a success
 * which "return" answers without the check is made a refusal.
 */


#include "ngx_http_alikassa_notification.h"
#include "ngx_http_alikassa_body.h"
#include "alikassa_notification_input.h"


static ngx_int_t ngx_http_alikassa_notification_owe(ngx_http_request_t *r);
static void ngx_http_alikassa_notification_next(
    ngx_http_alikassa_notification_ctx_t *ctx);
static void ngx_http_alikassa_notification_cleanup(void *data);
static ngx_int_t ngx_http_alikassa_notification_elsewhere(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_alikassa_notification_access(ngx_http_request_t *r);
static ngx_int_t ngx_http_alikassa_notification_check(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx);
static void ngx_http_alikassa_notification_body_handler(
    ngx_http_request_t *r);
static alikassa_rc_t ngx_http_alikassa_notification_prove(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_headers(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_sent(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    ngx_str_t *body, alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_add(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_notification_t *notification, ngx_str_t *args, ngx_str_t *body,
    alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_body(
    ngx_http_request_t *r, alikassa_notification_t *notification,
    ngx_str_t *body, alikassa_errmsg_t *errmsg);
static alikassa_rc_t ngx_http_alikassa_notification_refuse(
    alikassa_errmsg_t *errmsg, const char *text);
static ngx_int_t ngx_http_alikassa_notification_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_notification_field_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_notification_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_http_alikassa_notification_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_alikassa_notification_commands[] = {

    { ngx_string("alikassa_notification"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_alikassa_notification,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_notification_fields"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_alikassa_notification_fields,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_alikassa_notification_module_ctx = {
    ngx_http_alikassa_notification_add_variables,  /* preconfiguration */
    ngx_http_alikassa_notification_init,   /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_alikassa_notification_create_conf,
                                           /* create location configuration */
    ngx_http_alikassa_notification_merge_conf
                                           /* merge location configuration */
};


ngx_module_t  ngx_http_alikassa_notification_module = {
    NGX_MODULE_V1,
    &ngx_http_alikassa_notification_module_ctx,  /* module context */
    ngx_http_alikassa_notification_commands,  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_http_alikassa_notification_variables[] = {

    { ngx_string("alikassa_notification"), NULL,
      ngx_http_alikassa_notification_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_notification_bar"), NULL,
      ngx_http_alikassa_notification_bar_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_notification_"), NULL,
      ngx_http_alikassa_notification_field_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


/*
 * The rewrite phase, before nginx's own handler there.
 */

static ngx_int_t
ngx_http_alikassa_notification_owe(ngx_http_request_t *r)
{
    ngx_http_alikassa_debt_t               *debt, **last;
    ngx_http_alikassa_loc_conf_t           *alcf;
    ngx_http_alikassa_notification_ctx_t   *ctx;
    ngx_http_alikassa_notification_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_alikassa_notification_module);

    /* as nginx's own checks, this one is made for requests of clients */

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx && !ctx->proven && !ctx->admitted
        && (!ctx->owed || (ctx->read && !ctx->whole)))
    {
        /*
         * the check, or the reading of the body for it, has failed, and the
         * request goes on all the same
         */

        ctx->barred = 1;
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

    debt = ngx_palloc(r->pool, sizeof(ngx_http_alikassa_debt_t));
    if (debt == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    debt->conf = conf;
    debt->alcf = alcf;
    debt->args = r->args;
    debt->uri_changes = r->uri_changes;
    debt->next = NULL;

    for (last = &ctx->debts; *last; last = &(*last)->next) { /* void */ }

    *last = debt;

    ctx->passed = 0;

    if (!ctx->owed) {
        ngx_http_alikassa_notification_next(ctx);
    }

    return NGX_DECLINED;
}


/*
 * Makes the first of the checks that wait the one that is owed.
 */

static void
ngx_http_alikassa_notification_next(ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_http_alikassa_debt_t  *debt;

    debt = ctx->debts;

    ctx->debts = debt->next;

    ctx->conf = debt->conf;
    ctx->alcf = debt->alcf;
    ctx->args = debt->args;
    ctx->owed_at = debt->uri_changes;

    ctx->owed = 1;
    ctx->read = 0;
    ctx->proven = 0;
    ctx->admitted = 0;
}


ngx_http_alikassa_notification_ctx_t *
ngx_http_alikassa_notification_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t                    *cln;
    ngx_http_alikassa_notification_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_alikassa_notification_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_alikassa_notification_cleanup;
    cln->data = ctx;

    ctx->request = r;

    ngx_http_set_ctx(r, ctx, ngx_http_alikassa_notification_module);

    return ctx;
}


static void
ngx_http_alikassa_notification_cleanup(void *data)
{
    ngx_http_alikassa_delivery_cleanup(data);
}


/*
 * An internal redirect makes nginx forget the context: then it is found by
 * the cleanup of its pool.
 */

ngx_http_alikassa_notification_ctx_t *
ngx_http_alikassa_notification_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t                    *cln;
    ngx_http_alikassa_notification_ctx_t  *ctx;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_notification_module);

    if (ctx || !r->internal) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_alikassa_notification_cleanup) {
            ctx = cln->data;

            ngx_http_set_ctx(r, ctx, ngx_http_alikassa_notification_module);

            return ctx;
        }
    }

    return NULL;
}


/*
 * The preaccess phase: rewrite is over, and may have led to another location
 * than the one that asks for the check.  There it is made all the same, and
 * "satisfy" cannot excuse it.  Only the present location's own check is left to
 * the access phase.
 */

static ngx_int_t
ngx_http_alikassa_notification_elsewhere(ngx_http_request_t *r)
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

    ctx->passed = 1;

    conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_alikassa_notification_module);

    while (ctx->owed
           && (conf->verifiers == NULL || ctx->owed_at != r->uri_changes))
    {
        rc = ngx_http_alikassa_notification_check(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }

        if (ctx->debts) {
            ngx_http_alikassa_notification_next(ctx);
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_alikassa_notification_access(ngx_http_request_t *r)
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

        /* no rewrite phase, no debt: cannot be, and is no leave to go on */

        return NGX_HTTP_FORBIDDEN;
    }

    return ngx_http_alikassa_notification_check(r, ctx);
}


/*
 * NGX_OK: proven.  NGX_DONE: the body is being read, and the phases go on
 * when it is there.  Else the status to be refused with.
 */

static ngx_int_t
ngx_http_alikassa_notification_check(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_int_t          rc;
    alikassa_errmsg_t  errmsg;

    if (!ctx->owed) {
        ctx->refused = !ctx->proven;
        return ctx->proven ? NGX_OK : NGX_HTTP_FORBIDDEN;
    }

    if (!ctx->read
        && (r->method & (NGX_HTTP_GET|NGX_HTTP_POST))
        && r->headers_in.content_length_n <= NGX_HTTP_ALIKASSA_NOTIFICATION_MAX)
    {
        ctx->read = 1;
        ctx->whole = (r->request_body != NULL && !r->reading_body);

        if (r->request_body == NULL) {

            rc = ngx_http_read_client_request_body(r,
                                  ngx_http_alikassa_notification_body_handler);

            if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
                return rc;
            }

            ngx_http_finalize_request(r, NGX_DONE);

            return NGX_DONE;
        }
    }

    ctx->owed = 0;

    switch (ngx_http_alikassa_notification_prove(r, ctx, &errmsg)) {

    case ALIKASSA_OK:
        ctx->proven = 1;

        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "http alikassa notification is proven");

        return NGX_OK;

    case ALIKASSA_DECLINED:
        ctx->refused = 1;
        ctx->uri_changes = r->uri_changes;

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "notification refused: %s", errmsg.text);

        return NGX_HTTP_FORBIDDEN;

    default: /* ALIKASSA_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static void
ngx_http_alikassa_notification_body_handler(ngx_http_request_t *r)
{
    ngx_http_alikassa_notification_ctx_t  *ctx;

    ctx = ngx_http_alikassa_notification_ctx(r);
    ctx->whole = 1;

    /* for whoever passes it on */

    r->preserve_body = 1;

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


static alikassa_rc_t
ngx_http_alikassa_notification_prove(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, alikassa_errmsg_t *errmsg)
{
    ngx_int_t        n;
    ngx_str_t        body, value;
    alikassa_rc_t    rc;
    alikassa_str_t   account, s;
    alikassa_pool_t  pool;

    if (!ctx->read) {
        return ngx_http_alikassa_notification_refuse(errmsg,
                       (r->method & (NGX_HTTP_GET|NGX_HTTP_POST))
                       ? "the body is too large" : "neither GET nor POST");
    }

    if (!ctx->whole) {

        /* nginx has refused it, and an error_page leads on */

        return ngx_http_alikassa_notification_refuse(errmsg,
                                                     "the body is not whole");
    }

    s.len = r->unparsed_uri.len;
    s.data = r->unparsed_uri.data;

    rc = alikassa_notification_uri(&s, errmsg);

    if (rc == ALIKASSA_OK) {
        rc = ngx_http_alikassa_notification_headers(r, ctx, errmsg);
    }

    if (rc != ALIKASSA_OK) {
        return rc;
    }

    ngx_str_null(&body);

    n = ngx_http_alikassa_read_body(r, 1, &body);

    if (n == NGX_ERROR) {
        return ALIKASSA_ERROR;
    }

    if (n != NGX_OK || body.len > NGX_HTTP_ALIKASSA_NOTIFICATION_MAX) {
        return ngx_http_alikassa_notification_refuse(errmsg,
                                                     "the body is too large");
    }

    if (body.len && (r->method & NGX_HTTP_GET)) {
        return ngx_http_alikassa_notification_refuse(errmsg,
                                                     "a GET has a body");
    }

    rc = ngx_http_alikassa_notification_add(r, ctx, &ctx->notification,
                                            &ctx->args, &body, errmsg);

    if (rc == ALIKASSA_OK) {
        rc = ngx_http_alikassa_notification_sent(r, ctx, &body, errmsg);
    }

    if (rc != ALIKASSA_OK) {
        return rc;
    }

    if (ctx->alcf->account) {

        if (ngx_http_complex_value(r, ctx->alcf->account, &value) != NGX_OK) {
            return ALIKASSA_ERROR;
        }

        account.len = value.len;
        account.data = value.data;
    }

    ngx_http_alikassa_init_pool(&pool, r->pool);

    return alikassa_notification_verify(&pool, &ctx->notification,
                                        ctx->conf->verifiers->elts,
                                        ctx->conf->verifiers->nelts,
                                        ctx->alcf->account ? &account : NULL,
                                        errmsg);
}


/*
 * Of several Content-Types a shop might take another one than is taken here.
 */

static alikassa_rc_t
ngx_http_alikassa_notification_headers(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, alikassa_errmsg_t *errmsg)
{
    ngx_uint_t        i, types;
    alikassa_rc_t     rc;
    alikassa_str_t    name, value;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    types = 0;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        name.len = h[i].key.len;
        name.data = h[i].key.data;
        value.len = h[i].value.len;
        value.data = h[i].value.data;

        rc = alikassa_notification_header(ctx->conf->fields, &name, &value,
                                          errmsg);

        if (rc != ALIKASSA_OK) {
            return rc;
        }

        if (name.len == sizeof("Content-Type") - 1
            && ngx_strncasecmp(h[i].key.data, (u_char *) "Content-Type",
                               sizeof("Content-Type") - 1)
               == 0
            && ++types > 1)
        {
            return ngx_http_alikassa_notification_refuse(errmsg,
                                                "Content-Type is repeated");
        }
    }

    return ALIKASSA_OK;
}


/*
 * The query may have been changed before the check, as "rewrite" and "set"
 * do, and the shop may get it as it was sent, with $request_uri: then that
 * one must say the same.
 */

static alikassa_rc_t
ngx_http_alikassa_notification_sent(ngx_http_request_t *r,
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

    if (args.len == ctx->args.len
        && (args.len == 0
            || ngx_memcmp(args.data, ctx->args.data, args.len) == 0))
    {
        return ALIKASSA_OK;
    }

    rc = ngx_http_alikassa_notification_add(r, ctx, &sent, &args, body,
                                            errmsg);

    if (rc == ALIKASSA_OK
        && !alikassa_notification_equal(&sent, &ctx->notification))
    {
        return ngx_http_alikassa_notification_refuse(errmsg,
                     "the query as it was sent has other signed parameters");
    }

    return rc;
}


static alikassa_rc_t
ngx_http_alikassa_notification_add(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_notification_t *notification, ngx_str_t *args, ngx_str_t *body,
    alikassa_errmsg_t *errmsg)
{
    alikassa_rc_t    rc;
    alikassa_str_t   s;
    alikassa_pool_t  pool;

    ngx_memzero(notification, sizeof(alikassa_notification_t));

    notification->fields = ctx->conf->fields;
    notification->extra = &ctx->conf->extra;

    ngx_http_alikassa_init_pool(&pool, r->pool);

    s.len = args->len;
    s.data = args->data;

    /* what is signed comes from one place */

    rc = alikassa_notification_add_form(&pool, notification, &s,
                                        body->len == 0, errmsg);

    if (rc == ALIKASSA_OK && body->len) {
        rc = ngx_http_alikassa_notification_body(r, notification, body,
                                                 errmsg);
    }

    return rc;
}


static alikassa_rc_t
ngx_http_alikassa_notification_body(ngx_http_request_t *r,
    alikassa_notification_t *notification, ngx_str_t *body,
    alikassa_errmsg_t *errmsg)
{
    alikassa_str_t         s, type;
    alikassa_pool_t        pool;
    alikassa_media_type_t  media;

    media = ALIKASSA_MEDIA_OTHER;

    if (r->headers_in.content_type && !ngx_http_alikassa_content_encoding(r)) {

        type.len = r->headers_in.content_type->value.len;
        type.data = r->headers_in.content_type->value.data;

        media = alikassa_notification_media(&type);
    }

    ngx_http_alikassa_init_pool(&pool, r->pool);

    s.len = body->len;
    s.data = body->data;

    switch (media) {

    case ALIKASSA_MEDIA_JSON:
        return alikassa_notification_add_json(&pool, notification, &s, errmsg);

    case ALIKASSA_MEDIA_FORM:
        return alikassa_notification_add_form(&pool, notification, &s, 1,
                                              errmsg);

    default:
        return ngx_http_alikassa_notification_refuse(errmsg,
                                          "the body is neither form nor JSON");
    }
}


static alikassa_rc_t
ngx_http_alikassa_notification_refuse(alikassa_errmsg_t *errmsg,
    const char *text)
{
    ngx_cpystrn((u_char *) errmsg->text, (u_char *) text, ALIKASSA_ERRMSG_LEN);

    return ALIKASSA_DECLINED;
}


static ngx_int_t
ngx_http_alikassa_notification_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_alikassa_notification_ctx_t  *ctx;

    ctx = ngx_http_alikassa_notification_ctx(r);

    ngx_http_alikassa_set_variable(v, (u_char *) ((ctx && ctx->proven)
                                                  ? "1" : "0"),
                                   1);

    return NGX_OK;
}


/*
 * A control character would end a header that the value is put into: in free
 * text they are spaces, and another value that has them is not told.
 */

static ngx_int_t
ngx_http_alikassa_notification_field_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    int                                    n;
    u_char                                *p;
    size_t                                 i;
    alikassa_str_t                         s;
    const alikassa_str_t                  *value;
    ngx_http_alikassa_notification_ctx_t  *ctx;

    ngx_http_alikassa_set_variable(v, NULL, 0);

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL || !ctx->proven) {
        return NGX_OK;
    }

    s.len = name->len - (sizeof("alikassa_notification_") - 1);
    s.data = name->data + sizeof("alikassa_notification_") - 1;

    n = alikassa_notification_find_lower(ctx->conf->fields, &s);

    if (n < 0 || ctx->notification.values[n].len == 0) {
        return NGX_OK;
    }

    value = &ctx->notification.values[n];

    v->len = value->len;
    v->data = (u_char *) value->data;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            break;
        }
    }

    if (i == value->len) {
        return NGX_OK;
    }

    if (n != ALIKASSA_NOTIFICATION_DESC) {
        v->len = 0;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, value->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    for (i = 0; i < value->len; i++) {
        p[i] = (value->data[i] < 0x20 || value->data[i] == 0x7f)
               ? ' ' : value->data[i];
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_alikassa_notification_is_variable(ngx_str_t *field)
{
    size_t                n;
    ngx_http_variable_t  *v;

    n = sizeof("alikassa_notification_") - 1;

    for (v = ngx_http_alikassa_notification_variables; v->name.len; v++) {

        if (v->name.len == n + field->len
            && ngx_strncasecmp(v->name.data + n, field->data, field->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_alikassa_notification_add_variables(ngx_conf_t *cf)
{
    return ngx_http_alikassa_add_variables(cf,
                                     ngx_http_alikassa_notification_variables);
}


static ngx_int_t
ngx_http_alikassa_notification_init(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    static const struct {
        ngx_uint_t              phase;
        ngx_http_handler_pt     handler;
    } handlers[] = {
        { NGX_HTTP_REWRITE_PHASE, ngx_http_alikassa_notification_owe },
        { NGX_HTTP_PREACCESS_PHASE, ngx_http_alikassa_notification_elsewhere },
        { NGX_HTTP_ACCESS_PHASE, ngx_http_alikassa_notification_access },
        /* of one phase, the last is run first */
        { NGX_HTTP_PRECONTENT_PHASE, ngx_http_alikassa_delivery_handler },
        { NGX_HTTP_PRECONTENT_PHASE, ngx_http_alikassa_notification_guard }
    };

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {

        h = ngx_array_push(&cmcf->phases[handlers[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = handlers[i].handler;
    }

    return NGX_OK;
}
