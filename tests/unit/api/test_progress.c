/* Every stage that takes longer than a moment tells progress and ends soon after a stop is asked for, and a run that
 * was stopped anywhere has, resumed, the same bits. Time is the process's own (both threads'), so that a busy machine
 * does not make it red. */
#include "support/run_bytes.h"
#include "support/run_places.h"
#include "support/tiny_run.h"

#include "base/io.h"
#include "base/rng.h"
#include "base/sys.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { THREADS = 2, STAGES = 7 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(SANITIZED)
static const double slower = 8;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
static const double slower = 8;
#else
static const double slower = 1;
#endif
#else
static const double slower = 1;
#endif
static const double gap_most = 1.0, stop_most = 1.0; /* seconds of each thread */

/* ---- a listener: how long it heard nothing, and when it is to ask for a stop */

typedef struct listener {
    double last, longest; /* process seconds */
    graft_stage longest_after;
    long heard[STAGES];
    double deadline; /* by the wall clock, from `begin` on; negative: none */
    double begin;
    _Atomic double stopped; /* process seconds at the deadline; negative: it is not over */
} listener;

static void hear(void *user, const graft_progress *p)
{
    listener *l = user;
    double now = gf_sys_process_seconds();
    if (now - l->last > l->longest) {
        l->longest = now - l->last;
        l->longest_after = p->stage;
    }
    l->last = now;
    l->heard[p->stage]++;
}

static graft_status should_stop(void *user)
{
    listener *l = user;
    return l->deadline >= 0 && gf_sys_seconds() - l->begin >= l->deadline ? GRAFT_TERMINATED : GRAFT_OK;
}

static void *read_clock_at_deadline(void *user)
{
    listener *l = user;
    while (gf_sys_seconds() - l->begin < l->deadline) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    l->stopped = gf_sys_process_seconds();
    return NULL;
}

static void begin(listener *l, double deadline)
{
    *l = (listener){.last = gf_sys_process_seconds(), .deadline = deadline, .begin = gf_sys_seconds(), .stopped = -1};
}

/* ---- a run whose parts take a while: all of a network, the whole training set in one step */

static void slow_run(tiny_run *t, listener *l, const char *out)
{
    tiny_run_defaults(t, data, out);
    t->context.threads = THREADS;
    t->context.progress = hear;
    t->context.should_stop = should_stop;
    t->context.user = l;
    t->model.alpha = slower > 1 ? 0.35 : 0.75;
    t->model.width = t->model.height = t->size = slower > 1 ? 96 : 128;
    t->model.fine_tune_at = 0;
    t->train.batch = 192; /* one step: seconds of work */
    t->train.epochs = 1;
    t->train.fine_tune_epochs = 1;
    t->train.report = 1;
    t->train.augment = "none"; /* what crosses the boundary is kept: that part is there too */
}

static void nothing_is_silent_for_a_second(void **state)
{
    (void)state;
    static const graft_stage stages[] = {GRAFT_STAGE_CHECK,    GRAFT_STAGE_PLAN,  GRAFT_STAGE_TRAIN,
                                         GRAFT_STAGE_EVALUATE, GRAFT_STAGE_EPOCH, GRAFT_STAGE_REPORT};
    tiny_run t;
    listener l;
    graft_error err = {0};
    slow_run(&t, &l, reference);
    begin(&l, -1);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    double after = gf_sys_process_seconds() - l.last;
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        if (!l.heard[stages[i]]) fail_msg("stage %d tells nothing", (int)stages[i]);
    }
    if (!(l.longest <= THREADS * gap_most * slower)) {
        fail_msg("%.2f s of work without progress, before stage %d told some", l.longest, (int)l.longest_after);
    }
    assert_true(after <= THREADS * gap_most * slower);
}

/* The other calls that compute: each in a context that asks for a stop from the beginning or after a while. */
static void stops(const char *what, graft_status status, const listener *l, const graft_error *err)
{
    if (status != GRAFT_TERMINATED) fail_msg("%s: status %d: %s", what, (int)status, err->message);
    if (!err->message[0] || strstr(err->message, "checkpoint")) fail_msg("%s: says \"%s\"", what, err->message);
    double took = gf_sys_process_seconds() - l->stopped;
    if (!(took <= THREADS * stop_most * slower)) fail_msg("%s: went on for %.2f s after the stop", what, took);
}

