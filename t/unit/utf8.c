
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_utf8.c.
 */


#include "test.h"

#include "alikassa_utf8.h"


/* the number of code points that have two and three bytes */
#define TEST_TWO_BYTES  (0x800 - 0x80)
#define TEST_THREE_BYTES  (0x10000 - 0x800 - 0x800)


typedef struct {
    const char           *text;
    size_t                len;
    int                   chars;            /* -1: malformed */
} test_text_t;


#define test_text(s, chars)  { s, sizeof(s) - 1, chars }


static const test_text_t  test_texts[] = {
    test_text("", 0),
    test_text("a", 1),
    test_text("\0", 1),
    test_text("\x7f", 1),
    test_text("\xc2\x80", 1),
    test_text("\xdf\xbf", 1),
    test_text("\xe0\xa0\x80", 1),
    test_text("\xed\x9f\xbf", 1),
    test_text("\xee\x80\x80", 1),
    test_text("\xef\xbb\xbf", 1),
    test_text("\xef\xbf\xbf", 1),
    test_text("\xf0\x90\x80\x80", 1),
    test_text("\xf4\x8f\xbf\xbf", 1),
    test_text("\xd0\x98\xd0\xbc\xd1\x8f", 3),
    test_text("Budi Santoso", 12),
    test_text("1234567\xc3\xa9", 8),
    test_text("12345678\xc3\xa9" "12345678", 17),

    test_text("\x80", -1),
    test_text("\xbf", -1),
    test_text("\xc0\x80", -1),
    test_text("\xc1\xbf", -1),
    test_text("\xc2", -1),
    test_text("\xc2\x7f", -1),
    test_text("\xc2\xc0", -1),
    test_text("\xe0\x9f\xbf", -1),
    test_text("\xe0\xa0", -1),
    test_text("\xe1\x80", -1),
    test_text("\xe1\x80\x7f", -1),
    test_text("\xed\xa0\x80", -1),
    test_text("\xed\xbf\xbf", -1),
    test_text("\xed\xa0\xbd\xed\xb8\x80", -1),
    test_text("\xf0\x8f\xbf\xbf", -1),
    test_text("\xf0\x90\x80", -1),
    test_text("\xf4\x90\x80\x80", -1),
    test_text("\xf5\x80\x80\x80", -1),
    test_text("\xf8\x88\x80\x80\x80", -1),
    test_text("\xfe", -1),
    test_text("\xff", -1),
    test_text("12345678\xff", -1),
    test_text("1234567\xff" "12345678", -1),
    test_text("caf\xe9", -1),
    { NULL, 0, 0 }
};


static size_t
test_encode(int32_t code, unsigned char *p)
{
    if (code < 0x80) {
        p[0] = (unsigned char) code;
        return 1;
    }

    if (code < 0x800) {
        p[0] = (unsigned char) (0xc0 + code / 64);
        p[1] = (unsigned char) (0x80 + code % 64);
        return 2;
    }

    if (code < 0x10000) {
        p[0] = (unsigned char) (0xe0 + code / 4096);
        p[1] = (unsigned char) (0x80 + code / 64 % 64);
        p[2] = (unsigned char) (0x80 + code % 64);
        return 3;
    }

    p[0] = (unsigned char) (0xf0 + code / 262144);
    p[1] = (unsigned char) (0x80 + code / 4096 % 64);
    p[2] = (unsigned char) (0x80 + code / 64 % 64);
    p[3] = (unsigned char) (0x80 + code % 64);

    return 4;
}


static void
texts_are_checked_and_characters_counted(void **state)
{
    int                 rc;
    size_t              chars;
    alikassa_str_t      s;
    const test_text_t  *t;

    (void) state;

    for (t = test_texts; t->text; t++) {

        s = test_copy(t->text, t->len);

        rc = alikassa_utf8_check(&s, &chars);

        if (rc != (t->chars >= 0)) {
            fail_msg("text %zu is %s", (size_t) (t - test_texts),
                     rc ? "accepted" : "refused");
        }

        if (rc) {
            assert_int_equal(chars, t->chars);
        }

        assert_int_equal(alikassa_utf8_check(&s, NULL), rc);

        test_pool_free();
    }
}


static void
empty_text_is_well_formed(void **state)
{
    size_t          chars;
    alikassa_str_t  s = alikassa_null_string;

    (void) state;

    assert_int_equal(alikassa_utf8_check(&s, &chars), 1);
    assert_int_equal(chars, 0);
}


