/* A detector's training against PyTorch (tools/make_detector_fixtures.py): five steps of a small network with the neck
 * and the heads of `pan`, all of it trained, from the same weights, pixels and objects: each step's loss, and the first
 * step's gradient of each parameter. */
#include "base/alloc.h"
#include "boxes/target.h"
#include "formats/safetensors.h"
#include "graph/head.h"
#include "image/input.h"
#include "support/ok.h"
#include "support/seeded.h"
#include "tasks/detector.h"
#include "train/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 3, SIDE = 96, CLASSES = 2, BATCH = 4, STEPS = 5, OBJECTS = 3 };
static const double rate = 0.0005;

/* ---- the network */

static int put(gf_model *m, gf_layer l, int src, const char *stem, int k)
{
    int at;
    l.n_src = l.n_src ? l.n_src : 1;
    l.src[0] = src;
    l.backbone = true;
    snprintf(l.name, sizeof l.name, "%s_%d", stem, k);
    OK(gf_model_add(m, &l, &at, &error));
    return at;
}

static gf_layer convolution(int filters, int stride, gf_act act)
{
    gf_layer l = {.cls = &gf_layer_conv2d};
    l.at.filters = filters;
    l.at.kh = l.at.kw = 3;
    l.at.sh = l.at.sw = stride;
    l.at.padding = GF_PAD_SAME;
    l.at.use_bias = true;
    l.at.act = act;
    return l;
}

/* A stage for each stride from 2 to 32: halved, then widened and narrowed beside a residual. */
static gf_model network(void)
{
    gf_model m = {.name = "small"};
    gf_layer input = {.cls = &gf_layer_input, .name = "image", .shape = GF_SHAPE(SIDE, SIDE, 3), .backbone = true};
    int last;
    for (int c = 0; c < 3; c++) {
        input.at.scale[c] = 1 / 127.5f;
        input.at.offset[c] = -1;
    }
    OK(gf_model_add(&m, &input, &last, &error));
    for (int k = 1; k <= 5; k++) {
        int narrow = put(&m, convolution(4 * k + 4, 2, GF_ACT_RELU), last, "down", k);
        int wide = put(&m, convolution(24 * k, 1, GF_ACT_RELU), narrow, "wide", k);
        int back = put(&m, convolution(4 * k + 4, 1, GF_ACT_LINEAR), wide, "narrow", k);
        gf_layer sum = {.cls = &gf_layer_add, .n_src = 2};
        sum.src[1] = back;
        last = put(&m, sum, narrow, "add", k);
    }
    const gf_detector_class *pan;
    OK(gf_detector_parse(&pan, "pan", &error));
    const gf_head_spec head = {.add = pan->add_head};
    OK(gf_head_add(&m, last, &head, CLASSES, 0, &error));
    OK(gf_model_finish(&m, &error));
    return m;
}

static void set_values(gf_model *m)
{
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        const gf_layer *l = &m->layer[p->layer];
        size_t fan = (size_t)(p->shape.dim[0] * p->shape.dim[1]);
        if (l->cls != &gf_layer_depthwise) fan *= (size_t)p->shape.dim[2];
        seeded_values(l->name, p->var, SEED, fan, m->value + p->offset, p->count);
    }
}

/* ---- samples */

typedef struct sample {
    uint8_t pixels[SIDE * SIDE * 3];
    gf_object object[OBJECTS];
    uint32_t objects;
} sample;

static void make_sample(sample *s, int number)
{
    char name[32];
    uint64_t z[16];
    snprintf(name, sizeof name, "pixels%d", number);
    seeded_pixels(name, SEED, s->pixels, sizeof s->pixels);
    snprintf(name, sizeof name, "objects%d", number);
    for (size_t i = 0; i < 16; i++) z[i] = seeded_word(name, SEED, i) >> 32;
    s->objects = 1 + (uint32_t)(z[15] % OBJECTS);
    for (size_t i = 0; i < s->objects; i++) {
        const uint64_t *d = z + 5 * i;
        double x = (double)(d[0] % 60), y = (double)(d[1] % 60);
        s->object[i] = (gf_object){
            {x, y, x + 10 + (double)(d[2] % 26), y + 10 + (double)(d[3] % 26)}, (int32_t)(d[4] % CLASSES), false};
    }
}

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    (void)err;
    const sample *s = (const sample *)ctx + q->sample;
    for (size_t i = 0; i < sizeof s->pixels; i++) q->scratch[i] = s->pixels[i];
    gf_input_put_f32(&in[0], q->scratch, dst[0]);
    if (target)
        *(gf_boxes_target *)target = (gf_boxes_target){.object = s->object,
                                                       .objects = s->objects,
                                                       .sample = q->sample,
                                                       .image = {0, 0, SIDE, SIDE},
                                                       .m = {1, 0, 0, 0, 1, 0},
                                                       .width = SIDE,
                                                       .height = SIDE};
    return GRAFT_OK;
}

