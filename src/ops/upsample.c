/* upsample.c - (n, h, w, c) to (n, fh h, fw w, c): the nearest pixel, or bilinear with half-pixel centres and the
 * border repeated (Keras's UpSampling2D). With pixel x of dst at x' = (x + 1/2) / f - 1/2 of src:
 *
 *   dst = sum over two rows and two columns of src * weight     diff_src = sum over dst of diff_dst * weight
 *
 * diff_src is summed in f32 in the scratchpad. Plain C, its own reference implementation. */
#include "ops/kernels.h"

#include <math.h>
#include <string.h>

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *src = &s->src[0];
    if (src->rank != 4 || s->upsample.factor_h < 1 || s->upsample.factor_w < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: cannot enlarge %s %d x %d times", s->name,
                       GF_SHAPE_TEXT(src), s->upsample.factor_h, s->upsample.factor_w);
    }
    *dst = GF_SHAPE(src->dim[0], src->dim[1] * s->upsample.factor_h, src->dim[2] * s->upsample.factor_w, src->dim[3]);
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops, (void)err;
    if (op->spec.diff_src[0]) op->scratchpad_bytes = gf_count(&op->spec.src[0]) * sizeof(float);
    return GRAFT_OK;
}

/* The two of n rows (or columns) that number x of dst lies between, and how much each counts. */
typedef struct between {
    size_t at[2];
    float weight[2];
} between;

static between find(size_t x, int factor, int64_t n, bool bilinear)
{
    between b = {{x / (size_t)factor}, {1, 0}};
    if (!bilinear) return b;
    const float half = 0.5f;
    float where = ((float)x + half) / (float)factor - half;
    if (where < 0) where = 0;
    b.at[0] = (size_t)where;
    b.at[1] = b.at[0] + 1 < (size_t)n ? b.at[0] + 1 : b.at[0];
    b.weight[1] = where - (float)b.at[0];
    b.weight[0] = 1 - b.weight[1];
    return b;
}

/* Calls with each pair of pixels, src's and dst's (their first elements), that have to do with each other. */
typedef void (*pair_fn)(void *ctx, size_t src, size_t dst, float weight, bool first);

static void each_pair(const gf_op_spec *s, pair_fn pair, void *ctx)
{
    const int64_t *in = s->src[0].dim, *out = s->dst.dim;
    for (size_t i = 0; i < (size_t)(out[0] * out[1] * out[2]); i++) {
        size_t x = i % (size_t)out[2], y = i / (size_t)out[2] % (size_t)out[1], n = i / (size_t)(out[1] * out[2]);
        between col = find(x, s->upsample.factor_w, in[2], s->upsample.bilinear);
        between row = find(y, s->upsample.factor_h, in[1], s->upsample.bilinear);
        for (int k = 0; k < 4; k++) {
            float weight = row.weight[k / 2] * col.weight[k % 2];
            size_t from = (n * (size_t)in[1] + row.at[k / 2]) * (size_t)in[2] + col.at[k % 2];
            if (k == 0 || weight > 0) pair(ctx, from * (size_t)in[3], i * (size_t)in[3], weight, k == 0);
        }
    }
}

static void forward_pair(void *ctx, size_t src, size_t dst, float weight, bool first)
{
    const gf_exec *exec = ctx;
    const gf_op_spec *s = &exec->op->spec;
    float z[GF_BLOCK];
    size_t c = (size_t)s->dst.dim[3], n;
    for (size_t k = 0; k < c; k += n) {
        n = c - k < GF_BLOCK ? c - k : GF_BLOCK;
        gf_block_copy(exec->args.src[0], s->src_dtype[0], src + k, n, z);
        if (weight != 1) gf_scale(z, weight, n);
        gf_block_out(exec->args.dst, s->dst_dtype, dst + k, n, z, !first);
    }
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    each_pair(&exec->op->spec, forward_pair, exec);
    return GRAFT_OK;
}

static void backward_pair(void *ctx, size_t src, size_t dst, float weight, bool first)
{
    (void)first;
    const gf_exec *exec = ctx;
    const gf_op_spec *s = &exec->op->spec;
    float room[GF_BLOCK], *sum = exec->args.scratchpad;
    size_t c = (size_t)s->dst.dim[3], n;
    for (size_t k = 0; k < c; k += n) {
        n = c - k < GF_BLOCK ? c - k : GF_BLOCK;
        gf_scale_add(sum + src + k, weight, gf_block_in(exec->args.diff_dst, s->dst_dtype, dst + k, n, room), n);
    }
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    size_t count = gf_count(&s->src[0]);
    if (!s->diff_src[0]) return GRAFT_OK;
    memset(exec->args.scratchpad, 0, count * sizeof(float));
    each_pair(s, backward_pair, exec);
    gf_put(exec->args.diff_src[0], s->src_dtype[0], exec->args.scratchpad, GF_F32, count, s->accumulate[0]);
    return GRAFT_OK;
}

const gf_op_class gf_op_upsample = {
    .name = "upsample",
    .infer = infer,
    .create = create,
    .forward = forward,
    .backward = backward,
};
