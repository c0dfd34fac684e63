
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Overrides setitimer() of libc, by LD_PRELOAD.  The master of nginx gives
 * workers about 1.5 seconds to end after TERM, and then kills them; on a busy
 * machine workers may need longer.  The master measures this time with
 * setitimer(), which nothing else in a test uses: this library makes each time
 * PATIENCE times as long.  The master acts as before when workers end.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <sys/time.h>


#define PATIENCE  1000


typedef int (*setitimer_pt)(int which, const struct itimerval *new,
    struct itimerval *old);


int
setitimer(__itimer_which_t which, const struct itimerval *restrict new,
    struct itimerval *restrict old)
{
    long long         usec;
    setitimer_pt      real;
    struct itimerval  value;

    real = (setitimer_pt) dlsym(RTLD_NEXT, "setitimer");

    if (real == NULL) {
        fputs("no setitimer() but this one\n", stderr);
        abort();
    }

    value = *new;
    usec = (value.it_value.tv_sec * 1000000LL + value.it_value.tv_usec)
           * PATIENCE;
    value.it_value.tv_sec = usec / 1000000;
    value.it_value.tv_usec = usec % 1000000;

    return real((int) which, &value, old);
}
