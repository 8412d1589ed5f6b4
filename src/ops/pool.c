/* pool.c - maximum and mean over windows, (n, h, w, c), in f32 row by row: first over the rows of a window, all columns
 * at once, then over its columns.
 *
 *   max_pool  dst = the largest under the window; what lies outside src never is
 *             diff_src = diff_dst where src is the window's maximum: the first of several
 *   avg_pool  dst = sum under the window / divisor, kh kw (count_padding) or the number of places inside src
 *             diff_src = sum over the windows of diff_dst / divisor
 *
 * Backward walks over the windows and adds to rows of src in a ring of kh; a row that no window will meet again is
 * stored, which rounds it once. */
#include "ops/kernels.h"

#include <math.h>
#include <string.h>

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *src = &s->src[0];
    int kh = s->pool.kh, kw = s->pool.kw;
    int64_t h = src->dim[1] + s->pool.pt + s->pool.pb - kh, w = src->dim[2] + s->pool.pl + s->pool.pr - kw;
    bool padding = s->pool.pt < kh && s->pool.pb < kh && s->pool.pl < kw && s->pool.pr < kw; /* no window in it alone */
    bool positive = s->pool.pt >= 0 && s->pool.pb >= 0 && s->pool.pl >= 0 && s->pool.pr >= 0;
    if (src->rank != 4 || h < 0 || w < 0 || !padding || !positive || s->pool.sh < 1 || s->pool.sw < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, "use a larger picture size", "layer %s: %dx%d pooling does not fit %s",
                       s->name, kh, kw, GF_SHAPE_TEXT(src));
    }
    *dst = GF_SHAPE(src->dim[0], h / s->pool.sh + 1, w / s->pool.sw + 1, src->dim[3]);
    return GRAFT_OK;
}

/* ---- the rows in the scratchpad: `wide` as long as src's, `narrow` as dst's */

static size_t round16(size_t n) { return (n + 15) / 16 * 16; }
static size_t wide_row(const gf_op_spec *s) { return (size_t)(s->src[0].dim[2] * s->src[0].dim[3]); }
static size_t narrow_row(const gf_op_spec *s) { return (size_t)(s->dst.dim[2] * s->dst.dim[3]); }

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    const gf_op_spec *s = &op->spec;
    if (s->backward && s->src_dtype[0] != s->dst_dtype) {
        return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: pooling from one type to another", s->name);
    }
    size_t wide = round16(wide_row(s)), narrow = round16(narrow_row(s));
    size_t rows = s->backward ? (size_t)s->pool.kh + 1 : 1;
    op->scratchpad_bytes = (rows * wide + 2 * narrow) * sizeof(float);
    return GRAFT_OK;
}

/* Where one output row's windows lie in src: rows first .. last - 1, those inside. */
typedef struct band {
    int64_t first, last;
} band;

static band rows_of(const gf_op_spec *s, int64_t oy)
{
    band b = {oy * s->pool.sh - s->pool.pt, oy * s->pool.sh - s->pool.pt + s->pool.kh};
    if (b.first < 0) b.first = 0;
    if (b.last > s->src[0].dim[1]) b.last = s->src[0].dim[1];
    return b;
}

/* The windows whose column `tap` lies inside src: windows first .. last - 1. */
static band windows_of(const gf_op_spec *s, int tap)
{
    int64_t before = s->pool.pl - tap, end = s->src[0].dim[2] + before;
    band b = {before > 0 ? (before + s->pool.sw - 1) / s->pool.sw : 0,
              end > 0 ? (end + s->pool.sw - 1) / s->pool.sw : 0};
    if (b.last > s->dst.dim[2]) b.last = s->dst.dim[2];
    if (b.first > b.last) b.first = b.last;
    return b;
}

/* A loop over the windows of a row: src's elements stand `stride` pixels of c apart, dst's side by side. */
typedef struct stripe {
    size_t pixels, c, step;    /* step: elements from a pixel of the wide row to the next */
    size_t wide_at, narrow_at; /* where they begin */
} stripe;

static stripe stripe_of(const gf_op_spec *s, int tap)
{
    band b = windows_of(s, tap);
    size_t c = (size_t)s->dst.dim[3], pixels = (size_t)(b.last - b.first);
    stripe p = {pixels, c, (size_t)s->pool.sw * c, 0, (size_t)b.first * c};
    if (pixels) p.wide_at = (size_t)(b.first * s->pool.sw + tap - s->pool.pl) * c;
    if (s->pool.sw == 1) p = (stripe){1, pixels * c, 0, p.wide_at, p.narrow_at};
    return p;
}

