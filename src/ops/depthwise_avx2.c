#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#define V __m256
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps((p), (v))
#define FMA(a, b, c) _mm256_fmadd_ps((a), (b), (c))
#define ADD(a, b) _mm256_add_ps((a), (b))
#define FROM_BF16(p) \
    _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(p))), 16))
#define TO_BF16(p, v) to_bf16((p), (v))

/* Rounded to nearest, ties to even; a NaN stays one (gf_f32_to_bf16). */
TARGET static inline __attribute__((always_inline)) void to_bf16(void *p, __m256 v)
{
    __m256i u = _mm256_castps_si256(v), high = _mm256_srli_epi32(u, 16);
    __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
    __m256i up = _mm256_srli_epi32(_mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    up = _mm256_blendv_epi8(up, _mm256_or_si256(high, _mm256_set1_epi32(0x40)), nan);
    __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(up, up), 0xd8); /* both lanes' lower halves */
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(packed));
}

#include "ops/depthwise_loops.h"

const gf_dw_loops gf_dw_avx2 = {pack, unpack, row, weights};
#else
#include "ops/depthwise.h"
const gf_dw_loops gf_dw_avx2 = {0};
#endif
