
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The values of the fields of a request, before and while they are validated.
 */


#ifndef _ALIKASSA_PARAM_H_INCLUDED_
#define _ALIKASSA_PARAM_H_INCLUDED_


#include "alikassa_input.h"
#include "alikassa_operation.h"


/*
 * The value of one field.  type is how the client wrote the value; a value
 * that the operator sets is a string.
 */

typedef struct {
    alikassa_str_t           value;
    alikassa_value_type_t    type;
    unsigned                 given:1;       /* the field is sent */
    unsigned                 repeated:1;    /* the client sent it twice */
    unsigned                 malformed:1;   /* not UTF-8, or with a NUL */
    unsigned                 plain:1;       /* see alikassa_json_plain() */
} alikassa_param_t;


/* a field that is not in the operation's table; it is sent as a string */

typedef struct {
    alikassa_str_t           name;
    alikassa_param_t         param;
} alikassa_extra_t;


/*
 * The fields of a request.  known[] has the order of the operation's table;
 * only the first nfields of that operation are used.  extra[] belongs to the
 * caller and has the order in which these fields are signed.
 */

typedef struct {
    alikassa_param_t         known[ALIKASSA_MAX_FIELDS];
    alikassa_extra_t        *extra;
    size_t                   nextra;
} alikassa_fields_t;


/*
 * Takes the value that a client sent.  null and an empty string count as not
 * given, because an empty input of an HTML form sends an empty string.  The
 * value is not copied: the decoded body must outlive param.
 */

void alikassa_param_take(alikassa_param_t *param,
    const alikassa_input_t *input);


/*
 * Takes a text that the operator sets.  An empty text counts as not given; a
 * text that is not UTF-8 or that contains a NUL is marked as malformed.  The
 * text is not copied: it must outlive param.
 */

void alikassa_param_set(alikassa_param_t *param, const alikassa_str_t *value);


#endif /* _ALIKASSA_PARAM_H_INCLUDED_ */
