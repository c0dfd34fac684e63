
/*
 * One order, one payment: the states of an order and what moves it from one
 * to another.  docs/idempotency.md shows the table.
 */


#ifndef _ALIKASSA_IDEMPOTENCY_H_INCLUDED_
#define _ALIKASSA_IDEMPOTENCY_H_INCLUDED_


#include "alikassa.h"
#include "alikassa_answer.h"


typedef enum {
    ALIKASSA_STATE_FREE = 0,        /* nothing is known: there is no record */
    ALIKASSA_STATE_FLIGHT,          /* a call is being made */
    ALIKASSA_STATE_DONE,            /* accepted; the answer is stored */
    ALIKASSA_STATE_UNKNOWN,         /* it may exist */
    ALIKASSA_STATE_PROBE,           /* unknown, and its status is asked for */
    ALIKASSA_STATE_CHECK,           /* rejected, and its status is asked for */
    ALIKASSA_STATE_RESEND,          /* a call is made again: one was before */
    ALIKASSA_NSTATES
} alikassa_state_t;


typedef enum {
    ALIKASSA_EVENT_REQUEST = 0,     /* a request with the same data */
    ALIKASSA_EVENT_OTHER,           /* a request with other data */
    ALIKASSA_EVENT_ACCEPTED,        /* the call's outcomes ... */
    ALIKASSA_EVENT_REJECTED,
    ALIKASSA_EVENT_DOUBTED,         /* ... rejected, but it may exist */
    ALIKASSA_EVENT_UNSENT,
    ALIKASSA_EVENT_LOST,            /* ... nobody knows its outcome */
    ALIKASSA_EVENT_FOUND,           /* the status call's outcomes ... */
    ALIKASSA_EVENT_NOT_FOUND,
    ALIKASSA_EVENT_NO_STATUS,       /* ... status not to be had */
    ALIKASSA_EVENT_DIED,            /* the owner is gone */
    ALIKASSA_EVENT_EXPIRED,         /* its time is over */
    ALIKASSA_EVENT_EVICT,           /* its room is needed */
    ALIKASSA_NEVENTS
} alikassa_event_t;


typedef enum {
    ALIKASSA_ACTION_NONE = 0,
    ALIKASSA_ACTION_SEND,           /* make the call: you own the order now */
    ALIKASSA_ACTION_ASK,            /* ask for its status: you own it now */
    ALIKASSA_ACTION_WAIT,           /* another one owns it */
    ALIKASSA_ACTION_REPLAY,         /* give the stored answer */
    ALIKASSA_ACTION_CONFLICT,       /* refuse: other data */
    ALIKASSA_ACTION_STORE,          /* keep the answer */
    ALIKASSA_ACTION_RELEASE,        /* forget the record */
    ALIKASSA_ACTION_FORGET,         /* the same, of an order that may exist */
    ALIKASSA_ACTION_REFUSE          /* the event has no place here */
} alikassa_action_t;


typedef struct {
    alikassa_state_t         state;
    alikassa_action_t        action;
} alikassa_step_t;


/*
 * The next state, and what the one who brings the event has to do.  Never
 * fails: an event that has no place leaves the state as it is and says
 * ALIKASSA_ACTION_REFUSE.
 */

alikassa_step_t alikassa_idempotency_step(alikassa_state_t state,
    alikassa_event_t event);


/*
 * The event that a call's outcome is.  Whatever is not surely one of the
 * others is ALIKASSA_EVENT_LOST.
 */

alikassa_event_t alikassa_idempotency_event(alikassa_outcome_t outcome);


#endif /* _ALIKASSA_IDEMPOTENCY_H_INCLUDED_ */
