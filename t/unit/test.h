
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * What the unit tests share: cmocka, the pool of pool.h, and strings.
 */


#ifndef _TEST_H_INCLUDED_
#define _TEST_H_INCLUDED_


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alikassa.h"
#include "pool.h"


/*
 * Returns the bytes of a C string, without a copy.
 */

static inline alikassa_str_t
test_str(const char *text)
{
    alikassa_str_t  s;

    s.len = strlen(text);
    s.data = (const unsigned char *) text;

    return s;
}


/*
 * Returns a copy in the pool of exactly len bytes, so that AddressSanitizer
 * reports a read beyond it.
 */

static inline alikassa_str_t
test_copy(const char *text, size_t len)
{
    alikassa_str_t   s;
    unsigned char   *p;

    p = test_pool_alloc(NULL, len);
    assert_non_null(p);

    memcpy(p, text, len);

    s.len = len;
    s.data = p;

    return s;
}


/*
 * Does the same for a C string, without its NUL.
 */

static inline alikassa_str_t
test_copy_str(const char *text)
{
    return test_copy(text, strlen(text));
}


/*
 * Fails unless s has exactly these bytes.
 */

static inline void
test_equal_bytes(const alikassa_str_t *s, const char *data, size_t len)
{
    if (s->len != len || (len && memcmp(s->data, data, len) != 0)) {
        fail_msg("\"%.*s\" is not \"%.*s\"", (int) s->len,
                 s->len ? (const char *) s->data : "", (int) len, data);
    }
}


/*
 * Does the same for a C string, without its NUL.
 */

static inline void
test_equal(const alikassa_str_t *s, const char *text)
{
    test_equal_bytes(s, text, strlen(text));
}


#endif /* _TEST_H_INCLUDED_ */
