
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_api.c: headers, signed text and digests, compared with the
 * vendor's page.
 */


#include "test.h"

#include "alikassa_api.h"


static void
header_names_match_the_vendor_page(void **state)
{
    size_t                         i, k;
    const alikassa_header_name_t  *name;

    static const char *const  names[ALIKASSA_NHEADERS] = {
        "Content-Type", "Content-Length", "Account", "Sign", "Accept"
    };

    (void) state;

    for (i = 0; i < ALIKASSA_NHEADERS; i++) {

        name = alikassa_api_header_name((alikassa_header_t) i);

        test_equal(&name->name, names[i]);
        assert_int_equal(name->lowcase.len, name->name.len);

        for (k = 0; k < name->name.len; k++) {
            assert_int_equal(name->lowcase.data[k],
                             name->name.data[k] == '-'
                             ? '-' : name->name.data[k] | 0x20);
        }

        assert_int_equal(name->name.data[name->name.len], '\0');
        assert_int_equal(name->lowcase.data[name->lowcase.len], '\0');
    }
}


static void
header_values_come_from_the_call(void **state)
{
    size_t          i;
    alikassa_str_t  account, body, sign, values[ALIKASSA_NHEADERS];
    unsigned char   length[ALIKASSA_LENGTH_MAX];

    static const struct {
        size_t       len;
        const char  *text;
    } lengths[] = {
        { 0, "0" },
        { 9, "9" },
        { 10, "10" },
        { 12345, "12345" },
        { SIZE_MAX, "18446744073709551615" }
    };

    (void) state;

    account = test_str("5e7c5a2c-8d62-4b45-9d24-1a0f4fbe7c11");
    sign = test_str("c2lnbg==");

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {

        if (sizeof(size_t) < 8 && lengths[i].len == SIZE_MAX) {
            continue;
        }

        body.len = lengths[i].len;
        body.data = NULL;

        alikassa_api_headers(values, &account, &body, &sign, length);

        test_equal(&values[ALIKASSA_HEADER_CONTENT_TYPE], "application/json");
        test_equal(&values[ALIKASSA_HEADER_CONTENT_LENGTH], lengths[i].text);
        test_equal(&values[ALIKASSA_HEADER_ACCOUNT],
                   "5e7c5a2c-8d62-4b45-9d24-1a0f4fbe7c11");
        test_equal(&values[ALIKASSA_HEADER_SIGN], "c2lnbg==");
        test_equal(&values[ALIKASSA_HEADER_ACCEPT], "application/json");
    }
}


static void
signed_text_is_the_body(void **state)
{
    alikassa_str_t  body;

    (void) state;

    body = test_str("{\"amount\":1}");

    test_equal(alikassa_api_signed_text(&body), "{\"amount\":1}");
}


static void
digests_are_found_by_name(void **state)
{
    size_t             i;
    alikassa_str_t     s;
    alikassa_errmsg_t  names;

    static const char *const  others[] = {
        "", "sha", "sha1 ", "SHA1", "sha12", "sha256x", "sha512", "md5", NULL
    };

    (void) state;

    s = test_str("sha1");
    assert_string_equal(alikassa_api_digest_find(&s), "sha1");

    s = test_str("sha256");
    assert_string_equal(alikassa_api_digest_find(&s), "sha256");

    for (i = 0; others[i]; i++) {
        s = test_str(others[i]);
        assert_null(alikassa_api_digest_find(&s));
    }

    assert_string_equal(alikassa_api_digest_default(), "sha1");

    alikassa_api_digest_names(&names);
    assert_string_equal(names.text, "\"sha1\" or \"sha256\"");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(header_names_match_the_vendor_page),
        cmocka_unit_test(header_values_come_from_the_call),
        cmocka_unit_test(signed_text_is_the_body),
        cmocka_unit_test(digests_are_found_by_name),
    };

    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
