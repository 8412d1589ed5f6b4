/* pool_reference.c - the reference implementations of pool.c: each window one by one; of equal maxima the first counts.
 */
#include "ops/kernels.h"

#include "base/alloc.h"

#include <math.h>

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    return gf_op_max_pool.infer(s, dst, err);
}

/* The element of src under a tap of a window, or -1 outside. */
static int64_t under(const gf_op_spec *s, size_t di, int tap)
{
    const int64_t *in = s->src[0].dim, *out = s->dst.dim;
    int64_t c = (int64_t)di % out[3], x = (int64_t)di / out[3] % out[2], y = (int64_t)di / out[3] / out[2] % out[1];
    int64_t n = (int64_t)di / out[3] / out[2] / out[1];
    int64_t sy = y * s->pool.sh - s->pool.pt + tap / s->pool.kw, sx = x * s->pool.sw - s->pool.pl + tap % s->pool.kw;
    bool inside = sy >= 0 && sy < in[1] && sx >= 0 && sx < in[2];
    return inside ? ((n * in[1] + sy) * in[2] + sx) * in[3] + c : -1;
}

static int taps(const gf_op_spec *s) { return s->pool.kh * s->pool.kw; }

static int divisor(const gf_op_spec *s, size_t di)
{
    int inside = 0;
    for (int t = 0; t < taps(s); t++) inside += under(s, di, t) >= 0;
    return s->pool.count_padding ? taps(s) : inside;
}

static float at(const gf_exec *exec, int64_t si)
{
    return gf_load(exec->args.src[0], exec->op->spec.src_dtype[0], (size_t)si);
}

/* The first tap that holds the maximum of dst's element di; a NaN counts as that. */
static int maximum(const gf_exec *exec, size_t di)
{
    const gf_op_spec *s = &exec->op->spec;
    int best = -1;
    float most = -INFINITY;
    for (int t = 0; t < taps(s); t++) {
        int64_t si = under(s, di, t);
        if (si < 0) continue;
        float x = at(exec, si);
        if (best >= 0 && !(x > most || (x != x && most == most))) continue;
        most = x;
        best = t;
    }
    return best;
}

static graft_status max_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    for (size_t i = 0; i < gf_count(&s->dst); i++) {
        gf_store(exec->args.dst, s->dst_dtype, i, at(exec, under(s, i, maximum(exec, i))));
    }
    return GRAFT_OK;
}

static graft_status avg_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    for (size_t i = 0; i < gf_count(&s->dst); i++) {
        float sum = 0;
        for (int t = 0; t < taps(s); t++) {
            int64_t si = under(s, i, t);
            if (si >= 0) sum += at(exec, si);
        }
        gf_store(exec->args.dst, s->dst_dtype, i, sum / (float)divisor(s, i));
    }
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, bool maxima, graft_error *err)
{
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    size_t count = gf_count(&s->src[0]);
    float *sum = gf_new_n(count, float);
    if (!sum) return gf_fail_memory(err, count * sizeof *sum, s->name);
    for (size_t i = 0; i < gf_count(&s->dst); i++) {
        float diff = gf_load(a->diff_dst, s->dst_dtype, i);
        if (maxima) {
            sum[under(s, i, maximum(exec, i))] += diff;
            continue;
        }
        for (int t = 0; t < taps(s); t++) {
            int64_t si = under(s, i, t);
            if (si >= 0) sum[si] += diff / (float)divisor(s, i);
        }
    }
    gf_put(a->diff_src[0], s->src_dtype[0], sum, GF_F32, count, s->accumulate[0]);
    gf_free(sum);
    return GRAFT_OK;
}

static graft_status max_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    return backward(exec, true, err);
}

static graft_status avg_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    return backward(exec, false, err);
}

const gf_op_class gf_op_max_pool_reference = {
    .name = "max_pool_naive",
    .infer = infer,
    .forward = max_forward,
    .backward = max_backward,
};

const gf_op_class gf_op_avg_pool_reference = {
    .name = "avg_pool_naive",
    .infer = infer,
    .forward = avg_forward,
    .backward = avg_backward,
};
