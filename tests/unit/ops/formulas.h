/* formulas.h - what each operation that is its own reference implementation computes, element by element in double. */
#ifndef TESTS_OPS_FORMULAS_H
#define TESTS_OPS_FORMULAS_H

#include "case.h"

static inline double src_at(const run *r, int k, size_t i)
{
    return (double)gf_load(data_of(&r->src[k]), r->op.spec.src_dtype[k], i);
}

static inline double act_of(const run *r, double x)
{
    switch (r->op.spec.act) {
    case GF_ACT_RELU: return x > 0 ? x : 0;
    case GF_ACT_RELU6: return x > 6 ? 6 : x > 0 ? x : 0;
    case GF_ACT_SIGMOID: return 1 / (1 + exp(-x));
    case GF_ACT_TANH: return tanh(x);
    case GF_ACT_ELU: return x > 0 ? x : exp(x) - 1;
    case GF_ACT_SILU: return x / (1 + exp(-x));
    case GF_ACT_GELU: return x * (1 + erf(x / sqrt(2))) / 2;
    case GF_ACT_SQUAREPLUS: return (x + sqrt(x * x + 4)) / 2;
    default: assert_int_equal(r->op.spec.act, GF_ACT_LINEAR); return x;
    }
}

static inline double sum_formula(const run *r, size_t i)
{
    double sum = 0;
    for (int k = 0; k < r->op.spec.n_src; k++) sum += src_at(r, k, i);
    return act_of(r, sum);
}

static inline double multiply_formula(const run *r, size_t i)
{
    const int64_t *d = r->op.spec.dst.dim;
    size_t c = (size_t)d[r->op.spec.dst.rank - 1], image = r->n_dst / (size_t)d[0];
    size_t j = r->n_src[1] == r->n_dst ? i : i / image * c + i % c;
    return act_of(r, src_at(r, 0, i) * src_at(r, 1, j));
}

static inline double affine_formula(const run *r, size_t i)
{
    size_t k = i % r->n_bias;
    return act_of(r, src_at(r, 0, i) * (double)r->kernel[k] + (double)r->bias[k]);
}

static inline double global_formula(const run *r, size_t i)
{
    const gf_shape *d = &r->op.spec.src[0];
    size_t c = (size_t)d->dim[d->rank - 1], positions = r->n_src[0] / (c * (size_t)d->dim[0]);
    double sum = 0, most = -INFINITY;
    for (size_t p = 0; p < positions; p++) {
        double x = src_at(r, 0, (i / c * positions + p) * c + i % c);
        sum += x;
        if (x > most) most = x;
    }
    return r->op.spec.cls == &gf_op_global_max_pool ? most : sum / (double)positions;
}

/* Where element i of (n, h, w, c) is. */
typedef struct position {
    int64_t n, y, x, c;
} position;
static inline position position_of(const gf_shape *s, size_t i)
{
    int64_t at = (int64_t)i;
    return (position){at / s->dim[3] / s->dim[2] / s->dim[1], at / s->dim[3] / s->dim[2] % s->dim[1],
                      at / s->dim[3] % s->dim[2], at % s->dim[3]};
}

static inline bool inside(const gf_shape *s, position p)
{
    return p.y >= 0 && p.y < s->dim[1] && p.x >= 0 && p.x < s->dim[2];
}

static inline double src_there(const run *r, position p)
{
    const int64_t *d = r->op.spec.src[0].dim;
    return src_at(r, 0, (size_t)(((p.n * d[1] + p.y) * d[2] + p.x) * d[3] + p.c));
}

static inline double pool_formula(const run *r, size_t i)
{
    const gf_op_spec *s = &r->op.spec;
    position o = position_of(&s->dst, i);
    double sum = 0, most = -INFINITY;
    int n = 0;
    for (int k = 0; k < s->pool.kh * s->pool.kw; k++) {
        position p = {o.n, o.y * s->pool.sh - s->pool.pt + k / s->pool.kw,
                      o.x * s->pool.sw - s->pool.pl + k % s->pool.kw, o.c};
        if (!inside(&s->src[0], p)) continue;
        n++;
        sum += src_there(r, p);
        if (src_there(r, p) > most) most = src_there(r, p);
    }
    if (s->cls == &gf_op_max_pool) return most;
    return sum / (s->pool.count_padding ? s->pool.kh * s->pool.kw : n);
}

static inline double pad_formula(const run *r, size_t i)
{
    const gf_op_spec *s = &r->op.spec;
    position p = position_of(&s->dst, i);
    p.y -= s->pad.pt;
    p.x -= s->pad.pl;
    return inside(&s->src[0], p) ? src_there(r, p) : 0;
}

static inline double concat_formula(const run *r, size_t i)
{
    const gf_op_spec *s = &r->op.spec;
    size_t inner = 1;
    for (int d = s->concat.axis + 1; d < s->dst.rank; d++) inner *= (size_t)s->dst.dim[d];
    size_t axis = (size_t)s->dst.dim[s->concat.axis], at = i / inner % axis, outer = i / inner / axis;
    for (int k = 0;; k++) {
        size_t n = (size_t)s->src[k].dim[s->concat.axis];
        if (at < n) return src_at(r, k, (outer * n + at) * inner + i % inner);
        at -= n;
    }
}

static inline double reshape_formula(const run *r, size_t i) { return src_at(r, 0, i); }

