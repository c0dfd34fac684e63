
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * A notification reaches the shop until the shop has answered it with
 * success, and not again: AliKassa repeats one until it is answered.
 */


#include "ngx_http_alikassa_notification.h"
#include "ngx_http_alikassa_body.h"
#include "ngx_http_alikassa_response.h"


/* parts of a claim's key: its kind, what is there, the way, all values */
#define NGX_HTTP_ALIKASSA_DELIVERY_WAY     6
#define NGX_HTTP_ALIKASSA_DELIVERY_VALUES  (2 + NGX_HTTP_ALIKASSA_DELIVERY_WAY)
#define NGX_HTTP_ALIKASSA_DELIVERY_PARTS                                      \
    (NGX_HTTP_ALIKASSA_DELIVERY_VALUES + ALIKASSA_NOTIFICATION_VALUES)


static ngx_int_t ngx_http_alikassa_delivery_claim(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx);
static ngx_http_alikassa_claim_t *ngx_http_alikassa_delivery_create(
    ngx_http_request_t *r, ngx_http_alikassa_notification_ctx_t *ctx,
    ngx_uint_t final);
static ngx_int_t ngx_http_alikassa_delivery_way(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, ngx_str_t *parts);
static void ngx_http_alikassa_delivery_woken(
    ngx_http_alikassa_claim_t *claim);
static void ngx_http_alikassa_delivery_final(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx);
static ngx_int_t ngx_http_alikassa_delivery_refuse(ngx_http_request_t *r,
    ngx_http_alikassa_error_id_t error);
static ngx_int_t ngx_http_alikassa_delivery_replay(ngx_http_request_t *r);
static void ngx_http_alikassa_delivery_verdict(ngx_http_request_t *r,
    ngx_str_t *verdict);
static void ngx_http_alikassa_delivery_settle(
    ngx_http_alikassa_notification_ctx_t *ctx, alikassa_event_t event);


static ngx_str_t  ngx_http_alikassa_delivery_miss = ngx_string("MISS");
static ngx_str_t  ngx_http_alikassa_delivery_hit = ngx_string("HIT");
static ngx_str_t  ngx_http_alikassa_delivery_waits = ngx_string("WAIT");
static ngx_str_t  ngx_http_alikassa_delivery_unknown = ngx_string("UNKNOWN");


