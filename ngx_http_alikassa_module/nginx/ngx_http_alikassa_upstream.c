
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The subrequest of a call: it goes to the operator's proxy_pass with the
 * module's own headers and body, and filters capture the response.
 *
 * The safety of money does not depend on the configuration of the proxied
 * location: the upstream gets a copy of its configuration in which nothing is
 * cached, stored, intercepted, redirected or sent twice, and in which the
 * client's disconnect is ignored.
 */


#include "ngx_http_alikassa_upstream.h"
#include "ngx_http_alikassa_client.h"


/* the first piece of memory for a response; most responses fit */
#define NGX_HTTP_ALIKASSA_ANSWER_SIZE  1024

/* room for the header of a response, to which a proxy in between may add */
#define NGX_HTTP_ALIKASSA_HEADER_SIZE  (16 * 1024)

/* "Sunday, 06-Nov-94 08:49:37 GMT" and more */
#define NGX_HTTP_ALIKASSA_RETRY_AFTER  40


static void ngx_http_alikassa_request_headers(ngx_http_request_t *sr,
    ngx_http_alikassa_call_t *call);
static void ngx_http_alikassa_request_body(ngx_http_request_t *sr,
    ngx_http_alikassa_call_t *call);
static ngx_int_t ngx_http_alikassa_upstream_phase(ngx_http_request_t *r);
static ngx_int_t ngx_http_alikassa_upstream_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_alikassa_upstream_conf(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call);
static ngx_int_t ngx_http_alikassa_upstream_done(ngx_http_request_t *r,
    void *data, ngx_int_t rc);
static ngx_uint_t ngx_http_alikassa_upstream_whole(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call);
static ngx_int_t ngx_http_alikassa_upstream_header_filter(
    ngx_http_request_t *r);
static u_char *ngx_http_alikassa_upstream_retry_after(ngx_http_request_t *r);
static ngx_int_t ngx_http_alikassa_upstream_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_alikassa_upstream_capture(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call, u_char *data, size_t len);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;

static ngx_str_t  ngx_http_alikassa_post_method = ngx_string("POST");

/*
 * The headers of a call, without values; ngx_http_alikassa_upstream_init() sets
 * them.
 */

static ngx_table_elt_t  ngx_http_alikassa_headers[ALIKASSA_NHEADERS];


