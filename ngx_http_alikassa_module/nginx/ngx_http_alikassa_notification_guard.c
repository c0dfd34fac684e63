
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Keeps a notification that was refused away from the shop.
 *
 * After a refusal nginx may go on: an error_page, a named location,
 * post_action, or a subrequest of the page that is sent.  Only files and
 * "return" may answer there.  The same holds where nginx itself refuses the
 * request before the rewrite phase, in which the check is noted: a body that
 * is larger than client_max_body_size, a malformed header, or "return" of the
 * server.
 */


#include "ngx_http_alikassa_notification.h"


static ngx_uint_t ngx_http_alikassa_notification_early(ngx_http_request_t *r);
static void ngx_http_alikassa_notification_post_actions(
    ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_alikassa_notification_error_pages(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_alikassa_notification_error_page(ngx_conf_t *cf,
    ngx_http_err_page_t *page);


/*
 * Handles the precontent phase.  Returns NGX_DECLINED if the request may go
 * on, else NGX_HTTP_FORBIDDEN.
 */

ngx_int_t
ngx_http_alikassa_notification_guard(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t               *clcf;
    ngx_http_alikassa_notification_ctx_t   *ctx;
    ngx_http_alikassa_notification_conf_t  *conf;

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL || ctx->proven || ctx->admitted) {
        return NGX_DECLINED;
    }

    if (r == r->main) {

        conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_alikassa_notification_module);

        if (conf->verifiers && !ctx->barred) {

            /* the access phase is over: "satisfy any" has let it in */

            ctx->admitted = 1;
            ctx->owed = 0;

            return NGX_DECLINED;
        }

    } else if (!ctx->barred) {

        /* such as auth_request beside "satisfy any" */

        return NGX_DECLINED;
    }

    /* static, index, autoindex: handlers of the phase; WebDAV writes */

    if (r->content_handler == NULL
        && (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)))
    {
        return NGX_DECLINED;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "notification refused: \"%V\" would pass it on after a "
                  "refusal, lead error_page, post_action and subrequests to "
                  "files or \"return\"", &clcf->name);

    if (r == r->main) {
        ctx->refused = 1;
        ctx->uri_changes = r->uri_changes;
    }

    return NGX_HTTP_FORBIDDEN;
}


/*
 * Bars a request that nginx refuses before the rewrite phase in a location
 * with "alikassa_notification", or before it looks for the location in a
 * server that has such a location, or in any server while it reads the header:
 * the header may be refused before its Host tells the server.  Returns NGX_OK,
 * or NGX_ERROR if there is no memory.
 */

ngx_int_t
ngx_http_alikassa_notification_bar(ngx_http_request_t *r)
{
    ngx_http_alikassa_notification_ctx_t   *ctx;
    ngx_http_alikassa_notification_conf_t  *conf;

    if (r != r->main || ngx_http_alikassa_notification_ctx(r)) {
        return NGX_OK;
    }

    conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_alikassa_notification_module);

    if (conf->verifiers == NULL
        && !(conf->inside && ngx_http_alikassa_notification_early(r))
        && !(conf->anywhere && r->phase_handler == 0 && !r->valid_location))
    {
        return NGX_OK;
    }

    ctx = ngx_http_alikassa_notification_create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->barred = 1;

    return NGX_OK;
}


/*
 * Tells whether nginx has not yet looked for the request's location.  That is
 * done in the phase before the location's rewrite phase.
 */

static ngx_uint_t
ngx_http_alikassa_notification_early(ngx_http_request_t *r)
{
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    return (ngx_uint_t) r->phase_handler + 1
           < cmcf->phase_engine.location_rewrite_index;
}


/*
 * Evaluates to nothing.  It stands before the URI of each error_page that such
 * a request can take: nothing else of the module's is called on that way.
 */

ngx_int_t
ngx_http_alikassa_notification_bar_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_alikassa_notification_ctx_t  *ctx;

    if (ngx_http_alikassa_notification_bar(r) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx && ctx->claimed && r == r->main) {
        ctx->failed = 1;
    }

    ngx_http_alikassa_set_variable(v, NULL, 0);

    return NGX_OK;
}


const ngx_http_alikassa_error_t *
ngx_http_alikassa_notification_page(ngx_http_request_t *r)
{
    const ngx_http_alikassa_error_t       *error;
    ngx_http_alikassa_notification_ctx_t  *ctx;

    error = &ngx_http_alikassa_errors[
                             NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_UNVERIFIED];

    /* without memory there is no page either */

    (void) ngx_http_alikassa_notification_bar(r);

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL) {
        return NULL;
    }

    /* an error_page redirect after the refusal overrides this response */

    if (ctx->refused && ctx->uri_changes == r->uri_changes
        && r->headers_out.status == NGX_HTTP_FORBIDDEN)
    {
        return error;
    }

    if (ctx->owed && !ctx->passed
        && r->headers_out.status >= NGX_HTTP_OK
        && r->headers_out.status < NGX_HTTP_SPECIAL_RESPONSE)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "notification refused: \"return\" answers it before "
                      "the check, remove it beside \"alikassa_notification\"");

        return error;
    }

    return NULL;
}


