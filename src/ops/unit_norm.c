/* unit_norm.c - each row (of the last axis) by its Euclidean length, as sentence encoders end:
 *
 *   l = max(|src|, 1e-12)    dst = src / l    diff_src = (diff_dst - dst (diff_dst . dst)) / l
 *
 * Plain C, its own reference implementation. */
#include "ops/kernels.h"

#include <math.h>

static const float least = 1e-12f; /* torch.nn.functional.normalize's */

static size_t width(const gf_op_spec *s) { return (size_t)s->dst.dim[s->dst.rank - 1]; }

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    (void)err;
    *dst = s->src[0];
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops, (void)err;
    op->scratchpad_bytes = 2 * width(&op->spec) * sizeof(float);
    return GRAFT_OK;
}

/* Row i of src into x, as it stands; its length is returned. */
static float load(const gf_op_spec *s, const gf_op_args *a, size_t i, size_t c, float *x)
{
    gf_convert(x, GF_F32, (const char *)a->src[0] + i * c * gf_dtype_size(s->src_dtype[0]), s->src_dtype[0], c);
    return fmaxf(sqrtf(gf_dot(x, x, c)), least);
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    size_t c = width(s), rows = gf_count(&s->dst) / c;
    float *x = a->scratchpad;
    for (size_t i = 0; i < rows; i++) {
        float length = load(s, a, i, c, x);
        for (size_t k = 0; k < c; k++) x[k] /= length;
        gf_convert((char *)a->dst + i * c * gf_dtype_size(s->dst_dtype), s->dst_dtype, x, GF_F32, c);
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
    float *x = a->scratchpad, *d = x + c;
    for (size_t i = 0; i < rows; i++) {
        float length = load(s, a, i, c, x);
        gf_scale(x, 1 / length, c);
        gf_convert(d, GF_F32, (const char *)a->diff_dst + i * c * gf_dtype_size(s->dst_dtype), s->dst_dtype, c);
        gf_scale_add(d, -gf_dot(d, x, c), x, c);
        gf_scale(d, 1 / length, c);
        gf_put((char *)a->diff_src[0] + i * c * gf_dtype_size(s->src_dtype[0]), s->src_dtype[0], d, GF_F32, c,
               s->accumulate[0]);
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_unit_norm = {
    .name = "unit_norm",
    .plain = true,
    .infer = infer,
    .create = create,
    .forward = forward,
    .backward = backward,
};
