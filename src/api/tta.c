/* tta.c - test-time augmentation: an image is judged as it is and mirrored, and the mean of both probabilities is told
 * (Krizhevsky, Sutskever and Hinton, 2012, with crops). Twice the work. */
#include "api/internal.h"

#include <math.h>
#include <string.h>

/* ---- a feed of mirrored images */

/* Rows of pixels, whatever a pixel is: the sample is made by the feed behind, then turned in its place. */
static graft_status fill_mirrored(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[],
                                  void *target, graft_error *err)
{
    enum { MOST = 64 }; /* bytes of a pixel */
    const gf_feed *inner = ctx;
    GF_TRY(inner->fill(inner->ctx, q, in, dst, target, err));
    const gf_shape *s = &in[0].shape;
    size_t width = (size_t)s->dim[1], pixel = (size_t)s->dim[2] * gf_dtype_size(in[0].dtype);
    for (size_t y = 0; y < (size_t)s->dim[0]; y++) {
        char *row = (char *)dst[0] + y * width * pixel, aside[MOST];
        for (size_t x = 0; x < width / 2; x++) {
            char *a = row + x * pixel, *b = row + (width - 1 - x) * pixel;
            memcpy(aside, a, pixel);
            memcpy(a, b, pixel);
            memcpy(b, aside, pixel);
        }
    }
    return GRAFT_OK;
}

/* ---- the mean of two probabilities, as outputs of the network that it would be of */

static double probability(const gf_task *t, const float *z, size_t width, size_t k, double by)
{
    double sum = 0;
    if (width == 1 || t->end == GF_END_SIGMOID) return 1 / (1 + exp(-by * (double)z[k]));
    for (size_t i = 0; i < width; i++) sum += exp(by * ((double)z[i] - (double)z[k]));
    return 1 / sum;
}

static double logit(double p) { return log(p) - log1p(-p); }

/* z: those of the image as it is, then the merged ones. Numbers that no float holds are cut off. */
static void merge(const gf_task *t, const float *other, size_t width, float *z, double *mean)
{
    const double by = t->beta > 0 ? t->beta : 1, least = 1e-30, most = 1 - 1e-16;
    bool single = width == 1 || t->end == GF_END_SIGMOID;
    for (size_t k = 0; k < width; k++) {
        mean[k] = (probability(t, z, width, k, by) + probability(t, other, width, k, by)) / 2;
        mean[k] = fmin(fmax(mean[k], least), single ? most : 1);
    }
    for (size_t k = 0; k < width; k++) z[k] = (float)((single ? logit(mean[k]) : log(mean[k])) / by);
}

graft_status gf_api_infer(graft_model *m, gf_engine *e, const gf_feed *feed, const gf_forward *f, graft_error *err)
{
    size_t outputs = gf_engine_outputs(e);
    GF_TRY(gf_engine_infer(e, feed, f, err));
    if (strcmp(gf_settings_text(m->context->settings, GF_SET_PREDICT_TTA), "flip")) return GRAFT_OK;
    if (m->model.layer[0].shape.rank != 3) {
        return gf_fail(err, GF_E_USAGE, NULL, "what the model takes is no image, which could be mirrored");
    }
    gf_feed inner = *feed;
    const gf_feed mirrored = {fill_mirrored, &inner};
    float *other = gf_new_n(f->n * outputs, float);
    double *mean = gf_new_n(outputs, double);
    bool *lost = gf_new_n(f->n, bool);
    const gf_forward again = {.sample = f->sample, .n = f->n, .out = other, .lost = lost};
    const gf_task t = gf_api_task(m);
    graft_status status = other && mean && lost ? gf_engine_infer(e, &mirrored, &again, err)
                                                : gf_fail_memory(err, f->n * outputs * sizeof *other, "an evaluation");
    for (size_t i = 0; status == GRAFT_OK && i < f->n; i++) {
        f->lost[i] = f->lost[i] || lost[i];
        if (!f->lost[i]) merge(&t, other + i * outputs, outputs, f->out + i * outputs, mean);
    }
    gf_free(other);
    gf_free(mean);
    gf_free(lost);
    return status;
}
