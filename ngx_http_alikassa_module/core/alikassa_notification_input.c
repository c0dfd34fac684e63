
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Reading a notification from a query, a form or a JSON object, and refusing
 * what two parsers could read differently.
 */


#include "alikassa_form.h"
#include "alikassa_json.h"
#include "alikassa_notification_input.h"
#include "alikassa_notification_internal.h"
#include "alikassa_utf8.h"


/* bits of a pair, see alikassa_notification_scan() */
#define ALIKASSA_NOTIFICATION_BARE    1
#define ALIKASSA_NOTIFICATION_BEHIND  2

/* 2^53 - 1, the greatest integer that JavaScript keeps exact */
#define ALIKASSA_NOTIFICATION_MAX_NUMBER  "9007199254740991"


static const char *alikassa_notification_path(const alikassa_str_t *uri);
static const char *alikassa_notification_scan(const alikassa_str_t *text,
    unsigned char *pairs);
static const char *alikassa_notification_pair(const unsigned char *p,
    const unsigned char *last, unsigned *bits);
static alikassa_rc_t alikassa_notification_add(
    alikassa_notification_t *notification, const alikassa_inputs_t *inputs,
    const unsigned char *pairs, int may_sign, alikassa_errmsg_t *errmsg);
static const char *alikassa_notification_add_signed(
    alikassa_notification_t *notification, const alikassa_input_t *input,
    int place, alikassa_str_t *value);
static const char *alikassa_notification_add_extra(
    const alikassa_notification_t *notification,
    const alikassa_input_t *input, int json);
static int alikassa_notification_is_wide(const alikassa_str_t *number);
static int alikassa_notification_is_value(const alikassa_str_t *a,
    const alikassa_str_t *b);


static const alikassa_str_t  alikassa_notification_json =
    alikassa_string("application/json");
static const alikassa_str_t  alikassa_notification_form =
    alikassa_string("application/x-www-form-urlencoded");
static const alikassa_str_t  alikassa_notification_charset =
    alikassa_string("charset=utf-8");
static const alikassa_str_t  alikassa_notification_quoted =
    alikassa_string("charset=\"utf-8\"");


alikassa_rc_t
alikassa_notification_uri(const alikassa_str_t *uri, alikassa_errmsg_t *errmsg)
{
    const char  *why;

    if (uri->len == 0) {
        return ALIKASSA_OK;
    }

    if (memchr(uri->data, '#', uri->len) != NULL) {
        return alikassa_notification_refuse(errmsg, "the URL has a fragment");
    }

    if (memchr(uri->data, ';', uri->len) != NULL) {
        return alikassa_notification_refuse(errmsg,
                                            "a semicolon is not escaped");
    }

    why = alikassa_notification_path(uri);

    if (why != NULL) {
        return alikassa_notification_refuse(errmsg, why);
    }

    return ALIKASSA_OK;
}


/*
 * Checks the path as it was sent.  nginx's $uri is the path without escapes,
 * empty segments and segments of dots.  Only a path that equals its $uri is
 * the same for the location, for "rewrite" and "try_files", which may put it
 * into a query, and for the shop; "&" and "=" would add parameters to that
 * query.  Returns what is wrong, or NULL.
 */

static const char *
alikassa_notification_path(const alikassa_str_t *uri)
{
    size_t                len;
    const unsigned char  *p, *last, *segment;

    p = uri->data;
    last = memchr(p, '?', uri->len);

    if (last == NULL) {
        last = p + uri->len;
    }

    segment = p;

    for ( /* void */ ; p <= last; p++) {

        if (p == last || *p == '/') {
            len = (size_t) (p - segment);

            if ((len == 0 && p != uri->data && p != last)
                || (len == 1 && segment[0] == '.')
                || (len == 2 && segment[0] == '.' && segment[1] == '.'))
            {
                return "the path has an empty segment, \".\" or \"..\"";
            }

            segment = p + 1;
            continue;
        }

        if (*p == '%') {
            return "the path has an escape";
        }

        if (*p <= ' ' || *p >= 0x7f
            || strchr("&=\"<>[\\]^`{|}", *p) != NULL)
        {
            return "the path has a character that a query or other parsers "
                   "might take for a separator";
        }
    }

    return NULL;
}


