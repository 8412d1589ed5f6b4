#include "image/resize_filter.h"

#include "base/alloc.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* One side of a resize. */
typedef struct side {
    int in, full;
    float radius;       /* of the filter, in source positions */
    float kernel_scale; /* how much wider than its own the filter is */
} side;

typedef void filler(gf_span *s, const side *d, int i, float (*weight)(float));

typedef struct filter {
    const char *name;
    float radius;
    float (*weight)(float x); /* at a distance from the center, 0 or more; NULL: not by distance, and never wider */
    filler *fill[2];          /* without antialias, and with it */
} filter;

/* Sums below this are no weights: the position has none, and its value is 0. */
static const float least_sum = 1000.0f * FLT_MIN;

static int clamp(float v, int most) { return v < 0 ? 0 : v > (float)most ? most : (int)v; }

/* Source positions per output position; the operators round this differently. */
static float source_step(const side *d) { return (float)d->in / (float)d->full; }
static float inverse_of_scale(const side *d) { return 1.0f / ((float)d->full / (float)d->in); }

static void make_sum_1(gf_span *s)
{
    float total = 0;
    for (int k = 0; k < s->count; k++) total += s->weight[k];
    if (fabsf(total) < least_sum) {
        s->count = 0;
        return;
    }
    float scale = 1.0f / total;
    for (int k = 0; k < s->count; k++) s->weight[k] *= scale;
}

/* ---- weights by distance */

static float triangle(float x) { return x < 1.0f ? 1.0f - x : 0.0f; }

static float keys(float x)
{
    if (x >= 2.0f) return 0.0f;
    return x >= 1.0f ? ((-0.5f * x + 2.5f) * x - 4.0f) * x + 2.0f : ((1.5f * x - 2.5f) * x) * x + 1.0f;
}

static float mitchell(float x)
{
    if (x >= 2.0f) return 0.0f;
    return x >= 1.0f ? (((-7.0f / 18.0f) * x + 2.0f) * x - 10.0f / 3.0f) * x + 16.0f / 9.0f
                     : (((7.0f / 6.0f) * x - 2.0f) * x) * x + 8.0f / 9.0f;
}

static float lanczos(float x, float radius)
{
    const double pi = 3.14159265358979323846;
    const float center = 1e-3f;
    if (x > radius) return 0.0f;
    if (x <= center) return 1.0f;
    return (float)((double)radius * sin(pi * (double)x) * sin(pi * (double)x / (double)radius) /
                   (pi * pi * (double)x * (double)x));
}

static float lanczos3(float x) { return lanczos(x, 3.0f); }
static float lanczos5(float x) { return lanczos(x, 5.0f); }

static float gaussian(float x)
{
    const double radius = 1.5, sigma = 0.5;
    return (double)x >= radius ? 0.0f : (float)exp(-(double)(x * x) / (2.0 * sigma * sigma));
}

/* ---- the pixels of one position */

static void fill_by_distance(gf_span *s, const side *d, int i, float (*weight)(float))
{
    float at = ((float)i + 0.5f) * inverse_of_scale(d);
    float reach = d->radius * d->kernel_scale, shrink = 1.0f / d->kernel_scale;
    if (at < 0 || at > (float)d->in) return;
    s->first = clamp(ceilf(at - reach - 0.5f), d->in - 1);
    s->count = clamp(floorf(at + reach - 0.5f), d->in - 1) + 1 - s->first;
    for (int k = 0; k < s->count; k++) s->weight[k] = weight(fabsf(((float)(s->first + k) + 0.5f - at) * shrink));
    make_sum_1(s);
}

static void fill_nearest(gf_span *s, const side *d, int i, float (*weight)(float))
{
    (void)weight;
    s->first = clamp(floorf(((float)i + 0.5f) * source_step(d)), d->in - 1);
    s->count = 1;
    s->weight[0] = 1;
}

