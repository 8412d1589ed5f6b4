/* Models written as ONNX: read back they give the same numbers, layer by layer of every kind, and the file says what
 * people need to know. */
#include "base/io.h"
#include "ops/engine.h"
#include "unit/exchange/onnx_round_trip.h"
#include "unit/exchange/onnx_run.h"
#include "zoo/zoo.h"

#include <unistd.h>

static gf_ops *ops;
enum { BATCH = 2, MOST = 16 };

static gf_model round_trip(const gf_model *m)
{
    static const char *const classes[] = {"ash", "beech", "elm"};
    return onnx_round_trip(m, classes, 3);
}

static void same_outputs(const gf_model *m, const gf_model *back, const char *name)
{
    const gf_shape *s = &m->layer[0].shape;
    size_t n = gf_count(&m->layer[m->output].shape), n_back = gf_count(&back->layer[back->output].shape);
    float *x = seeded_images(BATCH * gf_count(s)), want[BATCH * MOST], got[BATCH * MOST];
    assert_true(n <= MOST && n_back == (n == 1 && m->classes ? 2 : n));
    onnx_run(m, ops, x, want, BATCH, BATCH * n);
    onnx_run(back, ops, x, got, BATCH, BATCH * n_back);
    double sum = 0;
    for (size_t i = 0; i < BATCH * n; i++) sum += fabs((double)want[i]);
    if (!(sum > 1e-3)) fail_msg("%s: outputs of nothing but zeros are no evidence", name);
    for (size_t i = 0; n < n_back && i < BATCH; i++) got[i] = got[2 * i + 1] - got[2 * i];
    ASSERT_CLOSE(name, distance(got, want, BATCH * n), 1e-5);
    free(x);
}

/* ---- architectures */

static void architectures_come_back_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int width, height, classes;
    } rows[] = {{"mobilenet_v2", 64, 48, 3},
                {"mobilenet_v2", 32, 32, 2},
                {"mobilenet_v3_small", 64, 64, 3},
                {"densenet121", 32, 32, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_model m;
        gf_zoo_options o = {.width = rows[i].width, .height = rows[i].height, .alpha = 0, .dropout = 0.2f};
        o.classes = rows[i].classes;
        o.head.outputs = o.classes == 2;
        OK(gf_zoo_build(&m, rows[i].name, &o, &error));
        seed_model(&m, 1);
        gf_model back = round_trip(&m);
        assert_true(gf_model_counts(&back).total - gf_model_counts(&m).total < 1300); /* the second logit's column */
        assert_true(gf_model_find(&back, "head") > 0);
        same_outputs(&m, &back, rows[i].name);
        gf_model_free(&m);
        gf_model_free(&back);
    }
}

/* ---- a layer at a time, between a convolution and a dense layer */

typedef struct small {
    gf_model m;
    int at;
} small;

static void put(small *s, gf_layer l, const char *name)
{
    snprintf(l.name, sizeof l.name, "%s", name);
    if (!l.n_src && l.cls != &gf_layer_input) {
        l.n_src = 1;
        l.src[0] = s->at;
    }
    l.backbone = true;
    OK(gf_model_add(&s->m, &l, &s->at, &error));
}

enum { CHANNELS = 6 };

static small begin(bool bgr)
{
    small s = {0};
    gf_layer in = {.cls = &gf_layer_input, .shape = GF_SHAPE(11, 9, 3)};
    for (int c = 0; c < 3; c++) in.at.scale[c] = 0.01f + 0.001f * (float)c, in.at.offset[c] = -1 + 0.1f * (float)c;
    in.at.bgr = bgr;
    put(&s, in, "image");
    gf_layer conv = {.cls = &gf_layer_conv2d};
    conv.at.filters = CHANNELS;
    conv.at.kh = 3, conv.at.kw = 2, conv.at.sh = 2, conv.at.sw = 1;
    conv.at.use_bias = true;
    put(&s, conv, "conv");
    return s;
}

static gf_model finish(small *s)
{
    s->m.features = s->m.output = s->at;
    OK(gf_model_finish(&s->m, &error));
    seed_model(&s->m, 3);
    return s->m;
}

static gf_model end(small *s)
{
    if (s->m.layer[s->at].shape.rank != 1) put(s, (gf_layer){.cls = &gf_layer_flatten}, "flat");
    gf_layer dense = {.cls = &gf_layer_dense};
    dense.at.units = 4;
    put(s, dense, "logits");
    return finish(s);
}

