
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_WORKER_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_WORKER_H_INCLUDED_


/*
 * Workers as owners of records: each has a slot in the zone.  All functions are
 * called without the zone's lock, unless said otherwise.
 */

#include "ngx_http_alikassa_zone.h"


/*
 * Gives this worker a slot in the zone, and a new generation.  Returns NGX_OK,
 * or NGX_ERROR if all slots are taken, which is logged.
 */

ngx_int_t ngx_http_alikassa_worker_register(ngx_http_alikassa_zone_t *zone);

/*
 * Frees the slot.  Claims of this worker that still own orders are then
 * without an owner.
 */

void ngx_http_alikassa_worker_unregister(ngx_http_alikassa_zone_t *zone);

/*
 * Returns the slot of a worker that owned records when records were lost, and
 * has not restored them yet; or NULL.  Called with the lock held.
 */

ngx_http_alikassa_worker_t *ngx_http_alikassa_worker_find_unsynced(
    ngx_http_alikassa_zone_t *zone);

/*
 * Returns 1 if the worker is alive, or if the system does not tell: its order
 * must not be sent again.  Otherwise frees its slot and returns 0; its records
 * have no owner then.  worker is a copy of a slot: asking the system takes too
 * long to hold the lock.
 */

ngx_uint_t ngx_http_alikassa_worker_check(ngx_http_alikassa_zone_t *zone,
    const ngx_http_alikassa_worker_t *worker);


#endif /* _NGX_HTTP_ALIKASSA_WORKER_H_INCLUDED_ */
