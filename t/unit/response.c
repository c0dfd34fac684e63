
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_response.c.
 */


#include "test.h"

#include "alikassa_response.h"


typedef struct {
    unsigned              status;
    const char           *body;
    alikassa_outcome_t    money;            /* if the call moves money */
    alikassa_outcome_t    status_query;     /* if it does not */
    unsigned              object:1;
} test_response_t;


typedef struct {
    const char           *url;
    unsigned              redirect:1;
} test_url_t;


#define ACCEPTED  ALIKASSA_OUTCOME_ACCEPTED
#define REJECTED  ALIKASSA_OUTCOME_REJECTED
#define UNKNOWN   ALIKASSA_OUTCOME_UNKNOWN


static const alikassa_operation_t  test_money = {
    .name = alikassa_string("payment"), .moves_money = 1
};


static const alikassa_operation_t  test_status = {
    .name = alikassa_string("payment_status"), .is_read_only = 1
};


static const test_response_t  test_responses[] = {

    { 200, "{\"id\":108465371}", ACCEPTED, ACCEPTED, 1 },
    { 200, "{\"id\":\"108465371\"}", ACCEPTED, ACCEPTED, 1 },
    { 200, " {\"x\":[{}],\"id\":1}\r\n", ACCEPTED, ACCEPTED, 1 },
    { 201, "{\"id\":1}", ACCEPTED, ACCEPTED, 1 },
    { 299, "{\"id\":1}", ACCEPTED, ACCEPTED, 1 },

    /* without an id */

    { 200, "{}", UNKNOWN, ACCEPTED, 1 },
    { 200, "{\"url\":\"https://a.b/\"}", UNKNOWN, ACCEPTED, 1 },
    { 200, "{\"id\":null}", UNKNOWN, ACCEPTED, 1 },
    { 200, "{\"id\":\"\"}", UNKNOWN, ACCEPTED, 1 },
    { 200, "{\"id\":[1]}", UNKNOWN, ACCEPTED, 1 },
    { 200, "{\"id\":{\"id\":1}}", UNKNOWN, ACCEPTED, 1 },
    { 200, "{\"id\":false}", UNKNOWN, ACCEPTED, 1 },
    { 200, "{\"id\":true}", UNKNOWN, ACCEPTED, 1 },
    { 200, "{\"ID\":1}", UNKNOWN, ACCEPTED, 1 },
    { 200, "{\"data\":{\"id\":1}}", UNKNOWN, ACCEPTED, 1 },

    { 400, "{\"message\":\"m\",\"errors\":{}}", REJECTED, REJECTED, 1 },
    { 400, "{}", REJECTED, REJECTED, 1 },
    { 400, "{\"id\":1}", REJECTED, REJECTED, 1 },
    { 401, "{}", REJECTED, REJECTED, 1 },
    { 404, "{}", REJECTED, REJECTED, 1 },
    { 407, "{}", REJECTED, REJECTED, 1 },
    { 409, "{}", REJECTED, REJECTED, 1 },
    { 422, "{}", REJECTED, REJECTED, 1 },
    { 429, "{}", REJECTED, REJECTED, 1 },
    { 499, "{}", REJECTED, REJECTED, 1 },

    { 408, "{}", UNKNOWN, UNKNOWN, 1 },
    { 408, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },

    { 500, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },
    { 502, "{}", UNKNOWN, UNKNOWN, 1 },
    { 504, "{\"message\":\"m\"}", UNKNOWN, UNKNOWN, 1 },
    { 599, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },
    { 600, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },
    { 301, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },
    { 303, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },
    { 300, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },
    { 399, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },
    { 199, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },
    { 100, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },
    { 0, "{\"id\":1}", UNKNOWN, UNKNOWN, 1 },

    /* not an object */

    { 200, "", UNKNOWN, UNKNOWN, 0 },
    { 200, "OK", UNKNOWN, UNKNOWN, 0 },
    { 200, "108465371", UNKNOWN, UNKNOWN, 0 },
    { 200, "[{\"id\":1}]", UNKNOWN, UNKNOWN, 0 },
    { 200, "null", UNKNOWN, UNKNOWN, 0 },
    { 200, "\"id\"", UNKNOWN, UNKNOWN, 0 },
    { 200, "<html><body>OK</body></html>", UNKNOWN, UNKNOWN, 0 },
    { 400, "", UNKNOWN, UNKNOWN, 0 },
    { 400, "<html>400 Bad Request</html>", UNKNOWN, UNKNOWN, 0 },
    { 404, "[]", UNKNOWN, UNKNOWN, 0 },
    { 403, "Forbidden", UNKNOWN, UNKNOWN, 0 },

    /* truncated, or texts that parsers read differently */

    { 200, "{\"id\":108465371", UNKNOWN, UNKNOWN, 0 },
    { 200, "{\"id\":108465371,", UNKNOWN, UNKNOWN, 0 },
    { 200, "{\"id\":1}{\"id\":2}", UNKNOWN, UNKNOWN, 0 },
    { 200, "{\"id\":1}x", UNKNOWN, UNKNOWN, 0 },
    { 200, "{\"id\":1,\"id\":2}", UNKNOWN, UNKNOWN, 0 },
    { 200, "{\"id\":01}", UNKNOWN, UNKNOWN, 0 },
    { 200, "{\"id\":\"\\u0000\"}", UNKNOWN, UNKNOWN, 0 },
    { 200, "{\"id\":\"\xff\"}", UNKNOWN, UNKNOWN, 0 },
    { 400, "{\"message\":", UNKNOWN, UNKNOWN, 0 },

    { 0, NULL, UNKNOWN, UNKNOWN, 0 }
};


