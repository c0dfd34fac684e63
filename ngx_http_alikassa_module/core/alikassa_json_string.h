
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * JSON strings: as PHP's json_encode() writes them, and with the fewest
 * escapes that RFC 8259 requires.
 */


#ifndef _ALIKASSA_JSON_STRING_H_INCLUDED_
#define _ALIKASSA_JSON_STRING_H_INCLUDED_


#include "alikassa.h"


/* bits of alikassa_json_chars[] */
#define ALIKASSA_JSON_CHAR   1      /* ASCII that needs no escape */
#define ALIKASSA_JSON_PLAIN  2      /* and that json_encode() leaves as is */
#define ALIKASSA_JSON_SPACE  4      /* white space between values */

/* a word of eight bytes with the value c */
#define alikassa_json_bytes(c)  (UINT64_C(0x0101010101010101) * (c))


/* the bits of each byte */
extern const unsigned char  alikassa_json_chars[256];


/*
 * Skips the characters from p on that have a bit of alikassa_json_chars[],
 * ALIKASSA_JSON_CHAR or ALIKASSA_JSON_PLAIN.  Returns the first position of
 * another character, or last.
 *
 * Eight bytes at a time are tested while there are so many.  In a word of
 * ASCII, w - c * 0x01..01 sets the highest bit of at least the lowest byte
 * that is less than c.
 */

static inline const unsigned char *
alikassa_json_span(const unsigned char *p, const unsigned char *last,
    unsigned bit)
{
    uint64_t  w, quote, slash, backslash, found;

    for ( /* void */ ; last - p >= 8; p += 8) {

        memcpy(&w, p, 8);

        quote = w ^ alikassa_json_bytes('"');
        backslash = w ^ alikassa_json_bytes('\\');

        found = w
                | (w - alikassa_json_bytes(0x20))
                | (quote - alikassa_json_bytes(1))
                | (backslash - alikassa_json_bytes(1));

        if (bit == ALIKASSA_JSON_PLAIN) {
            slash = w ^ alikassa_json_bytes('/');
            found |= slash - alikassa_json_bytes(1);
        }

        if (found & alikassa_json_bytes(0x80)) {
            break;
        }
    }

    while (p < last && (alikassa_json_chars[*p] & bit)) {
        p++;
    }

    return p;
}


/*
 * Tells whether json_encode() with its default flags leaves every byte of s
 * as it is: ASCII without control characters, quotation marks, backslashes
 * and slashes.  Such a string is valid UTF-8 and has as many characters as
 * bytes.
 */

int alikassa_json_plain(const alikassa_str_t *s);


/*
 * Writes src, which must be plain, between quotation marks.  With dst NULL
 * nothing is written.  Returns the length in both cases.
 */

static inline size_t
alikassa_json_write_plain(unsigned char *dst, const alikassa_str_t *src)
{
    if (dst != NULL) {
        dst[0] = '"';

        if (src->len) {
            memcpy(dst + 1, src->data, src->len);
        }

        dst[src->len + 1] = '"';
    }

    return src->len + 2;
}


/*
 * Writes src, which must be UTF-8, as PHP's json_encode() with its default
 * flags writes a string, quotation marks included: "/" as "\/", a non-ASCII
 * character as \uxxxx in lower case with surrogate pairs, \b \f \n \r \t,
 * other control characters as \u00xx, DEL and everything else unchanged.
 *
 * With dst NULL nothing is written.  Returns the length in both cases; dst
 * must have room for that many bytes.
 */

size_t alikassa_json_write_string(unsigned char *dst,
    const alikassa_str_t *src);


/*
 * Writes src as a JSON string with \b \f \n \r \t, other control characters as
 * \u00xx, and further escapes as the bits of escape say: "/" as "\/",
 * non-ASCII characters as \uxxxx, or only U+2028 and U+2029 so.  A byte that
 * is not part of valid UTF-8 becomes \ufffd.  dst and the return value are as
 * above.
 */

#define ALIKASSA_JSON_ESCAPE_SLASH    1
#define ALIKASSA_JSON_ESCAPE_UNICODE  2
#define ALIKASSA_JSON_ESCAPE_LINES    4

size_t alikassa_json_write_escaped(unsigned char *dst,
    const alikassa_str_t *src, unsigned escape);


/*
 * Writes src as a JSON string for the module's own responses and logs: only
 * what RFC 8259 requires is escaped, and a byte that is not part of valid
 * UTF-8 becomes \ufffd.  dst and the return value are as above.
 */

static inline size_t
alikassa_json_write_text(unsigned char *dst, const alikassa_str_t *src)
{
    return alikassa_json_write_escaped(dst, src, 0);
}


#endif /* _ALIKASSA_JSON_STRING_H_INCLUDED_ */
