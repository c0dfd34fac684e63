
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The common types of the core.
 *
 * The core, alikassa_*, implements AliKassa's API.  It includes no header of
 * nginx, has no global variables and writes no log.
 */


#ifndef _ALIKASSA_H_INCLUDED_
#define _ALIKASSA_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <string.h>


/* what a function returns; each function says what it means there */

typedef enum {
    ALIKASSA_OK = 0,

    /* the input is invalid, or the answer to a question is no */
    ALIKASSA_DECLINED,

    /* OpenSSL, as this system configures it, refuses */
    ALIKASSA_FORBIDDEN,

    /* no memory, or a library failed: the input is not to blame */
    ALIKASSA_ERROR
} alikassa_rc_t;


/* counted bytes without a final NUL; the comment of each use names the owner */

typedef struct {
    size_t                len;
    const unsigned char  *data;
} alikassa_str_t;


#define alikassa_string(s)  { sizeof(s) - 1, (const unsigned char *) (s) }
#define alikassa_null_string  { 0, NULL }


/*
 * Where the core takes memory that lives as long as the request.  The core
 * never frees such memory; the owner of the pool frees all of it at once.
 * alloc() returns NULL if there is no more memory.
 */

typedef struct {
    void                *(*alloc)(void *data, size_t size);
    void                 *data;
} alikassa_pool_t;


#define alikassa_alloc(pool, size)  (pool)->alloc((pool)->data, size)


/*
 * An error message for the log of an operator: lower case, without a full
 * stop, without secrets and without personal data.  The text ends with a NUL;
 * a longer one is cut.
 */

#define ALIKASSA_ERRMSG_LEN  256

typedef struct {
    char                  text[ALIKASSA_ERRMSG_LEN];
} alikassa_errmsg_t;


static inline int
alikassa_str_eq(const alikassa_str_t *a, const alikassa_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


#endif /* _ALIKASSA_H_INCLUDED_ */
