
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * AliKassa's response to a call, and the outcome of the call.
 */


#ifndef _ALIKASSA_RESPONSE_H_INCLUDED_
#define _ALIKASSA_RESPONSE_H_INCLUDED_


#include "alikassa_operation.h"


/* bytes of a body; AliKassa's have some hundred */
#define ALIKASSA_RESPONSE_MAX  (256 * 1024)


/* what became of an order */

typedef enum {
    ALIKASSA_OUTCOME_NONE = 0,
    ALIKASSA_OUTCOME_ACCEPTED,      /* AliKassa accepted the order */
    ALIKASSA_OUTCOME_REJECTED,      /* AliKassa refused: no order exists */
    ALIKASSA_OUTCOME_INVALID,       /* the module refused: nothing was sent */
    ALIKASSA_OUTCOME_UNSENT,        /* the call was not sent: may be retried */
    ALIKASSA_OUTCOME_UNKNOWN,       /* the order may exist */
    ALIKASSA_OUTCOME_REPLAYED       /* the stored response was sent */
} alikassa_outcome_t;


/*
 * The members that the module uses; empty if absent.  Each is in the pool and
 * ends with a NUL that is not counted.
 */

typedef struct {
    alikassa_str_t           id;
    alikassa_str_t           uuid;
    alikassa_str_t           url;
    alikassa_str_t           payment_status;
    alikassa_str_t           order_id;

    /* the body is a complete JSON object, which may be passed on */
    unsigned                 object:1;

    /* the call moves money and is rejected, and the body names "order_id" */
    unsigned                 names_order:1;
} alikassa_response_t;


/*
 * Determines the outcome from the HTTP status and the body:
 *
 * accepted: 2xx and a JSON object, which has an "id" if the call moves money;
 * rejected: 4xx except 408, and a JSON object;
 * unknown: everything else.
 *
 * ALIKASSA_OK: *response and *outcome are set.
 * ALIKASSA_ERROR: no memory; *outcome is unknown.
 */

alikassa_rc_t alikassa_response_read(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, unsigned status,
    const alikassa_str_t *body, alikassa_response_t *response,
    alikassa_outcome_t *outcome);


/*
 * Tells whether the response has an https link to which a payer may be
 * redirected, see alikassa_url().
 */

int alikassa_response_has_link(const alikassa_response_t *response);


/*
 * Tells whether the response to a status query means that the order does not
 * exist: HTTP 404 with a JSON object.
 */

int alikassa_response_not_found(unsigned status,
    const alikassa_response_t *response);


/*
 * Tells whether a rejection has a status that AliKassa never gives to a call
 * that moves money.  Then the path or the account may be wrong, and "not
 * found" of a status query proves nothing.
 */

int alikassa_response_is_wrong_path(unsigned status);


/*
 * Tells whether the response names an order_id that differs from order_id.
 */

int alikassa_response_is_other_order(const alikassa_response_t *response,
    const alikassa_str_t *order_id);


/*
 * Tells whether the order may exist although the call is rejected: the status
 * is 409, or "errors" or "message" name the order_id, which is how AliKassa
 * says that the order_id was used before.
 */

int alikassa_response_order_may_exist(unsigned status,
    const alikassa_response_t *response);


/*
 * Tells whether AliKassa refuses the caller, not the order: the key, the
 * account, the digest or the path is wrong.  A 404 that means "not found"
 * (see above) is no such refusal.
 */

int alikassa_response_is_caller_denied(const alikassa_operation_t *op,
    unsigned status, const alikassa_response_t *response);


/*
 * Tells whether a response with this status may have Retry-After.
 */

int alikassa_response_may_have_retry_after(unsigned status);


/*
 * Returns "accepted" and so on, or an empty string for none.  The string is
 * static.
 */

const alikassa_str_t *alikassa_outcome_name(alikassa_outcome_t outcome);


#endif /* _ALIKASSA_RESPONSE_H_INCLUDED_ */
