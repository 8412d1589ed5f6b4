#include "ops/vectors.h"

#include <math.h>
#include <string.h>

float gf_load(const void *x, gf_dtype type, size_t i)
{
    return type == GF_BF16 ? gf_bf16_to_f32(((const uint16_t *)x)[i]) : ((const float *)x)[i];
}

void gf_store(void *x, gf_dtype type, size_t i, float value)
{
    if (type == GF_BF16) {
        ((uint16_t *)x)[i] = gf_f32_to_bf16(value);
    } else {
        ((float *)x)[i] = value;
    }
}

/* As gf_f32_to_bf16, without a branch. */
static inline uint16_t round_bf16(float x)
{
    union {
        float f;
        uint32_t u;
    } v = {x};
    uint32_t rounded = (v.u + 0x7fffu + (v.u >> 16 & 1)) >> 16;
    return (uint16_t)(x == x ? rounded : v.u >> 16 | 0x40);
}

GF_CLONES static void to_bf16(uint16_t *restrict dst, const float *restrict src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] = round_bf16(src[i]);
}

GF_CLONES static void from_bf16(float *restrict dst, const uint16_t *restrict src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] = gf_bf16_to_f32(src[i]);
}

void gf_convert(void *dst, gf_dtype dst_type, const void *src, gf_dtype src_type, size_t n)
{
    if (dst_type == src_type) {
        memcpy(dst, src, n * gf_dtype_size(dst_type));
    } else if (dst_type == GF_BF16) {
        to_bf16(dst, src, n);
    } else {
        from_bf16(dst, src, n);
    }
}

GF_CLONES void gf_accumulate_f32(float *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] += src[i];
}

GF_CLONES static void accumulate_bf16(uint16_t *dst, const uint16_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] = round_bf16(gf_bf16_to_f32(dst[i]) + gf_bf16_to_f32(src[i]));
}

GF_CLONES static void accumulate_narrow(uint16_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] = round_bf16(gf_bf16_to_f32(dst[i]) + src[i]);
}

GF_CLONES static void accumulate_wide(float *dst, const uint16_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] += gf_bf16_to_f32(src[i]);
}

void gf_accumulate(void *dst, gf_dtype dst_type, const void *src, gf_dtype src_type, size_t n)
{
    if (dst_type == GF_F32 && src_type == GF_F32) {
        gf_accumulate_f32(dst, src, n);
    } else if (dst_type == GF_F32) {
        accumulate_wide(dst, src, n);
    } else if (src_type == GF_BF16) {
        accumulate_bf16(dst, src, n);
    } else {
        accumulate_narrow(dst, src, n);
    }
}

void gf_put(void *dst, gf_dtype dst_type, const void *src, gf_dtype src_type, size_t n, bool add)
{
    if (add) {
        gf_accumulate(dst, dst_type, src, src_type, n);
    } else {
        gf_convert(dst, dst_type, src, src_type, n);
    }
}

/* ---- blocks */

const float *gf_block_in(const void *x, gf_dtype type, size_t at, size_t n, float room[GF_BLOCK])
{
    if (type == GF_F32) return (const float *)x + at;
    from_bf16(room, (const uint16_t *)x + at, n);
    return room;
}

void gf_block_copy(const void *x, gf_dtype type, size_t at, size_t n, float room[GF_BLOCK])
{
    gf_convert(room, GF_F32, (const char *)x + at * gf_dtype_size(type), type, n);
}

void gf_block_out(void *x, gf_dtype type, size_t at, size_t n, const float *value, bool add)
{
    gf_put((char *)x + at * gf_dtype_size(type), type, value, GF_F32, n, add);
}

void gf_block_dz(const gf_op_spec *s, const gf_op_args *a, size_t at, size_t n, float dz[GF_BLOCK])
{
    gf_block_copy(a->diff_dst, s->dst_dtype, at, n, dz);
    if (s->act == GF_ACT_LINEAR) return;
    float room[GF_BLOCK], more_room[GF_BLOCK];
    const float *dst = gf_block_in(a->dst, s->dst_dtype, at, n, room), *src = NULL;
    if (s->act >= GF_ACT_NEEDS_SRC) src = gf_block_in(a->src[0], s->src_dtype[0], at, n, more_room);
    gf_act_backward(s->act, s->act_alpha, dz, src, dst, n);
}

void gf_block_act_out(const gf_op_spec *s, void *dst, size_t at, size_t n, float z[GF_BLOCK])
{
    gf_act_forward(s->act, s->act_alpha, z, GF_F32, n);
    gf_block_out(dst, s->dst_dtype, at, n, z, false);
}

