/* depthwise_loops.h - the body of depthwise_avx512.c and depthwise_avx2.c, which define:
 *   TARGET, LANES, V (a vector of floats), LOAD, STORE, FMA, ADD, and FROM_BF16 (LANES bf16 at p), TO_BF16 (V to p). */
#include "ops/depthwise.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

TARGET static void pack(const void *src, gf_dtype type, size_t stride, int n, int used, float *out)
{
    const uint16_t *half = src;
    const float *full = src;
    int whole = used / LANES * LANES;
    for (int x = 0; x < n; x++, out += GF_DW_BLOCK) {
        size_t at = (size_t)x * stride;
        for (int c = 0; c < whole; c += LANES) {
            STORE(out + c, type == GF_BF16 ? FROM_BF16(half + at + c) : LOAD(full + at + c));
        }
        for (int c = whole; c < used; c++) {
            out[c] = type == GF_BF16 ? gf_bf16_to_f32(half[at + (size_t)c]) : full[at + (size_t)c];
        }
    }
}

TARGET static void unpack(void *dst, gf_dtype type, size_t stride, int n, int used, const float *in, bool add)
{
    uint16_t *half = dst;
    float *full = dst;
    int whole = used / LANES * LANES;
    for (int x = 0; x < n; x++, in += GF_DW_BLOCK) {
        size_t at = (size_t)x * stride;
        for (int c = 0; c < whole; c += LANES) {
            V v = LOAD(in + c);
            if (type == GF_BF16) {
                if (add) v = ADD(v, FROM_BF16(half + at + c));
                TO_BF16(half + at + c, v);
            } else {
                STORE(full + at + c, add ? ADD(v, LOAD(full + at + c)) : v);
            }
        }
        for (int c = whole; c < used; c++) {
            size_t i = at + (size_t)c;
            float before = !add ? 0 : type == GF_BF16 ? gf_bf16_to_f32(half[i]) : full[i];
            if (type == GF_BF16)
                half[i] = gf_f32_to_bf16(in[c] + before);
            else
                full[i] = in[c] + before;
        }
    }
}

/* Some neighbouring places at once: their sums stay in registers. `places` is a constant where it is called. */
TARGET INLINE void row_part(const gf_dw_tap *tap, int taps, int step, const float *start, float *out, int out_step,
                            size_t at, int positions)
{
    enum { MOST = 8 };
    V sum[MOST];
    for (int j = 0; j < positions; j++) sum[j] = LOAD(start);
    for (int t = 0; t < taps; t++) {
        V w = LOAD(tap[t].w + at % GF_DW_BLOCK);
        const float *p = tap[t].p + at;
        for (int j = 0; j < positions; j++) sum[j] = FMA(LOAD(p + j * step), w, sum[j]);
    }
    for (int j = 0; j < positions; j++) STORE(out + j * out_step, sum[j]);
}

/* `n` places from x on, fewer than a full part. */
TARGET static void row_rest(const gf_dw_tap *tap, int taps, int step, const float *start, float *out, int out_step,
                            size_t at, int n)
{
    switch (n) {
    case 1: row_part(tap, taps, step, start, out, out_step, at, 1); break;
    case 2: row_part(tap, taps, step, start, out, out_step, at, 2); break;
    case 3: row_part(tap, taps, step, start, out, out_step, at, 3); break;
    case 4: row_part(tap, taps, step, start, out, out_step, at, 4); break;
    case 5: row_part(tap, taps, step, start, out, out_step, at, 5); break;
    case 6: row_part(tap, taps, step, start, out, out_step, at, 6); break;
    case 7: row_part(tap, taps, step, start, out, out_step, at, 7); break;
    default: break;
    }
}

TARGET static void row(const gf_dw_tap *tap, int taps, int step, int n, int used, const float *start, float *out,
                       int out_step)
{
    enum { PART = 8 };
    for (int c = 0; c < used; c += LANES) {
        int x = 0;
        for (; x + PART <= n; x += PART) {
            row_part(tap, taps, step, start + c, out + x * out_step + c, out_step, (size_t)(x * step + c), PART);
        }
        row_rest(tap, taps, step, start + c, out + x * out_step + c, out_step, (size_t)(x * step + c), n - x);
    }
}

TARGET INLINE void weights_part(const gf_dw_tap *tap, int step, const float *dz, int n, float *sum, int c, int taps)
{
    enum { MOST = 9 };
    V s[MOST];
    for (int t = 0; t < taps; t++) s[t] = LOAD(sum + t * GF_DW_BLOCK + c);
    for (int x = 0; x < n; x++) {
        V d = LOAD(dz + x * GF_DW_BLOCK + c);
        for (int t = 0; t < taps; t++) s[t] = FMA(LOAD(tap[t].p + x * step + c), d, s[t]);
    }
    for (int t = 0; t < taps; t++) STORE(sum + t * GF_DW_BLOCK + c, s[t]);
}

TARGET static void weights(const gf_dw_tap *tap, int taps, int step, const float *dz, int n, int used, float *sum)
{
    for (int c = 0; c < used; c += LANES) {
        int t = 0;
        for (; t + 9 <= taps; t += 9) weights_part(tap + t, step, dz, n, sum + t * GF_DW_BLOCK, c, 9);
        for (; t + 5 <= taps; t += 5) weights_part(tap + t, step, dz, n, sum + t * GF_DW_BLOCK, c, 5);
        for (; t < taps; t++) weights_part(tap + t, step, dz, n, sum + t * GF_DW_BLOCK, c, 1);
    }
}
