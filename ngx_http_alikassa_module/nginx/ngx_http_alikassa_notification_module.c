
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The nginx module of notifications: directives, variables and phases.
 *
 * This is a second nginx module, because its context must outlive what the
 * request does in other locations.
 */


#include "ngx_http_alikassa_notification.h"
#include "ngx_http_alikassa_notification_ctx.h"
#include "ngx_http_alikassa_notification_guard.h"
#include "ngx_http_alikassa_notification_once.h"


static char *ngx_http_alikassa_notification_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_alikassa_notification_check_field_name(ngx_conf_t *cf,
    void *post, void *data);
static ngx_int_t ngx_http_alikassa_notification_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_notification_field_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_notification_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_http_alikassa_notification_init(ngx_conf_t *cf);


static ngx_conf_post_t  ngx_http_alikassa_notification_fields_post = {
    ngx_http_alikassa_notification_check_field_name
};


static ngx_command_t  ngx_http_alikassa_notification_commands[] = {

    { ngx_string("alikassa_notification"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_alikassa_notification_set_keys,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_notification_fields"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_alikassa_notification_set_fields,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_alikassa_notification_fields_post },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_alikassa_notification_module_ctx = {
    ngx_http_alikassa_notification_add_variables,  /* preconfiguration */
    ngx_http_alikassa_notification_init,   /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_alikassa_notification_create_conf,
                                           /* create location configuration */
    ngx_http_alikassa_notification_merge_loc_conf
                                           /* merge location configuration */
};


ngx_module_t  ngx_http_alikassa_notification_module = {
    NGX_MODULE_V1,
    &ngx_http_alikassa_notification_module_ctx,  /* module context */
    ngx_http_alikassa_notification_commands,  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_http_alikassa_notification_variables[] = {

    { ngx_string("alikassa_notification"), NULL,
      ngx_http_alikassa_notification_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string(NGX_HTTP_ALIKASSA_NOTIFICATION_GUARD_VARIABLE), NULL,
      ngx_http_alikassa_notification_guard_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_notification_"), NULL,
      ngx_http_alikassa_notification_field_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


/* the phases of nginx; of one phase, nginx runs the last handler first */

static const struct {
    ngx_uint_t                      phase;
    ngx_http_handler_pt             handler;
} ngx_http_alikassa_notification_phases[] = {
    { NGX_HTTP_REWRITE_PHASE,
      ngx_http_alikassa_notification_rewrite_handler },

    { NGX_HTTP_PREACCESS_PHASE,
      ngx_http_alikassa_notification_preaccess_handler },

    { NGX_HTTP_ACCESS_PHASE,
      ngx_http_alikassa_notification_access_handler },

    { NGX_HTTP_PRECONTENT_PHASE,
      ngx_http_alikassa_notification_once_handler },

    { NGX_HTTP_PRECONTENT_PHASE,
      ngx_http_alikassa_notification_guard_handler }
};


static char *
ngx_http_alikassa_notification_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_alikassa_notification_conf_t *conf = child;

    char  *rv;

    rv = ngx_http_alikassa_notification_merge_conf(cf, parent, child);

    if (rv != NGX_CONF_OK || conf->keys == NULL) {
        return rv;
    }

    return ngx_http_alikassa_notification_guard_merge_conf(cf) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/*
 * Refuses a field in "alikassa_notification_fields" whose variable
 * $alikassa_notification_NAME is another variable of the module.
 */

static char *
ngx_http_alikassa_notification_check_field_name(ngx_conf_t *cf, void *post,
    void *data)
{
    ngx_str_t *name = data;

    size_t                n;
    ngx_http_variable_t  *v;

    n = sizeof("alikassa_notification_") - 1;

    for (v = ngx_http_alikassa_notification_variables; v->name.len; v++) {

        if (v->name.len == n + name->len
            && ngx_strncasecmp(v->name.data + n, name->data, name->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"alikassa_notification_fields\": "
                               "$alikassa_notification_%V would not be the "
                               "field \"%V\", it has a meaning of its own",
                               name, name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_alikassa_notification_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_alikassa_notification_ctx_t  *ctx;

    ctx = ngx_http_alikassa_notification_ctx(r);

    ngx_http_alikassa_set_variable(v, (u_char *) ((ctx && ctx->verified)
                                                  ? "1" : "0"),
                                   1);

    return NGX_OK;
}


/*
 * Evaluates to a signed field.  A control character would end a header that
 * the value is put into: in "desc", which is free text, control characters are
 * replaced with spaces; another field that has them is empty.
 */

static ngx_int_t
ngx_http_alikassa_notification_field_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    int                                    n;
    u_char                                *p;
    size_t                                 i;
    alikassa_str_t                         s;
    const alikassa_str_t                  *value;
    ngx_http_alikassa_notification_ctx_t  *ctx;

    ngx_http_alikassa_set_variable(v, NULL, 0);

    ctx = ngx_http_alikassa_notification_ctx(r);

    if (ctx == NULL || !ctx->verified) {
        return NGX_OK;
    }

    s.len = name->len - (sizeof("alikassa_notification_") - 1);
    s.data = name->data + sizeof("alikassa_notification_") - 1;

    n = alikassa_notification_find_lower(ctx->conf->fields, &s);

    if (n < 0 || ctx->notification.values[n].len == 0) {
        return NGX_OK;
    }

    value = &ctx->notification.values[n];

    v->len = value->len;
    v->data = (u_char *) value->data;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            break;
        }
    }

    if (i == value->len) {
        return NGX_OK;
    }

    if (n != ALIKASSA_NOTIFICATION_DESC) {
        v->len = 0;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, value->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    for (i = 0; i < value->len; i++) {
        p[i] = (value->data[i] < 0x20 || value->data[i] == 0x7f)
               ? ' ' : value->data[i];
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_notification_add_variables(ngx_conf_t *cf)
{
    return ngx_http_alikassa_add_variables(cf,
                                     ngx_http_alikassa_notification_variables);
}


static ngx_int_t
ngx_http_alikassa_notification_init(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    for (i = 0;
         i < sizeof(ngx_http_alikassa_notification_phases)
             / sizeof(ngx_http_alikassa_notification_phases[0]);
         i++)
    {
        h = ngx_array_push(&cmcf->phases[
                     ngx_http_alikassa_notification_phases[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_alikassa_notification_phases[i].handler;
    }

    return NGX_OK;
}
