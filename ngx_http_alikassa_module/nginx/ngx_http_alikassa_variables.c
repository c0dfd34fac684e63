
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The variables $alikassa_*.
 *
 * None is cacheable: their values change while a request lives, and nginx
 * shares cached values between a request and its subrequests.
 */


#include "ngx_http_alikassa_variables.h"
#include "ngx_http_alikassa_body.h"
#include "ngx_http_alikassa_ctx.h"
#include "ngx_http_alikassa_fields.h"
#include "alikassa_utf8.h"
#include "alikassa_value.h"


static void ngx_http_alikassa_clean_value(ngx_http_variable_value_t *v,
    const u_char *data, size_t len);
static ngx_int_t ngx_http_alikassa_text_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_answer_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_order_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static alikassa_field_role_t ngx_http_alikassa_variable_role(uintptr_t data);
static ngx_int_t ngx_http_alikassa_building_variable(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_http_variable_value_t *v,
    uintptr_t data);
static ngx_int_t ngx_http_alikassa_operation_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_account_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_sign_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_outcome_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_sign_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_response_time_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_field_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_alikassa_field(ngx_http_request_t *r,
    ngx_str_t *name, ngx_http_variable_value_t *v);
static ngx_uint_t ngx_http_alikassa_field_is(const alikassa_str_t *name,
    ngx_str_t *spelt);
static ngx_http_alikassa_ctx_t *ngx_http_alikassa_field_ctx(
    ngx_http_request_t *r);


static ngx_http_variable_t  ngx_http_alikassa_variables[] = {

    { ngx_string("alikassa_operation"), NULL,
      ngx_http_alikassa_operation_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_account"), NULL,
      ngx_http_alikassa_account_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_order_id"), NULL,
      ngx_http_alikassa_order_variable,
      offsetof(ngx_http_alikassa_ctx_t, order_id),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_amount"), NULL,
      ngx_http_alikassa_order_variable,
      offsetof(ngx_http_alikassa_ctx_t, amount),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_sign"), NULL,
      ngx_http_alikassa_sign_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_id"), NULL,
      ngx_http_alikassa_answer_variable,
      offsetof(alikassa_response_t, id),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_uuid"), NULL,
      ngx_http_alikassa_answer_variable,
      offsetof(alikassa_response_t, uuid),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_url"), NULL,
      ngx_http_alikassa_answer_variable,
      offsetof(alikassa_response_t, url),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_payment_status"), NULL,
      ngx_http_alikassa_answer_variable,
      offsetof(alikassa_response_t, payment_status),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_status"), NULL,
      ngx_http_alikassa_status_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_error"), NULL,
      ngx_http_alikassa_text_variable,
      offsetof(ngx_http_alikassa_ctx_t, error),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_outcome"), NULL,
      ngx_http_alikassa_outcome_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_sign_time"), NULL,
      ngx_http_alikassa_sign_time_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_response_time"), NULL,
      ngx_http_alikassa_response_time_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_idempotency"), NULL,
      ngx_http_alikassa_text_variable,
      offsetof(ngx_http_alikassa_ctx_t, idempotency_status),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("alikassa_field_"), NULL,
      ngx_http_alikassa_field_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


/*
 * Sets a value that the client or AliKassa sent. The value is empty if it has
 * a control character, which would end a header, a request line or a line of a
 * log.
 */

static void
ngx_http_alikassa_clean_value(ngx_http_variable_value_t *v,
    const u_char *data, size_t len)
{
    alikassa_str_t  s;

    s.len = data ? len : 0;
    s.data = data;

    if (alikassa_utf8_controls(&s)) {
        len = 0;
    }

    ngx_http_alikassa_set_variable(v, data, len);
}


static ngx_int_t
ngx_http_alikassa_text_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                *text;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    text = (ngx_str_t *) ((char *) ctx + data);

    ngx_http_alikassa_clean_value(v, text->data, text->len);

    return NGX_OK;
}


/*
 * Returns a member of the response to the call as soon as the response is
 * complete, whatever became of the client.
 */

static ngx_int_t
ngx_http_alikassa_answer_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    alikassa_str_t           *text;
    alikassa_response_t      *answer;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    answer = ctx->call ? &ctx->call->answer : &ctx->answer;
    text = (alikassa_str_t *) ((char *) answer + data);

    ngx_http_alikassa_clean_value(v, text->data, text->len);

    return NGX_OK;
}


/*
 * Returns the order_id or the amount. If the content handler has not run, or
 * the location has none (a front end that hashes on the order), the value is
 * the one that the handler would use.
 */

