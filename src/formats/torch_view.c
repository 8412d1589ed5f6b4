#include "formats/torch_view.h"

#include "formats/convert.h"

#include <string.h>

gf_view gf_view_plain(const gf_shape *shape)
{
    gf_view v = {.shape = *shape};
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        v.stride[i] = stride;
        stride *= shape->dim[i];
    }
    return v;
}

/* `from[i]` is the dimension of `in` that becomes dimension i; -1: a new one of length 1. */
static gf_view permuted(const gf_view *in, int rank, const int *from)
{
    gf_view v = {.shape.rank = rank};
    for (int i = 0; i < rank; i++) {
        v.shape.dim[i] = from[i] < 0 ? 1 : in->shape.dim[from[i]];
        v.stride[i] = from[i] < 0 ? 0 : in->stride[from[i]];
    }
    return v;
}

/* ---- the cases; each false where it is another's ---- */

static bool is_1x1(const gf_shape *s, int height) { return s->dim[height] == 1 && s->dim[height + 1] == 1; }

/* (C m, 1, h, w), of a sequence (C m, 1, w): output c m + j is the j-th of input c. */
static bool depthwise(const gf_view *in, const gf_weight *want, gf_view *out)
{
    const gf_shape *w = &want->shape, *s = &in->shape;
    const int r = s->rank, c = r - 2, m = r - 1;
    if ((r != 3 && r != 4) || w->rank != r || s->dim[1] != 1 || w->dim[c] <= 1) return false;
    if (s->dim[0] / w->dim[c] != w->dim[m] || s->dim[0] % w->dim[c]) return false;
    *out = permuted(in, r, r == 4 ? (int[]){2, 3, 0, 0} : (int[]){2, 0, 0});
    out->shape.dim[c] = w->dim[c];
    out->shape.dim[m] = w->dim[m];
    out->stride[c] = in->stride[0] * w->dim[m];
    return true;
}

/* Attention's linear layers: (heads size, in) for (in, heads, size), (out, heads size) for (heads, size, out), and
 * biases (heads size) for (heads, size). */
static bool of_heads(const gf_view *in, const gf_weight *want, gf_view *out)
{
    const gf_shape *w = &want->shape, *s = &in->shape;
    const int64_t *d = w->dim, *st = in->stride;
    bool output = !strcmp(want->var, "attention_output/kernel");
    if (!strchr(want->var, '/') || s->rank + 1 != w->rank) return false;
    if (w->rank == 2 && s->dim[0] == d[0] * d[1]) {
        *out = (gf_view){*w, {st[0] * d[1], st[0]}};
    } else if (w->rank == 3 && output && s->dim[0] == d[2] && s->dim[1] == d[0] * d[1]) {
        *out = (gf_view){*w, {st[1] * d[1], st[1], st[0]}};
    } else if (w->rank == 3 && !output && s->dim[0] == d[1] * d[2] && s->dim[1] == d[0]) {
        *out = (gf_view){*w, {st[1], st[0] * d[2], st[0]}};
    } else {
        return false;
    }
    return true;
}

/* (out, c h w) or (out, c, h, w) for (h w c, out). */
static bool flattened(const gf_view *in, const gf_weight *want, gf_view *out)
{
    const gf_shape *flat = &want->flat, *s = &in->shape;
    if (flat->rank != 3 || want->shape.rank != 2) return false;
    int64_t h = flat->dim[0], w = flat->dim[1], c = flat->dim[2];
    if (s->rank == 4 && s->dim[1] == c && s->dim[2] == h && s->dim[3] == w) {
        *out = permuted(in, 4, (int[]){2, 3, 1, 0});
        return true;
    }
    if (s->rank != 2 || s->dim[1] != (int64_t)gf_count(flat)) return false;
    *out =
        (gf_view){{4, {h, w, c, s->dim[0]}}, {in->stride[1] * w, in->stride[1], in->stride[1] * h * w, in->stride[0]}};
    return true;
}

static void kernel(const gf_view *in, const gf_weight *want, gf_view *out)
{
    int rank = in->shape.rank, wanted = want->shape.rank;
    if (rank == 4 && wanted == 2 && is_1x1(&in->shape, 2)) {
        *out = permuted(in, 2, (int[]){1, 0});
    } else if (rank == 2 && wanted == 4 && is_1x1(&want->shape, 0)) {
        *out = permuted(in, 4, (int[]){-1, -1, 1, 0});
    } else if (rank == 2) {
        *out = permuted(in, 2, (int[]){1, 0});
    } else if (rank == 3) {
        *out = permuted(in, 3, (int[]){2, 1, 0});
    } else if (rank == 4) {
        *out = permuted(in, 4, (int[]){2, 3, 1, 0});
    } else {
        *out = *in;
    }
}

