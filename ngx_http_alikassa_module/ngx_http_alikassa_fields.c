
/*
 * Which fields are sent, and where each one's value comes from: the
 * operator's "alikassa_set", or the client where "alikassa_accept" lets it.
 */


#include "ngx_http_alikassa_module.h"
#include "alikassa_utf8.h"


static ngx_int_t ngx_http_alikassa_fields_set(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, uint32_t *taken);
static void ngx_http_alikassa_fields_accept(ngx_http_alikassa_ctx_t *ctx,
    uint32_t taken);
static void ngx_http_alikassa_fields_default(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx);
static ngx_int_t ngx_http_alikassa_fields_keep(ngx_http_alikassa_ctx_t *ctx,
    alikassa_field_role_t role, ngx_str_t *value);


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

    s.len = value[1].len;
    s.data = value[1].data;

    if (s.len == 0 || !alikassa_utf8_check(&s, NULL)) {
        return "has an invalid field name";
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
                               &value[1], &set[i].where.file,
                               set[i].where.line);
            return NGX_CONF_ERROR;
        }
    }

    set = ngx_array_push(alcf->set);
    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    set->name = value[1];
    ngx_http_alikassa_where(cf, &set->where);

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[2];
    ccv.complex_value = &set->value;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
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

        s.len = value[i].len;
        s.data = value[i].data;

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
 * Names become places in the operation's table once, here.
 */

ngx_int_t
ngx_http_alikassa_merge_fields(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *prev, ngx_http_alikassa_loc_conf_t *conf)
{
    int                       field;
    ngx_str_t                *name;
    ngx_uint_t                i;
    alikassa_str_t            s;
    ngx_http_alikassa_set_t  *set;

    conf->accepted = (uint32_t) -1;

    if (conf->accept) {

        conf->accepted = 0;
        name = conf->accept->elts;

        for (i = 0; i < conf->accept->nelts; i++) {

            s.len = name[i].len;
            s.data = name[i].data;

            field = alikassa_operation_field(conf->operation, &s);

            if (field >= 0) {
                conf->accepted |= (uint32_t) 1 << field;
            }
        }
    }

    if (conf->set == NULL) {
        return NGX_OK;
    }

    conf->set_field = ngx_palloc(cf->pool,
                                 conf->set->nelts * sizeof(ngx_int_t));
    if (conf->set_field == NULL) {
        return NGX_ERROR;
    }

    set = conf->set->elts;

    for (i = 0; i < conf->set->nelts; i++) {

        s.len = set[i].name.len;
        s.data = set[i].name.data;

        conf->set_field[i] = alikassa_operation_field(conf->operation, &s);

        /*
         * A server's "alikassa_set customer_ip ..." is meant for its
         * payments: in a payout, which has no such field, it is passed over.
         * What the location itself sets is sent as it says.
         */

        if (conf->set_field[i] == NGX_HTTP_ALIKASSA_SET_EXTRA
            && conf->set == prev->set
            && alikassa_operation_any_field(&s))
        {
            conf->set_field[i] = NGX_HTTP_ALIKASSA_SET_SKIP;
        }
    }

    return NGX_OK;
}


/*
 * Takes the fields together, validates them and writes the body into
 * ctx->body.  What the client sends for a field that is set, or that it may
 * not send, is not looked at.
 *
 * NGX_OK; NGX_DECLINED: see faults; NGX_ERROR: no memory.
 */

ngx_int_t
ngx_http_alikassa_fields_build(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, alikassa_faults_t *faults)
{
    uint32_t        taken;
    alikassa_rc_t   rc;
    alikassa_str_t  body;

    ctx->fields = ngx_pcalloc(r->pool, sizeof(alikassa_fields_t));
    if (ctx->fields == NULL) {
        return NGX_ERROR;
    }

    taken = 0;

    if (ngx_http_alikassa_fields_set(r, ctx, &taken) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_alikassa_fields_accept(ctx, taken);

    ngx_http_alikassa_fields_default(r, ctx);

    rc = alikassa_body_build(&ctx->pool, ctx->operation, ctx->conf->validate,
                             ctx->fields, &body, faults);

    if (ngx_http_alikassa_fields_keep(ctx, ALIKASSA_ROLE_ORDER_ID,
                                      &ctx->order_id)
        != NGX_OK
        || ngx_http_alikassa_fields_keep(ctx, ALIKASSA_ROLE_AMOUNT,
                                         &ctx->amount)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    switch (rc) {

    case ALIKASSA_OK:
        ctx->body.len = body.len;
        ctx->body.data = (u_char *) body.data;
        return NGX_OK;

    case ALIKASSA_DECLINED:
        return NGX_DECLINED;

    default: /* ALIKASSA_ERROR */
        return NGX_ERROR;
    }
}


/*
 * A field that is set to nothing is taken, too: it is left out, and the
 * client cannot fill it.
 */

static ngx_int_t
ngx_http_alikassa_fields_set(ngx_http_request_t *r,
    ngx_http_alikassa_ctx_t *ctx, uint32_t *taken)
{
    ngx_int_t                 field;
    ngx_str_t                 value;
    ngx_uint_t                i;
    alikassa_str_t            s;
    alikassa_extra_t         *extra;
    alikassa_param_t         *param;
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

        field = ctx->conf->set_field[i];

        if (field == NGX_HTTP_ALIKASSA_SET_SKIP) {
            continue;
        }

        if (ngx_http_complex_value(r, &set[i].value, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        if (field >= 0) {
            *taken |= (uint32_t) 1 << field;
        }

        if (value.len == 0) {
            continue;
        }

        if (field >= 0) {
            param = &ctx->fields->known[field];

        } else {
            extra = &ctx->fields->extra[ctx->fields->nextra++];
            extra->name.len = set[i].name.len;
            extra->name.data = set[i].name.data;

            param = &extra->param;
        }

        s.len = value.len;
        s.data = value.data;

        alikassa_param_set(param, &s);
    }

    return NGX_OK;
}


static void
ngx_http_alikassa_fields_accept(ngx_http_alikassa_ctx_t *ctx, uint32_t taken)
{
    size_t                   i;
    uint32_t                 bit;
    const alikassa_input_t  *input;
    const alikassa_field_t  *field;

    if (ctx->inputs.nelts == 0 || ctx->trusted) {
        return;
    }

    field = ctx->operation->fields;

    for (i = 0; i < ctx->operation->nfields; i++) {

        bit = (uint32_t) 1 << i;

        if ((taken & bit) || !(ctx->conf->accepted & bit)) {
            continue;
        }

        input = alikassa_inputs_find(&ctx->inputs, &field[i].name);

        if (input) {
            alikassa_param_take(&ctx->fields->known[i], input);
        }
    }
}


/*
 * The payer's address, where neither the client nor the operator gives one.
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

    s.len = text->len;
    s.data = text->data;

    alikassa_param_set(param, &s);
}


/*
 * For variables, the audit log and the idempotency key.
 */

static ngx_int_t
ngx_http_alikassa_fields_keep(ngx_http_alikassa_ctx_t *ctx,
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

    return ngx_http_alikassa_keep(ctx, &param->value, value);
}


/*
 * Copies what must outlive the client's body: behind an error_page another
 * module may put another body in its place, before the log is written.
 */

ngx_int_t
ngx_http_alikassa_keep(ngx_http_alikassa_ctx_t *ctx, const alikassa_str_t *src,
    ngx_str_t *dst)
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
