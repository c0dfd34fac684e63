
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_json.c and alikassa_json_scan.c.
 */


#include "test.h"

#include "alikassa_json.h"
#include "alikassa_json_string.h"
#include "heap.h"


typedef struct {
    const char           *text;
    size_t                len;
    const char           *errmsg;
} test_text_t;


#define test_text(s)  { s, sizeof(s) - 1, NULL }
#define test_wrong(s, errmsg)  { s, sizeof(s) - 1, errmsg }

#define test_case(f)                                                          \
    cmocka_unit_test_setup_teardown(f, test_setup, test_teardown)

#define test_nulls(s)  test_wrong(s, "an escaped NUL")


static const test_text_t  test_right[] = {

    /* any value is a valid text */

    test_text("null"),
    test_text("true"),
    test_text("false"),
    test_text("0"),
    test_text("\"\""),
    test_text("[]"),
    test_text("{}"),

    /* white space */

    test_text(" \t\r\n[ \t\r\n] \t\r\n"),
    test_text(" { \"a\" : 1 , \"b\" : [ 2 , 3 ] } "),
    test_text("{\r\n\t\"a\":\n1}\n"),
    test_text("null\n"),

    /* numbers */

    test_text("-0"),
    test_text("10"),
    test_text("-1"),
    test_text("0.0"),
    test_text("-0.0"),
    test_text("1.50"),
    test_text("0e0"),
    test_text("0E+1"),
    test_text("1e-1"),
    test_text("1.5E+300"),
    test_text("1e999"),
    test_text("-1e-999"),
    test_text("1e00000001"),
    test_text("9007199254740993"),
    test_text("12345678901234567890123456789012345678901234567890"),
    test_text("[0,0.0,-0,1]"),
    test_text("[1 ,2\n]"),

    /* strings */

    test_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    test_text("\"\\u0001\\u001f\\u0020\\u007F\\u00e9\\uFFFF\""),
    test_text("\"\\uD7FF\\uE000\\ufeff\\ufffe\""),
    test_text("\"\\uD800\\uDC00\\udbff\\udfff\""),
    test_text("\"\x7f\""),
    test_text("\" !#$%&'()*+,-./:;<=>?@[]^_`{|}~\""),
    test_text("\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\""),
    test_text("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
    test_text("\"\xef\xbb\xbf\""),
    test_text("\"\xe2\x80\xa8\xe2\x80\xa9\""),
    test_text("\"\\\\u0000\""),

    /* arrays and objects */

    test_text("[[],[[]],{}]"),
    test_text("[null,true,false,\"\",0,[],{}]"),
    test_text("{\"\":0}"),
    test_text("{\"\":{\"\":{\"\":\"\"}}}"),
    test_text("{\"a\":{\"b\":[]},\"b\":[{\"a\":1},{\"a\":1}]}"),
    test_text("{\"a\":1,\"A\":2,\"aa\":3,\"a \":4}"),

    { NULL, 0, NULL }
};


static const test_text_t  test_refused[] = {

    test_wrong("", "an empty text"),
    test_wrong(" ", "unexpected end at byte 1"),
    test_wrong("\n\t \r", "unexpected end at byte 4"),

    /* not a value */

    test_wrong("nul", "unexpected end at byte 3"),
    test_wrong("nulL", "unexpected character at byte 3"),
    test_wrong("Null", "unexpected character at byte 0"),
    test_wrong("TRUE", "unexpected character at byte 0"),
    test_wrong("tru", "unexpected end"),
    test_wrong("truefalse", "unexpected character at byte 4"),
    test_wrong("falsey", "unexpected character at byte 5"),
    test_wrong("undefined", "unexpected character at byte 0"),
    test_wrong("NaN", "unexpected character at byte 0"),
    test_wrong("[nan]", "unexpected character at byte 2"),
    test_wrong("Infinity", "unexpected character at byte 0"),
    test_wrong("-Infinity", "unexpected character at byte 1"),
    test_wrong("'a'", "unexpected character at byte 0"),
    test_wrong("a", "unexpected character at byte 0"),
    test_wrong("*", "unexpected character at byte 0"),
    test_wrong("\xd0\x98", "unexpected character at byte 0"),

    /* more than one value */

    test_wrong("1 2", "unexpected character at byte 2"),
    test_wrong("{}{}", "unexpected character at byte 2"),
    test_wrong("{},", "unexpected character at byte 2"),
    test_wrong("[]]", "unexpected character at byte 2"),
    test_wrong("{}}", "unexpected character at byte 2"),
    test_wrong("\"a\"\"b\"", "unexpected character at byte 3"),
    test_wrong("null;", "unexpected character at byte 4"),
    test_wrong("{}\0", "unexpected character at byte 2"),
    test_wrong("{} \0garbage", "unexpected character at byte 3"),
    test_wrong("1,", "unexpected character at byte 1"),

    /* numbers */

    test_wrong("01", "unexpected character at byte 1"),
    test_wrong("00", "unexpected character at byte 1"),
    test_wrong("-01", "unexpected character at byte 2"),
    test_wrong("[007]", "unexpected character at byte 2"),
    test_wrong("-", "unexpected end at byte 1"),
    test_wrong("--1", "unexpected character at byte 1"),
    test_wrong("- 1", "unexpected character at byte 1"),
    test_wrong("+1", "unexpected character at byte 0"),
    test_wrong(".5", "unexpected character at byte 0"),
    test_wrong("-.5", "unexpected character at byte 1"),
    test_wrong("1.", "unexpected end at byte 2"),
    test_wrong("[1.]", "unexpected character at byte 3"),
    test_wrong("1.e1", "unexpected character at byte 2"),
    test_wrong("1..2", "unexpected character at byte 2"),
    test_wrong("1.2.3", "unexpected character at byte 3"),
    test_wrong("1e", "unexpected end at byte 2"),
    test_wrong("1e+", "unexpected end at byte 3"),
    test_wrong("1e-", "unexpected end at byte 3"),
    test_wrong("1e+-1", "unexpected character at byte 3"),
    test_wrong("1e1.5", "unexpected character at byte 3"),
    test_wrong("1ee1", "unexpected character at byte 2"),
    test_wrong("1eE1", "unexpected character at byte 2"),
    test_wrong("0x1", "unexpected character at byte 1"),
    test_wrong("1_000", "unexpected character at byte 1"),
    test_wrong("1,000", "unexpected character at byte 1"),
    test_wrong("1 000", "unexpected character at byte 2"),
    test_wrong("1L", "unexpected character at byte 1"),
    test_wrong("\xef\xbc\x91", "unexpected character at byte 0"),

    /* white space */

    test_wrong("[\f1]", "unexpected character at byte 1"),
    test_wrong("\v1", "unexpected character at byte 0"),
    test_wrong("[1\xc2\xa0]", "unexpected character at byte 2"),
    test_wrong("[\xe2\x81\xa0]", "unexpected character at byte 1"),
    test_wrong("\0", "unexpected character at byte 0"),
    test_wrong("\0{}", "unexpected character at byte 0"),
    test_wrong("[\0]", "unexpected character at byte 1"),
    test_wrong("\xef\xbb\xbf{}", "a byte-order mark at byte 0"),
    test_wrong("\xef\xbb\xbf", "a byte-order mark at byte 0"),
    test_wrong(" \xef\xbb\xbf{}", "unexpected character at byte 1"),
    test_wrong("\xef\xbb{}", "unexpected character at byte 0"),
    test_wrong("\xff\xfe{\0}\0", "unexpected character at byte 0"),
    test_wrong("{\0}\0", "unexpected character at byte 1"),
    test_wrong("/**/{}", "unexpected character at byte 0"),
    test_wrong("{}//", "unexpected character at byte 2"),
    test_wrong("[1/**/]", "unexpected character at byte 2"),
    test_wrong("#\n{}", "unexpected character at byte 0"),

    /* strings */

    test_wrong("\"", "unexpected end at byte 1"),
    test_wrong("\"a", "unexpected end at byte 2"),
    test_wrong("\"\\\"", "unexpected end at byte 3"),
    test_wrong("\"\\", "unexpected end at byte 2"),
    test_wrong("\"a\nb\"", "a bare control character at byte 2"),
    test_wrong("\"\t\"", "a bare control character at byte 1"),
    test_wrong("\"\x1f\"", "a bare control character at byte 1"),
    test_wrong("\"\0\"", "a bare control character at byte 1"),
    test_wrong("\"a\0b\"", "a bare control character at byte 2"),
    test_wrong("{\"a\0\":1}", "a bare control character at byte 3"),
    test_wrong("\"\\x41\"", "an unknown escape at byte 1"),
    test_wrong("\"\\a\"", "an unknown escape at byte 1"),
    test_wrong("\"\\'\"", "an unknown escape at byte 1"),
    test_wrong("\"\\0\"", "an unknown escape at byte 1"),
    test_wrong("\"\\v\"", "an unknown escape at byte 1"),
    test_wrong("\"\\U0041\"", "an unknown escape at byte 1"),
    test_wrong("\"\\N\"", "an unknown escape at byte 1"),
    test_wrong("\"\\\n\"", "an unknown escape at byte 1"),
    test_wrong("\"\\\0\"", "an unknown escape at byte 1"),
    test_wrong("\"\\\xc3\xa9\"", "an unknown escape at byte 1"),
    test_wrong("\"\\u\"", "a malformed escape at byte 1"),
    test_wrong("\"\\u004\"", "a malformed escape at byte 1"),
    test_wrong("\"\\u004", "a malformed escape at byte 1"),
    test_wrong("\"\\u00G0\"", "a malformed escape at byte 1"),
    test_wrong("\"\\u00g0\"", "a malformed escape at byte 1"),
    test_wrong("\"\\u004:\"", "a malformed escape at byte 1"),
    test_wrong("\"\\u004/\"", "a malformed escape at byte 1"),
    test_wrong("\"\\u004@\"", "a malformed escape at byte 1"),
    test_wrong("\"\\u004`\"", "a malformed escape at byte 1"),
    test_wrong("\"\\u+041\"", "a malformed escape at byte 1"),
    test_wrong("\"\\u 041\"", "a malformed escape at byte 1"),
    test_wrong("\"\\u{41}\"", "a malformed escape at byte 1"),
    test_nulls("\"\\u0000\""),
    test_nulls("\"x\\u0000y\""),
    test_nulls("{\"a\\u0000b\":1}"),
    test_nulls("{\"a\":[{\"b\":\"\\u0000\"}]}"),

    /* surrogates */

    test_wrong("\"\\ud800\"", "an unpaired surrogate at byte 7"),
    test_wrong("\"\\udbff\"", "an unpaired surrogate"),
    test_wrong("\"\\udc00\"", "an unpaired surrogate"),
    test_wrong("\"\\udfff\"", "an unpaired surrogate"),
    test_wrong("\"\\ud800a\"", "an unpaired surrogate"),
    test_wrong("\"\\ud800\\n\"", "an unpaired surrogate"),
    test_wrong("\"\\ud800\\u0041\"", "an unpaired surrogate"),
    test_wrong("\"\\ud800\\ud800\"", "an unpaired surrogate"),
    test_wrong("\"\\ud800\\udbff\"", "an unpaired surrogate"),
    test_wrong("\"\\ud800\\ue000\"", "an unpaired surrogate"),
    test_wrong("\"\\ud800\\u\"", "an unpaired surrogate"),
    test_wrong("\"\\ud800\\udc0", "an unpaired surrogate"),
    test_wrong("\"\\ud800xudc00\"", "an unpaired surrogate"),
    test_wrong("\"\\udc00\\ud800\"", "an unpaired surrogate"),
    test_wrong("\"\\udc00\\udc00\"", "an unpaired surrogate"),
    test_wrong("\"\\ud800 \\udc00\"", "an unpaired surrogate"),
    test_wrong("\"\\ud83d\\ude00\\ude00\"", "an unpaired surrogate"),

    /* UTF-8 */

    test_wrong("\"\xff\"", "malformed UTF-8 at byte 1"),
    test_wrong("\"caf\xe9\"", "malformed UTF-8 at byte 4"),
    test_wrong("\"\x80\"", "malformed UTF-8 at byte 1"),
    test_wrong("\"\xc0\x80\"", "malformed UTF-8 at byte 1"),
    test_wrong("\"\xc1\xbf\"", "malformed UTF-8 at byte 1"),
    test_wrong("\"\xc3\"", "malformed UTF-8 at byte 1"),
    test_wrong("\"\xc3", "malformed UTF-8 at byte 1"),
    test_wrong("\"\xe0\x80\xaf\"", "malformed UTF-8 at byte 1"),
    test_wrong("\"\xed\xa0\x80\"", "malformed UTF-8 at byte 1"),
    test_wrong("\"\xed\xa0\xbd\xed\xb8\x80\"", "malformed UTF-8 at byte 1"),
    test_wrong("\"\xf4\x90\x80\x80\"", "malformed UTF-8 at byte 1"),
    test_wrong("\"\xf0\x9f\x98\"", "malformed UTF-8 at byte 1"),
    test_wrong("\"\xf8\x88\x80\x80\x80\"", "malformed UTF-8 at byte 1"),
    test_wrong("{\"\xe9\":1}", "malformed UTF-8 at byte 2"),

    /* arrays */

    test_wrong("[", "unexpected end at byte 1"),
    test_wrong("[1", "unexpected end at byte 2"),
    test_wrong("[1,", "unexpected end at byte 3"),
    test_wrong("[1,]", "unexpected character at byte 3"),
    test_wrong("[,]", "unexpected character at byte 1"),
    test_wrong("[,1]", "unexpected character at byte 1"),
    test_wrong("[1,,2]", "unexpected character at byte 3"),
    test_wrong("[1 2]", "unexpected character at byte 3"),
    test_wrong("[1:2]", "unexpected character at byte 2"),
    test_wrong("[\"a\":1]", "unexpected character at byte 4"),
    test_wrong("[1}", "unexpected character at byte 2"),
    test_wrong("[}", "unexpected character at byte 1"),
    test_wrong("]", "unexpected character at byte 0"),
    test_wrong("[[]", "unexpected end at byte 3"),
    test_wrong("[...]", "unexpected character at byte 1"),

    /* objects */

    test_wrong("{", "unexpected end at byte 1"),
    test_wrong("{\"a\"", "unexpected end at byte 4"),
    test_wrong("{\"a\":", "unexpected end at byte 5"),
    test_wrong("{\"a\":1", "unexpected end at byte 6"),
    test_wrong("{\"a\":1,", "unexpected end at byte 7"),
    test_wrong("{\"a\":1,}", "unexpected character at byte 7"),
    test_wrong("{,}", "unexpected character at byte 1"),
    test_wrong("{,\"a\":1}", "unexpected character at byte 1"),
    test_wrong("{\"a\"}", "unexpected character at byte 4"),
    test_wrong("{\"a\":}", "unexpected character at byte 5"),
    test_wrong("{\"a\"::1}", "unexpected character at byte 5"),
    test_wrong("{\"a\" 1}", "unexpected character at byte 5"),
    test_wrong("{\"a\",1}", "unexpected character at byte 4"),
    test_wrong("{\"a\"=1}", "unexpected character at byte 4"),
    test_wrong("{\"a\":1;\"b\":2}", "unexpected character at byte 6"),
    test_wrong("{\"a\":1 \"b\":2}", "unexpected character at byte 7"),
    test_wrong("{\"a\":1]", "unexpected character at byte 6"),
    test_wrong("{]", "unexpected character at byte 1"),
    test_wrong("{a:1}", "unexpected character at byte 1"),
    test_wrong("{'a':1}", "unexpected character at byte 1"),
    test_wrong("{1:1}", "unexpected character at byte 1"),
    test_wrong("{null:1}", "unexpected character at byte 1"),
    test_wrong("{[]:1}", "unexpected character at byte 1"),
    test_wrong("{\"a\":1,2}", "unexpected character at byte 7"),
    test_wrong("}", "unexpected character at byte 0"),
    test_wrong(":", "unexpected character at byte 0"),

    /* equal names */

    test_wrong("{\"a\":1,\"a\":1}", "equal names in one object"),
    test_wrong("{\"a\":1,\"b\":2,\"a\":3}", "equal names in one object"),
    test_wrong("{\"\":1,\"\":2}", "equal names in one object"),
    test_wrong("{\"a\":1,\"\\u0061\":2}", "equal names in one object"),
    test_wrong("{\"/\":1,\"\\/\":2}", "equal names in one object"),
    test_wrong("{\"\\u00e9\":1,\"\xc3\xa9\":2}", "equal names in one object"),
    test_wrong("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}",
               "equal names in one object"),
    test_wrong("{\"a\":{\"b\":1,\"b\":2}}", "equal names in one object"),
    test_wrong("[[{\"b\":[],\"b\":{}}]]", "equal names in one object"),
    test_wrong("{\"a\":[{\"x\":{}},{\"x\":0,\"y\":0,\"x\":0}]}",
               "equal names in one object"),

    { NULL, 0, NULL }
};


/* each test must free all memory of cJSON */

static int
test_setup(void **state)
{
    (void) state;

    test_heap_init();

    return 0;
}


static int
test_teardown(void **state)
{
    (void) state;

    test_pool_free();

    return (test_heap.live == 0) ? 0 : -1;
}


static alikassa_rc_t
test_parse(const char *text, size_t len)
{
    alikassa_rc_t      rc;
    alikassa_str_t     s;
    alikassa_json_t    json;
    alikassa_errmsg_t  errmsg;

    s = test_copy(text, len);

    rc = alikassa_json_parse(&s, &json, &errmsg);

    if (rc == ALIKASSA_OK) {
        assert_non_null(json.root);
    }

    alikassa_json_free(&json);
    test_pool_free();

    assert_int_equal(test_heap.live, 0);

    return rc;
}


static void
valid_texts_are_parsed(void **state)
{
    const test_text_t  *t;

    (void) state;

    for (t = test_right; t->text; t++) {

        if (test_parse(t->text, t->len) != ALIKASSA_OK) {
            fail_msg("valid text is refused: %s", t->text);
        }
    }
}


static void
invalid_texts_are_refused(void **state)
{
    alikassa_rc_t       rc;
    alikassa_str_t      s;
    alikassa_json_t     json;
    const test_text_t  *t;
    alikassa_errmsg_t   errmsg;

    (void) state;

    for (t = test_refused; t->text; t++) {

        s = test_copy(t->text, t->len);

        rc = alikassa_json_parse(&s, &json, &errmsg);

        if (rc != ALIKASSA_DECLINED
            || strncmp(errmsg.text, t->errmsg, strlen(t->errmsg)) != 0)
        {
            fail_msg("%s: returned %d, \"%s\"", t->text, rc,
                     errmsg.text);
        }

        assert_null(json.root);
        assert_null(json.numbers);
        assert_int_equal(test_heap.live, 0);

        test_pool_free();
    }
}


/*
 * Truncates each text after each byte.  The rest must not be a valid text.
 */

static void
truncated_texts_are_refused(void **state)
{
    size_t              len;
    const test_text_t  *t;

    (void) state;

    for (t = test_right; t->text; t++) {

        if (strchr("[{\"", t->text[0]) == NULL) {
            continue;
        }

        for (len = 0; len < t->len; len++) {

            /*
             * only white space at the end is missing: the text is still valid
             */

            if (strspn(t->text + len, " \n\r\t") == t->len - len) {
                continue;
            }

            if (test_parse(t->text, len) != ALIKASSA_DECLINED) {
                fail_msg("truncated text is accepted: %.*s", (int) len,
                         t->text);
            }
        }
    }
}


static void
bytes_are_allowed_by_their_place(void **state)
{
    int   c, ok;
    char  alone[1], string[3], behind[2], before[2], escape[4];

    (void) state;

    for (c = 0; c < 256; c++) {

        alone[0] = (char) c;
        ok = (c >= '0' && c <= '9');
        assert_int_equal(test_parse(alone, 1) == ALIKASSA_OK, ok);

        (void) memcpy(string, "\"x\"", 3);
        string[1] = (char) c;
        ok = (c >= 0x20 && c < 0x80 && c != '"' && c != '\\');
        assert_int_equal(test_parse(string, 3) == ALIKASSA_OK, ok);

        behind[0] = '1';
        behind[1] = (char) c;
        ok = c == ' ' || c == '\n' || c == '\r' || c == '\t'
             || (c >= '0' && c <= '9');
        assert_int_equal(test_parse(behind, 2) == ALIKASSA_OK, ok);

        before[0] = (char) c;
        before[1] = '1';
        ok = c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '-'
             || (c >= '1' && c <= '9');
        assert_int_equal(test_parse(before, 2) == ALIKASSA_OK, ok);

        (void) memcpy(escape, "\"\\x\"", 4);
        escape[2] = (char) c;
        ok = c && strchr("\"\\/bfnrt", c) != NULL;
        assert_int_equal(test_parse(escape, 4) == ALIKASSA_OK, ok);
    }
}


/*
 * Parses a text with n levels of objects, arrays, or both in turn.
 */

static alikassa_rc_t
test_nested(size_t n, const char *odd, const char *even)
{
    char    text[8192], *p;
    size_t  i;

    p = text;

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s", (i & 1) ? odd : even);
    }

    /* the innermost object has a name and needs a value */

    if (p[-1] == ':') {
        *p++ = '1';
    }

    for (i = n; i-- > 0; /* void */ ) {
        *p++ = (((i & 1) ? odd : even)[0] == '[') ? ']' : '}';
    }

    return test_parse(text, (size_t) (p - text));
}


