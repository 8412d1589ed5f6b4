/* elementwise.c - ops that could not be fused into a neighbour: activation, sum, product. They work block by block
 * (kernels.h), each by its reference implementation's formula:
 *
 *   act       dst = act(src)                diff_src = diff_dst act'
 *   add       dst = act(src0 + src1 + ...)  diff_srck = diff_dst act'
 *   multiply  dst = act(src0 * src1)        diff_src0 = dz src1, diff_src1 = dz src0, dz = diff_dst act'
 *
 * A factor of shape (n, 1, 1, c) counts for all places of its image; its gradient is then the sum over them. */
#include "ops/engine.h"
#include "ops/kernels.h"

#include <string.h>

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t channels(const gf_op_spec *s) { return (size_t)s->dst.dim[s->dst.rank - 1]; }

/* ---- activation and sum */

static graft_status same_shape(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    for (int k = 1; k < s->n_src; k++) {
        if (gf_shape_equal(&s->src[0], &s->src[k])) continue;
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: cannot add %s and %s", s->name,
                       GF_SHAPE_TEXT(&s->src[0]), GF_SHAPE_TEXT(&s->src[k]));
    }
    *dst = s->src[0];
    return GRAFT_OK;
}

static graft_status sum_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    size_t count = gf_count(&s->dst);
    float z[GF_BLOCK], room[GF_BLOCK];
    for (size_t at = 0; at < count; at += GF_BLOCK) {
        size_t n = smaller(GF_BLOCK, count - at);
        gf_block_copy(a->src[0], s->src_dtype[0], at, n, z);
        for (int k = 1; k < s->n_src; k++)
            gf_accumulate_f32(z, gf_block_in(a->src[k], s->src_dtype[k], at, n, room), n);
        gf_block_act_out(s, a->dst, at, n, z);
    }
    return GRAFT_OK;
}

static graft_status sum_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    size_t count = gf_count(&s->dst);
    float dz[GF_BLOCK];
    for (size_t at = 0; at < count; at += GF_BLOCK) {
        size_t n = smaller(GF_BLOCK, count - at);
        gf_block_dz(s, a, at, n, dz);
        for (int k = 0; k < s->n_src; k++) {
            bool there = a->diff_src[k] == a->diff_dst && s->act == GF_ACT_LINEAR; /* handed on */
            if (s->diff_src[k] && !there) gf_block_out(a->diff_src[k], s->src_dtype[k], at, n, dz, s->accumulate[k]);
        }
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_add = {
    .name = "add",
    .plain = true,
    .least_src = 2,
    .most_src = GF_OP_MAX_SRC,
    .fuses = GF_FUSES_ANY,
    .in_place = true,
    .infer = same_shape,
    .forward = sum_forward,
    .backward = sum_backward,
};

/* Between bf16 values a lookup takes half the time of an exponential, and gives the same bits. */
static bool is_looked_up(const gf_op_spec *s)
{
    static const bool costly[GF_ACTS] = {
        [GF_ACT_SIGMOID] = true,     [GF_ACT_TANH] = true, [GF_ACT_ELU] = true,         [GF_ACT_SELU] = true,
        [GF_ACT_EXPONENTIAL] = true, [GF_ACT_SILU] = true, [GF_ACT_GELU] = true,        [GF_ACT_GELU_TANH] = true,
        [GF_ACT_SOFTPLUS] = true,    [GF_ACT_MISH] = true, [GF_ACT_LOG_SIGMOID] = true, [GF_ACT_TANH_SHRINK] = true,
        [GF_ACT_CELU] = true,
    };
    return costly[s->act] && s->src_dtype[0] == GF_BF16 && s->dst_dtype == GF_BF16;
}

static graft_status act_create(gf_op *op, gf_ops *ops, graft_error *err)
{
    if (!is_looked_up(&op->spec)) return GRAFT_OK;
    const uint16_t *table;
    GF_TRY(gf_ops_act_table(ops, op->spec.act, op->spec.act_alpha, &table, err));
    op->impl = (void *)table; /* borrowed */
    return GRAFT_OK;
}

static graft_status act_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    const uint16_t *table = exec->op->impl, *src = exec->args.src[0];
    if (!table) return sum_forward(exec, step, err);
    uint16_t *dst = exec->args.dst;
    size_t n = gf_count(&exec->op->spec.dst);
    for (size_t i = 0; i < n; i++) dst[i] = table[src[i]];
    return GRAFT_OK;
}

const gf_op_class gf_op_act = {
    .name = "act",
    .in_place = true,
    .infer = same_shape,
    .create = act_create,
    .forward = act_forward,
    .backward = sum_backward,
};

/* ---- product */

