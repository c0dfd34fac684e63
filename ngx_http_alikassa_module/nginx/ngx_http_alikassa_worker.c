
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Workers as the idempotency zone sees them: who owns a record, whether the
 * owner is alive, and how one worker tells another that an order is settled.
 *
 * A worker has a place in the zone and a generation of the zone's own count,
 * never used twice.  A record whose owner's generation has no place has lost
 * its owner.  The pid alone proves nothing, since the system gives it out
 * again; the time when the process started does.
 *
 * On Linux each worker listens on a socket of the abstract name space, with
 * a random name that the others find in the zone.  A message is the first
 * bytes of a key and makes waits about it look again, so a false or a lost
 * one does no harm: a wait looks by itself once a second.
 */


#include "ngx_http_alikassa_zone.h"

#include <openssl/err.h>
#include <openssl/rand.h>


#if (NGX_LINUX && NGX_HAVE_UNIX_DOMAIN)
#define NGX_HTTP_ALIKASSA_SOCKETS  1
#else
#define NGX_HTTP_ALIKASSA_SOCKETS  0
#endif

#define NGX_HTTP_ALIKASSA_SOCKET_PREFIX  "ngx_alikassa."

#define NGX_HTTP_ALIKASSA_MESSAGE_LEN  8

/* messages read at a time; then others have their turn */
#define NGX_HTTP_ALIKASSA_MESSAGES  256

/* workers copied at a time, to be told without the lock */
#define NGX_HTTP_ALIKASSA_TELL  16

typedef void (*ngx_http_alikassa_worker_each_pt)(
    ngx_http_alikassa_zone_t *zone);


static void ngx_http_alikassa_worker_each(ngx_cycle_t *cycle,
    ngx_http_alikassa_worker_each_pt handler);
static void ngx_http_alikassa_worker_enter(ngx_http_alikassa_zone_t *zone);
static void ngx_http_alikassa_worker_leave(ngx_http_alikassa_zone_t *zone);
static void ngx_http_alikassa_worker_sweep(ngx_http_alikassa_zone_t *zone);
static ngx_uint_t ngx_http_alikassa_worker_alive(
    const ngx_http_alikassa_worker_t *worker);
static ngx_int_t ngx_http_alikassa_worker_start(ngx_pid_t pid,
    uint64_t *start);
#if (NGX_HTTP_ALIKASSA_SOCKETS)
static void ngx_http_alikassa_worker_listen(ngx_cycle_t *cycle);
static socklen_t ngx_http_alikassa_worker_address(struct sockaddr_un *saun,
    const u_char *name);
static void ngx_http_alikassa_worker_handler(ngx_event_t *rev);
static void ngx_http_alikassa_worker_missed(ngx_http_alikassa_zone_t *zone);
#endif


/* this process */

static ngx_http_alikassa_worker_t   ngx_http_alikassa_worker_self;
static ngx_connection_t            *ngx_http_alikassa_worker_connection;


ngx_int_t
ngx_http_alikassa_idempotency_init_process(ngx_cycle_t *cycle)
{
    ngx_http_alikassa_worker_each(cycle, ngx_http_alikassa_worker_enter);

    return NGX_OK;
}


void
ngx_http_alikassa_idempotency_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_alikassa_worker_each(cycle, ngx_http_alikassa_worker_leave);

    if (ngx_http_alikassa_worker_connection) {
        ngx_close_connection(ngx_http_alikassa_worker_connection);
        ngx_http_alikassa_worker_connection = NULL;
    }
}


static void
ngx_http_alikassa_worker_each(ngx_cycle_t *cycle,
    ngx_http_alikassa_worker_each_pt handler)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *shm_zone;
    ngx_list_part_t  *part;

    part = &cycle->shared_memory.part;
    shm_zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            shm_zone = part->elts;
            i = 0;
        }

        if (shm_zone[i].init == ngx_http_alikassa_zone_init) {
            handler(shm_zone[i].data);
        }
    }
}


static void
ngx_http_alikassa_worker_enter(ngx_http_alikassa_zone_t *zone)
{
    /* a zone that has no room now is tried again with the first order */

    (void) ngx_http_alikassa_worker_register(zone);
}


