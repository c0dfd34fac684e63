
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

    /* a payment's path never gives it: another path was called */
    unsigned                 misled:1;
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
static int alikassa_answer_errors_name(const cJSON *errors);
static int alikassa_answer_field(const char *name);
static int alikassa_answer_text(const cJSON *item);


/*
 * The first row that fits.  408 says that the server did not get all of the
 * request, or believes so; 409 that the order is not what the server has.
 */

static const alikassa_answer_status_t  alikassa_answer_statuses[] = {
    { 200, 299, ALIKASSA_OUTCOME_ACCEPTED, 0, 0, 0, 0 },
    { 401, 401, ALIKASSA_OUTCOME_REJECTED, 0, 1, 0, 0 },
    { 403, 403, ALIKASSA_OUTCOME_REJECTED, 0, 1, 0, 0 },
    { 404, 404, ALIKASSA_OUTCOME_REJECTED, 0, 1, 0, 1 },
    { 408, 408, ALIKASSA_OUTCOME_UNKNOWN, 0, 0, 0, 0 },
    { 409, 409, ALIKASSA_OUTCOME_REJECTED, 1, 0, 0, 0 },
    { 429, 429, ALIKASSA_OUTCOME_REJECTED, 0, 0, 1, 0 },
    { 400, 499, ALIKASSA_OUTCOME_REJECTED, 0, 0, 0, 0 },
    { 503, 503, ALIKASSA_OUTCOME_UNKNOWN, 0, 0, 1, 0 },

    /* the last one fits all */

    { 0, (unsigned) -1, ALIKASSA_OUTCOME_UNKNOWN, 0, 0, 0, 0 }
};


/* where a rejection says which fields it is about, and in which words */

static const char  alikassa_answer_errors[] = "errors";
static const char  alikassa_answer_message[] = "message";

/* the field that counts, alone or with a part of it behind a dot */

static const char  alikassa_answer_order_id[] = "order_id";

/* the same in a text, in small letters */

static const char *const  alikassa_answer_words[] = {
    "order_id", "order id", NULL
};


static const alikassa_answer_member_t  alikassa_answer_members[] = {
    { alikassa_string("id"), offsetof(alikassa_answer_t, id) },
    { alikassa_string("uuid"), offsetof(alikassa_answer_t, uuid) },
    { alikassa_string("url"), offsetof(alikassa_answer_t, url) },
    { alikassa_string("payment_status"),
      offsetof(alikassa_answer_t, payment_status) },
    { alikassa_string("order_id"), offsetof(alikassa_answer_t, order_id) }
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
 * Looks for "order_id" in "errors", and for its name in "message".  The list of
 * members has no nested values, so the text, which is proven, is parsed once
 * more: only a rejection pays for it.
 */

static alikassa_rc_t
alikassa_answer_names_order(const alikassa_str_t *body,
    alikassa_answer_t *answer)
{
    alikassa_rc_t       rc;
    alikassa_json_t     json;
    alikassa_reason_t   reason;

    rc = alikassa_json_parse(body, &json, &reason);

    if (rc != ALIKASSA_OK) {
        return ALIKASSA_ERROR;
    }

    answer->names_order =
        alikassa_answer_errors_name(cJSON_GetObjectItemCaseSensitive(json.root,
                                                       alikassa_answer_errors))
        || alikassa_answer_text(cJSON_GetObjectItemCaseSensitive(json.root,
                                                     alikassa_answer_message));

    alikassa_json_free(&json);

    return ALIKASSA_OK;
}


/*
 * "errors": an object of field names, a list of texts or of objects with the
 * field's name as a value ("field", "param" or whatever), or a text.
 */

static int
alikassa_answer_errors_name(const cJSON *errors)
{
    const cJSON  *item, *member;

    if (cJSON_IsString(errors)) {
        return alikassa_answer_text(errors);
    }

    if (!cJSON_IsObject(errors) && !cJSON_IsArray(errors)) {
        return 0;
    }

    cJSON_ArrayForEach(item, errors) {

        if (cJSON_IsObject(errors)) {

            if (alikassa_answer_field(item->string)) {
                return 1;
            }

            continue;
        }

        if (alikassa_answer_text(item)) {
            return 1;
        }

        if (!cJSON_IsObject(item)) {
            continue;
        }

        cJSON_ArrayForEach(member, item) {

            if (alikassa_answer_field(member->string)
                || alikassa_answer_text(member))
            {
                return 1;
            }
        }
    }

    return 0;
}


static int
alikassa_answer_field(const char *name)
{
    size_t  len;

    len = sizeof(alikassa_answer_order_id) - 1;

    return name
           && strncmp(name, alikassa_answer_order_id, len) == 0
           && (name[len] == '\0' || name[len] == '.');
}


/*
 * Tells whether a JSON string has the name of the field anywhere, in capitals
 * or small letters.
 */

static int
alikassa_answer_text(const cJSON *item)
{
    char                c;
    size_t              i;
    const char         *p;
    const char *const  *word;

    if (!cJSON_IsString(item) || item->valuestring == NULL) {
        return 0;
    }

    for (word = alikassa_answer_words; *word; word++) {
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
alikassa_answer_misled(unsigned status)
{
    return alikassa_answer_status(status)->misled;
}


int
alikassa_answer_another(const alikassa_answer_t *answer,
    const alikassa_str_t *order_id)
{
    return answer->order_id.data != NULL
           && (answer->order_id.len != order_id->len
               || memcmp(answer->order_id.data, order_id->data, order_id->len)
                  != 0);
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
