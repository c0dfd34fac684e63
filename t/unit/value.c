
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for alikassa_value.c.
 */


#include "test.h"

#include <inttypes.h>
#include <regex.h>

#include "alikassa_value.h"


typedef struct {
    const char           *text;
    size_t                len;
    const char           *canonical;        /* NULL: not an amount */
} test_amount_t;


typedef struct {
    const char           *text;
    size_t                len;
} test_text_t;


typedef int (*test_judge_pt)(const alikassa_str_t *value);


#define test_amount(s, canonical)  { s, sizeof(s) - 1, canonical }
#define test_no_amount(s)  { s, sizeof(s) - 1, NULL }
#define test_text(s)  { s, sizeof(s) - 1 }


static const test_amount_t  test_amounts[] = {

    test_amount("0.01", "0.01"), test_amount("0.1", "0.1"),
    test_amount("0.10", "0.1"), test_amount("0.99", "0.99"),
    test_amount("1", "1"), test_amount("1.0", "1"), test_amount("1.00", "1"),
    test_amount("1.01", "1.01"), test_amount("9", "9"),
    test_amount("10", "10"), test_amount("10.0", "10"),
    test_amount("100", "100"), test_amount("100.5", "100.5"),
    test_amount("100.50", "100.5"), test_amount("100.05", "100.05"),
    test_amount("1000.00", "1000"), test_amount("150000.50", "150000.5"),
    test_amount("999999999", "999999999"),
    test_amount("999999999.9", "999999999.9"),
    test_amount("999999999.99", "999999999.99"),
    test_amount("100000000.00", "100000000"),

    /* zeros after the second decimal */

    test_amount("150000.0000", "150000"), test_amount("10.000", "10"),
    test_amount("10.100", "10.1"), test_amount("0.010", "0.01"),
    test_amount("0.0100000", "0.01"), test_amount("999999999.9900",
                                                  "999999999.99"),
    test_amount("1.0000000000000000000000000000000000000000000000000", "1"),

    /* no digit */

    test_no_amount(""), test_no_amount("."), test_no_amount(".."),
    test_no_amount("-"), test_no_amount("+"), test_no_amount("e"),

    /* too small, too large */

    test_no_amount("0"), test_no_amount("0.0"), test_no_amount("0.00"),
    test_no_amount("0.000"), test_no_amount("0.001"), test_no_amount("0.009"),
    test_no_amount("1000000000"), test_no_amount("1000000000.00"),
    test_no_amount("9999999999"), test_no_amount("12345678901"),
    test_no_amount("123456789012"), test_no_amount("999999999.999"),
    test_no_amount("999999999999999999999999999999999999999999"),
    test_no_amount("18446744073709551617"),

    /* more than two decimals: amounts are never rounded */

    test_no_amount("10.001"), test_no_amount("10.0010"),
    test_no_amount("10.101"), test_no_amount("10.999"),
    test_no_amount("0.0100001"), test_no_amount("999999999.990001"),
    test_no_amount("1.0000000000000000000000000000000000000000000000001"),
    test_no_amount("10.0000x"), test_no_amount("10.0000 "),
    test_no_amount("10.0000.0"), test_no_amount("10.000\0"),

    /* one point at most, with digits on both sides */

    test_no_amount("1."), test_no_amount(".5"), test_no_amount(".50"),
    test_no_amount("1..5"), test_no_amount("1.5."), test_no_amount("1.5.5"),
    test_no_amount("1.2.3.4"),

    /* leading zeros */

    test_no_amount("00"), test_no_amount("01"), test_no_amount("007"),
    test_no_amount("00.5"), test_no_amount("01.50"), test_no_amount("0100"),
    test_no_amount("000000000.01"),

    /* signs */

    test_no_amount("-5"), test_no_amount("-0"), test_no_amount("-0.01"),
    test_no_amount("+1"), test_no_amount("+0.01"), test_no_amount("1-"),
    test_no_amount("1.-5"), test_no_amount("1.+5"),
    test_no_amount("\xe2\x88\x92" "1"),

    /* other ways to write a number */

    test_no_amount("1e2"), test_no_amount("1E2"), test_no_amount("1e+2"),
    test_no_amount("1.5e3"), test_no_amount("1e0"), test_no_amount("0x1"),
    test_no_amount("0X1F"), test_no_amount("1f"), test_no_amount("0b1"),
    test_no_amount("0o7"), test_no_amount("1,000.00"), test_no_amount("1,5"),
    test_no_amount("1.000,00"), test_no_amount("1 000"),
    test_no_amount("1'000"), test_no_amount("1_000"),
    test_no_amount("1\xc2\xa0" "000"), test_no_amount("$1"),
    test_no_amount("1 IDR"), test_no_amount("Rp1"), test_no_amount("1%"),
    test_no_amount("1/2"), test_no_amount("\xd9\xa1"),
    test_no_amount("\xef\xbc\x91"), test_no_amount("1\xef\xbc\x8e" "5"),
    test_no_amount("NaN"), test_no_amount("nan"), test_no_amount("inf"),
    test_no_amount("INF"), test_no_amount("Infinity"), test_no_amount("null"),
    test_no_amount("true"),

    /* white space, NUL and malformed UTF-8 */

    test_no_amount(" 5"), test_no_amount("5 "), test_no_amount("\t5"),
    test_no_amount("5\n"), test_no_amount("5\r\n"), test_no_amount("5. 5"),
    test_no_amount("5 .5"), test_no_amount("5\0"), test_no_amount("5\0" "5"),
    test_no_amount("5.5\0"), test_no_amount("\0" "5"), test_no_amount("\xff"),
    test_no_amount("5\xff"),

    { NULL, 0, NULL }
};


