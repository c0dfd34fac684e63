
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include <stdio.h>

#include "alikassa_utf8.h"
#include "alikassa_validate.h"
#include "alikassa_value.h"


/* a message that lists the allowed bank codes; a longer one is cut */
#define ALIKASSA_MESSAGE_MAX  1024


/* what follows "The order id" in a message */

typedef enum {
    ALIKASSA_TEXT_REQUIRED = 0,
    ALIKASSA_TEXT_REPEATED,
    ALIKASSA_TEXT_MALFORMED,
    ALIKASSA_TEXT_AMOUNT,
    ALIKASSA_TEXT_INTEGER,
    ALIKASSA_TEXT_STRING,
    ALIKASSA_TEXT_CONTROLS,
    ALIKASSA_TEXT_IP,
    ALIKASSA_TEXT_URL
} alikassa_text_t;


/* a message that is being written */

typedef struct {
    unsigned char           *pos;
    unsigned char           *last;
    unsigned char            start[ALIKASSA_MESSAGE_MAX];
} alikassa_message_t;


static alikassa_rc_t alikassa_validate_field(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, alikassa_validate_t validate, size_t i,
    alikassa_fields_t *fields, alikassa_str_t *message);
static alikassa_rc_t alikassa_validate_text(const alikassa_pool_t *pool,
    const alikassa_field_t *field, const alikassa_param_t *param,
    alikassa_str_t *message);
static alikassa_rc_t alikassa_validate_service(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, const alikassa_field_t *field,
    const alikassa_param_t *param, alikassa_str_t *message);
static alikassa_rc_t alikassa_validate_code(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, const alikassa_field_t *field,
    const alikassa_param_t *param, const alikassa_fields_t *fields,
    alikassa_str_t *message);
static const alikassa_service_t *alikassa_validate_find_service(
    const alikassa_operation_t *op, const alikassa_fields_t *fields);
static alikassa_rc_t alikassa_validate_exactly_one(
    const alikassa_pool_t *pool, const alikassa_operation_t *op,
    const alikassa_fields_t *fields, alikassa_field_errors_t *errors);
static alikassa_rc_t alikassa_validate_extra(const alikassa_pool_t *pool,
    const alikassa_fields_t *fields, alikassa_field_errors_t *errors);
static int alikassa_validate_is_blank(const alikassa_str_t *value);
static size_t alikassa_validate_space(const unsigned char *p, size_t len);
static alikassa_rc_t alikassa_message_text(const alikassa_pool_t *pool,
    alikassa_str_t *message, const alikassa_str_t *name,
    alikassa_text_t text);
static void alikassa_message_init(alikassa_message_t *m);
static void alikassa_message_add(alikassa_message_t *m, const char *text);
static void alikassa_message_add_str(alikassa_message_t *m,
    const alikassa_str_t *text);
static void alikassa_message_add_name(alikassa_message_t *m,
    const alikassa_str_t *name);
static void alikassa_message_add_bytes(alikassa_message_t *m,
    const void *data, size_t len);
static alikassa_rc_t alikassa_message_copy(const alikassa_pool_t *pool,
    const alikassa_message_t *m, alikassa_str_t *message);


static const char *const  alikassa_texts[] = {
    [ALIKASSA_TEXT_REQUIRED] = " field is required.",
    [ALIKASSA_TEXT_REPEATED] = " field was sent more than once.",
    [ALIKASSA_TEXT_MALFORMED] = " field is not valid UTF-8 text.",
    [ALIKASSA_TEXT_AMOUNT] = (" must be a number from 0.01 to 999999999.99 "
                              "with at most two decimals."),
    [ALIKASSA_TEXT_INTEGER] = " must be a positive integer.",
    [ALIKASSA_TEXT_STRING] = " must be a string.",
    [ALIKASSA_TEXT_CONTROLS] = " may not have control characters.",
    [ALIKASSA_TEXT_IP] = " must be a valid IP address.",
    [ALIKASSA_TEXT_URL] = " must be a valid http or https URL."
};


