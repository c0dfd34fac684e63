
/*
 * The core's common types.
 *
 * Everything named alikassa_* knows AliKassa's API and nothing of nginx: it
 * includes no nginx header, keeps no globals and logs nothing.
 */


#ifndef _ALIKASSA_H_INCLUDED_
#define _ALIKASSA_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <string.h>


typedef enum {
    ALIKASSA_OK = 0,

    /* the question was fair and the answer is no: the client's fault */
    ALIKASSA_DECLINED,

    /* OpenSSL, as this system configures it, refuses: the administrator's */
    ALIKASSA_FORBIDDEN,

    /* no memory, or the library failed: our fault */
    ALIKASSA_ERROR
} alikassa_rc_t;


/* counted bytes, not terminated; owned by whoever made them */

typedef struct {
    size_t                len;
    const unsigned char  *data;
} alikassa_str_t;


#define alikassa_string(s)  { sizeof(s) - 1, (const unsigned char *) (s) }
#define alikassa_null_string  { 0, NULL }


/*
 * Where the core takes memory that lives as long as the request.  Nothing is
 * given back one by one: the owner frees the whole pool.  alloc() returns
 * NULL when there is no more memory.
 */

typedef struct {
    void                *(*alloc)(void *data, size_t size);
    void                 *data;
} alikassa_pool_t;


#define alikassa_alloc(pool, size)  (pool)->alloc((pool)->data, size)


/*
 * Why something was refused, in words for an operator's log: lower case, no
 * full stop, without secrets and without personal data.
 */

#define ALIKASSA_REASON_LEN  256

typedef struct {
    char                  text[ALIKASSA_REASON_LEN];
} alikassa_reason_t;


static inline int
alikassa_str_eq(const alikassa_str_t *a, const alikassa_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


#endif /* _ALIKASSA_H_INCLUDED_ */
