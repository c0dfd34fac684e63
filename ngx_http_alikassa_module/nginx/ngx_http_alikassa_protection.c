
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * A payout location that anybody may reach is an open till: a warning at
 * start, with the line to add.
 *
 * What protects a location is the configuration of other modules, whose
 * types are their own.  They are known here as far as they have been the same
 * from nginx 1.22 on: a pointer that is set where the module acts.  Where
 * anything could protect that cannot be looked into (a module that is not
 * nginx's own, a rewrite, which may return 403), nothing is said: a false
 * alarm would teach operators to overlook the true one.
 */


#include "ngx_http_alikassa_protection.h"

#if (NGX_HTTP_SSL)
#include <ngx_http_ssl_module.h>
#endif


typedef struct {
    const char                         *module;
    ngx_uint_t                        (*protects)(void *conf);
} ngx_http_alikassa_guard_t;


static ngx_uint_t ngx_http_alikassa_protected(ngx_conf_t *cf,
    ngx_http_alikassa_till_t *till);
static ngx_uint_t ngx_http_alikassa_server_protected(ngx_module_t *module,
    ngx_http_alikassa_till_t *till);
static ngx_uint_t ngx_http_alikassa_foreign(ngx_conf_t *cf);
static ngx_uint_t ngx_http_alikassa_has_rules(void *conf);
static ngx_uint_t ngx_http_alikassa_has_realm(void *conf);
static ngx_uint_t ngx_http_alikassa_has_uri(void *conf);
static ngx_uint_t ngx_http_alikassa_has_codes(void *conf);
static ngx_uint_t ngx_http_alikassa_returns(void *conf);


static ngx_http_alikassa_guard_t  ngx_http_alikassa_guards[] = {
    { "ngx_http_access_module", ngx_http_alikassa_has_rules },
    { "ngx_http_auth_basic_module", ngx_http_alikassa_has_realm },
    { "ngx_http_auth_request_module", ngx_http_alikassa_has_uri },
    { "ngx_http_rewrite_module", ngx_http_alikassa_has_codes },
    { NULL, NULL }
};


/* nginx's own modules that neither allow nor deny, beside the above */

static const char  *ngx_http_alikassa_known[] = {
    "ngx_http_module", "ngx_http_core_module", "ngx_http_log_module",
    "ngx_http_upstream_module", "ngx_http_upstream_hash_module",
    "ngx_http_upstream_ip_hash_module", "ngx_http_upstream_zone_module",
    "ngx_http_upstream_least_conn_module", "ngx_http_upstream_random_module",
    "ngx_http_upstream_keepalive_module", "ngx_http_static_module",
    "ngx_http_autoindex_module", "ngx_http_index_module",
    "ngx_http_mirror_module", "ngx_http_try_files_module",
    "ngx_http_limit_conn_module", "ngx_http_limit_req_module",
    "ngx_http_realip_module", "ngx_http_geo_module", "ngx_http_geoip_module",
    "ngx_http_map_module", "ngx_http_split_clients_module",
    "ngx_http_referer_module", "ngx_http_secure_link_module",
    "ngx_http_ssl_module", "ngx_http_proxy_module",
    "ngx_http_fastcgi_module", "ngx_http_uwsgi_module",
    "ngx_http_scgi_module", "ngx_http_grpc_module",
    "ngx_http_memcached_module", "ngx_http_empty_gif_module",
    "ngx_http_browser_module", "ngx_http_flv_module", "ngx_http_mp4_module",
    "ngx_http_stub_status_module", "ngx_http_dav_module",
    "ngx_http_random_index_module", "ngx_http_degradation_module",
    "ngx_http_write_filter_module", "ngx_http_header_filter_module",
    "ngx_http_chunked_filter_module", "ngx_http_v2_filter_module",
    "ngx_http_v2_module", "ngx_http_v3_module", "ngx_http_v3_filter_module",
    "ngx_http_range_header_filter_module", "ngx_http_gzip_filter_module",
    "ngx_http_postpone_filter_module", "ngx_http_ssi_filter_module",
    "ngx_http_charset_filter_module", "ngx_http_addition_filter_module",
    "ngx_http_gunzip_filter_module", "ngx_http_sub_filter_module",
    "ngx_http_gzip_static_module", "ngx_http_userid_filter_module",
    "ngx_http_headers_filter_module", "ngx_http_image_filter_module",
    "ngx_http_xslt_filter_module", "ngx_http_slice_filter_module",
    "ngx_http_copy_filter_module", "ngx_http_range_body_filter_module",
    "ngx_http_not_modified_filter_module", "ngx_http_proxy_v2_module",
    "ngx_http_header_count_module", "ngx_http_upstream_sticky_module",
    "ngx_http_upstream_least_time_module", "ngx_http_tunnel_module",
    "ngx_http_alikassa_module", "ngx_http_alikassa_notification_module",
    NULL
};


ngx_int_t
ngx_http_alikassa_check_protection(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_alikassa_till_t       *till;
    ngx_http_alikassa_loc_conf_t   *alcf;
    ngx_http_alikassa_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_alikassa_module);

    till = amcf->tills.elts;

    for (i = 0; i < amcf->tills.nelts; i++) {

        if (ngx_http_alikassa_protected(cf, &till[i])) {
            continue;
        }

        clcf = till[i].clcf;
        alcf = clcf->loc_conf[ngx_http_alikassa_module.ctx_index];

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "anybody who reaches location \"%V\" can make "
                      "\"alikassa_%*s\" pay out, add \"allow 127.0.0.1; "
                      "deny all;\" or another protection in %V:%ui",
                      &clcf->name, alcf->operation->name.len,
                      alcf->operation->name.data, &alcf->pos.file,
                      alcf->pos.line);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_alikassa_protected(ngx_conf_t *cf, ngx_http_alikassa_till_t *till)
{
    void                       *conf;
    ngx_uint_t                  i;
    ngx_module_t               *module;
    ngx_http_alikassa_guard_t  *guard;

    if (till->clcf->internal || ngx_http_alikassa_foreign(cf)) {
        return 1;
    }

    for (i = 0; cf->cycle->modules[i]; i++) {

        module = cf->cycle->modules[i];

        if (module->type != NGX_HTTP_MODULE) {
            continue;
        }

        if (ngx_http_alikassa_server_protected(module, till)) {
            return 1;
        }

        for (guard = ngx_http_alikassa_guards; guard->module; guard++) {

            if (ngx_strcmp(module->name, guard->module) != 0) {
                continue;
            }

            conf = till->clcf->loc_conf[module->ctx_index];

            if (conf && guard->protects(conf)) {
                return 1;
            }
        }
    }

    return 0;
}


/*
 * A verified client certificate, or a rewrite of the server's.
 */

static ngx_uint_t
ngx_http_alikassa_server_protected(ngx_module_t *module,
    ngx_http_alikassa_till_t *till)
{
    void                      *conf;
    ngx_http_core_srv_conf_t  *cscf;

#if (NGX_HTTP_SSL)

    ngx_http_ssl_srv_conf_t   *sscf;

    if (ngx_strcmp(module->name, "ngx_http_ssl_module") == 0) {
        sscf = till->srv_conf[module->ctx_index];
        return sscf && sscf->verify == 1;
    }

#endif

    if (ngx_strcmp(module->name, "ngx_http_rewrite_module") == 0) {
        cscf = till->srv_conf[ngx_http_core_module.ctx_index];
        conf = cscf->ctx->loc_conf[module->ctx_index];
        return conf && ngx_http_alikassa_has_codes(conf);
    }

    return 0;
}


static ngx_uint_t
ngx_http_alikassa_foreign(ngx_conf_t *cf)
{
    ngx_uint_t                   i;
    const char                 **known;
    ngx_module_t                *module;
    ngx_http_alikassa_guard_t   *guard;

    for (i = 0; cf->cycle->modules[i]; i++) {

        module = cf->cycle->modules[i];

        if (module->type != NGX_HTTP_MODULE) {
            continue;
        }

        for (known = ngx_http_alikassa_known; *known; known++) {
            if (ngx_strcmp(module->name, *known) == 0) {
                break;
            }
        }

        if (*known) {
            continue;
        }

        for (guard = ngx_http_alikassa_guards; guard->module; guard++) {
            if (ngx_strcmp(module->name, guard->module) == 0) {
                break;
            }
        }

        if (guard->module == NULL) {
            return 1;
        }
    }

    return 0;
}


/*
 * allow, deny: arrays of rules for IPv4 and, as nginx is built, for IPv6 and
 * unix domain sockets.
 */

static ngx_uint_t
ngx_http_alikassa_has_rules(void *conf)
{
    void        **rules = conf;

    ngx_uint_t    i, n;

    n = 1;

#if (NGX_HAVE_INET6)
    n++;
#endif

#if (NGX_HAVE_UNIX_DOMAIN)
    n++;
#endif

    for (i = 0; i < n; i++) {
        if (rules[i]) {
            return 1;
        }
    }

    return 0;
}


/* auth_basic: a complex value that is not the word "off" */

static ngx_uint_t
ngx_http_alikassa_has_realm(void *conf)
{
    ngx_http_complex_value_t **realm = conf;

    if (*realm == NULL || *realm == NGX_CONF_UNSET_PTR) {
        return 0;
    }

    return (*realm)->lengths != NULL
           || (*realm)->value.len != sizeof("off") - 1
           || ngx_strncmp((*realm)->value.data, "off", sizeof("off") - 1)
              != 0;
}


/* auth_request: its URI, empty with "off" */

static ngx_uint_t
ngx_http_alikassa_has_uri(void *conf)
{
    ngx_str_t  *uri = conf;

    return uri->len != 0;
}


/* if, return, rewrite, set: the codes to run, any of which may be "return" */

static ngx_uint_t
ngx_http_alikassa_has_codes(void *conf)
{
    ngx_array_t **codes = conf;

    return *codes != NULL;
}


/*
 * Returns the name of the directive by which another module answers each
 * request of the location before its content handler, or NULL.  Called when
 * the location is merged.
 */

const char *
ngx_http_alikassa_answered_before(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf)
{
    void          **conf;
    ngx_uint_t      i;
    ngx_module_t   *module;

    for (i = 0; cf->cycle->modules[i]; i++) {

        module = cf->cycle->modules[i];

        if (module->type != NGX_HTTP_MODULE) {
            continue;
        }

        conf = clcf->loc_conf[module->ctx_index];

        if (conf == NULL) {
            continue;
        }

        if (ngx_strcmp(module->name, "ngx_http_rewrite_module") == 0
            && ngx_http_alikassa_returns(conf))
        {
            return "return";
        }

        /* its list, which is not inherited */

        if (ngx_strcmp(module->name, "ngx_http_try_files_module") == 0
            && *conf != NULL)
        {
            return "try_files";
        }
    }

    return NULL;
}


/*
 * Returns 1 if a "return" is reached when no condition is true.  The codes are
 * of different sizes, multiples of a pointer's, and each starts with its
 * function: all but those that lead elsewhere are passed over word by word.
 */

static ngx_uint_t
ngx_http_alikassa_returns(void *conf)
{
    u_char                         *p, *last;
    ngx_array_t                   **codes = conf;
    ngx_http_script_code_pt         code;
    ngx_http_script_if_code_t      *condition;
#if (NGX_PCRE)
    ngx_http_script_regex_code_t   *regex;
#endif

    if (*codes == NULL) {
        return 0;
    }

    p = (*codes)->elts;
    last = p + (*codes)->nelts;

    while ((size_t) (last - p) >= sizeof(uintptr_t)) {

        code = *(ngx_http_script_code_pt *) p;

        if (code == ngx_http_script_return_code) {
            return 1;
        }

        if (code == ngx_http_script_break_code) {
            return 0;
        }

        if (code == ngx_http_script_if_code) {

            condition = (ngx_http_script_if_code_t *) p;

            if (condition->next == 0
                || condition->next > (uintptr_t) (last - p))
            {
                return 0;
            }

            p += condition->next;
            continue;
        }

#if (NGX_PCRE)

        if (code == ngx_http_script_regex_start_code) {

            regex = (ngx_http_script_regex_code_t *) p;

            if (!regex->test) {

                /* a rewrite, which may lead away from "return" */

                return 0;
            }
        }

#endif

        p += sizeof(uintptr_t);
    }

    return 0;
}
