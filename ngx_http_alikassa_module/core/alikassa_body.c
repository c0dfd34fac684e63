
/*
 * From fields to the bytes that are signed.
 *
 * First all fields are validated, then the body is measured and written: one
 * allocation of the exact size.
 */


#include "alikassa_body.h"
#include "alikassa_json.h"
#include "alikassa_utf8.h"
#include "alikassa_value.h"


/* a message that names what is allowed, with bank codes */
#define ALIKASSA_MESSAGE_MAX  1024


/* a message in the making; too long a one is cut, never overrun */

typedef struct {
    unsigned char           *pos;
    unsigned char           *last;
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
static alikassa_rc_t alikassa_validate_one_of(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, const alikassa_fields_t *fields,
    alikassa_faults_t *faults);
static const alikassa_service_t *alikassa_find_service(
    const alikassa_operation_t *op, const alikassa_fields_t *fields);
static int alikassa_blank(const alikassa_str_t *value);
static size_t alikassa_space(const unsigned char *p, size_t len);
static alikassa_rc_t alikassa_fault(const alikassa_pool_t *pool,
    alikassa_str_t *message, const alikassa_str_t *name, const char *words);
static void alikassa_message_add(alikassa_message_t *m, const void *data,
    size_t len);
static void alikassa_message_name(alikassa_message_t *m,
    const alikassa_str_t *name);
static alikassa_rc_t alikassa_message_keep(const alikassa_pool_t *pool,
    const alikassa_message_t *m, const unsigned char *start,
    alikassa_str_t *message);
static size_t alikassa_body_length(const alikassa_operation_t *op,
    const alikassa_fields_t *fields);
static size_t alikassa_body_value_length(const alikassa_field_t *field,
    const alikassa_param_t *param);
static void alikassa_body_write(unsigned char *dst,
    const alikassa_operation_t *op, const alikassa_fields_t *fields);
static size_t alikassa_body_write_value(unsigned char *dst,
    const alikassa_field_t *field, const alikassa_param_t *param);
static int alikassa_body_bare(const alikassa_field_t *field);
static size_t alikassa_refusal_length(const alikassa_str_t *message,
    const alikassa_faults_t *faults, unsigned char *dst);


void
alikassa_param_take(alikassa_param_t *param, const alikassa_input_t *input)
{
    param->value = input->value;
    param->type = input->type;
    param->repeated = input->repeated;
    param->malformed = input->malformed;
    param->plain = input->plain || alikassa_json_plain(&input->value);

    param->given = input->repeated
                   || input->malformed
                   || (input->type != ALIKASSA_VALUE_NULL
                       && (input->value.len != 0
                           || input->type >= ALIKASSA_VALUE_ARRAY));
}


void
alikassa_param_set(alikassa_param_t *param, const alikassa_str_t *value)
{
    param->value = *value;
    param->type = ALIKASSA_VALUE_STRING;
    param->repeated = 0;
    param->plain = alikassa_json_plain(value);
    param->given = value->len != 0;

    param->malformed = !param->plain
                       && (memchr(value->data, '\0', value->len) != NULL
                           || !alikassa_utf8_check(value, NULL));
}


alikassa_rc_t
alikassa_body_build(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, alikassa_validate_t validate,
    alikassa_fields_t *fields, alikassa_str_t *body,
    alikassa_faults_t *faults)
{
    size_t             i;
    alikassa_rc_t      rc;
    unsigned char     *dst;
    alikassa_str_t     message;
    alikassa_extra_t  *extra;

    faults->nelts = 0;

    for (i = 0; i < op->nfields; i++) {

        rc = alikassa_validate_field(pool, op, validate, i, fields, &message);

        if (rc == ALIKASSA_ERROR) {
            return rc;
        }

        if (rc == ALIKASSA_DECLINED) {
            faults->elts[faults->nelts].field = op->fields[i].name;
            faults->elts[faults->nelts].message = message;
            faults->nelts++;
        }
    }

    if (op->one_of && faults->nelts == 0) {

        rc = alikassa_validate_one_of(pool, op, fields, faults);

        if (rc == ALIKASSA_ERROR) {
            return rc;
        }
    }

    /* the operator's fields: the first fault of theirs is enough */

    for (i = 0; i < fields->nextra; i++) {

        extra = &fields->extra[i];

        if (!extra->param.malformed) {
            continue;
        }

        rc = alikassa_fault(pool, &message, &extra->name,
                            " field is not valid UTF-8 text.");

        if (rc == ALIKASSA_ERROR) {
            return rc;
        }

        faults->elts[faults->nelts].field = extra->name;
        faults->elts[faults->nelts].message = message;
        faults->nelts++;

        break;
    }

    if (faults->nelts) {
        return ALIKASSA_DECLINED;
    }

    body->len = alikassa_body_length(op, fields);

    dst = alikassa_alloc(pool, body->len);
    if (dst == NULL) {
        return ALIKASSA_ERROR;
    }

    alikassa_body_write(dst, op, fields);

    body->data = dst;

    return ALIKASSA_OK;
}


/*
 * ALIKASSA_DECLINED: message says why.  Canonical text replaces that of an
 * amount.
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
            return alikassa_fault(pool, message, &field->name,
                                  " field is required.");
        }

        return ALIKASSA_OK;
    }

    if (param->repeated) {
        return alikassa_fault(pool, message, &field->name,
                              " field was sent more than once.");
    }

    if (param->malformed) {
        return alikassa_fault(pool, message, &field->name,
                              " field is not valid UTF-8 text.");
    }

    switch (field->type) {

    case ALIKASSA_FIELD_AMOUNT:

        if (param->type > ALIKASSA_VALUE_NUMBER
            || !alikassa_amount(&param->value, &canonical))
        {
            return alikassa_fault(pool, message, &field->name,
                                  " must be a number from 0.01 to "
                                  "999999999.99 with at most two decimals.");
        }

        param->value = canonical;

        return ALIKASSA_OK;

    case ALIKASSA_FIELD_INTEGER:

        if (param->type > ALIKASSA_VALUE_NUMBER
            || !alikassa_integer(&param->value))
        {
            return alikassa_fault(pool, message, &field->name,
                                  " must be a positive integer.");
        }

        return ALIKASSA_OK;

    default:
        break;
    }

    if (param->type != ALIKASSA_VALUE_STRING) {
        return alikassa_fault(pool, message, &field->name,
                              " must be a string.");
    }

    if (validate == ALIKASSA_VALIDATE_OFF) {
        return ALIKASSA_OK;
    }

    if (validate == ALIKASSA_VALIDATE_STRICT && field->clean
        && alikassa_utf8_controls(&param->value)
        && !alikassa_blank(&param->value))
    {
        return alikassa_fault(pool, message, &field->name,
                              " may not have control characters.");
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


static alikassa_rc_t
alikassa_validate_text(const alikassa_pool_t *pool,
    const alikassa_field_t *field, const alikassa_param_t *param,
    alikassa_str_t *message)
{
    size_t         chars, n;
    unsigned       max;
    char           words[sizeof(" may not be greater than  characters.") + 10];
    char           digits[10];
    char          *p;

    static const char  before[] = " may not be greater than ";
    static const char  after[] = " characters.";

    if (alikassa_blank(&param->value)) {
        return alikassa_fault(pool, message, &field->name,
                              " field is required.");
    }

    chars = param->value.len;

    if (!param->plain) {
        (void) alikassa_utf8_check(&param->value, &chars);
    }

    if (field->max && chars > field->max) {

        p = words;
        memcpy(p, before, sizeof(before) - 1);
        p += sizeof(before) - 1;

        for (n = 0, max = field->max; max; max /= 10) {
            digits[n++] = (char) ('0' + max % 10);
        }

        while (n) {
            *p++ = digits[--n];
        }

        memcpy(p, after, sizeof(after));

        return alikassa_fault(pool, message, &field->name, words);
    }

    if (field->type == ALIKASSA_FIELD_IP && !alikassa_ip(&param->value)) {
        return alikassa_fault(pool, message, &field->name,
                              " must be a valid IP address.");
    }

    if (field->type == ALIKASSA_FIELD_URL && !alikassa_url(&param->value, 0)) {
        return alikassa_fault(pool, message, &field->name,
                              " must be a valid http or https URL.");
    }

    return ALIKASSA_OK;
}


static alikassa_rc_t
alikassa_validate_service(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, const alikassa_field_t *field,
    const alikassa_param_t *param, alikassa_str_t *message)
{
    size_t              i;
    alikassa_message_t  m;
    unsigned char       text[ALIKASSA_MESSAGE_MAX];

    for (i = 0; i < op->nservices; i++) {

        if (alikassa_str_eq(&op->services[i].name, &param->value)) {
            return ALIKASSA_OK;
        }
    }

    m.pos = text;
    m.last = text + sizeof(text);

    alikassa_message_add(&m, "The selected ", 13);
    alikassa_message_name(&m, &field->name);
    alikassa_message_add(&m, " is invalid; allowed: ", 22);

    for (i = 0; i < op->nservices; i++) {

        if (i) {
            alikassa_message_add(&m, ", ", 2);
        }

        alikassa_message_add(&m, op->services[i].name.data,
                             op->services[i].name.len);
    }

    alikassa_message_add(&m, ".", 1);

    return alikassa_message_keep(pool, &m, text, message);
}


/*
 * Under an unknown service no code can be judged: the service's own fault is
 * told, and the code's form is.
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
    unsigned char              text[ALIKASSA_MESSAGE_MAX];

    service = alikassa_find_service(op, fields);

    if (service == NULL) {
        return alikassa_validate_text(pool, field, param, message);
    }

    for (i = 0; i < service->nbanks; i++) {

        if (alikassa_str_eq(&service->banks[i].code, &param->value)) {
            return ALIKASSA_OK;
        }
    }

    m.pos = text;
    m.last = text + sizeof(text);

    alikassa_message_add(&m, "The selected ", 13);
    alikassa_message_name(&m, &field->name);
    alikassa_message_add(&m, " is invalid for ", 16);
    alikassa_message_add(&m, service->name.data, service->name.len);
    alikassa_message_add(&m, "; allowed: ", 11);

    for (i = 0; i < service->nbanks; i++) {

        if (i) {
            alikassa_message_add(&m, ", ", 2);
        }

        alikassa_message_add(&m, service->banks[i].code.data,
                             service->banks[i].code.len);
    }

    alikassa_message_add(&m, ".", 1);

    return alikassa_message_keep(pool, &m, text, message);
}


static const alikassa_service_t *
alikassa_find_service(const alikassa_operation_t *op,
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
 * order_id or id, and not both: which one the answer is for must be clear.
 */

static alikassa_rc_t
alikassa_validate_one_of(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, const alikassa_fields_t *fields,
    alikassa_faults_t *faults)
{
    size_t              i, given, last;
    alikassa_message_t  m;
    alikassa_fault_t   *fault;
    unsigned char       text[ALIKASSA_MESSAGE_MAX];

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

    m.pos = text;
    m.last = text + sizeof(text);

    alikassa_message_add(&m, given ? "Only one of " : "The ",
                         given ? 12 : 4);

    for (i = 0; i < op->nfields; i++) {

        if (i) {
            alikassa_message_add(&m, given ? " and " : " or ", given ? 5 : 4);
        }

        alikassa_message_name(&m, &op->fields[i].name);
    }

    alikassa_message_add(&m, given ? " may be sent." : " field is required.",
                         given ? 13 : 19);

    fault = &faults->elts[faults->nelts++];
    fault->field = op->fields[last].name;

    return alikassa_message_keep(pool, &m, text, &fault->message);
}


/*
 * White space and nothing else, as PHP's trim() and Laravel's "required" see
 * it, Unicode's included.
 */

static int
alikassa_blank(const alikassa_str_t *value)
{
    size_t  i, n;

    for (i = 0; i < value->len; i += n) {

        n = alikassa_space(value->data + i, value->len - i);

        if (n == 0) {
            return 0;
        }
    }

    return 1;
}


/*
 * The bytes of the white space at p, or 0.
 */

static size_t
alikassa_space(const unsigned char *p, size_t len)
{
    size_t  i, n;

    static const char  *const spaces[] = {
        " ", "\t", "\n", "\v", "\f", "\r",
        "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80",
        "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83",
        "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87",
        "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\x8b",
        "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
        "\xe3\x80\x80", "\xef\xbb\xbf"
    };

    if (*p > ' ' && *p < 0x80) {
        return 0;
    }

    for (i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {

        n = strlen(spaces[i]);

        if (n <= len && memcmp(p, spaces[i], n) == 0) {
            return n;
        }
    }

    return 0;
}


/*
 * "The order id" and the words.
 */

static alikassa_rc_t
alikassa_fault(const alikassa_pool_t *pool, alikassa_str_t *message,
    const alikassa_str_t *name, const char *words)
{
    alikassa_message_t  m;
    unsigned char       text[ALIKASSA_MESSAGE_MAX];

    m.pos = text;
    m.last = text + sizeof(text);

    alikassa_message_add(&m, "The ", 4);
    alikassa_message_name(&m, name);
    alikassa_message_add(&m, words, strlen(words));

    return alikassa_message_keep(pool, &m, text, message);
}


static void
alikassa_message_add(alikassa_message_t *m, const void *data, size_t len)
{
    if (len > (size_t) (m->last - m->pos)) {
        len = (size_t) (m->last - m->pos);
    }

    memcpy(m->pos, data, len);
    m->pos += len;
}


/*
 * A field's name in words, as Laravel has it: "_" becomes a space.
 */

static void
alikassa_message_name(alikassa_message_t *m, const alikassa_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        alikassa_message_add(m, name->data[i] == '_' ? (const void *) " "
                                                     : &name->data[i], 1);
    }
}


/*
 * Always ALIKASSA_DECLINED, for the fault that the message tells, unless
 * there is no memory.
 */

static alikassa_rc_t
alikassa_message_keep(const alikassa_pool_t *pool,
    const alikassa_message_t *m, const unsigned char *start,
    alikassa_str_t *message)
{
    unsigned char  *dst;

    message->len = (size_t) (m->pos - start);

    dst = alikassa_alloc(pool, message->len);
    if (dst == NULL) {
        return ALIKASSA_ERROR;
    }

    memcpy(dst, start, message->len);
    message->data = dst;

    return ALIKASSA_DECLINED;
}


/*
 * A comma or the brace goes before each member, and a brace behind the last;
 * an empty object has both.  The names of the operation's fields are plain.
 */

static size_t
alikassa_body_length(const alikassa_operation_t *op,
    const alikassa_fields_t *fields)
{
    size_t                   i, len;
    const alikassa_param_t  *param;

    len = 0;

    for (i = 0; i < op->nfields; i++) {

        param = &fields->known[i];

        if (param->given) {
            len += sizeof(",\"\":") - 1 + op->fields[i].name.len
                   + alikassa_body_value_length(&op->fields[i], param);
        }
    }

    for (i = 0; i < fields->nextra; i++) {
        len += sizeof(",:") - 1
               + alikassa_json_write_string(NULL, &fields->extra[i].name)
               + alikassa_body_value_length(NULL, &fields->extra[i].param);
    }

    return len ? len + 1 : sizeof("{}") - 1;
}


/*
 * field is NULL for an extra one.
 */

static size_t
alikassa_body_value_length(const alikassa_field_t *field,
    const alikassa_param_t *param)
{
    if (field && alikassa_body_bare(field)) {
        return param->value.len;
    }

    return param->plain ? param->value.len + 2
                        : alikassa_json_write_string(NULL, &param->value);
}


static void
alikassa_body_write(unsigned char *dst, const alikassa_operation_t *op,
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
            dst += alikassa_body_write_value(dst, &op->fields[i], param);
        }
    }

    for (i = 0; i < fields->nextra; i++) {
        *dst++ = c;
        c = ',';

        dst += alikassa_json_write_string(dst, &fields->extra[i].name);
        *dst++ = ':';
        dst += alikassa_body_write_value(dst, NULL, &fields->extra[i].param);
    }

    if (c == '{') {
        *dst++ = c;
    }

    *dst = '}';
}


