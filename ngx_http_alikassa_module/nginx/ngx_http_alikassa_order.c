
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * An order's way: the idempotency zone, signature, call, answer, and the
 * context that all of it lives in.
 */


#include "ngx_http_alikassa_order.h"
#include "ngx_http_alikassa_client.h"
#include "ngx_http_alikassa_outcome.h"
#include "ngx_http_alikassa_quic.h"
#include "ngx_http_alikassa_response.h"
#include "ngx_http_alikassa_sign.h"
#include "ngx_http_alikassa_upstream.h"


static void ngx_http_alikassa_woken(ngx_http_alikassa_claim_t *claim);
static ngx_http_alikassa_next_t ngx_http_alikassa_claimed(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static ngx_http_alikassa_next_t ngx_http_alikassa_replay(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static ngx_http_alikassa_next_t ngx_http_alikassa_ask(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
static ngx_http_alikassa_next_t ngx_http_alikassa_start(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, const alikassa_operation_t *op,
    ngx_str_t *uri, ngx_str_t *body, ngx_http_alikassa_call_handler_pt handler);
static ngx_http_alikassa_next_t ngx_http_alikassa_signed(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call);
static ngx_http_alikassa_next_t ngx_http_alikassa_unsigned(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call,
    const ngx_http_alikassa_refusal_t *refusal);
static ngx_http_alikassa_next_t ngx_http_alikassa_called(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call);
static ngx_http_alikassa_next_t ngx_http_alikassa_asked(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call);
static ngx_http_alikassa_next_t ngx_http_alikassa_answer_call(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_order_cleanup(ngx_http_alikassa_ctx_t *ctx);


const ngx_http_alikassa_refusal_t  ngx_http_alikassa_no_memory =
    ngx_http_alikassa_refusal(NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
        "The server could not handle the request. Nothing was sent.", 0, 0);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_sign_failed =
    ngx_http_alikassa_refusal(NGX_HTTP_INTERNAL_SERVER_ERROR, "sign_failed",
        "The request could not be signed. Nothing was sent.", 0, 1);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_busy =
    ngx_http_alikassa_refusal(NGX_HTTP_SERVICE_UNAVAILABLE, "busy",
        "The server is busy. Nothing was sent: "
        "the same request can be made again.", 1, 1);

/* the same for an order that is known to have been sent */

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_may_exist =
    ngx_http_alikassa_refusal(NGX_HTTP_INTERNAL_SERVER_ERROR, "unknown",
        "This order was sent before and may exist, but the server could not "
        "find out. Make the same request again for its answer.", 0, 1);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_may_exist_busy =
    ngx_http_alikassa_refusal(NGX_HTTP_SERVICE_UNAVAILABLE, "busy",
        "The server is busy. This order was sent before and may exist: "
        "make the same request again for its answer.", 1, 1);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_may_exist_full =
    ngx_http_alikassa_refusal(NGX_HTTP_SERVICE_UNAVAILABLE, "busy",
        "The server cannot ask for this order now. It was sent before and "
        "may exist: make the same request again for its answer.", 10, 1);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_zone_full =
    ngx_http_alikassa_refusal(NGX_HTTP_SERVICE_UNAVAILABLE, "busy",
        "The server cannot take another order now. Nothing was sent: "
        "the same request can be made again.", 10, 1);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_in_flight =
    ngx_http_alikassa_refusal(NGX_HTTP_CONFLICT, "in_flight",
        "This order is still being handled. "
        "Make the same request again for its answer.", 5, 1);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_other_data =
    ngx_http_alikassa_refusal(422, "conflict",
        "This order_id was used with other data.", 0, 0);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_unreachable =
    ngx_http_alikassa_refusal(NGX_HTTP_BAD_GATEWAY, "unreachable",
        "AliKassa could not be reached. Nothing was sent: "
        "the same request can be made again.", 0, 1);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_unconnected =
    ngx_http_alikassa_refusal(NGX_HTTP_GATEWAY_TIME_OUT, "timeout",
        "AliKassa could not be reached in time. Nothing was sent: "
        "the same request can be made again.", 0, 1);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_unreached_again =
    ngx_http_alikassa_refusal(NGX_HTTP_BAD_GATEWAY, "unreachable",
        "AliKassa could not be reached. This order was sent before and may "
        "exist: make the same request again for its answer.", 0, 1);

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_untimely_again =
    ngx_http_alikassa_refusal(NGX_HTTP_GATEWAY_TIME_OUT, "timeout",
        "AliKassa could not be reached in time. This order was sent before "
        "and may exist: make the same request again for its answer.", 0, 1);

/* with an idempotency zone, and without: by [claim != NULL] */

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_bad_answer[] = {
    ngx_http_alikassa_refusal(NGX_HTTP_BAD_GATEWAY, "bad_answer",
        "AliKassa gave no usable answer. It may have taken the request: "
        "ask for the status of this order before making it again.", 0, 1),
    ngx_http_alikassa_refusal(NGX_HTTP_BAD_GATEWAY, "bad_answer",
        "AliKassa gave no usable answer. It may have taken the request: "
        "make the same request again for its answer.", 0, 1)
};

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_timeout[] = {
    ngx_http_alikassa_refusal(NGX_HTTP_GATEWAY_TIME_OUT, "timeout",
        "AliKassa did not answer in time. It may have taken the request: "
        "ask for the status of this order before making it again.", 0, 1),
    ngx_http_alikassa_refusal(NGX_HTTP_GATEWAY_TIME_OUT, "timeout",
        "AliKassa did not answer in time. It may have taken the request: "
        "make the same request again for its answer.", 0, 1)
};

static const ngx_http_alikassa_refusal_t  ngx_http_alikassa_unresolved[] = {
    ngx_http_alikassa_refusal(NGX_HTTP_CONFLICT, "unknown",
        "This order may exist, and AliKassa does not tell its status now. "
        "Ask for the status of this order before making it again.", 10, 1),
    ngx_http_alikassa_refusal(NGX_HTTP_CONFLICT, "unknown",
        "This order was sent and may exist, and AliKassa does not tell its "
        "status now. Make the same request again for its answer.", 10, 1)
};

static ngx_str_t  ngx_http_alikassa_verdict_miss = ngx_string("MISS");
static ngx_str_t  ngx_http_alikassa_verdict_hit = ngx_string("HIT");
static ngx_str_t  ngx_http_alikassa_verdict_wait = ngx_string("WAIT");
static ngx_str_t  ngx_http_alikassa_verdict_conflict = ngx_string("CONFLICT");
static ngx_str_t  ngx_http_alikassa_verdict_unknown = ngx_string("UNKNOWN");


/*
 * Where the location has an idempotency zone, the order is claimed first.
 */

ngx_http_alikassa_next_t
ngx_http_alikassa_enter(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx)
{
    ngx_str_t                   parts[3];
    ngx_http_alikassa_claim_t  *claim;

    ctx->cleanup = ngx_http_alikassa_order_cleanup;

    if (ctx->conf->idempotency == NULL || !ctx->operation->money) {
        return ngx_http_alikassa_start(r, ctx, ctx->operation,
                                       &ctx->conf->uri, &ctx->body,
                                       ngx_http_alikassa_called);
    }

    claim = ngx_pcalloc(r->pool, sizeof(ngx_http_alikassa_claim_t));
    if (claim == NULL) {
        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_no_memory,
                                        NULL);
    }

    claim->zone = ctx->conf->idempotency;
    claim->request = r;
    claim->handler = ngx_http_alikassa_woken;
    claim->data = ctx;

    if (ngx_http_alikassa_claim_account(r, &ctx->account, &parts[0]) != NGX_OK)
    {
        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_no_memory,
                                        NULL);
    }

    parts[1].len = ctx->operation->name.len;
    parts[1].data = (u_char *) ctx->operation->name.data;
    parts[2] = ctx->order_id;

    if (ngx_http_alikassa_claim_init(claim, parts, 3, &ctx->body) != NGX_OK) {
        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_no_memory,
                                        NULL);
    }

    ctx->claim = claim;

    return ngx_http_alikassa_claimed(r, ctx);
}


/*
 * The one who had the order is through with it, or the wait took too long.
 */

static void
ngx_http_alikassa_woken(ngx_http_alikassa_claim_t *claim)
{
    ngx_http_request_t        *r;
    ngx_http_alikassa_ctx_t   *ctx;
    ngx_http_alikassa_next_t   next;

    ctx = claim->data;
    r = ctx->request;

    if (claim->timedout) {
        ctx->outcome = ALIKASSA_OUTCOME_UNKNOWN;
        next = ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_in_flight,
                                        NULL);

    } else {
        next = ngx_http_alikassa_claimed(r, ctx);
    }

    if (next == NGX_HTTP_ALIKASSA_ANSWERED) {
        ngx_http_finalize_request(r, ctx->rc);
    }
}