alikassa_media_type_t
alikassa_notification_media(const alikassa_str_t *type)
{
    size_t                 i, n;
    alikassa_str_t         param;
    unsigned char          c, buf[64];
    alikassa_media_type_t  media;

    if (type->len > sizeof(buf)) {
        return ALIKASSA_MEDIA_OTHER;
    }

    for (n = 0; n < type->len && type->data[n] != ';'; n++) { /* void */ }

    for (i = 0; i < type->len; i++) {
        c = type->data[i];
        buf[i] = (c >= 'A' && c <= 'Z') ? (unsigned char) (c | 0x20) : c;
    }

    param.data = buf;
    param.len = n;

    if (alikassa_str_eq(&param, &alikassa_notification_json)) {
        media = ALIKASSA_MEDIA_JSON;

    } else if (alikassa_str_eq(&param, &alikassa_notification_form)) {
        media = ALIKASSA_MEDIA_FORM;

    } else {
        return ALIKASSA_MEDIA_OTHER;
    }

    if (n == type->len) {
        return media;
    }

    n++;

    if (n < type->len && buf[n] == ' ') {
        n++;
    }

    param.data = &buf[n];
    param.len = type->len - n;

    return (alikassa_str_eq(&param, &alikassa_notification_charset)
            || alikassa_str_eq(&param, &alikassa_notification_quoted))
           ? media : ALIKASSA_MEDIA_OTHER;
}


alikassa_rc_t
alikassa_notification_add_form(const alikassa_pool_t *pool,
    alikassa_notification_t *notification, const alikassa_str_t *text,
    int may_sign, alikassa_errmsg_t *errmsg)
{
    const char         *why;
    alikassa_rc_t       rc;
    alikassa_inputs_t   inputs;
    unsigned char       pairs[ALIKASSA_NOTIFICATION_MAX_INPUTS];

    why = alikassa_notification_scan(text, pairs);

    if (why != NULL) {
        return alikassa_notification_refuse(errmsg, why);
    }

    rc = alikassa_form_decode(pool, text, &inputs, errmsg);

    if (rc != ALIKASSA_OK) {
        return rc;
    }

    return alikassa_notification_add(notification, &inputs, pairs, may_sign,
                                     errmsg);
}


/*
 * Checks the text as it was sent, and sets the bits of each pair that is not
 * empty:
 * - the pair has no "=": its value is null for some parsers, absent for others
 * - a "?" precedes the pair, and some parsers look for the query behind it
 *
 * Empty pairs count, as they do in the limits of other parsers.  Returns what
 * is wrong, or NULL.
 */

static const char *
alikassa_notification_scan(const alikassa_str_t *text, unsigned char *pairs)
{
    size_t                n, count;
    unsigned              bits, behind;
    const char           *why;
    const unsigned char  *p, *amp, *last;

    if (text->len == 0) {
        return NULL;
    }

    p = text->data;
    last = p + text->len;

    n = 0;
    behind = 0;

    for (count = 1; /* void */ ; count++) {

        if (count > ALIKASSA_NOTIFICATION_MAX_INPUTS) {
            return "too many parameters";
        }

        amp = memchr(p, '&', (size_t) (last - p));

        if (amp == NULL) {
            amp = last;
        }

        bits = 0;
        why = alikassa_notification_pair(p, amp, &bits);

        if (why != NULL) {
            return why;
        }

        if (amp > p) {
            pairs[n++] = (unsigned char)
                         ((bits & ALIKASSA_NOTIFICATION_BARE) | behind);
        }

        behind |= bits & ALIKASSA_NOTIFICATION_BEHIND;

        if (amp == last) {
            return NULL;
        }

        p = amp + 1;
    }
}


