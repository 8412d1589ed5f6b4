#include "train/ridge.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

struct gf_ridge {
    gf_pool *pool;
    size_t n, row, columns; /* two classes have one column: of the second */
    float *exact;           /* [n][row], less their mean; 0 of a lost image */
    double *mean;           /* [row] */
    bool *lost;
    double *target;  /* [n][columns], less their mean */
    double *inverse; /* [n][n]: of Gram matrix + penalty */
    double *weight;  /* [n][columns]: of each image in the classifier of all; inverse x target */
    double spread;   /* mean square distance of an image's exact features from their mean */
};

/* ---- the fit */

static size_t present(const bool *lost, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += !lost[i];
    return count;
}

static void take_features(gf_ridge *r, const float *exact)
{
    double images = (double)present(r->lost, r->n);
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < r->row && !r->lost[i]; k++) r->mean[k] += (double)exact[i * r->row + k] / images;
    }
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < r->row && !r->lost[i]; k++) {
            double x = (double)exact[i * r->row + k] - r->mean[k];
            r->exact[i * r->row + k] = (float)x;
            r->spread += x * x / images;
        }
    }
}

static void take_targets(gf_ridge *r, const int32_t *label)
{
    double images = (double)present(r->lost, r->n);
    size_t first = r->columns == 1; /* the class of the first column */
    for (size_t c = 0; c < r->columns; c++) {
        double share = 0;
        for (size_t i = 0; i < r->n; i++) share += !r->lost[i] && label[i] == (int32_t)(c + first) ? 1 / images : 0;
        for (size_t i = 0; i < r->n && share < 1; i++) {
            double hit = label[i] == (int32_t)(c + first) ? 1 : 0;
            r->target[i * r->columns + c] = r->lost[i] ? 0 : hit - share;
        }
    }
}

typedef struct product {
    const gf_ridge *r;
    const float *coarse; /* as they came; NULL: the exact ones */
    size_t first;        /* the image that the first row of `coarse` is of */
    double *out;         /* [rows][n] */
} product;

/* A row of features times the exact features of all images. */
static graft_status multiply_row(void *ctx, size_t at, int worker, graft_error *err)
{
    (void)worker;
    const product *p = ctx;
    const gf_ridge *r = p->r;
    size_t i = p->first + at;
    double *x = gf_new_n(r->row, double);
    if (!x) return gf_fail_memory(err, r->row * sizeof *x, "calibration");
    for (size_t k = 0; k < r->row && !r->lost[i]; k++) {
        x[k] = p->coarse ? (double)p->coarse[at * r->row + k] - r->mean[k] : (double)r->exact[i * r->row + k];
    }
    for (size_t j = 0; j < r->n; j++) {
        enum { LANES = 8 }; /* sums side by side, in a fixed order */
        double sum[LANES] = {0}, rest = 0;
        const float *y = r->exact + j * r->row;
        size_t k = 0;
        for (; k + LANES <= r->row; k += LANES) {
            for (size_t l = 0; l < LANES; l++) sum[l] += x[k + l] * (double)y[k + l];
        }
        for (; k < r->row; k++) rest += x[k] * (double)y[k];
        for (size_t l = 0; l < LANES; l++) rest += sum[l];
        p->out[at * r->n + j] = rest;
    }
    gf_free(x);
    return GRAFT_OK;
}

/* Gauss and Jordan's inverse in place; a is symmetric and positive definite: no pivot is needed. */
static void invert(double *a, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        double *pivot_row = a + k * n, pivot = 1 / pivot_row[k];
        pivot_row[k] = 1;
        for (size_t j = 0; j < n; j++) pivot_row[j] *= pivot;
        for (size_t i = 0; i < n; i++) {
            if (i == k) continue;
            double factor = a[i * n + k];
            a[i * n + k] = 0;
            for (size_t j = 0; j < n; j++) a[i * n + j] -= factor * pivot_row[j];
        }
    }
}