static void
too_deep_nesting_is_refused(void **state)
{
    size_t  max = ALIKASSA_JSON_MAX_DEPTH;

    (void) state;

    assert_int_equal(test_nested(max, "[", "["), ALIKASSA_OK);
    assert_int_equal(test_nested(max + 1, "[", "["), ALIKASSA_DECLINED);

    assert_int_equal(test_nested(max, "{\"a\":", "{\"a\":"), ALIKASSA_OK);
    assert_int_equal(test_nested(max + 1, "{\"a\":", "{\"a\":"),
                     ALIKASSA_DECLINED);

    assert_int_equal(test_nested(max, "[", "{\"a\":"), ALIKASSA_OK);
    assert_int_equal(test_nested(max + 1, "[", "{\"a\":"),
                     ALIKASSA_DECLINED);

    assert_int_equal(test_nested(1000, "[", "["), ALIKASSA_DECLINED);
}


static void
closed_levels_do_not_count_as_depth(void **state)
{
    size_t  i;
    char    text[4096], *p;

    (void) state;

    p = text;
    *p++ = '[';

    for (i = 0; i < ALIKASSA_JSON_MAX_DEPTH * 4; i++) {
        p += sprintf(p, "[],{},[{}],");
    }

    *p++ = '0';
    *p++ = ']';

    assert_int_equal(test_parse(text, (size_t) (p - text)), ALIKASSA_OK);
}


