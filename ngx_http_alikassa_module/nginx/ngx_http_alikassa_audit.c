
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * The audit log: one JSON line for each call that moves money, written when
 * the outcome is recorded.
 *
 * A line is one write() to a file opened for appending, so lines of several
 * workers do not mix. nginx reopens the file with its other logs.
 *
 * If the disk is full, write() takes a part of a line, and the next line would
 * continue it. The worker that wrote the part cuts it off again. Each worker
 * holds a lock while it writes, so no one can have written after that part.
 * The lock belongs to the file, so it also holds for another nginx with the
 * same file, and the kernel releases it if a process is killed.
 *
 * What a killed process leaves of a line stays, as does a part that was written
 * without the lock. So each worker reads the last byte of the file before it
 * writes, and starts with a line feed if the file does not end with one.
 */


#include "ngx_http_alikassa_audit.h"
#include "alikassa_json_string.h"

#include <poll.h>


/* the longest line; only a hostile order_id or response could reach it */
#define NGX_HTTP_ALIKASSA_AUDIT_LINE  4000

/* room reserved for the fixed parts that follow a text */
#define NGX_HTTP_ALIKASSA_AUDIT_FIXED  400

/* characters of each value of a response in the log */
#define NGX_HTTP_ALIKASSA_AUDIT_TEXT  128


/*
 * the longest wait of an exiting process for syslog, in milliseconds: the
 * master kills its workers a second or two after TERM
 */
#define NGX_HTTP_ALIKASSA_AUDIT_WAIT  500


/*
 * attempts to lock the file: the first ones at once, then one each millisecond
 */
#define NGX_HTTP_ALIKASSA_AUDIT_TRIES   100
#define NGX_HTTP_ALIKASSA_AUDIT_YIELDS  20

/*
 * if another process keeps the file locked, workers do not try to lock it for
 * so many seconds
 */
#define NGX_HTTP_ALIKASSA_AUDIT_LOCKED  60


struct ngx_http_alikassa_audit_s {
    ngx_open_file_t                    *file;
    ngx_syslog_peer_t                  *syslog;
    time_t                              error_log_time;
    time_t                              locked_time;
    unsigned                            torn:1;     /* a part is left */
    ngx_http_alikassa_audit_t          *next;
    ngx_fd_t                            tail;       /* the file, to be read */
    ngx_file_uniq_t                     tail_uniq;
    dev_t                               tail_dev;
};


static u_char *ngx_http_alikassa_audit_line(ngx_http_alikassa_call_t *call,
    u_char *p, u_char *last);
static u_char *ngx_http_alikassa_audit_time(u_char *p);
static u_char *ngx_http_alikassa_audit_text(u_char *p, u_char *last,
    const char *name, const u_char *data, size_t len);
static void ngx_http_alikassa_audit_write(ngx_http_request_t *r,
    ngx_http_alikassa_audit_t *audit, u_char *line, size_t len);
static ngx_uint_t ngx_http_alikassa_audit_torn(
    ngx_http_alikassa_audit_t *audit, ngx_file_info_t *fi);
static void ngx_http_alikassa_audit_open(ngx_http_alikassa_audit_t *audit,
    ngx_file_info_t *fi);
static void ngx_http_alikassa_audit_cleanup(void *data);
static ngx_uint_t ngx_http_alikassa_audit_lock(ngx_http_request_t *r,
    ngx_http_alikassa_audit_t *audit);
static void ngx_http_alikassa_audit_unlock(ngx_http_alikassa_audit_t *audit);
static ngx_int_t ngx_http_alikassa_audit_cut(ngx_fd_t fd, off_t size,
    ssize_t n);
static void ngx_http_alikassa_audit_syslog(ngx_http_request_t *r,
    ngx_http_alikassa_audit_t *audit, u_char *line, size_t len);
static ngx_uint_t ngx_http_alikassa_audit_wait(ngx_socket_t fd);


/*
 * milliseconds left of the wait for syslog; 0 while the process is not exiting
 */

static int  ngx_http_alikassa_audit_left;