static const test_text_t  test_integers[] = {
    test_text("1"), test_text("9"), test_text("10"), test_text("100"),
    test_text("4294967296"), test_text("9007199254740993"),
    test_text("999999999999999999"), test_text("1000000000000000000"),
    test_text("8999999999999999999"), test_text("9199999999999999999"),
    test_text("9223372036854775799"), test_text("9223372036854775806"),
    test_text("9223372036854775807"),
    { NULL, 0 }
};


static const test_text_t  test_no_integers[] = {
    test_text(""), test_text("0"), test_text("00"), test_text("01"),
    test_text("0000000000000000001"), test_text("00000000000000000001"),
    test_text("9223372036854775808"), test_text("9223372036854775810"),
    test_text("9223372036854776000"), test_text("9300000000000000000"),
    test_text("9999999999999999999"), test_text("10000000000000000000"),
    test_text("18446744073709551616"), test_text("18446744073709551617"),
    test_text("100000000000000000000000000000000000001"), test_text("-1"),
    test_text("-9223372036854775808"), test_text("+1"), test_text("1.0"),
    test_text("1."), test_text(".1"), test_text("1e3"), test_text("1E3"),
    test_text("0x10"), test_text("1,000"), test_text("1_000"), test_text(" 1"),
    test_text("1 "), test_text("1\n"), test_text("1\0"), test_text("\0" "1"),
    test_text("1a"), test_text("a"), test_text("12/"), test_text("12:"),
    test_text("922337203685477580:"), test_text("922337203685477580/"),
    test_text("NaN"), test_text("true"), test_text("\xef\xbc\x91"),
    { NULL, 0 }
};


static const test_text_t  test_ips[] = {
    test_text("0.0.0.0"), test_text("1.2.3.4"), test_text("127.0.0.1"),
    test_text("203.0.113.195"), test_text("255.255.255.255"), test_text("::"),
    test_text("::1"), test_text("1::"), test_text("2001:db8::1"),
    test_text("2001:DB8::A"),
    test_text("2001:0db8:0000:0000:0000:0000:0000:0001"),
    test_text("1:2:3:4:5:6:7:8"), test_text("1:2:3:4:5:6:7::"),
    test_text("::2:3:4:5:6:7:8"), test_text("::ffff:1.2.3.4"),
    test_text("::1.2.3.4"), test_text("64:ff9b::192.0.2.33"),
    test_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    test_text("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"),
    { NULL, 0 }
};


