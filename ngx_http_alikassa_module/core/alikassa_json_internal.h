
/*
 * What the parts that read and write JSON share.
 */


#ifndef _ALIKASSA_JSON_INTERNAL_H_INCLUDED_
#define _ALIKASSA_JSON_INTERNAL_H_INCLUDED_


#include "alikassa_input.h"
#include "alikassa_json.h"


/* so many numbers are noted without another allocation */
#define ALIKASSA_JSON_FEW_NUMBERS  32

/* so many names are sooner compared with each other than sorted */
#define ALIKASSA_JSON_FEW_NAMES  16

/* bits of alikassa_json_chars[] */
#define ALIKASSA_JSON_CHAR   1      /* ASCII, goes through a string as it is */
#define ALIKASSA_JSON_PLAIN  2      /* and json_encode() leaves it so */
#define ALIKASSA_JSON_SPACE  4      /* between values, it means nothing */

/* a byte in each of a word's */
#define alikassa_json_bytes(c)  (UINT64_C(0x0101010101010101) * (c))


/* an array or object that is not closed yet */

typedef struct {
    size_t                   names;
    unsigned char            close;
} alikassa_json_level_t;


typedef struct {
    const unsigned char     *start;
    const unsigned char     *p;
    const unsigned char     *last;

    alikassa_str_t           value;         /* without the space around */

    size_t                   depth;
    size_t                   items;
    size_t                   most;          /* names in one object */

    alikassa_str_t          *numbers;       /* few, or from cJSON_malloc() */
    size_t                   nnumbers;
    size_t                   nalloc;
    size_t                   longest;       /* number */

    alikassa_reason_t       *reason;

    size_t                   escapes;

    /*
     * flat: the text is an object of few members, all of them scalars, with
     * no escape in a name.  A member's value is as it stands in the text, a
     * string's without the quotes; escaped: by member, there is an escape
     * in it.
     */
    unsigned                 flat:1;
    uint32_t                 escaped;
    size_t                   nmembers;
    alikassa_input_t         members[ALIKASSA_JSON_FEW_NAMES];

    alikassa_json_level_t    levels[ALIKASSA_JSON_MAX_DEPTH];
    alikassa_str_t           few[ALIKASSA_JSON_FEW_NUMBERS];
} alikassa_json_scan_t;


extern const unsigned char  alikassa_json_chars[256];


/*
 * Passes over the characters at p that have a bit of alikassa_json_chars[],
 * which is ALIKASSA_JSON_CHAR or ALIKASSA_JSON_PLAIN.  Returns where they
 * end.
 *
 * Eight at a time, as long as there are so many: in a word of ASCII, the
 * highest bit of a byte of w - c * 0x01..01 tells of the lowest byte, at
 * least, that is less than c.
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
 * Proves text as alikassa_json_parse() promises, but for equal names.
 * Whatever the result, scan must be freed with alikassa_json_scan_free().
 */

alikassa_rc_t alikassa_json_scan(alikassa_json_scan_t *scan,
    const alikassa_str_t *text, alikassa_reason_t *reason);


void alikassa_json_scan_free(alikassa_json_scan_t *scan);


#endif /* _ALIKASSA_JSON_INTERNAL_H_INCLUDED_ */
