
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "ngx_http_alikassa_notification_ctx.h"


static void ngx_http_alikassa_notification_ctx_cleanup(void *data);


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

    /* after an internal redirect, the cleanup of the pool has the context */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_alikassa_notification_ctx_cleanup) {
            ctx = cln->data;

            ngx_http_set_ctx(r, ctx, ngx_http_alikassa_notification_module);

            return ctx;
        }
    }

    return NULL;
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

    cln->handler = ngx_http_alikassa_notification_ctx_cleanup;
    cln->data = ctx;

    ctx->request = r;
    ngx_http_alikassa_init_pool(&ctx->pool, r->pool);

    ngx_http_set_ctx(r, ctx, ngx_http_alikassa_notification_module);

    return ctx;
}


static void
ngx_http_alikassa_notification_ctx_cleanup(void *data)
{
    ngx_http_alikassa_notification_ctx_t *ctx = data;

    if (ctx->cleanup) {
        ctx->cleanup(ctx);
    }
}


ngx_int_t
ngx_http_alikassa_notification_add_check(
    ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_http_request_t                       *r;
    ngx_http_alikassa_notification_check_t   *check, **last;

    r = ctx->request;

    check = ngx_palloc(r->pool,
                       sizeof(ngx_http_alikassa_notification_check_t));
    if (check == NULL) {
        return NGX_ERROR;
    }

    check->conf = ngx_http_get_module_loc_conf(r,
                                        ngx_http_alikassa_notification_module);
    check->alcf = ngx_http_get_module_loc_conf(r, ngx_http_alikassa_module);
    check->args = r->args;
    check->uri_changes = r->uri_changes;
    check->next = NULL;

    for (last = &ctx->checks; *last; last = &(*last)->next) { /* void */ }

    *last = check;

    return NGX_OK;
}


void
ngx_http_alikassa_notification_next_check(
    ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_http_alikassa_notification_check_t  *check;

    check = ctx->checks;

    ctx->checks = check->next;

    ctx->conf = check->conf;
    ctx->alcf = check->alcf;
    ctx->args = check->args;
    ctx->pending_uri_changes = check->uri_changes;

    ctx->check_pending = 1;
    ctx->body_started = 0;
    ctx->verified = 0;
    ctx->satisfied_any = 0;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "http alikassa notification: pending");
}