static const test_text_t  test_no_ips[] = {
    test_text(""), test_text(" "), test_text("."), test_text("..."),
    test_text(":"), test_text(":::"), test_text("1"), test_text("2130706433"),
    test_text("1.2"), test_text("1.2.3"), test_text("1.2.3."),
    test_text(".1.2.3"), test_text("1..2.3"), test_text("1.2.3.4."),
    test_text("1.2.3.4.5"), test_text("256.1.1.1"), test_text("1.1.1.256"),
    test_text("1.1.1.1000"), test_text("1.2.3.-4"), test_text("+1.2.3.4"),
    test_text("01.2.3.4"), test_text("1.2.3.04"), test_text("1.2.3.00"),
    test_text("0x7f.0.0.1"), test_text("0177.0.0.1"), test_text("1,2,3,4"),
    test_text("a.b.c.d"), test_text(" 1.2.3.4"), test_text("1.2.3.4 "),
    test_text("1.2.3.4\n"), test_text("1.2.3.4\0"), test_text("1.2.3.4\0" "5"),
    test_text("\0" "1.2.3.4"), test_text("1.2.3.4:80"),
    test_text("1.2.3.4/32"), test_text("1.2.3.4, 5.6.7.8"),
    test_text("localhost"), test_text("unix:"), test_text("unknown"),
    test_text("1:2:3:4:5:6:7"), test_text("1:2:3:4:5:6:7:8:9"),
    test_text("1:2:3:4:5:6:7:8::"), test_text("1::2::3"), test_text(":1"),
    test_text("1:"), test_text(":1:2:3:4:5:6:7"), test_text("12345::"),
    test_text("::g"), test_text("::1 "), test_text(" ::1"), test_text("::1\0"),
    test_text("[::1]"), test_text("[::1]:80"), test_text("::1/128"),
    test_text("::1%0"), test_text("fe80::1%eth0"), test_text("::ffff:1.2.3"),
    test_text("::ffff:1.2.3.256"), test_text("1.2.3.4::"),
    test_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"),
    test_text("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555"),
    test_text("00000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"),
    test_text("\xff"),
    { NULL, 0 }
};


/* valid after "https:" and "http:" */

static const test_text_t  test_urls[] = {
    test_text("//a"), test_text("//a/"), test_text("//a.b"),
    test_text("//a.b."), test_text("//localhost"),
    test_text("//shop.example/return?order=1&x=%20#top"),
    test_text("//shop.example?q"), test_text("//shop.example#f"),
    test_text("//SHOP.Example/"), test_text("//a-b.c_d.0"),
    test_text("//xn--80ak6aa92e.com/"),
    test_text("//t\xc3\xb6k\xc3\xb6.example/"), test_text("//1.2.3.4/"),
    test_text("//1.2.3.4:8080/"), test_text("//a:1"), test_text("//a:0/"),
    test_text("//a:/"), test_text("//a:65535/"), test_text("//a:00443/"),
    test_text("//[::1]"), test_text("//[::1]/"),
    test_text("//[2001:DB8::a]:443/x"), test_text("//[::ffff:1.2.3.4]?q"),
    test_text("//a/b@c"), test_text("//a?b@c"), test_text("//a#b@c"),
    test_text("//a/:80:80"), test_text("//a/\xd0\xb6"),
    test_text("//a/~!$&()*+,;=-._[]{}|^`%zz"), test_text("//a//b//"),
    test_text("//a/http://b"), test_text("//a??##"),

    /* each character of a path, query and fragment of RFC 3986 */

    test_text("//a/-._~!$&'()*+,;=:@/%2F?-._~!$&'()*+,;=:@/?#-._~!$&'()*+,;"
              "=:@/?%27"),
    test_text("//a/'"), test_text("//a/o'neil?n='x'#'"),
    { NULL, 0 }
};


/* invalid after both "https:" and "http:" */

static const test_text_t  test_no_urls[] = {
    test_text(""), test_text("/"), test_text("//"), test_text("///"),
    test_text("///a"), test_text("//?"), test_text("//#a"), test_text("//?a"),
    test_text("/a"), test_text("a"), test_text("a/b"), test_text(" //a"),
    test_text("\\\\a"), test_text("/\\a"), test_text("//:"),
    test_text("//:80"), test_text("//:80/"), test_text("//."),
    test_text("//.a"), test_text("//..a"), test_text("//a..b"),
    test_text("//a.b.."), test_text("//a:65536"), test_text("//a:99999/"),
    test_text("//a:000080"), test_text("//a:4294967376"), test_text("//a:80a"),
    test_text("//a:a80"), test_text("//a:8:0"), test_text("//a::80"),
    test_text("//a:-1"), test_text("//a:+80"), test_text("//a%2e"),
    test_text("//%61"), test_text("//a!b"), test_text("//a$"),
    test_text("//a&b"), test_text("//a(b)"), test_text("//a*"),
    test_text("//*.a"), test_text("//a,b"), test_text("//a;b"),
    test_text("//a=b"), test_text("//a`b"), test_text("//a{b}"),
    test_text("//a|b"), test_text("//a^b"), test_text("//a~b"),
    test_text("//a[b]"), test_text("//[]"), test_text("//["),
    test_text("//[::1"), test_text("//[::1/"), test_text("//[::1]a"),
    test_text("//[::1]80"), test_text("//[::1]:65536"), test_text("//[::1]:x"),
    test_text("//[::1].a"), test_text("//[::g]"), test_text("//[::`]"),
    test_text("//[::@]"), test_text("//[fe80::1%25eth0]"), test_text("//]"),
    test_text("//u@"), test_text("//u@/"), test_text("//u:p@:80/"),
    test_text("//a b"), test_text("//a/b c"), test_text("//a/b\tc"),
    test_text("//a/b\nc"), test_text("//a/b\rc"),
    test_text("//a/\r\nSet-Cookie:x"), test_text("//a/b\0c"),
    test_text("//a\0"), test_text("//a/\""), test_text("//a'b/"),
    test_text("//a/<"), test_text("//a/>"), test_text("//a/\\"),
    test_text("//a\\@b"), test_text("//a/?\x7f"), test_text("//a/#\x01"),
    { NULL, 0 }
};


