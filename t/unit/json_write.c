
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_json_string.c and alikassa_json_write.c.  PHP 8.2 has
 * printed the expected texts.
 */


#include "test.h"

#include "alikassa_json.h"
#include "alikassa_json_string.h"
#include "heap.h"


#define TEST_CHANGED                                                          \
    "a number that PHP would change, send fewer digits or a string"


typedef size_t (*test_write_pt)(unsigned char *dst, const alikassa_str_t *src);


typedef struct {
    const char           *text;
    size_t                len;
    const char           *out;
} test_text_t;


/* out NULL: the output is equal to the input */

typedef struct {
    const char           *in;
    const char           *out;
} test_pair_t;


typedef struct {
    const char           *text;
    size_t                len;
    const char           *errmsg;
} test_refused_t;


#define test_text(s, out)  { s, sizeof(s) - 1, out }
#define test_refused(s, errmsg)  { s, sizeof(s) - 1, errmsg }


static const test_text_t  test_strings[] = {

    test_text("", "\"\""), test_text("A-1", "\"A-1\""),
    test_text("Budi Santoso", "\"Budi Santoso\""),
    test_text("https://a.b/c?d=1&e=2",
              "\"https:\\/\\/a.b\\/c?d=1&e=2\""),

    /* characters whose escape is a letter */

    test_text("\"", "\"\\\"\""), test_text("\\", "\"\\\\\""),
    test_text("/", "\"\\/\""), test_text("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""),
    test_text("\\u0041\\/", "\"\\\\u0041\\\\\\/\""),

    /* characters whose escape is a code */

    test_text("\0", "\"\\u0000\""), test_text("a\0b", "\"a\\u0000b\""),
    test_text("\x01\x07\x0b\x0e\x1b\x1f",
              "\"\\u0001\\u0007\\u000b\\u000e\\u001b\\u001f\""),

    /* characters that are not escaped */

    test_text("\x7f", "\"\x7f\""),
    test_text("<a href='x'>&amp;</a>",
              "\"<a href='x'>&amp;<\\/a>\""),
    test_text(" !#$%()*+,-.:;=?@[]^_`{|}~",
              "\" !#$%()*+,-.:;=?@[]^_`{|}~\""),

    /* lower-case digits, and surrogate pairs */

    test_text("\xc2\x80\xc2\xa0", "\"\\u0080\\u00a0\""),
    test_text("\xc3\xa9", "\"\\u00e9\""),
    test_text("\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd",
              "\"\\u0418\\u0432\\u0430\\u043d\""),
    test_text("\xdf\xbf\xe0\xa0\x80", "\"\\u07ff\\u0800\""),
    test_text("\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\""),
    test_text("\xed\x9f\xbf\xee\x80\x80", "\"\\ud7ff\\ue000\""),
    test_text("\xef\xbb\xbf" "a", "\"\\ufeffa\""),
    test_text("\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf",
              "\"\\ufffd\\ufffe\\uffff\""),
    test_text("\xf0\x90\x80\x80", "\"\\ud800\\udc00\""),
    test_text("\xf0\x9f\x98\x80!", "\"\\ud83d\\ude00!\""),
    test_text("\xf0\xaf\xbf\xbf", "\"\\ud87f\\udfff\""),
    test_text("\xf4\x8f\xbf\xbf", "\"\\udbff\\udfff\""),

    /* runs between escapes */

    test_text("a/b\xc3\xa9" "c\nd", "\"a\\/b\\u00e9c\\nd\""),
    test_text("//aa//", "\"\\/\\/aa\\/\\/\""),

    { NULL, 0, NULL }
};


/* a minimal writer escapes only what JSON requires */

static const test_text_t  test_texts[] = {
    test_text("", "\"\""),
    test_text("https://a/b?c&<d>'e'", "\"https://a/b?c&<d>'e'\""),
    test_text("\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\""),
    test_text("a\0\x01\x1f\x7f", "\"a\\u0000\\u0001\\u001f\x7f\""),
    test_text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
              "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),

    /* malformed UTF-8 is replaced byte by byte */

    test_text("\xff", "\"\\ufffd\""), test_text("a\x80z", "\"a\\ufffdz\""),
    test_text("\xc3", "\"\\ufffd\""), test_text("\xc3(", "\"\\ufffd(\""),
    test_text("\xc1\xbf", "\"\\ufffd\\ufffd\""),
    test_text("\xe2\x82", "\"\\ufffd\\ufffd\""),
    test_text("\xe2\x82\"", "\"\\ufffd\\ufffd\\\"\""),
    test_text("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""),
    test_text("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""),
    test_text("\xff\xc3\xa9", "\"\\ufffd\xc3\xa9\""),

    { NULL, 0, NULL }
};


/* {"n":in} becomes {"n":out} */

static const test_pair_t  test_numbers[] = {

    { "0", NULL }, { "1", NULL }, { "-1", NULL }, { "42", NULL },
    { "1000000000000000000", NULL },
    { "9007199254740993", NULL }, { "-9007199254740993", NULL },
    { "9223372036854775799", NULL },
    { "9223372036854775806", NULL }, { "9223372036854775807", NULL },
    { "-9223372036854775807", NULL }, { "-9223372036854775808", NULL },

    { "0.5", NULL }, { "-0.5", NULL }, { "0.1", NULL }, { "100.5", NULL },
    { "150000.5", NULL }, { "999999999.99", NULL }, { "0.01", NULL },
    { "-12.75", NULL }, { "3.141592653589793", NULL },
    { "0.30000000000000004", NULL }, { "123456789012345.5", NULL },
    { "0.0001", NULL }, { "0.00012345", NULL }, { "99.99", NULL },

    /* zeros */

    { "1.0", "1" }, { "100.50", "100.5" }, { "100.00", "100" },
    { "-1.0", "-1" }, { "0.0", "0" }, { "0.000", "0" }, { "0e5", "0" },
    { "0E-5", "0" }, { "0.00e+7", "0" }, { "10.0", "10" },
    { "1.00000000000000000000000000000000000000", "1" },
    { "9007199254740992.0", "9007199254740992" },
    { "10000000000000000.0", "10000000000000000" },

    /* PHP writes an exponent from 10^17 on, and below 10^-4 */

    { "1e0", "1" }, { "1e2", "100" }, { "1E+2", "100" }, { "-1e2", "-100" },
    { "1e00002", "100" }, { "1.5e3", "1500" }, { "12.5e1", "125" },
    { "12e-1", "1.2" }, { "1e-2", "0.01" }, { "1e-00002", "0.01" },
    { "100e-2", "1" }, { "1e-4", "0.0001" }, { "9.5e-4", "0.00095" },
    { "1e15", "1000000000000000" }, { "1e16", "10000000000000000" },
    { "1e17", "1.0e+17" }, { "1e18", "1.0e+18" }, { "1e22", "1.0e+22" },
    { "1e23", "1.0e+23" }, { "1.0E+25", "1.0e+25" }, { "1e100", "1.0e+100" },
    { "1.25e+30", "1.25e+30" }, { "-2.5e20", "-2.5e+20" },
    { "123456789e-20", "1.23456789e-12" }, { "0.00001", "1.0e-5" },
    { "0.000012345", "1.2345e-5" }, { "1e-5", "1.0e-5" },
    { "1e-7", "1.0e-7" }, { "5.960464477539063e-8", "5.960464477539063e-8" },
    { "-1.5e-10", "-1.5e-10" }, { "9.5e-5", "9.5e-5" },
    { "0.1e-300", "1.0e-301" },
    { "100000000000000000.0", "1.0e+17" },
    { "1000000000000000000000000000000000000000000e-42", "1" },

    /* an integer beyond 64 bits is a double, if a double can hold the value */

    { "9300000000000000000", "9.3e+18" },
    { "10000000000000000000", "1.0e+19" },
    { "-10000000000000000000", "-1.0e+19" },
    { "20000000000000000000000", "2.0e+22" },
    { "1000000000000000000000000000", "1.0e+27" },

    /* the smallest and largest doubles */

    { "1.7976931348623157e308", "1.7976931348623157e+308" },
    { "-1.7976931348623157e308", "-1.7976931348623157e+308" },
    { "1e308", "1.0e+308" }, { "2.2250738585072014e-308", NULL },
    { "5e-324", "5.0e-324" }, { "1e-323", "1.0e-323" },

    { NULL, NULL }
};


static const char *const  test_changed[] = {

    /* PHP reads the first as 0 and the others as -0 */

    "-0", "-0.0", "-0e0", "-0.00e-3",

    /* numbers beyond 64 bits, or with more digits than a double can hold */

    "9223372036854775808", "-9223372036854775809", "9223372036854775810",
    "12345678901234567890", "-12345678901234567890", "18446744073709551615",
    "18446744073709551616", "9223372036854775807.0", "9223372036854775807e0",
    "123456789012345678901234567890", "12345678901234567.0",
    "11111111111111111.0", "144115188075855872.0",

    "9007199254740993.0", "9007199254740993.5", "9007199254740992.5",
    "9007199254740993e0", "0.99999999999999994", "3.14159265358979312",
    "0.1000000000000000055511151231257827", "0.1000000000000000055",
    "1.0000000000000000000000000000000000001", "1.00000000000000001",

    /* overflow and underflow */

    "1e309", "1e999", "-1e999", "1.7976931348623159e308", "1e100000",
    "5.9604644775390625e-8", "1e100001", "1e99999999999999999999", "1e-400",
    "-1e-400", "10e-400",
    "4.9e-324", "2e-324", "1e-99999999999999999999",

    NULL
};


/* whole texts */

static const test_pair_t  test_objects[] = {

    { "{}", NULL }, { " { } ", "{}" }, { "\t\n{\r}\n", "{}" },

    { "{\"a\":{},\"b\":[],\"c\":[{}],\"d\":[[]],\"e\":{\"\":{}}}", NULL },
    { "{\"a\":[null,true,false,\"\",0]}", NULL },
    { "{\"a\":null}", NULL },
    { "{\"a\" : [ 1 , { \"b\" : 2.0 } ] }", "{\"a\":[1,{\"b\":2}]}" },

    /* members keep their order; a name of digits is not an index */

    { "{\"b\":1,\"a\":2,\"10\":3,\"9\":4,\"0\":5}", NULL },
    { "{\"z\":{\"b\":1,\"a\":2},\"y\":[3,1,2]}", NULL },
    { "{\"0\":1,\"1\":2}", NULL },
    { "{\"\":1,\"_empty_\":2}", NULL },
    { "{\"a\":1,\"A\":2}", NULL },
    { "{\"1\":{\"2\":[]}}", NULL },
    { "{\"00\":0,\"-1\":1,\"1e2\":2}", NULL },

    /* names are escaped as strings are */

    { "{\"a/b\":1,\"\xc3\xa9\":2}", "{\"a\\/b\":1,\"\\u00e9\":2}" },
    { "{\"\\u0061\\/\\n\":\"\\u0062\"}", "{\"a\\/\\n\":\"b\"}" },
    { "{\"\\u00E9\":\"\\u00C9\"}", "{\"\\u00e9\":\"\\u00c9\"}" },
    { "{\"\\uD83D\\uDE00\":\"\xf0\x9f\x98\x80\"}",
      "{\"\\ud83d\\ude00\":\"\\ud83d\\ude00\"}" },

    { "{\"a\":\"\\u0008\\u000c\\u000a\\u000d\\u0009\\u002f\\u0022\\u005c\"}",
      "{\"a\":\"\\b\\f\\n\\r\\t\\/\\\"\\\\\"}" },
    { "{\"a\":\"\\u0001\\u001F\\u007f\\u003c\\u003E\\u0026\\u0027\"}",
      "{\"a\":\"\\u0001\\u001f\x7f<>&'\"}" },
    { "{\"a\":\"\x7f<>&'\"}", NULL },
    { "{\"a\":\"1.0\",\"b\":\"true\",\"c\":\"null\"}", NULL },

    { NULL, NULL }
};


static const test_refused_t  test_not_objects[] = {
    test_refused("[]", "not a JSON object"),
    test_refused("[{}]", "not a JSON object"),
    test_refused("\"a\"", "not a JSON object"),
    test_refused("1", "not a JSON object"),
    test_refused("1e999", "not a JSON object"),
    test_refused("null", "not a JSON object"),
    test_refused("true", "not a JSON object"),

    test_refused("", "an empty text"),
    test_refused(" ", "unexpected end at byte 1"),
    test_refused("{", "unexpected end at byte 1"),
    test_refused("{}{}", "unexpected character at byte 2"),
    test_refused("{\"a\":01}", "unexpected character at byte 6"),
    test_refused("{\"a\":1.}", "unexpected character at byte 7"),
    test_refused("{\"a\":.5}", "unexpected character at byte 5"),
    test_refused("{\"a\":+1}", "unexpected character at byte 5"),
    test_refused("{\"a\":0x1}", "unexpected character at byte 6"),
    test_refused("{\"a\":NaN}", "unexpected character at byte 5"),
    test_refused("{\"a\":1,}", "unexpected character at byte 7"),
    test_refused("{'a':1}", "unexpected character at byte 1"),
    test_refused("{\"a\":1,\"a\":2}", "equal names in one object"),
    test_refused("{\"a\":1,\"\\u0061\":2}", "equal names in one object"),
    test_refused("{\"a\":\"\\u0000\"}", "an escaped NUL at byte 6"),
    test_refused("{\"a\":\"\n\"}", "a bare control character at byte 6"),
    test_refused("\xef\xbb\xbf{}", "a byte-order mark at byte 0"),

    /* PHP cannot encode these either */

    test_refused("{\"a\":\"\xff\"}", "malformed UTF-8 at byte 6"),
    test_refused("{\"a\":\"x\x80\"}", "malformed UTF-8 at byte 7"),
    test_refused("{\"a\":\"\xc0\xaf\"}", "malformed UTF-8 at byte 6"),
    test_refused("{\"a\":\"\xc3\"}", "malformed UTF-8 at byte 6"),
    test_refused("{\"a\":\"\xe2\x82\"}", "malformed UTF-8 at byte 6"),
    test_refused("{\"a\":\"\xed\xa0\x80\"}", "malformed UTF-8 at byte 6"),
    test_refused("{\"a\":\"\xf4\x90\x80\x80\"}", "malformed UTF-8 at byte 6"),
    test_refused("{\"\xe9\":1}", "malformed UTF-8 at byte 2"),
    test_refused("{\"a\":\"\\ud83d\"}", "an unpaired surrogate at byte 12"),
    test_refused("{\"a\":\"\\ude00\"}", "an unpaired surrogate at byte 12"),

    { NULL, 0, NULL }
};


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

    cJSON_InitHooks(NULL);

    return 0;
}


static void
test_written(test_write_pt write, const char *text, size_t len,
    const char *out)
{
    size_t           n;
    unsigned char   *dst;
    alikassa_str_t   s;

    s = test_copy(text, len);
    n = write(NULL, &s);

    dst = test_pool_alloc(NULL, n);
    assert_non_null(dst);

    assert_int_equal(write(dst, &s), n);

    if (n != strlen(out) || memcmp(dst, out, n) != 0) {
        fail_msg("%.*s is not %s", (int) n, dst, out);
    }

    test_pool_free();
}


static void
test_reencoded(const char *in, const char *out)
{
    alikassa_str_t     s, result;
    alikassa_errmsg_t  errmsg;

    s = test_copy(in, strlen(in));

    if (alikassa_json_reencode(test_pool(), &s, &result, &errmsg)
        != ALIKASSA_OK)
    {
        fail_msg("%s: %s", in, errmsg.text);
    }

    if (result.len != strlen(out) || memcmp(result.data, out, result.len)) {
        fail_msg("%s: %.*s is not %s", in, (int) result.len, result.data,
                 out);
    }

    /* one allocation for the copy of the text, one for the result */

    assert_int_equal(test_pool_allocs(), 2);
    assert_int_equal(test_heap.live, 0);

    test_pool_free();
}


static void
test_declined(const char *text, size_t len, const char *errmsg)
{
    alikassa_str_t     s, out;
    alikassa_errmsg_t  why;

    s = test_copy(text, len);

    if (alikassa_json_reencode(test_pool(), &s, &out, &why)
        != ALIKASSA_DECLINED)
    {
        fail_msg("%s is accepted", text);
    }

    assert_string_equal(why.text, errmsg);
    assert_int_equal(test_heap.live, 0);

    test_pool_free();
}


static void
strings_are_escaped_as_by_php(void **state)
{
    const test_text_t  *t;

    (void) state;

    for (t = test_strings; t->text; t++) {
        test_written(alikassa_json_write_string, t->text, t->len, t->out);
    }
}


/*
 * Tries each byte at each place of texts of up to 20 bytes, more than the eight
 * bytes that the code tests at once.  A text is plain if and only if it is
 * written without escapes.
 */

static void
plain_strings_are_exactly_the_unescaped(void **state)
{
    int             c, plain;
    size_t          i, len;
    alikassa_str_t  s;
    unsigned char   text[20], out[140];

    (void) state;

    for (len = 0; len <= sizeof(text); len++) {

        memset(text, 'a', sizeof(text));

        s.len = len;
        s.data = text;

        assert_true(alikassa_json_plain(&s));

        for (i = 0; i < len; i++) {

            for (c = 0; c < 256; c++) {

                text[i] = (unsigned char) c;
                plain = c >= 0x20 && c < 0x80 && strchr("\"\\/", c) == NULL;

                if (!alikassa_json_plain(&s) != !plain) {
                    fail_msg("byte %d at %zu of %zu", c, i, len);
                }

                if (plain) {
                    assert_int_equal(alikassa_json_write_string(out, &s),
                                     len + 2);
                    assert_memory_equal(out + 1, text, len);

                    assert_int_equal(alikassa_json_write_plain(out, &s),
                                     len + 2);
                    assert_memory_equal(out + 1, text, len);
                    assert_int_equal(out[0], '"');
                    assert_int_equal(out[len + 1], '"');

                } else {
                    assert_true(alikassa_json_write_string(NULL, &s)
                                > len + 2);
                }
            }

            text[i] = 'a';
        }
    }

    s.len = 0;
    s.data = NULL;

    assert_true(alikassa_json_plain(&s));
    assert_int_equal(alikassa_json_write_plain(out, &s), 2);
    assert_int_equal(alikassa_json_write_plain(NULL, &s), 2);
}


static void
texts_are_escaped_only_where_required(void **state)
{
    const test_text_t  *t;

    (void) state;

    for (t = test_texts; t->text; t++) {
        test_written(alikassa_json_write_text, t->text, t->len, t->out);
    }
}


/*
 * Writes the character in UTF-8.  Returns its length.
 */

static size_t
test_utf8(char *p, unsigned c)
{
    if (c < 0x80) {
        p[0] = (char) c;
        return 1;
    }

    if (c < 0x800) {
        p[0] = (char) (0xc0 | (c >> 6));
        p[1] = (char) (0x80 | (c & 0x3f));
        return 2;
    }

    if (c < 0x10000) {
        p[0] = (char) (0xe0 | (c >> 12));
        p[1] = (char) (0x80 | ((c >> 6) & 0x3f));
        p[2] = (char) (0x80 | (c & 0x3f));
        return 3;
    }

    p[0] = (char) (0xf0 | (c >> 18));
    p[1] = (char) (0x80 | ((c >> 12) & 0x3f));
    p[2] = (char) (0x80 | ((c >> 6) & 0x3f));
    p[3] = (char) (0x80 | (c & 0x3f));
    return 4;
}


/*
 * Tries characters of all of Unicode, alone and between two others.
 */

static void
every_character_is_escaped_as_by_php(void **state)
{
    char         text[8], out[24];
    size_t       len;
    unsigned     c;
    const char  *p;

    static const char  letters[] = "\bb\ff\nn\rr\tt\"\"\\\\//";

    (void) state;

    for (c = 0; c <= 0x10ffff; c += (c < 0x11000) ? 1 : 0x2b) {

        if (c >= 0xd800 && c <= 0xdfff) {
            continue;
        }

        text[0] = 'a';
        len = 1 + test_utf8(&text[1], c);
        text[len] = 'z';

        for (p = letters; *p; p += 2) {
            if ((unsigned char) *p == c) {
                break;
            }
        }

        if (*p) {
            sprintf(out, "\"a\\%cz\"", p[1]);

        } else if (c >= 0x20 && c < 0x80) {
            sprintf(out, "\"a%cz\"", (int) c);

        } else if (c < 0x10000) {
            sprintf(out, "\"a\\u%04xz\"", c);

        } else {
            sprintf(out, "\"a\\u%04x\\u%04xz\"",
                    0xd800 + ((c - 0x10000) / 0x400),
                    0xdc00 + ((c - 0x10000) % 0x400));
        }

        test_written(alikassa_json_write_string, text, len + 1, out);

        /* the character alone */

        memmove(&out[1], &out[2], strlen(out) - 1);
        strcpy(&out[strlen(out) - 2], "\"");

        test_written(alikassa_json_write_string, &text[1], len - 1, out);
    }
}


static void
numbers_keep_their_value(void **state)
{
    char                in[256], out[256];
    const test_pair_t  *t;

    (void) state;

    for (t = test_numbers; t->in; t++) {

        sprintf(in, "{\"n\":%s}", t->in);
        sprintf(out, "{\"n\":%s}", t->out ? t->out : t->in);

        test_reencoded(in, out);

        /* the text that PHP writes is not changed */

        test_reencoded(out, out);

        sprintf(in, "{\"a\":[ %s , %s ],\"b\":{\"c\":%s}}", t->in, t->in,
                t->in);
        sprintf(out, "{\"a\":[%s,%s],\"b\":{\"c\":%s}}",
                t->out ? t->out : t->in, t->out ? t->out : t->in,
                t->out ? t->out : t->in);

        test_reencoded(in, out);
    }
}


static void
numbers_that_would_lose_value_are_refused(void **state)
{
    char                text[256];
    const char *const  *n;

    (void) state;

    for (n = test_changed; *n; n++) {

        sprintf(text, "{\"n\":%s}", *n);
        test_declined(text, strlen(text), TEST_CHANGED);

        sprintf(text, "{\"a\":[1,{\"n\":%s}],\"b\":1}", *n);
        test_declined(text, strlen(text), TEST_CHANGED);
    }
}


/*
 * Tries amounts of all lengths.  The output has no unnecessary zeros.
 */

static void
amounts_are_written_as_by_php(void **state)
{
    long  n, whole, cents;
    char  in[64], out[64];

    (void) state;

    for (n = 1; n < 99999999999; n += n / 97 + 1) {

        whole = n / 100;
        cents = n % 100;

        sprintf(in, "{\"n\":%ld.%02ld}", whole, cents);

        if (cents == 0) {
            sprintf(out, "{\"n\":%ld}", whole);

        } else if (cents % 10 == 0) {
            sprintf(out, "{\"n\":%ld.%ld}", whole, cents / 10);

        } else {
            sprintf(out, "{\"n\":%ld.%02ld}", whole, cents);
        }

        test_reencoded(in, out);

        sprintf(in, "{\"n\":%lde-2}", n);
        test_reencoded(in, out);
    }
}


static void
objects_are_reencoded_as_by_php(void **state)
{
    const test_pair_t  *t;

    (void) state;

    for (t = test_objects; t->in; t++) {
        test_reencoded(t->in, t->out ? t->out : t->in);
        test_reencoded(t->out ? t->out : t->in, t->out ? t->out : t->in);
    }
}


static void
non_objects_and_malformed_texts_are_refused(void **state)
{
    const test_refused_t  *t;

    (void) state;

    for (t = test_not_objects; t->text; t++) {
        test_declined(t->text, t->len, t->errmsg);
    }
}


static void
nesting_is_kept_up_to_the_limit(void **state)
{
    char    text[256], *p;
    size_t  depth, i;

    (void) state;

    for (depth = 1; depth <= ALIKASSA_JSON_MAX_DEPTH + 1; depth++) {

        p = text;

        for (i = 1; i < depth; i++) {
            p += sprintf(p, (i & 1) ? "{\"a\":" : "[");
        }

        p += sprintf(p, (i & 1) ? "{}" : "[]");

        while (--i) {
            p += sprintf(p, (i & 1) ? "}" : "]");
        }

        if (depth <= ALIKASSA_JSON_MAX_DEPTH) {
            test_reencoded(text, text);

        } else {
            test_declined(text, strlen(text), "too deep nesting at byte 96");
        }
    }
}


/*
 * The text has many different numbers.  Each number must keep its place.
 */

static void
many_numbers_keep_their_place(void **state)
{
    int    i;
    char   in[8192], out[8192], *p, *q;

    (void) state;

    p = in + sprintf(in, "{\"0\":[");
    q = out + sprintf(out, "{\"0\":[");

    for (i = 1; i < 400; i++) {

        if (i % 7 == 0) {
            p += sprintf(p, "],\"%d\":[\"\", ", i);
            q += sprintf(q, "],\"%d\":[\"\",", i);

        } else if (i > 1) {
            *p++ = ',';
            *q++ = ',';
        }

        p += sprintf(p, "%d.50", i);
        q += sprintf(q, "%d.5", i);
    }

    strcpy(p, "]}");
    strcpy(q, "]}");

    test_reencoded(in, out);
}


/* re-encodes an object with an array that has the number count times */

static alikassa_rc_t
test_many(const char *number, int count, alikassa_errmsg_t *errmsg)
{
    int              i;
    char            *p, *start;
    alikassa_rc_t    rc;
    alikassa_str_t   text, out;

    start = malloc(16 + (size_t) count * (strlen(number) + 1));
    assert_non_null(start);

    p = start;

    p += sprintf(p, "{\"a\":[");

    for (i = 0; i < count; i++) {
        p += sprintf(p, "%s%s", i ? "," : "", number);
    }

    p += sprintf(p, "]}");

    text.len = (size_t) (p - start);
    text.data = (const unsigned char *) start;

    rc = alikassa_json_reencode(test_pool(), &text, &out, errmsg);

    if (rc == ALIKASSA_OK) {
        assert_int_equal(out.len, text.len);
        assert_memory_equal(out.data, text.data, text.len);
    }

    free(start);

    return rc;
}


static void
too_many_costly_numbers_are_refused(void **state)
{
    size_t             i;
    alikassa_errmsg_t  errmsg;

    /* any number of these is accepted: they need no conversion to a double */

    static const char  *cheap[] = {
        "0", "1", "9223372036854775807", "-9223372036854775808", "150000.5",
        "0.123456789012345", "12345678901234.5", "1.23456789012345e-307",
        "9.99999999999999e+307"
    };

    /* these need a conversion to a double */

    static const char  *costly[] = {
        "0.1234567890123456", "1.2345678901234567", "1.2345678901234567e-308",
        "5.0e-324", "1.0e+308"
    };

    (void) state;

    for (i = 0; i < sizeof(cheap) / sizeof(cheap[0]); i++) {

        assert_int_equal(test_many(cheap[i], ALIKASSA_JSON_MAX_ITEMS - 8,
                                   &errmsg), ALIKASSA_OK);
    }

    for (i = 0; i < sizeof(costly) / sizeof(costly[0]); i++) {

        assert_int_equal(test_many(costly[i], ALIKASSA_JSON_MAX_CONVERTED,
                                   &errmsg), ALIKASSA_OK);
        assert_int_equal(test_many(costly[i], ALIKASSA_JSON_MAX_CONVERTED + 1,
                                   &errmsg), ALIKASSA_DECLINED);
        assert_string_equal(errmsg.text, "more than 256 numbers of 16 digits "
                                         "or more, send strings");
    }
}


static void
too_long_objects_are_refused(void **state)
{
    char               *text;
    alikassa_rc_t       rc;
    alikassa_str_t      s, out;
    alikassa_errmsg_t   errmsg;

    (void) state;

    text = malloc(ALIKASSA_JSON_MAX_REENCODED + 1);
    assert_non_null(text);

    memset(text, ' ', ALIKASSA_JSON_MAX_REENCODED + 1);
    memcpy(text, "{}", 2);

    s.data = (const unsigned char *) text;
    s.len = ALIKASSA_JSON_MAX_REENCODED;

    rc = alikassa_json_reencode(test_pool(), &s, &out, &errmsg);
    assert_int_equal(rc, ALIKASSA_OK);

    s.len++;

    rc = alikassa_json_reencode(test_pool(), &s, &out, &errmsg);
    assert_int_equal(rc, ALIKASSA_DECLINED);
    assert_string_equal(errmsg.text, "an object of more than 262144 bytes");

    free(text);
}


/*
 * The writer takes a number of up to 15 digits for the shortest text of its
 * double, without a conversion.  Compares this with printf() and strtod().
 */

static void
fifteen_digits_are_the_shortest_form(void **state)
{
    int        i, n, k;
    char       digits[32], text[64], printed[64];
    double     value;
    unsigned   seed;

    (void) state;

    seed = 12345;

    for (i = 0; i < 200000; i++) {

        seed = seed * 1103515245 + 12345;
        n = 1 + (int) ((seed >> 16) % 15);

        for (k = 0; k < n; k++) {
            seed = seed * 1103515245 + 12345;
            digits[k] = "0123456789"[(seed >> 16) % 10];
        }

        digits[0] = (digits[0] == '0') ? '1' : digits[0];
        digits[n - 1] = (digits[n - 1] == '0') ? '1' : digits[n - 1];
        digits[n] = '\0';

        seed = seed * 1103515245 + 12345;
        k = (int) ((seed >> 8) % 615) - 307;

        snprintf(text, sizeof(text), "%c.%se%+03d", digits[0],
                 n > 1 ? &digits[1] : "0", k);
        value = strtod(text, NULL);

        /* n digits are enough for this double, and fewer are not */

        snprintf(printed, sizeof(printed), "%.*e", n > 1 ? n - 1 : 1, value);
        assert_string_equal(printed, text);

        if (n > 1) {
            snprintf(printed, sizeof(printed), "%.*e", n - 2, value);
            assert_true(strtod(printed, NULL) != value);
        }
    }
}


static void
failed_allocation_is_an_error(void **state)
{
    long               n;
    alikassa_rc_t      rc;
    alikassa_str_t     text, out;
    alikassa_errmsg_t  errmsg;

    (void) state;

    text = test_copy("{\"a\":[1.50,\"/\",{\"b\":null}]}", 27);

    test_pool_fail_after(0);

    assert_int_equal(alikassa_json_reencode(test_pool(), &text, &out,
                                            &errmsg),
                     ALIKASSA_ERROR);
    assert_string_equal(errmsg.text, "no memory");
    assert_int_equal(test_heap.live, 0);

    test_pool_fail_after(1);

    for (n = 0; n < 100; n++) {

        test_heap.left = n;

        rc = alikassa_json_reencode(test_pool(), &text, &out, &errmsg);

        test_heap.left = -1;

        assert_int_equal(test_heap.live, 0);

        if (rc == ALIKASSA_OK) {
            break;
        }

        assert_int_equal(rc, ALIKASSA_ERROR);
        assert_string_equal(errmsg.text, "cannot make the JSON tree");
    }

    /* six items with three strings, and the list of numbers */

    assert_true(n >= 8 && n < 100);

    assert_int_equal(out.len, 27);
    assert_memory_equal(out.data, "{\"a\":[1.5,\"\\/\",{\"b\":null}]}", 27);

    test_pool_free();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(strings_are_escaped_as_by_php),
        cmocka_unit_test(plain_strings_are_exactly_the_unescaped),
        cmocka_unit_test(texts_are_escaped_only_where_required),
        cmocka_unit_test(every_character_is_escaped_as_by_php),
        cmocka_unit_test(numbers_keep_their_value),
        cmocka_unit_test(numbers_that_would_lose_value_are_refused),
        cmocka_unit_test(amounts_are_written_as_by_php),
        cmocka_unit_test(objects_are_reencoded_as_by_php),
        cmocka_unit_test(non_objects_and_malformed_texts_are_refused),
        cmocka_unit_test(nesting_is_kept_up_to_the_limit),
        cmocka_unit_test(many_numbers_keep_their_place),
        cmocka_unit_test(too_many_costly_numbers_are_refused),
        cmocka_unit_test(too_long_objects_are_refused),
        cmocka_unit_test(fifteen_digits_are_the_shortest_form),
        cmocka_unit_test(failed_allocation_is_an_error),
    };

    return cmocka_run_group_tests_name("json_write", tests, test_setup,
                                       test_teardown);
}
