
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_OUTCOME_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_OUTCOME_H_INCLUDED_


#include "ngx_http_alikassa_ctx.h"


/*
 * Adds a new call to the list of calls whose outcome is not recorded.  This
 * process records the outcome of each of them before it exits.
 */

void ngx_http_alikassa_call_track(ngx_http_alikassa_call_t *call);

/*
 * Judges a call that is done by its facts, and records the outcome: the done
 * handler of a call.
 */

void ngx_http_alikassa_call_judge(ngx_http_alikassa_call_t *call);

/*
 * Records the outcome of a call, once: settles the order in the idempotency
 * zone, sets the variables, writes the audit line.  Does not need the client.
 */

void ngx_http_alikassa_call_record(ngx_http_alikassa_call_t *call,
    alikassa_outcome_t outcome);

/*
 * Records the outcome of a call that is cut off: "unsent" if certainly nothing
 * was sent, else "unknown".  Does not touch what a thread writes when it signs.
 */

void ngx_http_alikassa_call_abandon(ngx_http_alikassa_call_t *call);

/*
 * Prepare this process for calls, and record what is left when it ends.
 */

void ngx_http_alikassa_outcome_init_process(void);
void ngx_http_alikassa_outcome_exit_process(void);


#endif /* _NGX_HTTP_ALIKASSA_OUTCOME_H_INCLUDED_ */