/* URLs of other schemes, and texts that are no URLs */

static const test_text_t  test_other_urls[] = {
    test_text(""), test_text("h"), test_text("http"), test_text("http:"),
    test_text("https"), test_text("a.b/c"), test_text("/a"), test_text("//a"),
    test_text("?a"), test_text("ftp://a"), test_text("ws://a"),
    test_text("httpx://a"), test_text("httpss://a"), test_text("http s://a"),
    test_text("shttp://a"), test_text(" https://a"), test_text("\thttps://a"),
    test_text("\xef\xbb\xbfhttps://a"), test_text("https://a "),
    test_text("https://a\n"), test_text("https;//a"), test_text("https:\\\\a"),
    test_text("https:/a"), test_text("https:a"), test_text("https%3a//a"),
    test_text("HTTP\x13://a"), test_text("javascript:alert(1)"),
    test_text("javascript://a/%0aalert(1)"), test_text("data:text/html,x"),
    test_text("file:///etc/passwd"), test_text("mailto:a@b.c"),
    test_text("blob:https://a"),
    { NULL, 0 }
};


static int
test_judge(test_judge_pt judge, const char *text, size_t len)
{
    int             rc;
    alikassa_str_t  s;

    s = test_copy(text, len);
    rc = judge(&s);

    test_pool_free();

    return rc;
}


static int
test_any_url(const alikassa_str_t *value)
{
    return alikassa_url(value, 0);
}


static int
test_https_url(const alikassa_str_t *value)
{
    return alikassa_url(value, 1);
}


static int
test_is_amount(const alikassa_str_t *value)
{
    alikassa_str_t  out;

    return alikassa_amount(value, &out);
}


static void
test_judge_all(test_judge_pt judge, const test_text_t *t, int expected)
{
    for ( /* void */ ; t->text; t++) {

        if (test_judge(judge, t->text, t->len) != expected) {
            fail_msg("\"%s\" is %s", t->text,
                     expected ? "refused" : "accepted");
        }
    }
}


static void
test_amount_is(const char *text, size_t len, const char *canonical)
{
    alikassa_str_t  s, out;

    s = test_copy(text, len);

    if (!alikassa_amount(&s, &out)) {
        fail_msg("amount \"%s\" is refused", text);
    }

    if (out.len != strlen(canonical)
        || memcmp(out.data, canonical, out.len) != 0)
    {
        fail_msg("amount \"%s\" is written as \"%.*s\"", text, (int) out.len,
                 out.data);
    }

    /* the result is a part of the input, not a copy */

    assert_ptr_equal(out.data, s.data);
    assert_true(out.len <= ALIKASSA_AMOUNT_LEN);

    /* the canonical text of a canonical text is itself */

    s = out;

    assert_int_equal(alikassa_amount(&s, &out), 1);
    assert_int_equal(out.len, s.len);

    test_pool_free();
}


static void
amounts_are_checked_and_made_canonical(void **state)
{
    const test_amount_t  *t;

    (void) state;

    for (t = test_amounts; t->text; t++) {

        if (t->canonical) {
            test_amount_is(t->text, t->len, t->canonical);

        } else if (test_judge(test_is_amount, t->text, t->len)) {
            fail_msg("amount \"%s\" is accepted", t->text);
        }
    }
}


