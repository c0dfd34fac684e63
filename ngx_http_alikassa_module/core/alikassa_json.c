
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Reading JSON text that alikassa_json_scan() has checked.  cJSON builds the
 * tree.  An object of few members without nesting is read without a tree: this
 * is what AliKassa sends, and what most clients send.
 *
 * Two parsers could read one text differently, so the number of items that the
 * check counted is compared with that of the tree.
 */


#include <stdio.h>
#include <stdlib.h>

#include "alikassa_json_scan.h"


/* what the walk through the tree has found */

typedef struct {
    size_t                   items;
    size_t                   numbers;
    size_t                   nnumbers;

    const char             **names;         /* room to sort, or NULL */
    size_t                   nnames;
} alikassa_json_walk_t;


static alikassa_rc_t alikassa_json_build(alikassa_json_scan_t *scan,
    alikassa_json_t *json);
static cJSON *alikassa_json_tree(const alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_walk(alikassa_json_walk_t *walk,
    cJSON *item);
static alikassa_rc_t alikassa_json_walk_names(alikassa_json_walk_t *walk,
    const cJSON *first);
static int alikassa_json_compare(const void *one, const void *two);
static void alikassa_json_scalar(const alikassa_json_t *json,
    const cJSON *item, alikassa_input_t *input);
static alikassa_rc_t alikassa_json_flat(const alikassa_pool_t *pool,
    alikassa_json_scan_t *scan, alikassa_inputs_t *inputs);
static alikassa_rc_t alikassa_json_unescape(const alikassa_pool_t *pool,
    alikassa_str_t *value);
static alikassa_rc_t alikassa_json_unescape_code(alikassa_str_t *value,
    unsigned char *dst);
static alikassa_rc_t alikassa_json_equal_names(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_inputs(const alikassa_pool_t *pool,
    const alikassa_json_t *json, alikassa_inputs_t *inputs);
static unsigned char *alikassa_json_keep(alikassa_str_t *s,
    unsigned char *dst);


static const alikassa_str_t  alikassa_json_true = alikassa_string("true");
static const alikassa_str_t  alikassa_json_false = alikassa_string("false");


alikassa_rc_t
alikassa_json_parse(const alikassa_str_t *text, alikassa_json_t *json,
    alikassa_errmsg_t *errmsg)
{
    alikassa_rc_t         rc;
    alikassa_json_scan_t  scan;

    memset(json, 0, sizeof(alikassa_json_t));

    rc = alikassa_json_scan(&scan, text, errmsg);

    if (rc == ALIKASSA_OK) {
        rc = alikassa_json_build(&scan, json);
    }

    alikassa_json_scan_free(&scan);

    if (rc != ALIKASSA_OK) {
        alikassa_json_free(json);
    }

    if (rc == ALIKASSA_ERROR) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                 "cannot make the JSON tree");
    }

    return rc;
}


/*
 * Builds the tree of a checked text.  cJSON can then fail only for lack of
 * memory; any other difference is an error of the module, not of the client.
 */

static alikassa_rc_t
alikassa_json_build(alikassa_json_scan_t *scan, alikassa_json_t *json)
{
    size_t                 size;
    alikassa_rc_t          rc;
    alikassa_json_walk_t   walk;

    json->root = alikassa_json_tree(scan);

    if (json->root == NULL) {
        return ALIKASSA_ERROR;
    }

    if (scan->nnumbers) {

        if (scan->numbers == scan->few) {
            size = scan->nnumbers * sizeof(alikassa_str_t);

            json->numbers = cJSON_malloc(size);
            if (json->numbers == NULL) {
                return ALIKASSA_ERROR;
            }

            memcpy(json->numbers, scan->few, size);

        } else {
            json->numbers = scan->numbers;
            scan->numbers = scan->few;
        }

        json->nnumbers = scan->nnumbers;
    }

    memset(&walk, 0, sizeof(alikassa_json_walk_t));

    walk.nnumbers = json->nnumbers;

    if (scan->most > ALIKASSA_JSON_FEW_NAMES) {

        walk.names = cJSON_malloc(scan->most * sizeof(char *));
        if (walk.names == NULL) {
            return ALIKASSA_ERROR;
        }

        walk.nnames = scan->most;
    }

    rc = alikassa_json_walk(&walk, json->root);

    if (walk.names != NULL) {
        cJSON_free(walk.names);
    }

    if (rc == ALIKASSA_DECLINED) {
        return alikassa_json_equal_names(scan);
    }

    if (walk.items != scan->items || walk.numbers != scan->nnumbers) {
        return ALIKASSA_ERROR;
    }

    return rc;
}


