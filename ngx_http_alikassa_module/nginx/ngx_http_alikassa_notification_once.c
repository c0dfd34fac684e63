
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Delivers a notification to the shop until the shop has responded to it with
 * success, and not again after that: AliKassa repeats a notification until
 * AliKassa gets a response of success.
 */


#include "ngx_http_alikassa_notification_once.h"
#include "ngx_http_alikassa_notification_ctx.h"
#include "ngx_http_alikassa_body.h"
#include "ngx_http_alikassa_response.h"

#include "alikassa_json_string.h"


/*
 * The parts of a claim's key: the kind of the claim, which values there are,
 * parts of the request, and all values.
 */

#define NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_REQUEST  2
#define NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_VALUES   8
#define NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_PARTS                             \
    (NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_VALUES + ALIKASSA_NOTIFICATION_VALUES)


static ngx_uint_t ngx_http_alikassa_notification_once_is_pending(
    ngx_http_alikassa_claim_t *claim);
static ngx_int_t ngx_http_alikassa_notification_once_claim_done(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx);
static ngx_int_t ngx_http_alikassa_notification_once_wait(
    ngx_http_request_t *r);
static void ngx_http_alikassa_notification_once_ended(
    ngx_http_alikassa_ctx_t *ctx);
static void ngx_http_alikassa_notification_once_resume(
    ngx_http_alikassa_claim_t *claim);
static ngx_http_alikassa_claim_t *ngx_http_alikassa_notification_once_create(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    ngx_uint_t final);
static ngx_int_t ngx_http_alikassa_notification_once_request_parts(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    ngx_str_t *parts);
static ngx_int_t ngx_http_alikassa_notification_once_claim_final(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx);
static ngx_int_t ngx_http_alikassa_notification_once_send_error(
    ngx_http_request_t *r, ngx_http_alikassa_error_id_t error);
static ngx_int_t ngx_http_alikassa_notification_once_replay(
    ngx_http_request_t *r);
static void ngx_http_alikassa_notification_once_set_status(
    ngx_http_request_t *r, const char *status);
static void ngx_http_alikassa_notification_once_cleanup(
    ngx_http_alikassa_notification_ctx_t *ctx);
static void ngx_http_alikassa_notification_once_settle(
    ngx_http_alikassa_notification_ctx_t *ctx, alikassa_event_t event);


ngx_int_t
ngx_http_alikassa_notification_once_handler(ngx_http_request_t *r)
{
    ngx_http_alikassa_notification_ctx_t  *ctx;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    /*
     * "satisfy any" may have let the request in after this module's refusal:
     * a 403 after this is the shop's.
     */

    ctx->refused = 0;

    if (!ctx->verified || ctx->claim_done || ctx->alcf->idempotency == NULL) {
        return NGX_DECLINED;
    }

    /* another module may run the phases while the store has not decided */

    if (ngx_http_alikassa_notification_once_is_pending(ctx->claim)
        || ngx_http_alikassa_notification_once_is_pending(ctx->final_claim))
    {
        return NGX_AGAIN;
    }

    if (ctx->claim == NULL) {

        ctx->claim = ngx_http_alikassa_notification_once_create(r, ctx, 0);
        if (ctx->claim == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->cleanup = ngx_http_alikassa_notification_once_cleanup;

        if (ngx_http_alikassa_claim_begin(ctx->claim, ctx->alcf->wait,
                                    ngx_http_alikassa_notification_once_resume)
            == NGX_AGAIN)
        {
            return ngx_http_alikassa_notification_once_wait(r);
        }
    }

    return ngx_http_alikassa_notification_once_claim_done(r, ctx);
}


/*
 * Returns 1 if the claim's handler will be called.
 */

static ngx_uint_t
ngx_http_alikassa_notification_once_is_pending(
    ngx_http_alikassa_claim_t *claim)
{
    return claim && (claim->waiting || claim->settling);
}


void
ngx_http_alikassa_notification_once_response_handler(ngx_http_request_t *r)
{
    ngx_uint_t                             status;
    ngx_http_alikassa_notification_ctx_t  *ctx;

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL || !ctx->claim_done) {
        return;
    }

    status = r->headers_out.status;

    /* an error_page may respond with success although the shop has failed */

    if (r->upstream) {
        if (r->upstream->headers_in.status_n < NGX_HTTP_OK
            || r->upstream->headers_in.status_n >= NGX_HTTP_SPECIAL_RESPONSE)
        {
            status = NGX_HTTP_BAD_GATEWAY;
        }

    } else if (ctx->error_page_taken || r->error_page) {
        status = NGX_HTTP_BAD_GATEWAY;
    }

    if (ctx->delivering) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "http alikassa notification: %s, status %ui",
                       (status >= NGX_HTTP_OK
                        && status < NGX_HTTP_SPECIAL_RESPONSE)
                       ? "delivered" : "not delivered",
                       r->upstream ? r->upstream->headers_in.status_n
                                   : r->headers_out.status);
    }

    if (status >= NGX_HTTP_OK && status < NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_alikassa_notification_once_settle(ctx,
                                                   ALIKASSA_EVENT_ACCEPTED);

    } else {
        ngx_http_alikassa_notification_once_settle(ctx,
                                                   ALIKASSA_EVENT_REJECTED);
    }
}