static void every_activation_comes_back_as_itself(void **state)
{
    (void)state;
    for (int act = GF_ACT_RELU; act < GF_ACTS; act++) {
        char name[32];
        small s = begin(false);
        gf_layer l = {.cls = &gf_layer_activation};
        l.at.act = (gf_act)act;
        l.at.alpha = act == GF_ACT_SQUAREPLUS ? 4 : act == GF_ACT_CELU ? 0.7f : act == GF_ACT_LEAKY_RELU ? 0.2f : 0.5f;
        put(&s, l, "act");
        gf_model m = end(&s), back = round_trip(&m);
        snprintf(name, sizeof name, "activation %d", act);
        int there = gf_model_find(&back, "act");
        if (there < 0 || back.n_layers > m.n_layers + 1) fail_msg("%s: %zu layers", name, back.n_layers);
        if (back.layer[there].at.act != l.at.act) fail_msg("%s is %d", name, (int)back.layer[there].at.act);
        same_outputs(&m, &back, name);
        gf_model_free(&m);
        gf_model_free(&back);
    }
}

/* What a convolution and a dense layer have fused in Keras. */
static void activations_of_layers_are_written(void **state)
{
    (void)state;
    small s = begin(true); /* and blue first */
    s.m.layer[s.at].at.act = GF_ACT_HARD_SILU;
    gf_layer dense = {.cls = &gf_layer_dense};
    put(&s, (gf_layer){.cls = &gf_layer_global_max_pool}, "pool");
    dense.at.units = 5;
    dense.at.act = GF_ACT_GELU;
    dense.at.no_bias = true;
    put(&s, dense, "hidden");
    gf_model m = end(&s), back = round_trip(&m);
    assert_true(back.layer[0].at.bgr);
    same_outputs(&m, &back, "fused activations");
    gf_model_free(&m);
    gf_model_free(&back);
}

static gf_layer window(const gf_layer_class *cls, int k, int stride, gf_padding padding)
{
    gf_layer l = {.cls = cls, .at = {.kh = k, .kw = k + 1, .sh = stride, .sw = 1, .padding = padding}};
    if (padding == GF_PAD_EXPLICIT) l.at.pt = 1, l.at.pl = 2, l.at.pr = 1;
    return l;
}

static void every_kind_of_layer_comes_back(void **state)
{
    (void)state;
    gf_layer rows[] = {
        window(&gf_layer_max_pool, 2, 2, GF_PAD_VALID),
        window(&gf_layer_max_pool, 3, 2, GF_PAD_SAME),
        window(&gf_layer_avg_pool, 3, 2, GF_PAD_SAME),
        window(&gf_layer_avg_pool, 3, 1, GF_PAD_EXPLICIT),
        window(&gf_layer_conv2d, 3, 2, GF_PAD_SAME),
        window(&gf_layer_conv2d, 2, 1, GF_PAD_EXPLICIT),
        window(&gf_layer_depthwise, 3, 1, GF_PAD_SAME),
        window(&gf_layer_separable, 3, 1, GF_PAD_SAME),
        {.cls = &gf_layer_batch_norm, .at = {.epsilon = 1e-3f, .momentum = 0.9f}},
        {.cls = &gf_layer_batch_norm, .at = {.epsilon = 1e-3f, .momentum = 0.9f, .no_scale = true, .no_center = true}},
        {.cls = &gf_layer_rescaling, .at = {.scale = {0.5f, 0.5f, 0.5f, 0.5f}, .offset = {1, 1, 1, 1}}},
        {.cls = &gf_layer_zero_padding, .at = {.pt = 1, .pb = 2, .pl = 0, .pr = 3}},
        {.cls = &gf_layer_global_pool, .at = {.keepdims = true}},
        {.cls = &gf_layer_global_pool},
        {.cls = &gf_layer_global_max_pool},
        {.cls = &gf_layer_flatten},
        {.cls = &gf_layer_dropout, .at = {.rate = 0.3f}},
        {.cls = &gf_layer_identity},
        {.cls = &gf_layer_layer_norm, .at = {.epsilon = 1e-3f}},
        {.cls = &gf_layer_dense, .at = {.units = 3}}, /* at each place by itself */
        {.cls = &gf_layer_dense, .at = {.units = 3, .no_bias = true, .act = GF_ACT_RELU}},
        {.cls = &gf_layer_softmax},
    };
    rows[3].at.count_padding = true;
    rows[4].at.filters = 8, rows[4].at.groups = 2;
    rows[5].at.filters = 4;
    rows[6].at.multiplier = 2, rows[6].at.use_bias = true;
    rows[7].at.multiplier = 1, rows[7].at.filters = 5;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[64];
        small s = begin(i % 2);
        put(&s, rows[i], "it");
        gf_model m = end(&s), back = round_trip(&m);
        snprintf(name, sizeof name, "row %zu, %s", i, rows[i].cls->name);
        same_outputs(&m, &back, name);
        gf_model_free(&m);
        gf_model_free(&back);
    }
}

