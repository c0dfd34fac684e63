
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_request.c, alikassa_param.c and alikassa_validate.c.
 */


#include "test.h"

#include "alikassa_request.h"


#define STRICT  ALIKASSA_VALIDATE_STRICT
#define FIELDS  ALIKASSA_VALIDATE_FIELDS
#define OFF     ALIKASSA_VALIDATE_OFF

#define STR     ALIKASSA_VALUE_STRING
#define NUM     ALIKASSA_VALUE_NUMBER
#define BOOL    ALIKASSA_VALUE_BOOLEAN
#define NONE    ALIKASSA_VALUE_NULL
#define ARRAY   ALIKASSA_VALUE_ARRAY
#define OBJECT  ALIKASSA_VALUE_OBJECT
#define FILED   ALIKASSA_VALUE_FILE

/* these follow a text such as "The order id" */
#define NO_AMOUNT                                                             \
    " must be a number from 0.01 to 999999999.99 with at most two decimals."
#define NO_INTEGER   " must be a positive integer."
#define NO_STRING    " must be a string."
#define NO_IP        " must be a valid IP address."
#define NO_URL       " must be a valid http or https URL."
#define NO_CONTROLS  " may not have control characters."
#define NO_UTF8      " field is not valid UTF-8 text."
#define REQUIRED     " field is required."
#define REPEATED     " field was sent more than once."

#define TEST_FACE  "\xf0\x9f\x98\x80"


/* one field: the body has the text out, or the field error is words */

typedef struct {
    const char               *operation;
    const char               *name;
    const char               *value;
    alikassa_value_type_t     type;
    const char               *out;
    const char               *words;
} test_value_t;


/* what is validated in every mode */

static const test_value_t  test_values[] = {

    /* amounts are written without quotes in canonical form */

    { "payment", "amount", "100.50", STR, "100.5", NULL },
    { "payment", "amount", "100.00", STR, "100", NULL },
    { "payout", "amount", "999999999.99", STR, "999999999.99", NULL },
    { "payment", "amount", "150000.5", NUM, "150000.5", NULL },

    { "payment", "amount", "10.001", STR, NULL, NO_AMOUNT },
    { "payment", "amount", " 5", STR, NULL, NO_AMOUNT },
    { "payment", "amount", " ", STR, NULL, NO_AMOUNT },
    { "payout", "amount", "-5", STR, NULL, NO_AMOUNT },
    { "payment", "amount", "1e2", NUM, NULL, NO_AMOUNT },
    { "payment", "amount", "true", BOOL, NULL, NO_AMOUNT },
    { "payment", "amount", "1", BOOL, NULL, NO_AMOUNT },
    { "payment", "amount", "", ARRAY, NULL, NO_AMOUNT },
    { "payment", "amount", "1", OBJECT, NULL, NO_AMOUNT },
    { "payment", "amount", "1", FILED, NULL, NO_AMOUNT },

    /* integers are written without quotes, too */

    { "payment", "success_redirect_id", "1", STR, "1", NULL },
    { "payment", "fail_redirect_id", "9223372036854775807", STR,
      "9223372036854775807", NULL },
    { "payment", "notification_endpoint_id", "42", NUM, "42", NULL },
    { "payout", "notification_endpoint_id", "42", NUM, "42", NULL },

    { "payment", "fail_redirect_id", "1.0", STR, NULL, NO_INTEGER },
    { "payment", "fail_redirect_id", " ", STR, NULL, NO_INTEGER },
    { "payout", "notification_endpoint_id", "9223372036854775808", STR, NULL,
      NO_INTEGER },
    { "payout", "notification_endpoint_id", "-1", NUM, NULL, NO_INTEGER },
    { "payout", "notification_endpoint_id", "1", BOOL, NULL, NO_INTEGER },
    { "payment", "success_redirect_id", "", OBJECT, NULL, NO_INTEGER },

    /* strings are escaped as by PHP */

    { "payment", "order_id", "A/1", STR, "\"A\\/1\"", NULL },
    { "payment", "order_id", "007", STR, "\"007\"", NULL },
    { "payment", "order_id", " A ", STR, "\" A \"", NULL },
    { "payment", "customer_first_name", "\"\\/\xe2\x80\xa8", STR,
      "\"\\\"\\\\\\/\\u2028\"", NULL },
    { "payment", "customer_first_name", "<b>&'</b>", STR,
      "\"<b>&'<\\/b>\"", NULL },
    { "payment", "customer_last_name", "\xd0\x96\xc3\xa9", STR,
      "\"\\u0416\\u00e9\"", NULL },
    { "payout", "customer_last_name", TEST_FACE, STR,
      "\"\\ud83d\\ude00\"", NULL },
    { "payout", "number", "4111 1111", STR, "\"4111 1111\"", NULL },

    { "payment", "order_id", "7", NUM, NULL, NO_STRING },
    { "payment", "order_id", "", ARRAY, NULL, NO_STRING },
    { "payment", "order_id", "", OBJECT, NULL, NO_STRING },
    { "payment", "order_id", "", FILED, NULL, NO_STRING },
    { "payout", "number", "4111", NUM, NULL, NO_STRING },
    { "payment", "customer_ip", "1", NUM, NULL, NO_STRING },
    { "payment", "success_redirect_url", "false", BOOL, NULL, NO_STRING },

    { NULL, NULL, NULL, STR, NULL, NULL }
};


