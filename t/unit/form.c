
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_form.c.
 */


#include "test.h"

#include "alikassa_form.h"


#define TEST_MAX_PAIRS  6


typedef struct {
    const char           *name;
    size_t                name_len;
    const char           *value;
    size_t                value_len;
    unsigned              repeated:1;
    unsigned              malformed:1;
} test_pair_t;


typedef struct {
    const char           *body;
    size_t                len;
    test_pair_t           pairs[TEST_MAX_PAIRS];
} test_form_t;


#define test_body(s)  s, sizeof(s) - 1
#define test_pair(n, v)  { n, sizeof(n) - 1, v, sizeof(v) - 1, 0, 0 }
#define test_repeated(n, v)  { n, sizeof(n) - 1, v, sizeof(v) - 1, 1, 0 }
#define test_malformed(n, v)  { n, sizeof(n) - 1, v, sizeof(v) - 1, 0, 1 }


static const test_form_t  test_forms[] = {

    { test_body("amount=100.5&order_id=A-1"),
      { test_pair("amount", "100.5"), test_pair("order_id", "A-1") } },

    { test_body(""), { { 0 } } },
    { test_body("&"), { { 0 } } },
    { test_body("&&&"), { { 0 } } },

    { test_body("&a=1&&b=2&"),
      { test_pair("a", "1"), test_pair("b", "2") } },

    { test_body("a"), { test_pair("a", "") } },
    { test_body("a="), { test_pair("a", "") } },
    { test_body("="), { test_pair("", "") } },
    { test_body("=v"), { test_pair("", "v") } },
    { test_body("a=b=c"), { test_pair("a", "b=c") } },
    { test_body("a;b=1;c"), { test_pair("a;b", "1;c") } },
    { test_body("a&b"), { test_pair("a", ""), test_pair("b", "") } },

    { test_body("a=Budi+Santoso"), { test_pair("a", "Budi Santoso") } },
    { test_body("a+b=+"), { test_pair("a b", " ") } },
    { test_body("a=1%2B1"), { test_pair("a", "1+1") } },
    { test_body("a%3Db=%26%3d"), { test_pair("a=b", "&=") } },
    { test_body("a=%41%4a%4A%6a"), { test_pair("a", "AJJj") } },
    { test_body("a=%2541"), { test_pair("a", "%41") } },

    { test_body("a=100%"), { test_pair("a", "100%") } },
    { test_body("a=%4"), { test_pair("a", "%4") } },
    { test_body("a=%4&b=1"),
      { test_pair("a", "%4"), test_pair("b", "1") } },
    { test_body("a=%zz%4g%g4%"), { test_pair("a", "%zz%4g%g4%") } },
    { test_body("a=%%41"), { test_pair("a", "%A") } },
    { test_body("a=%:0%0:%@A%`a%G0"), { test_pair("a", "%:0%0:%@A%`a%G0") } },

    { test_body("a=%D0%98&%c3%A9=\xc3\xa9"),
      { test_pair("a", "\xd0\x98"), test_pair("\xc3\xa9", "\xc3\xa9") } },

    { test_body("a=%FF&b=1"),
      { test_malformed("a", "\xff"), test_pair("b", "1") } },
    { test_body("a=caf\xe9"), { test_malformed("a", "caf\xe9") } },
    { test_body("%E9=1"), { test_malformed("\xe9", "1") } },
    { test_body("a=%ED%A0%80"), { test_malformed("a", "\xed\xa0\x80") } },
    { test_body("a=x%00y"), { test_malformed("a", "x\0y") } },
    { test_body("a%00=1"), { test_malformed("a\0", "1") } },
    { test_body("a=\0&b=\n"),
      { test_malformed("a", "\0"), test_pair("b", "\n") } },
    { test_body("a=%C3&b=%A9"),
      { test_malformed("a", "\xc3"), test_malformed("b", "\xa9") } },

    { test_body("a=1&b=2&a=3"),
      { test_repeated("a", "1"), test_pair("b", "2"),
        test_repeated("a", "3") } },
    { test_body("a=1&%61=1&A=1&a"),
      { test_repeated("a", "1"), test_repeated("a", "1"),
        test_pair("A", "1"), test_repeated("a", "") } },
    { test_body("=1&=2&a=1"),
      { test_repeated("", "1"), test_repeated("", "2"),
        test_pair("a", "1") } },

    { NULL, 0, { { 0 } } }
};


