#include "tasks/paired.h"

#include "base/rng.h"
#include "tasks/bootstrap.h"

#include <math.h>

/* Binomial coefficients grow by a factor each; a power of two is taken out of them as soon as they are large. */
double gf_mcnemar(uint64_t b, uint64_t c)
{
    uint64_t n = b + c, least = b < c ? b : c;
    double term = 1, sum = 0;
    int64_t taken = 0; /* powers of two */
    for (uint64_t i = 0; i <= least; i++) {
        sum += term;
        term *= (double)(n - i) / (double)(i + 1);
        const int large = 512;
        if (term < ldexp(1, large)) continue;
        term = ldexp(term, -large);
        sum = ldexp(sum, -large);
        taken += large;
    }
    int64_t power = taken + 1 - (int64_t)n; /* twice the sum, over 2^n */
    return fmin(1, power < -3000 ? 0 : ldexp(sum, (int)power));
}

/* The difference of accuracies, of resamples of the pairs. */
static void resample(const gf_paired *p, double bounds[2])
{
    double value[GF_RESAMPLES];
    uint32_t n = (uint32_t)p->images;
    for (uint32_t k = 0; k < GF_RESAMPLES; k++) {
        gf_rng rng = gf_rng_make(0, GF_PURPOSE_BOOTSTRAP, 1, k);
        int64_t sum = 0;
        for (uint32_t i = 0; i < n; i++) { /* the first `second` pairs are those that the second alone has right .. */
            uint32_t at = gf_rng_below(&rng, n);
            sum += at < p->second ? 1 : at < p->second + p->first ? -1 : 0;
        }
        value[k] = (double)sum / (double)n;
    }
    gf_percentile_bounds(value, bounds);
}

gf_paired gf_paired_of(const bool *const right[2], size_t n)
{
    gf_paired p = {.images = n, .difference = NAN, .bounds = {NAN, NAN}, .p = 1};
    for (size_t i = 0; i < n; i++) {
        const bool a = right[0][i], b = right[1][i];
        *(a && b ? &p.both : a ? &p.first : b ? &p.second : &p.neither) += 1;
    }
    if (!n) return p;
    p.difference = ((double)p.second - (double)p.first) / (double)n;
    p.p = gf_mcnemar(p.first, p.second);
    resample(&p, p.bounds);
    return p;
}
