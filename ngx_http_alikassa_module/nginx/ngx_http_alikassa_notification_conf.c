
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Reads "alikassa_notification" and "alikassa_notification_fields", and loads
 * the keys.
 */


#include "ngx_http_alikassa_notification_conf.h"
#include "ngx_http_alikassa_key.h"


static char *ngx_http_alikassa_notification_check_fields(ngx_conf_t *cf,
    ngx_http_alikassa_notification_conf_t *conf,
    ngx_http_alikassa_loc_conf_t *alcf);
static char *ngx_http_alikassa_notification_load(ngx_conf_t *cf,
    ngx_http_alikassa_notification_conf_t *conf,
    ngx_http_alikassa_loc_conf_t *alcf);
static void ngx_http_alikassa_notification_free(void *data);
static char *ngx_http_alikassa_notification_key(ngx_conf_t *cf,
    ngx_http_alikassa_notification_conf_t *nlcf, ngx_str_t *name);


void *
ngx_http_alikassa_notification_create_conf(ngx_conf_t *cf)
{
    ngx_http_alikassa_notification_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_alikassa_notification_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->verifiers = NULL;
     *     conf->digest = { 0, NULL };
     *     conf->extra = { NULL, 0 };
     *     conf->server_checks = 0;
     *     conf->any_server_checks = 0;
     */

    conf->keys = NGX_CONF_UNSET_PTR;
    conf->fields = NGX_CONF_UNSET_PTR;

    return conf;
}


char *
ngx_http_alikassa_notification_merge_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_alikassa_notification_conf_t *prev = parent;
    ngx_http_alikassa_notification_conf_t *conf = child;

    ngx_http_alikassa_loc_conf_t  *alcf;

    if (conf->keys == NGX_CONF_UNSET_PTR) {
        conf->extra = prev->extra;
        conf->extra_pos = prev->extra_pos;
    }

    ngx_conf_merge_ptr_value(conf->keys, prev->keys, NULL);
    ngx_conf_merge_ptr_value(conf->fields, prev->fields,
                             alikassa_notification_default());

    if (conf->keys == NULL) {
        return NGX_CONF_OK;
    }

    /* nginx merges this before, since the other module is the first one */

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_alikassa_module);

    if ((conf->keys != prev->keys || conf->fields != prev->fields)
        && ngx_http_alikassa_notification_check_fields(cf, conf, alcf)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->keys == prev->keys
        && ngx_http_alikassa_str_eq(&prev->digest, &alcf->digest))
    {
        conf->verifiers = prev->verifiers;
        conf->digest = prev->digest;

        return NGX_CONF_OK;
    }

    return ngx_http_alikassa_notification_load(cf, conf, alcf);
}


/*
 * Checks the parameters "unsigned" against the signed fields, which are not
 * known before the merge.
 */

static char *
ngx_http_alikassa_notification_check_fields(ngx_conf_t *cf,
    ngx_http_alikassa_notification_conf_t *conf,
    ngx_http_alikassa_loc_conf_t *alcf)
{
    size_t                         i;
    ngx_str_t                      name;
    const alikassa_str_t          *extra;
    ngx_http_alikassa_conf_pos_t  *where;

    static const alikassa_str_t  any = alikassa_string("*");

    where = &conf->extra_pos;

    for (i = 0; i < conf->extra.nelts; i++) {

        extra = &conf->extra.elts[i];

        if (alikassa_str_eq(extra, &any)
            || alikassa_notification_is_harmless(conf->fields, extra))
        {
            continue;
        }

        name.len = extra->len;
        name.data = (u_char *) extra->data;

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "invalid parameter \"unsigned=%V\", name a parameter "
                      "that AliKassa does not sign and that no parser "
                      "takes for a signed one, without escapes, in %V:%ui",
                      &name, &where->file, where->line);
        return NGX_CONF_ERROR;
    }

    if (alcf->account && !alikassa_notification_signs_account(conf->fields)) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"alikassa_notification_fields\" has no \"account\": "
                      "notifications of other accounts are accepted, too, "
                      "in %V:%ui",
                      &where->file, where->line);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_alikassa_notification_load(ngx_conf_t *cf,
    ngx_http_alikassa_notification_conf_t *conf,
    ngx_http_alikassa_loc_conf_t *alcf)
{
    ngx_str_t                     *digest;
    ngx_uint_t                     i;
    alikassa_rc_t                  rc;
    alikassa_errmsg_t              errmsg;
    ngx_pool_cleanup_t            *cln;
    alikassa_verifier_t          **verifier;
    ngx_http_alikassa_notification_key_t    *key;
    ngx_http_alikassa_conf_pos_t  *pos;

    digest = &alcf->digest;
    key = conf->keys->elts;

    conf->digest = *digest;
    conf->verifiers = ngx_array_create(cf->pool, conf->keys->nelts,
                                       sizeof(alikassa_verifier_t *));
    if (conf->verifiers == NULL) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_alikassa_notification_free;
    cln->data = conf->verifiers;

    for (i = 0; i < conf->keys->nelts; i++) {

        verifier = ngx_array_push(conf->verifiers);
        if (verifier == NULL) {
            return NGX_CONF_ERROR;
        }

        rc = alikassa_verifier_create(&key[i].pem, (char *) digest->data,
                                      verifier, &errmsg);

        if (rc == ALIKASSA_FORBIDDEN) {

            pos = alcf->digest_pos.file.len ? &alcf->digest_pos
                                            : &key[i].pos;

            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "cannot use key \"%V\" with digest \"%V\": %s; "
                          NGX_HTTP_ALIKASSA_DIGEST_MEND
                          " in %V:%ui", &key[i].path, digest, errmsg.text,
                          &pos->file, pos->line);
            return NGX_CONF_ERROR;
        }

        if (rc == ALIKASSA_ERROR) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "cannot use key \"%V\": %s in %V:%ui",
                          &key[i].path, errmsg.text, &key[i].pos.file,
                          key[i].pos.line);
            return NGX_CONF_ERROR;
        }

        if (rc != ALIKASSA_OK) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "cannot use key \"%V\" with digest \"%V\": %s, give "
                          "public.pem of AliKassa's \"API certificate for "
                          "notifications\" in %V:%ui", &key[i].path, digest,
                          errmsg.text, &key[i].pos.file, key[i].pos.line);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static void
