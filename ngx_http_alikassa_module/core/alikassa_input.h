
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * What a client sent, decoded into a flat list of names and values.
 *
 * Three formats are decoded: a JSON object (alikassa_json.h), a URL-encoded
 * form (alikassa_form.h) and a multipart form (alikassa_multipart.h).  The
 * rules of AliKassa are applied later, see alikassa_validate.h.
 */


#ifndef _ALIKASSA_INPUT_H_INCLUDED_
#define _ALIKASSA_INPUT_H_INCLUDED_


#include "alikassa.h"


/* a checkout has a dozen fields, the cart form of a shop may have hundreds */
#define ALIKASSA_INPUT_MAX_FIELDS  1024


/* the order matters: what is above NUMBER is never text */

typedef enum {
    ALIKASSA_VALUE_STRING = 0,
    ALIKASSA_VALUE_NUMBER,          /* the value is the number's own text */
    ALIKASSA_VALUE_BOOLEAN,         /* the value is "true" or "false" */
    ALIKASSA_VALUE_NULL,
    ALIKASSA_VALUE_ARRAY,           /* nested values are not decoded */
    ALIKASSA_VALUE_OBJECT,
    ALIKASSA_VALUE_FILE             /* a part of a form with a file name */
} alikassa_value_type_t;


typedef struct {
    alikassa_str_t           name;
    alikassa_str_t           value;
    alikassa_value_type_t    type;

    /* a form has this name more than once; set on each of them */
    unsigned                 repeated:1;

    /*
     * not UTF-8, with a NUL, or a part in another charset or encoding; the
     * value must not be used
     */
    unsigned                 malformed:1;

    /* the value is known to be plain, see alikassa_json_plain() */
    unsigned                 plain:1;
} alikassa_input_t;


/*
 * The list.  Names and values point into the decoded body or into the pool:
 * both must outlive the list.
 */

typedef struct {
    alikassa_input_t        *elts;
    size_t                   nelts;

    /* a bit for the length of each name, see alikassa_input_length() */
    uint64_t                 lengths;
} alikassa_inputs_t;


/*
 * Sets malformed, plain and repeated of each input, and the lengths of the
 * list; a bit that is set already stays set.  The list must have at most
 * ALIKASSA_INPUT_MAX_FIELDS inputs.  all, unless it is NULL, is a text that
 * contains every name and value: if it is plain, all of them are.
 */

void alikassa_inputs_mark(alikassa_inputs_t *inputs,
    const alikassa_str_t *all);


/*
 * Returns the bit of a name in alikassa_inputs_t.lengths.
 */

static inline uint64_t
alikassa_input_length(const alikassa_str_t *name)
{
    return UINT64_C(1) << (name->len & 63);
}


/*
 * Returns the first input of this name, or NULL.  Most of the names that are
 * looked for are absent, and the mask of lengths often shows this at once.
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
