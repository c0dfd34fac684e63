
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include <stdio.h>

#include "alikassa_form.h"


/* pairs that are noted while they are counted */
#define ALIKASSA_FORM_FEW  16


static int alikassa_form_next(const unsigned char **p,
    const unsigned char *last, alikassa_str_t *pair);
static alikassa_str_t alikassa_form_unescape(const alikassa_str_t *text,
    unsigned char **dst);


alikassa_rc_t
alikassa_form_decode(const alikassa_pool_t *pool, const alikassa_str_t *body,
    alikassa_inputs_t *inputs, alikassa_errmsg_t *errmsg)
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
            snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
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

    /* without an escape all names and values are in the body itself */

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
 * Sets pair to the next pair that is not empty, and *p behind it.  Returns 0
 * if there is none.
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


/*
 * Writes the decoded text to *dst, which is moved behind it.  The decoded text
 * is never longer.
 */

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
