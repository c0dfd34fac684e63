
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The names of the fields, and the names that other parsers could take for one
 * of them.
 */


#include <stdio.h>

#include "alikassa_form.h"
#include "alikassa_notification_internal.h"


static int alikassa_notification_is_name(const alikassa_str_t *name);
static int alikassa_notification_is_like(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name);
static int alikassa_notification_has_part(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name);
static alikassa_str_t alikassa_notification_strip(const alikassa_str_t *name);
static int alikassa_notification_is_signed(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name);
static int alikassa_notification_spells(const alikassa_str_t *name,
    const alikassa_str_t *to);
static int alikassa_notification_folds(const alikassa_str_t *name,
    const alikassa_str_t *to);
static unsigned char alikassa_notification_fold(unsigned char c);
static int alikassa_notification_is_safe(unsigned char c);
static int alikassa_notification_is_alnum(unsigned char c);
static alikassa_rc_t alikassa_notification_cookies(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *value,
    alikassa_errmsg_t *errmsg);
static int alikassa_notification_cookie(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name);


static const alikassa_notification_row_t  alikassa_notification_rows[] = {
    { alikassa_string("type"), 0, 0, 0, 0, 0 },
    { alikassa_string("id"), 1, 0, 0, 0, 0 },
    { alikassa_string("order_id"), 0, 0, 0, 0, 1 },
    { alikassa_string("payment_status"), 0, 0, 0, 0, 0 },
    { alikassa_string("amount"), 0, 0, 0, 0, 0 },
    { alikassa_string("payment_amount"), 0, 0, 0, 0, 0 },
    { alikassa_string("commission_amount"), 0, 0, 0, 1, 0 },
    { alikassa_string("is_partial_payment"), 0, 1, 0, 0, 0 },
    { alikassa_string("account"), 0, 0, 1, 0, 0 },
    { alikassa_string("service"), 0, 0, 0, 0, 0 },
    { alikassa_string("desc"), 0, 0, 0, 0, 1 }
};


/* the row of a configured field that is not documented */

static const alikassa_notification_row_t  alikassa_notification_other = {
    alikassa_null_string, 0, 1, 0, 0, 1
};


static const alikassa_notification_fields_t  alikassa_notification_eleven = {
    {
        alikassa_string("type"),
        alikassa_string("id"),
        alikassa_string("order_id"),
        alikassa_string("payment_status"),
        alikassa_string("amount"),
        alikassa_string("payment_amount"),
        alikassa_string("commission_amount"),
        alikassa_string("is_partial_payment"),
        alikassa_string("account"),
        alikassa_string("service"),
        alikassa_string("desc")
    },
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 },
    ALIKASSA_NOTIFICATION_NFIELDS, 1
};


/* the fields that every notification must have */

static const alikassa_notification_field_t  alikassa_notification_needed[] = {
    ALIKASSA_NOTIFICATION_ID,
    ALIKASSA_NOTIFICATION_ORDER_ID,
    ALIKASSA_NOTIFICATION_PAYMENT_STATUS
};


static const alikassa_str_t  alikassa_notification_sign_name =
    alikassa_string("sign");

static const alikassa_str_t  alikassa_notification_any = alikassa_string("*");


/*
 * Parameters that change how a framework reads the request: the charset (Java,
 * qs) or the method (Rails, Laravel, Symfony).
 */

static const alikassa_str_t  alikassa_notification_controls[] = {
    alikassa_string("_charset_"),
    alikassa_string("utf8"),
    alikassa_string("_method"),
    alikassa_null_string
};


/* headers that change the method */

static const alikassa_str_t  alikassa_notification_methods[] = {
    alikassa_string("x_http_method_override"),
    alikassa_string("x_http_method"),
    alikassa_string("x_method_override"),
    alikassa_null_string
};


static const alikassa_str_t  alikassa_notification_cookie_name =
    alikassa_string("cookie");


const alikassa_notification_fields_t *
alikassa_notification_default(void)
{
    return &alikassa_notification_eleven;
}


const alikassa_notification_row_t *
alikassa_notification_row(int place)
{
    return (place < ALIKASSA_NOTIFICATION_NFIELDS)
           ? &alikassa_notification_rows[place]
           : &alikassa_notification_other;
}


