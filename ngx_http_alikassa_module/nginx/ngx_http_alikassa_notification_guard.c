
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Keeps a refused notification away from the shop.
 *
 * After a refusal, nginx may take the request on: to an error_page, a named
 * location, post_action, or a subrequest of the page that nginx sends.  Only
 * files and "return" may respond there: the request is blocked.  nginx also
 * refuses requests early, which is before the rewrite phase notes the check: a
 * body that is larger than client_max_body_size, a malformed header, or a
 * "return" of the server.
 */


#include "ngx_http_alikassa_notification_guard.h"
#include "ngx_http_alikassa_notification_ctx.h"


static ngx_int_t ngx_http_alikassa_notification_guard_block(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_alikassa_notification_guard_no_location(
    ngx_http_request_t *r);
static void ngx_http_alikassa_notification_guard_clear_post_actions(
    ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_alikassa_notification_guard_error_pages(
    ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_alikassa_notification_guard_error_page(
    ngx_conf_t *cf, ngx_http_err_page_t *page);


ngx_int_t
ngx_http_alikassa_notification_guard_handler(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t               *clcf;
    ngx_http_alikassa_notification_ctx_t   *ctx;
    ngx_http_alikassa_notification_conf_t  *conf;

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL || ctx->verified || ctx->satisfied_any) {
        return NGX_DECLINED;
    }

    if (r == r->main) {

        conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_alikassa_notification_module);

        if (conf->verifiers && !ctx->blocked) {

            /*
             * The access phase has let the request in without the check:
             * another access check was enough for "satisfy any".
             */

            ctx->satisfied_any = 1;
            ctx->check_pending = 0;

            return NGX_DECLINED;
        }

    } else if (!ctx->blocked) {

        /* a subrequest before the check, such as that of auth_request */

        return NGX_DECLINED;
    }

    /*
     * Without a content handler of the location, files respond (index,
     * autoindex, static).  Another method may be WebDAV's, which writes files.
     */

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
        ctx->refused_uri_changes = r->uri_changes;

        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "http alikassa notification: refused");
    }

    return NGX_HTTP_FORBIDDEN;
}


ngx_int_t
ngx_http_alikassa_notification_guard_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_alikassa_notification_ctx_t  *ctx;

    if (ngx_http_alikassa_notification_guard_block(r) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx && ctx->claim_done && r == r->main) {
        ctx->error_page_taken = 1;
    }

    ngx_http_alikassa_set_variable(v, NULL, 0);

    return NGX_OK;
}


const ngx_http_alikassa_error_t *
ngx_http_alikassa_notification_guard_error(ngx_http_request_t *r)
{
    const ngx_http_alikassa_error_t       *error;
    ngx_http_alikassa_notification_ctx_t  *ctx;

    error = &ngx_http_alikassa_errors[
                              NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_UNVERIFIED];

    /* on an error, there is no context, and the response stays */

    (void) ngx_http_alikassa_notification_guard_block(r);

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL) {
        return NULL;
    }

    /*
     * If nginx has taken an error_page after the refusal, the response of the
     * error_page stays.
     */

    if (ctx->refused && ctx->refused_uri_changes == r->uri_changes
        && r->headers_out.status == NGX_HTTP_FORBIDDEN)
    {
        return error;
    }

    if (ctx->check_pending && !ctx->rewrite_done
        && r->headers_out.status >= NGX_HTTP_OK
        && r->headers_out.status < NGX_HTTP_SPECIAL_RESPONSE)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "notification refused: \"return\" responds before the "
                      "check, remove \"return\" from the location with "
                      "\"alikassa_notification\"");

        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "http alikassa notification: refused");

        return error;
    }

    return NULL;
}


/*
 * Blocks a request that nginx refuses early: before the rewrite phase in a
 * location with "alikassa_notification"; before nginx looks for the location,
 * in a server that has such a location; or while nginx reads the header, in any
 * server, since nginx may refuse the header before Host selects the server.
 * Returns NGX_OK, or NGX_ERROR if there is no memory.
 */

