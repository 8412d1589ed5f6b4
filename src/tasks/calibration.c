#include "tasks/calibration.h"

#include <math.h>

/* ---- one sample */

gf_sureness gf_sureness_of(const float *z, size_t classes, int32_t truth, double beta)
{
    size_t best = 0, y = (size_t)truth;
    double sum = 0, squares = 0;
    for (size_t k = 1; k < classes; k++) best = z[k] > z[best] ? k : best;
    for (size_t k = 0; k < classes; k++) sum += exp(beta * ((double)z[k] - (double)z[best]));
    for (size_t k = 0; k < classes; k++) {
        double d = exp(beta * ((double)z[k] - (double)z[best])) / sum - (k == y);
        squares += d * d;
    }
    return (gf_sureness){1 / sum, log(sum) - beta * ((double)z[y] - (double)z[best]), squares, best == y};
}

int gf_surest_first(const void *a, const void *b)
{
    const gf_sureness *x = a, *y = b;
    if (x->confidence != y->confidence) return x->confidence < y->confidence ? 1 : -1;
    return (int)y->right - (int)x->right;
}

/* ---- the error */

static double gap(const gf_reliability_bin *b) { return fabs((double)b->right - b->confidence); }

static void put(gf_reliability_bin *b, const gf_sureness *s)
{
    b->images++;
    b->right += s->right;
    b->confidence += s->confidence;
}

gf_reliability gf_reliability_of(const gf_sureness *sorted, size_t n, size_t classes)
{
    const size_t bins = GF_RELIABILITY_BINS;
    gf_reliability c = {.images = n, .error = NAN, .equal_mass_error = NAN, .log_loss = NAN, .brier = NAN};
    if (!n) return c;
    gf_reliability_bin mass[GF_RELIABILITY_BINS] = {{0}};
    double error = 0, equal_mass = 0, loss = 0, squares = 0;
    for (size_t i = n; i-- > 0;) { /* the least sure first */
        size_t k = (size_t)fmax(ceil(sorted[i].confidence * (double)bins) - 1, 0);
        put(&c.bin[k < bins ? k : bins - 1], &sorted[i]);
        put(&mass[(n - 1 - i) * bins / n], &sorted[i]);
        loss += sorted[i].loss;
        squares += sorted[i].squares;
    }
    for (size_t k = 0; k < bins; k++) {
        error += gap(&c.bin[k]);
        equal_mass += gap(&mass[k]);
    }
    c.error = error / (double)n;
    c.equal_mass_error = equal_mass / (double)n;
    c.log_loss = loss / (double)n;
    c.brier = squares / (double)n / (classes == 2 ? 2 : 1);
    return c;
}

/* ---- the temperature */

/* First and second derivative of the mean log loss by beta: how far the mean logit under softmax is above the true
 * class's, and the logits' variance. */
static void slope(const gf_outcomes *o, double beta, double d[2])
{
    d[0] = d[1] = 0;
    for (size_t i = 0; i < o->n; i++) {
        const float *z = o->score + i * o->classes;
        double top = (double)z[0], sum = 0, mean = 0, square = 0;
        for (size_t k = 1; k < o->classes; k++) top = fmax(top, (double)z[k]);
        for (size_t k = 0; k < o->classes; k++) {
            double below = (double)z[k] - top, e = exp(beta * below);
            sum += e;
            mean += e * below;
            square += e * below * below;
        }
        mean /= sum;
        d[0] += mean - ((double)z[o->truth[i]] - top);
        d[1] += square / sum - mean * mean;
    }
    d[0] /= (double)o->n;
    d[1] /= (double)o->n;
}

/* Newton's steps, kept between two bounds that close in; where a step leaves them they are halved, as logarithms. */
double gf_fit_beta(const gf_outcomes *o)
{
    enum { MOST = 200 };
    double low = exp(-10), high = exp(10), beta = 1, d[2];
    if (!o->n) return NAN;
    slope(o, low, d);
    if (d[0] >= 0) return low;
    slope(o, high, d);
    if (d[0] <= 0) return high;
    for (int i = 0; i < MOST && high - low > 1e-12 * high; i++) {
        slope(o, beta, d);
        *(d[0] > 0 ? &high : &low) = beta;
        double next = beta - d[0] / d[1];
        if (!(next > low && next < high)) next = sqrt(low * high);
        bool still = fabs(next - beta) <= 1e-14 * beta;
        beta = next;
        if (still) break;
    }
    return beta;
}

/* ---- what can be promised */

static double promised(size_t i)
{
    const size_t steps = GF_PROMISES - 2;
    return i < steps ? 0.5 + 0.01 * (double)i : i == steps ? 0.995 : 0.999;
}

/* How many of the surest may be told for an accuracy of `wanted`. */
static size_t reach(const gf_sureness *s, size_t n, double wanted)
{
    size_t most = 0, right = 0;
    for (size_t i = 0; i < n; i++) {
        double bounds[2];
        right += s[i].right;
        if (i + 1 < GF_PROMISE_LEAST || (i + 1 < n && !(s[i + 1].confidence < s[i].confidence))) continue;
        gf_wilson((double)right / (double)(i + 1), (double)(i + 1), bounds);
        if (bounds[0] >= wanted) most = i + 1;
    }
    return most;
}

size_t gf_promises_of(gf_promise promise[GF_PROMISES], const gf_sureness *sorted, size_t n)
{
    size_t made = 0;
    for (size_t i = 0; i < GF_PROMISES; i++) {
        size_t told = reach(sorted, n, promised(i));
        if (!told) continue;
        double last = sorted[told - 1].confidence, next = told < n ? sorted[told].confidence : last - 1e-6;
        promise[made++] = (gf_promise){promised(i), (last + next) / 2, (double)told / (double)n};
    }
    return made;
}

const gf_promise *gf_promise_for(const gf_promise *promise, size_t n, double accuracy)
{
    for (size_t i = 0; i < n; i++) {
        if (promise[i].accuracy >= accuracy - 1e-9) return &promise[i];
    }
    return NULL;
}
