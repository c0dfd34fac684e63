
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Fuzzes alikassa_json*.c.  Compares them with a simple recursive-descent
 * parser of the grammar, and with cJSON alone.  All must accept the same texts
 * and read the same values.
 */


#include "alikassa_input.h"
#include "alikassa_json.h"
#include "alikassa_utf8.h"
#include "fuzz.h"


typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    size_t                items;
} fuzz_reader_t;


static int fuzz_text(const alikassa_str_t *text);
static int fuzz_value(fuzz_reader_t *r, int depth);
static int fuzz_members(fuzz_reader_t *r, int depth, int object);
static int fuzz_string(fuzz_reader_t *r);
static int fuzz_characters(const unsigned char *p, const unsigned char *end);
static int fuzz_unit(const unsigned char *p, const unsigned char *end);
static int fuzz_number(fuzz_reader_t *r);
static size_t fuzz_span(fuzz_reader_t *r, const char *set);
static int fuzz_unique(const cJSON *item);
static void fuzz_same(const alikassa_json_t *json, const cJSON *a,
    const cJSON *b, size_t *numbers);
static void fuzz_decode(const alikassa_str_t *text,
    const alikassa_json_t *json);
static void fuzz_value_same(const alikassa_json_t *json, const cJSON *item,
    const alikassa_input_t *input);
static void fuzz_reencode(const alikassa_str_t *text);


static int  fuzz_long;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 right;
    cJSON              *plain;
    size_t              numbers;
    alikassa_rc_t       rc;
    alikassa_str_t      text;
    alikassa_json_t     json;
    alikassa_errmsg_t   errmsg;

    text = fuzz_copy(data, size);
    fuzz_long = 0;
    right = fuzz_text(&text);

    if (fuzz_long) {
        (void) alikassa_json_parse(&text, &json, &errmsg);
        alikassa_json_free(&json);
        test_pool_free();
        return 0;
    }

    plain = cJSON_ParseWithLength((const char *) text.data, text.len);

    fuzz_check(!right || plain != NULL);

    right = right && fuzz_unique(plain);

    rc = alikassa_json_parse(&text, &json, &errmsg);

    if (right) {
        fuzz_check(rc == ALIKASSA_OK);

        numbers = 0;
        fuzz_same(&json, json.root, plain, &numbers);
        fuzz_check(numbers == json.nnumbers);

        fuzz_decode(&text, &json);
        fuzz_reencode(&text);

    } else {
        fuzz_check(rc == ALIKASSA_DECLINED);
        fuzz_check(json.root == NULL && json.numbers == NULL);
        fuzz_check(errmsg.text[0] != '\0');
    }

    alikassa_json_free(&json);
    cJSON_Delete(plain);
    test_pool_free();

    return 0;
}


static int
fuzz_text(const alikassa_str_t *text)
{
    fuzz_reader_t  r;

    r.p = text->data;
    r.end = text->data + text->len;
    r.items = 0;

    (void) fuzz_span(&r, " \t\r\n");

    if (!fuzz_value(&r, 1)) {
        return 0;
    }

    (void) fuzz_span(&r, " \t\r\n");

    return r.p == r.end && r.items <= ALIKASSA_JSON_MAX_ITEMS;
}


static int
fuzz_value(fuzz_reader_t *r, int depth)
{
    size_t       i, len;
    const char  *s;

    static const char  *const words[] = { "null", "true", "false" };

    if (r->p == r->end || ++r->items > ALIKASSA_JSON_MAX_ITEMS) {
        return 0;
    }

    if (*r->p == '{' || *r->p == '[') {
        return depth <= ALIKASSA_JSON_MAX_DEPTH
               && fuzz_members(r, depth, *r->p == '{');
    }

    if (*r->p == '"') {
        return fuzz_string(r);
    }

    for (i = 0; i < 3; i++) {

        s = words[i];
        len = strlen(s);

        if ((size_t) (r->end - r->p) >= len && memcmp(r->p, s, len) == 0) {
            r->p += len;
            return 1;
        }
    }

    return fuzz_number(r);
}


