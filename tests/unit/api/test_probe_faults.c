/* A probe's run in which each allocation, and then each file call, fails in turn (the first ones all, then fewer and
 * fewer): it ends with an error that tells it, or as if nothing had happened, and nothing is left behind in memory. */
#include "support/run_places.h"
#include "support/sys_faults.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static graft_status solve(graft_error *err)
{
    static const char *probe[][2] = {{"train.probe", "1"}, {NULL, NULL}};
    tiny_run t;
    tiny_run_defaults(&t, data, run);
    t.by_name = probe;
    t.model.fine_tune_at = -1;
    t.train.fine_tune_epochs = 0;
    return tiny_run_train(&t, false, err);
}

static void fail_each(fault_kind kind, int error, graft_status status)
{
    graft_error err = {0};
    long all = kind == FAULT_ALLOC ? faults_allocations() : faults_file_calls();
    if (solve(&err)) fail_msg("%s", err.message);
    all = (kind == FAULT_ALLOC ? faults_allocations() : faults_file_calls()) - all;
    for (long k = all / 2; k < all; k += 1 + all / 60) { /* the first half is the model's and the data's */
        long before = faults_live();
        err = (graft_error){0};
        faults_arm_errno(kind, k, error, false);
        graft_status got = solve(&err);
        faults_disarm();
        if (got != GRAFT_OK && got != status) fail_msg("call %ld: status %d, %s", k, (int)got, err.message);
        if (got != GRAFT_OK && !err.message[0]) fail_msg("call %ld: status %d without a message", k, (int)got);
        assert_int_equal(faults_live(), before);
    }
}

static void memory(void **state)
{
    (void)state;
    fail_each(FAULT_ALLOC, ENOMEM, GRAFT_RESOURCE);
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(6, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory)};
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
