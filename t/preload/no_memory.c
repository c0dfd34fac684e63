
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Goes before libc, by LD_PRELOAD, so that a test decides which function of
 * nginx gets no memory: the one whose name the file "no_memory" has, in the
 * folder that ALIKASSA_SIGN names, and all that it calls.  The function is
 * found by the return addresses on the stack: it must be one that nginx
 * exports to its modules.
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

    /* the first call allocates */

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
