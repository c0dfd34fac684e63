
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The body is read twice: first its boundaries, which show that it is complete
 * and how many parts it has, then the parts one by one.
 */


#include <stdio.h>

#include "alikassa_multipart.h"


/*
 * A part: the bytes between the line of its boundary and the line break that
 * belongs to the next boundary.  last may be before data if the empty line
 * after the header is missing or is that line break.
 */

typedef struct {
    const unsigned char  *data;
    const unsigned char  *last;
} alikassa_part_t;


/* the position of the search, and the boundary */

typedef struct {
    const unsigned char  *start;
    const unsigned char  *p;
    const unsigned char  *last;
    alikassa_str_t        boundary;
} alikassa_multipart_t;


/* what the header of a part says */

typedef struct {
    alikassa_str_t        name;
    unsigned              disposition:1;
    unsigned              named:1;
    unsigned              quoted:1;
    unsigned              file:1;
    unsigned              malformed:1;
} alikassa_part_header_t;


/* one parameter of a header field */

typedef struct {
    alikassa_str_t        name;
    alikassa_str_t        value;
    unsigned              quoted:1;
} alikassa_part_param_t;


static alikassa_rc_t alikassa_multipart_count(alikassa_multipart_t *m,
    size_t *parts, alikassa_errmsg_t *errmsg);
static int alikassa_multipart_open(alikassa_multipart_t *m);
static int alikassa_multipart_next(alikassa_multipart_t *m,
    alikassa_part_t *part);
static const unsigned char *alikassa_multipart_find(
    const alikassa_multipart_t *m, const unsigned char *p,
    const unsigned char **next);
static const unsigned char *alikassa_multipart_delimiter(
    const alikassa_multipart_t *m, const unsigned char *p);
static const unsigned char *alikassa_part_header(const alikassa_part_t *part,
    alikassa_part_header_t *header, const char **wrong);
static const char *alikassa_part_field(const unsigned char *p,
    const unsigned char *last, alikassa_part_header_t *header);
static const char *alikassa_part_disposition(const unsigned char *p,
    const unsigned char *last, alikassa_part_header_t *header);
static int alikassa_part_charset(const unsigned char *p,
    const unsigned char *last);
static int alikassa_part_filename(const alikassa_str_t *name);
static int alikassa_part_encoding(const unsigned char *p,
    const unsigned char *last);
static int alikassa_part_next_param(const unsigned char **p,
    const unsigned char *last, alikassa_part_param_t *param);
static const unsigned char *alikassa_part_quoted(const unsigned char *p,
    const unsigned char *last, alikassa_str_t *value);
static const unsigned char *alikassa_part_token(const unsigned char *p,
    const unsigned char *last, alikassa_str_t *token);
static const unsigned char *alikassa_part_space(const unsigned char *p,
    const unsigned char *last);
static int alikassa_part_is(const alikassa_str_t *s, const char *name);
static alikassa_rc_t alikassa_part_unescape(const alikassa_pool_t *pool,
    alikassa_str_t *name);
static size_t alikassa_part_escape(const unsigned char *p,
    const unsigned char *last, unsigned char *c);


alikassa_rc_t
alikassa_multipart_decode(const alikassa_pool_t *pool,
    const alikassa_str_t *body, const alikassa_str_t *boundary,
    alikassa_inputs_t *inputs, alikassa_errmsg_t *errmsg)
{
    size_t                   n;
    const char              *wrong;
    alikassa_rc_t            rc;
    alikassa_part_t          part;
    alikassa_input_t        *input;
    const unsigned char     *value;
    alikassa_multipart_t     m;
    alikassa_part_header_t   header;

    memset(inputs, 0, sizeof(alikassa_inputs_t));

    if (boundary->len == 0 || boundary->len > ALIKASSA_INPUT_MAX_BOUNDARY) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                 "a boundary of %zu bytes, from 1 to %d are allowed",
                 boundary->len, ALIKASSA_INPUT_MAX_BOUNDARY);
        return ALIKASSA_DECLINED;
    }

    if (body->len == 0) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN, "an empty body");
        return ALIKASSA_DECLINED;
    }

    m.start = body->data;
    m.last = body->data + body->len;
    m.boundary = *boundary;

    rc = alikassa_multipart_count(&m, &n, errmsg);

    if (rc != ALIKASSA_OK || n == 0) {
        return rc;
    }

    inputs->elts = alikassa_alloc(pool, n * sizeof(alikassa_input_t));
    if (inputs->elts == NULL) {
        return ALIKASSA_ERROR;
    }

    (void) alikassa_multipart_open(&m);

    while (alikassa_multipart_next(&m, &part)) {

        value = alikassa_part_header(&part, &header, &wrong);

        if (value == NULL) {
            inputs->nelts = 0;
            snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                     "%s in the part at byte %zu", wrong,
                     (size_t) (part.data - m.start));
            return ALIKASSA_DECLINED;
        }

        if (!header.named) {
            continue;
        }

        if (header.quoted
            && alikassa_part_unescape(pool, &header.name) != ALIKASSA_OK)
        {
            inputs->nelts = 0;
            return ALIKASSA_ERROR;
        }

        input = &inputs->elts[inputs->nelts++];

        memset(input, 0, sizeof(alikassa_input_t));

        input->name = header.name;
        input->malformed = header.malformed;

        if (header.file) {
            input->type = ALIKASSA_VALUE_FILE;

        } else if (part.last > value) {
            input->value.data = value;
            input->value.len = (size_t) (part.last - value);
        }
    }

    alikassa_inputs_mark(inputs, NULL);

    return ALIKASSA_OK;
}


