#include "ops/depthwise_int8.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* ROWS of bytes are one number of 32 bits. */
enum { LANES = GF_INT8_LANES, ROWS = 4, VECTOR = LANES * ROWS, MOST_HEIGHT = 7, MOST_POSITIONS = 7 };

static int most(int a, int b) { return a > b ? a : b; }
static int blocks_of(const gf_depthwise_int8 *d) { return (d->g.c + LANES - 1) / LANES; }

static int fours(int rows) { return (rows + ROWS - 1) / ROWS; }

/* Output rows that are made at a time (a set), the input rows they need, places of a packed row. */
static int rows_of(const gf_depthwise_int8 *d) { return d->g.sh == 1 && d->g.oh > 1 ? 2 : 1; }
static int reach_of(const gf_depthwise_int8 *d) { return d->g.kh + rows_of(d) - 1; }
static int fours_of(const gf_depthwise_int8 *d) { return fours(reach_of(d)); }
static int width_of(const gf_depthwise_int8 *d) { return most((d->g.ow - 1) * d->g.sw + d->g.kw, d->g.pl + d->g.w); }

/* A set begins 2 input rows after the one before. Where it fits into as many fours from the middle of one on, fours are
 * packed once and serve several sets, by kernels of two phases; else each set packs its own. */
enum { SET = 2 };
static bool shares(const gf_depthwise_int8 *d) { return fours(reach_of(d) + SET) == fours_of(d); }
static int phases_of(const gf_depthwise_int8 *d) { return shares(d) ? ROWS / SET : 1; }

/* Output places of a row that are made at a time: those of the choice that waste the fewest at its end, the most of
 * these. */
enum { CHOICES = 3 };
static const int choice[CHOICES] = {4, 5, MOST_POSITIONS};

static int choice_of(const gf_depthwise_int8 *d)
{
    int best = CHOICES - 1, least = INT_MAX;
    for (int i = CHOICES; i-- > 0;) {
        int made = (d->g.ow + choice[i] - 1) / choice[i] * choice[i];
        if (made < least) best = i, least = made;
    }
    return best;
}

/* The table: a block of channels after the other [phase][four rows][column][output row], then `LANES` bytes for 0. */
static size_t taps_of(const gf_depthwise_int8 *d) { return (size_t)(fours_of(d) * d->g.kw * rows_of(d)); }
static size_t zero_at(const gf_depthwise_int8 *d) { return (size_t)phases_of(d) * taps_of(d) * VECTOR; }
static size_t block_bytes(const gf_depthwise_int8 *d) { return zero_at(d) + VECTOR; }

size_t gf_depthwise_int8_table_bytes(const gf_depthwise_int8 *d) { return (size_t)blocks_of(d) * block_bytes(d); }

/* Scratch: a block's packed fours; shared ones of all blocks after each other. Some places beyond the last are summed
 * too. */
static size_t packed_bytes(const gf_depthwise_int8 *d) { return (size_t)(fours_of(d) * width_of(d)) * VECTOR; }

size_t gf_depthwise_int8_scratch_bytes(const gf_depthwise_int8 *d)
{
    return (size_t)(shares(d) ? blocks_of(d) : 1) * packed_bytes(d) + (size_t)(MOST_POSITIONS * d->g.sw) * VECTOR;
}

/* Channel c's taps of a phase. */
static void pack_taps(const gf_depthwise_int8 *d, int phase, int c, const int8_t *kernel, int8_t *to)
{
    int rows = rows_of(d);
    for (int i = 0; i < d->g.kh * d->g.kw * rows; i++) {
        int out = i % rows, column = i / rows % d->g.kw, row = i / rows / d->g.kw, at = row + out + phase * SET;
        size_t tap = (size_t)((at / ROWS * d->g.kw + column) * rows + out);
        to[tap * VECTOR + (size_t)(c % LANES * ROWS + at % ROWS)] = kernel[(row * d->g.kw + column) * d->g.c + c];
    }
}

void gf_depthwise_int8_pack(gf_depthwise_int8 *d, const int8_t *kernel, const float *zero)
{
    memset(d->table, 0, gf_depthwise_int8_table_bytes(d));
    for (int c = 0; c < d->g.c; c++) {
        int8_t *block = (int8_t *)d->table + (size_t)(c / LANES) * block_bytes(d);
        for (int p = 0; p < phases_of(d); p++) pack_taps(d, p, c, kernel, block + (size_t)p * taps_of(d) * VECTOR);
        ((uint8_t *)block)[zero_at(d) + (size_t)(c % LANES)] = zero ? (uint8_t)lrintf(zero[c]) : 0;
    }
}

#if defined(__x86_64__)
#include "ops/int8_loops.h"

