
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Messages between workers.
 *
 * On Linux each worker listens on a socket of the abstract name space, with a
 * random name which the others find in the zone.  A message has the first bytes
 * of a key, and wakes the claims that wait for such a key.  A false message
 * does no harm, since a claim that is woken looks at the order's record.  Nor
 * does a lost one: a claim that waits also looks at the record once a second.
 */


#include "ngx_http_alikassa_wakeup.h"
#include "ngx_http_alikassa_wait.h"

#include <openssl/err.h>
#include <openssl/rand.h>


#if (NGX_LINUX && NGX_HAVE_UNIX_DOMAIN)
#define NGX_HTTP_ALIKASSA_SOCKETS  1
#else
#define NGX_HTTP_ALIKASSA_SOCKETS  0
#endif

#define NGX_HTTP_ALIKASSA_SOCKET_PREFIX  "ngx_alikassa."

#define NGX_HTTP_ALIKASSA_MESSAGE_LEN  8

/* messages that one event reads, before other events have their turn */
#define NGX_HTTP_ALIKASSA_MESSAGES_PER_EVENT  256

/* slots that are copied at a time, to send without the lock */
#define NGX_HTTP_ALIKASSA_WAKEUP_BATCH  16


#if (NGX_HTTP_ALIKASSA_SOCKETS)
static socklen_t ngx_http_alikassa_wakeup_address(struct sockaddr_un *saun,
    const u_char *name);
static void ngx_http_alikassa_wakeup_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_http_alikassa_wakeup_check_missed(
    ngx_http_alikassa_zone_t *zone, ngx_log_t *log);
#endif


/* this process' socket, or NULL */

static ngx_connection_t  *ngx_http_alikassa_wakeup_connection;


ngx_int_t
ngx_http_alikassa_wakeup_open(ngx_cycle_t *cycle, u_char *name)
{
#if (NGX_HTTP_ALIKASSA_SOCKETS)

    socklen_t            len;
    ngx_socket_t         s;
    ngx_connection_t    *c;
    struct sockaddr_un   saun;

    if (RAND_bytes(name, NGX_HTTP_ALIKASSA_SOCKET_NAME_LEN) != 1) {
        ERR_clear_error();
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0, "RAND_bytes() failed");
        return NGX_ERROR;
    }

    s = ngx_socket(AF_UNIX, SOCK_DGRAM, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return NGX_ERROR;
    }

    len = ngx_http_alikassa_wakeup_address(&saun, name);

    if (ngx_nonblocking(s) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                      ngx_nonblocking_n " failed");
        goto failed;
    }

    if (fcntl(s, F_SETFD, FD_CLOEXEC) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                      "fcntl(FD_CLOEXEC) failed");
        goto failed;
    }

    if (bind(s, (struct sockaddr *) &saun, len) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                      "bind() of a worker's socket failed");
        goto failed;
    }

    c = ngx_get_connection(s, cycle->log);

    if (c == NULL) {
        goto failed;
    }

    c->read->log = cycle->log;
    c->write->log = cycle->log;
    c->read->handler = ngx_http_alikassa_wakeup_read_handler;

    /* as with the master's channel, nginx does not report it as left open */

    c->read->channel = 1;
    c->write->channel = 1;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    ngx_http_alikassa_wakeup_connection = c;

    return NGX_OK;

failed:

    if (ngx_close_socket(s) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                      ngx_close_socket_n " failed");
    }

    return NGX_ERROR;

#else

    (void) cycle;
    (void) name;

    return NGX_DECLINED;

#endif
}


void
ngx_http_alikassa_wakeup_close(void)
{
    if (ngx_http_alikassa_wakeup_connection) {
        ngx_close_connection(ngx_http_alikassa_wakeup_connection);
        ngx_http_alikassa_wakeup_connection = NULL;
    }
}


void
ngx_http_alikassa_wakeup_send(ngx_http_alikassa_zone_t *zone,
    const ngx_http_alikassa_worker_t *worker, u_char *key)
{
#if (NGX_HTTP_ALIKASSA_SOCKETS)

    ssize_t                      n;
    socklen_t                    len;
    ngx_uint_t                   tries;
    struct sockaddr_un           saun;
    ngx_http_alikassa_worker_t  *slot;

    if (!worker->listening || ngx_http_alikassa_wakeup_connection == NULL) {
        return;
    }

    len = ngx_http_alikassa_wakeup_address(&saun, worker->name);

    for (tries = 0; tries < 2; tries++) {

        n = sendto(ngx_http_alikassa_wakeup_connection->fd, key,
                   NGX_HTTP_ALIKASSA_MESSAGE_LEN, MSG_DONTWAIT,
                   (struct sockaddr *) &saun, len);

        if (n != -1 || ngx_socket_errno != NGX_EAGAIN) {
            return;
        }

        /*
         * The buffer of the worker's socket is full.  Leave a note in its
         * slot, which the worker looks at when it has read all messages.  It
         * may have done so before the note was there: send once more.
         */

        ngx_http_alikassa_zone_lock(zone);

        slot = ngx_http_alikassa_zone_find_worker(zone, worker->generation);

        if (slot) {
            slot->missed = 1;
        }

        ngx_http_alikassa_zone_unlock(zone);
    }

#else

    (void) zone;
    (void) worker;
    (void) key;

#endif
}


