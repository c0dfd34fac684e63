
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "ngx_http_alikassa_page.h"
#include "ngx_http_alikassa_notification_guard.h"
#include "ngx_http_alikassa_notification_once.h"
#include "ngx_http_alikassa_response.h"
#include "ngx_http_alikassa_variables.h"
#include "alikassa_api.h"
#include "alikassa_refusal.h"


static const ngx_http_alikassa_error_t *ngx_http_alikassa_find_page(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_alikassa_page_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_alikassa_page_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


/* pages that nginx itself would send before the content handler runs */

static const ngx_http_alikassa_error_id_t  ngx_http_alikassa_pages[] = {
    NGX_HTTP_ALIKASSA_ERROR_BODY_TOO_LARGE,
    NGX_HTTP_ALIKASSA_ERROR_BAD_REQUEST
};


/*
 * Returns the error that replaces nginx's own page, or NULL. nginx refuses a
 * body that is too large or malformed by itself, and an unverified
 * notification in the access phase. An error_page that has taken the request
 * elsewhere is not replaced.
 */

static const ngx_http_alikassa_error_t *
ngx_http_alikassa_find_page(ngx_http_request_t *r)
{
    ngx_uint_t                        i;
    ngx_http_alikassa_loc_conf_t     *alcf;
    const ngx_http_alikassa_error_t  *page;

    page = ngx_http_alikassa_notification_guard_error(r);

    if (page) {
        return page;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_alikassa_module);

    if (alcf->operation == NULL) {
        return NULL;
    }

    for (i = 0;
         i < sizeof(ngx_http_alikassa_pages)
             / sizeof(ngx_http_alikassa_pages[0]);
         i++)
    {
        page = &ngx_http_alikassa_errors[ngx_http_alikassa_pages[i]];

        if (page->status == r->headers_out.status) {
            return page;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_alikassa_page_header_filter(ngx_http_request_t *r)
{
    alikassa_str_t                    text;
    alikassa_refusal_t                refusal;
    ngx_http_alikassa_ctx_t          *ctx;
    const ngx_http_alikassa_error_t  *page;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ngx_http_alikassa_keep_body(r);
    ngx_http_alikassa_notification_once_response_handler(r);

    page = ngx_http_alikassa_find_page(r);

    if (page == NULL) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_alikassa_create_ctx(r);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->answered) {
        return ngx_http_next_header_filter(r);
    }

    ngx_http_alikassa_set_outcome(ctx, ALIKASSA_OUTCOME_INVALID);
    ctx->error = page->code;

    ngx_memzero(&refusal, sizeof(alikassa_refusal_t));

    refusal.message = page->message;

    if (alikassa_refusal_build(&ctx->pool, &refusal, &text) != ALIKASSA_OK
        || ngx_http_alikassa_common_headers(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->page = ngx_http_alikassa_from_core(&text);
    ctx->replaced = 1;
    ctx->answered = 1;

    r->headers_out.status = page->status;
    r->headers_out.status_line.len = 0;

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = text.len;

    ngx_str_set(&r->headers_out.content_type, ALIKASSA_CONTENT_TYPE);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_alikassa_page_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                *b;
    ngx_chain_t              *cl, out;
    ngx_http_alikassa_ctx_t  *ctx;

    if (r != r->main || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_alikassa_module);

    if (ctx == NULL || !ctx->replaced) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (ctx->page.len == 0) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = ctx->page.data;
    b->last = ctx->page.data + ctx->page.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    ctx->page.len = 0;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


ngx_int_t
ngx_http_alikassa_page_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_alikassa_page_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_alikassa_page_body_filter;

    return NGX_OK;
}
