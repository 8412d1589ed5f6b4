/* dropout.c - inverted dropout: in training dst = src * keep / (1 - rate), keep drawn anew for each sample and epoch
 * by position (seed, epoch, sample, layer, element), so that no thread or order changes it; else dst = src. One draw
 * is of a value, of a channel or of the whole sample. The mask is drawn again in backward rather than kept. */
#include "base/rng.h"
#include "ops/kernels.h"

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    (void)err;
    *dst = s->src[0];
    return GRAFT_OK;
}

typedef struct drawing {
    uint32_t key[2], counter[4], least; /* a word below `least` drops */
    float scale;
} drawing;

static drawing draw_for(const gf_op_spec *s, const gf_exec_context *step, uint32_t sample)
{
    return (drawing){.key = {(uint32_t)step->seed, (uint32_t)(step->seed >> 32)},
                     .counter = {0, sample, step->epoch, GF_PURPOSE_DROPOUT + 256 * s->dropout.salt},
                     .least = (uint32_t)((double)s->dropout.rate * 4294967296.0),
                     .scale = 1.0f / (1.0f - s->dropout.rate)};
}

/* n values of a sample, of draws `first` on (a multiple of 4): times mask / (1 - rate), in place. */
static void mask(const drawing *d, size_t first, size_t n, float *x)
{
    for (size_t i = 0; i < n; i += 4) {
        uint32_t word[4];
        uint32_t counter[4] = {(uint32_t)((first + i) / 4), d->counter[1], d->counter[2], d->counter[3]};
        gf_philox(d->key, counter, word);
        for (size_t k = i; k < i + 4 && k < n; k++) x[k] = word[k - i] >= d->least ? x[k] * d->scale : 0;
    }
}

/* The same where a draw is of more than a value: element `first` + i is of draw (first + i) % draws. */
static void mask_each(const drawing *d, size_t draws, size_t first, size_t n, float *x)
{
    float all = 1;
    if (draws == 1) mask(d, 0, 1, &all);
    for (size_t i = 0; i < n && draws == 1; i++) x[i] *= all;
    for (size_t i = 0; i < n && draws > 1;) {
        size_t at = (first + i) % draws, from = at / 4 * 4;
        float one[4] = {1, 1, 1, 1};
        mask(d, from, 4, one);
        for (; at < draws && at < from + 4 && i < n; at++, i++) x[i] *= one[at - from];
    }
}

/* to = from * mask / (1 - rate), or added to it, sample by sample. */
static void drop(const gf_op_spec *s, const gf_exec_context *step, const void *from, gf_dtype from_type, void *to,
                 gf_dtype to_type, bool add)
{
    size_t images = (size_t)s->src[0].dim[0], c = gf_count(&s->src[0]) / images, n;
    float block[GF_BLOCK];
    size_t channels = (size_t)s->src[0].dim[s->src[0].rank - 1];
    for (size_t i = 0; i < images; i++) {
        const drawing d = draw_for(s, step, step->sample[i]);
        for (size_t at = 0; at < c; at += n) {
            n = c - at < GF_BLOCK ? c - at : GF_BLOCK;
            gf_block_copy(from, from_type, i * c + at, n, block);
            if (s->dropout.what == GF_DROP_VALUES) {
                mask(&d, at, n, block);
            } else {
                mask_each(&d, s->dropout.what == GF_DROP_SAMPLES ? 1 : channels, at, n, block);
            }
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
