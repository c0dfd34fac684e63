
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The protocol of AliKassa's API: the headers of a call, the text that is
 * signed, and the digests of a signature.  The paths of the calls are in
 * alikassa_operation.h, the body is in alikassa_request.h.
 */


#ifndef _ALIKASSA_API_H_INCLUDED_
#define _ALIKASSA_API_H_INCLUDED_


#include "alikassa.h"


/* of each request and of each response that the API defines */
#define ALIKASSA_CONTENT_TYPE  "application/json"

/* the digits of the greatest size_t */
#define ALIKASSA_LENGTH_MAX  20


/* the headers of a call, in the order in which they are sent */

typedef enum {
    ALIKASSA_HEADER_CONTENT_TYPE = 0,
    ALIKASSA_HEADER_CONTENT_LENGTH,
    ALIKASSA_HEADER_ACCOUNT,
    ALIKASSA_HEADER_SIGN,
    ALIKASSA_HEADER_ACCEPT,
    ALIKASSA_NHEADERS
} alikassa_header_t;


typedef struct {
    alikassa_str_t           name;          /* "Content-Type" */
    alikassa_str_t           lowcase;       /* "content-type" */
} alikassa_header_name_t;


/*
 * Returns the name of a header.  Both strings are static and end with a NUL
 * that is not counted.
 */

const alikassa_header_name_t *alikassa_api_header_name(
    alikassa_header_t header);


/*
 * Sets the values of the headers of a call.  length is a buffer of
 * ALIKASSA_LENGTH_MAX bytes for the text of Content-Length.  The values point
 * to static text, to length, and to account and sign, which are not copied.
 */

void alikassa_api_headers(alikassa_str_t values[ALIKASSA_NHEADERS],
    const alikassa_str_t *account, const alikassa_str_t *body,
    const alikassa_str_t *sign, unsigned char length[ALIKASSA_LENGTH_MAX]);


/*
 * Returns the text of a call that is signed: the body, byte for byte.
 */

const alikassa_str_t *alikassa_api_signed_text(const alikassa_str_t *body);


/*
 * Finds a digest of a signature by its name, "sha1" or "sha256".  Returns its
 * static name, as alikassa_signer_create() and alikassa_verifier_create()
 * take it, or NULL if the API has no such digest.
 */

const char *alikassa_api_digest_find(const alikassa_str_t *name);


/*
 * Returns the name of the digest that AliKassa uses unless a merchant has
 * another one: "sha1".
 */

const char *alikassa_api_digest_default(void);


/*
 * Writes the names of all digests for an error message: "sha1" or "sha256",
 * quotes included.
 */

void alikassa_api_digest_names(alikassa_errmsg_t *names);


#endif /* _ALIKASSA_API_H_INCLUDED_ */
