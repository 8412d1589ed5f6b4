/* Tasks, metrics, an evaluation and the rows of a checkpoint where memory runs out: nothing leaks, and what comes
 * through is right. */
#include "support/sys_faults.h"
#include "tasks/bootstrap.h"
#include "tasks/history.h"
#include "tasks/measure.h"
#include "tensor/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t images[] = {4, 2};
static const char *const class_name[] = {"cat", "dog"};

/* A task with weights and an evaluation with all kinds of metrics: what is allocated for them. */
static graft_status evaluate(double *auc, graft_error *err)
{
    gf_task t = {0};
    gf_metric_list list;
    gf_evaluation e = {0};
    const gf_task_options o = {
        .classes = 2, .class_weight = "balanced", .class_name = class_name, .images = images, .loss = "focal"};
    graft_status status = gf_task_open(&t, &o, err);
    if (status == GRAFT_OK) status = gf_metric_list_parse(&list, GF_OF_CLASSES, t.cls->metrics, "top1,mcc,auc", err);
    if (status == GRAFT_OK) status = gf_evaluation_init(&e, &list, 2, err);
    if (status == GRAFT_OK) status = gf_evaluation_expect(&e, 2, false, err);
    if (status == GRAFT_OK) {
        const float z[] = {-1, 2};
        for (uint32_t truth = 0; truth < 2; truth++) {
            const gf_class_target target = gf_target_of(truth);
            if (status == GRAFT_OK) status = gf_evaluation_add_output(&e, &t, &z[truth], 1, &target, err);
        }
        gf_metrics m = gf_evaluation_metrics(&e);
        *auc = m.value[4];
    }
    gf_evaluation_free(&e);
    gf_task_close(&t);
    return status;
}

static void an_evaluation_without_memory(void **state)
{
    (void)state;
    long faults = 0, live = faults_live();
    for (long k = 0;; k++) {
        graft_error err = {0};
        double auc = 0;
        faults_arm(FAULT_ALLOC, k);
        graft_status status = evaluate(&auc, &err);
        bool happened = faults_disarm();
        assert_int_equal(status, happened ? GRAFT_RESOURCE : GRAFT_OK);
        assert_true(happened ? err.number == GF_E_NO_MEMORY : auc == 1);
        assert_int_equal(faults_live(), live);
        if (!happened) break;
        faults++;
    }
    assert_int_equal(faults, 10); /* weights; confusion, counts, scores; five arrays of the set; scratch */
}

/* A message that there is no memory for lacks its hint, and is a message all the same. */
static void what_is_no_option_is_told_without_memory(void **state)
{
    (void)state;
    static const gf_task_options bad[] = {{.name = "x"}, {.loss = "x"}, {.loss = "focal:x=1"}, {.class_weight = "x"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        long live = faults_live();
        bool happened = true;
        for (long k = 0; happened; k++) {
            gf_task t;
            gf_metric_list list;
            gf_monitor monitor;
            graft_error err = {0};
            gf_task_options o = bad[i];
            o.classes = 2;
            faults_arm(FAULT_ALLOC, k);
            graft_status status = gf_task_open(&t, &o, &err);
            assert_true(status == GRAFT_USAGE || (status == GRAFT_RESOURCE && err.number == GF_E_NO_MEMORY));
            assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, "loss", "x", &err), GRAFT_USAGE);
            assert_int_equal(gf_monitor_parse(&monitor, &list, "x", &err), GRAFT_USAGE);
            happened = faults_disarm();
            assert_int_equal(faults_live(), live);
        }
    }
}

static void rows_of_a_checkpoint_without_memory(void **state)
{
    (void)state;
    gf_metric_list list;
    assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, "loss,accuracy", "top5", NULL), GRAFT_OK);
    gf_history_row row = {.epoch = 1};
    for (long k = 0, live = faults_live();; k++) {
        gf_history h = {.metrics = &list}, back = {.metrics = &list};
        size_t bytes = 0;
        char *columns = NULL;
        void *rows = NULL;
        faults_arm(FAULT_ALLOC, k);
        graft_status status = gf_history_add(&h, &row, NULL);
        if (status == GRAFT_OK) columns = gf_history_columns(&list);
        if (columns) rows = gf_history_rows(&h, &bytes);
        if (rows) status = gf_history_take(&back, columns, strlen(columns), rows, bytes, "c", NULL);
        bool happened = faults_disarm();
        if (!happened) assert_true(rows && status == GRAFT_OK && back.n == 1);
        if (happened) assert_true(!rows || status == GRAFT_RESOURCE);
        gf_free(columns);
        gf_free(rows);
        gf_history_free(&h);
        gf_history_free(&back);
        assert_int_equal(faults_live(), live);
        if (!happened) break;
    }
}

static void intervals_without_memory(void **state)
{
    (void)state;
    gf_pool *pool;
    gf_metric_list list;
    gf_evaluation e;
    const float z[] = {-1, 2}, loss[] = {1, 2};
    const int32_t truth[] = {0, 1};
    assert_int_equal(gf_pool_create(&pool, 2, NULL, NULL), GRAFT_OK);
    assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, "loss,mcc", NULL, NULL), GRAFT_OK);
    assert_int_equal(gf_evaluation_init(&e, &list, 2, NULL), GRAFT_OK);
    assert_int_equal(gf_evaluation_expect(&e, 2, true, NULL), GRAFT_OK);
    gf_evaluation_add(&e, &(gf_outcomes){2, 2, loss, truth, truth, z, NULL});
    for (long k = 0, live = faults_live();; k++) {
        double bounds[GF_MAX_METRICS][2];
        faults_arm(FAULT_ALLOC, k);
        graft_status status = gf_bootstrap(&e, pool, bounds, NULL);
        bool happened = faults_disarm();
        assert_int_equal(status, happened ? GRAFT_RESOURCE : GRAFT_OK);
        assert_int_equal(faults_live(), live);
        if (!happened) break;
    }
    gf_evaluation_free(&e);
    gf_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_evaluation_without_memory),
        cmocka_unit_test(what_is_no_option_is_told_without_memory),
        cmocka_unit_test(rows_of_a_checkpoint_without_memory),
        cmocka_unit_test(intervals_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
