/* backbone_bench.h - what test_backbones.c goes over: every architecture, its fixture, the same weights and pixels as
 * its source had. */
#ifndef BACKBONE_BENCH_H
#define BACKBONE_BENCH_H

#include "base/alloc.h"
#include "base/hash.h"
#include "graph/graph.h"
#include "image/input.h"
#include "support/fixture.h"
#include "support/needs.h"
#include "support/ok.h"
#include "support/sanitized.h"
#include "support/seeded.h"
#include "train/engine.h"
#include "zoo/zoo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is proven, one after the other: every architecture there is, then other widths of some. */
typedef struct subject {
    size_t next; /* 0: begin */
    const char *fixture, *name;
    double alpha;
} subject;

/* Of a family of networks the sanitizer sees one: the others run the same code on more layers. */
static bool is_left_out(const char *name)
{
    static const char *const larger[] = {"mobilenet_v3_large",
                                         "efficientnet_b1",
                                         "efficientnet_b2",
                                         "efficientnet_b3",
                                         "resnet101_v2",
                                         "resnet152_v2",
                                         "densenet169",
                                         "densenet201",
                                         "vgg19",
                                         "resnet34",
                                         "resnet101",
                                         "vgg16_torch",
                                         "densenet121_torch",
                                         "efficientnet_lite0_timm"};
    for (size_t i = 0; SANITIZED && i < sizeof larger / sizeof *larger; i++) {
        if (!strcmp(name, larger[i])) return true;
    }
    return false;
}

static bool next_subject(subject *s)
{
    static const subject width[] = {
        {0, "mobilenet_v2_a035", "mobilenet_v2", 0.35},
        {0, "mobilenet_v2_a140", "mobilenet_v2", 1.4},
        {0, "mobilenet_v3_small_a075", "mobilenet_v3_small", 0.75},
        {0, "mobilenet_v3_large_a075", "mobilenet_v3_large", 0.75},
    };
    size_t i = s->next, n = 0;
    while (gf_zoo_at(n)) n++;
    while (i < n && is_left_out(gf_zoo_at(i)->name)) i++;
    if (i < n) {
        const char *name = gf_zoo_at(i)->name;
        *s = (subject){0, name, name, 1};
    } else if (i - n < sizeof width / sizeof *width) {
        *s = width[i - n];
    } else {
        return false;
    }
    s->next = i + 1;
    return true;
}

#define ASSERT_CLOSE(what, err, tol)                                                                         \
    do {                                                                                                     \
        double close_ = (err);                                                                               \
        if (!(close_ <= (tol))) fail_msg("%s: off by %.3g, allowed is %.3g", (what), close_, (double)(tol)); \
    } while (0)

enum { SEED = 1, CLASSES = 5, BATCH = 2, STEPS = 5 };

/* ---- a bench: a model with seeded weights, and its fixture ---------------------------------------------------- */

typedef struct bench {
    const char *name;
    fixture *f;
    gf_model model;
    int width, height;
    uint8_t *pixels; /* of samples 0.. */
    int32_t label[BATCH * STEPS];
} bench;

static gf_ops *ops;
static gf_pool *pool;

static int set_up(void **state)
{
    (void)state;
    return gf_ops_create(&ops, NULL, &error) || gf_pool_create(&pool, 1, gf_ops_start_worker, &error);
}

static int tear_down(void **state)
{
    (void)state;
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    return 0;
}

static const float *values(const bench *b, const char *name, size_t want_n)
{
    size_t n = 0;
    const float *x = fixture_f32(b->f, name, &n);
    if (!x || (want_n && n != want_n)) fail_msg("%s: %zu of %s in the fixture, wanted %zu", b->name, n, name, want_n);
    return x;
}

