
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Fuzzes alikassa_multipart.c.  The input is the boundary, a line feed and the
 * body.  Writes the decoded fields again as a browser does; the decoder must
 * return the same fields.
 */


#include "alikassa_multipart.h"
#include "fuzz.h"


#define FUZZ_BOUNDARY  "----FuzzBoundary7MA4YWxkTrZu0gW"


static int fuzz_writable(const alikassa_inputs_t *inputs);
static int fuzz_has(const alikassa_str_t *s, const char *what);
static alikassa_str_t fuzz_write(const alikassa_inputs_t *inputs);
static unsigned char *fuzz_put(unsigned char *p, const char *text);
static unsigned char *fuzz_escape(unsigned char *p, const alikassa_str_t *s);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t              i, n;
    alikassa_rc_t       rc;
    const uint8_t      *lf;
    alikassa_str_t      body, boundary;
    alikassa_inputs_t   inputs, others;
    alikassa_errmsg_t   errmsg;

    lf = size ? memchr(data, '\n', size) : NULL;
    n = lf ? (size_t) (lf - data) : 0;

    boundary = fuzz_copy(data, n);
    body = lf ? fuzz_copy(lf + 1, size - n - 1) : fuzz_copy(data, size);

    rc = alikassa_multipart_decode(test_pool(), &body, &boundary, &inputs,
                                   &errmsg);

    fuzz_check(rc == ALIKASSA_OK || rc == ALIKASSA_DECLINED);

    if (rc == ALIKASSA_DECLINED) {
        fuzz_check(inputs.nelts == 0);
        fuzz_check(memchr(errmsg.text, '\0', ALIKASSA_ERRMSG_LEN) != NULL);
        test_pool_free();
        return 0;
    }

    fuzz_check(inputs.nelts <= ALIKASSA_INPUT_MAX_FIELDS);

    for (i = 0; i < inputs.nelts; i++) {
        (void) fuzz_touch(&inputs.elts[i].name);
        (void) fuzz_touch(&inputs.elts[i].value);

        fuzz_check(inputs.elts[i].type == ALIKASSA_VALUE_STRING
                   || (inputs.elts[i].type == ALIKASSA_VALUE_FILE
                       && inputs.elts[i].value.len == 0));
    }

    if (fuzz_writable(&inputs)) {

        body = fuzz_write(&inputs);
        boundary = fuzz_copy((const uint8_t *) FUZZ_BOUNDARY,
                             sizeof(FUZZ_BOUNDARY) - 1);

        rc = alikassa_multipart_decode(test_pool(), &body, &boundary, &others,
                                       &errmsg);

        fuzz_check(rc == ALIKASSA_OK);
        fuzz_check(others.nelts == inputs.nelts);

        for (i = 0; i < inputs.nelts; i++) {
            fuzz_check(alikassa_str_eq(&inputs.elts[i].name,
                                       &others.elts[i].name));
            fuzz_check(alikassa_str_eq(&inputs.elts[i].value,
                                       &others.elts[i].value));
            fuzz_check(inputs.elts[i].type == others.elts[i].type);
            fuzz_check(inputs.elts[i].repeated == others.elts[i].repeated);
            fuzz_check(inputs.elts[i].malformed
                       || !others.elts[i].malformed);
        }
    }

    test_pool_fail_after((long) (size % 4));

    rc = alikassa_multipart_decode(test_pool(), &body, &boundary, &inputs,
                                   &errmsg);

    fuzz_check(rc == ALIKASSA_OK || rc == ALIKASSA_ERROR);

    test_pool_free();

    return 0;
}


/*
 * Returns whether a browser can write the fields.  A browser does not escape
 * "%" in a name, so that "%22" is read back as a quote, and a value cannot
 * contain the boundary.
 */

static int
fuzz_writable(const alikassa_inputs_t *inputs)
{
    size_t  i;

    for (i = 0; i < inputs->nelts; i++) {

        if (fuzz_has(&inputs->elts[i].name, "%")
            || fuzz_has(&inputs->elts[i].value, FUZZ_BOUNDARY))
        {
            return 0;
        }
    }

    return 1;
}


static int
fuzz_has(const alikassa_str_t *s, const char *what)
{
    size_t  i, len;

    len = strlen(what);

    for (i = 0; s->len >= len && i <= s->len - len; i++) {

        if (memcmp(s->data + i, what, len) == 0) {
            return 1;
        }
    }

    return 0;
}


static alikassa_str_t
fuzz_write(const alikassa_inputs_t *inputs)
{
    size_t             i, len;
    alikassa_str_t     s;
    unsigned char     *p;
    alikassa_input_t  *input;

    len = 256;

    for (i = 0; i < inputs->nelts; i++) {
        input = &inputs->elts[i];
        len += input->name.len * 3 + input->value.len + 256;
    }

    p = test_pool_alloc(NULL, len);

    s.data = p;

    for (i = 0; i < inputs->nelts; i++) {

        input = &inputs->elts[i];

        p = fuzz_put(p, "--" FUZZ_BOUNDARY "\r\n"
                        "Content-Disposition: form-data; name=\"");
        p = fuzz_escape(p, &input->name);
        p = fuzz_put(p, "\"");

        if (input->type == ALIKASSA_VALUE_FILE) {
            p = fuzz_put(p, "; filename=\"file\"\r\n"
                            "Content-Type: application/octet-stream");
        }

        p = fuzz_put(p, "\r\n\r\n");

        if (input->value.len) {
            memcpy(p, input->value.data, input->value.len);
            p += input->value.len;
        }

        p = fuzz_put(p, "\r\n");
    }

    p = fuzz_put(p, "--" FUZZ_BOUNDARY "--\r\n");

    s.len = (size_t) (p - s.data);

    return s;
}


static unsigned char *
fuzz_put(unsigned char *p, const char *text)
{
    size_t  len;

    len = strlen(text);

    memcpy(p, text, len);

    return p + len;
}


static unsigned char *
fuzz_escape(unsigned char *p, const alikassa_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {

        switch (s->data[i]) {

        case '"':
            p = fuzz_put(p, "%22");
            break;

        case '\r':
            p = fuzz_put(p, "%0D");
            break;

        case '\n':
            p = fuzz_put(p, "%0A");
            break;

        case '\\':
            p = fuzz_put(p, "\\\\");
            break;

        default:
            *p++ = s->data[i];
            break;
        }
    }

    return p;
}
