
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The client's body, read and decoded.
 */


#include "ngx_http_alikassa_body.h"
#include "alikassa_form.h"
#include "alikassa_json.h"
#include "alikassa_multipart.h"


static ngx_int_t ngx_http_alikassa_decode_rc(alikassa_rc_t rc);


ngx_int_t
ngx_http_alikassa_decode(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx,
    ngx_uint_t copy, ngx_str_t *body, ngx_http_alikassa_error_id_t *error,
    alikassa_errmsg_t *errmsg)
{
    ngx_int_t         rc;
    alikassa_str_t    s, boundary;
    ngx_table_elt_t  *h;

    ctx->decoded = 1;
    ctx->type = ALIKASSA_MEDIA_OTHER;
    errmsg->text[0] = '\0';
    ngx_str_null(body);

    rc = ngx_http_alikassa_read_body(r, copy, body);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        *error = NGX_HTTP_ALIKASSA_ERROR_BODY_TOO_LARGE;
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    h = r->headers_in.content_type;

    *error = NGX_HTTP_ALIKASSA_ERROR_BAD_FORM;

    if (body->len == 0 && (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

        s = ngx_http_alikassa_to_core(&r->args);

        return ngx_http_alikassa_decode_rc(
                   alikassa_form_decode(&ctx->pool, &s, &ctx->inputs, errmsg));
    }

    if (body->len == 0 && h == NULL) {
        return NGX_OK;
    }

    if (h && !ngx_http_alikassa_content_encoding(r)) {
        s = ngx_http_alikassa_to_core(&h->value);
        ctx->type = alikassa_media_type(&s, &boundary);
    }

    s = ngx_http_alikassa_to_core(body);

    switch (ctx->type) {

    case ALIKASSA_MEDIA_JSON:

        *error = NGX_HTTP_ALIKASSA_ERROR_BAD_JSON;

        return ngx_http_alikassa_decode_rc(
                   alikassa_json_decode(&ctx->pool, &s, &ctx->inputs, errmsg));

    case ALIKASSA_MEDIA_FORM:
        return ngx_http_alikassa_decode_rc(
                   alikassa_form_decode(&ctx->pool, &s, &ctx->inputs, errmsg));

    case ALIKASSA_MEDIA_MULTIPART:
        return ngx_http_alikassa_decode_rc(
                   alikassa_multipart_decode(&ctx->pool, &s, &boundary,
                                             &ctx->inputs, errmsg));

    default: /* ALIKASSA_MEDIA_OTHER */

        *error = (ctx->operation && ctx->operation->signs_client_object)
                 ? NGX_HTTP_ALIKASSA_ERROR_MEDIA_TYPE_JSON
                 : NGX_HTTP_ALIKASSA_ERROR_MEDIA_TYPE;

        return NGX_DECLINED;
    }
}


ngx_int_t
ngx_http_alikassa_read_body(ngx_http_request_t *r, ngx_uint_t copy,
    ngx_str_t *body)
{
    off_t         len;
    u_char       *p;
    size_t        size;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *in, *cl;

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    in = r->request_body->bufs;
    len = 0;

    for (cl = in; cl; cl = cl->next) {

        len += ngx_buf_size(cl->buf);

        if (len > NGX_HTTP_ALIKASSA_BODY_MAX) {
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }
    }

    if (len == 0) {
        return NGX_OK;
    }

    if (!copy && in->next == NULL && ngx_buf_in_memory(in->buf)) {
        body->data = in->buf->pos;
        body->len = (size_t) len;
        return NGX_OK;
    }

    body->data = ngx_pnalloc(r->pool, (size_t) len);
    if (body->data == NULL) {
        return NGX_ERROR;
    }

    p = body->data;

    for (cl = in; cl; cl = cl->next) {

        b = cl->buf;
        size = (size_t) ngx_buf_size(b);

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, size);
            continue;
        }

        if (size == 0) {
            continue;
        }

        /* nginx closes the file when it has passed the body on */

        if (b->file->fd == NGX_INVALID_FILE) {
            return NGX_ERROR;
        }

        n = ngx_read_file(b->file, p, size, b->file_pos);

        if (n != (ssize_t) size) {
            return NGX_ERROR;
        }

        p += n;
    }

    body->len = (size_t) len;

    return NGX_OK;
}


ngx_uint_t
ngx_http_alikassa_content_encoding(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("Content-Encoding");
    static ngx_str_t  identity = ngx_string("identity");

    i = 0;
    part = &r->headers_in.headers.part;

    while ((h = ngx_http_alikassa_next_header(&part, &i, &name)) != NULL) {

        if (h->value.len != identity.len
            || ngx_strncasecmp(h->value.data, identity.data, identity.len)
               != 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Returns nginx's code for the core's: a client sent what the core declined.
 */

static ngx_int_t
ngx_http_alikassa_decode_rc(alikassa_rc_t rc)
{
    switch (rc) {

    case ALIKASSA_OK:
        return NGX_OK;

    case ALIKASSA_DECLINED:
        return NGX_DECLINED;

    default: /* ALIKASSA_ERROR */
        return NGX_ERROR;
    }
}