static ngx_int_t
ngx_http_alikassa_notification_guard_block(ngx_http_request_t *r)
{
    ngx_http_alikassa_notification_ctx_t   *ctx;
    ngx_http_alikassa_notification_conf_t  *conf;

    if (r != r->main || ngx_http_alikassa_notification_ctx(r)) {
        return NGX_OK;
    }

    conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_alikassa_notification_module);

    if (conf->verifiers == NULL
        && !(conf->server_checks
             && ngx_http_alikassa_notification_guard_no_location(r))
        && !(conf->any_server_checks
             && r->phase_handler == 0 && !r->valid_location))
    {
        return NGX_OK;
    }

    ctx = ngx_http_alikassa_notification_create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->blocked = 1;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "http alikassa notification: blocked");

    return NGX_OK;
}


/*
 * Returns 1 if nginx has not yet looked for the location of the request, which
 * nginx does in the phase before the rewrite phase of the location.
 */

static ngx_uint_t
ngx_http_alikassa_notification_guard_no_location(ngx_http_request_t *r)
{
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    return (ngx_uint_t) r->phase_handler + 1
           < cmcf->phase_engine.location_rewrite_index;
}


ngx_int_t
ngx_http_alikassa_notification_guard_merge_conf(ngx_conf_t *cf)
{
    void                                  **loc_conf;
    ngx_uint_t                              i;
    ngx_http_core_srv_conf_t               *cscf, **cscfp;
    ngx_http_core_loc_conf_t               *clcf;
    ngx_http_core_main_conf_t              *cmcf;
    ngx_http_alikassa_notification_conf_t  *conf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (ngx_http_alikassa_notification_guard_error_pages(cf, clcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    loc_conf = cscf->ctx->loc_conf;
    conf = loc_conf[ngx_http_alikassa_notification_module.ctx_index];

    if (!conf->server_checks) {
        conf->server_checks = 1;

        clcf = loc_conf[ngx_http_core_module.ctx_index];
        ngx_http_alikassa_notification_guard_clear_post_actions(clcf);
    }

    if (conf->any_server_checks) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        loc_conf = cscfp[i]->ctx->loc_conf;

        conf = loc_conf[ngx_http_alikassa_notification_module.ctx_index];
        conf->any_server_checks = 1;

        clcf = loc_conf[ngx_http_core_module.ctx_index];

        if (ngx_http_alikassa_notification_guard_error_pages(cf, clcf)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Removes post_action from the server itself and from each "if" of the server.
 * nginx runs the server's post_action for a request that ends before its
 * location is known, as by "return 408" or "return 499", and calls no function
 * of the module before.  The locations have inherited post_action by now.
 */

static void
ngx_http_alikassa_notification_guard_clear_post_actions(
    ngx_http_core_loc_conf_t *clcf)
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
 * Puts the guard's variable before the URI of each error page of the location.
 * Replaces the array with a copy, since other locations may share the array.
 */

static ngx_int_t
ngx_http_alikassa_notification_guard_error_pages(ngx_conf_t *cf,
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
        if (ngx_http_alikassa_notification_guard_error_page(cf, &page[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    clcf->error_pages = pages;

    return NGX_OK;
}


/*
 * Puts the guard's variable before the URI of the error page: on the way to an
 * early error page, nginx calls no other function of the module.  Of a URI
 * without variables nginx stores the arguments apart.  This function appends
 * them again: nginx finds the arguments of a URI with variables when it has
 * evaluated the URI.
 */

static ngx_int_t
ngx_http_alikassa_notification_guard_error_page(ngx_conf_t *cf,
    ngx_http_err_page_t *page)
{
    u_char                            *p;
    ngx_str_t                          uri;
    ngx_http_compile_complex_value_t   ccv;

    static ngx_str_t  prefix = ngx_string(
        "${" NGX_HTTP_ALIKASSA_NOTIFICATION_GUARD_VARIABLE "}");

    uri.len = prefix.len + page->value.value.len;

    if (page->args.len) {
        uri.len += 1 + page->args.len;
    }

    /* strings of a configuration end with a NUL */

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
