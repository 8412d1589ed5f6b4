/* with_ops.h - what a program of tests of operations runs in: `ops`, made before its tests and destroyed behind them.
 */
#ifndef TESTS_OPS_WITH_OPS_H
#define TESTS_OPS_WITH_OPS_H

#include "case.h"

static gf_ops *ops;

static inline int ops_begin(void **state)
{
    (void)state;
    gf_ops_start_worker();
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    print_message("%s, seed %d\n", gf_ops_machine(ops), SEED);
    return 0;
}

static inline int ops_end(void **state)
{
    (void)state;
    gf_ops_destroy(ops);
    return 0;
}

#define RUN_WITH_OPS(tests) cmocka_run_group_tests(tests, ops_begin, ops_end)

#endif