static void
every_code_point_is_decoded(void **state)
{
    int                   surrogate;
    size_t                len;
    int32_t               code, got;
    alikassa_str_t        s;
    unsigned char         buf[4];
    const unsigned char  *p;

    (void) state;

    for (code = 0; code <= 0x10ffff; code++) {

        len = test_encode(code, buf);
        surrogate = (code >= 0xd800 && code <= 0xdfff);

        p = buf;
        got = alikassa_utf8_decode(&p, buf + len);

        assert_int_equal(got, surrogate ? -1 : code);
        assert_ptr_equal(p, buf + (surrogate ? 1 : len));

        s.data = buf;
        s.len = len;
        assert_int_equal(alikassa_utf8_check(&s, NULL), !surrogate);

        /* truncated */

        if (len > 1) {
            p = buf;
            assert_int_equal(alikassa_utf8_decode(&p, buf + len - 1), -1);
            assert_ptr_equal(p, buf + 1);
        }
    }
}


/*
 * Counts the sequences that are accepted.  The number is that of the
 * characters, and each character decodes to itself, so no other sequence is
 * accepted.
 */

static void
malformed_sequences_are_not_decoded(void **state)
{
    size_t                two, three;
    uint32_t              i;
    unsigned char         buf[4];
    const unsigned char  *p;

    (void) state;

    two = 0;
    three = 0;

    for (i = 0; i < 0x1000000; i++) {

        buf[0] = (unsigned char) (i >> 16);
        buf[1] = (unsigned char) (i >> 8);
        buf[2] = (unsigned char) i;

        if (buf[0] < 0x80) {
            continue;
        }

        p = buf;

        if (buf[2] == 0 && alikassa_utf8_decode(&p, buf + 2) >= 0) {
            two++;
        }

        p = buf;

        if (alikassa_utf8_decode(&p, buf + 3) >= 0 && p == buf + 3) {
            three++;
        }
    }

    assert_int_equal(two, TEST_TWO_BYTES);
    assert_int_equal(three, TEST_THREE_BYTES);
}


static void
four_byte_sequences_are_checked_by_range(void **state)
{
    int                   valid;
    size_t                i, j;
    uint32_t              n;
    unsigned char         buf[4];
    const unsigned char  *p;

    static const unsigned char  edges[] = {
        0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff
    };

    (void) state;

    for (n = 0xf000; n <= 0xffff; n++) {
        for (i = 0; i < sizeof(edges); i++) {
            for (j = 0; j < sizeof(edges); j++) {

                buf[0] = (unsigned char) (n >> 8);
                buf[1] = (unsigned char) n;
                buf[2] = edges[i];
                buf[3] = edges[j];

                valid = n >= 0xf090 && n <= 0xf48f
                        && (buf[1] & 0xc0) == 0x80
                        && (buf[2] & 0xc0) == 0x80
                        && (buf[3] & 0xc0) == 0x80;

                p = buf;
                assert_int_equal(alikassa_utf8_decode(&p, buf + 4) >= 0,
                                 valid);
                assert_ptr_equal(p, buf + (valid ? 4 : 1));
            }
        }
    }
}


static void
control_characters_are_found(void **state)
{
    size_t          i, c;
    unsigned char   buf[2];
    alikassa_str_t  s;

    static const char  *const clean[] = {
        "", "a b", "~", "\xc2\xa0", "\xc2\xbf", "\xc3\x85", "\xe2\x80\xa8",
        "\xe2\x80\xa9", "\xc2", "a\xc2", "\xe0\x82\x85", "\x85", "\xff"
    };

    static const char  *const controls[] = {
        "\t", "a\n", "\ra", "\x7f", "a\x1f" "b", "\xc2\x80", "a\xc2\x85",
        "\xc2\x9f" "b", "\xc2\xa0\xc2\x9b"
    };

    (void) state;

    for (i = 0; i < sizeof(clean) / sizeof(clean[0]); i++) {
        s.data = (const unsigned char *) clean[i];
        s.len = strlen(clean[i]);
        assert_int_equal(alikassa_utf8_controls(&s), 0);
    }

    for (i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
        s.data = (const unsigned char *) controls[i];
        s.len = strlen(controls[i]);
        assert_int_equal(alikassa_utf8_controls(&s), 1);
    }

    for (c = 0; c < 256; c++) {
        buf[0] = (unsigned char) c;
        s.data = buf;
        s.len = 1;
        assert_int_equal(alikassa_utf8_controls(&s), c < 0x20 || c == 0x7f);
        buf[0] = 0xc2;
        buf[1] = (unsigned char) c;
        s.len = 2;
        assert_int_equal(alikassa_utf8_controls(&s),
                         c < 0x20 || (c >= 0x7f && c <= 0x9f));
    }

    /* the byte after the end is not read */

    buf[1] = 0x85;
    s.len = 1;
    assert_int_equal(alikassa_utf8_controls(&s), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(texts_are_checked_and_characters_counted),
        cmocka_unit_test(empty_text_is_well_formed),
        cmocka_unit_test(every_code_point_is_decoded),
        cmocka_unit_test(malformed_sequences_are_not_decoded),
        cmocka_unit_test(four_byte_sequences_are_checked_by_range),
        cmocka_unit_test(control_characters_are_found),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