static ngx_http_alikassa_next_t
ngx_http_alikassa_claimed(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx)
{
    ngx_uint_t  waited;

    waited = ctx->verdict.len != 0;

    switch (ngx_http_alikassa_claim(ctx->claim, ctx->conf->wait)) {

    case ALIKASSA_ACTION_SEND:

        ctx->verdict = ngx_http_alikassa_verdict_miss;

        return ngx_http_alikassa_start(r, ctx, ctx->operation,
                                       &ctx->conf->uri, &ctx->body,
                                       ngx_http_alikassa_called);

    case ALIKASSA_ACTION_ASK:

        ctx->verdict = ngx_http_alikassa_verdict_unknown;

        return ngx_http_alikassa_ask(r, ctx);

    case ALIKASSA_ACTION_WAIT:

        ctx->verdict = ngx_http_alikassa_verdict_wait;

        return NGX_HTTP_ALIKASSA_WAITING;

    case ALIKASSA_ACTION_REPLAY:

        ctx->verdict = waited ? ngx_http_alikassa_verdict_wait
                              : ngx_http_alikassa_verdict_hit;

        return ngx_http_alikassa_replay(r, ctx);

    case ALIKASSA_ACTION_CONFLICT:

        ctx->verdict = ngx_http_alikassa_verdict_conflict;

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent an order_id again with other data");

        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_other_data,
                                        NULL);

    case ALIKASSA_ACTION_REFUSE:

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "idempotency zone \"%V\" has no room for an order or "
                      "for this worker, enlarge it",
                      &ctx->conf->idempotency->shm.name);

        if (ctx->claim->asking) {
            ctx->verdict = ngx_http_alikassa_verdict_unknown;
            ctx->outcome = ALIKASSA_OUTCOME_UNKNOWN;

            return ngx_http_alikassa_refuse(r, ctx,
                                            &ngx_http_alikassa_may_exist_full,
                                            NULL);
        }

        ctx->outcome = ALIKASSA_OUTCOME_UNSENT;

        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_zone_full,
                                        NULL);

    default: /* ALIKASSA_ACTION_NONE */

        ctx->outcome = ALIKASSA_OUTCOME_UNKNOWN;

        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_may_exist,
                                        NULL);
    }
}


