
/*
 * What the decoders share.
 */


#ifndef _ALIKASSA_INPUT_INTERNAL_H_INCLUDED_
#define _ALIKASSA_INPUT_INTERNAL_H_INCLUDED_


#include "alikassa_input.h"


/*
 * Sets malformed, plain and repeated of each input, and their lengths; what
 * is set stays set.  There are at most ALIKASSA_INPUT_MAX_FIELDS of them.
 * all, unless it is NULL, is a text in which all names and values lie: most
 * often one look at it is enough.
 */

void alikassa_inputs_mark(alikassa_inputs_t *inputs,
    const alikassa_str_t *all);


/*
 * The value of a hex digit, or -1.
 */

int alikassa_form_hex(unsigned char c);


#endif /* _ALIKASSA_INPUT_INTERNAL_H_INCLUDED_ */