/* what is validated unless validation is off */

static const test_value_t  test_forms[] = {

    { "payment", "customer_ip", "203.0.113.9", STR, "\"203.0.113.9\"", NULL },
    { "payment", "customer_ip", "2001:db8::1", STR, "\"2001:db8::1\"", NULL },

    { "payment", "customer_ip", "203.0.113", STR, NULL, NO_IP },
    { "payment", "customer_ip", "localhost", STR, NULL, NO_IP },
    { "payment", "customer_ip", " ", STR, NULL, REQUIRED },

    { "payment", "success_redirect_url", "https://a.b/c", STR,
      "\"https:\\/\\/a.b\\/c\"", NULL },
    { "payment", "fail_redirect_url", "http://u@a/", STR,
      "\"http:\\/\\/u@a\\/\"", NULL },
    { "payout", "notification_endpoint_url", "https://a", STR,
      "\"https:\\/\\/a\"", NULL },

    { "payment", "success_redirect_url", "a.b/c", STR, NULL, NO_URL },
    { "payment", "fail_redirect_url", "javascript:alert(1)", STR, NULL,
      NO_URL },
    { "payout", "notification_endpoint_url", "https://a b", STR, NULL,
      NO_URL },

    /* a value of white space, including Unicode's, counts as missing */

    { "payment", "order_id", " ", STR, NULL, REQUIRED },
    { "payment", "customer_first_name", " \t\n\v\f\r", STR, NULL, REQUIRED },
    { "payment", "customer_last_name", "\xc2\xa0\xe3\x80\x80", STR, NULL,
      REQUIRED },
    { "payout", "number",
      "\xc2\x85\xe1\x9a\x80\xe2\x80\x80\xe2\x80\x81\xe2\x80\x82"
      "\xe2\x80\x83\xe2\x80\x84\xe2\x80\x85\xe2\x80\x86\xe2\x80\x87"
      "\xe2\x80\x88\xe2\x80\x89\xe2\x80\x8a\xe2\x80\x8b\xe2\x80\xa8"
      "\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\x9f\xef\xbb\xbf", STR, NULL,
      REQUIRED },
    { "payout", "number", "\xe2\x80\x80.", STR, "\"\\u2000.\"", NULL },
    { "payout", "customer_last_name", "\xe2\x80\x90", STR, "\"\\u2010\"",
      NULL },

    { NULL, NULL, NULL, STR, NULL, NULL }
};


