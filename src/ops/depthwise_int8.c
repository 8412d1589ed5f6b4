#include "ops/depthwise_int8.h"

#include <string.h>

/* Bytes of one vector, and where they are while they are summed: interleaving four rows' bytes twice leaves, in each
 * quarter of 16, bytes 0-3 in vector 0, 4-7 in vector 1, and so on. Packing the sums again puts them back in line. */
enum { BYTES = 64, SUMS = 16, PARTS = 4, TAPS = 3, SLOTS = 4 };

/* For the vectors of one phase: vector number v of a line starts at channel 64 v modulo c. */
typedef struct phase {
    int8_t upper[TAPS][PARTS][BYTES]; /* of each column: rows 0, 1, 2, nothing */
    int8_t lower[TAPS][PARTS][BYTES]; /* nothing, rows 0, 1, 2 */
    float scale[PARTS][SUMS], bias[PARTS][SUMS];
} phase;

static int phases(const gf_depthwise_int8 *d)
{
    int divisor = BYTES;
    while (d->c % divisor) divisor /= 2;
    return d->c / divisor;
}

static size_t round64(size_t n) { return (n + 63) / 64 * 64; }

/* A line of padded pixels, with stride 2 first the even ones, then the odd ones; vectors may read beyond its end. */
static size_t half_line(const gf_depthwise_int8 *d) { return (size_t)(d->ow + 2) * (size_t)d->c; }
static size_t line_bytes(const gf_depthwise_int8 *d) { return round64(half_line(d) * (size_t)d->stride + BYTES); }

size_t gf_depthwise_int8_table_bytes(const gf_depthwise_int8 *d) { return (size_t)phases(d) * sizeof(phase); }

size_t gf_depthwise_int8_scratch_bytes(const gf_depthwise_int8 *d) { return (SLOTS + 1) * line_bytes(d); }

