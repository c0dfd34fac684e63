
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Tests for the state machine of an order: every state with every event,
 * against the table of docs/idempotency.md, and rules that any such table must
 * obey.
 */


#include "test.h"

#include "alikassa_idempotency.h"


typedef struct {
    const char  *name;
    int          value;
} test_name_t;


static const test_name_t  test_states[] = {
    { "FREE", ALIKASSA_STATE_FREE },
    { "IN_FLIGHT", ALIKASSA_STATE_IN_FLIGHT },
    { "DONE", ALIKASSA_STATE_DONE },
    { "UNKNOWN", ALIKASSA_STATE_UNKNOWN },
    { "QUERYING", ALIKASSA_STATE_QUERYING },
    { "CHECKING", ALIKASSA_STATE_CHECKING },
    { "RESENDING", ALIKASSA_STATE_RESENDING },
    { NULL, ALIKASSA_NSTATES }
};


static const test_name_t  test_events[] = {
    { "REQUEST", ALIKASSA_EVENT_REQUEST },
    { "MISMATCH", ALIKASSA_EVENT_MISMATCH },
    { "ACCEPTED", ALIKASSA_EVENT_ACCEPTED },
    { "REJECTED", ALIKASSA_EVENT_REJECTED },
    { "DOUBTED", ALIKASSA_EVENT_DOUBTED },
    { "UNSENT", ALIKASSA_EVENT_UNSENT },
    { "OUTCOME_UNKNOWN", ALIKASSA_EVENT_OUTCOME_UNKNOWN },
    { "FOUND", ALIKASSA_EVENT_FOUND },
    { "NOT_FOUND", ALIKASSA_EVENT_NOT_FOUND },
    { "NO_STATUS", ALIKASSA_EVENT_NO_STATUS },
    { "DIED", ALIKASSA_EVENT_DIED },
    { "EXPIRED", ALIKASSA_EVENT_EXPIRED },
    { "EVICT", ALIKASSA_EVENT_EVICT },
    { NULL, ALIKASSA_NEVENTS }
};


static const test_name_t  test_actions[] = {
    { "MARK_UNKNOWN", ALIKASSA_ACTION_MARK_UNKNOWN },
    { "SEND", ALIKASSA_ACTION_SEND },
    { "QUERY", ALIKASSA_ACTION_QUERY },
    { "WAIT", ALIKASSA_ACTION_WAIT },
    { "REPLAY", ALIKASSA_ACTION_REPLAY },
    { "CONFLICT", ALIKASSA_ACTION_CONFLICT },
    { "STORE", ALIKASSA_ACTION_STORE },
    { "RELEASE", ALIKASSA_ACTION_RELEASE },
    { "FORGET", ALIKASSA_ACTION_FORGET },
    { NULL, -1 }
};


/*
 * The rows are: state, event, next state, action.  For each other pair of state
 * and event the action must be REFUSE and the state must not change.
 */

