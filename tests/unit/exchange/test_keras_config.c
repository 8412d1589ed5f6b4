/* Keras's configurations: models give what Keras computes, every architecture comes back from its own text, what other
 * tools are told is the same function. Refusals stand in test_keras_refused.c. */
#include "unit/exchange/keras_models.h"

#include "base/threads.h"
#include "ops/engine.h"
#include "zoo/zoo.h"

static gf_ops *ops;

/* ---- against Keras */

static void small_models_compute_as_keras(void **state)
{
    (void)state;
    fixture *want = fixture_open(GRAFT_FIXTURES "/exchange/keras_outputs.safetensors");
    assert_non_null(want);
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        gf_model m = fixture_model(small_models[i]);
        seed_values(&m);
        size_t n, n_want;
        float *got = outputs_of(&m, ops, &n);
        const float *keras = fixture_f32(want, small_models[i], &n_want);
        assert_non_null(keras);
        if (n != n_want) fail_msg("%s: %zu outputs, Keras gives %zu", small_models[i], n, n_want);
        double off = off_by(got, keras, n);
        if (!(off <= 1e-4)) fail_msg("%s: off by %.3g", small_models[i], off);
        free(got);
        gf_model_free(&m);
    }
    fixture_close(want);
}

static void published_models_have_keras_counts(void **state)
{
    (void)state;
    static const struct {
        const char *name, *last;
        size_t params, layers;
    } model[] = {
        {"mobilenet_v3_small", "predictions", 2554968, 182}, /* 164 layers and 18 operations */
        {"efficientnet_b0", "predictions_softmax", 5330571, 241},
    };
    for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
        gf_model m;
        size_t n;
        char *text = fixture_text(model[i].name, &n);
        OK(gf_keras_config_parse(&m, text, n, model[i].name, NULL, &error));
        free(text);
        assert_int_equal(m.n_values, model[i].params);
        assert_int_equal(m.n_layers, model[i].layers);
        assert_string_equal(m.layer[m.output].name, model[i].last);
        assert_int_equal(gf_count(&m.layer[m.output].shape), 1000);
        assert_int_equal(m.classes, 0);
        assert_int_equal(gf_model_backbone_layers(&m), m.n_layers);
        gf_model_free(&m);
    }
}

/* EfficientNet's drop-connect is Keras's Dropout with a noise_shape. */
static void dropout_says_what_it_drops(void **state)
{
    (void)state;
    gf_model m = fixture_model("efficientnet_b0");
    int whole = 0, values = 0;
    for (size_t i = 0; i < m.n_layers; i++) {
        const gf_layer *l = &m.layer[i];
        if (l->cls != &gf_layer_dropout) continue;
        whole += l->at.dropped == GF_DROP_SAMPLES && strstr(l->name, "_drop") != NULL;
        values += l->at.dropped == GF_DROP_VALUES && !strcmp(l->name, "top_dropout");
    }
    assert_int_equal(whole, 9);
    assert_int_equal(values, 1);
    gf_model_free(&m);
}

static void open_sizes_are_the_callers(void **state)
{
    (void)state;
    size_t n;
    gf_model m;
    char *text = fixture_text("mobilenet_v3_small", &n);
    OK(gf_keras_config_parse(&m, text, n, "f", &(gf_keras_config_options){.width = 96, .height = 160}, &error));
    assert_true(gf_shape_equal(&m.layer[0].shape, &GF_SHAPE(160, 96, 3)));
    gf_model_free(&m);
    OK(gf_keras_config_parse(&m, text, n, "f", NULL, &error));
    assert_true(gf_shape_equal(&m.layer[0].shape, &GF_SHAPE(224, 224, 3)));
    gf_model_free(&m);
    free(text);
}

static void names_that_clash_get_the_inner_models(void **state)
{
    (void)state;
    gf_model m = fixture_model("nested");
    static const char *const names[] = {"picture", "rescaling", "stem", "inner/stem", "re_lu", "tail_conv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (gf_model_find(&m, names[i]) < 0) fail_msg("no layer %s", names[i]);
    }
    assert_int_equal(gf_model_find(&m, "inner_picture"), -1);
    assert_int_equal(m.layer[gf_model_find(&m, "inner/stem")].shape.dim[2], 6);
    gf_model_free(&m);
}

