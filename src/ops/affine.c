/* affine.c - batch normalisation on fixed statistics where no convolution could take it:
 *
 *   dst = act(src * kernel[c] + bias[c])
 *   diff_kernel = sum src dz, diff_bias = sum dz, diff_src = dz kernel, dz = diff_dst act'
 *
 * Memory is what it waits for, so a tensor is gone through once, 16 values at a time, where its activation only cuts
 * off and dst has src's type. Others, and what is left over at the end, take the same way in blocks of f32. */
#include "ops/engine.h"
#include "ops/vectors.h"

#include "base/alloc.h"

/* kernel and bias stand as often side by side as makes a multiple of 16, and about a block; sums are kept as wide. */
typedef struct affine_impl {
    size_t period; /* a multiple of the channels */
    float *kernel, *bias;
} affine_impl;

static size_t channels(const gf_op_spec *s) { return (size_t)s->dst.dim[s->dst.rank - 1]; }

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    (void)err;
    *dst = s->src[0];
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    affine_impl *f = op->impl = gf_new(affine_impl);
    if (!f) return gf_fail_memory(err, sizeof *f, op->spec.name);
    size_t c = channels(&op->spec), even = c;
    while (even % LANES) even += c;
    f->period = even < GF_BLOCK ? GF_BLOCK / even * even : even;
    f->kernel = gf_new_n(f->period, float);
    f->bias = gf_new_n(f->period, float);
    if (!f->kernel || !f->bias) return gf_fail_memory(err, f->period * sizeof(float), op->spec.name);
    if (op->spec.diff_weights) {
        op->grad_count = 2 * c;
        op->scratchpad_bytes = 2 * f->period * sizeof(float);
    }
    return GRAFT_OK;
}

static void destroy(gf_op *op)
{
    affine_impl *f = op->impl;
    if (!f) return;
    gf_free(f->kernel);
    gf_free(f->bias);
    gf_free(f);
}

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    (void)err;
    affine_impl *f = op->impl;
    size_t c = channels(&op->spec);
    for (size_t i = 0; i < f->period; i++) {
        f->kernel[i] = kernel[i % c];
        f->bias[i] = bias ? bias[i % c] : 0;
    }
    return GRAFT_OK;
}

/* ---- pieces: n values that lie in one block and one period */

typedef struct piece {
    size_t at, n, within; /* where it begins in the tensors, and in its period */
    bool direct;          /* on the tensors as they are */
} piece;

static piece piece_at(const gf_op *op, size_t at, size_t count)
{
    const gf_op_spec *s = &op->spec;
    const affine_impl *f = op->impl;
    piece p = {.at = at, .within = at % f->period};
    p.n = smaller(smaller(GF_BLOCK, f->period - p.within), count - at);
    p.direct = gf_act_cuts(s->act) && s->src_dtype[0] == s->dst_dtype && p.n >= LANES;
    if (p.direct) p.n -= p.n % LANES;
    return p;
}

/* The block's end filled up to whole vectors. */
static size_t fill_up(float z[GF_BLOCK], size_t n)
{
    for (; n % LANES; n++) z[n] = 0;
    return n;
}

/* ---- forward */

INLINE void scale_shift(void *dst, const void *src, gf_dtype type, const float *kernel, const float *bias, size_t n,
                        gf_act act)
{
    const float low = cut_low(act), high = cut_high(act);
    for (size_t i = 0; i < n; i += LANES) {
        store_v(dst, type, i, cut_v(load_v(src, type, i) * load_f(kernel + i) + load_f(bias + i), low, high));
    }
}

GF_CLONES static void forward_bf16(void *dst, const void *src, const float *kernel, const float *bias, size_t n,
                                   gf_act act)
{
    scale_shift(dst, src, GF_BF16, kernel, bias, n, act);
}

GF_CLONES static void forward_f32(void *dst, const void *src, const float *kernel, const float *bias, size_t n,
                                  gf_act act)
{
    scale_shift(dst, src, GF_F32, kernel, bias, n, act);
}

