
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "alikassa_json_string.h"
#include "alikassa_utf8.h"


static size_t alikassa_json_code(unsigned char *dst, unsigned c);
static size_t alikassa_json_escape(unsigned char *dst, unsigned char c);
static unsigned char *alikassa_json_hex(unsigned char *dst, unsigned c);


/* see alikassa_json_string.h; "/" has only the first bit */

const unsigned char  alikassa_json_chars[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 0, 0, 4, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    7, 3, 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3
};


static const unsigned char  alikassa_json_digits[] = "0123456789abcdef";


int
alikassa_json_plain(const alikassa_str_t *s)
{
    const unsigned char  *last;

    if (s->len == 0) {
        return 1;
    }

    last = s->data + s->len;

    return alikassa_json_span(s->data, last, ALIKASSA_JSON_PLAIN) == last;
}


size_t
alikassa_json_write_string(unsigned char *dst, const alikassa_str_t *src)
{
    size_t                len, n;
    int32_t               c;
    unsigned char        *d;
    const unsigned char  *p, *last, *run;

    d = dst;
    len = 2;

    if (d != NULL) {
        *d++ = '"';
    }

    p = src->data;
    last = p + src->len;

    while (p < last) {

        /* most characters need no escape */

        run = p;
        p = alikassa_json_span(p, last, ALIKASSA_JSON_PLAIN);

        n = (size_t) (p - run);
        len += n;

        if (d != NULL && n) {
            memcpy(d, run, n);
            d += n;
        }

        if (p == last) {
            break;
        }

        if (*p < 0x80) {
            n = alikassa_json_escape(d, *p++);
            len += n;

            if (d != NULL) {
                d += n;
            }

            continue;
        }

        c = alikassa_utf8_decode(&p, last);

        if (c < 0) {
            c = 0xfffd;
        }

        if (c > 0xffff) {
            len += 12;

            if (d != NULL) {
                c -= 0x10000;
                d = alikassa_json_hex(d, 0xd800 + ((unsigned) c >> 10));
                d = alikassa_json_hex(d, 0xdc00 + ((unsigned) c & 0x3ff));
            }

            continue;
        }

        len += 6;

        if (d != NULL) {
            d = alikassa_json_hex(d, (unsigned) c);
        }
    }

    if (d != NULL) {
        *d = '"';
    }

    return len;
}


size_t
alikassa_json_write_escaped(unsigned char *dst, const alikassa_str_t *src,
    unsigned escape)
{
    size_t                len, n;
    int32_t               c;
    unsigned              bit;
    const unsigned char  *p, *last, *start;

    bit = (escape & ALIKASSA_JSON_ESCAPE_SLASH) ? ALIKASSA_JSON_PLAIN
                                                : ALIKASSA_JSON_CHAR;
    len = 1;

    if (dst != NULL) {
        dst[0] = '"';
    }

    p = src->data;
    last = p + src->len;

    while (p < last) {

        start = p;
        p = alikassa_json_span(p, last, bit);

        if (p == start) {

            if (*p < 0x80) {
                len += alikassa_json_escape(dst ? &dst[len] : NULL, *p++);
                continue;
            }

            c = alikassa_utf8_decode(&p, last);

            if (c < 0 || (escape & ALIKASSA_JSON_ESCAPE_UNICODE)
                || ((c == 0x2028 || c == 0x2029)
                    && (escape & ALIKASSA_JSON_ESCAPE_LINES)))
            {
                len += alikassa_json_code(dst ? &dst[len] : NULL,
                                          (c < 0) ? 0xfffd : (unsigned) c);
                continue;
            }
        }

        n = (size_t) (p - start);

        if (dst != NULL) {
            memcpy(&dst[len], start, n);
        }

        len += n;
    }

    if (dst != NULL) {
        dst[len] = '"';
    }

    return len + 1;
}


/*
 * Writes a code point as \uxxxx, or as two of them, and returns the length.
 */

static size_t
alikassa_json_code(unsigned char *dst, unsigned c)
{
    if (c <= 0xffff) {

        if (dst != NULL) {
            (void) alikassa_json_hex(dst, c);
        }

        return 6;
    }

    if (dst != NULL) {
        c -= 0x10000;
        dst = alikassa_json_hex(dst, 0xd800 + (c >> 10));
        (void) alikassa_json_hex(dst, 0xdc00 + (c & 0x3ff));
    }

    return 12;
}


/*
 * Writes an ASCII character that is not plain, and returns the length.
 */

static size_t
alikassa_json_escape(unsigned char *dst, unsigned char c)
{
    unsigned char  letter;

    switch (c) {

    case '\b':
        letter = 'b';
        break;

    case '\f':
        letter = 'f';
        break;

    case '\n':
        letter = 'n';
        break;

    case '\r':
        letter = 'r';
        break;

    case '\t':
        letter = 't';
        break;

    case '"':
    case '\\':
    case '/':
        letter = c;
        break;

    default:

        if (dst != NULL) {
            (void) alikassa_json_hex(dst, c);
        }

        return 6;
    }

    if (dst != NULL) {
        dst[0] = '\\';
        dst[1] = letter;
    }

    return 2;
}


static unsigned char *
alikassa_json_hex(unsigned char *dst, unsigned c)
{
    *dst++ = '\\';
    *dst++ = 'u';
    *dst++ = alikassa_json_digits[(c >> 12) & 0xf];
    *dst++ = alikassa_json_digits[(c >> 8) & 0xf];
    *dst++ = alikassa_json_digits[(c >> 4) & 0xf];
    *dst++ = alikassa_json_digits[c & 0xf];

    return dst;
}
