
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Overrides functions of libc, by LD_PRELOAD: a test decides what happens to a
 * line of the audit log, by files in the folder that ALIKASSA_SIGN names:
 *
 *     no_lock  while this file exists, no process can lock a file
 *     cut      contains the pid of a process that writes half of each line
 *     kill     contains the pid of a process that is killed within write(),
 *              after half of a line
 */


#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>


#define LINE  "{\"time\":\""


int fcntl64(int fd, int cmd, ...);

static int locks(int fd, int cmd, void *arg);
static int told(const char *name);


static const char  *dir;


__attribute__((constructor))
static void
init(void)
{
    dir = getenv("ALIKASSA_SIGN");

    /* nginx clears the environment later: copy the value */

    dir = dir ? strdup(dir) : NULL;

    if (dir == NULL) {
        abort();
    }
}


ssize_t
write(int fd, const void *buf, size_t size)
{
    size_t       n;
    const char  *p;

    p = buf;
    n = size;

    if (n && *p == '\n') {
        p++;
        n--;
    }

    if (n < sizeof(LINE) || memcmp(p, LINE, sizeof(LINE) - 1) != 0) {
        return syscall(SYS_write, fd, buf, size);
    }

    if (told("kill")) {
        (void) syscall(SYS_write, fd, buf, size / 2);
        (void) kill(getpid(), SIGKILL);
    }

    return syscall(SYS_write, fd, buf, told("cut") ? size / 2 : size);
}


int
fcntl(int fd, int cmd, ...)
{
    void     *arg;
    va_list   args;

    va_start(args, cmd);
    arg = va_arg(args, void *);
    va_end(args);

    return locks(fd, cmd, arg);
}


int
fcntl64(int fd, int cmd, ...)
{
    void     *arg;
    va_list   args;

    va_start(args, cmd);
    arg = va_arg(args, void *);
    va_end(args);

    return locks(fd, cmd, arg);
}


static int
locks(int fd, int cmd, void *arg)
{
    char  path[256];

    (void) snprintf(path, sizeof(path), "%s/no_lock", dir);

    if (cmd == F_SETLK && access(path, F_OK) == 0) {
        errno = ENOLCK;
        return -1;
    }

    return syscall(SYS_fcntl, fd, cmd, arg);
}


/* Tells whether the file contains the pid of this process. */

static int
told(const char *name)
{
    int      fd;
    char     path[256], pid[32];
    ssize_t  n;

    (void) snprintf(path, sizeof(path), "%s/%s", dir, name);

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, pid, sizeof(pid) - 1);
    close(fd);

    if (n <= 0) {
        return 0;
    }

    pid[n] = '\0';

    return atoi(pid) == getpid();
}
