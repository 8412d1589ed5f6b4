/* elementwise.c - ops that could not be fused into a neighbour: activation, add, affine (batch normalisation on fixed
 * statistics), rescale of input pictures, zero padding. Each is its own naive twin.
 *
 *   act      dst = act(src)                       diff_src = diff_dst act'
 *   add      dst = act(src0 + src1)               diff_src0 = diff_src1 = diff_dst act'
 *   affine   dst = act(src * kernel[c] + bias[c]) diff_kernel = sum src dz, diff_bias = sum dz, diff_src = dz kernel
 *   rescale  dst = src * scale[c] + offset[c]     (no gradient: its src is the picture)
 *   pad      dst = src with a border of zeros     diff_src = the inside of diff_dst */
#include "ops/kernels.h"

#include "base/alloc.h"

#include <string.h>

static graft_status same_shape(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    if (s->n_src == 2 && !gf_shape_equal(&s->src[0], &s->src[1])) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: cannot add %s and %s", s->name,
                       GF_SHAPE_TEXT(&s->src[0]), GF_SHAPE_TEXT(&s->src[1]));
    }
    *dst = s->src[0];
    return GRAFT_OK;
}

static void pass_on(const gf_op_spec *s, const gf_op_args *a, int k)
{
    if (!s->diff_src[k] || a->diff_src[k] == a->diff_dst) return;
    if (s->accumulate[k]) {
        gf_accumulate(a->diff_src[k], s->src_dtype[k], a->diff_dst, s->dst_dtype, gf_count(&s->dst));
    } else {
        gf_convert(a->diff_src[k], s->src_dtype[k], a->diff_dst, s->dst_dtype, gf_count(&s->dst));
    }
}

static graft_status sum_forward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    for (size_t i = 0; i < gf_count(&s->dst); i++) {
        float z = gf_load(a->src[0], s->src_dtype[0], i);
        if (s->n_src == 2) z += gf_load(a->src[1], s->src_dtype[1], i);
        gf_store(a->dst, s->dst_dtype, i, gf_act_value(s->act, z));
    }
    return GRAFT_OK;
}

static graft_status sum_backward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    gf_act_backward(s->act, a->diff_dst, a->dst, s->dst_dtype, gf_count(&s->dst));
    for (int k = 0; k < s->n_src; k++) pass_on(s, a, k);
    return GRAFT_OK;
}

const gf_op_class gf_op_act = {.name = "act", .infer = same_shape, .forward = sum_forward, .backward = sum_backward};
const gf_op_class gf_op_add = {.name = "add", .infer = same_shape, .forward = sum_forward, .backward = sum_backward};

/* ---- affine */

static size_t channels(const gf_op_spec *s) { return (size_t)s->dst.dim[s->dst.rank - 1]; }

static graft_status affine_create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    size_t c = channels(&op->spec);
    op->impl = gf_alloc_tensor(2 * c * sizeof(float)); /* kernel, then bias */
    if (!op->impl) return gf_fail_memory(err, 2 * c * sizeof(float), op->spec.name);
    if (op->spec.diff_weights) op->grad_count = 2 * c;
    return GRAFT_OK;
}

static void affine_destroy(gf_op *op) { gf_free(op->impl); }

static graft_status affine_prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    (void)err;
    size_t c = channels(&op->spec);
    memcpy(op->impl, kernel, c * sizeof(float));
    memcpy((float *)op->impl + c, bias, c * sizeof(float));
    return GRAFT_OK;
}

static graft_status affine_forward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    const float *kernel = exec->op->impl;
    size_t c = channels(s), rows = gf_count(&s->dst) / c;
    for (size_t i = 0; i < rows * c; i++) {
        float z = gf_load(a->src[0], s->src_dtype[0], i) * kernel[i % c] + kernel[c + i % c];
        gf_store(a->dst, s->dst_dtype, i, gf_act_value(s->act, z));
    }
    return GRAFT_OK;
}