static void
ngx_http_alikassa_worker_leave(ngx_http_alikassa_zone_t *zone)
{
    if (zone->self == NULL) {
        return;
    }

    ngx_http_alikassa_zone_lock(zone);

    if (ngx_http_alikassa_worker_registered(zone)) {

        if (zone->self->held) {
            zone->sh->orphans = 1;
        }

        zone->self->generation = 0;
    }

    zone->self = NULL;
    zone->generation = 0;

    ngx_http_alikassa_zone_unlock(zone);
}


ngx_int_t
ngx_http_alikassa_worker_register(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t                    i;
    ngx_http_alikassa_worker_t   *self, *worker;
    ngx_http_alikassa_zone_sh_t  *sh;

    self = &ngx_http_alikassa_worker_self;

    if (self->pid != ngx_pid) {

        ngx_memzero(self, sizeof(ngx_http_alikassa_worker_t));

        self->pid = ngx_pid;

        if (ngx_http_alikassa_worker_start(ngx_pid, &self->start) != NGX_OK) {
            self->start = 0;
        }

#if (NGX_HTTP_ALIKASSA_SOCKETS)
        ngx_http_alikassa_worker_listen((ngx_cycle_t *) ngx_cycle);
#endif
    }

    ngx_http_alikassa_worker_sweep(zone);

    ngx_http_alikassa_zone_lock(zone);

    sh = zone->sh;

    for (i = 0; i < sh->nworkers && sh->workers[i].generation; i++) {
        /* void */
    }

    if (i == sh->nworkers) {
        ngx_http_alikassa_zone_unlock(zone);

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "no place for this worker in idempotency zone \"%V\", "
                      "enlarge it", &zone->name);
        return NGX_ERROR;
    }

    worker = &sh->workers[i];

    if (sh->last <= i) {
        sh->last = i + 1;
    }

    *worker = *self;
    worker->epoch = sh->epoch;

    /* the generation makes it valid */

    ngx_memory_barrier();
    worker->generation = ++sh->generation;

    zone->self = worker;
    zone->generation = worker->generation;

    ngx_http_alikassa_zone_unlock(zone);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "http alikassa worker %uL in zone \"%V\"",
                   zone->generation, &zone->name);

    return NGX_OK;
}


ngx_uint_t
ngx_http_alikassa_worker_registered(ngx_http_alikassa_zone_t *zone)
{
    return zone->self && zone->self->generation == zone->generation;
}


ngx_http_alikassa_worker_t *
ngx_http_alikassa_worker_find(ngx_http_alikassa_zone_t *zone,
    uint64_t generation)
{
    ngx_uint_t                    i;
    ngx_http_alikassa_zone_sh_t  *sh;

    sh = zone->sh;

    for (i = 0; i < sh->last; i++) {
        if (sh->workers[i].generation == generation) {
            return &sh->workers[i];
        }
    }

    return NULL;
}


/*
 * A worker that owned records when they were lost, and has not written them
 * again.
 */

ngx_http_alikassa_worker_t *
ngx_http_alikassa_worker_unheard(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t                    i;
    ngx_http_alikassa_worker_t   *worker;
    ngx_http_alikassa_zone_sh_t  *sh;

    sh = zone->sh;

    for (i = 0; i < sh->last; i++) {

        worker = &sh->workers[i];

        if (worker->generation && worker->held && worker->epoch != sh->epoch) {
            return worker;
        }
    }

    return NULL;
}


/*
 * Whether the worker is alive, which the system is asked without the lock.
 * A dead one gives its place.  Its records need not be sought: whoever meets
 * one finds the owner gone.
 */

ngx_uint_t
ngx_http_alikassa_worker_check(ngx_http_alikassa_zone_t *zone,
    const ngx_http_alikassa_worker_t *worker)
{
    ngx_http_alikassa_worker_t  *place;

    if (ngx_http_alikassa_worker_alive(worker)) {
        return 1;
    }

    ngx_http_alikassa_zone_lock(zone);

    place = ngx_http_alikassa_worker_find(zone, worker->generation);

    if (place) {

        if (place->held) {
            zone->sh->orphans = 1;
        }

        place->generation = 0;
    }

    ngx_http_alikassa_zone_unlock(zone);

    return 0;
}