/* ---- against PyTorch */

static void take(const gf_safetensors *f, const char *name, size_t n, float *to)
{
    const gf_safetensors_tensor *t = gf_safetensors_find(f, name);
    if (!t) fail_msg("the fixture has no %s", name);
    assert_int_equal(gf_count(&t->shape), n);
    OK(gf_safetensors_f32(f, t, NULL, to, &error));
}

/* Of each parameter's gradient: its norm, and its product with a direction of its own. */
static void check_gradients(const gf_model *m, const gf_engine *e, const gf_safetensors *f)
{
    size_t first = gf_model_first_trainable(m), compared = 0;
    double worst = 0;
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        const float *g = gf_engine_grads(e) + (p->offset - first);
        char name[160], along[160];
        float want[2];
        double square = 0, product = 0, length = 0;
        snprintf(name, sizeof name, "grad/%s/%s", m->layer[p->layer].name, p->var);
        snprintf(along, sizeof along, "along/%s/%s", m->layer[p->layer].name, p->var);
        take(f, name, 2, want);
        for (size_t k = 0; k < p->count; k++) {
            double d = (double)(seeded_word(along, SEED, k) >> 40) * 0x1p-24 - 0.5;
            square += (double)g[k] * (double)g[k];
            product += (double)g[k] * d;
            length += d * d;
        }
        double off = fmax(fabs(sqrt(square) - want[0]), fabs(product - want[1]) / sqrt(length)) / want[0];
        if (!(off <= 1e-3)) fail_msg("%s: off by %.2e of its norm", name, off);
        worst = fmax(worst, off);
        compared++;
    }
    print_message("gradients of %zu parameters: off by %.1e of their norm at most\n", compared, worst);
    assert_true(compared > 70);
}

static void five_steps_are_pytorch_s(void **state)
{
    (void)state;
    gf_safetensors f;
    gf_ops *ops;
    gf_pool *pool;
    gf_engine *e;
    gf_optimizer sgd;
    float loss[STEPS];
    OK(gf_safetensors_open(&f, GRAFT_FIXTURES "/boxes/detector.safetensors", NULL, &error));
    take(&f, "losses", STEPS, loss);
    gf_model m = network();
    set_values(&m);
    gf_task task = gf_task_of_model(&m, "detect");
    task.cls->begin_head(&m);
    m.boundary = 0;
    sample *all = calloc(BATCH * STEPS, sizeof *all);
    assert_non_null(all);
    for (int i = 0; i < BATCH * STEPS; i++) make_sample(&all[i], i);
    OK(gf_ops_create(&ops, NULL, &error));
    OK(gf_pool_create(&pool, 2, gf_ops_start_worker, &error));
    OK(gf_optimizer_parse(&sgd, "sgd:momentum=0.9", &error));
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.train = true;
    spec.batch = BATCH;
    spec.trainable_micro = 2; /* two of them: the sum of scores is over both */
    spec.task = &task;
    spec.target_bytes = sizeof(gf_boxes_target);
    OK(gf_engine_create(&e, &m, ops, pool, &spec, &error));
    float *slots = gf_alloc_tensor((size_t)gf_optimizer_slots(&sgd) * gf_engine_trainable(e) * sizeof *slots);
    assert_non_null(slots);
    const gf_feed feed = {fill, all};
    for (uint32_t s = 0; s < STEPS; s++) {
        const uint32_t number[BATCH] = {s * BATCH, s * BATCH + 1, s * BATCH + 2, s * BATCH + 3};
        const gf_batch batch = {.number = s, .n = BATCH, .sample = number};
        gf_step_result r;
        OK(gf_engine_gradient(e, &feed, NULL, &batch, NULL, &r, &error));
        print_message("step %u: loss %.6f, PyTorch %.6f\n", s, r.loss, (double)loss[s]);
        if (!(fabs(r.loss - (double)loss[s]) <= 5e-4))
            fail_msg("step %u: loss %.6f, PyTorch %.6f", s, r.loss, (double)loss[s]);
        if (s == 0) check_gradients(&m, e, &f);
        OK(gf_engine_apply(e, &sgd, rate, s, slots, &error));
    }
    gf_free(slots);
    gf_engine_destroy(e);
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    free(all);
    gf_model_free(&m);
    gf_safetensors_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(five_steps_are_pytorch_s)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