static alikassa_rc_t
alikassa_multipart_count(alikassa_multipart_t *m, size_t *parts,
    alikassa_errmsg_t *errmsg)
{
    alikassa_part_t  part;

    *parts = 0;

    if (!alikassa_multipart_open(m)) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN, "no boundary in the body");
        return ALIKASSA_DECLINED;
    }

    while (alikassa_multipart_next(m, &part)) {

        if ((*parts)++ == ALIKASSA_INPUT_MAX_FIELDS) {
            snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                     "more than %d parts", ALIKASSA_INPUT_MAX_FIELDS);
            return ALIKASSA_DECLINED;
        }
    }

    if (m->p != NULL) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN, "no closing boundary");
        return ALIKASSA_DECLINED;
    }

    return ALIKASSA_OK;
}


/*
 * Skips the preamble and the first boundary.  Browsers send only the closing
 * boundary for a form without fields.
 */

static int
alikassa_multipart_open(alikassa_multipart_t *m)
{
    const unsigned char  *next;

    m->p = m->start;

    next = alikassa_multipart_delimiter(m, m->start);

    if (next == NULL
        && alikassa_multipart_find(m, m->start, &next) == NULL)
    {
        return 0;
    }

    /* NULL: this was the closing boundary */

    m->p = (next == m->last) ? NULL : next;

    return 1;
}


/*
 * Takes the part at m->p.  Returns 0 after the last part; then m->p is NULL
 * unless the closing boundary is missing.
 */

static int
alikassa_multipart_next(alikassa_multipart_t *m, alikassa_part_t *part)
{
    const unsigned char  *next;

    if (m->p == NULL) {
        return 0;
    }

    part->data = m->p;

    /* the line break that ends the line of a boundary may begin the next */

    part->last = alikassa_multipart_find(m, m->p - 2, &next);

    if (part->last == NULL) {
        return 0;
    }

    m->p = (next == m->last) ? NULL : next;

    return 1;
}


/*
 * Finds a line break and a boundary.  Sets *next to the first byte after the
 * boundary's line, or to m->last for the closing boundary.
 */

static const unsigned char *
alikassa_multipart_find(const alikassa_multipart_t *m, const unsigned char *p,
    const unsigned char **next)
{
    while (p < m->last) {

        p = memchr(p, '\r', (size_t) (m->last - p));

        if (p == NULL) {
            return NULL;
        }

        if (m->last - p > 1 && p[1] == '\n') {

            *next = alikassa_multipart_delimiter(m, p + 2);

            if (*next != NULL) {
                return p;
            }
        }

        p++;
    }

    return NULL;
}


/*
 * Returns the first byte after the boundary's line at p, m->last for the
 * closing boundary, or NULL if the line is no boundary: a longer word that only
 * begins with the boundary belongs to the part.
 *
 * A line that is not the closing boundary cannot end at m->last, because a part
 * or the closing boundary must follow it.
 */

static const unsigned char *
alikassa_multipart_delimiter(const alikassa_multipart_t *m,
    const unsigned char *p)
{
    size_t  len;

    len = m->boundary.len;

    if ((size_t) (m->last - p) < len + 2
        || p[0] != '-'
        || p[1] != '-'
        || memcmp(p + 2, m->boundary.data, len) != 0)
    {
        return NULL;
    }

    p += len + 2;

    if (m->last - p >= 2 && p[0] == '-' && p[1] == '-') {

        p = alikassa_part_space(p + 2, m->last);

        /* some programs end the last line with a line feed only */

        if (p == m->last || *p == '\r' || *p == '\n') {
            return m->last;
        }

        return NULL;
    }

    p = alikassa_part_space(p, m->last);

    if (m->last - p > 2 && p[0] == '\r' && p[1] == '\n') {
        return p + 2;
    }

    return NULL;
}


