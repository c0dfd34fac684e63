
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Functions and headers that all fuzz targets use.
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>

#include "alikassa.h"
#include "pool.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


#define fuzz_check(condition)                                                 \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                          \
        }                                                                     \
    } while (0)


/*
 * Returns a copy of the exact size.  libFuzzer's own buffer may be longer.
 */

static inline alikassa_str_t
fuzz_copy(const uint8_t *data, size_t size)
{
    alikassa_str_t   s;
    unsigned char   *p;

    p = test_pool_alloc(NULL, size);

    if (size) {
        memcpy(p, data, size);
    }

    s.len = size;
    s.data = p;

    return s;
}


/*
 * Reads every byte, so that the sanitizer checks them.
 */

static inline unsigned
fuzz_touch(const alikassa_str_t *s)
{
    size_t             i;
    volatile unsigned  sum;

    sum = 0;

    for (i = 0; i < s->len; i++) {
        sum = sum + s->data[i];
    }

    return sum;
}


#endif /* _FUZZ_H_INCLUDED_ */