static ngx_int_t
ngx_http_alikassa_order_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                      name, value;
    ngx_uint_t                     i;
    ngx_http_alikassa_ctx_t       *ctx;
    ngx_http_alikassa_set_t       *set;
    ngx_http_alikassa_loc_conf_t  *alcf;

    ctx = ngx_http_alikassa_ctx(r);

    if (ctx && ctx->operation) {

        if (ctx->built || ctx->outcome != ALIKASSA_OUTCOME_NONE) {
            return ngx_http_alikassa_text_variable(r, v, data);
        }

        if (ctx->fields) {
            return ngx_http_alikassa_building_variable(r, ctx, v, data);
        }
    }

    name = ngx_http_alikassa_from_core(alikassa_operation_role_name(
                                     ngx_http_alikassa_variable_role(data)));

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_alikassa_module);

    if (alcf->set) {
        set = alcf->set->elts;

        for (i = 0; i < alcf->set->nelts; i++) {

            if (!ngx_http_alikassa_str_eq(&set[i].name, &name)) {
                continue;
            }

            if (ngx_http_complex_value(r, &set[i].value, &value) != NGX_OK) {
                return NGX_ERROR;
            }

            ngx_http_alikassa_clean_value(v, value.data, value.len);

            return NGX_OK;
        }
    }

    if (ctx && ctx->trusted) {

        /* nothing that the client sent is a field */

        ngx_http_alikassa_set_variable(v, NULL, 0);
        return NGX_OK;
    }

    return ngx_http_alikassa_field(r, &name, v);
}


/*
 * Returns the role of the field whose value $alikassa_amount or
 * $alikassa_order_id is.
 */

static alikassa_field_role_t
ngx_http_alikassa_variable_role(uintptr_t data)
{
    return (data == offsetof(ngx_http_alikassa_ctx_t, amount))
           ? ALIKASSA_ROLE_AMOUNT : ALIKASSA_ROLE_ORDER_ID;
}


/*
 * Returns the value that will be signed, to the value of another field.
 */

