/* Heat maps are those of Keras's published recipe for Grad-CAM (tools/make_explain_fixtures.py), for every kind of
 * head; one logit speaks against its first class; networks that have no such map are refused by the layer in the way.
 */
#include "support/fixture.h"
#include "support/ok.h"
#include "train/explain.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { H = 4, W = 5, C = 6, CLASSES = 3 };

static fixture *want;

static const float *wanted(const char *kind, const char *name, size_t n)
{
    char key[160];
    size_t found = 0;
    snprintf(key, sizeof key, "%s/%s", kind, name);
    const float *x = fixture_f32(want, key, &found);
    if (!x || found != n) fail_msg("the fixture has no %s of %zu values", key, n);
    return x;
}

static void model_of(gf_model *m, const char *kind, const gf_layer *layer, size_t n)
{
    gf_layer in = {.cls = &gf_layer_input, .name = "map", .shape = GF_SHAPE(H, W, C), .backbone = true};
    int at;
    *m = (gf_model){.name = "explained", .classes = CLASSES};
    OK(gf_model_add(m, &in, &at, &error));
    for (size_t i = 0; i < n; i++) {
        gf_layer l = layer[i];
        l.n_src = 1;
        l.src[0] = at;
        OK(gf_model_add(m, &l, &at, &error));
    }
    m->output = at;
    OK(gf_model_finish(m, &error));
    for (size_t i = 0; kind && i < m->n_params; i++) {
        char name[128];
        const gf_param *p = &m->param[i];
        snprintf(name, sizeof name, "%s/%s", m->layer[p->layer].name, p->var);
        memcpy(m->value + p->offset, wanted(kind, name, p->count), p->count * sizeof(float));
    }
}

static gf_layer dense(const char *name, int units, gf_act act)
{
    gf_layer l = {.cls = &gf_layer_dense, .at = {.units = units, .act = act}};
    snprintf(l.name, sizeof l.name, "%s", name);
    return l;
}

static void check(const char *kind, const gf_layer *layer, size_t n)
{
    gf_model m;
    gf_explain x;
    float heat[H * W];
    double most = 0;
    model_of(&m, kind, layer, n);
    OK(gf_explain_open(&x, &m, &error));
    assert_int_equal(x.map, 0);
    const float *map = wanted(kind, "map", H * W * C), *keras = wanted(kind, "heat", CLASSES * H * W);
    for (size_t k = 0; k < CLASSES; k++) {
        gf_explain_heat(&x, map, k, false, heat);
        for (size_t i = 0; i < H * W; i++) most = fmax(most, fabs((double)heat[i] - (double)keras[k * H * W + i]));
    }
    printf("[          ] %s: off by %.2g of the maximum at most\n", kind, most);
    assert_true(most < 1e-5);
    gf_explain_close(&x);
    gf_model_free(&m);
}

static void heat_is_kerass(void **state)
{
    (void)state;
    gf_layer pool = {.cls = &gf_layer_global_pool, .name = "pool"},
             norm = {.cls = &gf_layer_batch_norm, .name = "norm", .at = {.epsilon = 1e-3f}},
             drop = {.cls = &gf_layer_dropout, .name = "dropout", .at = {.rate = 0.5f}},
             bend = {.cls = &gf_layer_activation, .name = "act", .at = {.act = GF_ACT_ELU, .alpha = 1}},
             flat = {.cls = &gf_layer_flatten, .name = "flatten"},
             greatest = {.cls = &gf_layer_global_max_pool, .name = "pool"};
    gf_layer head = dense("head", CLASSES, GF_ACT_LINEAR);
    check("pooled", (gf_layer[]){pool, head}, 2);
    check("hidden", (gf_layer[]){pool, norm, dense("hidden", 9, GF_ACT_GELU), drop, bend, head}, 6);
    check("flat", (gf_layer[]){flat, dense("hidden", 8, GF_ACT_RELU), head}, 3);
    check("most", (gf_layer[]){greatest, dense("hidden", 7, GF_ACT_TANH), head}, 3);
}

static void against_is_the_other_side(void **state)
{
    (void)state;
    gf_model m;
    gf_explain x;
    float map[H * W * C] = {0}, heat[H * W];
    gf_layer pool = {.cls = &gf_layer_global_pool, .name = "pool"}, head = dense("head", 1, GF_ACT_LINEAR);
    model_of(&m, NULL, (gf_layer[]){pool, head}, 2);
    const gf_param *kernel = gf_model_param(&m, m.output, "kernel");
    m.value[kernel->offset] = 1;
    m.value[kernel->offset + 1] = -1;
    map[3 * C] = 2;     /* place 3 is for it */
    map[7 * C + 1] = 5; /* place 7 against */
    OK(gf_explain_open(&x, &m, &error));
    gf_explain_heat(&x, map, 0, false, heat);
    for (int i = 0; i < H * W; i++) assert_true(heat[i] == (i == 3 ? 1 : 0));
    gf_explain_heat(&x, map, 0, true, heat);
    for (int i = 0; i < H * W; i++) assert_true(heat[i] == (i == 7 ? 1 : 0));
    memset(map, 0, sizeof map);
    gf_explain_heat(&x, map, 0, false, heat);
    for (int i = 0; i < H * W; i++) assert_true(heat[i] == 0);
    gf_explain_close(&x);
    gf_model_free(&m);
}

static void what_stands_in_the_way_is_named(void **state)
{
    (void)state;
    gf_model m;
    gf_explain x;
    gf_layer pool = {.cls = &gf_layer_global_pool, .name = "pool"}, soft = {.cls = &gf_layer_softmax, .name = "soft"};
    model_of(&m, NULL, (gf_layer[]){pool, soft}, 2);
    assert_int_equal(gf_explain_open(&x, &m, &error), GRAFT_USAGE);
    assert_int_equal(error.number, GF_E_OPTION_VALUE);
    assert_non_null(strstr(error.message, "layer soft (Softmax)"));
    gf_model_free(&m);
}

static int open_fixture(void **state)
{
    (void)state;
    want = fixture_open(GRAFT_FIXTURES "/explain.safetensors");
    return want ? 0 : -1;
}

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(want);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heat_is_kerass),
        cmocka_unit_test(against_is_the_other_side),
        cmocka_unit_test(what_stands_in_the_way_is_named),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
