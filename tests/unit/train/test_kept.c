/* The values that a run keeps: one stretch without groups, what trains and nothing else with them; into another layout
 * goes what both have. */
#include "support/ok.h"
#include "train/kept.h"
#include "zoo/zoo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static gf_model m;

static gf_kept kept(int boundary, const char *words, bool statistics)
{
    gf_kept k;
    m.boundary = 77;
    OK(gf_kept_create(&k, &m, &(gf_kept_part){boundary, words}, 1, statistics, &error));
    assert_int_equal(m.boundary, 77);
    return k;
}

static void number_values(gf_model *model, float from)
{
    for (size_t i = 0; i < model->n_values; i++) model->value[i] = from + (float)i;
}

static void without_groups_it_is_one_range(void **state)
{
    (void)state;
    for (int statistics = 0; statistics < 2; statistics++) {
        gf_kept k = kept(100, NULL, statistics);
        size_t end = statistics ? m.n_values : m.n_trainable_values;
        m.boundary = 100;
        assert_int_equal(k.n, 1);
        assert_int_equal(k.range[0].first, gf_model_first_trainable(&m));
        assert_int_equal(k.range[0].first + k.count, end);
        gf_kept_free(&k);
    }
}

static void with_groups_it_is_what_trains(void **state)
{
    (void)state;
    gf_kept k = kept(100, "only=block_14_*/gamma,layer-decay=0.5", true);
    float *values = malloc(k.count * sizeof *values);
    size_t statistics = m.n_values - m.n_trainable_values, at = 0;
    number_values(&m, 1);
    gf_kept_take(&k, &m, values);
    m.boundary = 100; /* the words still hold */
    for (size_t i = 0; i < m.n_params; i++) {
        const gf_param *p = &m.param[i];
        if (!gf_model_param_trains(&m, p)) continue;
        for (size_t j = 0; j < p->count; j++) assert_true(values[at++] == 1 + (float)(p->offset + j));
    }
    assert_int_equal(at, k.count - statistics);
    assert_int_equal(at, 336 + 336 + 56 + 3 * 1280 + 3); /* three normalizations and the head */
    assert_true(values[at] == 1 + (float)m.n_trainable_values);
    number_values(&m, 0);
    gf_kept_put(&k, &m, values);
    size_t changed = 0;
    for (size_t i = 0; i < m.n_values; i++) changed += m.value[i] == 1 + (float)i;
    assert_int_equal(changed, k.count);
    assert_true(gf_kept_finite(&k, &m));
    m.value[0] = NAN; /* of no range */
    assert_true(gf_kept_finite(&k, &m));
    m.value[k.range[k.n - 1].first] = NAN;
    assert_false(gf_kept_finite(&k, &m));
    free(values);
    gf_kept_free(&k);
}

/* A run of the head that is given fine-tuning: copies begin as the model, then get what the checkpoint has. */
static void values_move_into_another_layout(void **state)
{
    (void)state;
    static const char *const words[] = {NULL, "freeze=block_14_*"};
    for (int i = 0; i < 2; i++) {
        gf_kept head = kept(154, words[i], false), all = kept(100, words[i], false);
        float *from = malloc(head.count * sizeof *from), *to = malloc(all.count * sizeof *to);
        assert_true(head.count < all.count);
        number_values(&m, 0);
        gf_kept_take(&all, &m, to);
        number_values(&m, 0.5f);
        gf_kept_take(&head, &m, from);
        gf_kept_move(&all, to, &head, from);
        number_values(&m, 0);
        gf_kept_put(&all, &m, to);
        size_t moved = 0, first = head.range[0].first;
        for (size_t k = 0; k < m.n_values; k++) {
            bool its = k >= first && k < first + head.count;
            assert_true(m.value[k] == (its ? 0.5f : 0) + (float)k);
            moved += its;
        }
        assert_int_equal(moved, head.count);
        free(from);
        free(to);
        gf_kept_free(&head);
        gf_kept_free(&all);
    }
}

static int set_up(void **state)
{
    (void)state;
    gf_zoo_options o = {.width = 32, .height = 32, .alpha = 0.35, .classes = 3, .dropout = 0.5f};
    return gf_zoo_build(&m, "mobilenet_v2", &o, &error) == GRAFT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    gf_model_free(&m);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_groups_it_is_one_range),
        cmocka_unit_test(with_groups_it_is_what_trains),
        cmocka_unit_test(values_move_into_another_layout),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
