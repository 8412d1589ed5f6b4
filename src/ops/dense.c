/* dense.c - dst[n,o] = act(bias[o] + sum_i src[n,i] kernel[i,o]), f32, by oneDNN's matmul.
 *
 *   dz = diff_dst * act'    diff_bias = sum_n dz    diff_kernel = src^T dz    diff_src = dz kernel^T */
#include "ops/kernels.h"
#include "ops/onednn.h"
#include "ops/weights.h"

#include "base/alloc.h"

#include <string.h>

typedef struct dense_impl {
    const gf_ops *ops;
    gf_prim forward, backward_data, backward_weights;
    gf_weights weights;
} dense_impl;

static size_t kernel_count(const gf_op_spec *s) { return gf_op_kernel_of_channels(s) * (size_t)s->dense.units; }

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    if (s->src[0].rank != 2) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: a dense layer wants (n, features), not %s", s->name,
                       GF_SHAPE_TEXT(&s->src[0]));
    }
    *dst = GF_SHAPE(s->src[0].dim[0], s->dense.units);
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    gf_op_spec *s = &op->spec;
    dense_impl *d = op->impl = gf_new(dense_impl);
    if (!d) return gf_fail_memory(err, sizeof *d, s->name);
    d->ops = ops;
    int64_t n = s->src[0].dim[0], ic = s->src[0].dim[1], oc = s->dense.units;
    gf_matmul forward = {n, ic, oc, ic, 1, oc, 1, oc, .bias = s->has_bias};
    gf_matmul data = {n, oc, ic, oc, 1, 1, oc, ic, .sum = s->accumulate[0]};
    gf_matmul weights = {ic, n, oc, 1, ic, oc, 1, oc, .bias = false};
    GF_TRY(gf_matmul_create(&d->forward, &forward, ops, s->name, err));
    if (s->diff_src[0]) GF_TRY(gf_matmul_create(&d->backward_data, &data, ops, s->name, err));
    if (s->diff_weights) GF_TRY(gf_matmul_create(&d->backward_weights, &weights, ops, s->name, err));
    GF_TRY(gf_weights_create(&d->weights, s, err));
    const gf_prim *prims[3] = {&d->forward, &d->backward_data, &d->backward_weights};
    for (int i = 0; i < 3; i++) {
        size_t bytes = gf_prim_scratchpad(prims[i]);
        if (bytes > op->scratchpad_bytes) op->scratchpad_bytes = bytes;
    }
    if (s->diff_weights) op->grad_count = gf_op_kernel_count(s) + gf_op_bias_count(s);
    return GRAFT_OK;
}

static void destroy(gf_op *op)
{
    dense_impl *d = op->impl;
    if (!d) return;
    gf_prim_destroy(&d->forward);
    gf_prim_destroy(&d->backward_data);
    gf_prim_destroy(&d->backward_weights);
    gf_weights_destroy(&d->weights);
    gf_free(d);
}

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    (void)err;
    dense_impl *d = op->impl;
    gf_weights_fill(&d->weights, &op->spec, kernel, bias);
    return GRAFT_OK;
}