alikassa_rc_t
alikassa_notification_fields_set(alikassa_notification_fields_t *fields,
    const alikassa_str_t *names, size_t n, alikassa_errmsg_t *errmsg)
{
    int                    place;
    size_t                 i;
    const alikassa_str_t  *name;

    memset(fields, 0, sizeof(alikassa_notification_fields_t));

    if (n > ALIKASSA_NOTIFICATION_MAX_FIELDS) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                 "more than %d fields", ALIKASSA_NOTIFICATION_MAX_FIELDS);
        return ALIKASSA_DECLINED;
    }

    for (i = 0; i < n; i++) {

        name = &names[i];

        if (!alikassa_notification_is_name(name)) {
            snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                     "a field's name is a letter and then letters, digits "
                     "and \"_\", at most %d of them",
                     ALIKASSA_NOTIFICATION_MAX_NAME);
            return ALIKASSA_DECLINED;
        }

        if (alikassa_notification_folds(name,
                                        &alikassa_notification_sign_name))
        {
            return alikassa_notification_refuse(errmsg,
                                       "\"sign\" is the signature itself");
        }

        if (alikassa_notification_is_signed(fields, name)) {
            return alikassa_notification_refuse(errmsg, "a field is named "
                                       "twice, capitals are not told apart");
        }

        /* the index of a documented field does not depend on its position */

        place = alikassa_notification_find(&alikassa_notification_eleven,
                                           name);

        fields->names[i] = *name;
        fields->places[i] = (unsigned char) ((place >= 0) ? (size_t) place
                                       : ALIKASSA_NOTIFICATION_NFIELDS + i);
        fields->nelts++;
    }

    for (i = 0; i < sizeof(alikassa_notification_needed)
                    / sizeof(alikassa_notification_needed[0]); i++)
    {
        name = &alikassa_notification_rows
                                       [alikassa_notification_needed[i]].name;

        if (alikassa_notification_find(fields, name) < 0) {
            snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                     "\"%.*s\" is missing", (int) name->len,
                     (const char *) name->data);
            return ALIKASSA_DECLINED;
        }
    }

    return ALIKASSA_OK;
}


static int
alikassa_notification_is_name(const alikassa_str_t *name)
{
    size_t  i;

    if (name->len == 0 || name->len > ALIKASSA_NOTIFICATION_MAX_NAME
        || (name->data[0] >= '0' && name->data[0] <= '9'))
    {
        return 0;
    }

    for (i = 0; i < name->len; i++) {

        if (!alikassa_notification_is_alnum(name->data[i])
            && (name->data[i] != '_' || i == 0))
        {
            return 0;
        }
    }

    return 1;
}


int
alikassa_notification_find(const alikassa_notification_fields_t *fields,
    const alikassa_str_t *name)
{
    size_t  i;

    for (i = 0; i < fields->nelts; i++) {

        if (alikassa_str_eq(&fields->names[i], name)) {
            return fields->places[i];
        }
    }

    return -1;
}


int
alikassa_notification_find_lower(const alikassa_notification_fields_t *fields,
    const alikassa_str_t *name)
{
    size_t  i;

    for (i = 0; i < fields->nelts; i++) {

        if (alikassa_notification_folds(name, &fields->names[i])) {
            return fields->places[i];
        }
    }

    return -1;
}


int
alikassa_notification_signs_account(
    const alikassa_notification_fields_t *fields)
{
    size_t  i;

    for (i = 0; i < fields->nelts; i++) {

        if (alikassa_notification_row(fields->places[i])->account) {
            return 1;
        }
    }

    return 0;
}


int
alikassa_notification_is_sign(const alikassa_str_t *name)
{
    return alikassa_str_eq(name, &alikassa_notification_sign_name);
}


int
alikassa_notification_is_extra(const alikassa_notification_extra_t *extra,
    const alikassa_str_t *name)
{
    int     any;
    size_t  i;

    any = 0;

    for (i = 0; i < extra->nelts; i++) {

        if (alikassa_str_eq(&extra->elts[i], name)) {
            return 1;
        }

        if (alikassa_str_eq(&extra->elts[i], &alikassa_notification_any)) {
            any = 1;
        }
    }

    /* "*" does not allow a documented field that is not signed */

    return any && alikassa_notification_is_harmless(
                                        &alikassa_notification_eleven, name);
}


