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

GF_CLONES void gf_larger(float *restrict z, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) z[i] = x[i] > z[i] || x[i] != x[i] ? x[i] : z[i];
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

/* ---- activation's backward with the sum over rows: in the order of memory, which is what it waits for. Sums of few
 * channels stand side by side as often as fills a block, so that loops are whole vectors, and none waits for the last.
 */

/* 16 values of diff = (0 < y < top) ? diff : 0. A bf16 y in [0, top] has the order of its bits, and y = 0 wraps round
 * to the largest. y NULL: nothing is masked. */
INLINE vf clip(void *diff, const void *y, gf_dtype type, size_t at, float top)
{
    if (!y) return load_v(diff, type, at);
    if (type == GF_F32) {
        vf d = uncut_v(load_v(diff, type, at), load_v(y, type, at), top);
        store_v(diff, type, at, d);
        return d;
    }
    uint16_t *to = (uint16_t *)diff + at, below = (uint16_t)(gf_f32_to_bf16(top) - 1);
    vh d = load_h(to) & (vh)((vh)(load_h((const uint16_t *)y + at) - 1) < below);
    memcpy(to, &d, sizeof d);
    return widen(d);
}

/* The same of n < 16 values, by way of a vector of their own. */
INLINE void clip_rest(void *diff, const void *y, gf_dtype type, size_t at, size_t n, float top, float *sum)
{
    float d[LANES] = {0}, v[LANES] = {0};
    size_t size = gf_dtype_size(type);
    memcpy(d, (char *)diff + at * size, n * size);
    if (y) memcpy(v, (const char *)y + at * size, n * size);
    vf z = clip(d, y ? v : NULL, type, 0, top);
    if (y) memcpy((char *)diff + at * size, d, n * size);
    for (size_t i = 0; sum && i < n; i++) sum[i] += z[i];
}

/* `count` values; sum[i % width] += the result, sum NULL: not wanted. */
INLINE void clip_rows(void *diff, const void *y, gf_dtype type, size_t count, size_t width, float top, float *sum)
{
    for (size_t at = 0; at < count; at += width) {
        size_t n = count - at < width ? count - at : width, i = 0;
        for (; i + LANES <= n; i += LANES) {
            vf z = clip(diff, y, type, at + i, top);
            if (sum) store_f(sum + i, load_f(sum + i) + z);
        }
        if (i < n) clip_rest(diff, y, type, at + i, n - i, top, sum ? sum + i : NULL);
    }
}

GF_CLONES static void clip_bf16(void *diff, const void *y, size_t count, size_t width, float top, float *sum)
{
    clip_rows(diff, y, GF_BF16, count, width, top, sum);
}

GF_CLONES static void clip_f32(void *diff, const void *y, size_t count, size_t width, float top, float *sum)
{
    clip_rows(diff, y, GF_F32, count, width, top, sum);
}

static void clip_backward(void *diff, const void *y, gf_dtype type, size_t rows, size_t c, float top, float *dbias)
{
    float room[GF_BLOCK] = {0}, *sum = dbias;
    size_t width = c;
    while (width % LANES && width <= GF_BLOCK) width += c;
    width = width <= GF_BLOCK ? GF_BLOCK / width * width : c;
    if (dbias) {
        memset(dbias, 0, c * sizeof *dbias);
        if (width > c) sum = room;
    }
    (type == GF_BF16 ? clip_bf16 : clip_f32)(diff, y, rows * c, width, top, sum);
    if (sum == dbias) return;
    for (size_t at = 0; at < width; at += c) gf_accumulate_f32(dbias, room + at, c);
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
