/* batch_norm.c - batch normalisation on the statistics of the micro-batch (Ioffe and Szegedy, 2015). For each channel,
 * over its N values in the images that are there:
 *
 *   m = mean src    v = mean (src - m)^2    r = 1 / sqrt(v + epsilon)    dst = act((src - m) r gamma + beta)
 *
 *   dz = diff_dst act'    a = sum dz    b = sum dz (src - m)    diff_beta = a    diff_gamma = r b
 *   diff_src = gamma r (dz - a / N - (src - m) r^2 b / N)
 *
 * A step without training takes the moving statistics for m and v. The kernel is [gamma][moving mean][moving variance],
 * the bias beta; the gradient block [diff_gamma][n d][n (v + d^2)][diff_beta], d = m - moving mean and n the images:
 * what can be added up over micro-batches, and gives mean and variance of all their values
 * (gf_node_update_moving_stats).
 *
 * Memory is what it waits for. So statistics read src once: a tile, summed about its first row, is still in the cache
 * when its squares are summed about its mean; its moments are merged with those before it (Chan, Golub and LeVeque,
 * 1979), in double. */
#include "ops/engine.h"
#include "ops/vectors.h"

#include "base/alloc.h"

enum { TILE = 16384 }; /* values */

/* A tensor is rows of `width` values: as many pixels side by side as make whole vectors. */
typedef struct batch_norm_impl {
    size_t c, width, positions; /* places: of an image */
    float *gamma, *mean, *variance, *beta;
} batch_norm_impl;

static size_t kernel_count(const gf_op_spec *s) { return 3 * gf_op_kernel_of_channels(s); }

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    (void)err;
    *dst = s->src[0];
    return GRAFT_OK;
}

/* `width` of each: two sums in double, the same of one tile, and what a row is multiplied with. */
typedef struct scratch {
    double *sum[2];
    float *part[2], *centre, *factor, *slope, *shift;
} scratch;
enum { SCRATCH_BYTES = 2 * sizeof(double) + 6 * sizeof(float) };

/* c of each, from forward to backward. */
typedef struct workspace {
    float *mean, *variance, *r;
} workspace;
enum { WORKSPACE_BYTES = 3 * sizeof(float) };

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    const gf_op_spec *s = &op->spec;
    if (!gf_act_cuts(s->act)) return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: it cannot be fused", s->name);
    batch_norm_impl *m = op->impl = gf_new(batch_norm_impl);
    if (!m) return gf_fail_memory(err, sizeof *m, s->name);
    m->c = m->width = (size_t)s->dst.dim[s->dst.rank - 1];
    while (m->width % LANES) m->width += m->c;
    m->positions = gf_count(&s->dst) / (m->c * (size_t)s->dst.dim[0]);
    m->gamma = gf_new_n(4 * m->c, float);
    if (!m->gamma) return gf_fail_memory(err, 4 * m->c * sizeof(float), s->name);
    m->mean = m->gamma + m->c;
    m->variance = m->mean + m->c;
    m->beta = m->variance + m->c;
    op->workspace_bytes = m->c * WORKSPACE_BYTES;
    op->scratchpad_bytes = m->width * SCRATCH_BYTES;
    if (s->diff_weights) op->grad_count = 4 * m->c;
    return GRAFT_OK;
}

static void destroy(gf_op *op)
{
    batch_norm_impl *m = op->impl;
    if (!m) return;
    gf_free(m->gamma);
    gf_free(m);
}

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    (void)err;
    batch_norm_impl *m = op->impl;
    memcpy(m->gamma, kernel, 3 * m->c * sizeof *kernel);
    if (bias) memcpy(m->beta, bias, m->c * sizeof *bias);
    return GRAFT_OK;
}

static workspace workspace_of(const gf_exec *exec)
{
    size_t c = ((const batch_norm_impl *)exec->op->impl)->c;
    float *x = exec->args.workspace;
    return (workspace){x, x + c, x + 2 * c};
}

