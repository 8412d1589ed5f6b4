/* The advisor's table, cell by cell, and the distance that it measures. */
#include "train/advice.h"

#include "zoo/zoo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* small, medium, large by high, medium, low similarity; -1: all layers. */
static void the_table_is_the_tutorial_s(void **state)
{
    (void)state;
    static const int last[3][3] = {{0, 10, 25}, {5, 20, 50}, {20, 50, -1}};
    for (int a = GF_SMALL; a <= GF_LARGE; a++) {
        for (int l = GF_LIKE_HIGH; l <= GF_LIKE_LOW; l++) {
            const gf_advice advice = gf_advice_of((gf_amount)a, (gf_likeness)l);
            assert_int_equal(advice.last, last[a][l]);
            assert_true(strlen(advice.what) > 5 && strlen(advice.why) > 5);
            assert_true(advice.last ? advice.lr > 0 && advice.lr < 1e-3 : advice.lr == 0);
        }
    }
}

static void bounds_are_where_they_are_said_to_be(void **state)
{
    (void)state;
    gf_likeness l;
    assert_int_equal(gf_amount_of(0), GF_SMALL);
    assert_int_equal(gf_amount_of(999), GF_SMALL);
    assert_int_equal(gf_amount_of(1000), GF_MEDIUM);
    assert_int_equal(gf_amount_of(10000), GF_MEDIUM);
    assert_int_equal(gf_amount_of(10001), GF_LARGE);
    assert_int_equal(gf_likeness_of(0.16), GF_LIKE_HIGH);
    assert_int_equal(gf_likeness_of(0.25), GF_LIKE_MEDIUM);
    assert_int_equal(gf_likeness_of(0.35), GF_LIKE_LOW);
    assert_true(gf_likeness_find("medium", &l) && l == GF_LIKE_MEDIUM);
    assert_false(gf_likeness_find("so so", &l));
}

/* Ranges as calibration would leave them: each channel's mean is beta + away gamma. */
static void set_ranges(gf_model *m, double away)
{
    for (size_t i = 0; i < m->n_layers; i++) {
        const gf_param *gamma = gf_model_param(m, (int)i, "gamma"), *beta = gf_model_param(m, (int)i, "beta");
        gf_range *range = gf_model_range(m, (int)i);
        for (size_t k = 0; gamma && k < gamma->count; k++) {
            float mean = m->value[beta->offset + k] + (float)away * m->value[gamma->offset + k];
            range[k] = (gf_range){mean - 1, mean + 1, mean};
        }
    }
}

static void the_distance_is_in_units_of_gamma(void **state)
{
    (void)state;
    gf_model m;
    int layers;
    gf_zoo_options o = {.width = 32, .height = 32, .alpha = 0.35, .classes = 2, .head = {.outputs = 1}};
    assert_int_equal(gf_zoo_build(&m, "mobilenet_v2", &o, NULL), GRAFT_OK);
    gf_model_init(&m, 3, 0);
    assert_true(isnan(gf_likeness_measure(&m, &layers)) && layers == 0);
    assert_int_equal(gf_model_add_ranges(&m, NULL), GRAFT_OK);
    assert_true(isnan(gf_likeness_measure(&m, &layers)) && layers == 0); /* nothing was seen */
    for (int step = 0; step < 4; step++) {
        set_ranges(&m, step / 4.0);
        double got = gf_likeness_measure(&m, &layers), want = step / 4.0 / (1 + 1e-3);
        assert_true(layers > 40);
        if (!(fabs(got - want) <= 1e-5)) fail_msg("%g deviations: %g", step / 4.0, got);
    }
    gf_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_tutorial_s),
        cmocka_unit_test(bounds_are_where_they_are_said_to_be),
        cmocka_unit_test(the_distance_is_in_units_of_gamma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