ngx_int_t
ngx_http_alikassa_call_create_subrequest(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call)
{
    ngx_http_request_t  *sr;

    call->post.handler = ngx_http_alikassa_upstream_done;
    call->post.data = call;

    if (ngx_http_subrequest(r, &call->uri, NULL, &sr, &call->post,
                            NGX_HTTP_SUBREQUEST_WAITED)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    call->subrequest = sr;
    ngx_http_alikassa_call_set_state(call, NGX_HTTP_ALIKASSA_CALL_SENT);
    call->start_time = ngx_current_msec;

    /* with method_name alone, nginx takes the call for idempotent */

    sr->method = NGX_HTTP_POST;
    sr->method_name = ngx_http_alikassa_post_method;

    ngx_http_alikassa_undiscard(sr);

    /* filters must get the response in memory, not in a file */

    sr->filter_need_in_memory = 1;

    ngx_http_alikassa_request_headers(sr, call);
    ngx_http_alikassa_request_body(sr, call);

    return NGX_OK;
}


/*
 * Sets the headers. The copy that ngx_http_subrequest() made of the client's
 * is replaced as a whole by a full list, so none of the client's headers
 * reaches AliKassa.
 */

static void
ngx_http_alikassa_request_headers(ngx_http_request_t *sr,
    ngx_http_alikassa_call_t *call)
{
    ngx_str_t               server;
    ngx_uint_t              i;
    ngx_list_t             *list;
    alikassa_str_t          account, body, sign, values[ALIKASSA_NHEADERS];
    ngx_table_elt_t        *h;
    ngx_http_headers_in_t  *headers;

    headers = &sr->headers_in;
    server = headers->server;

    ngx_memzero(headers, sizeof(ngx_http_headers_in_t));

    h = call->headers_in;

    ngx_memcpy(h, ngx_http_alikassa_headers,
               sizeof(ngx_http_alikassa_headers));

    account = ngx_http_alikassa_to_core(&call->ctx->account);
    body = ngx_http_alikassa_to_core(&call->body);
    sign = ngx_http_alikassa_to_core(&call->sign);

    alikassa_api_headers(values, &account, &body, &sign, call->length);

    for (i = 0; i < ALIKASSA_NHEADERS; i++) {
        h[i].value = ngx_http_alikassa_from_core(&values[i]);
    }

    list = &headers->headers;

    list->part.elts = h;
    list->part.nelts = ALIKASSA_NHEADERS;
    list->last = &list->part;
    list->size = sizeof(ngx_table_elt_t);
    list->nalloc = ALIKASSA_NHEADERS;
    list->pool = sr->pool;

    headers->server = server;
    headers->content_type = &h[ALIKASSA_HEADER_CONTENT_TYPE];
    headers->content_length = &h[ALIKASSA_HEADER_CONTENT_LENGTH];
    headers->content_length_n = call->body.len;
    headers->keep_alive_n = -1;
}


static void
ngx_http_alikassa_request_body(ngx_http_request_t *sr,
    ngx_http_alikassa_call_t *call)
{
    ngx_buf_t  *b;

    b = &call->buf;

    b->start = call->body.data;
    b->pos = call->body.data;
    b->last = call->body.data + call->body.len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;

    call->chain.buf = b;
    call->request_body.bufs = &call->chain;

    sr->request_body = &call->request_body;
}


ngx_http_alikassa_call_t *
ngx_http_alikassa_get_call(ngx_http_request_t *r)
{
    ngx_http_alikassa_ctx_t  *ctx;

    if (r->parent == NULL) {
        return NULL;
    }

    ctx = ngx_http_get_module_ctx(r->parent, ngx_http_alikassa_module);

    if (ctx == NULL || ctx->call == NULL || ctx->call->subrequest != r) {
        return NULL;
    }

    return ctx->call;
}


/*
 * Handles the precontent phase of a call's subrequest: runs our handler in
 * place of the location's.
 */

static ngx_int_t
ngx_http_alikassa_upstream_phase(ngx_http_request_t *r)
{
    ngx_http_alikassa_call_t      *call;
    ngx_http_alikassa_loc_conf_t  *alcf;

    call = ngx_http_alikassa_get_call(r);

    if (call == NULL) {
        return NGX_DECLINED;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_alikassa_module);

    if (r->content_handler == NULL || alcf->operation) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "no location with \"proxy_pass\" for \"%V\", "
                      "add \"location %V/ { internal; include "
                      "alikassa-api.conf; proxy_pass ...; }\"",
                      &r->uri, &call->ctx->conf->api);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    call->content_handler = r->content_handler;
    r->content_handler = ngx_http_alikassa_upstream_handler;

    return NGX_DECLINED;
}


/*
 * Runs the location's handler. While r->aio is set, ngx_http_upstream_init()
 * does nothing. So at one moment the upstream exists and nothing has begun,
 * and it can get its own configuration.
 */

static ngx_int_t
ngx_http_alikassa_upstream_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_alikassa_call_t  *call;

    call = ngx_http_alikassa_get_call(r);

    if (call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->aio = 1;

    rc = call->content_handler(r);

    r->aio = 0;

    if (r->upstream == NULL || r->upstream->conf == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the location of \"%V\" has a handler that passes "
                      "nothing on, it is not known whether the call was "
                      "sent, give it a \"proxy_pass\"", &r->uri);

        return (rc == NGX_DONE) ? rc : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_DONE) {
        return rc;
    }

    if (ngx_http_alikassa_upstream_conf(r, call) != NGX_OK) {

        /* the handler expects NGX_DONE, as if the core itself had failed */

        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return rc;
    }

    ngx_http_upstream_init(r);

    return rc;
}


