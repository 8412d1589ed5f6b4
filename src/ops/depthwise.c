/* depthwise.c - the backward of a depthwise convolution in vectors of channels: several times faster than oneDNN's. Its
 * forward is conv.c's.
 *
 *   diff_kernel[i,j] = sum_{y,x} dz[y,x] src[y sh + i - pt, x sw + j - pl]
 *   diff_src[r,s] = sum over the i, j with r + pt - i = y sh, s + pl - j = x sw of dz[y,x] kernel[i,j]
 *
 * Sums are f32; src and dst are f32 or bf16. A few rows at a time are packed (depthwise.h), so that what is read again
 * and again lies in the nearest cache. */
#include "ops/depthwise.h"
#include "ops/cpu.h"
#include "ops/kernels.h"
#include "ops/onednn.h"
#include "ops/variant.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TAPS = 49, BAND_BYTES = 96 << 10 };

/* What is packed for one direction. */
typedef struct side {
    int in_h, in_w;    /* of what is packed */
    int before, width; /* zero places before a packed row, and its whole width */
    int rows;          /* the most that are packed at a time */
} side;

typedef struct depthwise {
    const gf_dw_loops *loops;
    int c, blocks, taps;
    float *kernel; /* [block][tap][GF_DW_BLOCK] */
    gf_op forward; /* a gf_op_conv */
    side src, dst;
    int band; /* rows of dz at a time */
} depthwise;

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

static const gf_dw_loops *loops_here(void)
{
    if (gf_cpu_has(GF_CPU_AVX512)) return &gf_dw_avx512;
    return gf_cpu_has(GF_CPU_AVX2) ? &gf_dw_avx2 : NULL;
}

bool gf_depthwise_fits(const gf_op_spec *s)
{
    int64_t c = s->src[0].rank == 4 ? s->src[0].dim[3] : 0;
    bool floats = (s->src_dtype[0] == GF_F32 || s->src_dtype[0] == GF_BF16) &&
                  (s->dst_dtype == GF_F32 || s->dst_dtype == GF_BF16);
    return s->backward && c > 1 && s->conv.groups == c && s->conv.filters == c && s->n_src == 1 && floats &&
           s->conv.kh * s->conv.kw <= MAX_TAPS && s->conv.sh <= 2 && s->conv.sw <= 2 && !s->conv.dh && !s->conv.dw &&
           loops_here();
}

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    return gf_op_conv.infer(s, dst, err);
}

/* ---- create */

/* Rows of dz in one band, so that what is packed for them stays near. */
static int band_rows(int width, const gf_op_spec *s)
{
    int rows = (int)(BAND_BYTES / ((size_t)width * GF_DW_BLOCK * sizeof(float)));
    return most(1, (rows - s->conv.kh) / s->conv.sh + 1);
}

static size_t side_floats(const side *s) { return (size_t)s->rows * (size_t)s->width * GF_DW_BLOCK; }
static size_t sums(const depthwise *d) { return (size_t)(d->blocks * d->taps) * GF_DW_BLOCK; }

static void set_sides(depthwise *d, const gf_op_spec *s)
{
    int h = (int)s->src[0].dim[1], w = (int)s->src[0].dim[2], oh = (int)s->dst.dim[1], ow = (int)s->dst.dim[2];
    d->src = (side){.in_h = h, .in_w = w, .before = s->conv.pl};
    d->src.width = most(s->conv.pl + w, (ow - 1) * s->conv.sw + s->conv.kw);
    d->band = least(oh, band_rows(d->src.width, s));
    d->src.rows = (d->band - 1) * s->conv.sh + s->conv.kh;
    /* diff_src's place x reads dz from (x + pl - kw + 1) / sw to (x + pl) / sw; the last band may have rows more */
    d->dst = (side){.in_h = oh, .in_w = ow, .before = s->conv.kw};
    d->dst.width = s->conv.kw + most(ow, (w - 1 + s->conv.pl) / s->conv.sw + 1);
    d->dst.rows = least(oh, d->band + 2 * s->conv.kh + 2);
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    const gf_op_spec *s = &op->spec;
    depthwise *d = op->impl = gf_new(depthwise);
    if (!d) return gf_fail_memory(err, sizeof *d, s->name);
    gf_op_spec forward = *s;
    forward.cls = &gf_op_conv;
    forward.backward = forward.diff_weights = forward.diff_src[0] = forward.accumulate[0] = false;
    GF_TRY(gf_op_create(&d->forward, &forward, ops, err));
    d->loops = loops_here();
    d->c = (int)s->src[0].dim[3];
    d->blocks = (d->c + GF_DW_BLOCK - 1) / GF_DW_BLOCK;
    d->taps = s->conv.kh * s->conv.kw;
    set_sides(d, s);
    size_t floats = (size_t)d->blocks * GF_DW_BLOCK;
    d->kernel = gf_alloc_tensor(floats * (size_t)d->taps * sizeof(float));
    if (!d->kernel) return gf_fail_memory(err, floats * (size_t)d->taps * sizeof(float), s->name);
    size_t line = (size_t)d->src.in_w * GF_DW_BLOCK;
    op->scratchpad_bytes = (side_floats(&d->src) + side_floats(&d->dst) + line + sums(d)) * sizeof(float);
    if (d->forward.scratchpad_bytes > op->scratchpad_bytes) op->scratchpad_bytes = d->forward.scratchpad_bytes;
    if (s->diff_weights) op->grad_count = gf_op_kernel_count(s) + gf_op_bias_count(s);
    return GRAFT_OK;
}

