/* The architectures: layers, shapes and counts as Keras has them (tests/fixtures/summary_mobilenet_v2_160.json), other
 * widths and sizes, what is refused, seeded initial values. */
#include "zoo/zoo.h"

#include "base/io.h"
#include "support/ok.h"
#include "json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static gf_zoo_options of_size(int size, double alpha, int classes)
{
    return (gf_zoo_options){.width = size,
                            .height = size,
                            .alpha = alpha,
                            .classes = classes,
                            .head = {.outputs = classes == 2}, /* they share one logit */
                            .dropout = 0.2f};
}

static gf_model built(int size, double alpha, int classes)
{
    gf_model m;
    gf_zoo_options o = of_size(size, alpha, classes);
    OK(gf_zoo_build(&m, "mobilenet_v2", &o, &error));
    return m;
}

static size_t params_of(const gf_model *m, const gf_layer *l)
{
    size_t n = 0;
    for (int k = 0; k < l->n_params; k++) n += m->param[l->param[k]].count;
    return n;
}

static gf_json *summary(void)
{
    uint8_t *text;
    size_t n;
    gf_json *j;
    const char *path = GRAFT_FIXTURES "/summary_mobilenet_v2_160.json";
    OK(gf_file_read(path, 1 << 20, &text, &n, &error));
    OK(gf_json_parse(&j, (char *)text, n, path, &error));
    gf_free(text);
    return j;
}

static void every_layer_is_keras(void **state)
{
    (void)state;
    gf_json *j = summary();
    const gf_json *rows = gf_json_get(j, "layers");
    gf_model m = built(160, 1, 2);
    assert_int_equal(gf_json_size(rows), 154);
    assert_int_equal(gf_model_backbone_layers(&m), 154);
    assert_int_equal(m.n_layers, 157);
    for (size_t i = 0; i < 154; i++) {
        const gf_json *row = gf_json_at(rows, i), *shape = gf_json_get(row, "output_shape");
        const gf_layer *l = &m.layer[i];
        assert_int_equal(gf_json_i64(gf_json_get(row, "index"), -1), i);
        assert_string_equal(l->name, gf_json_str(gf_json_get(row, "name"), ""));
        assert_string_equal(l->cls->name, gf_json_str(gf_json_get(row, "class"), ""));
        assert_int_equal(l->shape.rank, gf_json_size(shape));
        for (int d = 0; d < l->shape.rank; d++) {
            assert_int_equal(l->shape.dim[d], gf_json_i64(gf_json_at(shape, (size_t)d), -1));
        }
        assert_int_equal(params_of(&m, l), gf_json_i64(gf_json_get(row, "params"), -1));
        assert_true(l->backbone);
        assert_int_equal(gf_model_find(&m, l->name), i);
    }
    gf_model_free(&m);
    gf_json_free(j);
}

static void check_counts(const gf_json *want, gf_counts got)
{
    assert_int_equal(got.total, gf_json_i64(gf_json_get(want, "total_params"), -1));
    assert_int_equal(got.trainable, gf_json_i64(gf_json_get(want, "trainable_params"), -1));
    assert_int_equal(got.non_trainable, gf_json_i64(gf_json_get(want, "non_trainable_params"), -1));
    assert_int_equal(got.trainable_variables, gf_json_i64(gf_json_get(want, "trainable_variables"), -1));
    assert_int_equal(got.layers, 154);
}

static void counts_are_keras(void **state)
{
    (void)state;
    gf_json *j = summary();
    gf_model m = built(160, 1, 2);
    assert_int_equal(m.boundary, 154); /* frozen, until told otherwise */
    check_counts(gf_json_get(j, "frozen"), gf_model_counts(&m));
    m.boundary = 100;
    check_counts(gf_json_get(j, "fine_tune_at_100"), gf_model_counts(&m));
    gf_json_free(j);
    gf_text t = {0};
    OK(gf_model_summary(&m, &t, &error));
    static const char *const parts[] = {"block_16_project_BN", "(None, 5, 5, 1280)", "2,259,265", "1,862,721",
                                        "396,544"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!strstr(t.s, parts[i])) fail_msg("the summary does not say %s", parts[i]);
    }
    gf_text_free(&t);
    gf_model_free(&m);
}

/* Totals of Keras's MobileNetV2(alpha, include_top=False). */
static void other_widths(void **state)
{
    (void)state;
    static const struct {
        double alpha;
        size_t total;
        int features;
    } row[] = {{0.35, 410208, 1280}, {0.5, 706224, 1280},  {0.75, 1382064, 1280},
               {1, 2257984, 1280},   {1.3, 3766048, 1664}, {1.4, 4363712, 1792}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_model m = built(96, row[i].alpha, 0);
        assert_int_equal(gf_model_counts(&m).total, row[i].total);
        assert_int_equal(m.layer[m.features].shape.dim[0], row[i].features);
        assert_int_equal(m.output, m.features);
        gf_model_free(&m);
    }
}