static ngx_http_alikassa_next_t
ngx_http_alikassa_replay(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx)
{
    alikassa_str_t      body;
    alikassa_outcome_t  outcome;

    ctx->outcome = ALIKASSA_OUTCOME_REPLAYED;
    ctx->status = ctx->claim->status;

    body.len = ctx->claim->answer.len;
    body.data = ctx->claim->answer.data;

    if (alikassa_answer_read(&ctx->pool, ctx->operation, ctx->status, &body,
                             &ctx->answer, &outcome)
        != ALIKASSA_OK)
    {
        ctx->outcome = ALIKASSA_OUTCOME_UNKNOWN;

        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_may_exist,
                                        NULL);
    }

    /*
     * what a status call found has no link for the payer, and the zone may
     * have had no room for the answer
     */

    if (ctx->claim->found || !ctx->answer.object) {
        return ngx_http_alikassa_exists(r, ctx);
    }

    return ngx_http_alikassa_answer(r, ctx, &ctx->claim->answer, 1);
}


/*
 * Asks what became of an order that may exist.  Where AliKassa has said no to
 * it, ctx->rejected is the call, and there need not be a claim.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_ask(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx)
{
    int                          from, to;
    ngx_str_t                    text;
    alikassa_str_t               body;
    alikassa_fields_t           *fields;
    alikassa_faults_t            faults;
    const alikassa_operation_t  *op;

    op = alikassa_operation_find(ctx->operation->status);

    fields = ngx_pcalloc(r->pool, sizeof(alikassa_fields_t));
    if (fields == NULL) {
        goto failed;
    }

    from = alikassa_operation_role(ctx->operation, ALIKASSA_ROLE_ORDER_ID);
    to = alikassa_operation_role(op, ALIKASSA_ROLE_ORDER_ID);

    if (from < 0 || to < 0) {
        goto failed;
    }

    fields->known[to] = ctx->fields->known[from];

    /* whatever was sent under "alikassa_validate fields" or "off", is asked */

    if (alikassa_body_build(&ctx->pool, op, ALIKASSA_VALIDATE_OFF, fields,
                            &body, &faults)
        != ALIKASSA_OK)
    {
        goto failed;
    }

    text.len = body.len;
    text.data = (u_char *) body.data;

    return ngx_http_alikassa_start(r, ctx, op, &ctx->conf->status_uri, &text,
                                   ngx_http_alikassa_asked);

