/* A toy of a variant: a dense layer of 13 units in f32, by the reference implementation. */
#include "ops/variant.h"

#define DENSE gf_op_dense_reference

static size_t kernel_count(const gf_op_spec *s) { return DENSE.kernel_count(s); }
static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err) { return DENSE.infer(s, dst, err); }
static graft_status create(gf_op *op, gf_ops *ops, graft_error *err) { return DENSE.create(op, ops, err); }
static void destroy(gf_op *op) { DENSE.destroy(op); }

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    return DENSE.prepare(op, kernel, bias, err);
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    return DENSE.forward(exec, step, err);
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    return DENSE.backward(exec, step, err);
}

static const gf_op_class toy = {
    .name = "toy_dense",
    .fuses = GF_FUSES_ANY,
    .kernel_count = kernel_count,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};

static bool fits(const gf_op_spec *s, const gf_ops *ops)
{
    (void)ops;
    return s->dense.units == 13 && s->src_dtype[0] == GF_F32 && s->dst_dtype == GF_F32;
}

const gf_op_variant gf_variant_toy_variant = {
    .of = &gf_op_dense, .cls = &toy, .of_name = "onednn", .name = "toy", .fits = fits};