static const char *const  test_payment[] = {
    "amount", "100.50", "order_id", "A-1",
    "service", "online_banking_idr_hpp",
    "customer_ip", "1.2.3.4", "customer_code", "BCA",
    "customer_first_name", "Budi", "customer_last_name", "Santoso",
    NULL
};


static const char *const  test_payout[] = {
    "amount", "7", "order_id", "A-1",
    "service", "payment_card_idr",
    "number", "4111", "customer_code", "BJB",
    "customer_first_name", "Budi", "customer_last_name", "Santoso",
    NULL
};


static const alikassa_operation_t  *test_op;
static alikassa_fields_t            test_fields;
static alikassa_field_errors_t      test_faults;
static alikassa_str_t               test_body;


static alikassa_param_t *
test_param(const char *name)
{
    int             i;
    alikassa_str_t  s;

    s = test_str(name);

    i = alikassa_operation_field(test_op, &s);
    assert_true(i >= 0);

    return &test_fields.known[i];
}


static void
test_set_typed(const char *name, const char *value,
    alikassa_value_type_t type)
{
    unsigned char    *p;
    alikassa_input_t  input;

    memset(&input, 0, sizeof(alikassa_input_t));

    input.name = test_str(name);
    input.value = test_str(value);
    input.type = type;

    /*
     * a copy of the exact size, so that AddressSanitizer sees a read beyond it
     */

    p = test_pool_alloc(NULL, input.value.len);
    assert_non_null(p);

    memcpy(p, value, input.value.len);
    input.value.data = p;

    alikassa_param_take(test_param(name), &input);
}


static void
test_set(const char *name, const char *value)
{
    test_set_typed(name, value, STR);
}


/*
 * Begins a valid call of this operation with all required fields.
 */

static void
test_begin(const char *operation)
{
    const char *const  *p;

    test_pool_free();

    test_op = alikassa_operation_find(operation);
    assert_non_null(test_op);

    memset(&test_fields, 0, sizeof(alikassa_fields_t));

    p = test_op->is_payout ? test_payout : test_payment;

    for ( /* void */ ; test_op->moves_money && *p; p += 2) {
        test_set(p[0], p[1]);
    }
}


static alikassa_rc_t
test_build(alikassa_validate_t validate)
{
    alikassa_rc_t  rc;

    memset(&test_faults, 0xa5, sizeof(alikassa_field_errors_t));

    test_body.len = 0;
    test_body.data = NULL;

    rc = alikassa_request_build(test_pool(), test_op, validate, &test_fields,
                             &test_body, &test_faults);

    assert_int_equal(rc == ALIKASSA_DECLINED, test_faults.nelts != 0);

    return rc;
}


static void
test_built(alikassa_validate_t validate)
{
    if (test_build(validate) != ALIKASSA_OK) {
        fail_msg("refused: %.*s", (int) test_faults.elts[0].message.len,
                 test_faults.elts[0].message.data);
    }
}


static void
test_is(alikassa_validate_t validate, const char *body)
{
    test_built(validate);
    test_equal(&test_body, body);
}


/*
 * Expects the message of a field error: if words begins with a space, "The",
 * the name of the field and words; otherwise words alone.
 */

static void
test_message_is(size_t i, const char *name, const char *words)
{
    char  text[1024], *p;

    assert_true(i < test_faults.nelts);
    test_equal(&test_faults.elts[i].field, name);

    p = text;

    if (*words == ' ') {

        for (p += sprintf(p, "The "); *name; name++) {
            *p++ = (*name == '_') ? ' ' : *name;
        }
    }

    strcpy(p, words);
    test_equal(&test_faults.elts[i].message, text);
}


/*
 * Expects that this field is the only one with an error.
 */

static void
test_fault(alikassa_validate_t validate, const char *name, const char *words)
{
    if (test_build(validate) != ALIKASSA_DECLINED) {
        fail_msg("accepted: %.*s", (int) test_body.len, test_body.data);
    }

    assert_int_equal(test_faults.nelts, 1);
    test_message_is(0, name, words);
}