failed:

    if (ctx->claim) {
        (void) ngx_http_alikassa_claim_settle(ctx->claim,
                                              ALIKASSA_EVENT_NO_STATUS, 0,
                                              NULL);
    }

    ctx->outcome = ALIKASSA_OUTCOME_UNKNOWN;

    return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_may_exist,
                                    NULL);
}


static ngx_http_alikassa_next_t
ngx_http_alikassa_start(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx,
    const alikassa_operation_t *op, ngx_str_t *uri, ngx_str_t *body,
    ngx_http_alikassa_call_handler_pt handler)
{
    ngx_int_t                  rc;
    ngx_http_alikassa_call_t  *call;

    call = ngx_pcalloc(r->pool, sizeof(ngx_http_alikassa_call_t));
    if (call == NULL) {

        /* an order that is claimed is let go by the pool's cleanup */

        if (handler == ngx_http_alikassa_asked
            || (ctx->claim && ctx->claim->state == ALIKASSA_STATE_RESEND))
        {
            ctx->outcome = ALIKASSA_OUTCOME_UNKNOWN;
            return ngx_http_alikassa_refuse(r, ctx,
                                            &ngx_http_alikassa_may_exist,
                                            NULL);
        }

        ctx->outcome = ALIKASSA_OUTCOME_UNSENT;

        return ngx_http_alikassa_refuse(r, ctx, &ngx_http_alikassa_no_memory,
                                        NULL);
    }

    call->ctx = ctx;
    call->operation = op;
    call->uri = *uri;
    call->body = *body;
    call->handler = handler;
    call->done_handler = ngx_http_alikassa_call_done;
    call->asks = (handler == ngx_http_alikassa_asked);

    ngx_http_alikassa_track(call);

    ctx->call = call;

    if (!ctx->operation->safe) {
        ngx_http_alikassa_hold(r);
    }

    rc = ngx_http_alikassa_sign(r, call);

    switch (rc) {

    case NGX_OK:
        return ngx_http_alikassa_signed(r, call);

    case NGX_AGAIN:

        if (ctx->operation->safe) {
            ngx_http_alikassa_watch(r);
        }

        return NGX_HTTP_ALIKASSA_WAITING;

    case NGX_BUSY:
        return ngx_http_alikassa_unsigned(r, call, &ngx_http_alikassa_busy);

    default: /* NGX_ERROR */
        return ngx_http_alikassa_unsigned(r, call,
                                          &ngx_http_alikassa_sign_failed);
    }
}


static ngx_http_alikassa_next_t
ngx_http_alikassa_signed(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call)
{
    if (!call->signed_ok) {
        return ngx_http_alikassa_unsigned(r, call,
                                          &ngx_http_alikassa_sign_failed);
    }

    if (ngx_http_alikassa_send(r, call) != NGX_OK) {
        return ngx_http_alikassa_unsigned(r, call,
                                          &ngx_http_alikassa_no_memory);
    }

    return NGX_HTTP_ALIKASSA_WAITING;
}


static ngx_http_alikassa_next_t
ngx_http_alikassa_unsigned(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call,
    const ngx_http_alikassa_refusal_t *refusal)
{
    call->finished = 1;

    ngx_http_alikassa_release(r);

    ngx_http_alikassa_record(call, ALIKASSA_OUTCOME_UNSENT);

    if (call->asks || call->unsent_again) {
        refusal = (refusal == &ngx_http_alikassa_busy)
                  ? &ngx_http_alikassa_may_exist_busy
                  : &ngx_http_alikassa_may_exist;
    }

    return ngx_http_alikassa_refuse(r, call->ctx, refusal, NULL);
}


/*
 * The request's write event handler: called when a signature is made, when
 * the subrequest is done, and for any event of the client's connection.
 */