/* What the classifier of all others is off its target by, for image i: weight_i / inverse_ii. */
static double noise_of(const gf_ridge *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) {
        for (size_t c = 0; c < r->columns && !r->lost[i]; c++) {
            double off = r->weight[i * r->columns + c] / r->inverse[i * r->n + i];
            sum += off * off;
        }
    }
    return sum / (double)present(r->lost, r->n);
}

static void fit(gf_ridge *r, const double *gram, double penalty)
{
    memcpy(r->inverse, gram, r->n * r->n * sizeof *gram);
    for (size_t i = 0; i < r->n; i++) r->inverse[i * r->n + i] += penalty;
    invert(r->inverse, r->n);
    memset(r->weight, 0, r->n * r->columns * sizeof *r->weight);
    for (size_t i = 0; i < r->n; i++) {
        for (size_t j = 0; j < r->n; j++) {
            double factor = r->inverse[i * r->n + j];
            for (size_t c = 0; c < r->columns; c++)
                r->weight[i * r->columns + c] += factor * r->target[j * r->columns + c];
        }
    }
}

/* The penalty with the least noise, from a tenth of a percent of an image's own product to ten times that. */
static graft_status fit_best(gf_ridge *r, graft_error *err)
{
    static const double share[] = {1e-3, 1e-2, 1e-1, 1, 10};
    double *gram = gf_new_n(r->n * r->n, double), best = INFINITY, chosen = share[2];
    graft_status status = gram ? gf_pool_run(r->pool, r->n, multiply_row, &(product){r, NULL, 0, gram}, err)
                               : gf_fail_memory(err, r->n * r->n * sizeof *gram, "calibration");
    double unit = r->spread > 0 ? r->spread : 1;
    for (size_t k = 0; k < sizeof share / sizeof *share && status == GRAFT_OK; k++) {
        fit(r, gram, share[k] * unit);
        double noise = noise_of(r);
        if (noise < best) {
            best = noise;
            chosen = share[k];
        }
    }
    if (status == GRAFT_OK) fit(r, gram, chosen * unit);
    gf_free(gram);
    return status;
}

graft_status gf_ridge_create(gf_ridge **out, const float *exact, const int32_t *label, const bool *lost, size_t n,
                             size_t row, size_t classes, gf_pool *pool, graft_error *err)
{
    *out = NULL;
    gf_ridge *r = gf_new(gf_ridge);
    if (!r) return gf_fail_memory(err, sizeof *r, "calibration");
    *r = (gf_ridge){.pool = pool, .n = n, .row = row, .columns = classes > 2 ? classes : 1};
    r->exact = gf_new_n(n * row, float);
    r->mean = gf_new_n(row, double);
    r->lost = gf_new_n(n, bool);
    r->target = gf_new_n(n * r->columns, double);
    r->inverse = gf_new_n(n * n, double);
    r->weight = gf_new_n(n * r->columns, double);
    graft_status status = GRAFT_OK;
    if (!r->exact || !r->mean || !r->lost || !r->target || !r->inverse || !r->weight) {
        status = gf_fail_memory(err, (n + row) * n * sizeof(double), "calibration");
    } else {
        memcpy(r->lost, lost, n * sizeof *lost);
        take_features(r, exact);
        take_targets(r, label);
        status = fit_best(r, err);
    }
    if (status != GRAFT_OK) {
        gf_ridge_destroy(r);
    } else {
        *out = r;
    }
    return status;
}

void gf_ridge_destroy(gf_ridge *r)
{
    if (!r) return;
    gf_free(r->exact);
    gf_free(r->mean);
    gf_free(r->lost);
    gf_free(r->target);
    gf_free(r->inverse);
    gf_free(r->weight);
    gf_free(r);
}

/* ---- reading */

/* By the classifier of all others, from its own features. */
static double own_score(const gf_ridge *r, size_t i, size_t c)
{
    return r->target[i * r->columns + c] - r->weight[i * r->columns + c] / r->inverse[i * r->n + i];
}

