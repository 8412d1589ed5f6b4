#include "base/threads.h"

#include "base/alloc.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

typedef struct job {
    gf_item_fn fn;
    void *ctx;
    size_t n, next, done;
    size_t failed_item;
    graft_status status;
    graft_error error;
    struct job *behind; /* in the foreground */
} job;

typedef struct worker_arg {
    gf_pool *pool;
    int index;
} worker_arg;

struct gf_pool {
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    job *front; /* those of all callers, which wait for them: the first one is next */
    job back;
    bool stop;
    gf_watch watch;
    _Atomic graft_status asked; /* what it asked for; stays until there is another watch */
    int threads;
    void (*start)(void);
    pthread_t *thread;
    worker_arg *arg; /* of each worker, as long as the pool lives */
};

int gf_cpu_count(void)
{
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set)) return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

static job *next_job(gf_pool *pool)
{
    for (job *j = pool->front; j; j = j->behind) {
        if (j->next < j->n) return j;
    }
    if (pool->back.next < pool->back.n) return &pool->back;
    return NULL;
}

static void take_out(gf_pool *pool, const job *j)
{
    for (job **at = &pool->front; *at; at = &(*at)->behind) {
        if (*at != j) continue;
        *at = j->behind;
        return;
    }
}

static void put_last(gf_pool *pool, job *j)
{
    job **at = &pool->front;
    while (*at) at = &(*at)->behind;
    j->behind = NULL;
    *at = j;
}

static void run_item(gf_pool *pool, job *j, int worker)
{
    size_t item = j->next++;
    if (j != &pool->back && j->behind) { /* callers take turns */
        take_out(pool, j);
        put_last(pool, j);
    }
    gf_item_fn fn = j->fn;
    void *ctx = j->ctx;
    pthread_mutex_unlock(&pool->lock);
    graft_error error = {0};
    graft_status status = fn(ctx, item, worker, &error);
    pthread_mutex_lock(&pool->lock);
    if (status != GRAFT_OK && (j->status == GRAFT_OK || item < j->failed_item)) {
        j->status = status;
        j->error = error;
        j->failed_item = item;
    }
    if (++j->done == j->n) pthread_cond_broadcast(&pool->idle);
}

