
/*
 * AliKassa's calls as data: operations, fields, services and bank codes.
 *
 * A bank, a service, a field or another payment solution is a row in
 * alikassa_operation.c and nothing else.
 */


#ifndef _ALIKASSA_OPERATION_H_INCLUDED_
#define _ALIKASSA_OPERATION_H_INCLUDED_


#include "alikassa.h"


typedef enum {
    ALIKASSA_FIELD_STRING = 0,
    ALIKASSA_FIELD_AMOUNT,          /* decimal (11.2): a JSON number */
    ALIKASSA_FIELD_INTEGER,         /* positive, 64 bits: a JSON number */
    ALIKASSA_FIELD_IP,              /* IPv4 or IPv6 text */
    ALIKASSA_FIELD_URL              /* absolute, http or https */
} alikassa_field_type_t;


/* what a field means beyond its form; for the tables' checks */

typedef enum {
    ALIKASSA_ROLE_NONE = 0,
    ALIKASSA_ROLE_AMOUNT,
    ALIKASSA_ROLE_ORDER_ID,
    ALIKASSA_ROLE_SERVICE,          /* one of the operation's services */
    ALIKASSA_ROLE_CODE,             /* a bank code of that service */
    ALIKASSA_ROLE_CLIENT_IP         /* the client's address if not given */
} alikassa_field_role_t;


typedef struct {
    alikassa_str_t           name;
    alikassa_field_type_t    type;
    alikassa_field_role_t    role;
    unsigned                 max;           /* characters; 0: no limit */
    unsigned                 required:1;
    unsigned                 clean:1;       /* no control characters */
} alikassa_field_t;


typedef struct {
    alikassa_str_t           code;
    alikassa_str_t           bank;
} alikassa_bank_t;


typedef struct {
    alikassa_str_t           name;
    const alikassa_bank_t   *banks;
    size_t                   nbanks;
} alikassa_service_t;


typedef struct {
    alikassa_str_t             name;        /* "payment" */
    alikassa_str_t             path;        /* "/v1/payment" */

    /* in the order in which they are signed */
    const alikassa_field_t    *fields;
    size_t                     nfields;

    /* none: the operation has no service field */
    const alikassa_service_t  *services;
    size_t                     nservices;

    /* it moves money: never sent twice, audited */
    unsigned                   money:1;

    /* whoever may ask for it takes money */
    unsigned                   pays_out:1;

    /* it changes nothing: GET is allowed and connections may be reused */
    unsigned                   safe:1;

    /* exactly one of its fields must be given (status: order_id or id) */
    unsigned                   one_of:1;

    /* where the outcome of this one can be asked for, or NULL */
    const char                *status;      /* "payment_status" */
} alikassa_operation_t;


/* more than any operation has; sizes fixed arrays */
#define ALIKASSA_MAX_FIELDS  24


/*
 * Finds an operation by its name: payment, payout, payment_status,
 * payout_status.  Returns NULL if there is none.  The row is static.
 */

const alikassa_operation_t *alikassa_operation_find(const char *name);


/*
 * Finds a field of an operation.  Returns its index, or -1.
 */

int alikassa_operation_field(const alikassa_operation_t *op,
    const alikassa_str_t *name);


/*
 * Whether any operation has a field of this name.
 */

int alikassa_operation_any_field(const alikassa_str_t *name);


/*
 * The index of the operation's field of this role, or -1.
 */

int alikassa_operation_role(const alikassa_operation_t *op,
    alikassa_field_role_t role);


#endif /* _ALIKASSA_OPERATION_H_INCLUDED_ */
