
/*
 * application/x-www-form-urlencoded, and what all inputs have in common.
 */


#include <stdio.h>
#include <stdlib.h>

#include "alikassa_input_internal.h"
#include "alikassa_json.h"
#include "alikassa_utf8.h"


/* so many pairs are noted, and their names rather compared than sorted */
#define ALIKASSA_FORM_FEW  16


static int alikassa_form_next(const unsigned char **p,
    const unsigned char *last, alikassa_str_t *pair);
static alikassa_str_t alikassa_form_unescape(const alikassa_str_t *text,
    unsigned char **dst);
static int alikassa_form_is_text(const alikassa_str_t *s);
static void alikassa_form_repeated(alikassa_inputs_t *inputs);
static int alikassa_form_compare(const void *one, const void *two);


alikassa_rc_t
alikassa_form_decode(const alikassa_pool_t *pool, const alikassa_str_t *body,
    alikassa_inputs_t *inputs, alikassa_reason_t *reason)
{
    size_t                i, n;
    alikassa_str_t        pair, all, few[ALIKASSA_FORM_FEW];
    unsigned char        *dst, *decoded;
    alikassa_input_t     *input;
    const unsigned char  *p, *eq, *last;

    memset(inputs, 0, sizeof(alikassa_inputs_t));

    if (body->len == 0) {
        return ALIKASSA_OK;
    }

    last = body->data + body->len;
    n = 0;

    for (p = body->data; alikassa_form_next(&p, last, &pair); /* void */ ) {

        if (n == ALIKASSA_INPUT_MAX_FIELDS) {
            snprintf(reason->text, ALIKASSA_REASON_LEN,
                     "more than %d fields", ALIKASSA_INPUT_MAX_FIELDS);
            return ALIKASSA_DECLINED;
        }

        if (n < ALIKASSA_FORM_FEW) {
            few[n] = pair;
        }

        n++;
    }

    if (n == 0) {
        return ALIKASSA_OK;
    }

    input = alikassa_alloc(pool, n * sizeof(alikassa_input_t));
    if (input == NULL) {
        return ALIKASSA_ERROR;
    }

    inputs->elts = input;
    decoded = NULL;

    if (memchr(body->data, '%', body->len) != NULL
        || memchr(body->data, '+', body->len) != NULL)
    {
        decoded = alikassa_alloc(pool, body->len);
        if (decoded == NULL) {
            return ALIKASSA_ERROR;
        }
    }

    dst = decoded;

    p = body->data;

    for (i = 0; i < n; i++, input++) {

        if (n <= ALIKASSA_FORM_FEW) {
            pair = few[i];

        } else {
            (void) alikassa_form_next(&p, last, &pair);
        }

        memset(input, 0, sizeof(alikassa_input_t));

        input->name = pair;
        input->value.data = pair.data + pair.len;

        eq = memchr(pair.data, '=', pair.len);

        if (eq != NULL) {
            input->name.len = (size_t) (eq - pair.data);
            input->value.data = eq + 1;
            input->value.len = pair.len - input->name.len - 1;
        }

        if (decoded != NULL) {
            input->name = alikassa_form_unescape(&input->name, &dst);
            input->value = alikassa_form_unescape(&input->value, &dst);
        }
    }

    inputs->nelts = n;

    /* where nothing is escaped they lie in the body itself */

    all.data = body->data;
    all.len = body->len;

    if (decoded != NULL) {
        all.data = decoded;
        all.len = (size_t) (dst - decoded);
    }

    alikassa_inputs_mark(inputs, &all);

    return ALIKASSA_OK;
}


/*
 * The next pair that is not empty.
 */

static int
alikassa_form_next(const unsigned char **p, const unsigned char *last,
    alikassa_str_t *pair)
{
    const unsigned char  *s, *amp;

    for (s = *p; s < last; s = amp + 1) {

        amp = memchr(s, '&', (size_t) (last - s));

        if (amp == NULL) {
            amp = last;
        }

        if (amp > s) {
            pair->data = s;
            pair->len = (size_t) (amp - s);

            *p = (amp < last) ? amp + 1 : last;

            return 1;
        }
    }

    return 0;
}


static alikassa_str_t
alikassa_form_unescape(const alikassa_str_t *text, unsigned char **dst)
{
    int                   high, low;
    unsigned char        *d;
    alikassa_str_t        s;
    const unsigned char  *src, *last;

    d = *dst;
    s.data = d;

    src = text->data;
    last = src + text->len;

    while (src < last) {

        if (*src == '%' && last - src > 2) {
            high = alikassa_form_hex(src[1]);
            low = alikassa_form_hex(src[2]);

            if (high >= 0 && low >= 0) {
                *d++ = (unsigned char) (high << 4 | low);
                src += 3;
                continue;
            }
        }

        *d++ = (*src == '+') ? ' ' : *src;
        src++;
    }

    s.len = (size_t) (d - s.data);

    *dst = d;

    return s;
}


int
alikassa_form_hex(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return -1;
}


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
            && (!alikassa_form_is_text(&input->name)
                || (!input->plain && !alikassa_form_is_text(&input->value))))
        {
            input->malformed = 1;
        }
    }

    alikassa_form_repeated(inputs);
}


static int
alikassa_form_is_text(const alikassa_str_t *s)
{
    return s->len == 0
           || (memchr(s->data, '\0', s->len) == NULL
               && alikassa_utf8_check(s, NULL));
}


static void
alikassa_form_repeated(alikassa_inputs_t *inputs)
{
    size_t             i, j;
    alikassa_input_t  *index[ALIKASSA_INPUT_MAX_FIELDS], *a, *b;

    if (inputs->nelts <= ALIKASSA_FORM_FEW) {

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
          alikassa_form_compare);

    for (i = 1; i < inputs->nelts; i++) {

        a = index[i - 1];
        b = index[i];

        if (alikassa_str_eq(&a->name, &b->name)) {
            a->repeated = 1;
            b->repeated = 1;
        }
    }
}


static int
alikassa_form_compare(const void *one, const void *two)
{
    const alikassa_str_t  *a, *b;

    a = &(*(alikassa_input_t * const *) one)->name;
    b = &(*(alikassa_input_t * const *) two)->name;

    if (a->len != b->len) {
        return (a->len < b->len) ? -1 : 1;
    }

    return a->len ? memcmp(a->data, b->data, a->len) : 0;
}