/*
 * Does what the store has decided of the notification.  Returns as
 * ngx_http_alikassa_notification_once_handler().
 */

static ngx_int_t
ngx_http_alikassa_notification_once_claim_done(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_http_alikassa_claim_t  *claim;

    claim = ctx->claim;

    switch (claim->result) {

    case NGX_HTTP_ALIKASSA_CLAIM_QUERY:

        /*
         * The worker that was delivering this notification has died.  Deliver
         * it again; the shop may get it twice.
         */

        if (ngx_http_alikassa_claim_settle(claim, ALIKASSA_EVENT_NOT_FOUND, 0,
                                           NULL,
                                    ngx_http_alikassa_notification_once_resume)
            == NGX_AGAIN)
        {
            return ngx_http_alikassa_notification_once_wait(r);
        }

        break;

    case NGX_HTTP_ALIKASSA_CLAIM_SEND:
    case NGX_HTTP_ALIKASSA_CLAIM_LOST:
        break;

    case NGX_HTTP_ALIKASSA_CLAIM_REPLAY:

        ctx->claim_done = 1;

        ngx_http_alikassa_notification_once_set_status(r, claim->waited
                                                          ? "WAIT" : "HIT");

        return ngx_http_alikassa_notification_once_replay(r);

    case NGX_HTTP_ALIKASSA_CLAIM_TIMED_OUT:

        ctx->claim_done = 1;

        ngx_http_alikassa_notification_once_set_status(r, "WAIT");

        return ngx_http_alikassa_notification_once_send_error(r,
                              NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_IN_FLIGHT);

    case NGX_HTTP_ALIKASSA_CLAIM_FULL:

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "idempotency zone \"%V\" has no room for a "
                      "notification or for this worker, enlarge it",
                      &ctx->alcf->idempotency->name);

        ctx->claim_done = 1;

        return ngx_http_alikassa_notification_once_send_error(r,
                                   NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_BUSY);

    default: /* NGX_HTTP_ALIKASSA_CLAIM_FAILED */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (claim->result == NGX_HTTP_ALIKASSA_CLAIM_LOST
        || claim->state == ALIKASSA_STATE_RESENDING)
    {
        ngx_http_alikassa_notification_once_set_status(r, "UNKNOWN");

    } else {
        ngx_http_alikassa_notification_once_set_status(r, claim->waited
                                                          ? "WAIT" : "MISS");
    }

    if (ngx_http_alikassa_notification_once_claim_final(r, ctx) == NGX_AGAIN) {
        return ngx_http_alikassa_notification_once_wait(r);
    }

    ctx->claim_done = 1;
    ctx->delivering = 1;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "http alikassa notification: delivering");

    return NGX_DECLINED;
}


/*
 * Lets the request wait for the store.
 */

static ngx_int_t
ngx_http_alikassa_notification_once_wait(ngx_http_request_t *r)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_create_ctx(r);

    if (ctx && ctx->cleanup == NULL) {
        ctx->cleanup = ngx_http_alikassa_notification_once_ended;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "http alikassa notification: waiting");

    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_AGAIN;
}


/*
 * Sets $alikassa_idempotency for the access log if the request has ended while
 * it waited for another one, or for the store.
 */

static void
ngx_http_alikassa_notification_once_ended(ngx_http_alikassa_ctx_t *ctx)
{
    ngx_http_request_t                    *r;
    ngx_http_alikassa_notification_ctx_t  *nctx;

    r = ctx->request;

    /* the access log is written when nginx destroys the pool */

    if (r->pool == NULL) {
        return;
    }

    nctx = ngx_http_alikassa_notification_ctx(r);

    if (nctx && nctx->claim && ctx->idempotency_status.len == 0
        && (nctx->claim->waiting || nctx->claim->waited))
    {
        ngx_http_alikassa_notification_once_set_status(r, "WAIT");
    }
}