static inline double permute_formula(const run *r, size_t i)
{
    const gf_op_spec *s = &r->op.spec;
    int64_t index[GF_MAX_RANK], from = 0;
    for (int d = s->dst.rank - 1; d >= 0; d--) {
        index[s->permute.axis[d]] = (int64_t)i % s->dst.dim[d];
        i /= (size_t)s->dst.dim[d];
    }
    for (int d = 0; d < s->dst.rank; d++) from = from * s->src[0].dim[d] + index[d];
    return src_at(r, 0, (size_t)from);
}

/* How much row `row` of n counts for row `at` of f n. */
static inline double share(int64_t row, int64_t at, int f, int64_t n, bool bilinear)
{
    if (!bilinear) return at / f == row;
    double where = fmin(fmax(((double)at + 0.5) / f - 0.5, 0), (double)n - 1);
    return fmax(0, 1 - fabs(where - (double)row));
}

static inline double upsample_formula(const run *r, size_t i)
{
    const gf_op_spec *s = &r->op.spec;
    const int64_t *d = s->src[0].dim;
    position o = position_of(&s->dst, i);
    double sum = 0;
    for (int64_t y = 0; y < d[1]; y++) {
        for (int64_t x = 0; x < d[2]; x++) {
            double weight = share(y, o.y, s->upsample.factor_h, d[1], s->upsample.bilinear) *
                            share(x, o.x, s->upsample.factor_w, d[2], s->upsample.bilinear);
            sum += weight * src_there(r, (position){o.n, y, x, o.c});
        }
    }
    return sum;
}

static inline double glu_formula(const run *r, size_t i)
{
    const gf_op_spec *s = &r->op.spec;
    size_t c = (size_t)s->dst.dim[s->dst.rank - 1], at = i / c * 2 * c + i % c;
    return src_at(r, 0, at) / (1 + exp(-src_at(r, 0, at + c)));
}

static inline double softmax_formula(const run *r, size_t i)
{
    const gf_op_spec *s = &r->op.spec;
    size_t c = (size_t)s->dst.dim[s->dst.rank - 1];
    double sum = 0;
    for (size_t k = 0; k < c; k++) sum += exp(src_at(r, 0, i / c * c + k));
    return s->softmax.log ? src_at(r, 0, i) - log(sum) : exp(src_at(r, 0, i)) / sum;
}

static inline double norm_formula(const run *r, size_t i)
{
    const gf_op_spec *s = &r->op.spec;
    size_t c = (size_t)s->dst.dim[s->dst.rank - 1], groups = s->norm.groups ? (size_t)s->norm.groups : 1, n = 0;
    size_t unit = s->norm.groups ? r->n_dst / (size_t)s->dst.dim[0] : c, first = i / unit * unit;
    double sum = 0, squares = 0;
    for (size_t k = first; k < first + unit; k++) {
        if (k % c / (c / groups) != i % c / (c / groups)) continue;
        sum += src_at(r, 0, k);
        squares += src_at(r, 0, k) * src_at(r, 0, k);
        n++;
    }
    double mean = sum / (double)n, variance = squares / (double)n - mean * mean;
    double x = (src_at(r, 0, i) - mean) / sqrt(variance + (double)s->norm.epsilon);
    return x * (double)r->kernel[i % c] + (double)r->bias[i % c];
}

static inline double batch_norm_formula(const run *r, size_t i)
{
    size_t c = r->n_bias, n = r->n_dst / c;
    double sum = 0, squares = 0;
    for (size_t k = i % c; k < r->n_dst; k += c) sum += src_at(r, 0, k);
    for (size_t k = i % c; k < r->n_dst; k += c) squares += pow(src_at(r, 0, k) - sum / (double)n, 2);
    double x = (src_at(r, 0, i) - sum / (double)n) / sqrt(squares / (double)n + (double)r->op.spec.norm.epsilon);
    return act_of(r, x * (double)r->kernel[i % c] + (double)r->bias[i % c]);
}

static inline double rescale_formula(const run *r, size_t i)
{
    const gf_op_spec *s = &r->op.spec;
    size_t c = (size_t)s->dst.dim[3], k = i % c, row = c > 4 ? 0 : k;
    size_t from = s->rescale.reverse ? i - k + c - 1 - k : i;
    return src_at(r, 0, from) * (double)s->rescale.scale[row] + (double)s->rescale.offset[row];
}

static inline double table_formula(const run *r, size_t i) { return (double)r->kernel[i % r->n_kernel]; }

static const struct {
    const gf_op_class *cls;
    double (*value)(const run *r, size_t i);
} formulas[] = {
    {&gf_op_act, sum_formula},
    {&gf_op_add, sum_formula},
    {&gf_op_multiply, multiply_formula},
    {&gf_op_affine, affine_formula},
    {&gf_op_global_pool, global_formula},
    {&gf_op_global_max_pool, global_formula},
    {&gf_op_max_pool, pool_formula},
    {&gf_op_avg_pool, pool_formula},
    {&gf_op_pad, pad_formula},
    {&gf_op_concat, concat_formula},
    {&gf_op_reshape, reshape_formula},
    {&gf_op_permute, permute_formula},
    {&gf_op_upsample, upsample_formula},
    {&gf_op_softmax, softmax_formula},
    {&gf_op_glu, glu_formula},
    {&gf_op_norm, norm_formula},
    {&gf_op_batch_norm, batch_norm_formula},
    {&gf_op_rescale, rescale_formula},
    {&gf_op_table, table_formula},
};

#endif
