/* glu.c - a gated linear unit (Dauphin et al., 2017) over the last axis, of which a is the first half and b the second:
 *
 *   dst = a sigmoid(b)    diff_a = diff_dst sigmoid(b)    diff_b = diff_dst a sigmoid(b) (1 - sigmoid(b))
 *
 * Plain C, its own reference implementation. */
#include "ops/kernels.h"

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    int last = s->src[0].rank - 1;
    if (last < 1 || s->src[0].dim[last] % 2) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL,
                       "layer %s: a gated linear unit wants an even number of channels, not %s", s->name,
                       GF_SHAPE_TEXT(&s->src[0]));
    }
    *dst = s->src[0];
    dst->dim[last] /= 2;
    return GRAFT_OK;
}

/* At most GF_BLOCK channels of a row: where they lie in dst, and a's in src; b's lie c further on. */
typedef struct piece {
    size_t dst, src, n;
} piece;

static piece piece_at(size_t row, size_t k, size_t c)
{
    return (piece){row * c + k, 2 * row * c + k, c - k < GF_BLOCK ? c - k : GF_BLOCK};
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *x = &exec->args;
    size_t c = (size_t)s->dst.dim[s->dst.rank - 1], rows = gf_count(&s->dst) / c;
    float a[GF_BLOCK], b[GF_BLOCK];
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < c; k += GF_BLOCK) {
            piece p = piece_at(i, k, c);
            gf_block_copy(x->src[0], s->src_dtype[0], p.src, p.n, a);
            gf_block_copy(x->src[0], s->src_dtype[0], p.src + c, p.n, b);
            gf_act_forward(GF_ACT_SIGMOID, 0, b, GF_F32, p.n);
            gf_multiply(a, b, p.n);
            gf_block_out(x->dst, s->dst_dtype, p.dst, p.n, a, false);
        }
    }
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *x = &exec->args;
    if (!s->diff_src[0]) return GRAFT_OK;
    size_t c = (size_t)s->dst.dim[s->dst.rank - 1], rows = gf_count(&s->dst) / c;
    float a[GF_BLOCK], b[GF_BLOCK], d[GF_BLOCK];
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < c; k += GF_BLOCK) {
            piece p = piece_at(i, k, c);
            gf_block_copy(x->src[0], s->src_dtype[0], p.src, p.n, a);
            gf_block_copy(x->src[0], s->src_dtype[0], p.src + c, p.n, b);
            gf_block_copy(x->diff_dst, s->dst_dtype, p.dst, p.n, d);
            gf_act_forward(GF_ACT_SIGMOID, 0, b, GF_F32, p.n);
            gf_multiply(d, b, p.n);
            gf_block_out(x->diff_src[0], s->src_dtype[0], p.src, p.n, d, s->accumulate[0]);
            gf_multiply(d, a, p.n);
            for (size_t j = 0; j < p.n; j++) d[j] *= 1 - b[j];
            gf_block_out(x->diff_src[0], s->src_dtype[0], p.src + c, p.n, d, s->accumulate[0]);
        }
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_glu = {.name = "glu", .plain = true, .infer = infer, .forward = forward, .backward = backward};
