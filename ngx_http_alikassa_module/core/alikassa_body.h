
/*
 * From fields to the bytes that are signed.
 */


#ifndef _ALIKASSA_BODY_H_INCLUDED_
#define _ALIKASSA_BODY_H_INCLUDED_


#include "alikassa_input.h"
#include "alikassa_operation.h"


typedef enum {
    ALIKASSA_VALIDATE_STRICT = 0,   /* all of the page's rules and tables */
    ALIKASSA_VALIDATE_FIELDS,       /* types and limits; any service, code */
    ALIKASSA_VALIDATE_OFF           /* what JSON and decimal need */
} alikassa_validate_t;


/*
 * A field to be sent.  For a field of the operation, the slot of its index in
 * alikassa_fields_t.known; for any other, an entry of .extra, which is always
 * sent as a string.
 *
 * type tells how the client spelt the value (a set value is a string).
 */

typedef struct {
    alikassa_str_t           value;
    alikassa_value_type_t    type;
    unsigned                 given:1;
    unsigned                 repeated:1;
    unsigned                 malformed:1;
    unsigned                 plain:1;       /* see alikassa_json_plain() */
} alikassa_param_t;


typedef struct {
    alikassa_str_t           name;
    alikassa_param_t         param;
} alikassa_extra_t;


typedef struct {
    alikassa_param_t         known[ALIKASSA_MAX_FIELDS];
    alikassa_extra_t        *extra;
    size_t                   nextra;
} alikassa_fields_t;


/*
 * One faulty field.  The message is fit for a payer's eyes.  Both point to
 * static text, the operation's row or the pool.
 */

typedef struct {
    alikassa_str_t           field;
    alikassa_str_t           message;
} alikassa_fault_t;


typedef struct {
    alikassa_fault_t         elts[ALIKASSA_MAX_FIELDS + 1];
    size_t                   nelts;
} alikassa_faults_t;


/*
 * Takes a client's value as the field's: null and an empty string count as
 * not given, as an empty input of a form does.
 */

void alikassa_param_take(alikassa_param_t *param,
    const alikassa_input_t *input);


/*
 * Sets the field to a text of the operator's; nothing is not given.  What is
 * not UTF-8 or holds a NUL is malformed.  The text is not copied.
 */

void alikassa_param_set(alikassa_param_t *param, const alikassa_str_t *value);


/*
 * Validates all fields and, if there is no fault, writes the body as PHP's
 * json_encode() writes the same data: fields in the operation's order, then
 * the extra ones in theirs.  Amounts lose trailing zeros, are never rounded;
 * fields->known[] values of amounts and integers are replaced by their
 * canonical text, so that "100.50" and "100.5" give one body.
 *
 * ALIKASSA_OK: *body holds the text, from the pool, in one exact allocation.
 * ALIKASSA_DECLINED: faults lists every faulty field, in order, one message
 * a field.
 * ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_body_build(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, alikassa_validate_t validate,
    alikassa_fields_t *fields, alikassa_str_t *body,
    alikassa_faults_t *faults);


/*
 * Writes {"message":"...","errors":{"field":["..."],...}}, AliKassa's own
 * shape of a refusal, into the pool.  faults may be NULL or empty: then
 * errors is {}.
 *
 * ALIKASSA_OK, or ALIKASSA_ERROR: no memory.
 */

alikassa_rc_t alikassa_refusal_write(const alikassa_pool_t *pool,
    const alikassa_str_t *message, const alikassa_faults_t *faults,
    alikassa_str_t *out);


#endif /* _ALIKASSA_BODY_H_INCLUDED_ */
