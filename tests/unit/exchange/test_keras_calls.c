/* Layers that are called several times, as Keras has them (tools/make_call_fixtures.py): outputs, five steps and more
 * of training - losses and all variables -, what is counted, and that the model stays what it is in Keras's text and in
 * graft's own. */
#include "unit/exchange/keras_train.h"
#include "json/json.h"

static gf_ops *ops;
static fixture *want;

static const struct {
    const char *name;
    float rate;
    size_t calls, further; /* all; those of layers that were called before */
    int layers;            /* each once: as Keras counts, but for the models that stand in it */
} row[] = {{"shared", 0.005f, 29, 12, 17}, {"siamese", 0.02f, 26, 10, 16}};
enum { ROWS = sizeof row / sizeof *row };

static size_t further_calls(const gf_model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_layers; i++) n += m->layer[i].again > 0;
    return n;
}

static void outputs_are_kerass(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        size_t n, found;
        gf_model m = fixture_model(row[i].name);
        const float *keras = fixture_f32(want, row[i].name, &found);
        seed_values(&m);
        float *got = outputs_of(&m, ops, &n);
        assert_int_equal(n, found);
        double off = off_by(got, keras, n);
        if (!(off <= 1e-5)) fail_msg("%s: off by %.3g", row[i].name, off);
        free(got);
        gf_model_free(&m);
    }
}

static void variables_are_kerass(const gf_model *m, const char *name)
{
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        char key[256];
        size_t n;
        snprintf(key, sizeof key, "%s/%s/%s", name, m->layer[p->layer].name, p->var);
        const float *keras = fixture_f32(want, key, &n);
        if (!keras || n != p->count) fail_msg("the fixture has no %s of %zu values", key, p->count);
        double off = off_by(m->value + p->offset, keras, n);
        if (!(off <= 1e-4)) fail_msg("%s is off by %.3g", key, off);
    }
}

static void training_is_kerass(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        for (int how = 0; how < 3; how++) {
            const whole_spec spec = {.batch = IMAGES, .reference = how == 1, .no_fusion = how == 2};
            gf_model m = train_as_keras(want, row[i].name, ops, &spec, row[i].rate, 2e-5);
            variables_are_kerass(&m, row[i].name);
            gf_model_free(&m);
        }
    }
}

static void each_layer_is_counted_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        gf_model m = fixture_model(row[i].name);
        gf_counts c = gf_model_counts(&m);
        assert_int_equal(m.n_layers, row[i].calls);
        assert_int_equal(further_calls(&m), row[i].further);
        assert_int_equal(c.layers, row[i].layers);
        size_t sum = 0, last = 0;
        for (size_t k = 0; k < m.n_params; k++) sum += m.param[k].count;
        assert_int_equal(c.total, sum);
        for (size_t k = 0; k < m.n_layers; k++) {
            const gf_layer *l = &m.layer[k];
            if (l->again) {
                assert_int_equal(l->number, m.layer[l->again - 1].number);
                assert_int_equal(l->n_params, m.layer[l->again - 1].n_params);
            } else {
                assert_int_equal(l->number, last++);
                assert_int_equal(gf_model_at(&m, l->number), k);
            }
        }
        m.boundary = c.layers; /* all are frozen, whoever calls them last */
        assert_int_equal(gf_model_counts(&m).trainable, 0);
        gf_model_free(&m);
    }
}

/* Written and read again it has the same calls, and gives the same; Keras's own text has each layer once. */
static void text_keeps_them(const char *name, bool own)
{
    gf_model m = fixture_model(name), again;
    gf_keras_config_options options = {.own = own};
    char *text;
    size_t n;
    seed_values(&m);
    m.features = m.output;
    OK(gf_keras_config_text(&text, &m, &options, &error));
    OK(gf_keras_config_parse(&again, text, strlen(text), "again", &options, &error));
    assert_int_equal(again.n_layers, m.n_layers);
    assert_int_equal(again.n_values, m.n_values);
    assert_int_equal(further_calls(&again), further_calls(&m));
    for (size_t i = 0; own && i < m.n_layers; i++) {
        assert_string_equal(again.layer[i].name, m.layer[i].name);
        assert_int_equal(again.layer[i].again, m.layer[i].again);
    }
    gf_model_copy_values(&again, &m);
    float *x = outputs_of(&m, ops, &n), *y = outputs_of(&again, ops, &n);
    assert_memory_equal(x, y, n * sizeof *x);
    free(x);
    free(y);
    gf_free(text);
    gf_model_free(&m);
    gf_model_free(&again);
}

