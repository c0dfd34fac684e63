
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_IDEMPOTENCY_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_IDEMPOTENCY_H_INCLUDED_


/*
 * The configuration of idempotency: which stores there are, and which one a
 * location uses.
 */

#include "ngx_http_alikassa.h"


/* directive setters: "alikassa_idempotency_zone", "alikassa_idempotency" */

char *ngx_http_alikassa_idempotency_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_alikassa_idempotency(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Checks that each zone that a location uses is defined.  Called when nginx has
 * read the whole configuration.  Returns NGX_ERROR if one is not, which is
 * logged.
 */

ngx_int_t ngx_http_alikassa_idempotency_init(ngx_conf_t *cf);

/*
 * Let this worker begin and end to use the stores.  Returns NGX_ERROR to end
 * the worker.
 */

ngx_int_t ngx_http_alikassa_idempotency_init_process(ngx_cycle_t *cycle);
void ngx_http_alikassa_idempotency_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_HTTP_ALIKASSA_IDEMPOTENCY_H_INCLUDED_ */
