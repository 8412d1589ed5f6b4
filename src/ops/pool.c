/* pool.c - maximum and mean over windows, (n, h, w, c), in f32 row by row: first over the rows of a window, all columns
 * at once, then over its columns; 16 channels at a time.
 *
 *   max_pool  dst = the largest under the window; what lies outside src never is
 *             diff_src = diff_dst where src is the window's maximum: the first of several
 *   avg_pool  dst = sum under the window / divisor, kh kw (count_padding) or the number of places inside src
 *             diff_src = sum over the windows of diff_dst / divisor
 *
 * Backward walks over the windows and adds to rows of src in a ring of kh; a row that no window will meet again is
 * stored, which rounds it once. */
#include "ops/vectors.h"

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *src = &s->src[0];
    int kh = s->pool.kh, kw = s->pool.kw;
    int64_t h = src->dim[1] + s->pool.pt + s->pool.pb - kh, w = src->dim[2] + s->pool.pl + s->pool.pr - kw;
    bool padding = s->pool.pt < kh && s->pool.pb < kh && s->pool.pl < kw && s->pool.pr < kw; /* no window in it alone */
    bool positive = s->pool.pt >= 0 && s->pool.pb >= 0 && s->pool.pl >= 0 && s->pool.pr >= 0;
    if (src->rank != 4 || h < 0 || w < 0 || !padding || !positive || s->pool.sh < 1 || s->pool.sw < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, "use a larger image size", "layer %s: %dx%d pooling does not fit %s",
                       s->name, kh, kw, GF_SHAPE_TEXT(src));
    }
    *dst = GF_SHAPE(src->dim[0], h / s->pool.sh + 1, w / s->pool.sw + 1, src->dim[3]);
    return GRAFT_OK;
}

/* ---- the rows in the scratchpad, f32, as long as src's */

static size_t wide_row(const gf_op_spec *s) { return (size_t)(s->src[0].dim[2] * s->src[0].dim[3]); }
static size_t narrow_row(const gf_op_spec *s) { return (size_t)(s->dst.dim[2] * s->dst.dim[3]); }

/* The last channels are read as a whole vector. */
static size_t padded_row(const gf_op_spec *s) { return (wide_row(s) + 2 * LANES - 1) / LANES * LANES; }

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    const gf_op_spec *s = &op->spec;
    if (s->backward && s->src_dtype[0] != s->dst_dtype) {
        return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: pooling from one type to another", s->name);
    }
    size_t rows = s->backward ? (size_t)s->pool.kh + 1 : 1;
    op->scratchpad_bytes = rows * padded_row(s) * sizeof(float);
    return GRAFT_OK;
}

/* The places under window i along one side: first .. last - 1, those inside; always some. */
typedef struct band {
    int64_t first, last;
} band;

INLINE band positions(int64_t i, int stride, int before, int size, int64_t end)
{
    int64_t first = i * stride - before, last = first + size;
    return (band){first < 0 ? 0 : first, last > end ? end : last};
}

INLINE band rows_of(const gf_op_spec *s, int64_t y)
{
    return positions(y, s->pool.sh, s->pool.pt, s->pool.kh, s->src[0].dim[1]);
}

INLINE band columns_of(const gf_op_spec *s, int64_t x)
{
    return positions(x, s->pool.sw, s->pool.pl, s->pool.kw, s->src[0].dim[2]);
}

/* What the mean over a window multiplies its sum with. */
INLINE float share(const gf_op_spec *s, band rows, band columns)
{
    int64_t inside = (rows.last - rows.first) * (columns.last - columns.first);
    return 1 / (float)(s->pool.count_padding ? (int64_t)s->pool.kh * s->pool.kw : inside);
}

/* ---- forward */

/* The larger, where a NaN stays; or the sum. */
INLINE vf fold(vf a, vf b, bool maxima) { return maxima ? choose((vu)(b > a) | (vu)(b != b), b, a) : a + b; }

INLINE void rows_folded(const void *src, gf_dtype type, size_t row, int64_t rows, bool maxima, float *wide)
{
    for (size_t i = 0; i < row; i += LANES) {
        size_t n = smaller(LANES, row - i);
        vf v = load_some(src, type, i, n);
        for (int64_t y = 1; y < rows; y++) v = fold(v, load_some(src, type, (size_t)y * row + i, n), maxima);
        store_f(wide + i, v);
    }
}