/* What of each pixel the output pixel covers. */
static void fill_area(gf_span *s, const side *d, int i, float (*weight)(float))
{
    (void)weight;
    float step = source_step(d), from = (float)i * step, to = (float)(i + 1) * step;
    s->first = clamp(floorf(from), d->in - 1);
    s->count = clamp(ceilf(to) - 1, d->in - 1) + 1 - s->first;
    for (int k = 0; k < s->count; k++) {
        float low = (float)(s->first + k), high = low + 1;
        s->weight[k] = ((high < to ? high : to) - (low > from ? low : from)) / step;
    }
}

/* With the distance rounded to 1/1024: without antialias TensorFlow looks the weights up in a table. */
static void fill_four(gf_span *s, const side *d, int i, float (*weight)(float))
{
    enum { TABLE = 1024, TAPS = 4 };
    float at = ((float)i + 0.5f) * source_step(d) - 0.5f, below = floorf(at);
    int first = (int)below - 1;
    float part = (float)lrintf((at - below) * TABLE) / TABLE;
    const float distance[TAPS] = {1 + part, part, 1 - part, 2 - part};
    s->first = first < 0 ? 0 : first;
    for (int k = 0; k < TAPS; k++) {
        if (first + k >= 0 && first + k < d->in) s->weight[s->count++] = weight(distance[k]);
    }
    make_sum_1(s);
}

static const filter filters[GF_RESIZE_FILTERS] = {
    [GF_RESIZE_BILINEAR] = {"bilinear", 1, triangle, {fill_by_distance, fill_by_distance}},
    [GF_RESIZE_NEAREST] = {"nearest", 1, NULL, {fill_nearest, fill_nearest}},
    [GF_RESIZE_AREA] = {"area", 1, NULL, {fill_area, fill_area}},
    [GF_RESIZE_BICUBIC] = {"bicubic", 2, keys, {fill_four, fill_by_distance}},
    [GF_RESIZE_LANCZOS3] = {"lanczos3", 3, lanczos3, {fill_by_distance, fill_by_distance}},
    [GF_RESIZE_LANCZOS5] = {"lanczos5", 5, lanczos5, {fill_by_distance, fill_by_distance}},
    [GF_RESIZE_GAUSSIAN] = {"gaussian", 1.5f, gaussian, {fill_by_distance, fill_by_distance}},
    [GF_RESIZE_MITCHELLCUBIC] = {"mitchellcubic", 2, mitchell, {fill_by_distance, fill_by_distance}},
};

const char *gf_resize_filter_name(gf_resize_filter f) { return filters[f].name; }

bool gf_resize_filter_find(const char *name, gf_resize_filter *out)
{
    for (int i = 0; i < GF_RESIZE_FILTERS; i++) {
        if (strcmp(filters[i].name, name)) continue;
        *out = (gf_resize_filter)i;
        return true;
    }
    return false;
}

bool gf_resize_filter_widens(gf_resize_filter f) { return filters[f].weight != NULL; }

/* ---- all of a side */

bool gf_spans_make(gf_spans *s, gf_resize_filter f, bool antialias, int in, int full, int first, int out)
{
    const filter *how = &filters[f];
    side d = {.in = in, .full = full, .radius = how->radius, .kernel_scale = 1};
    if ((antialias || !how->weight) && in > full) d.kernel_scale = inverse_of_scale(&d);
    size_t most = 2 * (size_t)ceilf(d.radius * d.kernel_scale) + 1, total;
    if (!gf_mul_size(most, (size_t)out, &total)) return false;
    s->item = gf_alloc((size_t)out, sizeof *s->item);
    s->weights = gf_alloc_raw(total, sizeof(float));
    if (!s->item || !s->weights) return false;
    for (int i = 0; i < out; i++) {
        s->item[i].weight = s->weights + (size_t)i * most;
        how->fill[antialias](&s->item[i], &d, first + i, how->weight);
    }
    return true;
}

void gf_spans_free(gf_spans *s)
{
    gf_free(s->item);
    gf_free(s->weights);
}
