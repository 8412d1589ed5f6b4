/* move.c - ops that only move values: border of zeros or cropping (pad), concatenation, other shape, other order of
 * dimensions. Backward moves them back; what was cut off gets 0. Each is its own reference implementation. Where types
 * differ, values are converted on the way. */
#include "ops/kernels.h"

#include <string.h>

/* A tensor that is read or written, and its type. */
typedef struct position {
    void *data;
    gf_dtype type;
} position;

static position of(const void *data, gf_dtype type) { return (position){(void *)data, type}; }

static void move(position to, size_t to_at, position from, size_t from_at, size_t n, bool add)
{
    gf_put((char *)to.data + to_at * gf_dtype_size(to.type), to.type,
           (char *)from.data + from_at * gf_dtype_size(from.type), from.type, n, add);
}

static void clear(position p, size_t at, size_t n)
{
    size_t size = gf_dtype_size(p.type);
    memset((char *)p.data + at * size, 0, n * size);
}

static size_t product(const gf_shape *s, int first, int last)
{
    size_t n = 1;
    for (int i = first; i < last; i++) n *= (size_t)s->dim[i];
    return n;
}

/* ---- pad */

static graft_status pad_infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *src = &s->src[0];
    int64_t h = src->dim[1] + s->pad.pt + s->pad.pb, w = src->dim[2] + s->pad.pl + s->pad.pr;
    bool taller = src->dim[1] + s->pad.pt > 0 && src->dim[1] + s->pad.pb > 0; /* something of src is left */
    bool wider = src->dim[2] + s->pad.pl > 0 && src->dim[2] + s->pad.pr > 0;
    if (src->rank != 4 || h <= 0 || w <= 0 || !taller || !wider) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL,
                       "layer %s: padding by %d, %d, %d, %d (top, bottom, left, right) does not fit %s", s->name,
                       s->pad.pt, s->pad.pb, s->pad.pl, s->pad.pr, GF_SHAPE_TEXT(src));
    }
    *dst = GF_SHAPE(src->dim[0], h, w, src->dim[3]);
    return GRAFT_OK;
}

/* Fills `to`, of shape t, from `from`, of shape f, of which row `top` and column `left` come first (negative: zeros
 * before). */
static void frame(position to, const gf_shape *t, position from, const gf_shape *f, int top, int left, bool add)
{
    int64_t first = left < 0 ? -left : 0, last = f->dim[2] - left; /* columns of t that f has */
    if (last > t->dim[2]) last = t->dim[2];
    size_t c = (size_t)t->dim[3], row = (size_t)t->dim[2] * c, before = (size_t)first * c;
    size_t inside = (size_t)(last - first) * c;
    for (int64_t i = 0; i < t->dim[0] * t->dim[1]; i++) {
        int64_t n = i / t->dim[1], y = i % t->dim[1] + top;
        size_t at = (size_t)i * row;
        if (y < 0 || y >= f->dim[1]) {
            if (!add) clear(to, at, row);
            continue;
        }
        size_t from_at = (size_t)(((n * f->dim[1] + y) * f->dim[2] + left + first) * f->dim[3]);
        if (!add) clear(to, at, before);
        move(to, at + before, from, from_at, inside, add);
        if (!add) clear(to, at + before + inside, row - before - inside);
    }
}

static graft_status pad_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    frame(of(exec->args.dst, s->dst_dtype), &s->dst, of(exec->args.src[0], s->src_dtype[0]), &s->src[0], -s->pad.pt,
          -s->pad.pl, false);
    return GRAFT_OK;
}

static graft_status pad_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    if (!s->diff_src[0]) return GRAFT_OK;
    frame(of(exec->args.diff_src[0], s->src_dtype[0]), &s->src[0], of(exec->args.diff_dst, s->dst_dtype), &s->dst,
          s->pad.pt, s->pad.pl, s->accumulate[0]);
    return GRAFT_OK;
}

