/* A model file that is whole and well-formed but not what it says (row C27): kernels with red and blue exchanged,
 * inputs and outputs turned round, other preprocessing, another format. Its self-test or its facts tell. */
#include "image/input.h"
#include "support/seeded.h"
#include "support/tiny_data.h"

#include "train/engine.h"
#include "train/model_file.h"
#include "zoo/zoo.h"

#include <graft/graft.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 32 };

static char root[64], good[96], image[160];
static graft_context *context;

/* Labels the image with the model in `path`. */
static graft_status predict(const char *path, graft_error *err)
{
    graft_model *m = NULL;
    graft_result *r = NULL;
    const char *paths[] = {image};
    graft_status status = graft_run_open(context, path, &m, err);
    if (!status) status = graft_predict(m, paths, 1, 1, &r, err);
    graft_result_free(r);
    graft_model_free(m);
    return status;
}

typedef void (*damage_fn)(gf_model *m, gf_model_facts *f);

static float *kernel_of(gf_model *m, const char *layer, const gf_param **p)
{
    *p = gf_model_param(m, gf_model_find(m, layer), "kernel");
    assert_non_null(*p);
    return m->value + (*p)->offset;
}

static void nothing(gf_model *m, gf_model_facts *f) { (void)m, (void)f; }

static void red_for_blue(gf_model *m, gf_model_facts *f)
{
    (void)f;
    const gf_param *p;
    float *k = kernel_of(m, "Conv1", &p);
    size_t oc = (size_t)p->shape.dim[3];
    for (size_t tap = 0; tap < 9; tap++) {
        for (size_t o = 0; o < oc; o++) {
            float *red = k + tap * 3 * oc + o, *blue = red + 2 * oc, t = *red;
            *red = *blue;
            *blue = t;
        }
    }
}

/* As if a file in another framework's layout had been taken for HWIO: the right size, the wrong order. */
static void inputs_for_outputs(gf_model *m, gf_model_facts *f)
{
    (void)f;
    const gf_param *p;
    float *k = kernel_of(m, "Conv_1", &p);
    size_t ic = (size_t)p->shape.dim[2], oc = (size_t)p->shape.dim[3];
    float *transposed = malloc(p->count * sizeof *transposed);
    for (size_t i = 0; i < ic; i++) {
        for (size_t o = 0; o < oc; o++) transposed[o * ic + i] = k[i * oc + o];
    }
    memcpy(k, transposed, p->count * sizeof *transposed);
    free(transposed);
}

static void other_scale(gf_model *m, gf_model_facts *f)
{
    (void)f;
    for (int c = 0; c < 3; c++) m->layer[0].at.scale[c] = 1 / 255.0f;
}

static void other_result(gf_model *m, gf_model_facts *f)
{
    (void)m;
    f->self_test[0] += 0.5f;
}

static void expect(const char *what, damage_fn damage, graft_status want)
{
    char path[160];
    gf_model m;
    gf_model_facts f;
    graft_error err = {0};
    assert_int_equal(gf_model_file_read(&m, &f, good, &err), GRAFT_OK);
    assert_true(f.n_self_test > 0);
    damage(&m, &f);
    snprintf(path, sizeof path, "%s/changed.safetensors", root);
    assert_int_equal(gf_model_file_write(path, &m, &f, &err), GRAFT_OK);
    gf_model_free(&m);
    gf_model_facts_free(&f);
    graft_status status = predict(path, &err);
    if (status != want) fail_msg("%s: status %d (%s), wanted %d", what, (int)status, err.message, (int)want);
    if (want == GRAFT_WEIGHTS) assert_int_equal(err.number, GF_E_NOT_A_MODEL);
}

static void a_model_written_anew_is_taken(void **state)
{
    (void)state;
    expect("nothing", nothing, GRAFT_OK);
}

static void a_model_that_is_not_what_it_says_is_refused(void **state)
{
    (void)state;
    expect("red for blue", red_for_blue, GRAFT_WEIGHTS);
    expect("inputs for outputs", inputs_for_outputs, GRAFT_WEIGHTS);
    expect("other scale", other_scale, GRAFT_WEIGHTS);
    expect("other result", other_result, GRAFT_WEIGHTS);
}

