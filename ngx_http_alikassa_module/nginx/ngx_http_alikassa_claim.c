
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Claims: their key, their life, and the calls of the store.
 */


#include "ngx_http_alikassa_claim.h"
#include "ngx_http_alikassa_client.h"

#include <openssl/err.h>


static ngx_int_t ngx_http_alikassa_claim_hash(
    ngx_http_alikassa_claim_t *claim, ngx_str_t *parts, ngx_uint_t nparts,
    ngx_str_t *data);
static void ngx_http_alikassa_claim_cleanup(void *data);


ngx_int_t
ngx_http_alikassa_claim_init(ngx_http_alikassa_claim_t *claim,
    ngx_str_t *parts, ngx_uint_t nparts, ngx_str_t *data)
{
    ngx_pool_t           *pool;
    ngx_pool_cleanup_t   *cln, **last;

    if (ngx_http_alikassa_claim_hash(claim, parts, nparts, data) != NGX_OK) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    pool = claim->request->pool;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_alikassa_claim_cleanup;
    cln->data = claim;

    /*
     * append to the end of the list: the cleanup of the caller, which knows
     * the outcome, runs first
     */

    pool->cleanup = cln->next;

    for (last = &pool->cleanup; *last; last = &(*last)->next) { /* void */ }

    *last = cln;
    cln->next = NULL;

    return NGX_OK;
}


/*
 * Computes the claim's key and fingerprint.  In the key, the length of each
 * part stands before it: no two lists of parts give the same bytes.
 */

static ngx_int_t
ngx_http_alikassa_claim_hash(ngx_http_alikassa_claim_t *claim,
    ngx_str_t *parts, ngx_uint_t nparts, ngx_str_t *data)
{
    size_t                      n;
    ngx_uint_t                  i, k;
    EVP_MD_CTX                 *md;
    ngx_http_alikassa_store_t  *store;
    u_char                      len[8];

    store = claim->store;
    md = store->md;

    if (EVP_DigestInit_ex2(md, store->sha256, NULL) != 1) {
        return NGX_ERROR;
    }

    for (i = 0; i < nparts; i++) {

        n = parts[i].len;

        for (k = sizeof(len); k-- > 0; n >>= 8) {
            len[k] = (u_char) (n & 0xff);
        }

        if (EVP_DigestUpdate(md, len, sizeof(len)) != 1
            || EVP_DigestUpdate(md, parts[i].data, parts[i].len) != 1)
        {
            return NGX_ERROR;
        }
    }

    if (EVP_DigestFinal_ex(md, claim->key, NULL) != 1
        || EVP_DigestInit_ex2(md, store->sha256, NULL) != 1
        || EVP_DigestUpdate(md, data->data, data->len) != 1
        || EVP_DigestFinal_ex(md, claim->fingerprint, NULL) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Pool cleanup.  If the claim still owns the order, nobody has recorded what
 * became of the order.
 */

static void
ngx_http_alikassa_claim_cleanup(void *data)
{
    ngx_http_alikassa_claim_t *claim = data;

    ngx_http_alikassa_claim_leave(claim);

    if (!claim->owner) {
        return;
    }

    (void) ngx_http_alikassa_claim_settle(claim,
                                          claim->querying
                                          ? ALIKASSA_EVENT_NO_STATUS
                                          : ALIKASSA_EVENT_OUTCOME_UNKNOWN,
                                          0, NULL, NULL);

    if (claim->owner) {

        /* whatever the state machine says, the store must forget the claim */

        claim->store->type->leave(claim);
    }
}


ngx_int_t
ngx_http_alikassa_claim_account(ngx_http_request_t *r, ngx_str_t *account,
    ngx_str_t *part)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, account->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(p, account->data, account->len);

    part->len = account->len;
    part->data = p;

    return NGX_OK;
}


ngx_int_t
ngx_http_alikassa_claim_begin(ngx_http_alikassa_claim_t *claim,
    ngx_msec_t wait, ngx_http_alikassa_claim_handler_pt handler)
{
    claim->result = NGX_HTTP_ALIKASSA_CLAIM_NONE;

    if (claim->store->type->begin(claim, wait) == NGX_OK) {
        return NGX_OK;
    }

    claim->handler = handler;
    claim->waiting = 1;

    ngx_http_alikassa_watch(claim->request);

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_alikassa_claim_settle(ngx_http_alikassa_claim_t *claim,
    alikassa_event_t event, ngx_uint_t status, ngx_str_t *response,
    ngx_http_alikassa_claim_handler_pt handler)
{
    if (!claim->owner) {

        /* leaves the result of a claim alone that is being settled */

        if (!claim->settling) {
            claim->result = NGX_HTTP_ALIKASSA_CLAIM_LOST;
        }

        return NGX_OK;
    }

    claim->result = NGX_HTTP_ALIKASSA_CLAIM_NONE;

    if (claim->store->type->settle(claim, event, status, response) == NGX_OK) {
        return NGX_OK;
    }

    claim->handler = handler;
    claim->settling = 1;

    return NGX_AGAIN;
}


void
ngx_http_alikassa_claim_leave(ngx_http_alikassa_claim_t *claim)
{
    if (claim->waiting) {
        claim->waiting = 0;
        claim->waited = 1;
        ngx_http_alikassa_unwatch(claim->request);

    } else if (claim->settling) {
        claim->settling = 0;

    } else {
        return;
    }

    claim->store->type->leave(claim);
}


void
ngx_http_alikassa_claim_complete(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_claim_result_t result)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = claim->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (claim->waiting) {
        claim->waiting = 0;
        ngx_http_alikassa_unwatch(r);
    }

    claim->settling = 0;
    claim->result = result;

    if (claim->handler == NULL) {
        return;
    }

    claim->handler(claim);

    ngx_http_run_posted_requests(c);
}
