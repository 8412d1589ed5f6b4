/* gather.c - rows of a table, looked up for each place of texts that stand behind one another (gf_packing):
 *
 *   dst[p] = kernel[row(p)]        diff_kernel[r] = sum of diff_dst[p] over the places p with row(p) = r, in their
 * order
 *
 * row(p) is the piece at p, or the number of p in its text (the first one's is `skip`), or the number of separators
 * before p in its text (a pair is "first [SEP] second [SEP]"; more than the table has rows are its last). Spare rows
 * are zero. The table is not copied: it may be the largest tensor of a network. Plain C, its own reference
 * implementation.
 */
#include "ops/kernels.h"

#include "base/alloc.h"

#include <string.h>

typedef struct gather {
    const float *table; /* the model's */
} gather;

static size_t kernel_count(const gf_op_spec *s) { return (size_t)s->gather.rows * (size_t)s->gather.units; }

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    if (s->src[0].rank != 2 || s->gather.rows < 1 || s->gather.units < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: a table of %d rows of %d for pieces %s", s->name,
                       s->gather.rows, s->gather.units, GF_SHAPE_TEXT(&s->src[0]));
    }
    *dst = GF_SHAPE(s->src[0].dim[0], 1, s->src[0].dim[1], s->gather.units);
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    op->impl = gf_new(gather);
    if (!op->impl) return gf_fail_memory(err, sizeof(gather), op->spec.name);
    if (op->spec.diff_weights) op->grad_count = kernel_count(&op->spec);
    return GRAFT_OK;
}

static void destroy(gf_op *op) { gf_free(op->impl); }

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    (void)bias, (void)err;
    ((gather *)op->impl)->table = kernel;
    return GRAFT_OK;
}

/* Calls visit(exec, place, row) for each place of each text. */
static graft_status each_place(gf_exec *exec, const gf_packing *k, void (*visit)(gf_exec *exec, size_t p, size_t row),
                               graft_error *err)
{
    const gf_op_spec *s = &exec->op->spec;
    const int32_t *piece = exec->args.src[0];
    for (size_t t = 0; t < k->n; t++) {
        int32_t segment = 0;
        for (int32_t p = k->first[t]; p < k->first[t + 1]; p++) {
            int32_t row = s->gather.by == GF_LOOKUP_PIECE   ? piece[p]
                          : s->gather.by == GF_LOOKUP_PLACE ? p - k->first[t] + s->gather.skip
                          : segment < s->gather.rows        ? segment
                                                            : s->gather.rows - 1;
            if (row < 0 || row >= s->gather.rows) {
                return gf_fail(err, GF_E_MODEL_SHAPE, "is the vocabulary another model's?",
                               "layer %s: row %d is asked for, the table has %d", s->name, (int)row, s->gather.rows);
            }
            visit(exec, (size_t)p, (size_t)row);
            segment += piece[p] == s->gather.separator;
        }
    }
    return GRAFT_OK;
}

static void copy_row(gf_exec *exec, size_t p, size_t row)
{
    const gf_op_spec *s = &exec->op->spec;
    size_t c = (size_t)s->gather.units;
    const gather *g = exec->op->impl;
    gf_convert((char *)exec->args.dst + p * c * gf_dtype_size(s->dst_dtype), s->dst_dtype, g->table + row * c, GF_F32,
               c);
}

static void add_row(gf_exec *exec, size_t p, size_t row)
{
    const gf_op_spec *s = &exec->op->spec;
    size_t c = (size_t)s->gather.units;
    const char *diff = (const char *)exec->args.diff_dst + p * c * gf_dtype_size(s->dst_dtype);
    gf_accumulate(exec->args.grad + row * c, GF_F32, diff, s->dst_dtype, c);
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    const gf_op_spec *s = &exec->op->spec;
    const gf_packing *k = step->packing;
    size_t row = (size_t)s->gather.units * gf_dtype_size(s->dst_dtype), used = (size_t)k->first[k->n];
    memset((char *)exec->args.dst + used * row, 0, (gf_count(&s->src[0]) - used) * row);
    return each_place(exec, k, copy_row, err);
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    const gf_op_spec *s = &exec->op->spec;
    if (!s->diff_weights) return GRAFT_OK;
    memset(exec->args.grad, 0, kernel_count(s) * sizeof(float));
    return each_place(exec, step->packing, add_row, err);
}

const gf_op_class gf_op_gather = {
    .name = "gather",
    .borrows = true,
    .kernel_count = kernel_count,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