char *
ngx_http_alikassa_audit_log(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    ngx_str_t                       *value;
    ngx_pool_cleanup_t              *cln;
    ngx_http_alikassa_audit_t       *audit, **next;
    ngx_http_alikassa_main_conf_t   *amcf;

    if (alcf->audit != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        alcf->audit = NULL;
        return NGX_CONF_OK;
    }

    if (ngx_strlchr(value[1].data, value[1].data + value[1].len, '$')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid audit log \"%V\", it cannot have "
                           "variables: give each location its own "
                           "\"alikassa_audit_log\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    audit = ngx_pcalloc(cf->pool, sizeof(ngx_http_alikassa_audit_t));
    if (audit == NULL) {
        return NGX_CONF_ERROR;
    }

    alcf->audit = audit;

    if (ngx_strncmp(value[1].data, "syslog:", 7) == 0) {

        audit->syslog = ngx_pcalloc(cf->pool, sizeof(ngx_syslog_peer_t));
        if (audit->syslog == NULL) {
            return NGX_CONF_ERROR;
        }

        return ngx_syslog_process_conf(cf, audit->syslog);
    }

    audit->file = ngx_conf_open_file(cf->cycle, &value[1]);
    if (audit->file == NULL) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    audit->tail = NGX_INVALID_FILE;

    cln->handler = ngx_http_alikassa_audit_cleanup;
    cln->data = audit;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_alikassa_module);

    for (next = &amcf->audits; *next; next = &(*next)->next) { /* void */ }

    *next = audit;

    return NGX_CONF_OK;
}


void
ngx_http_alikassa_audit_init_module(ngx_http_alikassa_main_conf_t *amcf)
{
    ngx_file_info_t             fi;
    ngx_http_alikassa_audit_t  *audit;

    for (audit = amcf->audits; audit; audit = audit->next) {

        if (ngx_fd_info(audit->file->fd, &fi) != NGX_FILE_ERROR
            && ngx_is_file(&fi))
        {
            ngx_http_alikassa_audit_open(audit, &fi);
        }
    }
}


void
ngx_http_alikassa_audit(ngx_http_alikassa_call_t *call)
{
    u_char                     *p;
    ngx_http_request_t         *r;
    ngx_http_alikassa_audit_t  *audit;
    u_char                      line[NGX_HTTP_ALIKASSA_AUDIT_LINE];

    audit = call->ctx->conf->audit;
    r = call->ctx->request;

    if (audit == NULL
        || (call->operation->is_read_only
            && call->query_result != ALIKASSA_EVENT_FOUND
            && call->ctx->rejected == NULL))
    {
        return;
    }

    /* there is room for a line feed on either side */

    p = ngx_http_alikassa_audit_line(call, line + 1, line
                                     + NGX_HTTP_ALIKASSA_AUDIT_LINE - 1);

    if (audit->syslog) {
        ngx_http_alikassa_audit_syslog(r, audit, line + 1, p - line - 1);
        return;
    }

    *p++ = LF;

    ngx_http_alikassa_audit_write(r, audit, line + 1, p - line - 1);
}


/*
 * Writes the members of a line. The fixed parts have less than 800 bytes, and
 * a text at most six bytes for each character within its own limit, so the
 * line always has room.
 */