static void destroy(gf_op *op)
{
    depthwise *d = op->impl;
    if (!d) return;
    gf_op_destroy(&d->forward);
    gf_free(d->kernel);
    gf_free(d);
}

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    depthwise *d = op->impl;
    for (int c = 0; c < d->c; c++) {
        int block = c / GF_DW_BLOCK, lane = c % GF_DW_BLOCK;
        for (int t = 0; t < d->taps; t++) {
            d->kernel[(block * d->taps + t) * GF_DW_BLOCK + lane] = kernel[t * d->c + c];
        }
    }
    return gf_op_prepare(&d->forward, kernel, bias, err);
}

/* ---- rows */

/* A block of channels at work. */
typedef struct work {
    const gf_op *op;
    const depthwise *d;
    int block, used;
    float *packed_src, *packed_dz, *line, *sum; /* in the scratchpad */
} work;

static work begin(const gf_exec *exec, int block)
{
    const depthwise *d = exec->op->impl;
    float *at = exec->args.scratchpad;
    work k = {.op = exec->op, .d = d, .block = block, .used = least(GF_DW_BLOCK, d->c - block * GF_DW_BLOCK)};
    k.packed_src = at;
    k.packed_dz = k.packed_src + side_floats(&d->src);
    k.line = k.packed_dz + side_floats(&d->dst);
    k.sum = k.line + (size_t)d->src.in_w * GF_DW_BLOCK + (size_t)(block * d->taps) * GF_DW_BLOCK;
    return k;
}

/* Where a row of this block begins in a tensor of the given type. */
static char *row_at(const work *k, const void *tensor, gf_dtype type, int n, int h, int w, int y)
{
    size_t at = ((size_t)n * (size_t)h + (size_t)y) * (size_t)w * (size_t)k->d->c + (size_t)k->block * GF_DW_BLOCK;
    return (char *)tensor + at * gf_dtype_size(type);
}

static float *row_of(float *packed, const side *s, int slot)
{
    return packed + (size_t)slot * (size_t)s->width * GF_DW_BLOCK;
}

/* Rows first .. first + rows - 1 of image n; those outside are zeros. */
static void pack_rows(const work *k, const side *s, float *packed, const void *tensor, gf_dtype type, int n, int first,
                      int rows)
{
    size_t width = (size_t)s->width * GF_DW_BLOCK, before = (size_t)s->before * GF_DW_BLOCK;
    size_t inside = (size_t)s->in_w * GF_DW_BLOCK;
    for (int i = 0; i < rows; i++) {
        float *to = row_of(packed, s, i);
        int y = first + i;
        if (y < 0 || y >= s->in_h) {
            memset(to, 0, width * sizeof *to);
            continue;
        }
        memset(to, 0, before * sizeof *to);
        memset(to + before + inside, 0, (width - before - inside) * sizeof *to);
        k->d->loops->pack(row_at(k, tensor, type, n, s->in_h, s->in_w, y), type, (size_t)k->d->c, s->in_w, k->used,
                          to + before);
    }
}

static const float *kernel_at(const work *k, int i, int j)
{
    const depthwise *d = k->d;
    return d->kernel + (size_t)((k->block * d->taps) + i * k->op->spec.conv.kw + j) * GF_DW_BLOCK;
}

