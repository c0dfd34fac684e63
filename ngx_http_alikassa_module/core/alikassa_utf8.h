
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * UTF-8 by RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF.
 */


#ifndef _ALIKASSA_UTF8_H_INCLUDED_
#define _ALIKASSA_UTF8_H_INCLUDED_


#include "alikassa.h"


/*
 * Tells whether s is well-formed UTF-8, and counts its code points into
 * *chars, which may be NULL.  A NUL is a character.
 */

int alikassa_utf8_check(const alikassa_str_t *s, size_t *chars);


/*
 * Decodes the character at *p, which must be before end, and moves *p behind
 * the character.  Returns the code point, or -1 if the character is malformed;
 * then *p moves by one byte.
 */

int32_t alikassa_utf8_decode(const unsigned char **p,
    const unsigned char *end);


/*
 * Tells whether s has a control character: C0, DEL or C1 (two bytes of UTF-8).
 * U+2028 and U+2029 do not count: no reader of a header, of a request line or
 * of a log takes them for the end of a line.
 */

int alikassa_utf8_controls(const alikassa_str_t *s);


#endif /* _ALIKASSA_UTF8_H_INCLUDED_ */