/*
 * Handles a late decision of the store: runs the phases, which do what the
 * store has decided.
 */

static void
ngx_http_alikassa_notification_once_resume(ngx_http_alikassa_claim_t *claim)
{
    ngx_http_request_t  *r;

    r = claim->request;

    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


/*
 * Creates the claim of the notification, or, if final is set, the claim of the
 * final status of the payment.  Returns NULL if there is no memory or nginx
 * cannot read its temporary file.
 *
 * The key of a notification has everything that the shop may read.  So a
 * second notification of the same payment and status is another notification;
 * and a copy that someone else has sent in a way that the shop does not read
 * is not the notification of AliKassa.  The key of a final status has the
 * payment only, and the status is the data of the claim.
 */

static ngx_http_alikassa_claim_t *
ngx_http_alikassa_notification_once_create(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, ngx_uint_t final)
{
    ngx_int_t                   rc;
    ngx_str_t                  *values, *status;
    ngx_str_t                   parts[
                                    NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_PARTS];
    ngx_uint_t                  i, n;
    uint64_t                    given[2];
    ngx_http_alikassa_claim_t  *claim;

    claim = ngx_pcalloc(r->pool, sizeof(ngx_http_alikassa_claim_t));
    if (claim == NULL) {
        return NULL;
    }

    claim->store = ctx->alcf->idempotency;
    claim->request = r;
    claim->data = ctx;

    values = &parts[NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_VALUES];

    given[0] = ctx->notification.booleans;
    given[1] = 0;

    for (i = 0; i < ALIKASSA_NOTIFICATION_VALUES; i++) {

        values[i] = ngx_http_alikassa_from_core(&ctx->notification.values[i]);

        if (values[i].data) {
            given[1] |= (uint64_t) 1 << i;
        }
    }

    status = &values[ALIKASSA_NOTIFICATION_PAYMENT_STATUS];

    rc = ngx_http_alikassa_claim_account(r,
                                      &values[ALIKASSA_NOTIFICATION_ACCOUNT],
                                      &values[ALIKASSA_NOTIFICATION_ACCOUNT]);
    if (rc != NGX_OK) {
        return NULL;
    }

    if (final) {
        ngx_str_set(&parts[0], "final notification");
        parts[1] = values[ALIKASSA_NOTIFICATION_ACCOUNT];
        parts[2] = values[ALIKASSA_NOTIFICATION_TYPE];
        parts[3] = values[ALIKASSA_NOTIFICATION_ID];
        n = 4;

    } else {
        ngx_str_set(&parts[0], "notification");
        parts[1].len = sizeof(given);
        parts[1].data = (u_char *) given;

        rc = ngx_http_alikassa_notification_once_request_parts(r, ctx,
                        &parts[NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_REQUEST]);

        if (rc != NGX_OK) {
            return NULL;
        }

        n = NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_PARTS;
    }

    if (ngx_http_alikassa_claim_init(claim, parts, n, status) != NGX_OK) {
        return NULL;
    }

    return claim;
}


/*
 * Sets the parts of the key that are of the request: method, host, path and
 * Content-Type, and, if parameters that are not signed are allowed, the query
 * and the body.  Returns NGX_OK, or another value if there is no memory or
 * nginx cannot read its temporary file.
 */

static ngx_int_t
ngx_http_alikassa_notification_once_request_parts(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, ngx_str_t *parts)
{
    u_char  *p;

    ngx_memzero(parts, (NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_VALUES
                        - NGX_HTTP_ALIKASSA_NOTIFICATION_ONCE_REQUEST)
                       * sizeof(ngx_str_t));

    parts[0] = r->method_name;

    /* with HTTP/3, nginx may have :authority instead of a Host header */

    parts[1] = r->headers_in.host ? r->headers_in.host->value
                                  : r->headers_in.server;

    parts[2] = r->unparsed_uri;

    p = ngx_strlchr(parts[2].data, parts[2].data + parts[2].len, '?');

    if (p) {
        parts[2].len = p - parts[2].data;
    }

    if (r->headers_in.content_type) {
        parts[3] = r->headers_in.content_type->value;
    }

    if (ctx->conf->extra.nelts == 0) {
        return NGX_OK;
    }

    parts[4] = r->unparsed_uri;

    return ngx_http_alikassa_read_body(r, 0, &parts[5]);
}


/*
 * Claims the final status of the payment, if the status is final.  After a
 * final status there should be no other one: the function logs this, and the
 * notification is delivered all the same.  Returns NGX_AGAIN if the store has
 * not decided yet.
 */

static ngx_int_t
ngx_http_alikassa_notification_once_claim_final(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_str_t                   id;
    ngx_http_alikassa_claim_t  *claim;

    claim = ctx->final_claim;

    if (claim == NULL) {

        if (!alikassa_notification_final(&ctx->notification)) {
            return NGX_OK;
        }

        claim = ngx_http_alikassa_notification_once_create(r, ctx, 1);
        if (claim == NULL) {
            return NGX_OK;
        }

        ctx->final_claim = claim;

        /* do not wait for another request with a final status */

        if (ngx_http_alikassa_claim_begin(claim, 0,
                                    ngx_http_alikassa_notification_once_resume)
            == NGX_AGAIN)
        {
            return NGX_AGAIN;
        }
    }

    if (claim->result == NGX_HTTP_ALIKASSA_CLAIM_QUERY) {
        return ngx_http_alikassa_claim_settle(claim, ALIKASSA_EVENT_NOT_FOUND,
                                              0, NULL,
                                   ngx_http_alikassa_notification_once_resume);
    }

    if (claim->result == NGX_HTTP_ALIKASSA_CLAIM_CONFLICT) {

        id = ngx_http_alikassa_from_core(
                          &ctx->notification.values[ALIKASSA_NOTIFICATION_ID]);

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "notification has another final status of id %V than "
                      "an earlier notification, query the status", &id);
    }

    return NGX_OK;
}


