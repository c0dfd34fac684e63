
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The forms of single values.
 */


#include <arpa/inet.h>

#include "alikassa_value.h"


/* digits before and after the point of decimal (11.2) */
#define ALIKASSA_AMOUNT_WHOLE  9
#define ALIKASSA_AMOUNT_CENTS  2

/* 2^63 - 1 */
#define ALIKASSA_INTEGER_MAX  "9223372036854775807"


static int alikassa_url_scheme(const alikassa_str_t *value, const char *scheme,
    size_t *len);
static int alikassa_url_port(const unsigned char *p,
    const unsigned char *last);
static int alikassa_digit(unsigned char c);


int
alikassa_amount(const alikassa_str_t *value, alikassa_str_t *out)
{
    size_t                whole, cents;
    unsigned              some;
    const unsigned char  *p, *last, *end;

    p = value->data;
    last = p + value->len;
    some = 0;
    whole = 0;
    cents = 0;

    while (p < last && alikassa_digit(*p)) {
        some |= (*p != '0');
        whole++;
        p++;
    }

    if (whole == 0 || whole > ALIKASSA_AMOUNT_WHOLE
        || (whole > 1 && value->data[0] == '0'))
    {
        return 0;
    }

    end = p;

    if (p < last) {

        if (*p++ != '.') {
            return 0;
        }

        while (p < last && alikassa_digit(*p)) {

            if (cents < ALIKASSA_AMOUNT_CENTS) {
                cents++;

            } else if (*p != '0') {
                return 0;
            }

            if (*p++ != '0') {
                some = 1;
                end = p;
            }
        }

        if (p < last || cents == 0) {
            return 0;
        }
    }

    if (!some) {
        return 0;
    }

    out->data = value->data;
    out->len = (size_t) (end - value->data);

    return 1;
}


int
alikassa_integer(const alikassa_str_t *value)
{
    size_t  i;

    if (value->len == 0
        || value->len > sizeof(ALIKASSA_INTEGER_MAX) - 1
        || value->data[0] == '0')
    {
        return 0;
    }

    for (i = 0; i < value->len; i++) {

        if (!alikassa_digit(value->data[i])) {
            return 0;
        }
    }

    return value->len < sizeof(ALIKASSA_INTEGER_MAX) - 1
           || memcmp(value->data, ALIKASSA_INTEGER_MAX, value->len) <= 0;
}


int
alikassa_ip(const alikassa_str_t *value)
{
    char             text[INET6_ADDRSTRLEN];
    struct in_addr   in;
    struct in6_addr  in6;

    if (value->len == 0 || value->len >= sizeof(text)
        || memchr(value->data, '\0', value->len) != NULL)
    {
        return 0;
    }

    memcpy(text, value->data, value->len);
    text[value->len] = '\0';

    return inet_pton(AF_INET, text, &in) == 1
           || inet_pton(AF_INET6, text, &in6) == 1;
}


int
alikassa_url(const alikassa_str_t *value, int https_only)
{
    size_t                len, i;
    unsigned              label;
    const unsigned char  *p, *last, *end, *host;

    if (value->len == 0) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {

        switch (value->data[i]) {

        case '"':
        case '<':
        case '>':
        case '\\':
        case 0x7f:
            return 0;
        }

        if (value->data[i] <= ' ') {
            return 0;
        }
    }

    if (!alikassa_url_scheme(value, "https://", &len)
        && (https_only || !alikassa_url_scheme(value, "http://", &len)))
    {
        return 0;
    }

    p = value->data + len;
    last = value->data + value->len;

    for (end = p; end < last; end++) {
        if (*end == '/' || *end == '?' || *end == '#') {
            break;
        }
    }

    for (host = p; p < end; p++) {

        if (*p == '@') {

            if (https_only) {
                return 0;
            }

            host = p + 1;
        }
    }

    if (host < end && *host == '[') {

        for (p = host + 1; p < end && *p != ']'; p++) {
            if (*p != ':' && *p != '.' && !alikassa_digit(*p)
                && !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f'))
            {
                return 0;
            }
        }

        if (p == end || p == host + 1) {
            return 0;
        }

        return alikassa_url_port(p + 1, end);
    }

    label = 0;

    for (p = host; p < end && *p != ':'; p++) {

        if (*p == '.') {

            if (!label) {
                return 0;
            }

            label = 0;
            continue;
        }

        /* letters, digits, "-", "_" and non-ASCII characters of IDNA */

        if (!alikassa_digit(*p) && *p != '-' && *p != '_' && *p < 0x80
            && !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'))
        {
            return 0;
        }

        label = 1;
    }

    return p > host && alikassa_url_port(p, end);
}


static int
alikassa_url_scheme(const alikassa_str_t *value, const char *scheme,
    size_t *len)
{
    size_t         i, n;
    unsigned char  c;

    n = strlen(scheme);

    if (value->len < n) {
        return 0;
    }

    for (i = 0; i < n; i++) {

        c = value->data[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (c != (unsigned char) scheme[i]) {
            return 0;
        }
    }

    *len = n;

    return 1;
}


/*
 * Tells whether p is nothing, or ":" and at most five digits.
 */

static int
alikassa_url_port(const unsigned char *p, const unsigned char *last)
{
    long  port;

    if (p == last) {
        return 1;
    }

    if (*p++ != ':' || last - p > 5) {
        return 0;
    }

    for (port = 0; p < last; p++) {

        if (!alikassa_digit(*p)) {
            return 0;
        }

        port = port * 10 + (*p - '0');
    }

    return port <= 65535;
}


int
alikassa_uuid(const alikassa_str_t *value)
{
    size_t         i;
    unsigned char  c;

    if (value->len != ALIKASSA_UUID_LEN) {
        return 0;
    }

    for (i = 0; i < ALIKASSA_UUID_LEN; i++) {

        c = value->data[i];

        if (i == 8 || i == 13 || i == 18 || i == 23) {

            if (c != '-') {
                return 0;
            }

            continue;
        }

        if (!alikassa_digit(c)
            && !((c | 0x20) >= 'a' && (c | 0x20) <= 'f'))
        {
            return 0;
        }
    }

    return 1;
}


static int
alikassa_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}