/*
 * Reads the header of a part.  Returns the beginning of the value, or NULL;
 * then *wrong says what is wrong.
 */

static const unsigned char *
alikassa_part_header(const alikassa_part_t *part,
    alikassa_part_header_t *header, const char **wrong)
{
    const unsigned char  *p, *last, *eol;

    memset(header, 0, sizeof(alikassa_part_header_t));

    p = part->data;

    /* the next boundary's line break can be that of a header line */

    last = part->last + 2;

    while (last - p >= 2) {

        eol = memchr(p, '\r', (size_t) (last - p - 1));

        if (eol == NULL) {
            break;
        }

        if (eol[1] != '\n' || memchr(p, '\n', (size_t) (eol - p)) != NULL) {
            *wrong = "a bare line break in the header";
            return NULL;
        }

        if (eol == p) {
            return p + 2;
        }

        *wrong = alikassa_part_field(p, eol, header);

        if (*wrong != NULL) {
            return NULL;
        }

        p = eol + 2;
    }

    *wrong = "no blank line after the header";

    return NULL;
}


/*
 * Reads one line of the header.  Returns what is wrong, or NULL.  A folded
 * line has no name.
 */

static const char *
alikassa_part_field(const unsigned char *p, const unsigned char *last,
    alikassa_part_header_t *header)
{
    alikassa_str_t        name;
    const unsigned char  *s;

    name.data = p;

    for (s = p; s < last && *s > ' ' && *s != ':' && *s < 0x7f; s++) {
        /* void */
    }

    name.len = (size_t) (s - p);

    if (name.len == 0 || s == last || *s != ':') {
        return "a malformed line of the header";
    }

    s++;

    if (alikassa_part_is(&name, "content-disposition")) {
        return alikassa_part_disposition(s, last, header);
    }

    if (alikassa_part_is(&name, "content-type")) {

        if (!alikassa_part_charset(s, last)) {
            header->malformed = 1;
        }

    } else if (alikassa_part_is(&name, "content-transfer-encoding")) {

        if (!alikassa_part_encoding(s, last)) {
            header->malformed = 1;
        }
    }

    return NULL;
}


/*
 * Reads Content-Disposition.  A parameter that occurs twice is refused, since
 * parsers differ in which one they use.
 */

static const char *
alikassa_part_disposition(const unsigned char *p, const unsigned char *last,
    alikassa_part_header_t *header)
{
    int                    rc;
    alikassa_str_t         type;
    alikassa_part_param_t  param;

    if (header->disposition) {
        return "two Content-Disposition lines";
    }

    header->disposition = 1;

    p = alikassa_part_token(alikassa_part_space(p, last), last, &type);

    while ((rc = alikassa_part_next_param(&p, last, &param)) == 1) {

        if (alikassa_part_is(&param.name, "name")) {

            if (header->named) {
                return "two names";
            }

            header->named = 1;
            header->name = param.value;
            header->quoted = param.quoted;

        } else if (alikassa_part_filename(&param.name)) {
            header->file = 1;
        }
    }

    if (rc < 0) {
        return "a malformed Content-Disposition";
    }

    if (!alikassa_part_is(&type, "form-data")) {
        header->named = 0;
    }

    return NULL;
}


/*
 * Tells whether a part with this Content-Type is UTF-8.
 */

static int
alikassa_part_charset(const unsigned char *p, const unsigned char *last)
{
    int                    rc;
    alikassa_str_t         type;
    alikassa_part_param_t  param;

    p = alikassa_part_token(alikassa_part_space(p, last), last, &type);

    while ((rc = alikassa_part_next_param(&p, last, &param)) == 1) {

        if (alikassa_part_is(&param.name, "charset")
            && !alikassa_part_is(&param.value, "utf-8")
            && !alikassa_part_is(&param.value, "utf8")
            && !alikassa_part_is(&param.value, "us-ascii"))
        {
            return 0;
        }
    }

    return rc == 0;
}


/*
 * Tells whether the name is "filename" or another form of it: "filename*" of
 * RFC 8187, or "filename*0", "filename*0*" and so on of RFC 2231.
 */

static int
alikassa_part_filename(const alikassa_str_t *name)
{
    alikassa_str_t  head;

    static const char  filename[] = "filename*";

    head = *name;

    if (head.len > sizeof(filename) - 1) {
        head.len = sizeof(filename) - 1;
    }

    return alikassa_part_is(&head, "filename")
           || alikassa_part_is(&head, filename);
}


static int
alikassa_part_encoding(const unsigned char *p, const unsigned char *last)
{
    alikassa_str_t  encoding;

    p = alikassa_part_token(alikassa_part_space(p, last), last, &encoding);

    return p == last
           && (alikassa_part_is(&encoding, "7bit")
               || alikassa_part_is(&encoding, "8bit")
               || alikassa_part_is(&encoding, "binary"));
}


