#include "ops/pointwise_int8.h"

#include <string.h>

enum { LANES = GF_INT8_LANES, DEPTH = 4, MOST_VECTORS = 3, MOST_ROWS = 8, VECTOR_BYTES = LANES * DEPTH };

static size_t vectors_of(const gf_pointwise_int8 *p) { return (p->oc + LANES - 1) / LANES; }

/* A block's vectors: what bends by a table wants registers of its own. They are shared out evenly: 5 of at most 3 are 2
 * and 3. */
static size_t most_vectors(const gf_pointwise_int8 *p) { return p->end->kind == GF_INT8_SILU ? 2 : MOST_VECTORS; }
static size_t blocks_of(const gf_pointwise_int8 *p) { return (vectors_of(p) + most_vectors(p) - 1) / most_vectors(p); }
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

enum { FOUR = 4, MOST_FOURS = 3 };

/* What meets an output, in as many parts as a tile has fours of sums: `lines` pieces of `depth` bytes each. */
typedef struct part {
    size_t lines, depth;
} part;

static void share_out(const gf_pointwise_int8 *p, size_t fours, part *parts)
{
    size_t all = p->lines > 1 ? p->lines : p->depth / DEPTH;
    for (size_t i = 0; i < fours; i++) {
        size_t share = all * (i + 1) / fours - all * i / fours;
        parts[i] = p->lines > 1 ? (part){share, p->depth} : (part){1, share * DEPTH};
    }
}

typedef __m512i sums[MOST_ROWS][MOST_VECTORS];

/* Where a tile's products have got to. */
typedef struct cursor {
    const uint8_t *src;
    const int8_t *kernel;
} cursor;

/* Inlined with constant `rows`, `vectors` and `kind`, so that the accumulators stay in registers. */

GF_INT8_INLINE void clear(sums sum, int rows, int vectors)
{
    GF_INT8_UNROLL for (int r = 0; r < rows; r++)
    {
        GF_INT8_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = _mm512_setzero_si512();
    }
}

/* Adds the products of a part. */
GF_INT8_INLINE void add_products(sums sum, cursor *at, const gf_pointwise_int8 *p, const part *some, int rows,
                                 int vectors)
{
    const size_t step = p->step;
    for (size_t n = some->lines; n > 0; n--) {
        const uint8_t *low = at->src, *high = low + FOUR * step;
        for (size_t i = 0; i < some->depth; i += DEPTH, low += DEPTH, high += DEPTH) {
            __m512i k[MOST_VECTORS];
            GF_INT8_UNROLL for (int v = 0; v < vectors; v++) k[v] = _mm512_load_si512(at->kernel + v * VECTOR_BYTES);
            GF_INT8_UNROLL for (int r = 0; r < rows; r++)
            {
                int32_t four;
                memcpy(&four, r < FOUR ? low + (size_t)r * step : high + (size_t)(r - FOUR) * step, sizeof four);
                const __m512i x = _mm512_set1_epi32(four);
                GF_INT8_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = _mm512_dpbusd_epi32(sum[r][v], x, k[v]);
            }
            at->kernel += vectors * VECTOR_BYTES;
        }
        at->src += p->lines > 1 ? p->line : some->depth;
    }
}

/* What n (1 or 4) pixels' sums from `row` on, of vector v, become. */
GF_INT8_INLINE void end_rows(const block *b, const sums sum, size_t pixel, int row, int n, int v, gf_int8_kind kind)
{
    const size_t oc = b->p->oc, o = b->channel + (size_t)v * LANES, at = (pixel + (size_t)row) * oc + o;
    const gf_lanes l = gf_lanes_at(b->p->end, o);
    __m512i four[FOUR];
    GF_INT8_UNROLL for (int i = 0; i < FOUR; i++) four[i] = sum[i < n ? row + i : row][v];
    gf_int8_end_four(&l, four, n, b->dst, b->residual, at, oc, gf_int8_wanted(oc - o), kind);
}

/* Four number i of a tile. */
GF_INT8_INLINE void end_four(const block *b, const sums sum, size_t pixel, int i, int rows, gf_int8_kind kind)
{
    end_rows(b, sum, pixel, i * FOUR % rows, FOUR, i * FOUR / rows, kind);
}

/* Behind each part of a tile's products a four of the tile before is ended. What is left at first, where there was
 * none, is overwritten by the first tile's own end. */
GF_INT8_INLINE size_t tiles(const block *b, int rows, int vectors, gf_int8_kind kind)
{
    const int fours = rows * vectors / FOUR;
    part parts[MOST_FOURS];
    sums sum, before;
    size_t pixel = 0, ended = 0;
    share_out(b->p, (size_t)fours, parts);
    clear(before, rows, vectors);
    for (; pixel + (size_t)rows <= b->p->pixels; ended = pixel, pixel += (size_t)rows) {
        cursor at = {b->src + pixel * b->p->step, b->kernel};
        clear(sum, rows, vectors);
        GF_INT8_UNROLL for (int i = 0; i < fours; i++)
        {
            add_products(sum, &at, b->p, &parts[i], rows, vectors);
            end_four(b, before, ended, i, rows, kind);
        }
        GF_INT8_UNROLL for (int r = 0; r < rows; r++)
        {
            GF_INT8_UNROLL for (int v = 0; v < vectors; v++) before[r][v] = sum[r][v];
        }
    }
    if (pixel > 0) {
        GF_INT8_UNROLL for (int i = 0; i < fours; i++) end_four(b, before, ended, i, rows, kind);
    }
    return pixel;
}

/* Tiles, then the pixels that fill none. */
GF_INT8_INLINE void columns(const block *b, int rows, int vectors, gf_int8_kind kind)
{
    const part all = {b->p->lines, b->p->depth};
    for (size_t pixel = tiles(b, rows, vectors, kind); pixel < b->p->pixels; pixel++) {
        cursor at = {b->src + pixel * b->p->step, b->kernel};
        sums sum;
        clear(sum, 1, vectors);
        add_products(sum, &at, b->p, &all, 1, vectors);
        GF_INT8_UNROLL for (int v = 0; v < vectors; v++) end_rows(b, sum, pixel, 0, 1, v, kind);
    }
}

#define COLUMNS(name, rows, vectors, kind) \
    GF_INT8_TARGET static void name(const block *b) { columns(b, (rows), (vectors), (kind)); }
#define EACH_WIDTH(name, kind)    \
    COLUMNS(name##_1, 8, 1, kind) \
    COLUMNS(name##_2, 4, 2, kind) \
    COLUMNS(name##_3, 4, 3, kind)
EACH_WIDTH(cut, GF_INT8_CUT)
EACH_WIDTH(silu, GF_INT8_SILU)
EACH_WIDTH(hard_silu, GF_INT8_HARD_SILU)
EACH_WIDTH(f32, GF_INT8_F32)
EACH_WIDTH(bf16, GF_INT8_BF16)

void gf_pointwise_int8_run(const gf_pointwise_int8 *p, const uint8_t *src, void *dst, const void *residual)
{
    static void (*const columns[GF_INT8_KINDS][MOST_VECTORS])(const block *) = {
        [GF_INT8_CUT] = {cut_1, cut_2, cut_3},
        [GF_INT8_SILU] = {silu_1, silu_2, silu_3},
        [GF_INT8_HARD_SILU] = {hard_silu_1, hard_silu_2, hard_silu_3},
        [GF_INT8_F32] = {f32_1, f32_2, f32_3},
        [GF_INT8_BF16] = {bf16_1, bf16_2, bf16_3},
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