/*
 * Writes an array with n elements, or an object with n members.  Returns the
 * length.
 */

static size_t
test_wide(char *text, size_t n, const char *format, char open, char close)
{
    char    *p;
    size_t   i;

    p = text;
    *p++ = open;

    for (i = 0; i < n; i++) {
        p += sprintf(p, format, i);
        *p++ = ',';
    }

    p[-1] = close;

    return (size_t) (p - text);
}


static void
too_many_items_are_refused(void **state)
{
    char    *text;
    size_t   max, len;

    (void) state;

    max = ALIKASSA_JSON_MAX_ITEMS;

    text = malloc(max * 32);
    assert_non_null(text);

    /* the array itself is an item, too */

    len = test_wide(text, max - 1, "%zu", '[', ']');
    assert_int_equal(test_parse(text, len), ALIKASSA_OK);

    len = test_wide(text, max, "%zu", '[', ']');
    assert_int_equal(test_parse(text, len), ALIKASSA_DECLINED);

    len = test_wide(text, max - 1, "\"\"", '[', ']');
    assert_int_equal(test_parse(text, len), ALIKASSA_OK);

    len = test_wide(text, max - 1, "{}", '[', ']');
    assert_int_equal(test_parse(text, len), ALIKASSA_OK);

    len = test_wide(text, max, "[]", '[', ']');
    assert_int_equal(test_parse(text, len), ALIKASSA_DECLINED);

    /*
     * 2 * 2047 + 1: with one item more, the name would fit but its value would
     * not
     */

    len = test_wide(text, max / 2 - 1, "\"%zu\":null", '{', '}');
    assert_int_equal(test_parse(text, len), ALIKASSA_OK);

    len = test_wide(text, max / 2, "\"%zu\":null", '{', '}');
    assert_int_equal(test_parse(text, len), ALIKASSA_DECLINED);

    free(text);
}