static ngx_int_t
ngx_http_alikassa_building_variable(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    int                field;
    alikassa_str_t     s;
    alikassa_param_t  *param;

    ngx_http_alikassa_set_variable(v, NULL, 0);

    field = alikassa_operation_role(ctx->operation,
                                    ngx_http_alikassa_variable_role(data));

    if (field < 0) {
        return NGX_OK;
    }

    if (ngx_http_alikassa_fields_take(r, ctx, field) != NGX_OK) {
        return NGX_ERROR;
    }

    param = &ctx->fields->known[field];

    if (!param->given || param->malformed || param->repeated
        || param->type > ALIKASSA_VALUE_NUMBER)
    {
        return NGX_OK;
    }

    s = param->value;

    if (data == offsetof(ngx_http_alikassa_ctx_t, amount)) {
        (void) alikassa_amount(&param->value, &s);
    }

    ngx_http_alikassa_clean_value(v, s.data, s.len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_operation_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_ctx(r);

    if (ctx == NULL || ctx->operation == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_alikassa_set_variable(v, ctx->operation->name.data,
                            ctx->operation->name.len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_account_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                      value;
    ngx_http_alikassa_ctx_t       *ctx;
    ngx_http_alikassa_loc_conf_t  *alcf;

    ctx = ngx_http_alikassa_ctx(r);

    if (ctx && ctx->account.len) {
        ngx_http_alikassa_clean_value(v, ctx->account.data, ctx->account.len);
        return NGX_OK;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_alikassa_module);

    if (alcf->account == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, alcf->account, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_alikassa_clean_value(v, value.data, value.len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_sign_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_ctx(r);

    /* while a thread signs, there is no signature */

    if (ctx == NULL || ctx->call == NULL || ctx->call->sign.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_alikassa_set_variable(v, ctx->call->sign.data,
                                   ctx->call->sign.len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                   *p;
    ngx_uint_t                status;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    status = ctx->call ? ctx->call->status : ctx->status;

    if (status == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_alikassa_set_variable(v, p, ngx_sprintf(p, "%ui", status) - p);

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_outcome_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const alikassa_str_t     *name;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    name = alikassa_outcome_name(ctx->outcome);

    ngx_http_alikassa_set_variable(v, name->data, name->len);

    return NGX_OK;
}


/*
 * Returns seconds with microseconds, since a signature of 2048 bits takes
 * 0.0003.
 */

static ngx_int_t
ngx_http_alikassa_sign_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                   *p;
    ngx_uint_t                us;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_ctx(r);

    if (ctx == NULL || ctx->call == NULL || ctx->call->sign.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN + 8);
    if (p == NULL) {
        return NGX_ERROR;
    }

    us = ctx->call->sign_time;

    ngx_http_alikassa_set_variable(v, p,
                                   ngx_sprintf(p, "%ui.%06ui", us / 1000000,
                                               us % 1000000)
                                   - p);

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_response_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                   *p;
    ngx_msec_t                ms;
    ngx_http_alikassa_ctx_t  *ctx;

    ctx = ngx_http_alikassa_ctx(r);

    if (ctx == NULL
        || ctx->call == NULL
        || ctx->call->state < NGX_HTTP_ALIKASSA_CALL_DONE)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 4);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ms = ctx->call->response_time;

    ngx_http_alikassa_set_variable(v, p, ngx_sprintf(p, "%T.%03M",
                                              (time_t) (ms / 1000), ms % 1000)
                                  - p);

    return NGX_OK;
}


/*
 * Returns $alikassa_field_NAME: the value that the client sent under NAME.
 */

static ngx_int_t
ngx_http_alikassa_field_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  *variable = (ngx_str_t *) data;

    ngx_str_t  name;

    name.len = variable->len - (sizeof("alikassa_field_") - 1);
    name.data = variable->data + sizeof("alikassa_field_") - 1;

    return ngx_http_alikassa_field(r, &name, v);
}


/*
 * Finds the value of a field. There is none if the client sent the name twice,
 * or two names that are written the same in a variable.
 */

static ngx_int_t
ngx_http_alikassa_field(ngx_http_request_t *r, ngx_str_t *name,
    ngx_http_variable_value_t *v)
{
    size_t                    i;
    const alikassa_input_t   *input, *found;
    ngx_http_alikassa_ctx_t  *ctx;

    v->not_found = 1;

    ctx = ngx_http_alikassa_field_ctx(r);

    if (ctx == NULL) {
        return NGX_OK;
    }

    found = NULL;
    input = ctx->inputs.elts;

    for (i = 0; i < ctx->inputs.nelts; i++) {

        if (!ngx_http_alikassa_field_is(&input[i].name, name)) {
            continue;
        }

        if (found) {
            return NGX_OK;
        }

        found = &input[i];
    }

    if (found == NULL || found->malformed || found->repeated
        || found->type > ALIKASSA_VALUE_BOOLEAN)
    {
        return NGX_OK;
    }

    v->not_found = 0;

    ngx_http_alikassa_clean_value(v, found->value.data, found->value.len);

    return NGX_OK;
}


/*
 * Returns 1 if a field's name is written so in a variable. The names of
 * nginx's variables have lower-case letters, digits and "_": any other
 * character of a field's name becomes "_", so "billing[first_name]" is
 * $alikassa_field_billing_first_name_.
 */

static ngx_uint_t
ngx_http_alikassa_field_is(const alikassa_str_t *name, ngx_str_t *spelt)
{
    u_char  c;
    size_t  i;

    if (name->len != spelt->len) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {

        c = ngx_tolower(name->data[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
            c = '_';
        }

        if (c != spelt->data[i]) {
            return 0;
        }
    }

    return 1;
}


/*
 * Returns the context with the decoded input of the client. Decodes it now if
 * no one has and nginx has read the body: proxy_pass reads the body before it
 * evaluates its variables.
 */

static ngx_http_alikassa_ctx_t *
ngx_http_alikassa_field_ctx(ngx_http_request_t *r)
{
    ngx_str_t                      body;
    alikassa_errmsg_t              errmsg;
    ngx_http_request_body_t       *rb;
    ngx_http_alikassa_ctx_t       *ctx;
    ngx_http_alikassa_error_id_t   error;

    ctx = ngx_http_alikassa_ctx(r);

    if (ctx && ctx->decoded) {
        return ctx;
    }

    r = r->main;
    rb = r->request_body;

    if (rb == NULL || r->request_body_no_buffering
        || (rb->bufs && rb->rest > 0))
    {
        return NULL;
    }

    if (ctx == NULL) {
        ctx = ngx_http_alikassa_create_ctx(r);

        if (ctx == NULL) {
            return NULL;
        }
    }

    /*
     * the module makes a copy, since other modules may still replace the body
     */

    if (ngx_http_alikassa_decode(r, ctx, 1, &body, &error, &errmsg) != NGX_OK)
    {
        ctx->inputs.nelts = 0;
    }

    return ctx;
}


ngx_int_t
ngx_http_alikassa_variables_add(ngx_conf_t *cf)
{
    return ngx_http_alikassa_add_variables(cf, ngx_http_alikassa_variables);
}


void
ngx_http_alikassa_variables_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i, k;
    ngx_http_variable_t            *v;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_alikassa_main_conf_t  *amcf;

    static const ngx_str_t  names[] = {
        ngx_string("alikassa_order_id"),
        ngx_string("alikassa_amount"),
        ngx_string("alikassa_field_")
    };

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_alikassa_module);

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        for (k = 0; k < sizeof(names) / sizeof(names[0]); k++) {

            if (v[i].name.len >= names[k].len
                && ngx_strncmp(v[i].name.data, names[k].data, names[k].len)
                   == 0)
            {
                amcf->body_variables = 1;
            }
        }
    }
}


void
ngx_http_alikassa_keep_body(ngx_http_request_t *r)
{
    ngx_http_alikassa_main_conf_t  *amcf;

    if (r->request_body == NULL || r->request_body->temp_file == NULL) {
        return;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_alikassa_module);

    if (amcf->body_variables) {
        r->preserve_body = 1;
    }
}
