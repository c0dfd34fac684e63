
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Overrides malloc() and posix_memalign(), by LD_PRELOAD: a test decides which
 * function of nginx gets no memory.  The file "no_memory", in the folder that
 * ALIKASSA_SIGN names, contains the function's name; allocations by this
 * function, and by all functions that it calls, fail.  This library finds the
 * function by the return addresses on the stack, so nginx must export the
 * function to its modules.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define FRAMES  16


extern void *__libc_malloc(size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static int no_memory(void);


static char           path[256];
static __thread int   inside;


__attribute__((constructor))
static void
init(void)
{
    void        *frame[1];
    const char  *dir;

    dir = getenv("ALIKASSA_SIGN");

    if (dir == NULL
        || snprintf(path, sizeof(path), "%s/no_memory", dir)
           >= (int) sizeof(path))
    {
        abort();
    }

    /* backtrace() allocates memory when it is called for the first time */

    (void) backtrace(frame, 1);
}


void *
malloc(size_t size)
{
    if (no_memory()) {
        errno = ENOMEM;
        return NULL;
    }

    return __libc_malloc(size);
}


int
posix_memalign(void **p, size_t alignment, size_t size)
{
    if (no_memory()) {
        return ENOMEM;
    }

    *p = __libc_memalign(alignment, size);

    return *p ? 0 : ENOMEM;
}


static int
no_memory(void)
{
    int       fd, i, n, found;
    char      name[128];
    void     *frame[FRAMES];
    ssize_t   len;
    Dl_info   info;

    if (inside || path[0] == '\0') {
        return 0;
    }

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    len = read(fd, name, sizeof(name) - 1);
    close(fd);

    if (len <= 0) {
        return 0;
    }

    name[len] = '\0';

    inside = 1;
    found = 0;

    n = backtrace(frame, FRAMES);

    for (i = 0; i < n && !found; i++) {
        found = dladdr(frame[i], &info) && info.dli_sname
                && strcmp(info.dli_sname, name) == 0;
    }

    inside = 0;

    return found;
}
