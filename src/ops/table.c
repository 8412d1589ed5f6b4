/* table.c - a row of a table for each place, the same for every image; of src only the shape counts:
 *
 *   dst[n,p,c] = kernel[p,c]        diff_kernel = sum_n diff_dst    diff_src = 0
 *
 * Plain C, its own reference implementation. */
#include "ops/kernels.h"

#include "base/alloc.h"

#include <string.h>

static size_t table_count(const gf_op_spec *s) { return gf_count(&s->dst) / (size_t)s->dst.dim[0]; }

static size_t kernel_count(const gf_op_spec *s) { return gf_count(&s->dst) / (size_t)s->dst.dim[0]; }

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    if (s->src[0].rank != 4 || s->table.units < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: a table of %d channels for the places of %s", s->name,
                       s->table.units, GF_SHAPE_TEXT(&s->src[0]));
    }
    *dst = s->src[0];
    dst->dim[3] = s->table.units;
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    size_t n = table_count(&op->spec);
    op->impl = gf_new_n(n, float);
    if (!op->impl) return gf_fail_memory(err, n * sizeof(float), op->spec.name);
    if (op->spec.diff_weights) op->grad_count = n;
    return GRAFT_OK;
}

static void destroy(gf_op *op) { gf_free(op->impl); }

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    (void)bias, (void)err;
    memcpy(op->impl, kernel, table_count(&op->spec) * sizeof *kernel);
    return GRAFT_OK;
}

static char *image(const gf_op_spec *s, void *x, int64_t i)
{
    return (char *)x + (size_t)i * table_count(s) * gf_dtype_size(s->dst_dtype);
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    for (int64_t i = 0; i < s->dst.dim[0]; i++) {
        gf_convert(image(s, exec->args.dst, i), s->dst_dtype, exec->op->impl, GF_F32, table_count(s));
    }
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    for (int64_t i = 0; s->diff_weights && i < s->dst.dim[0]; i++) {
        gf_put(a->grad, GF_F32, image(s, a->diff_dst, i), s->dst_dtype, table_count(s), i > 0);
    }
    if (s->diff_src[0] && !s->accumulate[0]) {
        memset(a->diff_src[0], 0, gf_count(&s->src[0]) * gf_dtype_size(s->src_dtype[0]));
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_table = {
    .name = "table",
    .kernel_count = kernel_count,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