/*
 * Returns cJSON's tree, or NULL if there is no memory.  cJSON gets a copy of
 * the text in which a number that is too long for it is 0 and spaces; the
 * numbers are not read from the tree.
 */

static cJSON *
alikassa_json_tree(const alikassa_json_scan_t *scan)
{
    char                  *copy, *p;
    cJSON                 *root;
    size_t                 i;
    const char            *text, *end;
    const alikassa_str_t  *number;

    text = (const char *) scan->value.data;
    copy = NULL;

    if (scan->longest > ALIKASSA_JSON_MAX_NUMBER) {

        copy = cJSON_malloc(scan->value.len);
        if (copy == NULL) {
            return NULL;
        }

        memcpy(copy, text, scan->value.len);

        for (i = 0; i < scan->nnumbers; i++) {

            number = &scan->numbers[i];

            if (number->len > ALIKASSA_JSON_MAX_NUMBER) {
                p = copy + (number->data - scan->value.data);
                memset(p, ' ', number->len);
                *p = '0';
            }
        }

        text = copy;
    }

    root = cJSON_ParseWithLengthOpts(text, scan->value.len, &end, 0);

    if (root != NULL && end != text + scan->value.len) {
        cJSON_Delete(root);
        root = NULL;
    }

    if (copy != NULL) {
        cJSON_free(copy);
    }

    return root;
}


/*
 * Walks through item and its successors in the order of the text, and gives
 * each number its index.  The check has limited the depth.
 */

static alikassa_rc_t
alikassa_json_walk(alikassa_json_walk_t *walk, cJSON *item)
{
    alikassa_rc_t  rc;

    for ( /* void */ ; item != NULL; item = item->next) {

        walk->items += (item->string != NULL) ? 2 : 1;

        switch (item->type & 0xff) {

        case cJSON_Number:

            if (walk->numbers == walk->nnumbers) {
                return ALIKASSA_ERROR;
            }

            item->valueint = (int) walk->numbers++;
            break;

        case cJSON_Object:

            rc = alikassa_json_walk_names(walk, item->child);

            if (rc != ALIKASSA_OK) {
                return rc;
            }

            /* fall through */

        case cJSON_Array:

            rc = alikassa_json_walk(walk, item->child);

            if (rc != ALIKASSA_OK) {
                return rc;
            }

            break;
        }
    }

    return ALIKASSA_OK;
}


/*
 * Returns ALIKASSA_DECLINED if two names are equal.  A checked name has no NUL.
 */

static alikassa_rc_t
alikassa_json_walk_names(alikassa_json_walk_t *walk, const cJSON *first)
{
    size_t        i, n;
    const cJSON  *a, *b;

    n = 0;

    for (a = first; a != NULL; a = a->next) {
        n++;
    }

    if (n <= ALIKASSA_JSON_FEW_NAMES) {

        for (a = first; a != NULL; a = a->next) {

            for (b = first; b != a; b = b->next) {

                if (a->string[0] == b->string[0]
                    && strcmp(a->string, b->string) == 0)
                {
                    return ALIKASSA_DECLINED;
                }
            }
        }

        return ALIKASSA_OK;
    }

    if (n > walk->nnames) {
        return ALIKASSA_ERROR;
    }

    for (a = first, i = 0; a != NULL; a = a->next) {
        walk->names[i++] = a->string;
    }

    qsort(walk->names, n, sizeof(char *), alikassa_json_compare);

    for (i = 1; i < n; i++) {

        if (strcmp(walk->names[i - 1], walk->names[i]) == 0) {
            return ALIKASSA_DECLINED;
        }
    }

    return ALIKASSA_OK;
}


static int
alikassa_json_compare(const void *one, const void *two)
{
    return strcmp(*(const char * const *) one, *(const char * const *) two);
}


void
alikassa_json_free(alikassa_json_t *json)
{
    cJSON_Delete(json->root);

    if (json->numbers != NULL) {
        cJSON_free(json->numbers);
    }

    memset(json, 0, sizeof(alikassa_json_t));
}


