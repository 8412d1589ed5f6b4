/* softmax.c - over the last axis, row by row in f32:
 *
 *   softmax  dst = e^(src - m) / sum e^(src - m), m the largest    diff_src = dst (diff_dst - sum diff_dst dst)
 *   log      dst = src - m - log sum e^(src - m)                   diff_src = diff_dst - e^dst sum diff_dst
 *
 * Plain C, its own reference implementation. */
#include "ops/kernels.h"

#include <math.h>

static size_t width(const gf_op_spec *s) { return (size_t)s->dst.dim[s->dst.rank - 1]; }

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    if (s->src[0].rank < 2 || s->softmax.axis != s->src[0].rank - 1 || s->src[0].dim[s->softmax.axis] < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: softmax wants the last axis of %s, not axis %d", s->name,
                       GF_SHAPE_TEXT(&s->src[0]), s->softmax.axis);
    }
    *dst = s->src[0];
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops, (void)err;
    op->scratchpad_bytes = 2 * width(&op->spec) * sizeof(float);
    return GRAFT_OK;
}

static void load(const void *x, gf_dtype type, size_t row, size_t c, float *to)
{
    gf_convert(to, GF_F32, (const char *)x + row * c * gf_dtype_size(type), type, c);
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    size_t c = width(s), rows = gf_count(&s->dst) / c;
    float *x = a->scratchpad, *e = x + c;
    for (size_t i = 0; i < rows; i++) {
        load(a->src[0], s->src_dtype[0], i, c, x);
        float most = gf_maximum(x, c);
        for (size_t k = 0; k < c; k++) e[k] = x[k] -= most;
        gf_act_forward(GF_ACT_EXPONENTIAL, 0, e, GF_F32, c);
        float sum = gf_sum(e, c), off = logf(sum);
        for (size_t k = 0; k < c; k++) x[k] = s->softmax.log ? x[k] - off : e[k] / sum;
        gf_block_out(a->dst, s->dst_dtype, i * c, c, x, false);
    }
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    if (!s->diff_src[0]) return GRAFT_OK;
    size_t c = width(s), rows = gf_count(&s->dst) / c;
    float *y = a->scratchpad, *d = y + c;
    for (size_t i = 0; i < rows; i++) {
        load(a->dst, s->dst_dtype, i, c, y);
        load(a->diff_dst, s->dst_dtype, i, c, d);
        if (s->softmax.log) gf_act_forward(GF_ACT_EXPONENTIAL, 0, y, GF_F32, c);
        float sum = s->softmax.log ? gf_sum(d, c) : gf_dot(d, y, c);
        for (size_t k = 0; k < c; k++) d[k] = s->softmax.log ? d[k] - y[k] * sum : y[k] * (d[k] - sum);
        gf_block_out(a->diff_src[0], s->src_dtype[0], i * c, c, d, s->accumulate[0]);
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_softmax = {
    .name = "softmax",
    .infer = infer,
    .create = create,
    .forward = forward,
    .backward = backward,
};
