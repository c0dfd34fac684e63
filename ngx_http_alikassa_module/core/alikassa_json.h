
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * JSON as RFC 8259 defines it, and as PHP's json_encode() writes it.
 *
 * cJSON builds the tree, but it accepts input that is too ambiguous for
 * money: "01", "1.", a raw newline in a string, a byte-order mark, invalid
 * UTF-8, a NUL that ends a string early, equal names, and it stores every
 * number as a double.  The text is therefore checked first, see
 * alikassa_json_scan.h, and the text of each number is kept.
 */


#ifndef _ALIKASSA_JSON_H_INCLUDED_
#define _ALIKASSA_JSON_H_INCLUDED_


#include <cjson/cJSON.h>

#include "alikassa_input.h"


/* nesting of arrays and objects, the outermost included */
#define ALIKASSA_JSON_MAX_DEPTH  32

/* values and member names together, in the whole text */
#define ALIKASSA_JSON_MAX_ITEMS  4096

/*
 * bytes of a number that is re-encoded or that is the whole text.  Any other
 * number may be longer: cJSON does not see it, and the caller validates it.
 */
#define ALIKASSA_JSON_MAX_NUMBER  63

/*
 * numbers of one object that are converted to a double when the object is
 * re-encoded: numbers of 16 digits or more that are not 64-bit integers.  Each
 * conversion takes some microseconds.
 */
#define ALIKASSA_JSON_MAX_CONVERTED  256

/* bytes of an object that is re-encoded */
#define ALIKASSA_JSON_MAX_REENCODED  (256 * 1024)


/*
 * A parsed text.  cJSON allocates the tree; free it with alikassa_json_free().
 * numbers[] has the text of each number in the order of the text; each entry
 * points into the text, and valueint of a number item is its index in
 * numbers[].  The text must outlive this structure.
 */

typedef struct {
    cJSON                   *root;
    alikassa_str_t          *numbers;
    size_t                   nnumbers;
} alikassa_json_t;


/*
 * Checks that text is exactly one JSON value by RFC 8259, in UTF-8 (RFC
 * 3629), without a byte-order mark, without \u0000, without an unpaired
 * surrogate, within the limits above and without equal names in one object.
 * Then parses it.
 *
 * ALIKASSA_OK: json is set and must be freed.
 * ALIKASSA_DECLINED: errmsg says what is wrong, for example "unexpected
 * character at byte 12"; the first byte is byte 0.
 * ALIKASSA_ERROR: no memory, or cJSON's tree is not what was checked.
 */

alikassa_rc_t alikassa_json_parse(const alikassa_str_t *text,
    alikassa_json_t *json, alikassa_errmsg_t *errmsg);


/*
 * Frees the tree and the list of numbers, and zeroes *json.  May be called
 * again, and for a zeroed *json.
 */

void alikassa_json_free(alikassa_json_t *json);


/*
 * Returns the text of a number item of this tree as it was in the input.
 */

const alikassa_str_t *alikassa_json_number(const alikassa_json_t *json,
    const cJSON *item);


/*
 * Decodes the members of a JSON object, in their order, into a flat list.
 * The text is checked as by alikassa_json_parse(); equal names after
 * unescaping are refused at any depth.  Names and strings are unescaped,
 * numbers keep their text, the value of an array or an object is empty.
 *
 * The list is in the pool; names and values are there or in body, which must
 * outlive the list.
 *
 * ALIKASSA_OK: inputs is set.
 * ALIKASSA_DECLINED: body is not one JSON object; errmsg says why.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_json_decode(const alikassa_pool_t *pool,
    const alikassa_str_t *body, alikassa_inputs_t *inputs,
    alikassa_errmsg_t *errmsg);


/*
 * Re-encodes a JSON object exactly as PHP's json_encode(json_decode($text))
 * does: it keeps the order, drops white space, writes strings as
 * alikassa_json_write_string() does, an empty object as {}, and numbers as PHP
 * prints them.  A number whose decimal value PHP would change (1e999,
 * 9007199254740993.5, 12345678901234567890) is refused, not rounded.
 *
 * ALIKASSA_OK: *out is the text, one allocation from the pool.
 * ALIKASSA_DECLINED: text is not a JSON object, is beyond one of the limits
 * above, or has a number that PHP would change; errmsg says which.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_json_reencode(const alikassa_pool_t *pool,
    const alikassa_str_t *text, alikassa_str_t *out,
    alikassa_errmsg_t *errmsg);


#endif /* _ALIKASSA_JSON_H_INCLUDED_ */