static void
long_number_at_top_level_is_refused(void **state)
{
    int     len, max;
    char    text[ALIKASSA_JSON_MAX_NUMBER + 32];
    size_t  i;

    static const char  *const formats[] = {
        "%.*s", "-%.*s", "0.%.*s", "1e%.*s"
    };

    static const int  extra[] = { 0, 1, 2, 2 };

    (void) state;

    for (i = 0; i < sizeof(extra) / sizeof(extra[0]); i++) {

        max = ALIKASSA_JSON_MAX_NUMBER - extra[i];

        len = sprintf(text, formats[i], max, "1111111111111111111111111111111"
                      "1111111111111111111111111111111111111111111111111111");
        assert_int_equal(test_parse(text, (size_t) len), ALIKASSA_OK);

        len = sprintf(text, formats[i], max + 1, "11111111111111111111111111"
                      "1111111111111111111111111111111111111111111111111111");
        assert_int_equal(test_parse(text, (size_t) len), ALIKASSA_DECLINED);
    }
}


/*
 * In an object or array a number may be as long as the text; whoever uses the
 * number checks its length.  Tests both the flat reader and the tree.
 */

static void
long_numbers_in_objects_keep_their_text(void **state)
{
    char                    *text, *p;
    size_t                   i, n, len;
    alikassa_rc_t            rc;
    alikassa_str_t           s, out;
    alikassa_json_t          json;
    const alikassa_pool_t   *pool;
    alikassa_inputs_t        inputs;
    alikassa_errmsg_t        errmsg;
    const alikassa_str_t    *number;

    static const size_t  lens[] = { 63, 64, 65, 100, 4000, 100000 };

    static const char  *const heads[] = {
        "{\"a\":\"x\",\"n\":", "{\"a\":\"x\",\"b\":[1],\"n\":-0.",
        "{\"a\":\"x\",\"n\":1E+"
    };

    (void) state;

    pool = test_pool();

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]) * 3; i++) {

        n = lens[i / 3];

        text = malloc(n + 64);
        assert_non_null(text);

        len = (size_t) sprintf(text, "%s", heads[i % 3]);
        p = strstr(text, "\"n\":") + 4;
        memset(text + len, '7', n);
        len += n;
        len += (size_t) sprintf(text + len, ",\"z\":[2,-3]}");

        s.data = (const unsigned char *) text;
        s.len = len;

        assert_int_equal(alikassa_json_decode(pool, &s, &inputs, &errmsg),
                         ALIKASSA_OK);
        assert_int_equal(inputs.elts[0].value.len, 1);

        rc = alikassa_json_parse(&s, &json, &errmsg);
        assert_int_equal(rc, ALIKASSA_OK);

        number = alikassa_json_number(&json,
                               cJSON_GetObjectItemCaseSensitive(json.root,
                                                                "n"));
        assert_ptr_equal(number->data, p);
        assert_int_equal(number->data[number->len], ',');

        number = alikassa_json_number(&json,
                            cJSON_GetArrayItem(
                               cJSON_GetObjectItemCaseSensitive(json.root,
                                                                "z"), 1));
        assert_int_equal(number->len, 2);
        assert_memory_equal(number->data, "-3", 2);

        alikassa_json_free(&json);

        /* the number that is signed again must be written as PHP writes it */

        assert_int_equal(alikassa_json_reencode(pool, &s, &out, &errmsg),
                         ALIKASSA_DECLINED);

        /* read by the flat reader */

        len = (size_t) sprintf(text, "{\"n\":");
        memset(text + len, '7', n);
        len += n;
        len += (size_t) sprintf(text + len, ",\"a\":\"x\"}");

        s.len = len;

        assert_int_equal(alikassa_json_decode(pool, &s, &inputs, &errmsg),
                         ALIKASSA_OK);
        assert_int_equal(inputs.nelts, 2);
        assert_int_equal(inputs.elts[0].value.len, n);

        free(text);
        test_pool_free();
    }
}


