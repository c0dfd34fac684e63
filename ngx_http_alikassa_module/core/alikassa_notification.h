
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Notifications: AliKassa tells the shop that the status of a payment has
 * changed, and signs what it tells.
 *
 * The shop must read what was verified, whatever parser it has.  A
 * notification is therefore refused not only if a signed field is wrong, but
 * also if two parsers could read it differently.
 */


#ifndef _ALIKASSA_NOTIFICATION_H_INCLUDED_
#define _ALIKASSA_NOTIFICATION_H_INCLUDED_


#include "alikassa_input.h"
#include "alikassa_notification_names.h"
#include "alikassa_verifier.h"


/* values of the documented fields and of the configured ones */
#define ALIKASSA_NOTIFICATION_VALUES                                          \
    (ALIKASSA_NOTIFICATION_NFIELDS + ALIKASSA_NOTIFICATION_MAX_FIELDS)


/*
 * A notification.  The caller zeroes the structure and then sets fields and
 * extra, which must outlive it.
 */

typedef struct {
    const alikassa_notification_fields_t  *fields;
    const alikassa_notification_extra_t   *extra;

    /* data is NULL if the field is absent */
    alikassa_str_t           values[ALIKASSA_NOTIFICATION_VALUES];

    /* base64, as it was sent */
    alikassa_str_t           sign;

    /* a bit for each value that is a JSON boolean */
    uint64_t                 booleans;

    /* a bit for each value, and for sign, that was sent, even as null */
    uint64_t                 seen;

    /* the parameters that were added first */
    alikassa_inputs_t        first;
} alikassa_notification_t;


/*
 * Verifies the notification: the signature, with each of the keys, over the
 * JSON object of the signed fields in their order, with the id as an integer
 * and absent fields as null.  The object is written in each of the ways in
 * which "/" and non-ASCII characters may be escaped, first as PHP's
 * json_encode() writes it; without commission_amount also in the older form
 * that lacks this field.  Every one of these texts has the same values.
 *
 * account, unless it is NULL, is the account that the notification must name
 * if the account is signed.
 *
 * ALIKASSA_OK: the signature is one of AliKassa's, and every field is well
 * formed.
 * ALIKASSA_DECLINED: errmsg says why not, without personal data.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_notification_verify(const alikassa_pool_t *pool,
    const alikassa_notification_t *notification,
    alikassa_verifier_t *const *verifiers, size_t nverifiers,
    const alikassa_str_t *account, alikassa_errmsg_t *errmsg);


/*
 * Tells whether the status of the payment is final: AliKassa will not change
 * it any more.
 */

int alikassa_notification_final(const alikassa_notification_t *notification);


#endif /* _ALIKASSA_NOTIFICATION_H_INCLUDED_ */
