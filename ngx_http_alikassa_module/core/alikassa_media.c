
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Content-Type and Accept.
 */


#include "alikassa_media.h"


typedef struct {
    const char              *name;
    size_t                   len;
    alikassa_media_type_t    type;
} alikassa_media_name_t;


static int alikassa_media_params(const unsigned char *p,
    const unsigned char *last, alikassa_str_t *boundary);
static const unsigned char *alikassa_media_value(const unsigned char *p,
    const unsigned char *last, alikassa_str_t *value);
static const unsigned char *alikassa_media_token(const unsigned char *p,
    const unsigned char *last, alikassa_str_t *token);
static const unsigned char *alikassa_media_space(const unsigned char *p,
    const unsigned char *last);
static int alikassa_media_is(const alikassa_str_t *s, const char *name,
    size_t len);
static int alikassa_media_quality(const unsigned char *p,
    const unsigned char *last);
static int alikassa_media_specific(const alikassa_str_t *range,
    const char *type, size_t len);


static const alikassa_media_name_t  alikassa_media_names[] = {
    { "application/json", 16, ALIKASSA_MEDIA_JSON },
    { "application/x-www-form-urlencoded", 33, ALIKASSA_MEDIA_FORM },
    { "multipart/form-data", 19, ALIKASSA_MEDIA_MULTIPART },
    { NULL, 0, ALIKASSA_MEDIA_OTHER }
};


alikassa_media_type_t
alikassa_media_type(const alikassa_str_t *value, alikassa_str_t *boundary)
{
    alikassa_str_t                type;
    const unsigned char          *p, *last;
    const alikassa_media_name_t  *name;

    boundary->len = 0;
    boundary->data = NULL;

    if (value->len == 0) {
        return ALIKASSA_MEDIA_OTHER;
    }

    /* most values are one of these names in lower case, without parameters */

    for (name = alikassa_media_names; name->name; name++) {

        if (value->len == name->len
            && name->type != ALIKASSA_MEDIA_MULTIPART
            && memcmp(value->data, name->name, name->len) == 0)
        {
            return name->type;
        }
    }

    last = value->data + value->len;
    p = alikassa_media_space(value->data, last);

    type.data = p;

    while (p < last && *p != ';' && *p != ' ' && *p != '\t') {
        p++;
    }

    type.len = (size_t) (p - type.data);

    for (name = alikassa_media_names; name->name; name++) {
        if (alikassa_media_is(&type, name->name, name->len)) {
            break;
        }
    }

    if (name->name == NULL || !alikassa_media_params(p, last, boundary)) {
        return ALIKASSA_MEDIA_OTHER;
    }

    if (name->type == ALIKASSA_MEDIA_MULTIPART && boundary->len == 0) {
        return ALIKASSA_MEDIA_OTHER;
    }

    return name->type;
}


/*
 * Reads the parameters: *( OWS ";" OWS [ token "=" ( token / quoted-string ) ]
 * ).  Returns 0 if they are malformed or the charset is not UTF-8.
 */

static int
alikassa_media_params(const unsigned char *p, const unsigned char *last,
    alikassa_str_t *boundary)
{
    unsigned        charset;
    alikassa_str_t  name, value;

    charset = 0;

    for ( ;; ) {

        p = alikassa_media_space(p, last);

        if (p == last) {
            return 1;
        }

        if (*p != ';') {
            return 0;
        }

        p = alikassa_media_space(p + 1, last);

        if (p == last || *p == ';') {
            continue;
        }

        p = alikassa_media_token(p, last, &name);

        if (name.len == 0 || p == last || *p != '=') {
            return 0;
        }

        p = alikassa_media_value(p + 1, last, &value);

        if (p == NULL) {
            return 0;
        }

        if (alikassa_media_is(&name, "charset", 7)) {

            if (charset
                || (!alikassa_media_is(&value, "utf-8", 5)
                    && !alikassa_media_is(&value, "utf8", 4)
                    && !alikassa_media_is(&value, "us-ascii", 8)))
            {
                return 0;
            }

            charset = 1;

        } else if (alikassa_media_is(&name, "boundary", 8)) {

            if (boundary->data != NULL) {
                return 0;
            }

            *boundary = value;
        }
    }
}


/*
 * Returns the first byte after the value, or NULL if the value is malformed.
 */

