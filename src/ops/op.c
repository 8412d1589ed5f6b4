#include "ops/op.h"

#include "base/alloc.h"
#include "ops/vectors.h"

#include <string.h>

graft_status gf_op_create(gf_op *op, const gf_op_spec *spec, gf_ops *ops, graft_error *err)
{
    *op = (gf_op){.spec = *spec};
    GF_TRY(spec->cls->infer(spec, &op->spec.dst, err));
    graft_status status = spec->cls->create ? spec->cls->create(op, ops, err) : GRAFT_OK;
    if (status != GRAFT_OK) gf_op_destroy(op);
    return status;
}

void gf_op_destroy(gf_op *op)
{
    if (op->spec.cls && op->spec.cls->destroy) op->spec.cls->destroy(op);
    *op = (gf_op){0};
}

graft_status gf_op_prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    return op->spec.cls->prepare ? op->spec.cls->prepare(op, kernel, bias, err) : GRAFT_OK;
}

graft_status gf_op_bind(const gf_op *op, const gf_op_args *args, gf_exec *exec, graft_error *err)
{
    *exec = (gf_exec){.op = op, .args = *args};
    graft_status status = op->spec.cls->bind ? op->spec.cls->bind(op, exec, err) : GRAFT_OK;
    if (status != GRAFT_OK) gf_op_unbind(exec);
    return status;
}

void gf_op_unbind(gf_exec *exec)
{
    if (exec->op && exec->op->spec.cls->unbind) exec->op->spec.cls->unbind(exec);
    *exec = (gf_exec){0};
}

graft_status gf_op_finish_grad(const gf_op *op, const float *grad, float *dkernel, float *dbias, graft_error *err)
{
    const gf_op_class *cls = op->spec.cls;
    if (cls->finish_grad) return cls->finish_grad(op, grad, dkernel, dbias, err);
    if (!op->grad_count) return GRAFT_OK;
    size_t kernel = gf_op_kernel_count(&op->spec), bias = op->grad_count - kernel;
    memcpy(dkernel, grad, kernel * sizeof *grad);
    if (dbias) memcpy(dbias, grad + kernel, bias * sizeof *grad);
    return GRAFT_OK;
}

size_t gf_op_kernel_count(const gf_op_spec *spec)
{
    return spec->cls->kernel_count ? spec->cls->kernel_count(spec) : 0;
}

size_t gf_op_kernel_of_conv(const gf_op_spec *spec)
{
    size_t ic = gf_op_kernel_of_channels(spec) / (size_t)spec->conv.groups;
    return (size_t)spec->conv.kh * (size_t)spec->conv.kw * ic * (size_t)spec->conv.filters;
}

size_t gf_op_kernel_of_channels(const gf_op_spec *spec) { return (size_t)spec->src[0].dim[spec->src[0].rank - 1]; }

bool gf_op_fuses(const gf_op_class *cls, gf_act act)
{
    return cls->fuses == GF_FUSES_ANY || (cls->fuses == GF_FUSES_CLIPS && gf_act_cuts(act));
}

size_t gf_op_bias_count(const gf_op_spec *spec)
{
    return spec->has_bias ? (size_t)spec->dst.dim[spec->dst.rank - 1] : 0;
}

bool gf_op_pads(const gf_op_spec *spec) { return spec->conv.pt | spec->conv.pb | spec->conv.pl | spec->conv.pr; }

bool gf_op_is_pointwise(const gf_op_spec *spec)
{
    return spec->conv.kh == 1 && spec->conv.kw == 1 && spec->conv.sh == 1 && spec->conv.sw == 1 &&
           spec->conv.groups == 1 && !gf_op_pads(spec);
}
