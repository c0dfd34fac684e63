
/*
 * JSON as RFC 8259 has it, and as PHP's json_encode() writes it.
 *
 * cJSON builds the tree, but forgives too much for money: "01", "1.", a raw
 * newline in a string, a byte-order mark, invalid UTF-8, a NUL that ends a
 * string early, equal keys, a number of any size squeezed into a double.  So
 * the text is proven here first, and numbers are taken from the text.
 */


#ifndef _ALIKASSA_JSON_H_INCLUDED_
#define _ALIKASSA_JSON_H_INCLUDED_


#include <cjson/cJSON.h>

#include "alikassa.h"


/* nesting of arrays and objects, the outermost included */
#define ALIKASSA_JSON_MAX_DEPTH  32

/* values and member names together, in the whole text */
#define ALIKASSA_JSON_MAX_ITEMS  4096

/*
 * The text of a number that is written again, or that is the whole text.  Any
 * other may be longer, and whoever uses it judges it: not every cJSON takes a
 * longer one, and is not given it.
 */
#define ALIKASSA_JSON_MAX_NUMBER  63

/*
 * numbers of one object that must be read as doubles to be written, at some
 * microseconds each: those of 16 digits or more that are no 64-bit integers
 */
#define ALIKASSA_JSON_MAX_CONVERTED  256

/* bytes of an object that is re-encoded: each may need an escape */
#define ALIKASSA_JSON_MAX_REENCODED  (256 * 1024)


/*
 * A parsed text.  The tree is cJSON's own, from malloc(): it is freed with
 * alikassa_json_free().  numbers[] holds the text of each number in the order
 * of the text, each pointing into it; a number item's valueint is its index
 * there.  The text must outlive this.
 */

typedef struct {
    cJSON                   *root;
    alikassa_str_t          *numbers;
    size_t                   nnumbers;
} alikassa_json_t;


/*
 * Proves that text is one JSON value by RFC 8259 and nothing else: UTF-8
 * (RFC 3629), no byte-order mark, no \u0000, no unpaired surrogate, within
 * the limits above, no equal names in one object; then parses it.
 *
 * ALIKASSA_OK: json is set and must be freed.
 * ALIKASSA_DECLINED: reason says why ("unexpected character at byte 12", the
 * first byte being 0).
 * ALIKASSA_ERROR: no memory, or cJSON's tree is not what was proven.
 */

alikassa_rc_t alikassa_json_parse(const alikassa_str_t *text,
    alikassa_json_t *json, alikassa_reason_t *reason);


void alikassa_json_free(alikassa_json_t *json);


/*
 * The text of a number item of this tree, as it stood in the input.
 */

const alikassa_str_t *alikassa_json_number(const alikassa_json_t *json,
    const cJSON *item);


/*
 * Whether json_encode() with its default flags leaves all of s as it is:
 * ASCII without controls, quotation marks, backslashes and slashes.  So it is
 * valid UTF-8, too, and has as many characters as bytes.
 */

int alikassa_json_plain(const alikassa_str_t *s);


/*
 * Writes src, which must be plain, between quotes.  With dst NULL nothing is
 * written.  Returns the length in both cases.
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
 * flags writes a string, quotes included: "/" as "\/", every non-ASCII
 * character as \uxxxx in lower case with surrogate pairs, \b \f \n \r \t,
 * other controls as \u00xx, DEL and the rest as they are.
 *
 * With dst NULL nothing is written.  Returns the length in both cases.
 */

size_t alikassa_json_write_string(unsigned char *dst,
    const alikassa_str_t *src);


/*
 * Writes an ordinary JSON string, for answers and logs of our own: only what
 * RFC 8259 demands is escaped; a byte that is no UTF-8 becomes \ufffd.  Same
 * convention as above.
 */

size_t alikassa_json_write_text(unsigned char *dst, const alikassa_str_t *src);


/*
 * Writes src, which must be UTF-8, with \b \f \n \r \t, other controls as
 * \u00xx, and what else escape says: "/" as "\/", non-ASCII characters as
 * \uxxxx, or of these U+2028 and U+2029 only.  A byte that is no UTF-8 becomes
 * \ufffd.  Same convention as above.
 */

#define ALIKASSA_JSON_ESCAPE_SLASH    1
#define ALIKASSA_JSON_ESCAPE_UNICODE  2
#define ALIKASSA_JSON_ESCAPE_LINES    4

size_t alikassa_json_write_escaped(unsigned char *dst,
    const alikassa_str_t *src, unsigned escape);


/*
 * Re-encodes any JSON object exactly as PHP's
 * json_encode(json_decode($text)) would: order kept, white space gone,
 * strings as above, an empty object as {}, numbers as PHP prints them.  A
 * number whose decimal value PHP would change (1e999, 9007199254740993.5,
 * 12345678901234567890) is refused rather than rounded, and so are more
 * than ALIKASSA_JSON_MAX_CONVERTED numbers that have 16 digits or more, and a
 * text of more than ALIKASSA_JSON_MAX_REENCODED bytes.
 *
 * ALIKASSA_OK: *out holds the text, from the pool.
 * ALIKASSA_DECLINED: no JSON object, a number that cannot be kept, or too
 * many long ones.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_json_reencode(const alikassa_pool_t *pool,
    const alikassa_str_t *text, alikassa_str_t *out,
    alikassa_reason_t *reason);


#endif /* _ALIKASSA_JSON_H_INCLUDED_ */
