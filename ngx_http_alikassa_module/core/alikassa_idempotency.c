
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


#include "alikassa_idempotency.h"


typedef struct {
    alikassa_outcome_t       outcome;
    alikassa_event_t         event;
} alikassa_idempotency_outcome_t;


#define alikassa_step(state, action)                                          \
    { ALIKASSA_STATE_##state, ALIKASSA_ACTION_##action }


/*
 * The rows of each state have the order of alikassa_event_t.  A row with
 * REFUSE keeps the state.
 */

static const alikassa_step_t
    alikassa_idempotency_steps[ALIKASSA_NSTATES][ALIKASSA_NEVENTS] =
{
    {   /* free */

        alikassa_step(IN_FLIGHT, SEND),         /* request */
        alikassa_step(IN_FLIGHT, SEND),         /* mismatch: no record */
        alikassa_step(FREE, REFUSE),            /* accepted */
        alikassa_step(FREE, REFUSE),            /* rejected */
        alikassa_step(FREE, REFUSE),            /* doubted */
        alikassa_step(FREE, REFUSE),            /* unsent */
        alikassa_step(FREE, REFUSE),            /* outcome unknown */
        alikassa_step(FREE, REFUSE),            /* found */
        alikassa_step(FREE, REFUSE),            /* not found */
        alikassa_step(FREE, REFUSE),            /* no status */
        alikassa_step(FREE, REFUSE),            /* died */
        alikassa_step(FREE, REFUSE),            /* expired */
        alikassa_step(FREE, REFUSE)             /* evict */
    },

    {   /* in flight */

        alikassa_step(IN_FLIGHT, WAIT),         /* request */
        alikassa_step(IN_FLIGHT, CONFLICT),     /* mismatch */
        alikassa_step(DONE, STORE),             /* accepted */
        alikassa_step(FREE, RELEASE),           /* rejected */
        alikassa_step(CHECKING, QUERY),         /* doubted: it may exist */
        alikassa_step(FREE, RELEASE),           /* unsent */
        alikassa_step(UNKNOWN, MARK_UNKNOWN),   /* outcome unknown */
        alikassa_step(IN_FLIGHT, REFUSE),       /* found */
        alikassa_step(IN_FLIGHT, REFUSE),       /* not found */
        alikassa_step(IN_FLIGHT, REFUSE),       /* no status */
        alikassa_step(UNKNOWN, MARK_UNKNOWN),   /* died */
        alikassa_step(IN_FLIGHT, REFUSE),       /* expired */
        alikassa_step(IN_FLIGHT, REFUSE)        /* evict */
    },

    {   /* done */

        alikassa_step(DONE, REPLAY),            /* request */
        alikassa_step(DONE, CONFLICT),          /* mismatch */
        alikassa_step(DONE, REFUSE),            /* accepted */
        alikassa_step(DONE, REFUSE),            /* rejected */
        alikassa_step(DONE, REFUSE),            /* doubted */
        alikassa_step(DONE, REFUSE),            /* unsent */
        alikassa_step(DONE, REFUSE),            /* outcome unknown */
        alikassa_step(DONE, REFUSE),            /* found */
        alikassa_step(DONE, REFUSE),            /* not found */
        alikassa_step(DONE, REFUSE),            /* no status */
        alikassa_step(DONE, REFUSE),            /* died */
        alikassa_step(FREE, RELEASE),           /* expired */
        alikassa_step(FREE, RELEASE)            /* evict */
    },

    {   /* unknown */

        alikassa_step(QUERYING, QUERY),         /* request */
        alikassa_step(UNKNOWN, CONFLICT),       /* mismatch */
        alikassa_step(UNKNOWN, REFUSE),         /* accepted */
        alikassa_step(UNKNOWN, REFUSE),         /* rejected */
        alikassa_step(UNKNOWN, REFUSE),         /* doubted */
        alikassa_step(UNKNOWN, REFUSE),         /* unsent */
        alikassa_step(UNKNOWN, REFUSE),         /* outcome unknown */
        alikassa_step(UNKNOWN, REFUSE),         /* found */
        alikassa_step(UNKNOWN, REFUSE),         /* not found */
        alikassa_step(UNKNOWN, REFUSE),         /* no status */
        alikassa_step(UNKNOWN, REFUSE),         /* died */
        alikassa_step(UNKNOWN, REFUSE),         /* expired: may exist */
        alikassa_step(FREE, FORGET)             /* evict: nothing else left */
    },

    {   /* querying */

        alikassa_step(QUERYING, WAIT),          /* request */
        alikassa_step(QUERYING, CONFLICT),      /* mismatch */
        alikassa_step(QUERYING, REFUSE),        /* accepted: no call made */
        alikassa_step(QUERYING, REFUSE),        /* rejected */
        alikassa_step(QUERYING, REFUSE),        /* doubted */
        alikassa_step(QUERYING, REFUSE),        /* unsent */
        alikassa_step(QUERYING, REFUSE),        /* outcome unknown */
        alikassa_step(DONE, STORE),             /* found */
        alikassa_step(RESENDING, SEND),         /* not found: owner sends */
        alikassa_step(UNKNOWN, MARK_UNKNOWN),   /* no status */
        alikassa_step(UNKNOWN, MARK_UNKNOWN),   /* died */
        alikassa_step(QUERYING, REFUSE),        /* expired */
        alikassa_step(QUERYING, REFUSE)         /* evict */
    },

    {   /* checking */

        alikassa_step(CHECKING, WAIT),          /* request */
        alikassa_step(CHECKING, CONFLICT),      /* mismatch */
        alikassa_step(CHECKING, REFUSE),        /* accepted: call is done */
        alikassa_step(CHECKING, REFUSE),        /* rejected */
        alikassa_step(CHECKING, REFUSE),        /* doubted */
        alikassa_step(CHECKING, REFUSE),        /* unsent */
        alikassa_step(CHECKING, REFUSE),        /* outcome unknown */
        alikassa_step(DONE, STORE),             /* found */
        alikassa_step(FREE, RELEASE),           /* not found: rejected */
        alikassa_step(UNKNOWN, MARK_UNKNOWN),   /* no status */
        alikassa_step(UNKNOWN, MARK_UNKNOWN),   /* died */
        alikassa_step(CHECKING, REFUSE),        /* expired */
        alikassa_step(CHECKING, REFUSE)         /* evict */
    },

    {   /* resending: the call before may still make the order */

        alikassa_step(RESENDING, WAIT),         /* request */
        alikassa_step(RESENDING, CONFLICT),     /* mismatch */
        alikassa_step(DONE, STORE),             /* accepted */
        alikassa_step(UNKNOWN, MARK_UNKNOWN),   /* rejected */
        alikassa_step(CHECKING, QUERY),         /* doubted */
        alikassa_step(UNKNOWN, MARK_UNKNOWN),   /* unsent: not the first */
        alikassa_step(UNKNOWN, MARK_UNKNOWN),   /* outcome unknown */
        alikassa_step(RESENDING, REFUSE),       /* found */
        alikassa_step(RESENDING, REFUSE),       /* not found */
        alikassa_step(RESENDING, REFUSE),       /* no status */
        alikassa_step(UNKNOWN, MARK_UNKNOWN),   /* died */
        alikassa_step(RESENDING, REFUSE),       /* expired */
        alikassa_step(RESENDING, REFUSE)        /* evict */
    }
};


/* every other outcome is ALIKASSA_EVENT_OUTCOME_UNKNOWN */

static const alikassa_idempotency_outcome_t
    alikassa_idempotency_outcomes[] =
{
    { ALIKASSA_OUTCOME_ACCEPTED, ALIKASSA_EVENT_ACCEPTED },
    { ALIKASSA_OUTCOME_REJECTED, ALIKASSA_EVENT_REJECTED },
    { ALIKASSA_OUTCOME_UNSENT, ALIKASSA_EVENT_UNSENT },
    { ALIKASSA_OUTCOME_NONE, ALIKASSA_EVENT_OUTCOME_UNKNOWN }
};


static const char *const  alikassa_state_names[ALIKASSA_NSTATES] = {
    [ALIKASSA_STATE_FREE] = "free",
    [ALIKASSA_STATE_IN_FLIGHT] = "in flight",
    [ALIKASSA_STATE_DONE] = "done",
    [ALIKASSA_STATE_UNKNOWN] = "unknown",
    [ALIKASSA_STATE_QUERYING] = "querying",
    [ALIKASSA_STATE_CHECKING] = "checking",
    [ALIKASSA_STATE_RESENDING] = "resending"
};


static const char *const  alikassa_event_names[ALIKASSA_NEVENTS] = {
    [ALIKASSA_EVENT_REQUEST] = "request",
    [ALIKASSA_EVENT_MISMATCH] = "mismatch",
    [ALIKASSA_EVENT_ACCEPTED] = "accepted",
    [ALIKASSA_EVENT_REJECTED] = "rejected",
    [ALIKASSA_EVENT_DOUBTED] = "doubted",
    [ALIKASSA_EVENT_UNSENT] = "unsent",
    [ALIKASSA_EVENT_OUTCOME_UNKNOWN] = "outcome unknown",
    [ALIKASSA_EVENT_FOUND] = "found",
    [ALIKASSA_EVENT_NOT_FOUND] = "not found",
    [ALIKASSA_EVENT_NO_STATUS] = "no status",
    [ALIKASSA_EVENT_DIED] = "died",
    [ALIKASSA_EVENT_EXPIRED] = "expired",
    [ALIKASSA_EVENT_EVICT] = "evict"
};


static const char *const  alikassa_action_names[ALIKASSA_NACTIONS] = {
    [ALIKASSA_ACTION_MARK_UNKNOWN] = "mark unknown",
    [ALIKASSA_ACTION_SEND] = "send",
    [ALIKASSA_ACTION_QUERY] = "query",
    [ALIKASSA_ACTION_WAIT] = "wait",
    [ALIKASSA_ACTION_REPLAY] = "replay",
    [ALIKASSA_ACTION_CONFLICT] = "conflict",
    [ALIKASSA_ACTION_STORE] = "store",
    [ALIKASSA_ACTION_RELEASE] = "release",
    [ALIKASSA_ACTION_FORGET] = "forget",
    [ALIKASSA_ACTION_REFUSE] = "refuse"
};


alikassa_step_t
alikassa_idempotency_step(alikassa_state_t state, alikassa_event_t event)
{
    alikassa_step_t  step;

    if ((unsigned) state >= ALIKASSA_NSTATES
        || (unsigned) event >= ALIKASSA_NEVENTS)
    {
        step.state = state;
        step.action = ALIKASSA_ACTION_REFUSE;

        return step;
    }

    return alikassa_idempotency_steps[state][event];
}


alikassa_event_t
alikassa_idempotency_event(alikassa_outcome_t outcome)
{
    const alikassa_idempotency_outcome_t  *row;

    for (row = alikassa_idempotency_outcomes;
         row->outcome != ALIKASSA_OUTCOME_NONE;
         row++)
    {
        if (row->outcome == outcome) {
            return row->event;
        }
    }

    return ALIKASSA_EVENT_OUTCOME_UNKNOWN;
}


const char *
alikassa_state_name(alikassa_state_t state)
{
    return ((unsigned) state < ALIKASSA_NSTATES)
           ? alikassa_state_names[state] : "?";
}


const char *
alikassa_event_name(alikassa_event_t event)
{
    return ((unsigned) event < ALIKASSA_NEVENTS)
           ? alikassa_event_names[event] : "?";
}


const char *
alikassa_action_name(alikassa_action_t action)
{
    return ((unsigned) action < ALIKASSA_NACTIONS)
           ? alikassa_action_names[action] : "?";
}
