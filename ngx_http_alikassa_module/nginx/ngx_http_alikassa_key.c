
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The keys and signers of a configuration. Each is loaded once, however many
 * locations name it, and lives as long as its cycle.
 */


#include "ngx_http_alikassa_key.h"


/* a key of 16384 bits in PEM has 13 KiB */
#define NGX_HTTP_ALIKASSA_PEM_MAX  65536

/* each attempt costs as much as the key's iterations */
#define NGX_HTTP_ALIKASSA_PASSPHRASES_MAX  64


static ngx_int_t ngx_http_alikassa_key_paths(ngx_conf_t *cf,
    ngx_http_alikassa_key_t *key);
static ngx_int_t ngx_http_alikassa_key_beside(ngx_conf_t *cf,
    ngx_str_t *dir, const char *name, ngx_uint_t optional, ngx_str_t *path);
static ngx_int_t ngx_http_alikassa_key_load(ngx_conf_t *cf,
    ngx_http_alikassa_key_t *key);
static ngx_int_t ngx_http_alikassa_key_open(ngx_conf_t *cf,
    ngx_http_alikassa_key_t *key, alikassa_str_t *pem);
static ngx_int_t ngx_http_alikassa_key_passphrases(
    const alikassa_str_t *content, alikassa_str_t *passphrases);
static ngx_int_t ngx_http_alikassa_key_public(ngx_conf_t *cf,
    ngx_http_alikassa_key_t *key);
static ngx_int_t ngx_http_alikassa_key_regular(ngx_conf_t *cf,
    ngx_str_t *path, ngx_file_info_t *fi);
static void ngx_http_alikassa_key_others(ngx_conf_t *cf, ngx_str_t *path,
    ngx_file_info_t *fi);