static void
amounts_of_up_to_200_are_canonical(void **state)
{
    int   n, len;
    char  text[16], canonical[16];

    (void) state;

    for (n = 1; n < 20000; n++) {

        len = sprintf(text, "%d.%02d", n / 100, n % 100);

        if (n % 100 == 0) {
            sprintf(canonical, "%d", n / 100);
            test_amount_is(canonical, strlen(canonical), canonical);

        } else if (n % 10 == 0) {
            sprintf(canonical, "%d.%d", n / 100, n / 10 % 10);
            test_amount_is(canonical, strlen(canonical), canonical);

        } else {
            strcpy(canonical, text);
        }

        test_amount_is(text, (size_t) len, canonical);
    }
}


/*
 * Compares all texts of up to five of these characters with a regular
 * expression.
 */

static void
short_amounts_match_the_regex(void **state)
{
    char     text[8];
    long     n, i;
    int      len, expected;
    regex_t  form, zero;

    static const char  chars[] = "0159.-+eEx, ";

    (void) state;

    assert_int_equal(regcomp(&form,
                             "^(0|[1-9][0-9]{0,8})([.][0-9]{1,2}0*)?$",
                             REG_EXTENDED|REG_NOSUB), 0);
    assert_int_equal(regcomp(&zero, "^[0.]*$", REG_EXTENDED|REG_NOSUB), 0);

    for (n = 1; ; n++) {

        /* the digits of n, to a base of the number of characters plus one */

        for (i = n, len = 0; i; i /= (long) sizeof(chars)) {

            if (i % (long) sizeof(chars) == 0) {
                break;
            }

            text[len++] = chars[i % (long) sizeof(chars) - 1];
        }

        if (i) {
            continue;
        }

        if (len > 5) {
            break;
        }

        text[len] = '\0';

        expected = regexec(&form, text, 0, NULL, 0) == 0
                   && regexec(&zero, text, 0, NULL, 0) != 0;

        if (test_judge(test_is_amount, text, (size_t) len) != expected) {
            fail_msg("amount \"%s\" is %s", text,
                     expected ? "refused" : "accepted");
        }
    }

    regfree(&form);
    regfree(&zero);
}


static void
integers_are_positive_and_64_bit(void **state)
{
    (void) state;

    test_judge_all(alikassa_integer, test_integers, 1);
    test_judge_all(alikassa_integer, test_no_integers, 0);
}


static void
integers_above_int64_max_are_refused(void **state)
{
    int       len;
    char      text[32];
    uint64_t  n;

    (void) state;

    for (n = (uint64_t) INT64_MAX - 2000; n < (uint64_t) INT64_MAX + 2000;
         n++)
    {
        len = sprintf(text, "%" PRIu64, n);

        assert_int_equal(test_judge(alikassa_integer, text, (size_t) len),
                         n <= INT64_MAX);
    }

    for (n = 1; n < 1000; n++) {
        len = sprintf(text, "%" PRIu64, n);
        assert_int_equal(test_judge(alikassa_integer, text, (size_t) len), 1);
    }
}


/*
 * Tries each byte at each place of a valid amount and a valid integer.
 */

static void
other_bytes_than_digits_are_refused(void **state)
{
    int     c;
    char    text[16];
    size_t  i;

    (void) state;

    for (i = 0; i < 6; i++) {

        for (c = 0; c < 256; c++) {

            strcpy(text, "111.11");
            text[i] = (char) c;

            /* "1.1.11" has two points, "111.1." ends in a point */

            assert_int_equal(test_judge(test_is_amount, text, 6),
                             (i == 3) ? c == '.' || (c >= '0' && c <= '9')
                                      : c >= (i ? '0' : '1') && c <= '9');

            strcpy(text, "111111");
            text[i] = (char) c;

            assert_int_equal(test_judge(alikassa_integer, text, 6),
                             c >= (i ? '0' : '1') && c <= '9');
        }
    }
}


static void
ipv4_and_ipv6_addresses_are_accepted(void **state)
{
    (void) state;

    test_judge_all(alikassa_ip, test_ips, 1);
    test_judge_all(alikassa_ip, test_no_ips, 0);
}