void
ngx_http_alikassa_resume(ngx_http_request_t *r)
{
    ngx_http_alikassa_ctx_t   *ctx;
    ngx_http_alikassa_call_t  *call;
    ngx_http_alikassa_next_t   next;

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_module);
    call = ctx->call;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "http alikassa resume: \"%V?%V\"", &r->uri, &r->args);

    if (call == NULL || call->signing || call->finished) {

        if (ctx->claim && ctx->claim->waiting && r->connection->error) {

            /* nobody is left to wait */

            ngx_http_alikassa_claim_leave(ctx->claim);
            ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        }

        return;
    }

    if (!call->sent) {

        /*
         * a call that moves money is made even if the client is gone; one
         * that only asks is not
         */

        ngx_http_alikassa_unwatch(r);

        if (r->connection->error && ctx->operation->safe) {
            ngx_http_finalize_request(r, NGX_ERROR);
            return;
        }

        next = ngx_http_alikassa_signed(r, call);

    } else if (call->subrequest->done) {
        call->finished = 1;
        ngx_http_alikassa_release(r);
        next = call->handler(r, call);

    } else {
        return;
    }

    if (next == NGX_HTTP_ALIKASSA_ANSWERED) {
        ngx_http_finalize_request(r, ctx->rc);
    }
}


/*
 * The call is through, and its outcome is recorded: tell the client, unless
 * AliKassa has said no to what may exist all the same.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_called(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = call->ctx;

    if (call->doubted) {

        if (ctx->claim) {
            ctx->verdict = ngx_http_alikassa_verdict_unknown;
        }

        return ngx_http_alikassa_ask(r, ctx);
    }

    if (call->whole) {
        return ngx_http_alikassa_answer_call(r, call);
    }

    ctx->retry_after = call->retry_after;

    if (call->unsent_again) {
        return ngx_http_alikassa_refuse(r, ctx, call->timedout
                                        ? &ngx_http_alikassa_untimely_again
                                        : &ngx_http_alikassa_unreached_again,
                                        NULL);
    }

    if (call->outcome == ALIKASSA_OUTCOME_UNSENT) {
        return ngx_http_alikassa_refuse(r, ctx, call->timedout
                                        ? &ngx_http_alikassa_unconnected
                                        : &ngx_http_alikassa_unreachable,
                                        NULL);
    }

    return ngx_http_alikassa_refuse(r, ctx, call->timedout
                               ? &ngx_http_alikassa_timeout[ctx->claim != NULL]
                               : &ngx_http_alikassa_bad_answer[ctx->claim
                                                               != NULL],
                                    NULL);
}


/*
 * Passes on the answer of a call, which may be one before the latest.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_answer_call(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call)
{
    ngx_str_t                 body;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = call->ctx;

    ctx->status = call->status;
    ctx->answer = call->answer;
    ctx->retry_after = call->retry_after;

    body.len = call->len;
    body.data = call->start;

    return ngx_http_alikassa_answer(r, ctx, &body, 0);
}


/*
 * The status call before a payment is through, or the one after a rejection.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_asked(ngx_http_request_t *r, ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = call->ctx;

    switch (call->asked) {

    case ALIKASSA_EVENT_FOUND:

        ctx->status = call->status;
        ctx->answer = call->answer;

        return ngx_http_alikassa_exists(r, ctx);

    case ALIKASSA_EVENT_NOT_FOUND:

        if (ctx->rejected) {
            return ngx_http_alikassa_answer_call(r, ctx->rejected);
        }

        return ngx_http_alikassa_start(r, ctx, ctx->operation,
                                       &ctx->conf->uri, &ctx->body,
                                       ngx_http_alikassa_called);

    default: /* ALIKASSA_EVENT_NO_STATUS */

        ctx->retry_after = call->retry_after;

        return ngx_http_alikassa_refuse(r, ctx,
                            &ngx_http_alikassa_unresolved[ctx->claim != NULL],
                                        NULL);
    }
}


/*
 * The request ends: what nobody recorded is recorded here.  nginx ends a
 * request so when a worker may wait no longer.  Called twice: before nginx
 * writes the access log, where the outcome is wanted, and when the request's
 * pool goes.
 */

static void
ngx_http_alikassa_order_cleanup(ngx_http_alikassa_ctx_t *ctx)
{
    if (ctx->call && !ctx->call->recorded) {
        ngx_http_alikassa_abandon(ctx->call);
    }

    if (ctx->claim == NULL) {
        return;
    }

    ngx_http_alikassa_claim_leave(ctx->claim);

    /* the order is ours still, and no call of ours is under way */

    (void) ngx_http_alikassa_claim_settle(ctx->claim, ctx->claim->asking
                                                 ? ALIKASSA_EVENT_NO_STATUS
                                                 : ALIKASSA_EVENT_UNSENT,
                                          0, NULL);
}