/* ---- there and back */

static void differs(const char *layer, const char *field, bool same)
{
    if (!same) fail_msg("layer %s: %s is not the same", layer, field);
}
#define SAME(field) differs(a->name, #field, a->field == b->field)

static void same_attributes(const gf_layer *a, const gf_layer *b)
{
    SAME(at.filters), SAME(at.kh), SAME(at.kw), SAME(at.sh), SAME(at.sw), SAME(at.groups), SAME(at.multiplier);
    SAME(at.padding), SAME(at.pt), SAME(at.pb), SAME(at.pl), SAME(at.pr), SAME(at.count_padding), SAME(at.use_bias);
    SAME(at.no_bias), SAME(at.no_scale), SAME(at.no_center), SAME(at.act), SAME(at.alpha), SAME(at.epsilon);
    SAME(at.momentum), SAME(at.units), SAME(at.rate), SAME(at.dropped), SAME(at.keepdims), SAME(at.norm_groups),
        SAME(at.factor_h);
    SAME(at.factor_w), SAME(at.bilinear), SAME(at.log), SAME(at.axis), SAME(at.bgr), SAME(at.op);
    SAME(at.sequence), SAME(at.dh), SAME(at.dw), SAME(at.heads), SAME(at.key_dim), SAME(at.value_dim), SAME(at.causal),
        SAME(at.fixed);
    for (int i = 0; i < GF_MAX_RANK; i++) SAME(at.permute[i]);
    if (!gf_shape_equal(&a->at.target, &b->at.target)) fail_msg("layer %s: another target", a->name);
    int channels = a->shape.rank == 3 && a->shape.dim[2] <= 4 ? (int)a->shape.dim[2] : 1;
    for (int i = 0; i < channels; i++) SAME(at.scale[i]), SAME(at.offset[i]);
}

static void same_model(const gf_model *a, const gf_model *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->n_layers, b->n_layers);
    assert_int_equal(a->n_params, b->n_params);
    assert_int_equal(a->features, b->features);
    assert_int_equal(a->output, b->output);
    assert_int_equal(a->classes, b->classes);
    assert_int_equal(a->n_values, b->n_values);
    assert_int_equal(a->n_trainable_values, b->n_trainable_values);
    for (size_t i = 0; i < a->n_layers; i++) {
        const gf_layer *p = &a->layer[i], *q = &b->layer[i];
        assert_string_equal(p->name, q->name);
        if (p->cls != q->cls) fail_msg("%s: %s is %s", p->name, p->cls->name, q->cls->name);
        if (!gf_shape_equal(&p->shape, &q->shape) || p->backbone != q->backbone) fail_msg("%s", p->name);
        assert_int_equal(p->n_src, q->n_src);
        for (int k = 0; k < p->n_src; k++) assert_int_equal(p->src[k], q->src[k]);
        same_attributes(p, q);
    }
    for (size_t i = 0; i < a->n_params; i++) {
        assert_string_equal(a->param[i].var, b->param[i].var);
        assert_true(gf_shape_equal(&a->param[i].shape, &b->param[i].shape));
        assert_int_equal(a->param[i].offset, b->param[i].offset);
    }
}

static void there_and_back(const gf_model *m)
{
    char *text, *again;
    gf_model back;
    gf_keras_config_options own = {.own = true};
    OK(gf_keras_config_text(&text, m, &own, &error));
    OK(gf_keras_config_parse(&back, text, strlen(text), m->name, &own, &error));
    same_model(m, &back);
    OK(gf_keras_config_text(&again, &back, &own, &error));
    assert_string_equal(text, again);
    gf_free(text);
    gf_free(again);
    gf_model_free(&back);
}