static bool is_broadcast(const gf_op_spec *s)
{
    const gf_shape *x = &s->src[0], *f = &s->src[1];
    if (x->rank < 3 || f->rank != x->rank) return false;
    for (int i = 1; i + 1 < f->rank; i++) {
        if (f->dim[i] != 1) return false;
    }
    return f->dim[0] == x->dim[0] && f->dim[f->rank - 1] == x->dim[x->rank - 1];
}

static graft_status multiply_infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    if (s->n_src != 2 || !(gf_shape_equal(&s->src[0], &s->src[1]) || is_broadcast(s))) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: cannot multiply %s by %s", s->name,
                       GF_SHAPE_TEXT(&s->src[0]), GF_SHAPE_TEXT(&s->src[1]));
    }
    *dst = s->src[0];
    return GRAFT_OK;
}

/* n elements of a product from `at` on, by these factors. */
static void multiply_piece(const gf_op_spec *s, const gf_op_args *a, size_t at, size_t n, const float *factor)
{
    float z[GF_BLOCK];
    gf_block_copy(a->src[0], s->src_dtype[0], at, n, z);
    gf_multiply(z, factor, n);
    gf_block_act_out(s, a->dst, at, n, z);
}

/* Backward; the factors' gradients are added to `sum`. */
static void unmultiply_piece(const gf_op_spec *s, const gf_op_args *a, size_t at, size_t n, const float *factor,
                             float *sum)
{
    float dz[GF_BLOCK], room[GF_BLOCK];
    gf_block_dz(s, a, at, n, dz);
    if (s->diff_src[1]) gf_multiply_add(sum, dz, gf_block_in(a->src[0], s->src_dtype[0], at, n, room), n);
    if (!s->diff_src[0]) return;
    gf_multiply(dz, factor, n);
    gf_block_out(a->diff_src[0], s->src_dtype[0], at, n, dz, s->accumulate[0]);
}

static void multiply_equal(const gf_op_spec *s, const gf_op_args *a, bool back)
{
    float room[GF_BLOCK], sum[GF_BLOCK];
    size_t count = gf_count(&s->dst);
    for (size_t at = 0; at < count; at += GF_BLOCK) {
        size_t n = smaller(GF_BLOCK, count - at);
        const float *factor = gf_block_in(a->src[1], s->src_dtype[1], at, n, room);
        if (!back) {
            multiply_piece(s, a, at, n, factor);
            continue;
        }
        memset(sum, 0, sizeof sum);
        unmultiply_piece(s, a, at, n, factor, sum);
        if (s->diff_src[1]) gf_block_out(a->diff_src[1], s->src_dtype[1], at, n, sum, s->accumulate[1]);
    }
}

/* All places of an image for channels k .. k + n - 1: as many places at once as fill a block, the factors side by
 * side as often (only where n is all channels). */
static void multiply_stripe(const gf_op_spec *s, const gf_op_args *a, size_t image, size_t k, size_t n, bool back)
{
    size_t c = channels(s), positions = gf_count(&s->dst) / ((size_t)s->dst.dim[0] * c);
    size_t copies = smaller(n == c ? GF_BLOCK / c : 1, positions);
    float factor[GF_BLOCK], sum[GF_BLOCK] = {0}, total[GF_BLOCK];
    for (size_t i = 0; i < copies; i++) {
        gf_block_copy(a->src[1], s->src_dtype[1], image * c + k, n, factor + i * n);
    }
    for (size_t y = 0; y < positions; y += copies) {
        size_t at = (image * positions + y) * c + k, m = smaller(copies, positions - y) * n;
        if (back) {
            unmultiply_piece(s, a, at, m, factor, sum);
        } else {
            multiply_piece(s, a, at, m, factor);
        }
    }
    if (!back || !s->diff_src[1]) return;
    gf_sum_rows(sum, GF_F32, copies, n, total);
    gf_block_out(a->diff_src[1], s->src_dtype[1], image * c + k, n, total, s->accumulate[1]);
}

static void multiply_broadcast(const gf_op_spec *s, const gf_op_args *a, bool back)
{
    size_t c = channels(s);
    for (size_t i = 0; i < (size_t)s->dst.dim[0]; i++) {
        for (size_t k = 0; k < c; k += GF_BLOCK) multiply_stripe(s, a, i, k, smaller(GF_BLOCK, c - k), back);
    }
}

static graft_status multiply_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    (gf_shape_equal(&s->src[0], &s->src[1]) ? multiply_equal : multiply_broadcast)(s, &exec->args, false);
    return GRAFT_OK;
}

static graft_status multiply_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    (gf_shape_equal(&s->src[0], &s->src[1]) ? multiply_equal : multiply_broadcast)(s, &exec->args, true);
    return GRAFT_OK;
}

const gf_op_class gf_op_multiply = {
    .name = "multiply",
    .plain = true,
    .least_src = 2,
    .most_src = 2,
    .int8 = &gf_op_multiply_int8,
    .in_place = true,
    .infer = multiply_infer,
    .forward = multiply_forward,
    .backward = multiply_backward,
};
