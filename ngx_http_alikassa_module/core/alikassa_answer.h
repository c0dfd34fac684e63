
/*
 * What AliKassa answered, and what became of the call.
 */


#ifndef _ALIKASSA_ANSWER_H_INCLUDED_
#define _ALIKASSA_ANSWER_H_INCLUDED_


#include "alikassa_operation.h"


/* an answer has some hundred bytes; more is not AliKassa's */
#define ALIKASSA_ANSWER_MAX  (256 * 1024)


typedef enum {
    ALIKASSA_OUTCOME_NONE = 0,
    ALIKASSA_OUTCOME_ACCEPTED,      /* AliKassa took it */
    ALIKASSA_OUTCOME_REJECTED,      /* AliKassa said no: nothing was made */
    ALIKASSA_OUTCOME_INVALID,       /* we said no: nothing was sent */
    ALIKASSA_OUTCOME_UNSENT,        /* it never left: safe to try again */
    ALIKASSA_OUTCOME_UNKNOWN,       /* it may exist */
    ALIKASSA_OUTCOME_REPLAYED       /* answered from the idempotency zone */
} alikassa_outcome_t;


/*
 * The members that the rest needs; empty where absent.  Each is from the
 * pool and ended by a NUL that is not counted.
 */

typedef struct {
    alikassa_str_t           id;
    alikassa_str_t           uuid;
    alikassa_str_t           url;
    alikassa_str_t           payment_status;
    alikassa_str_t           order_id;

    /* a complete JSON object: fit to be passed on */
    unsigned                 object:1;

    /* a rejection of a call that moves money: it names "order_id" */
    unsigned                 names_order:1;
} alikassa_answer_t;


/*
 * Judges an answer by its HTTP status and body:
 *
 * accepted: 2xx and a JSON object, for a call that moves money one with "id";
 * rejected: 4xx other than 408, and a JSON object;
 * unknown: all else.
 *
 * ALIKASSA_OK: *answer and *outcome are set.
 * ALIKASSA_ERROR: no memory; the outcome is unknown.
 */

alikassa_rc_t alikassa_answer_read(const alikassa_pool_t *pool,
    const alikassa_operation_t *op, unsigned status,
    const alikassa_str_t *body, alikassa_answer_t *answer,
    alikassa_outcome_t *outcome);


/*
 * Whether the answer has a link that a payer may be sent to: plain https.
 */

int alikassa_answer_redirect(const alikassa_answer_t *answer);


/*
 * Whether a status call's answer says that there is no such order: HTTP 404
 * with a JSON object, and nothing else.
 */

int alikassa_answer_not_found(unsigned status,
    const alikassa_answer_t *answer);


/*
 * Tells whether a rejection of a call that moves money is of a kind that
 * AliKassa's path for such calls does not give: then the path or the account
 * may be wrong, and a status call's "no such order" says nothing.
 */

int alikassa_answer_misled(unsigned status);


/*
 * Tells whether the answer names an order_id, and it is another one.
 */

int alikassa_answer_another(const alikassa_answer_t *answer,
    const alikassa_str_t *order_id);


/*
 * Tells whether a rejection may mean that the order exists: 409, or an answer
 * whose "errors" or "message" name the order_id, in whatever shape: AliKassa
 * says so that it was used.
 */

int alikassa_answer_doubtful(unsigned status,
    const alikassa_answer_t *answer);


/*
 * Tells whether a status refuses the caller rather than the order: the wrong
 * key, account, digest or path.  Not 404 where it says that there is no such
 * order.
 */

int alikassa_answer_denied(const alikassa_operation_t *op, unsigned status,
    const alikassa_answer_t *answer);


/*
 * Tells whether an answer of this status may say when to come again.
 */

int alikassa_answer_later(unsigned status);


/*
 * "accepted" and so on; empty for none.  Static.
 */

const alikassa_str_t *alikassa_outcome_name(alikassa_outcome_t outcome);


#endif /* _ALIKASSA_ANSWER_H_INCLUDED_ */
