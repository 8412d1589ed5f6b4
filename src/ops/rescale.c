/* rescale.c - dst[c] = src[c] * scale[c] + offset[c], what images become before a network; with `reverse` from src's
 * channel C - 1 - c instead. With more than 4 channels scale[0] and offset[0] count for all.
 *   diff_src[c] = diff_dst[c] * scale[c]
 * src may be integers (GF_U8, GF_S32), which have no gradient.
 * Plain C, its own reference implementation. */
#include "ops/kernels.h"

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    (void)err;
    *dst = s->src[0];
    return GRAFT_OK;
}

enum { MOST = 4 }; /* channels with values of their own */

/* Pixels of c channels; inlined with c known where it is an image's, which makes a loop over vectors of it. */
static inline __attribute__((always_inline)) void turn(float *restrict to, const float *restrict from, size_t pixels,
                                                       size_t c, const float *scale, const float *offset, bool reverse)
{
    for (size_t i = 0; i < pixels; i++) {
        for (size_t k = 0; k < c; k++) {
            size_t row = c > MOST ? 0 : k;
            to[i * c + k] = from[i * c + (reverse ? c - 1 - k : k)] * scale[row] + offset[row];
        }
    }
}

GF_CLONES static void turn_3(float *restrict to, const float *restrict from, size_t pixels, const float *scale,
                             const float *offset, bool reverse)
{
    if (reverse) {
        turn(to, from, pixels, 3, scale, offset, true);
    } else {
        turn(to, from, pixels, 3, scale, offset, false);
    }
}

/* Whole pixels by blocks: `from` times scale plus offset. Backward, scale belongs to `from`'s channels. */
static void each_block(const gf_op_spec *s, const void *from, gf_dtype from_type, void *to, gf_dtype to_type, bool back)
{
    size_t c = (size_t)s->dst.dim[s->dst.rank - 1], count = gf_count(&s->dst), n;
    bool add = back && s->accumulate[0], reverse = s->rescale.reverse;
    float scale[MOST], offset[MOST], in[GF_BLOCK], out[GF_BLOCK];
    for (size_t k = 0; k < MOST; k++) {
        scale[k] = s->rescale.scale[back && reverse && c <= MOST && k < c ? c - 1 - k : k];
        offset[k] = back ? 0 : s->rescale.offset[k];
    }
    for (size_t at = 0; at < count; at += n) {
        n = GF_BLOCK / c * c < count - at ? GF_BLOCK / c * c : count - at;
        gf_block_copy(from, from_type, at, n, in);
        if (c == 3) {
            turn_3(out, in, n / c, scale, offset, reverse);
        } else {
            turn(out, in, n / c, c, scale, offset, reverse);
        }
        gf_block_out(to, to_type, at, n, out, add);
    }
}

/* More channels than a block has values: one by one. */
static void each_value(const gf_op_spec *s, const void *from, gf_dtype from_type, void *to, gf_dtype to_type, bool back)
{
    size_t c = (size_t)s->dst.dim[s->dst.rank - 1];
    for (size_t i = 0; i < gf_count(&s->dst); i++) {
        size_t other = s->rescale.reverse ? i - i % c + c - 1 - i % c : i;
        float value = gf_load(from, from_type, other) * s->rescale.scale[0] + (back ? 0 : s->rescale.offset[0]);
        gf_store(to, to_type, i, value + (back && s->accumulate[0] ? gf_load(to, to_type, i) : 0));
    }
}

/* Integers, as some inputs are: forward only. */
static void from_integers(const gf_op_spec *s, const void *from, gf_dtype type, void *to)
{
    size_t c = (size_t)s->dst.dim[s->dst.rank - 1], count = gf_count(&s->dst), n;
    const float *scale = s->rescale.scale, *offset = s->rescale.offset;
    float block[GF_BLOCK];
    for (size_t at = 0; at < count; at += n) {
        n = count - at < GF_BLOCK ? count - at : GF_BLOCK;
        for (size_t i = 0; i < n; i++) {
            size_t k = (at + i) % c, other = s->rescale.reverse ? at + i - k + (c - 1 - k) : at + i;
            float x = type == GF_U8 ? ((const uint8_t *)from)[other] : (float)((const int32_t *)from)[other];
            block[i] = x * scale[c > MOST ? 0 : k] + offset[c > MOST ? 0 : k];
        }
        gf_block_out(to, s->dst_dtype, at, n, block, false);
    }
}

static void run(const gf_op_spec *s, const void *from, gf_dtype from_type, void *to, gf_dtype to_type, bool back)
{
    (s->dst.dim[s->dst.rank - 1] > GF_BLOCK ? each_value : each_block)(s, from, from_type, to, to_type, back);
}

void gf_rescale_byte_map(const gf_op_spec *s, float *factor, float *offset)
{
    const gf_quant *q = &s->dst_quant;
    const float half = 0.5f;
    for (int64_t k = 0; k < s->dst.dim[s->dst.rank - 1]; k++) {
        factor[k] = s->rescale.scale[k] / q->scale[k];
        offset[k] = s->rescale.offset[k] / q->scale[k] + (q->zero ? q->zero[k] : 0) + half;
    }
}

static void to_bytes(const gf_op_spec *s, const gf_op_args *a)
{
    enum { PERIOD = 3 * 4 * 64 }; /* whole pixels of any number of channels, whole vectors */
    float factor[PERIOD], offset[PERIOD];
    size_t c = (size_t)s->dst.dim[s->dst.rank - 1];
    gf_rescale_byte_map(s, factor, offset);
    for (size_t i = c; i < PERIOD; i++) factor[i] = factor[i - c], offset[i] = offset[i - c];
    gf_quantize(a->dst, a->src[0], s->src_dtype[0], gf_count(&s->dst), factor, offset, PERIOD);
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    int64_t c = s->dst.dim[s->dst.rank - 1];
    if (s->src_dtype[0] == GF_U8 || s->src_dtype[0] == GF_S32) {
        from_integers(s, exec->args.src[0], s->src_dtype[0], exec->args.dst);
    } else if (s->dst_dtype == GF_U8) {
        to_bytes(s, &exec->args);
    } else if (c <= MOST && !s->rescale.reverse && s->src_dtype[0] == GF_F32) {
        gf_rescale(exec->args.src[0], exec->args.dst, s->dst_dtype, gf_count(&s->dst), (int)c, s->rescale.scale,
                   s->rescale.offset);
    } else {
        run(s, exec->args.src[0], s->src_dtype[0], exec->args.dst, s->dst_dtype, false);
    }
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    if (s->diff_src[0]) {
        run(s, exec->args.diff_dst, s->dst_dtype, exec->args.diff_src[0], s->src_dtype[0], true);
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_rescale = {
    .name = "rescale",
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