const gf_op_class gf_op_pad = {
    .name = "pad",
    .infer = pad_infer,
    .forward = pad_forward,
    .backward = pad_backward,
};

/* ---- concat: dst is `outer` rows of which each source has a stretch */

static graft_status concat_infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    int axis = s->concat.axis;
    *dst = s->src[0];
    bool fits = axis >= 1 && axis < dst->rank;
    for (int k = 1; fits && k < s->n_src; k++) {
        gf_shape like = s->src[k];
        int64_t n = like.dim[axis];
        like.dim[axis] = s->src[0].dim[axis];
        fits = gf_shape_equal(&like, &s->src[0]);
        dst->dim[axis] += n;
    }
    if (fits) return GRAFT_OK;
    const gf_shape *last = &s->src[s->n_src - 1];
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: cannot concatenate %d values from %s to %s along axis %d",
                   s->name, s->n_src, GF_SHAPE_TEXT(&s->src[0]), GF_SHAPE_TEXT(last), axis);
}

static graft_status concat_move(gf_exec *exec, bool back)
{
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    size_t outer = product(&s->dst, 0, s->concat.axis), row = product(&s->dst, s->concat.axis, s->dst.rank), at = 0;
    for (int k = 0; k < s->n_src; k++) {
        size_t n = product(&s->src[k], s->concat.axis, s->src[k].rank);
        for (size_t i = 0; i < outer; i++) {
            if (!back) {
                move(of(a->dst, s->dst_dtype), i * row + at, of(a->src[k], s->src_dtype[k]), i * n, n, false);
            } else if (s->diff_src[k]) {
                move(of(a->diff_src[k], s->src_dtype[k]), i * n, of(a->diff_dst, s->dst_dtype), i * row + at, n,
                     s->accumulate[k]);
            }
        }
        at += n;
    }
    return GRAFT_OK;
}

static graft_status concat_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    return concat_move(exec, false);
}

static graft_status concat_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    return concat_move(exec, true);
}

const gf_op_class gf_op_concat = {
    .name = "concat",
    .infer = concat_infer,
    .forward = concat_forward,
    .backward = concat_backward,
};

/* ---- reshape */

static graft_status reshape_infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *wanted = &s->reshape.shape;
    gf_shape batched = {wanted->rank + 1, {s->src[0].dim[0]}};
    bool fits = wanted->rank < GF_MAX_RANK;
    for (int i = 0; fits && i < wanted->rank; i++) batched.dim[i + 1] = wanted->dim[i];
    size_t count = 0;
    if (!fits || !gf_shape_count(&batched, &count) || count != gf_count(&s->src[0])) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: cannot give %s the shape %s", s->name,
                       GF_SHAPE_TEXT(&s->src[0]), GF_SHAPE_TEXT(wanted));
    }
    *dst = batched;
    return GRAFT_OK;
}

static graft_status reshape_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    move(of(exec->args.dst, s->dst_dtype), 0, of(exec->args.src[0], s->src_dtype[0]), 0, gf_count(&s->dst), false);
    return GRAFT_OK;
}

static graft_status reshape_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    if (!s->diff_src[0] || a->diff_src[0] == a->diff_dst) return GRAFT_OK;
    move(of(a->diff_src[0], s->src_dtype[0]), 0, of(a->diff_dst, s->dst_dtype), 0, gf_count(&s->dst), s->accumulate[0]);
    return GRAFT_OK;
}

const gf_op_class gf_op_reshape = {
    .name = "reshape",
    .in_place = true,
    .infer = reshape_infer,
    .forward = reshape_forward,
    .backward = reshape_backward,
};

/* ---- permute */

static graft_status permute_infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *src = &s->src[0];
    const int *axis = s->permute.axis;
    bool fits = axis[0] == 0, taken[GF_MAX_RANK] = {false};
    dst->rank = src->rank;
    for (int i = 0; fits && i < src->rank; i++) {
        fits = axis[i] >= 0 && axis[i] < src->rank && !taken[axis[i]];
        if (!fits) break;
        taken[axis[i]] = true;
        dst->dim[i] = src->dim[axis[i]];
    }
    if (fits) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: not an order of the dimensions of %s", s->name,
                   GF_SHAPE_TEXT(src));
}

