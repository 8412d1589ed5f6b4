/* global_pool.c - pooling over all places of an image, (n, ..., c) -> (n, c):
 *
 *   mean     dst[n,c] = 1/P sum_p src[n,p,c]   diff_src[n,p,c] = diff_dst[n,c] / P
 *   maximum  dst[n,c] = max_p src[n,p,c]       diff_src[n,p,c] = diff_dst[n,c] / T where src is the maximum, else 0;
 *                                              T places have it (Keras's way)
 * The mean is summed in f32 row by row, of a u8 src exactly. Plain C, its own reference implementation. dst is f32. */
#include "ops/kernels.h"

#include <string.h>

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    if (s->src[0].rank < 3) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: global pooling wants (n, h, w, c), not %s", s->name,
                       GF_SHAPE_TEXT(&s->src[0]));
    }
    *dst = GF_SHAPE(s->src[0].dim[0], s->src[0].dim[s->src[0].rank - 1]);
    return GRAFT_OK;
}

typedef struct extent {
    size_t n, positions, c;
} extent;

static extent extent_of(const gf_op_spec *s)
{
    size_t n = (size_t)s->dst.dim[0], c = (size_t)s->dst.dim[1];
    return (extent){n, gf_count(&s->src[0]) / (n * c), c};
}

/* ---- mean */

static void pool_u8(const gf_quant *q, const uint8_t *src, size_t positions, size_t c, float *dst)
{
    gf_sum_u8(src, positions, c, dst);
    for (size_t k = 0; k < c; k++) dst[k] = q->scale[k] * (dst[k] / (float)positions - (q->zero ? q->zero[k] : 0));
}

static graft_status mean_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    extent e = extent_of(s);
    size_t width = e.positions * e.c * gf_dtype_size(s->src_dtype[0]);
    float *dst = exec->args.dst;
    for (size_t i = 0; i < e.n; i++, dst += e.c) {
        const char *image = (const char *)exec->args.src[0] + i * width;
        if (s->src_dtype[0] == GF_U8) {
            pool_u8(&s->src_quant, (const uint8_t *)image, e.positions, e.c, dst);
            continue;
        }
        gf_sum_rows(image, s->src_dtype[0], e.positions, e.c, dst);
        for (size_t k = 0; k < e.c; k++) dst[k] /= (float)e.positions;
    }
    return GRAFT_OK;
}

static graft_status mean_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    extent e = extent_of(s);
    size_t row = e.c * gf_dtype_size(s->src_dtype[0]);
    float *diff = exec->args.diff_dst;
    for (size_t i = 0; i < e.n * e.c; i++) diff[i] /= (float)e.positions;
    for (size_t i = 0; i < e.n * e.positions; i++) {
        char *to = (char *)exec->args.diff_src[0] + i * row;
        if (s->accumulate[0] || i % e.positions == 0) {
            gf_put(to, s->src_dtype[0], diff + i / e.positions * e.c, GF_F32, e.c, s->accumulate[0]);
        } else {
            memcpy(to, to - row, row); /* every place of an image gets the same */
        }
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_global_pool = {
    .name = "global_pool",
    .infer = infer,
    .forward = mean_forward,
    .backward = mean_backward,
};

/* ---- maximum, for one block of channels of one image at a time */

static size_t block_of(size_t c, size_t k) { return c - k < GF_BLOCK ? c - k : GF_BLOCK; }

static graft_status max_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    extent e = extent_of(s);
    float best[GF_BLOCK], room[GF_BLOCK];
    for (size_t i = 0; i < e.n; i++) {
        for (size_t k = 0; k < e.c; k += GF_BLOCK) {
            size_t n = block_of(e.c, k), at = i * e.positions * e.c + k;
            gf_block_copy(exec->args.src[0], s->src_dtype[0], at, n, best);
            for (size_t p = 1; p < e.positions; p++) {
                gf_larger(best, gf_block_in(exec->args.src[0], s->src_dtype[0], at + p * e.c, n, room), n);
            }
            gf_block_out(exec->args.dst, s->dst_dtype, i * e.c + k, n, best, false);
        }
    }
    return GRAFT_OK;
}

static graft_status max_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    extent e = extent_of(s);
    const float *dst = a->dst, *diff = a->diff_dst;
    for (size_t i = 0; i < e.n; i++) {
        for (size_t k = 0; k < e.c; k += GF_BLOCK) {
            size_t n = block_of(e.c, k), at = i * e.positions * e.c + k;
            float room[GF_BLOCK], share[GF_BLOCK] = {0};
            const float *best = dst + i * e.c + k;
            for (size_t p = 0; p < e.positions; p++) {
                const float *x = gf_block_in(a->src[0], s->src_dtype[0], at + p * e.c, n, room);
                for (size_t j = 0; j < n; j++) share[j] += x[j] == best[j];
            }
            for (size_t j = 0; j < n; j++) share[j] = diff[i * e.c + k + j] / share[j];
            for (size_t p = 0; p < e.positions; p++) {
                gf_block_copy(a->src[0], s->src_dtype[0], at + p * e.c, n, room);
                for (size_t j = 0; j < n; j++) room[j] = room[j] == best[j] ? share[j] : 0;
                gf_block_out(a->diff_src[0], s->src_dtype[0], at + p * e.c, n, room, s->accumulate[0]);
            }
        }
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_global_max_pool = {
    .name = "global_max_pool",
    .infer = infer,
    .forward = max_forward,
    .backward = max_backward,
};