static const char *const  test_table[][4] = {
    { "FREE",      "REQUEST",         "IN_FLIGHT", "SEND" },
    { "FREE",      "MISMATCH",        "IN_FLIGHT", "SEND" },

    { "IN_FLIGHT", "REQUEST",         "IN_FLIGHT", "WAIT" },
    { "IN_FLIGHT", "MISMATCH",        "IN_FLIGHT", "CONFLICT" },
    { "IN_FLIGHT", "ACCEPTED",        "DONE",      "STORE" },
    { "IN_FLIGHT", "REJECTED",        "FREE",      "RELEASE" },
    { "IN_FLIGHT", "DOUBTED",         "CHECKING",  "QUERY" },
    { "IN_FLIGHT", "UNSENT",          "FREE",      "RELEASE" },
    { "IN_FLIGHT", "OUTCOME_UNKNOWN", "UNKNOWN",   "MARK_UNKNOWN" },
    { "IN_FLIGHT", "DIED",            "UNKNOWN",   "MARK_UNKNOWN" },

    { "DONE",      "REQUEST",         "DONE",      "REPLAY" },
    { "DONE",      "MISMATCH",        "DONE",      "CONFLICT" },
    { "DONE",      "EXPIRED",         "FREE",      "RELEASE" },
    { "DONE",      "EVICT",           "FREE",      "RELEASE" },

    { "UNKNOWN",   "REQUEST",         "QUERYING",  "QUERY" },
    { "UNKNOWN",   "MISMATCH",        "UNKNOWN",   "CONFLICT" },
    { "UNKNOWN",   "EVICT",           "FREE",      "FORGET" },

    { "QUERYING",  "REQUEST",         "QUERYING",  "WAIT" },
    { "QUERYING",  "MISMATCH",        "QUERYING",  "CONFLICT" },
    { "QUERYING",  "FOUND",           "DONE",      "STORE" },
    { "QUERYING",  "NOT_FOUND",       "RESENDING", "SEND" },
    { "QUERYING",  "NO_STATUS",       "UNKNOWN",   "MARK_UNKNOWN" },
    { "QUERYING",  "DIED",            "UNKNOWN",   "MARK_UNKNOWN" },

    { "CHECKING",  "REQUEST",         "CHECKING",  "WAIT" },
    { "CHECKING",  "MISMATCH",        "CHECKING",  "CONFLICT" },
    { "CHECKING",  "FOUND",           "DONE",      "STORE" },
    { "CHECKING",  "NOT_FOUND",       "FREE",      "RELEASE" },
    { "CHECKING",  "NO_STATUS",       "UNKNOWN",   "MARK_UNKNOWN" },
    { "CHECKING",  "DIED",            "UNKNOWN",   "MARK_UNKNOWN" },

    { "RESENDING", "REQUEST",         "RESENDING", "WAIT" },
    { "RESENDING", "MISMATCH",        "RESENDING", "CONFLICT" },
    { "RESENDING", "ACCEPTED",        "DONE",      "STORE" },
    { "RESENDING", "REJECTED",        "UNKNOWN",   "MARK_UNKNOWN" },
    { "RESENDING", "DOUBTED",         "CHECKING",  "QUERY" },
    { "RESENDING", "UNSENT",          "UNKNOWN",   "MARK_UNKNOWN" },
    { "RESENDING", "OUTCOME_UNKNOWN", "UNKNOWN",   "MARK_UNKNOWN" },
    { "RESENDING", "DIED",            "UNKNOWN",   "MARK_UNKNOWN" }
};


#define test_nrows  (sizeof(test_table) / sizeof(test_table[0]))


static int
test_value(const test_name_t *names, const char *name)
{
    for ( /* void */ ; names->name; names++) {
        if (strcmp(names->name, name) == 0) {
            return names->value;
        }
    }

    fail_msg("the table has an unknown name: %s", name);

    return -1;
}


static const char *const *
test_row(const char *state, const char *event)
{
    size_t              i;
    const char *const  *row;

    row = NULL;

    for (i = 0; i < test_nrows; i++) {

        if (strcmp(test_table[i][0], state) == 0
            && strcmp(test_table[i][1], event) == 0)
        {
            assert_null(row);
            row = test_table[i];
        }
    }

    return row;
}


static void
every_state_and_event_match_the_table(void **data)
{
    int                 wanted_state, wanted_action;
    size_t              rows;
    unsigned            cells;
    alikassa_step_t     step;
    const char *const  *row;
    const test_name_t  *state, *event;

    (void) data;

    rows = 0;
    cells = 0;

    for (state = test_states; state->name; state++) {
        for (event = test_events; event->name; event++) {

            row = test_row(state->name, event->name);

            if (row) {
                rows++;
                wanted_state = test_value(test_states, row[2]);
                wanted_action = test_value(test_actions, row[3]);

            } else {
                wanted_state = state->value;
                wanted_action = ALIKASSA_ACTION_REFUSE;
            }

            step = alikassa_idempotency_step(state->value, event->value);

            if ((int) step.state != wanted_state
                || (int) step.action != wanted_action)
            {
                fail_msg("%s x %s: state %s, action %s; expected %s, %s",
                         state->name, event->name,
                         alikassa_state_name(step.state),
                         alikassa_action_name(step.action),
                         alikassa_state_name(wanted_state),
                         alikassa_action_name(wanted_action));
            }

            cells++;
        }
    }

    /* the loop has tried each pair, and each row is one of these pairs */

    assert_int_equal(cells, ALIKASSA_NSTATES * ALIKASSA_NEVENTS);
    assert_int_equal(rows, test_nrows);
}