ngx_http_alikassa_notification_free(void *data)
{
    ngx_array_t *verifiers = data;

    ngx_uint_t             i;
    alikassa_verifier_t  **verifier;

    verifier = verifiers->elts;

    for (i = 0; i < verifiers->nelts; i++) {
        alikassa_verifier_free(verifier[i]);
    }
}


char *
ngx_http_alikassa_notification_set_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_alikassa_notification_conf_t *nlcf = conf;

    char            *rv;
    ngx_str_t       *value;
    ngx_uint_t       i, n;
    alikassa_str_t  *extra;

    if (nlcf->keys != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;
    n = cf->args->nelts;

    if (n == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        nlcf->keys = NULL;
        return NGX_CONF_OK;
    }

    nlcf->keys = ngx_array_create(cf->pool, n,
                                  sizeof(ngx_http_alikassa_notification_key_t));
    if (nlcf->keys == NULL) {
        return NGX_CONF_ERROR;
    }

    extra = ngx_palloc(cf->pool, n * sizeof(alikassa_str_t));
    if (extra == NULL) {
        return NGX_CONF_ERROR;
    }

    nlcf->extra.elts = extra;

    ngx_http_alikassa_conf_pos(cf, &nlcf->extra_pos);

    for (i = 1; i < n; i++) {

        if (ngx_strncmp(value[i].data, "unsigned=", 9) != 0) {

            rv = ngx_http_alikassa_notification_key(cf, nlcf, &value[i]);

            if (rv != NGX_CONF_OK) {
                return rv;
            }

            continue;
        }

        if (value[i].data[9] == '$') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", name a parameter, "
                               "a variable cannot be used", &value[i]);
            return NGX_CONF_ERROR;
        }

        extra->len = value[i].len - 9;
        extra->data = value[i].data + 9;

        extra++;
        nlcf->extra.nelts++;
    }

    if (nlcf->keys->nelts == 0) {
        return "has no public key";
    }

    return NGX_CONF_OK;
}


char *
ngx_http_alikassa_notification_set_fields(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_alikassa_notification_conf_t *nlcf = conf;

    char                            *rv;
    ngx_str_t                       *value;
    ngx_uint_t                       i, n;
    ngx_conf_post_t                 *post;
    alikassa_str_t                  *names;
    alikassa_errmsg_t                errmsg;
    alikassa_notification_fields_t  *fields;

    if (nlcf->fields != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    post = cmd->post;
    value = cf->args->elts;
    n = cf->args->nelts - 1;

    names = ngx_palloc(cf->pool, n * sizeof(alikassa_str_t));
    fields = ngx_palloc(cf->pool, sizeof(alikassa_notification_fields_t));

    if (names == NULL || fields == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {
        names[i].len = value[i + 1].len;
        names[i].data = value[i + 1].data;
    }

    if (alikassa_notification_fields_set(fields, names, n, &errmsg)
        != ALIKASSA_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"alikassa_notification_fields\": %s, "
                           "name the signed fields in their order",
                           errmsg.text);
        return NGX_CONF_ERROR;
    }

    for (i = 1; i <= n; i++) {

        rv = post->post_handler(cf, post, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    nlcf->fields = fields;

    return NGX_CONF_OK;
}


static char *
ngx_http_alikassa_notification_key(ngx_conf_t *cf,
    ngx_http_alikassa_notification_conf_t *nlcf, ngx_str_t *name)
{
    u_char                      *p;
    alikassa_str_t               pem;
    ngx_http_alikassa_notification_key_t  *key;

    key = ngx_array_push(nlcf->keys);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    key->path = *name;

    ngx_http_alikassa_conf_pos(cf, &key->pos);

    if (ngx_conf_full_name(cf->cycle, &key->path, 1) != NGX_OK
        || ngx_http_alikassa_key_file(cf, &key->path, 0, &pem) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, pem.len + 1);

    if (p) {
        ngx_memcpy(p, pem.data, pem.len);
    }

    key->pem.len = pem.len;
    key->pem.data = p;

    ngx_free((void *) pem.data);

    return p ? NGX_CONF_OK : NGX_CONF_ERROR;
}
