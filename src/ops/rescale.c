/* rescale.c - dst[c] = src[c] * scale[c] + offset[c], what pictures become before a network; with `reverse` from src's
 * channel C - 1 - c instead. With more than 4 channels scale[0] and offset[0] count for all.
 *   diff_src[c] = diff_dst[c] * scale[c]
 * Plain C, its own naive twin. */
#include "ops/kernels.h"

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    (void)err;
    *dst = s->src[0];
    return GRAFT_OK;
}

enum { MOST = 4 }; /* channels with values of their own */

static void each_pixel(const gf_op_spec *s, const void *from, gf_dtype from_type, void *to, gf_dtype to_type, bool back)
{
    size_t c = (size_t)s->dst.dim[s->dst.rank - 1], pixels = gf_count(&s->dst) / c;
    for (size_t i = 0; i < pixels; i++) {
        for (size_t k = 0; k < c; k++) {
            size_t at = i * c + k, turned = s->rescale.reverse ? i * c + c - 1 - k : at, row = c > MOST ? 0 : k;
            float scale = s->rescale.scale[row], offset = back ? 0 : s->rescale.offset[row];
            size_t in = back ? at : turned, out = back ? turned : at;
            float before = back && s->accumulate[0] ? gf_load(to, to_type, out) : 0;
            gf_store(to, to_type, out, before + (gf_load(from, from_type, in) * scale + offset));
        }
    }
}

static graft_status forward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    int64_t c = s->dst.dim[s->dst.rank - 1];
    if (c <= MOST && !s->rescale.reverse && s->src_dtype[0] == GF_F32) {
        gf_rescale(exec->args.src[0], exec->args.dst, s->dst_dtype, gf_count(&s->dst), (int)c, s->rescale.scale,
                   s->rescale.offset);
    } else {
        each_pixel(s, exec->args.src[0], s->src_dtype[0], exec->args.dst, s->dst_dtype, false);
    }
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    if (s->diff_src[0]) {
        each_pixel(s, exec->args.diff_dst, s->dst_dtype, exec->args.diff_src[0], s->src_dtype[0], true);
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_rescale = {
    .name = "rescale",
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