bool gf_depthwise_int8_fits(const gf_op_spec *s, gf_depthwise_int8 *d)
{
    *d = (gf_depthwise_int8){.g = gf_geometry_of(s)};
    const gf_geometry *g = &d->g;
    return g->c > 1 && s->conv.groups == g->c && s->conv.filters == g->c && g->kh <= MOST_HEIGHT && g->sh == g->sw &&
           g->sh <= 2;
}

/* A block of channels of an image at work. */
typedef struct work {
    const gf_depthwise_int8 *d;
    const uint8_t *src;   /* the image at its first channel */
    const int8_t *kernel; /* of a phase */
    const uint8_t *zero;
    __mmask16 wanted;
    uint8_t *packed; /* as many fours as a set needs: number f is at f modulo as many */
    size_t line;     /* bytes of one */
    int n, first;    /* how many; the set's first */
    void *dst;       /* of the image */
    size_t channel;
} work;

/* Four rows' 16 bytes each, as 16 times four bytes. */
GF_INT8_INLINE __m512i side_by_side(__m128i a, __m128i b, __m128i c, __m128i d)
{
    const __m512i fours = _mm512_set4_epi32(0x0f0b0703, 0x0e0a0602, 0x0d090501, 0x0c080400);
    const __m512i lanes = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
    __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(c), d, 1);
    __m512i all = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    return _mm512_shuffle_epi8(_mm512_permutexvar_epi32(lanes, all), fours);
}

/* Packs rows first .. first + 3 of the image. */
GF_INT8_TARGET static void pack_rows(const work *w, int first, uint8_t *to)
{
    const gf_depthwise_int8 *d = w->d;
    const size_t c = (size_t)d->g.c;
    const uint8_t *row[ROWS];
    size_t step[ROWS];
    for (int r = 0; r < ROWS; r++) {
        bool inside = first + r >= 0 && first + r < d->g.h;
        row[r] = inside ? w->src + (size_t)(first + r) * (size_t)d->g.w * c : w->zero;
        step[r] = inside ? c : 0;
    }
    __m128i zero = _mm_load_si128((const __m128i *)w->zero);
    __m512i outside = side_by_side(zero, zero, zero, zero);
    int width = width_of(d), x = 0;
    for (; x < d->g.pl; x++) _mm512_store_si512(to + x * VECTOR, outside);
    for (int i = 0; i < d->g.w; i++, x++) {
        __m128i v[ROWS];
        for (int r = 0; r < ROWS; r++, row[r - 1] += step[r - 1]) v[r] = _mm_maskz_loadu_epi8(w->wanted, row[r]);
        _mm512_store_si512(to + x * VECTOR, side_by_side(v[0], v[1], v[2], v[3]));
    }
    for (; x < width; x++) _mm512_store_si512(to + x * VECTOR, outside);
}

/* `across` neighbouring places from x on of output row y, or of that and the one below: `rows`, `across` and `kind` are
 * constants where this is called. */
GF_INT8_INLINE void positions(const work *w, const gf_lanes *l, int y, int x, int rows, int across, gf_int8_kind kind)
{
    enum { FOUR = 4 };
    const gf_depthwise_int8 *d = w->d;
    const size_t step = (size_t)d->g.sw * VECTOR, c = (size_t)d->g.c;
    const int8_t *k = w->kernel;
    __m512i sum[2][2 * FOUR];
    GF_INT8_UNROLL for (int i = 0; i < 2 * FOUR; i++) sum[0][i] = sum[1][i] = _mm512_setzero_si512();
    for (int four = w->n, slot = w->first % w->n; four > 0; four--, slot = slot + 1 < w->n ? slot + 1 : 0) {
        const uint8_t *at = w->packed + (size_t)slot * w->line + (size_t)x * step;
        for (int column = 0; column < d->g.kw; column++, at += VECTOR, k += rows * VECTOR) {
            __m512i upper = _mm512_load_si512(k), lower = rows > 1 ? _mm512_load_si512(k + VECTOR) : upper;
            GF_INT8_UNROLL for (int i = 0; i < across; i++)
            {
                __m512i bytes = _mm512_load_si512(at + (size_t)i * step);
                sum[0][i] = _mm512_dpbusd_epi32(sum[0][i], bytes, upper);
                if (rows > 1) sum[1][i] = _mm512_dpbusd_epi32(sum[1][i], bytes, lower);
            }
        }
    }
    GF_INT8_UNROLL for (int r = 0; r < rows; r++)
    {
        if (y + r >= d->g.oh) break;
        GF_INT8_UNROLL for (int i = 0; i < across; i += FOUR)
        {
            size_t to = ((size_t)(y + r) * (size_t)d->g.ow + (size_t)(x + i)) * c + w->channel;
            int left = d->g.ow - x - i, most = across - i < FOUR ? across - i : FOUR, n = left < most ? left : most;
            if (n > 0) gf_int8_end_four(l, sum[r] + i, n, w->dst, NULL, to, c, w->wanted, kind);
        }
    }
}

