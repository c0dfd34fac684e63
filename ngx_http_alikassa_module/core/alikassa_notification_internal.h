
/*
 * What the parts of the notification's check share.
 */


#ifndef _ALIKASSA_NOTIFICATION_INTERNAL_H_INCLUDED_
#define _ALIKASSA_NOTIFICATION_INTERNAL_H_INCLUDED_


#include "alikassa_notification.h"


/* the bit of sign among those of the values */
#define ALIKASSA_NOTIFICATION_SIGN  63


/* how a field's value is judged and signed; by default, as a string */

typedef struct {
    alikassa_str_t           name;
    unsigned                 integer:1;     /* a JSON number, not a string */
    unsigned                 boolean:1;     /* or true and false */
    unsigned                 account:1;
    unsigned                 newer:1;       /* the older form had it not */
    unsigned                 text:1;        /* control characters are allowed,
                                               since others wrote it */
} alikassa_notification_row_t;


/*
 * Returns the row of a value's place.
 */

const alikassa_notification_row_t *alikassa_notification_row(int place);


/*
 * Returns whether name is that of the signature.
 */

int alikassa_notification_is_sign(const alikassa_str_t *name);


/*
 * Returns whether the name is allowed by extra.  It is none of a signed
 * field.
 */

int alikassa_notification_is_extra(const alikassa_notification_extra_t *extra,
    const alikassa_str_t *name);


/*
 * Sets the reason and returns ALIKASSA_DECLINED.
 */

alikassa_rc_t alikassa_notification_refuse(alikassa_reason_t *reason,
    const char *text);


#endif /* _ALIKASSA_NOTIFICATION_INTERNAL_H_INCLUDED_ */