/* With sums of 0. */
static scratch scratch_of(const gf_exec *exec)
{
    size_t w = ((const batch_norm_impl *)exec->op->impl)->width;
    double *d = exec->args.scratchpad;
    float *f = (float *)(d + 2 * w);
    memset(d, 0, 2 * w * sizeof *d);
    return (scratch){{d, d + w}, {f, f + w}, f + 2 * w, f + 3 * w, f + 4 * w, f + 5 * w};
}

/* The images that are there; the others come after them. */
static size_t images(const gf_op *op, const gf_exec_context *step)
{
    size_t all = (size_t)op->spec.dst.dim[0];
    return step->training && step->images ? smaller(step->images, all) : all;
}

/* ---- tiles: some rows that stay in the cache; the last one may be a piece of a row */

typedef struct tile {
    const gf_op_spec *s;
    const void *src, *dst, *diff_dst; /* of the tensors */
    void *out;                        /* dst or diff_src */
    scratch x;
    size_t at, rows, width;
    size_t before; /* whole rows */
} tile;

static void each_tile(tile *t, const batch_norm_impl *m, size_t count, void (*work)(const tile *t))
{
    size_t most = m->width < TILE ? TILE / m->width : 1;
    t->before = 0;
    for (t->at = 0; t->at < count; t->at += t->rows * t->width) {
        size_t whole = (count - t->at) / m->width;
        t->rows = whole ? smaller(whole, most) : 1;
        t->width = whole ? m->width : count - t->at;
        work(t);
        t->before += whole ? t->rows : 0;
    }
}

/* What is constant in a loop. The usual ones have one type, and rows of whole vectors; a loop is made for each of them,
 * and one that asks at every value for all others. */
typedef struct form {
    gf_dtype src, dst;
    bool whole;
} form;

#define BY_FORM(work, t)                                                \
    do {                                                                \
        gf_dtype src_ = (t)->s->src_dtype[0], dst_ = (t)->s->dst_dtype; \
        if (src_ != dst_ || (t)->width % LANES) {                       \
            work(t, (form){src_, dst_, false});                         \
        } else if (src_ == GF_BF16) {                                   \
            work(t, (form){GF_BF16, GF_BF16, true});                    \
        } else {                                                        \
            work(t, (form){GF_F32, GF_F32, true});                      \
        }                                                               \
    } while (0)

/* The vector of row r's values from j on. */
INLINE vf load_at(const tile *t, const void *x, form f, gf_dtype type, size_t r, size_t j)
{
    return load_some(x, type, t->at + r * t->width + j, f.whole ? LANES : smaller(t->width - j, LANES));
}

INLINE void store_at(const tile *t, void *x, form f, gf_dtype type, size_t r, size_t j, vf v)
{
    store_some(x, type, t->at + r * t->width + j, f.whole ? LANES : smaller(t->width - j, LANES), v);
}

INLINE void add_v(float *sum, vf x) { store_f(sum, load_f(sum) + x); }

INLINE void clear_parts(const tile *t)
{
    for (int i = 0; i < 2; i++) memset(t->x.part[i], 0, t->width * sizeof(float));
}

/* How often each of a channel's columns was summed: once more where the last piece of a row had it. */
static size_t seen(const batch_norm_impl *m, size_t count, size_t column)
{
    return count / m->width + (column < count % m->width);
}

/* The sums of a channel's columns, into the first. */
static void add_columns(const batch_norm_impl *m, double *sum)
{
    for (size_t i = m->c; i < m->width; i++) sum[i % m->c] += sum[i];
}

/* A row's first c values, again and again. */
static void repeat(const batch_norm_impl *m, float *row)
{
    for (size_t i = m->c; i < m->width; i++) row[i] = row[i - m->c];
}

/* ---- statistics */

/* Adds the moments of nb values to those of n: their mean, and the sum of squares about it. */
INLINE void merge(double *mean, double *squares, double n, double mean_b, double squares_b, double nb)
{
    double delta = mean_b - *mean, share = nb / (n + nb);
    *mean += delta * share;
    *squares += squares_b + delta * delta * n * share;
}

