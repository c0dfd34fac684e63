
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_ZONE_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_ZONE_H_INCLUDED_


/*
 * An idempotency zone's shared memory: creation, lock, and the claims of this
 * process that own records.
 */

#include "ngx_http_alikassa_zone_data.h"


typedef ngx_int_t (*ngx_http_alikassa_zone_handler_pt)(
    ngx_http_alikassa_zone_t *zone, ngx_log_t *log);


/*
 * Calls the handler for each idempotency zone of the cycle, with the log.
 * Stops at the first one for which the handler does not return NGX_OK, and
 * returns what the handler has returned.
 */

ngx_int_t ngx_http_alikassa_for_each_zone(ngx_cycle_t *cycle,
    ngx_http_alikassa_zone_handler_pt handler, ngx_log_t *log);

/*
 * The init handler of nginx's shared memory.  Takes over the records of the
 * previous cycle's zone, if there is one.  Returns NGX_OK.
 */

ngx_int_t ngx_http_alikassa_zone_init(ngx_shm_zone_t *shm_zone, void *data);

/*
 * Locks the zone.  Empties it if a process died while it modified the zone.
 * If records were lost, restores those that this process owns.
 */

void ngx_http_alikassa_zone_lock(ngx_http_alikassa_zone_t *zone);
void ngx_http_alikassa_zone_unlock(ngx_http_alikassa_zone_t *zone);

/*
 * Add a claim of this process to the claims whose records are restored, and
 * remove it.  A claim is added when it has become the owner of a record of the
 * zone, and removed before it is freed.  Both with the lock held.
 */

void ngx_http_alikassa_zone_add_owner(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_claim_t *claim);
void ngx_http_alikassa_zone_remove_owner(ngx_http_alikassa_zone_t *zone,
    ngx_http_alikassa_claim_t *claim);


#endif /* _NGX_HTTP_ALIKASSA_ZONE_H_INCLUDED_ */
