
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_media.c: Content-Type and Accept.
 */


#include "test.h"

#include "alikassa_media.h"


static void
content_type_gives_the_media_type(void **state)
{
    size_t          i;
    alikassa_str_t  v, boundary;

    static const struct {
        const char             *value;
        alikassa_media_type_t   type;
    } cases[] = {
        { "application/json", ALIKASSA_MEDIA_JSON },
        { "Application/JSON", ALIKASSA_MEDIA_JSON },
        { " application/json ", ALIKASSA_MEDIA_JSON },
        { "application/json;charset=utf-8", ALIKASSA_MEDIA_JSON },
        { "application/json; charset=\"UTF-8\"", ALIKASSA_MEDIA_JSON },
        { "application/json ; charset=us-ascii ; a=b", ALIKASSA_MEDIA_JSON },
        { "application/json;", ALIKASSA_MEDIA_JSON },
        { "application/x-www-form-urlencoded", ALIKASSA_MEDIA_FORM },
        { "multipart/form-data; boundary=x", ALIKASSA_MEDIA_MULTIPART },
        { "multipart/form-data; boundary=\"a b\"", ALIKASSA_MEDIA_MULTIPART },

        { "", ALIKASSA_MEDIA_OTHER },
        { "application/jsonp", ALIKASSA_MEDIA_OTHER },
        { "application/json+x", ALIKASSA_MEDIA_OTHER },
        { "application/jso", ALIKASSA_MEDIA_OTHER },
        { "text/json", ALIKASSA_MEDIA_OTHER },
        { "application/json, text/plain", ALIKASSA_MEDIA_OTHER },
        { "application/json; charset=iso-8859-1", ALIKASSA_MEDIA_OTHER },
        { "application/json; charset=utf-16", ALIKASSA_MEDIA_OTHER },
        { "application/json; charset", ALIKASSA_MEDIA_OTHER },
        { "application/json; charset=", ALIKASSA_MEDIA_OTHER },
        { "application/json; charset=\"utf-8", ALIKASSA_MEDIA_OTHER },
        { "application/json; charset=utf-8; charset=utf-8",
          ALIKASSA_MEDIA_OTHER },
        { "multipart/form-data", ALIKASSA_MEDIA_OTHER },
        { "multipart/form-data; boundary=", ALIKASSA_MEDIA_OTHER },
        { "multipart/form-data; boundary=\"\"", ALIKASSA_MEDIA_OTHER },
        { "multipart/form-data; boundary=\"a\\b\"", ALIKASSA_MEDIA_OTHER },
        { "multipart/form-data; boundary=a; boundary=b",
          ALIKASSA_MEDIA_OTHER },
        { "multipart/mixed; boundary=a", ALIKASSA_MEDIA_OTHER }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        v = test_str(cases[i].value);

        if (alikassa_media_type(&v, &boundary) != cases[i].type) {
            fail_msg("Content-Type \"%s\" has the wrong media type",
                     cases[i].value);
        }
    }
}


/* truncates a header after each byte; AddressSanitizer sees a read beyond it */

static void
truncated_header_is_not_read_beyond_its_end(void **state)
{
    size_t           i;
    alikassa_str_t   v, boundary;
    unsigned char   *copy;

    static const char  full[] =
        "multipart/form-data; a=\"b\"; boundary=\"x y\"";

    (void) state;

    for (i = 0; i < sizeof(full) - 1; i++) {

        copy = alikassa_alloc(test_pool(), i);
        memcpy(copy, full, i);

        v.len = i;
        v.data = copy;

        (void) alikassa_media_type(&v, &boundary);
        (void) alikassa_media_prefers_html(&v);
    }

    test_pool_free();
}


static void
boundary_is_found_in_content_type(void **state)
{
    alikassa_str_t  v, boundary;

    (void) state;

    v = test_str("multipart/form-data; "
                 "boundary=----WebKitFormBoundary7MA4YWxkT");
    assert_int_equal(alikassa_media_type(&v, &boundary),
                     ALIKASSA_MEDIA_MULTIPART);
    assert_int_equal(boundary.len, 31);
    assert_memory_equal(boundary.data, "----WebKitFormBoundary7MA4YWxkT", 31);

    v = test_str("multipart/form-data; boundary=\"a'b c=d\"; x=y");
    assert_int_equal(alikassa_media_type(&v, &boundary),
                     ALIKASSA_MEDIA_MULTIPART);
    assert_int_equal(boundary.len, 7);
    assert_memory_equal(boundary.data, "a'b c=d", 7);
}


static void
accept_prefers_html_or_json(void **state)
{
    size_t          i;
    alikassa_str_t  v;

    static const struct {
        const char  *value;
        int          html;
    } cases[] = {
        { "", 0 },
        { "*/*", 0 },
        { "application/json", 0 },
        { "text/html", 1 },
        { "TEXT/HTML", 1 },
        { "text/*", 1 },
        { "text/html,application/xhtml+xml,application/xml;q=0.9,"
          "image/avif,image/webp,*/*;q=0.8", 1 },
        { "text/html, application/json", 0 },
        { "text/html;q=0.9, application/json", 0 },
        { "text/html, application/json;q=0.9", 1 },
        { "text/html;q=0.900, application/json;q=0.899", 1 },
        { "text/html;q=0, */*", 0 },
        { "*/*;q=0.1, application/json;q=0", 1 },
        { "text/html;level=1;q=0.5, application/json;q=0.4", 1 },
        { "text/*;q=0.3, */*;q=0.5", 0 },
        { "text/*;q=0.9, text/html;q=0.1, */*;q=0.5", 0 },
        { "application/*;q=0.2, text/html;q=0.3", 1 },
        { "text/html;q=2", 0 },
        { "text/html;q=abc", 0 },
        { "text/html;q=", 0 },
        { "text/html;q=1.001, application/json;q=0.1", 0 },
        { " , ,text/html", 1 },
        { "text/htmlx", 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        v = test_str(cases[i].value);

        if (alikassa_media_prefers_html(&v) != cases[i].html) {
            fail_msg("Accept \"%s\": html is not %d", cases[i].value,
                     cases[i].html);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(content_type_gives_the_media_type),
        cmocka_unit_test(truncated_header_is_not_read_beyond_its_end),
        cmocka_unit_test(boundary_is_found_in_content_type),
        cmocka_unit_test(accept_prefers_html_or_json)
    };

    return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
