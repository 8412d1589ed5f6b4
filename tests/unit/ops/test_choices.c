/* What the operations' context remembers: precision choices, timed or on record; the machine's name; its peak. */
#include "ops/cpu.h"
#include "ops/engine.h"
#include "ops/op.h"

#include "base/alloc.h"
#include "support/needs.h"

#include <graft/graft.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char *const names[] = {"slow", "fast", "broken"};
static const double ms = 1e-3;

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Works for so long, however busy the machine is. */
static void work(double seconds)
{
    double end = now(CLOCK_THREAD_CPUTIME_ID) + seconds;
    while (now(CLOCK_THREAD_CPUTIME_ID) < end) continue;
}

typedef struct benchmark {
    double work[3], wait[3]; /* seconds of each candidate; work negative: it does not work */
    int runs[3], disturbed;  /* the first candidate takes 30 ms more in so many runs, after the first */
    bool elsewhere;          /* it works on another thread */
} benchmark;

static void *work_elsewhere(void *seconds)
{
    work(*(double *)seconds);
    return NULL;
}

static bool run(void *ctx, int candidate)
{
    benchmark *t = ctx;
    int runs = t->runs[candidate]++;
    double seconds = t->work[candidate];
    if (seconds < 0) return false;
    if (candidate == 0 && runs > 0 && runs <= t->disturbed) seconds += 30 * ms;
    struct timespec pause = {.tv_nsec = (long)(1e9 * t->wait[candidate])};
    if (pause.tv_nsec) nanosleep(&pause, NULL);
    pthread_t thread;
    if (!t->elsewhere) {
        work(seconds);
    } else if (!pthread_create(&thread, NULL, work_elsewhere, &seconds)) {
        pthread_join(thread, NULL);
    }
    return true;
}

static gf_choice choice_of(benchmark *t, const char *key, int preferred)
{
    return (gf_choice){.key = key, .names = names, .n = 3, .preferred = preferred, .margin = 3, .run = run, .ctx = t};
}

static benchmark working(double slow, double fast) { return (benchmark){.work = {slow, fast, -1}}; }

static int choose(gf_ops *ops, const char *key, int preferred, benchmark *t)
{
    gf_choice c = choice_of(t, key, preferred);
    return gf_ops_choose(ops, &c);
}

static void expect_same(char *text, const char *want)
{
    assert_non_null(text);
    assert_string_equal(text, want);
    gf_free(text);
}

static void expect_text(const gf_ops *ops, const char *want) { expect_same(gf_ops_choices_text(ops), want); }

static void a_choice_is_timed_once(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    expect_text(ops, "");
    benchmark t = working(5 * ms, 0.2 * ms);
    assert_int_equal(choose(ops, "b key", 0, &t), 1);
    assert_true(t.runs[0] > 1 && t.runs[1] > 1 && t.runs[2] == 1);
    benchmark again = {0};
    assert_int_equal(choose(ops, "b key", 0, &again), 1);
    assert_int_equal(again.runs[0] + again.runs[1] + again.runs[2], 0);
    gf_ops_add_choices(ops, "a key=x\n");
    expect_text(ops, "a key=x\nb key=fast\n");
    expect_same(gf_ops_clear_choices_text(ops), "a key=x\nb key=fast\n");
    gf_ops_destroy(ops);
}

/* The preferred candidate wins where it is a little slower, and nobody keeps that; the same times give the same choice
 * whichever is preferred only where they are far apart. */
static void what_is_not_clear_is_as_preferred_and_not_kept(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    benchmark unclear = working(2.4 * ms, 1 * ms), near = working(1.2 * ms, 1 * ms), far = working(5 * ms, 0.5 * ms);
    assert_int_equal(choose(ops, "unclear", 0, &unclear), 0);
    assert_int_equal(choose(ops, "unclear the other way", 1, &unclear), 1);
    assert_int_equal(choose(ops, "near", 0, &near), 0);
    assert_int_equal(choose(ops, "far", 0, &far), 1);
    assert_int_equal(choose(ops, "far the other way", 1, &far), 1);
    expect_text(ops, "far=fast\nfar the other way=fast\nnear=slow\nunclear=slow\nunclear the other way=fast\n");
    expect_same(gf_ops_clear_choices_text(ops),
                "far=fast\nfar the other way=fast\nnear=slow\nunclear the other way=fast\n");
    gf_ops_add_choices_of_run(ops, "far=fast\nnear=fast\n"); /* a run's own */
    expect_same(gf_ops_clear_choices_text(ops), "far=fast\nfar the other way=fast\nunclear the other way=fast\n");
    gf_ops_destroy(ops);
}