static void merging_layers_come_back(void **state)
{
    (void)state;
    const gf_layer_class *const classes[] = {&gf_layer_add, &gf_layer_multiply, &gf_layer_concatenate};
    for (int i = 0; i < 4; i++) {
        small s = begin(false);
        int first = s.at, second;
        if (i == 3) {
            put(&s, (gf_layer){.cls = &gf_layer_global_pool, .at = {.keepdims = true}}, "gate");
        } else {
            put(&s, (gf_layer){.cls = &gf_layer_activation, .at = {.act = GF_ACT_TANH}}, "other");
        }
        second = s.at;
        gf_layer l = {.cls = classes[i % 3 + (i == 3)], .n_src = 2, .src = {first, second}, .at = {.axis = -1}};
        if (i < 3 && l.cls != &gf_layer_multiply) l.src[l.n_src++] = first; /* three of them */
        put(&s, l, "merged");
        gf_model m = end(&s), back = round_trip(&m);
        same_outputs(&m, &back, l.cls->name);
        gf_model_free(&m);
        gf_model_free(&back);
    }
}

/* Nobody has put a head on these, and nothing at their end is taken for one: it comes back with what is before it. */
static void an_end_that_only_looks_like_a_classifiers_comes_back(void **state)
{
    (void)state;
    const gf_layer softmax = {.cls = &gf_layer_softmax}, log_softmax = {.cls = &gf_layer_softmax, .at = {.log = true}};
    const gf_layer sigmoid = {.cls = &gf_layer_activation, .at = {.act = GF_ACT_SIGMOID}};
    const gf_layer squashed = {.cls = &gf_layer_dense, .at = {.act = GF_ACT_SIGMOID, .units = 3}};
    const gf_layer dense = {.cls = &gf_layer_dense, .at = {.units = 1}};
    const gf_layer rows[] = {softmax, log_softmax, sigmoid, squashed, dense};
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        char name[64];
        small s = begin(false);
        bool map = i % 2;
        if (!map) put(&s, (gf_layer){.cls = &gf_layer_global_pool}, "pool");
        put(&s, rows[i / 2], "it");
        if (map) put(&s, (gf_layer){.cls = &gf_layer_global_pool}, "pool");
        gf_model m = finish(&s), back = onnx_round_trip(&m, NULL, 0);
        snprintf(name, sizeof name, "row %zu, %s", i, rows[i / 2].cls->name);
        same_outputs(&m, &back, name);
        gf_model_free(&m);
        gf_model_free(&back);
    }
}

/* ---- the file */

static void the_file_says_what_people_need(void **state)
{
    (void)state;
    static const char *const classes[] = {"no", "yes"};
    char path[] = "/tmp/graft-test-XXXXXX";
    gf_model m;
    gf_onnx o;
    gf_zoo_options options = {.width = 32, .height = 40, .alpha = 0.35, .classes = 2, .head = {.outputs = 1}};
    OK(gf_zoo_build(&m, "mobilenet_v2", &options, &error));
    close(mkstemp(path));
    OK(gf_onnx_export(&m, classes, 2, NULL, path, &error));
    OK(gf_onnx_open(&o, path, NULL, NULL, &error));
    assert_int_equal(o.opset, 17);
    assert_int_equal(o.ir_version, 8);
    assert_string_equal(gf_onnx_metadata(&o, "classes"), "no\nyes");
    assert_non_null(strstr(gf_onnx_metadata(&o, "input"), "0..255"));
    assert_string_equal(o.input[0].name, "image");
    assert_string_equal(o.input[0].batch, "n");
    assert_true(gf_shape_equal(&o.input[0].shape, &GF_SHAPE(-1, 3, 40, 32)));
    assert_int_equal(o.n_outputs, 2);
    assert_string_equal(o.output[0].name, "logits");
    assert_string_equal(o.output[1].name, "probabilities");
    assert_true(gf_shape_equal(&o.output[1].shape, &GF_SHAPE(-1, 2)));
    gf_onnx_free(&o);
    gf_model_free(&m);
    unlink(path);
}

static void equal_models_are_equal_files(void **state)
{
    (void)state;
    small a = begin(false), b = begin(false);
    gf_model m[2] = {end(&a), end(&b)};
    uint8_t *bytes[2];
    size_t n[2];
    for (int i = 0; i < 2; i++) {
        gf_onnx o;
        OK(gf_onnx_from_model(&o, &m[i], NULL, 0, NULL, &error));
        OK(gf_onnx_pack(&o, &bytes[i], &n[i], &error));
        gf_onnx_free(&o);
        gf_model_free(&m[i]);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
    gf_free(bytes[0]);
    gf_free(bytes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(architectures_come_back_the_same),
        cmocka_unit_test(every_activation_comes_back_as_itself),
        cmocka_unit_test(activations_of_layers_are_written),
        cmocka_unit_test(every_kind_of_layer_comes_back),
        cmocka_unit_test(merging_layers_come_back),
        cmocka_unit_test(the_file_says_what_people_need),
        cmocka_unit_test(equal_models_are_equal_files),
        cmocka_unit_test(an_end_that_only_looks_like_a_classifiers_comes_back),
    };
    gf_ops_start_worker();
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    return failed;
}
