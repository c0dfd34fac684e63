
/*
 * What a client sent, decoded into a flat list of names and values.
 *
 * Three spellings lead here: a JSON object (RFC 8259), a URL-encoded form and
 * a multipart form.  Nothing of AliKassa's rules is applied yet.
 */


#ifndef _ALIKASSA_INPUT_H_INCLUDED_
#define _ALIKASSA_INPUT_H_INCLUDED_


#include "alikassa.h"


/* a checkout has a dozen fields; a shop's cart form may have hundreds */
#define ALIKASSA_INPUT_MAX_FIELDS  1024

/* a multipart boundary, RFC 2046 section 5.1.1 */
#define ALIKASSA_INPUT_MAX_BOUNDARY  70


typedef enum {
    ALIKASSA_VALUE_STRING = 0,
    ALIKASSA_VALUE_NUMBER,          /* value: the number's own text */
    ALIKASSA_VALUE_BOOLEAN,         /* value: "true" or "false" */
    ALIKASSA_VALUE_NULL,
    ALIKASSA_VALUE_ARRAY,           /* nested values are not decoded */
    ALIKASSA_VALUE_OBJECT,
    ALIKASSA_VALUE_FILE             /* a part of a form with a file name */
} alikassa_value_type_t;


typedef struct {
    alikassa_str_t           name;
    alikassa_str_t           value;
    alikassa_value_type_t    type;

    /* a form gave this name more than once: set on each of them */
    unsigned                 repeated:1;

    /*
     * not UTF-8, with a NUL, or a part in another charset or encoding: must
     * not be used
     */
    unsigned                 malformed:1;

    /* the value is known to be plain: see alikassa_json_plain() */
    unsigned                 plain:1;
} alikassa_input_t;


/*
 * The list.  Names and values point into the body that was decoded or into
 * the pool that was given: both must outlive the list.
 */

typedef struct {
    alikassa_input_t        *elts;
    size_t                   nelts;

    /* of the names: see alikassa_input_length() */
    uint64_t                 lengths;
} alikassa_inputs_t;


/*
 * Decodes the body of application/x-www-form-urlencoded, or a query string:
 * "&" separates, "+" is a space, a "%" without two hex digits stands for
 * itself (WHATWG URL, section 5.1).  A pair without "=" has an empty value;
 * empty pairs are passed over.
 *
 * ALIKASSA_DECLINED: more than ALIKASSA_INPUT_MAX_FIELDS pairs.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_form_decode(const alikassa_pool_t *pool,
    const alikassa_str_t *body, alikassa_inputs_t *inputs,
    alikassa_reason_t *reason);


/*
 * Decodes the body of multipart/form-data (RFC 7578) whose boundary is given
 * as it stood in Content-Type, unquoted.  A part with a file name becomes
 * ALIKASSA_VALUE_FILE with an empty value: files are never sent on.  A part
 * without a name, or with another disposition, is passed over.
 *
 * ALIKASSA_DECLINED: a boundary of no or too many bytes, no closing
 * boundary, more than ALIKASSA_INPUT_MAX_FIELDS parts, a part without the
 * blank line after its header, with a malformed header or two names.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_multipart_decode(const alikassa_pool_t *pool,
    const alikassa_str_t *body, const alikassa_str_t *boundary,
    alikassa_inputs_t *inputs, alikassa_reason_t *reason);


/*
 * Decodes a JSON object's members, in their order.  The text is proven
 * RFC 8259 and UTF-8 to the letter before anything else is made of it (see
 * alikassa_json.h); names and strings are unescaped, numbers keep their
 * text.  Equal names after unescaping are refused, at any depth.
 *
 * ALIKASSA_DECLINED: not one JSON object, or beyond the limits of
 * alikassa_json.h.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_json_decode(const alikassa_pool_t *pool,
    const alikassa_str_t *body, alikassa_inputs_t *inputs,
    alikassa_reason_t *reason);


/*
 * A name's bit in alikassa_inputs_t.lengths.
 */

static inline uint64_t
alikassa_input_length(const alikassa_str_t *name)
{
    return UINT64_C(1) << (name->len & 63);
}


/*
 * Finds a name.  Returns the first of that name, or NULL.  Most of the names
 * that are asked for are not there, and no other has their length.
 */

static inline const alikassa_input_t *
alikassa_inputs_find(const alikassa_inputs_t *inputs,
    const alikassa_str_t *name)
{
    size_t  i;

    if (!(inputs->lengths & alikassa_input_length(name))) {
        return NULL;
    }

    for (i = 0; i < inputs->nelts; i++) {

        if (alikassa_str_eq(&inputs->elts[i].name, name)) {
            return &inputs->elts[i];
        }
    }

    return NULL;
}


#endif /* _ALIKASSA_INPUT_H_INCLUDED_ */
