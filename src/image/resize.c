#include "image/resize.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

enum { CHANNELS = 3 };

/* Output position i of one side blends `low` and `high` of the source: low + (high - low) * lerp. */
typedef struct tap {
    int low, high;
    float lerp;
} tap;

/* The job: what of which resize, and where rows go. */
typedef struct resizer {
    gf_resize_part part;
    int h, w, oh, ow; /* of the source window, and of what is written */
    float *dst;       /* one of the two is set */
    uint8_t *dst_u8;
    float *scratch; /* rows; see each method */
} resizer;

/* ---- output */

/* 0..255, halves up. v + 0.5f would itself be rounded, up for 0.49999997f. */
static inline uint8_t rounded(float v)
{
    v = v > 0 ? v : 0;
    v = v < 255 ? v : 255;
    int below = (int)v;
    return (uint8_t)(below + (v - (float)below >= 0.5f));
}

/* In blocks of a fixed count, so that compilers make vector code of it. */
static void round_row(const float *restrict row, size_t n, uint8_t *restrict to)
{
    enum { BLOCK = 16 };
    for (; n >= BLOCK; n -= BLOCK, row += BLOCK, to += BLOCK) {
        for (int i = 0; i < BLOCK; i++) to[i] = rounded(row[i]);
    }
    for (size_t i = 0; i < n; i++) to[i] = rounded(row[i]);
}

/* Where row y is to be computed: in place, or in `row` to be rounded by put_row. */
static float *row_place(const resizer *r, float *row, int y)
{
    return r->dst ? r->dst + (size_t)y * r->part.dst_stride : row;
}

static void put_row(const resizer *r, const float *row, int y)
{
    if (!r->dst_u8) return;
    round_row(row, (size_t)r->ow * CHANNELS, r->dst_u8 + (size_t)y * r->part.dst_stride);
}

static const uint8_t *source_row(const resizer *r, int y) { return r->part.src + (size_t)y * r->part.src_stride; }

/* ---- plain bilinear */

/* Of `full` positions that one side is resized to, those from `first` on. */
static tap *make_taps(int in, int full, int first, int out)
{
    tap *taps = gf_alloc_raw((size_t)out, sizeof *taps);
    if (!taps) return NULL;
    float scale = (float)in / (float)full;
    for (int i = 0; i < out; i++) {
        float at = ((float)(first + i) + 0.5f) * scale - 0.5f;
        float below = floorf(at);
        float above = ceilf(at);
        taps[i].low = below > 0 ? (int)below : 0;
        taps[i].high = above < (float)(in - 1) ? (int)above : in - 1;
        if (taps[i].high < 0) taps[i].high = 0;
        if (taps[i].low > in - 1) taps[i].low = in - 1;
        taps[i].lerp = at - below;
    }
    return taps;
}

static void blend_along(float *row, const uint8_t *from, const tap *taps, int ow)
{
    for (int x = 0; x < ow; x++, row += CHANNELS) {
        const uint8_t *left = from + (size_t)taps[x].low * CHANNELS, *right = from + (size_t)taps[x].high * CHANNELS;
        for (int c = 0; c < CHANNELS; c++) {
            row[c] = (float)left[c] + ((float)right[c] - (float)left[c]) * taps[x].lerp;
        }
    }
}

/* The same a pixel at once. Reads one byte behind the source row and writes one float behind `row`. */
#ifdef __SSE2__
static inline __m128 pixel(const uint8_t *p)
{
    const __m128i zero = _mm_setzero_si128();
    int32_t word;
    memcpy(&word, p, sizeof word);
    __m128i wide = _mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(word), zero), zero);
    return _mm_cvtepi32_ps(wide);
}

static void blend_along_fast(float *row, const uint8_t *from, const tap *taps, int ow)
{
    for (int x = 0; x < ow; x++, row += CHANNELS) {
        __m128 left = pixel(from + (size_t)taps[x].low * CHANNELS),
               right = pixel(from + (size_t)taps[x].high * CHANNELS);
        __m128 step = _mm_mul_ps(_mm_sub_ps(right, left), _mm_set1_ps(taps[x].lerp));
        _mm_storeu_ps(row, _mm_add_ps(left, step));
    }
}
#else
#define blend_along_fast blend_along
#endif

/* Source rows blended along x are kept, two of them, since neighbouring output rows share theirs. */
typedef struct row_cache {
    float *row[2];
    int y[2];
} row_cache;

static const float *blended_row(const resizer *r, row_cache *cache, const tap *xs, int y, int not_y)
{
    for (int i = 0; i < 2; i++) {
        if (cache->y[i] == y) return cache->row[i];
    }
    int i = cache->y[0] == not_y ? 1 : 0;
    if (y < r->h - 1) {
        blend_along_fast(cache->row[i], source_row(r, y), xs, r->ow);
    } else {
        blend_along(cache->row[i], source_row(r, y), xs, r->ow); /* nothing may be read behind the last row */
    }
    cache->y[i] = y;
    return cache->row[i];
}

static void blend_rows(float *restrict row, const float *top, const float *bottom, float lerp, size_t n)
{
    enum { BLOCK = 16 }; /* a fixed count again */
    for (; n >= BLOCK; n -= BLOCK, row += BLOCK, top += BLOCK, bottom += BLOCK) {
        for (int i = 0; i < BLOCK; i++) row[i] = top[i] + (bottom[i] - top[i]) * lerp;
    }
    for (size_t i = 0; i < n; i++) row[i] = top[i] + (bottom[i] - top[i]) * lerp;
}

