/* onnx_run.h - a model run forwards and backwards, for the tests of ONNX in and out. */
#ifndef TESTS_ONNX_RUN_H
#define TESTS_ONNX_RUN_H

#include "unit/graph/whole.h"

/* n outputs of `batch` images of 0..255, as when predicting. */
static inline void onnx_run(const gf_model *m, gf_ops *ops, const float *images, float *out, int batch, size_t n)
{
    whole w;
    whole_new(&w, m, ops, (whole_spec){.batch = batch});
    w.step.training = false;
    assert_int_equal(w.outputs * (size_t)batch, n);
    whole_forward(&w, images, out);
    whole_free(&w);
}

/* Every parameter that trains gets a finite gradient, and no layer only zeros. */
static inline void onnx_trains(const gf_model *m, gf_ops *ops, const char *name)
{
    whole w;
    whole_new(&w, m, ops, (whole_spec){.batch = 2});
    float *x = seeded_images(2 * w.image), *out = calloc(2 * w.outputs, sizeof *out);
    float *diff = calloc(2 * w.outputs, sizeof *diff);
    for (size_t i = 0; i < 2 * w.outputs; i++) diff[i] = (float)(i % 3) - 0.75f;
    whole_forward(&w, x, out);
    whole_backward(&w, diff);
    assert_int_equal(gf_count_nonfinite(w.grad, w.trainable), 0);
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        if (p->statistic) continue;
        double sum = 0;
        for (size_t k = 0; k < p->count; k++) sum += fabs((double)w.grad[p->offset - w.trainable_offset + k]);
        if (!(sum > 0)) fail_msg("%s: %s/%s has no gradient", name, m->layer[p->layer].name, p->var);
    }
    free(x);
    free(out);
    free(diff);
    whole_free(&w);
}

#endif
