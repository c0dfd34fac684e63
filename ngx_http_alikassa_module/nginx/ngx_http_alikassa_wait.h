
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_WAIT_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_WAIT_H_INCLUDED_


/*
 * Claims of this process that wait for another claim to settle the order.
 */

#include "ngx_http_alikassa_claim.h"


/*
 * Adds a claim to those that wait, until claim->deadline.  When the claim is
 * woken, and at least once a second, the claim stops to wait and wake is
 * called: the store looks at the order again.
 *
 * If the client has disconnected by then, the request is finalized instead.
 */

void ngx_http_alikassa_wait_add(ngx_http_alikassa_claim_t *claim,
    ngx_http_alikassa_claim_handler_pt wake);

/*
 * Removes a claim from those that wait.  Does nothing if it does not wait.
 */

void ngx_http_alikassa_wait_remove(ngx_http_alikassa_claim_t *claim);

/*
 * Wakes the claims whose key begins with these bytes; if len is 0, all.
 */

void ngx_http_alikassa_wait_wake(const u_char *key, size_t len);


#endif /* _NGX_HTTP_ALIKASSA_WAIT_H_INCLUDED_ */