/* Neither what others do with the processor meanwhile nor one bad moment decides. */
static void a_busy_machine_chooses_the_same(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    benchmark kept_waiting = working(1 * ms, 1 * ms), disturbed = working(0.5 * ms, 0.5 * ms);
    kept_waiting.wait[0] = 20 * ms;
    assert_int_equal(choose(ops, "kept waiting", 0, &kept_waiting), 0);
    disturbed.disturbed = 3; /* the whole first look */
    assert_int_equal(choose(ops, "disturbed", 0, &disturbed), 0);
    assert_true(disturbed.runs[0] > 4);
    benchmark far = working(10 * ms, 0.5 * ms);
    far.wait[1] = 20 * ms;
    assert_int_equal(choose(ops, "far", 0, &far), 1);
    gf_ops_destroy(ops);
}

static void work_on_other_threads_counts_where_it_is_said(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    benchmark t = working(20 * ms, 0.1 * ms);
    t.elsewhere = true;
    gf_choice c = choice_of(&t, "on the pool", 0);
    c.on_pool = true;
    assert_int_equal(gf_ops_choose(ops, &c), 1);
    gf_ops_destroy(ops);
}

static void a_preferred_one_that_does_not_work_is_not_taken(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    benchmark t = working(1 * ms, 0.2 * ms);
    assert_int_equal(choose(ops, "key", 2, &t), 1);
    expect_text(ops, "key=fast\n");
    expect_same(gf_ops_clear_choices_text(ops), "");
    gf_ops_destroy(ops);
}

/* A candidate that is a whole network: its plans are made on another thread, and ask for choices and tables there. */
typedef struct network {
    gf_ops *ops;
    int inner;
    const uint16_t *table;
} network;

static void *make_plan(void *ctx)
{
    network *w = ctx;
    benchmark t = working(5 * ms, 0.2 * ms);
    w->inner = choose(w->ops, "inner", 0, &t);
    if (gf_ops_act_table(w->ops, GF_ACT_SILU, 0, &w->table, NULL) != GRAFT_OK) w->inner = -1;
    return NULL;
}

static bool run_network(void *ctx, int candidate)
{
    (void)candidate;
    pthread_t thread;
    if (pthread_create(&thread, NULL, make_plan, ctx)) return false;
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 20; /* a thread that waits for its parent's lock would wait for ever */
    if (pthread_timedjoin_np(thread, NULL, &end)) fail_msg("the other thread waits for the one that waits for it");
    return true;
}

static void a_candidate_may_choose_on_another_thread(void **state)
{
    (void)state;
    network w = {0};
    assert_int_equal(gf_ops_create(&w.ops, NULL, NULL), GRAFT_OK);
    gf_choice outer = {.key = "outer", .names = names, .n = 1, .margin = 3, .run = run_network, .ctx = &w};
    gf_ops_choose(w.ops, &outer);
    assert_int_equal(w.inner, 1);
    assert_non_null(w.table);
    expect_text(w.ops, "inner=fast\nouter=slow\n");
    gf_ops_destroy(w.ops);
}

/* ---- many threads at once */

enum { THREADS = 4, KEYS = 6 };

typedef struct chooser {
    gf_ops *ops;
    int chosen[KEYS];
    const uint16_t *table[KEYS];
    bool failed;
} chooser;

static void *choose_all(void *ctx)
{
    chooser *c = ctx;
    for (int k = 0; k < KEYS; k++) {
        char key[16];
        snprintf(key, sizeof key, "key %d", k);
        benchmark t = working(2 * ms, 0.1 * ms);
        c->chosen[k] = choose(c->ops, key, 0, &t);
        if (gf_ops_act_table(c->ops, GF_ACT_SILU, (float)k, &c->table[k], NULL) != GRAFT_OK) c->failed = true;
        char *text = gf_ops_choices_text(c->ops); /* sorts them */
        c->failed = c->failed || !text;
        gf_free(text);
    }
    return NULL;
}

