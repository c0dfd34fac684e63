
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * What became of a call: recorded once, whichever way the request and the
 * process end.
 */


#include "ngx_http_alikassa_outcome.h"
#include "ngx_http_alikassa_audit.h"
#include "ngx_http_alikassa_upstream.h"


static void ngx_http_alikassa_judge(ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_denied(ngx_http_alikassa_call_t *call);
static ngx_uint_t ngx_http_alikassa_resent(ngx_http_alikassa_call_t *call);
static ngx_uint_t ngx_http_alikassa_doubtful(ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_settle(ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_settle_asked(ngx_http_alikassa_call_t *call);
static ngx_uint_t ngx_http_alikassa_another(ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_settle_claim(ngx_http_alikassa_call_t *call,
    alikassa_event_t event);


/* this process' calls whose outcome is not recorded */

static ngx_queue_t  ngx_http_alikassa_calls;
static ngx_pid_t    ngx_http_alikassa_calls_pid;


/*
 * Takes a new call into the list of those whose outcome is not recorded.
 */

void
ngx_http_alikassa_track(ngx_http_alikassa_call_t *call)
{
    ngx_queue_insert_tail(&ngx_http_alikassa_calls, &call->queue);
}


/*
 * Judges a call that is over by its facts, and records the outcome.
 */

void
ngx_http_alikassa_call_done(ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_judge(call);
    ngx_http_alikassa_record(call, call->outcome);
}


static void
ngx_http_alikassa_judge(ngx_http_alikassa_call_t *call)
{
    ngx_log_t           *log;
    alikassa_str_t       body;
    alikassa_outcome_t   outcome;

    call->outcome = call->unsent ? ALIKASSA_OUTCOME_UNSENT
                                 : ALIKASSA_OUTCOME_UNKNOWN;

    if (!call->received) {
        return;
    }

    log = call->subrequest->connection->log;

    body.len = call->len;
    body.data = call->start;

    if (alikassa_answer_read(&call->ctx->pool, call->operation, call->status,
                             &body, &call->answer, &outcome)
        != ALIKASSA_OK)
    {
        return;
    }

    call->outcome = outcome;

    if (alikassa_answer_denied(call->operation, call->status, &call->answer)) {
        ngx_http_alikassa_denied(call);
    }

    if (!call->answer.object) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "upstream sent an answer with status %ui "
                      "that is no JSON object", call->status);
        return;
    }

    /* a redirect, or success without a payment, is no answer of AliKassa's */

    call->whole = call->status >= NGX_HTTP_BAD_REQUEST
                  || outcome == ALIKASSA_OUTCOME_ACCEPTED;

    if (!call->whole) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "upstream sent status %ui with a JSON object "
                      "that is no answer to \"%*s\"", call->status,
                      call->operation->name.len, call->operation->name.data);
    }
}


/*
 * Tells the operator what may be wrong: the payer sees AliKassa's words only.
 */