static void
ipv4_octets_above_255_are_refused(void **state)
{
    int   n, i, len;
    char  text[64];

    static const char *const  forms[] = {
        "%d.1.1.1", "1.%d.1.1", "1.1.%d.1", "1.1.1.%d", "::%d.1.1.1",
        "1:2:3:4:5:6:1.1.1.%d"
    };

    (void) state;

    for (i = 0; i < 6; i++) {

        for (n = 0; n < 1100; n++) {
            len = sprintf(text, forms[i], n);
            assert_int_equal(test_judge(alikassa_ip, text, (size_t) len),
                             n < 256);
        }
    }
}


static void
urls_must_be_absolute_http_or_https(void **state)
{
    size_t              i;
    char                text[128];
    const test_text_t  *t;

    static const char *const  schemes[] = {
        "http:", "HTTP:", "hTTp:", "https:", "HTTPS:", "Https:"
    };

    (void) state;

    for (i = 0; i < 6; i++) {

        for (t = test_urls; t->text; t++) {

            sprintf(text, "%s%s", schemes[i], t->text);

            if (!test_judge(test_any_url, text, strlen(text))) {
                fail_msg("\"%s\" is refused", text);
            }

            /* a payer is redirected to https only */

            if (test_judge(test_https_url, text, strlen(text)) != (i > 2)) {
                fail_msg("\"%s\" is %s for payers", text,
                         (i > 2) ? "refused" : "accepted");
            }
        }

        for (t = test_no_urls; t->text; t++) {

            strcpy(text, schemes[i]);
            memcpy(text + strlen(schemes[i]), t->text, t->len + 1);

            if (test_judge(test_any_url, text, strlen(schemes[i]) + t->len)
                || test_judge(test_https_url, text,
                              strlen(schemes[i]) + t->len))
            {
                fail_msg("\"%s\" is accepted", text);
            }
        }
    }

    test_judge_all(test_any_url, test_other_urls, 0);
    test_judge_all(test_https_url, test_other_urls, 0);
}


static void
payer_url_with_a_user_name_is_refused(void **state)
{
    const test_text_t  *t;

    static const test_text_t  users[] = {
        test_text("https://u@a"), test_text("https://u@a/"),
        test_text("https://@a"), test_text("https://u:p@a:80/x?y"),
        test_text("https://alikassa.com@evil.example/"),
        test_text("https://alikassa.com:443@evil.example/"),
        test_text("https://u@v@a"), test_text("https://u@[::1]:80"),
        { NULL, 0 }
    };

    (void) state;

    for (t = users; t->text; t++) {
        assert_int_equal(test_judge(test_any_url, t->text, t->len), 1);
        assert_int_equal(test_judge(test_https_url, t->text, t->len), 0);
    }
}


/*
 * Tries each byte in a path, and in a host.
 */

static void
bytes_of_paths_and_hosts_are_checked(void **state)
{
    int   c, expected;
    char  text[16];

    (void) state;

    for (c = 0; c < 256; c++) {

        strcpy(text, "https://a/bcd");
        text[11] = (char) c;

        expected = c > 0x20 && c != 0x7f
                   && (c == 0 || strchr("\"<>\\", c) == NULL);

        assert_int_equal(test_judge(test_any_url, text, 13), expected);
        assert_int_equal(test_judge(test_https_url, text, 13), expected);

        /* a byte that ends the authority begins a path, query or fragment */

        strcpy(text, "https://a?bc");
        text[9] = (char) c;

        expected = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                   || (c >= '0' && c <= '9') || c >= 0x80
                   || (c && strchr("-_./?#", c) != NULL);

        assert_int_equal(test_judge(test_https_url, text, 12), expected);
    }
}


static void
ports_above_65535_are_refused(void **state)
{
    int   n, len;
    char  text[32];

    (void) state;

    for (n = 0; n < 110000; n += (n < 65000 || n > 66000) ? 97 : 1) {

        len = sprintf(text, "https://a:%d/", n);
        assert_int_equal(test_judge(test_https_url, text, (size_t) len),
                         n < 65536);

        len = sprintf(text, "http://[::]:%d", n);
        assert_int_equal(test_judge(test_any_url, text, (size_t) len),
                         n < 65536);
    }
}


/*
 * alikassa_url() has no limit of length: the field has one.
 */

static void
long_urls_are_accepted(void **state)
{
    char    text[4096];
    size_t  len;

    (void) state;

    memset(text, 'a', sizeof(text));
    memcpy(text, "https://a/", 10);

    for (len = 9; len <= sizeof(text); len += 61) {
        assert_int_equal(test_judge(test_https_url, text, len), 1);
    }
}