/* ---- loops */

#define LARGER(a, b) ((b) > (a) || (b) != (b) ? (b) : (a)) /* a NaN stays */

GF_CLONES static void larger_strided(stripe p, float *restrict narrow, const float *restrict wide)
{
    for (size_t i = 0; i < p.pixels; i++) {
        float *to = narrow + p.narrow_at + i * p.c;
        const float *x = wide + p.wide_at + i * p.step;
        for (size_t k = 0; k < p.c; k++) to[k] = LARGER(to[k], x[k]);
    }
}

GF_CLONES static void add_strided(stripe p, float *restrict narrow, const float *restrict wide)
{
    for (size_t i = 0; i < p.pixels; i++) {
        float *to = narrow + p.narrow_at + i * p.c;
        const float *x = wide + p.wide_at + i * p.step;
        for (size_t k = 0; k < p.c; k++) to[k] += x[k];
    }
}

GF_CLONES static void spread_strided(stripe p, float *restrict wide, const float *restrict narrow)
{
    for (size_t i = 0; i < p.pixels; i++) {
        float *to = wide + p.wide_at + i * p.step;
        const float *x = narrow + p.narrow_at + i * p.c;
        for (size_t k = 0; k < p.c; k++) to[k] += x[k];
    }
}

/* Where x is the window's maximum, its diff goes to sum, and is no longer there for later places. */
GF_CLONES static void claim_strided(stripe p, float *restrict sum, const float *restrict x, float *restrict diff,
                                    const float *restrict best)
{
    for (size_t i = 0; i < p.pixels; i++) {
        size_t n = p.narrow_at + i * p.c, w = p.wide_at + i * p.step;
        for (size_t k = 0; k < p.c; k++) {
            bool is = x[w + k] == best[n + k];
            sum[w + k] += is ? diff[n + k] : 0;
            diff[n + k] = is ? 0 : diff[n + k];
        }
    }
}

void gf_larger(float *z, const float *x, size_t n) { larger_strided((stripe){.pixels = 1, .c = n}, z, x); }

static void load(const void *x, gf_dtype type, size_t at, size_t n, float *to)
{
    gf_convert(to, GF_F32, (const char *)x + at * gf_dtype_size(type), type, n);
}

static void fill(float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++) x[i] = value;
}

/* ---- forward */

/* wide = the maximum, or sum, of src's rows `b` of picture n. */
static void combine_rows(const gf_op_spec *s, const gf_op_args *a, int64_t n, band b, bool maxima, float *wide)
{
    size_t row = wide_row(s), m;
    float room[GF_BLOCK];
    for (size_t at = 0; at < row; at += m) {
        m = row - at < GF_BLOCK ? row - at : GF_BLOCK;
        for (int64_t y = b.first; y < b.last; y++) {
            size_t from = (size_t)(n * s->src[0].dim[1] + y) * row + at;
            if (y == b.first) {
                load(a->src[0], s->src_dtype[0], from, m, wide + at);
            } else if (maxima) {
                gf_larger(wide + at, gf_block_in(a->src[0], s->src_dtype[0], from, m, room), m);
            } else {
                gf_accumulate_f32(wide + at, gf_block_in(a->src[0], s->src_dtype[0], from, m, room), m);
            }
        }
    }
}

/* Divides each window's c values by its divisor. */
static void divide(const gf_op_spec *s, band rows, float *narrow)
{
    size_t c = (size_t)s->dst.dim[3];
    for (int64_t x = 0; x < s->dst.dim[2]; x++) {
        int64_t first = x * s->pool.sw - s->pool.pl, last = first + s->pool.kw;
        if (first < 0) first = 0;
        if (last > s->src[0].dim[2]) last = s->src[0].dim[2];
        int64_t n =
            s->pool.count_padding ? (int64_t)s->pool.kh * s->pool.kw : (rows.last - rows.first) * (last - first);
        gf_scale(narrow + (size_t)x * c, 1 / (float)n, c);
    }
}

