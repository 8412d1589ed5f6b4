/* A head of a list of layers, with batch normalization, an activation of its own and a penalty on its kernels: five
 * steps are Keras's (tools/make_head_fixtures.py), in losses, every variable and what it says at rest. */
#include "base/threads.h"
#include "graph/head.h"
#include "support/fixture.h"
#include "support/ok.h"
#include "train/config.h"
#include "train/run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FEATURES = 5, CLASSES = 3, SAMPLES = 16, STEPS = 5 };
static const double rate = 0.1;

static fixture *want;
static gf_ops *ops;
static gf_pool *pool;

static const float *wanted(const char *prefix, const char *name, size_t n)
{
    char key[256];
    size_t found = 0;
    snprintf(key, sizeof key, "%s%s", prefix, name);
    const float *x = fixture_f32(want, key, &found);
    if (!x || found != n) fail_msg("the fixture has no %s of %zu values", key, n);
    return x;
}

static graft_status features(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[],
                             void *target, graft_error *err)
{
    (void)ctx, (void)in, (void)err;
    memcpy(dst[0], wanted("", "features", SAMPLES * FEATURES) + q->sample * FEATURES, FEATURES * sizeof(float));
    if (target) *(gf_class_target *)target = gf_target_of(q->sample % CLASSES);
    return GRAFT_OK;
}

static void model_of(gf_model *m, const gf_head_spec *spec, double dropout)
{
    gf_layer in = {.cls = &gf_layer_input,
                   .name = "in",
                   .shape = GF_SHAPE(1, FEATURES, 1),
                   .backbone = true,
                   .at = {.scale = {1, 1, 1, 1}}},
             flat = {.cls = &gf_layer_flatten, .name = "flat", .n_src = 1, .backbone = true};
    int at;
    *m = (gf_model){.name = "list"};
    OK(gf_model_add(m, &in, &at, &error));
    flat.src[0] = at;
    OK(gf_model_add(m, &flat, &at, &error));
    OK(gf_head_add(m, at, spec, CLASSES, (float)dropout, &error));
    OK(gf_model_finish(m, &error));
    m->boundary = (int)gf_model_backbone_layers(m);
}

static char *name_of(const gf_model *m, const gf_param *p, char name[160])
{
    snprintf(name, 160, "%s/%s", m->layer[p->layer].name, p->var);
    return name;
}

static void compare(const gf_model *m, double allowed)
{
    double most = 0;
    for (size_t i = 0; i < m->n_params; i++) {
        char name[160];
        const gf_param *p = &m->param[i];
        const float *x = wanted("after/", name_of(m, p, name), p->count);
        for (size_t k = 0; k < p->count; k++) {
            double off = fabs((double)m->value[p->offset + k] - (double)x[k]);
            most = off > most ? off : most;
            if (!(off <= allowed)) fail_msg("%s: %g is off by %g", name, x[k], off);
        }
    }
    printf("[          ] variables are off by %.2g at most\n", most);
}

static void five_steps_are_kerass(void **state)
{
    (void)state;
    gf_model m;
    gf_engine *e;
    gf_optimizer o;
    gf_feed feed = {features, NULL};
    gf_run_config config = {.head = (char *)"mlp:bn,10=tanh,bn,relu,6,dropout=0,l2=0.03", .batch = SAMPLES};
    const gf_head_spec head = gf_config_head(&config);
    uint32_t sample[SAMPLES];
    float logits[SAMPLES * CLASSES];
    assert_int_equal(head.n_items, 6);
    model_of(&m, &head, 0.9);
    for (size_t i = 0; i < m.n_params; i++) {
        char name[160];
        const gf_param *p = &m.param[i];
        memcpy(m.value + p->offset, wanted("before/", name_of(&m, p, name), p->count), p->count * sizeof(float));
    }
    for (uint32_t i = 0; i < SAMPLES; i++) sample[i] = i;
    gf_engine_spec spec = gf_run_engine_spec(&config, &(gf_phase){.boundary = m.boundary});
    OK(gf_engine_create(&e, &m, ops, pool, &spec, &error));
    OK(gf_optimizer_parse(&o, "sgd", &error));
    for (int s = 0; s < STEPS; s++) {
        gf_step_result r;
        gf_batch batch = {.number = (uint64_t)s, .n = SAMPLES, .sample = sample};
        OK(gf_engine_gradient(e, &feed, NULL, &batch, NULL, &r, &error));
        OK(gf_engine_apply(e, &o, rate, s, NULL, &error));
        double off = fabs(r.loss - (double)wanted("", "losses", STEPS)[s]);
        if (!(off < 2e-6)) fail_msg("step %d: the loss %.9g is off by %g", s, r.loss, off);
    }
    compare(&m, 5e-6);
    OK(gf_engine_reload(e, &error));
    OK(gf_engine_forward(e, &feed, NULL, sample, SAMPLES, logits, NULL, &error));
    const float *rest = wanted("", "logits", SAMPLES * CLASSES);
    for (int i = 0; i < SAMPLES * CLASSES; i++) assert_true(fabs((double)logits[i] - (double)rest[i]) < 1e-5);
    gf_engine_destroy(e);
    gf_model_free(&m);
}

static void lists_are_their_layers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *layers;
    } good[] = {{"linear", "dropout head"},
                {"mlp:8", "hidden dropout head"},
                {"mlp:8,0.3", "hidden dropout head"},
                {"mlp:bn", "batch_normalization dropout head"},
                {"mlp:bn,256=linear,bn,relu,dropout=0.45,l2=0.016",
                 "batch_normalization hidden batch_normalization_1 activation dropout head"},
                {"mlp:64,dropout=0.5,32=tanh,dropout=0.25", "hidden dropout hidden_1 dropout_1 head"}};
    static const char *const bad[] = {"mlp",       "mlp:",          "mlp:0",          "mlp:8,",        "mlp:8=blue",
                                      "mlp:bn=2",  "mlp:dropout=1", "mlp:l2=-1",      "mlp:l2=1e3",    "mlp:8 ",
                                      "mlp:0.3.1", "replace-last:", "replace-lastly", "mlp:9999999999"};
    gf_head_spec spec;
    double dropout;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        gf_model m;
        char layers[256] = "";
        OK(gf_head_parse(good[i].text, &spec, &dropout, &error));
        model_of(&m, &spec, 0.2);
        for (size_t k = 2; k < m.n_layers; k++) {
            strcat(layers, k > 2 ? " " : "");
            strcat(layers, m.layer[k].name);
        }
        assert_string_equal(layers, good[i].layers);
        gf_model_free(&m);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (gf_head_parse(bad[i], &spec, &dropout, &error) == GRAFT_OK) fail_msg("%s is taken", bad[i]);
        assert_int_equal(error.number, GF_E_OPTION_VALUE);
    }
}

static int open_all(void **state)
{
    (void)state;
    want = fixture_open(GRAFT_FIXTURES "/head_list.safetensors");
    return want && gf_ops_create(&ops, NULL, NULL) == GRAFT_OK &&
                   gf_pool_create(&pool, 2, gf_ops_start_worker, NULL) == GRAFT_OK
               ? 0
               : -1;
}

static int close_all(void **state)
{
    (void)state;
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    fixture_close(want);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_their_layers),
        cmocka_unit_test(five_steps_are_kerass),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
