/* dropout.c - inverted dropout: in training dst = src * keep / (1 - rate), keep drawn anew for each sample and epoch
 * by position (seed, epoch, sample, layer, element), so that no thread or order changes it; else dst = src.
 * The mask is drawn again in backward rather than kept. */
#include "base/rng.h"
#include "ops/kernels.h"

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    (void)err;
    *dst = s->src[0];
    return GRAFT_OK;
}

/* n values of a sample, from its element `first` on (a multiple of 4): times mask / (1 - rate), in place. */
static void mask(const gf_op_spec *s, const gf_exec_context *step, uint32_t sample, size_t first, size_t n, float *x)
{
    const uint32_t key[2] = {(uint32_t)step->seed, (uint32_t)(step->seed >> 32)};
    const uint32_t least = (uint32_t)((double)s->dropout.rate * 4294967296.0); /* a word below it drops */
    const float scale = 1.0f / (1.0f - s->dropout.rate);
    for (size_t i = 0; i < n; i += 4) {
        uint32_t word[4];
        uint32_t counter[4] = {(uint32_t)((first + i) / 4), sample, step->epoch,
                               GF_PURPOSE_DROPOUT + 256 * s->dropout.salt};
        gf_philox(key, counter, word);
        for (size_t k = i; k < i + 4 && k < n; k++) x[k] = word[k - i] >= least ? x[k] * scale : 0;
    }
}

/* to = from * mask / (1 - rate), or added to it, sample by sample. */
static void drop(const gf_op_spec *s, const gf_exec_context *step, const void *from, gf_dtype from_type, void *to,
                 gf_dtype to_type, bool add)
{
    size_t images = (size_t)s->src[0].dim[0], c = gf_count(&s->src[0]) / images, n;
    float block[GF_BLOCK];
    for (size_t i = 0; i < images; i++) {
        for (size_t at = 0; at < c; at += n) {
            n = c - at < GF_BLOCK ? c - at : GF_BLOCK;
            gf_block_copy(from, from_type, i * c + at, n, block);
            mask(s, step, step->sample[i], at, n, block);
            gf_block_out(to, to_type, i * c + at, n, block, add);
        }
    }
}

static bool drops(const gf_op_spec *s, const gf_exec_context *step) { return step->training && s->dropout.rate > 0; }

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    if (drops(s, step)) {
        drop(s, step, a->src[0], s->src_dtype[0], a->dst, s->dst_dtype, false);
    } else {
        gf_convert(a->dst, s->dst_dtype, a->src[0], s->src_dtype[0], gf_count(&s->dst));
    }
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    if (drops(s, step)) {
        drop(s, step, a->diff_dst, s->dst_dtype, a->diff_src[0], s->src_dtype[0], s->accumulate[0]);
    } else if (a->diff_src[0] != a->diff_dst) {
        gf_put(a->diff_src[0], s->src_dtype[0], a->diff_dst, s->dst_dtype, gf_count(&s->dst), s->accumulate[0]);
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_dropout = {
    .name = "dropout",
    .in_place = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
