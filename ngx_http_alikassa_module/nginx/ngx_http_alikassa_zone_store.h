
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#ifndef _NGX_HTTP_ALIKASSA_ZONE_STORE_H_INCLUDED_
#define _NGX_HTTP_ALIKASSA_ZONE_STORE_H_INCLUDED_


/*
 * The store in shared memory.  store->data is a ngx_http_alikassa_zone_t.  It
 * settles an order at once, and begin waits for another claim only.
 */

#include "ngx_http_alikassa_store.h"


extern const ngx_http_alikassa_store_type_t  ngx_http_alikassa_zone_store;

#if (NGX_HTTP_ALIKASSA_LATE_STORE)

/* t/late_store: the same store, which decides and settles later */

extern const ngx_http_alikassa_store_type_t  ngx_http_alikassa_late_store;

#endif


#endif /* _NGX_HTTP_ALIKASSA_ZONE_STORE_H_INCLUDED_ */