/* Row `slot` of the packed rows is what kernel row 0 reads. */
static int window_taps(const work *k, int slot, gf_dw_tap *tap)
{
    const gf_op_spec *s = &k->op->spec;
    int n = 0;
    for (int i = 0; i < s->conv.kh; i++) {
        for (int j = 0; j < s->conv.kw; j++) {
            tap[n++] = (gf_dw_tap){row_of(k->packed_src, &k->d->src, slot + i) + j * GF_DW_BLOCK, kernel_at(k, i, j)};
        }
    }
    return n;
}

/* ---- backward */

/* Rows of dz in a band, first up to last, with those beyond it that diff_src's rows of the band need. */
typedef struct band {
    int first, last;
    int dz_first, dz_last;   /* packed */
    int row_first, row_last; /* of diff_src */
} band;

static band band_at(const depthwise *d, const gf_op_spec *s, int first)
{
    band b = {.first = first, .last = least(first + d->band, d->dst.in_h)};
    b.row_first = least(first * s->conv.sh, d->src.in_h);
    b.row_last = b.last == d->dst.in_h ? d->src.in_h : least(b.last * s->conv.sh, d->src.in_h);
    int lowest = b.row_first + s->conv.pt - s->conv.kh + 1;
    b.dz_first = least(first, lowest > 0 ? lowest / s->conv.sh : 0);
    b.dz_last = least(most(b.last, (b.row_last - 1 + s->conv.pt) / s->conv.sh + 1), d->dst.in_h);
    return b;
}

static void weights_band(const gf_exec *exec, const work *k, int n, const band *b)
{
    const gf_op_spec *s = &k->op->spec;
    const depthwise *d = k->d;
    gf_dw_tap tap[MAX_TAPS];
    pack_rows(k, &d->src, k->packed_src, exec->args.src[0], s->src_dtype[0], n, b->first * s->conv.sh - s->conv.pt,
              (b->last - b->first - 1) * s->conv.sh + s->conv.kh);
    for (int y = b->first; y < b->last; y++) {
        int taps = window_taps(k, (y - b->first) * s->conv.sh, tap);
        const float *dz = row_of(k->packed_dz, &d->dst, y - b->dz_first) + d->dst.before * GF_DW_BLOCK;
        d->loops->weights(tap, taps, s->conv.sw * GF_DW_BLOCK, dz, d->dst.in_w, k->used, k->sum);
    }
}

/* The taps of row r of diff_src, places `phase`, phase + sw, ...: those whose dz exists on the grid of dst. */
static int back_taps(const work *k, int r, int phase, int dz_first, gf_dw_tap *tap)
{
    const gf_op_spec *s = &k->op->spec;
    int n = 0;
    for (int i = 0; i < s->conv.kh; i++) {
        int y = r + s->conv.pt - i;
        if (y < 0 || y % s->conv.sh || y / s->conv.sh >= k->d->dst.in_h) continue;
        const float *from = row_of(k->packed_dz, &k->d->dst, y / s->conv.sh - dz_first);
        for (int j = 0; j < s->conv.kw; j++) {
            int x = phase + s->conv.pl - j + k->d->dst.before * s->conv.sw; /* never negative */
            if (x % s->conv.sw) continue;
            tap[n++] = (gf_dw_tap){from + x / s->conv.sw * GF_DW_BLOCK, kernel_at(k, i, j)};
        }
    }
    return n;
}

static void data_band(const gf_exec *exec, const work *k, int n, const band *b)
{
    const gf_op_spec *s = &k->op->spec;
    const depthwise *d = k->d;
    static const float zero[GF_DW_BLOCK] = {0};
    int w = d->src.in_w;
    gf_dw_tap tap[MAX_TAPS];
    for (int r = b->row_first; r < b->row_last; r++) {
        for (int phase = 0; phase < s->conv.sw && phase < w; phase++) {
            int taps = back_taps(k, r, phase, b->dz_first, tap);
            d->loops->row(tap, taps, GF_DW_BLOCK, (w - phase + s->conv.sw - 1) / s->conv.sw, k->used, zero,
                          k->line + phase * GF_DW_BLOCK, s->conv.sw * GF_DW_BLOCK);
        }
        d->loops->unpack(row_at(k, exec->args.diff_src[0], s->src_dtype[0], n, d->src.in_h, w, r), s->src_dtype[0],
                         (size_t)d->c, w, k->used, k->line, s->accumulate[0]);
    }
}