INLINE void merge_rows(double *restrict mean, double *restrict squares, double n, const float *restrict mean_b,
                       const float *restrict squares_b, double nb, size_t width)
{
    for (size_t i = 0; i < width; i++) merge(&mean[i], &squares[i], n, (double)mean_b[i], (double)squares_b[i], nb);
}

INLINE void tile_moments(const tile *t, form f)
{
    float *mean = t->x.part[0], *squares = t->x.part[1], *first = t->x.centre;
    clear_parts(t);
    for (size_t j = 0; j < t->width; j += LANES) store_f(first + j, load_at(t, t->src, f, f.src, 0, j));
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t j = 0; j < t->width; j += LANES) {
            add_v(mean + j, load_at(t, t->src, f, f.src, r, j) - load_f(first + j));
        }
    }
    for (size_t i = 0; i < t->width; i++) mean[i] = first[i] + mean[i] / (float)t->rows;
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t j = 0; j < t->width; j += LANES) {
            vf d = load_at(t, t->src, f, f.src, r, j) - load_f(mean + j);
            add_v(squares + j, d * d);
        }
    }
    merge_rows(t->x.sum[0], t->x.sum[1], (double)t->before, mean, squares, (double)t->rows, t->width);
}

GF_CLONES static void moments(const tile *t) { BY_FORM(tile_moments, t); }

/* Mean and variance of each channel. */
static void measure(tile *t, const batch_norm_impl *m, size_t count, workspace w)
{
    each_tile(t, m, count, moments);
    for (size_t k = 0; k < m->c; k++) {
        double mean = 0, squares = 0, n = 0;
        for (size_t i = k; i < m->width && seen(m, count, i); i += m->c) {
            double more = (double)seen(m, count, i);
            merge(&mean, &squares, n, t->x.sum[0][i], t->x.sum[1][i], more);
            n += more;
        }
        w.mean[k] = (float)mean;
        w.variance[k] = (float)(squares / n);
    }
}

/* ---- forward */

INLINE void tile_normalised(const tile *t, form f)
{
    const float low = cut_low(t->s->act), high = cut_high(t->s->act);
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t j = 0; j < t->width; j += LANES) {
            vf x = load_at(t, t->src, f, f.src, r, j) - load_f(t->x.centre + j);
            vf z = x * load_f(t->x.factor + j) + load_f(t->x.shift + j);
            store_at(t, t->out, f, f.dst, r, j, cut_v(z, low, high));
        }
    }
}

GF_CLONES static void normalise(const tile *t) { BY_FORM(tile_normalised, t); }

static void clear(void *x, gf_dtype type, size_t from, size_t to)
{
    memset(element(x, type, from), 0, (to - from) * gf_dtype_size(type));
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const batch_norm_impl *m = exec->op->impl;
    size_t count = images(exec->op, step) * m->positions * m->c;
    workspace w = workspace_of(exec);
    tile t = {.s = s, .src = exec->args.src[0], .out = exec->args.dst, .x = scratch_of(exec)};
    if (step->training) measure(&t, m, count, w);
    const float *mean = step->training ? w.mean : m->mean, *variance = step->training ? w.variance : m->variance;
    for (size_t k = 0; k < m->c; k++) {
        w.r[k] = (float)(1 / sqrt((double)variance[k] + (double)s->norm.epsilon));
        t.x.centre[k] = mean[k];
        t.x.factor[k] = w.r[k] * m->gamma[k];
        t.x.shift[k] = m->beta[k];
    }
    repeat(m, t.x.centre);
    repeat(m, t.x.factor);
    repeat(m, t.x.shift);
    each_tile(&t, m, count, normalise);
    clear(exec->args.dst, s->dst_dtype, count, gf_count(&s->dst));
    return GRAFT_OK;
}

/* ---- backward */

/* diff_dst act' of a vector; dst's type is the same. */
INLINE vf load_dz(const tile *t, form f, size_t r, size_t j, float high)
{
    vf dz = load_at(t, t->diff_dst, f, f.dst, r, j);
    return t->dst ? uncut_v(dz, load_at(t, t->dst, f, f.dst, r, j), high) : dz;
}