static void
equal_names_are_refused_among_many(void **state)
{
    char    *text, *p;
    size_t   n, len;

    (void) state;

    text = malloc(65536);
    assert_non_null(text);

    for (n = 1; n < 2000; n += (n < 40) ? 1 : 327) {

        len = test_wide(text, n, "\"n%zu\":[]", '{', '}');
        assert_int_equal(test_parse(text, len), ALIKASSA_OK);

        /*
         * repeat the first name at the end; the nested object has its own names
         */

        p = text + len - 1;
        len += (size_t) sprintf(p, ",\"m\":{\"n0\":0}}") - 1;
        assert_int_equal(test_parse(text, len), ALIKASSA_OK);

        len += (size_t) sprintf(text + len - 1, ",\"\\u006e0\":0}") - 1;
        assert_int_equal(test_parse(text, len), ALIKASSA_DECLINED);
    }

    free(text);
}


static void
numbers_keep_their_text(void **state)
{
    alikassa_json_t        json;
    const cJSON           *item;
    alikassa_errmsg_t      errmsg;
    const alikassa_str_t  *number;

    const alikassa_str_t  text = alikassa_string(
        "{\"a\": 9007199254740993 ,\"b\":[1.50,{\"c\":-0.0e+7},[[1E2]]],"
        "\"d\":\"5\",\"e\":100}");

    (void) state;

    assert_int_equal(alikassa_json_parse(&text, &json, &errmsg), ALIKASSA_OK);
    assert_int_equal(json.nnumbers, 5);

    item = json.root->child;
    number = alikassa_json_number(&json, item);
    assert_int_equal(number->len, 16);
    assert_memory_equal(number->data, "9007199254740993", 16);
    assert_ptr_equal(number->data, text.data + 6);

    item = item->next->child;
    number = alikassa_json_number(&json, item);
    assert_int_equal(number->len, 4);
    assert_memory_equal(number->data, "1.50", 4);

    number = alikassa_json_number(&json, item->next->child);
    assert_int_equal(number->len, 7);
    assert_memory_equal(number->data, "-0.0e+7", 7);

    number = alikassa_json_number(&json, item->next->next->child->child);
    assert_int_equal(number->len, 3);
    assert_memory_equal(number->data, "1E2", 3);

    item = json.root->child->next->next->next;
    number = alikassa_json_number(&json, item);
    assert_int_equal(number->len, 3);
    assert_memory_equal(number->data, "100", 3);

    alikassa_json_free(&json);
    assert_null(json.root);
    assert_null(json.numbers);

    alikassa_json_free(&json);
}


