
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * A JSON tree as PHP's json_encode() writes it with its default flags.
 */


#include <stdio.h>
#include <stdlib.h>
#include <math.h>

#include "alikassa_json.h"
#include "alikassa_json_string.h"


/* the shortest digits of a double, and the longest text that PHP prints */
#define ALIKASSA_NUMBER_DIGITS  17
#define ALIKASSA_NUMBER_TEXT    64

/*
 * Two numbers of at most 15 digits are never the same double, so none of them
 * has a shorter text.  This holds from 10^-307 and below 10^308.
 */
#define ALIKASSA_NUMBER_EXACT      15
#define ALIKASSA_NUMBER_MIN_POINT  (-306)
#define ALIKASSA_NUMBER_MAX_POINT  308

/* a greater exponent is outside the range of a double */
#define ALIKASSA_NUMBER_EXPONENT  100000


/*
 * A decimal number: 0.digits * 10^point, without leading or trailing zeros
 * among the digits; no digits: zero.
 */

typedef struct {
    unsigned char            digits[ALIKASSA_JSON_MAX_NUMBER];
    size_t                   ndigits;
    long                     point;
    unsigned                 negative:1;
    unsigned                 integer:1;     /* neither point nor exponent */
} alikassa_decimal_t;


/* where the next byte goes; with dst NULL only the length counts */

typedef struct {
    unsigned char           *dst;
    size_t                   len;
    size_t                   converted;     /* numbers */
    const alikassa_json_t   *json;
    alikassa_errmsg_t       *errmsg;
} alikassa_writer_t;


static alikassa_rc_t alikassa_json_write_value(alikassa_writer_t *w,
    const cJSON *item);
static void alikassa_json_write_bytes(alikassa_writer_t *w, const char *s,
    size_t len);
static void alikassa_json_write_chars(alikassa_writer_t *w, const char *s);
static alikassa_rc_t alikassa_json_write_number(alikassa_writer_t *w,
    const cJSON *item);
static int alikassa_decimal_read(alikassa_decimal_t *d,
    const alikassa_str_t *text);
static int alikassa_decimal_int64(const alikassa_decimal_t *d);
static int alikassa_decimal_exact(const alikassa_decimal_t *d);
static int alikassa_decimal_shortest(const alikassa_decimal_t *d,
    alikassa_decimal_t *shortest);
static int alikassa_decimal_next(alikassa_decimal_t *shortest, size_t n,
    double value);
static double alikassa_decimal_double(const alikassa_decimal_t *d);
static size_t alikassa_decimal_print(const alikassa_decimal_t *d, char *text);


alikassa_rc_t
alikassa_json_reencode(const alikassa_pool_t *pool,
    const alikassa_str_t *text, alikassa_str_t *out,
    alikassa_errmsg_t *errmsg)
{
    alikassa_rc_t      rc;
    alikassa_json_t    json;
    alikassa_writer_t  w;

    if (text->len > ALIKASSA_JSON_MAX_REENCODED) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                 "an object of more than %d bytes",
                 ALIKASSA_JSON_MAX_REENCODED);
        return ALIKASSA_DECLINED;
    }

    rc = alikassa_json_parse(text, &json, errmsg);

    if (rc != ALIKASSA_OK) {
        return rc;
    }

    if (!cJSON_IsObject(json.root)) {
        alikassa_json_free(&json);
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN, "not a JSON object");
        return ALIKASSA_DECLINED;
    }

    w.dst = NULL;
    w.len = 0;
    w.converted = 0;
    w.json = &json;
    w.errmsg = errmsg;

    rc = alikassa_json_write_value(&w, json.root);

    if (rc == ALIKASSA_OK) {

        w.dst = alikassa_alloc(pool, w.len);

        if (w.dst == NULL) {
            snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN, "no memory");
            rc = ALIKASSA_ERROR;

        } else {
            w.len = 0;
            w.converted = 0;
            rc = alikassa_json_write_value(&w, json.root);
        }
    }

    alikassa_json_free(&json);

    if (rc == ALIKASSA_OK) {
        out->len = w.len;
        out->data = w.dst;
    }

    return rc;
}