static void own_text_gives_every_architecture_back(void **state)
{
    (void)state;
    size_t n = 0;
    for (; gf_zoo_at(n); n++) {
        const gf_architecture *a = gf_zoo_at(n);
        const gf_zoo_options options[] = {
            {.width = a->size,
             .height = a->size + 32,
             .classes = 5,
             .dropout = 0.15f,
             .head = {.item = {{&gf_layer_dense, 24, GF_ACT_RELU, 0, 0}}, .n_items = 1}},
            {.width = a->size, .height = a->size, .classes = 2, .head = {.outputs = 1}, .preprocess = "torch"},
            {.width = a->size, .height = a->size, .classes = 7, .head = {.keep_last = true}},
        };
        for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
            gf_model m;
            enum { LARGE = 50 << 20 };
            if (options[k].head.keep_last && a->params_top > LARGE) continue; /* VGG16: half a gigabyte for this */
            OK(gf_zoo_build(&m, a->name, &options[k], &error));
            there_and_back(&m);
            gf_model_free(&m);
        }
    }
    assert_true(n > 5);
}

static void own_text_gives_every_fixture_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        gf_model m = fixture_model(small_models[i]);
        m.layer[0].at.scale[1] = 0.1f; /* floats come back bit for bit */
        m.layer[0].at.offset[0] = -1.0f / 3;
        m.layer[0].at.bgr = true;
        there_and_back(&m);
        gf_model_free(&m);
    }
}

/* ---- for other tools */

static void softmax(float *x, size_t n)
{
    double sum = 0, most = x[0];
    for (size_t i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++) sum += exp((double)x[i] - most);
    for (size_t i = 0; i < n; i++) x[i] = (float)(exp((double)x[i] - most) / sum);
}

/* The exported model's text, read as another tool would, with its values: the same function, probabilities at its end.
 */
static void exported_is_the_same(const gf_model *m, int classes)
{
    gf_model plain, read;
    char *text;
    OK(gf_model_for_export(&plain, m, &error));
    OK(gf_keras_config_text(&text, &plain, NULL, &error));
    OK(gf_keras_config_parse(&read, text, strlen(text), m->name, NULL, &error));
    assert_int_equal(read.n_values, plain.n_values);
    gf_model_copy_values(&read, &plain);
    size_t n, n_plain;
    float *want = outputs_of(m, ops, &n), *got = outputs_of(&read, ops, &n_plain);
    assert_int_equal(n, n_plain);
    for (size_t i = 0; i < n && classes == 2; i++) want[i] = 1 / (1 + expf(-want[i]));
    for (int i = 0; i < IMAGES && classes > 2; i++) softmax(want + i * classes, (size_t)classes);
    double off = off_by(got, want, n);
    if (!(off <= 1e-5)) fail_msg("%s: off by %.3g", m->name, off);
    if (classes) assert_string_equal(read.layer[read.output].name, "probabilities");
    free(want);
    free(got);
    gf_free(text);
    gf_model_free(&plain);
    gf_model_free(&read);
}

static void exports_are_the_same_function(void **state)
{
    (void)state;
    static const struct {
        const char *name, *preprocess;
        int classes;
    } model[] = {{"mobilenet_v2", NULL, 2},       {"mobilenet_v2", "caffe", 3},
                 {"mobilenet_v3_small", NULL, 5}, {"resnet18", NULL, 4},
                 {"resnet50_keras", NULL, 0},     {"efficientnet_lite0", NULL, 2},
                 {"mobilenet_v2_torch", NULL, 3}, {"efficientnet_lite0_timm", "unit", 0}};
    for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
        gf_model m;
        gf_zoo_options o = {.width = 64,
                            .height = 96,
                            .classes = model[i].classes,
                            .head = {.outputs = model[i].classes == 2},
                            .preprocess = model[i].preprocess,
                            .dropout = 0.2f};
        OK(gf_zoo_build(&m, model[i].name, &o, &error));
        seed_values(&m);
        exported_is_the_same(&m, model[i].classes);
        gf_model_free(&m);
    }
    for (size_t i = 0; i < SMALL_MODELS; i++) {
        gf_model m = fixture_model(small_models[i]);
        seed_values(&m);
        exported_is_the_same(&m, 0);
        gf_model_free(&m);
    }
}