/*
 * Prepares a location with "alikassa_notification", and all servers, for
 * ngx_http_alikassa_notification_bar().  Called when it is merged: the core's
 * configuration of all locations is merged by then.
 */

ngx_int_t
ngx_http_alikassa_notification_merge_guard(ngx_conf_t *cf)
{
    void                                  **loc_conf;
    ngx_uint_t                              i;
    ngx_http_core_srv_conf_t               *cscf, **cscfp;
    ngx_http_core_loc_conf_t               *clcf;
    ngx_http_core_main_conf_t              *cmcf;
    ngx_http_alikassa_notification_conf_t  *conf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (ngx_http_alikassa_notification_error_pages(cf, clcf) != NGX_OK) {
        return NGX_ERROR;
    }

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    conf = cscf->ctx->loc_conf[ngx_http_alikassa_notification_module.ctx_index];

    if (!conf->inside) {
        conf->inside = 1;
        ngx_http_alikassa_notification_post_actions(
                           cscf->ctx->loc_conf[ngx_http_core_module.ctx_index]);
    }

    if (conf->anywhere) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        loc_conf = cscfp[i]->ctx->loc_conf;

        conf = loc_conf[ngx_http_alikassa_notification_module.ctx_index];
        conf->anywhere = 1;

        clcf = loc_conf[ngx_http_core_module.ctx_index];

        if (ngx_http_alikassa_notification_error_pages(cf, clcf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Takes post_action off the server itself, and off each "if" of it: nginx runs
 * it for a request that ends before its location is known, as by "return 408"
 * or "return 499", and calls nothing of the module's before.  The locations
 * have inherited it by now.
 */

static void
ngx_http_alikassa_notification_post_actions(ngx_http_core_loc_conf_t *clcf)
{
    ngx_queue_t                *q;
    ngx_http_core_loc_conf_t   *inside;
    ngx_http_location_queue_t  *lq;

    ngx_str_null(&clcf->post_action);

    if (clcf->locations == NULL) {
        return;
    }

    for (q = ngx_queue_head(clcf->locations);
         q != ngx_queue_sentinel(clcf->locations);
         q = ngx_queue_next(q))
    {
        lq = ngx_queue_data(q, ngx_http_location_queue_t, queue);
        inside = lq->exact ? lq->exact : lq->inclusive;

        if (inside->noname) {
            ngx_str_null(&inside->post_action);
        }
    }
}


/*
 * Replaces the location's error pages with copies: the array may be shared
 * with other locations.
 */

static ngx_int_t
ngx_http_alikassa_notification_error_pages(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf)
{
    ngx_uint_t            i;
    ngx_array_t          *pages;
    ngx_http_err_page_t  *page;

    if (clcf->error_pages == NULL) {
        return NGX_OK;
    }

    pages = ngx_array_create(cf->pool, clcf->error_pages->nelts,
                             sizeof(ngx_http_err_page_t));
    if (pages == NULL) {
        return NGX_ERROR;
    }

    page = ngx_array_push_n(pages, clcf->error_pages->nelts);
    if (page == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(page, clcf->error_pages->elts,
               pages->nelts * sizeof(ngx_http_err_page_t));

    for (i = 0; i < pages->nelts; i++) {
        if (ngx_http_alikassa_notification_error_page(cf, &page[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    clcf->error_pages = pages;

    return NGX_OK;
}


/*
 * nginx cuts the arguments off a URI without variables and keeps them apart;
 * those of one with variables it finds when it is evaluated.
 */

static ngx_int_t
ngx_http_alikassa_notification_error_page(ngx_conf_t *cf,
    ngx_http_err_page_t *page)
{
    u_char                            *p;
    ngx_str_t                          uri;
    ngx_http_compile_complex_value_t   ccv;

    static ngx_str_t  prefix = ngx_string("${alikassa_notification_bar}");

    uri.len = prefix.len + page->value.value.len;

    if (page->args.len) {
        uri.len += 1 + page->args.len;
    }

    /* a NUL ends it, as the strings of a configuration */

    uri.data = ngx_pnalloc(cf->pool, uri.len + 1);
    if (uri.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(uri.data, prefix.data, prefix.len);
    p = ngx_cpymem(p, page->value.value.data, page->value.value.len);

    if (page->args.len) {
        *p++ = '?';
        p = ngx_cpymem(p, page->args.data, page->args.len);
    }

    *p = '\0';

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &uri;
    ccv.complex_value = &page->value;

    return ngx_http_compile_complex_value(&ccv);
}
