/* global_pool.c - global average pooling: dst[n,c] = 1/(h w) sum_{y,x} src[n,y,x,c], summed in f32 row by row.
 *   diff_src[n,y,x,c] = diff_dst[n,c] / (h w)
 * A u8 src is summed exactly. It is its own naive twin: plain C, one order of summation. dst is f32. */
#include "ops/kernels.h"

#include <string.h>

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    if (s->src[0].rank != 4) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: global pooling wants (n, h, w, c), not %s", s->name,
                       GF_SHAPE_TEXT(&s->src[0]));
    }
    *dst = GF_SHAPE(s->src[0].dim[0], s->src[0].dim[3]);
    return GRAFT_OK;
}

static void pool_u8(const gf_quant *q, const uint8_t *src, size_t hw, size_t c, float *dst)
{
    gf_sum_u8(src, hw, c, dst);
    for (size_t k = 0; k < c; k++) dst[k] = q->scale[k] * (dst[k] / (float)hw - (q->zero ? q->zero[k] : 0));
}

static graft_status forward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    size_t n = (size_t)s->src[0].dim[0], c = (size_t)s->src[0].dim[3];
    size_t hw = (size_t)(s->src[0].dim[1] * s->src[0].dim[2]), width = hw * c * gf_dtype_size(s->src_dtype[0]);
    float *dst = exec->args.dst;
    for (size_t i = 0; i < n; i++) {
        char *picture = (char *)exec->args.src[0] + i * width;
        if (s->src_dtype[0] == GF_U8) {
            pool_u8(&s->src_quant, (uint8_t *)picture, hw, c, dst + i * c);
            continue;
        }
        /* a linear activation's backward with a sum over rows is the sum alone */
        gf_act_backward_bias(GF_ACT_LINEAR, picture, NULL, s->src_dtype[0], hw, c, dst + i * c);
        for (size_t k = 0; k < c; k++) dst[i * c + k] /= (float)hw;
    }
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    size_t n = (size_t)s->src[0].dim[0], c = (size_t)s->src[0].dim[3];
    size_t hw = (size_t)(s->src[0].dim[1] * s->src[0].dim[2]), row = c * gf_dtype_size(s->src_dtype[0]);
    float *diff = exec->args.diff_dst;
    for (size_t i = 0; i < n * c; i++) diff[i] /= (float)hw;
    for (size_t i = 0; i < n * hw; i++) {
        char *to = (char *)exec->args.diff_src[0] + i * row;
        const float *from = diff + i / hw * c;
        if (s->accumulate[0]) {
            gf_accumulate(to, s->src_dtype[0], from, GF_F32, c);
        } else if (i % hw == 0) {
            gf_convert(to, s->src_dtype[0], from, GF_F32, c);
        } else {
            memcpy(to, to - row, row); /* every place of a picture gets the same */
        }
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_global_pool = {
    .name = "global_pool",
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
