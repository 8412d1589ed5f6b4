/* Evaluation where memory runs out or a file cannot be read: nothing leaks, the error says so. */
#include "boxes/coco_eval.h"
#include "boxes/coco_json.h"

#include "base/alloc.h"
#include "support/fail_each.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static graft_status evaluate(graft_error *err)
{
    gf_coco_truth t;
    gf_detection *found;
    gf_coco c;
    size_t n;
    GF_TRY(gf_coco_read_truth(&t, GRAFT_FIXTURES "/boxes/truth.json", err));
    graft_status status = gf_coco_read_results(&found, &n, &t, GRAFT_FIXTURES "/boxes/results.json", err);
    if (status == GRAFT_OK) {
        gf_detection_set set = {t.image, t.category, t.images, t.categories, t.truth, t.truths, found, n};
        status = gf_coco_evaluate(&c, &set, err);
        gf_coco_free(&c);
    }
    gf_free(found);
    gf_coco_truth_free(&t);
    return status;
}

static graft_status suppress(graft_error *err)
{
    gf_detection list[] = {{1, 1, {0, 0, 1, 1}, 1}, {1, 1, {0, 0, 1, 1}, 0.5}};
    size_t n = 2;
    return gf_suppress(list, &n, 0.5, err);
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    assert_true(fail_each(FAULT_ALLOC, evaluate, NULL) > 10);
    assert_int_equal(fail_each(FAULT_ALLOC, suppress, NULL), 6);
}

static void every_failed_read_is_told(void **state)
{
    (void)state;
    assert_true(fail_each(FAULT_READ, evaluate, NULL) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_survived),
        cmocka_unit_test(every_failed_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