static void
ngx_http_alikassa_worker_sweep(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t                   i;
    ngx_http_alikassa_worker_t   copy;

    for (i = 0; i < zone->sh->last; i++) {

        ngx_http_alikassa_zone_lock(zone);

        copy = zone->sh->workers[i];

        ngx_http_alikassa_zone_unlock(zone);

        if (copy.generation) {
            (void) ngx_http_alikassa_worker_check(zone, &copy);
        }
    }
}


/*
 * In doubt a worker is alive: its order must not be sent again.
 */

static ngx_uint_t
ngx_http_alikassa_worker_alive(const ngx_http_alikassa_worker_t *worker)
{
    uint64_t  start;

    if (worker->pid == ngx_pid) {

        /* our own records are known by the generation; it had our pid */

        return 0;
    }

    if (kill(worker->pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return 0;
    }

    switch (ngx_http_alikassa_worker_start(worker->pid, &start)) {

    case NGX_OK:
        return worker->start == 0 || worker->start == start;

    case NGX_DECLINED:
        return 0;

    default: /* NGX_ERROR */
        return 1;
    }
}


/*
 * When the process started, in ticks since the system did.  NGX_DECLINED:
 * it has ended, and waits for its parent; NGX_ERROR: the system does not say.
 */

static ngx_int_t
ngx_http_alikassa_worker_start(ngx_pid_t pid, uint64_t *start)
{
#if (NGX_LINUX)

    u_char      *p, *last;
    ssize_t      n;
    ngx_fd_t     fd;
    ngx_uint_t   field;
    u_char       name[sizeof("/proc//stat") + NGX_INT64_LEN];
    u_char       buf[1024];

    ngx_sprintf(name, "/proc/%P/stat%Z", pid);

    fd = ngx_open_file(name, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, buf, sizeof(buf));

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      ngx_close_file_n " \"%s\" failed", name);
    }

    if (n <= 0) {
        return NGX_ERROR;
    }

    /* "pid (name) state ...": the name may have anything in it */

    for (last = buf + n; last > buf && *(last - 1) != ')'; last--) {
        /* void */
    }

    p = last;
    last = buf + n;

    if (last - p < 2) {
        return NGX_ERROR;
    }

    if (p[1] == 'Z' || p[1] == 'X' || p[1] == 'x') {
        return NGX_DECLINED;
    }

    for (field = 2; field < 22; field++) {

        p = ngx_strlchr(p, last, ' ');

        if (p == NULL) {
            return NGX_ERROR;
        }

        p++;
    }

    for (*start = 0; p < last && *p >= '0' && *p <= '9'; p++) {
        *start = *start * 10 + (*p - '0');
    }

    return *start ? NGX_OK : NGX_ERROR;

#else

    (void) pid;
    (void) start;

    return NGX_ERROR;

#endif
}


/*
 * Tells the other workers that wait for the order.
 */

void
ngx_http_alikassa_worker_wake(ngx_http_alikassa_zone_t *zone, u_char *key,
    uint64_t waiters)
{
    ngx_uint_t                   i, k, n, last;
    ngx_http_alikassa_worker_t  *worker, workers[NGX_HTTP_ALIKASSA_TELL];

    if (waiters == 0) {
        return;
    }

    i = 0;

    do {
        n = 0;

        ngx_http_alikassa_zone_lock(zone);

        last = zone->sh->last;

        for ( /* void */ ; i < last && n < NGX_HTTP_ALIKASSA_TELL; i++) {

            worker = &zone->sh->workers[i];

            if (worker->generation
                && worker != zone->self
                && (waiters
                    & ngx_http_alikassa_worker_bit(worker->generation)))
            {
                workers[n++] = *worker;
            }
        }

        ngx_http_alikassa_zone_unlock(zone);

        for (k = 0; k < n; k++) {
            ngx_http_alikassa_worker_tell(zone, &workers[k], key);
        }

    } while (i < last);
}


/*
 * If the socket has no room for a message, the worker will be looking at it
 * soon: it is left a note, and finds it when it has read all messages.  The
 * second try is for the one who read them all before the note was there.
 */

