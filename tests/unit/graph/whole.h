/* whole.h - a whole model as one plan with one workspace: outputs and gradients of one micro-batch, for tests. */
#ifndef TESTS_GRAPH_WHOLE_H
#define TESTS_GRAPH_WHOLE_H

#include "base/alloc.h"
#include "graph/plan.h"
#include "support/ok.h"
#include "support/seeded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_BATCH = 16 };

typedef struct whole_spec {
    int batch;
    gf_dtype dtype;
    bool reference, no_fusion;
} whole_spec;

typedef struct whole {
    whole_spec spec;
    gf_graph g;
    gf_plan *plan;
    gf_workspace *ws;
    float *block, *scratch;
    float *grad; /* of the model's values from `origin` on */
    size_t trainable_offset, trainable, outputs, image;
    uint32_t sample[MOST_BATCH];
    gf_exec_context step;
} whole;

/* Values of every parameter, of a trained network's sizes. */
static inline void seed_model(gf_model *m, uint64_t seed)
{
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        const gf_layer *l = &m->layer[p->layer];
        size_t fan = 1;
        for (int d = 0; d < p->shape.rank - 1; d++) fan *= (size_t)p->shape.dim[d];
        if (l->cls == &gf_layer_depthwise) fan = (size_t)(p->shape.dim[0] * p->shape.dim[1]);
        seeded_values(l->name, p->var, seed, fan, m->value + p->offset, p->count);
    }
}

static inline void whole_prepare(whole *w)
{
    for (size_t i = 0; i < gf_plan_nodes(w->plan); i++) OK(gf_plan_prepare(w->plan, i, w->scratch, &error));
}

static inline void whole_new(whole *w, const gf_model *m, gf_ops *ops, whole_spec spec)
{
    memset(w, 0, sizeof *w);
    w->spec = spec;
    gf_lower_options lower = {.no_fusion = spec.no_fusion, .reference = spec.reference, .output_layer = -1};
    OK(gf_graph_create(&w->g, m, &lower, &error));
    gf_plan_spec plan = {
        .first = 0, .last = w->g.n_nodes, .micro_batch = spec.batch, .dtype = spec.dtype, .backward = true};
    OK(gf_plan_create(&w->plan, &w->g, ops, &plan, &error));
    w->block = gf_alloc_tensor(gf_plan_grad_count(w->plan) * sizeof(float));
    w->scratch = gf_alloc_tensor(gf_plan_fold_count(w->plan) * sizeof(float));
    OK(gf_workspace_create(&w->ws, w->plan, w->block, &error));
    w->trainable_offset = gf_model_first_trainable(m);
    w->trainable = m->n_trainable_values - w->trainable_offset;
    w->grad = gf_alloc_tensor(w->trainable * sizeof(float));
    w->outputs = gf_count(&w->g.value[w->g.output].shape);
    w->image = gf_count(&w->g.value[w->g.input].shape);
    for (uint32_t i = 0; i < MOST_BATCH; i++) w->sample[i] = i;
    w->step = (gf_exec_context){.training = true, .seed = 3, .epoch = 1, .sample = w->sample};
    whole_prepare(w);
}

static inline void whole_free(whole *w)
{
    gf_workspace_destroy(w->ws);
    gf_plan_destroy(w->plan);
    gf_graph_free(&w->g);
    gf_free(w->block);
    gf_free(w->scratch);
    gf_free(w->grad);
}

/* images: batch x image floats, 0..255; out: batch x outputs. */
static inline void whole_forward(whole *w, const float *images, float *out)
{
    size_t n = (size_t)w->spec.batch;
    memcpy(gf_workspace_value(w->ws, w->g.input), images, n * w->image * sizeof(float));
    OK(gf_workspace_forward(w->ws, &w->step, &error));
    memcpy(out, gf_workspace_value(w->ws, w->g.output), n * w->outputs * sizeof(float));
}

/* After whole_forward: w->grad gets the gradient of sum(diff * out). What is not set stays NaN. */
static inline void whole_backward(whole *w, const float *diff)
{
    memcpy(gf_workspace_diff(w->ws, w->g.output), diff, (size_t)w->spec.batch * w->outputs * sizeof(float));
    memset(w->block, 0xFF, gf_plan_grad_count(w->plan) * sizeof(float));
    memset(w->grad, 0xFF, w->trainable * sizeof(float));
    OK(gf_workspace_backward(w->ws, &w->step, &error));
    for (size_t i = 0; i < gf_plan_nodes(w->plan); i++) {
        if (!gf_plan_node_trains(w->plan, i)) continue;
        OK(gf_plan_finish_grad(w->plan, i, w->block, w->scratch, w->grad, w->trainable_offset, &error));
    }
}

static inline float *seeded_images(size_t n)
{
    float *x = calloc(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (float)(seeded_word("picture", 5, i) >> 56);
    return x;
}

/* |got - want| over |want|, L2; NaN stays NaN. */
static inline double distance(const float *got, const float *want, size_t n)
{
    double d = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)got[i] - (double)want[i]) * ((double)got[i] - (double)want[i]);
        w += (double)want[i] * (double)want[i];
    }
    return w > 0 ? sqrt(d / w) : sqrt(d);
}

#define ASSERT_CLOSE(what, err, tol)                                                                         \
    do {                                                                                                     \
        double close_ = (err);                                                                               \
        if (!(close_ <= (tol))) fail_msg("%s: off by %.3g, allowed is %.3g", (what), close_, (double)(tol)); \
    } while (0)

#endif
