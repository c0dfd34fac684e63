
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The directives of payments, payouts and status calls, their merging, and the
 * start and end of processes.
 */


#include "ngx_http_alikassa_conf.h"
#include "ngx_http_alikassa_key.h"
#include "ngx_http_alikassa_handler.h"
#include "ngx_http_alikassa_fields.h"
#include "ngx_http_alikassa_sign.h"
#include "ngx_http_alikassa_idempotency.h"
#include "ngx_http_alikassa_protection.h"
#include "ngx_http_alikassa_variables.h"
#include "ngx_http_alikassa_audit.h"
#include "ngx_http_alikassa_outcome.h"
#include "ngx_http_alikassa_page.h"
#include "ngx_http_alikassa_upstream.h"
#include "alikassa_api.h"
#include "alikassa_value.h"


static void *ngx_http_alikassa_create_main_conf(ngx_conf_t *cf);
static void ngx_http_alikassa_cleanup_main_conf(void *data);
static void *ngx_http_alikassa_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_alikassa_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_alikassa_merge_check(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf);
static void ngx_http_alikassa_merge_operation(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *prev, ngx_http_alikassa_loc_conf_t *conf);
static ngx_int_t ngx_http_alikassa_merge_uris(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf);
static ngx_int_t ngx_http_alikassa_merge_uri(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf, const alikassa_str_t *path,
    ngx_str_t *uri);
