
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * A pool of malloc() for the tests: every piece is a block of its own and of
 * the exact size, so that AddressSanitizer sees a step beyond it.
 *
 *     test_pool()              the pool
 *     test_pool_fail_after(n)  n more allocations succeed, then all fail;
 *                              negative: none fails
 *     test_pool_allocs()       how many were asked for since the last free
 *     test_pool_free()         frees all and forgets the failure
 */


#ifndef _TEST_POOL_H_INCLUDED_
#define _TEST_POOL_H_INCLUDED_


#include <stdlib.h>

#include "alikassa.h"


typedef struct test_piece_s  test_piece_t;

struct test_piece_s {
    test_piece_t         *next;
    void                 *data;
};


static struct {
    test_piece_t         *pieces;
    size_t                allocs;
    long                  left;
} test_pool_state = { NULL, 0, -1 };


static inline void *
test_pool_alloc(void *data, size_t size)
{
    test_piece_t  *piece;

    (void) data;

    test_pool_state.allocs++;

    if (test_pool_state.left == 0) {
        return NULL;
    }

    if (test_pool_state.left > 0) {
        test_pool_state.left--;
    }

    piece = malloc(sizeof(test_piece_t));
    if (piece == NULL) {
        abort();
    }

    piece->data = malloc(size ? size : 1);
    if (piece->data == NULL) {
        abort();
    }

    /* code that relies on zeroed memory fails */
    memset(piece->data, 0xa5, size);

    piece->next = test_pool_state.pieces;
    test_pool_state.pieces = piece;

    return piece->data;
}


static inline alikassa_pool_t *
test_pool(void)
{
    static alikassa_pool_t  pool = { test_pool_alloc, NULL };

    return &pool;
}


static inline void
test_pool_fail_after(long n)
{
    test_pool_state.left = n;
}


static inline size_t
test_pool_allocs(void)
{
    return test_pool_state.allocs;
}


static inline void
test_pool_free(void)
{
    test_piece_t  *piece;

    while (test_pool_state.pieces != NULL) {
        piece = test_pool_state.pieces;
        test_pool_state.pieces = piece->next;
        free(piece->data);
        free(piece);
    }

    test_pool_state.allocs = 0;
    test_pool_state.left = -1;
}


#endif /* _TEST_POOL_H_INCLUDED_ */