const alikassa_str_t *
alikassa_json_number(const alikassa_json_t *json, const cJSON *item)
{
    return &json->numbers[item->valueint];
}


/*
 * Sets the type and the value of an input.  An empty value still has data,
 * unless the item is null, an array or an object.
 */

static void
alikassa_json_scalar(const alikassa_json_t *json, const cJSON *item,
    alikassa_input_t *input)
{
    memset(input, 0, sizeof(alikassa_input_t));

    switch (item->type & 0xff) {

    case cJSON_String:
        input->type = ALIKASSA_VALUE_STRING;
        input->value.len = strlen(item->valuestring);
        input->value.data = (const unsigned char *) item->valuestring;
        break;

    case cJSON_Number:
        input->type = ALIKASSA_VALUE_NUMBER;
        input->value = *alikassa_json_number(json, item);
        break;

    case cJSON_True:
        input->type = ALIKASSA_VALUE_BOOLEAN;
        input->value = alikassa_json_true;
        break;

    case cJSON_False:
        input->type = ALIKASSA_VALUE_BOOLEAN;
        input->value = alikassa_json_false;
        break;

    case cJSON_Array:
        input->type = ALIKASSA_VALUE_ARRAY;
        break;

    case cJSON_Object:
        input->type = ALIKASSA_VALUE_OBJECT;
        break;

    default:
        input->type = ALIKASSA_VALUE_NULL;
        break;
    }
}


alikassa_rc_t
alikassa_json_decode(const alikassa_pool_t *pool, const alikassa_str_t *body,
    alikassa_inputs_t *inputs, alikassa_errmsg_t *errmsg)
{
    alikassa_rc_t         rc;
    alikassa_json_t       json;
    alikassa_json_scan_t  scan;

    memset(inputs, 0, sizeof(alikassa_inputs_t));
    memset(&json, 0, sizeof(alikassa_json_t));

    rc = alikassa_json_scan(&scan, body, errmsg);

    if (rc == ALIKASSA_OK && scan.value.data[0] != '{') {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN, "not a JSON object");
        rc = ALIKASSA_DECLINED;
    }

    if (rc == ALIKASSA_OK) {

        if (scan.flat) {
            rc = alikassa_json_flat(pool, &scan, inputs);

        } else {
            rc = alikassa_json_build(&scan, &json);

            if (rc == ALIKASSA_OK) {
                rc = alikassa_json_inputs(pool, &json, inputs);
            }
        }
    }

    if (rc == ALIKASSA_ERROR) {
        snprintf(errmsg->text, ALIKASSA_ERRMSG_LEN,
                 "cannot read the JSON object");
    }

    alikassa_json_free(&json);
    alikassa_json_scan_free(&scan);

    return rc;
}


/*
 * Decodes an object without a tree.  A name or a value without an escape points
 * into the text.
 */

static alikassa_rc_t
alikassa_json_flat(const alikassa_pool_t *pool, alikassa_json_scan_t *scan,
    alikassa_inputs_t *inputs)
{
    size_t             i, j, n;
    alikassa_input_t  *input;

    n = scan->nmembers;

    if (n == 0) {
        return ALIKASSA_OK;
    }

    for (i = 1; i < n; i++) {

        for (j = 0; j < i; j++) {

            if (alikassa_str_eq(&scan->members[i].name,
                                &scan->members[j].name))
            {
                return alikassa_json_equal_names(scan);
            }
        }
    }

    input = alikassa_alloc(pool, n * sizeof(alikassa_input_t));
    if (input == NULL) {
        return ALIKASSA_ERROR;
    }

    memcpy(input, scan->members, n * sizeof(alikassa_input_t));

    for (i = 0; i < n; i++) {

        if ((scan->escaped & ((uint32_t) 1 << i))
            && alikassa_json_unescape(pool, &input[i].value) != ALIKASSA_OK)
        {
            return ALIKASSA_ERROR;
        }

        inputs->lengths |= alikassa_input_length(&input[i].name);
    }

    inputs->elts = input;
    inputs->nelts = n;

    return ALIKASSA_OK;
}


/*
 * Unescapes a string of the text into the pool.  Escapes of one character are
 * undone here, because PHP escapes each "/" of a link; a string with \u is
 * left to cJSON.
 */