/*
 * Expects that the body has the member "name":out.
 */

static void
test_holds(alikassa_validate_t validate, const char *name, const char *out)
{
    char            member[4096];
    size_t          i;
    alikassa_str_t  m;

    sprintf(member, "\"%s\":%s", name, out);
    m = test_str(member);

    test_built(validate);

    /* a whole member stands after "{" or "," and before "," or "}" */

    for (i = 1; i + m.len < test_body.len; i++) {

        if (memcmp(test_body.data + i, m.data, m.len) == 0
            && strchr("{,", test_body.data[i - 1])
            && strchr(",}", test_body.data[i + m.len]))
        {
            return;
        }
    }

    fail_msg("%.*s: %s is missing", (int) test_body.len, test_body.data,
             member);
}


static void
test_values_are_judged(alikassa_validate_t validate, const test_value_t *t)
{
    for ( /* void */ ; t->name; t++) {

        test_begin(t->operation);
        test_set_typed(t->name, t->value, t->type);

        if (t->words) {
            test_fault(validate, t->name, t->words);

        } else {
            test_holds(validate, t->name, t->out);
        }
    }

    test_pool_free();
}


#define TEST_REQUIRED                                                         \
    "{\"amount\":100.5,\"order_id\":\"A-1\","                                 \
    "\"service\":\"online_banking_idr_hpp\",\"customer_ip\":\"1.2.3.4\","     \
    "\"customer_code\":\"BCA\",\"customer_first_name\":\"Budi\","             \
    "\"customer_last_name\":\"Santoso\""


static void
payment_fields_are_in_vendor_order(void **state)
{
    (void) state;

    test_begin("payment");
    test_is(STRICT, TEST_REQUIRED "}");

    /* one for each of seven values, and one for the body */

    assert_int_equal(test_pool_allocs(), 8);

    /* the caller can read the values that are signed, and build them again */

    test_equal(&test_param("amount")->value, "100.5");
    test_is(OFF, TEST_REQUIRED "}");

    test_set("notification_endpoint_url", "https://a/n");
    test_set("fail_redirect_url", "http://a/f");
    test_set("success_redirect_url", "https://a/s?x=1&y=2");
    test_set("notification_endpoint_id", "3");
    test_set("fail_redirect_id", "2");
    test_set("success_redirect_id", "1");

    test_is(STRICT, TEST_REQUIRED
            ",\"success_redirect_id\":1,\"fail_redirect_id\":2,"
            "\"notification_endpoint_id\":3,"
            "\"success_redirect_url\":\"https:\\/\\/a\\/s?x=1&y=2\","
            "\"fail_redirect_url\":\"http:\\/\\/a\\/f\","
            "\"notification_endpoint_url\":\"https:\\/\\/a\\/n\"}");

    test_pool_free();
}


static void
payout_fields_are_in_vendor_order(void **state)
{
    (void) state;

    test_begin("payout");
    test_set("notification_endpoint_url", "https://a");
    test_set("notification_endpoint_id", "9");

    test_is(STRICT,
            "{\"amount\":7,\"order_id\":\"A-1\","
            "\"service\":\"payment_card_idr\",\"number\":\"4111\","
            "\"customer_code\":\"BJB\",\"customer_first_name\":\"Budi\","
            "\"customer_last_name\":\"Santoso\","
            "\"notification_endpoint_id\":9,"
            "\"notification_endpoint_url\":\"https:\\/\\/a\"}");

    test_pool_free();
}


