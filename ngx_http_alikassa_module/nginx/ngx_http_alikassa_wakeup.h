
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_WAKEUP_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_WAKEUP_H_INCLUDED_


/*
 * Messages between workers: an order is settled, wake the claims that wait for
 * it.
 */

#include "ngx_http_alikassa_zone.h"


/*
 * Opens this process' socket, and sets the random part of its name, which has
 * NGX_HTTP_ALIKASSA_SOCKET_NAME_LEN bytes.  Returns NGX_OK, NGX_DECLINED if the
 * system has no such sockets, or NGX_ERROR.  Without a socket, claims look at
 * their orders once a second.
 */

ngx_int_t ngx_http_alikassa_wakeup_open(ngx_cycle_t *cycle, u_char *name);
void ngx_http_alikassa_wakeup_close(void);

/*
 * Tells a worker to wake the claims that wait for the key.  worker is a copy of
 * a slot, and the zone is not locked.
 */

void ngx_http_alikassa_wakeup_send(ngx_http_alikassa_zone_t *zone,
    const ngx_http_alikassa_worker_t *worker, u_char *key);

/*
 * Tells all workers with a bit in waiters, but this one.  The zone is not
 * locked.
 */

void ngx_http_alikassa_wakeup_send_all(ngx_http_alikassa_zone_t *zone,
    u_char *key, uint64_t waiters);


/*
 * Returns the bit of a worker in a record's waiters.  Two workers may have the
 * same bit: then both are told.
 */

static ngx_inline uint64_t
ngx_http_alikassa_wakeup_bit(uint64_t generation)
{
    return (uint64_t) 1 << (generation % 64);
}


#endif /* _NGX_HTTP_ALIKASSA_WAKEUP_H_INCLUDED_ */
