
/*
 * What AliKassa answered, and what became of the call.
 */


#include "alikassa_answer.h"
#include "alikassa_input.h"
#include "alikassa_json.h"
#include "alikassa_value.h"


typedef struct {
    unsigned                 from;
    unsigned                 to;
    alikassa_outcome_t       outcome;

    /* a rejection that may mean that the order exists */
    unsigned                 doubtful:1;

    /* the caller is refused, whatever the order */
    unsigned                 denied:1;

    /* a Retry-After has its place here */
    unsigned                 later:1;
} alikassa_answer_status_t;


typedef struct {
    alikassa_str_t           name;
    size_t                   offset;
} alikassa_answer_member_t;


static alikassa_rc_t alikassa_answer_members_read(const alikassa_pool_t *pool,
    const alikassa_inputs_t *inputs, alikassa_answer_t *answer);
static const alikassa_answer_status_t *alikassa_answer_status(
    unsigned status);
static alikassa_rc_t alikassa_answer_names_order(const alikassa_str_t *body,
    alikassa_answer_t *answer);


/*
 * The first row that fits.  408 says that the server did not get all of the
 * request, or believes so; 409 that the order is not what the server has.
 */

static const alikassa_answer_status_t  alikassa_answer_statuses[] = {
    { 200, 299, ALIKASSA_OUTCOME_ACCEPTED, 0, 0, 0 },
    { 401, 401, ALIKASSA_OUTCOME_REJECTED, 0, 1, 0 },
    { 403, 404, ALIKASSA_OUTCOME_REJECTED, 0, 1, 0 },
    { 408, 408, ALIKASSA_OUTCOME_UNKNOWN, 0, 0, 0 },
    { 409, 409, ALIKASSA_OUTCOME_REJECTED, 1, 0, 0 },
    { 429, 429, ALIKASSA_OUTCOME_REJECTED, 0, 0, 1 },
    { 400, 499, ALIKASSA_OUTCOME_REJECTED, 0, 0, 0 },
    { 503, 503, ALIKASSA_OUTCOME_UNKNOWN, 0, 0, 1 },

    /* the last one fits all */

    { 0, (unsigned) -1, ALIKASSA_OUTCOME_UNKNOWN, 0, 0, 0 }
};


/* where a rejection says which fields it is about, and the one that counts */

static const char  alikassa_answer_errors[] = "errors";
static const char  alikassa_answer_order_id[] = "order_id";


static const alikassa_answer_member_t  alikassa_answer_members[] = {
    { alikassa_string("id"), offsetof(alikassa_answer_t, id) },
    { alikassa_string("uuid"), offsetof(alikassa_answer_t, uuid) },
    { alikassa_string("url"), offsetof(alikassa_answer_t, url) },
    { alikassa_string("payment_status"),
      offsetof(alikassa_answer_t, payment_status) }
};

