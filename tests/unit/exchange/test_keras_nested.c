/* Models of models, as each version of Keras saves them: whole files in, and Keras's own outputs. Files:
 * tools/make_nested_fixtures.py. */
#include "base/threads.h"
#include "exchange/import.h"
#include "unit/exchange/keras_models.h"

static gf_ops *ops;

static gf_model imported(const char *name)
{
    char path[512];
    gf_model m;
    bool has_values;
    const gf_import_options options = {.preprocess = "none"};
    snprintf(path, sizeof path, GRAFT_FIXTURES "/exchange/%s", name);
    OK(gf_import(&m, path, &options, &has_values, &error));
    assert_true(has_values);
    return m;
}

/* Names that stand twice, classes that are numbered in each model anew, files without names (before Keras 3.5). */
static void every_version_computes_what_keras_does(void **state)
{
    (void)state;
    static const char *const file[] = {"nested_3.0.keras",  "nested_3.3.keras", "nested_3.15.keras",
                                       "nested_2.13.keras", "nested_tf.keras",  "nested_tf.h5"};
    fixture *want = fixture_open(GRAFT_FIXTURES "/exchange/nested_outputs.safetensors");
    assert_non_null(want);
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        size_t n, n_want;
        gf_model m = imported(file[i]);
        float *got = outputs_of(&m, ops, &n);
        const float *keras = fixture_f32(want, "nested", &n_want);
        assert_true(keras && n == n_want);
        double off = off_by(got, keras, n);
        if (!(off <= 1e-5)) fail_msg("%s: off by %g", file[i], off);
        free(got);
        gf_model_free(&m);
    }
    fixture_close(want);
}

/* Each layer knows its place in a `.weights.h5` through all its models. */
static void layers_have_keys(void **state)
{
    (void)state;
    static const char *const row[][2] = {
        {"conv", "conv2d"},
        {"base/conv", "functional/conv2d"},
        {"one", "functional/conv2d_1"},
        {"behind", "conv2d_1"},
        {"inner/conv", "functional/sequential/conv2d"},
        {"out", "dense"},
        {"deep", "functional/depthwise_conv2d"},
    };
    gf_model m = imported("nested_3.3.keras");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int at = gf_model_find(&m, row[i][0]);
        if (at < 0) fail_msg("no layer %s", row[i][0]);
        assert_string_equal(m.layer[at].key, row[i][1]);
    }
    gf_model_free(&m);
}

static int make_ops(void **state)
{
    (void)state;
    return gf_ops_create(&ops, NULL, NULL) != GRAFT_OK;
}

static int remove_ops(void **state)
{
    (void)state;
    gf_ops_destroy(ops);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_version_computes_what_keras_does),
                                       cmocka_unit_test(layers_have_keys)};
    return cmocka_run_group_tests(tests, make_ops, remove_ops);
}
