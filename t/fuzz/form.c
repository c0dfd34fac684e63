
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Fuzzes alikassa_form.c.  Writes the decoded fields again with every byte
 * escaped; the decoder must return the same fields.
 */


#include "alikassa_form.h"
#include "alikassa_utf8.h"
#include "fuzz.h"


static size_t fuzz_count(const alikassa_str_t *body);
static void fuzz_input(const alikassa_inputs_t *inputs, size_t n);
static alikassa_str_t fuzz_write(const alikassa_inputs_t *inputs);
static unsigned char *fuzz_escape(unsigned char *p, const alikassa_str_t *s);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t              i, n;
    alikassa_rc_t       rc;
    alikassa_str_t      body, again;
    alikassa_inputs_t   inputs, others;
    alikassa_errmsg_t   errmsg;

    body = fuzz_copy(data, size);
    n = fuzz_count(&body);

    rc = alikassa_form_decode(test_pool(), &body, &inputs, &errmsg);

    if (n > ALIKASSA_INPUT_MAX_FIELDS) {
        fuzz_check(rc == ALIKASSA_DECLINED);
        test_pool_free();
        return 0;
    }

    fuzz_check(rc == ALIKASSA_OK);
    fuzz_check(inputs.nelts == n);

    for (i = 0; i < n; i++) {
        fuzz_input(&inputs, i);
    }

    again = fuzz_write(&inputs);

    rc = alikassa_form_decode(test_pool(), &again, &others, &errmsg);

    fuzz_check(rc == ALIKASSA_OK);
    fuzz_check(others.nelts == n);

    for (i = 0; i < n; i++) {
        fuzz_check(alikassa_str_eq(&inputs.elts[i].name,
                                   &others.elts[i].name));
        fuzz_check(alikassa_str_eq(&inputs.elts[i].value,
                                   &others.elts[i].value));
    }

    test_pool_fail_after((long) (size % 3));

    rc = alikassa_form_decode(test_pool(), &body, &inputs, &errmsg);

    fuzz_check(rc == ALIKASSA_OK || rc == ALIKASSA_ERROR);

    test_pool_free();

    return 0;
}


static size_t
fuzz_count(const alikassa_str_t *body)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < body->len; i++) {
        if (body->data[i] != '&' && (i == 0 || body->data[i - 1] == '&')) {
            n++;
        }
    }

    return n;
}


static void
fuzz_input(const alikassa_inputs_t *inputs, size_t n)
{
    int                      malformed;
    size_t                   i;
    unsigned                 repeated;
    const alikassa_input_t  *input, *found;

    input = &inputs->elts[n];

    (void) fuzz_touch(&input->name);
    (void) fuzz_touch(&input->value);

    fuzz_check(input->type == ALIKASSA_VALUE_STRING);

    malformed = !alikassa_utf8_check(&input->name, NULL)
                || !alikassa_utf8_check(&input->value, NULL);

    for (i = 0; i < input->name.len; i++) {
        malformed |= (input->name.data[i] == '\0');
    }

    for (i = 0; i < input->value.len; i++) {
        malformed |= (input->value.data[i] == '\0');
    }

    fuzz_check(input->malformed == (unsigned) malformed);

    repeated = 0;

    for (i = 0; i < inputs->nelts; i++) {
        if (i != n && alikassa_str_eq(&inputs->elts[i].name, &input->name)) {
            repeated = 1;
        }
    }

    fuzz_check(input->repeated == repeated);

    found = alikassa_inputs_find(inputs, &input->name);

    fuzz_check(found != NULL && found <= input);
    fuzz_check(repeated || found == input);
}


static alikassa_str_t
fuzz_write(const alikassa_inputs_t *inputs)
{
    size_t           i, len;
    alikassa_str_t   s;
    unsigned char   *p;

    len = 0;

    for (i = 0; i < inputs->nelts; i++) {
        len += (inputs->elts[i].name.len + inputs->elts[i].value.len) * 3 + 2;
    }

    p = test_pool_alloc(NULL, len);

    s.data = p;

    for (i = 0; i < inputs->nelts; i++) {
        p = fuzz_escape(p, &inputs->elts[i].name);
        *p++ = '=';
        p = fuzz_escape(p, &inputs->elts[i].value);
        *p++ = '&';
    }

    s.len = (size_t) (p - s.data);

    return s;
}


static unsigned char *
fuzz_escape(unsigned char *p, const alikassa_str_t *s)
{
    size_t  i;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < s->len; i++) {
        *p++ = '%';
        *p++ = (unsigned char) hex[s->data[i] >> 4];
        *p++ = (unsigned char) hex[s->data[i] & 0xf];
    }

    return p;
}
