/* conv_reference.c - the reference implementation of conv.c: seven loops, nothing else. */
#include "ops/kernels.h"
#include "ops/weights.h"

#include "base/alloc.h"

#include <string.h>

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    return gf_op_conv.infer(s, dst, err);
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    gf_weights *w = op->impl = gf_new(gf_weights);
    if (!w) return gf_fail_memory(err, sizeof *w, op->spec.name);
    op->grad_count = gf_op_kernel_count(&op->spec) + gf_op_bias_count(&op->spec);
    return gf_weights_create(w, &op->spec, err);
}

static void destroy(gf_op *op)
{
    if (!op->impl) return;
    gf_weights_destroy(op->impl);
    gf_free(op->impl);
}

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    (void)err;
    gf_weights_fill(op->impl, &op->spec, kernel, bias);
    return GRAFT_OK;
}

/* Walks over every product src[si] * kernel[ki] that is part of dst[di]. */
typedef void (*visit_fn)(void *ctx, size_t si, size_t ki, size_t di);

static void each_product(const gf_op_spec *s, visit_fn visit, void *ctx)
{
    const int64_t *in = s->src[0].dim, *out = s->dst.dim;
    int64_t g = s->conv.groups, icg = in[3] / g, ocg = out[3] / g;
    for (int64_t n = 0; n < out[0]; n++) {
        for (int64_t y = 0; y < out[1]; y++) {
            for (int64_t x = 0; x < out[2]; x++) {
                for (int64_t o = 0; o < out[3]; o++) {
                    for (int64_t i = 0; i < s->conv.kh; i++) {
                        for (int64_t j = 0; j < s->conv.kw; j++) {
                            int64_t sy = y * s->conv.sh + i * (s->conv.dh + 1) - s->conv.pt;
                            int64_t sx = x * s->conv.sw + j * (s->conv.dw + 1) - s->conv.pl;
                            if (sy < 0 || sy >= in[1] || sx < 0 || sx >= in[2]) continue;
                            for (int64_t c = 0; c < icg; c++) {
                                int64_t si = ((n * in[1] + sy) * in[2] + sx) * in[3] + o / ocg * icg + c;
                                /* a group's kernels stand side by side in the last dimension */
                                int64_t ki = ((i * s->conv.kw + j) * icg + c) * out[3] + o;
                                visit(ctx, (size_t)si, (size_t)ki,
                                      (size_t)(((n * out[1] + y) * out[2] + x) * out[3] + o));
                            }
                        }
                    }
                }
            }
        }
    }
}

typedef struct walk {
    const gf_op_spec *s;
    const gf_op_args *a;
    const float *kernel;
    float *sum; /* f32 sums, stored once at the end */
} walk;

static void add_forward(void *ctx, size_t si, size_t ki, size_t di)
{
    walk *w = ctx;
    w->sum[di] += gf_load(w->a->src[0], w->s->src_dtype[0], si) * w->kernel[ki];
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    const gf_op_spec *s = &exec->op->spec;
    const gf_weights *t = exec->op->impl;
    size_t n = gf_count(&s->dst), oc = (size_t)s->conv.filters;
    walk w = {s, &exec->args, t->kernel, gf_new_n(n, float)};
    if (!w.sum) return gf_fail_memory(err, n * 4, s->name);
    each_product(s, add_forward, &w);
    for (size_t i = 0; i < n; i++) {
        float z = w.sum[i] + (s->has_bias ? t->bias[i % oc] : 0);
        if (s->n_src == 2) z += gf_load(exec->args.src[1], s->src_dtype[1], i);
        gf_store(exec->args.dst, s->dst_dtype, i, gf_act_value(s->act, s->act_alpha, z));
    }
    gf_free(w.sum);
    return GRAFT_OK;
}

static void add_diff_src(void *ctx, size_t si, size_t ki, size_t di)
{
    walk *w = ctx;
    w->sum[si] += gf_load(w->a->diff_dst, w->s->dst_dtype, di) * w->kernel[ki];
}

static void add_diff_kernel(void *ctx, size_t si, size_t ki, size_t di)
{
    walk *w = ctx;
    w->a->grad[ki] += gf_load(w->a->src[0], w->s->src_dtype[0], si) * gf_load(w->a->diff_dst, w->s->dst_dtype, di);
}

static void hand_on(const gf_op_spec *s, const gf_op_args *a, int k, const float *diff)
{
    for (size_t i = 0; i < gf_count(&s->src[k]); i++) {
        float before = s->accumulate[k] ? gf_load(a->diff_src[k], s->src_dtype[k], i) : 0;
        float value = diff ? diff[i] : gf_load(a->diff_dst, s->dst_dtype, i);
        gf_store(a->diff_src[k], s->src_dtype[k], i, before + value);
    }
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    const gf_op_spec *s = &exec->op->spec;
    const gf_weights *t = exec->op->impl;
    gf_op_args *a = &exec->args;
    size_t n = gf_count(&s->dst), oc = (size_t)s->conv.filters, kernel = gf_op_kernel_count(s);
    for (size_t i = 0; i < n; i++) {
        float slope = gf_act_slope(s->act, s->act_alpha, gf_load(a->dst, s->dst_dtype, i));
        gf_store(a->diff_dst, s->dst_dtype, i, gf_load(a->diff_dst, s->dst_dtype, i) * slope);
    }
    walk w = {s, a, t->kernel, gf_new_n(gf_count(&s->src[0]), float)};
    if (!w.sum) return gf_fail_memory(err, n * 4, s->name);
    if (s->diff_weights) {
        memset(a->grad, 0, exec->op->grad_count * sizeof *a->grad);
        each_product(s, add_diff_kernel, &w);
        for (size_t i = 0; s->has_bias && i < n; i++) a->grad[kernel + i % oc] += gf_load(a->diff_dst, s->dst_dtype, i);
    }
    if (s->diff_src[0]) {
        each_product(s, add_diff_src, &w);
        hand_on(s, a, 0, w.sum);
    }
    if (s->n_src == 2 && s->diff_src[1] && a->diff_src[1] != a->diff_dst) hand_on(s, a, 1, NULL);
    gf_free(w.sum);
    return GRAFT_OK;
}

const gf_op_class gf_op_conv_reference = {
    .name = "conv_naive",
    .scales = true,
    .residual = true,
    .fuses = GF_FUSES_ANY,
    .kernel_count = gf_op_kernel_of_conv,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
