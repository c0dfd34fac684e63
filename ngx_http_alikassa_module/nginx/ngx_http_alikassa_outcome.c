
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The outcome of a call: judged, settled and recorded once, whichever way the
 * request and the process end.
 */


#include "ngx_http_alikassa_outcome.h"
#include "ngx_http_alikassa_audit.h"
#include "ngx_http_alikassa_upstream.h"


static void ngx_http_alikassa_judge_response(ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_log_denied(ngx_http_alikassa_call_t *call);
static ngx_uint_t ngx_http_alikassa_is_resend(ngx_http_alikassa_call_t *call);
static ngx_uint_t ngx_http_alikassa_is_doubtful(ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_settle_operation(ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_settle_query(ngx_http_alikassa_call_t *call);
static ngx_uint_t ngx_http_alikassa_is_other_order(
    ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_settle_claim(ngx_http_alikassa_call_t *call,
    alikassa_event_t event);
static void ngx_http_alikassa_settled(ngx_http_alikassa_claim_t *claim);


/* the calls of this process whose outcome is not recorded */

static ngx_queue_t  ngx_http_alikassa_calls;
static ngx_pid_t    ngx_http_alikassa_calls_pid;


void
ngx_http_alikassa_call_track(ngx_http_alikassa_call_t *call)
{
    ngx_queue_insert_tail(&ngx_http_alikassa_calls, &call->queue);
}


void
ngx_http_alikassa_call_judge(ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_judge_response(call);
    ngx_http_alikassa_call_record(call, call->outcome);
}


static void
ngx_http_alikassa_judge_response(ngx_http_alikassa_call_t *call)
{
    ngx_log_t           *log;
    alikassa_str_t       body;
    alikassa_outcome_t   outcome;

    call->outcome = call->unsent ? ALIKASSA_OUTCOME_UNSENT
                                 : ALIKASSA_OUTCOME_UNKNOWN;

    if (!call->response_complete) {
        return;
    }

    log = call->subrequest->connection->log;

    body.len = call->len;
    body.data = call->start;

    if (alikassa_response_read(&call->ctx->pool, call->operation, call->status,
                               &body, &call->answer, &outcome)
        != ALIKASSA_OK)
    {
        return;
    }

    call->outcome = outcome;

    if (alikassa_response_is_caller_denied(call->operation, call->status,
                                           &call->answer))
    {
        ngx_http_alikassa_log_denied(call);
    }

    if (!call->answer.object) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "upstream sent an answer with status %ui "
                      "that is no JSON object", call->status);
        return;
    }

    /* AliKassa sends neither redirects nor success without a payment */

    call->response_usable = call->status >= NGX_HTTP_BAD_REQUEST
                  || outcome == ALIKASSA_OUTCOME_ACCEPTED;

    if (!call->response_usable) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "upstream sent status %ui with a JSON object "
                      "that is no answer to \"%*s\"", call->status,
                      call->operation->name.len, call->operation->name.data);
    }
}


/*
 * Logs what the operator has to check if AliKassa denies a call: the payer sees
 * AliKassa's own text only.
 */

static void
ngx_http_alikassa_log_denied(ngx_http_alikassa_call_t *call)
{
    ngx_str_t                      name;
    ngx_http_alikassa_ctx_t       *ctx;
    ngx_http_alikassa_loc_conf_t  *alcf;

    ctx = call->ctx;
    alcf = ctx->conf;

    name = ngx_http_alikassa_from_core(&call->operation->name);

    ngx_log_error(NGX_LOG_ERR, call->subrequest->connection->log, 0,
                  "AliKassa refused a call of \"alikassa_%V\" with status "
                  "%ui, check the account \"%V\", that it has the public key "
                  "of \"alikassa_key %V\" for this call (SHA-256 %s), "
                  "\"alikassa_digest %V\", and the path \"%V\"",
                  &name, call->status, &ctx->account, &alcf->key->name,
                  alikassa_key_fingerprint(alcf->key->key), &alcf->digest,
                  &call->uri);
}


/*
 * Returns 1 if a call sends an order again that an earlier call may have made.
 */

static ngx_uint_t
ngx_http_alikassa_is_resend(ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_claim_t  *claim;

    claim = call->ctx->claim;

    return call->kind == NGX_HTTP_ALIKASSA_CALL_OPERATION
           && claim
           && claim->state == ALIKASSA_STATE_RESENDING;
}


/*
 * Returns 1 if the order may exist although AliKassa rejected it: the response
 * names the order_id, or an earlier call may have made the order, perhaps after
 * AliKassa said that there is none.  The request then queries the status.
 */

static ngx_uint_t
ngx_http_alikassa_is_doubtful(ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = call->ctx;

    if (call->outcome != ALIKASSA_OUTCOME_REJECTED
        || call->operation->status == NULL
        || ctx->order_id.len == 0)
    {
        return 0;
    }

    return alikassa_response_order_may_exist(call->status, &call->answer)
           || ngx_http_alikassa_is_resend(call);
}