/* One value after another, from elements `stride` apart, for one type: what permute and its way back are made of. */
#define STRIDED(name, type)                                                         \
    static void gather_##name(type *to, const type *from, size_t stride, size_t n)  \
    {                                                                               \
        for (size_t i = 0; i < n; i++) to[i] = from[i * stride];                    \
    }                                                                               \
    static void scatter_##name(type *to, const type *from, size_t stride, size_t n) \
    {                                                                               \
        for (size_t i = 0; i < n; i++) to[i * stride] = from[i];                    \
    }
STRIDED(f32, float)
STRIDED(bf16, uint16_t)

/* A line of dst: n runs, which in src stand `stride` elements apart. */
typedef struct line {
    size_t run, n, stride;
} line;

static void permute_line(const line *l, position dst, size_t at, position src, size_t from, bool back, bool add)
{
    size_t size = gf_dtype_size(dst.type);
    char *d = (char *)dst.data + at * size, *s = (char *)src.data + from * size;
    bool plain = l->run == 1 && dst.type == src.type && !add;
    if (plain && dst.type == GF_F32) {
        if (back) {
            scatter_f32((float *)s, (const float *)d, l->stride, l->n);
        } else {
            gather_f32((float *)d, (const float *)s, l->stride, l->n);
        }
    } else if (plain) {
        if (back) {
            scatter_bf16((uint16_t *)s, (const uint16_t *)d, l->stride, l->n);
        } else {
            gather_bf16((uint16_t *)d, (const uint16_t *)s, l->stride, l->n);
        }
    } else {
        for (size_t i = 0; i < l->n; i++) {
            if (back) {
                move(src, from + i * l->stride, dst, at + i * l->run, l->run, add);
            } else {
                move(dst, at + i * l->run, src, from + i * l->stride, l->run, add);
            }
        }
    }
}

/* Walks over dst in order; the trailing dimensions that stay in place are moved as one run. */
static void permute_move(const gf_op_spec *s, position dst, position src, bool back, bool add)
{
    int rank = s->dst.rank, moving = rank;
    while (moving > 1 && s->permute.axis[moving - 1] == moving - 1) moving--;
    size_t stride[GF_MAX_RANK] = {0}, lines = product(&s->dst, 0, moving - 1), from = 0;
    for (int i = 0; i < moving; i++) stride[i] = product(&s->src[0], s->permute.axis[i] + 1, rank);
    const line l = {product(&s->dst, moving, rank), (size_t)s->dst.dim[moving - 1], stride[moving - 1]};
    int64_t index[GF_MAX_RANK] = {0};
    for (size_t i = 0; i < lines; i++) {
        permute_line(&l, dst, i * l.n * l.run, src, from, back, add);
        for (int d = moving - 2; d >= 0; d--) { /* counts up, the last dimension fastest */
            from += stride[d];
            if (++index[d] < s->dst.dim[d]) break;
            from -= stride[d] * (size_t)index[d];
            index[d] = 0;
        }
    }
}

static graft_status permute_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    permute_move(s, of(exec->args.dst, s->dst_dtype), of(exec->args.src[0], s->src_dtype[0]), false, false);
    return GRAFT_OK;
}

static graft_status permute_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    if (!s->diff_src[0]) return GRAFT_OK;
    permute_move(s, of(exec->args.diff_dst, s->dst_dtype), of(exec->args.diff_src[0], s->src_dtype[0]), true,
                 s->accumulate[0]);
    return GRAFT_OK;
}

const gf_op_class gf_op_permute = {
    .name = "permute",
    .infer = permute_infer,
    .forward = permute_forward,
    .backward = permute_backward,
};