int
alikassa_notification_is_harmless(
    const alikassa_notification_fields_t *fields, const alikassa_str_t *name)
{
    size_t                 i;
    const alikassa_str_t  *control;

    if (name->len == 0) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        if (!alikassa_notification_is_safe(name->data[i])) {
            return 0;
        }
    }

    for (control = alikassa_notification_controls; control->len; control++) {
        if (alikassa_notification_folds(name, control)) {
            return 0;
        }
    }

    return !alikassa_notification_is_like(fields, name)
           && !alikassa_notification_has_part(fields, name);
}


/*
 * Tells whether some parser could turn this name into a signed one.  Case is
 * ignored, as ASP.NET and Go's JSON ignore it.
 *
 * PHP's php_register_variable_ex() skips leading spaces, ends the name at a NUL
 * and at a bracket that is closed, and turns spaces, dots and a bracket that is
 * not closed into "_".  Rack skips brackets at both ends.  Spring takes a
 * leading "_" or "!" as the marker of a field.  Zope and Rails have a type
 * after ":" and "(".
 */

static int
alikassa_notification_is_like(const alikassa_notification_fields_t *fields,
    const alikassa_str_t *name)
{
    size_t          i;
    unsigned char   c;
    alikassa_str_t  s;

    s = alikassa_notification_strip(name);

    if (alikassa_notification_is_signed(fields, &s)) {
        return 1;
    }

    for (i = 0; i < s.len; i++) {

        c = s.data[i];

        if (!alikassa_notification_is_alnum(c)
            && c != '_' && c != '-' && c != '.' && c != ' ')
        {
            break;
        }
    }

    s.len = i;
    s = alikassa_notification_strip(&s);

    return alikassa_notification_is_signed(fields, &s);
}


/*
 * Tells whether a part of the name is a signed name, as in "notice[order_id]"
 * and "notice.order_id": ASP.NET and others bind such a parameter to the field.
 */

static int
alikassa_notification_has_part(const alikassa_notification_fields_t *fields,
    const alikassa_str_t *name)
{
    size_t          i, start;
    alikassa_str_t  part;

    start = 0;

    for (i = 0; i <= name->len; i++) {

        if (i < name->len
            && (alikassa_notification_is_alnum(name->data[i])
                || name->data[i] == '_' || name->data[i] == '-'))
        {
            continue;
        }

        part.data = &name->data[start];
        part.len = i - start;

        part = alikassa_notification_strip(&part);

        if (alikassa_notification_is_signed(fields, &part)) {
            return 1;
        }

        start = i + 1;
    }

    return 0;
}


/*
 * Returns the name without characters at its ends that are neither letters nor
 * digits; a "_" at the end stays.
 */

static alikassa_str_t
alikassa_notification_strip(const alikassa_str_t *name)
{
    alikassa_str_t  s;

    s = *name;

    while (s.len && !alikassa_notification_is_alnum(s.data[0])) {
        s.data++;
        s.len--;
    }

    while (s.len && s.data[s.len - 1] != '_'
           && !alikassa_notification_is_alnum(s.data[s.len - 1]))
    {
        s.len--;
    }

    return s;
}


/*
 * Tells whether the name is a signed one or "sign" if only letters and digits
 * count, in any case: Jackson and others bind "orderId", "order-id" and
 * "orderid" to "order_id".
 */

static int
alikassa_notification_is_signed(const alikassa_notification_fields_t *fields,
    const alikassa_str_t *name)
{
    size_t  i;

    if (alikassa_notification_spells(name, &alikassa_notification_sign_name)) {
        return 1;
    }

    for (i = 0; i < fields->nelts; i++) {

        if (alikassa_notification_spells(name, &fields->names[i])) {
            return 1;
        }
    }

    return 0;
}


static int
alikassa_notification_spells(const alikassa_str_t *name,
    const alikassa_str_t *to)
{
    size_t  i, k;

    k = 0;

    for (i = 0; i < name->len; i++) {

        if (!alikassa_notification_is_alnum(name->data[i])) {
            continue;
        }

        while (k < to->len && !alikassa_notification_is_alnum(to->data[k])) {
            k++;
        }

        if (k == to->len
            || alikassa_notification_fold(name->data[i])
               != alikassa_notification_fold(to->data[k]))
        {
            return 0;
        }

        k++;
    }

    while (k < to->len && !alikassa_notification_is_alnum(to->data[k])) {
        k++;
    }

    return k == to->len;
}