static int by_path(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Parameters by sorted LAYER/VAR: texts[i] is such a path, and behind it the parameter's number. */
typedef struct paths {
    char **text;
    size_t n;
} paths;

static paths sorted_paths(const gf_model *m, bool trained)
{
    paths p = {calloc(m->n_params, sizeof *p.text), 0};
    for (size_t i = 0; i < m->n_params; i++) {
        if (m->param[i].idle || (trained && !gf_model_param_trains(m, &m->param[i]))) continue;
        char *text = calloc(1, 256);
        int length = snprintf(text, 200, "%s/%s", m->layer[m->param[i].layer].name, m->param[i].var);
        memcpy(text + length + 1, &i, sizeof i);
        p.text[p.n++] = text;
    }
    qsort(p.text, p.n, sizeof *p.text, by_path);
    return p;
}

static const gf_param *param_of(const gf_model *m, const paths *p, size_t i)
{
    size_t number;
    memcpy(&number, p->text[i] + strlen(p->text[i]) + 1, sizeof number);
    return &m->param[number];
}

static void free_paths(paths *p)
{
    for (size_t i = 0; i < p->n; i++) free(p->text[i]);
    free(p->text);
}

static void set_weights(bench *b)
{
    float gain = values(b, "gain", 1)[0];
    for (size_t i = 0; i < b->model.n_params; i++) {
        const gf_param *p = &b->model.param[i];
        const gf_layer *l = &b->model.layer[p->layer];
        float *x = b->model.value + p->offset;
        size_t fan = 1;
        for (int d = 0; d < p->shape.rank - 1; d++) fan *= (size_t)p->shape.dim[d];
        bool depthwise = p->shape.rank == 4 && p->shape.dim[3] == 1;
        if (depthwise) fan = (size_t)(p->shape.dim[0] * p->shape.dim[1]);
        seeded_values(l->name, p->var, SEED, fan, x, p->count);
        bool scaled = strstr(p->var, "kernel") && strcmp(l->name, "head");
        for (size_t k = 0; scaled && k < p->count; k++) x[k] *= gain;
    }
}

static fixture *open_fixture(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/zoo/%s.safetensors", GRAFT_FIXTURES, name);
    fixture *f = fixture_open(path);
    if (!f) fail_msg("%s is not there", path);
    return f;
}

/* `options` without sizes, which are the fixture's first or second. */
static void open_bench(bench *b, const subject *s, int size, gf_zoo_options options)
{
    *b = (bench){.name = s->fixture, .f = open_fixture(s->fixture)};
    const float *sizes = values(b, "sizes", 4);
    options.height = b->height = (int)sizes[2 * size];
    options.width = b->width = (int)sizes[2 * size + 1];
    options.alpha = s->alpha;
    OK(gf_zoo_build(&b->model, s->name, &options, &error));
    set_weights(b);
}

static void close_bench(bench *b)
{
    gf_model_free(&b->model);
    fixture_close(b->f);
    free(b->pixels);
}

static size_t image_values(const bench *b) { return (size_t)(b->width * b->height * 3); }

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    (void)err;
    float *values = q->scratch;
    const bench *b = ctx;
    size_t n = image_values(b);
    for (size_t i = 0; i < n; i++) values[i] = b->pixels[q->sample * n + i];
    gf_input_put_f32(&in[0], values, dst[0]);
    if (target) *(gf_class_target *)target = gf_target_of((uint32_t)b->label[q->sample]);
    return GRAFT_OK;
}

/* |x - want| over |want|, L2. NaN stays NaN. */
static double distance(const float *x, const float *want, size_t n)
{
    double d = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)x[i] - want[i]) * ((double)x[i] - want[i]);
        w += (double)want[i] * want[i];
    }
    return sqrt(d) / sqrt(w);
}

/* Distance of the logits of the two images `pixels` from the fixture's. */
static double logits_off(bench *b, const char *want, gf_dtype dtype)
{
    size_t count = image_values(b) * BATCH;
    b->pixels = malloc(count);
    seeded_pixels("pixels", SEED, b->pixels, count);
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = dtype;
    gf_engine *e;
    OK(gf_engine_create(&e, &b->model, ops, pool, &spec, &error));
    assert_int_equal(gf_engine_outputs(e), CLASSES);
    float got[BATCH * CLASSES];
    uint32_t samples[BATCH] = {0, 1};
    OK(gf_engine_forward(e, &(gf_feed){image, b}, NULL, samples, BATCH, got, NULL, &error));
    gf_engine_destroy(e);
    return distance(got, values(b, want, BATCH * CLASSES), BATCH * CLASSES);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

#endif
