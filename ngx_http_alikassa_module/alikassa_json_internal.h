
/*
 * What the proof of a JSON text leaves to the one who makes the tree.
 */


#ifndef _ALIKASSA_JSON_INTERNAL_H_INCLUDED_
#define _ALIKASSA_JSON_INTERNAL_H_INCLUDED_


#include "alikassa_json.h"


/* so many numbers are noted without another allocation */
#define ALIKASSA_JSON_FEW_NUMBERS  32


/* an array or object that is not closed yet */

typedef struct {
    size_t                   names;
    unsigned char            close;
} alikassa_json_level_t;


typedef struct {
    const unsigned char     *start;
    const unsigned char     *p;
    const unsigned char     *last;

    alikassa_str_t           value;         /* without the space around */

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


/*
 * Proves text, which must not be empty, as alikassa_json_parse() promises,
 * but for equal names.  Whatever the result, scan->numbers must be freed with
 * cJSON_free() unless it is scan->few.
 */

alikassa_rc_t alikassa_json_scan(alikassa_json_scan_t *scan,
    const alikassa_str_t *text, alikassa_reason_t *reason);


#endif /* _ALIKASSA_JSON_INTERNAL_H_INCLUDED_ */
