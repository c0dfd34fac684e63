
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_notification_input.c: what is read from a query, a form, a
 * JSON object and the headers of a request, and what is refused because parsers
 * read it differently.
 */


#include "test.h"

#include "alikassa_notification_input.h"


static const alikassa_str_t                 allowed[] = {
    alikassa_string("x"), alikassa_string("*")
};


static const alikassa_notification_extra_t  one = { allowed, 1 };
static const alikassa_notification_extra_t  any = { allowed, 2 };


static void
begin(alikassa_notification_t *n, const alikassa_notification_extra_t *extra)
{
    memset(n, 0, sizeof(alikassa_notification_t));

    n->fields = alikassa_notification_default();
    n->extra = extra;
}


static alikassa_rc_t
add(alikassa_notification_t *n, const char *query, alikassa_errmsg_t *errmsg)
{
    alikassa_str_t  s;

    s = test_str(query);

    return alikassa_notification_add_form(test_pool(), n, &s, 1, errmsg);
}


static alikassa_rc_t
add_json(alikassa_notification_t *n, const char *text,
    alikassa_errmsg_t *errmsg)
{
    alikassa_str_t  s;

    s = test_str(text);

    return alikassa_notification_add_json(test_pool(), n, &s, errmsg);
}


static void
ambiguous_parameter_names_are_refused(void **state)
{
    size_t                   i;
    alikassa_errmsg_t        errmsg;
    alikassa_notification_t  n;

    static const char *bad[] = {
        "id=1&id=2", "id=1&ID=2", "id%5B%5D=1", "id%5b=1", "order.id=1",
        "order%20id=1", "%20id=1", "+id=1", "%09id=1", "id%00=1", "Sign=x",
        "sign=a&sign=b", "sign%5B%5D=a", "=1", "desc=%ff", "id=%c0%80",
        "order%5Bid=1", "%5Border_id%5D=1", "%5Dorder_id=1", "order_id%20=1",
        "payment_%C5%BFtatus=1", "%ef%bd%89d=1", "x=1&x=2", "y%3D=1",
        "y%26=1", "y[]=1", "]=", "y=%", "y=%1", "y=%1g", "y=;", "y=\x80",
        "y= ", "y=\t", "id", "sign", "y?&id=1", "y=?&id=1", "_method=PUT",
        "utf8=1", "_charset_=x", "y=%00", "y=%1b", "y=%80", "y.id=1",
        "y%5Bid%5D=1", "id:int=1", "_id=1", "id%20%20=1",
        "y=?z=1", "y?=1", "desc=?id=1", "y=%3f?=", "orderid=1", "orderId=1",
        "OrderId=1", "order-id=1", "order__id=1", "order_id_=1", "i.d=1",
        "i_d=1", "y.orderId=1", "y%5BorderId%5D=1", "ispartialPayment=1"
    };

    static const char *good[] = {
        "", "&", "y", "y=1&ids=3&orderids=4&method=1", "desc=%00&sign=%1b",
        "order=1&x.d=2&account_id=3", "y%5Bz%5D=1", "id=1&y=?", "id=1?&sign=?",
        "y=?&sign=1", "y=1?&z=%3f=", "id=%e2%98%83", "id=&sign=&&desc="
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin(&n, &any);

        if (add(&n, bad[i], &errmsg) != ALIKASSA_DECLINED) {
            fail_msg("\"%s\" is accepted", bad[i]);
        }

        assert_true(errmsg.text[0] != '\0');
        test_pool_free();
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        begin(&n, &any);

        if (add(&n, good[i], &errmsg) != ALIKASSA_OK) {
            fail_msg("\"%s\" is refused: %s", good[i], errmsg.text);
        }

        test_pool_free();
    }

    /* a NUL does not end a value */

    begin(&n, &one);
    assert_int_equal(add(&n, "desc=%00", &errmsg), ALIKASSA_OK);
    assert_int_equal(n.values[ALIKASSA_NOTIFICATION_DESC].len, 1);
    test_pool_free();

    /* a parameter that is neither signed nor allowed */

    begin(&n, &one);
    assert_int_equal(add(&n, "y=1", &errmsg), ALIKASSA_DECLINED);
    assert_non_null(strstr(errmsg.text, "is not signed"));
    test_pool_free();
}


/*
 * With a query and a body, the signed parameters come from only one of them.
 */

