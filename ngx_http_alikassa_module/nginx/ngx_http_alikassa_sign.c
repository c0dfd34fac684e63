
/*
 * Copyright (C) the authors of ngx_http_alikassa_module
 */


/*
 * Signs calls: in nginx's thread pool, so the worker can serve other requests,
 * or in the event loop if there is no pool.
 */


#include "ngx_http_alikassa_sign.h"


/*
 * a timer of so many milliseconds keeps a worker that is shutting down alive
 * while a thread signs
 */
#define NGX_HTTP_ALIKASSA_SIGN_TIMER  60000

/* the longest wait of an exiting worker for threads, in milliseconds */
#define NGX_HTTP_ALIKASSA_SIGN_EXIT  500


/*
 * The context of a thread's task. The thread reads the body and the signer,
 * and writes to memory of the request. r->main->blocked keeps the request, and
 * the cycle, which lives as long as the worker, keeps the signer. The
 * signature, or on failure the error text, is stored right after this
 * structure.
 */

typedef struct {
    ngx_http_alikassa_call_t           *call;
    alikassa_signer_t                  *signer;
    alikassa_str_t                      text;
    u_char                             *sign;
    size_t                              len;
    struct timespec                     start;
    struct timespec                     end;
    alikassa_rc_t                       rc;

    /* used by the worker only: see ngx_http_alikassa_sign_post() */
    ngx_event_t                         timer;
} ngx_http_alikassa_sign_t;


static void ngx_http_alikassa_sign_run(void *data, ngx_log_t *log);
static void ngx_http_alikassa_sign_end(ngx_http_request_t *r,
    ngx_http_alikassa_sign_t *ctx);
#if (NGX_THREADS)
static void ngx_http_alikassa_sign_thread(void *data, ngx_log_t *log);
static ngx_int_t ngx_http_alikassa_sign_post(ngx_http_request_t *r,
    ngx_http_alikassa_loc_conf_t *alcf, ngx_thread_task_t *task);
static void ngx_http_alikassa_sign_timer_handler(ngx_event_t *ev);
static void ngx_http_alikassa_sign_event_handler(ngx_event_t *ev);


/*
 * the number of tasks that threads have or will have; 1 if no thread may begin
 * to sign
 */

static ngx_atomic_t  ngx_http_alikassa_sign_tasks;
static ngx_atomic_t  ngx_http_alikassa_sign_stopped;
#endif


char *
ngx_http_alikassa_thread_pool(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_alikassa_loc_conf_t *alcf = conf;

    ngx_str_t                      *value;
    ngx_http_alikassa_main_conf_t  *amcf;

    if (alcf->thread_pool != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->cmd_type == NGX_HTTP_MAIN_CONF) {
        amcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_alikassa_module);
        amcf->thread_pool = 1;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        alcf->thread_pool = NULL;
        return NGX_CONF_OK;
    }

#if (NGX_THREADS)

    alcf->thread_pool = ngx_thread_pool_add(cf, &value[1]);
    if (alcf->thread_pool == NULL) {
        return NGX_CONF_ERROR;
    }

#else

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "thread pool \"%V\" is not used, since this nginx is "
                       "built without threads", &value[1]);
    alcf->thread_pool = NULL;

#endif

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_alikassa_default_thread_pool(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf)
{
#if (NGX_THREADS)

    ngx_http_alikassa_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_alikassa_module);

    /* if another pool is set, nobody may want "default" */

    if (conf->thread_pool == NGX_CONF_UNSET_PTR
        && !amcf->thread_pool
        && ngx_thread_pool_add(cf, NULL) == NULL)
    {
        return NGX_ERROR;
    }

#endif

    return NGX_OK;
}


