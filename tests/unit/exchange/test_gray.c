/* Networks for color images made into ones for gray images, against what Keras gives (tools/make_gray_fixtures.py):
 * with the sum of the first kernels its features of the RGB copy, with their mean those of its network with the mean
 * kernel. */
#include "graph/gray.h"
#include "unit/exchange/keras_models.h"

static gf_ops *ops;
static fixture *keras;

/* f32 sums in another order. */
static const double ALLOWED = 1e-5;

static gf_model color_model(const char *name)
{
    gf_model m = fixture_model(name);
    seed_values(&m);
    return m;
}

static double off_from(const char *name, gf_gray_kernels kernels, const char *wanted)
{
    char key[64];
    size_t n, n_want;
    gf_model color = color_model(name), gray;
    OK(gf_model_to_gray(&gray, &color, kernels, &error));
    assert_int_equal(gray.layer[0].shape.dim[2], 1);
    float *got = outputs_of(&gray, ops, &n);
    snprintf(key, sizeof key, "%s/%s", name, wanted);
    const float *want = fixture_f32(keras, key, &n_want);
    assert_non_null(want);
    assert_int_equal(n, n_want);
    double off = off_by(got, want, n);
    print_message("%s: off by %.1e\n", key, off);
    free(got);
    gf_model_free(&gray);
    gf_model_free(&color);
    return off;
}

static void the_sum_gives_the_features_of_the_rgb_copy(void **state)
{
    (void)state;
    assert_true(off_from("gray_rescaled", GF_GRAY_SUM, "rgb") <= ALLOWED);
    assert_true(off_from("gray_normalized", GF_GRAY_SUM, "rgb") <= ALLOWED); /* a mean and variance for each channel */
}

static void the_mean_is_what_keras_gives(void **state)
{
    (void)state;
    assert_true(off_from("gray_rescaled", GF_GRAY_MEAN, "mean") <= ALLOWED);
}

/* Behind batch normalization they are other networks, not one that is scaled. */
static void the_two_differ(void **state)
{
    (void)state;
    assert_true(off_from("gray_rescaled", GF_GRAY_MEAN, "rgb") > 0.05);
    gf_model color = color_model("gray_rescaled"), sum, mean;
    OK(gf_model_to_gray(&sum, &color, GF_GRAY_SUM, &error));
    OK(gf_model_to_gray(&mean, &color, GF_GRAY_MEAN, &error));
    const gf_param *p = gf_model_param(&sum, gf_model_find(&sum, "conv_1"), "kernel");
    for (size_t i = 0; i < p->count; i++) {
        float a = sum.value[p->offset + i], b = mean.value[p->offset + i];
        assert_true(fabsf(a - 3 * b) <= 1e-6f * (1 + fabsf(a)));
    }
    gf_model_free(&mean);
    gf_model_free(&sum);
    gf_model_free(&color);
}

/* Only a plain convolution has a kernel over the colors. */
static void what_cannot_be_gray_is_refused(void **state)
{
    (void)state;
    gf_model color = color_model("gray_rescaled"), gray;
    int first = gf_model_find(&color, "conv_1");
    color.layer[first].cls = &gf_layer_depthwise;
    assert_int_equal(gf_model_to_gray(&gray, &color, GF_GRAY_SUM, &error), GRAFT_USAGE);
    assert_int_equal(error.number, GF_E_MODEL_SHAPE);
    assert_non_null(strstr(error.message, "conv_1"));
    assert_null(gray.layer);
    gf_model_free(&color);
}

static int set_up(void **state)
{
    (void)state;
    gf_ops_start_worker();
    keras = fixture_open(GRAFT_FIXTURES "/exchange/gray.safetensors");
    return keras && gf_ops_create(&ops, NULL, NULL) == GRAFT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    gf_ops_destroy(ops);
    fixture_close(keras);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_gives_the_features_of_the_rgb_copy),
        cmocka_unit_test(the_mean_is_what_keras_gives),
        cmocka_unit_test(the_two_differ),
        cmocka_unit_test(what_cannot_be_gray_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
