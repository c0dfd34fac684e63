
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The forms of single values: decimal, integer, address, URL, UUID.
 */


#ifndef _ALIKASSA_VALUE_H_INCLUDED_
#define _ALIKASSA_VALUE_H_INCLUDED_


#include "alikassa.h"


/* "999999999.99" */
#define ALIKASSA_AMOUNT_LEN  12

#define ALIKASSA_UUID_LEN  36


/*
 * decimal (11.2): 0.01 to 999999999.99 as plain decimal text, no sign, no
 * exponent, no leading zero but the one before the point, at most two digits
 * after it and then any number of zeros, as databases write a decimal(15,4).
 * *out is set to the canonical text, a part of value: trailing zeros and a
 * bare point are cut off.  Returns 1, or 0 if it is no amount.
 */

int alikassa_amount(const alikassa_str_t *value, alikassa_str_t *out);


/*
 * A positive integer of at most 2^63 - 1, without sign or leading zeros.
 */

int alikassa_integer(const alikassa_str_t *value);


/*
 * An IPv4 or IPv6 address as inet_pton() takes it, without zone or port.
 */

int alikassa_ip(const alikassa_str_t *value);


/*
 * An absolute http or https URL with a host, without white space, control
 * characters, backslash, double quotes or angle brackets: all that RFC 3986
 * and Laravel's "url" rule take passes, and some that they do not.  Where
 * https_only is set, http is refused, and so is a user name in the authority:
 * that is the form to which a payer may be redirected.
 */

int alikassa_url(const alikassa_str_t *value, int https_only);


/*
 * 8-4-4-4-12 hex digits of either case.
 */

int alikassa_uuid(const alikassa_str_t *value);


#endif /* _ALIKASSA_VALUE_H_INCLUDED_ */