static alikassa_rc_t
alikassa_json_unescape(const alikassa_pool_t *pool, alikassa_str_t *value)
{
    size_t                n;
    const char           *letter;
    unsigned char        *dst, *d;
    const unsigned char  *p, *last, *escape;

    static const char  letters[] = "bfnrt";
    static const char  controls[] = "\b\f\n\r\t";

    dst = alikassa_alloc(pool, value->len);
    if (dst == NULL) {
        return ALIKASSA_ERROR;
    }

    d = dst;
    p = value->data;
    last = p + value->len;

    while ((escape = memchr(p, '\\', (size_t) (last - p))) != NULL) {

        n = (size_t) (escape - p);

        memcpy(d, p, n);
        d += n;

        p = escape + 2;

        if (escape[1] == 'u') {
            return alikassa_json_unescape_code(value, dst);
        }

        letter = memchr(letters, escape[1], sizeof(letters) - 1);

        *d++ = letter ? (unsigned char) controls[letter - letters] : escape[1];
    }

    n = (size_t) (last - p);

    memcpy(d, p, n);

    value->data = dst;
    value->len = (size_t) (d - dst) + n;

    return ALIKASSA_OK;
}


/*
 * Lets cJSON unescape a string, whose quotation marks are around value.  dst
 * has room for value->len bytes, and an unescaped string is never longer.
 */

static alikassa_rc_t
alikassa_json_unescape_code(alikassa_str_t *value, unsigned char *dst)
{
    size_t       len, size;
    cJSON       *item;
    const char  *text, *end;

    text = (const char *) value->data - 1;
    size = value->len + 2;

    item = cJSON_ParseWithLengthOpts(text, size, &end, 0);

    if (!cJSON_IsString(item) || end != text + size) {
        cJSON_Delete(item);
        return ALIKASSA_ERROR;
    }

    len = strlen(item->valuestring);

    if (len > value->len) {
        cJSON_Delete(item);
        return ALIKASSA_ERROR;
    }

    memcpy(dst, item->valuestring, len);

    cJSON_Delete(item);

    value->data = dst;
    value->len = len;

    return ALIKASSA_OK;
}


static alikassa_rc_t
alikassa_json_equal_names(alikassa_json_scan_t *scan)
{
    snprintf(scan->errmsg->text, ALIKASSA_ERRMSG_LEN,
             "equal names in one object");

    return ALIKASSA_DECLINED;
}


/*
 * Copies the names and strings, which belong to the tree, to one piece of
 * memory.
 */

static alikassa_rc_t
alikassa_json_inputs(const alikassa_pool_t *pool, const alikassa_json_t *json,
    alikassa_inputs_t *inputs)
{
    size_t             n, size;
    const cJSON       *item;
    unsigned char     *dst;
    alikassa_input_t  *input;

    n = 0;
    size = 1;       /* an empty name and nothing else is possible */

    for (item = json->root->child; item != NULL; item = item->next) {

        n++;
        size += strlen(item->string);

        if (cJSON_IsString(item)) {
            size += strlen(item->valuestring);
        }
    }

    if (n == 0) {
        return ALIKASSA_OK;
    }

    input = alikassa_alloc(pool, n * sizeof(alikassa_input_t));
    if (input == NULL) {
        return ALIKASSA_ERROR;
    }

    dst = alikassa_alloc(pool, size);
    if (dst == NULL) {
        return ALIKASSA_ERROR;
    }

    inputs->elts = input;
    inputs->nelts = n;

    for (item = json->root->child; item != NULL; item = item->next, input++) {

        alikassa_json_scalar(json, item, input);

        input->name.len = strlen(item->string);
        input->name.data = (const unsigned char *) item->string;

        dst = alikassa_json_keep(&input->name, dst);

        inputs->lengths |= alikassa_input_length(&input->name);

        if (input->type == ALIKASSA_VALUE_STRING) {
            dst = alikassa_json_keep(&input->value, dst);
        }
    }

    return ALIKASSA_OK;
}


/*
 * Moves s to dst and returns what is behind it.
 */

static unsigned char *
alikassa_json_keep(alikassa_str_t *s, unsigned char *dst)
{
    memcpy(dst, s->data, s->len);

    s->data = dst;

    return dst + s->len;
}
