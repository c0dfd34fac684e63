
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_NOTIFICATION_CONF_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_NOTIFICATION_CONF_H_INCLUDED_


/*
 * The configuration of notifications.  It is read-only after merging.
 */

#include "ngx_http_alikassa_conf.h"
#include "alikassa_notification.h"


/* a public key of "alikassa_notification" */

typedef struct {
    ngx_str_t                              path;
    alikassa_str_t                         pem;
    ngx_http_alikassa_conf_pos_t           pos;
} ngx_http_alikassa_notification_key_t;


typedef struct {
    /* ngx_http_alikassa_notification_key_t, or NULL: no check */
    ngx_array_t                           *keys;

    /* alikassa_verifier_t *, one for each key; NULL: no check */
    ngx_array_t                           *verifiers;
    ngx_str_t                              digest;  /* of the verifiers */

    /* parameters that may be there although they are not signed */
    alikassa_notification_extra_t          extra;
    ngx_http_alikassa_conf_pos_t           extra_pos;

    /* the signed fields */
    const alikassa_notification_fields_t  *fields;

    /* of a server: one of its locations checks notifications */
    ngx_uint_t                             server_checks;

    /* of a server: a location of any server checks notifications */
    ngx_uint_t                             any_server_checks;
} ngx_http_alikassa_notification_conf_t;


/*
 * Creates the configuration of a location.  Returns NULL if there is no memory.
 */

void *ngx_http_alikassa_notification_create_conf(ngx_conf_t *cf);

/*
 * Sets what a location inherits, and loads its keys.  The configuration of
 * ngx_http_alikassa_module must be merged before.  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR if there is no memory or if a key or a parameter cannot be
 * used, which is logged.
 */

char *ngx_http_alikassa_notification_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);

/*
 * Set "alikassa_notification" and "alikassa_notification_fields".  The post
 * handler of the latter (ngx_conf_post_t) is called with the name of each
 * field, ngx_str_t, which is not empty.  Both functions return NGX_CONF_OK, or
 * what nginx is to log, or NGX_CONF_ERROR if the error is logged.
 */

char *ngx_http_alikassa_notification_set_keys(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_alikassa_notification_set_fields(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


#endif /* _NGX_HTTP_ALIKASSA_NOTIFICATION_CONF_H_INCLUDED_ */