static void
status_query_has_exactly_one_id(void **state)
{
    size_t  i;

    static const char  none[] = "The order id or id field is required.";
    static const char  both[] = "Only one of order id and id may be sent.";

    (void) state;

    for (i = 0; i < 2; i++) {

        test_begin(i ? "payout_status" : "payment_status");
        test_fault(STRICT, "order_id", none);
        test_fault(FIELDS, "order_id", none);

        test_set("id", "108465371");
        test_is(STRICT, "{\"id\":108465371}");

        /* null and an empty string count as missing */

        test_set("order_id", "");
        test_set_typed("id", "", NONE);
        test_fault(STRICT, "order_id", none);

        test_set("order_id", "A/1");
        test_is(STRICT, "{\"order_id\":\"A\\/1\"}");

        test_set("id", "1");
        test_fault(STRICT, "id", both);

        /* an invalid field is reported before the rule of one field */

        test_set("id", "0");
        test_fault(STRICT, "id", NO_INTEGER);
    }

    test_pool_free();
}


static void
values_are_validated_by_type(void **state)
{
    (void) state;

    test_values_are_judged(STRICT, test_values);
    test_values_are_judged(FIELDS, test_values);
    test_values_are_judged(OFF, test_values);
}


/*
 * Only strict validation refuses a control character: AliKassa may accept it,
 * and PHP can encode it.
 */

static void
control_characters_are_refused_if_strict(void **state)
{
    size_t  i;

    static const struct {
        const char  *operation;
        const char  *name;
    } names[] = {
        { "payment", "order_id" },
        { "payment", "customer_first_name" },
        { "payment", "customer_last_name" },
        { "payout", "order_id" },
        { "payout", "number" },
        { "payout", "customer_first_name" },
        { "payout", "customer_last_name" },
        { "payment_status", "order_id" },
        { "payout_status", "order_id" }
    };

    static const struct {
        const char  *value;
        const char  *out;
    } values[] = {
        { "a\b\f\n\r\t\x01\x1f\x7f",
          "\"a\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"" },
        { "a\n", "\"a\\n\"" },
        { "a\x7f", "\"a\x7f\"" },
        { "a\xc2\x85", "\"a\\u0085\"" }
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]) * 4; i++) {

        test_begin(names[i / 4].operation);
        test_set(names[i / 4].name, values[i % 4].value);

        test_fault(STRICT, names[i / 4].name, NO_CONTROLS);
        test_holds(FIELDS, names[i / 4].name, values[i % 4].out);
        test_holds(OFF, names[i / 4].name, values[i % 4].out);
    }

    test_pool_free();
}


static void
formats_are_validated_unless_off(void **state)
{
    const test_value_t  *t;

    (void) state;

    test_values_are_judged(STRICT, test_forms);
    test_values_are_judged(FIELDS, test_forms);

    for (t = test_forms; t->name; t++) {
        test_begin(t->operation);
        test_set_typed(t->name, t->value, t->type);
        test_built(OFF);
    }

    test_pool_free();
}


static void
missing_required_fields_are_reported(void **state)
{
    size_t              i;
    const char *const  *f;

    (void) state;

    for (i = 0; i < 2; i++) {

        for (f = i ? test_payout : test_payment; *f; f += 2) {

            test_begin(i ? "payout" : "payment");
            memset(test_param(*f), 0, sizeof(alikassa_param_t));

            test_fault(STRICT, *f, REQUIRED);
            test_fault(FIELDS, *f, REQUIRED);
            test_built(OFF);

            test_set(*f, "");
            test_fault(STRICT, *f, REQUIRED);

            test_set_typed(*f, "null", NONE);
            test_fault(STRICT, *f, REQUIRED);
        }
    }

    /* a call without fields is an empty object */

    test_begin("payment");
    memset(&test_fields, 0, sizeof(alikassa_fields_t));
    test_is(OFF, "{}");

    test_pool_free();
}


/*
 * Tries a value of max characters, and one of a character more.  After the
 * start, each character has four bytes.
 */