void
ngx_http_alikassa_wakeup_send_all(ngx_http_alikassa_zone_t *zone, u_char *key,
    uint64_t waiters)
{
    ngx_uint_t                   i, k, n, last;
    ngx_http_alikassa_worker_t  *worker;
    ngx_http_alikassa_worker_t   workers[NGX_HTTP_ALIKASSA_WAKEUP_BATCH];

    if (waiters == 0) {
        return;
    }

    i = 0;

    do {
        n = 0;

        ngx_http_alikassa_zone_lock(zone);

        last = zone->sh->nused;

        for ( /* void */ ; i < last && n < NGX_HTTP_ALIKASSA_WAKEUP_BATCH; i++)
        {

            worker = &zone->sh->workers[i];

            if (worker->generation
                && worker != zone->self
                && (waiters
                    & ngx_http_alikassa_wakeup_bit(worker->generation)))
            {
                workers[n++] = *worker;
            }
        }

        ngx_http_alikassa_zone_unlock(zone);

        for (k = 0; k < n; k++) {
            ngx_http_alikassa_wakeup_send(zone, &workers[k], key);
        }

    } while (i < last);
}


#if (NGX_HTTP_ALIKASSA_SOCKETS)


/*
 * Sets the address of the socket with the name.  Returns its length.
 */

static socklen_t
ngx_http_alikassa_wakeup_address(struct sockaddr_un *saun,
    const u_char *name)
{
    u_char  *p;

    ngx_memzero(saun, sizeof(struct sockaddr_un));

    saun->sun_family = AF_UNIX;

    p = (u_char *) saun->sun_path;

    *p++ = '\0';
    p = ngx_cpymem(p, NGX_HTTP_ALIKASSA_SOCKET_PREFIX,
                   sizeof(NGX_HTTP_ALIKASSA_SOCKET_PREFIX) - 1);
    p = ngx_hex_dump(p, (u_char *) name, NGX_HTTP_ALIKASSA_SOCKET_NAME_LEN);

    return (socklen_t) (p - (u_char *) saun);
}


/*
 * The read event handler of this process' socket.
 */

static void
ngx_http_alikassa_wakeup_read_handler(ngx_event_t *rev)
{
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;
    u_char             message[NGX_HTTP_ALIKASSA_MESSAGE_LEN + 1];

    c = rev->data;

    for (i = 0; i < NGX_HTTP_ALIKASSA_MESSAGES_PER_EVENT; i++) {

        n = recv(c->fd, message, sizeof(message), 0);

        if (n == NGX_HTTP_ALIKASSA_MESSAGE_LEN) {
            ngx_http_alikassa_wait_wake(message, n);
            continue;
        }

        if (n != -1 || ngx_socket_errno == NGX_EINTR) {
            continue;
        }

        if (ngx_socket_errno != NGX_EAGAIN) {
            ngx_log_error(NGX_LOG_ALERT, rev->log, ngx_socket_errno,
                          "recv() from a worker failed");
        }

        rev->ready = 0;

        if (ngx_handle_read_event(rev, 0) != NGX_OK) {
            ngx_log_error(NGX_LOG_ALERT, rev->log, 0,
                          "no more messages from other workers");
        }

        (void) ngx_http_alikassa_for_each_zone((ngx_cycle_t *) ngx_cycle,
                                         ngx_http_alikassa_wakeup_check_missed,
                                               rev->log);
        return;
    }

    ngx_post_event(rev, &ngx_posted_next_events);
}


/*
 * Wakes all claims if a message to this worker was lost.  Locks the zone in any
 * case: this restores lost records of this worker, too.
 */

static ngx_int_t
ngx_http_alikassa_wakeup_check_missed(ngx_http_alikassa_zone_t *zone,
    ngx_log_t *log)
{
    ngx_uint_t  missed;

    (void) log;

    missed = 0;

    ngx_http_alikassa_zone_lock(zone);

    if (ngx_http_alikassa_zone_registered(zone)) {
        missed = zone->self->missed;
        zone->self->missed = 0;
    }

    ngx_http_alikassa_zone_unlock(zone);

    if (missed) {
        ngx_http_alikassa_wait_wake(NULL, 0);
    }

    return NGX_OK;
}


#endif
