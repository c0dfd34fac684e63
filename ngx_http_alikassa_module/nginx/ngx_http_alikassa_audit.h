
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_AUDIT_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_AUDIT_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


char *ngx_http_alikassa_audit_log(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_alikassa_audit(ngx_http_alikassa_call_t *call);
void ngx_http_alikassa_audit_exit_process(void);


#endif /* _NGX_HTTP_ALIKASSA_AUDIT_H_INCLUDED_ */
