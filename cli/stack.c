/* stack.c - runs the command on a deep stack. */
#include "stack.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

enum { ENOUGH = 1 << 20, DEEP = 8 << 20 };

typedef struct call {
    void (*fn)(void *ctx);
    void *ctx;
} call;

static void *run_call(void *arg)
{
    const call *c = arg;
    c->fn(c->ctx);
    return NULL;
}

static bool stack_is_small(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < ENOUGH;
}

static bool run_on_thread(call *c)
{
    pthread_attr_t attr;
    pthread_t thread;
    if (pthread_attr_init(&attr) != 0) return false;
    bool made = pthread_attr_setstacksize(&attr, DEEP) == 0 && pthread_create(&thread, &attr, run_call, c) == 0;
    pthread_attr_destroy(&attr);
    return made && pthread_join(thread, NULL) == 0;
}

void stack_run_deep(void (*fn)(void *ctx), void *ctx)
{
    call c = {fn, ctx};
    if (!stack_is_small() || !run_on_thread(&c)) fn(ctx);
}
