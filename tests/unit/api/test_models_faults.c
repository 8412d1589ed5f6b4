/* graft_models with every allocation failed in turn, and every file call of what it remembers: a result or an error, no
 * leak; a memory that cannot be kept costs nothing. */
#include "support/sys_faults.h"

#include <graft/graft.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const name = "mobilenet_v3_small";

static long fail_each(graft_context *c, fault_kind kind, int time)
{
    for (long k = 0;; k++) {
        graft_error err = {0};
        graft_result *got = NULL;
        long live = faults_live();
        faults_arm(kind, k);
        graft_status status = graft_models(c, &name, 1, time, &got, &err);
        bool happened = faults_disarm();
        assert_true((status == GRAFT_OK) == (got != NULL));
        if (kind != FAULT_ALLOC) assert_int_equal(status, GRAFT_OK);
        if (status) assert_true(err.status == status && err.number && err.message[0]);
        if (got) assert_non_null(strstr(graft_result_json(got), "\"mobilenet_v3_small\""));
        graft_result_free(got);
        if (!time) assert_int_equal(faults_live(), live); /* what was timed is kept by the context */
        if (!happened) return k;
    }
}

static void each_call_fails_cleanly(void **state)
{
    (void)state;
    char root[] = "/tmp/graft-test-XXXXXX", command[64];
    graft_context *c;
    graft_context_options o;
    graft_error err;
    assert_non_null(mkdtemp(root));
    setenv("XDG_CACHE_HOME", root, 1);
    graft_context_defaults(&o);
    o.threads = 1;
    assert_int_equal(graft_context_open(&o, &c, &err), GRAFT_OK);
    long faults = 0;
    for (int kind = FAULT_OPEN; kind < FAULT_KINDS; kind++) faults += fail_each(c, (fault_kind)kind, 1);
    assert_true(faults > 4);
    long allocations = fail_each(c, FAULT_ALLOC, 0);
    print_message("%ld file calls, %ld allocations\n", faults, allocations);
    assert_true(faults > 5 && allocations > 30);
    graft_context_free(c);
    snprintf(command, sizeof command, "rm -rf %s", root);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_call_fails_cleanly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