static void
test_limit(const char *operation, alikassa_validate_t validate,
    const char *name, const char *start, size_t max, int limited)
{
    char    text[2048], words[64], *p;
    size_t  i;

    p = text + sprintf(text, "%s", start);

    for (i = strlen(start); i < max; i++) {
        p += sprintf(p, TEST_FACE);
    }

    test_begin(operation);

    test_set(name, text);
    test_built(validate);

    strcpy(p, "x");
    test_set(name, text);

    if (limited) {
        sprintf(words, " may not be greater than %zu characters.", max);
        test_fault(validate, name, words);
        test_built(OFF);

    } else {
        test_built(validate);
    }
}


static void
length_limits_count_characters(void **state)
{
    (void) state;

    test_limit("payment", STRICT, "order_id", "", 128, 1);
    test_limit("payout", FIELDS, "order_id", "A", 128, 1);
    test_limit("payment_status", STRICT, "order_id", "", 128, 1);
    test_limit("payout_status", FIELDS, "order_id", "", 128, 1);

    test_limit("payout", STRICT, "number", "", 100, 1);
    test_limit("payout", STRICT, "customer_first_name", "", 100, 1);
    test_limit("payout", STRICT, "customer_last_name", "", 100, 1);

    test_limit("payment", FIELDS, "service", "", 100, 1);
    test_limit("payment", FIELDS, "customer_code", "", 100, 1);
    test_limit("payout", FIELDS, "service", "", 100, 1);
    test_limit("payout", FIELDS, "customer_code", "", 100, 1);

    test_limit("payment", STRICT, "success_redirect_url", "https://a/", 255,
               1);
    test_limit("payment", STRICT, "fail_redirect_url", "http://a/", 255, 1);
    test_limit("payment", FIELDS, "notification_endpoint_url", "https://a?",
               255, 1);
    test_limit("payout", STRICT, "notification_endpoint_url", "https://a/",
               255, 1);

    /* the names of a payer have no limit */

    test_limit("payment", STRICT, "customer_first_name", "", 300, 0);
    test_limit("payment", STRICT, "customer_last_name", "", 300, 0);

    test_pool_free();
}


static void
repeated_and_malformed_fields_are_refused(void **state)
{
    int                 i;
    alikassa_input_t    input;
    const char *const  *f;

    (void) state;

    for (i = STRICT; i <= OFF; i++) {

        for (f = test_payment; *f; f += 2) {

            /* the value is empty, but the error is reported */

            memset(&input, 0, sizeof(alikassa_input_t));

            test_begin("payment");

            input.malformed = 1;
            alikassa_param_take(test_param(*f), &input);
            test_fault((alikassa_validate_t) i, *f, NO_UTF8);

            input.repeated = 1;
            alikassa_param_take(test_param(*f), &input);
            test_fault((alikassa_validate_t) i, *f, REPEATED);
        }
    }

    /* with a repeated service, customer_code is not compared with the table */

    test_begin("payment");
    test_param("service")->repeated = 1;
    test_set("customer_code", "QRIS");
    test_fault(STRICT, "service", REPEATED);

    test_pool_free();
}


static void
test_extra(alikassa_extra_t *extra, const char *name, const char *value)
{
    memset(extra, 0, sizeof(alikassa_extra_t));

    extra->name = test_str(name);
    extra->param.value = test_str(value);
    extra->param.given = 1;
}


static void
extra_fields_come_last_as_strings(void **state)
{
    alikassa_extra_t  extra[3];

    (void) state;

    test_extra(&extra[0], "z/\xc3\xa9", "1");
    test_extra(&extra[1], "my_field", "");
    test_extra(&extra[2], "m", TEST_FACE "/\n");

    extra[0].param.type = NUM;

    test_begin("payment_status");
    test_set("id", "5");

    test_fields.extra = extra;
    test_fields.nextra = 3;

    test_is(STRICT, "{\"id\":5,\"z\\/\\u00e9\":\"1\",\"my_field\":\"\","
                    "\"m\":\"\\ud83d\\ude00\\/\\n\"}");

    /*
     * only the first malformed extra field is reported, after the known fields
     */

    test_begin("payment");
    test_set("amount", "x");

    extra[1].param.malformed = 1;
    extra[2].param.malformed = 1;

    test_fields.extra = extra;
    test_fields.nextra = 3;

    assert_int_equal(test_build(STRICT), ALIKASSA_DECLINED);
    assert_int_equal(test_faults.nelts, 2);
    test_message_is(0, "amount", NO_AMOUNT);
    test_message_is(1, "my_field", NO_UTF8);

    test_set("amount", "1");
    test_fault(OFF, "my_field", NO_UTF8);

    /* an extra field alone */

    memset(&test_fields, 0, sizeof(alikassa_fields_t));

    test_fields.extra = extra;
    test_fields.nextra = 1;

    test_is(OFF, "{\"z\\/\\u00e9\":\"1\"}");

    test_pool_free();
}