static int
fuzz_members(fuzz_reader_t *r, int depth, int object)
{
    unsigned char  close;

    close = object ? '}' : ']';

    r->p++;
    (void) fuzz_span(r, " \t\r\n");

    if (r->p < r->end && *r->p == close) {
        r->p++;
        return 1;
    }

    for ( ;; ) {

        if (object) {

            if (r->p == r->end || *r->p != '"' || !fuzz_string(r)) {
                return 0;
            }

            r->items++;
            (void) fuzz_span(r, " \t\r\n");

            if (r->p == r->end || *r->p++ != ':') {
                return 0;
            }

            (void) fuzz_span(r, " \t\r\n");
        }

        if (!fuzz_value(r, depth + 1)) {
            return 0;
        }

        (void) fuzz_span(r, " \t\r\n");

        if (r->p == r->end) {
            return 0;
        }

        if (*r->p == close) {
            r->p++;
            return 1;
        }

        if (*r->p++ != ',') {
            return 0;
        }

        (void) fuzz_span(r, " \t\r\n");
    }
}


/*
 * Finds the end of a string first, then reads the characters.
 */

static int
fuzz_string(fuzz_reader_t *r)
{
    const unsigned char  *p;

    for (p = r->p + 1; p < r->end && *p != '"'; p++) {

        if (*p == '\\' && ++p == r->end) {
            return 0;
        }
    }

    if (p == r->end || !fuzz_characters(r->p + 1, p)) {
        return 0;
    }

    r->p = p + 1;

    return 1;
}


static int
fuzz_characters(const unsigned char *p, const unsigned char *end)
{
    int             unit, high;
    alikassa_str_t  s;

    s.data = p;
    s.len = (size_t) (end - p);

    if (!alikassa_utf8_check(&s, NULL)) {
        return 0;
    }

    for (high = 0; p < end; p++) {

        unit = -1;

        if (*p < 0x20) {
            return 0;
        }

        if (*p == '\\') {

            p++;

            if (*p == 'u') {
                unit = fuzz_unit(p + 1, end);

                if (unit <= 0) {
                    return 0;
                }

                p += 4;

            } else if (*p == '\0' || strchr("\"\\/bfnrt", *p) == NULL) {
                return 0;
            }
        }

        /* a high surrogate and a low one must follow each other */

        if (high != (unit >= 0xdc00 && unit <= 0xdfff)) {
            return 0;
        }

        high = (unit >= 0xd800 && unit <= 0xdbff);
    }

    return !high;
}


static int
fuzz_unit(const unsigned char *p, const unsigned char *end)
{
    int   i;
    char  hex[5];

    if (end - p < 4) {
        return -1;
    }

    memcpy(hex, p, 4);
    hex[4] = '\0';

    for (i = 0; i < 4; i++) {
        if (hex[i] == '\0'
            || strchr("0123456789abcdefABCDEF", hex[i]) == NULL)
        {
            return -1;
        }
    }

    return (int) strtol(hex, NULL, 16);
}


static int
fuzz_number(fuzz_reader_t *r)
{
    size_t                n;
    const unsigned char  *p, *s;

    s = r->p;

    if (r->p < r->end && *r->p == '-') {
        r->p++;
    }

    p = r->p;
    n = fuzz_span(r, "0123456789");

    if (n == 0 || (n > 1 && *p == '0')) {
        return 0;
    }

    if (r->p < r->end && *r->p == '.') {

        r->p++;

        if (fuzz_span(r, "0123456789") == 0) {
            return 0;
        }
    }

    if (r->p < r->end && (*r->p | 0x20) == 'e') {

        r->p++;

        if (r->p < r->end && (*r->p == '+' || *r->p == '-')) {
            r->p++;
        }

        if (fuzz_span(r, "0123456789") == 0) {
            return 0;
        }
    }

    /* cJSON alone accepts no longer numbers */

    fuzz_long |= (r->p - s > ALIKASSA_JSON_MAX_NUMBER);

    return 1;
}


static size_t
fuzz_span(fuzz_reader_t *r, const char *set)
{
    const unsigned char  *p;

    for (p = r->p; p < r->end && *p && strchr(set, *p); p++) { /* void */ }

    set = (const char *) r->p;
    r->p = p;

    return (size_t) ((const char *) p - set);
}


static int
fuzz_unique(const cJSON *item)
{
    const cJSON  *a, *b;

    for (a = item->child; a != NULL; a = a->next) {

        for (b = a->next; cJSON_IsObject(item) && b != NULL; b = b->next) {

            if (strcmp(a->string, b->string) == 0) {
                return 0;
            }
        }

        if (!fuzz_unique(a)) {
            return 0;
        }
    }

    return 1;
}


