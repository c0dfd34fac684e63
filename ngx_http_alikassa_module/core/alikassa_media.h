
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Content-Type and Accept, RFC 9110 sections 8.3 and 12.5.1.
 */


#ifndef _ALIKASSA_MEDIA_H_INCLUDED_
#define _ALIKASSA_MEDIA_H_INCLUDED_


#include "alikassa.h"


typedef enum {
    ALIKASSA_MEDIA_OTHER = 0,
    ALIKASSA_MEDIA_JSON,            /* application/json */
    ALIKASSA_MEDIA_FORM,            /* application/x-www-form-urlencoded */
    ALIKASSA_MEDIA_MULTIPART        /* multipart/form-data */
} alikassa_media_type_t;


/*
 * Reads a Content-Type.  *boundary is set for multipart, unquoted, a part of
 * value (quoted pairs are not undone: no browser sends them; a boundary with
 * a backslash is refused).
 *
 * ALIKASSA_MEDIA_OTHER: another type, a charset other than UTF-8 (US-ASCII is
 * a part of it), or malformed.
 */

alikassa_media_type_t alikassa_media_type(const alikassa_str_t *value,
    alikassa_str_t *boundary);


/*
 * Whether an Accept header prefers text/html to application/json: the more
 * specific range decides each one's q; equal is no preference, and neither is
 * an absent or malformed header.
 */

int alikassa_media_prefers_html(const alikassa_str_t *accept);


#endif /* _ALIKASSA_MEDIA_H_INCLUDED_ */