/*
 * Tests the values that the operator sets with alikassa_set.
 */

static void
configured_values_are_classified(void **state)
{
    size_t            i;
    alikassa_str_t    s;
    alikassa_param_t  param;

    static const struct {
        const char    *text;
        size_t         len;
        unsigned       given:1;
        unsigned       malformed:1;
        unsigned       plain:1;
    } values[] = {
        { "", 0, 0, 0, 1 },
        { "Budi Santoso", 12, 1, 0, 1 },
        { "https://a/", 10, 1, 0, 0 },
        { "caf\xc3\xa9", 5, 1, 0, 0 },
        { "\x7f", 1, 1, 0, 1 },
        { "a\nb", 3, 1, 0, 0 },
        { "a\0b", 3, 1, 1, 0 },
        { "0123456789\0", 11, 1, 1, 0 },
        { "caf\xe9", 4, 1, 1, 0 },
        { "\xed\xa0\x80", 3, 1, 1, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {

        memset(&param, 0xff, sizeof(alikassa_param_t));

        s.len = values[i].len;
        s.data = (const unsigned char *) values[i].text;

        alikassa_param_set(&param, &s);

        assert_true(alikassa_str_eq(&param.value, &s));
        assert_int_equal(param.type, STR);
        assert_int_equal(param.repeated, 0);

        if (param.given != values[i].given
            || param.malformed != values[i].malformed
            || param.plain != values[i].plain)
        {
            fail_msg("\"%s\": given %u, malformed %u, plain %u",
                     values[i].text, param.given, param.malformed,
                     param.plain);
        }
    }
}


/* a payment in which each field is invalid */

static const test_value_t  test_wrong[] = {
    { "payment", "amount", "10.001", STR, NULL, NO_AMOUNT },
    { "payment", "order_id", "", STR, NULL, REQUIRED },
    { "payment", "service", "x", STR, NULL,
      "The selected service is invalid; allowed: online_banking_idr_hpp, "
      "qr_code_idr_hpp, virtual_account_idr_hpp, "
      "local_bank_transfer_idr_hpp." },
    { "payment", "customer_ip", "1.2.3", STR, NULL, NO_IP },
    { "payment", "customer_code", " ", STR, NULL, REQUIRED },
    { "payment", "customer_first_name", "1", NUM, NULL, NO_STRING },
    { "payment", "customer_last_name", "{", OBJECT, NULL, NO_STRING },
    { "payment", "success_redirect_id", "-1", STR, NULL, NO_INTEGER },
    { "payment", "fail_redirect_id", "x", STR, NULL, NO_INTEGER },
    { "payment", "notification_endpoint_id", "0", NUM, NULL, NO_INTEGER },
    { "payment", "success_redirect_url", "/", STR, NULL, NO_URL },
    { "payment", "fail_redirect_url", "ftp://a", STR, NULL, NO_URL },
    { "payment", "notification_endpoint_url", "\xff", STR, NULL, NO_UTF8 },
    { NULL, NULL, NULL, STR, NULL, NULL }
};


static void
test_begin_wrong(void)
{
    const test_value_t  *t;

    test_begin("payment");

    for (t = test_wrong; t->name; t++) {
        test_set_typed(t->name, t->value, t->type);
        test_param(t->name)->malformed = (*t->value == '\xff');
    }
}


static void
all_field_errors_are_reported_at_once(void **state)
{
    size_t  i;

    (void) state;

    test_begin_wrong();

    assert_int_equal(test_build(STRICT), ALIKASSA_DECLINED);
    assert_int_equal(test_faults.nelts, 13);

    for (i = 0; test_wrong[i].name; i++) {
        test_message_is(i, test_wrong[i].name, test_wrong[i].words);
    }

    test_pool_free();
}


/*
 * Each allocation fails once: one for each field error, or that of the body.
 */

static void
test_sweep(alikassa_validate_t validate, size_t errors)
{
    size_t         n;
    alikassa_rc_t  rc;

    rc = test_build(validate);

    assert_int_equal(test_faults.nelts, errors);

    for (n = 0; n < (errors ? errors : 1); n++) {

        test_pool_fail_after((long) n);

        assert_int_equal(alikassa_request_build(test_pool(), test_op, validate,
                                             &test_fields, &test_body,
                                             &test_faults),
                         ALIKASSA_ERROR);
    }

    test_pool_fail_after((long) n);

    assert_int_equal(test_build(validate), rc);

    test_pool_free();
}


static void
failed_allocation_is_an_error(void **state)
{
    alikassa_extra_t  extra;

    (void) state;

    test_begin("payment");
    test_sweep(STRICT, 0);

    test_begin_wrong();
    test_sweep(STRICT, 13);

    test_begin("payment");
    test_set("customer_code", "QRIS");
    test_sweep(STRICT, 1);

    test_begin("payment_status");
    test_sweep(STRICT, 1);

    test_begin_wrong();
    test_extra(&extra, "a", "\xff");
    extra.param.malformed = 1;
    test_fields.extra = &extra;
    test_fields.nextra = 1;
    test_sweep(STRICT, 14);
}


static void
missing_field_is_reported_by_role(void **state)
{
    static const char  payment[] = "payment";

    (void) state;

    test_begin(payment);

    assert_int_equal(alikassa_validate_missing(test_pool(), test_op,
                                               ALIKASSA_ROLE_ORDER_ID,
                                               &test_faults),
                     ALIKASSA_OK);

    assert_int_equal(test_faults.nelts, 1);
    test_message_is(0, "order_id", " field is required.");

    test_pool_fail_after(0);

    assert_int_equal(alikassa_validate_missing(test_pool(), test_op,
                                               ALIKASSA_ROLE_ORDER_ID,
                                               &test_faults),
                     ALIKASSA_ERROR);

    test_pool_free();

    /* a status query has no field for the amount */

    test_begin("payment_status");

    assert_int_equal(alikassa_validate_missing(test_pool(), test_op,
                                               ALIKASSA_ROLE_AMOUNT,
                                               &test_faults),
                     ALIKASSA_ERROR);

    assert_int_equal(test_faults.nelts, 0);

    test_pool_free();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(payment_fields_are_in_vendor_order),
        cmocka_unit_test(payout_fields_are_in_vendor_order),
        cmocka_unit_test(status_query_has_exactly_one_id),
        cmocka_unit_test(values_are_validated_by_type),
        cmocka_unit_test(control_characters_are_refused_if_strict),
        cmocka_unit_test(formats_are_validated_unless_off),
        cmocka_unit_test(missing_required_fields_are_reported),
        cmocka_unit_test(length_limits_count_characters),
        cmocka_unit_test(repeated_and_malformed_fields_are_refused),
        cmocka_unit_test(extra_fields_come_last_as_strings),
        cmocka_unit_test(configured_values_are_classified),
        cmocka_unit_test(all_field_errors_are_reported_at_once),
        cmocka_unit_test(failed_allocation_is_an_error),
        cmocka_unit_test(missing_field_is_reported_by_role),
    };

    return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