static u_char *
ngx_http_alikassa_audit_line(ngx_http_alikassa_call_t *call, u_char *p,
    u_char *last)
{
    const char                  *fingerprint;
    ngx_http_alikassa_ctx_t     *ctx;
    const alikassa_str_t        *outcome;
    const alikassa_operation_t  *op;

    ctx = call->ctx;
    op = ctx->operation;
    outcome = alikassa_outcome_name(ctx->outcome);
    fingerprint = alikassa_key_fingerprint(ctx->conf->key->key);

    p = ngx_cpymem(p, "{\"time\":\"", sizeof("{\"time\":\"") - 1);
    p = ngx_http_alikassa_audit_time(p);
    *p++ = '"';

    p = ngx_http_alikassa_audit_text(p, last, ",\"operation\":",
                                     op->name.data, op->name.len);

    if (call->operation != op) {
        p = ngx_http_alikassa_audit_text(p, last, ",\"call\":",
                                         call->operation->name.data,
                                         call->operation->name.len);
    }

    p = ngx_http_alikassa_audit_text(p, last, ",\"account\":",
                                     ctx->account.data, ctx->account.len);
    p = ngx_http_alikassa_audit_text(p, last, ",\"order_id\":",
                                     ctx->order_id.data, ctx->order_id.len);
    p = ngx_http_alikassa_audit_text(p, last, ",\"amount\":",
                                     ctx->amount.data, ctx->amount.len);
    p = ngx_http_alikassa_audit_text(p, last, ",\"outcome\":",
                                     outcome->data, outcome->len);
    p = ngx_http_alikassa_audit_text(p, last, ",\"id\":",
                                     call->answer.id.data,
                                     call->answer.id.len);
    p = ngx_http_alikassa_audit_text(p, last, ",\"payment_status\":",
                                     call->answer.payment_status.data,
                                     call->answer.payment_status.len);

    p = ngx_slprintf(p, last, ",\"status\":%ui,\"sign_time\":%ui.%06ui,"
                     "\"response_time\":%T.%03M",
                     call->status, call->sign_time / 1000000,
                     call->sign_time % 1000000,
                     (time_t) (call->response_time / 1000),
                     call->response_time % 1000);

    p = ngx_http_alikassa_audit_text(p, last, ",\"key\":",
                                     (u_char *) fingerprint,
                                     ngx_strlen(fingerprint));
    p = ngx_http_alikassa_audit_text(p, last, ",\"idempotency\":",
                                     ctx->idempotency_status.data,
                                     ctx->idempotency_status.len);

    *p++ = '}';

    return p;
}


/*
 * Writes a time of RFC 3339 with milliseconds, from nginx's cached time. All
 * but the milliseconds is made once a second.
 */

static u_char *
ngx_http_alikassa_audit_time(u_char *p)
{
    ngx_tm_t     tm;
    ngx_time_t  *tp;

    static time_t  sec = -1;
    static u_char  text[sizeof("1970-01-01T00:00:00.") + NGX_TIME_T_LEN];
    static size_t  len;

    tp = ngx_timeofday();

    if (tp->sec != sec) {

        ngx_gmtime(tp->sec, &tm);

        len = ngx_sprintf(text, "%4d-%02d-%02dT%02d:%02d:%02d.",
                          tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                          tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec)
              - text;

        sec = tp->sec;
    }

    p = ngx_cpymem(p, text, len);

    return ngx_sprintf(p, "%03MZ", tp->msec);
}


/*
 * Adds a member: name has the comma, the quotes and the colon. Adds nothing
 * for an empty text. A text without room, which only a hostile response has,
 * is left out rather than cut.
 */

static u_char *
ngx_http_alikassa_audit_text(u_char *p, u_char *last, const char *name,
    const u_char *data, size_t len)
{
    size_t          room, size;
    alikassa_str_t  s;

    if (len == 0) {
        return p;
    }

    s.data = data;
    s.len = ngx_min(len, NGX_HTTP_ALIKASSA_AUDIT_TEXT * 4);

    size = ngx_strlen(name);
    room = last - p;

    if (room < size + NGX_HTTP_ALIKASSA_AUDIT_FIXED) {
        return p;
    }

    room -= size + NGX_HTTP_ALIKASSA_AUDIT_FIXED;

    /* a character has at most six bytes in JSON */

    if (room < s.len * 6 + 2
        && room < alikassa_json_write_text(NULL, &s))
    {
        return p;
    }

    p = ngx_cpymem(p, name, size);

    return p + alikassa_json_write_text(p, &s);
}


/*
 * Writes the line, which has room for a line feed before it, to the file.
 */