static graft_status pool_forward(gf_exec *exec, bool maxima)
{
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    size_t out = narrow_row(s);
    float *wide = a->scratchpad, *narrow = wide + round16(wide_row(s));
    for (int64_t i = 0; i < s->dst.dim[0] * s->dst.dim[1]; i++) {
        band b = rows_of(s, i % s->dst.dim[1]);
        combine_rows(s, a, i / s->dst.dim[1], b, maxima, wide);
        fill(narrow, out, maxima ? -INFINITY : 0);
        for (int t = 0; t < s->pool.kw; t++) (maxima ? larger_strided : add_strided)(stripe_of(s, t), narrow, wide);
        if (!maxima) divide(s, b, narrow);
        gf_block_out(a->dst, s->dst_dtype, (size_t)i * out, out, narrow, false);
    }
    return GRAFT_OK;
}

static graft_status max_forward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    return pool_forward(exec, true);
}

static graft_status avg_forward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    return pool_forward(exec, false);
}

/* ---- backward */

typedef struct ring {
    const gf_op_spec *s;
    const gf_op_args *a;
    int64_t picture, next; /* the first row that is not stored yet */
    float *row;            /* kh of them, zero where nothing was added */
    float *wide, *narrow, *best;
} ring;

static float *ring_row(const ring *r, int64_t y)
{
    return r->row + (size_t)(y % r->s->pool.kh) * round16(wide_row(r->s));
}

static void store_before(ring *r, int64_t y)
{
    const gf_op_spec *s = r->s;
    size_t row = wide_row(s);
    for (; r->next < y && r->next < s->src[0].dim[1]; r->next++) {
        float *sum = ring_row(r, r->next);
        size_t at = (size_t)(r->picture * s->src[0].dim[1] + r->next) * row;
        gf_block_out(r->a->diff_src[0], s->src_dtype[0], at, row, sum, s->accumulate[0]);
        memset(sum, 0, row * sizeof *sum);
    }
}

static void max_row_backward(ring *r, int64_t oy, band b)
{
    const gf_op_spec *s = r->s;
    size_t out = narrow_row(s), row = wide_row(s), at = (size_t)(r->picture * s->dst.dim[1] + oy) * out;
    load(r->a->dst, s->dst_dtype, at, out, r->best);
    for (int64_t y = b.first; y < b.last; y++) {
        load(r->a->src[0], s->src_dtype[0], (size_t)(r->picture * s->src[0].dim[1] + y) * row, row, r->wide);
        for (int t = 0; t < s->pool.kw; t++) {
            claim_strided(stripe_of(s, t), ring_row(r, y), r->wide, r->narrow, r->best);
        }
    }
}

static void avg_row_backward(ring *r, band b)
{
    const gf_op_spec *s = r->s;
    size_t row = wide_row(s);
    divide(s, b, r->narrow);
    memset(r->wide, 0, row * sizeof *r->wide);
    for (int t = 0; t < s->pool.kw; t++) spread_strided(stripe_of(s, t), r->wide, r->narrow);
    for (int64_t y = b.first; y < b.last; y++) gf_accumulate_f32(ring_row(r, y), r->wide, row);
}

static graft_status pool_backward(gf_exec *exec, bool maxima)
{
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    if (!s->diff_src[0]) return GRAFT_OK;
    size_t wide = round16(wide_row(s)), narrow = round16(narrow_row(s)), out = narrow_row(s);
    float *row = a->scratchpad, *rest = row + (size_t)s->pool.kh * wide;
    memset(row, 0, (size_t)s->pool.kh * wide * sizeof *row);
    for (int64_t n = 0; n < s->dst.dim[0]; n++) {
        ring r = {s, a, n, 0, row, rest, rest + wide, rest + wide + narrow};
        for (int64_t oy = 0; oy < s->dst.dim[1]; oy++) {
            band b = rows_of(s, oy);
            store_before(&r, b.first);
            load(a->diff_dst, s->dst_dtype, (size_t)(n * s->dst.dim[1] + oy) * out, out, r.narrow);
            if (maxima) {
                max_row_backward(&r, oy, b);
            } else {
                avg_row_backward(&r, b);
            }
        }
        store_before(&r, s->src[0].dim[1]);
    }
    return GRAFT_OK;
}

static graft_status max_backward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    return pool_backward(exec, true);
}

static graft_status avg_backward(gf_exec *exec, const gf_step *step, graft_error *err)
{
    (void)step, (void)err;
    return pool_backward(exec, false);
}

const gf_op_class gf_op_max_pool = {
    .name = "max_pool",
    .infer = infer,
    .create = create,
    .forward = max_forward,
    .backward = max_backward,
};

const gf_op_class gf_op_avg_pool = {
    .name = "avg_pool",
    .infer = infer,
    .create = create,
    .forward = avg_forward,
    .backward = avg_backward,
};
