
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "alikassa_json.h"
#include "alikassa_response.h"
#include "alikassa_value.h"


typedef struct {
    unsigned                 from;
    unsigned                 to;
    alikassa_outcome_t       outcome;

    /* a rejection, although the order may exist */
    unsigned                 order_may_exist:1;

    /* AliKassa refuses the caller, whatever the order is */
    unsigned                 caller_denied:1;

    /* the response may have Retry-After */
    unsigned                 retry_after:1;

    /* the path of a payment never gives it: the path is wrong */
    unsigned                 wrong_path:1;
} alikassa_response_status_t;


typedef struct {
    alikassa_str_t           name;
    size_t                   offset;
} alikassa_response_member_t;


static alikassa_rc_t alikassa_response_members_read(
    const alikassa_pool_t *pool, const alikassa_inputs_t *inputs,
    alikassa_response_t *response);
static const alikassa_response_status_t *alikassa_response_status(
    unsigned status);
static alikassa_rc_t alikassa_response_names_order(const alikassa_str_t *body,
    alikassa_response_t *response);
static int alikassa_response_errors_name(const cJSON *errors);
static int alikassa_response_field(const char *name);
static int alikassa_response_text(const cJSON *item);


/*
 * The first row that fits counts.  408 means that the server did not receive
 * the whole request, or believes so; 409 means that the order conflicts with
 * one that the server has.
 */

static const alikassa_response_status_t  alikassa_response_statuses[] = {
    { 200, 299, ALIKASSA_OUTCOME_ACCEPTED, 0, 0, 0, 0 },
    { 401, 401, ALIKASSA_OUTCOME_REJECTED, .caller_denied = 1 },
    { 403, 403, ALIKASSA_OUTCOME_REJECTED, .caller_denied = 1 },
    { 404, 404, ALIKASSA_OUTCOME_REJECTED, .caller_denied = 1,
      .wrong_path = 1 },
    { 408, 408, ALIKASSA_OUTCOME_UNKNOWN, 0, 0, 0, 0 },
    { 409, 409, ALIKASSA_OUTCOME_REJECTED, .order_may_exist = 1 },
    { 429, 429, ALIKASSA_OUTCOME_REJECTED, .retry_after = 1 },
    { 400, 499, ALIKASSA_OUTCOME_REJECTED, 0, 0, 0, 0 },
    { 503, 503, ALIKASSA_OUTCOME_UNKNOWN, .retry_after = 1 },

    /* this row fits every status */

    { 0, (unsigned) -1, ALIKASSA_OUTCOME_UNKNOWN, 0, 0, 0, 0 }
};


/* the members in which a rejection names the invalid fields */

static const char  alikassa_response_errors[] = "errors";
static const char  alikassa_response_message[] = "message";

/* the name of the field, which a dot and a part of it may follow */

static const char  alikassa_response_order_id[] = "order_id";

/* how a text names the field, in lower case */

static const char *const  alikassa_response_words[] = {
    "order_id", "order id", NULL
};


static const alikassa_response_member_t  alikassa_response_members[] = {
    { alikassa_string("id"), offsetof(alikassa_response_t, id) },
    { alikassa_string("uuid"), offsetof(alikassa_response_t, uuid) },
    { alikassa_string("url"), offsetof(alikassa_response_t, url) },
    { alikassa_string("payment_status"),
      offsetof(alikassa_response_t, payment_status) },
    { alikassa_string("order_id"), offsetof(alikassa_response_t, order_id) }
};


#define ALIKASSA_RESPONSE_MEMBERS                                             \
    (sizeof(alikassa_response_members) / sizeof(alikassa_response_member_t))


static const alikassa_str_t  alikassa_outcome_names[] = {
    alikassa_string(""),
    alikassa_string("accepted"),
    alikassa_string("rejected"),
    alikassa_string("invalid"),
    alikassa_string("unsent"),
    alikassa_string("unknown"),
    alikassa_string("replayed")
};