static const char *
alikassa_notification_pair(const unsigned char *p, const unsigned char *last,
    unsigned *bits)
{
    *bits = ALIKASSA_NOTIFICATION_BARE;

    for ( /* void */ ; p < last; p++) {

        switch (*p) {

        case '=':

            if (*bits & ALIKASSA_NOTIFICATION_BEHIND) {
                return "a \"=\" stands behind a question mark that is not "
                       "escaped";
            }

            *bits &= ~ (unsigned) ALIKASSA_NOTIFICATION_BARE;
            break;

        case '?':
            *bits |= ALIKASSA_NOTIFICATION_BEHIND;
            break;

        case ';':
            return "a semicolon is not escaped";

        case '[':
        case ']':
            return "a bracket is not escaped";

        case '%':

            if (last - p < 3 || alikassa_form_hex(p[1]) < 0
                || alikassa_form_hex(p[2]) < 0)
            {
                return "an escape is malformed";
            }

            p += 2;
            break;

        default:

            if (*p <= ' ' || *p >= 0x7f) {
                return "a space, a control or a non-ASCII character is not "
                       "escaped";
            }

            break;
        }
    }

    return NULL;
}


alikassa_rc_t
alikassa_notification_add_json(const alikassa_pool_t *pool,
    alikassa_notification_t *notification, const alikassa_str_t *text,
    alikassa_errmsg_t *errmsg)
{
    alikassa_rc_t      rc;
    alikassa_inputs_t  inputs;

    rc = alikassa_json_decode(pool, text, &inputs, errmsg);

    if (rc != ALIKASSA_OK) {
        return rc;
    }

    return alikassa_notification_add(notification, &inputs, NULL, 1, errmsg);
}


static alikassa_rc_t
alikassa_notification_add(alikassa_notification_t *notification,
    const alikassa_inputs_t *inputs, const unsigned char *pairs, int may_sign,
    alikassa_errmsg_t *errmsg)
{
    int                      place;
    size_t                   i;
    unsigned                 bits;
    const char              *why;
    alikassa_str_t          *value;
    const alikassa_input_t  *input;

    if (inputs->nelts + notification->first.nelts
        > ALIKASSA_NOTIFICATION_MAX_INPUTS)
    {
        return alikassa_notification_refuse(errmsg, "too many parameters");
    }

    for (i = 0; i < inputs->nelts; i++) {

        input = &inputs->elts[i];
        bits = pairs ? pairs[i] : 0;

        place = alikassa_notification_find(notification->fields, &input->name);

        if (place >= 0) {
            value = &notification->values[place];

        } else if (alikassa_notification_is_sign(&input->name)) {
            place = ALIKASSA_NOTIFICATION_SIGN;
            value = &notification->sign;

        } else {
            value = NULL;
        }

        if (value == NULL) {
            why = alikassa_notification_add_extra(notification, input,
                                                  pairs == NULL);

        } else if (!may_sign) {
            why = "a signed parameter stands in the query, and there is a "
                  "body";

        } else if (bits & ALIKASSA_NOTIFICATION_BARE) {
            why = "a signed parameter has no \"=\"";

        } else if ((bits & ALIKASSA_NOTIFICATION_BEHIND)
                   && place != ALIKASSA_NOTIFICATION_SIGN)
        {
            why = "a signed parameter stands behind a question mark that is "
                  "not escaped";

        } else {
            why = alikassa_notification_add_signed(notification, input, place,
                                                   value);
        }

        if (why != NULL) {
            return alikassa_notification_refuse(errmsg, why);
        }
    }

    notification->first = *inputs;

    return ALIKASSA_OK;
}


/*
 * Sets a value.  Returns what is wrong, or NULL.
 */