static void
many_numbers_keep_their_text(void **state)
{
    char                  *text, number[8];
    size_t                 i, n;
    cJSON                 *item;
    alikassa_str_t         s;
    alikassa_json_t        json;
    alikassa_errmsg_t      errmsg;
    const alikassa_str_t  *got;

    (void) state;

    text = malloc(65536);
    assert_non_null(text);

    for (n = 1; n < ALIKASSA_JSON_MAX_ITEMS; n += (n < 140) ? 1 : 659) {

        s.data = (unsigned char *) text;
        s.len = test_wide(text, n, "%zu", '[', ']');

        assert_int_equal(alikassa_json_parse(&s, &json, &errmsg),
                         ALIKASSA_OK);
        assert_int_equal(json.nnumbers, n);

        for (item = json.root->child, i = 0; i < n; item = item->next, i++) {

            assert_int_equal(item->valueint, i);

            (void) sprintf(number, "%zu", i);
            got = alikassa_json_number(&json, item);

            assert_int_equal(got->len, strlen(number));
            assert_memory_equal(got->data, number, got->len);
        }

        assert_null(item);

        alikassa_json_free(&json);
    }

    free(text);
}


/*
 * Decodes the same members twice: in an object that the flat reader can read,
 * and in an object that needs a tree.  The results must be equal.
 */

static void
test_both_ways(const char *members)
{
    size_t              i, j;
    char                text[4096];
    alikassa_str_t      s;
    alikassa_inputs_t   flat, tree;
    alikassa_errmsg_t   errmsg;

    static const char  *const more[] = {
        "\"nested\":{}", "\"nested\":[1]", "\"n\\u0065sted\":1",
        "\"n0\":0,\"n1\":0,\"n2\":0,\"n3\":0,\"n4\":0,\"n5\":0,\"n6\":0,"
        "\"n7\":0,\"n8\":0,\"n9\":0,\"n10\":0,\"n11\":0,\"n12\":0,"
        "\"n13\":0,\"n14\":0,\"n15\":0,\"n16\":0"
    };

    (void) snprintf(text, sizeof(text), "{%s}", members);
    s = test_copy(text, strlen(text));

    assert_int_equal(alikassa_json_decode(test_pool(), &s, &flat, &errmsg),
                     ALIKASSA_OK);

    for (i = 0; i < sizeof(more) / sizeof(more[0]); i++) {

        (void) snprintf(text, sizeof(text), "{%s%s%s}", members,
                        *members ? "," : "", more[i]);
        s = test_copy(text, strlen(text));

        if (alikassa_json_decode(test_pool(), &s, &tree, &errmsg)
            != ALIKASSA_OK)
        {
            fail_msg("%s: %s", text, errmsg.text);
        }

        assert_true(tree.nelts > flat.nelts);

        for (j = 0; j < flat.nelts; j++) {

            if (!alikassa_str_eq(&flat.elts[j].name, &tree.elts[j].name)
                || !alikassa_str_eq(&flat.elts[j].value, &tree.elts[j].value)
                || flat.elts[j].type != tree.elts[j].type)
            {
                fail_msg("%s: member %zu differs", text, j);
            }

            assert_ptr_equal(alikassa_inputs_find(&flat, &flat.elts[j].name),
                             &flat.elts[j]);
            assert_ptr_equal(alikassa_inputs_find(&tree, &flat.elts[j].name),
                             &tree.elts[j]);
        }
    }

    assert_int_equal(test_heap.live, 0);
    test_pool_free();
}


static void
flat_reader_agrees_with_the_tree(void **state)
{
    size_t  i, len;
    char    text[128];

    static const char  *const members[] = {
        "",
        "\"a\":1",
        " \"a\" : \"b\" ,\t\"c\"\r\n:null",
        "\"t\":true,\"f\":false,\"n\":null,\"i\":-0,\"e\":1.50e-3",
        "\"\":\"\",\" \":\" \"",
        "\"url\":\"https:\\/\\/pay.example\\/a?b=c\"",
        "\"a\":\"\\/\",\"b\":\"\\\\\",\"c\":\"\\\"\",\"d\":\"\\b\\f\\n\\r\\t\"",
        "\"a\":\"\\\\u0041\",\"b\":\"\\\\\\u0041\",\"c\":\"\\\\\\\\n\"",
        "\"a\":\"\\u00e9\\/\\ud83d\\ude00\\n\",\"b\":\"\\/\\u0001\"",
        "\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\\/\",\"\xc3\xa9\":\"\x7f\"",
        "\"a\":1,\"A\":2,\"aa\":3,\"a \":4",
        "\"0\":0,\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,"
        "\"8\":8,\"9\":9,\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":\"\\/\","
        "\"f\":\"\\u0041\""
    };

    (void) state;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        test_both_ways(members[i]);
    }

    /* strings of every length with an escape at the end */

    for (len = 0; len < 40; len++) {

        (void) snprintf(text, sizeof(text), "\"%.*s\":\"%.*s\\/\"",
                        (int) len, "0123456789012345678901234567890123456789",
                        (int) len, "abcdefghijabcdefghijabcdefghijabcdefghij");

        test_both_ways(text);
    }
}


static void
flat_reader_refuses_equal_names(void **state)
{
    size_t             i;
    alikassa_str_t     s;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    static const char  *const texts[] = {
        "{\"id\":1,\"id\":2}",
        "{\"id\":1,\"a\":2,\"id\":1}",
        "{\"\":1,\"\":2}",
        "{\"id\":1,\"i\\u0064\":2}"
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        s = test_copy(texts[i], strlen(texts[i]));

        assert_int_equal(alikassa_json_decode(test_pool(), &s, &inputs,
                                              &errmsg),
                         ALIKASSA_DECLINED);
        assert_string_equal(errmsg.text, "equal names in one object");
        assert_int_equal(inputs.nelts, 0);

        test_pool_free();
    }
}