static void
unknown_state_or_event_is_refused(void **data)
{
    int              i;
    alikassa_step_t  step;

    (void) data;

    static const int  outside[] = { -1, 1000, INT16_MAX };

    for (i = 0; i < 3; i++) {

        step = alikassa_idempotency_step(outside[i], ALIKASSA_EVENT_REQUEST);

        assert_true((int) step.state == outside[i]);
        assert_int_equal(step.action, ALIKASSA_ACTION_REFUSE);

        step = alikassa_idempotency_step(ALIKASSA_STATE_FREE, outside[i]);

        assert_int_equal(step.state, ALIKASSA_STATE_FREE);
        assert_int_equal(step.action, ALIKASSA_ACTION_REFUSE);
    }

    step = alikassa_idempotency_step(ALIKASSA_NSTATES, ALIKASSA_EVENT_EVICT);
    assert_int_equal(step.action, ALIKASSA_ACTION_REFUSE);

    step = alikassa_idempotency_step(ALIKASSA_STATE_DONE, ALIKASSA_NEVENTS);
    assert_int_equal(step.state, ALIKASSA_STATE_DONE);
    assert_int_equal(step.action, ALIKASSA_ACTION_REFUSE);
}


/*
 * A call is sent only if none was sent before, or if AliKassa has reported that
 * the order does not exist.
 */

static void
send_only_from_free_or_after_not_found(void **data)
{
    int              state, event;
    alikassa_step_t  step;

    (void) data;

    for (state = 0; state < ALIKASSA_NSTATES; state++) {
        for (event = 0; event < ALIKASSA_NEVENTS; event++) {

            step = alikassa_idempotency_step(state, event);

            if (step.action != ALIKASSA_ACTION_SEND) {

                /* no other action leads to IN_FLIGHT or RESENDING */

                assert_true((step.state != ALIKASSA_STATE_IN_FLIGHT
                             && step.state != ALIKASSA_STATE_RESENDING)
                            || (int) step.state == state);
                continue;
            }

            /* RESENDING: the order was unknown, and its call is sent again */

            if (state == ALIKASSA_STATE_QUERYING) {
                assert_int_equal(event, ALIKASSA_EVENT_NOT_FOUND);
                assert_int_equal(step.state, ALIKASSA_STATE_RESENDING);

            } else {
                assert_int_equal(state, ALIKASSA_STATE_FREE);
                assert_int_equal(step.state, ALIKASSA_STATE_IN_FLIGHT);
            }
        }
    }
}


/*
 * A record is freed if AliKassa has made no order, or if the order is finished.
 * An unknown order is freed only to make room; the action is then FORGET, so
 * that the loss is recorded.
 */

static void
record_is_freed_only_by_the_listed_events(void **data)
{
    int              state, event, surely;
    alikassa_step_t  step;

    (void) data;

    for (state = 0; state < ALIKASSA_NSTATES; state++) {
        for (event = 0; event < ALIKASSA_NEVENTS; event++) {

            step = alikassa_idempotency_step(state, event);

            if (state == ALIKASSA_STATE_FREE
                || step.state != ALIKASSA_STATE_FREE)
            {
                assert_true(step.action != ALIKASSA_ACTION_RELEASE);
                assert_true(step.action != ALIKASSA_ACTION_FORGET);
                continue;
            }

            if (state == ALIKASSA_STATE_UNKNOWN) {
                assert_int_equal(event, ALIKASSA_EVENT_EVICT);
                assert_int_equal(step.action, ALIKASSA_ACTION_FORGET);
                continue;
            }

            surely = (state == ALIKASSA_STATE_IN_FLIGHT
                      && (event == ALIKASSA_EVENT_REJECTED
                          || event == ALIKASSA_EVENT_UNSENT))
                     || (state == ALIKASSA_STATE_CHECKING
                         && event == ALIKASSA_EVENT_NOT_FOUND)
                     || (state == ALIKASSA_STATE_DONE
                         && (event == ALIKASSA_EVENT_EXPIRED
                             || event == ALIKASSA_EVENT_EVICT));

            assert_true(surely);
            assert_int_equal(step.action, ALIKASSA_ACTION_RELEASE);
        }
    }
}