#define ALIKASSA_ANSWER_MEMBERS                                               \
    (sizeof(alikassa_answer_members) / sizeof(alikassa_answer_member_t))


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
alikassa_answer_read(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, unsigned status,
    const alikassa_str_t *body, alikassa_answer_t *answer,
    alikassa_outcome_t *outcome)
{
    alikassa_rc_t      rc;
    alikassa_inputs_t  inputs;
    alikassa_reason_t  reason;

    memset(answer, 0, sizeof(alikassa_answer_t));

    *outcome = ALIKASSA_OUTCOME_UNKNOWN;

    if (body->len == 0 || body->len > ALIKASSA_ANSWER_MAX) {
        return ALIKASSA_OK;
    }

    rc = alikassa_json_decode(pool, body, &inputs, &reason);

    if (rc != ALIKASSA_OK) {
        return (rc == ALIKASSA_DECLINED) ? ALIKASSA_OK : rc;
    }

    answer->object = 1;

    if (alikassa_answer_members_read(pool, &inputs, answer) != ALIKASSA_OK) {
        return ALIKASSA_ERROR;
    }

    if (!op->money) {
        *outcome = alikassa_answer_status(status)->outcome;
        return ALIKASSA_OK;
    }

    switch (alikassa_answer_status(status)->outcome) {

    case ALIKASSA_OUTCOME_ACCEPTED:

        if (answer->id.len) {
            *outcome = ALIKASSA_OUTCOME_ACCEPTED;
        }

        break;

    case ALIKASSA_OUTCOME_REJECTED:

        if (alikassa_answer_names_order(body, answer) != ALIKASSA_OK) {
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
 * All to one place, each with a NUL behind it.
 */

static alikassa_rc_t
alikassa_answer_members_read(const alikassa_pool_t *pool,
    const alikassa_inputs_t *inputs, alikassa_answer_t *answer)
{
    size_t                  i, size;
    unsigned char          *p;
    alikassa_str_t         *value;
    const alikassa_input_t *input[ALIKASSA_ANSWER_MEMBERS];

    size = 0;

    for (i = 0; i < ALIKASSA_ANSWER_MEMBERS; i++) {

        input[i] = alikassa_inputs_find(inputs,
                                        &alikassa_answer_members[i].name);

        /* an "id" of true or false names nothing */

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

    for (i = 0; i < ALIKASSA_ANSWER_MEMBERS; i++) {

        if (input[i] == NULL) {
            continue;
        }

        value = (alikassa_str_t *) ((char *) answer
                                    + alikassa_answer_members[i].offset);

        value->len = input[i]->value.len;
        value->data = p;

        memcpy(p, input[i]->value.data, value->len);
        p += value->len;

        *p++ = '\0';
    }

    return ALIKASSA_OK;
}


static const alikassa_answer_status_t *
alikassa_answer_status(unsigned status)
{
    const alikassa_answer_status_t  *row;

    row = alikassa_answer_statuses;

    while (status < row->from || status > row->to) {
        row++;
    }

    return row;
}


/*
 * Looks for "order_id" in "errors", an object of field names.  The list of
 * members has no nested values, so the text, which is proven, is parsed once
 * more: only a rejection pays for it.
 */

static alikassa_rc_t
alikassa_answer_names_order(const alikassa_str_t *body,
    alikassa_answer_t *answer)
{
    const cJSON        *errors;
    alikassa_rc_t       rc;
    alikassa_json_t     json;
    alikassa_reason_t   reason;

    rc = alikassa_json_parse(body, &json, &reason);

    if (rc != ALIKASSA_OK) {
        return ALIKASSA_ERROR;
    }

    errors = cJSON_GetObjectItemCaseSensitive(json.root,
                                              alikassa_answer_errors);

    answer->names_order = cJSON_IsObject(errors)
                          && cJSON_GetObjectItemCaseSensitive(errors,
                                                     alikassa_answer_order_id)
                             != NULL;

    alikassa_json_free(&json);

    return ALIKASSA_OK;
}


int
alikassa_answer_redirect(const alikassa_answer_t *answer)
{
    return alikassa_url(&answer->url, 1);
}


int
alikassa_answer_not_found(unsigned status, const alikassa_answer_t *answer)
{
    return status == 404 && answer->object;
}


int
alikassa_answer_doubtful(unsigned status, const alikassa_answer_t *answer)
{
    const alikassa_answer_status_t  *row;

    row = alikassa_answer_status(status);

    return row->outcome == ALIKASSA_OUTCOME_REJECTED
           && (row->doubtful || answer->names_order);
}


int
alikassa_answer_denied(const alikassa_operation_t *op, unsigned status,
    const alikassa_answer_t *answer)
{
    if (op->safe && alikassa_answer_not_found(status, answer)) {
        return 0;
    }

    return alikassa_answer_status(status)->denied;
}


int
alikassa_answer_later(unsigned status)
{
    return alikassa_answer_status(status)->later;
}


const alikassa_str_t *
alikassa_outcome_name(alikassa_outcome_t outcome)
{
    return &alikassa_outcome_names[outcome];
}
