/* Networks with several inputs - an image, numbers, integers - and several outputs, some computed from others: what
 * comes out, gradients of all of it, training, and files (tools/make_call_fixtures.py, make_onnx_call_fixtures.py). */
#include "exchange/onnx.h"
#include "ops/engine.h"
#include "support/fixture.h"
#include "unit/exchange/keras_models.h"
#include "unit/exchange/onnx_round_trip.h"
#include "unit/graph/whole.h"

static gf_ops *ops;

enum { BATCH = 2, STEPS = 5 };

typedef struct bench {
    fixture *f;
    gf_model m;
    whole w; /* whose plan and workspace are of the whole graph */
    float *diff[GF_MAX_ENDS];
} bench;

static const float *number(const bench *b, const char *kind, int i, size_t want)
{
    char key[32];
    size_t n;
    snprintf(key, sizeof key, "%s%d", kind, i);
    const float *x = fixture_f32(b->f, key, &n);
    if (!x || n != want) fail_msg("the fixture has no %s of %zu values", key, want);
    return x;
}

static size_t count(const bench *b, int value) { return BATCH * gf_count(&b->w.g.value[value].shape); }

static fixture *numbers(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/exchange/%s.safetensors", GRAFT_FIXTURES, name);
    fixture *f = fixture_open(path);
    assert_non_null(f);
    return f;
}

/* Takes the model. */
static void bench_new(bench *b, gf_model m, const char *fixture_name, whole_spec spec)
{
    *b = (bench){.f = numbers(fixture_name), .m = m};
    b->m.boundary = 0;
    whole_new(&b->w, &b->m, ops, spec);
    for (int i = 0; i < b->w.g.n_outputs; i++) b->diff[i] = calloc(count(b, b->w.g.outputs[i]), sizeof(float));
}

static void bench_free(bench *b)
{
    for (int i = 0; i < b->w.g.n_outputs; i++) free(b->diff[i]);
    whole_free(&b->w);
    gf_model_free(&b->m);
    fixture_close(b->f);
}

static void forward(bench *b)
{
    const gf_graph *g = &b->w.g;
    for (int i = 0; i < g->n_inputs; i++) {
        const gf_input_layout *in = gf_plan_input(b->w.plan, (size_t)i);
        size_t n = count(b, g->inputs[i]);
        const float *x = number(b, "in", i, n);
        void *to = gf_workspace_input(b->w.ws, (size_t)i);
        assert_int_equal(gf_input_bytes(in) * BATCH, n * sizeof *x);
        for (size_t k = 0; k < n; k++) {
            if (in->dtype == GF_S32) {
                ((int32_t *)to)[k] = (int32_t)x[k];
            } else {
                ((float *)to)[k] = x[k];
            }
        }
    }
    OK(gf_workspace_forward(b->w.ws, &b->w.step, &error));
}

static const float *output(const bench *b, int i) { return gf_workspace_value(b->w.ws, b->w.g.outputs[i]); }

static void backward(bench *b)
{
    for (int i = 0; i < b->w.g.n_outputs; i++) {
        const int v = b->w.g.outputs[i];
        memcpy(gf_workspace_diff(b->w.ws, v), b->diff[i], count(b, v) * sizeof(float));
    }
    memset(b->w.grad, 0xFF, b->w.trainable * sizeof(float));
    OK(gf_workspace_backward(b->w.ws, &b->w.step, &error));
    for (size_t i = 0; i < gf_plan_nodes(b->w.plan); i++) {
        if (!gf_plan_node_trains(b->w.plan, i)) continue;
        OK(gf_plan_finish_grad(b->w.plan, i, b->w.block, b->w.scratch, b->w.grad, b->w.trainable_offset, &error));
    }
}

static gf_model keras_model(void)
{
    gf_model m = fixture_model("ends");
    seed_values(&m);
    return m;
}

static gf_model onnx_model(void)
{
    gf_model m;
    OK(gf_onnx_import(&m, GRAFT_FIXTURES "/exchange/ends.onnx", &(gf_import_options){0}, &error));
    return m;
}

static const struct {
    const char *fixture;
    gf_model (*make)(void);
    int inputs, outputs;
} row[] = {{"ends", keras_model, 3, 3}, {"ends_onnx", onnx_model, 2, 2}};
enum { ROWS = sizeof row / sizeof *row };

static const whole_spec ways[] = {
    {.batch = BATCH}, {.batch = BATCH, .reference = true}, {.batch = BATCH, .no_fusion = true}};
enum { WAYS = sizeof ways / sizeof *ways };

static void check_outputs(const bench *b, const char *what, double allowed)
{
    forward((bench *)b);
    for (int i = 0; i < b->w.g.n_outputs; i++) {
        size_t n = count(b, b->w.g.outputs[i]);
        ASSERT_CLOSE(what, distance(output(b, i), number(b, "out", i, n), n), allowed);
    }
}

