/* dropout.c - inverted dropout: in training dst = src * keep / (1 - rate), keep drawn anew for each sample and epoch
 * by position (seed, epoch, sample, layer, element), so that no thread or order changes it; else dst = src.
 * f32. The mask is drawn again in backward rather than kept. */
#include "base/rng.h"
#include "ops/kernels.h"

#include <string.h>

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    (void)err;
    *dst = s->src[0];
    return GRAFT_OK;
}

/* out = in * mask / (1 - rate) for one sample of c elements, or added to out. */
static void drop(const gf_op_spec *s, const gf_step *step, uint32_t sample, const float *in, float *out, size_t c,
                 bool accumulate)
{
    const uint32_t key[2] = {(uint32_t)step->seed, (uint32_t)(step->seed >> 32)};
    const uint32_t least = (uint32_t)((double)s->dropout.rate * 4294967296.0); /* a word below it drops */
    const float scale = 1.0f / (1.0f - s->dropout.rate);
    for (size_t i = 0; i < c; i += 4) {
        uint32_t word[4];
        uint32_t counter[4] = {(uint32_t)(i / 4), sample, step->epoch, GF_PURPOSE_DROPOUT + 256 * s->dropout.salt};
        gf_philox(key, counter, word);
        for (size_t k = i; k < i + 4 && k < c; k++) {
            float value = word[k - i] >= least ? in[k] * scale : 0;
            out[k] = accumulate ? out[k] + value : value;
        }
    }
}

static bool drops(const gf_op_spec *s, const gf_step *step) { return step->training && s->dropout.rate > 0; }

static graft_status forward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)err;
    const gf_op_spec *s = &exec->op->spec;
    size_t n = (size_t)s->src[0].dim[0], c = gf_count(&s->src[0]) / n;
    const float *src = exec->args.src[0];
    float *dst = exec->args.dst;
    if (!drops(s, step)) {
        memcpy(dst, src, n * c * sizeof *dst);
        return GRAFT_OK;
    }
    for (size_t i = 0; i < n; i++) drop(s, step, step->sample[i], src + i * c, dst + i * c, c, false);
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)err;
    const gf_op_spec *s = &exec->op->spec;
    size_t n = (size_t)s->src[0].dim[0], c = gf_count(&s->src[0]) / n;
    const float *diff_dst = exec->args.diff_dst;
    float *diff_src = exec->args.diff_src[0];
    if (drops(s, step)) {
        for (size_t i = 0; i < n; i++) {
            drop(s, step, step->sample[i], diff_dst + i * c, diff_src + i * c, c, s->accumulate[0]);
        }
    } else if (s->accumulate[0]) {
        gf_accumulate_f32(diff_src, diff_dst, n * c);
    } else {
        memcpy(diff_src, diff_dst, n * c * sizeof *diff_src);
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_dropout = {
    .name = "dropout",
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
