/* Matching detections where memory runs out: nothing leaks, the error says so. */
#include "boxes/matches.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static graft_status all_of_it(const gf_detection_set *set, graft_error *err)
{
    gf_matches m = {0};
    gf_ranking r = {0};
    gf_operating point[4];
    size_t best;
    graft_status status = gf_matches_of(&m, set, 0.5, err);
    if (status == GRAFT_OK) status = gf_ranking_of(&r, set, &m, err);
    if (status == GRAFT_OK) status = gf_ranking_points(&r, point, &best, err);
    gf_ranking_free(&r);
    gf_matches_free(&m);
    return status;
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    static const int64_t one[] = {1};
    static const gf_truth truth[] = {{1, 1, {0, 0, 10, 10}, 100, false, false}};
    static const gf_detection found[] = {{1, 1, {0, 0, 10, 9}, 0.5}, {1, 1, {0, 0, 9, 9}, 0.5}};
    const gf_detection_set set = {one, one, 1, 1, truth, 1, found, 2};
    long live = faults_live(), k = 0;
    for (bool happened = true; happened; k++) {
        graft_error err = {0};
        faults_arm(FAULT_ALLOC, k);
        graft_status status = all_of_it(&set, &err);
        happened = faults_disarm();
        assert_int_equal(faults_live(), live);
        assert_int_equal(status, happened ? GRAFT_RESOURCE : GRAFT_OK);
    }
    assert_true(k > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failed_allocation_is_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