static void outputs_are_theirs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t way = 0; way < WAYS; way++) {
            bench b;
            bench_new(&b, row[i].make(), row[i].fixture, ways[way]);
            assert_int_equal(b.w.g.n_inputs, row[i].inputs);
            assert_int_equal(gf_plan_inputs(b.w.plan), row[i].inputs);
            assert_int_equal(b.w.g.n_outputs, row[i].outputs);
            check_outputs(&b, row[i].fixture, 1e-5);
            bench_free(&b);
        }
    }
}

static double objective(bench *b)
{
    double sum = 0;
    whole_prepare(&b->w);
    forward(b);
    for (int i = 0; i < b->w.g.n_outputs; i++) {
        for (size_t k = 0; k < count(b, b->w.g.outputs[i]); k++) sum += (double)b->diff[i][k] * (double)output(b, i)[k];
    }
    return sum;
}

/* A few values of each parameter against central differences. */
static void check_gradients(bench *b)
{
    static const float step = 0x1p-7f;
    for (size_t i = 0; i < b->m.n_params; i++) {
        const gf_param *p = &b->m.param[i];
        const float *grad = b->w.grad + (p->offset - b->w.trainable_offset);
        const char *layer = b->m.layer[p->layer].name;
        double largest = 0;
        for (size_t k = 0; k < p->count; k++) largest = fmax(largest, fabs((double)grad[k]));
        assert_true(largest > 1e-3);
        for (size_t k = 0; k < 4 && k < p->count; k++) {
            size_t at = (size_t)(seeded_word(layer, 1, k) % p->count);
            float *x = &b->m.value[p->offset + at], here = *x;
            *x = here + step;
            double above = objective(b);
            *x = here - step;
            double want = (above - objective(b)) / (2 * (double)step), off = fabs(want - (double)grad[at]);
            *x = here;
            if (!(off <= 3e-3 * largest + 1e-4)) {
                fail_msg("%s/%s[%zu]: %.6g, by differences %.6g", layer, p->var, at, (double)grad[at], want);
            }
        }
    }
}

static void gradients_of_all_outputs_add(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t way = 0; way < WAYS; way++) {
            bench b;
            bench_new(&b, row[i].make(), row[i].fixture, ways[way]);
            for (int k = 0; k < b.w.g.n_outputs; k++) {
                for (size_t v = 0; v < count(&b, b.w.g.outputs[k]); v++) {
                    b.diff[k][v] = (float)((int)(seeded_word("diff", (uint64_t)k, v) >> 60) - 7) / 4;
                }
            }
            forward(&b);
            backward(&b);
            check_gradients(&b);
            bench_free(&b);
        }
    }
}

/* The squares of all outputs' differences from 0.5, each output's mean, added. */
static double loss(bench *b)
{
    double sum = 0;
    for (int i = 0; i < b->w.g.n_outputs; i++) {
        size_t n = count(b, b->w.g.outputs[i]);
        for (size_t k = 0; k < n; k++) {
            double d = (double)output(b, i)[k] - 0.5;
            sum += d * d / (double)n;
            b->diff[i][k] = (float)(2 * d / (double)n);
        }
    }
    return sum;
}

static void training_is_kerass(void **state)
{
    (void)state;
    bench b;
    size_t n;
    bench_new(&b, keras_model(), "ends", ways[0]);
    const float *losses = fixture_f32(b.f, "losses", &n), rate = 0.01f;
    assert_int_equal(n, STEPS);
    for (int step = 0; step < STEPS; step++) {
        whole_prepare(&b.w);
        forward(&b);
        double off = fabs(loss(&b) / (double)losses[step] - 1);
        if (!(off <= 1e-5)) fail_msg("step %d: the loss is off by %.3g", step, off);
        backward(&b);
        for (size_t i = 0; i < b.w.trainable; i++) b.m.value[b.w.trainable_offset + i] -= rate * b.w.grad[i];
    }
    for (size_t i = 0; i < b.m.n_params; i++) {
        const gf_param *p = &b.m.param[i];
        char key[256];
        snprintf(key, sizeof key, "%s/%s", b.m.layer[p->layer].name, p->var);
        const float *want = fixture_f32(b.f, key, &n);
        if (!want || n != p->count) fail_msg("the fixture has no %s", key);
        ASSERT_CLOSE(key, distance(b.m.value + p->offset, want, n), 1e-5);
    }
    bench_free(&b);
}

