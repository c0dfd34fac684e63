
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The allocator of cJSON in the unit tests.  It counts allocations and can
 * fail.
 */


#ifndef _TEST_HEAP_H_INCLUDED_
#define _TEST_HEAP_H_INCLUDED_


#include <stdlib.h>

#include <cjson/cJSON.h>


/* left: allocations that succeed before all fail; negative: none fails */

static struct {
    long  left;
    long  live;
} test_heap = { -1, 0 };


static inline void *
test_heap_alloc(size_t size)
{
    if (test_heap.left == 0) {
        return NULL;
    }

    if (test_heap.left > 0) {
        test_heap.left--;
    }

    test_heap.live++;

    return malloc(size);
}


static inline void
test_heap_free(void *p)
{
    if (p != NULL) {
        test_heap.live--;
        free(p);
    }
}


/*
 * Lets cJSON use this memory.  The counters are reset.
 */

static inline void
test_heap_init(void)
{
    cJSON_Hooks  hooks = { test_heap_alloc, test_heap_free };

    cJSON_InitHooks(&hooks);

    test_heap.left = -1;
    test_heap.live = 0;
}


#endif /* _TEST_HEAP_H_INCLUDED_ */