static void
signed_parameters_come_from_one_place(void **state)
{
    alikassa_str_t           s;
    alikassa_errmsg_t        errmsg;
    alikassa_notification_t  n;

    (void) state;

    begin(&n, &any);
    s = test_str("y=1");
    assert_int_equal(alikassa_notification_add_form(test_pool(), &n, &s, 0,
                                                    &errmsg), ALIKASSA_OK);
    assert_int_equal(add(&n, "id=1&z=1", &errmsg), ALIKASSA_OK);
    test_pool_free();

    begin(&n, &any);
    assert_int_equal(alikassa_notification_add_form(test_pool(), &n, &s, 0,
                                                    &errmsg), ALIKASSA_OK);
    assert_int_equal(add(&n, "id=1&y=1", &errmsg), ALIKASSA_DECLINED);
    assert_string_equal(errmsg.text, "a parameter is repeated");
    test_pool_free();

    begin(&n, &any);
    assert_int_equal(add(&n, "y=1", &errmsg), ALIKASSA_OK);
    assert_int_equal(add_json(&n, "{\"y\":1}", &errmsg), ALIKASSA_DECLINED);
    test_pool_free();

    begin(&n, &any);
    s = test_str("id=1");
    assert_int_equal(alikassa_notification_add_form(test_pool(), &n, &s, 0,
                                                    &errmsg),
                     ALIKASSA_DECLINED);
    test_pool_free();

    begin(&n, &any);
    s = test_str("sign=1");
    assert_int_equal(alikassa_notification_add_form(test_pool(), &n, &s, 0,
                                                    &errmsg),
                     ALIKASSA_DECLINED);
    test_pool_free();
}


