/* pool_pieces.c - one row for each of the texts that stand behind one another in src (gf_packing):
 *
 *   first  dst[t] = src[first[t]]          mean  dst[t] = (sum of src[p] over the places p of text t) / how many
 *
 * Rows behind the last text are zero, and so is the gradient of spare places. Sums in the order of places, in f32.
 * Plain C, its own reference implementation. */
#include "ops/kernels.h"

#include <string.h>

static size_t width(const gf_op_spec *s) { return (size_t)s->dst.dim[1]; }

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    if (s->src[0].rank != 4) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %s are no places of texts", s->name,
                       GF_SHAPE_TEXT(&s->src[0]));
    }
    *dst = GF_SHAPE(s->most_texts ? s->most_texts : s->src[0].dim[0], s->src[0].dim[3]);
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops, (void)err;
    op->scratchpad_bytes = width(&op->spec) * sizeof(float);
    return GRAFT_OK;
}

static char *row_of(const void *x, gf_dtype type, size_t c, size_t row)
{
    return (char *)x + row * c * gf_dtype_size(type);
}

/* How many of a text's places count. */
static size_t counted(const gf_op_spec *s, const gf_packing *k, size_t t)
{
    size_t places = (size_t)(k->first[t + 1] - k->first[t]);
    return s->pool_pieces.mean || !places ? places : 1;
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_packing *k = step->packing;
    size_t c = width(s);
    float *sum = exec->args.scratchpad;
    for (size_t t = 0; t < (size_t)s->dst.dim[0]; t++) {
        memset(sum, 0, c * sizeof *sum);
        size_t n = t < k->n ? counted(s, k, t) : 0;
        for (size_t i = 0; i < n; i++) {
            gf_accumulate(sum, GF_F32, row_of(exec->args.src[0], s->src_dtype[0], c, (size_t)k->first[t] + i),
                          s->src_dtype[0], c);
        }
        if (n > 1) gf_scale(sum, 1 / (float)n, c);
        gf_convert(row_of(exec->args.dst, s->dst_dtype, c, t), s->dst_dtype, sum, GF_F32, c);
    }
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_packing *k = step->packing;
    size_t c = width(s), rows = (size_t)s->src[0].dim[2];
    if (!s->diff_src[0]) return GRAFT_OK;
    float *diff = exec->args.scratchpad;
    if (!s->accumulate[0]) memset(exec->args.diff_src[0], 0, rows * c * gf_dtype_size(s->src_dtype[0]));
    for (size_t t = 0; t < k->n; t++) {
        size_t n = counted(s, k, t);
        gf_convert(diff, GF_F32, row_of(exec->args.diff_dst, s->dst_dtype, c, t), s->dst_dtype, c);
        if (n > 1) gf_scale(diff, 1 / (float)n, c);
        for (size_t i = 0; i < n; i++) {
            gf_accumulate(row_of(exec->args.diff_src[0], s->src_dtype[0], c, (size_t)k->first[t] + i), s->src_dtype[0],
                          diff, GF_F32, c);
        }
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_pool_pieces = {
    .name = "pool_pieces",
    .unpacks = true,
    .infer = infer,
    .create = create,
    .forward = forward,
    .backward = backward,
};