/*
 * Tries each byte at each place of a UUID, and each length.
 */

static void
uuids_have_one_format(void **state)
{
    int     c;
    char    text[128];
    size_t  i, n;

    static const char  uuid[] = "bd291fe1-5c19-4113-ae62-a2d3c4d01d20";

    static const test_text_t  right[] = {
        test_text("bd291fe1-5c19-4113-ae62-a2d3c4d01d20"),
        test_text("BD291FE1-5C19-4113-AE62-A2D3C4D01D20"),
        test_text("Bd291fE1-5c19-4113-aE62-a2D3c4d01D20"),
        test_text("00000000-0000-0000-0000-000000000000"),
        test_text("ffffffff-ffff-ffff-ffff-ffffffffffff"),
        { NULL, 0 }
    };

    static const test_text_t  wrong[] = {
        test_text(""), test_text("bd291fe15c194113ae62a2d3c4d01d20"),
        test_text("{bd291fe1-5c19-4113-ae62-a2d3c4d01d20}"),
        test_text("{d291fe1-5c19-4113-ae62-a2d3c4d01d2}"),
        test_text("urn:uuid:bd291fe1-5c19-4113-ae62-a2d3c4d01d20"),
        test_text("bd291fe15-c19-4113-ae62-a2d3c4d01d20"),
        test_text("bd291fe1-5c19-4113-ae62a-2d3c4d01d20"),
        test_text("bd291fe1-5c19-4113-ae62--2d3c4d01d20"),
        test_text("------------------------------------"),
        test_text("bd291fe1 5c19 4113 ae62 a2d3c4d01d20"),
        test_text("bd291fe1-5c19-4113-ae62-a2d3c4d01d20 "),
        test_text(" bd291fe1-5c19-4113-ae62-a2d3c4d01d2"),
        { NULL, 0 }
    };

    (void) state;

    assert_int_equal(sizeof(uuid) - 1, ALIKASSA_UUID_LEN);

    test_judge_all(alikassa_uuid, right, 1);
    test_judge_all(alikassa_uuid, wrong, 0);

    sprintf(text, "%s%s", uuid, uuid);

    for (n = 0; n <= 2 * ALIKASSA_UUID_LEN; n++) {
        assert_int_equal(test_judge(alikassa_uuid, text, n),
                         n == ALIKASSA_UUID_LEN);
    }

    for (i = 0; i < ALIKASSA_UUID_LEN; i++) {

        for (c = 0; c < 256; c++) {

            strcpy(text, uuid);
            text[i] = (char) c;

            n = (uuid[i] == '-')
                ? c == '-'
                : c && strchr("0123456789abcdefABCDEF", c) != NULL;

            assert_int_equal(test_judge(alikassa_uuid, text,
                                        ALIKASSA_UUID_LEN), n);
        }
    }
}


static void
empty_text_is_no_value(void **state)
{
    alikassa_str_t  none = alikassa_null_string;
    alikassa_str_t  out;

    (void) state;

    assert_int_equal(alikassa_amount(&none, &out), 0);
    assert_int_equal(alikassa_integer(&none), 0);
    assert_int_equal(alikassa_ip(&none), 0);
    assert_int_equal(alikassa_url(&none, 0), 0);
    assert_int_equal(alikassa_url(&none, 1), 0);
    assert_int_equal(alikassa_uuid(&none), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(amounts_are_checked_and_made_canonical),
        cmocka_unit_test(amounts_of_up_to_200_are_canonical),
        cmocka_unit_test(short_amounts_match_the_regex),
        cmocka_unit_test(integers_are_positive_and_64_bit),
        cmocka_unit_test(integers_above_int64_max_are_refused),
        cmocka_unit_test(other_bytes_than_digits_are_refused),
        cmocka_unit_test(ipv4_and_ipv6_addresses_are_accepted),
        cmocka_unit_test(ipv4_octets_above_255_are_refused),
        cmocka_unit_test(urls_must_be_absolute_http_or_https),
        cmocka_unit_test(payer_url_with_a_user_name_is_refused),
        cmocka_unit_test(bytes_of_paths_and_hosts_are_checked),
        cmocka_unit_test(ports_above_65535_are_refused),
        cmocka_unit_test(long_urls_are_accepted),
        cmocka_unit_test(uuids_have_one_format),
        cmocka_unit_test(empty_text_is_no_value),
    };

    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