static void
notifications_are_equal_by_signed_values(void **state)
{
    size_t                   i;
    alikassa_errmsg_t        errmsg;
    alikassa_notification_t  a, b;

    static const struct {
        const char  *a;
        const char  *b;
        int          equal;
    } cases[] = {
        { "", "", 1 },
        { "id=1&sign=x", "sign=x&id=%31&y=1", 1 },
        { "desc=", "desc=", 1 },
        { "desc=", "", 0 },
        { "", "desc=a", 0 },
        { "desc=a", "desc=b", 0 },
        { "desc=a", "desc=ab", 0 },
        { "desc=a", "service=a", 0 },
        { "sign=a", "sign=b", 0 },
        { "sign=a", "", 0 },
        { "is_partial_payment=1", "", 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(&a, &any);
        begin(&b, &any);

        assert_int_equal(add(&a, cases[i].a, &errmsg), ALIKASSA_OK);
        assert_int_equal(add(&b, cases[i].b, &errmsg), ALIKASSA_OK);

        if (alikassa_notification_equal(&a, &b) != cases[i].equal) {
            fail_msg("\"%s\" and \"%s\" are%s equal", cases[i].a, cases[i].b,
                     cases[i].equal ? " not" : "");
        }

        test_pool_free();
    }

    begin(&a, &any);
    begin(&b, &any);
    assert_int_equal(add_json(&a, "{\"is_partial_payment\":true}", &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(add_json(&b, "{\"is_partial_payment\":\"true\"}",
                              &errmsg), ALIKASSA_OK);
    assert_false(alikassa_notification_equal(&a, &b));
    assert_true(alikassa_notification_equal(&a, &a));
    test_pool_free();
}


/*
 * Tries the maximum of parameters, and one more.
 */

static void
number_of_parameters_is_limited(void **state)
{
    size_t                   i, k, max;
    alikassa_errmsg_t        errmsg;
    alikassa_notification_t  n;
    char                     text[2048], *p;

    (void) state;

    max = ALIKASSA_NOTIFICATION_MAX_INPUTS;

    for (k = max; k <= max + 1; k++) {

        p = text;

        for (i = 0; i < k; i++) {
            p += snprintf(p, 16, "%sy%zu=1", i ? "&" : "", i);
        }

        begin(&n, &any);
        assert_int_equal(add(&n, text, &errmsg),
                         (k == max) ? ALIKASSA_OK : ALIKASSA_DECLINED);
        test_pool_free();

        memset(text, '&', k - 1);
        text[k - 1] = '\0';

        begin(&n, &any);
        assert_int_equal(add(&n, text, &errmsg),
                         (k == max) ? ALIKASSA_OK : ALIKASSA_DECLINED);
        test_pool_free();
    }
}


static void
json_members_are_checked_by_type(void **state)
{
    size_t                   i;
    alikassa_errmsg_t        errmsg;
    alikassa_notification_t  n;

    static const struct {
        const char     *text;
        alikassa_rc_t   rc;
    } cases[] = {
        { "{}", ALIKASSA_OK },
        { "{\"id\":1}", ALIKASSA_OK },
        { "{\"id\":\"1\"}", ALIKASSA_OK },
        { "{\"id\":9007199254740991}", ALIKASSA_OK },
        { "{\"id\":9007199254740992}", ALIKASSA_DECLINED },
        { "{\"id\":12345678901234567}", ALIKASSA_DECLINED },
        { "{\"id\":\"9007199254740992\"}", ALIKASSA_OK },
        { "{\"id\":true}", ALIKASSA_DECLINED },
        { "{\"amount\":5}", ALIKASSA_DECLINED },
        { "{\"amount\":null}", ALIKASSA_OK },
        { "{\"amount\":false}", ALIKASSA_DECLINED },
        { "{\"is_partial_payment\":true}", ALIKASSA_OK },
        { "{\"is_partial_payment\":1}", ALIKASSA_DECLINED },
        { "{\"is_partial_payment\":[]}", ALIKASSA_DECLINED },
        { "{\"sign\":1}", ALIKASSA_DECLINED },
        { "{\"sign\":null}", ALIKASSA_OK },
        { "{\"y\":1}", ALIKASSA_OK },
        { "{\"y\":{}}", ALIKASSA_DECLINED },
        { "{\"y\":[]}", ALIKASSA_DECLINED },
        { "{\"y\":\"\\n\"}", ALIKASSA_DECLINED },
        { "{\"y\":\"x&id=2\"}", ALIKASSA_DECLINED },
        { "{\"y\":\"&\"}", ALIKASSA_DECLINED },
        { "{\"y\":\"=\"}", ALIKASSA_DECLINED },
        { "{\"y\":\"\\u003b\"}", ALIKASSA_DECLINED },
        { "{\"y\":\"x?/%26\"}", ALIKASSA_OK },
        { "{\"desc\":\"x&id=2;\"}", ALIKASSA_OK },
        { "{\"\\u017fign\":1}", ALIKASSA_DECLINED },
        { "{\"\":1}", ALIKASSA_DECLINED },
        { "{\"\\u0069d\":1}", ALIKASSA_OK },
        { "[]", ALIKASSA_DECLINED },
        { "{\"id\":1,\"id\":1}", ALIKASSA_DECLINED }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(&n, &any);

        if (add_json(&n, cases[i].text, &errmsg) != cases[i].rc) {
            fail_msg("%s: expected return code %d", cases[i].text,
                     cases[i].rc);
        }

        test_pool_free();
    }
}


static void
ambiguous_request_targets_are_refused(void **state)
{
    size_t             i;
    alikassa_str_t     s;
    alikassa_errmsg_t  errmsg;

    static const struct {
        const char     *uri;
        alikassa_rc_t   rc;
    } cases[] = {
        { "", ALIKASSA_OK },
        { "/", ALIKASSA_OK },
        { "/n?id=1&desc=%23%3b", ALIKASSA_OK },
        { "/n?id=1#", ALIKASSA_DECLINED },
        { "/n#?id=1", ALIKASSA_DECLINED },
        { "#", ALIKASSA_DECLINED },
        { "/n;id=2?id=1", ALIKASSA_DECLINED },
        { "/n%3Fid=2?id=1", ALIKASSA_DECLINED },
        { "/n%3bid=2", ALIKASSA_DECLINED },
        { "/%23", ALIKASSA_DECLINED },
        { "/n%0d%0aX:y", ALIKASSA_DECLINED },
        { "/n%7f", ALIKASSA_DECLINED },
        { "/n/-._~!$'()*+,:@", ALIKASSA_OK },
        { "/n/?a=/../%2e//&b=1", ALIKASSA_OK },
        { "/n/.well-known/a..b/...", ALIKASSA_OK },
        { "?id=1", ALIKASSA_OK },
        { "/n&id=2?id=1", ALIKASSA_DECLINED },
        { "/id=2?id=1", ALIKASSA_DECLINED },
        { "/n%26id%3d2?id=1", ALIKASSA_DECLINED },
        { "/n%25", ALIKASSA_DECLINED },
        { "/n%20", ALIKASSA_DECLINED },
        { "/n%2f", ALIKASSA_DECLINED },
        { "/n%5c", ALIKASSA_DECLINED },
        { "/%6e", ALIKASSA_DECLINED },
        { "/n%c3%a9", ALIKASSA_DECLINED },
        { "/n\xc3\xa9", ALIKASSA_DECLINED },
        { "/n b", ALIKASSA_DECLINED },
        { "/n\x7f", ALIKASSA_DECLINED },
        { "/n\\b", ALIKASSA_DECLINED },
        { "/n\"b", ALIKASSA_DECLINED },
        { "/n[b", ALIKASSA_DECLINED },
        { "//n", ALIKASSA_DECLINED },
        { "/a//n", ALIKASSA_DECLINED },
        { "/n//", ALIKASSA_DECLINED },
        { "/./n", ALIKASSA_DECLINED },
        { "/a/../n", ALIKASSA_DECLINED },
        { "/n/.", ALIKASSA_DECLINED },
        { "/n/..?id=1", ALIKASSA_DECLINED },
        { "/%2e%2e/n", ALIKASSA_DECLINED },
        { "/n%3", ALIKASSA_DECLINED },
        { "/n%%3f", ALIKASSA_DECLINED },
        { "/n?id=1;id=2", ALIKASSA_DECLINED }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = test_str(cases[i].uri);

        if (alikassa_notification_uri(&s, &errmsg) != cases[i].rc) {
            fail_msg("\"%s\" is %s", cases[i].uri,
                     cases[i].rc == ALIKASSA_OK ? "refused" : "accepted");
        }
    }
}


static void
ambiguous_cookies_and_overrides_are_refused(void **state)
{
    size_t             i;
    alikassa_str_t     name, value;
    alikassa_errmsg_t  errmsg;

    static const struct {
        const char     *name;
        const char     *value;
        alikassa_rc_t   rc;
    } cases[] = {
        { "Cookie", "", ALIKASSA_OK },
        { "Cookie", ";;=; ;", ALIKASSA_OK },
        { "Cookie", "a=id; ids=1; x-id=2; user.name=3; %69ds=4", ALIKASSA_OK },
        { "Cookies", "id=1", ALIKASSA_OK },
        { "Set-Cookie", "id=1", ALIKASSA_OK },
        { "Cookie", "id=1", ALIKASSA_DECLINED },
        { "cOOKIE", "a=b;ID", ALIKASSA_DECLINED },
        { "Cookie", "a=b,id=1", ALIKASSA_DECLINED },
        { "Cookie", "a=b; order[id=1", ALIKASSA_DECLINED },
        { "Cookie", "%69d=1", ALIKASSA_DECLINED },
        { "Cookie", "%69%6=1", ALIKASSA_OK },
        { "Cookie", "%", ALIKASSA_OK },
        { "Cookie", "sign=1", ALIKASSA_DECLINED },
        { "X-HTTP-Method-Override", "PUT", ALIKASSA_DECLINED },
        { "x_http_method_override", "PUT", ALIKASSA_DECLINED },
        { "X-HTTP-Method", "", ALIKASSA_DECLINED },
        { "X-Method-Override", "", ALIKASSA_DECLINED },
        { "X-HTTP-Methods", "", ALIKASSA_OK },
        { "", "", ALIKASSA_OK }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        name = test_str(cases[i].name);
        value = test_str(cases[i].value);

        if (alikassa_notification_header(alikassa_notification_default(),
                                         &name, &value, &errmsg)
            != cases[i].rc)
        {
            fail_msg("\"%s: %s\" is %s", cases[i].name, cases[i].value,
                     cases[i].rc == ALIKASSA_OK ? "refused" : "accepted");
        }
    }
}


static void
content_type_must_be_json_or_form_in_utf8(void **state)
{
    size_t          i;
    alikassa_str_t  s;

    static const struct {
        const char             *type;
        alikassa_media_type_t   media;
    } cases[] = {
        { "application/json", ALIKASSA_MEDIA_JSON },
        { "Application/JSON; Charset=UTF-8", ALIKASSA_MEDIA_JSON },
        { "application/json;charset=\"utf-8\"", ALIKASSA_MEDIA_JSON },
        { "application/x-www-form-urlencoded", ALIKASSA_MEDIA_FORM },
        { "application/x-www-form-urlencoded;charset=utf-8",
          ALIKASSA_MEDIA_FORM },
        { "application/json;", ALIKASSA_MEDIA_OTHER },
        { "application/json; charset=utf-16", ALIKASSA_MEDIA_OTHER },
        { "application/json; charset=us-ascii", ALIKASSA_MEDIA_OTHER },
        { "application/json; charset=utf-8; charset=utf-16",
          ALIKASSA_MEDIA_OTHER },
        { "application/json; q=1", ALIKASSA_MEDIA_OTHER },
        { "application/json ", ALIKASSA_MEDIA_OTHER },
        { "application/jso", ALIKASSA_MEDIA_OTHER },
        { "multipart/form-data; boundary=x", ALIKASSA_MEDIA_OTHER },
        { "application/x-www-form-urlencoded;charset=utf-8                  ",
          ALIKASSA_MEDIA_OTHER },
        { ";", ALIKASSA_MEDIA_OTHER },
        { "", ALIKASSA_MEDIA_OTHER }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = test_str(cases[i].type);
        assert_int_equal(alikassa_notification_media(&s), cases[i].media);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(ambiguous_parameter_names_are_refused),
        cmocka_unit_test(signed_parameters_come_from_one_place),
        cmocka_unit_test(notifications_are_equal_by_signed_values),
        cmocka_unit_test(number_of_parameters_is_limited),
        cmocka_unit_test(json_members_are_checked_by_type),
        cmocka_unit_test(ambiguous_request_targets_are_refused),
        cmocka_unit_test(ambiguous_cookies_and_overrides_are_refused),
        cmocka_unit_test(content_type_must_be_json_or_form_in_utf8)
    };

    return cmocka_run_group_tests_name("notification_input", tests, NULL,
                                       NULL);
}
