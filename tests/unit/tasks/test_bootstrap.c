/* Intervals by the bootstrap: near the binomial distribution's, the same for any number of threads, NaN where a metric
 * is. */
#include "tasks/bootstrap.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLES = 400, RIGHT = 360 };

/* Two classes, one right in nine of ten; scores that rank most of them right. */
static void fill(gf_evaluation *e, const gf_metric_list *list, size_t n, int32_t classes)
{
    assert_int_equal(gf_evaluation_init(e, list, 2, NULL), GRAFT_OK);
    assert_int_equal(gf_evaluation_expect(e, n, true, NULL), GRAFT_OK);
    for (size_t i = 0; i < n; i++) {
        int32_t truth = (int32_t)i % classes, predicted = i % 10 ? truth : !truth;
        const float loss = (float)(i % 7), score[] = {0, (predicted ? 1.0f : -1.0f) + (float)(i % 13) / 10};
        gf_evaluation_add(e, &(gf_outcomes){1, 2, &loss, &truth, &predicted, score, NULL});
    }
}

static void intervals_are_those_of_the_distribution(void **state)
{
    (void)state;
    gf_metric_list list;
    gf_evaluation e;
    double bounds[3][GF_MAX_METRICS][2];
    assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, "loss,accuracy", "balanced_accuracy,mcc,auc", NULL),
                     GRAFT_OK);
    fill(&e, &list, SAMPLES, 2);
    for (int k = 0; k < 3; k++) {
        gf_pool *pool;
        assert_int_equal(gf_pool_create(&pool, k + 1, NULL, NULL), GRAFT_OK);
        assert_int_equal(gf_bootstrap(&e, pool, bounds[k], NULL), GRAFT_OK);
        gf_pool_destroy(pool);
    }
    assert_memory_equal(bounds[0], bounds[1], list.n * sizeof bounds[0][0]);
    assert_memory_equal(bounds[0], bounds[2], list.n * sizeof bounds[0][0]);
    gf_metrics m = gf_evaluation_metrics(&e);
    for (size_t i = 0; i < list.n; i++) {
        assert_true(bounds[0][i][0] < m.value[i] && m.value[i] < bounds[0][i][1]);
    }
    const double share = (double)RIGHT / SAMPLES, half = 1.96 * sqrt(share * (1 - share) / SAMPLES); /* 0.0294 */
    assert_true(m.value[1] == share);
    assert_true(fabs(bounds[0][1][0] - (share - half)) < 0.004 && fabs(bounds[0][1][1] - (share + half)) < 0.004);
    double mean = 0, square = 0; /* of the losses: by the central limit theorem */
    for (int i = 0; i < SAMPLES; i++) mean += (double)(i % 7) / SAMPLES;
    for (int i = 0; i < SAMPLES; i++) square += ((i % 7) - mean) * ((i % 7) - mean) / SAMPLES;
    double wide = 1.96 * sqrt(square / SAMPLES);
    assert_true(fabs(bounds[0][0][0] - (mean - wide)) < 0.1 * wide &&
                fabs(bounds[0][0][1] - (mean + wide)) < 0.1 * wide);
    m.bounds = (const double(*)[2])bounds[0];
    gf_text t = {0};
    gf_intervals_text(&t, &m);
    assert_non_null(strstr(t.s, "mcc "));
    gf_text_free(&t);
    gf_evaluation_free(&e);
}

static void what_is_not_measured_has_none(void **state)
{
    (void)state;
    gf_metric_list list;
    gf_evaluation e;
    gf_pool *pool;
    double bounds[GF_MAX_METRICS][2];
    assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, "loss,accuracy", "auc", NULL), GRAFT_OK);
    assert_int_equal(gf_pool_create(&pool, 2, NULL, NULL), GRAFT_OK);
    fill(&e, &list, 20, 1); /* one class: no area */
    assert_int_equal(gf_bootstrap(&e, pool, bounds, NULL), GRAFT_OK);
    assert_true(isfinite(bounds[1][0]) && isnan(bounds[2][0]) && isnan(bounds[2][1]));
    gf_evaluation_clear(&e);
    assert_int_equal(gf_bootstrap(&e, pool, bounds, NULL), GRAFT_OK);
    assert_true(isnan(bounds[0][0]) && isnan(bounds[1][0]));
    gf_evaluation_free(&e);
    gf_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_are_those_of_the_distribution),
        cmocka_unit_test(what_is_not_measured_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