static const test_url_t  test_urls[] = {
    { "\"https:\\/\\/pay-merchant.alikassa.com\\/bd291fe1\"", 1 },
    { "\"https://pay.example.com/a?b=c&d\"", 1 },
    { "\"http://pay.example.com/\"", 0 },
    { "\"ftp://pay.example.com/\"", 0 },
    { "\"//pay.example.com/\"", 0 },
    { "\"/bd291fe1\"", 0 },
    { "\"javascript:alert(1)\"", 0 },
    { "\"https://user@pay.example.com/\"", 0 },
    { "\"https://pay.example.com/\\r\\nSet-Cookie: a=b\"", 0 },
    { "\"https://pay.example.com/ x\"", 0 },
    { "\"https://pay.example.com\\\\@evil.example/\"", 0 },
    { "\"https://\"", 0 },
    { "\"\"", 0 },
    { "null", 0 },
    { "true", 0 },
    { "1", 0 },
    { "[\"https://pay.example.com/\"]", 0 },
    { NULL, 0 }
};


static void
status_and_body_give_the_outcome(void **state)
{
    alikassa_str_t          body;
    alikassa_response_t     response;
    alikassa_outcome_t      outcome;
    const test_response_t  *t;

    (void) state;

    for (t = test_responses; t->body; t++) {

        body = test_copy_str(t->body);

        assert_int_equal(alikassa_response_read(test_pool(), &test_money,
                                            t->status, &body, &response,
                                            &outcome),
                         ALIKASSA_OK);

        if (outcome != t->money || response.object != t->object) {
            fail_msg("%u %s: outcome %d, object %d", t->status, t->body,
                     outcome, response.object);
        }

        assert_int_equal(alikassa_response_read(test_pool(), &test_status,
                                            t->status, &body, &response,
                                            &outcome),
                         ALIKASSA_OK);

        if (outcome != t->status_query || response.object != t->object) {
            fail_msg("%u %s: outcome %d, object %d of a status call",
                     t->status, t->body, outcome, response.object);
        }

        test_pool_free();
    }
}


/*
 * The order may exist in spite of a rejection: 409, and whatever names order_id
 * in "errors" or "message".
 */

