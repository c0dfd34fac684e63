
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The state machine of an order: one order, one payment.
 * docs/idempotency.md has the table.
 */


#ifndef _ALIKASSA_IDEMPOTENCY_H_INCLUDED_
#define _ALIKASSA_IDEMPOTENCY_H_INCLUDED_


#include "alikassa_response.h"


typedef enum {
    ALIKASSA_STATE_FREE = 0,        /* there is no record of the order */
    ALIKASSA_STATE_IN_FLIGHT,       /* a call is in progress */
    ALIKASSA_STATE_DONE,            /* accepted; the response is stored */
    ALIKASSA_STATE_UNKNOWN,         /* the order may exist */
    ALIKASSA_STATE_QUERYING,        /* unknown; a status query is made */
    ALIKASSA_STATE_CHECKING,        /* rejected; a status query is made */
    ALIKASSA_STATE_RESENDING,       /* a call is made after an unknown one */
    ALIKASSA_NSTATES
} alikassa_state_t;


typedef enum {
    ALIKASSA_EVENT_REQUEST = 0,     /* a request with the same fingerprint */
    ALIKASSA_EVENT_MISMATCH,        /* a request with another fingerprint */

    /* what became of the call */
    ALIKASSA_EVENT_ACCEPTED,
    ALIKASSA_EVENT_REJECTED,
    ALIKASSA_EVENT_DOUBTED,         /* rejected, but the order may exist */
    ALIKASSA_EVENT_UNSENT,
    ALIKASSA_EVENT_OUTCOME_UNKNOWN,

    /* what became of the status query */
    ALIKASSA_EVENT_FOUND,
    ALIKASSA_EVENT_NOT_FOUND,
    ALIKASSA_EVENT_NO_STATUS,       /* the query gave no usable status */

    ALIKASSA_EVENT_DIED,            /* the process of the owner is gone */
    ALIKASSA_EVENT_EXPIRED,         /* the record is too old */
    ALIKASSA_EVENT_EVICT,           /* the store needs the memory */
    ALIKASSA_NEVENTS
} alikassa_event_t;


/* what whoever brings the event has to do */

typedef enum {
    ALIKASSA_ACTION_MARK_UNKNOWN = 0,   /* record that the order may exist */
    ALIKASSA_ACTION_SEND,           /* own the order and make the call */
    ALIKASSA_ACTION_QUERY,          /* own the order and query its status */
    ALIKASSA_ACTION_WAIT,           /* wait: another request owns the order */
    ALIKASSA_ACTION_REPLAY,         /* send the stored response */
    ALIKASSA_ACTION_CONFLICT,       /* refuse: the fingerprint differs */
    ALIKASSA_ACTION_STORE,          /* store the response */
    ALIKASSA_ACTION_RELEASE,        /* delete the record */
    ALIKASSA_ACTION_FORGET,         /* delete it although the order may exist */
    ALIKASSA_ACTION_REFUSE,         /* the event does not fit the state */
    ALIKASSA_NACTIONS
} alikassa_action_t;


typedef struct {
    alikassa_state_t         state;
    alikassa_action_t        action;
} alikassa_step_t;


/*
 * Returns the next state and the action.  Never fails: an event that does not
 * fit the state, or a number that is no state or no event, keeps the state
 * and gives ALIKASSA_ACTION_REFUSE.
 */

alikassa_step_t alikassa_idempotency_step(alikassa_state_t state,
    alikassa_event_t event);


/*
 * Returns the event of the outcome of a call.  An outcome that is not
 * certain is ALIKASSA_EVENT_OUTCOME_UNKNOWN.
 */

alikassa_event_t alikassa_idempotency_event(alikassa_outcome_t outcome);


/*
 * Return the name of a state, an event or an action, for logs, as it is called
 * in docs/idempotency.md; "?" for a number that is none.
 */

const char *alikassa_state_name(alikassa_state_t state);
const char *alikassa_event_name(alikassa_event_t event);
const char *alikassa_action_name(alikassa_action_t action);


#endif /* _ALIKASSA_IDEMPOTENCY_H_INCLUDED_ */
