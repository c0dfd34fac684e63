
/*
 * What AliKassa answered, and what became of the call.
 */


#include "alikassa_answer.h"
#include "alikassa_json.h"
#include "alikassa_value.h"


typedef struct {
    unsigned                 from;
    unsigned                 to;
    alikassa_outcome_t       outcome;
} alikassa_answer_status_t;


typedef struct {
    const char              *name;
    size_t                   offset;
} alikassa_answer_member_t;


static alikassa_outcome_t alikassa_answer_status(unsigned status);


/*
 * The first row that fits.  408 says that the server did not get all of the
 * request, or believes so.
 */

static const alikassa_answer_status_t  alikassa_answer_statuses[] = {
    { 200, 299, ALIKASSA_OUTCOME_ACCEPTED },
    { 408, 408, ALIKASSA_OUTCOME_UNKNOWN },
    { 400, 499, ALIKASSA_OUTCOME_REJECTED },
    { 0, 0, ALIKASSA_OUTCOME_NONE }
};


static const alikassa_answer_member_t  alikassa_answer_members[] = {
    { "id", offsetof(alikassa_answer_t, id) },
    { "uuid", offsetof(alikassa_answer_t, uuid) },
    { "url", offsetof(alikassa_answer_t, url) },
    { "payment_status", offsetof(alikassa_answer_t, payment_status) },
    { NULL, 0 }
};


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
    alikassa_rc_t                    rc;
    alikassa_str_t                  *value;
    alikassa_json_t                  json;
    alikassa_reason_t                reason;
    const alikassa_answer_member_t  *member;

    memset(answer, 0, sizeof(alikassa_answer_t));

    *outcome = ALIKASSA_OUTCOME_UNKNOWN;

    if (body->len == 0 || body->len > ALIKASSA_ANSWER_MAX) {
        return ALIKASSA_OK;
    }

    rc = alikassa_json_parse(body, &json, &reason);

    if (rc != ALIKASSA_OK) {
        return (rc == ALIKASSA_DECLINED) ? ALIKASSA_OK : rc;
    }

    if (!cJSON_IsObject(json.root)) {
        alikassa_json_free(&json);
        return ALIKASSA_OK;
    }

    answer->object = 1;

    for (member = alikassa_answer_members; member->name; member++) {

        /* an "id" of true or false names nothing */

        if (cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(json.root,
                                                          member->name)))
        {
            continue;
        }

        value = (alikassa_str_t *) ((char *) answer + member->offset);

        rc = alikassa_json_member(pool, &json, member->name, value);

        if (rc == ALIKASSA_ERROR) {
            alikassa_json_free(&json);
            return rc;
        }
    }

    alikassa_json_free(&json);

    answer->redirect = alikassa_url(&answer->url, 1) != 0;

    *outcome = alikassa_answer_status(status);

    if (*outcome == ALIKASSA_OUTCOME_ACCEPTED
        && op->money
        && answer->id.len == 0)
    {
        *outcome = ALIKASSA_OUTCOME_UNKNOWN;
    }

    return ALIKASSA_OK;
}


static alikassa_outcome_t
alikassa_answer_status(unsigned status)
{
    const alikassa_answer_status_t  *row;

    for (row = alikassa_answer_statuses; row->to; row++) {

        if (status >= row->from && status <= row->to) {
            return row->outcome;
        }
    }

    return ALIKASSA_OUTCOME_UNKNOWN;
}


int
alikassa_answer_not_found(unsigned status, const alikassa_answer_t *answer)
{
    return status == 404 && answer->object;
}


const alikassa_str_t *
alikassa_outcome_name(alikassa_outcome_t outcome)
{
    return &alikassa_outcome_names[outcome];
}