void
ngx_http_alikassa_call_record(ngx_http_alikassa_call_t *call,
    alikassa_outcome_t outcome)
{
    if (call->recorded) {
        return;
    }

    call->recorded = 1;
    call->outcome = outcome;

    ngx_queue_remove(&call->queue);

    if (outcome == ALIKASSA_OUTCOME_UNSENT && ngx_http_alikassa_is_resend(call))
    {
        call->unsent_resend = 1;
        call->outcome = ALIKASSA_OUTCOME_UNKNOWN;
    }

    if (ngx_http_alikassa_is_doubtful(call)) {
        call->doubted = 1;
        call->outcome = ALIKASSA_OUTCOME_UNKNOWN;
        call->ctx->rejected = call;
    }

    if (call->kind == NGX_HTTP_ALIKASSA_CALL_STATUS_QUERY) {
        ngx_http_alikassa_settle_query(call);

    } else {
        ngx_http_alikassa_set_outcome(call->ctx, call->outcome);
        ngx_http_alikassa_settle_operation(call);
    }

    ngx_http_alikassa_audit(call);
}


static void
ngx_http_alikassa_settle_operation(ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_settle_claim(call, call->doubted
                                   ? ALIKASSA_EVENT_DOUBTED
                                   : alikassa_idempotency_event(call->outcome));
}


/*
 * Settles an order by the response to a status query.  Only a complete response
 * of AliKassa's tells whether the order exists: one with an id that is not
 * another order's, or one that says that there is none.  The latter proves
 * nothing if AliKassa did not know the path of the payment itself.
 */

static void
ngx_http_alikassa_settle_query(ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = call->ctx;

    if (call->outcome == ALIKASSA_OUTCOME_ACCEPTED && call->answer.id.len
        && !ngx_http_alikassa_is_other_order(call))
    {
        call->query_result = ALIKASSA_EVENT_FOUND;
        ngx_http_alikassa_set_outcome(ctx, ALIKASSA_OUTCOME_REPLAYED);

    } else if (call->response_usable
               && alikassa_response_not_found(call->status, &call->answer)
               && !(ctx->rejected
                    && alikassa_response_is_wrong_path(ctx->rejected->status)))
    {
        call->query_result = ALIKASSA_EVENT_NOT_FOUND;

        /* if the order is sent again, until its new outcome is known */

        ngx_http_alikassa_set_outcome(ctx, ctx->rejected
                                           ? ALIKASSA_OUTCOME_REJECTED
                                           : ALIKASSA_OUTCOME_UNKNOWN);

    } else {
        call->query_result = ALIKASSA_EVENT_NO_STATUS;
        ngx_http_alikassa_set_outcome(ctx, ALIKASSA_OUTCOME_UNKNOWN);
    }

    ngx_http_alikassa_settle_claim(call, call->query_result);
}


static ngx_uint_t
ngx_http_alikassa_is_other_order(ngx_http_alikassa_call_t *call)
{
    alikassa_str_t  order_id;

    order_id = ngx_http_alikassa_to_core(&call->ctx->order_id);

    if (!alikassa_response_is_other_order(&call->answer, &order_id)) {
        return 0;
    }

    ngx_log_error(NGX_LOG_ERR, call->ctx->request->connection->log, 0,
                  "upstream sent the status of another order than the one "
                  "that was asked for");

    return 1;
}


/*
 * Brings the event to the order, if the request has claimed it.  The request
 * does not go on before the order is settled.
 */

static void
ngx_http_alikassa_settle_claim(ngx_http_alikassa_call_t *call,
    alikassa_event_t event)
{
    ngx_str_t                   response;
    ngx_http_alikassa_claim_t  *claim;

    claim = call->ctx->claim;

    if (claim == NULL) {
        return;
    }

    response.len = call->len;
    response.data = call->start;

    (void) ngx_http_alikassa_claim_settle(claim, event, call->status, &response,
                                          ngx_http_alikassa_settled);
}


/*
 * Resumes a request whose order is settled.
 */

static void
ngx_http_alikassa_settled(ngx_http_alikassa_claim_t *claim)
{
    ngx_http_request_t  *r;

    r = claim->request;

    r->write_event_handler(r);
}


void
ngx_http_alikassa_call_abandon(ngx_http_alikassa_call_t *call)
{
    if (ngx_http_alikassa_call_unsent(call)) {
        ngx_http_alikassa_call_record(call, ALIKASSA_OUTCOME_UNSENT);
        return;
    }

    call->response_time = ngx_current_msec - call->start_time;

    ngx_log_error(NGX_LOG_ERR, call->ctx->request->connection->log, 0,
                  "a call to AliKassa was cut off before its answer, "
                  "%s", call->operation->is_read_only
                        ? "its result is not known" : "the order may exist");

    ngx_http_alikassa_call_record(call, ALIKASSA_OUTCOME_UNKNOWN);
}


/*
 * Registers the exit handler with atexit() as well, since other code, such as
 * another module's script, may call exit().
 */

void
ngx_http_alikassa_outcome_init_process(void)
{
    ngx_queue_init(&ngx_http_alikassa_calls);
    ngx_http_alikassa_calls_pid = ngx_pid;

    if (atexit(ngx_http_alikassa_outcome_exit_process) != 0) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0, "atexit() failed");
    }
}


/*
 * Records the outcomes of all calls that the end of this process cuts off:
 * nginx destroys no request's pool then.  A forked child, which has a copy of
 * the list, records nothing.
 */

void
ngx_http_alikassa_outcome_exit_process(void)
{
    ngx_queue_t               *q;
    ngx_http_alikassa_call_t  *call;

    if (ngx_http_alikassa_calls_pid != getpid()) {
        return;
    }

    ngx_http_alikassa_audit_exit_process();

    while (!ngx_queue_empty(&ngx_http_alikassa_calls)) {

        q = ngx_queue_head(&ngx_http_alikassa_calls);
        call = ngx_queue_data(q, ngx_http_alikassa_call_t, queue);

        ngx_http_alikassa_call_abandon(call);
    }
}
