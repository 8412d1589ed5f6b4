/* int8_pack.h - four vectors of 16 whole numbers to 64 bytes, cut off to 0..255. x86-64 only; to be inlined where there
 * is at least AVX-512BW. */
#ifndef GF_OPS_INT8_PACK_H
#define GF_OPS_INT8_PACK_H

#include <immintrin.h>

#define GF_PACK_INLINE __attribute__((target("avx512f,avx512bw"))) static inline __attribute__((always_inline))

GF_PACK_INLINE __m512i gf_pack_bytes(const __m512i q[4])
{
    /* packing works in quarters of a vector: they come out in turn */
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    __m512i low = _mm512_packs_epi32(q[0], q[1]), high = _mm512_packs_epi32(q[2], q[3]);
    return _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
}

#endif