static void
rejection_that_names_order_id_is_doubted(void **state)
{
    size_t               i;
    alikassa_str_t       body;
    alikassa_response_t  response;
    alikassa_outcome_t   outcome;

    static const struct {
        unsigned        status;
        const char     *body;
        int             doubtful;
    } tests[] = {
        { 400, "{\"errors\":{\"order_id\":[\"taken\"]}}", 1 },
        { 422, "{\"errors\":{\"amount\":[],\"order_id\":[]}}", 1 },
        { 403, "{\"errors\":{\"order_id\":null}}", 1 },
        { 499, "{\"errors\":{\"order\\u005fid\":\"taken\"}}", 1 },

        /* other forms of "errors" */

        { 400, "{\"errors\":[{\"field\":\"order_id\",\"message\":\"x\"}]}", 1 },
        { 400, "{\"errors\":[{\"field\":\"a\"},"
               "{\"param\":\"order_id.0\"}]}", 1 },
        { 400, "{\"errors\":[{\"order_id\":[\"taken\"]}]}", 1 },
        { 400, "{\"errors\":[\"order_id\"]}", 1 },
        { 400, "{\"errors\":\"order_id\"}", 1 },
        { 400, "{\"errors\":{\"order_id.0\":[\"taken\"]}}", 1 },
        { 400, "{\"message\":\"order_id has already been taken\"}", 1 },
        { 422, "{\"message\":\"This Order ID was used.\",\"errors\":{}}", 1 },

        { 409, "{}", 1 },
        { 409, "{\"errors\":{\"amount\":[]}}", 1 },

        { 400, "{}", 0 },
        { 400, "{\"order_id\":1,\"errors\":{}}", 0 },
        { 400, "{\"errors\":{\"amount\":[\"order_id\"]}}", 0 },
        { 400, "{\"errors\":{\"Order_id\":[]}}", 0 },
        { 400, "{\"errors\":{\"order_id2\":[]}}", 0 },
        { 400, "{\"errors\":{\"amount\":{\"order_id\":[]}}}", 0 },
        { 400, "{\"errors\":[\"amount\",1,null,{\"field\":\"amount\"}]}", 0 },
        { 400, "{\"errors\":{\"order_\":[],\"order_idx.0\":[]}}", 0 },
        { 400, "{\"message\":\"The order_i d or der id is wrong.\"}", 0 },
        { 400, "{\"message\":[\"order_id\"]}", 0 },
        { 400, "{\"message\":\"order_i\"}", 0 },
        { 400, "{\"errors\":null}", 0 },
        { 400, "{\"Errors\":{\"order_id\":[]}}", 0 },

        /* not a rejection */

        { 200, "{\"id\":1,\"errors\":{\"order_id\":[]}}", 0 },
        { 408, "{\"errors\":{\"order_id\":[]}}", 0 },
        { 200, "{\"id\":1,\"message\":\"order_id\"}", 0 },
        { 500, "{\"errors\":{\"order_id\":[]}}", 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        body = test_copy_str(tests[i].body);

        assert_int_equal(alikassa_response_read(test_pool(), &test_money,
                                              tests[i].status, &body, &response,
                                            &outcome),
                         ALIKASSA_OK);

        if (alikassa_response_order_may_exist(tests[i].status, &response)
            != tests[i].doubtful)
        {
            fail_msg("%u %s: doubt is not %d", tests[i].status,
                     tests[i].body, tests[i].doubtful);
        }

        test_pool_free();
    }

    /* a call that moves no money is never doubted */

    body = test_copy_str("{\"errors\":{\"order_id\":[]}}");

    assert_int_equal(alikassa_response_read(test_pool(), &test_status, 400,
                                            &body, &response, &outcome),
                     ALIKASSA_OK);
    assert_false(alikassa_response_order_may_exist(400, &response));

    test_pool_free();
}


/*
 * AliKassa may answer a status query with the status of another order.
 */

static void
status_of_another_order_is_detected(void **state)
{
    size_t               i;
    alikassa_str_t       body;
    alikassa_response_t  response;
    alikassa_outcome_t   outcome;

    const alikassa_str_t  order_id = alikassa_string("17");

    static const struct {
        const char     *body;
        int             another;
    } tests[] = {
        { "{\"id\":5}", 0 },
        { "{\"id\":5,\"order_id\":\"17\"}", 0 },
        { "{\"id\":5,\"order_id\":17}", 0 },
        { "{\"id\":5,\"order_id\":null}", 0 },
        { "{\"id\":17,\"order_id\":\"\"}", 1 },
        { "{\"id\":17,\"order_id\":\"1\"}", 1 },
        { "{\"id\":17,\"order_id\":\"18\"}", 1 },
        { "{\"id\":17,\"order_id\":\"170\"}", 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        body = test_copy_str(tests[i].body);

        assert_int_equal(alikassa_response_read(test_pool(), &test_status, 200,
                                            &body, &response, &outcome),
                         ALIKASSA_OK);

        if (alikassa_response_is_other_order(&response, &order_id)
            != tests[i].another)
        {
            fail_msg("%s: another order is not %d", tests[i].body,
                     tests[i].another);
        }

        test_pool_free();
    }
}


/*
 * Tries each status: which ones deny the caller, mean a wrong path, or may have
 * Retry-After.
 */

static void
denied_caller_and_retry_after_by_status(void **state)
{
    unsigned             status;
    alikassa_response_t  response;

    (void) state;

    memset(&response, 0, sizeof(alikassa_response_t));

    for (status = 0; status < 700; status++) {

        assert_int_equal(alikassa_response_is_caller_denied(&test_money,
                                               status, &response),
                         status == 401 || status == 403 || status == 404);
        assert_int_equal(alikassa_response_is_caller_denied(&test_status,
                                               status, &response),
                         status == 401 || status == 403 || status == 404);
        assert_int_equal(alikassa_response_is_wrong_path(status),
                         status == 404);
        assert_int_equal(alikassa_response_may_have_retry_after(status),
                         status == 429 || status == 503);
    }

    /* with an object, 404 of a status call means that there is no such order */

    response.object = 1;

    assert_int_equal(alikassa_response_is_caller_denied(&test_status,
                                           404, &response),
                     0);
    assert_int_equal(alikassa_response_is_caller_denied(&test_status,
                                           403, &response),
                     1);
    assert_int_equal(alikassa_response_is_caller_denied(&test_money,
                                           404, &response),
                     1);
}


static void
response_members_are_read(void **state)
{
    alikassa_str_t       body;
    alikassa_response_t  response;
    alikassa_outcome_t   outcome;

    (void) state;

    body = test_copy_str(
        "{\"url\":\"https:\\/\\/pay-merchant.alikassa.com\\/bd29\","
        "\"payment_status\":\"wait\",\"id\":108465371,"
        "\"uuid\":\"bd291fe1-5c19-4113-ae62-a2d3c4d01d20\","
        "\"success_redirect_url\":null}");

    assert_int_equal(alikassa_response_read(test_pool(), &test_money, 200,
                                            &body, &response, &outcome),
                     ALIKASSA_OK);

    test_equal(&response.url, "https://pay-merchant.alikassa.com/bd29");
    test_equal(&response.payment_status, "wait");
    test_equal(&response.id, "108465371");
    test_equal(&response.uuid, "bd291fe1-5c19-4113-ae62-a2d3c4d01d20");
    assert_true(alikassa_response_has_link(&response));

    test_pool_free();

    /* a number that a double cannot hold keeps its digits; the rest is empty */

    body = test_copy_str("{\"id\":9007199254740993,\"uuid\":null,\"url\":[]}");

    assert_int_equal(alikassa_response_read(test_pool(), &test_money, 200,
                                            &body, &response, &outcome),
                     ALIKASSA_OK);

    test_equal(&response.id, "9007199254740993");
    test_equal(&response.uuid, "");
    test_equal(&response.url, "");
    test_equal(&response.payment_status, "");
    assert_false(alikassa_response_has_link(&response));

    test_pool_free();
}


static void
payer_is_redirected_only_to_https(void **state)
{
    char                 text[256];
    alikassa_str_t       body;
    const test_url_t    *t;
    alikassa_response_t  response;
    alikassa_outcome_t   outcome;

    (void) state;

    for (t = test_urls; t->url; t++) {

        (void) snprintf(text, sizeof(text), "{\"id\":1,\"url\":%s}", t->url);

        body = test_copy_str(text);

        assert_int_equal(alikassa_response_read(test_pool(), &test_money, 200,
                                            &body, &response, &outcome),
                         ALIKASSA_OK);
        assert_int_equal(outcome, ACCEPTED);

        if (!alikassa_response_has_link(&response) != !t->redirect) {
            fail_msg("%s: redirect is not %d", t->url, t->redirect);
        }

        test_pool_free();
    }
}


/*
 * The body is a valid object of the maximum length, or of a byte more.
 */

static void
too_large_response_is_unknown(void **state)
{
    char                *p;
    size_t               len;
    alikassa_str_t       body;
    alikassa_response_t  response;
    alikassa_outcome_t   outcome;

    (void) state;

    for (len = ALIKASSA_RESPONSE_MAX; len <= ALIKASSA_RESPONSE_MAX + 1; len++) {

        p = test_pool_alloc(NULL, len);
        assert_non_null(p);

        memset(p, ' ', len);
        memcpy(p, "{\"id\":1", 7);
        p[len - 1] = '}';

        body.len = len;
        body.data = (unsigned char *) p;

        assert_int_equal(alikassa_response_read(test_pool(), &test_money, 200,
                                            &body, &response, &outcome),
                         ALIKASSA_OK);
        assert_int_equal(outcome, (len == ALIKASSA_RESPONSE_MAX) ? ACCEPTED
                                                               : UNKNOWN);
        assert_int_equal(response.object, len == ALIKASSA_RESPONSE_MAX);

        test_pool_free();
    }
}


static void
failed_allocation_is_an_error_and_unknown(void **state)
{
    long                 n;
    alikassa_rc_t        rc;
    alikassa_response_t  response;
    alikassa_outcome_t   outcome;

    const alikassa_str_t  body = alikassa_string(
        "{\"id\":1,\"uuid\":\"u\",\"url\":\"https:\\/\\/a.example\\/\","
        "\"payment_status\":\"wait\"}");

    (void) state;

    for (n = 0; n < 10; n++) {

        test_pool_fail_after(n);

        outcome = ACCEPTED;
        rc = alikassa_response_read(test_pool(), &test_money, 200, &body,
                                  &response, &outcome);

        test_pool_free();

        if (rc == ALIKASSA_OK) {
            break;
        }

        assert_int_equal(rc, ALIKASSA_ERROR);
        assert_int_equal(outcome, UNKNOWN);
    }

    /*
     * one for the list of members, one for the unescaped link, one for the
     * values
     */

    assert_int_equal(n, 3);
    assert_int_equal(outcome, ACCEPTED);
}


static void
not_found_is_only_a_404_with_an_object(void **state)
{
    unsigned             status;
    alikassa_response_t  response;

    (void) state;

    memset(&response, 0, sizeof(alikassa_response_t));

    for (status = 0; status < 1000; status++) {

        response.object = 1;
        assert_int_equal(alikassa_response_not_found(status, &response) != 0,
                         status == 404);

        response.object = 0;
        assert_int_equal(alikassa_response_not_found(status, &response), 0);
    }
}


static void
outcomes_have_names(void **state)
{
    size_t                 i;
    const alikassa_str_t  *name;

    static const char  *const names[] = {
        "", "accepted", "rejected", "invalid", "unsent", "unknown", "replayed"
    };

    (void) state;

    for (i = ALIKASSA_OUTCOME_NONE; i <= ALIKASSA_OUTCOME_REPLAYED; i++) {
        name = alikassa_outcome_name((alikassa_outcome_t) i);
        test_equal(name, names[i]);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(status_and_body_give_the_outcome),
        cmocka_unit_test(rejection_that_names_order_id_is_doubted),
        cmocka_unit_test(status_of_another_order_is_detected),
        cmocka_unit_test(denied_caller_and_retry_after_by_status),
        cmocka_unit_test(response_members_are_read),
        cmocka_unit_test(payer_is_redirected_only_to_https),
        cmocka_unit_test(too_large_response_is_unknown),
        cmocka_unit_test(failed_allocation_is_an_error_and_unknown),
        cmocka_unit_test(not_found_is_only_a_404_with_an_object),
        cmocka_unit_test(outcomes_have_names),
    };

    return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