GF_CLONES void gf_multiply(float *restrict z, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) z[i] *= x[i];
}

GF_CLONES void gf_multiply_add(float *restrict z, const float *restrict x, const float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++) z[i] += x[i] * y[i];
}

GF_CLONES void gf_scale_shift(float *restrict z, const float *restrict x, const float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++) z[i] = z[i] * x[i] + y[i];
}

GF_CLONES void gf_scale(float *z, float a, size_t n)
{
    for (size_t i = 0; i < n; i++) z[i] *= a;
}

GF_CLONES void gf_scale_add(float *restrict z, float a, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) z[i] += a * x[i];
}

/* ---- sums of one row: 16 at a time, then these two by two; the rest one by one */

INLINE float sum_of(vf v)
{
    float lane[LANES];
    memcpy(lane, &v, sizeof v);
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    }
    return lane[0];
}

GF_CLONES float gf_sum(const float *x, size_t n)
{
    vf v = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) v += load_f(x + i);
    float sum = sum_of(v);
    for (; i < n; i++) sum += x[i];
    return sum;
}

GF_CLONES float gf_dot(const float *x, const float *y, size_t n)
{
    vf v = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) v += load_f(x + i) * load_f(y + i);
    float sum = sum_of(v);
    for (; i < n; i++) sum += x[i] * y[i];
    return sum;
}

float gf_maximum(const float *x, size_t n)
{
    float most = x[0];
    for (size_t i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    return most;
}

/* ---- activation's backward with the sum over rows */

enum { BLOCK = 64 };

/* `vectors` times 16 channels of all rows: diff = (0 < y < top) ? diff : 0, sum += diff. y in [0, top] has the order of
 * its bits, and y = 0 wraps round to the largest. y NULL: nothing is masked. */
INLINE void clip_bf16(uint16_t *diff, const uint16_t *y, size_t rows, size_t stride, uint16_t top, float *sum,
                      size_t vectors)
{
    vf s[BLOCK / LANES] = {{0}};
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < vectors; k++) {
            uint16_t *at = diff + r * stride + k * LANES;
            vh d = load_h(at);
            if (y) {
                d &= (vh)((vh)(load_h(y + r * stride + k * LANES) - 1) < (uint16_t)(top - 1));
                memcpy(at, &d, sizeof d);
            }
            s[k] += widen(d);
        }
    }
    memcpy(sum, s, vectors * sizeof *s);
}

INLINE void clip_f32(float *diff, const float *y, size_t rows, size_t stride, float top, float *sum, size_t vectors)
{
    vf s[BLOCK / LANES] = {{0}};
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < vectors; k++) {
            float *at = diff + r * stride + k * LANES;
            vf d = load_f(at);
            if (y) {
                vf v = load_f(y + r * stride + k * LANES);
                d = (vf)((vu)d & (vu)(v > 0) & (vu)(v < top));
                memcpy(at, &d, sizeof d);
            }
            s[k] += d;
        }
    }
    memcpy(sum, s, vectors * sizeof *s);
}

GF_CLONES static void block_bf16(uint16_t *diff, const uint16_t *y, size_t rows, size_t stride, uint16_t top,
                                 float *sum)
{
    clip_bf16(diff, y, rows, stride, top, sum, BLOCK / LANES);
}

GF_CLONES static void lanes_bf16(uint16_t *diff, const uint16_t *y, size_t rows, size_t stride, uint16_t top,
                                 float *sum)
{
    clip_bf16(diff, y, rows, stride, top, sum, 1);
}

GF_CLONES static void block_f32(float *diff, const float *y, size_t rows, size_t stride, float top, float *sum)
{
    clip_f32(diff, y, rows, stride, top, sum, BLOCK / LANES);
}

GF_CLONES static void lanes_f32(float *diff, const float *y, size_t rows, size_t stride, float top, float *sum)
{
    clip_f32(diff, y, rows, stride, top, sum, 1);
}

/* The channels that are left over: one by one, in the same order of rows. */
static void narrow_bf16(uint16_t *diff, const uint16_t *y, size_t rows, size_t stride, size_t c, uint16_t top,
                        float *sum)
{
    memset(sum, 0, c * sizeof *sum);
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < c; k++) {
            uint16_t *d = diff + r * stride + k;
            if (y && !((uint16_t)(y[r * stride + k] - 1) < (uint16_t)(top - 1))) *d = 0;
            sum[k] += gf_bf16_to_f32(*d);
        }
    }
}

