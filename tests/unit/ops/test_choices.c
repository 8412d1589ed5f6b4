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

typedef struct trial {
    int runs[3];
} trial;

static bool run(void *ctx, int candidate)
{
    trial *t = ctx;
    t->runs[candidate]++;
    if (candidate == 2) return false;
    struct timespec pause = {.tv_nsec = candidate == 0 ? 80000000 : 100000};
    nanosleep(&pause, NULL);
    return true;
}

static void expect_text(const gf_ops *ops, const char *want)
{
    char *text = gf_ops_choices_text(ops);
    assert_non_null(text);
    assert_string_equal(text, want);
    gf_free(text);
}

static void a_choice_is_timed_once(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    expect_text(ops, "");
    trial t = {0};
    assert_int_equal(gf_ops_choose(ops, "b key", names, 3, run, &t), 1);
    assert_true(t.runs[0] > 1 && t.runs[1] > 1 && t.runs[2] == 1);
    trial again = {0};
    assert_int_equal(gf_ops_choose(ops, "b key", names, 3, run, &again), 1);
    assert_int_equal(again.runs[0] + again.runs[1] + again.runs[2], 0);
    gf_ops_add_choices(ops, "a key=x\n");
    expect_text(ops, "a key=x\nb key=fast\n");
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
    trial t = {0};
    w->inner = gf_ops_choose(w->ops, "inner", names, 3, run, &t);
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
    gf_ops_choose(w.ops, "outer", names, 1, run_network, &w);
    assert_int_equal(w.inner, 1);
    assert_non_null(w.table);
    expect_text(w.ops, "inner=fast\nouter=slow\n");
    gf_ops_destroy(w.ops);
}

static void a_choice_on_record_is_kept(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, "key=slow\nkey two=gone\nnonsense\n", NULL), GRAFT_OK);
    trial t = {0};
    assert_int_equal(gf_ops_choose(ops, "key", names, 3, run, &t), 0);
    assert_int_equal(t.runs[0] + t.runs[1], 0);
    assert_int_equal(gf_ops_choose(ops, "key two", names, 3, run, &t), 1); /* a name that is no more is timed again */
    gf_ops_add_choices(ops, "key=fast");
    assert_int_equal(gf_ops_choose(ops, "key", names, 3, run, &t), 1);
    expect_text(ops, "key=fast\nkey two=fast\n");
    gf_ops_destroy(ops);
}

static void nothing_that_works_is_the_first(void **state)
{
    (void)state;
    gf_ops *ops;
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    trial t = {0};
    assert_int_equal(gf_ops_choose(ops, "key", names + 2, 1, run, &t), 0);
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
        cmocka_unit_test(a_candidate_may_choose_on_another_thread),
        cmocka_unit_test(a_choice_on_record_is_kept),
        cmocka_unit_test(nothing_that_works_is_the_first),
        cmocka_unit_test(the_machine_has_a_name),
        cmocka_unit_test(what_the_processor_has_is_told),
        cmocka_unit_test(what_was_timed_names_the_machine_and_the_loops),
    };
    gf_ops_start_worker();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