static int
alikassa_notification_folds(const alikassa_str_t *name,
    const alikassa_str_t *to)
{
    size_t  i;

    if (name->len != to->len) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {

        if (alikassa_notification_fold(name->data[i])
            != alikassa_notification_fold(to->data[i]))
        {
            return 0;
        }
    }

    return 1;
}


static unsigned char
alikassa_notification_fold(unsigned char c)
{
    if (!alikassa_notification_is_alnum(c)) {
        return '_';
    }

    return (c >= 'A' && c <= 'Z') ? (unsigned char) (c | 0x20) : c;
}


/*
 * Tells whether all parsers read this character of a name in the same way: no
 * space, separator or control character, and only ASCII, since Go's JSON takes
 * some other letters for "s" and "k", and other parsers take wide letters for
 * ASCII ones.
 */

static int
alikassa_notification_is_safe(unsigned char c)
{
    return alikassa_notification_is_alnum(c)
           || (c != '\0' && strchr("_-.~[]:@$/!*(),", c) != NULL);
}


static int
alikassa_notification_is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z');
}


alikassa_rc_t
alikassa_notification_header(const alikassa_notification_fields_t *fields,
    const alikassa_str_t *name, const alikassa_str_t *value,
    alikassa_errmsg_t *errmsg)
{
    const alikassa_str_t  *method;

    if (alikassa_notification_folds(name, &alikassa_notification_cookie_name))
    {
        return alikassa_notification_cookies(fields, value, errmsg);
    }

    for (method = alikassa_notification_methods; method->len; method++) {

        if (alikassa_notification_folds(name, method)) {
            return alikassa_notification_refuse(errmsg,
                                       "a header asks for another method");
        }
    }

    return ALIKASSA_OK;
}


/*
 * Checks each cookie.  A cookie ends wherever some parser ends it.
 */

static alikassa_rc_t
alikassa_notification_cookies(const alikassa_notification_fields_t *fields,
    const alikassa_str_t *value, alikassa_errmsg_t *errmsg)
{
    size_t          i, start;
    alikassa_str_t  cookie;
    unsigned char   c;

    start = 0;

    for (i = 0; i <= value->len; i++) {

        c = (i < value->len) ? value->data[i] : ';';

        if (c != ';' && c != ',' && c != '\0') {
            continue;
        }

        cookie.data = &value->data[start];
        cookie.len = i - start;

        if (cookie.len && alikassa_notification_cookie(fields, &cookie)) {
            return alikassa_notification_refuse(errmsg,
                                       "a cookie's name might be taken for a "
                                       "signed parameter's");
        }

        start = i + 1;
    }

    return ALIKASSA_OK;
}


/*
 * Tells whether a cookie, "name=value", has the name of a signed field.  Some
 * versions of PHP unescape the name.
 */

static int
alikassa_notification_cookie(const alikassa_notification_fields_t *fields,
    const alikassa_str_t *cookie)
{
    int             high, low;
    size_t          i, n, len;
    alikassa_str_t  name;
    unsigned char   c, buf[ALIKASSA_NOTIFICATION_MAX_NAME * 2];

    for (len = 0; len < cookie->len && cookie->data[len] != '='; len++) {
        /* void */
    }

    name.data = cookie->data;
    name.len = len;

    if (alikassa_notification_is_like(fields, &name)) {
        return 1;
    }

    n = 0;

    for (i = 0; i < len && n < sizeof(buf); i++) {

        c = cookie->data[i];

        if (c == '%' && len - i > 2) {
            high = alikassa_form_hex(cookie->data[i + 1]);
            low = alikassa_form_hex(cookie->data[i + 2]);

            if (high >= 0 && low >= 0) {
                c = (unsigned char) (high << 4 | low);
                i += 2;
            }
        }

        if (n == 0 && !alikassa_notification_is_alnum(c)) {
            continue;
        }

        buf[n++] = c;
    }

    name.data = buf;
    name.len = n;

    return alikassa_notification_is_like(fields, &name);
}


alikassa_rc_t
alikassa_notification_refuse(alikassa_errmsg_t *errmsg, const char *text)
{
    snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN, "%s", text);

    return ALIKASSA_DECLINED;
}
