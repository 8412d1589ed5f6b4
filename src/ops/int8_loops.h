/* int8_loops.h - what sums of bytes become (int8_end.h), in vectors: the inlined end of the loops of pointwise_int8.c
 * and depthwise_int8.c, so that sums never leave the registers. x86-64 only. */
#ifndef GF_OPS_INT8_LOOPS_H
#define GF_OPS_INT8_LOOPS_H

#include "ops/int8_end.h"
#include "ops/int8_pack.h"

#define GF_INT8_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")))
#ifdef GF_SANITIZED /* with checks at every step, what is inlined and unrolled takes a compiler a minute: it is called \
                     */
#define GF_INT8_INLINE GF_INT8_TARGET static inline
#define GF_INT8_UNROLL
#else
#define GF_INT8_INLINE GF_INT8_TARGET static inline __attribute__((always_inline))
#define GF_INT8_UNROLL \
    _Pragma("GCC unroll 8") /* before loops over registers: arrays of sums must not go through memory */
#endif

/* What the 16 outputs of a vector share; kept apart from what is written, so that it stays in registers. */
typedef struct gf_lanes {
    __m512 scale, bias, per, zero, gate_scale, gate_bias, curve[GF_CURVE_ORDER][2];
} gf_lanes;

GF_INT8_INLINE gf_lanes gf_lanes_at(const gf_int8_end *e, size_t o)
{
    gf_lanes l = {_mm512_load_ps(e->scale + o), _mm512_load_ps(e->bias + o),       _mm512_load_ps(e->per + o),
                  _mm512_load_ps(e->zero + o),  _mm512_load_ps(e->gate_scale + o), _mm512_load_ps(e->gate_bias + o)};
    for (int i = 0; i < 2 * GF_CURVE_ORDER; i++) l.curve[i / 2][i % 2] = _mm512_load_ps(e->curve + i * GF_INT8_LANES);
    return l;
}

/* By the piece of the curve that x lies in; 32 pieces are two vectors of each coefficient. Below the first the curve is
 * as good as 0, above the last it is x. */
GF_INT8_INLINE __m512 gf_silu_ps(__m512 x, const gf_lanes *l)
{
    const float first = GF_CURVE_FROM, last = GF_CURVE_FROM + (GF_CURVE_PIECES - 1) / GF_CURVE_DENSITY;
    const float integer = 0x1.8p23f; /* what is added to it is rounded */
    x = _mm512_max_ps(x, _mm512_set1_ps(first));
    __m512 number = _mm512_fmadd_ps(_mm512_min_ps(x, _mm512_set1_ps(last)), _mm512_set1_ps(GF_CURVE_DENSITY),
                                    _mm512_set1_ps(integer - first * GF_CURVE_DENSITY));
    __m512i piece = _mm512_castps_si512(number);
    __m512 c[GF_CURVE_ORDER];
    for (int i = 0; i < GF_CURVE_ORDER; i++) c[i] = _mm512_permutex2var_ps(l->curve[i][0], piece, l->curve[i][1]);
    return _mm512_fmadd_ps(_mm512_fmadd_ps(c[2], x, c[1]), x, c[0]);
}

/* What 16 sums become, before they are rounded. `kind` is a constant where this is called. */
GF_INT8_INLINE __m512 gf_int8_value(const gf_lanes *l, __m512i sum, gf_int8_kind kind)
{
    const __m512 real = _mm512_cvtepi32_ps(sum), x = _mm512_fmadd_ps(real, l->scale, l->bias);
    if (kind == GF_INT8_SILU) return _mm512_fmadd_ps(gf_silu_ps(x, l), l->per, l->zero);
    if (kind != GF_INT8_HARD_SILU) return x;
    __m512 gate = _mm512_fmadd_ps(real, l->gate_scale, l->gate_bias);
    gate = _mm512_min_ps(_mm512_max_ps(gate, _mm512_setzero_ps()), _mm512_set1_ps(1));
    return _mm512_fmadd_ps(x, gate, l->zero);
}

/* A masked store takes several times as long on some processors. */
GF_INT8_INLINE void gf_store_bytes(uint8_t *dst, __m128i bytes, __mmask16 wanted)
{
    if (wanted == GF_INT8_ALL) {
        _mm_storeu_si128((__m128i *)dst, bytes);
    } else {
        _mm_mask_storeu_epi8(dst, wanted, bytes);
    }
}

/* n of four vectors of numbers, to 16 bytes each, `step` bytes apart. */
GF_INT8_INLINE void gf_store_four(uint8_t *dst, size_t step, const __m512 q[4], int n, __mmask16 wanted)
{
    const __m512i whole[4] = {_mm512_cvtps_epi32(q[0]), _mm512_cvtps_epi32(q[1]), _mm512_cvtps_epi32(q[2]),
                              _mm512_cvtps_epi32(q[3])};
    __m512i all = gf_pack_bytes(whole);
    gf_store_bytes(dst, _mm512_castsi512_si128(all), wanted);
    if (n > 1) gf_store_bytes(dst + step, _mm512_extracti32x4_epi32(all, 1), wanted);
    if (n > 2) gf_store_bytes(dst + 2 * step, _mm512_extracti32x4_epi32(all, 2), wanted);
    if (n > 3) gf_store_bytes(dst + 3 * step, _mm512_extracti32x4_epi32(all, 3), wanted);
}

GF_INT8_INLINE void gf_store_real(void *dst, const void *residual, size_t at, __m512 x, __mmask16 wanted, bool bf16)
{
    if (bf16) {
        if (residual) {
            __m256i r = _mm256_maskz_loadu_epi16(wanted, (const uint16_t *)residual + at);
            x = _mm512_add_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(r), 16)));
        }
        _mm256_mask_storeu_epi16((uint16_t *)dst + at, wanted, (__m256i)_mm512_cvtneps_pbh(x));
    } else {
        if (residual) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(wanted, (const float *)residual + at));
        _mm512_mask_storeu_ps((float *)dst + at, wanted, x);
    }
}

/* n of four vectors of sums become 16 elements each of dst, from element `at` on, `step` elements apart. */
GF_INT8_INLINE void gf_int8_end_four(const gf_lanes *l, const __m512i sum[4], int n, void *dst, const void *residual,
                                     size_t at, size_t step, __mmask16 wanted, gf_int8_kind kind)
{
    __m512 q[4];
    for (int i = 0; i < 4; i++) q[i] = i < n ? gf_int8_value(l, sum[i], kind) : q[0];
    if (kind < GF_INT8_F32) {
        gf_store_four((uint8_t *)dst + at, step, q, n, wanted);
        return;
    }
    for (int i = 0; i < n; i++) gf_store_real(dst, residual, at + (size_t)i * step, q[i], wanted, kind == GF_INT8_BF16);
}

/* The channels of a vector that are there, of `left`. */
GF_INT8_INLINE __mmask16 gf_int8_wanted(size_t left)
{
    return left >= GF_INT8_LANES ? GF_INT8_ALL : (__mmask16)((1u << left) - 1);
}

#endif
