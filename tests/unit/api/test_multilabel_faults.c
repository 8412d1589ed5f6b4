/* A run of several labels, solved and by epochs, and an evaluation and a prediction of it, in which allocations fail in
 * turn: each ends with an error that tells it, or as if nothing had happened, and nothing is left behind in memory. */
#include "support/run_places.h"
#include "support/sys_faults.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool solved;

static graft_status train(graft_error *err)
{
    static const char *by_epochs[][2] = {
        {"train.task", "multilabel"}, {"train.class_weight", "balanced"}, {NULL, NULL}};
    static const char *by_probe[][2] = {{"train.task", "multilabel"}, {"train.probe", "1"}, {NULL, NULL}};
    tiny_run t;
    tiny_run_defaults(&t, data, run);
    t.by_name = solved ? by_probe : by_epochs;
    t.model.fine_tune_at = -1;
    t.train.epochs = 1;
    t.train.fine_tune_epochs = 0;
    return tiny_run_train(&t, false, err);
}

/* What the finished run says of its data, with rows and intervals. */
static graft_status use(graft_error *err)
{
    char rows[160];
    graft_context *c = NULL;
    graft_model *m = NULL;
    graft_result *result = NULL;
    tiny_run t;
    snprintf(rows, sizeof rows, "%s.csv", run);
    const char *by_name[][2] = {{"eval.csv", rows}, {"eval.intervals", "1"}, {NULL, NULL}}, *const images[] = {data};
    tiny_run_defaults(&t, data, run);
    t.by_name = by_name;
    graft_status status = graft_context_open(&t.context, &c, err);
    if (!status) status = tiny_run_by_name(&t, c, err);
    if (!status) status = graft_run_open(c, run, &m, err);
    if (!status) status = graft_evaluate(m, data, NULL, &result, err);
    graft_result_free(result);
    result = NULL;
    if (!status) status = graft_predict(m, images, 1, 2, &result, err);
    graft_result_free(result);
    graft_model_free(m);
    graft_context_free(c);
    return status;
}

static void fail_some(graft_status (*work)(graft_error *err), int steps)
{
    graft_error err = {0};
    if (work(&err)) fail_msg("%s", err.message); /* once, so that nothing is made for the first time below */
    long all = faults_allocations();
    if (work(&err)) fail_msg("%s", err.message);
    all = faults_allocations() - all;
    for (long k = all / 2; k < all; k += 1 + all / steps) { /* the first half is the model's and the data's */
        long before = faults_live();
        err = (graft_error){0};
        faults_arm_errno(FAULT_ALLOC, k, ENOMEM, false);
        graft_status got = work(&err);
        faults_disarm();
        if (got != GRAFT_OK && got != GRAFT_RESOURCE) fail_msg("call %ld: status %d, %s", k, (int)got, err.message);
        if (got != GRAFT_OK && !err.message[0]) fail_msg("call %ld: status %d without a message", k, (int)got);
        assert_int_equal(faults_live(), before);
    }
}

static void by_epochs(void **state)
{
    (void)state;
    solved = false;
    fail_some(train, 60);
}

static void by_a_probe(void **state)
{
    (void)state;
    solved = true;
    fail_some(train, 60);
}

static void in_use(void **state)
{
    (void)state;
    graft_error err = {0};
    solved = true;
    if (train(&err)) fail_msg("%s", err.message);
    fail_some(use, 120);
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(6, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_epochs), cmocka_unit_test(by_a_probe),
                                       cmocka_unit_test(in_use)};
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