INLINE void columns_folded(const gf_op_spec *s, const float *wide, band rows, bool maxima, void *dst, gf_dtype type)
{
    size_t c = (size_t)s->dst.dim[3];
    for (int64_t x = 0; x < s->dst.dim[2]; x++) {
        band b = columns_of(s, x);
        float factor = maxima ? 1 : share(s, rows, b);
        for (size_t k = 0; k < c; k += LANES) {
            vf v = load_f(wide + (size_t)b.first * c + k);
            for (int64_t p = b.first + 1; p < b.last; p++) v = fold(v, load_f(wide + (size_t)p * c + k), maxima);
            store_some(dst, type, (size_t)x * c + k, smaller(LANES, c - k), maxima ? v : v * factor);
        }
    }
}

/* wide = `rows` rows of src folded into one. */
GF_CLONES static void fold_rows(const void *src, gf_dtype type, size_t row, int64_t rows, bool maxima, float *wide)
{
    if (type == GF_BF16) {
        rows_folded(src, GF_BF16, row, rows, maxima, wide);
    } else {
        rows_folded(src, GF_F32, row, rows, maxima, wide);
    }
}

/* A row of dst = wide's columns folded. */
GF_CLONES static void fold_columns(const gf_op_spec *s, const float *wide, band rows, bool maxima, void *dst)
{
    if (s->dst_dtype == GF_BF16) {
        columns_folded(s, wide, rows, maxima, dst, GF_BF16);
    } else {
        columns_folded(s, wide, rows, maxima, dst, GF_F32);
    }
}

static void pool_forward(gf_exec *exec, bool maxima)
{
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    size_t row = wide_row(s), out = narrow_row(s);
    for (int64_t i = 0; i < s->dst.dim[0] * s->dst.dim[1]; i++) {
        band b = rows_of(s, i % s->dst.dim[1]);
        size_t first = (size_t)(i / s->dst.dim[1] * s->src[0].dim[1] + b.first);
        fold_rows(element(a->src[0], s->src_dtype[0], first * row), s->src_dtype[0], row, b.last - b.first, maxima,
                  a->scratchpad);
        fold_columns(s, a->scratchpad, b, maxima, element(a->dst, s->dst_dtype, (size_t)i * out));
    }
}

static graft_status max_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    pool_forward(exec, true);
    return GRAFT_OK;
}

static graft_status avg_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    pool_forward(exec, false);
    return GRAFT_OK;
}

/* ---- backward */

typedef struct ring {
    const gf_op_spec *s;
    const gf_op_args *a;
    int64_t image, next; /* the first row that is not stored yet */
    float *row;          /* kh of them, zero where nothing was added */
    float *wide;
} ring;

INLINE float *ring_row(const ring *r, int64_t y) { return r->row + (size_t)(y % r->s->pool.kh) * padded_row(r->s); }

static void store_before(ring *r, int64_t y)
{
    const gf_op_spec *s = r->s;
    size_t row = wide_row(s);
    for (; r->next < y && r->next < s->src[0].dim[1]; r->next++) {
        float *sum = ring_row(r, r->next);
        size_t at = (size_t)(r->image * s->src[0].dim[1] + r->next) * row;
        gf_block_out(r->a->diff_src[0], s->src_dtype[0], at, row, sum, s->accumulate[0]);
        memset(sum, 0, row * sizeof *sum);
    }
}

/* What a row of windows lies over: `rows` rows of src, which ends `left` elements on; the first is the ring's row
 * `slot`. */
typedef struct ground {
    const void *src;
    size_t left;
    int64_t rows, slot;
} ground;

static ground ground_of(const ring *r, band rows)
{
    const gf_op_spec *s = r->s;
    size_t first = (size_t)(r->image * s->src[0].dim[1] + rows.first) * wide_row(s);
    return (ground){element(r->a->src[0], s->src_dtype[0], first), gf_count(&s->src[0]) - first, rows.last - rows.first,
                    rows.first % s->pool.kh};
}

/* At most 16 channels of a window, from k on: where x is the maximum, the window's diff goes to the ring, and is no
 * longer there for later places. What is read beyond its channels meets a diff of 0. */
