
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * What the three files of the notification share.
 */


#ifndef _ALIKASSA_NOTIFICATION_INTERNAL_H_INCLUDED_
#define _ALIKASSA_NOTIFICATION_INTERNAL_H_INCLUDED_


#include "alikassa_notification.h"


/* the bit of sign among those of the values */
#define ALIKASSA_NOTIFICATION_SIGN  63


/* how the value of a field is validated and signed; by default as a string */

typedef struct {
    alikassa_str_t           name;
    unsigned                 integer:1;     /* a JSON number, not a string */
    unsigned                 boolean:1;     /* or true and false */
    unsigned                 account:1;     /* the account of the merchant */
    unsigned                 newer:1;       /* absent in the older form */
    unsigned                 text:1;        /* control characters are allowed,
                                               the shop or the payer wrote
                                               the value */
} alikassa_notification_row_t;


/*
 * Returns the row of the field whose value has this index.  The row is static.
 */

const alikassa_notification_row_t *alikassa_notification_row(int place);


/*
 * Tells whether name is the name of the signature.
 */

int alikassa_notification_is_sign(const alikassa_str_t *name);


/*
 * Tells whether extra allows the name, which is not the name of a signed
 * field.
 */

int alikassa_notification_is_extra(const alikassa_notification_extra_t *extra,
    const alikassa_str_t *name);


/*
 * Sets errmsg and returns ALIKASSA_DECLINED.
 */

alikassa_rc_t alikassa_notification_refuse(alikassa_errmsg_t *errmsg,
    const char *text);


#endif /* _ALIKASSA_NOTIFICATION_INTERNAL_H_INCLUDED_ */