/* A pool over values of both signs that pads with the lowest number cannot pad with zeros. */
static void what_cannot_be_said_exactly_is_refused(void **state)
{
    (void)state;
    for (int average = 0; average < 2; average++) {
        gf_model m = {.name = "pool"}, out;
        gf_layer l = {.cls = &gf_layer_input, .name = "picture", .shape = GF_SHAPE(8, 8, 3), .backbone = true};
        OK(gf_model_add(&m, &l, NULL, &error));
        l = (gf_layer){.cls = average ? &gf_layer_avg_pool : &gf_layer_max_pool, .name = "pool", .n_src = 1};
        l.at.kh = l.at.kw = 3;
        l.at.padding = GF_PAD_EXPLICIT;
        l.at.pt = l.at.pl = 1;
        OK(gf_model_add(&m, &l, &m.output, &error));
        m.features = m.output;
        OK(gf_model_finish(&m, &error));
        assert_int_not_equal(gf_model_for_export(&out, &m, &error), GRAFT_OK);
        assert_int_equal(error.number, GF_E_MODEL_EXPORT);
        assert_non_null(strstr(error.message, "layer pool"));
        char *text;
        assert_int_not_equal(gf_keras_config_text(&text, &m, NULL, &error), GRAFT_OK);
        assert_null(text);
        there_and_back(&m);
        gf_model_free(&m);
    }
}

/* An operation by its name: graft's own text keeps it, another tool has no such layer. Of two sources, and in twos. */
static void an_operation_keeps_its_name(void **state)
{
    (void)state;
    gf_model m = {.name = "gated"};
    gf_layer l = {.cls = &gf_layer_input, .name = "image", .shape = GF_SHAPE(4, 6, 2), .backbone = true};
    l.at.scale[0] = l.at.scale[1] = 1;
    OK(gf_model_add(&m, &l, NULL, &error));
    l = (gf_layer){.cls = &gf_layer_operation, .name = "sum", .n_src = 2};
    l.at.op = gf_op_find("add");
    OK(gf_model_add(&m, &l, NULL, &error));
    l = (gf_layer){.cls = &gf_layer_operation, .name = "gate", .n_src = 1, .src = {1}};
    l.at.op = gf_op_find("glu");
    OK(gf_model_add(&m, &l, &m.output, &error));
    m.features = m.output;
    OK(gf_model_finish(&m, &error));
    assert_ptr_equal(l.at.op, &gf_op_glu);
    assert_true(gf_shape_equal(&m.layer[m.output].shape, &GF_SHAPE(4, 6, 1)));
    there_and_back(&m);
    char *text;
    assert_int_not_equal(gf_keras_config_text(&text, &m, NULL, &error), GRAFT_OK);
    assert_int_equal(error.number, GF_E_MODEL_EXPORT);
    assert_non_null(strstr(error.message, "Keras has no such layer"));
    l = (gf_layer){.cls = &gf_layer_operation, .name = "conv", .n_src = 1, .src = {1}};
    l.at.op = gf_op_find("conv"); /* it has arguments */
    assert_int_not_equal(gf_model_add(&m, &l, NULL, &error), GRAFT_OK);
    assert_null(gf_op_find("no_operation"));
    l.at.op = gf_op_find("multiply"); /* of two sources */
    assert_int_not_equal(gf_model_add(&m, &l, NULL, &error), GRAFT_OK);
    assert_int_equal(error.number, GF_E_MODEL_SHAPE);
    gf_model_free(&m);
}

static int start(void **state)
{
    (void)state;
    gf_ops_start_worker();
    return gf_ops_create(&ops, NULL, &error) == GRAFT_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    gf_ops_destroy(ops);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_models_compute_as_keras),
        cmocka_unit_test(published_models_have_keras_counts),
        cmocka_unit_test(dropout_says_what_it_drops),
        cmocka_unit_test(open_sizes_are_the_callers),
        cmocka_unit_test(names_that_clash_get_the_inner_models),
        cmocka_unit_test(own_text_gives_every_architecture_back),
        cmocka_unit_test(own_text_gives_every_fixture_back),
        cmocka_unit_test(exports_are_the_same_function),
        cmocka_unit_test(what_cannot_be_said_exactly_is_refused),
        cmocka_unit_test(an_operation_keeps_its_name),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