/*
 * A request whose fingerprint differs from that of the record never gets a
 * stored response, a call or a place to wait.
 */

static void
mismatch_is_always_a_conflict(void **data)
{
    int              state;
    alikassa_step_t  step;

    (void) data;

    for (state = ALIKASSA_STATE_FREE + 1; state < ALIKASSA_NSTATES; state++) {

        step = alikassa_idempotency_step(state, ALIKASSA_EVENT_MISMATCH);

        assert_int_equal(step.action, ALIKASSA_ACTION_CONFLICT);
        assert_int_equal(step.state, state);
    }
}


static void
outcome_gives_the_event(void **data)
{
    int  outcome;

    (void) data;

    assert_int_equal(alikassa_idempotency_event(ALIKASSA_OUTCOME_ACCEPTED),
                     ALIKASSA_EVENT_ACCEPTED);
    assert_int_equal(alikassa_idempotency_event(ALIKASSA_OUTCOME_REJECTED),
                     ALIKASSA_EVENT_REJECTED);
    assert_int_equal(alikassa_idempotency_event(ALIKASSA_OUTCOME_UNSENT),
                     ALIKASSA_EVENT_UNSENT);

    for (outcome = -1; outcome < 100; outcome++) {

        if (outcome == ALIKASSA_OUTCOME_ACCEPTED
            || outcome == ALIKASSA_OUTCOME_REJECTED
            || outcome == ALIKASSA_OUTCOME_UNSENT)
        {
            continue;
        }

        assert_int_equal(alikassa_idempotency_event(outcome),
                         ALIKASSA_EVENT_OUTCOME_UNKNOWN);
    }
}


static void
every_state_event_and_action_has_a_name(void **data)
{
    int  i, k;

    (void) data;

    for (i = 0; i < ALIKASSA_NSTATES; i++) {
        assert_non_null(alikassa_state_name(i));

        for (k = 0; k < i; k++) {
            assert_string_not_equal(alikassa_state_name(i),
                                    alikassa_state_name(k));
        }
    }

    for (i = 0; i < ALIKASSA_NEVENTS; i++) {
        assert_non_null(alikassa_event_name(i));

        for (k = 0; k < i; k++) {
            assert_string_not_equal(alikassa_event_name(i),
                                    alikassa_event_name(k));
        }
    }

    for (i = 0; i < ALIKASSA_NACTIONS; i++) {
        assert_non_null(alikassa_action_name(i));

        for (k = 0; k < i; k++) {
            assert_string_not_equal(alikassa_action_name(i),
                                    alikassa_action_name(k));
        }
    }

    assert_string_equal(alikassa_state_name(ALIKASSA_NSTATES), "?");
    assert_string_equal(alikassa_event_name(ALIKASSA_NEVENTS), "?");
    assert_string_equal(alikassa_action_name(ALIKASSA_NACTIONS), "?");
    assert_string_equal(alikassa_state_name(-1), "?");
    assert_string_equal(alikassa_event_name(-1), "?");
    assert_string_equal(alikassa_action_name(-1), "?");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_state_and_event_match_the_table),
        cmocka_unit_test(unknown_state_or_event_is_refused),
        cmocka_unit_test(send_only_from_free_or_after_not_found),
        cmocka_unit_test(record_is_freed_only_by_the_listed_events),
        cmocka_unit_test(mismatch_is_always_a_conflict),
        cmocka_unit_test(outcome_gives_the_event),
        cmocka_unit_test(every_state_event_and_action_has_a_name)
    };

    return cmocka_run_group_tests_name("idempotency", tests, NULL, NULL);
}