alikassa_rc_t
alikassa_response_read(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, unsigned status,
    const alikassa_str_t *body, alikassa_response_t *response,
    alikassa_outcome_t *outcome)
{
    alikassa_rc_t      rc;
    alikassa_inputs_t  inputs;
    alikassa_errmsg_t  errmsg;

    memset(response, 0, sizeof(alikassa_response_t));

    *outcome = ALIKASSA_OUTCOME_UNKNOWN;

    if (body->len == 0 || body->len > ALIKASSA_RESPONSE_MAX) {
        return ALIKASSA_OK;
    }

    rc = alikassa_json_decode(pool, body, &inputs, &errmsg);

    if (rc != ALIKASSA_OK) {
        return (rc == ALIKASSA_DECLINED) ? ALIKASSA_OK : rc;
    }

    response->object = 1;

    if (alikassa_response_members_read(pool, &inputs, response)
        != ALIKASSA_OK)
    {
        return ALIKASSA_ERROR;
    }

    if (!op->moves_money) {
        *outcome = alikassa_response_status(status)->outcome;
        return ALIKASSA_OK;
    }

    switch (alikassa_response_status(status)->outcome) {

    case ALIKASSA_OUTCOME_ACCEPTED:

        if (response->id.len) {
            *outcome = ALIKASSA_OUTCOME_ACCEPTED;
        }

        break;

    case ALIKASSA_OUTCOME_REJECTED:

        if (alikassa_response_names_order(body, response) != ALIKASSA_OK) {
            return ALIKASSA_ERROR;
        }

        *outcome = ALIKASSA_OUTCOME_REJECTED;
        break;

    default:
        break;
    }

    return ALIKASSA_OK;
}


/*
 * Copies the members to one piece of memory, each with a NUL behind it.
 */

static alikassa_rc_t
alikassa_response_members_read(const alikassa_pool_t *pool,
    const alikassa_inputs_t *inputs, alikassa_response_t *response)
{
    size_t                  i, size;
    unsigned char          *p;
    alikassa_str_t         *value;
    const alikassa_input_t *input[ALIKASSA_RESPONSE_MEMBERS];

    size = 0;

    for (i = 0; i < ALIKASSA_RESPONSE_MEMBERS; i++) {

        input[i] = alikassa_inputs_find(inputs,
                                        &alikassa_response_members[i].name);

        /* true or false is no id */

        if (input[i] != NULL && input[i]->type > ALIKASSA_VALUE_NUMBER) {
            input[i] = NULL;
        }

        if (input[i] != NULL) {
            size += input[i]->value.len + 1;
        }
    }

    if (size == 0) {
        return ALIKASSA_OK;
    }

    p = alikassa_alloc(pool, size);
    if (p == NULL) {
        return ALIKASSA_ERROR;
    }

    for (i = 0; i < ALIKASSA_RESPONSE_MEMBERS; i++) {

        if (input[i] == NULL) {
            continue;
        }

        value = (alikassa_str_t *) ((char *) response
                                    + alikassa_response_members[i].offset);

        value->len = input[i]->value.len;
        value->data = p;

        memcpy(p, input[i]->value.data, value->len);
        p += value->len;

        *p++ = '\0';
    }

    return ALIKASSA_OK;
}


/*
 * Returns the row of a status.
 */

static const alikassa_response_status_t *
alikassa_response_status(unsigned status)
{
    const alikassa_response_status_t  *row;

    row = alikassa_response_statuses;

    while (status < row->from || status > row->to) {
        row++;
    }

    return row;
}


/*
 * Looks for the order_id in "errors" and in "message".  The decoded members
 * have no nested values, so the text is parsed again; only a rejection costs
 * this.
 */

static alikassa_rc_t
alikassa_response_names_order(const alikassa_str_t *body,
    alikassa_response_t *response)
{
    const cJSON        *errors, *message;
    alikassa_rc_t       rc;
    alikassa_json_t     json;
    alikassa_errmsg_t   errmsg;

    rc = alikassa_json_parse(body, &json, &errmsg);

    if (rc != ALIKASSA_OK) {
        return ALIKASSA_ERROR;
    }

    errors = cJSON_GetObjectItemCaseSensitive(json.root,
                                              alikassa_response_errors);
    message = cJSON_GetObjectItemCaseSensitive(json.root,
                                               alikassa_response_message);

    response->names_order = alikassa_response_errors_name(errors)
                            || alikassa_response_text(message);

    alikassa_json_free(&json);

    return ALIKASSA_OK;
}


