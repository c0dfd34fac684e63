
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_AUDIT_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_AUDIT_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


/*
 * Sets "alikassa_audit_log".
 */

char *ngx_http_alikassa_audit_log(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Opens each audit log for reading, in the master, which may read what its
 * workers may not.  A file that cannot be opened is no error.
 */

void ngx_http_alikassa_audit_init_module(ngx_http_alikassa_main_conf_t *amcf);

/*
 * Writes the line of a call whose outcome is recorded.  A status query moves no
 * money, and gets a line only if it found an order whose outcome was unknown,
 * or if it was made after a rejection.
 */

void ngx_http_alikassa_audit(ngx_http_alikassa_call_t *call);

/*
 * Lets this process, which is about to exit, wait for a busy syslog.
 */

void ngx_http_alikassa_audit_exit_process(void);


#endif /* _NGX_HTTP_ALIKASSA_AUDIT_H_INCLUDED_ */