static void forward_piece(const gf_op_spec *s, const gf_op_args *a, const affine_impl *f, piece p)
{
    const float *kernel = f->kernel + p.within, *bias = f->bias + p.within;
    if (p.direct) {
        gf_dtype type = s->dst_dtype;
        (type == GF_BF16 ? forward_bf16 : forward_f32)(element(a->dst, type, p.at), element(a->src[0], type, p.at),
                                                       kernel, bias, p.n, s->act);
        return;
    }
    float z[GF_BLOCK];
    gf_block_copy(a->src[0], s->src_dtype[0], p.at, p.n, z);
    forward_f32(z, z, kernel, bias, fill_up(z, p.n), GF_ACT_LINEAR);
    gf_block_act_out(s, a->dst, p.at, p.n, z);
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op *op = exec->op;
    size_t count = gf_count(&op->spec.dst);
    for (piece p = {0}; p.at < count; p.at += p.n) {
        p = piece_at(op, p.at, count);
        forward_piece(&op->spec, &exec->args, op->impl, p);
    }
    return GRAFT_OK;
}

/* ---- backward */

typedef struct ends {
    const void *diff_dst, *src, *dst; /* dst NULL: nothing was cut off */
    void *diff_src;                   /* NULL: not wanted */
    bool add;                         /* to diff_src */
    const float *kernel;
    float *dkernel, *dbias; /* NULL: not wanted */
} ends;

INLINE void unscale(const ends e, gf_dtype type, size_t n, float high)
{
    for (size_t i = 0; i < n; i += LANES) {
        vf dz = load_v(e.diff_dst, type, i);
        if (e.dst) dz = uncut_v(dz, load_v(e.dst, type, i), high);
        if (e.dkernel) {
            store_f(e.dkernel + i, load_f(e.dkernel + i) + load_v(e.src, type, i) * dz);
            store_f(e.dbias + i, load_f(e.dbias + i) + dz);
        }
        if (!e.diff_src) continue;
        dz *= load_f(e.kernel + i);
        store_v(e.diff_src, type, i, e.add ? load_v(e.diff_src, type, i) + dz : dz);
    }
}

GF_CLONES static void backward_bf16(const ends *e, size_t n, float high) { unscale(*e, GF_BF16, n, high); }
GF_CLONES static void backward_f32(const ends *e, size_t n, float high) { unscale(*e, GF_F32, n, high); }

static void backward_piece(const gf_op_spec *s, const gf_op_args *a, const affine_impl *f, piece p)
{
    float *sum = s->diff_weights ? a->scratchpad : NULL; /* of the kernel, then of the bias */
    ends e = {.kernel = f->kernel + p.within,
              .dkernel = sum ? sum + p.within : NULL,
              .dbias = sum ? sum + f->period + p.within : NULL};
    if (p.direct) {
        gf_dtype type = s->dst_dtype;
        e.diff_dst = element(a->diff_dst, type, p.at);
        e.src = element(a->src[0], type, p.at);
        e.dst = s->act == GF_ACT_LINEAR ? NULL : element(a->dst, type, p.at);
        e.diff_src = s->diff_src[0] ? element(a->diff_src[0], type, p.at) : NULL;
        e.add = s->accumulate[0];
        (type == GF_BF16 ? backward_bf16 : backward_f32)(&e, p.n, cut_high(s->act));
        return;
    }
    float dz[GF_BLOCK], src[GF_BLOCK];
    gf_block_dz(s, a, p.at, p.n, dz);
    if (sum) gf_block_copy(a->src[0], s->src_dtype[0], p.at, p.n, src);
    e.src = src;
    e.diff_dst = dz;
    e.diff_src = s->diff_src[0] ? dz : NULL;
    fill_up(src, p.n);
    backward_f32(&e, fill_up(dz, p.n), INFINITY);
    if (s->diff_src[0]) gf_block_out(a->diff_src[0], s->src_dtype[0], p.at, p.n, dz, s->accumulate[0]);
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op *op = exec->op;
    const affine_impl *f = op->impl;
    size_t count = gf_count(&op->spec.dst), c = channels(&op->spec);
    float *sum = exec->args.scratchpad;
    if (op->spec.diff_weights) memset(sum, 0, 2 * f->period * sizeof *sum);
    for (piece p = {0}; p.at < count; p.at += p.n) {
        p = piece_at(op, p.at, count);
        backward_piece(&op->spec, &exec->args, f, p);
    }
    for (size_t i = 0; op->spec.diff_weights && i < 2; i++)
        gf_sum_rows(sum + i * f->period, GF_F32, f->period / c, c, exec->args.grad + i * c);
    return GRAFT_OK;
}

const gf_op_class gf_op_affine = {
    .name = "affine",
    .fuses = GF_FUSES_ANY,
    .kernel_count = gf_op_kernel_of_channels,
    .in_place = true,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
