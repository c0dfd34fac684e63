
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_OUTCOME_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_OUTCOME_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


void ngx_http_alikassa_track(ngx_http_alikassa_call_t *call);
void ngx_http_alikassa_call_done(ngx_http_alikassa_call_t *call);
void ngx_http_alikassa_record(ngx_http_alikassa_call_t *call,
    alikassa_outcome_t outcome);
void ngx_http_alikassa_abandon(ngx_http_alikassa_call_t *call);
void ngx_http_alikassa_order_init_process(void);
void ngx_http_alikassa_order_exit_process(void);


#endif /* _NGX_HTTP_ALIKASSA_OUTCOME_H_INCLUDED_ */
