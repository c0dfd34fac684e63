
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The client's body, read and decoded.
 */


#include "ngx_http_alikassa_body.h"


static ngx_int_t ngx_http_alikassa_decode_rc(alikassa_rc_t rc);


/*
 * Decodes what the client sent into ctx->inputs, once: the body, or for GET
 * and HEAD the arguments.  body is set to its bytes, which lie in memory of
 * the request's: in the body's own, if that is one piece, unless copy is set.
 *
 * NGX_OK; NGX_ERROR; NGX_HTTP_BAD_REQUEST with a reason, where it can be
 * told; NGX_HTTP_REQUEST_ENTITY_TOO_LARGE; NGX_HTTP_UNSUPPORTED_MEDIA_TYPE.
 */

ngx_int_t
ngx_http_alikassa_decode(ngx_http_request_t *r, ngx_http_alikassa_ctx_t *ctx,
    ngx_uint_t copy, ngx_str_t *body, alikassa_reason_t *reason)
{
    ngx_int_t               rc;
    ngx_table_elt_t        *h;
    alikassa_str_t          s, boundary;
    alikassa_media_type_t   type;

    ctx->decoded = 1;
    ctx->type = ALIKASSA_MEDIA_OTHER;
    reason->text[0] = '\0';
    ngx_str_null(body);

    rc = ngx_http_alikassa_read_body(r, copy, body);

    if (rc != NGX_OK) {
        return rc;
    }

    h = r->headers_in.content_type;

    if (body->len == 0 && (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

        s.len = r->args.len;
        s.data = r->args.data;

        return ngx_http_alikassa_decode_rc(
                   alikassa_form_decode(&ctx->pool, &s, &ctx->inputs, reason));
    }

    if (body->len == 0 && h == NULL) {
        return NGX_OK;
    }

    if (h == NULL || ngx_http_alikassa_content_encoding(r)) {
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }

    s.len = h->value.len;
    s.data = h->value.data;

    type = alikassa_media_type(&s, &boundary);

    ctx->type = type;

    s.len = body->len;
    s.data = body->data;

    switch (type) {

    case ALIKASSA_MEDIA_JSON:
        return ngx_http_alikassa_decode_rc(
                   alikassa_json_decode(&ctx->pool, &s, &ctx->inputs, reason));

    case ALIKASSA_MEDIA_FORM:
        return ngx_http_alikassa_decode_rc(
                   alikassa_form_decode(&ctx->pool, &s, &ctx->inputs, reason));

    case ALIKASSA_MEDIA_MULTIPART:
        return ngx_http_alikassa_decode_rc(
                   alikassa_multipart_decode(&ctx->pool, &s, &boundary,
                                             &ctx->inputs, reason));

    default: /* ALIKASSA_MEDIA_OTHER */
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
}


/*
 * Makes one piece of the body, which may lie in several buffers and in a
 * temporary file.  A body that lies in one piece of memory is not copied,
 * unless copy is set.
 */

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


/*
 * A body in an encoding would have to be unpacked to an unknown size: it is
 * refused, as RFC 9110 section 15.5.16 has it.
 */

ngx_uint_t
ngx_http_alikassa_content_encoding(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return 0;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == sizeof("Content-Encoding") - 1
            && ngx_strncasecmp(h[i].key.data, (u_char *) "Content-Encoding",
                               sizeof("Content-Encoding") - 1)
               == 0
            && (h[i].value.len != sizeof("identity") - 1
                || ngx_strncasecmp(h[i].value.data, (u_char *) "identity",
                                   sizeof("identity") - 1)
                   != 0))
        {
            return 1;
        }
    }
}


static ngx_int_t
ngx_http_alikassa_decode_rc(alikassa_rc_t rc)
{
    switch (rc) {

    case ALIKASSA_OK:
        return NGX_OK;

    case ALIKASSA_DECLINED:
        return NGX_HTTP_BAD_REQUEST;

    default: /* ALIKASSA_ERROR */
        return NGX_ERROR;
    }
}
