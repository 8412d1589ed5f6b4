#include "ops/pointwise_int8.h"

#include <string.h>

enum { LANES = GF_INT8_LANES, DEPTH = 4, MOST_VECTORS = 4, MOST_ROWS = 8, VECTOR_BYTES = LANES * DEPTH };

static size_t vectors_of(const gf_pointwise_int8 *p) { return (p->oc + LANES - 1) / LANES; }

/* Vectors are shared out evenly: 5 are 3 and 2, not 4 and 1. */
static size_t blocks_of(const gf_pointwise_int8 *p) { return (vectors_of(p) + MOST_VECTORS - 1) / MOST_VECTORS; }
static size_t first_vector(const gf_pointwise_int8 *p, size_t block) { return vectors_of(p) * block / blocks_of(p); }

static size_t ic_of(const gf_pointwise_int8 *p) { return p->lines * p->depth; }

size_t gf_pointwise_int8_kernel_bytes(const gf_pointwise_int8 *p) { return vectors_of(p) * ic_of(p) * LANES; }

void gf_pointwise_int8_pack(gf_pointwise_int8 *p, const int8_t *kernel)
{
    memset(p->kernel, 0, gf_pointwise_int8_kernel_bytes(p));
    for (size_t b = 0; b < blocks_of(p); b++) {
        size_t first = first_vector(p, b), vectors = first_vector(p, b + 1) - first;
        int8_t *block = p->kernel + first * LANES * ic_of(p);
        for (size_t row = 0; row < p->lines * p->part; row++) {
            size_t k = row / p->part * p->depth + row % p->part;
            for (size_t o = 0; o < vectors * LANES && first * LANES + o < p->oc; o++) {
                block[k / DEPTH * vectors * VECTOR_BYTES + o * DEPTH + k % DEPTH] =
                    kernel[row * p->oc + first * LANES + o];
            }
        }
    }
}

bool gf_pointwise_int8_fits(const gf_op_spec *s, gf_pointwise_int8 *p)
{
    size_t ic = (size_t)s->src[0].dim[3], oc = (size_t)s->conv.filters;
    *p = (gf_pointwise_int8){
        .pixels = gf_count(&s->dst) / oc, .oc = oc, .step = ic, .lines = 1, .part = ic, .depth = ic};
    return gf_op_is_pointwise(s) && ic % DEPTH == 0;
}

#if defined(__x86_64__)
#include "ops/int8_loops.h"

/* A block of outputs at work. */
typedef struct block {
    const gf_pointwise_int8 *p;
    const int8_t *kernel;
    size_t channel; /* its first output */
    const uint8_t *src;
    void *dst;
    const void *residual;
} block;

/* Before loops over registers: where one is left as a loop, arrays of sums go through memory. */
#define UNROLL _Pragma("GCC unroll 8")

/* `rows`, `vectors` and `kind` are constants where this is called: the sums are registers, and few enough to leave some
 * for what becomes of them. */
GF_INT8_INLINE void tile(const block *b, size_t pixel, int rows, int vectors, gf_int8_kind kind)
{
    enum { FOUR = 4 };
    __m512i sum[MOST_ROWS][MOST_VECTORS], kernel[MOST_VECTORS];
    const size_t step = b->p->step, depth = b->p->depth, oc = b->p->oc;
    const uint8_t *src = b->src + pixel * step;
    const int8_t *k = b->kernel;
    UNROLL for (int r = 0; r < rows; r++)
    {
        UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = _mm512_setzero_si512();
    }
    for (size_t line = b->p->lines; line > 0; line--, src += b->p->line) {
        for (size_t i = 0; i < depth; i += DEPTH, k += vectors * VECTOR_BYTES) {
            UNROLL for (int v = 0; v < vectors; v++) kernel[v] = _mm512_load_si512(k + v * VECTOR_BYTES);
            UNROLL for (int r = 0; r < rows; r++)
            {
                int32_t four;
                memcpy(&four, src + (size_t)r * step + i, sizeof four);
                const __m512i x = _mm512_set1_epi32(four);
                UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = _mm512_dpbusd_epi32(sum[r][v], x, kernel[v]);
            }
        }
    }
    UNROLL for (int v = 0; v < vectors; v++)
    {
        const size_t o = b->channel + (size_t)v * LANES, at = pixel * oc + o;
        const gf_lanes l = gf_lanes_at(b->p->end, o);
        const __mmask16 wanted = gf_int8_wanted(oc - o);
        if (rows == 1) {
            const __m512i one[FOUR] = {sum[0][v]};
            gf_int8_end_four(&l, one, 1, b->dst, b->residual, at, oc, wanted, kind);
        }
        UNROLL for (int r = 0; r + FOUR <= rows; r += FOUR)
        {
            const __m512i four[FOUR] = {sum[r][v], sum[r + 1][v], sum[r + 2][v], sum[r + 3][v]};
            gf_int8_end_four(&l, four, FOUR, b->dst, b->residual, at + (size_t)r * oc, oc, wanted, kind);
        }
    }
}

#define COLUMNS(name, rows, vectors, kind)                                                               \
    GF_INT8_TARGET static void name(const block *b)                                                      \
    {                                                                                                    \
        size_t pixel = 0;                                                                                \
        for (; pixel + (rows) <= b->p->pixels; pixel += (rows)) tile(b, pixel, (rows), (vectors), kind); \
        for (; pixel < b->p->pixels; pixel++) tile(b, pixel, 1, (vectors), kind);                        \
    }
#define EACH_WIDTH(name, kind)    \
    COLUMNS(name##_1, 8, 1, kind) \
    COLUMNS(name##_2, 8, 2, kind) \
    COLUMNS(name##_3, 4, 3, kind) \
    COLUMNS(name##_4, 4, 4, kind)
EACH_WIDTH(cut, GF_INT8_CUT)
EACH_WIDTH(silu, GF_INT8_SILU)
EACH_WIDTH(hard_silu, GF_INT8_HARD_SILU)
EACH_WIDTH(f32, GF_INT8_F32)
EACH_WIDTH(bf16, GF_INT8_BF16)

void gf_pointwise_int8_run(const gf_pointwise_int8 *p, const uint8_t *src, void *dst, const void *residual)
{
    static void (*const columns[GF_INT8_KINDS][MOST_VECTORS])(const block *) = {
        [GF_INT8_CUT] = {cut_1, cut_2, cut_3, cut_4},
        [GF_INT8_SILU] = {silu_1, silu_2, silu_3, silu_4},
        [GF_INT8_HARD_SILU] = {hard_silu_1, hard_silu_2, hard_silu_3, hard_silu_4},
        [GF_INT8_F32] = {f32_1, f32_2, f32_3, f32_4},
        [GF_INT8_BF16] = {bf16_1, bf16_2, bf16_3, bf16_4},
    };
    for (size_t i = 0; i < blocks_of(p); i++) {
        size_t first = first_vector(p, i), vectors = first_vector(p, i + 1) - first, channel = first * LANES;
        columns[p->end->kind][vectors - 1](&(block){p, p->kernel + channel * ic_of(p), channel, src, dst, residual});
    }
}

#else

void gf_pointwise_int8_run(const gf_pointwise_int8 *p, const uint8_t *src, void *dst, const void *residual)
{
    (void)p, (void)src, (void)dst, (void)residual;
}

#endif
