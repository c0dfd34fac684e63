
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The JSON that the module itself answers with: errors in AliKassa's own
 * shape, and the answer for an order that exists.
 */


#ifndef _ALIKASSA_REFUSAL_H_INCLUDED_
#define _ALIKASSA_REFUSAL_H_INCLUDED_


#include "alikassa_response.h"
#include "alikassa_validate.h"


/*
 * What an error says.  errors may be NULL or empty.  outcome, unless it is
 * ALIKASSA_OUTCOME_NONE, tells what became of the order; then an order_id
 * that is not empty is written, too.
 */

typedef struct {
    alikassa_str_t                  message;
    const alikassa_field_errors_t  *errors;
    alikassa_outcome_t              outcome;
    alikassa_str_t                  order_id;
} alikassa_refusal_t;


/*
 * Writes {"message":"...","errors":{"field":["..."],...}}, the shape in which
 * AliKassa itself refuses, and with an outcome
 * ,"outcome":"unknown","order_id":"..." after the errors.
 *
 * With dst NULL nothing is written.  Returns the length in both cases; dst
 * must have room for that many bytes.
 */

size_t alikassa_refusal_write(unsigned char *dst,
    const alikassa_refusal_t *refusal);


/*
 * Writes the same to the pool.
 *
 * ALIKASSA_OK: *out is the text, one allocation of exactly its length.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_refusal_build(const alikassa_pool_t *pool,
    const alikassa_refusal_t *refusal, alikassa_str_t *out);


/*
 * Writes the response for an order that a status query found, while the
 * response to its payment is lost:
 * {"message":"...","payment_status":"...","id":1,"order_id":"..."}.
 * payment_status and id are those of the status response, and are left out
 * where it has none; an id that is no integer is written as a string.
 *
 * With dst NULL nothing is written.  Returns the length in both cases; dst
 * must have room for that many bytes.
 */

size_t alikassa_existing_order_write(unsigned char *dst,
    const alikassa_response_t *response, const alikassa_str_t *order_id);


/*
 * Writes the same to the pool.  The return values are those of
 * alikassa_refusal_build().
 */

alikassa_rc_t alikassa_existing_order_build(const alikassa_pool_t *pool,
    const alikassa_response_t *response, const alikassa_str_t *order_id,
    alikassa_str_t *out);


#endif /* _ALIKASSA_REFUSAL_H_INCLUDED_ */
