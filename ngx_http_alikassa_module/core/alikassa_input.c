
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include <stdlib.h>

#include "alikassa_input.h"
#include "alikassa_json_string.h"
#include "alikassa_utf8.h"


/* inputs whose names are compared with each other; more are sorted */
#define ALIKASSA_INPUT_FEW  16


static int alikassa_input_is_text(const alikassa_str_t *s);
static void alikassa_inputs_mark_repeated(alikassa_inputs_t *inputs);
static int alikassa_input_compare(const void *one, const void *two);


void
alikassa_inputs_mark(alikassa_inputs_t *inputs, const alikassa_str_t *all)
{
    int                plain;
    size_t             i;
    alikassa_input_t  *input;

    plain = (all != NULL && alikassa_json_plain(all));

    for (i = 0; i < inputs->nelts; i++) {

        input = &inputs->elts[i];

        inputs->lengths |= alikassa_input_length(&input->name);

        input->plain = plain || alikassa_json_plain(&input->value);

        if (!plain
            && (!alikassa_input_is_text(&input->name)
                || (!input->plain && !alikassa_input_is_text(&input->value))))
        {
            input->malformed = 1;
        }
    }

    alikassa_inputs_mark_repeated(inputs);
}


/*
 * Tells whether s is UTF-8 without a NUL.
 */

static int
alikassa_input_is_text(const alikassa_str_t *s)
{
    return s->len == 0
           || (memchr(s->data, '\0', s->len) == NULL
               && alikassa_utf8_check(s, NULL));
}


/*
 * Marks inputs whose names are equal.  Many inputs are sorted by name, so that
 * the time does not grow with the square of their number.
 */

static void
alikassa_inputs_mark_repeated(alikassa_inputs_t *inputs)
{
    size_t             i, j;
    alikassa_input_t  *index[ALIKASSA_INPUT_MAX_FIELDS], *a, *b;

    if (inputs->nelts <= ALIKASSA_INPUT_FEW) {

        for (i = 1; i < inputs->nelts; i++) {

            a = &inputs->elts[i];

            for (j = 0; j < i; j++) {

                b = &inputs->elts[j];

                if (alikassa_str_eq(&a->name, &b->name)) {
                    a->repeated = 1;
                    b->repeated = 1;
                }
            }
        }

        return;
    }

    for (i = 0; i < inputs->nelts; i++) {
        index[i] = &inputs->elts[i];
    }

    qsort(index, inputs->nelts, sizeof(alikassa_input_t *),
          alikassa_input_compare);

    for (i = 1; i < inputs->nelts; i++) {

        a = index[i - 1];
        b = index[i];

        if (alikassa_str_eq(&a->name, &b->name)) {
            a->repeated = 1;
            b->repeated = 1;
        }
    }
}


/*
 * Compares by length, then by bytes.
 */

static int
alikassa_input_compare(const void *one, const void *two)
{
    const alikassa_str_t  *a, *b;

    a = &(*(alikassa_input_t * const *) one)->name;
    b = &(*(alikassa_input_t * const *) two)->name;

    if (a->len != b->len) {
        return (a->len < b->len) ? -1 : 1;
    }

    return a->len ? memcmp(a->data, b->data, a->len) : 0;
}
