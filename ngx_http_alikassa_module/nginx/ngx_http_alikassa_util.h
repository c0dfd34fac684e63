
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_UTIL_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_UTIL_H_INCLUDED_


#include "ngx_http_alikassa.h"


/* the place of a directive, for errors that only merging finds */

typedef struct {
    ngx_str_t                           file;
    ngx_uint_t                          line;
} ngx_http_alikassa_conf_pos_t;


/*
 * Stores the place of the directive that nginx is reading.
 */

void ngx_http_alikassa_conf_pos(ngx_conf_t *cf,
    ngx_http_alikassa_conf_pos_t *pos);

/*
 * Makes the core allocate from nginx's pool.
 */

void ngx_http_alikassa_init_pool(alikassa_pool_t *pool, ngx_pool_t *data);

/*
 * Adds variables to the configuration.  The last element of the array has an
 * empty name.  Returns NGX_OK, or NGX_ERROR if nginx refuses one.
 */

ngx_int_t ngx_http_alikassa_add_variables(ngx_conf_t *cf,
    ngx_http_variable_t *v);

/*
 * Sets a variable's value, which the variable does not copy.  If data is NULL,
 * the value is an empty string.
 */

void ngx_http_alikassa_set_variable(ngx_http_variable_value_t *v,
    const u_char *data, size_t len);

/*
 * Adds a header to the response.  name and value end with a NUL and must
 * outlive the request.  The value becomes empty if it has a control character,
 * which would end the header.  Returns the header, or NULL if there is no
 * memory.
 */

ngx_table_elt_t *ngx_http_alikassa_add_header(ngx_http_request_t *r,
    const char *name, const char *value);

/*
 * Finds the next header with the name, in any case, in a list of headers, or
 * the next header if name is NULL.  Before the first call, part is the list's
 * first part, and i is 0; both are where the next call continues.  Returns the
 * header, or NULL if there is none.
 */

ngx_table_elt_t *ngx_http_alikassa_next_header(ngx_list_part_t **part,
    ngx_uint_t *i, ngx_str_t *name);


/*
 * Returns 1 if both strings have the same bytes.
 */

static ngx_inline ngx_uint_t
ngx_http_alikassa_str_eq(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


/*
 * Convert between nginx's strings and the core's.  The bytes are not copied.
 */

static ngx_inline alikassa_str_t
ngx_http_alikassa_to_core(const ngx_str_t *s)
{
    alikassa_str_t  out;

    out.len = s->len;
    out.data = s->data;

    return out;
}


static ngx_inline ngx_str_t
ngx_http_alikassa_from_core(const alikassa_str_t *s)
{
    ngx_str_t  out;

    out.len = s->len;
    out.data = (u_char *) s->data;

    return out;
}


#endif /* _NGX_HTTP_ALIKASSA_UTIL_H_INCLUDED_ */