static ngx_int_t
ngx_http_alikassa_upstream_conf(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call)
{
    ngx_http_upstream_conf_t  *conf;

    conf = ngx_palloc(r->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    *conf = *r->upstream->conf;

    /* a client that disconnects does not cut a payment in half */

    conf->ignore_client_abort = 1;

    /* a response of AliKassa's gives no orders to nginx */

    conf->intercept_errors = 0;
    conf->intercept_404 = 0;
    conf->ignore_headers |= NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT
                            |NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES
                            |NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE
                            |NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING
                            |NGX_HTTP_UPSTREAM_IGN_XA_CHARSET;
    conf->store = 0;

    /* a header without room would make the order unknown */

    conf->buffer_size = ngx_max(conf->buffer_size,
                                NGX_HTTP_ALIKASSA_HEADER_SIZE);

    /* proxy_pass demands at least that much for these, too */

    conf->busy_buffers_size = ngx_max(conf->busy_buffers_size,
                                      conf->buffer_size);
    conf->temp_file_write_size = ngx_max(conf->temp_file_write_size,
                                         conf->buffer_size);

#if (NGX_HTTP_CACHE)
    conf->cache = 0;
#endif

    /* a request that was sent is never sent again */

    if (!call->operation->is_read_only) {
        conf->next_upstream &= ~NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT;
    }

    r->upstream->conf = conf;

    return NGX_OK;
}


/*
 * Collects the facts of a call that is over, and hands them to the flow.
 *
 * nginx runs this also where the client is gone and the parent request never
 * goes on.  Returns NGX_OK even after an error: nginx would otherwise generate
 * an error page and run this again.
 */

static ngx_int_t
ngx_http_alikassa_upstream_done(ngx_http_request_t *r, void *data,
    ngx_int_t rc)
{
    ngx_http_alikassa_call_t *call = data;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "http alikassa subrequest done: %i, status:%ui len:%uz",
                   rc, r->headers_out.status, call->len);

    if (call->state >= NGX_HTTP_ALIKASSA_CALL_DONE) {
        return NGX_OK;
    }

    ngx_http_alikassa_call_set_state(call, NGX_HTTP_ALIKASSA_CALL_DONE);
    call->response_time = ngx_current_msec - call->start_time;

    call->unsent = ngx_http_alikassa_call_unsent(call);
    call->timedout = (rc == NGX_HTTP_GATEWAY_TIME_OUT);

    /* a response that no upstream gave is not AliKassa's */

    if (rc == NGX_OK && call->header_received && r->upstream && !call->unsent) {
        call->status = r->headers_out.status;
        call->response_complete = ngx_http_alikassa_upstream_whole(r, call);
    }

    call->done_handler(call);

    return NGX_OK;
}


ngx_uint_t
ngx_http_alikassa_call_unsent(ngx_http_alikassa_call_t *call)
{
    ngx_http_upstream_t  *u;

    if (call->content_handler == NULL) {
        return 1;
    }

    u = call->subrequest->upstream;

    return u && !u->request_sent;
}


/*
 * Returns 1 if the response is complete: the worker received as many bytes as
 * Content-Length says, the last chunk, or the end of the HTTP/2 stream. nginx
 * hands over other responses as if they were complete. nginx's own filters
 * leave 0 as the remaining length when the end was read, and -1 if only the
 * end of the connection is the end, which a cut looks like as well.
 */

static ngx_uint_t
ngx_http_alikassa_upstream_whole(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call)
{
    off_t                 length, left;
    ngx_uint_t            done;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    length = r->headers_out.content_length_n;

    if (!u->buffering) {
        left = u->length;
        done = 0;

    } else if (u->pipe) {
        left = u->pipe->length;
        done = u->pipe->upstream_done;

    } else {
        left = -1;
        done = 0;
    }

    if (call->response_too_large) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "upstream sent an answer that is too large");
        return 0;
    }

    if ((left == 0 || done)
        && (length == -1 || length == (off_t) call->len))
    {
        return 1;
    }

    if (left == -1) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "upstream sent an answer that ends with its connection, "
                      "which may be cut short, add \"proxy_http_version 1.1\" "
                      "to the location of \"%V\"", &r->uri);
        return 0;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "upstream sent an answer that is cut short");

    return 0;
}


/*
 * Keeps the header of a response to a call from the client.
 */

static ngx_int_t
ngx_http_alikassa_upstream_header_filter(ngx_http_request_t *r)
{
    ngx_http_alikassa_call_t  *call;

    if (r == r->main) {
        return ngx_http_next_header_filter(r);
    }

    call = ngx_http_alikassa_get_call(r);

    if (call == NULL) {
        return ngx_http_next_header_filter(r);
    }

    r->header_sent = 1;
    r->filter_need_in_memory = 1;

    call->header_received = 1;

    if (call->state < NGX_HTTP_ALIKASSA_CALL_DONE
        && alikassa_response_may_have_retry_after(r->headers_out.status))
    {
        call->retry_after = ngx_http_alikassa_upstream_retry_after(r);
    }

    return NGX_OK;
}


