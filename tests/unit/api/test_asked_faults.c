/* A context that another thread asks: how far it is, what was said, and that it should stop. */
#include "support/fail_each.h"
#include "support/run_places.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static graft_context *context;

static void open_context(void)
{
    graft_context_options o;
    graft_context_defaults(&o);
    o.threads = 2;
    assert_int_equal(graft_context_open(&o, &context, NULL), GRAFT_OK);
}

static void close_context(void)
{
    graft_context_free(context);
    context = NULL;
}

/* ---- a run on a thread of its own */

typedef struct job {
    tiny_run run;
    graft_status status;
    graft_error err;
    atomic_bool done;
} job;

static void *go(void *ctx)
{
    job *j = ctx;
    j->status = tiny_run_train_in(&j->run, context, &j->err);
    atomic_store(&j->done, true);
    return NULL;
}

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); }

/* What was heard of the run; a stop is asked for at the first progress of that stage (-1: never). */
typedef struct heard {
    int notes, epochs, looks;
    uint64_t lost;
    double loss;
} heard;

static void take_events(heard *h)
{
    graft_event e = {.size = sizeof e};
    while (graft_context_event(context, &e)) {
        assert_int_equal(e.size, sizeof e);
        h->lost += e.lost;
        h->notes += e.kind == GRAFT_EVENT_NOTE && e.text[0];
        if (e.kind != GRAFT_EVENT_EPOCH) continue;
        assert_int_equal(e.progress.stage, GRAFT_STAGE_EPOCH);
        assert_int_equal(e.progress.epoch, ++h->epochs);
        h->loss = e.progress.val_loss;
    }
}

static heard listen_to(job *j, int stop_at)
{
    pthread_t thread;
    graft_progress p;
    heard h = {0};
    assert_int_equal(pthread_create(&thread, NULL, go, j), 0);
    while (!atomic_load(&j->done)) {
        if (graft_context_progress(context, &p)) h.looks++;
        if (h.looks && (int)p.stage == stop_at) graft_stop(context, GRAFT_INTERRUPTED);
        take_events(&h);
        nap();
    }
    pthread_join(thread, NULL);
    take_events(&h);
    return h;
}

static void another_thread_sees_all_epochs(void **state)
{
    (void)state;
    job j = {0};
    open_context();
    graft_progress p;
    graft_event e = {.size = sizeof e};
    assert_int_equal(graft_context_progress(context, &p), 0);
    assert_int_equal(graft_context_event(context, &e), 0);
    assert_int_equal(graft_context_keep_events(context, 256, NULL), GRAFT_OK);
    tiny_run_defaults(&j.run, data, run);
    heard h = listen_to(&j, -1);
    if (j.status) fail_msg("%s", j.err.message);
    assert_int_equal(h.epochs, 4);
    assert_true(h.notes > 0 && h.looks > 0 && h.lost == 0);
    assert_true(h.loss > 0 && h.loss < 100);
    close_context();
}

static void a_stop_by_another_thread_leaves_a_checkpoint(void **state)
{
    (void)state;
    job j = {0};
    graft_result *result = NULL;
    graft_error err = {0};
    open_context();
    tiny_run_defaults(&j.run, data, run);
    j.run.train.epochs = 100000; /* the stop ends it */
    listen_to(&j, GRAFT_STAGE_TRAIN);
    assert_int_equal(j.status, GRAFT_INTERRUPTED);
    assert_int_equal(graft_resume(context, run, NULL, &result, &err), GRAFT_INTERRUPTED); /* it still holds */
    graft_stop(context, GRAFT_TERMINATED);
    assert_int_equal(graft_resume(context, run, NULL, &result, &err), GRAFT_TERMINATED);
    assert_null(result);
    close_context();
}

static void the_latest_events_are_kept(void **state)
{
    (void)state;
    job j = {0};
    graft_event e = {.size = sizeof e}, small = {.size = 8};
    open_context();
    assert_int_equal(graft_context_keep_events(context, 2, NULL), GRAFT_OK);
    tiny_run_defaults(&j.run, data, run);
    go(&j);
    if (j.status) fail_msg("%s", j.err.message);
    assert_int_equal(graft_context_event(context, &small), 0);
    assert_int_equal(graft_context_event(context, &e), 1);
    assert_true(e.lost > 0);
    assert_int_equal(graft_context_event(context, &e), 1);
    assert_true(e.lost == 0);
    assert_int_equal(graft_context_event(context, &e), 0);
    assert_int_equal(graft_context_keep_events(context, 0, NULL), GRAFT_OK);
    assert_int_equal(graft_context_keep_events(context, (size_t)1 << 40, NULL), GRAFT_USAGE);
    close_context();
}

static graft_status keep(graft_error *err) { return graft_context_keep_events(context, 8, err); }

static void no_memory_for_events_is_an_error(void **state)
{
    (void)state;
    open_context();
    assert_int_equal(graft_context_keep_events(context, 8, NULL), GRAFT_OK);
    assert_true(fail_each(FAULT_ALLOC, keep, NULL) > 0);
    close_context();
}

static int set_up(void **state)
{
    (void)state;
    if (run_places_make(6, 3)) return -1;
    return setenv("XDG_CACHE_HOME", root, 1); /* the choices of no other run */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_thread_sees_all_epochs),
        cmocka_unit_test(a_stop_by_another_thread_leaves_a_checkpoint),
        cmocka_unit_test(the_latest_events_are_kept),
        cmocka_unit_test(no_memory_for_events_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