/* The same from coarser ones, whose products with all exact features are given. */
static void read_scores(const gf_ridge *r, const double *products, size_t i, double *score)
{
    const double *inverse = r->inverse + i * r->n, *weight = r->weight + i * r->columns;
    double own = 0;
    for (size_t j = 0; j < r->n; j++) own += products[j] * inverse[j];
    for (size_t c = 0; c < r->columns; c++) score[c] = -weight[c] / inverse[i] * own;
    for (size_t j = 0; j < r->n; j++) {
        for (size_t c = 0; c < r->columns; c++) score[c] += products[j] * r->weight[j * r->columns + c];
    }
}

static double square_distance(const gf_ridge *r, const float *coarse, size_t i) /* coarse: of this image */
{
    double sum = 0;
    for (size_t k = 0; k < r->row; k++) {
        double d = (double)coarse[k] - r->mean[k] - (double)r->exact[i * r->row + k];
        sum += d * d;
    }
    return sum;
}

static void read_all(const product *p, size_t images, double *score, gf_reading *out)
{
    const gf_ridge *r = p->r;
    double exact = 0, crossed = 0, distance = 0;
    for (size_t at = 0; at < images; at++) {
        size_t i = p->first + at;
        if (r->lost[i]) continue;
        read_scores(r, p->out + at * r->n, i, score);
        for (size_t c = 0; c < r->columns; c++) {
            double target = r->target[i * r->columns + c], e = own_score(r, i, c) - target, k = score[c] - target;
            exact += e * e;
            crossed += k * k;
        }
        out->images++;
        distance += square_distance(r, p->coarse + at * r->row, i);
    }
    out->crossed = exact > 0 ? crossed / exact - 1 : NAN;
    out->distance = r->spread > 0 ? sqrt(distance / (double)out->images / r->spread) : NAN;
}

graft_status gf_ridge_read(const gf_ridge *r, const float *coarse, size_t first, size_t images, gf_reading *out,
                           graft_error *err)
{
    *out = (gf_reading){0};
    product p = {r, coarse, first, gf_new_n(images * r->n, double)};
    double *score = gf_new_n(r->columns, double);
    graft_status status = p.out && score ? gf_pool_run(r->pool, images, multiply_row, &p, err)
                                         : gf_fail_memory(err, images * r->n * sizeof *p.out, "calibration");
    if (status == GRAFT_OK) read_all(&p, images, score, out);
    gf_free(p.out);
    gf_free(score);
    return status;
}

/* The class that image i's own scores mean; `share` was taken off the targets. */
static size_t label_of(const gf_ridge *r, const double *share, size_t i)
{
    const double half = 0.5;
    size_t best = 0;
    if (r->columns == 1) return own_score(r, i, 0) + share[0] > half;
    for (size_t c = 1; c < r->columns; c++) {
        best = own_score(r, i, c) + share[c] > own_score(r, i, best) + share[best] ? c : best;
    }
    return best;
}

static size_t truth_of(const gf_ridge *r, size_t i)
{
    const double *target = r->target + i * r->columns;
    size_t best = 0;
    if (r->columns == 1) return target[0] > 0;
    for (size_t c = 1; c < r->columns; c++) best = target[c] > target[best] ? c : best;
    return best;
}

graft_status gf_ridge_compare(const gf_ridge *exact, const gf_ridge *coarse, gf_reading *out, graft_error *err)
{
    double *share = gf_new_n(exact->columns, double);
    if (!share) return gf_fail_memory(err, exact->columns * sizeof *share, "calibration");
    for (size_t c = 0; c < exact->columns; c++) {
        for (size_t i = 0; i < exact->n; i++) share[c] = fmax(share[c], -exact->target[i * exact->columns + c]);
    }
    out->noise = noise_of(exact);
    out->added = out->noise > 0 ? noise_of(coarse) / out->noise - 1 : NAN;
    out->right = out->other = 0;
    for (size_t i = 0; i < exact->n; i++) {
        size_t label = label_of(exact, share, i);
        out->right += !exact->lost[i] && label == truth_of(exact, i);
        out->other += !exact->lost[i] && label != label_of(coarse, share, i);
    }
    gf_free(share);
    return GRAFT_OK;
}