void
ngx_http_alikassa_worker_tell(ngx_http_alikassa_zone_t *zone,
    const ngx_http_alikassa_worker_t *worker, u_char *key)
{
#if (NGX_HTTP_ALIKASSA_SOCKETS)

    ssize_t                      n;
    socklen_t                    len;
    ngx_uint_t                   tries;
    struct sockaddr_un           saun;
    ngx_http_alikassa_worker_t  *place;

    if (!worker->listening || ngx_http_alikassa_worker_connection == NULL) {
        return;
    }

    len = ngx_http_alikassa_worker_address(&saun, worker->name);

    for (tries = 0; tries < 2; tries++) {

        n = sendto(ngx_http_alikassa_worker_connection->fd, key,
                   NGX_HTTP_ALIKASSA_MESSAGE_LEN, MSG_DONTWAIT,
                   (struct sockaddr *) &saun, len);

        if (n != -1 || ngx_socket_errno != NGX_EAGAIN) {
            return;
        }

        ngx_http_alikassa_zone_lock(zone);

        place = ngx_http_alikassa_worker_find(zone, worker->generation);

        if (place) {
            place->missed = 1;
        }

        ngx_http_alikassa_zone_unlock(zone);
    }

#else

    (void) zone;
    (void) worker;
    (void) key;

#endif
}


#if (NGX_HTTP_ALIKASSA_SOCKETS)


static void
ngx_http_alikassa_worker_listen(ngx_cycle_t *cycle)
{
    socklen_t            len;
    ngx_socket_t         s;
    ngx_connection_t    *c;
    struct sockaddr_un   saun;

    if (RAND_bytes(ngx_http_alikassa_worker_self.name,
                   NGX_HTTP_ALIKASSA_NAME_LEN)
        != 1)
    {
        ERR_clear_error();
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0, "RAND_bytes() failed");
        return;
    }

    s = ngx_socket(AF_UNIX, SOCK_DGRAM, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return;
    }

    len = ngx_http_alikassa_worker_address(&saun,
                                          ngx_http_alikassa_worker_self.name);

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
    c->read->handler = ngx_http_alikassa_worker_handler;

    /* as the master's channel: it keeps no worker from its end */

    c->read->channel = 1;
    c->write->channel = 1;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        return;
    }

    ngx_http_alikassa_worker_connection = c;
    ngx_http_alikassa_worker_self.listening = 1;

    return;

failed:

    if (ngx_close_socket(s) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                      ngx_close_socket_n " failed");
    }
}


static socklen_t
ngx_http_alikassa_worker_address(struct sockaddr_un *saun,
    const u_char *name)
{
    u_char  *p;

    ngx_memzero(saun, sizeof(struct sockaddr_un));

    saun->sun_family = AF_UNIX;

    p = (u_char *) saun->sun_path;

    *p++ = '\0';
    p = ngx_cpymem(p, NGX_HTTP_ALIKASSA_SOCKET_PREFIX,
                   sizeof(NGX_HTTP_ALIKASSA_SOCKET_PREFIX) - 1);
    p = ngx_hex_dump(p, (u_char *) name, NGX_HTTP_ALIKASSA_NAME_LEN);

    return (socklen_t) (p - (u_char *) saun);
}


static void
ngx_http_alikassa_worker_handler(ngx_event_t *rev)
{
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;
    u_char             message[NGX_HTTP_ALIKASSA_MESSAGE_LEN + 1];

    c = rev->data;

    for (i = 0; i < NGX_HTTP_ALIKASSA_MESSAGES; i++) {

        n = recv(c->fd, message, sizeof(message), 0);

        if (n == NGX_HTTP_ALIKASSA_MESSAGE_LEN) {
            ngx_http_alikassa_claim_wake(message, n);
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

        ngx_http_alikassa_worker_each((ngx_cycle_t *) ngx_cycle,
                                      ngx_http_alikassa_worker_missed);
        return;
    }

    ngx_post_event(rev, &ngx_posted_next_events);
}


/*
 * To lock the zone is also to write lost records again.
 */

static void
ngx_http_alikassa_worker_missed(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t  missed;

    missed = 0;

    ngx_http_alikassa_zone_lock(zone);

    if (ngx_http_alikassa_worker_registered(zone)) {
        missed = zone->self->missed;
        zone->self->missed = 0;
    }

    ngx_http_alikassa_zone_unlock(zone);

    if (missed) {
        ngx_http_alikassa_claim_wake(NULL, 0);
    }
}


#endif
