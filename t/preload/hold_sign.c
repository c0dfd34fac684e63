
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Overrides a function of libcrypto, by LD_PRELOAD: a test decides whether and
 * when OpenSSL makes a signature, by files in the folder that ALIKASSA_SIGN
 * names:
 *
 *     begun  grows by a byte for each signature that begins
 *     hold   while this file exists, each signature waits before it is made
 *     fail   while this file exists, each signature fails
 *
 * The files affect threads only, as the master makes a trial signature with
 * each key that it reads.  OpenSSL still makes the signatures.  A wait ends
 * after HOLD_MAX: a test that dies leaves no thread behind.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>


#define HOLD_MAX  600000    /* ms */


typedef int (*sign_pt)(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *siglen,
    const unsigned char *tbs, size_t tbslen);


static char     begun[256];
static char     hold[256];
static char     fail[256];
static sign_pt  sign;


/*
 * Reads the environment.  The constructor runs when the master starts, before
 * nginx clears the environment.
 */

__attribute__((constructor))
static void
init(void)
{
    const char  *dir;

    /* NULL in a shell that starts nginx, which has no libcrypto */

    sign = (sign_pt) dlsym(RTLD_NEXT, "EVP_PKEY_sign");
    dir = getenv("ALIKASSA_SIGN");

    if (dir == NULL
        || snprintf(begun, sizeof(begun), "%s/begun", dir)
           >= (int) sizeof(begun))
    {
        abort();
    }

    (void) snprintf(hold, sizeof(hold), "%s/hold", dir);
    (void) snprintf(fail, sizeof(fail), "%s/fail", dir);
}


int
EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *siglen,
    const unsigned char *tbs, size_t tbslen)
{
    int  fd, n;

    const struct timespec  pause = { 0, 1000000 };

    if (sign == NULL) {
        fputs("no EVP_PKEY_sign() but this one\n", stderr);
        abort();
    }

    if (syscall(SYS_gettid) == getpid()) {
        return sign(ctx, sig, siglen, tbs, tbslen);
    }

    fd = open(begun, O_WRONLY|O_APPEND);

    if (fd != -1) {
        if (write(fd, ".", 1) != 1) {
            abort();
        }

        close(fd);
    }

    for (n = 0; n < HOLD_MAX && access(hold, F_OK) == 0; n++) {
        (void) nanosleep(&pause, NULL);
    }

    if (access(fail, F_OK) == 0) {
        ERR_raise(ERR_LIB_EVP, ERR_R_INTERNAL_ERROR);
        return 0;
    }

    return sign(ctx, sig, siglen, tbs, tbslen);
}