/*
 * Writes an item and its children.  The parser has limited the depth.
 */

static alikassa_rc_t
alikassa_json_write_value(alikassa_writer_t *w, const cJSON *item)
{
    alikassa_rc_t   rc;
    const cJSON    *child;

    switch (item->type & 0xff) {

    case cJSON_NULL:
        alikassa_json_write_bytes(w, "null", 4);
        return ALIKASSA_OK;

    case cJSON_True:
        alikassa_json_write_bytes(w, "true", 4);
        return ALIKASSA_OK;

    case cJSON_False:
        alikassa_json_write_bytes(w, "false", 5);
        return ALIKASSA_OK;

    case cJSON_String:
        alikassa_json_write_chars(w, item->valuestring);
        return ALIKASSA_OK;

    case cJSON_Number:
        return alikassa_json_write_number(w, item);

    case cJSON_Array:
    case cJSON_Object:
        break;

    default:
        snprintf(w->errmsg->text, ALIKASSA_ERRMSG_LEN,
                 "an unexpected value in the JSON tree");
        return ALIKASSA_ERROR;
    }

    alikassa_json_write_bytes(w, cJSON_IsArray(item) ? "[" : "{", 1);

    for (child = item->child; child != NULL; child = child->next) {

        if (child != item->child) {
            alikassa_json_write_bytes(w, ",", 1);
        }

        if (cJSON_IsObject(item)) {
            alikassa_json_write_chars(w, child->string);
            alikassa_json_write_bytes(w, ":", 1);
        }

        rc = alikassa_json_write_value(w, child);

        if (rc != ALIKASSA_OK) {
            return rc;
        }
    }

    alikassa_json_write_bytes(w, cJSON_IsArray(item) ? "]" : "}", 1);

    return ALIKASSA_OK;
}


static void
alikassa_json_write_bytes(alikassa_writer_t *w, const char *s, size_t len)
{
    if (w->dst != NULL) {
        memcpy(w->dst + w->len, s, len);
    }

    w->len += len;
}


static void
alikassa_json_write_chars(alikassa_writer_t *w, const char *s)
{
    alikassa_str_t  v;

    v.len = strlen(s);
    v.data = (const unsigned char *) s;

    w->len += alikassa_json_write_string(w->dst ? w->dst + w->len : NULL, &v);
}


/*
 * Writes a number as PHP does.  PHP reads an integer of 64 bits as an integer
 * and any other number as a double, and prints a double with the fewest digits
 * that read back the same.  A number that PHP would change is refused, and so
 * is "-0", which PHP prints in two ways.
 */

static alikassa_rc_t
alikassa_json_write_number(alikassa_writer_t *w, const cJSON *item)
{
    size_t                 len;
    char                   text[ALIKASSA_NUMBER_TEXT];
    alikassa_decimal_t     d, shortest;
    const alikassa_str_t  *number;

    number = alikassa_json_number(w->json, item);

    if (!alikassa_decimal_read(&d, number)) {
        goto refused;
    }

    if (d.integer && alikassa_decimal_int64(&d)) {
        alikassa_json_write_bytes(w, (const char *) number->data, number->len);
        return ALIKASSA_OK;
    }

    if (!alikassa_decimal_exact(&d)) {

        if (++w->converted > ALIKASSA_JSON_MAX_CONVERTED) {
            snprintf(w->errmsg->text, ALIKASSA_ERRMSG_LEN,
                     "more than %d numbers of 16 digits or more, "
                     "send strings", ALIKASSA_JSON_MAX_CONVERTED);
            return ALIKASSA_DECLINED;
        }

        if (!alikassa_decimal_shortest(&d, &shortest)) {
            goto refused;
        }
    }

    len = alikassa_decimal_print(&d, text);
    alikassa_json_write_bytes(w, text, len);

    return ALIKASSA_OK;

refused:

    snprintf(w->errmsg->text, ALIKASSA_ERRMSG_LEN,
             "a number that PHP would change, send fewer digits "
             "or a string");

    return ALIKASSA_DECLINED;
}