static const unsigned char *
alikassa_media_value(const unsigned char *p, const unsigned char *last,
    alikassa_str_t *value)
{
    if (p == last || *p != '"') {
        p = alikassa_media_token(p, last, value);
        return value->len ? p : NULL;
    }

    value->data = ++p;

    while (p < last && *p != '"') {

        if (*p == '\\') {
            return NULL;
        }

        p++;
    }

    if (p == last) {
        return NULL;
    }

    value->len = (size_t) (p - value->data);

    return p + 1;
}


/*
 * Reads up to a character that ends a parameter.  Some clients send a boundary
 * with characters that a token may not have, without quotation marks.
 */

static const unsigned char *
alikassa_media_token(const unsigned char *p, const unsigned char *last,
    alikassa_str_t *token)
{
    token->data = p;

    while (p < last
           && *p > ' ' && *p != 0x7f
           && *p != ';' && *p != '"' && *p != ',')
    {
        if (*p == '=' && p != token->data) {
            break;
        }

        p++;
    }

    token->len = (size_t) (p - token->data);

    return p;
}


static const unsigned char *
alikassa_media_space(const unsigned char *p, const unsigned char *last)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p;
}


static int
alikassa_media_is(const alikassa_str_t *s, const char *name, size_t len)
{
    size_t         i;
    unsigned char  c;

    if (s->len != len) {
        return 0;
    }

    for (i = 0; i < len; i++) {

        c = s->data[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (c != (unsigned char) name[i]) {
            return 0;
        }
    }

    return 1;
}


int
alikassa_media_prefers_html(const alikassa_str_t *accept)
{
    int                   q, html, json, n, html_n, json_n;
    alikassa_str_t        range;
    const unsigned char  *p, *last, *end;

    html = 0;
    json = 0;
    html_n = 0;
    json_n = 0;

    if (accept->len == 0) {
        return 0;
    }

    p = accept->data;
    last = p + accept->len;

    while (p < last) {

        p = alikassa_media_space(p, last);

        for (end = p; end < last && *end != ','; end++) { /* void */ }

        range.data = p;

        while (p < end && *p != ';' && *p != ' ' && *p != '\t') {
            p++;
        }

        range.len = (size_t) (p - range.data);

        q = alikassa_media_quality(p, end);

        if (q < 0) {
            return 0;
        }

        n = alikassa_media_specific(&range, "text/html", 9);

        if (n > html_n) {
            html_n = n;
            html = q;
        }

        n = alikassa_media_specific(&range, "application/json", 16);

        if (n > json_n) {
            json_n = n;
            json = q;
        }

        p = (end < last) ? end + 1 : last;
    }

    return html > json;
}


/*
 * Returns the quality of a range in thousandths, 1000 if there is none, or -1
 * if it is malformed.
 */

static int
alikassa_media_quality(const unsigned char *p, const unsigned char *last)
{
    int  q, unit;

    for ( ;; ) {

        while (p < last && *p != ';') {
            p++;
        }

        if (p == last) {
            return 1000;
        }

        p = alikassa_media_space(p + 1, last);

        if (last - p >= 2 && (*p == 'q' || *p == 'Q') && p[1] == '=') {
            break;
        }
    }

    p += 2;

    if (p == last || (*p != '0' && *p != '1')) {
        return -1;
    }

    q = (*p++ - '0') * 1000;

    if (p < last && *p == '.') {

        p++;

        for (unit = 100; unit && p < last && *p >= '0' && *p <= '9';
             unit /= 10)
        {
            q += (*p++ - '0') * unit;
        }
    }

    p = alikassa_media_space(p, last);

    if ((p < last && *p != ';') || q > 1000) {
        return -1;
    }

    return q;
}


/*
 * Returns how specific a range is for the type: 3 for the type itself, 2 for
 * all of its major type, 1 for every type, 0 if the range does not match.
 */

static int
alikassa_media_specific(const alikassa_str_t *range, const char *type,
    size_t len)
{
    size_t          n;
    alikassa_str_t  part;

    if (alikassa_media_is(range, type, len)) {
        return 3;
    }

    if (alikassa_media_is(range, "*/*", 3)) {
        return 1;
    }

    for (n = 0; type[n] != '/'; n++) { /* void */ }

    if (range->len == n + 2 && range->data[n + 1] == '*') {

        part.data = range->data;
        part.len = n + 1;

        return alikassa_media_is(&part, type, n + 1) ? 2 : 0;
    }

    return 0;
}
