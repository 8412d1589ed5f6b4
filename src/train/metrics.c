#include "train/metrics.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

/* ---- running means */

void gf_running_add(gf_running *r, const float *loss, const int32_t *truth, const int32_t *predicted, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        r->loss_sum += (double)loss[i];
        r->right += truth[i] == predicted[i];
    }
    r->images += n;
}

double gf_running_loss(const gf_running *r) { return r->images ? r->loss_sum / (double)r->images : NAN; }
double gf_running_accuracy(const gf_running *r) { return r->images ? (double)r->right / (double)r->images : NAN; }

/* ---- evaluations */

graft_status gf_evaluation_init(gf_evaluation *e, size_t classes, graft_error *err)
{
    size_t cells;
    *e = (gf_evaluation){.classes = classes};
    e->confusion = gf_mul_size(classes, classes, &cells) ? gf_new_n(cells, uint64_t) : NULL;
    if (!e->confusion) {
        *e = (gf_evaluation){0};
        return gf_fail(err, GF_E_NO_MEMORY, NULL, "no memory for a confusion matrix of %zu classes", classes);
    }
    return GRAFT_OK;
}

void gf_evaluation_clear(gf_evaluation *e)
{
    e->running = (gf_running){0};
    memset(e->confusion, 0, e->classes * e->classes * sizeof *e->confusion);
}

void gf_evaluation_free(gf_evaluation *e)
{
    if (!e) return;
    gf_free(e->confusion);
    *e = (gf_evaluation){0};
}

void gf_evaluation_add(gf_evaluation *e, const float *loss, const int32_t *truth, const int32_t *predicted, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool known =
            truth[i] >= 0 && (size_t)truth[i] < e->classes && predicted[i] >= 0 && (size_t)predicted[i] < e->classes;
        if (known) e->confusion[(size_t)truth[i] * e->classes + (size_t)predicted[i]]++;
        e->running.right += known && truth[i] == predicted[i];
        e->running.loss_sum += (double)loss[i];
    }
    e->running.images += n;
}

gf_metrics gf_evaluation_metrics(const gf_evaluation *e)
{
    return (gf_metrics){.images = e->running.images,
                        .loss = gf_running_loss(&e->running),
                        .accuracy = gf_running_accuracy(&e->running),
                        .confusion = e->confusion};
}

/* ---- the best epoch */

bool gf_best_offer(gf_best *best, int32_t epoch, double accuracy, double loss)
{
    if (!gf_is_finite(accuracy) || !gf_is_finite(loss)) return false;
    bool better = best->epoch == 0 || accuracy > best->accuracy || (accuracy == best->accuracy && loss < best->loss);
    if (better) *best = (gf_best){.epoch = epoch, .accuracy = accuracy, .loss = loss};
    return better;
}

/* ---- numbers */

bool gf_is_finite(double x)
{
    const uint64_t exponent = UINT64_C(0x7ff) << 52;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & exponent) != exponent;
}

/* In f64 the square of no finite float overflows, so that a sum that is not finite has an element that is not. */
double gf_sum_squares(const float *x, size_t n)
{
    enum { SUMS = 8 };
    double sum[SUMS] = {0};
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS) {
        for (int k = 0; k < SUMS; k++) sum[k] += (double)x[i + (size_t)k] * (double)x[i + (size_t)k];
    }
    for (int k = 0; i < n; i++, k++) sum[k] += (double)x[i] * (double)x[i];
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

double gf_norm(const float *x, size_t n)
{
    double sum = 0;
    for (size_t at = 0; at < n; at += GF_SQUARES_BLOCK) {
        sum += gf_sum_squares(x + at, n - at < GF_SQUARES_BLOCK ? n - at : GF_SQUARES_BLOCK);
    }
    return sqrt(sum);
}