void gf_view_turn(const gf_view *in, const gf_weight *want, gf_view *out, gf_shape *shape)
{
    size_t n = strlen(want->var), e = strlen("kernel");
    bool is_kernel = n >= e && !strcmp(want->var + n - e, "kernel"); /* SeparableConv2D has depthwise_kernel, too */
    if (of_heads(in, want, out)) {
        *shape = out->shape;
        return;
    }
    if (!is_kernel) {
        *out = *in;
    } else if (flattened(in, want, out)) {
        *shape = GF_SHAPE((int64_t)gf_count(&want->flat), out->shape.dim[3]);
        return;
    } else if (!depthwise(in, want, out)) {
        kernel(in, want, out);
    }
    *shape = out->shape;
}

/* ---- values ---- */

/* A plane of the view: rows along one dimension, columns along the last one. Steps of `in` in bytes, of `out` in
 * floats.
 */
typedef struct plane {
    const uint8_t *in;
    float *out;
    gf_dtype dtype;
    size_t rows, columns, row_in, column_in, row_out;
} plane;

static void piece(const plane *p, size_t row, size_t column, size_t n)
{
    const uint8_t *in = p->in + row * p->row_in + column * p->column_in;
    float *out = p->out + row * p->row_out + column;
    if (p->column_in == gf_dtype_size(p->dtype)) {
        gf_convert_f32(in, p->dtype, n, out);
    } else if (p->dtype == GF_F32) {
        for (size_t i = 0; i < n; i++) memcpy(out + i, in + i * p->column_in, sizeof *out);
    } else {
        for (size_t i = 0; i < n; i++) gf_convert_f32(in + i * p->column_in, p->dtype, 1, out + i);
    }
}

/* In tiles, so that where rows are next to each other in memory and columns are not, a cache line fetched for one row
 * still stands for the next ones. */
static void copy_plane(const plane *p)
{
    enum { TILE = 32 };
    bool near = p->column_in <= p->row_in;
    size_t width = near ? p->columns : TILE;
    for (size_t column = 0; column < p->columns; column += width) {
        size_t n = p->columns - column < width ? p->columns - column : width;
        for (size_t row = 0; row < p->rows; row++) piece(p, row, column, n);
    }
}

/* The dimension that is walked row by row: of all but the last, the one with the smallest stride in the file. */
static int row_dimension(const gf_view *view)
{
    int best = -1;
    for (int d = view->shape.rank - 2; d >= 0; d--) {
        if (view->shape.dim[d] <= 1) continue;
        if (best < 0 || view->stride[d] < view->stride[best]) best = d;
    }
    return best;
}

bool gf_view_f32(const uint8_t *bytes, gf_dtype dtype, const gf_view *view, float *out)
{
    size_t count = gf_count(&view->shape), size = gf_dtype_size(dtype);
    int last = view->shape.rank - 1, rows = row_dimension(view);
    float none;
    if (!gf_convert_f32(bytes, dtype, 0, &none)) return false;
    if (!count) return true;
    gf_view c = gf_view_plain(&view->shape);
    plane p = {.dtype = dtype, .rows = 1, .columns = 1, .column_in = size};
    if (last >= 0) p.columns = (size_t)view->shape.dim[last];
    if (last >= 0 && p.columns > 1) p.column_in = (size_t)view->stride[last] * size;
    if (rows >= 0) p.rows = (size_t)view->shape.dim[rows];
    if (rows >= 0) p.row_in = (size_t)view->stride[rows] * size;
    if (rows >= 0) p.row_out = (size_t)c.stride[rows];
    int64_t at[GF_MAX_RANK] = {0};
    for (size_t done = 0; done < count; done += p.rows * p.columns) {
        size_t from = 0, to = 0;
        for (int d = 0; d < last; d++) {
            from += (size_t)(at[d] * view->stride[d]);
            to += (size_t)(at[d] * c.stride[d]);
        }
        p.in = bytes + from * size;
        p.out = out + to;
        copy_plane(&p);
        for (int d = last - 1; d >= 0; d--) { /* the next plane, as an odometer counts */
            if (d == rows) continue;
            if (++at[d] < view->shape.dim[d]) break;
            at[d] = 0;
        }
    }
    return true;
}