/* Through ONNX, and through Keras's text and graft's own. */
static void files_keep_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        gf_model m = row[i].make();
        bench b;
        bench_new(&b, onnx_round_trip(&m, NULL, 0), row[i].fixture, ways[0]);
        check_outputs(&b, "ONNX", 1e-5);
        bench_free(&b);
        for (int own = 0; own < 2; own++) {
            gf_keras_config_options options = {.own = own};
            gf_model plain = {0}, back;
            char *text;
            if (!own) OK(gf_model_for_export(&plain, &m, &error));
            const gf_model *from = own ? &m : &plain;
            OK(gf_keras_config_text(&text, from, &options, &error));
            OK(gf_keras_config_parse(&back, text, strlen(text), "again", &options, &error));
            assert_int_equal(back.n_values, from->n_values);
            gf_model_copy_values(&back, from);
            bench_new(&b, back, row[i].fixture, ways[0]);
            check_outputs(&b, own ? "own text" : "Keras's text", 1e-5);
            bench_free(&b);
            gf_free(text);
            gf_model_free(&plain);
        }
        gf_model_free(&m);
    }
}

/* Outputs of named layers beside the last one, in a forward plan. */
static void taps_are_what_the_layers_give(void **state)
{
    (void)state;
    gf_model m = fixture_model("cnn");
    seed_values(&m);
    int taps[2], n = 0, last = -1;
    for (int i = 1; i < (int)m.n_layers && n < 2; i++) { /* convolutions that something would be fused behind */
        if (m.layer[i].cls == &gf_layer_conv2d) taps[n++] = i;
    }
    for (int i = 0; i < (int)m.n_layers; i++) last = m.layer[i].cls == &gf_layer_global_pool ? i : last;
    assert_true(n == 2 && last > taps[1]);
    gf_graph g;
    gf_plan *plan;
    gf_workspace *ws;
    OK(gf_graph_create(&g, &m, &(gf_lower_options){.output_layer = last, .n_taps = 2, .taps = taps}, &error));
    assert_int_equal(g.n_outputs, 3);
    OK(gf_plan_create(&plan, &g, ops, &(gf_plan_spec){.last = g.n_nodes, .micro_batch = IMAGES}, &error));
    float *scratch = gf_alloc_tensor(gf_plan_fold_count(plan) * sizeof *scratch + 64);
    for (size_t i = 0; i < gf_plan_nodes(plan); i++) OK(gf_plan_prepare(plan, i, scratch, &error));
    OK(gf_workspace_create(&ws, plan, NULL, &error));
    size_t image = IMAGES * gf_count(&g.value[g.input].shape);
    uint8_t *pixels = malloc(image);
    assert_non_null(pixels);
    seeded_pixels("pixels", 1, pixels, image);
    for (size_t i = 0; i < image; i++) ((float *)gf_workspace_input(ws, 0))[i] = pixels[i];
    const uint32_t sample[IMAGES] = {0, 1};
    OK(gf_workspace_forward(ws, &(gf_exec_context){.sample = sample}, &error));
    const int layer[3] = {last, taps[0], taps[1]};
    for (int i = 0; i < 3; i++) {
        m.output = m.features = layer[i];
        size_t count;
        float *want = outputs_of(&m, ops, &count);
        assert_int_equal(count, IMAGES * gf_count(&g.value[g.outputs[i]].shape));
        ASSERT_CLOSE(m.layer[layer[i]].name, distance(gf_workspace_value(ws, g.outputs[i]), want, count), 1e-6);
        free(want);
    }
    int behind = (int)m.n_layers - 1;
    gf_graph none;
    assert_int_not_equal(
        gf_graph_create(&none, &m, &(gf_lower_options){.output_layer = taps[0], .n_taps = 1, .taps = &behind}, &error),
        GRAFT_OK);
    free(pixels);
    gf_free(scratch);
    gf_workspace_destroy(ws);
    gf_plan_destroy(plan);
    gf_graph_free(&g);
    gf_model_free(&m);
}

/* Integers are for what makes numbers of them. */
static void integers_are_no_quantities(void **state)
{
    (void)state;
    gf_model m = {0};
    gf_layer in = {.cls = &gf_layer_input, .name = "ids", .shape = GF_SHAPE(4), .at = {.dtype = GF_S32}};
    gf_layer dense = {.cls = &gf_layer_dense, .name = "dense", .n_src = 1, .at = {.units = 3}};
    gf_graph g;
    OK(gf_model_add(&m, &in, NULL, &error));
    OK(gf_model_add(&m, &dense, &m.output, &error));
    OK(gf_model_finish(&m, &error));
    assert_int_not_equal(gf_graph_create(&g, &m, &(gf_lower_options){.output_layer = -1}, &error), GRAFT_OK);
    assert_non_null(strstr(error.message, "layer dense computes with an input of integers"));
    gf_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(outputs_are_theirs),
                                       cmocka_unit_test(gradients_of_all_outputs_add),
                                       cmocka_unit_test(training_is_kerass),
                                       cmocka_unit_test(files_keep_them),
                                       cmocka_unit_test(taps_are_what_the_layers_give),
                                       cmocka_unit_test(integers_are_no_quantities)};
    gf_ops_start_worker();
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    return failed;
}
