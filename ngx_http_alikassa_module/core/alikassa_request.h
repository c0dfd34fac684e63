
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The body of a call to AliKassa: the bytes that are signed and sent.
 */


#ifndef _ALIKASSA_REQUEST_H_INCLUDED_
#define _ALIKASSA_REQUEST_H_INCLUDED_


#include "alikassa_validate.h"


/*
 * Validates all fields, see alikassa_validate_fields(), and writes the body as
 * PHP's json_encode() writes the same data: the fields in the order of the
 * operation's table, then the extra fields in their own order.  Amounts and
 * integers are JSON numbers, every other field is a JSON string.
 *
 * ALIKASSA_OK: *body is the text, one allocation from the pool of exactly its
 * length.
 * ALIKASSA_DECLINED: errors lists the invalid fields; *body is not set.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_request_build(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, alikassa_validate_t validate,
    alikassa_fields_t *fields, alikassa_str_t *body,
    alikassa_field_errors_t *errors);


#endif /* _ALIKASSA_REQUEST_H_INCLUDED_ */
