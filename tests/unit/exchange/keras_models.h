/* keras_models.h - the models of tests/fixtures/exchange/ and what is done with them, for tests. */
#ifndef TESTS_EXCHANGE_KERAS_MODELS_H
#define TESTS_EXCHANGE_KERAS_MODELS_H

#include "base/alloc.h"
#include "exchange/keras_config.h"
#include "graph/plan.h"
#include "support/fixture.h"
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

enum { IMAGES = 2 };

static const char *const small_models[] = {
    "cnn",        "sequential",        "windows", "branches", "activations", "gates",          "scaled",
    "nested",     "sequential_nested", "dilated", "steps",    "vit",         "old_functional", "old_sequential",
    "old_nested", "old_attention",
};
enum { SMALL_MODELS = sizeof small_models / sizeof *small_models };

/* The text of NAME.json or NAME.json.gz; free it. */
static inline char *fixture_text(const char *name, size_t *n)
{
    char command[512];
    enum { MOST = 1 << 20 };
    snprintf(command, sizeof command,
             "cd '%s/exchange' && if [ -f %s.json ]; then cat %s.json; else gunzip -c %s.json.gz; fi", GRAFT_FIXTURES,
             name, name, name);
    FILE *f = popen(command, "r");
    char *text = calloc(1, MOST);
    assert_non_null(f);
    assert_non_null(text);
    *n = fread(text, 1, MOST - 1, f);
    if (pclose(f) || !*n) fail_msg("no fixture %s", name);
    return text;
}

__attribute__((unused)) static inline gf_model fixture_model(const char *name)
{
    size_t n;
    gf_model m;
    gf_keras_config_options options = {.width = 30, .height = 24}; /* where the file leaves them open */
    char *text = fixture_text(name, &n);
    OK(gf_keras_config_parse(&m, text, n, name, &options, &error));
    free(text);
    return m;
}

/* As tools/seeded.py fills them. */
static inline void seed_values(gf_model *m)
{
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        const int64_t *d = p->shape.dim;
        size_t fan = p->shape.rank == 4 ? (size_t)(d[0] * d[1] * (d[3] == 1 ? 1 : d[2])) : (size_t)d[0];
        if (p->shape.rank == 3) fan *= (size_t)d[1];
        if (!p->idle && !p->given)
            seeded_values(m->layer[p->layer].name, p->var, 1, fan, m->value + p->offset, p->count);
    }
}

/* What the model gives for the seeded images; free it. */
static inline float *outputs_of(const gf_model *m, gf_ops *ops, size_t *n)
{
    gf_graph g;
    gf_plan *plan;
    gf_workspace *ws;
    OK(gf_graph_create(&g, m, &(gf_lower_options){.output_layer = -1}, &error));
    OK(gf_plan_create(&plan, &g, ops, &(gf_plan_spec){.last = g.n_nodes, .micro_batch = IMAGES}, &error));
    float *scratch = gf_alloc_tensor(gf_plan_fold_count(plan) * sizeof *scratch + 64);
    for (size_t i = 0; i < gf_plan_nodes(plan); i++) OK(gf_plan_prepare(plan, i, scratch, &error));
    OK(gf_workspace_create(&ws, plan, NULL, &error));
    size_t image = IMAGES * gf_count(&g.value[g.input].shape);
    uint8_t *pixels = malloc(image);
    assert_non_null(pixels);
    seeded_pixels("pixels", 1, pixels, image);
    float *in = gf_workspace_value(ws, g.input);
    for (size_t i = 0; i < image; i++) in[i] = pixels[i];
    const uint32_t sample[IMAGES] = {0, 1};
    OK(gf_workspace_forward(ws, &(gf_exec_context){.sample = sample}, &error));
    *n = IMAGES * gf_count(&g.value[g.output].shape);
    float *out = malloc(*n * sizeof *out);
    assert_non_null(out);
    memcpy(out, gf_workspace_value(ws, g.output), *n * sizeof *out);
    free(pixels);
    gf_free(scratch);
    gf_workspace_destroy(ws);
    gf_plan_destroy(plan);
    gf_graph_free(&g);
    return out;
}

/* The largest difference, as a share of the largest wanted value. */
static inline double off_by(const float *got, const float *want, size_t n)
{
    double most = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - (double)want[i]);
        if (!(d <= most)) most = d;
        if (fabs((double)want[i]) > largest) largest = fabs((double)want[i]);
    }
    return largest > 0 ? most / largest : INFINITY;
}

#endif
