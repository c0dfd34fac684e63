
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The check of a JSON text before cJSON parses it.
 */


#ifndef _ALIKASSA_JSON_SCAN_H_INCLUDED_
#define _ALIKASSA_JSON_SCAN_H_INCLUDED_


#include "alikassa_json.h"


/* numbers that are noted without another allocation */
#define ALIKASSA_JSON_FEW_NUMBERS  32

/* names that are compared with each other; more names are sorted */
#define ALIKASSA_JSON_FEW_NAMES  16


/* an array or object that is not closed yet */

typedef struct {
    size_t                   names;
    unsigned char            close;
} alikassa_json_level_t;


/*
 * What the check has found.  The arrays are not initialized; value and
 * numbers point into the text, which must outlive this structure.
 */

typedef struct {
    const unsigned char     *start;
    const unsigned char     *p;
    const unsigned char     *last;

    alikassa_str_t           value;         /* without white space around */

    size_t                   depth;
    size_t                   items;         /* values and names */
    size_t                   most;          /* names in one object */

    alikassa_str_t          *numbers;       /* few[], or from cJSON_malloc() */
    size_t                   nnumbers;
    size_t                   nalloc;
    size_t                   longest;       /* bytes of a number */

    alikassa_errmsg_t       *errmsg;

    size_t                   escapes;       /* in strings */

    /*
     * flat: the text is an object of few members, all of them scalars, and no
     * name has an escape.  The value of a member is as it is in the text, the
     * value of a string without its quotation marks.  escaped has a bit for
     * each member whose value has an escape.
     */
    unsigned                 flat:1;
    uint32_t                 escaped;
    size_t                   nmembers;
    alikassa_input_t         members[ALIKASSA_JSON_FEW_NAMES];

    alikassa_json_level_t    levels[ALIKASSA_JSON_MAX_DEPTH];
    alikassa_str_t           few[ALIKASSA_JSON_FEW_NUMBERS];
} alikassa_json_scan_t;


_Static_assert(ALIKASSA_JSON_FEW_NAMES <= 32, "a mask has a bit a member");


/*
 * Checks text as alikassa_json_parse() describes, except for equal names.
 * scan must be freed with alikassa_json_scan_free() whatever the result is.
 *
 * ALIKASSA_OK: scan is set.
 * ALIKASSA_DECLINED: errmsg says what is wrong.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_json_scan(alikassa_json_scan_t *scan,
    const alikassa_str_t *text, alikassa_errmsg_t *errmsg);


void alikassa_json_scan_free(alikassa_json_scan_t *scan);


#endif /* _ALIKASSA_JSON_SCAN_H_INCLUDED_ */
