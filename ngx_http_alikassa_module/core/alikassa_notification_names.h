
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The names of a notification's parameters: which ones are signed, and which
 * others a parser of a shop could take for a signed one.
 */


#ifndef _ALIKASSA_NOTIFICATION_NAMES_H_INCLUDED_
#define _ALIKASSA_NOTIFICATION_NAMES_H_INCLUDED_


#include "alikassa.h"


/*
 * The documented fields, in the order in which they are signed.  The value of
 * each is at this index of alikassa_notification_t.values; the values of
 * configured fields that are not documented follow.
 */

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


/* signed fields, "sign" not counted */
#define ALIKASSA_NOTIFICATION_MAX_FIELDS  32

/* bytes of a signed field's name */
#define ALIKASSA_NOTIFICATION_MAX_NAME  64


/* the signed fields in the order in which they are signed */

typedef struct {
    alikassa_str_t           names[ALIKASSA_NOTIFICATION_MAX_FIELDS];

    /* the index of each field's value */
    unsigned char            places[ALIKASSA_NOTIFICATION_MAX_FIELDS];

    size_t                   nelts;

    /* a notification without commission_amount may be signed without it */
    unsigned                 older:1;
} alikassa_notification_fields_t;


/*
 * The names of parameters that are not signed and still allowed.  "*" stands
 * for any name that is harmless.
 */

typedef struct {
    const alikassa_str_t    *elts;
    size_t                   nelts;
} alikassa_notification_extra_t;


/*
 * Returns the documented fields: these eleven, or ten of them without
 * commission_amount.  The list is static.
 */

const alikassa_notification_fields_t *alikassa_notification_default(void);


/*
 * Sets the fields to those of the names, which are not copied and must
 * outlive them.
 *
 * ALIKASSA_OK: fields is set.
 * ALIKASSA_DECLINED: errmsg says what is wrong: more than
 * ALIKASSA_NOTIFICATION_MAX_FIELDS names, a name that is malformed or too
 * long, a name that a parser could take for another one or for "sign", or id,
 * order_id or payment_status is missing.
 */

alikassa_rc_t alikassa_notification_fields_set(
    alikassa_notification_fields_t *fields, const alikassa_str_t *names,
    size_t n, alikassa_errmsg_t *errmsg);


/*
 * Returns the index of the value of a signed field, or -1.
 */

int alikassa_notification_find(const alikassa_notification_fields_t *fields,
    const alikassa_str_t *name);


/*
 * Does the same for a name in lower case, the case in which nginx has the
 * names of variables, whatever case the name of the field has.
 */

int alikassa_notification_find_lower(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name);


/*
 * Tells whether the account is signed, so that a notification of another
 * merchant is refused.
 */

int alikassa_notification_signs_account(
    const alikassa_notification_fields_t *fields);


/*
 * Tells whether an unsigned parameter of that name may be allowed: no parser
 * takes it for a signed parameter, and none reads the other parameters
 * differently because of it.
 */

int alikassa_notification_is_harmless(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name);


/*
 * Checks a header of the request.
 *
 * ALIKASSA_OK: the header changes nothing of what a shop reads.
 * ALIKASSA_DECLINED: a cookie has the name of a signed field, and PHP's
 * $_REQUEST prefers the cookie, or the header asks the shop to take another
 * method for that of the request.  errmsg says which.
 */

alikassa_rc_t alikassa_notification_header(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name,
    const alikassa_str_t *value, alikassa_errmsg_t *errmsg);


#endif /* _ALIKASSA_NOTIFICATION_NAMES_H_INCLUDED_ */
