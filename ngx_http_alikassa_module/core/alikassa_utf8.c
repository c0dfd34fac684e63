
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * UTF-8 by RFC 3629.
 */


#include "alikassa_utf8.h"


#define ALIKASSA_UTF8_HIGH_BITS  UINT64_C(0x8080808080808080)


int
alikassa_utf8_check(const alikassa_str_t *s, size_t *chars)
{
    size_t                n;
    uint64_t              word;
    const unsigned char  *p, *last;

    n = 0;

    if (s->len) {

        p = s->data;
        last = p + s->len;

        while (p < last) {

            if ((size_t) (last - p) >= sizeof(uint64_t)) {

                memcpy(&word, p, sizeof(uint64_t));

                if ((word & ALIKASSA_UTF8_HIGH_BITS) == 0) {
                    p += sizeof(uint64_t);
                    n += sizeof(uint64_t);
                    continue;
                }
            }

            if (*p < 0x80) {
                p++;

            } else if (alikassa_utf8_decode(&p, last) < 0) {
                return 0;
            }

            n++;
        }
    }

    if (chars != NULL) {
        *chars = n;
    }

    return 1;
}


/*
 * The range of the second byte depends on the first byte, which excludes
 * overlong forms, surrogates and everything above U+10FFFF.
 */

int32_t
alikassa_utf8_decode(const unsigned char **p, const unsigned char *end)
{
    size_t                i, n;
    int32_t               code;
    unsigned char         c, from, to;
    const unsigned char  *s;

    s = *p;
    c = *s;

    *p = s + 1;

    if (c < 0x80) {
        return c;
    }

    from = 0x80;
    to = 0xbf;

    if (c >= 0xc2 && c <= 0xdf) {
        n = 1;
        code = c & 0x1f;

    } else if (c >= 0xe0 && c <= 0xef) {
        n = 2;
        code = c & 0x0f;

        if (c == 0xe0) {
            from = 0xa0;

        } else if (c == 0xed) {
            to = 0x9f;
        }

    } else if (c >= 0xf0 && c <= 0xf4) {
        n = 3;
        code = c & 0x07;

        if (c == 0xf0) {
            from = 0x90;

        } else if (c == 0xf4) {
            to = 0x8f;
        }

    } else {
        return -1;
    }

    if ((size_t) (end - s) <= n) {
        return -1;
    }

    for (i = 1; i <= n; i++) {

        c = s[i];

        if (c < from || c > to) {
            return -1;
        }

        from = 0x80;
        to = 0xbf;

        code = (code << 6) | (c & 0x3f);
    }

    *p = s + n + 1;

    return code;
}


int
alikassa_utf8_controls(const alikassa_str_t *s)
{
    size_t                i;
    const unsigned char  *p;

    p = s->data;

    for (i = 0; i < s->len; i++) {

        if (p[i] < 0x20 || p[i] == 0x7f) {
            return 1;
        }

        if (p[i] == 0xc2 && i + 1 < s->len
            && p[i + 1] >= 0x80 && p[i + 1] <= 0x9f)
        {
            return 1;
        }
    }

    return 0;
}
