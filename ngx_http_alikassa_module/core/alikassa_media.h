
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
 * Reads a Content-Type.  For a multipart form *boundary is a part of value,
 * without quotation marks; a boundary with a backslash is refused, because no
 * browser sends one.
 *
 * Returns ALIKASSA_MEDIA_OTHER for another type, for a charset other than
 * UTF-8 and its part US-ASCII, and for a malformed value.
 */

alikassa_media_type_t alikassa_media_type(const alikassa_str_t *value,
    alikassa_str_t *boundary);


/*
 * Tells whether an Accept header prefers text/html to application/json.  The
 * most specific range sets the quality of each.  Equal qualities, an absent
 * header and a malformed one are no preference.
 */

int alikassa_media_prefers_html(const alikassa_str_t *accept);


#endif /* _ALIKASSA_MEDIA_H_INCLUDED_ */