/*
 * Sends the error and finalizes the request.  Returns NGX_DONE, or an HTTP
 * status if there is no memory.
 */

static ngx_int_t
ngx_http_alikassa_notification_once_send_error(ngx_http_request_t *r,
    ngx_http_alikassa_error_id_t error)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_create_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_http_alikassa_send_error(r, ctx, error, NULL);

    ngx_http_finalize_request(r, ctx->rc);

    return NGX_DONE;
}


/*
 * Responds to a notification that the shop has responded to with success, and
 * finalizes the request.  Returns NGX_DONE, or an HTTP status on an error.
 */

static ngx_int_t
ngx_http_alikassa_notification_once_replay(ngx_http_request_t *r)
{
    u_char                           *p;
    size_t                            len;
    ngx_int_t                         rc;
    ngx_http_complex_value_t          cv;
    const ngx_http_alikassa_error_t  *error;

    static ngx_str_t  type = ngx_string("application/json");

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    error = &ngx_http_alikassa_errors[
                                NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_REPLAYED];

    len = sizeof("{\"message\":}") - 1
          + alikassa_json_write_text(NULL, &error->message);

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    cv.value.len = len;
    cv.value.data = p;

    p = ngx_cpymem(p, "{\"message\":", sizeof("{\"message\":") - 1);
    p += alikassa_json_write_text(p, &error->message);
    *p = '}';

    if (ngx_http_alikassa_add_header(r, "Idempotent-Replayed", "true") == NULL
        || ngx_http_alikassa_add_header(r, "Cache-Control", "no-store") == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->disable_not_modified = 1;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "http alikassa notification: replayed");

    rc = ngx_http_send_response(r, error->status, &type, &cv);

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


/*
 * Sets $alikassa_idempotency, which stays empty if there is no memory.
 */

static void
ngx_http_alikassa_notification_once_set_status(ngx_http_request_t *r,
    const char *status)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_create_ctx(r);

    if (ctx) {
        ctx->idempotency_status.len = ngx_strlen(status);
        ctx->idempotency_status.data = (u_char *) status;
    }
}


/*
 * Ends a wait, and frees a notification that got no response, so that
 * AliKassa's next repetition is delivered.
 */

static void
ngx_http_alikassa_notification_once_cleanup(
    ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_http_alikassa_claim_leave(ctx->claim);

    if (ctx->final_claim) {
        ngx_http_alikassa_claim_leave(ctx->final_claim);
    }

    ngx_http_alikassa_notification_once_settle(ctx, ALIKASSA_EVENT_UNSENT);
}


/*
 * Settles the claims of the notification and of the final status by the event.
 * A claim that owns nothing, or does no longer, is not changed.  The response
 * does not wait for the store: if it cannot settle, the shop may get the
 * notification again.
 */

static void
ngx_http_alikassa_notification_once_settle(
    ngx_http_alikassa_notification_ctx_t *ctx, alikassa_event_t event)
{
    (void) ngx_http_alikassa_claim_settle(ctx->claim, event, NGX_HTTP_OK, NULL,
                                          NULL);

    if (ctx->final_claim) {
        (void) ngx_http_alikassa_claim_settle(ctx->final_claim, event,
                                              NGX_HTTP_OK, NULL, NULL);
    }
}