static void
ngx_http_alikassa_denied(ngx_http_alikassa_call_t *call)
{
    ngx_str_t                      name;
    ngx_http_alikassa_ctx_t       *ctx;
    ngx_http_alikassa_loc_conf_t  *alcf;

    ctx = call->ctx;
    alcf = ctx->conf;

    name.len = call->operation->name.len;
    name.data = (u_char *) call->operation->name.data;

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
 * Tells whether a call sends an order again that a call before may have made.
 */

static ngx_uint_t
ngx_http_alikassa_resent(ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_claim_t  *claim;

    claim = call->ctx->claim;

    return !call->asks && claim && claim->state == ALIKASSA_STATE_RESEND;
}


/*
 * Tells whether a no of AliKassa's may be none: it names the order_id, or the
 * order may have been made by a call before, or later than AliKassa said that
 * there is none.  The status is asked then.
 */

static ngx_uint_t
ngx_http_alikassa_doubtful(ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = call->ctx;

    if (call->outcome != ALIKASSA_OUTCOME_REJECTED
        || call->operation->status == NULL
        || ctx->order_id.len == 0)
    {
        return 0;
    }

    return alikassa_answer_doubtful(call->status, &call->answer)
           || ngx_http_alikassa_resent(call);
}


/*
 * Records what became of a call, once: in the zone, for variables, and in
 * the audit log.  Called where it is decided, whatever became of the client.
 */

void
ngx_http_alikassa_record(ngx_http_alikassa_call_t *call,
    alikassa_outcome_t outcome)
{
    if (call->recorded) {
        return;
    }

    call->recorded = 1;
    call->outcome = outcome;

    ngx_queue_remove(&call->queue);

    if (outcome == ALIKASSA_OUTCOME_UNSENT && ngx_http_alikassa_resent(call)) {
        call->unsent_again = 1;
        call->outcome = ALIKASSA_OUTCOME_UNKNOWN;
    }

    if (ngx_http_alikassa_doubtful(call)) {
        call->doubted = 1;
        call->outcome = ALIKASSA_OUTCOME_UNKNOWN;
        call->ctx->rejected = call;
    }

    if (call->asks) {
        ngx_http_alikassa_settle_asked(call);

    } else {
        call->ctx->outcome = call->outcome;
        ngx_http_alikassa_settle(call);
    }

    ngx_http_alikassa_audit(call);
}


static void
ngx_http_alikassa_settle(ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_settle_claim(call, call->doubted
                                   ? ALIKASSA_EVENT_DOUBTED
                                   : alikassa_idempotency_event(call->outcome));
}


/*
 * Only AliKassa's own word tells whether an order exists: a whole answer with
 * an id, which is not another order's, or that there is none.  The latter
 * counts for nothing where the payment's own path was not found.
 */

static void
ngx_http_alikassa_settle_asked(ngx_http_alikassa_call_t *call)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = call->ctx;

    if (call->outcome == ALIKASSA_OUTCOME_ACCEPTED && call->answer.id.len
        && !ngx_http_alikassa_another(call))
    {
        call->asked = ALIKASSA_EVENT_FOUND;
        ctx->outcome = ALIKASSA_OUTCOME_REPLAYED;

    } else if (call->whole
               && alikassa_answer_not_found(call->status, &call->answer)
               && !(ctx->rejected
                    && alikassa_answer_misled(ctx->rejected->status)))
    {
        call->asked = ALIKASSA_EVENT_NOT_FOUND;

        /* until the order is sent again, and its outcome is known */

        ctx->outcome = ctx->rejected ? ALIKASSA_OUTCOME_REJECTED
                                     : ALIKASSA_OUTCOME_UNKNOWN;

    } else {
        call->asked = ALIKASSA_EVENT_NO_STATUS;
        ctx->outcome = ALIKASSA_OUTCOME_UNKNOWN;
    }

    ngx_http_alikassa_settle_claim(call, call->asked);
}


static ngx_uint_t
ngx_http_alikassa_another(ngx_http_alikassa_call_t *call)
{
    alikassa_str_t  order_id;

    order_id.len = call->ctx->order_id.len;
    order_id.data = call->ctx->order_id.data;

    if (!alikassa_answer_another(&call->answer, &order_id)) {
        return 0;
    }

    ngx_log_error(NGX_LOG_ERR, call->ctx->request->connection->log, 0,
                  "upstream sent the status of another order than the one "
                  "that was asked for");

    return 1;
}


static void
ngx_http_alikassa_settle_claim(ngx_http_alikassa_call_t *call,
    alikassa_event_t event)
{
    ngx_str_t                   answer;
    ngx_http_alikassa_claim_t  *claim;

    claim = call->ctx->claim;

    if (claim == NULL) {
        return;
    }

    answer.len = call->len;
    answer.data = call->start;

    (void) ngx_http_alikassa_claim_settle(claim, event, call->status, &answer);
}


/*
 * Records the outcome of a call that is cut off: nothing was sent, or nobody
 * knows.  What a thread writes while it signs is not touched.
 */

void
ngx_http_alikassa_abandon(ngx_http_alikassa_call_t *call)
{
    if (ngx_http_alikassa_unsent(call)) {
        ngx_http_alikassa_record(call, ALIKASSA_OUTCOME_UNSENT);
        return;
    }

    call->response_time = ngx_current_msec - call->start_time;

    ngx_log_error(NGX_LOG_ERR, call->ctx->request->connection->log, 0,
                  "a call to AliKassa was cut off before its answer, "
                  "%s", call->operation->safe ? "its result is not known"
                                              : "the order may exist");

    ngx_http_alikassa_record(call, ALIKASSA_OUTCOME_UNKNOWN);
}


/*
 * Prepares this process for calls.  exit() may be called by others, too, for
 * example by another module's script.
 */

void
ngx_http_alikassa_order_init_process(void)
{
    ngx_queue_init(&ngx_http_alikassa_calls);
    ngx_http_alikassa_calls_pid = ngx_pid;

    if (atexit(ngx_http_alikassa_order_exit_process) != 0) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0, "atexit() failed");
    }
}


/*
 * Records the outcomes of all calls that are cut off by the end of this
 * process: nginx destroys no request's pool then.  A forked child, which has
 * a copy of the list, records nothing.
 */

void
ngx_http_alikassa_order_exit_process(void)
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

        ngx_http_alikassa_abandon(call);
    }
}
