
/*
 * What the decoders of both kinds of forms share.
 */


#ifndef _ALIKASSA_INPUT_INTERNAL_H_INCLUDED_
#define _ALIKASSA_INPUT_INTERNAL_H_INCLUDED_


#include "alikassa_input.h"


/*
 * Sets malformed and repeated of each input; what is set stays set.  There
 * are at most ALIKASSA_INPUT_MAX_FIELDS of them.
 */

void alikassa_inputs_mark(alikassa_inputs_t *inputs);


/*
 * The value of a hex digit, or -1.
 */

int alikassa_form_hex(unsigned char c);


#endif /* _ALIKASSA_INPUT_INTERNAL_H_INCLUDED_ */