INLINE void claim(const ring *r, gf_dtype type, const ground g, band columns, size_t k, vf diff, vf best)
{
    size_t c = (size_t)r->s->dst.dim[3], row = wide_row(r->s), padded = padded_row(r->s);
    int64_t slot = g.slot;
    for (int64_t y = 0; y < g.rows; y++) {
        float *sum = r->row + (size_t)slot * padded;
        for (int64_t x = columns.first; x < columns.last; x++) {
            size_t at = (size_t)x * c + k, from = (size_t)y * row + at;
            vu is = (vu)(load_some(g.src, type, from, smaller(LANES, g.left - from)) == best);
            store_f(sum + at, load_f(sum + at) + (vf)((vu)diff & is));
            diff = (vf)((vu)diff & ~is);
        }
        if (++slot == r->s->pool.kh) slot = 0;
    }
}

INLINE void row_claimed(const ring r, int64_t oy, const ground g, gf_dtype type)
{
    const gf_op_spec *s = r.s;
    size_t c = (size_t)s->dst.dim[3], start = (size_t)(r.image * s->dst.dim[1] + oy) * narrow_row(s);
    const void *dst = element(r.a->dst, type, start), *diff_dst = element(r.a->diff_dst, type, start);
    for (int64_t x = 0; x < s->dst.dim[2]; x++) {
        band columns = columns_of(s, x);
        for (size_t k = 0; k < c; k += LANES) {
            size_t n = smaller(LANES, c - k), at = (size_t)x * c + k;
            claim(&r, type, g, columns, k, load_some(diff_dst, type, at, n), load_some(dst, type, at, n));
        }
    }
}

INLINE void row_spread(const ring *r, int64_t oy, band rows, gf_dtype type)
{
    const gf_op_spec *s = r->s;
    size_t c = (size_t)s->dst.dim[3], start = (size_t)(r->image * s->dst.dim[1] + oy) * narrow_row(s);
    for (int64_t x = 0; x < s->dst.dim[2]; x++) {
        band b = columns_of(s, x);
        float factor = share(s, rows, b);
        for (size_t k = 0; k < c; k += LANES) {
            vf diff = load_some(r->a->diff_dst, type, start + (size_t)x * c + k, smaller(LANES, c - k)) * factor;
            for (int64_t p = b.first; p < b.last; p++) {
                float *sum = r->wide + (size_t)p * c + k;
                store_f(sum, load_f(sum) + diff);
            }
        }
    }
}

/* Maxima: dst's row oy to the ring. */
GF_CLONES static void claim_row(const ring *r, int64_t oy, band rows)
{
    if (r->s->dst_dtype == GF_BF16) {
        row_claimed(*r, oy, ground_of(r, rows), GF_BF16);
    } else {
        row_claimed(*r, oy, ground_of(r, rows), GF_F32);
    }
}

/* Means: added to the wide row. */
GF_CLONES static void spread_row(const ring *r, int64_t oy, band rows)
{
    if (r->s->dst_dtype == GF_BF16) {
        row_spread(r, oy, rows, GF_BF16);
    } else {
        row_spread(r, oy, rows, GF_F32);
    }
}

static void avg_row_backward(const ring *r, int64_t oy, band rows)
{
    size_t row = wide_row(r->s);
    memset(r->wide, 0, row * sizeof *r->wide);
    spread_row(r, oy, rows);
    for (int64_t y = rows.first; y < rows.last; y++) gf_accumulate_f32(ring_row(r, y), r->wide, row);
}

static graft_status pool_backward(gf_exec *exec, bool maxima)
{
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    if (!s->diff_src[0]) return GRAFT_OK;
    size_t ring_size = (size_t)s->pool.kh * padded_row(s);
    float *row = a->scratchpad;
    memset(row, 0, ring_size * sizeof *row);
    for (int64_t n = 0; n < s->dst.dim[0]; n++) {
        ring r = {s, a, n, 0, row, row + ring_size};
        for (int64_t oy = 0; oy < s->dst.dim[1]; oy++) {
            band b = rows_of(s, oy);
            store_before(&r, b.first);
            (maxima ? claim_row : avg_row_backward)(&r, oy, b);
        }
        store_before(&r, s->src[0].dim[1]);
    }
    return GRAFT_OK;
}

static graft_status max_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    return pool_backward(exec, true);
}

static graft_status avg_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
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
