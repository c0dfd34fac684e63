
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The fields of a call: their values come from the operator's "alikassa_set",
 * or from the client for the fields of "alikassa_accept".
 */


#include "ngx_http_alikassa_fields.h"
#include "alikassa_utf8.h"


static ngx_int_t ngx_http_alikassa_merge_set(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *prev, ngx_http_alikassa_loc_conf_t *conf);
static ngx_int_t ngx_http_alikassa_check_order(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf, ngx_http_alikassa_set_t *set,
    ngx_int_t field);
static ngx_int_t ngx_http_alikassa_fields_extra(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
static void ngx_http_alikassa_fields_default(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
static ngx_int_t ngx_http_alikassa_save_field(ngx_http_alikassa_ctx_t *ctx,
    alikassa_field_role_t role, ngx_str_t *value);


/* variables that have a value once their field is taken */

static const struct {
    const char                *name;
    alikassa_field_role_t      role;
} ngx_http_alikassa_role_variables[] = {
    { "alikassa_amount", ALIKASSA_ROLE_AMOUNT },
    { "alikassa_order_id", ALIKASSA_ROLE_ORDER_ID },
    { NULL, ALIKASSA_ROLE_NONE }
};


/* variables that have a value only after the fields are signed or sent */

static const char  *const ngx_http_alikassa_late_variables[] = {
    "alikassa_sign",
    "alikassa_id",
    "alikassa_uuid",
    "alikassa_url",
    "alikassa_payment_status",
    "alikassa_status",
    "alikassa_error",
    "alikassa_outcome",
    "alikassa_sign_time",
    "alikassa_response_time",
    "alikassa_idempotency",
    NULL
};


char *
ngx_http_alikassa_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i;
    alikassa_str_t                     s;
    ngx_http_alikassa_set_t           *set;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    s = ngx_http_alikassa_to_core(&value[1]);

    if (s.len == 0 || !alikassa_utf8_check(&s, NULL)) {
        return "has an invalid field name";
    }

    if (s.data[0] == '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the field's name \"%V\" is a variable, "
                           "write the name first and then its value, "
                           "as in \"alikassa_set amount $order_total\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (alcf->set == NGX_CONF_UNSET_PTR) {
        alcf->set = ngx_array_create(cf->pool, 8,
                                     sizeof(ngx_http_alikassa_set_t));
        if (alcf->set == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    set = alcf->set->elts;

    for (i = 0; i < alcf->set->nelts; i++) {

        if (set[i].name.len == value[1].len
            && ngx_strncmp(set[i].name.data, value[1].data, value[1].len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "field \"%V\" is set twice, first in %V:%ui",
                               &value[1], &set[i].pos.file,
                               set[i].pos.line);
            return NGX_CONF_ERROR;
        }
    }

    set = ngx_array_push(alcf->set);
    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    set->name = value[1];
    ngx_http_alikassa_conf_pos(cf, &set->pos);

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[2];
    ccv.complex_value = &set->value;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK
        || ngx_http_alikassa_check_late(cf, &set->value, &cmd->name) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_alikassa_check_late(ngx_conf_t *cf, ngx_http_complex_value_t *cv,
    ngx_str_t *directive)
{
    const char *const  *name;

    for (name = ngx_http_alikassa_late_variables; *name; name++) {

        if (ngx_http_alikassa_refers(cf, cv, *name)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"$%s\" has no value before the call is made, "
                               "remove it from \"%V\"", *name, directive);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_alikassa_refers(ngx_conf_t *cf, ngx_http_complex_value_t *cv,
    const char *name)
{
    size_t                      len;
    ngx_uint_t                 *index;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    if (cv->flushes == NULL) {
        return 0;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    v = cmcf->variables.elts;
    len = ngx_strlen(name);

    for (index = cv->flushes; *index != (ngx_uint_t) -1; index++) {

        if (v[*index].name.len == len
            && ngx_strncmp(v[*index].name.data, name, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


char *
ngx_http_alikassa_accept(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    ngx_str_t       *value, *name;
    ngx_uint_t       i;
    alikassa_str_t   s;

    if (alcf->accept != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "all") == 0) {
        alcf->accept = NULL;
        return NGX_CONF_OK;
    }

    alcf->accept = ngx_array_create(cf->pool, cf->args->nelts,
                                    sizeof(ngx_str_t));
    if (alcf->accept == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "none") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        s = ngx_http_alikassa_to_core(&value[i]);

        if (s.len && s.data[0] == '$') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is a variable, name fields that a "
                               "client may send, as in "
                               "\"alikassa_accept amount order_id\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (!alikassa_operation_any_field(&s)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is no field that a client may send, "
                               "other fields can be set with "
                               "\"alikassa_set %V ...\"",
                               &value[i], &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(alcf->accept);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


/*
 * Merges the fields of a location, and finds the place of each name in the
 * operation's table, once.
 */

ngx_int_t
ngx_http_alikassa_merge_fields(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *prev, ngx_http_alikassa_loc_conf_t *conf)
{
    int              field;
    ngx_str_t       *name;
    ngx_uint_t       i;
    alikassa_str_t   s;

    conf->accepted = (uint32_t) -1;

    if (conf->accept) {

        conf->accepted = 0;
        name = conf->accept->elts;

        for (i = 0; i < conf->accept->nelts; i++) {

            s = ngx_http_alikassa_to_core(&name[i]);

            field = alikassa_operation_field(conf->operation, &s);

            if (field >= 0) {
                conf->accepted |= (uint32_t) 1 << field;
            }
        }
    }

    return conf->set ? ngx_http_alikassa_merge_set(cf, prev, conf) : NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_merge_set(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *prev, ngx_http_alikassa_loc_conf_t *conf)
{
    ngx_int_t                 field;
    ngx_uint_t                i;
    alikassa_str_t            s;
    ngx_http_alikassa_set_t  *set;

    conf->set_field = ngx_palloc(cf->pool,
                                 conf->set->nelts * sizeof(ngx_int_t));
    if (conf->set_field == NULL) {
        return NGX_ERROR;
    }

    conf->field_set = ngx_pcalloc(cf->pool, ALIKASSA_MAX_FIELDS
                                            * sizeof(*conf->field_set));
    if (conf->field_set == NULL) {
        return NGX_ERROR;
    }

    set = conf->set->elts;

    for (i = 0; i < conf->set->nelts; i++) {

        s = ngx_http_alikassa_to_core(&set[i].name);

        field = alikassa_operation_field(conf->operation, &s);

        /*
         * The server's "alikassa_set customer_ip ..." is meant for its
         * payments. In a payout, which has no such field, the field is left
         * out. A field that the location itself sets is always sent.
         */

        if (field == NGX_HTTP_ALIKASSA_SET_EXTRA
            && conf->set == prev->set
            && alikassa_operation_any_field(&s))
        {
            field = NGX_HTTP_ALIKASSA_SET_SKIP;
        }

        conf->set_field[i] = field;

        if (field < 0) {
            continue;
        }

        conf->field_set[field] = &set[i];

        if (ngx_http_alikassa_check_order(cf, conf, &set[i], field)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Checks that no field is made of a variable of a later field, or of itself:
 * the fields get their values in their order.
 */

static ngx_int_t
ngx_http_alikassa_check_order(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf, ngx_http_alikassa_set_t *set,
    ngx_int_t field)
{
    ngx_int_t              known;
    ngx_uint_t             i;
    const char            *name;
    const alikassa_str_t  *of;

    for (i = 0; ngx_http_alikassa_role_variables[i].name; i++) {

        name = ngx_http_alikassa_role_variables[i].name;

        known = alikassa_operation_role(conf->operation,
                                     ngx_http_alikassa_role_variables[i].role);

        if (known < field || !ngx_http_alikassa_refers(cf, &set->value, name))
        {
            continue;
        }

        of = &conf->operation->fields[known].name;

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"$%s\" has no value yet in \"alikassa_set %V\", since "
                      "\"%*s\" is not before it: use what \"%*s\" is made of, "
                      "such as \"$alikassa_field_%*s\", in %V:%ui",
                      name, &set->name, of->len, of->data, of->len, of->data,
                      of->len, of->data, &set->pos.file, set->pos.line);

        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_alikassa_fields_build(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, alikassa_field_errors_t *errors)
{
    ngx_uint_t      i;
    alikassa_rc_t   rc;
    alikassa_str_t  body;

    ctx->taken = 0;

    ctx->fields = ngx_pcalloc(r->pool, sizeof(alikassa_fields_t));
    if (ctx->fields == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ctx->operation->nfields; i++) {

        if (ngx_http_alikassa_fields_take(r, ctx, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_alikassa_fields_extra(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_alikassa_fields_default(r, ctx);

    rc = alikassa_request_build(&ctx->pool, ctx->operation,
                                ctx->conf->validate, ctx->fields, &body,
                                errors);

    if (ngx_http_alikassa_save_field(ctx, ALIKASSA_ROLE_ORDER_ID,
                                      &ctx->order_id)
        != NGX_OK
        || ngx_http_alikassa_save_field(ctx, ALIKASSA_ROLE_AMOUNT,
                                         &ctx->amount)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->built = 1;

    switch (rc) {

    case ALIKASSA_OK:
        ctx->body = ngx_http_alikassa_from_core(&body);
        return NGX_OK;

    case ALIKASSA_DECLINED:
        return NGX_DECLINED;

    default: /* ALIKASSA_ERROR */
        return NGX_ERROR;
    }
}


ngx_int_t
ngx_http_alikassa_fields_take(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, ngx_uint_t field)
{
    uint32_t                  bit;
    ngx_str_t                 value;
    alikassa_str_t            s;
    const alikassa_input_t   *input;
    ngx_http_alikassa_set_t  *set;

    bit = (uint32_t) 1 << field;

    if (ctx->taken & bit) {
        return NGX_OK;
    }

    ctx->taken |= bit;

    set = ctx->conf->field_set ? ctx->conf->field_set[field] : NULL;

    if (set) {

        if (ngx_http_complex_value(r, &set->value, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        if (value.len) {
            s = ngx_http_alikassa_to_core(&value);

            alikassa_param_set(&ctx->fields->known[field], &s);
        }

        return NGX_OK;
    }

    if (ctx->inputs.nelts == 0
        || ctx->trusted
        || !(ctx->conf->accepted & bit))
    {
        return NGX_OK;
    }

    input = alikassa_inputs_find(&ctx->inputs,
                                 &ctx->operation->fields[field].name);

    if (input) {
        alikassa_param_take(&ctx->fields->known[field], input);
    }

    return NGX_OK;
}


/*
 * Adds the operator's own fields after all others.
 */

static ngx_int_t
ngx_http_alikassa_fields_extra(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    ngx_str_t                 value;
    ngx_uint_t                i;
    alikassa_str_t            s;
    alikassa_extra_t         *extra;
    ngx_http_alikassa_set_t  *set;

    if (ctx->conf->set == NULL) {
        return NGX_OK;
    }

    ctx->fields->extra = ngx_pcalloc(r->pool, ctx->conf->set->nelts
                                              * sizeof(alikassa_extra_t));
    if (ctx->fields->extra == NULL) {
        return NGX_ERROR;
    }

    set = ctx->conf->set->elts;

    for (i = 0; i < ctx->conf->set->nelts; i++) {

        if (ctx->conf->set_field[i] != NGX_HTTP_ALIKASSA_SET_EXTRA) {
            continue;
        }

        if (ngx_http_complex_value(r, &set[i].value, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        if (value.len == 0) {
            continue;
        }

        extra = &ctx->fields->extra[ctx->fields->nextra++];
        extra->name = ngx_http_alikassa_to_core(&set[i].name);

        s = ngx_http_alikassa_to_core(&value);

        alikassa_param_set(&extra->param, &s);
    }

    return NGX_OK;
}


/*
 * Sets the payer's address, if neither the client nor the operator gives one.
 */

static void
ngx_http_alikassa_fields_default(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx)
{
    int                field;
    ngx_str_t         *text;
    alikassa_str_t     s;
    alikassa_param_t  *param;

    field = alikassa_operation_role(ctx->operation, ALIKASSA_ROLE_CLIENT_IP);

    if (field < 0) {
        return;
    }

    param = &ctx->fields->known[field];

    if (param->given) {
        return;
    }

    text = &r->connection->addr_text;

    s = ngx_http_alikassa_to_core(text);

    alikassa_param_set(param, &s);
}


/*
 * Saves a field for the variables, the audit log and the idempotency key.
 */

static ngx_int_t
ngx_http_alikassa_save_field(ngx_http_alikassa_ctx_t *ctx,
    alikassa_field_role_t role, ngx_str_t *value)
{
    int                field;
    alikassa_param_t  *param;

    field = alikassa_operation_role(ctx->operation, role);

    if (field < 0) {
        return NGX_OK;
    }

    param = &ctx->fields->known[field];

    if (!param->given || param->malformed) {
        return NGX_OK;
    }

    return ngx_http_alikassa_copy_str(ctx, &param->value, value);
}


ngx_int_t
ngx_http_alikassa_copy_str(ngx_http_alikassa_ctx_t *ctx,
    const alikassa_str_t *src, ngx_str_t *dst)
{
    u_char  *p;

    p = ngx_pnalloc(ctx->request->pool, src->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, src->data, src->len);

    dst->len = src->len;
    dst->data = p;

    return NGX_OK;
}
