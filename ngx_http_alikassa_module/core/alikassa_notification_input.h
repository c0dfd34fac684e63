
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Reading a notification: its target, its Content-Type and its parameters.
 */


#ifndef _ALIKASSA_NOTIFICATION_INPUT_H_INCLUDED_
#define _ALIKASSA_NOTIFICATION_INPUT_H_INCLUDED_


#include "alikassa_media.h"
#include "alikassa_notification.h"


/* parameters, empty ones included: some parsers take no more than 100 */
#define ALIKASSA_NOTIFICATION_MAX_INPUTS  64


/*
 * Checks the target of the request as it was sent.
 *
 * ALIKASSA_OK: every parser finds the same path and the same query in it.
 * ALIKASSA_DECLINED: errmsg says what is wrong: a fragment, which nginx does
 * not count to the query and other parsers do; a semicolon, which for some
 * parsers separates parameters or begins a parameter of the path; or a path
 * with an escape, an empty segment, a segment of dots, "&", "=" or another
 * character than letters, digits and -._~/!$'()*+,:@
 */

alikassa_rc_t alikassa_notification_uri(const alikassa_str_t *uri,
    alikassa_errmsg_t *errmsg);


/*
 * Returns JSON or form for a Content-Type that has no parameter except
 * charset=utf-8, else ALIKASSA_MEDIA_OTHER: parsers differ in what they make
 * of other parameters.
 */

alikassa_media_type_t alikassa_notification_media(const alikassa_str_t *type);


/*
 * Adds the parameters of a query or a form to the notification.  The text is
 * not copied and must outlive the notification.  If may_sign is 0, signed
 * parameters are refused: all of them must come from one place.
 *
 * ALIKASSA_OK: the parameters are added.
 * ALIKASSA_DECLINED: errmsg says what is wrong, without personal data:
 * - a character is not escaped that separates parameters or that a URL may
 *   not have, or an escape is malformed
 * - a parameter is repeated, a signed one has no "=", or there are more than
 *   ALIKASSA_NOTIFICATION_MAX_INPUTS
 * - a parser could take a name for a signed one
 * - a name is neither signed nor one of the extra names
 * - a value is not UTF-8
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_notification_add_form(const alikassa_pool_t *pool,
    alikassa_notification_t *notification, const alikassa_str_t *text,
    int may_sign, alikassa_errmsg_t *errmsg);


/*
 * Adds the members of a JSON object in the same way.  Each value must have
 * the type that is signed: a string, or null for an absent field; the id may
 * be a number, and is_partial_payment and fields that are not documented may
 * be booleans.
 */

alikassa_rc_t alikassa_notification_add_json(const alikassa_pool_t *pool,
    alikassa_notification_t *notification, const alikassa_str_t *text,
    alikassa_errmsg_t *errmsg);


/*
 * Tells whether both notifications have the same signed parameters and the
 * same sign, as they were read, with the same types.
 */

int alikassa_notification_equal(const alikassa_notification_t *a,
    const alikassa_notification_t *b);


#endif /* _ALIKASSA_NOTIFICATION_INPUT_H_INCLUDED_ */
