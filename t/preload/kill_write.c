
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Overrides write() of libc, by LD_PRELOAD: a test decides where a worker is
 * killed.  The worker dies before it writes data, such as a line of the error
 * log, that contains the text in the file "kill_write".  The file is in the
 * folder that ALIKASSA_SIGN names.
 */


#define _GNU_SOURCE

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>


static char  path[256];


__attribute__((constructor))
static void
init(void)
{
    const char  *dir;

    dir = getenv("ALIKASSA_SIGN");

    if (dir == NULL
        || snprintf(path, sizeof(path), "%s/kill_write", dir)
           >= (int) sizeof(path))
    {
        abort();
    }
}


ssize_t
write(int fd, const void *buf, size_t size)
{
    int      file;
    char     text[128];
    ssize_t  n;

    file = open(path, O_RDONLY|O_CLOEXEC);

    if (file != -1) {
        n = read(file, text, sizeof(text));
        close(file);

        if (n > 0 && memmem(buf, size, text, n)) {
            (void) kill(getpid(), SIGKILL);
        }
    }

    return syscall(SYS_write, fd, buf, size);
}
