
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Warns of a payout location that anyone can reach: it lets anyone pay out
 * money.
 *
 * Other modules protect a location, and the types of their configuration are
 * their own. This file knows of them what has been the same since nginx 1.22:
 * a pointer that is set if the module acts. If something that cannot be looked
 * into could protect the location (a module that is not nginx's own, or a
 * rewrite, which may return 403), nothing is logged: a false alarm would teach
 * operators to ignore the true one.
 */


#include "ngx_http_alikassa_protection.h"

#if (NGX_HTTP_SSL)
#include <ngx_http_ssl_module.h>
#endif


typedef struct {
    const char                         *module;
    ngx_uint_t                        (*protects)(void *conf);
} ngx_http_alikassa_access_check_t;


static ngx_uint_t ngx_http_alikassa_protected(ngx_conf_t *cf,
    ngx_http_alikassa_payout_location_t *location);
static ngx_uint_t ngx_http_alikassa_server_protected(ngx_module_t *module,
    ngx_http_alikassa_payout_location_t *location);
static ngx_uint_t ngx_http_alikassa_has_third_party_module(ngx_conf_t *cf);
static ngx_uint_t ngx_http_alikassa_has_rules(void *conf);
static ngx_uint_t ngx_http_alikassa_has_realm(void *conf);
static ngx_uint_t ngx_http_alikassa_has_uri(void *conf);
static ngx_uint_t ngx_http_alikassa_has_codes(void *conf);
static ngx_uint_t ngx_http_alikassa_returns(void *conf);


static ngx_http_alikassa_access_check_t  ngx_http_alikassa_access_checks[] = {
    { "ngx_http_access_module", ngx_http_alikassa_has_rules },
    { "ngx_http_auth_basic_module", ngx_http_alikassa_has_realm },
    { "ngx_http_auth_request_module", ngx_http_alikassa_has_uri },
    { "ngx_http_rewrite_module", ngx_http_alikassa_has_codes },
    { NULL, NULL }
};


/* the other modules of nginx's own, which neither allow nor deny */

static const char  *ngx_http_alikassa_stock_modules[] = {
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
    ngx_uint_t                            i;
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_alikassa_payout_location_t  *location;
    ngx_http_alikassa_loc_conf_t         *alcf;
    ngx_http_alikassa_main_conf_t        *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_alikassa_module);

    location = amcf->payout_locations.elts;

    for (i = 0; i < amcf->payout_locations.nelts; i++) {

        if (ngx_http_alikassa_protected(cf, &location[i])) {
            continue;
        }

        clcf = location[i].clcf;
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
ngx_http_alikassa_protected(ngx_conf_t *cf,
    ngx_http_alikassa_payout_location_t *location)
{
    void                              *conf;
    ngx_uint_t                         i;
    ngx_module_t                      *module;
    ngx_http_alikassa_access_check_t  *check;

    if (location->clcf->internal
        || ngx_http_alikassa_has_third_party_module(cf))
    {
        return 1;
    }

    for (i = 0; cf->cycle->modules[i]; i++) {

        module = cf->cycle->modules[i];

        if (module->type != NGX_HTTP_MODULE) {
            continue;
        }

        if (ngx_http_alikassa_server_protected(module, location)) {
            return 1;
        }

        for (check = ngx_http_alikassa_access_checks; check->module; check++) {

            if (ngx_strcmp(module->name, check->module) != 0) {
                continue;
            }

            conf = location->clcf->loc_conf[module->ctx_index];

            if (conf && check->protects(conf)) {
                return 1;
            }
        }
    }

    return 0;
}


/*
 * Returns 1 if the server verifies client certificates, or has a rewrite.
 */

static ngx_uint_t
ngx_http_alikassa_server_protected(ngx_module_t *module,
    ngx_http_alikassa_payout_location_t *location)
{
    void                      *conf;
    ngx_http_core_srv_conf_t  *cscf;

#if (NGX_HTTP_SSL)

    ngx_http_ssl_srv_conf_t   *sscf;

    if (ngx_strcmp(module->name, "ngx_http_ssl_module") == 0) {
        sscf = location->srv_conf[module->ctx_index];
        return sscf && sscf->verify == 1;
    }

#endif

    if (ngx_strcmp(module->name, "ngx_http_rewrite_module") == 0) {
        cscf = location->srv_conf[ngx_http_core_module.ctx_index];
        conf = cscf->ctx->loc_conf[module->ctx_index];
        return conf && ngx_http_alikassa_has_codes(conf);
    }

    return 0;
}


static ngx_uint_t
ngx_http_alikassa_has_third_party_module(ngx_conf_t *cf)
{
    ngx_uint_t                         i;
    const char                       **stock;
    ngx_module_t                      *module;
    ngx_http_alikassa_access_check_t  *check;

    for (i = 0; cf->cycle->modules[i]; i++) {

        module = cf->cycle->modules[i];

        if (module->type != NGX_HTTP_MODULE) {
            continue;
        }

        for (stock = ngx_http_alikassa_stock_modules; *stock; stock++) {
            if (ngx_strcmp(module->name, *stock) == 0) {
                break;
            }
        }

        if (*stock) {
            continue;
        }

        for (check = ngx_http_alikassa_access_checks; check->module; check++) {
            if (ngx_strcmp(module->name, check->module) == 0) {
                break;
            }
        }

        if (check->module == NULL) {
            return 1;
        }
    }

    return 0;
}


/*
 * Returns 1 if the location has "allow" or "deny": arrays of rules for IPv4
 * and, if nginx is built so, for IPv6 and for UNIX domain sockets.
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


/* Returns 1 if "auth_basic" has a realm, and not "off". */

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


/* Returns 1 if "auth_request" has a URI, which is empty with "off". */

static ngx_uint_t
ngx_http_alikassa_has_uri(void *conf)
{
    ngx_str_t  *uri = conf;

    return uri->len != 0;
}


/*
 * Returns 1 if the location has "if", "return", "rewrite" or "set", any of
 * which may lead to "return".
 */

static ngx_uint_t
ngx_http_alikassa_has_codes(void *conf)
{
    ngx_array_t **codes = conf;

    return *codes != NULL;
}


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

        /* the list of "try_files", which a location does not inherit */

        if (ngx_strcmp(module->name, "ngx_http_try_files_module") == 0
            && *conf != NULL)
        {
            return "try_files";
        }
    }

    return NULL;
}


/*
 * Returns 1 if nginx reaches a "return" when no condition is true. The codes
 * have different sizes, which are multiples of a pointer's, and each starts
 * with its function: this loop passes over all but those that lead elsewhere
 * word by word.
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

                /* a rewrite may lead away from "return" */

                return 0;
            }
        }

#endif

        p += sizeof(uintptr_t);
    }

    return 0;
}