/*
 * The white space that PHP's trim() and Laravel's "required" rule ignore,
 * Unicode's included.
 */

static const alikassa_str_t  alikassa_spaces[] = {
    alikassa_string(" "),
    alikassa_string("\t"),
    alikassa_string("\n"),
    alikassa_string("\v"),
    alikassa_string("\f"),
    alikassa_string("\r"),
    alikassa_string("\xc2\x85"),
    alikassa_string("\xc2\xa0"),
    alikassa_string("\xe1\x9a\x80"),
    alikassa_string("\xe2\x80\x80"),
    alikassa_string("\xe2\x80\x81"),
    alikassa_string("\xe2\x80\x82"),
    alikassa_string("\xe2\x80\x83"),
    alikassa_string("\xe2\x80\x84"),
    alikassa_string("\xe2\x80\x85"),
    alikassa_string("\xe2\x80\x86"),
    alikassa_string("\xe2\x80\x87"),
    alikassa_string("\xe2\x80\x88"),
    alikassa_string("\xe2\x80\x89"),
    alikassa_string("\xe2\x80\x8a"),
    alikassa_string("\xe2\x80\x8b"),
    alikassa_string("\xe2\x80\xa8"),
    alikassa_string("\xe2\x80\xa9"),
    alikassa_string("\xe2\x80\xaf"),
    alikassa_string("\xe2\x81\x9f"),
    alikassa_string("\xe3\x80\x80"),
    alikassa_string("\xef\xbb\xbf"),
    alikassa_null_string
};


alikassa_rc_t
alikassa_validate_fields(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, alikassa_validate_t validate,
    alikassa_fields_t *fields, alikassa_field_errors_t *errors)
{
    size_t                   i;
    alikassa_rc_t            rc;
    alikassa_str_t           message;
    alikassa_field_error_t  *error;

    errors->nelts = 0;

    for (i = 0; i < op->nfields; i++) {

        rc = alikassa_validate_field(pool, op, validate, i, fields, &message);

        if (rc == ALIKASSA_ERROR) {
            return rc;
        }

        if (rc == ALIKASSA_DECLINED) {
            error = &errors->elts[errors->nelts++];
            error->field = op->fields[i].name;
            error->message = message;
        }
    }

    if (op->exactly_one_field && errors->nelts == 0) {

        rc = alikassa_validate_exactly_one(pool, op, fields, errors);

        if (rc == ALIKASSA_ERROR) {
            return rc;
        }
    }

    if (alikassa_validate_extra(pool, fields, errors) == ALIKASSA_ERROR) {
        return ALIKASSA_ERROR;
    }

    return errors->nelts ? ALIKASSA_DECLINED : ALIKASSA_OK;
}


/*
 * Validates the field of this index.  ALIKASSA_DECLINED: message says what is
 * wrong.
 */