/* Whichever thread's timing came first, it is one choice, and one table, for all. */
static void all_threads_get_the_same_choice(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    chooser c[THREADS] = {0};
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        c[i].ops = ops;
        assert_int_equal(pthread_create(&thread[i], NULL, choose_all, &c[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_false(c[i].failed);
        assert_memory_equal(c[i].chosen, c[0].chosen, sizeof c[i].chosen);
        assert_memory_equal(c[i].table, c[0].table, sizeof c[i].table);
    }
    gf_ops_destroy(ops);
}

static void a_choice_on_record_is_kept(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, "key=slow\nkey two=gone\nnonsense\n", NULL), GRAFT_OK);
    benchmark t = working(5 * ms, 0.2 * ms);
    assert_int_equal(choose(ops, "key", 1, &t), 0);
    assert_int_equal(t.runs[0] + t.runs[1], 0);
    assert_int_equal(choose(ops, "key two", 0, &t), 1); /* a name that is no more is timed again */
    gf_ops_add_choices_of_run(ops, "key=fast");
    assert_int_equal(choose(ops, "key", 0, &t), 1);
    expect_text(ops, "key=fast\nkey two=fast\n");
    gf_ops_destroy(ops);
}

static void nothing_that_works_is_the_preferred_one(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    benchmark t = {.work = {-1, -1, -1}};
    assert_int_equal(choose(ops, "key", 0, &t), 0);
    assert_int_equal(choose(ops, "another", 2, &t), 2);
    expect_same(gf_ops_clear_choices_text(ops), "");
    gf_ops_destroy(ops);
    gf_ops_destroy(NULL);
}

static void the_machine_has_a_name(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    const char *machine = gf_ops_machine(ops), *limit = getenv("ONEDNN_MAX_CPU_ISA");
    assert_non_null(strstr(machine, "oneDNN 3."));
    if (limit && !strcmp(limit, "AVX2")) assert_non_null(strstr(machine, " avx2 "));
    double f32 = 0;
    assert_int_equal(gf_ops_matmul_gflops(ops, GF_F32, &f32, NULL), GRAFT_OK);
    assert_true(f32 > 0.1);
    print_message("%s: %.0f GFLOP/s f32\n", machine, f32);
    gf_ops_destroy(ops);
}

/* The library says of the processor what the tests found out by themselves, by which they are run or skipped. */
static void what_the_processor_has_is_told(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    assert_int_equal(gf_ops_has_bf16(ops), !needs_lacking("bf16"));
    assert_int_equal(gf_ops_has_int8(ops), !needs_lacking("int8"));
    assert_int_equal(gf_cpu_has(GF_CPU_BF16), gf_ops_has_bf16(ops));
    assert_int_equal(gf_cpu_has(GF_CPU_VNNI), gf_ops_has_int8(ops));
    if (gf_cpu_has(GF_CPU_BF16)) assert_true(gf_cpu_has(GF_CPU_VNNI)); /* each has all that the ones before it have */
    if (gf_cpu_has(GF_CPU_VNNI)) assert_true(gf_cpu_has(GF_CPU_AVX512));
    if (gf_cpu_has(GF_CPU_AVX512)) assert_true(gf_cpu_has(GF_CPU_AVX2));
    gf_ops_destroy(ops);
}

/* graft's own loops are among the candidates: another version's timings are of other ones. */
static void what_was_timed_names_the_machine_and_the_loops(void **state)
{
    (void)state;
    gf_ops *ops;
    char want[256];
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    snprintf(want, sizeof want, "%s graft %s loops %d", gf_ops_machine(ops), GRAFT_VERSION, GF_OPS_LOOPS);
    assert_string_equal(gf_ops_timed_by(ops), want);
    gf_ops_destroy(ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_is_timed_once),
        cmocka_unit_test(what_is_not_clear_is_as_preferred_and_not_kept),
        cmocka_unit_test(a_busy_machine_chooses_the_same),
        cmocka_unit_test(work_on_other_threads_counts_where_it_is_said),
        cmocka_unit_test(a_preferred_one_that_does_not_work_is_not_taken),
        cmocka_unit_test(all_threads_get_the_same_choice),
        cmocka_unit_test(a_candidate_may_choose_on_another_thread),
        cmocka_unit_test(a_choice_on_record_is_kept),
        cmocka_unit_test(nothing_that_works_is_the_preferred_one),
        cmocka_unit_test(the_machine_has_a_name),
        cmocka_unit_test(what_the_processor_has_is_told),
        cmocka_unit_test(what_was_timed_names_the_machine_and_the_loops),
    };
    gf_ops_start_worker();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
