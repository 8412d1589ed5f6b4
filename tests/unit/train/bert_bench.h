/* bert_bench.h - the small BERT of tools/make_bert_fixtures.py in an engine. */
#ifndef TESTS_TRAIN_BERT_BENCH_H
#define TESTS_TRAIN_BERT_BENCH_H

#include "exchange/hf_folder.h"
#include "support/fixture.h"
#include "support/ok.h"
#include "train/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 24, TEXTS = 12 };
static const char bert_folder[] = GRAFT_FIXTURES "/text/bert";

typedef struct texts_feed {
    int32_t piece[TEXTS][PLACES];
    int32_t label[TEXTS];
} texts_feed;

static inline graft_status give_text(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[],
                                     void *target, graft_error *err)
{
    (void)err;
    const texts_feed *t = ctx;
    size_t n = (size_t)in[0].shape.dim[0];
    for (size_t i = 0; i < n; i++) ((int32_t *)dst[0])[i] = i < PLACES ? t->piece[q->sample][i] : -1;
    if (target) *(gf_class_target *)target = gf_target_of((uint32_t)t->label[q->sample]);
    return GRAFT_OK;
}

static inline fixture *expected_of(texts_feed *t)
{
    fixture *f = fixture_open(GRAFT_FIXTURES "/text/bert/expected.safetensors");
    assert_non_null(f);
    size_t n;
    const float *piece = fixture_f32(f, "pieces", &n), *label = fixture_f32(f, "labels", NULL);
    assert_int_equal(n, TEXTS * PLACES);
    for (size_t i = 0; i < n; i++) t->piece[i / PLACES][i % PLACES] = (int32_t)piece[i];
    for (size_t i = 0; i < TEXTS; i++) t->label[i] = (int32_t)label[i];
    return f;
}

/* What the model gives for samples[n], a row of `width` each. */
static inline float *forward_of(gf_model *m, gf_ops *ops, gf_pool *pool, const gf_feed *feed, const uint32_t *samples,
                                size_t n, gf_dtype dtype)
{
    gf_engine_spec spec;
    gf_engine *e;
    gf_engine_defaults(&spec);
    spec.dtype = dtype;
    OK(gf_engine_create(&e, m, ops, pool, &spec, &error));
    float *out = calloc(n * gf_engine_outputs(e), sizeof *out);
    OK(gf_engine_forward(e, feed, NULL, samples, n, out, NULL, &error));
    gf_engine_destroy(e);
    return out;
}

static inline double off_by(const float *a, const float *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d;
    }
    return most;
}

#endif