INLINE void tile_sums(const tile *t, form f)
{
    const float high = cut_high(t->s->act);
    clear_parts(t);
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t j = 0; j < t->width; j += LANES) {
            vf dz = load_dz(t, f, r, j, high);
            add_v(t->x.part[0] + j, dz);
            add_v(t->x.part[1] + j, dz * (load_at(t, t->src, f, f.src, r, j) - load_f(t->x.centre + j)));
        }
    }
    for (size_t i = 0; i < t->width; i++) {
        t->x.sum[0][i] += (double)t->x.part[0][i];
        t->x.sum[1][i] += (double)t->x.part[1][i];
    }
}

GF_CLONES static void add_up(const tile *t) { BY_FORM(tile_sums, t); }

INLINE void tile_diff(const tile *t, form f)
{
    const float high = cut_high(t->s->act);
    const bool add = t->s->accumulate[0];
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t j = 0; j < t->width; j += LANES) {
            vf x = load_at(t, t->src, f, f.src, r, j) - load_f(t->x.centre + j), dz = load_dz(t, f, r, j, high);
            vf diff = dz * load_f(t->x.factor + j) + x * load_f(t->x.slope + j) + load_f(t->x.shift + j);
            store_at(t, t->out, f, f.src, r, j, add ? load_at(t, t->out, f, f.src, r, j) + diff : diff);
        }
    }
}

GF_CLONES static void differentiate(const tile *t) { BY_FORM(tile_diff, t); }

static void set_grad(const gf_exec *exec, const scratch *x, size_t n)
{
    const batch_norm_impl *m = exec->op->impl;
    workspace w = workspace_of(exec);
    float *grad = exec->args.grad;
    for (size_t k = 0; k < m->c; k++) {
        float d = w.mean[k] - m->mean[k];
        grad[k] = (float)((double)w.r[k] * x->sum[1][k]);
        grad[m->c + k] = (float)n * d;
        grad[2 * m->c + k] = (float)n * (w.variance[k] + d * d);
        grad[3 * m->c + k] = (float)x->sum[0][k];
    }
}

/* diff_src = dz factor + (src - m) slope + shift */
static void set_factors(const batch_norm_impl *m, const scratch *x, const float *r, double n)
{
    for (size_t k = 0; k < m->c; k++) {
        x->factor[k] = m->gamma[k] * r[k];
        double factor = (double)x->factor[k];
        x->slope[k] = (float)(-factor * (double)r[k] * (double)r[k] * x->sum[1][k] / n);
        x->shift[k] = (float)(-factor * x->sum[0][k] / n);
    }
    repeat(m, x->factor);
    repeat(m, x->slope);
    repeat(m, x->shift);
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    const batch_norm_impl *m = exec->op->impl;
    size_t n = images(exec->op, step), count = n * m->positions * m->c;
    workspace w = workspace_of(exec);
    tile t = {.s = s, .src = a->src[0], .diff_dst = a->diff_dst, .out = a->diff_src[0], .x = scratch_of(exec)};
    if (s->act != GF_ACT_LINEAR) t.dst = a->dst;
    memcpy(t.x.centre, w.mean, m->c * sizeof *w.mean);
    repeat(m, t.x.centre);
    each_tile(&t, m, count, add_up);
    add_columns(m, t.x.sum[0]);
    add_columns(m, t.x.sum[1]);
    if (s->diff_weights) set_grad(exec, &t.x, n);
    if (!s->diff_src[0]) return GRAFT_OK;
    set_factors(m, &t.x, w.r, (double)(n * m->positions));
    each_tile(&t, m, count, differentiate);
    if (!s->accumulate[0]) clear(a->diff_src[0], s->src_dtype[0], count, gf_count(&s->dst));
    return GRAFT_OK;
}

const gf_op_class gf_op_batch_norm = {
    .name = "batch_norm",
    .fuses = GF_FUSES_CLIPS,
    .kernel_count = kernel_count,
    .in_place = true,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