static alikassa_rc_t
alikassa_validate_field(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, alikassa_validate_t validate, size_t i,
    alikassa_fields_t *fields, alikassa_str_t *message)
{
    alikassa_str_t           canonical;
    alikassa_param_t        *param;
    const alikassa_field_t  *field;

    field = &op->fields[i];
    param = &fields->known[i];

    if (!param->given) {

        if (field->required && validate != ALIKASSA_VALIDATE_OFF) {
            return alikassa_message_text(pool, message, &field->name,
                                         ALIKASSA_TEXT_REQUIRED);
        }

        return ALIKASSA_OK;
    }

    if (param->repeated) {
        return alikassa_message_text(pool, message, &field->name,
                                     ALIKASSA_TEXT_REPEATED);
    }

    if (param->malformed) {
        return alikassa_message_text(pool, message, &field->name,
                                     ALIKASSA_TEXT_MALFORMED);
    }

    switch (field->type) {

    case ALIKASSA_FIELD_AMOUNT:

        if (param->type > ALIKASSA_VALUE_NUMBER
            || !alikassa_amount(&param->value, &canonical))
        {
            return alikassa_message_text(pool, message, &field->name,
                                         ALIKASSA_TEXT_AMOUNT);
        }

        param->value = canonical;

        return ALIKASSA_OK;

    case ALIKASSA_FIELD_INTEGER:

        if (param->type > ALIKASSA_VALUE_NUMBER
            || !alikassa_integer(&param->value))
        {
            return alikassa_message_text(pool, message, &field->name,
                                         ALIKASSA_TEXT_INTEGER);
        }

        return ALIKASSA_OK;

    default:
        break;
    }

    if (param->type != ALIKASSA_VALUE_STRING) {
        return alikassa_message_text(pool, message, &field->name,
                                     ALIKASSA_TEXT_STRING);
    }

    if (validate == ALIKASSA_VALIDATE_OFF) {
        return ALIKASSA_OK;
    }

    if (validate == ALIKASSA_VALIDATE_STRICT && field->clean
        && alikassa_utf8_controls(&param->value)
        && !alikassa_validate_is_blank(&param->value))
    {
        return alikassa_message_text(pool, message, &field->name,
                                     ALIKASSA_TEXT_CONTROLS);
    }

    if (validate == ALIKASSA_VALIDATE_STRICT && op->nservices) {

        if (field->role == ALIKASSA_ROLE_SERVICE) {
            return alikassa_validate_service(pool, op, field, param, message);
        }

        if (field->role == ALIKASSA_ROLE_CODE) {
            return alikassa_validate_code(pool, op, field, param, fields,
                                          message);
        }
    }

    return alikassa_validate_text(pool, field, param, message);
}


/*
 * Validates a string by its own: not blank, not too long, and an address or a
 * URL where the field is one.
 */

static alikassa_rc_t
alikassa_validate_text(const alikassa_pool_t *pool,
    const alikassa_field_t *field, const alikassa_param_t *param,
    alikassa_str_t *message)
{
    size_t              chars;
    char                max[sizeof("4294967295")];
    alikassa_message_t  m;

    if (alikassa_validate_is_blank(&param->value)) {
        return alikassa_message_text(pool, message, &field->name,
                                     ALIKASSA_TEXT_REQUIRED);
    }

    chars = param->value.len;

    if (!param->plain) {
        (void) alikassa_utf8_check(&param->value, &chars);
    }

    if (field->max && chars > field->max) {

        snprintf(max, sizeof(max), "%u", field->max);

        alikassa_message_init(&m);
        alikassa_message_add(&m, "The ");
        alikassa_message_add_name(&m, &field->name);
        alikassa_message_add(&m, " may not be greater than ");
        alikassa_message_add(&m, max);
        alikassa_message_add(&m, " characters.");

        return alikassa_message_copy(pool, &m, message);
    }

    if (field->type == ALIKASSA_FIELD_IP && !alikassa_ip(&param->value)) {
        return alikassa_message_text(pool, message, &field->name,
                                     ALIKASSA_TEXT_IP);
    }

    if (field->type == ALIKASSA_FIELD_URL && !alikassa_url(&param->value, 0)) {
        return alikassa_message_text(pool, message, &field->name,
                                     ALIKASSA_TEXT_URL);
    }

    return ALIKASSA_OK;
}


/*
 * Looks for the value among the operation's services.
 */

static alikassa_rc_t
alikassa_validate_service(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, const alikassa_field_t *field,
    const alikassa_param_t *param, alikassa_str_t *message)
{
    size_t              i;
    alikassa_message_t  m;

    for (i = 0; i < op->nservices; i++) {

        if (alikassa_str_eq(&op->services[i].name, &param->value)) {
            return ALIKASSA_OK;
        }
    }

    alikassa_message_init(&m);
    alikassa_message_add(&m, "The selected ");
    alikassa_message_add_name(&m, &field->name);
    alikassa_message_add(&m, " is invalid; allowed: ");

    for (i = 0; i < op->nservices; i++) {

        if (i) {
            alikassa_message_add(&m, ", ");
        }

        alikassa_message_add_str(&m, &op->services[i].name);
    }

    alikassa_message_add(&m, ".");

    return alikassa_message_copy(pool, &m, message);
}