/* The graph alone asks for no memory: a file without the values is refused before there is a block for them. */
static void a_graph_larger_than_its_file_is_refused(void **state)
{
    (void)state;
    char path[160];
    gf_safetensors st;
    gf_model m;
    gf_model_facts f;
    graft_error err = {0};
    assert_int_equal(gf_safetensors_open(&st, good, NULL, &err), GRAFT_OK);
    const gf_meta meta[] = {{"graft.model", gf_safetensors_meta(&st, "graft.model")},
                            {"graft.graph", gf_safetensors_meta(&st, "graft.graph")}};
    snprintf(path, sizeof path, "%s/changed.safetensors", root);
    assert_int_equal(gf_safetensors_write(path, NULL, 0, meta, 2, &err), GRAFT_OK);
    gf_safetensors_close(&st);
    assert_int_equal(gf_model_file_read(&m, &f, path, &err), GRAFT_WEIGHTS);
    if (err.number != GF_E_KERAS_LIMIT) fail_msg("E%d %s", err.number, err.message);
    assert_null(m.value);
}

static graft_status self_image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[],
                               void *target, graft_error *err)
{
    (void)ctx, (void)err, (void)target;
    float *values = q->scratch;
    gf_self_test_image(values, SIZE, SIZE);
    gf_input_put_f32(&in[0], values, dst[0]);
    return GRAFT_OK;
}

/* What a run does at its end: the logits of the self-test's image, in f32. */
static graft_status self_test(gf_model *m, float *logit, graft_error *err)
{
    gf_ops *ops = NULL;
    gf_pool *pool = NULL;
    gf_engine *e = NULL;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    graft_status status = gf_ops_create(&ops, NULL, err);
    if (!status) status = gf_pool_create(&pool, 1, gf_ops_start_worker, err);
    if (!status) status = gf_engine_create(&e, m, ops, pool, &spec, err);
    if (!status) status = gf_engine_forward(e, &(gf_feed){self_image, NULL}, NULL, &(uint32_t){0}, 1, logit, NULL, err);
    gf_engine_destroy(e);
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    return status;
}

/* A network whose activations are alive (random initial values let them fade), saved as a run saves it. */
static graft_status write_good(graft_error *err)
{
    gf_model m;
    gf_zoo_options o = {.width = SIZE, .height = SIZE, .alpha = 0.35, .classes = 2, .head = {.outputs = 1}};
    gf_model_facts f = {.architecture = "mobilenet_v2", .alpha = 0.35, .width = SIZE, .height = SIZE, .n_self_test = 1};
    graft_status status = gf_zoo_build(&m, "mobilenet_v2", &o, err);
    if (status) return status;
    for (size_t i = 0; i < m.n_params; i++) {
        const gf_param *p = &m.param[i];
        size_t fan = 1;
        for (int d = 0; d < p->shape.rank - 1; d++) fan *= (size_t)p->shape.dim[d];
        if (m.layer[p->layer].cls == &gf_layer_depthwise) fan = 9;
        seeded_values(m.layer[p->layer].name, p->var, 1, fan, m.value + p->offset, p->count);
    }
    status = self_test(&m, f.self_test, err);
    if (!status) status = gf_names_add(&f.classes, "blue", err);
    if (!status) status = gf_names_add(&f.classes, "red", err);
    if (!status) status = gf_model_file_write(good, &m, &f, err);
    gf_model_facts_free(&f);
    gf_model_free(&m);
    return status;
}

static int set_up(void **state)
{
    (void)state;
    char data[96];
    graft_error err = {0};
    graft_context_options options;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(good, sizeof good, "%s/model.safetensors", root);
    tiny_data_make(data, 1, 1);
    snprintf(image, sizeof image, "%s/train/red/0.bmp", data);
    if (write_good(&err)) fail_msg("%s", err.message);
    graft_context_defaults(&options);
    options.threads = 1;
    return graft_context_open(&options, &context, &err);
}

static int tear_down(void **state)
{
    (void)state;
    graft_context_free(context);
    tiny_data_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_written_anew_is_taken),
        cmocka_unit_test(a_model_that_is_not_what_it_says_is_refused),
        cmocka_unit_test(a_graph_larger_than_its_file_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
