
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Fuzzes alikassa_response.c.  The first two bytes of the input are the HTTP
 * status; their highest bit is set if the call moves money.
 */


#include "alikassa_response.h"
#include "fuzz.h"


static void fuzz_member(const alikassa_str_t *s);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                i;
    unsigned              status;
    alikassa_rc_t         rc;
    alikassa_str_t        body;
    alikassa_response_t   answer;
    alikassa_outcome_t    outcome;
    alikassa_operation_t  op;

    if (size < 2) {
        return 0;
    }

    memset(&op, 0, sizeof(alikassa_operation_t));

    op.moves_money = data[0] >> 7;
    status = ((data[0] & 0x7fu) << 8 | data[1]) % 1000;

    body = fuzz_copy(data + 2, size - 2);

    rc = alikassa_response_read(test_pool(), &op, status, &body, &answer,
                              &outcome);

    fuzz_check(rc == ALIKASSA_OK);

    switch (outcome) {

    case ALIKASSA_OUTCOME_ACCEPTED:
        fuzz_check(answer.object && status / 100 == 2);
        fuzz_check(!op.moves_money || answer.id.len);
        break;

    case ALIKASSA_OUTCOME_REJECTED:
        fuzz_check(answer.object && status / 100 == 4 && status != 408);
        break;

    default:
        fuzz_check(outcome == ALIKASSA_OUTCOME_UNKNOWN);
        break;
    }

    fuzz_member(&answer.id);
    fuzz_member(&answer.uuid);
    fuzz_member(&answer.url);
    fuzz_member(&answer.payment_status);

    if (alikassa_response_has_link(&answer)) {
        fuzz_check(answer.object && answer.url.len > 8);

        for (i = 0; i < answer.url.len; i++) {
            fuzz_check(answer.url.data[i] > ' ');
            fuzz_check(answer.url.data[i] != 0x7f);
            fuzz_check(answer.url.data[i] != '\\');
            fuzz_check(answer.url.data[i] != '@'
                       || memchr(answer.url.data + 8, '/', i - 8) != NULL
                       || memchr(answer.url.data + 8, '?', i - 8) != NULL
                       || memchr(answer.url.data + 8, '#', i - 8) != NULL);
        }
    }

    fuzz_check(!alikassa_response_not_found(status, &answer)
               || (status == 404 && answer.object));

    test_pool_fail_after((long) (size % 5));

    rc = alikassa_response_read(test_pool(), &op, status, &body, &answer,
                              &outcome);

    fuzz_check(rc == ALIKASSA_OK
               || (rc == ALIKASSA_ERROR
                   && outcome == ALIKASSA_OUTCOME_UNKNOWN));

    test_pool_free();

    return 0;
}


static void
fuzz_member(const alikassa_str_t *s)
{
    if (s->data != NULL) {
        (void) fuzz_touch(s);
        fuzz_check(s->data[s->len] == '\0');
        fuzz_check(strlen((const char *) s->data) == s->len);
    }
}
