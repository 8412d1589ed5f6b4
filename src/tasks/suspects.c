#include "tasks/suspects.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

typedef struct finder {
    const float *p;
    const int32_t *label;
    size_t n, classes;
    double *threshold; /* of each class: the mean of its probability, over the samples that are labelled so */
    double *joint;     /* classes x classes: samples labelled i that are, as sure as class j is of its own, of j */
    gf_suspect *s;
} finder;

static double p_of(const finder *f, size_t i, size_t c) { return (double)f->p[i * f->classes + c]; }

static void find_thresholds(finder *f, double *images)
{
    for (size_t i = 0; i < f->n; i++) {
        f->threshold[f->label[i]] += p_of(f, i, (size_t)f->label[i]);
        images[f->label[i]]++;
    }
    for (size_t c = 0; c < f->classes; c++) f->threshold[c] = images[c] > 0 ? f->threshold[c] / images[c] : INFINITY;
}

/* The likeliest class among those whose threshold is reached; -1: none is. */
static int confident_class(const finder *f, size_t i)
{
    const double slack = 1e-6;
    int best = -1;
    for (size_t c = 0; c < f->classes; c++) {
        if (p_of(f, i, c) < f->threshold[c] - slack) continue;
        if (best < 0 || p_of(f, i, c) > p_of(f, i, (size_t)best)) best = (int)c;
    }
    return best;
}

/* Rows sum to the number of images with that label. */
static void find_joint(finder *f, const double *images)
{
    for (size_t i = 0; i < f->n; i++) {
        int c = confident_class(f, i);
        if (c >= 0) f->joint[(size_t)f->label[i] * f->classes + (size_t)c]++;
    }
    for (size_t a = 0; a < f->classes; a++) {
        double *row = f->joint + a * f->classes, sum = 0;
        row[a] = fmax(row[a], 1);
        for (size_t b = 0; b < f->classes; b++) sum += row[b];
        for (size_t b = 0; b < f->classes; b++) row[b] *= images[a] / sum;
    }
}

typedef struct ranked {
    uint32_t sample;
    double margin;
} ranked;

static int largest_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->margin != y->margin) return x->margin < y->margin ? 1 : -1;
    return x->sample < y->sample ? -1 : x->sample > y->sample;
}

/* For each two classes as many images as are expected to be labelled a and be b: those for which b is most likelier. */
static void count_pair(finder *f, size_t a, size_t b, ranked *list)
{
    size_t wanted = (size_t)lround(f->joint[a * f->classes + b]), n = 0;
    if (a == b || !wanted) return;
    for (size_t i = 0; i < f->n; i++) {
        if ((size_t)f->label[i] == a) list[n++] = (ranked){(uint32_t)i, p_of(f, i, b) - p_of(f, i, a)};
    }
    qsort(list, n, sizeof *list, largest_first);
    for (size_t k = 0; k < wanted && k < n; k++) f->s[list[k].sample].counted = true;
}

static void measure(finder *f, size_t i)
{
    size_t own = (size_t)f->label[i], other = own ? 0 : 1;
    for (size_t c = 0; c < f->classes; c++) {
        if (c != own && p_of(f, i, c) > p_of(f, i, other)) other = c;
    }
    f->s[i] = (gf_suspect){(uint32_t)i, (int32_t)other, false, p_of(f, i, own) - p_of(f, i, other)};
}

static int worst_first(const void *a, const void *b)
{
    const gf_suspect *x = a, *y = b;
    if (x->counted != y->counted) return x->counted ? -1 : 1;
    if (x->margin != y->margin) return x->margin < y->margin ? -1 : 1;
    return x->sample < y->sample ? -1 : x->sample > y->sample;
}

graft_status gf_suspects_find(gf_suspect **out, const float *p, const int32_t *label, size_t n, size_t classes,
                              graft_error *err)
{
    finder f = {
        p, label, n, classes, gf_new_n(classes, double), gf_new_n(classes * classes, double), gf_new_n(n, gf_suspect)};
    double *images = gf_new_n(classes, double);
    ranked *list = gf_new_n(n, ranked);
    bool ok = f.threshold && f.joint && f.s && images && list;
    for (size_t i = 0; ok && i < n; i++) measure(&f, i);
    if (ok) find_thresholds(&f, images);
    if (ok) find_joint(&f, images);
    for (size_t k = 0; ok && k < classes * classes; k++) count_pair(&f, k / classes, k % classes, list);
    if (ok && n) qsort(f.s, n, sizeof *f.s, worst_first);
    gf_free(f.threshold);
    gf_free(f.joint);
    gf_free(images);
    gf_free(list);
    *out = ok ? f.s : NULL;
    if (ok) return GRAFT_OK;
    gf_free(f.s);
    return gf_fail_memory(err, n * sizeof *f.s, "the suspects");
}