/* Every stride of 2 halves and rounds up. */
static void any_size(void **state)
{
    (void)state;
    static const int size[][2] = {{32, 32}, {33, 63}, {97, 64}, {95, 161}, {224, 224}, {320, 33}};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        gf_zoo_options o = {.width = size[i][0], .height = size[i][1], .alpha = 0.35, .classes = 3};
        gf_model m;
        OK(gf_zoo_build(&m, "mobilenet_v2", &o, &error));
        const gf_shape *last = &m.layer[gf_model_find(&m, "out_relu")].shape;
        assert_int_equal(last->dim[0], (o.height + 31) / 32);
        assert_int_equal(last->dim[1], (o.width + 31) / 32);
        assert_int_equal(last->dim[2], 1280);
        assert_int_equal(m.layer[m.output].shape.dim[0], 3);
        gf_model_free(&m);
    }
}

static void refused(const char *name, gf_zoo_options o, gf_errno number)
{
    gf_model m;
    error = (graft_error){0};
    assert_int_equal(gf_zoo_build(&m, name, &o, &error), GRAFT_USAGE);
    assert_int_equal(error.number, number);
    assert_true(error.message[0] != 0);
    assert_null(m.layer);
    assert_null(m.value);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    refused("resnet\n50", of_size(160, 1, 2), GF_E_MODEL_UNKNOWN);
    assert_null(strchr(error.message, '\n'));
    static const int sizes[] = {31, 0, -160, 4097, 1 << 30};
    for (int i = 0; i < 5; i++) {
        refused("mobilenet_v2", of_size(sizes[i], 1, 2), GF_E_OPTION_VALUE);
        gf_zoo_options o = of_size(160, 1, 2);
        o.height = sizes[i];
        refused("mobilenet_v2", o, GF_E_OPTION_VALUE);
    }
    static const int classes[] = {1, -1, 100001};
    for (int i = 0; i < 3; i++) refused("mobilenet_v2", of_size(160, 1, classes[i]), GF_E_OPTION_VALUE);
    static const double alphas[] = {-1, 0.05, 5, INFINITY, NAN};
    for (int i = 0; i < 5; i++) refused("mobilenet_v2", of_size(160, alphas[i], 2), GF_E_OPTION_VALUE);
    refused("vgg16", of_size(160, 0.5, 2), GF_E_OPTION_VALUE); /* it has no alpha */
    assert_null(gf_zoo_find("nothing"));
    assert_ptr_equal(gf_zoo_find("mobilenet_v2"), gf_zoo_at(0));
    assert_null(gf_zoo_at(1000));
}

static void parameters_lie_as_promised(void **state)
{
    (void)state;
    gf_model m = built(64, 0.35, 5);
    size_t covered = 0;
    for (size_t i = 0; i < m.n_params; i++) {
        const gf_param *p = &m.param[i];
        assert_true(p->statistic == (p->offset >= m.n_trainable_values));
        assert_true(p->offset + p->count <= m.n_values);
        for (size_t k = i + 1; k < m.n_params; k++) { /* in layer order, apart from the statistics */
            if (m.param[k].statistic == p->statistic) assert_true(m.param[k].offset >= p->offset + p->count);
        }
        covered += p->count;
    }
    assert_int_equal(covered, m.n_values);
    size_t before = 0;
    for (m.boundary = 0; m.boundary <= 154; m.boundary++) {
        size_t first = gf_model_first_trainable(&m), trains = 0;
        for (size_t i = 0; i < m.n_params; i++) {
            if (!gf_model_param_trains(&m, &m.param[i])) continue;
            assert_true(m.param[i].offset >= first);
            trains += m.param[i].count;
        }
        assert_int_equal(trains, m.n_trainable_values - first); /* one contiguous range */
        assert_int_equal(trains, gf_model_counts(&m).trainable);
        assert_true(first >= before);
        before = first;
    }
    gf_model_free(&m);
}

static void initial_values_are_glorots(void **state)
{
    (void)state;
    gf_model a = built(32, 0.35, 5), b = built(32, 0.35, 5);
    gf_model_init(&a, 7, 0);
    gf_model_init(&b, 7, 0);
    assert_memory_equal(a.value, b.value, a.n_values * sizeof *a.value);
    const gf_param *head = gf_model_param(&a, gf_model_find(&a, "head"), "kernel");
    double limit = sqrt(6.0 / (1280 + 5)), largest = 0, sum = 0;
    for (size_t i = 0; i < head->count; i++) {
        double x = (double)a.value[head->offset + i];
        if (fabs(x) > largest) largest = fabs(x);
        sum += x;
    }
    assert_true(largest <= limit && largest > 0.98 * limit);
    assert_true(fabs(sum / (double)head->count) < 5 * limit / sqrt(3.0 * (double)head->count));
    const gf_param *gamma = gf_model_param(&a, gf_model_find(&a, "bn_Conv1"), "gamma");
    const gf_param *beta = gf_model_param(&a, gf_model_find(&a, "bn_Conv1"), "beta");
    assert_true(a.value[gamma->offset] == 1 && a.value[beta->offset] == 0);
    gf_model_init(&b, 8, gf_model_find(&b, "head")); /* the head alone */
    assert_memory_equal(a.value, b.value, head->offset * sizeof *a.value);
    assert_memory_not_equal(a.value + head->offset, b.value + head->offset, head->count * sizeof *a.value);
    gf_model_free(&a);
    gf_model_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_is_keras),
        cmocka_unit_test(counts_are_keras),
        cmocka_unit_test(other_widths),
        cmocka_unit_test(any_size),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(parameters_lie_as_promised),
        cmocka_unit_test(initial_values_are_glorots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