/*
 * Reads a checked JSON number.  Returns 0 if it has too many digits, too large
 * an exponent, or is minus zero.
 */

static int
alikassa_decimal_read(alikassa_decimal_t *d, const alikassa_str_t *text)
{
    int                   negative, point;
    long                  e;
    const unsigned char  *p, *last;

    memset(d, 0, sizeof(alikassa_decimal_t));

    if (text->len > ALIKASSA_JSON_MAX_NUMBER) {
        return 0;
    }

    p = text->data;
    last = p + text->len;

    d->integer = 1;

    if (p < last && *p == '-') {
        d->negative = 1;
        p++;
    }

    for (point = 0; p < last; p++) {

        if (*p == '.') {
            point = 1;
            d->integer = 0;
            continue;
        }

        if (*p == 'e' || *p == 'E') {
            break;
        }

        if (d->ndigits == 0 && *p == '0') {

            /* a leading zero: after the point it moves the rest */

            d->point -= point;
            continue;
        }

        if (d->ndigits == ALIKASSA_JSON_MAX_NUMBER) {
            return 0;
        }

        d->digits[d->ndigits++] = *p;
        d->point += !point;
    }

    if (p < last) {

        d->integer = 0;
        negative = 0;
        e = 0;

        for (p++; p < last; p++) {

            if (*p == '-' || *p == '+') {
                negative = (*p == '-');
                continue;
            }

            e = e * 10 + (*p - '0');

            if (e > ALIKASSA_NUMBER_EXPONENT) {
                return 0;
            }
        }

        d->point += negative ? -e : e;
    }

    while (d->ndigits && d->digits[d->ndigits - 1] == '0') {
        d->ndigits--;
    }

    if (d->ndigits == 0) {
        d->point = 0;

        /* minus zero */

        return !d->negative;
    }

    return 1;
}


static int
alikassa_decimal_int64(const alikassa_decimal_t *d)
{
    static const char  max[] = "9223372036854775807";
    static const char  min[] = "9223372036854775808";

    int          i;
    char         digit;
    const char  *limit;

    if (d->point != (long) sizeof(max) - 1) {
        return d->point < (long) sizeof(max) - 1;
    }

    limit = d->negative ? min : max;

    for (i = 0; i < (int) sizeof(max) - 1; i++) {

        digit = (size_t) i < d->ndigits ? (char) d->digits[i] : '0';

        if (digit != limit[i]) {
            return digit < limit[i];
        }
    }

    return 1;
}


/*
 * Tells whether d is certainly the shortest text of its double; the double is
 * not computed.
 */

static int
alikassa_decimal_exact(const alikassa_decimal_t *d)
{
    return d->ndigits <= ALIKASSA_NUMBER_EXACT
           && d->point >= ALIKASSA_NUMBER_MIN_POINT
           && d->point <= ALIKASSA_NUMBER_MAX_POINT;
}


/*
 * Finds the fewest digits that read back as the same double.  Returns 0 if
 * their value differs from d.
 */