/*
 * Looks for the value among the bank codes of the given service.  If the
 * service is missing or unknown, which is an error of the service field, the
 * code is validated as an ordinary string.
 */

static alikassa_rc_t
alikassa_validate_code(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, const alikassa_field_t *field,
    const alikassa_param_t *param, const alikassa_fields_t *fields,
    alikassa_str_t *message)
{
    size_t                     i;
    alikassa_message_t         m;
    const alikassa_service_t  *service;

    service = alikassa_validate_find_service(op, fields);

    if (service == NULL) {
        return alikassa_validate_text(pool, field, param, message);
    }

    for (i = 0; i < service->nbanks; i++) {

        if (alikassa_str_eq(&service->banks[i].code, &param->value)) {
            return ALIKASSA_OK;
        }
    }

    alikassa_message_init(&m);
    alikassa_message_add(&m, "The selected ");
    alikassa_message_add_name(&m, &field->name);
    alikassa_message_add(&m, " is invalid for ");
    alikassa_message_add_str(&m, &service->name);
    alikassa_message_add(&m, "; allowed: ");

    for (i = 0; i < service->nbanks; i++) {

        if (i) {
            alikassa_message_add(&m, ", ");
        }

        alikassa_message_add_str(&m, &service->banks[i].code);
    }

    alikassa_message_add(&m, ".");

    return alikassa_message_copy(pool, &m, message);
}


/*
 * Returns the service that the fields name, or NULL.
 */

static const alikassa_service_t *
alikassa_validate_find_service(const alikassa_operation_t *op,
    const alikassa_fields_t *fields)
{
    int                      field;
    size_t                   i;
    const alikassa_param_t  *param;

    field = alikassa_operation_role(op, ALIKASSA_ROLE_SERVICE);

    if (field < 0) {
        return NULL;
    }

    param = &fields->known[field];

    if (!param->given || param->repeated || param->malformed
        || param->type != ALIKASSA_VALUE_STRING)
    {
        return NULL;
    }

    for (i = 0; i < op->nservices; i++) {

        if (alikassa_str_eq(&op->services[i].name, &param->value)) {
            return &op->services[i];
        }
    }

    return NULL;
}


/*
 * Demands exactly one of the operation's fields: with both order_id and id, a
 * status response would not tell which of the two orders it is about.
 */

static alikassa_rc_t
alikassa_validate_exactly_one(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, const alikassa_fields_t *fields,
    alikassa_field_errors_t *errors)
{
    size_t                   i, given, last;
    alikassa_message_t       m;
    alikassa_field_error_t  *error;

    given = 0;
    last = 0;

    for (i = 0; i < op->nfields; i++) {

        if (fields->known[i].given) {
            given++;
            last = i;
        }
    }

    if (given == 1) {
        return ALIKASSA_OK;
    }

    alikassa_message_init(&m);
    alikassa_message_add(&m, given ? "Only one of " : "The ");

    for (i = 0; i < op->nfields; i++) {

        if (i) {
            alikassa_message_add(&m, given ? " and " : " or ");
        }

        alikassa_message_add_name(&m, &op->fields[i].name);
    }

    alikassa_message_add(&m, given ? " may be sent."
                                   : alikassa_texts[ALIKASSA_TEXT_REQUIRED]);

    error = &errors->elts[errors->nelts++];
    error->field = op->fields[last].name;

    return alikassa_message_copy(pool, &m, &error->message);
}


/*
 * Adds an error for the first extra field that is malformed.  The operator
 * sets these fields, and one error shows what to correct.
 */

static alikassa_rc_t
alikassa_validate_extra(const alikassa_pool_t *pool,
    const alikassa_fields_t *fields, alikassa_field_errors_t *errors)
{
    size_t                   i;
    alikassa_field_error_t  *error;

    for (i = 0; i < fields->nextra; i++) {

        if (!fields->extra[i].param.malformed) {
            continue;
        }

        error = &errors->elts[errors->nelts++];
        error->field = fields->extra[i].name;

        return alikassa_message_text(pool, &error->message, &error->field,
                                     ALIKASSA_TEXT_MALFORMED);
    }

    return ALIKASSA_OK;
}