/*
 * *( OWS ";" OWS [ name OWS "=" OWS ( token / quoted-string ) ] )
 *
 * Reads the next parameter.  Returns 1 with *param set, 0 at the end, or -1 if
 * it is malformed.
 */

static int
alikassa_part_next_param(const unsigned char **p, const unsigned char *last,
    alikassa_part_param_t *param)
{
    const unsigned char  *s;

    s = alikassa_part_space(*p, last);

    if (s < last && *s != ';') {
        return -1;
    }

    while (s < last && *s == ';') {
        s = alikassa_part_space(s + 1, last);
    }

    *p = s;

    if (s == last) {
        return 0;
    }

    param->name.data = s;

    while (s < last && *s > ' ' && *s != '=' && *s != ';' && *s != '"') {
        s++;
    }

    param->name.len = (size_t) (s - param->name.data);

    s = alikassa_part_space(s, last);

    if (param->name.len == 0 || s == last || *s != '=') {
        return -1;
    }

    s = alikassa_part_space(s + 1, last);

    param->quoted = (s < last && *s == '"');

    if (param->quoted) {
        s = alikassa_part_quoted(s + 1, last, &param->value);

        if (s == NULL) {
            return -1;
        }

    } else {
        s = alikassa_part_token(s, last, &param->value);
    }

    *p = s;

    return 1;
}


/*
 * Returns the first byte after the closing quotation mark, or NULL if there is
 * none.
 */

static const unsigned char *
alikassa_part_quoted(const unsigned char *p, const unsigned char *last,
    alikassa_str_t *value)
{
    value->data = p;

    while (p < last && *p != '"') {

        if (*p == '\\' && last - p > 1 && (p[1] == '"' || p[1] == '\\')) {
            p++;
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
 * Reads up to the next semicolon, without white space at the end: some clients
 * send file names without quotation marks.
 */

static const unsigned char *
alikassa_part_token(const unsigned char *p, const unsigned char *last,
    alikassa_str_t *token)
{
    const unsigned char  *s;

    token->data = p;

    while (p < last && *p != ';') {
        p++;
    }

    for (s = p; s > token->data && (s[-1] == ' ' || s[-1] == '\t'); s--) {
        /* void */
    }

    token->len = (size_t) (s - token->data);

    return p;
}


static const unsigned char *
alikassa_part_space(const unsigned char *p, const unsigned char *last)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p;
}


/*
 * Compares without regard to case; name is in lower case.
 */

static int
alikassa_part_is(const alikassa_str_t *s, const char *name)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < s->len; i++) {

        c = s->data[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        /* the NUL that ends name ends the comparison, too */

        if (c != (unsigned char) name[i] || c == '\0') {
            return 0;
        }
    }

    return name[i] == '\0';
}


/*
 * Unescapes a quotation mark, a backslash and a line break in a name: browsers
 * and newer curl send %22, %0D and %0A, older clients \" and \\.  Every other
 * character stands for itself, so that "100%25" and "a\b" are kept.
 */

static alikassa_rc_t
alikassa_part_unescape(const alikassa_pool_t *pool, alikassa_str_t *name)
{
    size_t                n;
    unsigned char         c, *d;
    const unsigned char  *p, *last;

    if (name->len == 0
        || (memchr(name->data, '\\', name->len) == NULL
            && memchr(name->data, '%', name->len) == NULL))
    {
        return ALIKASSA_OK;
    }

    d = alikassa_alloc(pool, name->len);
    if (d == NULL) {
        return ALIKASSA_ERROR;
    }

    p = name->data;
    last = p + name->len;

    name->data = d;

    while (p < last) {

        n = alikassa_part_escape(p, last, &c);

        *d++ = c;
        p += n;
    }

    name->len = (size_t) (d - name->data);

    return ALIKASSA_OK;
}


/*
 * Sets *c to the character at p, and returns how many bytes it takes.
 */

static size_t
alikassa_part_escape(const unsigned char *p, const unsigned char *last,
    unsigned char *c)
{
    *c = *p;

    if (last - p >= 2 && *p == '\\' && (p[1] == '"' || p[1] == '\\')) {
        *c = p[1];
        return 2;
    }

    if (last - p >= 3 && *p == '%') {

        if (p[1] == '2' && p[2] == '2') {
            *c = '"';
            return 3;
        }

        if (p[1] == '0' && (p[2] == 'D' || p[2] == 'A')) {
            *c = (p[2] == 'D') ? '\r' : '\n';
            return 3;
        }
    }

    return 1;
}