static int
alikassa_decimal_shortest(const alikassa_decimal_t *d,
    alikassa_decimal_t *shortest)
{
    int     n;
    double  value;
    char    text[ALIKASSA_NUMBER_TEXT];

    if (d->ndigits == 0) {
        *shortest = *d;
        return 1;
    }

    if (d->ndigits > ALIKASSA_NUMBER_DIGITS) {
        return 0;
    }

    value = alikassa_decimal_double(d);

    if (!isfinite(value) || value == 0) {
        return 0;
    }

    /* fewer digits than d has are another number than d, however few */

    n = (d->ndigits > ALIKASSA_NUMBER_EXACT) ? ALIKASSA_NUMBER_EXACT : 1;

    for ( /* void */ ; n <= ALIKASSA_NUMBER_DIGITS; n++) {

        /* the second character may be a locale's own point */

        snprintf(text, sizeof(text), "%.*e", n - 1, fabs(value));

        memset(shortest, 0, sizeof(alikassa_decimal_t));

        shortest->digits[0] = (unsigned char) text[0];
        memcpy(&shortest->digits[1], &text[2], (size_t) n - 1);
        shortest->ndigits = (size_t) n;
        shortest->negative = d->negative;
        shortest->point = strtol(strchr(text, 'e') + 1, NULL, 10) + 1;

        while (shortest->digits[shortest->ndigits - 1] == '0') {
            shortest->ndigits--;
        }

        if (alikassa_decimal_double(shortest) == value
            || alikassa_decimal_next(shortest, (size_t) n, value))
        {
            break;
        }
    }

    return shortest->ndigits == d->ndigits
           && shortest->point == d->point
           && memcmp(shortest->digits, d->digits, d->ndigits) == 0;
}


/*
 * Tries the next greater text of n digits.  Below a power of two doubles are
 * twice as close as above it, so the nearest text may read back as another
 * double while the next one reads back right.  Returns 1 and sets *shortest if
 * it does.
 */

static int
alikassa_decimal_next(alikassa_decimal_t *shortest, size_t n, double value)
{
    size_t              i;
    alikassa_decimal_t  next;

    next = *shortest;

    /* the zeros that were cut off are still there */

    for (i = n; i > 0 && next.digits[i - 1] == '9'; i--) {
        next.digits[i - 1] = '0';
    }

    if (i == 0) {
        return 0;
    }

    next.digits[i - 1]++;
    next.ndigits = i;

    if (alikassa_decimal_double(&next) != value) {
        return 0;
    }

    *shortest = next;

    return 1;
}


/*
 * Returns the double.  The text has digits and an exponent but no point, so
 * that no locale matters.
 */

static double
alikassa_decimal_double(const alikassa_decimal_t *d)
{
    char  text[ALIKASSA_JSON_MAX_NUMBER + ALIKASSA_NUMBER_TEXT];

    snprintf(text, sizeof(text), "%s%.*se%ld", d->negative ? "-" : "",
             (int) d->ndigits, (const char *) d->digits,
             d->point - (long) d->ndigits);

    return strtod(text, NULL);
}


/*
 * Prints d as PHP's php_gcvt() does with 17 digits: with an exponent from 10^17
 * and below 10^-4.  text has room for the digits, as many zeros and the
 * exponent.  Returns the length.
 */

static size_t
alikassa_decimal_print(const alikassa_decimal_t *d, char *text)
{
    long    i, n, exponent;
    char   *p;

    p = text;
    n = (long) d->ndigits;

    if (d->negative) {
        *p++ = '-';
    }

    if (n == 0) {
        *p++ = '0';
        return (size_t) (p - text);
    }

    if (d->point < -3 || d->point > ALIKASSA_NUMBER_DIGITS) {

        exponent = d->point - 1;

        *p++ = (char) d->digits[0];
        *p++ = '.';

        if (n == 1) {
            *p++ = '0';
        }

        for (i = 1; i < n; i++) {
            *p++ = (char) d->digits[i];
        }

        p += sprintf(p, "e%+ld", exponent);

        return (size_t) (p - text);
    }

    if (d->point <= 0) {

        *p++ = '0';
        *p++ = '.';

        for (i = d->point; i < 0; i++) {
            *p++ = '0';
        }

        for (i = 0; i < n; i++) {
            *p++ = (char) d->digits[i];
        }

        return (size_t) (p - text);
    }

    for (i = 0; i < d->point || i < n; i++) {

        if (i == d->point) {
            *p++ = '.';
        }

        *p++ = (i < n) ? (char) d->digits[i] : '0';
    }

    return (size_t) (p - text);
}
