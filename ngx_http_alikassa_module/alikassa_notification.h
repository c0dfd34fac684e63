
/*
 * Notifications: AliKassa's word that a payment is final.
 */


#ifndef _ALIKASSA_NOTIFICATION_H_INCLUDED_
#define _ALIKASSA_NOTIFICATION_H_INCLUDED_


#include "alikassa.h"
#include "alikassa_input.h"
#include "alikassa_verifier.h"


/* the signed fields, in their order */

typedef enum {
    ALIKASSA_NOTIFICATION_TYPE = 0,
    ALIKASSA_NOTIFICATION_ID,
    ALIKASSA_NOTIFICATION_ORDER_ID,
    ALIKASSA_NOTIFICATION_PAYMENT_STATUS,
    ALIKASSA_NOTIFICATION_AMOUNT,
    ALIKASSA_NOTIFICATION_PAYMENT_AMOUNT,
    ALIKASSA_NOTIFICATION_COMMISSION_AMOUNT,
    ALIKASSA_NOTIFICATION_IS_PARTIAL_PAYMENT,
    ALIKASSA_NOTIFICATION_ACCOUNT,
    ALIKASSA_NOTIFICATION_SERVICE,
    ALIKASSA_NOTIFICATION_DESC,
    ALIKASSA_NOTIFICATION_NFIELDS
} alikassa_notification_field_t;


/* name, value: not more */
#define ALIKASSA_NOTIFICATION_MAX_INPUTS  256


typedef struct {

    /* data is NULL where the field is absent */
    alikassa_str_t           values[ALIKASSA_NOTIFICATION_NFIELDS];

    /* base64, as sent */
    alikassa_str_t           sign;

    /* bits of the fields, and of sign, that were there, if only as null */
    unsigned                 seen;
} alikassa_notification_t;


/*
 * Names of parameters that are not signed and may be there.  "*" stands for
 * any.
 */

typedef struct {
    const alikassa_str_t    *elts;
    size_t                   nelts;
} alikassa_notification_extra_t;


/*
 * Adds the parameters of one place, a query or a body, to the notification,
 * which is zeroed before the first.  The inputs must outlive it.
 *
 * ALIKASSA_DECLINED: reason says why, without personal data:
 * - a signed field is repeated, no text, or not UTF-8
 * - a name might be taken for a signed one: PHP makes "order_id" of
 *   "order.id", " order_id" and "order_id[]", others do not mind capitals
 * - a name is not signed and not among the extra ones
 */

alikassa_rc_t alikassa_notification_add(alikassa_notification_t *notification,
    const alikassa_inputs_t *inputs,
    const alikassa_notification_extra_t *extra, alikassa_reason_t *reason);


/*
 * Some parsers take ";" for "&": finds a signed name behind one in the text
 * of a query or a form, as it was sent.
 *
 * ALIKASSA_DECLINED: there is one.
 */

alikassa_rc_t alikassa_notification_separators(const alikassa_str_t *text,
    alikassa_reason_t *reason);


/*
 * Proves the notification: the forms of its fields, then the signature, with
 * each of the keys, over what PHP's json_encode() makes of the eleven fields
 * in their order, the id as an integer, absent ones as null; then over the
 * spelling of JavaScript's JSON.stringify(), which leaves "/" and non-ASCII
 * characters as they are; and where commission_amount is absent, over the
 * older form without it.  All spellings bind the same values.
 *
 * account, unless NULL, is whose notification it must be.
 *
 * ALIKASSA_OK: it is proven.
 * ALIKASSA_DECLINED: reason says why not, without personal data.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_notification_verify(const alikassa_pool_t *pool,
    const alikassa_notification_t *notification,
    alikassa_verifier_t *const *verifiers, size_t nverifiers,
    const alikassa_str_t *account, alikassa_reason_t *reason);


/*
 * Whether the payment's status will not change any more.
 */

int alikassa_notification_final(const alikassa_notification_t *notification);


/*
 * The place of a signed field, or -1.
 */

int alikassa_notification_find(const alikassa_str_t *name);


#endif /* _ALIKASSA_NOTIFICATION_H_INCLUDED_ */