static void
ngx_http_alikassa_audit_write(ngx_http_request_t *r,
    ngx_http_alikassa_audit_t *audit, u_char *line, size_t len)
{
    time_t           now;
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_err_t        err;
    ngx_uint_t       locked, known;
    ngx_file_info_t  fi;

    fd = audit->file->fd;

    locked = ngx_http_alikassa_audit_lock(r, audit);
    known = (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR);

    if (locked && !known) {
        ngx_http_alikassa_audit_unlock(audit);
        locked = 0;
    }

    if (ngx_http_alikassa_audit_torn(audit, known ? &fi : NULL)) {
        *--line = LF;
        len++;
    }

    n = ngx_write_fd(fd, line, len);
    err = (n == -1) ? ngx_errno : 0;

    if (n == (ssize_t) len) {
        audit->torn = 0;

    } else if (n > 0) {
        audit->torn = !locked
                      || ngx_http_alikassa_audit_cut(fd, ngx_file_size(&fi), n)
                         != NGX_OK;
    }

    if (locked) {
        ngx_http_alikassa_audit_unlock(audit);
    }

    if (n == (ssize_t) len) {
        return;
    }

    /* like the access log: at most one message a minute */

    now = ngx_time();

    if (now - audit->error_log_time > 59) {

        ngx_log_error(NGX_LOG_ALERT, r->connection->log, err,
                      ngx_write_fd_n " to \"%V\" failed or was incomplete: "
                      "%z of %uz", &audit->file->name, n, len);

        audit->error_log_time = now;
    }
}


/*
 * Returns 1 if the file ends within a line: by its last byte or, if it cannot
 * be read, by what this worker wrote itself.
 */

static ngx_uint_t
ngx_http_alikassa_audit_torn(ngx_http_alikassa_audit_t *audit,
    ngx_file_info_t *fi)
{
    u_char  last;

    if (fi == NULL || !ngx_is_file(fi)) {
        return audit->torn;
    }

    if (ngx_file_size(fi) == 0) {
        return 0;
    }

    /* it is another file after nginx reopened its logs */

    if (audit->tail_uniq != ngx_file_uniq(fi) || audit->tail_dev != fi->st_dev)
    {
        ngx_http_alikassa_audit_cleanup(audit);
        ngx_http_alikassa_audit_open(audit, fi);
    }

    if (audit->tail == NGX_INVALID_FILE
        || pread(audit->tail, &last, 1, ngx_file_size(fi) - 1) != 1)
    {
        return audit->torn;
    }

    return last != LF;
}


/*
 * Opens the file a second time, for reading, through its descriptor: its name
 * may belong to another file by now.
 */

static void
ngx_http_alikassa_audit_open(ngx_http_alikassa_audit_t *audit,
    ngx_file_info_t *fi)
{
    u_char  name[sizeof("/proc/self/fd/") + NGX_INT_T_LEN];

    *ngx_sprintf(name, "/proc/self/fd/%d", audit->file->fd) = '\0';

    audit->tail = open((char *) name, O_RDONLY|O_NONBLOCK|O_CLOEXEC);
    audit->tail_uniq = ngx_file_uniq(fi);
    audit->tail_dev = fi->st_dev;
}


static void
ngx_http_alikassa_audit_cleanup(void *data)
{
    ngx_http_alikassa_audit_t *audit = data;

    if (audit->tail != NGX_INVALID_FILE) {
        (void) ngx_close_file(audit->tail);
        audit->tail = NGX_INVALID_FILE;
    }
}


/*
 * Locks the file for one line. Returns 0 if it cannot be locked: it is a pipe,
 * the file system has no locks, or another process keeps it locked, for which
 * payments must not wait.
 */