static void every_call_stops(void **state)
{
    (void)state;
    tiny_run t;
    listener l;
    graft_error err = {0};
    graft_context *c;
    graft_model *m, *trained;
    graft_result *r;
    graft_data_options d;
    graft_data *opened;
    graft_bench_options b;
    const char *paths[] = {data};
    char file[160];
    snprintf(file, sizeof file, "%s/f.npy", root);
    slow_run(&t, &l, run);
    begin(&l, -1);
    assert_int_equal(graft_context_open(&t.context, &c, &err), GRAFT_OK);
    assert_int_equal(graft_model_open(c, &t.model, &m, &err), GRAFT_OK);
    assert_int_equal(graft_run_open(c, reference, &trained, &err), GRAFT_OK);
    graft_data_defaults(&d);
    graft_bench_defaults(&b);
    b.steps = 100000;
#define NOW() (begin(&l, 0), l.stopped = gf_sys_process_seconds())
    NOW();
    stops("graft_data_open", graft_data_open(c, data, &d, &opened, &err), &l, &err);
    NOW();
    stops("graft_inspect", graft_inspect(c, data, &d, &r, NULL, &err), &l, &err);
    NOW();
    stops("graft_evaluate", graft_evaluate(trained, data, NULL, &r, &err), &l, &err);
    NOW();
    stops("graft_predict", graft_predict(trained, paths, 1, 1, &r, &err), &l, &err);
    NOW();
    stops("graft_features", graft_features(m, paths, 1, NULL, file, &r, &err), &l, &err);
    assert_false(gf_is_file(file));
    NOW();
    stops("graft_bench", graft_bench(m, &b, &r, &err), &l, &err);
    NOW();
    stops("graft_models", graft_models(c, NULL, 0, 1, &r, &err), &l, &err);
    graft_model_free(trained);
    graft_model_free(m);
    graft_context_free(c);
}

/* Stopped at random moments, resumed, stopped ... and at last let go on: the bits of the run that never was. */
static void stopped_at_any_moment_it_ends_soon_and_loses_nothing(void **state)
{
    (void)state;
    const char *asked = getenv("GRAFT_TEST_STOPS");
    int stops_wanted = asked ? (int)strtol(asked, NULL, 10) : slower > 1 ? 3 : 6, stopped = 0;
    gf_rng rng = gf_rng_make(20, GF_PURPOSE_SYNTHETIC, 0, 0);
    double whole = gf_sys_seconds();
    tiny_run t;
    listener l;
    graft_error err = {0};
    slow_run(&t, &l, run);
    begin(&l, -1);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    whole = gf_sys_seconds() - whole;
    run_bytes_equal(reference, run, "twice");
    char config[192];
    snprintf(config, sizeof config, "%s/config.json", run);
    bool resume = false;
    for (int i = 0; i < stops_wanted; i++) {
        pthread_t clock;
        begin(&l, whole * gf_rng_u32(&rng) / 4294967296.0 * (i % 3 ? 0.5 : 1));
        assert_int_equal(pthread_create(&clock, NULL, read_clock_at_deadline, &l), 0);
        graft_status status = tiny_run_train(&t, resume, &err);
        double end = gf_sys_process_seconds();
        pthread_join(clock, NULL);
        if (status != GRAFT_OK && status != GRAFT_TERMINATED) fail_msg("stop %d: %s", i, err.message);
        if (status == GRAFT_TERMINATED) {
            stopped++;
            double took = end - l.stopped;
            if (!(took <= THREADS * stop_most * slower)) {
                fail_msg("stop %d at %.2f s: went on for %.2f s: %s", i, l.deadline, took, err.message);
            }
        }
        resume = status == GRAFT_TERMINATED && gf_is_file(config) && strstr(err.hint, "resume");
    }
    begin(&l, -1);
    if (tiny_run_train(&t, resume, &err)) fail_msg("%s", err.message);
    run_bytes_equal(reference, run, "stopped and resumed");
    assert_true(stopped * 2 >= stops_wanted);
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(96, 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_silent_for_a_second),
        cmocka_unit_test(every_call_stops),
        cmocka_unit_test(stopped_at_any_moment_it_ends_soon_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