static const char *
alikassa_notification_add_signed(alikassa_notification_t *notification,
    const alikassa_input_t *input, int place, alikassa_str_t *value)
{
    uint64_t                            bit;
    const alikassa_notification_row_t  *row;

    bit = UINT64_C(1) << place;

    row = (place != ALIKASSA_NOTIFICATION_SIGN)
          ? alikassa_notification_row(place) : NULL;

    if (input->repeated || (notification->seen & bit)) {
        return "a parameter is repeated";
    }

    notification->seen |= bit;

    switch (input->type) {

    case ALIKASSA_VALUE_NULL:
        return NULL;

    case ALIKASSA_VALUE_STRING:
        break;

    case ALIKASSA_VALUE_NUMBER:

        if (row == NULL || !row->integer) {
            return "a number stands where text is signed";
        }

        if (alikassa_notification_is_wide(&input->value)) {
            return "a number is above 2^53 - 1, which not all parsers keep";
        }

        break;

    case ALIKASSA_VALUE_BOOLEAN:

        if (row == NULL || !row->boolean) {
            return "a parameter is not text";
        }

        notification->booleans |= bit;
        break;

    default:
        return "a parameter is not text";
    }

    /* a NUL is allowed here, so "malformed" is not used */

    if (!alikassa_utf8_check(&input->value, NULL)) {
        return "a parameter is not UTF-8";
    }

    value->len = input->value.len;
    value->data = input->value.len ? input->value.data
                                   : (const unsigned char *) "";

    return NULL;
}


/*
 * Checks a parameter that is not signed, whose value could change how a parser
 * reads the others: repeated parameters fill the limit of a parser, objects are
 * merged, an escape sequence makes PHP's mbstring assume another charset, and a
 * parser that reads JSON as a form finds more parameters.  Returns what is
 * wrong, or NULL.
 */

static const char *
alikassa_notification_add_extra(const alikassa_notification_t *notification,
    const alikassa_input_t *input, int json)
{
    size_t         i;
    unsigned char  c;

    if (!alikassa_notification_is_harmless(notification->fields, &input->name))
    {
        return "a parameter's name might be taken for a signed one";
    }

    if (!alikassa_notification_is_extra(notification->extra, &input->name)) {
        return "a parameter is not signed, allow it with \"unsigned=name\" "
               "if the URL you gave AliKassa has it";
    }

    if (input->repeated
        || alikassa_inputs_find(&notification->first, &input->name) != NULL)
    {
        return "a parameter is repeated";
    }

    switch (input->type) {

    case ALIKASSA_VALUE_STRING:
    case ALIKASSA_VALUE_NUMBER:
    case ALIKASSA_VALUE_BOOLEAN:
    case ALIKASSA_VALUE_NULL:
        break;

    default:
        return "a parameter is not text";
    }

    if (!alikassa_utf8_check(&input->value, NULL)) {
        return "a parameter is not UTF-8";
    }

    for (i = 0; i < input->value.len; i++) {

        c = input->value.data[i];

        if (c < 0x20 || c == 0x7f) {
            return "a parameter has control characters";
        }

        if (json && (c == '&' || c == '=' || c == ';')) {
            return "a parameter in JSON that is not signed has a form's "
                   "separator";
        }
    }

    return NULL;
}


static int
alikassa_notification_is_wide(const alikassa_str_t *number)
{
    size_t  n;

    n = sizeof(ALIKASSA_NOTIFICATION_MAX_NUMBER) - 1;

    return number->len > n
           || (number->len == n
               && memcmp(number->data, ALIKASSA_NOTIFICATION_MAX_NUMBER, n)
                  > 0);
}


int
alikassa_notification_equal(const alikassa_notification_t *a,
    const alikassa_notification_t *b)
{
    size_t  i;

    for (i = 0; i < ALIKASSA_NOTIFICATION_VALUES; i++) {
        if (!alikassa_notification_is_value(&a->values[i], &b->values[i])) {
            return 0;
        }
    }

    return a->seen == b->seen && a->booleans == b->booleans
           && alikassa_notification_is_value(&a->sign, &b->sign);
}


/*
 * Tells whether both values are equal.  An absent value is not an empty one.
 */

static int
alikassa_notification_is_value(const alikassa_str_t *a,
    const alikassa_str_t *b)
{
    if (a->data == NULL || b->data == NULL) {
        return a->data == b->data;
    }

    return alikassa_str_eq(a, b);
}
