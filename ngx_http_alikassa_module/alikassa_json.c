
/*
 * Proves JSON text, then has cJSON make the tree.
 *
 * Two readers of one text are a risk of their own: what was proven is counted
 * and compared with what the tree holds.
 */


#include <stdio.h>
#include <stdlib.h>

#include "alikassa_input.h"
#include "alikassa_json.h"
#include "alikassa_utf8.h"


/* so many numbers are noted without another allocation */
#define ALIKASSA_JSON_FEW_NUMBERS  32

/* so many names are sooner compared with each other than sorted */
#define ALIKASSA_JSON_FEW_NAMES  16


typedef enum {
    ALIKASSA_JSON_VALUE = 0,        /* a value is to come */
    ALIKASSA_JSON_FIRST_ITEM,       /* a value, or the end of the array */
    ALIKASSA_JSON_FIRST_NAME,       /* a name, or the end of the object */
    ALIKASSA_JSON_NAME,             /* a name */
    ALIKASSA_JSON_NEXT              /* behind a value */
} alikassa_json_state_t;


/* an array or object that is not closed yet */

typedef struct {
    size_t                   names;
    unsigned char            close;
} alikassa_json_level_t;


typedef struct {
    const unsigned char     *start;
    const unsigned char     *p;
    const unsigned char     *last;

    size_t                   depth;
    size_t                   items;
    size_t                   most;          /* names in one object */

    alikassa_str_t          *numbers;       /* few, or from cJSON_malloc() */
    size_t                   nnumbers;
    size_t                   nalloc;

    alikassa_reason_t       *reason;

    alikassa_json_level_t    levels[ALIKASSA_JSON_MAX_DEPTH];
    alikassa_str_t           few[ALIKASSA_JSON_FEW_NUMBERS];
} alikassa_json_scan_t;


/* what is found in the tree */

typedef struct {
    size_t                   items;
    size_t                   nnumbers;
    const char             **names;
    size_t                   most;
} alikassa_json_tree_t;


static alikassa_rc_t alikassa_json_scan(alikassa_json_scan_t *scan,
    alikassa_str_t *value);
static alikassa_rc_t alikassa_json_value(alikassa_json_scan_t *scan,
    alikassa_json_state_t *state);
static alikassa_rc_t alikassa_json_open(alikassa_json_scan_t *scan,
    unsigned char close);
static alikassa_rc_t alikassa_json_name(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_next(alikassa_json_scan_t *scan,
    alikassa_json_state_t *state);
static alikassa_rc_t alikassa_json_string(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_escape(alikassa_json_scan_t *scan);
static int32_t alikassa_json_hex4(const unsigned char *p,
    const unsigned char *last);
static alikassa_rc_t alikassa_json_digits(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_note(alikassa_json_scan_t *scan,
    const unsigned char *data, size_t len);
static alikassa_rc_t alikassa_json_literal(alikassa_json_scan_t *scan,
    const char *name, size_t len);
static alikassa_rc_t alikassa_json_item(alikassa_json_scan_t *scan);
static void alikassa_json_space(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_unexpected(alikassa_json_scan_t *scan);
static alikassa_rc_t alikassa_json_decline(alikassa_json_scan_t *scan,
    const char *what);
static alikassa_rc_t alikassa_json_tree(const alikassa_json_scan_t *scan,
    const alikassa_str_t *value, alikassa_json_t *json);
static alikassa_rc_t alikassa_json_number_items(alikassa_json_tree_t *tree,
    const alikassa_json_t *json, cJSON *item);
static alikassa_rc_t alikassa_json_names(alikassa_json_tree_t *tree,
    const cJSON *item);
static int alikassa_json_compare(const void *one, const void *two);
static void alikassa_json_input(const alikassa_json_t *json,
    const cJSON *item, alikassa_input_t *input, unsigned char **p);
static alikassa_str_t alikassa_json_copy(unsigned char **p, const char *s);


/* what goes through a string as it is: all ASCII but controls, " and \ */

static const unsigned char  alikassa_json_plain[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
};


static const alikassa_str_t  alikassa_json_true = alikassa_string("true");
static const alikassa_str_t  alikassa_json_false = alikassa_string("false");


alikassa_rc_t
alikassa_json_parse(const alikassa_str_t *text, alikassa_json_t *json,
    alikassa_reason_t *reason)
{
    alikassa_rc_t         rc;
    alikassa_str_t        value;
    alikassa_json_scan_t  scan;

    memset(json, 0, sizeof(alikassa_json_t));

    if (text->len == 0) {
        snprintf(reason->text, ALIKASSA_REASON_LEN, "an empty text");
        return ALIKASSA_DECLINED;
    }

    scan.start = text->data;
    scan.p = text->data;
    scan.last = text->data + text->len;
    scan.depth = 0;
    scan.items = 0;
    scan.most = 0;
    scan.numbers = scan.few;
    scan.nnumbers = 0;
    scan.nalloc = ALIKASSA_JSON_FEW_NUMBERS;
    scan.reason = reason;

    rc = alikassa_json_scan(&scan, &value);

    if (rc == ALIKASSA_OK) {
        rc = alikassa_json_tree(&scan, &value, json);

        if (rc == ALIKASSA_DECLINED) {
            snprintf(reason->text, ALIKASSA_REASON_LEN,
                     "equal names in one object");
        }
    }

    if (rc == ALIKASSA_ERROR) {
        snprintf(reason->text, ALIKASSA_REASON_LEN,
                 "no memory for the JSON tree");
    }

    if (rc != ALIKASSA_OK) {
        alikassa_json_free(json);
    }

    if (scan.numbers != scan.few && scan.numbers != json->numbers) {
        cJSON_free(scan.numbers);
    }

    return rc;
}
