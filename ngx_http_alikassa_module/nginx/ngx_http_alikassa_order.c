
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The steps of an order: claim, signature, call, response.
 */


#include "ngx_http_alikassa_order.h"
#include "ngx_http_alikassa_client.h"
#include "ngx_http_alikassa_outcome.h"
#include "ngx_http_alikassa_quic.h"
#include "ngx_http_alikassa_response.h"
#include "ngx_http_alikassa_sign.h"
#include "ngx_http_alikassa_upstream.h"


static ngx_http_alikassa_claim_t *ngx_http_alikassa_order_create_claim(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static void ngx_http_alikassa_order_claim_handler(
    ngx_http_alikassa_claim_t *claim);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_claim_done(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_store_full(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_fail(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx,
    alikassa_outcome_t outcome, ngx_http_alikassa_error_id_t error);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_replay(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_query_status(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_call(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_sign(
    ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx,
    ngx_http_alikassa_call_kind_t kind, const alikassa_operation_t *op,
    ngx_str_t *uri, ngx_str_t *body);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_send(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_sign_failed(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call,
    ngx_http_alikassa_error_id_t error);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_settled(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_call_done(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_send_response(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call);
static ngx_http_alikassa_next_t ngx_http_alikassa_order_status_done(
    ngx_http_request_t *r, ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_order_cleanup(ngx_http_alikassa_ctx_t *ctx);


/* values of $alikassa_idempotency */

static ngx_str_t  ngx_http_alikassa_status_miss = ngx_string("MISS");
static ngx_str_t  ngx_http_alikassa_status_hit = ngx_string("HIT");
static ngx_str_t  ngx_http_alikassa_status_wait = ngx_string("WAIT");
static ngx_str_t  ngx_http_alikassa_status_conflict = ngx_string("CONFLICT");
static ngx_str_t  ngx_http_alikassa_status_unknown = ngx_string("UNKNOWN");


ngx_http_alikassa_next_t
ngx_http_alikassa_order_start(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    ctx->cleanup = ngx_http_alikassa_order_cleanup;

    if (ctx->conf->idempotency == NULL || !ctx->operation->moves_money) {
        return ngx_http_alikassa_order_call(r, ctx);
    }

    ctx->claim = ngx_http_alikassa_order_create_claim(r, ctx);
    if (ctx->claim == NULL) {
        return ngx_http_alikassa_send_error(r, ctx,
                                            NGX_HTTP_ALIKASSA_ERROR_NO_MEMORY,
                                            NULL);
    }

    if (ngx_http_alikassa_claim_begin(ctx->claim, ctx->conf->wait,
                                      ngx_http_alikassa_order_claim_handler)
        == NGX_AGAIN)
    {
        return NGX_HTTP_ALIKASSA_WAITING;
    }

    return ngx_http_alikassa_order_claim_done(r, ctx);
}


/*
 * Creates the claim of the request's order.  Returns NULL if there is no
 * memory.
 */

static ngx_http_alikassa_claim_t *
ngx_http_alikassa_order_create_claim(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    ngx_str_t                   parts[3];
    ngx_http_alikassa_claim_t  *claim;

    claim = ngx_pcalloc(r->pool, sizeof(ngx_http_alikassa_claim_t));
    if (claim == NULL) {
        return NULL;
    }

    claim->store = ctx->conf->idempotency;
    claim->request = r;
    claim->data = ctx;

    if (ngx_http_alikassa_claim_account(r, &ctx->account, &parts[0]) != NGX_OK)
    {
        return NULL;
    }

    parts[1] = ngx_http_alikassa_from_core(&ctx->operation->name);
    parts[2] = ctx->order_id;

    if (ngx_http_alikassa_claim_init(claim, parts, 3, &ctx->body) != NGX_OK) {
        return NULL;
    }

    return claim;
}


/*
 * Continues a request for whose order the store has decided late.
 */

static void
ngx_http_alikassa_order_claim_handler(ngx_http_alikassa_claim_t *claim)
{
    ngx_http_request_t       *r;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = claim->data;
    r = ctx->request;

    if (ngx_http_alikassa_order_claim_done(r, ctx)
        == NGX_HTTP_ALIKASSA_ANSWERED)
    {
        ngx_http_finalize_request(r, ctx->rc);
    }
}


/*
 * Does what the store has decided.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_claim_done(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    if (ctx->claim->waited) {
        ctx->idempotency_status = ngx_http_alikassa_status_wait;
    }

    switch (ctx->claim->result) {

    case NGX_HTTP_ALIKASSA_CLAIM_SEND:

        ctx->idempotency_status = ngx_http_alikassa_status_miss;

        return ngx_http_alikassa_order_call(r, ctx);

    case NGX_HTTP_ALIKASSA_CLAIM_QUERY:

        ctx->idempotency_status = ngx_http_alikassa_status_unknown;

        return ngx_http_alikassa_order_query_status(r, ctx);

    case NGX_HTTP_ALIKASSA_CLAIM_REPLAY:

        if (!ctx->claim->waited) {
            ctx->idempotency_status = ngx_http_alikassa_status_hit;
        }

        return ngx_http_alikassa_order_replay(r, ctx);

    case NGX_HTTP_ALIKASSA_CLAIM_CONFLICT:

        ctx->idempotency_status = ngx_http_alikassa_status_conflict;

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent an order_id again with other data");

        return ngx_http_alikassa_send_error(r, ctx,
                                            NGX_HTTP_ALIKASSA_ERROR_MISMATCH,
                                            NULL);

    case NGX_HTTP_ALIKASSA_CLAIM_TIMED_OUT:

        return ngx_http_alikassa_order_fail(r, ctx, ALIKASSA_OUTCOME_UNKNOWN,
                                            NGX_HTTP_ALIKASSA_ERROR_IN_FLIGHT);

    case NGX_HTTP_ALIKASSA_CLAIM_FULL:
        return ngx_http_alikassa_order_store_full(r, ctx);

    default: /* NGX_HTTP_ALIKASSA_CLAIM_FAILED */

        return ngx_http_alikassa_order_fail(r, ctx, ALIKASSA_OUTCOME_UNKNOWN,
                                            NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST);
    }
}


/*
 * Tells the client that the zone has no room for its order.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_store_full(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "idempotency zone \"%V\" has no room for an order or "
                  "for this worker, enlarge it",
                  &ctx->conf->idempotency->name);

    if (ctx->claim->querying) {

        ctx->idempotency_status = ngx_http_alikassa_status_unknown;
        return ngx_http_alikassa_order_fail(r, ctx, ALIKASSA_OUTCOME_UNKNOWN,
                                       NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST_FULL);
    }

    return ngx_http_alikassa_order_fail(r, ctx, ALIKASSA_OUTCOME_UNSENT,
                                        NGX_HTTP_ALIKASSA_ERROR_STORE_FULL);
}


/*
 * Ends a request that makes no call: sets the outcome and sends the error.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_fail(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, alikassa_outcome_t outcome,
    ngx_http_alikassa_error_id_t error)
{
    ngx_http_alikassa_set_outcome(ctx, outcome);

    return ngx_http_alikassa_send_error(r, ctx, error, NULL);
}


/*
 * Sends the stored response of an order that is done.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_replay(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    alikassa_str_t      body;
    alikassa_outcome_t  outcome;

    ngx_http_alikassa_set_outcome(ctx, ALIKASSA_OUTCOME_REPLAYED);
    ctx->status = ctx->claim->status;

    body = ngx_http_alikassa_to_core(&ctx->claim->response);

    if (alikassa_response_read(&ctx->pool, ctx->operation, ctx->status, &body,
                               &ctx->answer, &outcome)
        != ALIKASSA_OK)
    {
        return ngx_http_alikassa_order_fail(r, ctx, ALIKASSA_OUTCOME_UNKNOWN,
                                            NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST);
    }

    /*
     * a status query's response has no link for the payer, and the zone may
     * have had no room for the response
     */

    if (ctx->claim->found || !ctx->answer.object) {
        return ngx_http_alikassa_send_existing_order(r, ctx);
    }

    return ngx_http_alikassa_send_response(r, ctx, &ctx->claim->response, 1);
}


/*
 * Queries the status of an order that may exist.  If AliKassa has rejected the
 * order, ctx->rejected is that call, and the location may have no zone.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_query_status(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    int                          from, to;
    ngx_str_t                    text;
    alikassa_str_t               body;
    alikassa_fields_t           *fields;
    alikassa_field_errors_t      errors;
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

    /* any order_id that "alikassa_validate fields" or "off" let pass */

    if (alikassa_request_build(&ctx->pool, op, ALIKASSA_VALIDATE_OFF, fields,
                               &body, &errors)
        != ALIKASSA_OK)
    {
        goto failed;
    }

    text = ngx_http_alikassa_from_core(&body);

    return ngx_http_alikassa_order_sign(r, ctx,
                                        NGX_HTTP_ALIKASSA_CALL_STATUS_QUERY,
                                        op, &ctx->conf->status_uri, &text);

failed:

    if (ctx->claim) {
        (void) ngx_http_alikassa_claim_settle(ctx->claim,
                                              ALIKASSA_EVENT_NO_STATUS, 0,
                                              NULL, NULL);
    }

    return ngx_http_alikassa_order_fail(r, ctx, ALIKASSA_OUTCOME_UNKNOWN,
                                        NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST);
}


/*
 * Makes the call of the location's own operation.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_call(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    return ngx_http_alikassa_order_sign(r, ctx,
                                        NGX_HTTP_ALIKASSA_CALL_OPERATION,
                                        ctx->operation, &ctx->conf->uri,
                                        &ctx->body);
}


/*
 * Creates a call and has it signed.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_sign(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_http_alikassa_call_kind_t kind,
    const alikassa_operation_t *op, ngx_str_t *uri, ngx_str_t *body)
{
    ngx_http_alikassa_call_t  *call;

    call = ngx_pcalloc(r->pool, sizeof(ngx_http_alikassa_call_t));
    if (call == NULL) {

        /* the pool's cleanup gives back an order that is claimed */

        if (kind == NGX_HTTP_ALIKASSA_CALL_STATUS_QUERY
            || (ctx->claim && ctx->claim->state == ALIKASSA_STATE_RESENDING))
        {
            return ngx_http_alikassa_order_fail(r, ctx,
                                                ALIKASSA_OUTCOME_UNKNOWN,
                                            NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST);
        }

        return ngx_http_alikassa_order_fail(r, ctx, ALIKASSA_OUTCOME_UNSENT,
                                            NGX_HTTP_ALIKASSA_ERROR_NO_MEMORY);
    }

    call->ctx = ctx;
    call->operation = op;
    call->kind = kind;
    call->uri = *uri;
    call->body = *body;
    call->done_handler = ngx_http_alikassa_call_judge;

    ngx_http_alikassa_call_track(call);

    ctx->call = call;

    if (!ctx->operation->is_read_only) {
        ngx_http_alikassa_quic_hold(r);
    }

    switch (ngx_http_alikassa_sign(r, call)) {

    case NGX_OK:
        return ngx_http_alikassa_order_send(r, call);

    case NGX_AGAIN:

        if (ctx->operation->is_read_only) {
            ngx_http_alikassa_watch(r);
        }

        return NGX_HTTP_ALIKASSA_WAITING;

    case NGX_BUSY:
        return ngx_http_alikassa_order_sign_failed(r, call,
                                                NGX_HTTP_ALIKASSA_ERROR_BUSY);

    default: /* NGX_ERROR */
        return ngx_http_alikassa_order_sign_failed(r, call,
                                         NGX_HTTP_ALIKASSA_ERROR_SIGN_FAILED);
    }
}


/*
 * Sends a call whose signature is made, or has failed.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_send(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call)
{
    if (call->state != NGX_HTTP_ALIKASSA_CALL_SIGNED) {
        return ngx_http_alikassa_order_sign_failed(r, call,
                                         NGX_HTTP_ALIKASSA_ERROR_SIGN_FAILED);
    }

    if (ngx_http_alikassa_call_create_subrequest(r, call) != NGX_OK) {
        return ngx_http_alikassa_order_sign_failed(r, call,
                                           NGX_HTTP_ALIKASSA_ERROR_NO_MEMORY);
    }

    return NGX_HTTP_ALIKASSA_WAITING;
}


/*
 * Tells the client that its call was not sent.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_sign_failed(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call, ngx_http_alikassa_error_id_t error)
{
    ngx_http_alikassa_call_set_state(call, NGX_HTTP_ALIKASSA_CALL_DONE);

    ngx_http_alikassa_call_record(call, ALIKASSA_OUTCOME_UNSENT);

    if (call->kind == NGX_HTTP_ALIKASSA_CALL_STATUS_QUERY
        || call->unsent_resend)
    {
        error = (error == NGX_HTTP_ALIKASSA_ERROR_BUSY)
                ? NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST_BUSY
                : NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST;
    }

    call->error = error;

    return ngx_http_alikassa_order_settled(r, call);
}


void
ngx_http_alikassa_order_resume(ngx_http_request_t *r)
{
    ngx_http_alikassa_ctx_t   *ctx;
    ngx_http_alikassa_call_t  *call;
    ngx_http_alikassa_next_t   next;

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_module);
    call = ctx->call;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "http alikassa resume: \"%V?%V\"", &r->uri, &r->args);

    if (call == NULL
        || call->state == NGX_HTTP_ALIKASSA_CALL_SIGNING
        || call->state == NGX_HTTP_ALIKASSA_CALL_ANSWERED)
    {
        if (ctx->claim && ctx->claim->waiting && r->connection->error) {

            /* the client that waited has disconnected */

            ngx_http_alikassa_claim_leave(ctx->claim);
            ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        }

        return;
    }

    if (call->state < NGX_HTTP_ALIKASSA_CALL_SENT) {

        /*
         * a call that moves money is made even if the client has
         * disconnected; a read-only call is not
         */

        ngx_http_alikassa_unwatch(r);

        if (r->connection->error && ctx->operation->is_read_only) {
            ngx_http_finalize_request(r, NGX_ERROR);
            return;
        }

        next = ngx_http_alikassa_order_send(r, call);

    } else if (call->subrequest == NULL || call->subrequest->done) {
        next = ngx_http_alikassa_order_settled(r, call);

    } else {
        return;
    }

    if (next == NGX_HTTP_ALIKASSA_ANSWERED) {
        ngx_http_finalize_request(r, ctx->rc);
    }
}


/*
 * Goes on after a call whose outcome is recorded, as soon as the order is
 * settled: what the client is told must not be forgotten.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_settled(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_claim_t  *claim;

    claim = call->ctx->claim;

    if (claim && claim->settling) {
        return NGX_HTTP_ALIKASSA_WAITING;
    }

    ngx_http_alikassa_call_set_state(call, NGX_HTTP_ALIKASSA_CALL_ANSWERED);

    ngx_http_alikassa_quic_release(r);

    if (call->subrequest == NULL) {
        return ngx_http_alikassa_send_error(r, call->ctx, call->error, NULL);
    }

    return (call->kind == NGX_HTTP_ALIKASSA_CALL_STATUS_QUERY)
           ? ngx_http_alikassa_order_status_done(r, call)
           : ngx_http_alikassa_order_call_done(r, call);
}


/*
 * Answers the client when the outcome of its call is recorded, or queries the
 * status first if AliKassa has rejected an order that may exist nevertheless.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_call_done(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_ctx_t       *ctx;
    ngx_http_alikassa_error_id_t   error;

    ctx = call->ctx;

    if (call->doubted) {

        if (ctx->claim) {
            ctx->idempotency_status = ngx_http_alikassa_status_unknown;
        }

        return ngx_http_alikassa_order_query_status(r, ctx);
    }

    if (call->response_usable) {
        return ngx_http_alikassa_order_send_response(r, call);
    }

    ctx->retry_after = call->retry_after;

    if (call->unsent_resend) {
        error = call->timedout ? NGX_HTTP_ALIKASSA_ERROR_RESEND_TIMEOUT
                               : NGX_HTTP_ALIKASSA_ERROR_RESEND_UNREACHABLE;

    } else if (call->outcome == ALIKASSA_OUTCOME_UNSENT) {
        error = call->timedout ? NGX_HTTP_ALIKASSA_ERROR_CONNECT_TIMEOUT
                               : NGX_HTTP_ALIKASSA_ERROR_UNREACHABLE;

    } else if (ctx->claim) {
        error = call->timedout ? NGX_HTTP_ALIKASSA_ERROR_TIMEOUT_CLAIMED
                               : NGX_HTTP_ALIKASSA_ERROR_BAD_RESPONSE_CLAIMED;

    } else {
        error = call->timedout ? NGX_HTTP_ALIKASSA_ERROR_TIMEOUT
                               : NGX_HTTP_ALIKASSA_ERROR_BAD_RESPONSE;
    }

    return ngx_http_alikassa_send_error(r, ctx, error, NULL);
}


/*
 * Passes on the response of a call, which may be one before the latest.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_send_response(ngx_http_request_t *r,
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

    return ngx_http_alikassa_send_response(r, ctx, &body, 0);
}


/*
 * Goes on when a status query is done: before the call of an order that may
 * exist, or after AliKassa has rejected one.
 */

static ngx_http_alikassa_next_t
ngx_http_alikassa_order_status_done(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_ctx_t       *ctx;
    ngx_http_alikassa_error_id_t   error;

    ctx = call->ctx;

    switch (call->query_result) {

    case ALIKASSA_EVENT_FOUND:

        ctx->status = call->status;
        ctx->answer = call->answer;

        return ngx_http_alikassa_send_existing_order(r, ctx);

    case ALIKASSA_EVENT_NOT_FOUND:

        if (ctx->rejected) {
            return ngx_http_alikassa_order_send_response(r, ctx->rejected);
        }

        if (ctx->claim->result != NGX_HTTP_ALIKASSA_CLAIM_SEND) {

            /* the order is not this request's to send any more */

            return ngx_http_alikassa_send_error(r, ctx,
                                            NGX_HTTP_ALIKASSA_ERROR_MAY_EXIST,
                                                NULL);
        }

        return ngx_http_alikassa_order_call(r, ctx);

    default: /* ALIKASSA_EVENT_NO_STATUS */

        ctx->retry_after = call->retry_after;

        error = ctx->claim ? NGX_HTTP_ALIKASSA_ERROR_UNRESOLVED_CLAIMED
                           : NGX_HTTP_ALIKASSA_ERROR_UNRESOLVED;

        return ngx_http_alikassa_send_error(r, ctx, error, NULL);
    }
}


/*
 * Records the outcome of a call that was cut off, for example by
 * worker_shutdown_timeout, and settles the order.
 */

static void
ngx_http_alikassa_order_cleanup(ngx_http_alikassa_ctx_t *ctx)
{
    if (ctx->call && !ctx->call->recorded) {
        ngx_http_alikassa_call_abandon(ctx->call);
    }

    if (ctx->claim == NULL) {
        return;
    }

    ngx_http_alikassa_claim_leave(ctx->claim);

    if (ctx->claim->waited && ctx->idempotency_status.len == 0) {

        /* the request has ended while it waited: nothing was decided */

        ctx->idempotency_status = ngx_http_alikassa_status_wait;
    }

    /* if the claim still owns the order, no call of it is in flight */

    (void) ngx_http_alikassa_claim_settle(ctx->claim, ctx->claim->querying
                                                 ? ALIKASSA_EVENT_NO_STATUS
                                                 : ALIKASSA_EVENT_UNSENT,
                                          0, NULL, NULL);
}