void gf_depthwise_int8_pack(const gf_depthwise_int8 *d, const int8_t *kernel, const float *scale, const float *bias,
                            void *table)
{
    phase *p = table;
    memset(table, 0, gf_depthwise_int8_table_bytes(d));
    for (int i = 0; i < phases(d) * BYTES; i++) {
        int channel = i % d->c, v = i / BYTES, byte = i % BYTES;
        int part = byte % SUMS / PARTS, sum = byte / SUMS * PARTS + byte % PARTS;
        for (int row = 0; row < TAPS; row++) {
            for (int tap = 0; tap < TAPS; tap++) {
                int8_t k = kernel[(row * TAPS + tap) * d->c + channel];
                p[v].upper[tap][part][PARTS * sum + row] = k;
                p[v].lower[tap][part][PARTS * sum + row + 1] = k;
            }
        }
        p[v].scale[part][sum] = scale[channel];
        p[v].bias[part][sum] = bias[channel];
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINE static inline __attribute__((always_inline))

bool gf_depthwise_int8_fits(const gf_op_spec *s, gf_depthwise_int8 *d)
{
    const int64_t *in = s->src[0].dim, *out = s->dst.dim;
    *d = (gf_depthwise_int8){.n = (int)in[0],
                             .h = (int)in[1],
                             .w = (int)in[2],
                             .c = (int)in[3],
                             .oh = (int)out[1],
                             .ow = (int)out[2],
                             .stride = s->conv.sh,
                             .pt = s->conv.pt,
                             .pl = s->conv.pl};
    bool depthwise = s->conv.groups == d->c && s->conv.filters == d->c && s->conv.kh == TAPS && s->conv.kw == TAPS;
    return depthwise && s->dst_dtype == GF_U8 && s->conv.sh == s->conv.sw && (d->stride == 1 || d->stride == 2) &&
           d->c % SUMS == 0 && s->conv.pl <= 1 && s->conv.pr <= 1 && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

/* Where rows of src stand while they are needed: row y in slot (y + pt) mod 4, one slot more for rows outside. */
typedef struct lines {
    const gf_depthwise_int8 *d;
    const uint8_t *picture;
    uint8_t *slot;
    int next; /* the first row that is not there yet */
} lines;

static uint8_t *line_of(const lines *l, int y)
{
    bool outside = y < 0 || y >= l->d->h;
    return l->slot + (size_t)(outside ? SLOTS : (y + l->d->pt) % SLOTS) * line_bytes(l->d);
}

static void fetch_through(lines *l, int last)
{
    const gf_depthwise_int8 *d = l->d;
    size_t c = (size_t)d->c, row = (size_t)d->w * c;
    for (; l->next <= last && l->next < d->h; l->next++) {
        const uint8_t *from = l->picture + (size_t)l->next * row;
        uint8_t *to = line_of(l, l->next);
        if (d->stride == 1) {
            memcpy(to + (size_t)d->pl * c, from, row);
            continue;
        }
        for (int x = 0; x < d->w && (x + d->pl) / 2 < d->ow + 2; x++) {
            int padded = x + d->pl;
            memcpy(to + (size_t)(padded % 2) * half_line(d) + (size_t)(padded / 2) * c, from + (size_t)x * c, c);
        }
    }
}

/* Four rows' bytes at `at`: vectors of (row 0, row 1, row 2, row 3) of each byte. */
VNNI INLINE void columns(const uint8_t *const row[SLOTS], size_t at, __m512i out[PARTS])
{
    __m512i a = _mm512_loadu_si512(row[0] + at), b = _mm512_loadu_si512(row[1] + at);
    __m512i c = _mm512_loadu_si512(row[2] + at), d = _mm512_loadu_si512(row[3] + at);
    __m512i low = _mm512_unpacklo_epi8(a, b), high = _mm512_unpackhi_epi8(a, b);
    __m512i low2 = _mm512_unpacklo_epi8(c, d), high2 = _mm512_unpackhi_epi8(c, d);
    out[0] = _mm512_unpacklo_epi16(low, low2);
    out[1] = _mm512_unpackhi_epi16(low, low2);
    out[2] = _mm512_unpacklo_epi16(high, high2);
    out[3] = _mm512_unpackhi_epi16(high, high2);
}

VNNI INLINE void finish(const __m512i sum[PARTS], const phase *p, uint8_t *dst, __mmask64 wanted)
{
    __m512i v[PARTS];
    for (int i = 0; i < PARTS; i++) {
        __m512 x = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[i]), _mm512_load_ps(p->scale[i]), _mm512_load_ps(p->bias[i]));
        v[i] = _mm512_cvtps_epi32(x);
    }
    __m512i low = _mm512_packs_epi32(v[0], v[1]), high = _mm512_packs_epi32(v[2], v[3]);
    _mm512_mask_storeu_epi8(dst, wanted, _mm512_packus_epi16(low, high));
}

/* One output row, or two (below not NULL). */
VNNI INLINE void sum_rows(const gf_depthwise_int8 *d, const phase *table, const uint8_t *const row[SLOTS], uint8_t *dst,
                          uint8_t *below)
{
    const size_t c = (size_t)d->c, n = (size_t)d->ow * c, even = d->stride == 1 ? c : half_line(d);
    const size_t tap[TAPS] = {0, even, d->stride == 1 ? 2 * c : c};
    const phase *p = table, *end = table + phases(d);
    for (size_t at = 0; at < n; at += BYTES) {
        __m512i sum[PARTS], lower[PARTS], column[PARTS];
        for (int i = 0; i < PARTS; i++) sum[i] = lower[i] = _mm512_setzero_si512();
        for (int j = 0; j < TAPS; j++) {
            columns(row, at + tap[j], column);
            for (int i = 0; i < PARTS; i++) {
                sum[i] = _mm512_dpbusd_epi32(sum[i], column[i], _mm512_load_si512(p->upper[j][i]));
                if (below) lower[i] = _mm512_dpbusd_epi32(lower[i], column[i], _mm512_load_si512(p->lower[j][i]));
            }
        }
        __mmask64 wanted = n - at >= BYTES ? ~(__mmask64)0 : ((__mmask64)1 << (n - at)) - 1;
        finish(sum, p, dst + at, wanted);
        if (below) finish(lower, p, below + at, wanted);
        if (++p == end) p = table;
    }
}

VNNI static void one_row(const gf_depthwise_int8 *d, const phase *table, const uint8_t *const row[SLOTS], uint8_t *dst)
{
    sum_rows(d, table, row, dst, NULL);
}

VNNI static void two_rows(const gf_depthwise_int8 *d, const phase *table, const uint8_t *const row[SLOTS], uint8_t *dst,
                          uint8_t *below)
{
    sum_rows(d, table, row, dst, below);
}

void gf_depthwise_int8_run(const gf_depthwise_int8 *d, const void *table, const uint8_t *src, uint8_t *dst,
                           void *scratch)
{
    size_t in = (size_t)d->h * (size_t)d->w * (size_t)d->c, out_row = (size_t)d->ow * (size_t)d->c;
    memset(scratch, 0, gf_depthwise_int8_scratch_bytes(d));
    for (int n = 0; n < d->n; n++) {
        lines l = {d, src + (size_t)n * in, scratch, 0};
        for (int y = 0; y < d->oh;) {
            bool two = d->stride == 1 && y + 1 < d->oh;
            int first = y * d->stride - d->pt;
            const uint8_t *row[SLOTS];
            fetch_through(&l, first + (two ? SLOTS : TAPS) - 1);
            for (int i = 0; i < SLOTS; i++) row[i] = line_of(&l, i < TAPS || two ? first + i : -1);
            uint8_t *to = dst + ((size_t)n * (size_t)d->oh + (size_t)y) * out_row;
            if (two) {
                two_rows(d, table, row, to, to + out_row);
            } else {
                one_row(d, table, row, to);
            }
            y += two ? 2 : 1;
        }
    }
}

#else

bool gf_depthwise_int8_fits(const gf_op_spec *s, gf_depthwise_int8 *d)
{
    (void)s;
    *d = (gf_depthwise_int8){0};
    return false;
}

void gf_depthwise_int8_run(const gf_depthwise_int8 *d, const void *table, const uint8_t *src, uint8_t *dst,
                           void *scratch)
{
    (void)d, (void)table, (void)src, (void)dst, (void)scratch;
}

#endif