static void *worker_main(void *raw)
{
    const worker_arg *arg = raw;
    gf_pool *pool = arg->pool;
    if (pool->start) pool->start();
    pthread_mutex_lock(&pool->lock);
    while (!pool->stop) {
        job *j = next_job(pool);
        if (j) {
            run_item(pool, j, arg->index);
        } else {
            pthread_cond_wait(&pool->work, &pool->lock);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* A thread whose stack does not hang on ulimit -s: JIT compilers and drawing libraries go deep. Memory is taken only as
 * deep as they go. */
static int start_deep(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
    enum { STACK = 8 << 20 };
    pthread_attr_t attr;
    if (pthread_attr_init(&attr)) return pthread_create(thread, NULL, fn, arg);
    pthread_attr_setstacksize(&attr, STACK);
    int failed = pthread_create(thread, &attr, fn, arg);
    pthread_attr_destroy(&attr);
    return failed;
}

typedef struct deep_call {
    graft_status (*fn)(void *ctx, graft_error *err);
    void *ctx;
    graft_error *err;
    graft_status status;
} deep_call;

static void *deep_main(void *raw)
{
    deep_call *call = raw;
    call->status = call->fn(call->ctx, call->err);
    return NULL;
}

graft_status gf_on_deep_stack(graft_status (*fn)(void *ctx, graft_error *err), void *ctx, graft_error *err)
{
    deep_call call = {fn, ctx, err, GRAFT_OK};
    pthread_t thread;
    if (start_deep(&thread, deep_main, &call)) return fn(ctx, err);
    pthread_join(thread, NULL);
    return call.status;
}

static bool start_worker(gf_pool *pool)
{
    worker_arg *arg = &pool->arg[pool->threads];
    *arg = (worker_arg){pool, pool->threads};
    if (start_deep(&pool->thread[pool->threads], worker_main, arg)) return false;
    pool->threads++;
    return true;
}

graft_status gf_pool_create(gf_pool **out, int threads, void (*start)(void), graft_error *err)
{
    *out = NULL;
    if (threads <= 0) threads = gf_cpu_count();
    gf_pool *pool = gf_new(gf_pool);
    if (!pool) return gf_fail_memory(err, sizeof *pool, "threads");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pool->start = start;
    pool->thread = gf_new_n((size_t)threads, pthread_t);
    pool->arg = gf_new_n((size_t)threads, worker_arg);
    if (!pool->thread || !pool->arg) {
        gf_pool_destroy(pool);
        return gf_fail_memory(err, (size_t)threads * sizeof(pthread_t), "threads");
    }
    while (pool->threads < threads && start_worker(pool)) {
    }
    if (!pool->threads) {
        gf_pool_destroy(pool);
        return gf_fail(err, GF_E_THREADS, "raise the process limit (ulimit -u)", "no thread can be started");
    }
    *out = pool;
    return GRAFT_OK;
}

void gf_pool_destroy(gf_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->threads; i++) pthread_join(pool->thread[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->idle);
    pthread_mutex_destroy(&pool->lock);
    gf_free(pool->thread);
    gf_free(pool->arg);
    gf_free(pool);
}

int gf_pool_threads(const gf_pool *pool) { return pool->threads; }

static void drop_rest(job *j) { j->n = j->next; }

/* Waits until every item of the job that was started has ended, then takes it off. Lock held. */
static graft_status collect(gf_pool *pool, job *j, graft_error *err)
{
    while (j->done < j->n) pthread_cond_wait(&pool->idle, &pool->lock);
    graft_status status = j->status;
    if (status != GRAFT_OK && err) *err = j->error;
    take_out(pool, j);
    *j = (job){0};
    return status;
}

/* True: the time between two looks is over. Lock held. */
static bool wait_a_little(gf_pool *pool)
{
    const long between = 200000000, second = 1000000000; /* ns */
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += between;
    t.tv_sec += t.tv_nsec / second;
    t.tv_nsec %= second;
    return pthread_cond_timedwait(&pool->idle, &pool->lock, &t) == ETIMEDOUT;
}

/* Waits, and looks up while it does, until all has ended or a stop is asked for. Lock held, but not during a look. */
static graft_status wait_watched(gf_pool *pool, const job *j)
{
    const gf_watch watch = pool->watch;
    while (watch.look && j->done < j->n && pool->asked == GRAFT_OK) {
        if (!wait_a_little(pool)) continue;
        pthread_mutex_unlock(&pool->lock);
        graft_status asked = gf_watch_look(&watch, NULL);
        pthread_mutex_lock(&pool->lock);
        if (asked != GRAFT_OK) pool->asked = asked;
    }
    return pool->asked;
}

static graft_status stopped(graft_status asked, graft_error *err)
{
    if (err) *err = (graft_error){.status = asked};
    return asked;
}

graft_status gf_pool_run(gf_pool *pool, size_t n, gf_item_fn fn, void *ctx, graft_error *err)
{
    if (!n) return GRAFT_OK;
    job j = {.fn = fn, .ctx = ctx, .n = n};
    pthread_mutex_lock(&pool->lock);
    put_last(pool, &j);
    pthread_cond_broadcast(&pool->work);
    graft_status status = collect(pool, &j, err);
    pthread_mutex_unlock(&pool->lock);
    return status;
}

void gf_pool_watch(gf_pool *pool, const gf_watch *watch)
{
    pthread_mutex_lock(&pool->lock);
    pool->watch = watch ? *watch : (gf_watch){0};
    pool->asked = GRAFT_OK;
    pthread_mutex_unlock(&pool->lock);
}

graft_status gf_pool_look(gf_pool *pool, graft_error *err)
{
    if (pool->asked == GRAFT_OK) pool->asked = gf_watch_look(&pool->watch, NULL);
    return pool->asked == GRAFT_OK ? GRAFT_OK : stopped(pool->asked, err);
}

graft_status gf_pool_asked(const gf_pool *pool) { return pool->asked; }

graft_status gf_pool_run_watched(gf_pool *pool, size_t n, gf_item_fn fn, void *ctx, graft_error *err)
{
    if (pool->asked != GRAFT_OK) return stopped(pool->asked, err);
    if (!n) return GRAFT_OK;
    job j = {.fn = fn, .ctx = ctx, .n = n};
    pthread_mutex_lock(&pool->lock);
    put_last(pool, &j);
    pthread_cond_broadcast(&pool->work);
    graft_status asked = wait_watched(pool, &j);
    if (asked != GRAFT_OK) drop_rest(&j);
    graft_status status = collect(pool, &j, err);
    pthread_mutex_unlock(&pool->lock);
    return asked != GRAFT_OK ? stopped(asked, err) : status;
}

void gf_pool_background(gf_pool *pool, size_t n, gf_item_fn fn, void *ctx)
{
    pthread_mutex_lock(&pool->lock);
    pool->back = (job){.fn = fn, .ctx = ctx, .n = n};
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

graft_status gf_pool_finish_background(gf_pool *pool, graft_error *err)
{
    pthread_mutex_lock(&pool->lock);
    graft_status status = collect(pool, &pool->back, err);
    pthread_mutex_unlock(&pool->lock);
    return status;
}

graft_status gf_pool_finish_background_watched(gf_pool *pool, graft_error *err)
{
    pthread_mutex_lock(&pool->lock);
    graft_status asked = wait_watched(pool, &pool->back);
    graft_status status = asked == GRAFT_OK ? collect(pool, &pool->back, err) : GRAFT_OK;
    pthread_mutex_unlock(&pool->lock);
    return asked != GRAFT_OK ? stopped(asked, err) : status;
}

void gf_pool_drop_background(gf_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    drop_rest(&pool->back);
    collect(pool, &pool->back, NULL);
    pthread_mutex_unlock(&pool->lock);
}
