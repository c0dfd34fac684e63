
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * One pass over the text checks it by RFC 8259, and by stricter rules where two
 * parsers could differ.  The pass notes where the numbers are, and the members
 * of an object that needs no tree.
 */


#include <stdio.h>

#include "alikassa_json_scan.h"
#include "alikassa_json_string.h"
#include "alikassa_utf8.h"


typedef enum {
    ALIKASSA_JSON_VALUE = 0,        /* a value must follow */
    ALIKASSA_JSON_FIRST_VALUE,      /* a value, or the end of the array */
    ALIKASSA_JSON_NAME,             /* a name must follow */
    ALIKASSA_JSON_FIRST_NAME,       /* a name, or the end of the object */
    ALIKASSA_JSON_NEXT              /* a value has ended */
} alikassa_json_state_t;


static alikassa_rc_t alikassa_json_scan_value(alikassa_json_scan_t *scan,
    alikassa_json_state_t *state);
static void alikassa_json_scan_member(alikassa_json_scan_t *scan,
    const unsigned char *start, size_t escapes);
static alikassa_rc_t alikassa_json_scan_open(alikassa_json_scan_t *scan,
    unsigned char close);
static alikassa_rc_t alikassa_json_scan_name(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_scan_next(alikassa_json_scan_t *scan,
    alikassa_json_state_t *state);
static alikassa_rc_t alikassa_json_scan_item(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_scan_string(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_scan_escape(alikassa_json_scan_t *scan);
static int32_t alikassa_json_hex4(const unsigned char *p,
    const unsigned char *last);
static alikassa_rc_t alikassa_json_scan_number(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_scan_digits(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_scan_note(alikassa_json_scan_t *scan,
    const unsigned char *number);
static alikassa_rc_t alikassa_json_scan_literal(alikassa_json_scan_t *scan,
    const char *literal);
static void alikassa_json_scan_space(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_unexpected(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_decline(alikassa_json_scan_t *scan,
    const char *what);


alikassa_rc_t
alikassa_json_scan(alikassa_json_scan_t *scan, const alikassa_str_t *text,
    alikassa_errmsg_t *errmsg)
{
    alikassa_rc_t           rc;
    const unsigned char    *end;
    alikassa_json_state_t   state;

    /* the arrays need no initial value */

    scan->start = text->data;
    scan->p = text->data;
    scan->last = scan->start + text->len;
    scan->depth = 0;
    scan->items = 0;
    scan->most = 0;
    scan->numbers = scan->few;
    scan->nnumbers = 0;
    scan->nalloc = ALIKASSA_JSON_FEW_NUMBERS;
    scan->longest = 0;
    scan->errmsg = errmsg;
    scan->escapes = 0;
    scan->flat = 0;
    scan->escaped = 0;
    scan->nmembers = 0;

    if (text->len == 0) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN, "an empty text");
        return ALIKASSA_DECLINED;
    }

    if (text->len >= 3 && memcmp(text->data, "\xef\xbb\xbf", 3) == 0) {
        return alikassa_json_decline(scan, "a byte-order mark");
    }

    alikassa_json_scan_space(scan);

    scan->value.data = scan->p;

    rc = ALIKASSA_OK;
    state = ALIKASSA_JSON_VALUE;

    while (rc == ALIKASSA_OK) {

        end = scan->p;

        alikassa_json_scan_space(scan);

        switch (state) {

        case ALIKASSA_JSON_FIRST_VALUE:

            if (scan->p < scan->last && *scan->p == ']') {
                state = ALIKASSA_JSON_NEXT;
                break;
            }

            /* fall through */

        case ALIKASSA_JSON_VALUE:

            rc = alikassa_json_scan_value(scan, &state);
            break;

        case ALIKASSA_JSON_FIRST_NAME:

            if (scan->p < scan->last && *scan->p == '}') {
                state = ALIKASSA_JSON_NEXT;
                break;
            }

            /* fall through */

        case ALIKASSA_JSON_NAME:

            rc = alikassa_json_scan_name(scan);
            state = ALIKASSA_JSON_VALUE;
            break;

        case ALIKASSA_JSON_NEXT:

            if (scan->depth == 0) {
                scan->value.len = (size_t) (end - scan->value.data);

                return (scan->p == scan->last)
                       ? ALIKASSA_OK : alikassa_json_unexpected(scan);
            }

            rc = alikassa_json_scan_next(scan, &state);
            break;
        }
    }

    return rc;
}


void
alikassa_json_scan_free(alikassa_json_scan_t *scan)
{
    if (scan->numbers != scan->few) {
        cJSON_free(scan->numbers);
    }
}


static alikassa_rc_t
alikassa_json_scan_value(alikassa_json_scan_t *scan,
    alikassa_json_state_t *state)
{
    size_t                escapes;
    alikassa_rc_t         rc;
    const unsigned char  *start;

    if (scan->p == scan->last) {
        return alikassa_json_unexpected(scan);
    }

    if (alikassa_json_scan_item(scan) != ALIKASSA_OK) {
        return ALIKASSA_DECLINED;
    }

    *state = ALIKASSA_JSON_NEXT;

    start = scan->p;
    escapes = scan->escapes;

    switch (*scan->p) {

    case '{':
        *state = ALIKASSA_JSON_FIRST_NAME;
        return alikassa_json_scan_open(scan, '}');

    case '[':
        *state = ALIKASSA_JSON_FIRST_VALUE;
        return alikassa_json_scan_open(scan, ']');

    case '"':
        rc = alikassa_json_scan_string(scan);
        break;

    case 't':
        rc = alikassa_json_scan_literal(scan, "true");
        break;

    case 'f':
        rc = alikassa_json_scan_literal(scan, "false");
        break;

    case 'n':
        rc = alikassa_json_scan_literal(scan, "null");
        break;

    default:
        rc = alikassa_json_scan_number(scan);
        break;
    }

    if (rc == ALIKASSA_OK && scan->flat) {
        alikassa_json_scan_member(scan, start, escapes);
    }

    return rc;
}


/*
 * Notes the value of a member whose name is noted already.
 */

static void
alikassa_json_scan_member(alikassa_json_scan_t *scan,
    const unsigned char *start, size_t escapes)
{
    alikassa_input_t  *member;

    member = &scan->members[scan->nmembers];

    member->value.data = start;
    member->value.len = (size_t) (scan->p - start);

    switch (*start) {

    case '"':
        member->type = ALIKASSA_VALUE_STRING;
        member->value.data++;
        member->value.len -= 2;

        if (scan->escapes != escapes) {
            scan->escaped |= (uint32_t) 1 << scan->nmembers;
        }

        break;

    case 't':
    case 'f':
        member->type = ALIKASSA_VALUE_BOOLEAN;
        break;

    case 'n':
        member->type = ALIKASSA_VALUE_NULL;
        member->value.data = NULL;
        member->value.len = 0;
        break;

    default:
        member->type = ALIKASSA_VALUE_NUMBER;
        break;
    }

    scan->nmembers++;
}


static alikassa_rc_t
alikassa_json_scan_open(alikassa_json_scan_t *scan, unsigned char close)
{
    alikassa_json_level_t  *level;

    if (scan->depth == ALIKASSA_JSON_MAX_DEPTH) {
        return alikassa_json_decline(scan, "too deep nesting");
    }

    scan->flat = (scan->depth == 0 && close == '}');

    level = &scan->levels[scan->depth++];

    level->names = 0;
    level->close = close;

    scan->p++;

    return ALIKASSA_OK;
}


/*
 * Checks a name and its colon.
 */

static alikassa_rc_t
alikassa_json_scan_name(alikassa_json_scan_t *scan)
{
    size_t                  escapes;
    alikassa_input_t       *member;
    const unsigned char    *start;
    alikassa_json_level_t  *level;

    if (scan->p == scan->last || *scan->p != '"') {
        return alikassa_json_unexpected(scan);
    }

    start = scan->p + 1;
    escapes = scan->escapes;

    if (alikassa_json_scan_item(scan) != ALIKASSA_OK
        || alikassa_json_scan_string(scan) != ALIKASSA_OK)
    {
        return ALIKASSA_DECLINED;
    }

    if (scan->flat) {

        if (scan->nmembers == ALIKASSA_JSON_FEW_NAMES
            || scan->escapes != escapes)
        {
            scan->flat = 0;

        } else {
            member = &scan->members[scan->nmembers];

            memset(member, 0, sizeof(alikassa_input_t));

            member->name.data = start;
            member->name.len = (size_t) (scan->p - 1 - start);
        }
    }

    alikassa_json_scan_space(scan);

    if (scan->p == scan->last || *scan->p != ':') {
        return alikassa_json_unexpected(scan);
    }

    scan->p++;

    level = &scan->levels[scan->depth - 1];

    level->names++;

    if (level->names > scan->most) {
        scan->most = level->names;
    }

    return ALIKASSA_OK;
}


static alikassa_rc_t
alikassa_json_scan_next(alikassa_json_scan_t *scan,
    alikassa_json_state_t *state)
{
    unsigned char  close;

    close = scan->levels[scan->depth - 1].close;

    if (scan->p == scan->last || (*scan->p != ',' && *scan->p != close)) {
        return alikassa_json_unexpected(scan);
    }

    if (*scan->p == ',') {
        *state = (close == '}') ? ALIKASSA_JSON_NAME : ALIKASSA_JSON_VALUE;

    } else {
        scan->depth--;
    }

    scan->p++;

    return ALIKASSA_OK;
}


static alikassa_rc_t
alikassa_json_scan_item(alikassa_json_scan_t *scan)
{
    if (scan->items == ALIKASSA_JSON_MAX_ITEMS) {
        return alikassa_json_decline(scan, "too many values and names");
    }

    scan->items++;

    return ALIKASSA_OK;
}


static alikassa_rc_t
alikassa_json_scan_string(alikassa_json_scan_t *scan)
{
    const unsigned char  *p;

    scan->p++;

    for ( ;; ) {

        p = alikassa_json_span(scan->p, scan->last, ALIKASSA_JSON_CHAR);

        scan->p = p;

        if (p == scan->last) {
            return alikassa_json_unexpected(scan);
        }

        if (*p == '"') {
            scan->p++;
            return ALIKASSA_OK;
        }

        if (*p == '\\') {

            if (alikassa_json_scan_escape(scan) != ALIKASSA_OK) {
                return ALIKASSA_DECLINED;
            }

            continue;
        }

        if (*p < 0x20) {
            return alikassa_json_decline(scan, "a bare control character");
        }

        if (alikassa_utf8_decode(&p, scan->last) < 0) {
            return alikassa_json_decline(scan, "malformed UTF-8");
        }

        scan->p = p;
    }
}


static alikassa_rc_t
alikassa_json_scan_escape(alikassa_json_scan_t *scan)
{
    int32_t               code;
    const unsigned char  *p, *last;

    p = scan->p;
    last = scan->last;

    scan->escapes++;

    if (last - p < 2) {
        scan->p = last;
        return alikassa_json_unexpected(scan);
    }

    switch (p[1]) {

    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        scan->p += 2;
        return ALIKASSA_OK;

    case 'u':
        break;

    default:
        return alikassa_json_decline(scan, "an unknown escape");
    }

    code = alikassa_json_hex4(p + 2, last);

    if (code < 0) {
        return alikassa_json_decline(scan, "a malformed escape");
    }

    /* a NUL would end the string in C */

    if (code == 0) {
        return alikassa_json_decline(scan, "an escaped NUL");
    }

    scan->p += 6;

    if (code < 0xd800 || code > 0xdfff) {
        return ALIKASSA_OK;
    }

    p += 6;

    if (code > 0xdbff || last - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return alikassa_json_decline(scan, "an unpaired surrogate");
    }

    code = alikassa_json_hex4(p + 2, last);

    if (code < 0xdc00 || code > 0xdfff) {
        return alikassa_json_decline(scan, "an unpaired surrogate");
    }

    scan->p += 6;

    return ALIKASSA_OK;
}


/*
 * Returns the value of the four hex digits at p, or -1 if there are fewer.
 */

static int32_t
alikassa_json_hex4(const unsigned char *p, const unsigned char *last)
{
    size_t         i;
    int32_t        code;
    unsigned char  c;

    if (last - p < 4) {
        return -1;
    }

    code = 0;

    for (i = 0; i < 4; i++) {

        c = p[i];

        if (c >= '0' && c <= '9') {
            code = code << 4 | (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return -1;
        }

        code = code << 4 | (c - 'a' + 10);
    }

    return code;
}


static alikassa_rc_t
alikassa_json_scan_number(alikassa_json_scan_t *scan)
{
    const unsigned char  *number;

    number = scan->p;

    if (*scan->p == '-') {
        scan->p++;
    }

    if (scan->p < scan->last && *scan->p == '0') {
        scan->p++;

    } else if (alikassa_json_scan_digits(scan) != ALIKASSA_OK) {
        return ALIKASSA_DECLINED;
    }

    if (scan->p < scan->last && *scan->p == '.') {

        scan->p++;

        if (alikassa_json_scan_digits(scan) != ALIKASSA_OK) {
            return ALIKASSA_DECLINED;
        }
    }

    if (scan->p < scan->last && (*scan->p == 'e' || *scan->p == 'E')) {

        scan->p++;

        if (scan->p < scan->last && (*scan->p == '+' || *scan->p == '-')) {
            scan->p++;
        }

        if (alikassa_json_scan_digits(scan) != ALIKASSA_OK) {
            return ALIKASSA_DECLINED;
        }
    }

    return alikassa_json_scan_note(scan, number);
}


/*
 * Checks that there is at least one digit, and skips all of them.
 */

static alikassa_rc_t
alikassa_json_scan_digits(alikassa_json_scan_t *scan)
{
    const unsigned char  *p;

    for (p = scan->p; p < scan->last && *p >= '0' && *p <= '9'; p++) {
        /* void */
    }

    if (p == scan->p) {
        return alikassa_json_unexpected(scan);
    }

    scan->p = p;

    return ALIKASSA_OK;
}


static alikassa_rc_t
alikassa_json_scan_note(alikassa_json_scan_t *scan,
    const unsigned char *number)
{
    size_t           len;
    alikassa_str_t  *numbers;

    len = (size_t) (scan->p - number);

    if (len > scan->longest) {
        scan->longest = len;
    }

    if (len > ALIKASSA_JSON_MAX_NUMBER && scan->depth == 0) {
        scan->p = number;
        return alikassa_json_decline(scan, "too long a number");
    }

    if (scan->nnumbers == scan->nalloc) {

        numbers = cJSON_malloc(scan->nalloc * 2 * sizeof(alikassa_str_t));
        if (numbers == NULL) {
            return ALIKASSA_ERROR;
        }

        memcpy(numbers, scan->numbers,
               scan->nnumbers * sizeof(alikassa_str_t));

        if (scan->numbers != scan->few) {
            cJSON_free(scan->numbers);
        }

        scan->numbers = numbers;
        scan->nalloc *= 2;
    }

    scan->numbers[scan->nnumbers].len = len;
    scan->numbers[scan->nnumbers].data = number;
    scan->nnumbers++;

    return ALIKASSA_OK;
}


static alikassa_rc_t
alikassa_json_scan_literal(alikassa_json_scan_t *scan, const char *literal)
{
    for ( /* void */ ; *literal; literal++) {

        if (scan->p == scan->last || *scan->p != (unsigned char) *literal) {
            return alikassa_json_unexpected(scan);
        }

        scan->p++;
    }

    return ALIKASSA_OK;
}


static void
alikassa_json_scan_space(alikassa_json_scan_t *scan)
{
    const unsigned char  *p;

    p = scan->p;

    while (p < scan->last && *p <= ' '
           && (alikassa_json_chars[*p] & ALIKASSA_JSON_SPACE))
    {
        p++;
    }

    scan->p = p;
}


static alikassa_rc_t
alikassa_json_unexpected(alikassa_json_scan_t *scan)
{
    return alikassa_json_decline(scan, (scan->p == scan->last)
                                       ? "unexpected end"
                                       : "unexpected character");
}


static alikassa_rc_t
alikassa_json_decline(alikassa_json_scan_t *scan, const char *what)
{
    snprintf(scan->errmsg->text, ALIKASSA_ERRMSG_LEN, "%s at byte %zu", what,
             (size_t) (scan->p - scan->start));

    return ALIKASSA_DECLINED;
}