static void plain_rows(const resizer *r, const tap *xs, const tap *ys)
{
    size_t n = (size_t)r->ow * CHANNELS;
    row_cache cache = {.row = {r->scratch, r->scratch + n + 1}, .y = {-1, -1}};
    for (int y = 0; y < r->oh; y++) {
        const float *top = blended_row(r, &cache, xs, ys[y].low, ys[y].high);
        const float *bottom = blended_row(r, &cache, xs, ys[y].high, ys[y].low);
        float *row = row_place(r, r->scratch + 2 * (n + 1), y), lerp = ys[y].lerp;
        blend_rows(row, top, bottom, lerp, n);
        put_row(r, row, y);
    }
}

static graft_status plain(resizer *r, graft_error *err)
{
    tap *xs = make_taps(r->w, r->part.full_w, r->part.x, r->ow),
        *ys = make_taps(r->h, r->part.full_h, r->part.y, r->oh);
    r->scratch = gf_alloc_raw((size_t)r->ow * CHANNELS * 3 + 2, sizeof(float));
    bool ok = xs && ys && r->scratch;
    if (ok) plain_rows(r, xs, ys);
    gf_free(xs);
    gf_free(ys);
    gf_free(r->scratch);
    return ok ? GRAFT_OK : gf_fail_memory(err, (size_t)r->ow * CHANNELS * 3 * sizeof(float), "resizing an image");
}

/* ---- any filter: sums down, then along */

static void gather_down(const resizer *r, const gf_span *s, float *sum)
{
    size_t n = (size_t)r->w * CHANNELS;
    memset(sum, 0, n * sizeof *sum);
    for (int k = 0; k < s->count; k++) {
        const uint8_t *from = source_row(r, s->first + k);
        float weight = s->weight[k];
        for (size_t i = 0; i < n; i++) sum[i] += weight * (float)from[i];
    }
}

static void gather_along(const resizer *r, const gf_span *xs, const float *sum, float *row)
{
    for (int x = 0; x < r->ow; x++, row += CHANNELS) {
        const float *from = sum + (size_t)xs[x].first * CHANNELS;
        float total[CHANNELS] = {0};
        for (int k = 0; k < xs[x].count; k++, from += CHANNELS) {
            for (int c = 0; c < CHANNELS; c++) total[c] += xs[x].weight[k] * from[c];
        }
        memcpy(row, total, sizeof total);
    }
}

static graft_status filtered(resizer *r, graft_error *err)
{
    gf_spans xs = {0}, ys = {0};
    size_t sum = (size_t)r->w * CHANNELS, row = (size_t)r->ow * CHANNELS;
    const gf_resize_part *p = &r->part;
    bool ok = gf_spans_make(&xs, p->filter, p->antialias, r->w, p->full_w, p->x, r->ow) &&
              gf_spans_make(&ys, p->filter, p->antialias, r->h, p->full_h, p->y, r->oh);
    if (ok) r->scratch = gf_alloc_raw(sum + row, sizeof(float));
    for (int y = 0; r->scratch && y < r->oh; y++) {
        float *to = row_place(r, r->scratch + sum, y);
        gather_down(r, &ys.item[y], r->scratch);
        gather_along(r, xs.item, r->scratch, to);
        put_row(r, to, y);
    }
    ok = r->scratch != NULL;
    gf_spans_free(&xs);
    gf_spans_free(&ys);
    gf_free(r->scratch);
    return ok ? GRAFT_OK : gf_fail_memory(err, (sum + row) * sizeof(float), "resizing an image");
}

/* ---- the calls */

static graft_status run(resizer *r, graft_error *err)
{
    const gf_resize_part *p = &r->part;
    if (p->src_h <= 0 || p->src_w <= 0 || p->full_h <= 0 || p->full_w <= 0) {
        return gf_fail(err, GF_E_USAGE, NULL, "resize of %d x %d to %d x %d: sides must be above 0", p->src_w, p->src_h,
                       p->full_w, p->full_h);
    }
    if (p->w <= 0 || p->h <= 0 || p->x < 0 || p->y < 0 || p->w > p->full_w - p->x || p->h > p->full_h - p->y) {
        return gf_fail(err, GF_E_USAGE, NULL, "resize: %d x %d from (%d, %d) on are not inside %d x %d", p->w, p->h,
                       p->x, p->y, p->full_w, p->full_h);
    }
    r->h = p->src_h;
    r->w = p->src_w;
    r->oh = p->h;
    r->ow = p->w;
    bool two_taps = p->filter == GF_RESIZE_BILINEAR && !p->antialias;
    return two_taps ? plain(r, err) : filtered(r, err);
}

graft_status gf_resize_window(const gf_resize_part *part, float *dst, graft_error *err)
{
    resizer r = {.part = *part, .dst = dst};
    return run(&r, err);
}

graft_status gf_resize_window_u8(const gf_resize_part *part, uint8_t *dst, graft_error *err)
{
    resizer r = {.part = *part, .dst_u8 = dst};
    return run(&r, err);
}

static gf_resize_part whole(const uint8_t *src, int h, int w, int oh, int ow, bool antialias)
{
    return (gf_resize_part){
        .src = src,
        .src_stride = (size_t)w * CHANNELS,
        .src_w = w,
        .src_h = h,
        .full_w = ow,
        .full_h = oh,
        .w = ow,
        .h = oh,
        .dst_stride = (size_t)ow * CHANNELS,
        .antialias = antialias,
    };
}

graft_status gf_resize_u8(const uint8_t *src, int h, int w, uint8_t *dst, int oh, int ow, bool antialias,
                          graft_error *err)
{
    const gf_resize_part part = whole(src, h, w, oh, ow, antialias);
    return gf_resize_window_u8(&part, dst, err);
}
