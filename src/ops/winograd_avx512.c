/* winograd_avx512.c - the loops of winograd.h, 16 channels at a time. Each is a transform of columns, then of rows. */
#include "ops/winograd.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define LANES GF_WINOGRAD_LANES
#define V __m512

INLINE V load(const uint16_t *p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}

INLINE void store(uint16_t *p, V v) { _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(v)); }

#define ADD(a, b) _mm512_add_ps((a), (b))
#define SUB(a, b) _mm512_sub_ps((a), (b))

/* B^T x */
INLINE void tile_1d(V x[4], V out[4])
{
    out[0] = SUB(x[0], x[2]);
    out[1] = ADD(x[1], x[2]);
    out[2] = SUB(x[2], x[1]);
    out[3] = SUB(x[1], x[3]);
}

TARGET static void tile(const uint16_t *const d[16], size_t c, uint16_t *v, size_t apart)
{
    for (size_t i = 0; i < c; i += LANES) {
        V t[4][4]; /* [column][row] */
        for (int x = 0; x < 4; x++) {
            V in[4];
            for (int y = 0; y < 4; y++) in[y] = load(d[4 * y + x] + i);
            tile_1d(in, t[x]);
        }
        for (int y = 0; y < 4; y++) {
            V in[4], out[4];
            for (int x = 0; x < 4; x++) in[x] = t[x][y];
            tile_1d(in, out);
            for (int x = 0; x < 4; x++) store(v + (size_t)(4 * y + x) * apart + i, out[x]);
        }
    }
}

/* A x */
INLINE void gradient_1d(V a, V b, V out[4])
{
    out[0] = a;
    out[1] = ADD(a, b);
    out[2] = SUB(a, b);
    out[3] = SUB(_mm512_setzero_ps(), b);
}

TARGET static void gradient(const uint16_t *const dy[4], size_t c, uint16_t *v, size_t apart)
{
    for (size_t i = 0; i < c; i += LANES) {
        V t[2][4];
        for (int x = 0; x < 2; x++) gradient_1d(load(dy[x] + i), load(dy[2 + x] + i), t[x]);
        for (int y = 0; y < 4; y++) {
            V out[4];
            gradient_1d(t[0][y], t[1][y], out);
            for (int x = 0; x < 4; x++) store(v + (size_t)(4 * y + x) * apart + i, out[x]);
        }
    }
}

/* A^T x */
INLINE void positions_1d(V x[4], V out[2])
{
    out[0] = ADD(ADD(x[0], x[1]), x[2]);
    out[1] = SUB(SUB(x[1], x[2]), x[3]);
}

TARGET static void positions(const float *m, size_t apart, size_t c, const gf_winograd_end *end,
                             const uint16_t *const residual[4], uint16_t *const y[4])
{
    const V low = _mm512_set1_ps(end->low), high = _mm512_set1_ps(end->high);
    for (size_t i = 0; i < c; i += LANES) {
        V t[4][2], out[2][2];
        for (int x = 0; x < 4; x++) {
            V in[4];
            for (int k = 0; k < 4; k++) in[k] = _mm512_loadu_ps(m + (size_t)(4 * k + x) * apart + i);
            positions_1d(in, t[x]);
        }
        for (int k = 0; k < 2; k++) {
            V in[4];
            for (int x = 0; x < 4; x++) in[x] = t[x][k];
            positions_1d(in, out[k]);
        }
        V bias = end->bias ? _mm512_loadu_ps(end->bias + i) : _mm512_setzero_ps();
        for (int k = 0; k < 4; k++) {
            if (!y[k]) continue;
            V z = ADD(out[k / 2][k % 2], bias);
            if (residual[k]) z = ADD(z, load(residual[k] + i));
            if (end->add) z = ADD(z, load(y[k] + i));
            z = _mm512_min_ps(high, _mm512_max_ps(low, z)); /* the second operand is kept where it is NaN */
            store(y[k] + i, z);
        }
    }
}

/* G x */
INLINE void kernel_1d(V x[3], V out[4])
{
    V outer = ADD(x[0], x[2]), half = _mm512_set1_ps(0.5f);
    out[0] = x[0];
    out[1] = _mm512_mul_ps(half, ADD(outer, x[1]));
    out[2] = _mm512_mul_ps(half, SUB(outer, x[1]));
    out[3] = x[2];
}

TARGET static void kernel(const float *g, size_t n, uint16_t *u, size_t apart)
{
    for (size_t i = 0; i < n; i += LANES) {
        V t[3][4];
        for (int x = 0; x < 3; x++) {
            V in[3];
            for (int y = 0; y < 3; y++) in[y] = _mm512_loadu_ps(g + (size_t)(3 * y + x) * n + i);
            kernel_1d(in, t[x]);
        }
        for (int y = 0; y < 4; y++) {
            V in[3] = {t[0][y], t[1][y], t[2][y]}, out[4];
            kernel_1d(in, out);
            for (int x = 0; x < 4; x++) store(u + (size_t)(4 * y + x) * apart + i, out[x]);
        }
    }
}

/* G^T x */
INLINE void kernel_gradient_1d(V x[4], V out[3])
{
    V half = _mm512_set1_ps(0.5f), sum = _mm512_mul_ps(half, ADD(x[1], x[2]));
    out[0] = ADD(x[0], sum);
    out[1] = _mm512_mul_ps(half, SUB(x[1], x[2]));
    out[2] = ADD(sum, x[3]);
}

TARGET static void kernel_gradient(const float *u, size_t apart, size_t n, float *g)
{
    for (size_t i = 0; i < n; i += LANES) {
        V t[4][3];
        for (int x = 0; x < 4; x++) {
            V in[4];
            for (int y = 0; y < 4; y++) in[y] = _mm512_loadu_ps(u + (size_t)(4 * y + x) * apart + i);
            kernel_gradient_1d(in, t[x]);
        }
        for (int y = 0; y < 3; y++) {
            V in[4], out[3];
            for (int x = 0; x < 4; x++) in[x] = t[x][y];
            kernel_gradient_1d(in, out);
            for (int x = 0; x < 3; x++) _mm512_storeu_ps(g + (size_t)(3 * y + x) * n + i, out[x]);
        }
    }
}

const gf_winograd_loops gf_winograd_bf16 = {tile, gradient, positions, kernel, kernel_gradient};
#else
const gf_winograd_loops gf_winograd_bf16 = {0};
#endif
