
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Validating single values: amount, integer, address, URL, UUID.
 */


#ifndef _ALIKASSA_VALUE_H_INCLUDED_
#define _ALIKASSA_VALUE_H_INCLUDED_


#include "alikassa.h"


/* "999999999.99" */
#define ALIKASSA_AMOUNT_LEN  12

#define ALIKASSA_UUID_LEN  36


/*
 * Tells whether value is a decimal (11.2): 0.01 to 999999999.99 in decimal
 * digits, without a sign, an exponent or a leading zero except the one before
 * the point, with at most two digits after the point and then any number of
 * zeros, as a database writes a decimal(15,4).  Sets *out to the canonical
 * text, a part of value without trailing zeros and without a bare point.
 */

int alikassa_amount(const alikassa_str_t *value, alikassa_str_t *out);


/*
 * Tells whether value is an integer from 1 to 2^63 - 1, without a sign and
 * without leading zeros.
 */

int alikassa_integer(const alikassa_str_t *value);


/*
 * Tells whether value is an IPv4 or IPv6 address that inet_pton() accepts,
 * without a zone and without a port.
 */

int alikassa_ip(const alikassa_str_t *value);


/*
 * Tells whether value is an absolute http or https URL with a host, without
 * white space, control characters, backslashes, double quotes and angle
 * brackets.  Accepts every URL that RFC 3986 and Laravel's "url" rule accept,
 * and some more.  With https_only, refuses http and a user name: a payer is
 * redirected only to what is left.
 */

int alikassa_url(const alikassa_str_t *value, int https_only);


/*
 * Tells whether value is a UUID: 8-4-4-4-12 hex digits of either case.
 */

int alikassa_uuid(const alikassa_str_t *value);


#endif /* _ALIKASSA_VALUE_H_INCLUDED_ */
