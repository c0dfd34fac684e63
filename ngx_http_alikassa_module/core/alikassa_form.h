
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The format application/x-www-form-urlencoded, also of query strings.
 */


#ifndef _ALIKASSA_FORM_H_INCLUDED_
#define _ALIKASSA_FORM_H_INCLUDED_


#include "alikassa_input.h"


/*
 * Decodes a form or a query string by the URL standard of the WHATWG, section
 * 5.1: "&" separates pairs, "+" is a space, a "%" without two hex digits
 * stands for itself.  A pair without "=" has an empty value; empty pairs are
 * skipped.
 *
 * The list is in the pool; names and values are there or in body, which must
 * outlive the list.
 *
 * ALIKASSA_OK: inputs is set, its bits too (see alikassa_inputs_mark()).
 * ALIKASSA_DECLINED: more than ALIKASSA_INPUT_MAX_FIELDS pairs.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_form_decode(const alikassa_pool_t *pool,
    const alikassa_str_t *body, alikassa_inputs_t *inputs,
    alikassa_errmsg_t *errmsg);


/*
 * Returns the value of a hex digit of either case, or -1.
 */

int alikassa_form_hex(unsigned char c);


#endif /* _ALIKASSA_FORM_H_INCLUDED_ */