/*
 * Tells whether "errors" names the order_id: in an object as the name of a
 * member, in an array as a text or as a name or a text of an object
 * ({"field":"order_id"}), or in a text.
 */

static int
alikassa_response_errors_name(const cJSON *errors)
{
    const cJSON  *item, *member;

    if (cJSON_IsString(errors)) {
        return alikassa_response_text(errors);
    }

    if (!cJSON_IsObject(errors) && !cJSON_IsArray(errors)) {
        return 0;
    }

    cJSON_ArrayForEach(item, errors) {

        if (cJSON_IsObject(errors)) {

            if (alikassa_response_field(item->string)) {
                return 1;
            }

            continue;
        }

        if (alikassa_response_text(item)) {
            return 1;
        }

        if (!cJSON_IsObject(item)) {
            continue;
        }

        cJSON_ArrayForEach(member, item) {

            if (alikassa_response_field(member->string)
                || alikassa_response_text(member))
            {
                return 1;
            }
        }
    }

    return 0;
}


/*
 * Tells whether a name of a member is the order_id, or a part of it
 * ("order_id.0").
 */

static int
alikassa_response_field(const char *name)
{
    size_t  len;

    len = sizeof(alikassa_response_order_id) - 1;

    return name
           && strncmp(name, alikassa_response_order_id, len) == 0
           && (name[len] == '\0' || name[len] == '.');
}


/*
 * Tells whether a JSON string contains the name of the field, in upper or
 * lower case.
 */

static int
alikassa_response_text(const cJSON *item)
{
    char                c;
    size_t              i;
    const char         *p;
    const char *const  *word;

    if (!cJSON_IsString(item) || item->valuestring == NULL) {
        return 0;
    }

    for (word = alikassa_response_words; *word; word++) {
        for (p = item->valuestring; *p; p++) {

            for (i = 0; (*word)[i]; i++) {

                c = p[i];

                if (c >= 'A' && c <= 'Z') {
                    c = (char) (c | 0x20);
                }

                if (c != (*word)[i]) {
                    break;
                }
            }

            if ((*word)[i] == '\0') {
                return 1;
            }
        }
    }

    return 0;
}


int
alikassa_response_has_link(const alikassa_response_t *response)
{
    return alikassa_url(&response->url, 1);
}


int
alikassa_response_not_found(unsigned status,
    const alikassa_response_t *response)
{
    return status == 404 && response->object;
}


int
alikassa_response_is_wrong_path(unsigned status)
{
    return alikassa_response_status(status)->wrong_path;
}


int
alikassa_response_is_other_order(const alikassa_response_t *response,
    const alikassa_str_t *order_id)
{
    return response->order_id.data != NULL
           && (response->order_id.len != order_id->len
               || memcmp(response->order_id.data, order_id->data, order_id->len)
                  != 0);
}


int
alikassa_response_order_may_exist(unsigned status,
    const alikassa_response_t *response)
{
    const alikassa_response_status_t  *row;

    row = alikassa_response_status(status);

    return row->outcome == ALIKASSA_OUTCOME_REJECTED
           && (row->order_may_exist || response->names_order);
}


int
alikassa_response_is_caller_denied(const alikassa_operation_t *op,
    unsigned status, const alikassa_response_t *response)
{
    if (op->is_read_only && alikassa_response_not_found(status, response)) {
        return 0;
    }

    return alikassa_response_status(status)->caller_denied;
}


int
alikassa_response_may_have_retry_after(unsigned status)
{
    return alikassa_response_status(status)->retry_after;
}


const alikassa_str_t *
alikassa_outcome_name(alikassa_outcome_t outcome)
{
    return &alikassa_outcome_names[outcome];
}