static graft_status affine_backward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    const float *kernel = exec->op->impl;
    size_t c = channels(s), rows = gf_count(&s->dst) / c;
    gf_act_backward_bias(s->act, a->diff_dst, a->dst, s->dst_dtype, rows, c, s->diff_weights ? a->grad + c : NULL);
    if (s->diff_weights) memset(a->grad, 0, c * sizeof(float));
    for (size_t i = 0; i < rows * c; i++) {
        float dz = gf_load(a->diff_dst, s->dst_dtype, i);
        if (s->diff_weights) a->grad[i % c] += dz * gf_load(a->src[0], s->src_dtype[0], i);
        if (s->diff_src[0]) {
            float before = s->accumulate[0] ? gf_load(a->diff_src[0], s->src_dtype[0], i) : 0;
            gf_store(a->diff_src[0], s->src_dtype[0], i, before + dz * kernel[i % c]);
        }
    }
    return GRAFT_OK;
}

static graft_status affine_finish(const gf_op *op, const float *grad, float *dkernel, float *dbias, graft_error *err)
{
    (void)err;
    size_t c = channels(&op->spec);
    memcpy(dkernel, grad, c * sizeof *grad);
    if (dbias) memcpy(dbias, grad + c, c * sizeof *grad);
    return GRAFT_OK;
}

const gf_op_class gf_op_affine = {
    .name = "affine",
    .infer = same_shape,
    .create = affine_create,
    .destroy = affine_destroy,
    .prepare = affine_prepare,
    .forward = affine_forward,
    .backward = affine_backward,
    .finish_grad = affine_finish,
};

/* ---- rescale */

static graft_status rescale_forward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step;
    const gf_op_spec *s = &exec->op->spec;
    size_t c = channels(s);
    if (c > 4) return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: pictures of %zu channels", s->name, c);
    gf_rescale(exec->args.src[0], exec->args.dst, s->dst_dtype, gf_count(&s->dst), (int)c, s->rescale.scale,
               s->rescale.offset);
    return GRAFT_OK;
}

static graft_status no_backward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)exec, (void)step, (void)err;
    return GRAFT_OK;
}

const gf_op_class gf_op_rescale = {
    .name = "rescale",
    .infer = same_shape,
    .forward = rescale_forward,
    .backward = no_backward,
};

/* ---- pad */

static graft_status pad_infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *src = &s->src[0];
    if (src->rank != 4) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: padding wants (n, h, w, c), not %s", s->name,
                       GF_SHAPE_TEXT(src));
    }
    *dst = GF_SHAPE(src->dim[0], src->dim[1] + s->pad.pt + s->pad.pb, src->dim[2] + s->pad.pl + s->pad.pr, src->dim[3]);
    return GRAFT_OK;
}

/* Calls for each row of src: where it stands in src and in dst, in bytes. */
static void pad_rows(const gf_op_spec *s, size_t size, const char *src, char *dst, bool back, bool add)
{
    size_t n = (size_t)s->src[0].dim[0], h = (size_t)s->src[0].dim[1], w = (size_t)s->src[0].dim[2];
    size_t c = (size_t)s->src[0].dim[3], row = w * c * size, oh = (size_t)s->dst.dim[1];
    size_t wide = (size_t)s->dst.dim[2] * c * size, left = (size_t)s->pad.pl * c * size;
    for (size_t i = 0; i < n * h; i++) {
        size_t inner = i * row, outer = (i / h * oh + i % h + (size_t)s->pad.pt) * wide + left;
        if (!back) {
            memcpy(dst + outer, src + inner, row);
        } else if (add) {
            gf_accumulate(dst + inner, s->src_dtype[0], src + outer, s->dst_dtype, w * c);
        } else {
            memcpy(dst + inner, src + outer, row);
        }
    }
}

static graft_status pad_forward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    memset(exec->args.dst, 0, gf_count(&s->dst) * gf_dtype_size(s->dst_dtype));
    pad_rows(s, gf_dtype_size(s->dst_dtype), exec->args.src[0], exec->args.dst, false, false);
    return GRAFT_OK;
}

static graft_status pad_backward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    pad_rows(s, gf_dtype_size(s->dst_dtype), exec->args.diff_dst, exec->args.diff_src[0], true, s->accumulate[0]);
    return GRAFT_OK;
}

const gf_op_class gf_op_pad = {
    .name = "pad",
    .infer = pad_infer,
    .forward = pad_forward,
    .backward = pad_backward,
};
