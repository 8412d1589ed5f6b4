#include "train/metrics.h"

#include <math.h>

bool gf_best_offer(gf_best *best, const gf_monitor *by, const gf_monitor *then, const gf_history_row *row)
{
    double value = gf_monitor_value(by, row), second = gf_monitor_value(then, row);
    if (!gf_is_finite(value) || !gf_is_finite(second)) return false;
    bool same = value == best->value && gf_monitor_is_better(then, second, best->second, 0);
    bool better = best->epoch == 0 || same || gf_monitor_is_better(by, value, best->value, 0);
    if (better) *best = (gf_best){.epoch = row->epoch, .value = value, .second = second};
    return better;
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