ngx_int_t
ngx_http_alikassa_merge_thread_pool(ngx_conf_t *cf,
    ngx_http_alikassa_loc_conf_t *conf)
{
    ngx_http_alikassa_main_conf_t  *amcf;

    if (conf->thread_pool == NGX_CONF_UNSET_PTR) {
#if (NGX_THREADS)
        conf->thread_pool = ngx_thread_pool_add(cf, NULL);
        if (conf->thread_pool == NULL) {
            return NGX_ERROR;
        }
#else
        conf->thread_pool = NULL;
#endif
    }

    if (conf->thread_pool) {
        return NGX_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_alikassa_module);

    if (!amcf->inline_notice) {
        amcf->inline_notice = 1;

        ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                      "\"alikassa_%*s\" in %V:%ui signs without a thread "
                      "pool: each signature holds up its worker",
                      conf->operation->name.len, conf->operation->name.data,
                      &conf->pos.file, conf->pos.line);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_alikassa_sign(ngx_http_request_t *r, ngx_http_alikassa_call_t *call)
{
    size_t                         len, size;
    alikassa_str_t                 body;
    ngx_http_alikassa_sign_t      *sign;
    ngx_http_alikassa_loc_conf_t  *alcf;
#if (NGX_THREADS)
    ngx_thread_task_t             *task;
#endif

    alcf = call->ctx->conf;

    len = alikassa_signer_len(alcf->signer);
    size = sizeof(ngx_http_alikassa_sign_t)
           + ngx_max(len + 1, sizeof(alikassa_errmsg_t));

#if (NGX_THREADS)

    task = ngx_thread_task_alloc(r->pool, size);
    if (task == NULL) {
        return NGX_ERROR;
    }

    sign = task->ctx;

#else

    sign = ngx_palloc(r->pool, size);
    if (sign == NULL) {
        return NGX_ERROR;
    }

#endif

    body = ngx_http_alikassa_to_core(&call->body);

    sign->call = call;
    sign->signer = alcf->signer;
    sign->text = *alikassa_api_signed_text(&body);
    sign->sign = (u_char *) sign + sizeof(ngx_http_alikassa_sign_t);

    sign->len = len;

    (void) clock_gettime(CLOCK_MONOTONIC, &sign->start);

#if (NGX_THREADS)

    if (alcf->thread_pool) {
        return ngx_http_alikassa_sign_post(r, alcf, task);
    }

#endif

    ngx_http_alikassa_sign_run(sign, r->connection->log);
    ngx_http_alikassa_sign_end(r, sign);

    return NGX_OK;
}


/*
 * Signs, perhaps in a thread: uses neither nginx nor the request, only the
 * memory of the task.
 */

static void
ngx_http_alikassa_sign_run(void *data, ngx_log_t *log)
{
    ngx_http_alikassa_sign_t *ctx = data;

    alikassa_errmsg_t  errmsg;

    ctx->rc = alikassa_signer_sign(ctx->signer, &ctx->text, ctx->sign,
                                   &errmsg);

    if (ctx->rc != ALIKASSA_OK) {
        ngx_memcpy(ctx->sign, &errmsg, sizeof(alikassa_errmsg_t));
    }

    (void) clock_gettime(CLOCK_MONOTONIC, &ctx->end);
}


static void
ngx_http_alikassa_sign_end(ngx_http_request_t *r,
    ngx_http_alikassa_sign_t *ctx)
{
    ngx_http_alikassa_call_t  *call;

    call = ctx->call;

    call->sign_time = (ctx->end.tv_sec - ctx->start.tv_sec) * 1000000
                      + (ctx->end.tv_nsec - ctx->start.tv_nsec) / 1000;

    if (ctx->rc == ALIKASSA_OK) {
        call->sign.len = ctx->len;
        call->sign.data = ctx->sign;

        ngx_http_alikassa_call_set_state(call, NGX_HTTP_ALIKASSA_CALL_SIGNED);
        return;
    }

    ngx_http_alikassa_call_set_state(call, NGX_HTTP_ALIKASSA_CALL_CREATED);

    ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                  "cannot sign with key \"%V\": %s",
                  &call->ctx->conf->key->path, ctx->sign);
}


