
/*
 * Notifications: AliKassa's word that a payment is final.
 *
 * What reaches the shop must be what was proven, whatever parser the shop
 * has: so a notification is refused not only where a signed field is wrong,
 * but also where two parsers might read it differently.
 */


#ifndef _ALIKASSA_NOTIFICATION_H_INCLUDED_
#define _ALIKASSA_NOTIFICATION_H_INCLUDED_


#include "alikassa.h"
#include "alikassa_input.h"
#include "alikassa_media.h"
#include "alikassa_verifier.h"


/*
 * The documented fields, in the order in which they are signed.  A value has
 * the place of its field; configured fields that are not among these have
 * the places behind them.
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

/* parameters, empty ones too: some parsers take no more than 100 */
#define ALIKASSA_NOTIFICATION_MAX_INPUTS  64

#define ALIKASSA_NOTIFICATION_VALUES                                          \
    (ALIKASSA_NOTIFICATION_NFIELDS + ALIKASSA_NOTIFICATION_MAX_FIELDS)


/* the signed fields, in their order */

typedef struct {
    alikassa_str_t           names[ALIKASSA_NOTIFICATION_MAX_FIELDS];

    /* where the value of each is */
    unsigned char            places[ALIKASSA_NOTIFICATION_MAX_FIELDS];

    size_t                   nelts;

    /* one without commission_amount may be signed without it */
    unsigned                 older:1;
} alikassa_notification_fields_t;


/*
 * Names of parameters that are not signed and may be there.  "*" stands for
 * any.
 */

typedef struct {
    const alikassa_str_t    *elts;
    size_t                   nelts;
} alikassa_notification_extra_t;


/*
 * A notification, zeroed before fields and extra are set.
 */

typedef struct {
    const alikassa_notification_fields_t  *fields;
    const alikassa_notification_extra_t   *extra;

    /* data is NULL where the field is absent */
    alikassa_str_t           values[ALIKASSA_NOTIFICATION_VALUES];

    /* base64, as sent */
    alikassa_str_t           sign;

    /* bits of values: a JSON boolean */
    uint64_t                 booleans;

    /* bits of values, and of sign, that were there, if only as null */
    uint64_t                 seen;

    /* what was added first */
    alikassa_inputs_t        first;
} alikassa_notification_t;


/* alikassa_notification_names.c */

/*
 * Returns the documented fields: the eleven, or the ten without
 * commission_amount.
 */

const alikassa_notification_fields_t *alikassa_notification_default(void);


/*
 * Sets the fields to those of the names, which must outlive them.
 *
 * ALIKASSA_DECLINED: reason says what is wrong: more than
 * ALIKASSA_NOTIFICATION_MAX_FIELDS, a name that is no name, that is too long,
 * that a parser might take for another one or for "sign", or no id, order_id
 * or payment_status.
 */

alikassa_rc_t alikassa_notification_fields_set(
    alikassa_notification_fields_t *fields, const alikassa_str_t *names,
    size_t n, alikassa_reason_t *reason);


/*
 * Returns where the value of a signed field is, or -1.
 */

int alikassa_notification_find(const alikassa_notification_fields_t *fields,
    const alikassa_str_t *name);


/*
 * Does the same for a name in small letters, as nginx makes those of
 * variables, whatever letters the field's name has.
 */

int alikassa_notification_find_lower(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name);


/*
 * Returns whether a parameter of that name may be allowed though it is not
 * signed: no parser might take it for a signed one, and none reads the others
 * differently because of it.
 */

int alikassa_notification_is_harmless(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name);


/*
 * Judges a header of the request.
 *
 * ALIKASSA_DECLINED: a cookie has the name of a signed field (in PHP's
 * $_REQUEST it is the cookie that counts), or the header asks the shop to
 * take another method for the request's.
 */

alikassa_rc_t alikassa_notification_header(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name,
    const alikassa_str_t *value, alikassa_reason_t *reason);


/* alikassa_notification_input.c */

/*
 * Judges the request's target as it was sent.
 *
 * ALIKASSA_DECLINED: it has a fragment, which is no part of the query for
 * nginx and is one for others, or a semicolon, which for some parsers
 * separates parameters or begins one of the path, or its path is not plain:
 * it has an escape, an empty segment, one of dots, "&", "=" or another
 * character than letters, digits and -._~/!$'()*+,:@
 */

alikassa_rc_t alikassa_notification_uri(const alikassa_str_t *uri,
    alikassa_reason_t *reason);


/*
 * Returns JSON or form for a Content-Type that has no parameter but
 * charset=utf-8: what other parsers make of others is unknown.
 */

alikassa_media_type_t alikassa_notification_media(const alikassa_str_t *type);


/*
 * Adds the parameters of a query or a form to the notification; the text must
 * outlive it.  Unless may_sign is set, signed ones are refused: all must come
 * from one place.
 *
 * ALIKASSA_DECLINED: reason says why, without personal data:
 * - a character is not escaped that separates parameters or is none of a
 *   URL's, or an escape is malformed
 * - a parameter is repeated, a signed one without "=", or there are too many
 * - a name might be taken for a signed one
 * - a name is not signed and not among the extra ones
 * - a value is not UTF-8
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_notification_add_form(const alikassa_pool_t *pool,
    alikassa_notification_t *notification, const alikassa_str_t *text,
    int may_sign, alikassa_reason_t *reason);


/*
 * Adds the members of a JSON object, likewise.  Each must be of the type that
 * is signed: a string, or null where it is absent; an id may be a number, and
 * is_partial_payment and fields that are not documented may be booleans.
 */

alikassa_rc_t alikassa_notification_add_json(const alikassa_pool_t *pool,
    alikassa_notification_t *notification, const alikassa_str_t *text,
    alikassa_reason_t *reason);


/*
 * Returns whether both have the same signed parameters and sign, as read, with
 * the same types.
 */

int alikassa_notification_equal(const alikassa_notification_t *a,
    const alikassa_notification_t *b);


/* alikassa_notification.c */

/*
 * Proves the notification: the signature, with each of the keys, over the
 * JSON object of the fields in their order, the id as an integer, absent ones
 * as null.  The object is spelt in each of the ways in which "/" and non-ASCII
 * characters are escaped or are not, PHP's json_encode() being the first; and
 * where commission_amount is absent, in the older form without it.  All
 * spellings bind the same values.
 *
 * account, unless NULL, is whose notification it must be, where the account
 * is signed.
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
 * Returns whether the payment's status will not change any more.
 */

int alikassa_notification_final(const alikassa_notification_t *notification);


#endif /* _ALIKASSA_NOTIFICATION_H_INCLUDED_ */
