
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The format multipart/form-data (RFC 7578).
 */


#ifndef _ALIKASSA_MULTIPART_H_INCLUDED_
#define _ALIKASSA_MULTIPART_H_INCLUDED_


#include "alikassa_input.h"


/* bytes of a boundary, RFC 2046 section 5.1.1 */
#define ALIKASSA_INPUT_MAX_BOUNDARY  70


/*
 * Decodes a form.  boundary is the parameter of Content-Type without
 * quotation marks.  A part with a file name becomes ALIKASSA_VALUE_FILE with
 * an empty value, because files are never sent on.  A part without a name, or
 * with another disposition than form-data, is skipped.
 *
 * The list is in the pool; names and values are there or in body, which must
 * outlive the list.
 *
 * ALIKASSA_OK: inputs is set, its bits too (see alikassa_inputs_mark()).
 * ALIKASSA_DECLINED: errmsg says what is wrong: a boundary that is empty or
 * too long, no closing boundary, more than ALIKASSA_INPUT_MAX_FIELDS parts, a
 * part without the empty line after its header, with a malformed header or
 * with two names.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_multipart_decode(const alikassa_pool_t *pool,
    const alikassa_str_t *body, const alikassa_str_t *boundary,
    alikassa_inputs_t *inputs, alikassa_errmsg_t *errmsg);


#endif /* _ALIKASSA_MULTIPART_H_INCLUDED_ */