static graft_status bind(const gf_op *op, gf_exec *exec, graft_error *err)
{
    const dense_impl *d = op->impl;
    const gf_op_spec *s = &op->spec;
    const gf_op_args *a = &exec->args;
    gf_calls *x = exec->impl = gf_new(gf_calls);
    if (!x) return gf_fail_memory(err, sizeof *x, s->name);
    gf_matmul_ends forward = {a->src[0], d->weights.kernel, s->has_bias ? d->weights.bias : NULL, a->dst,
                              a->scratchpad};
    gf_matmul_ends data = {a->diff_dst, d->weights.kernel, NULL, a->diff_src[0], a->scratchpad};
    gf_matmul_ends weights = {a->src[0], a->diff_dst, NULL, a->grad, a->scratchpad};
    GF_TRY(gf_matmul_bind(&x->forward, &d->forward, d->ops, &forward, err));
    if (s->diff_src[0]) GF_TRY(gf_matmul_bind(&x->backward_data, &d->backward_data, d->ops, &data, err));
    if (s->diff_weights) GF_TRY(gf_matmul_bind(&x->backward_weights, &d->backward_weights, d->ops, &weights, err));
    return GRAFT_OK;
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    const gf_op_spec *s = &exec->op->spec;
    const dense_impl *d = exec->op->impl;
    GF_TRY(gf_call_run(&((gf_calls *)exec->impl)->forward, &d->forward, d->ops, s->name, err));
    gf_act_forward(s->act, s->act_alpha, exec->args.dst, GF_F32, gf_count(&s->dst));
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    const gf_op_spec *s = &exec->op->spec;
    const dense_impl *d = exec->op->impl;
    gf_calls *x = exec->impl;
    const gf_op_args *a = &exec->args;
    float *dbias = s->diff_weights && s->has_bias ? a->grad + gf_op_kernel_count(s) : NULL;
    gf_act_backward_bias(s->act, s->act_alpha, a->diff_dst, s->act == GF_ACT_LINEAR ? NULL : a->dst, GF_F32,
                         (size_t)s->dst.dim[0], (size_t)s->dst.dim[1], dbias);
    if (s->diff_weights) GF_TRY(gf_call_run(&x->backward_weights, &d->backward_weights, d->ops, s->name, err));
    return s->diff_src[0] ? gf_call_run(&x->backward_data, &d->backward_data, d->ops, s->name, err) : GRAFT_OK;
}

const gf_op_class gf_op_dense = {
    .name = "dense",
    .fuses = GF_FUSES_ANY,
    .kernel_count = kernel_count,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .bind = bind,
    .unbind = gf_calls_unbind,
    .forward = forward,
    .backward = backward,
};

/* ---- the reference implementation */

static graft_status reference_create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    dense_impl *d = op->impl = gf_new(dense_impl);
    if (!d) return gf_fail_memory(err, sizeof *d, op->spec.name);
    if (op->spec.diff_weights) op->grad_count = gf_op_kernel_count(&op->spec) + gf_op_bias_count(&op->spec);
    return gf_weights_create(&d->weights, &op->spec, err);
}

static graft_status reference_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const dense_impl *d = exec->op->impl;
    size_t n = (size_t)s->src[0].dim[0], ic = (size_t)s->src[0].dim[1], oc = (size_t)s->dense.units;
    const float *src = exec->args.src[0];
    float *dst = exec->args.dst;
    for (size_t r = 0; r < n; r++) {
        for (size_t o = 0; o < oc; o++) {
            float z = s->has_bias ? d->weights.bias[o] : 0;
            for (size_t i = 0; i < ic; i++) z += src[r * ic + i] * d->weights.kernel[i * oc + o];
            dst[r * oc + o] = gf_act_value(s->act, s->act_alpha, z);
        }
    }
    return GRAFT_OK;
}

static graft_status reference_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const dense_impl *d = exec->op->impl;
    size_t n = (size_t)s->src[0].dim[0], ic = (size_t)s->src[0].dim[1], oc = (size_t)s->dense.units;
    const gf_op_args *a = &exec->args;
    const float *src = a->src[0], *dst = a->dst;
    float *dz = a->diff_dst, *diff_src = a->diff_src[0];
    if (s->diff_weights) memset(a->grad, 0, exec->op->grad_count * sizeof *a->grad);
    for (size_t k = 0; k < n * oc; k++) dz[k] *= gf_act_slope(s->act, s->act_alpha, dst[k]);
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < ic; i++) {
            float sum = 0;
            for (size_t o = 0; o < oc; o++) {
                sum += dz[r * oc + o] * d->weights.kernel[i * oc + o];
                if (s->diff_weights) a->grad[i * oc + o] += src[r * ic + i] * dz[r * oc + o];
            }
            if (s->diff_src[0]) diff_src[r * ic + i] = (s->accumulate[0] ? diff_src[r * ic + i] : 0) + sum;
        }
        for (size_t o = 0; s->diff_weights && s->has_bias && o < oc; o++) a->grad[ic * oc + o] += dz[r * oc + o];
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_dense_reference = {
    .name = "dense_naive",
    .fuses = GF_FUSES_ANY,
    .kernel_count = kernel_count,
    .infer = infer,
    .create = reference_create,
    .destroy = destroy,
    .prepare = prepare,
    .forward = reference_forward,
    .backward = reference_backward,
};
