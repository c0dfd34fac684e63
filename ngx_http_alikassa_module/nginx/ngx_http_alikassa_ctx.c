
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "ngx_http_alikassa_ctx.h"


static void ngx_http_alikassa_ctx_cleanup(void *data);


ngx_http_alikassa_ctx_t *
ngx_http_alikassa_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_module);

    if (ctx) {
        return ctx;
    }

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_module);

    if (ctx || !r->internal) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_alikassa_ctx_cleanup) {
            ctx = cln->data;

            if (ctx->request == r) {
                return ctx;
            }
        }
    }

    return NULL;
}


ngx_http_alikassa_ctx_t *
ngx_http_alikassa_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_cleanup_t       *end;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_module);

    if (ctx == NULL) {

        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_alikassa_ctx_t));
        if (ctx == NULL) {
            return NULL;
        }

        end = ngx_http_cleanup_add(r, 0);
        if (end == NULL) {
            return NULL;
        }

        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NULL;
        }

        end->handler = ngx_http_alikassa_ctx_cleanup;
        end->data = ctx;

        cln->handler = ngx_http_alikassa_ctx_cleanup;
        cln->data = ctx;

        ctx->request = r;
        ngx_http_alikassa_init_pool(&ctx->pool, r->pool);

        ngx_http_set_ctx(r, ctx, ngx_http_alikassa_module);
    }

    ctx->conf = ngx_http_get_module_loc_conf(r, ngx_http_alikassa_module);
    ctx->operation = ctx->conf->operation;

    return ctx;
}


static void
ngx_http_alikassa_ctx_cleanup(void *data)
{
    ngx_http_alikassa_ctx_t *ctx = data;

    if (ctx->cleanup) {
        ctx->cleanup(ctx);
    }
}


void
ngx_http_alikassa_set_outcome(ngx_http_alikassa_ctx_t *ctx,
    alikassa_outcome_t outcome)
{
#if (NGX_DEBUG)

    ngx_str_t  from, to;

    from = ngx_http_alikassa_from_core(alikassa_outcome_name(ctx->outcome));
    to = ngx_http_alikassa_from_core(alikassa_outcome_name(outcome));

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "http alikassa outcome: \"%V\" -> \"%V\"", &from, &to);

#endif

    ctx->outcome = outcome;
}


void
ngx_http_alikassa_call_set_state(ngx_http_alikassa_call_t *call,
    ngx_http_alikassa_call_state_t state)
{
#if (NGX_DEBUG)

    ngx_str_t  name;

    static const char  *names[] = {
        [NGX_HTTP_ALIKASSA_CALL_CREATED] = "created",
        [NGX_HTTP_ALIKASSA_CALL_SIGNING] = "signing",
        [NGX_HTTP_ALIKASSA_CALL_SIGNED] = "signed",
        [NGX_HTTP_ALIKASSA_CALL_SENT] = "sent",
        [NGX_HTTP_ALIKASSA_CALL_DONE] = "done",
        [NGX_HTTP_ALIKASSA_CALL_ANSWERED] = "answered"
    };

    name = ngx_http_alikassa_from_core(&call->operation->name);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, call->ctx->request->connection->log, 0,
                   "http alikassa call \"%V\": %s -> %s", &name,
                   names[call->state], names[state]);

#endif

    call->state = state;
}
