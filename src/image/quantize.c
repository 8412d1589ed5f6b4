#include "image/quantize.h"

enum { CHANNELS = 3, VALUES = 256 };

/* A channel has no more than 256 values: each is worked out once and looked up from then on. */
typedef struct tables {
    _Alignas(64) uint8_t of[CHANNELS][VALUES];
} tables;

static void look_up(const tables *t, const uint8_t *rgb, size_t n, uint8_t *dst)
{
    for (; n > 0; n--, rgb += CHANNELS, dst += CHANNELS) {
        for (int c = 0; c < CHANNELS; c++) dst[c] = t->of[c][rgb[c]];
    }
}

#ifdef __x86_64__
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi")))

enum { VECTOR = 64, PIXELS = VECTOR }; /* of three vectors */

bool gf_quantize_is_fast(void) { return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw"); }

/* A table is four vectors: its halves are looked up by the lower seven bits, the eighth says which it is. */
AVX512 static inline __attribute__((always_inline)) __m512i look_up_vector(const __m512i table[4], __m512i x)
{
    __m512i low = _mm512_permutex2var_epi8(table[0], x, table[1]),
            high = _mm512_permutex2var_epi8(table[2], x, table[3]);
    return _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(x), high);
}

/* Of n pixels, as many as fill vectors; their number. */
AVX512 static size_t look_up_wide(const tables *t, const uint8_t *rgb, size_t n, uint8_t *dst)
{
    static const __mmask64 green[CHANNELS] = {0x2492492492492492, 0x9249249249249249, 0x4924924924924924},
                           blue[CHANNELS] = {0x4924924924924924, 0x2492492492492492, 0x9249249249249249};
    __m512i table[CHANNELS][4];
    for (int c = 0; c < CHANNELS; c++) {
        for (int i = 0; i < 4; i++) table[c][i] = _mm512_load_si512(t->of[c] + i * VECTOR);
    }
    size_t done = 0;
    for (; done + PIXELS <= n; done += PIXELS) {
        for (int i = 0; i < CHANNELS; i++, rgb += VECTOR, dst += VECTOR) {
            __m512i x = _mm512_loadu_si512(rgb), out = look_up_vector(table[0], x);
            out = _mm512_mask_mov_epi8(out, green[i], look_up_vector(table[1], x));
            _mm512_storeu_si512(dst, _mm512_mask_mov_epi8(out, blue[i], look_up_vector(table[2], x)));
        }
    }
    return done;
}
#else
bool gf_quantize_is_fast(void) { return false; }
static size_t look_up_wide(const tables *t, const uint8_t *rgb, size_t n, uint8_t *dst)
{
    (void)t, (void)rgb, (void)n, (void)dst;
    return 0;
}
#endif

void gf_quantize_rgb(const gf_quantize_map *map, const uint8_t *rgb, size_t n, uint8_t *dst)
{
    tables t;
    for (int c = 0; c < CHANNELS; c++) {
        for (int v = 0; v < VALUES; v++) t.of[c][v] = gf_quantize_value(map, c, (float)v);
    }
    size_t done = gf_quantize_is_fast() ? look_up_wide(&t, rgb, n, dst) : 0;
    look_up(&t, rgb + CHANNELS * done, n - done, dst + CHANNELS * done);
}