static ngx_int_t ngx_http_alikassa_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_alikassa_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_alikassa_init_process(ngx_cycle_t *cycle);
static void ngx_http_alikassa_exit_process(ngx_cycle_t *cycle);
static char *ngx_http_alikassa_operation(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_alikassa_request(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_alikassa_second_operation(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *alcf);
static char *ngx_http_alikassa_set_handler(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *alcf);
static char *ngx_http_alikassa_account(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_alikassa_digest(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_alikassa_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_alikassa_check_uri(ngx_conf_t *cf, ngx_str_t *uri);


static ngx_conf_enum_t  ngx_http_alikassa_validates[] = {
    { ngx_string("strict"), ALIKASSA_VALIDATE_STRICT },
    { ngx_string("fields"), ALIKASSA_VALIDATE_FIELDS },
    { ngx_string("off"), ALIKASSA_VALIDATE_OFF },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_alikassa_redirects[] = {
    { ngx_string("off"), NGX_HTTP_ALIKASSA_REDIRECT_OFF },
    { ngx_string("on"), NGX_HTTP_ALIKASSA_REDIRECT_ON },
    { ngx_string("auto"), NGX_HTTP_ALIKASSA_REDIRECT_AUTO },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_alikassa_commands[] = {

    { ngx_string("alikassa_account"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_alikassa_account,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_alikassa_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_digest"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_alikassa_digest,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_payment"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_alikassa_operation,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      "payment" },

    { ngx_string("alikassa_payout"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_alikassa_operation,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      "payout" },

    { ngx_string("alikassa_payment_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_alikassa_operation,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      "payment_status" },

    { ngx_string("alikassa_payout_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_alikassa_operation,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      "payout_status" },

    { ngx_string("alikassa_request"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_alikassa_request,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_api"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_alikassa_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_set"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE2,
      ngx_http_alikassa_set,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_accept"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_alikassa_accept,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_validate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_alikassa_loc_conf_t, validate),
      &ngx_http_alikassa_validates },

    { ngx_string("alikassa_redirect"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_alikassa_loc_conf_t, redirect),
      &ngx_http_alikassa_redirects },

    { ngx_string("alikassa_intercept_errors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_alikassa_loc_conf_t, intercept_errors),
      NULL },

    { ngx_string("alikassa_thread_pool"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_alikassa_thread_pool,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_idempotency_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_http_alikassa_idempotency_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_idempotency"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_alikassa_idempotency,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("alikassa_audit_log"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_alikassa_audit_log,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_alikassa_module_ctx = {
    ngx_http_alikassa_variables_add,       /* preconfiguration */
    ngx_http_alikassa_init,                /* postconfiguration */

    ngx_http_alikassa_create_main_conf,    /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_alikassa_create_loc_conf,     /* create location configuration */
    ngx_http_alikassa_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_alikassa_module = {
    NGX_MODULE_V1,
    &ngx_http_alikassa_module_ctx,         /* module context */
    ngx_http_alikassa_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_alikassa_init_module,         /* init module */
    ngx_http_alikassa_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_alikassa_exit_process,        /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_str_t  ngx_http_alikassa_default_api = ngx_string("/alikassa-api");


static void *
ngx_http_alikassa_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_alikassa_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_alikassa_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&amcf->keys, cf->pool, 4,
                       sizeof(ngx_http_alikassa_key_t *))
        != NGX_OK
        || ngx_array_init(&amcf->signers, cf->pool, 4,
                          sizeof(ngx_http_alikassa_signer_t))
           != NGX_OK
        || ngx_array_init(&amcf->payout_locations, cf->pool, 4,
                          sizeof(ngx_http_alikassa_payout_location_t))
           != NGX_OK)
    {
        return NULL;
    }

    /* keys are OpenSSL's memory: this cleanup frees them with the cycle */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_alikassa_cleanup_main_conf;
    cln->data = amcf;

    return amcf;
}


/*
 * Frees the keys when nginx destroys the configuration's pool, unless a thread
 * may still be using one when this process ends.
 */

static void
ngx_http_alikassa_cleanup_main_conf(void *data)
{
    if (!ngx_http_alikassa_sign_busy()) {
        ngx_http_alikassa_keys_free(data);
    }
}


static void *
ngx_http_alikassa_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_alikassa_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_alikassa_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->operation = NULL;
     *     conf->account = NULL;
     *     conf->digest = { 0, NULL };
     *     conf->signer = NULL;
     *     conf->api = { 0, NULL };
     *     conf->uri = { 0, NULL };
     *     conf->status_uri = { 0, NULL };
     *     conf->set_field = NULL;
     *     conf->field_set = NULL;
     *     conf->accepted = 0;
     */

    conf->key = NGX_CONF_UNSET_PTR;
    conf->set = NGX_CONF_UNSET_PTR;
    conf->accept = NGX_CONF_UNSET_PTR;
    conf->validate = NGX_CONF_UNSET_UINT;
    conf->redirect = NGX_CONF_UNSET_UINT;
    conf->intercept_errors = NGX_CONF_UNSET;
    conf->thread_pool = NGX_CONF_UNSET_PTR;
    conf->idempotency = NGX_CONF_UNSET_PTR;
    conf->wait = NGX_CONF_UNSET_MSEC;
    conf->audit = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_http_alikassa_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_alikassa_loc_conf_t  *prev = parent;
    ngx_http_alikassa_loc_conf_t  *conf = child;

    ngx_http_alikassa_merge_operation(cf, prev, conf);

    if (conf->account == NULL) {
        conf->account = prev->account;
    }

    ngx_conf_merge_ptr_value(conf->key, prev->key, NULL);
    if (conf->digest.data == NULL) {
        conf->digest = prev->digest;
    }

    if (conf->digest.data == NULL) {
        conf->digest.data = (u_char *) alikassa_api_digest_default();
        conf->digest.len = ngx_strlen(conf->digest.data);
    }

    if (conf->digest_pos.file.len == 0) {
        conf->digest_pos = prev->digest_pos;
    }

    if (conf->api.data == NULL) {
        conf->api = prev->api.data ? prev->api
                                   : ngx_http_alikassa_default_api;
    }

    ngx_conf_merge_ptr_value(conf->set, prev->set, NULL);
    ngx_conf_merge_ptr_value(conf->accept, prev->accept, NULL);
    ngx_conf_merge_uint_value(conf->validate, prev->validate,
                              ALIKASSA_VALIDATE_STRICT);
    ngx_conf_merge_uint_value(conf->redirect, prev->redirect,
                              NGX_HTTP_ALIKASSA_REDIRECT_AUTO);
    ngx_conf_merge_value(conf->intercept_errors, prev->intercept_errors, 0);
    ngx_conf_merge_ptr_value(conf->thread_pool, prev->thread_pool,
                             NGX_CONF_UNSET_PTR);
    ngx_conf_merge_ptr_value(conf->idempotency, prev->idempotency, NULL);
    ngx_conf_merge_msec_value(conf->wait, prev->wait,
                              NGX_HTTP_ALIKASSA_DEFAULT_WAIT);
    ngx_conf_merge_ptr_value(conf->audit, prev->audit, NULL);

    if (conf->operation == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_alikassa_merge_check(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_alikassa_merge_fields(cf, prev, conf) != NGX_OK
        || ngx_http_alikassa_merge_uris(cf, conf) != NGX_OK
        || ngx_http_alikassa_signer(cf, conf) != NGX_OK
        || ngx_http_alikassa_merge_thread_pool(cf, conf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_alikassa_merge_check(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf)
{
    const char                           *directive;
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_alikassa_payout_location_t  *location;
    ngx_http_alikassa_main_conf_t        *amcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != ngx_http_alikassa_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"alikassa_%*s\" shares its location with another "
                      "content handler, one of them must go in %V:%ui",
                      conf->operation->name.len, conf->operation->name.data,
                      &conf->pos.file, conf->pos.line);
        return NGX_ERROR;
    }

    directive = (clcf->noname || clcf->lmt_excpt)
                ? NULL : ngx_http_alikassa_answered_before(cf, clcf);

    if (directive) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"alikassa_%*s\" makes no call beside \"%s\", which "
                      "answers before it: remove \"%s\", or give it another "
                      "location or an \"if\", in %V:%ui",
                      conf->operation->name.len, conf->operation->name.data,
                      directive, directive,
                      &conf->pos.file, conf->pos.line);
        return NGX_ERROR;
    }

    if (conf->account == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"alikassa_account\" is defined for the "
                      "\"alikassa_%*s\" directive in %V:%ui",
                      conf->operation->name.len, conf->operation->name.data,
                      &conf->pos.file, conf->pos.line);
        return NGX_ERROR;
    }

    if (conf->key == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"alikassa_key\" is defined for the "
                      "\"alikassa_%*s\" directive in %V:%ui",
                      conf->operation->name.len, conf->operation->name.data,
                      &conf->pos.file, conf->pos.line);
        return NGX_ERROR;
    }

    if (conf->operation->is_payout && !clcf->noname && !clcf->lmt_excpt) {

        amcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_alikassa_module);

        location = ngx_array_push(&amcf->payout_locations);
        if (location == NULL) {
            return NGX_ERROR;
        }

        location->clcf = clcf;
        location->srv_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->srv_conf;
    }

    return NGX_OK;
}


/*
 * Merges the operation. A location does not inherit it, except for the
 * locations that "if" and "limit_except" make inside: nginx uses their
 * configuration for the same handler.
 */

static void
ngx_http_alikassa_merge_operation(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *prev, ngx_http_alikassa_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (conf->operation || prev->operation == NULL) {
        return;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if ((clcf->noname || clcf->lmt_excpt) && clcf->handler == NULL) {

        conf->operation = prev->operation;
        conf->pos = prev->pos;

        clcf->handler = ngx_http_alikassa_handler;
    }
}


static ngx_int_t
ngx_http_alikassa_merge_uris(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf)
{
    const alikassa_str_t  *path;

    path = &conf->operation->path;

    if (ngx_http_alikassa_merge_uri(cf, conf, path, &conf->uri) != NGX_OK) {
        return NGX_ERROR;
    }

    if (conf->operation->status == NULL) {
        return NGX_OK;
    }

    path = &alikassa_operation_find(conf->operation->status)->path;

    return ngx_http_alikassa_merge_uri(cf, conf, path, &conf->status_uri);
}


static ngx_int_t
ngx_http_alikassa_merge_uri(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf, const alikassa_str_t *path,
    ngx_str_t *uri)
{
    uri->len = conf->api.len + path->len;

    uri->data = ngx_pnalloc(cf->pool, uri->len);
    if (uri->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(uri->data, conf->api.data, conf->api.len),
               path->data, path->len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_init(ngx_conf_t *cf)
{
    if (ngx_http_alikassa_idempotency_init(cf) != NGX_OK
        || ngx_http_alikassa_check_protection(cf) != NGX_OK
        || ngx_http_alikassa_page_init(cf) != NGX_OK
        || ngx_http_alikassa_upstream_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_alikassa_variables_init(cf);

    return NGX_OK;
}


/*
 * Writes the version of the module into the error log, when nginx starts and
 * when it reads its configuration again.
 */

static ngx_int_t
ngx_http_alikassa_init_module(ngx_cycle_t *cycle)
{
    ngx_http_alikassa_main_conf_t  *amcf;

    if (!ngx_test_config) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "alikassa module " NGX_HTTP_ALIKASSA_VERSION);
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_alikassa_module);
    if (amcf) {
        ngx_http_alikassa_audit_init_module(amcf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_init_process(ngx_cycle_t *cycle)
{
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    ngx_http_alikassa_outcome_init_process();

    return ngx_http_alikassa_idempotency_init_process(cycle);
}


static void
ngx_http_alikassa_exit_process(ngx_cycle_t *cycle)
{
    /* the zone must still know this worker when its orders are settled */

    ngx_http_alikassa_outcome_exit_process();
    ngx_http_alikassa_idempotency_exit_process(cycle);
    ngx_http_alikassa_sign_exit_process();
}


/*
 * Sets the operation of "alikassa_payment" and similar directives, whose name
 * stands in the command's row.
 */

static char *
ngx_http_alikassa_operation(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    if (alcf->operation) {
        return ngx_http_alikassa_second_operation(cf, alcf);
    }

    alcf->operation = alikassa_operation_find(cmd->post);

    return ngx_http_alikassa_set_handler(cf, alcf);
}


static char *
ngx_http_alikassa_request(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    ngx_str_t             *value;
    alikassa_str_t         path;
    alikassa_operation_t  *op;

    if (alcf->operation) {
        return ngx_http_alikassa_second_operation(cf, alcf);
    }

    value = cf->args->elts;

    if (ngx_http_alikassa_check_uri(cf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    op = ngx_palloc(cf->pool, sizeof(alikassa_operation_t));
    if (op == NULL) {
        return NGX_CONF_ERROR;
    }

    path = ngx_http_alikassa_to_core(&value[1]);

    alikassa_operation_client_object(op, &path);

    alcf->operation = op;

    return ngx_http_alikassa_set_handler(cf, alcf);
}


static char *
ngx_http_alikassa_second_operation(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *alcf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the location has \"alikassa_%*s\" already, "
                       "give each its own location",
                       alcf->operation->name.len, alcf->operation->name.data);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_alikassa_set_handler(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *alcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"alikassa_%*s\" cannot stand beside another "
                           "content handler such as proxy_pass, "
                           "remove one of them",
                           alcf->operation->name.len,
                           alcf->operation->name.data);
        return NGX_CONF_ERROR;
    }

    clcf->handler = ngx_http_alikassa_handler;

    ngx_http_alikassa_conf_pos(cf, &alcf->pos);

    if (ngx_http_alikassa_default_thread_pool(cf, alcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_alikassa_account(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    ngx_str_t                         *value;
    alikassa_str_t                     s;
    ngx_http_compile_complex_value_t   ccv;

    if (alcf->account) {
        return "is duplicate";
    }

    value = cf->args->elts;

    alcf->account = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (alcf->account == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = alcf->account;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_alikassa_refers(cf, alcf->account, "alikassa_account")) {
        return "has \"$alikassa_account\" in its own value";
    }

    if (ngx_http_alikassa_check_late(cf, alcf->account, &cmd->name)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (alcf->account->lengths) {
        return NGX_CONF_OK;
    }

    s = ngx_http_alikassa_to_core(&value[1]);

    if (!alikassa_uuid(&s)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not an account's UUID, which looks like "
                           "\"6c1f9e0e-0f0b-4f1c-9a5c-2f4d0e5b7a10\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_alikassa_digest(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    ngx_str_t          *value;
    alikassa_str_t      s;
    alikassa_errmsg_t   names;

    if (alcf->digest.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    s = ngx_http_alikassa_to_core(&value[1]);

    if (alikassa_api_digest_find(&s) == NULL) {

        alikassa_api_digest_names(&names);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid digest \"%V\", "
                           "it must be %s", &value[1], names.text);
        return NGX_CONF_ERROR;
    }

    alcf->digest = value[1];

    ngx_http_alikassa_conf_pos(cf, &alcf->digest_pos);

    return NGX_CONF_OK;
}


static char *
ngx_http_alikassa_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    ngx_str_t  *value;

    if (alcf->api.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_alikassa_check_uri(cf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    alcf->api = value[1];

    if (alcf->api.len && alcf->api.data[alcf->api.len - 1] == '/') {
        alcf->api.len--;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_alikassa_check_uri(ngx_conf_t *cf, ngx_str_t *uri)
{
    if (uri->len && uri->data[0] == '@') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "named location \"%V\" cannot be used here, "
                           "give an \"internal\" one and its prefix", uri);
        return NGX_ERROR;
    }

    if (uri->len == 0 || uri->data[0] != '/'
        || ngx_strlchr(uri->data, uri->data + uri->len, '?')
        || ngx_strlchr(uri->data, uri->data + uri->len, '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\", it must start with \"/\" and "
                           "have neither arguments nor variables", uri);
        return NGX_ERROR;
    }

    return NGX_OK;
}
