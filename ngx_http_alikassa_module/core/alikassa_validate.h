
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The rules for the fields of a request, and the texts that tell a payer
 * which field is wrong.
 */


#ifndef _ALIKASSA_VALIDATE_H_INCLUDED_
#define _ALIKASSA_VALIDATE_H_INCLUDED_


#include "alikassa_param.h"


typedef enum {
    ALIKASSA_VALIDATE_STRICT = 0,   /* every rule and table of the vendor */
    ALIKASSA_VALIDATE_FIELDS,       /* types and limits; any service, code */
    ALIKASSA_VALIDATE_OFF           /* only what JSON and amounts require */
} alikassa_validate_t;


/*
 * One invalid field.  The message may be shown to a payer.  Both strings are
 * static or in the pool of the request.
 */

typedef struct {
    alikassa_str_t           field;
    alikassa_str_t           message;
} alikassa_field_error_t;


/* at most one error for each field of the operation, and one for the extras */

typedef struct {
    alikassa_field_error_t   elts[ALIKASSA_MAX_FIELDS + 1];
    size_t                   nelts;
} alikassa_field_errors_t;


/*
 * Validates all fields.  The value of an amount in fields->known[] is
 * replaced by its canonical text (see alikassa_amount()), so that "100.50"
 * and "100.5" are signed as the same bytes.
 *
 * ALIKASSA_OK: every field is valid; errors is empty.
 * ALIKASSA_DECLINED: errors lists every invalid field in the order of the
 * operation's table, one message a field, and then the first invalid extra
 * field.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_validate_fields(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, alikassa_validate_t validate,
    alikassa_fields_t *fields, alikassa_field_errors_t *errors);


/*
 * Sets errors to the one error that the field of this role is required but
 * not given, in the words that alikassa_validate_fields() uses.
 *
 * ALIKASSA_OK, or ALIKASSA_ERROR: no memory, or the operation has no field of
 * this role.
 */

alikassa_rc_t alikassa_validate_missing(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, alikassa_field_role_t role,
    alikassa_field_errors_t *errors);


#endif /* _ALIKASSA_VALIDATE_H_INCLUDED_ */
