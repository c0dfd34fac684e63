
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "ngx_http_alikassa_util.h"


static void *ngx_http_alikassa_pool_alloc(void *data, size_t size);


void
ngx_http_alikassa_conf_pos(ngx_conf_t *cf, ngx_http_alikassa_conf_pos_t *pos)
{
    pos->file = cf->conf_file->file.name;
    pos->line = cf->conf_file->line;
}


void
ngx_http_alikassa_init_pool(alikassa_pool_t *pool, ngx_pool_t *data)
{
    pool->alloc = ngx_http_alikassa_pool_alloc;
    pool->data = data;
}


static void *
ngx_http_alikassa_pool_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


ngx_int_t
ngx_http_alikassa_add_variables(ngx_conf_t *cf, ngx_http_variable_t *v)
{
    ngx_http_variable_t  *var;

    for ( /* void */ ; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


void
ngx_http_alikassa_set_variable(ngx_http_variable_value_t *v,
    const u_char *data, size_t len)
{
    if (data == NULL) {
        data = (u_char *) "";
        len = 0;
    }

    v->len = len;
    v->data = (u_char *) data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}


ngx_table_elt_t *
ngx_http_alikassa_add_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value.len = ngx_strlen(value);
    h->value.data = (u_char *) value;

    /* AliKassa sends no control characters */

    for (p = h->value.data; *p; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            h->value.len = 0;
            break;
        }
    }

    h->hash = 1;

    return h;
}


ngx_table_elt_t *
ngx_http_alikassa_next_header(ngx_list_part_t **part, ngx_uint_t *i,
    ngx_str_t *name)
{
    ngx_table_elt_t  *h;

    for ( ;; ) {

        if (*i >= (*part)->nelts) {

            if ((*part)->next == NULL) {
                return NULL;
            }

            *part = (*part)->next;
            *i = 0;

            continue;
        }

        h = (ngx_table_elt_t *) (*part)->elts + (*i)++;

        if (name == NULL
            || (h->key.len == name->len
                && ngx_strncasecmp(h->key.data, name->data, name->len) == 0))
        {
            return h;
        }
    }
}
