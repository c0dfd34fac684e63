
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The directives of idempotency.
 */


#include "ngx_http_alikassa_idempotency.h"
#include "ngx_http_alikassa_conf.h"
#include "ngx_http_alikassa_zone.h"
#include "ngx_http_alikassa_zone_store.h"

#include <openssl/err.h>


/* how long a DONE order is remembered, in milliseconds */
#define NGX_HTTP_ALIKASSA_DEFAULT_TIMEOUT  (60 * 60 * 1000)


static ngx_http_alikassa_zone_t *ngx_http_alikassa_idempotency_add(
    ngx_conf_t *cf, ngx_str_t *name, size_t size);
static void ngx_http_alikassa_idempotency_free(void *data);
static ngx_int_t ngx_http_alikassa_idempotency_check(
    ngx_http_alikassa_zone_t *zone, ngx_log_t *log);
static ngx_int_t ngx_http_alikassa_idempotency_init_store(
    ngx_http_alikassa_zone_t *zone, ngx_log_t *log);
static ngx_int_t ngx_http_alikassa_idempotency_exit_store(
    ngx_http_alikassa_zone_t *zone, ngx_log_t *log);


char *
ngx_http_alikassa_idempotency_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ssize_t                    size;
    ngx_str_t                 *value, s;
    ngx_int_t                  timeout;
    ngx_http_alikassa_zone_t  *zone;

    (void) cmd;
    (void) conf;

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].data[0] == '$'
        || ngx_strcmp(value[1].data, "off") == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone name \"%V\", it must be a word "
                           "and cannot have variables", &value[1]);
        return NGX_CONF_ERROR;
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\"", &value[2]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small, it needs %uz bytes",
                           &value[1], 8 * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    timeout = NGX_HTTP_ALIKASSA_DEFAULT_TIMEOUT;

    if (cf->args->nelts > 3) {

        if (ngx_strncmp(value[3].data, "timeout=", 8) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[3]);
            return NGX_CONF_ERROR;
        }

        s.len = value[3].len - 8;
        s.data = value[3].data + 8;

        timeout = ngx_parse_time(&s, 0);

        if (timeout == NGX_ERROR || timeout == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid timeout value \"%V\"", &value[3]);
            return NGX_CONF_ERROR;
        }
    }

    zone = ngx_http_alikassa_idempotency_add(cf, &value[1], size);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (zone->defined) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate zone \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    zone->defined = 1;
    zone->timeout = timeout;

    return NGX_CONF_OK;
}


char *
ngx_http_alikassa_idempotency(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    ngx_int_t                  wait;
    ngx_str_t                 *value, s;
    ngx_http_alikassa_zone_t  *zone;

    (void) cmd;

    if (alcf->idempotency != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    wait = NGX_HTTP_ALIKASSA_DEFAULT_WAIT;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts > 2) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        alcf->idempotency = NULL;

        return NGX_CONF_OK;
    }

    if (value[1].len == 0 || value[1].data[0] == '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone name \"%V\", it must be a word "
                           "and cannot have variables", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts > 2) {

        if (ngx_strncmp(value[2].data, "wait=", 5) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        s.len = value[2].len - 5;
        s.data = value[2].data + 5;

        wait = ngx_parse_time(&s, 0);

        if (wait == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid wait value \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }
    }

    zone = ngx_http_alikassa_idempotency_add(cf, &value[1], 0);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    alcf->idempotency = &zone->store;
    alcf->wait = wait;

    return NGX_CONF_OK;
}


/*
 * Returns the zone with the name, with a store in shared memory, or NULL.  Adds
 * it if there is none yet; then its size may still be 0, since directives may
 * stand in any order.
 */

static ngx_http_alikassa_zone_t *
ngx_http_alikassa_idempotency_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size)
{
    ngx_shm_zone_t             *shm_zone;
    ngx_pool_cleanup_t         *cln;
    ngx_http_alikassa_zone_t   *zone;
    ngx_http_alikassa_store_t  *store;

    shm_zone = ngx_shared_memory_add(cf, name, size,
                                     &ngx_http_alikassa_module);

    if (shm_zone == NULL) {
        return NULL;
    }

    if (shm_zone->data) {
        return shm_zone->data;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_alikassa_zone_t));
    if (cln == NULL) {
        return NULL;
    }

    zone = cln->data;

    ngx_memzero(zone, sizeof(ngx_http_alikassa_zone_t));

    store = &zone->store;

    cln->handler = ngx_http_alikassa_idempotency_free;

    store->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);

    if (store->sha256 == NULL) {
        ERR_clear_error();
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "EVP_MD_fetch(SHA256) failed for zone \"%V\"", name);
        return NULL;
    }

    store->md = EVP_MD_CTX_new();

    if (store->md == NULL) {
        ERR_clear_error();
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "EVP_MD_CTX_new() failed for zone \"%V\"", name);
        return NULL;
    }

#if (NGX_HTTP_ALIKASSA_LATE_STORE)
    store->type = &ngx_http_alikassa_late_store;
#else
    store->type = &ngx_http_alikassa_zone_store;
#endif

    store->name = *name;
    store->data = zone;

    ngx_http_alikassa_conf_pos(cf, &zone->pos);

    shm_zone->init = ngx_http_alikassa_zone_init;
    shm_zone->data = zone;

    return zone;
}


static void
ngx_http_alikassa_idempotency_free(void *data)
{
    ngx_http_alikassa_zone_t *zone = data;

    EVP_MD_CTX_free(zone->store.md);
    EVP_MD_free(zone->store.sha256);
}


ngx_int_t
ngx_http_alikassa_idempotency_init(ngx_conf_t *cf)
{
    return ngx_http_alikassa_for_each_zone(cf->cycle,
                                           ngx_http_alikassa_idempotency_check,
                                           cf->log);
}


/*
 * Returns NGX_ERROR if the zone is used, but not defined.
 */

static ngx_int_t
ngx_http_alikassa_idempotency_check(ngx_http_alikassa_zone_t *zone,
    ngx_log_t *log)
{
    if (zone->defined) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "unknown idempotency zone \"%V\" in %V:%ui, define it with "
                  "\"alikassa_idempotency_zone\"",
                  &zone->store.name, &zone->pos.file, zone->pos.line);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_alikassa_idempotency_init_process(ngx_cycle_t *cycle)
{
    return ngx_http_alikassa_for_each_zone(cycle,
                                      ngx_http_alikassa_idempotency_init_store,
                                           cycle->log);
}


void
ngx_http_alikassa_idempotency_exit_process(ngx_cycle_t *cycle)
{
    (void) ngx_http_alikassa_for_each_zone(cycle,
                                      ngx_http_alikassa_idempotency_exit_store,
                                           cycle->log);
}


static ngx_int_t
ngx_http_alikassa_idempotency_init_store(ngx_http_alikassa_zone_t *zone,
    ngx_log_t *log)
{
    (void) log;

    return zone->store.type->init_process(&zone->store);
}


static ngx_int_t
ngx_http_alikassa_idempotency_exit_store(ngx_http_alikassa_zone_t *zone,
    ngx_log_t *log)
{
    (void) log;

    zone->store.type->exit_process(&zone->store);

    return NGX_OK;
}