/*
 * Returns the Retry-After of a response, in seconds or a date (RFC 9110,
 * section 10.2.3), ended by a NUL and from the request's pool. Returns NULL if
 * there is none, or one that must not be passed on. Headers that the location
 * hides are found, too.
 */

static u_char *
ngx_http_alikassa_upstream_retry_after(ngx_http_request_t *r)
{
    u_char           *p;
    ngx_uint_t        i, k;
    ngx_str_t        *value;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("Retry-After");

    if (r->upstream == NULL) {
        return NULL;
    }

    i = 0;
    part = &r->upstream->headers_in.headers.part;

    h = ngx_http_alikassa_next_header(&part, &i, &name);
    if (h == NULL) {
        return NULL;
    }

    value = &h->value;

    if (value->len == 0 || value->len > NGX_HTTP_ALIKASSA_RETRY_AFTER) {
        return NULL;
    }

    for (k = 0; k < value->len; k++) {
        if (value->data[k] < 0x20 || value->data[k] > 0x7e) {
            return NULL;
        }
    }

    if (ngx_atoi(value->data, value->len) == NGX_ERROR
        && ngx_parse_http_time(value->data, value->len) == NGX_ERROR)
    {
        return NULL;
    }

    p = ngx_pnalloc(r->pool, value->len + 1);

    if (p) {
        ngx_memcpy(p, value->data, value->len);
        p[value->len] = '\0';
    }

    return p;
}


/*
 * Captures the body of a response to a call. A response that is too large is
 * read to its end and marked: an error here would break the client's
 * connection.
 */

static ngx_int_t
ngx_http_alikassa_upstream_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    size_t                     len;
    ngx_buf_t                 *b;
    ngx_chain_t               *cl;
    ngx_http_alikassa_call_t  *call;

    if (r == r->main) {
        return ngx_http_next_body_filter(r, in);
    }

    call = ngx_http_alikassa_get_call(r);

    if (call == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {

        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            len = b->last - b->pos;

            if (call->state < NGX_HTTP_ALIKASSA_CALL_DONE
                && ngx_http_alikassa_upstream_capture(r, call, b->pos, len)
                   != NGX_OK)
            {
                call->response_too_large = 1;
            }

            b->pos = b->last;
        }

        if (b->in_file) {
            b->file_pos = b->file_last;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_upstream_capture(ngx_http_request_t *r,
    ngx_http_alikassa_call_t *call, u_char *data, size_t len)
{
    off_t    length;
    size_t   size;
    u_char  *p;

    if (len == 0 || call->response_too_large) {
        return NGX_OK;
    }

    if (len > ALIKASSA_RESPONSE_MAX - call->len) {
        return NGX_ERROR;
    }

    if (len > call->size - call->len) {

        /* one exact piece if the length is known, else twice the size */

        length = r->headers_out.content_length_n;

        if (call->size == 0 && length > 0 && length <= ALIKASSA_RESPONSE_MAX) {
            size = (size_t) length;

        } else {
            size = call->size ? call->size * 2
                              : NGX_HTTP_ALIKASSA_ANSWER_SIZE;
        }

        size = ngx_max(size, call->len + len);

        p = ngx_pnalloc(r->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (call->len) {
            ngx_memcpy(p, call->start, call->len);

            if (call->size > r->pool->max) {
                (void) ngx_pfree(r->pool, call->start);
            }
        }

        call->start = p;
        call->size = size;
    }

    ngx_memcpy(call->start + call->len, data, len);
    call->len += len;

    return NGX_OK;
}


ngx_int_t
ngx_http_alikassa_upstream_init(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_table_elt_t               *header;
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    const alikassa_header_name_t  *name;

    for (i = 0; i < ALIKASSA_NHEADERS; i++) {
        name = alikassa_api_header_name(i);

        header = &ngx_http_alikassa_headers[i];
        header->key = ngx_http_alikassa_from_core(&name->name);
        header->lowcase_key = (u_char *) name->lowcase.data;
        header->hash = ngx_hash_key(header->lowcase_key, header->key.len);
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_alikassa_upstream_phase;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_alikassa_upstream_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_alikassa_upstream_body_filter;

    return NGX_OK;
}