static size_t
alikassa_body_write_value(unsigned char *dst, const alikassa_field_t *field,
    const alikassa_param_t *param)
{
    if (field && alikassa_body_bare(field)) {
        memcpy(dst, param->value.data, param->value.len);
        return param->value.len;
    }

    return param->plain ? alikassa_json_write_plain(dst, &param->value)
                        : alikassa_json_write_string(dst, &param->value);
}


static int
alikassa_body_bare(const alikassa_field_t *field)
{
    return field->type == ALIKASSA_FIELD_AMOUNT
           || field->type == ALIKASSA_FIELD_INTEGER;
}


alikassa_rc_t
alikassa_refusal_write(const alikassa_pool_t *pool,
    const alikassa_str_t *message, const alikassa_faults_t *faults,
    alikassa_str_t *out)
{
    unsigned char  *dst;

    out->len = alikassa_refusal_length(message, faults, NULL);

    dst = alikassa_alloc(pool, out->len);
    if (dst == NULL) {
        return ALIKASSA_ERROR;
    }

    (void) alikassa_refusal_length(message, faults, dst);

    out->data = dst;

    return ALIKASSA_OK;
}


static size_t
alikassa_refusal_length(const alikassa_str_t *message,
    const alikassa_faults_t *faults, unsigned char *dst)
{
    size_t                   i, len;
    const alikassa_fault_t  *fault;

    static const char  head[] = "{\"message\":";
    static const char  errors[] = ",\"errors\":{";

    len = 0;

#define alikassa_put(s, n)                                                    \
    do {                                                                      \
        if (dst != NULL) {                                                    \
            memcpy(dst + len, s, n);                                          \
        }                                                                     \
        len += (n);                                                           \
    } while (0)

    alikassa_put(head, sizeof(head) - 1);
    len += alikassa_json_write_text(dst ? dst + len : NULL, message);
    alikassa_put(errors, sizeof(errors) - 1);

    for (i = 0; faults != NULL && i < faults->nelts; i++) {

        fault = &faults->elts[i];

        if (i) {
            alikassa_put(",", 1);
        }

        len += alikassa_json_write_text(dst ? dst + len : NULL, &fault->field);
        alikassa_put(":[", 2);
        len += alikassa_json_write_text(dst ? dst + len : NULL,
                                        &fault->message);
        alikassa_put("]", 1);
    }

    alikassa_put("}}", 2);

#undef alikassa_put

    return len;
}