static void narrow_f32(float *diff, const float *y, size_t rows, size_t stride, size_t c, float top, float *sum)
{
    memset(sum, 0, c * sizeof *sum);
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < c; k++) {
            float *d = diff + r * stride + k;
            if (y && !(y[r * stride + k] > 0 && y[r * stride + k] < top)) *d = 0;
            sum[k] += *d;
        }
    }
}

/* How many channels are taken at once where `left` are left. */
static size_t width(size_t left) { return left >= BLOCK ? BLOCK : left >= LANES ? LANES : left; }

static void clip_backward(void *diff, const void *y, gf_dtype type, size_t rows, size_t c, float top, float *dbias)
{
    float unwanted[BLOCK];
    size_t n;
    for (size_t k = 0; k < c; k += n) {
        n = width(c - k);
        float *sum = dbias ? dbias + k : unwanted;
        if (type == GF_BF16) {
            uint16_t *d = (uint16_t *)diff + k, limit = gf_f32_to_bf16(top);
            const uint16_t *v = y ? (const uint16_t *)y + k : NULL;
            if (n < LANES) {
                narrow_bf16(d, v, rows, c, n, limit, sum);
            } else {
                (n == BLOCK ? block_bf16 : lanes_bf16)(d, v, rows, c, limit, sum);
            }
        } else {
            float *d = (float *)diff + k;
            const float *v = y ? (const float *)y + k : NULL;
            if (n < LANES) {
                narrow_f32(d, v, rows, c, n, top, sum);
            } else {
                (n == BLOCK ? block_f32 : lanes_f32)(d, v, rows, c, top, sum);
            }
        }
    }
}

static void smooth_backward(gf_act act, float alpha, void *diff, const void *dst, gf_dtype type, size_t n)
{
    float block[GF_BLOCK], room[GF_BLOCK];
    for (size_t at = 0; at < n; at += GF_BLOCK) {
        size_t m = n - at < GF_BLOCK ? n - at : GF_BLOCK;
        gf_block_copy(diff, type, at, m, block);
        gf_act_backward(act, alpha, block, NULL, gf_block_in(dst, type, at, m, room), m);
        gf_block_out(diff, type, at, m, block, false);
    }
}

void gf_act_backward_bias(gf_act act, float alpha, void *diff, const void *dst, gf_dtype type, size_t rows, size_t c,
                          float *dbias)
{
    if (act == GF_ACT_LINEAR && !dbias) return;
    bool clips = act == GF_ACT_RELU || act == GF_ACT_RELU6;
    if (act != GF_ACT_LINEAR && !clips) smooth_backward(act, alpha, diff, dst, type, rows * c);
    if (!clips && !dbias) return;
    clip_backward(diff, clips ? dst : NULL, type, rows, c, act == GF_ACT_RELU6 ? 6.0f : INFINITY, dbias);
}

void gf_sum_rows(const void *src, gf_dtype type, size_t rows, size_t c, float *sum)
{
    clip_backward((void *)src, NULL, type, rows, c, 0, sum); /* nothing is clipped, so nothing written */
}

/* ---- rescale */

/* scale and offset repeat every 48 values: 48 is a multiple of 1, 2, 3 and 4 channels. */
enum { PERIOD = 48 };

GF_CLONES static void rescale_f32(const float *restrict src, float *restrict dst, size_t n, const float *scale,
                                  const float *offset)
{
    for (size_t at = 0; at < n; at += PERIOD) {
        for (size_t i = 0; i < PERIOD; i++) dst[at + i] = src[at + i] * scale[i] + offset[i];
    }
}

GF_CLONES static void rescale_bf16(const float *restrict src, uint16_t *restrict dst, size_t n, const float *scale,
                                   const float *offset)
{
    for (size_t at = 0; at < n; at += PERIOD) {
        for (size_t i = 0; i < PERIOD; i++) dst[at + i] = round_bf16(src[at + i] * scale[i] + offset[i]);
    }
}

void gf_rescale(const float *src, void *dst, gf_dtype type, size_t n, int channels, const float scale[4],
                const float offset[4])
{
    float s[PERIOD], o[PERIOD];
    for (int i = 0; i < PERIOD; i++) {
        s[i] = scale[i % channels];
        o[i] = offset[i % channels];
    }
    size_t whole = n / PERIOD * PERIOD;
    if (type == GF_BF16) {
        rescale_bf16(src, dst, whole, s, o);
    } else {
        rescale_f32(src, dst, whole, s, o);
    }
    for (size_t i = whole; i < n; i++) gf_store(dst, type, i, src[i] * s[i % PERIOD] + o[i % PERIOD]);
}