static ngx_uint_t
ngx_http_alikassa_audit_lock(ngx_http_request_t *r,
    ngx_http_alikassa_audit_t *audit)
{
    time_t        now;
    ngx_err_t     err;
    ngx_uint_t    i, tries;
    struct flock  fl;

    ngx_memzero(&fl, sizeof(struct flock));

    fl.l_type = F_WRLCK;
    fl.l_whence = SEEK_SET;

    now = ngx_time();

    tries = (audit->locked_time
             && now - audit->locked_time < NGX_HTTP_ALIKASSA_AUDIT_LOCKED)
            ? 1 : NGX_HTTP_ALIKASSA_AUDIT_TRIES;

    for (i = 0; i < tries; i++) {

        if (fcntl(audit->file->fd, F_SETLK, &fl) != -1) {
            audit->locked_time = 0;
            return 1;
        }

        err = ngx_errno;

        if (err == NGX_EINTR) {
            continue;
        }

        if (err != NGX_EAGAIN && err != NGX_EACCES) {
            return 0;
        }

        if (i < NGX_HTTP_ALIKASSA_AUDIT_YIELDS) {
            ngx_sched_yield();

        } else {
            ngx_msleep(1);
        }
    }

    if (tries > 1) {
        audit->locked_time = now;

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "another process keeps \"%V\" locked, "
                      "lines are written without the lock",
                      &audit->file->name);
    }

    return 0;
}


static void
ngx_http_alikassa_audit_unlock(ngx_http_alikassa_audit_t *audit)
{
    struct flock  fl;

    ngx_memzero(&fl, sizeof(struct flock));

    fl.l_type = F_UNLCK;
    fl.l_whence = SEEK_SET;

    (void) fcntl(audit->file->fd, F_SETLK, &fl);
}


/*
 * Cuts n bytes off the file, which had "size" bytes before they were written.
 * Fails if the file has another size, since others write to it without the
 * lock.
 */

static ngx_int_t
ngx_http_alikassa_audit_cut(ngx_fd_t fd, off_t size, ssize_t n)
{
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR
        || !ngx_is_file(&fi)
        || ngx_file_size(&fi) != size + n)
    {
        return NGX_ERROR;
    }

    return (ftruncate(fd, size) == -1) ? NGX_ERROR : NGX_OK;
}


/*
 * Sends the line as one datagram, which arrives as a whole or not at all.
 *
 * A socket fails once after syslog was restarted, and nginx closes it; the
 * line is then sent over a new one.
 */

static void
ngx_http_alikassa_audit_syslog(ngx_http_request_t *r,
    ngx_http_alikassa_audit_t *audit, u_char *line, size_t len)
{
    u_char      *p, *buf;
    size_t       size;
    ssize_t      n;
    ngx_uint_t   tries;

    /* the header has a priority, a time, a host name and a tag of at most 32 */

    size = sizeof("<255>Jan 01 00:00:00 ") - 1 + NGX_MAXHOSTNAMELEN
           + 32 + sizeof(" : ") + len;

    buf = ngx_alloc(size, r->connection->log);
    if (buf == NULL) {
        return;
    }

    p = ngx_syslog_add_header(audit->syslog, buf);
    p = ngx_cpymem(p, line, len);

    tries = 2;

    for ( ;; ) {

        n = ngx_syslog_send(audit->syslog, buf, p - buf);

        if (n == NGX_AGAIN) {
            if (ngx_http_alikassa_audit_wait(audit->syslog->conn.fd)) {
                continue;
            }

            break;
        }

        if (n >= 0 || --tries == 0) {
            break;
        }
    }

    if (n < 0) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "send() to syslog failed: an audit line is lost");
    }

    ngx_free(buf);
}


/*
 * Waits for room in a socket of an exiting process, which has nothing else to
 * do. Returns 0 if the time is up.
 */

static ngx_uint_t
ngx_http_alikassa_audit_wait(ngx_socket_t fd)
{
    int            n;
    struct pollfd  pfd;

    if (ngx_http_alikassa_audit_left <= 0) {
        return 0;
    }

    /* each turn counts as a millisecond at least, so the loop ends */

    ngx_http_alikassa_audit_left--;

    pfd.fd = fd;
    pfd.events = POLLOUT;
    pfd.revents = 0;

    n = poll(&pfd, 1, 1);

    return n != -1 || ngx_errno == NGX_EINTR;
}


void
ngx_http_alikassa_audit_exit_process(void)
{
    ngx_http_alikassa_audit_left = NGX_HTTP_ALIKASSA_AUDIT_WAIT;
}