#if (NGX_THREADS)

static void
ngx_http_alikassa_sign_thread(void *data, ngx_log_t *log)
{
    if (!ngx_http_alikassa_sign_stopped) {
        ngx_http_alikassa_sign_run(data, log);
    }

    (void) ngx_atomic_fetch_add(&ngx_http_alikassa_sign_tasks, -1);
}


static ngx_int_t
ngx_http_alikassa_sign_post(ngx_http_request_t *r,
    ngx_http_alikassa_loc_conf_t *alcf, ngx_thread_task_t *task)
{
    ngx_http_alikassa_sign_t  *sign;

    sign = task->ctx;

    task->handler = ngx_http_alikassa_sign_thread;
    task->event.data = sign;
    task->event.handler = ngx_http_alikassa_sign_event_handler;
    task->event.log = r->connection->log;

    (void) ngx_atomic_fetch_add(&ngx_http_alikassa_sign_tasks, 1);

    if (ngx_thread_task_post(alcf->thread_pool, task) != NGX_OK) {
        (void) ngx_atomic_fetch_add(&ngx_http_alikassa_sign_tasks, -1);
        return NGX_BUSY;
    }

    ngx_http_alikassa_call_set_state(sign->call,
                                     NGX_HTTP_ALIKASSA_CALL_SIGNING);

    r->main->blocked++;
    r->aio = 1;

    /*
     * a worker that is shutting down exits when it has no timers left, and
     * would take this request with it
     */

    sign->timer.handler = ngx_http_alikassa_sign_timer_handler;
    sign->timer.data = sign;
    sign->timer.log = r->connection->log;

    ngx_add_timer(&sign->timer, NGX_HTTP_ALIKASSA_SIGN_TIMER);

    return NGX_AGAIN;
}


static void
ngx_http_alikassa_sign_timer_handler(ngx_event_t *ev)
{
    /* the queue is long, so the worker has to wait longer */

    ngx_add_timer(ev, NGX_HTTP_ALIKASSA_SIGN_TIMER);
}


/*
 * Continues in the worker, like the core's own handlers of thread events. If
 * the client has disconnected and nginx has terminated the request, the
 * connection's handler frees it.
 */

static void
ngx_http_alikassa_sign_event_handler(ngx_event_t *ev)
{
    ngx_http_alikassa_sign_t *sign = ev->data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = sign->call->ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "http alikassa thread: \"%V?%V\"", &r->uri, &r->args);

    r->main->blocked--;
    r->aio = 0;

    if (sign->timer.timer_set) {
        ngx_del_timer(&sign->timer);
    }

    ngx_http_alikassa_sign_end(r, sign);

#if (NGX_HTTP_V2)

    if (r->stream) {
        /*
         * for HTTP/2, update write event to make sure processing will
         * reach the main connection, as the core does
         */

        c->write->ready = 1;
        c->write->active = 0;
    }

#endif

#if (nginx_version >= 1025004)

    if (r->done || r->main->terminated) {

#else

    if (r->done) {

#endif

        c->write->handler(c->write);

    } else {
        r->write_event_handler(r);
        ngx_http_run_posted_requests(c);
    }
}

#endif


void
ngx_http_alikassa_sign_exit_process(void)
{
#if (NGX_THREADS)

    ngx_uint_t  i;

    ngx_http_alikassa_sign_stopped = 1;

    for (i = 0;
         ngx_http_alikassa_sign_tasks && i < NGX_HTTP_ALIKASSA_SIGN_EXIT;
         i++)
    {
        ngx_msleep(1);
    }

#endif
}


ngx_uint_t
ngx_http_alikassa_sign_busy(void)
{
#if (NGX_THREADS)

    return ngx_http_alikassa_sign_stopped && ngx_http_alikassa_sign_tasks;

#else

    return 0;

#endif
}
