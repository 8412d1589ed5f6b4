/* norm.c - layer normalisation (groups = 0: over the last axis) and group normalisation (over the places of an image
 * and the channels of a group, which stand side by side). For each unit of N values that is normalised:
 *
 *   m = mean src    v = mean (src - m)^2    x = (src - m) r, r = 1 / sqrt(v + epsilon)    dst = x kernel[c] + bias[c]
 *
 *   diff_kernel = sum diff_dst x    diff_bias = sum diff_dst
 *   diff_src = r (d - mean d - x mean(d x)), d = diff_dst kernel
 *
 * A unit lies in the scratchpad in f32, as `places` runs of `run` channels. Plain C, its own reference implementation.
 */
#include "ops/kernels.h"
#include "ops/weights.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

typedef struct norm_impl {
    size_t c, run, positions; /* of the tensor; of a unit */
    size_t per_image, unit;   /* units side by side; values of each */
    size_t units;
    gf_weights weights;
} norm_impl;

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *src = &s->src[0];
    int64_t c = src->rank >= 2 ? src->dim[src->rank - 1] : 0, groups = s->norm.groups;
    if (c < 1 || groups < 0 || (groups > 0 && c % groups)) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: cannot normalise %s in %d groups", s->name,
                       GF_SHAPE_TEXT(src), (int)groups);
    }
    *dst = *src;
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    const gf_op_spec *s = &op->spec;
    norm_impl *m = op->impl = gf_new(norm_impl);
    if (!m) return gf_fail_memory(err, sizeof *m, s->name);
    size_t count = gf_count(&s->dst), groups = s->norm.groups > 0 ? (size_t)s->norm.groups : 1;
    m->c = (size_t)s->dst.dim[s->dst.rank - 1];
    m->run = m->c / groups;
    m->positions = s->norm.groups > 0 ? count / (m->c * (size_t)s->dst.dim[0]) : 1;
    m->per_image = groups;
    m->unit = m->positions * m->run;
    m->units = count / m->unit;
    op->scratchpad_bytes = 2 * m->unit * sizeof(float);
    if (s->diff_weights) op->grad_count = 2 * m->c;
    return gf_weights_create(&m->weights, s, err);
}

static void destroy(gf_op *op)
{
    norm_impl *m = op->impl;
    if (!m) return;
    gf_weights_destroy(&m->weights);
    gf_free(m);
}

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    (void)err;
    norm_impl *m = op->impl;
    gf_weights_fill(&m->weights, &op->spec, kernel, bias);
    return GRAFT_OK;
}

/* The first element of a unit, in its tensor and among the channels. */
static size_t channel_of(const norm_impl *m, size_t unit) { return unit % m->per_image * m->run; }
static size_t start_of(const norm_impl *m, size_t unit)
{
    return unit / m->per_image * m->positions * m->c + channel_of(m, unit);
}

static void load(const norm_impl *m, const void *x, gf_dtype type, size_t unit, float *to)
{
    size_t at = start_of(m, unit), size = gf_dtype_size(type);
    for (size_t p = 0; p < m->positions; p++) {
        gf_convert(to + p * m->run, GF_F32, (const char *)x + (at + p * m->c) * size, type, m->run);
    }
}

static void store(const norm_impl *m, void *x, gf_dtype type, size_t unit, const float *from, bool add)
{
    for (size_t p = 0; p < m->positions; p++) {
        gf_block_out(x, type, start_of(m, unit) + p * m->c, m->run, from + p * m->run, add);
    }
}

/* In place; r is returned. */
static float normalise(const norm_impl *m, float epsilon, float *x)
{
    float n = (float)m->unit, mean = gf_sum(x, m->unit) / n;
    for (size_t i = 0; i < m->unit; i++) x[i] -= mean;
    float r = 1 / sqrtf(gf_dot(x, x, m->unit) / n + epsilon);
    gf_scale(x, r, m->unit);
    return r;
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const norm_impl *m = exec->op->impl;
    float *x = exec->args.scratchpad;
    for (size_t i = 0; i < m->units; i++) {
        const float *kernel = m->weights.kernel + channel_of(m, i), *bias = m->weights.bias + channel_of(m, i);
        load(m, exec->args.src[0], s->src_dtype[0], i, x);
        normalise(m, s->norm.epsilon, x);
        for (size_t p = 0; p < m->positions; p++) gf_scale_shift(x + p * m->run, kernel, bias, m->run);
        store(m, exec->args.dst, s->dst_dtype, i, x, false);
    }
    return GRAFT_OK;
}

/* d = r (d - mean d - x mean(d x)) */
static void turn_back(size_t n, float r, const float *x, float *d)
{
    float mean = gf_sum(d, n) / (float)n, along = gf_dot(d, x, n) / (float)n;
    for (size_t i = 0; i < n; i++) d[i] = r * (d[i] - mean - x[i] * along);
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    const norm_impl *m = exec->op->impl;
    float *x = a->scratchpad, *d = x + m->unit;
    if (s->diff_weights) memset(a->grad, 0, 2 * m->c * sizeof *a->grad);
    for (size_t i = 0; i < m->units; i++) {
        size_t k = channel_of(m, i);
        load(m, a->src[0], s->src_dtype[0], i, x);
        load(m, a->diff_dst, s->dst_dtype, i, d);
        float r = normalise(m, s->norm.epsilon, x);
        for (size_t p = 0; p < m->positions; p++) {
            float *dp = d + p * m->run;
            if (s->diff_weights) {
                gf_multiply_add(a->grad + k, dp, x + p * m->run, m->run);
                gf_accumulate_f32(a->grad + m->c + k, dp, m->run);
            }
            gf_multiply(dp, m->weights.kernel + k, m->run);
        }
        if (!s->diff_src[0]) continue;
        turn_back(m->unit, r, x, d);
        store(m, a->diff_src[0], s->src_dtype[0], i, d, s->accumulate[0]);
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_norm = {
    .name = "norm",
    .kernel_count = gf_op_kernel_of_channels,
    .in_place = true,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