static void
forms_are_decoded(void **state)
{
    size_t              i;
    alikassa_str_t      body;
    alikassa_input_t   *input;
    const test_form_t  *form;
    const test_pair_t  *pair;
    alikassa_inputs_t   inputs;
    alikassa_errmsg_t   errmsg;

    (void) state;

    for (form = test_forms; form->body; form++) {

        body = test_copy(form->body, form->len);

        assert_int_equal(alikassa_form_decode(test_pool(), &body, &inputs,
                                              &errmsg),
                         ALIKASSA_OK);

        for (i = 0; i < TEST_MAX_PAIRS && form->pairs[i].name; i++) {

            if (i == inputs.nelts) {
                fail_msg("\"%s\": field %zu is missing", form->body, i);
            }

            pair = &form->pairs[i];
            input = &inputs.elts[i];

            test_equal_bytes(&input->name, pair->name, pair->name_len);
            test_equal_bytes(&input->value, pair->value, pair->value_len);

            assert_int_equal(input->type, ALIKASSA_VALUE_STRING);
            assert_int_equal(input->repeated, pair->repeated);
            assert_int_equal(input->malformed, pair->malformed);
        }

        if (i != inputs.nelts) {
            fail_msg("\"%s\": %zu fields, expected %zu", form->body,
                     inputs.nelts, i);
        }

        test_pool_free();
    }
}


