/* Weight files asked for by a model: PyTorch's other names of its layers, and dense rows behind a flattened map. */
#include "base/alloc.h"
#include "exchange/load_weights.h"
#include "formats/safetensors.h"
#include "train/model_file.h"
#include "zoo/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { H = 2, W = 3, C = 4, OUT = 5, LAST = 2 };

/* The end of a small VGG. */
static void build(gf_model *m)
{
    graft_error err = {0};
    *m = (gf_model){0};
    snprintf(m->name, sizeof m->name, "vgg16_torch");
    gf_layer input = {.cls = &gf_layer_input, .name = "input_layer", .shape = GF_SHAPE(H, W, C), .backbone = true};
    gf_builder b = {.m = m, .err = &err};
    b.status = gf_model_add(m, &input, &b.at, &err);
    gf_flatten(&b, "flatten");
    gf_dropout(&b, 0.5f, "classifier.2");
    gf_dense(&b, OUT, GF_ACT_RELU, "classifier.0");
    gf_dense(&b, LAST, GF_ACT_LINEAR, "classifier.6");
    if (b.status == GRAFT_OK) b.status = gf_model_finish(m, &err);
    if (b.status != GRAFT_OK) fail_msg("%s", err.message);
}

static const float *values(const gf_model *m, const char *layer, const char *var)
{
    const gf_param *p = gf_model_param(m, gf_model_find(m, layer), var);
    assert_non_null(p);
    return m->value + p->offset;
}

static void check(const gf_model *m)
{
    const float *kernel = values(m, "classifier.0", "kernel"), *last = values(m, "classifier.6", "kernel");
    for (int h = 0; h < H; h++) {
        for (int w = 0; w < W; w++) {
            for (int c = 0; c < C; c++) {
                for (int o = 0; o < OUT; o++) {
                    float is = kernel[((h * W + w) * C + c) * OUT + o];
                    assert_true(is == (float)(((o * C + c) * H + h) * W + w));
                }
            }
        }
    }
    for (int i = 0; i < OUT * LAST; i++) assert_true(last[i] == (float)(i % LAST * OUT + i / LAST));
    for (int i = 0; i < OUT; i++) assert_true(values(m, "classifier.0", "bias")[i] == (float)i);
}

static void load(const char *first, const gf_shape *first_shape, const char *last, const gf_shape *last_shape)
{
    static float counted[H * W * C * OUT];
    char path[64], name[4][64];
    graft_error err = {0};
    gf_model m;
    for (int i = 0; i < H * W * C * OUT; i++) counted[i] = (float)i;
    snprintf(name[0], sizeof *name, "%s.weight", first);
    snprintf(name[1], sizeof *name, "%s.bias", first);
    snprintf(name[2], sizeof *name, "%s.weight", last);
    snprintf(name[3], sizeof *name, "%s.bias", last);
    const gf_tensor tensor[] = {{name[0], GF_F32, *first_shape, counted},
                                {name[1], GF_F32, GF_SHAPE(OUT), counted},
                                {name[2], GF_F32, *last_shape, counted},
                                {name[3], GF_F32, GF_SHAPE(LAST), counted}};
    snprintf(path, sizeof path, "/tmp/graft-test-load-%d", (int)getpid());
    assert_int_equal(gf_safetensors_write(path, tensor, 4, NULL, 0, NULL), GRAFT_OK);
    build(&m);
    graft_status status = gf_model_load_weights(&m, path, true, false, NULL, &err);
    unlink(path);
    if (status != GRAFT_OK) fail_msg("%s", err.message);
    check(&m);
    gf_model_free(&m);
}

static void torchvisions_classifier_is_transposed(void **state)
{
    (void)state;
    load("classifier.0", &GF_SHAPE(OUT, C * H * W), "classifier.6", &GF_SHAPE(LAST, OUT));
}

/* timm keeps the first layers as convolutions over the whole map, under names of its own. */
static void timms_classifier_is_the_same(void **state)
{
    (void)state;
    load("pre_logits.fc1", &GF_SHAPE(OUT, C, H, W), "head.fc", &GF_SHAPE(LAST, OUT, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torchvisions_classifier_is_transposed),
        cmocka_unit_test(timms_classifier_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
