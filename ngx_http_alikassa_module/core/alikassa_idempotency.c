
/*
 * One order, one payment: the states of an order and what moves it from one
 * to another.
 */


#include "alikassa_idempotency.h"


typedef struct {
    alikassa_outcome_t       outcome;
    alikassa_event_t         event;
} alikassa_idempotency_outcome_t;


#define alikassa_step(state, action)                                          \
    { ALIKASSA_STATE_##state, ALIKASSA_ACTION_##action }


/*
 * Each state's rows stand in the order of alikassa_event_t.  A row that says
 * REFUSE keeps its state.
 */

static const alikassa_step_t
    alikassa_idempotency_steps[ALIKASSA_NSTATES][ALIKASSA_NEVENTS] =
{
    {   /* free */

        alikassa_step(FLIGHT, SEND),        /* request */
        alikassa_step(FLIGHT, SEND),        /* other: nothing to differ from */
        alikassa_step(FREE, REFUSE),        /* accepted */
        alikassa_step(FREE, REFUSE),        /* rejected */
        alikassa_step(FREE, REFUSE),        /* doubted */
        alikassa_step(FREE, REFUSE),        /* unsent */
        alikassa_step(FREE, REFUSE),        /* lost */
        alikassa_step(FREE, REFUSE),        /* found */
        alikassa_step(FREE, REFUSE),        /* not found */
        alikassa_step(FREE, REFUSE),        /* no status */
        alikassa_step(FREE, REFUSE),        /* died */
        alikassa_step(FREE, REFUSE),        /* expired */
        alikassa_step(FREE, REFUSE)         /* evict */
    },

    {   /* flight */

        alikassa_step(FLIGHT, WAIT),        /* request */
        alikassa_step(FLIGHT, CONFLICT),    /* other */
        alikassa_step(DONE, STORE),         /* accepted */
        alikassa_step(FREE, RELEASE),       /* rejected */
        alikassa_step(CHECK, ASK),          /* doubted: it may exist */
        alikassa_step(FREE, RELEASE),       /* unsent */
        alikassa_step(UNKNOWN, NONE),       /* lost */
        alikassa_step(FLIGHT, REFUSE),      /* found */
        alikassa_step(FLIGHT, REFUSE),      /* not found */
        alikassa_step(FLIGHT, REFUSE),      /* no status */
        alikassa_step(UNKNOWN, NONE),       /* died */
        alikassa_step(FLIGHT, REFUSE),      /* expired */
        alikassa_step(FLIGHT, REFUSE)       /* evict */
    },

    {   /* done */

        alikassa_step(DONE, REPLAY),        /* request */
        alikassa_step(DONE, CONFLICT),      /* other */
        alikassa_step(DONE, REFUSE),        /* accepted */
        alikassa_step(DONE, REFUSE),        /* rejected */
        alikassa_step(DONE, REFUSE),        /* doubted */
        alikassa_step(DONE, REFUSE),        /* unsent */
        alikassa_step(DONE, REFUSE),        /* lost */
        alikassa_step(DONE, REFUSE),        /* found */
        alikassa_step(DONE, REFUSE),        /* not found */
        alikassa_step(DONE, REFUSE),        /* no status */
        alikassa_step(DONE, REFUSE),        /* died */
        alikassa_step(FREE, RELEASE),       /* expired */
        alikassa_step(FREE, RELEASE)        /* evict */
    },

    {   /* unknown */

        alikassa_step(PROBE, ASK),          /* request */
        alikassa_step(UNKNOWN, CONFLICT),   /* other */
        alikassa_step(UNKNOWN, REFUSE),     /* accepted */
        alikassa_step(UNKNOWN, REFUSE),     /* rejected */
        alikassa_step(UNKNOWN, REFUSE),     /* doubted */
        alikassa_step(UNKNOWN, REFUSE),     /* unsent */
        alikassa_step(UNKNOWN, REFUSE),     /* lost */
        alikassa_step(UNKNOWN, REFUSE),     /* found */
        alikassa_step(UNKNOWN, REFUSE),     /* not found */
        alikassa_step(UNKNOWN, REFUSE),     /* no status */
        alikassa_step(UNKNOWN, REFUSE),     /* died */
        alikassa_step(UNKNOWN, REFUSE),     /* expired: it may exist still */
        alikassa_step(FREE, FORGET)         /* evict: no other can go */
    },

    {   /* probe */

        alikassa_step(PROBE, WAIT),         /* request */
        alikassa_step(PROBE, CONFLICT),     /* other */
        alikassa_step(PROBE, REFUSE),       /* accepted: of a call not made */
        alikassa_step(PROBE, REFUSE),       /* rejected */
        alikassa_step(PROBE, REFUSE),       /* doubted */
        alikassa_step(PROBE, REFUSE),       /* unsent */
        alikassa_step(PROBE, REFUSE),       /* lost */
        alikassa_step(DONE, STORE),         /* found */
        alikassa_step(RESEND, SEND),        /* not found: the asker sends */
        alikassa_step(UNKNOWN, NONE),       /* no status */
        alikassa_step(UNKNOWN, NONE),       /* died */
        alikassa_step(PROBE, REFUSE),       /* expired */
        alikassa_step(PROBE, REFUSE)        /* evict */
    },

    {   /* check */

        alikassa_step(CHECK, WAIT),         /* request */
        alikassa_step(CHECK, CONFLICT),     /* other */
        alikassa_step(CHECK, REFUSE),       /* accepted: the call is over */
        alikassa_step(CHECK, REFUSE),       /* rejected */
        alikassa_step(CHECK, REFUSE),       /* doubted */
        alikassa_step(CHECK, REFUSE),       /* unsent */
        alikassa_step(CHECK, REFUSE),       /* lost */
        alikassa_step(DONE, STORE),         /* found */
        alikassa_step(FREE, RELEASE),       /* not found: the no holds */
        alikassa_step(UNKNOWN, NONE),       /* no status */
        alikassa_step(UNKNOWN, NONE),       /* died */
        alikassa_step(CHECK, REFUSE),       /* expired */
        alikassa_step(CHECK, REFUSE)        /* evict */
    },

    {   /* resend: the call before may still make the order */

        alikassa_step(RESEND, WAIT),        /* request */
        alikassa_step(RESEND, CONFLICT),    /* other */
        alikassa_step(DONE, STORE),         /* accepted */
        alikassa_step(UNKNOWN, NONE),       /* rejected: doubted is asked */
        alikassa_step(CHECK, ASK),          /* doubted */
        alikassa_step(UNKNOWN, NONE),       /* unsent: this one, not that */
        alikassa_step(UNKNOWN, NONE),       /* lost */
        alikassa_step(RESEND, REFUSE),      /* found */
        alikassa_step(RESEND, REFUSE),      /* not found */
        alikassa_step(RESEND, REFUSE),      /* no status */
        alikassa_step(UNKNOWN, NONE),       /* died */
        alikassa_step(RESEND, REFUSE),      /* expired */
        alikassa_step(RESEND, REFUSE)       /* evict */
    }
};


/* what is not here is lost */

static const alikassa_idempotency_outcome_t
    alikassa_idempotency_outcomes[] =
{
    { ALIKASSA_OUTCOME_ACCEPTED, ALIKASSA_EVENT_ACCEPTED },
    { ALIKASSA_OUTCOME_REJECTED, ALIKASSA_EVENT_REJECTED },
    { ALIKASSA_OUTCOME_UNSENT, ALIKASSA_EVENT_UNSENT },
    { ALIKASSA_OUTCOME_NONE, ALIKASSA_EVENT_LOST }
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

    return ALIKASSA_EVENT_LOST;
}