#define ROW(name, rows, across, kind)                                                                  \
    GF_INT8_TARGET static void name(const work *w, int y)                                              \
    {                                                                                                  \
        const gf_lanes l = gf_lanes_at(w->d->end, w->channel);                                         \
        for (int x = 0; x < w->d->g.ow; x += (across)) positions(w, &l, y, x, (rows), (across), kind); \
    }
#define EACH_WIDTH(name, rows, kind) \
    ROW(name##_4, rows, 4, kind) ROW(name##_5, rows, 5, kind) ROW(name##_7, rows, 7, kind)
#define EACH_HEIGHT(name, kind) EACH_WIDTH(name##_1, 1, kind) EACH_WIDTH(name##_2, 2, kind)
EACH_HEIGHT(cut, GF_INT8_CUT)
EACH_HEIGHT(silu, GF_INT8_SILU)
EACH_HEIGHT(hard_silu, GF_INT8_HARD_SILU)
EACH_HEIGHT(f32, GF_INT8_F32)
EACH_HEIGHT(bf16, GF_INT8_BF16)

#define CHOICE_OF(name)              \
    {                                \
        name##_4, name##_5, name##_7 \
    }

/* Block `b` of an image's channels, for one set. */
GF_INT8_TARGET static work block_of(const gf_depthwise_int8 *d, int b, int set, const uint8_t *src, void *dst,
                                    uint8_t *scratch)
{
    int phases = phases_of(d), channel = b * LANES;
    const int8_t *table = (int8_t *)d->table + (size_t)b * block_bytes(d);
    return (work){.d = d,
                  .src = src + channel,
                  .kernel = table + (size_t)(set % phases) * taps_of(d) * VECTOR,
                  .zero = (const uint8_t *)table + zero_at(d),
                  .wanted = gf_int8_wanted((size_t)(d->g.c - channel)),
                  .packed = scratch + (shares(d) ? (size_t)b * packed_bytes(d) : 0),
                  .line = (size_t)width_of(d) * VECTOR,
                  .n = fours_of(d),
                  .first = shares(d) ? set / phases : 0,
                  .dst = dst,
                  .channel = (size_t)channel};
}

static void run_image(const gf_depthwise_int8 *d, const uint8_t *src, void *dst, uint8_t *scratch)
{
    static void (*const row[GF_INT8_KINDS][2][CHOICES])(const work *, int) = {
        [GF_INT8_CUT] = {CHOICE_OF(cut_1), CHOICE_OF(cut_2)},
        [GF_INT8_SILU] = {CHOICE_OF(silu_1), CHOICE_OF(silu_2)},
        [GF_INT8_HARD_SILU] = {CHOICE_OF(hard_silu_1), CHOICE_OF(hard_silu_2)},
        [GF_INT8_F32] = {CHOICE_OF(f32_1), CHOICE_OF(f32_2)},
        [GF_INT8_BF16] = {CHOICE_OF(bf16_1), CHOICE_OF(bf16_2)},
    };
    const int rows = rows_of(d), width = choice_of(d), n = fours_of(d), phases = phases_of(d);
    for (int set = 0; set * rows < d->g.oh; set++) {
        int packed = shares(d) && set ? (set - 1) / phases + n : 0; /* fours there are already */
        int top = (set - set % phases) * SET - d->g.pt;             /* row of the image where the set's first begins */
        for (int b = 0; b < blocks_of(d); b++) {
            work w = block_of(d, b, set, src, dst, scratch);
            for (int f = most(w.first, packed); f < w.first + n; f++) {
                pack_rows(&w, top + (f - w.first) * ROWS, w.packed + (size_t)(f % n) * w.line);
            }
            row[d->end->kind][rows - 1][width](&w, set * rows);
        }
    }
}

void gf_depthwise_int8_run(const gf_depthwise_int8 *d, const uint8_t *src, void *dst, void *scratch)
{
    size_t in = (size_t)d->g.h * (size_t)d->g.w * (size_t)d->g.c,
           out = (size_t)(d->g.oh * d->g.ow * d->g.c * d->g.size);
    for (int n = 0; n < d->g.n; n++) run_image(d, src + (size_t)n * in, (char *)dst + (size_t)n * out, scratch);
}

#else

bool gf_depthwise_int8_fits(const gf_op_spec *s, gf_depthwise_int8 *d)
{
    (void)s;
    *d = (gf_depthwise_int8){0};
    return false;
}

void gf_depthwise_int8_run(const gf_depthwise_int8 *d, const uint8_t *src, void *dst, void *scratch)
{
    (void)d, (void)src, (void)dst, (void)scratch;
}

#endif