static void texts_keep_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        text_keeps_them(row[i].name, true);
        gf_model m = fixture_model(row[i].name), plain;
        char *text;
        seed_values(&m);
        OK(gf_model_for_export(&plain, &m, &error));
        assert_int_equal(further_calls(&plain), row[i].further);
        OK(gf_keras_config_text(&text, &plain, NULL, &error));
        assert_null(strstr(text, "#2"));
        gf_free(text);
        gf_model_free(&plain);
        gf_model_free(&m);
    }
    text_keeps_them("shared", false);
}

/* An export's layers stand in the order in which Keras will have them, by which its files number weights: that of the
 * fixture, which Keras wrote. */
static void exports_are_in_kerass_order(void **state)
{
    (void)state;
    gf_model m = fixture_model("shared"), plain;
    gf_json *json;
    size_t n;
    char *text = fixture_text("shared", &n);
    OK(gf_json_parse(&json, text, n, "shared", &error));
    OK(gf_model_for_export(&plain, &m, &error));
    const gf_json *layers = gf_json_get(gf_json_get(json, "config"), "layers");
    assert_int_equal(gf_json_size(layers), gf_model_backbone_layers(&plain));
    for (size_t i = 0; i < gf_json_size(layers); i++) {
        const char *name = gf_json_str(gf_json_get(gf_json_at(layers, i), "name"), "");
        assert_string_equal(plain.layer[gf_model_at(&plain, (int)i)].name, name);
    }
    gf_json_free(json);
    free(text);
    gf_model_free(&plain);
    gf_model_free(&m);
}

/* A layer whose first call is cut off: the next one owns the parameters then, under the layer's name. */
static void a_copy_without_the_first_call(void **state)
{
    (void)state;
    gf_model m = fixture_model("shared"), part = {0};
    int at, last = gf_model_find(&m, "tower#2");
    assert_true(last > 0 && m.layer[last].again);
    seed_values(&m);
    OK(gf_model_copy_layers(&part, &m, last, NULL, &at, &error));
    assert_string_equal(part.layer[at].name, "tower");
    assert_int_equal(part.layer[at].again, 0);
    OK(gf_model_finish(&part, &error));
    gf_model_copy_values(&part, &m);
    const gf_param *p = gf_model_param(&part, at, "kernel"), *q = gf_model_param(&m, last, "kernel");
    assert_memory_equal(part.value + p->offset, m.value + q->offset, p->count * sizeof *m.value);
    gf_model_free(&part);
    gf_model_free(&m);
}

static void calls_that_cannot_be(void **state)
{
    (void)state;
    gf_model m = fixture_model("shared");
    int tower = gf_model_find(&m, "tower"), image = 0, further = gf_model_find(&m, "tower#2");
    const gf_layer bad[] = {
        {.cls = &gf_layer_relu, .name = "x", .again = tower + 1, .n_src = 1, .src = {tower}}, /* another class */
        {.cls = &gf_layer_conv2d, .name = "x", .again = further + 1, .n_src = 1, .src = {tower}},
        {.cls = &gf_layer_conv2d, .name = "x", .again = 1000, .n_src = 1, .src = {tower}},
        {.cls = &gf_layer_conv2d, .name = "x", .again = -1, .n_src = 1, .src = {tower}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_not_equal(gf_model_add(&m, &bad[i], NULL, &error), GRAFT_OK);
    }
    gf_layer other = m.layer[tower]; /* an input of other channels: the kernel does not fit */
    other.n_params = 0, other.again = tower + 1, other.src[0] = image;
    snprintf(other.name, sizeof other.name, "x");
    assert_int_not_equal(gf_model_add(&m, &other, NULL, &error), GRAFT_OK);
    assert_non_null(strstr(error.message, "tower is called again with another input"));
    gf_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_kerass),          cmocka_unit_test(training_is_kerass),
        cmocka_unit_test(each_layer_is_counted_once),  cmocka_unit_test(texts_keep_them),
        cmocka_unit_test(exports_are_in_kerass_order), cmocka_unit_test(a_copy_without_the_first_call),
        cmocka_unit_test(calls_that_cannot_be)};
    gf_ops_start_worker();
    want = fixture_open(GRAFT_FIXTURES "/exchange/call_outputs.safetensors");
    if (!want || gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    fixture_close(want);
    return failed;
}
