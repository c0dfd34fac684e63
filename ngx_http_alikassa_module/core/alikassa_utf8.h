
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
 * Counts the characters (code points) of s into *chars, which may be NULL.
 * Returns 1 if s is well-formed UTF-8, else 0.  A NUL is a character.
 */

int alikassa_utf8_check(const alikassa_str_t *s, size_t *chars);


/*
 * Decodes the character at *p, which must be before end, and moves *p behind
 * it.  Returns the code point, or -1 if it is malformed: then *p is moved by
 * one byte.
 */

int32_t alikassa_utf8_decode(const unsigned char **p,
    const unsigned char *end);

/*
 * Returns 1 if s has a control character: C0, DEL or C1, the last as two
 * bytes of UTF-8.  U+2028 and U+2029 are none: nothing that reads a header, a
 * request line or a log takes them for an end of line.
 */

int alikassa_utf8_controls(const alikassa_str_t *s);


#endif /* _ALIKASSA_UTF8_H_INCLUDED_ */
