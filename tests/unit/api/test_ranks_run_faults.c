/* Allocations that fail while two ranks train: whichever rank it is, the run ends with E5001 or does without, no rank
 * waits for ever, nothing is left, and a run on one rank goes on to the same bytes. */
#include "run_on_ranks.h"
#include "support/run_bytes.h"
#include "support/run_places.h"
#include "support/sys_faults.h"

#include <stdio.h>
#include <stdlib.h>

static void begin(tiny_run *t, const char *out)
{
    tiny_run_defaults(t, data, out);
    t->context.threads = 1;
    t->train.batch = 16;
    t->train.epochs = t->train.fine_tune_epochs = 1;
}

static int times(void)
{
    const char *asked = getenv("GRAFT_TEST_RANK_FAULTS");
    return asked ? atoi(asked) : 24;
}

static void a_failing_allocation_ends_all_ranks(void **state)
{
    (void)state;
    enum { CONNECTED = 16 }; /* allocations until the ranks are there */
    graft_error err = {0};
    tiny_run t;
    begin(&t, reference);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    keep_choices_of(reference, root);
    begin(&t, run);
    long before = faults_allocations();
    if (run_on_ranks(&t, false, 2, 0, &err)) fail_msg("%s", err.message);
    long all = faults_allocations() - before, live = faults_live();
    int failed = 0;
    for (int i = 0; i < times(); i++) {
        begin(&t, run);
        faults_arm(FAULT_ALLOC, CONNECTED + (all - CONNECTED) * i / times());
        graft_status status = run_on_ranks(&t, false, 2, 0, &err);
        faults_disarm();
        assert_int_equal(faults_live(), live);
        failed += status != GRAFT_OK;
        if (status != GRAFT_OK && status != GRAFT_RESOURCE) fail_msg("moment %d: E%d %s", i, err.number, err.message);
        begin(&t, run);
        if (status && tiny_run_train(&t, true, &err) && tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
        run_bytes_equal(reference, run, "after a failure");
    }
    assert_true(failed > times() / 2);
}

static int set_up(void **state)
{
    (void)state;
    if (run_places_make(16, 6)) return -1;
    return setenv("XDG_CACHE_HOME", root, 1); /* what ranks keep for each other */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_failing_allocation_ends_all_ranks)};
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
