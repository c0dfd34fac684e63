
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_refusal.c: the JSON of the module's own responses.
 */


#include "test.h"

#include "alikassa_refusal.h"


/*
 * Writes the error twice, first without a buffer and then with a buffer of the
 * exact length, and compares it with the text.
 */

static void
test_refusal(const alikassa_refusal_t *refusal, const char *text)
{
    alikassa_str_t   out;
    unsigned char   *p;

    out.len = alikassa_refusal_write(NULL, refusal);

    p = test_pool_alloc(NULL, out.len);
    out.data = p;

    assert_int_equal(alikassa_refusal_write(p, refusal), out.len);
    test_equal(&out, text);

    test_pool_free();

    assert_int_equal(alikassa_refusal_build(test_pool(), refusal, &out),
                     ALIKASSA_OK);
    test_equal(&out, text);
    assert_int_equal(test_pool_allocs(), 1);

    test_pool_free();
    test_pool_fail_after(0);

    assert_int_equal(alikassa_refusal_build(test_pool(), refusal, &out),
                     ALIKASSA_ERROR);

    test_pool_free();
}


static void
test_existing(const alikassa_response_t *response, const char *order_id,
    const char *text)
{
    alikassa_str_t   out, s;
    unsigned char   *p;

    s = test_str(order_id);

    out.len = alikassa_existing_order_write(NULL, response, &s);

    p = test_pool_alloc(NULL, out.len);
    out.data = p;

    assert_int_equal(alikassa_existing_order_write(p, response, &s), out.len);
    test_equal(&out, text);

    test_pool_free();

    assert_int_equal(alikassa_existing_order_build(test_pool(), response, &s,
                                                   &out),
                     ALIKASSA_OK);
    test_equal(&out, text);
    assert_int_equal(test_pool_allocs(), 1);

    test_pool_free();
    test_pool_fail_after(0);

    assert_int_equal(alikassa_existing_order_build(test_pool(), response, &s,
                                                   &out),
                     ALIKASSA_ERROR);

    test_pool_free();
}


static void
error_has_the_shape_of_alikassas_errors(void **state)
{
    alikassa_refusal_t       refusal;
    alikassa_field_errors_t  errors;

    (void) state;

    memset(&refusal, 0, sizeof(alikassa_refusal_t));

    refusal.message = test_str("a \"b\" / \xc3\xa9\n\x01");

    test_refusal(&refusal, "{\"message\":\"a \\\"b\\\" / \xc3\xa9\\n\\u0001\","
                           "\"errors\":{}}");

    errors.nelts = 0;
    refusal.errors = &errors;
    refusal.message = test_str("");

    test_refusal(&refusal, "{\"message\":\"\",\"errors\":{}}");

    errors.nelts = 1;
    errors.elts[0].field = test_str("order_id");
    errors.elts[0].message = test_str("a \"b\" / \xc3\xa9\n\x01");
    refusal.message = test_str("\xff\xc3");

    test_refusal(&refusal,
                 "{\"message\":\"\\ufffd\\ufffd\",\"errors\":{"
                 "\"order_id\":[\"a \\\"b\\\" / \xc3\xa9\\n\\u0001\"]}}");

    errors.nelts = 3;
    errors.elts[1].field = test_str("\xff\xc3");
    errors.elts[1].message = test_str("");
    errors.elts[2].field = test_str("");
    errors.elts[2].message = test_str("order_id");
    refusal.message = test_str("");

    test_refusal(&refusal,
                 "{\"message\":\"\",\"errors\":{"
                 "\"order_id\":[\"a \\\"b\\\" / \xc3\xa9\\n\\u0001\"],"
                 "\"\\ufffd\\ufffd\":[\"\"],\"\":[\"order_id\"]}}");
}


static void
error_has_outcome_and_order_id(void **state)
{
    size_t                   i;
    alikassa_refusal_t       refusal;
    alikassa_field_errors_t  errors;

    static const struct {
        alikassa_outcome_t   outcome;
        const char          *order_id;
        const char          *text;
    } cases[] = {

        { ALIKASSA_OUTCOME_UNKNOWN, "A-1",
          "{\"message\":\"M\",\"errors\":{},"
          "\"outcome\":\"unknown\",\"order_id\":\"A-1\"}" },

        { ALIKASSA_OUTCOME_UNSENT, "",
          "{\"message\":\"M\",\"errors\":{},\"outcome\":\"unsent\"}" },

        { ALIKASSA_OUTCOME_INVALID, "a\"\\\xff\n",
          "{\"message\":\"M\",\"errors\":{},\"outcome\":\"invalid\","
          "\"order_id\":\"a\\\"\\\\\\ufffd\\n\"}" },

        /* without an outcome, the error has no order_id */

        { ALIKASSA_OUTCOME_NONE, "A-1", "{\"message\":\"M\",\"errors\":{}}" }
    };

    (void) state;

    memset(&refusal, 0, sizeof(alikassa_refusal_t));

    refusal.message = test_str("M");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        refusal.outcome = cases[i].outcome;
        refusal.order_id = test_str(cases[i].order_id);

        test_refusal(&refusal, cases[i].text);
    }

    errors.nelts = 1;
    errors.elts[0].field = test_str("amount");
    errors.elts[0].message = test_str("E");

    refusal.errors = &errors;
    refusal.outcome = ALIKASSA_OUTCOME_REJECTED;
    refusal.order_id = test_str("A-1");

    test_refusal(&refusal, "{\"message\":\"M\",\"errors\":{"
                           "\"amount\":[\"E\"]},\"outcome\":\"rejected\","
                           "\"order_id\":\"A-1\"}");
}


static void
existing_order_has_id_and_payment_status(void **state)
{
    alikassa_response_t  response;

    static const char  message[] =
        "\"message\":\"This order exists already, its first answer was "
        "lost.\"";

    char  text[512];

    (void) state;

    memset(&response, 0, sizeof(alikassa_response_t));

    snprintf(text, sizeof(text), "{%s,\"order_id\":\"A-1\"}", message);
    test_existing(&response, "A-1", text);

    response.payment_status = test_str("wa\"it");
    response.id = test_str("108465371");

    snprintf(text, sizeof(text), "{%s,\"payment_status\":\"wa\\\"it\","
             "\"id\":108465371,\"order_id\":\"A\\n1\"}", message);
    test_existing(&response, "A\n1", text);

    /* an id that is not an integer is written as a string */

    response.payment_status = test_str("");
    response.id = test_str("01");

    snprintf(text, sizeof(text), "{%s,\"id\":\"01\",\"order_id\":\"\"}",
             message);
    test_existing(&response, "", text);

    response.id = test_str("1}");

    snprintf(text, sizeof(text), "{%s,\"id\":\"1}\",\"order_id\":\"\"}",
             message);
    test_existing(&response, "", text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(error_has_the_shape_of_alikassas_errors),
        cmocka_unit_test(error_has_outcome_and_order_id),
        cmocka_unit_test(existing_order_has_id_and_payment_status),
    };

    return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
