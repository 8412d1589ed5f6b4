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

/* (C m, 1, h, w): output c m + j is the j-th of input c. */
static bool depthwise(const gf_view *in, const gf_weight *want, gf_view *out)
{
    const gf_shape *w = &want->shape, *s = &in->shape;
    if (s->rank != 4 || w->rank != 4 || s->dim[1] != 1 || w->dim[2] <= 1) return false;
    if (s->dim[0] / w->dim[2] != w->dim[3] || s->dim[0] % w->dim[2]) return false;
    *out = permuted(in, 4, (int[]){2, 3, 0, 0});
    out->shape.dim[2] = w->dim[2];
    out->shape.dim[3] = w->dim[3];
    out->stride[2] = in->stride[0] * w->dim[3];
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
    if (strcmp(want->var, "kernel")) {
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

/* One line along the last dimension; neighbours in one go. */
static bool line(const uint8_t *bytes, gf_dtype dtype, size_t n, int64_t stride, float *out)
{
    if (stride == 1 || n <= 1) return gf_convert_f32(bytes, dtype, n, out);
    size_t step = (size_t)stride * gf_dtype_size(dtype);
    if (dtype == GF_F32) {
        for (size_t i = 0; i < n; i++) memcpy(out + i, bytes + i * step, sizeof *out);
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (!gf_convert_f32(bytes + i * step, dtype, 1, out + i)) return false;
    }
    return true;
}

bool gf_view_f32(const uint8_t *bytes, gf_dtype dtype, const gf_view *view, float *out)
{
    size_t count = gf_count(&view->shape), size = gf_dtype_size(dtype);
    int last = view->shape.rank - 1;
    if (last < 0) return gf_convert_f32(bytes, dtype, 1, out);
    if (!count) return true;
    int64_t at[GF_MAX_RANK] = {0};
    size_t length = (size_t)view->shape.dim[last], offset = 0;
    for (size_t done = 0; done < count; done += length) {
        if (!line(bytes + offset * size, dtype, length, view->stride[last], out + done)) return false;
        for (int d = last - 1; d >= 0; d--) { /* the next line, as an odometer counts */
            offset += (size_t)view->stride[d];
            if (++at[d] < view->shape.dim[d]) break;
            offset -= (size_t)(view->stride[d] * view->shape.dim[d]);
            at[d] = 0;
        }
    }
    return true;
}
