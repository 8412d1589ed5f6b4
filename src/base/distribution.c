#include "base/distribution.h"

#include <math.h>

static const double ln2 = 0.693147180559945309417;

/* x = m 2^e with m near 1; log m = 2 atanh((m - 1) / (m + 1)) */
double gf_log(double x)
{
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    double t = (m - 1) / (m + 1), t2 = t * t, sum = 0;
    for (int k = 23; k >= 1; k -= 2) sum = sum * t2 + 1.0 / k;
    return 2 * t * sum + e * ln2;
}

double gf_exp(double x)
{
    if (x < -700) return 0;
    if (x > 700) x = 700;
    int n = (int)(x / ln2 + (x < 0 ? -0.5 : 0.5));
    double r = x - n * ln2, sum = 1;
    for (int k = 16; k >= 1; k--) sum = 1 + sum * r / k;
    return ldexp(sum, n);
}

static double uniform(gf_rng *r) { return ((double)gf_rng_u32(r) + 0.5) * 0x1p-32; } /* never 0 or 1 */

double gf_rng_normal(gf_rng *r)
{
    for (;;) {
        double u = 2 * uniform(r) - 1, v = 2 * uniform(r) - 1, s = u * u + v * v;
        if (s < 1 && s > 0) return u * sqrt(-2 * gf_log(s) / s);
    }
}

/* Marsaglia and Tsang, 2000; below 1 by the one above. */
static double draw_gamma(gf_rng *r, double a)
{
    double more = 1;
    if (a < 1) {
        more = gf_exp(gf_log(uniform(r)) / a);
        a += 1;
    }
    double d = a - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = gf_rng_normal(r), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        if (gf_log(uniform(r)) < 0.5 * x * x + d * (1 - v + gf_log(v))) return d * v * more;
    }
}

/* Both numbers may come out as 0 where a and b are small; then it is either end. */
double gf_rng_beta(gf_rng *r, double a, double b)
{
    double x = draw_gamma(r, a), y = draw_gamma(r, b);
    if (x + y > 0) return x / (x + y);
    return uniform(r) * (a + b) < a ? 1 : 0;
}