alikassa_rc_t
alikassa_validate_missing(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, alikassa_field_role_t role,
    alikassa_field_errors_t *errors)
{
    int                      field;
    alikassa_field_error_t  *error;

    errors->nelts = 0;

    field = alikassa_operation_role(op, role);

    if (field < 0) {
        return ALIKASSA_ERROR;
    }

    error = &errors->elts[errors->nelts++];
    error->field = op->fields[field].name;

    if (alikassa_message_text(pool, &error->message, &error->field,
                              ALIKASSA_TEXT_REQUIRED)
        == ALIKASSA_ERROR)
    {
        return ALIKASSA_ERROR;
    }

    return ALIKASSA_OK;
}


/*
 * Tells whether the value consists of white space only.
 */

static int
alikassa_validate_is_blank(const alikassa_str_t *value)
{
    size_t  i, n;

    for (i = 0; i < value->len; i += n) {

        n = alikassa_validate_space(value->data + i, value->len - i);

        if (n == 0) {
            return 0;
        }
    }

    return 1;
}


/*
 * Returns the number of bytes of the white space character at p, or 0 if
 * another character is there.
 */

static size_t
alikassa_validate_space(const unsigned char *p, size_t len)
{
    const alikassa_str_t  *space;

    if (*p > ' ' && *p < 0x80) {
        return 0;
    }

    for (space = alikassa_spaces; space->len; space++) {

        if (space->len <= len && memcmp(p, space->data, space->len) == 0) {
            return space->len;
        }
    }

    return 0;
}


/*
 * Writes "The order id" and the text.  Returns what alikassa_message_copy()
 * returns.
 */

static alikassa_rc_t
alikassa_message_text(const alikassa_pool_t *pool, alikassa_str_t *message,
    const alikassa_str_t *name, alikassa_text_t text)
{
    alikassa_message_t  m;

    alikassa_message_init(&m);
    alikassa_message_add(&m, "The ");
    alikassa_message_add_name(&m, name);
    alikassa_message_add(&m, alikassa_texts[text]);

    return alikassa_message_copy(pool, &m, message);
}


static void
alikassa_message_init(alikassa_message_t *m)
{
    m->pos = m->start;
    m->last = m->start + ALIKASSA_MESSAGE_MAX;
}


static void
alikassa_message_add(alikassa_message_t *m, const char *text)
{
    alikassa_message_add_bytes(m, text, strlen(text));
}


static void
alikassa_message_add_str(alikassa_message_t *m, const alikassa_str_t *text)
{
    alikassa_message_add_bytes(m, text->data, text->len);
}


/*
 * Adds the name of a field as Laravel shows it: "_" becomes a space.
 */

static void
alikassa_message_add_name(alikassa_message_t *m, const alikassa_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        alikassa_message_add_bytes(m, name->data[i] == '_'
                                      ? (const void *) " " : &name->data[i],
                                   1);
    }
}


/*
 * Adds as many bytes as there is room for.
 */

static void
alikassa_message_add_bytes(alikassa_message_t *m, const void *data,
    size_t len)
{
    if (len > (size_t) (m->last - m->pos)) {
        len = (size_t) (m->last - m->pos);
    }

    memcpy(m->pos, data, len);
    m->pos += len;
}


/*
 * Copies the message to the pool.  Returns ALIKASSA_DECLINED, for the field
 * is invalid, or ALIKASSA_ERROR if there is no memory.
 */

static alikassa_rc_t
alikassa_message_copy(const alikassa_pool_t *pool,
    const alikassa_message_t *m, alikassa_str_t *message)
{
    unsigned char  *dst;

    message->len = (size_t) (m->pos - m->start);

    dst = alikassa_alloc(pool, message->len);
    if (dst == NULL) {
        return ALIKASSA_ERROR;
    }

    memcpy(dst, m->start, message->len);
    message->data = dst;

    return ALIKASSA_DECLINED;
}