ngx_int_t
ngx_http_alikassa_delivery_handler(ngx_http_request_t *r)
{
    ngx_http_alikassa_notification_ctx_t  *ctx;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    /* where "satisfy any" has let it in, a later 403 is the shop's */

    ctx->refused = 0;

    if (!ctx->proven || ctx->claimed || ctx->alcf->idempotency == NULL) {
        return NGX_DECLINED;
    }

    if (ctx->claim == NULL) {

        ctx->claim = ngx_http_alikassa_delivery_create(r, ctx, 0);
        if (ctx->claim == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_alikassa_delivery_claim(r, ctx);
}


static ngx_int_t
ngx_http_alikassa_delivery_claim(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_uint_t                  waited;
    ngx_http_alikassa_claim_t  *claim;

    claim = ctx->claim;

    if (claim->timedout) {
        ctx->claimed = 1;
        return ngx_http_alikassa_delivery_refuse(r,
                              NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_IN_FLIGHT);
    }

    waited = claim->deadline != 0;

    switch (ngx_http_alikassa_claim(claim, ctx->alcf->wait)) {

    case ALIKASSA_ACTION_SEND:
        ngx_http_alikassa_delivery_verdict(r, waited
                                           ? &ngx_http_alikassa_delivery_waits
                                           : &ngx_http_alikassa_delivery_miss);
        break;

    case ALIKASSA_ACTION_QUERY:

        /* a worker died with it: the shop may have seen it, and is asked */

        (void) ngx_http_alikassa_claim_settle(claim, ALIKASSA_EVENT_NOT_FOUND,
                                              0, NULL);

        ngx_http_alikassa_delivery_verdict(r,
                                          &ngx_http_alikassa_delivery_unknown);
        break;

    case ALIKASSA_ACTION_WAIT:

        ngx_http_alikassa_delivery_verdict(r,
                                           &ngx_http_alikassa_delivery_waits);

        r->write_event_handler = ngx_http_request_empty_handler;

        return NGX_AGAIN;

    case ALIKASSA_ACTION_REPLAY:

        ctx->claimed = 1;

        ngx_http_alikassa_delivery_verdict(r, waited
                                           ? &ngx_http_alikassa_delivery_waits
                                           : &ngx_http_alikassa_delivery_hit);

        return ngx_http_alikassa_delivery_replay(r);

    case ALIKASSA_ACTION_REFUSE:

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "idempotency zone \"%V\" has no room for a "
                      "notification or for this worker, enlarge it",
                      &ctx->alcf->idempotency->shm.name);

        ctx->claimed = 1;

        return ngx_http_alikassa_delivery_refuse(r,
                                   NGX_HTTP_ALIKASSA_ERROR_NOTIFICATION_BUSY);

    default: /* ALIKASSA_ACTION_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->claimed = 1;

    ngx_http_alikassa_delivery_final(r, ctx);

    return NGX_DECLINED;
}


/*
 * Creates the claim of a notification, or of a payment's final status: the
 * latter is known by its payment, with the status as its data.
 *
 * A notification is known by all that the shop may read of it: another one of
 * the same payment and status is another one, and whoever sends one in a way
 * that the shop does not read has not sent AliKassa's.
 */

static ngx_http_alikassa_claim_t *
ngx_http_alikassa_delivery_create(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, ngx_uint_t final)
{
    ngx_int_t                   rc;
    ngx_str_t                  *values, *status;
    ngx_str_t                   parts[NGX_HTTP_ALIKASSA_DELIVERY_PARTS];
    ngx_uint_t                  i, n;
    uint64_t                    given[2];
    const alikassa_str_t       *value;
    ngx_http_alikassa_claim_t  *claim;

    claim = ngx_pcalloc(r->pool, sizeof(ngx_http_alikassa_claim_t));
    if (claim == NULL) {
        return NULL;
    }

    claim->zone = ctx->alcf->idempotency;
    claim->request = r;
    claim->handler = ngx_http_alikassa_delivery_woken;
    claim->data = ctx;

    values = &parts[NGX_HTTP_ALIKASSA_DELIVERY_VALUES];

    given[0] = ctx->notification.booleans;
    given[1] = 0;

    for (i = 0; i < ALIKASSA_NOTIFICATION_VALUES; i++) {
        value = &ctx->notification.values[i];

        values[i].len = value->len;
        values[i].data = (u_char *) value->data;

        if (value->data) {
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

        if (ngx_http_alikassa_delivery_way(r, ctx, &parts[2]) != NGX_OK) {
            return NULL;
        }

        n = NGX_HTTP_ALIKASSA_DELIVERY_PARTS;
    }

    if (ngx_http_alikassa_claim_init(claim, parts, n, status) != NGX_OK) {
        return NULL;
    }

    return claim;
}


/*
 * Sets the parts that say how a notification goes to the shop: by which
 * method, host, path and type, and, where parameters may be there that are
 * not signed, the query and the body as they are.
 */

static ngx_int_t
ngx_http_alikassa_delivery_way(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx, ngx_str_t *parts)
{
    u_char  *p;

    ngx_memzero(parts, NGX_HTTP_ALIKASSA_DELIVERY_WAY * sizeof(ngx_str_t));

    parts[0] = r->method_name;

    /* over HTTP/3 nginx may make no header of it */

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


static void
ngx_http_alikassa_delivery_woken(ngx_http_alikassa_claim_t *claim)
{
    ngx_http_request_t  *r;

    r = claim->request;

    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


/*
 * A final status is the last word: another one after it is passed on, but
 * somebody should look.
 */

static void
ngx_http_alikassa_delivery_final(ngx_http_request_t *r,
    ngx_http_alikassa_notification_ctx_t *ctx)
{
    ngx_str_t                   id;
    const alikassa_str_t       *value;
    ngx_http_alikassa_claim_t  *claim;

    if (!alikassa_notification_final(&ctx->notification)) {
        return;
    }

    claim = ngx_http_alikassa_delivery_create(r, ctx, 1);
    if (claim == NULL) {
        return;
    }

    switch (ngx_http_alikassa_claim(claim, 0)) {

    case ALIKASSA_ACTION_SEND:
        ctx->final = claim;
        break;

    case ALIKASSA_ACTION_QUERY:
        (void) ngx_http_alikassa_claim_settle(claim, ALIKASSA_EVENT_NOT_FOUND,
                                              0, NULL);
        ctx->final = claim;
        break;

    case ALIKASSA_ACTION_CONFLICT:

        value = &ctx->notification.values[ALIKASSA_NOTIFICATION_ID];

        id.len = value->len;
        id.data = (u_char *) value->data;

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "notification tells another final status of id %V "
                      "than one before, ask for the status", &id);
        break;

    default:
        ngx_http_alikassa_claim_leave(claim);
        break;
    }
}


static ngx_int_t
ngx_http_alikassa_delivery_refuse(ngx_http_request_t *r,
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


static ngx_int_t
ngx_http_alikassa_delivery_replay(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_http_complex_value_t  cv;

    static ngx_str_t  type = ngx_string("application/json");

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    ngx_str_set(&cv.value,
                "{\"message\":\"This notification was answered before.\"}");

    if (ngx_http_alikassa_add_header(r, "Idempotent-Replayed", "true") == NULL
        || ngx_http_alikassa_add_header(r, "Cache-Control", "no-store") == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->disable_not_modified = 1;

    rc = ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


/* for $alikassa_idempotency */

static void
ngx_http_alikassa_delivery_verdict(ngx_http_request_t *r, ngx_str_t *verdict)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_create_ctx(r);

    if (ctx) {
        ctx->idempotency_status = *verdict;
    }
}


void
ngx_http_alikassa_delivery_answered(ngx_http_request_t *r)
{
    ngx_uint_t                             status;
    ngx_http_alikassa_notification_ctx_t  *ctx;

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL || !ctx->claimed) {
        return;
    }

    status = r->headers_out.status;

    /* the page for an error may be a success, and is not the shop's */

    if (r->upstream) {
        if (r->upstream->headers_in.status_n < NGX_HTTP_OK
            || r->upstream->headers_in.status_n >= NGX_HTTP_SPECIAL_RESPONSE)
        {
            status = NGX_HTTP_BAD_GATEWAY;
        }

    } else if (ctx->failed || r->error_page) {
        status = NGX_HTTP_BAD_GATEWAY;
    }

    if (status >= NGX_HTTP_OK && status < NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_alikassa_delivery_settle(ctx, ALIKASSA_EVENT_ACCEPTED);

    } else {
        ngx_http_alikassa_delivery_settle(ctx, ALIKASSA_EVENT_REJECTED);
    }
}


void
ngx_http_alikassa_delivery_cleanup(ngx_http_alikassa_notification_ctx_t *ctx)
{
    if (ctx->claim) {
        ngx_http_alikassa_claim_leave(ctx->claim);
    }

    ngx_http_alikassa_delivery_settle(ctx, ALIKASSA_EVENT_UNSENT);
}


static void
ngx_http_alikassa_delivery_settle(ngx_http_alikassa_notification_ctx_t *ctx,
    alikassa_event_t event)
{
    ngx_str_t  answer;

    ngx_str_null(&answer);

    /* what the claim does not own, or no longer, is left alone */

    if (ctx->claim) {
        (void) ngx_http_alikassa_claim_settle(ctx->claim, event, NGX_HTTP_OK,
                                              &answer);
    }

    if (ctx->final) {
        (void) ngx_http_alikassa_claim_settle(ctx->final, event, NGX_HTTP_OK,
                                              &answer);
    }
}