/*
 * Tries each byte at each place of a string.  The string is longer than the
 * eight bytes that the reader tests at once.
 */

static void
every_byte_of_a_string_is_checked(void **state)
{
    int                c, right;
    char               text[64];
    size_t             i, at;
    alikassa_str_t     s;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    (void) state;

    (void) strcpy(text, "{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaa\"}");

    at = strlen("{\"a\":\"");

    for (i = at; text[i] == 'a'; i++) {

        for (c = 0; c < 256; c++) {

            text[i] = (char) c;
            right = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

            s = test_copy(text, strlen("{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaa\"}"));

            if (alikassa_json_decode(test_pool(), &s, &inputs, &errmsg)
                != (right ? ALIKASSA_OK : ALIKASSA_DECLINED))
            {
                fail_msg("byte %d at %zu is %s", c, i - at,
                         right ? "refused" : "accepted");
            }

            if (right) {
                assert_int_equal(inputs.elts[0].value.len, 23);
                assert_int_equal(inputs.elts[0].value.data[i - at], c);
            }

            test_pool_free();
        }

        text[i] = 'a';
    }
}


/*
 * The decoder reads an object without a tree unless the object is nested or an
 * escape is \u and four digits.
 */

static void
flat_objects_allocate_no_tree(void **state)
{
    long               n;
    alikassa_rc_t      rc;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    const alikassa_str_t  flat = alikassa_string("{\"a\":\"\\/\\n\",\"b\":1}");
    const alikassa_str_t  code = alikassa_string("{\"a\":\"\\u00e9\"}");
    const alikassa_str_t  nested = alikassa_string("{\"a\":{}}");

    (void) state;

    test_heap.left = 0;

    assert_int_equal(alikassa_json_decode(test_pool(), &flat, &inputs,
                                          &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(inputs.nelts, 2);

    assert_int_equal(alikassa_json_decode(test_pool(), &code, &inputs,
                                          &errmsg),
                     ALIKASSA_ERROR);
    assert_int_equal(inputs.nelts, 0);

    assert_int_equal(alikassa_json_decode(test_pool(), &nested, &inputs,
                                          &errmsg),
                     ALIKASSA_ERROR);

    test_heap.left = -1;
    test_pool_free();

    for (n = 0; n < 10; n++) {

        test_pool_fail_after(n);

        rc = alikassa_json_decode(test_pool(), &flat, &inputs, &errmsg);

        test_pool_free();

        if (rc == ALIKASSA_OK) {
            break;
        }

        assert_int_equal(rc, ALIKASSA_ERROR);
        assert_int_equal(inputs.nelts, 0);
    }

    /* one for the list, one for the string with escapes */

    assert_int_equal(n, 2);
}


static void
objects_are_decoded(void **state)
{
    size_t              i;
    alikassa_str_t      body;
    alikassa_inputs_t   inputs;
    alikassa_errmsg_t   errmsg;

    static const char  text[] =
        " {\"amount\" : 150000.50, \"na\\\"m\\u0065\":\"\\\"\\\\\\/\\b\\f\\n"
        "\\r\\t\\u0001\\u00e9\\u20ac\\ud83d\\ude00\x7f\",\"yes\":true,"
        "\"no\":false,\"nil\":null,\"list\":[1,{\"amount\":2}],"
        "\"map\":{\"amount\":3},\"\":\"\",\"id\":-12} ";

    static const struct {
        const char             *name;
        const char             *value;
        alikassa_value_type_t   type;
    } members[] = {
        { "amount", "150000.50", ALIKASSA_VALUE_NUMBER },
        { "na\"me", "\"\\/\b\f\n\r\t\x01\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
                    "\x7f", ALIKASSA_VALUE_STRING },
        { "yes", "true", ALIKASSA_VALUE_BOOLEAN },
        { "no", "false", ALIKASSA_VALUE_BOOLEAN },
        { "nil", "", ALIKASSA_VALUE_NULL },
        { "list", "", ALIKASSA_VALUE_ARRAY },
        { "map", "", ALIKASSA_VALUE_OBJECT },
        { "", "", ALIKASSA_VALUE_STRING },
        { "id", "-12", ALIKASSA_VALUE_NUMBER }
    };

    (void) state;

    body = test_copy(text, sizeof(text) - 1);

    assert_int_equal(alikassa_json_decode(test_pool(), &body, &inputs,
                                          &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(inputs.nelts, sizeof(members) / sizeof(members[0]));

    for (i = 0; i < inputs.nelts; i++) {
        test_equal(&inputs.elts[i].name, members[i].name);
        test_equal(&inputs.elts[i].value, members[i].value);
        assert_int_equal(inputs.elts[i].type, members[i].type);
        assert_int_equal(inputs.elts[i].repeated, 0);
        assert_int_equal(inputs.elts[i].malformed, 0);
    }

    /* the tree is freed, and the list must not point into it */

    assert_int_equal(test_heap.live, 0);
}


/*
 * Tries every character of Unicode, escaped and unescaped.
 */

static void
every_character_is_unescaped(void **state)
{
    char               text[128];
    size_t             n;
    uint32_t           code;
    alikassa_str_t     body, value;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    (void) state;

    for (code = 1; code <= 0x10ffff; code += (code < 0x10000) ? 1 : 61) {

        if (code >= 0xd800 && code <= 0xdfff) {
            continue;
        }

        n = (size_t) sprintf(text, "{\"\\u%04x\":\"\\u%04X\"}", code, code);

        if (code > 0xffff) {
            n = (size_t) sprintf(text, "{\"\\u%04x\\u%04X\":\"\\u%04X\\u%04x"
                                 "\"}",
                                 0xd800 + ((code - 0x10000) >> 10),
                                 0xdc00 + (code & 0x3ff),
                                 0xd800 + ((code - 0x10000) >> 10),
                                 0xdc00 + (code & 0x3ff));
        }

        body.data = (unsigned char *) text;
        body.len = n;

        assert_int_equal(alikassa_json_decode(test_pool(), &body, &inputs,
                                              &errmsg),
                         ALIKASSA_OK);
        assert_int_equal(inputs.nelts, 1);
        assert_true(alikassa_str_eq(&inputs.elts[0].name,
                                    &inputs.elts[0].value));

        /* the flat reader reads the same if the name has no escape */

        (void) memmove(text + 3, strchr(text, ':') - 1,
                       strlen(strchr(text, ':')) + 2);
        text[2] = 'n';

        body.len = strlen(text);
        value = inputs.elts[0].value;

        assert_int_equal(alikassa_json_decode(test_pool(), &body, &inputs,
                                              &errmsg),
                         ALIKASSA_OK);
        assert_int_equal(inputs.nelts, 1);
        assert_true(alikassa_str_eq(&inputs.elts[0].value, &value));

        n = 0;

        if (code < 0x80) {
            text[n++] = (char) code;

        } else if (code < 0x800) {
            text[n++] = (char) (0xc0 | code >> 6);
            text[n++] = (char) (0x80 | (code & 0x3f));

        } else if (code < 0x10000) {
            text[n++] = (char) (0xe0 | code >> 12);
            text[n++] = (char) (0x80 | (code >> 6 & 0x3f));
            text[n++] = (char) (0x80 | (code & 0x3f));

        } else {
            text[n++] = (char) (0xf0 | code >> 18);
            text[n++] = (char) (0x80 | (code >> 12 & 0x3f));
            text[n++] = (char) (0x80 | (code >> 6 & 0x3f));
            text[n++] = (char) (0x80 | (code & 0x3f));
        }

        text[n] = '\0';
        test_equal(&inputs.elts[0].value, text);

        test_pool_free();
    }
}


static void
top_level_value_must_be_an_object(void **state)
{
    size_t             i;
    alikassa_str_t     body;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    static const char  *const texts[] = {
        "[]", "[{}]", "1", "\"{}\"", "null", "true", "", "{\"a\":01}",
        "{\"a\":1,\"a\":1}"
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        body = test_copy(texts[i], strlen(texts[i]));

        assert_int_equal(alikassa_json_decode(test_pool(), &body, &inputs,
                                              &errmsg),
                         ALIKASSA_DECLINED);
        assert_int_equal(inputs.nelts, 0);

        if (i < 6) {
            assert_string_equal(errmsg.text, "not a JSON object");
        }
    }

    body = test_copy("{}", 2);

    assert_int_equal(alikassa_json_decode(test_pool(), &body, &inputs,
                                          &errmsg),
                     ALIKASSA_OK);
    assert_int_equal(inputs.nelts, 0);
}


/*
 * The object has so many numbers and names that the decoder makes every kind of
 * allocation.  Each allocation fails once.
 */

static void
failed_allocation_is_an_error(void **state)
{
    long                n, total;
    char               *text;
    alikassa_rc_t       rc;
    alikassa_str_t      body;
    alikassa_inputs_t   inputs;
    alikassa_errmsg_t   errmsg;

    (void) state;

    text = malloc(4096);
    assert_non_null(text);

    body.data = (unsigned char *) text;
    body.len = test_wide(text, 70, "\"n%zu\":100", '{', '}');

    for (total = 0; total < 1000; total++) {

        test_heap.left = total;

        rc = alikassa_json_decode(test_pool(), &body, &inputs, &errmsg);

        assert_int_equal(test_heap.live, 0);

        if (rc == ALIKASSA_OK) {
            break;
        }

        assert_int_equal(rc, ALIKASSA_ERROR);
        assert_int_equal(inputs.nelts, 0);

        test_pool_free();
    }

    /*
     * two lists of numbers, 71 items, 70 names, one list of names; some
     * versions of cJSON take memory for each number, too
     */

    assert_in_range(total, 2 + 71 + 70 + 1, 2 + 71 + 70 + 1 + 70);

    test_heap.left = -1;
    test_pool_free();

    for (n = 0; n < 10; n++) {

        test_pool_fail_after(n);

        rc = alikassa_json_decode(test_pool(), &body, &inputs, &errmsg);

        test_pool_free();

        assert_int_equal(test_heap.live, 0);

        if (rc == ALIKASSA_OK) {
            break;
        }

        assert_int_equal(rc, ALIKASSA_ERROR);
        assert_int_equal(inputs.nelts, 0);
    }

    assert_int_equal(n, 2);

    free(text);
}


static void
failed_allocation_of_few_numbers_is_an_error(void **state)
{
    long               n;
    alikassa_rc_t      rc;
    alikassa_json_t    json;
    alikassa_errmsg_t  errmsg;

    const alikassa_str_t  text = alikassa_string("{\"a\":[1,2]}");

    (void) state;

    for (n = 0; n < 100; n++) {

        test_heap.left = n;

        rc = alikassa_json_parse(&text, &json, &errmsg);

        if (rc == ALIKASSA_OK) {
            break;
        }

        assert_int_equal(rc, ALIKASSA_ERROR);
        assert_null(json.root);
        assert_int_equal(test_heap.live, 0);
    }

    /*
     * four items, a name, a list of numbers, and in some versions each number
     */

    assert_in_range(n, 6, 8);

    alikassa_json_free(&json);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test_case(valid_texts_are_parsed),
        test_case(invalid_texts_are_refused),
        test_case(truncated_texts_are_refused),
        test_case(bytes_are_allowed_by_their_place),
        test_case(too_deep_nesting_is_refused),
        test_case(closed_levels_do_not_count_as_depth),
        test_case(too_many_items_are_refused),
        test_case(long_number_at_top_level_is_refused),
        test_case(long_numbers_in_objects_keep_their_text),
        test_case(equal_names_are_refused_among_many),
        test_case(numbers_keep_their_text),
        test_case(many_numbers_keep_their_text),
        test_case(flat_reader_agrees_with_the_tree),
        test_case(flat_reader_refuses_equal_names),
        test_case(every_byte_of_a_string_is_checked),
        test_case(flat_objects_allocate_no_tree),
        test_case(objects_are_decoded),
        test_case(every_character_is_unescaped),
        test_case(top_level_value_must_be_an_object),
        test_case(failed_allocation_is_an_error),
        test_case(failed_allocation_of_few_numbers_is_an_error),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