char *
ngx_http_alikassa_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    ngx_str_t                      *value, *option;
    ngx_uint_t                      i;
    ngx_http_alikassa_key_t        *key, **known;
    ngx_http_alikassa_main_conf_t  *amcf;

    if (alcf->key != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    key = ngx_pcalloc(cf->pool, sizeof(ngx_http_alikassa_key_t));
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "has an empty path";
    }

    key->name = value[1];
    key->path = value[1];
    key->pos.file = cf->conf_file->file.name;
    key->pos.line = cf->conf_file->line;

    for (i = 2; i < cf->args->nelts; i++) {

        option = NULL;

        if (ngx_strncmp(value[i].data, "password=", 9) == 0) {
            option = &key->password;
            option->len = value[i].len - 9;
            option->data = value[i].data + 9;

        } else if (ngx_strncmp(value[i].data, "public=", 7) == 0) {
            option = &key->public;
            option->len = value[i].len - 7;
            option->data = value[i].data + 7;
        }

        if (option == NULL || option->len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be "
                               "\"password=file\" or \"public=file\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_conf_full_name(cf->cycle, option, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_alikassa_key_paths(cf, key) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_alikassa_module);

    known = amcf->keys.elts;

    for (i = 0; i < amcf->keys.nelts; i++) {

        if (ngx_http_alikassa_str_eq(&known[i]->path, &key->path)
            && ngx_http_alikassa_str_eq(&known[i]->password, &key->password)
            && ngx_http_alikassa_str_eq(&known[i]->public, &key->public))
        {
            alcf->key = known[i];
            return NGX_CONF_OK;
        }
    }

    known = ngx_array_push(&amcf->keys);
    if (known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = key;
    alcf->key = key;

    if (ngx_http_alikassa_key_load(cf, key) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * Sets the paths of a key's files. A directory is AliKassa's archive,
 * unpacked; a parameter takes precedence over the file in it.
 */

static ngx_int_t
ngx_http_alikassa_key_paths(ngx_conf_t *cf, ngx_http_alikassa_key_t *key)
{
    ngx_str_t        dir;
    ngx_file_info_t  fi;

    if (ngx_conf_full_name(cf->cycle, &key->path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_file_info(key->path.data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot find key \"%V\", give the folder of "
                           "AliKassa's unpacked archive or its private.pem",
                           &key->path);
        return NGX_ERROR;
    }

    if (!ngx_is_dir(&fi)) {
        return NGX_OK;
    }

    dir = key->path;

    if (ngx_http_alikassa_key_beside(cf, &dir, "private.pem", 0, &key->path)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (key->password.len == 0
        && ngx_http_alikassa_key_beside(cf, &dir, "password.txt", 1,
                                        &key->password)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (key->public.len == 0
        && ngx_http_alikassa_key_beside(cf, &dir, "public.pem", 1,
                                        &key->public)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Sets path to the file with the name in dir. The path stays empty if the file
 * is optional and does not exist.
 */

static ngx_int_t
ngx_http_alikassa_key_beside(ngx_conf_t *cf, ngx_str_t *dir,
    const char *name, ngx_uint_t optional, ngx_str_t *path)
{
    size_t            len;
    u_char           *p;
    ngx_err_t         err;
    ngx_str_t         full;
    ngx_file_info_t   fi;

    len = dir->len;

    while (len > 1 && dir->data[len - 1] == '/') {
        len--;
    }

    full.len = len + 1 + ngx_strlen(name);

    full.data = ngx_pnalloc(cf->pool, full.len + 1);
    if (full.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(full.data, dir->data, len);
    *p++ = '/';
    ngx_memcpy(p, name, ngx_strlen(name) + 1);

    if (ngx_file_info(full.data, &fi) == NGX_FILE_ERROR) {

        err = ngx_errno;

        if (optional && err == NGX_ENOENT) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "cannot find \"%V\", the folder must hold "
                           "AliKassa's unpacked archive", &full);
        return NGX_ERROR;
    }

    *path = full;

    return NGX_OK;
}


static ngx_int_t
ngx_http_alikassa_key_load(ngx_conf_t *cf, ngx_http_alikassa_key_t *key)
{
    ngx_int_t       rc;
    alikassa_str_t  pem;

    if (ngx_http_alikassa_key_file(cf, &key->path, 1, &pem) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_alikassa_key_open(cf, key, &pem);

    ngx_explicit_memzero((void *) pem.data, pem.len);
    ngx_free((void *) pem.data);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_alikassa_key_public(cf, key);
}


static ngx_int_t
ngx_http_alikassa_key_open(ngx_conf_t *cf, ngx_http_alikassa_key_t *key,
    alikassa_str_t *pem)
{
    ngx_int_t           n;
    alikassa_rc_t       rc;
    alikassa_str_t      content;
    alikassa_str_t      passphrases[NGX_HTTP_ALIKASSA_PASSPHRASES_MAX];
    alikassa_errmsg_t   errmsg;

    n = 0;
    content.len = 0;
    content.data = NULL;

    if (key->password.len) {

        if (ngx_http_alikassa_key_file(cf, &key->password, 1, &content)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        n = ngx_http_alikassa_key_passphrases(&content, passphrases);

        if (n == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "password file \"%V\" has more than %d lines, "
                               "each of which would be tried",
                               &key->password,
                               NGX_HTTP_ALIKASSA_PASSPHRASES_MAX);
            rc = ALIKASSA_DECLINED;
            goto done;
        }
    }

    rc = alikassa_key_create(pem, passphrases, (size_t) n, &key->key, &errmsg);

    if (rc != ALIKASSA_OK) {

        if (key->password.len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "cannot load key \"%V\" with password file "
                               "\"%V\": %s", &key->path, &key->password,
                               errmsg.text);

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "cannot load key \"%V\": %s", &key->path,
                               errmsg.text);
        }
    }

done:

    if (content.data) {
        ngx_explicit_memzero((void *) content.data, content.len);
        ngx_free((void *) content.data);
    }

    return (rc == ALIKASSA_OK) ? NGX_OK : NGX_ERROR;
}


/*
 * Sets each passphrase to a line of the content, without its end and unless
 * the line is empty.  Returns their number, or NGX_DECLINED if they are more
 * than NGX_HTTP_ALIKASSA_PASSPHRASES_MAX.
 */

static ngx_int_t
ngx_http_alikassa_key_passphrases(const alikassa_str_t *content,
    alikassa_str_t *passphrases)
{
    size_t     i, start, end;
    ngx_int_t  n;

    n = 0;

    for (i = 0; i < content->len; i++) {

        start = i;

        while (i < content->len && content->data[i] != LF) {
            i++;
        }

        end = i;

        while (end > start && content->data[end - 1] == CR) {
            end--;
        }

        if (end == start) {
            continue;
        }

        if (n == NGX_HTTP_ALIKASSA_PASSPHRASES_MAX) {
            return NGX_DECLINED;
        }

        passphrases[n].data = content->data + start;
        passphrases[n].len = end - start;
        n++;
    }

    return n;
}


static ngx_int_t
ngx_http_alikassa_key_public(ngx_conf_t *cf, ngx_http_alikassa_key_t *key)
{
    alikassa_rc_t      rc;
    alikassa_str_t     pem;
    alikassa_errmsg_t  errmsg;

    if (key->public.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_alikassa_key_file(cf, &key->public, 0, &pem) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = alikassa_key_match(key->key, &pem, &errmsg);

    ngx_free((void *) pem.data);

    if (rc != ALIKASSA_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "public key \"%V\" does not prove key \"%V\": %s, "
                           "take both from one archive of AliKassa's",
                           &key->public, &key->path, errmsg.text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_alikassa_key_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t secret, alikassa_str_t *content)
{
    off_t             size;
    u_char           *data;
    ssize_t           n;
    ngx_file_t        file;
    ngx_file_info_t   fi;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *path;
    file.log = cf->log;

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_file_info_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    if (ngx_http_alikassa_key_regular(cf, path, &fi) != NGX_OK) {
        return NGX_ERROR;
    }

    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    data = NULL;

    if (ngx_fd_info(file.fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", path);
        goto failed;
    }

    if (ngx_http_alikassa_key_regular(cf, path, &fi) != NGX_OK) {
        goto failed;
    }

    size = ngx_file_size(&fi);

    if (secret) {
        ngx_http_alikassa_key_others(cf, path, &fi);
    }

    data = ngx_alloc((size_t) size + 1, cf->log);
    if (data == NULL) {
        goto failed;
    }

    n = ngx_read_file(&file, data, (size_t) size, 0);

    if (n == NGX_ERROR || n != (ssize_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, (n == NGX_ERROR) ? ngx_errno : 0,
                           "cannot read \"%V\"", path);
        ngx_explicit_memzero(data, (size_t) size);
        goto failed;
    }

    (void) ngx_close_file(file.fd);

    content->data = data;
    content->len = (size_t) size;

    return NGX_OK;

failed:

    if (data) {
        ngx_free(data);
    }

    (void) ngx_close_file(file.fd);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_alikassa_key_regular(ngx_conf_t *cf, ngx_str_t *path,
    ngx_file_info_t *fi)
{
    if (!ngx_is_file(fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a regular file but a folder, FIFO, "
                           "socket or device, give a file", path);
        return NGX_ERROR;
    }

    if (ngx_file_size(fi) > NGX_HTTP_ALIKASSA_PEM_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has more than %d bytes and is no file of "
                           "AliKassa's", path, NGX_HTTP_ALIKASSA_PEM_MAX);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_alikassa_key_others(ngx_conf_t *cf, ngx_str_t *path,
    ngx_file_info_t *fi)
{
    if (fi->st_mode & S_IROTH) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "secret file \"%V\" can be read by every user, "
                           "run \"chmod o-r %V\"", path, path);
    }
}


ngx_int_t
ngx_http_alikassa_signer(ngx_conf_t *cf, ngx_http_alikassa_loc_conf_t *alcf)
{
    ngx_uint_t                      i;
    alikassa_rc_t                   rc;
    alikassa_errmsg_t               errmsg;
    ngx_http_alikassa_conf_pos_t   *where;
    ngx_http_alikassa_signer_t     *signer;
    ngx_http_alikassa_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_alikassa_module);

    signer = amcf->signers.elts;

    for (i = 0; i < amcf->signers.nelts; i++) {

        if (signer[i].key == alcf->key
            && ngx_http_alikassa_str_eq(&signer[i].digest, &alcf->digest))
        {
            alcf->signer = signer[i].signer;
            return NGX_OK;
        }
    }

    signer = ngx_array_push(&amcf->signers);
    if (signer == NULL) {
        return NGX_ERROR;
    }

    signer->key = alcf->key;
    signer->digest = alcf->digest;
    signer->signer = NULL;

    /* nginx's configuration and the default end with a NUL */

    rc = alikassa_signer_create(alcf->key->key, (char *) alcf->digest.data,
                                &signer->signer, &errmsg);

    if (rc == ALIKASSA_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "cannot sign with key \"%V\": %s in %V:%ui",
                      &alcf->key->path, errmsg.text,
                      &alcf->key->pos.file, alcf->key->pos.line);
        return NGX_ERROR;
    }

    if (rc != ALIKASSA_OK) {

        where = alcf->digest_pos.file.len ? &alcf->digest_pos
                                            : &alcf->key->pos;

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "cannot sign with key \"%V\" and digest \"%V\": %s; "
                      NGX_HTTP_ALIKASSA_DIGEST_MEND
                      " in %V:%ui", &alcf->key->path, &alcf->digest,
                      errmsg.text, &where->file, where->line);
        return NGX_ERROR;
    }

    alcf->signer = signer->signer;

    return NGX_OK;
}


void
ngx_http_alikassa_keys_free(ngx_http_alikassa_main_conf_t *amcf)
{
    ngx_uint_t                   i;
    ngx_http_alikassa_key_t    **key;
    ngx_http_alikassa_signer_t  *signer;

    signer = amcf->signers.elts;

    for (i = 0; i < amcf->signers.nelts; i++) {
        alikassa_signer_free(signer[i].signer);
    }

    key = amcf->keys.elts;

    for (i = 0; i < amcf->keys.nelts; i++) {
        alikassa_key_free(key[i]->key);
    }
}