static void
fuzz_same(const alikassa_json_t *json, const cJSON *a, const cJSON *b,
    size_t *numbers)
{
    char                   text[ALIKASSA_JSON_MAX_NUMBER + 1];
    double                 value;
    const alikassa_str_t  *number;

    for ( /* void */ ; a != NULL && b != NULL; a = a->next, b = b->next) {

        fuzz_check(a->type == b->type);
        fuzz_check((a->string == NULL) == (b->string == NULL));
        fuzz_check(a->string == NULL || strcmp(a->string, b->string) == 0);

        if (cJSON_IsString(a)) {
            fuzz_check(strcmp(a->valuestring, b->valuestring) == 0);
        }

        if (cJSON_IsNumber(a)) {

            fuzz_check((size_t) a->valueint == *numbers);
            (*numbers)++;

            number = alikassa_json_number(json, a);

            fuzz_check(number->len <= ALIKASSA_JSON_MAX_NUMBER);

            memcpy(text, number->data, number->len);
            text[number->len] = '\0';

            value = strtod(text, NULL);

            fuzz_check(memcmp(&value, &b->valuedouble, sizeof(double)) == 0);
        }

        fuzz_same(json, a->child, b->child, numbers);
    }

    fuzz_check(a == NULL && b == NULL);
}


static void
fuzz_decode(const alikassa_str_t *text, const alikassa_json_t *json)
{
    size_t              i;
    alikassa_rc_t       rc;
    const cJSON        *item;
    alikassa_input_t   *input;
    alikassa_inputs_t   inputs;
    alikassa_errmsg_t   errmsg;

    rc = alikassa_json_decode(test_pool(), text, &inputs, &errmsg);

    if (!cJSON_IsObject(json->root)) {
        fuzz_check(rc == ALIKASSA_DECLINED && inputs.nelts == 0);
        return;
    }

    fuzz_check(rc == ALIKASSA_OK);

    i = 0;

    for (item = json->root->child; item != NULL; item = item->next) {

        fuzz_check(i < inputs.nelts);

        input = &inputs.elts[i++];

        fuzz_check(input->name.len == strlen(item->string));
        fuzz_check(memcmp(input->name.data, item->string, input->name.len)
                   == 0);
        fuzz_check(alikassa_utf8_check(&input->name, NULL));
        fuzz_check(alikassa_utf8_check(&input->value, NULL));
        fuzz_check(!input->repeated && !input->malformed);

        fuzz_check(alikassa_inputs_find(&inputs, &input->name) == input);

        /* the flat reader must return what the tree has */

        fuzz_value_same(json, item, input);
    }

    fuzz_check(i == inputs.nelts);

    test_pool_fail_after(0);

    fuzz_check(alikassa_json_decode(test_pool(), text, &inputs, &errmsg)
               == (i ? ALIKASSA_ERROR : ALIKASSA_OK));

    test_pool_fail_after(-1);
}


static void
fuzz_value_same(const alikassa_json_t *json, const cJSON *item,
    const alikassa_input_t *input)
{
    size_t                 len;
    const void            *data;
    const alikassa_str_t  *number;
    alikassa_value_type_t  type;

    len = 0;
    data = "";

    switch (item->type) {

    case cJSON_String:
        type = ALIKASSA_VALUE_STRING;
        data = item->valuestring;
        len = strlen(item->valuestring);
        break;

    case cJSON_Number:
        type = ALIKASSA_VALUE_NUMBER;
        number = alikassa_json_number(json, item);
        data = number->data;
        len = number->len;
        break;

    case cJSON_True:
        type = ALIKASSA_VALUE_BOOLEAN;
        data = "true";
        len = 4;
        break;

    case cJSON_False:
        type = ALIKASSA_VALUE_BOOLEAN;
        data = "false";
        len = 5;
        break;

    case cJSON_Array:
        type = ALIKASSA_VALUE_ARRAY;
        break;

    case cJSON_Object:
        type = ALIKASSA_VALUE_OBJECT;
        break;

    default:
        type = ALIKASSA_VALUE_NULL;
        break;
    }

    fuzz_check(input->type == type);
    fuzz_check(input->value.len == len);
    fuzz_check(len == 0 || memcmp(input->value.data, data, len) == 0);
}


/*
 * Re-encodes the output, which must not change.
 */

static void
fuzz_reencode(const alikassa_str_t *text)
{
    alikassa_rc_t      rc;
    alikassa_str_t     once, twice;
    alikassa_errmsg_t  errmsg;

    rc = alikassa_json_reencode(test_pool(), text, &once, &errmsg);

    fuzz_check(rc != ALIKASSA_ERROR);

    if (rc == ALIKASSA_OK) {

        (void) fuzz_touch(&once);
        fuzz_check(fuzz_text(&once));

        rc = alikassa_json_reencode(test_pool(), &once, &twice, &errmsg);

        fuzz_check(rc == ALIKASSA_OK);
        fuzz_check(alikassa_str_eq(&once, &twice));
    }
}
