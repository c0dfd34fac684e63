
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "alikassa_json_string.h"
#include "alikassa_request.h"


static size_t alikassa_request_length(const alikassa_operation_t *op,
    const alikassa_fields_t *fields);
static size_t alikassa_request_value_length(const alikassa_field_t *field,
    const alikassa_param_t *param);
static void alikassa_request_write(unsigned char *dst,
    const alikassa_operation_t *op, const alikassa_fields_t *fields);
static size_t alikassa_request_write_value(unsigned char *dst,
    const alikassa_field_t *field, const alikassa_param_t *param);
static int alikassa_request_is_number(const alikassa_field_t *field);


alikassa_rc_t
alikassa_request_build(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, alikassa_validate_t validate,
    alikassa_fields_t *fields, alikassa_str_t *body,
    alikassa_field_errors_t *errors)
{
    alikassa_rc_t   rc;
    unsigned char  *dst;

    rc = alikassa_validate_fields(pool, op, validate, fields, errors);

    if (rc != ALIKASSA_OK) {
        return rc;
    }

    body->len = alikassa_request_length(op, fields);

    dst = alikassa_alloc(pool, body->len);
    if (dst == NULL) {
        return ALIKASSA_ERROR;
    }

    alikassa_request_write(dst, op, fields);

    body->data = dst;

    return ALIKASSA_OK;
}


/*
 * Returns the exact length.  Each member is preceded by a comma or the opening
 * brace, and the last member is followed by the closing brace; an empty object
 * is the two braces.
 */

static size_t
alikassa_request_length(const alikassa_operation_t *op,
    const alikassa_fields_t *fields)
{
    size_t                   i, len;
    const alikassa_param_t  *param;

    len = 0;

    for (i = 0; i < op->nfields; i++) {

        param = &fields->known[i];

        if (param->given) {
            len += sizeof(",\"\":") - 1 + op->fields[i].name.len
                   + alikassa_request_value_length(&op->fields[i], param);
        }
    }

    for (i = 0; i < fields->nextra; i++) {
        len += sizeof(",:") - 1
               + alikassa_json_write_string(NULL, &fields->extra[i].name)
               + alikassa_request_value_length(NULL, &fields->extra[i].param);
    }

    return len ? len + 1 : sizeof("{}") - 1;
}


/*
 * Returns the length of a value.  field is NULL for an extra field.
 */

static size_t
alikassa_request_value_length(const alikassa_field_t *field,
    const alikassa_param_t *param)
{
    if (field && alikassa_request_is_number(field)) {
        return param->value.len;
    }

    return param->plain ? param->value.len + 2
                        : alikassa_json_write_string(NULL, &param->value);
}


/*
 * Writes what alikassa_request_length() measures.  The names of the
 * operation's fields are plain, see alikassa_json_plain().
 */

static void
alikassa_request_write(unsigned char *dst, const alikassa_operation_t *op,
    const alikassa_fields_t *fields)
{
    size_t                   i;
    unsigned char            c;
    const alikassa_param_t  *param;

    c = '{';

    for (i = 0; i < op->nfields; i++) {

        param = &fields->known[i];

        if (param->given) {
            *dst++ = c;
            c = ',';

            dst += alikassa_json_write_plain(dst, &op->fields[i].name);
            *dst++ = ':';
            dst += alikassa_request_write_value(dst, &op->fields[i], param);
        }
    }

    for (i = 0; i < fields->nextra; i++) {
        *dst++ = c;
        c = ',';

        dst += alikassa_json_write_string(dst, &fields->extra[i].name);
        *dst++ = ':';
        dst += alikassa_request_write_value(dst, NULL, &fields->extra[i].param);
    }

    if (c == '{') {
        *dst++ = c;
    }

    *dst = '}';
}


static size_t
alikassa_request_write_value(unsigned char *dst, const alikassa_field_t *field,
    const alikassa_param_t *param)
{
    if (field && alikassa_request_is_number(field)) {
        memcpy(dst, param->value.data, param->value.len);
        return param->value.len;
    }

    return param->plain ? alikassa_json_write_plain(dst, &param->value)
                        : alikassa_json_write_string(dst, &param->value);
}


/*
 * Tells whether the value of the field is a JSON number, without quotes.
 */

static int
alikassa_request_is_number(const alikassa_field_t *field)
{
    return field->type == ALIKASSA_FIELD_AMOUNT
           || field->type == ALIKASSA_FIELD_INTEGER;
}
