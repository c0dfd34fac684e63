
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The calls of AliKassa's API as data: operations, fields, services and bank
 * codes.
 *
 * To add a bank, a service or a field, add a row to a table of
 * alikassa_operation.c.  A new operation also needs a directive of nginx.
 */


#ifndef _ALIKASSA_OPERATION_H_INCLUDED_
#define _ALIKASSA_OPERATION_H_INCLUDED_


#include "alikassa.h"


typedef enum {
    ALIKASSA_FIELD_STRING = 0,
    ALIKASSA_FIELD_AMOUNT,          /* decimal (11.2): a JSON number */
    ALIKASSA_FIELD_INTEGER,         /* 1 to 2^63 - 1: a JSON number */
    ALIKASSA_FIELD_IP,              /* an IPv4 or IPv6 address */
    ALIKASSA_FIELD_URL              /* an absolute http or https URL */
} alikassa_field_type_t;


/* what the module uses a field for, beyond validating its type */

typedef enum {
    ALIKASSA_ROLE_NONE = 0,
    ALIKASSA_ROLE_AMOUNT,
    ALIKASSA_ROLE_ORDER_ID,
    ALIKASSA_ROLE_SERVICE,          /* names one of the services */
    ALIKASSA_ROLE_CODE,             /* a bank code of that service */
    ALIKASSA_ROLE_CLIENT_IP         /* by default the client's address */
} alikassa_field_role_t;


typedef struct {
    alikassa_str_t           name;
    alikassa_field_type_t    type;
    alikassa_field_role_t    role;
    unsigned                 max;           /* characters; 0: no limit */
    unsigned                 required:1;
    unsigned                 clean:1;       /* without control characters */
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

    const alikassa_service_t  *services;
    size_t                     nservices;

    /* the call moves money: it is never sent twice, and it is audited */
    unsigned                   moves_money:1;

    /* the merchant pays: whoever may make the call may take money */
    unsigned                   is_payout:1;

    /* read-only: GET is allowed, and the call may be repeated */
    unsigned                   is_read_only:1;

    /* exactly one of the fields must be given, order_id or id */
    unsigned                   exactly_one_field:1;

    /* the response has a link, and the payer's browser should follow it */
    unsigned                   redirects_payer:1;

    /* there are no fields: the client's own JSON object is signed */
    unsigned                   signs_client_object:1;

    /* the operation that queries the status of this one, or NULL */
    const char                *status;      /* "payment_status" */
} alikassa_operation_t;


/*
 * The size of arrays and of bit masks, uint32_t, by field.  No operation has
 * more fields; alikassa_operation.c asserts both limits.
 */

#define ALIKASSA_MAX_FIELDS  24


/*
 * Finds an operation by its name: payment, payout, payment_status or
 * payout_status.  Returns NULL if there is none.  The row is static.
 */

const alikassa_operation_t *alikassa_operation_find(const char *name);


/*
 * Makes *op the operation that signs the client's own JSON object, with the
 * path that the operator configures.  path is not copied.
 */

void alikassa_operation_client_object(alikassa_operation_t *op,
    const alikassa_str_t *path);


/*
 * Returns the index of the operation's field of this name, or -1.
 */

int alikassa_operation_field(const alikassa_operation_t *op,
    const alikassa_str_t *name);


/*
 * Tells whether any operation has a field of this name.
 */

int alikassa_operation_any_field(const alikassa_str_t *name);


/*
 * Returns the index of the operation's field of this role, or -1.
 */

int alikassa_operation_role(const alikassa_operation_t *op,
    alikassa_field_role_t role);


/*
 * Returns the name that fields of this role have in all operations, for
 * example "order_id", or NULL for ALIKASSA_ROLE_NONE.  The string is static.
 */

const alikassa_str_t *alikassa_operation_role_name(alikassa_field_role_t role);


#endif /* _ALIKASSA_OPERATION_H_INCLUDED_ */