/* All blocks of a band before the next: what lies side by side in memory is read while it is near. */
static void backward_band(const gf_exec *exec, int n, const band *b)
{
    const gf_op_spec *s = &exec->op->spec;
    const depthwise *d = exec->op->impl;
    for (int i = 0; i < d->blocks; i++) {
        work k = begin(exec, i);
        pack_rows(&k, &d->dst, k.packed_dz, exec->args.diff_dst, s->dst_dtype, n, b->dz_first,
                  b->dz_last - b->dz_first);
        if (s->diff_weights) weights_band(exec, &k, n, b);
        if (s->diff_src[0]) data_band(exec, &k, n, b);
    }
}

static void keep_weights(const gf_exec *exec)
{
    const depthwise *d = exec->op->impl;
    for (int i = 0; i < d->blocks; i++) {
        work k = begin(exec, i);
        for (int t = 0; t < d->taps; t++) {
            memcpy(exec->args.grad + (size_t)(t * d->c + i * GF_DW_BLOCK), k.sum + t * GF_DW_BLOCK,
                   (size_t)k.used * sizeof *k.sum);
        }
    }
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const depthwise *d = exec->op->impl;
    gf_op_args *a = &exec->args;
    float *dbias = s->diff_weights && s->has_bias ? a->grad + gf_op_kernel_count(s) : NULL;
    gf_act_backward_bias(s->act, s->act_alpha, a->diff_dst, s->act == GF_ACT_LINEAR ? NULL : a->dst, s->dst_dtype,
                         gf_count(&s->dst) / (size_t)d->c, (size_t)d->c, dbias);
    memset(begin(exec, 0).sum, 0, sums(d) * sizeof(float));
    for (int n = 0; n < (int)s->src[0].dim[0]; n++) {
        for (int y = 0; y < d->dst.in_h; y += d->band) {
            band b = band_at(d, s, y);
            backward_band(exec, n, &b);
        }
    }
    if (s->diff_weights) keep_weights(exec);
    return GRAFT_OK;
}

/* ---- forward, by the other class */

static graft_status bind(const gf_op *op, gf_exec *exec, graft_error *err)
{
    gf_exec *forward = exec->impl = gf_new(gf_exec);
    if (!forward) return gf_fail_memory(err, sizeof *forward, op->spec.name);
    return gf_op_bind(&((depthwise *)op->impl)->forward, &exec->args, forward, err);
}

static void unbind(gf_exec *exec)
{
    if (exec->impl) gf_op_unbind(exec->impl);
    gf_free(exec->impl);
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    return gf_op_conv.forward(exec->impl, step, err);
}

const gf_op_class gf_op_depthwise = {
    .name = "depthwise",
    .kernel_count = gf_op_kernel_of_conv,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .bind = bind,
    .unbind = unbind,
    .forward = forward,
    .backward = backward,
};

static void key(const gf_op_spec *s, char text[GF_VARIANT_KEY])
{
    snprintf(text, GF_VARIANT_KEY, "depthwise backward %s n%lld %lldx%lldx%lld k%dx%d s%dx%d %s%s",
             gf_dtype_name(s->src_dtype[0]), (long long)s->src[0].dim[0], (long long)s->src[0].dim[1],
             (long long)s->src[0].dim[2], (long long)s->src[0].dim[3], s->conv.kh, s->conv.kw, s->conv.sh, s->conv.sw,
             s->diff_weights ? "w" : "", s->diff_src[0] ? "d" : "");
}

/* In f32 oneDNN's is taken untimed: what f32 computes does not depend on a clock. */
static bool fits(const gf_op_spec *s, const gf_ops *ops)
{
    (void)ops;
    return gf_depthwise_fits(s) && s->src_dtype[0] != GF_F32;
}

/* Where oneDNN 3.2 has no kernel of its own for it. */
static bool preferred(const gf_op_spec *s, const gf_ops *ops)
{
    (void)ops;
    const int common = 3;
    return s->conv.kh != common || s->conv.kw != common || s->src[0].dim[1] < common || s->src[0].dim[2] < common;
}

const gf_op_variant gf_variant_depthwise = {
    .of = &gf_op_conv,
    .cls = &gf_op_depthwise,
    .of_name = "onednn",
    .name = "vectors",
    .fits = fits,
    .key = key,
    .preferred = preferred,
};
