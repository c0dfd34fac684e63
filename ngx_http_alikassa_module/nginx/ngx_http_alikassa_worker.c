
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Workers as owners of records.
 *
 * A worker has a slot in the zone and a generation, which the zone counts and
 * never uses twice.  A record whose owner's generation has no slot has lost its
 * owner.  The pid alone does not identify a process, since the system uses pids
 * again; the pid and the time when the process started do.
 */


#include "ngx_http_alikassa_worker.h"
#include "ngx_http_alikassa_wakeup.h"


static void ngx_http_alikassa_worker_init(void);
static void ngx_http_alikassa_worker_remove_dead(
    ngx_http_alikassa_zone_t *zone);
static ngx_uint_t ngx_http_alikassa_worker_alive(
    const ngx_http_alikassa_worker_t *worker);
static ngx_int_t ngx_http_alikassa_worker_start(ngx_pid_t pid,
    uint64_t *start);


/* this process */

static ngx_http_alikassa_worker_t  ngx_http_alikassa_worker_self;


ngx_int_t
ngx_http_alikassa_worker_register(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t                    i;
    ngx_http_alikassa_worker_t   *self, *worker;
    ngx_http_alikassa_zone_sh_t  *sh;

    self = &ngx_http_alikassa_worker_self;

    if (self->pid != ngx_pid) {
        ngx_http_alikassa_worker_init();
    }

    ngx_http_alikassa_worker_remove_dead(zone);

    ngx_http_alikassa_zone_lock(zone);

    sh = zone->sh;

    for (i = 0; i < sh->nworkers && sh->workers[i].generation; i++) {
        /* void */
    }

    if (i == sh->nworkers) {
        ngx_http_alikassa_zone_unlock(zone);

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "no place for this worker in idempotency zone \"%V\", "
                      "enlarge it", &zone->store.name);
        return NGX_ERROR;
    }

    worker = &sh->workers[i];

    if (sh->nused <= i) {
        sh->nused = i + 1;
    }

    *worker = *self;
    worker->epoch = sh->epoch;

    /* the generation makes the slot valid */

    ngx_memory_barrier();
    worker->generation = ++sh->generation;

    zone->self = worker;
    zone->generation = worker->generation;

    ngx_http_alikassa_zone_unlock(zone);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "http alikassa worker %uL in zone \"%V\"",
                   zone->generation, &zone->store.name);

    return NGX_OK;
}


/*
 * Describes this process, and opens its socket.
 */

static void
ngx_http_alikassa_worker_init(void)
{
    ngx_http_alikassa_worker_t  *self;

    self = &ngx_http_alikassa_worker_self;

    ngx_memzero(self, sizeof(ngx_http_alikassa_worker_t));

    self->pid = ngx_pid;

    if (ngx_http_alikassa_worker_start(ngx_pid, &self->start) != NGX_OK) {
        self->start = 0;
    }

    if (ngx_http_alikassa_wakeup_open((ngx_cycle_t *) ngx_cycle, self->name)
        == NGX_OK)
    {
        self->listening = 1;
    }
}


/*
 * Frees the slots of workers that have died.
 */

static void
ngx_http_alikassa_worker_remove_dead(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t                   i;
    ngx_http_alikassa_worker_t   copy;

    for (i = 0; i < zone->sh->nused; i++) {

        ngx_http_alikassa_zone_lock(zone);

        copy = zone->sh->workers[i];

        ngx_http_alikassa_zone_unlock(zone);

        if (copy.generation) {
            (void) ngx_http_alikassa_worker_check(zone, &copy);
        }
    }
}


void
ngx_http_alikassa_worker_unregister(ngx_http_alikassa_zone_t *zone)
{
    if (zone->self == NULL) {
        return;
    }

    ngx_http_alikassa_zone_lock(zone);

    if (ngx_http_alikassa_zone_registered(zone)) {

        if (zone->self->owned) {
            zone->sh->orphans = 1;
        }

        zone->self->generation = 0;
    }

    zone->self = NULL;
    zone->generation = 0;

    ngx_http_alikassa_zone_unlock(zone);
}


ngx_http_alikassa_worker_t *
ngx_http_alikassa_worker_find_unsynced(ngx_http_alikassa_zone_t *zone)
{
    ngx_uint_t                    i;
    ngx_http_alikassa_worker_t   *worker;
    ngx_http_alikassa_zone_sh_t  *sh;

    sh = zone->sh;

    for (i = 0; i < sh->nused; i++) {

        worker = &sh->workers[i];

        if (worker->generation && worker->owned && worker->epoch != sh->epoch) {
            return worker;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_alikassa_worker_check(ngx_http_alikassa_zone_t *zone,
    const ngx_http_alikassa_worker_t *worker)
{
    ngx_http_alikassa_worker_t  *slot;

    if (ngx_http_alikassa_worker_alive(worker)) {
        return 1;
    }

    ngx_http_alikassa_zone_lock(zone);

    slot = ngx_http_alikassa_zone_find_worker(zone, worker->generation);

    if (slot) {

        if (slot->owned) {
            zone->sh->orphans = 1;
        }

        slot->generation = 0;
    }

    ngx_http_alikassa_zone_unlock(zone);

    return 0;
}


/*
 * Returns 1 if the worker's process exists, or if the system does not tell.
 */

static ngx_uint_t
ngx_http_alikassa_worker_alive(const ngx_http_alikassa_worker_t *worker)
{
    uint64_t  start;

    if (worker->pid == ngx_pid) {

        /*
         * a slot with the pid of this process, but of another generation: the
         * worker is dead, and this process has got its pid
         */

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
 * Sets start to the time when the process started, in ticks since the start of
 * the system.  Returns NGX_DECLINED if the process has ended and its parent has
 * not collected it yet, or NGX_ERROR if the system does not tell.
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

    /* "pid (name) state ...", and the name may have any character */

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