static void
empty_body_has_no_fields(void **state)
{
    alikassa_str_t     body = alikassa_null_string;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    (void) state;

    assert_int_equal(alikassa_form_decode(test_pool(), &body, &inputs,
                                          &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(inputs.nelts, 0);
    assert_int_equal(test_pool_allocs(), 0);
}


/*
 * Returns a form of n fields, each followed by an empty pair.  If few is not 0,
 * the form has only this number of different names.
 */

static alikassa_str_t
test_many(size_t n, size_t few)
{
    char            *p, *text;
    size_t           i;
    alikassa_str_t   s;

    text = test_pool_alloc(NULL, n * 16 + 1);
    assert_non_null(text);

    p = text;

    for (i = 0; i < n; i++) {
        p += sprintf(p, "n%05zu=%zu&&", few ? i % few : i, i);
    }

    s.data = (unsigned char *) text;
    s.len = (size_t) (p - text);

    return s;
}


static void
more_than_1024_fields_are_refused(void **state)
{
    alikassa_str_t     body;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    (void) state;

    body = test_many(ALIKASSA_INPUT_MAX_FIELDS, 0);

    assert_int_equal(alikassa_form_decode(test_pool(), &body, &inputs,
                                          &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(inputs.nelts, ALIKASSA_INPUT_MAX_FIELDS);

    body = test_many(ALIKASSA_INPUT_MAX_FIELDS + 1, 0);

    assert_int_equal(alikassa_form_decode(test_pool(), &body, &inputs,
                                          &errmsg),
                     ALIKASSA_DECLINED);
    assert_string_equal(errmsg.text, "more than 1024 fields");
    assert_int_equal(inputs.nelts, 0);

    test_pool_free();
}


/*
 * Tries numbers of fields below and above the number from which the decoder
 * sorts the names instead of comparing each pair of them, and the maximum.
 */

static void
repeated_names_are_marked_in_long_forms(void **state)
{
    size_t             i, n, few;
    alikassa_str_t     body;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    (void) state;

    for (n = 2; n <= ALIKASSA_INPUT_MAX_FIELDS; n += (n < 40) ? 1 : 246) {

        for (few = 1; few <= n; few += (few < 20) ? 1 : n / 7) {

            body = test_many(n, few);

            assert_int_equal(alikassa_form_decode(test_pool(), &body,
                                                  &inputs, &errmsg),
                             ALIKASSA_OK);
            assert_int_equal(inputs.nelts, n);

            for (i = 0; i < n; i++) {

                /* field i is repeated if i + few or i - few exist */

                assert_int_equal(inputs.elts[i].repeated,
                                 i + few < n || i >= few);
                assert_int_equal(inputs.elts[i].malformed, 0);
            }

            test_pool_free();
        }
    }
}


/*
 * The names have all lengths, and many are a prefix of another.  Only two names
 * are equal.
 */

static void
name_prefix_is_not_a_repeated_name(void **state)
{
    char                text[4096], *p;
    size_t              i, j;
    alikassa_inputs_t   inputs;
    alikassa_errmsg_t   errmsg;
    alikassa_str_t      body;

    (void) state;

    p = text;

    for (i = 0; i < 30; i++) {

        *p++ = 'b';

        for (j = 0; j < i * 7 % 30; j++) {
            *p++ = (i & 1) ? 'a' : 'c';
        }

        *p++ = '&';
    }

    p += sprintf(p, "ba=1");

    body = test_copy(text, (size_t) (p - text));

    assert_int_equal(alikassa_form_decode(test_pool(), &body, &inputs,
                                          &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(inputs.nelts, 31);

    /* the name of field 13 is "ba" too: 13 * 7 % 30 is 1 */

    for (i = 0; i < 31; i++) {
        assert_int_equal(inputs.elts[i].repeated, i == 13 || i == 30);
    }

    test_pool_free();
}


static void
field_order_is_kept_in_long_forms(void **state)
{
    size_t             i;
    char               value[8];
    alikassa_str_t     body;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    (void) state;

    body = test_many(1000, 3);

    assert_int_equal(alikassa_form_decode(test_pool(), &body, &inputs,
                                          &errmsg),
                     ALIKASSA_OK);

    for (i = 0; i < 1000; i++) {
        (void) sprintf(value, "%zu", i);
        test_equal_bytes(&inputs.elts[i].value, value, strlen(value));
    }

    test_pool_free();
}


static void
unescaped_body_is_not_copied(void **state)
{
    alikassa_str_t     body;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    (void) state;

    body = test_copy("a=1&b=2", 7);

    assert_int_equal(alikassa_form_decode(test_pool(), &body, &inputs,
                                          &errmsg),
                     ALIKASSA_OK);

    /* one for the body, one for the list of fields */

    assert_int_equal(test_pool_allocs(), 2);
    assert_ptr_equal(inputs.elts[1].value.data, body.data + 6);

    test_pool_free();
}


static void
failed_allocation_is_an_error(void **state)
{
    long               n;
    alikassa_rc_t      rc;
    alikassa_str_t     body = alikassa_string("a=1&b=%41&c=+&a=2");
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    (void) state;

    for (n = 0; n < 10; n++) {

        test_pool_fail_after(n);

        rc = alikassa_form_decode(test_pool(), &body, &inputs, &errmsg);

        test_pool_free();

        if (rc == ALIKASSA_OK) {
            break;
        }

        assert_int_equal(rc, ALIKASSA_ERROR);
        assert_int_equal(inputs.nelts, 0);
    }

    assert_int_equal(n, 2);
}


static void
find_returns_the_first_field_of_a_name(void **state)
{
    alikassa_str_t           name = alikassa_string("a");
    alikassa_str_t           none = alikassa_string("A");
    alikassa_str_t           empty = alikassa_null_string;
    alikassa_str_t           body = alikassa_string("b=0&a=1&aa=2&a=3");
    alikassa_inputs_t        inputs;
    alikassa_errmsg_t        errmsg;
    const alikassa_input_t  *input;

    (void) state;

    assert_int_equal(alikassa_form_decode(test_pool(), &body, &inputs,
                                          &errmsg),
                     ALIKASSA_OK);

    input = alikassa_inputs_find(&inputs, &name);

    assert_ptr_equal(input, &inputs.elts[1]);

    assert_null(alikassa_inputs_find(&inputs, &none));
    assert_null(alikassa_inputs_find(&inputs, &empty));

    inputs.elts = NULL;
    inputs.nelts = 0;

    assert_null(alikassa_inputs_find(&inputs, &name));

    test_pool_free();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(forms_are_decoded),
        cmocka_unit_test(empty_body_has_no_fields),
        cmocka_unit_test(more_than_1024_fields_are_refused),
        cmocka_unit_test(repeated_names_are_marked_in_long_forms),
        cmocka_unit_test(name_prefix_is_not_a_repeated_name),
        cmocka_unit_test(field_order_is_kept_in_long_forms),
        cmocka_unit_test(unescaped_body_is_not_copied),
        cmocka_unit_test(failed_allocation_is_an_error),
        cmocka_unit_test(find_returns_the_first_field_of_a_name),
    };

    return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
