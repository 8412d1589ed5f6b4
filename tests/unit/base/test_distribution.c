/* distribution: log and exp beside libm's, and the shapes of what is drawn. */
#include "base/distribution.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void log_and_exp_are_near_libm(void **state)
{
    (void)state;
    gf_rng r = gf_rng_make(1, GF_PURPOSE_SYNTHETIC, 0, 0);
    for (int i = 0; i < 20000; i++) {
        double x = (double)gf_rng_range(&r, -300, 300), y = exp(x);
        assert_true(fabs(gf_exp(x) - y) <= 1e-13 * y);
        assert_true(fabs(gf_log(y) - x) <= 1e-14 * (1 + fabs(x)));
        double near = 1 + x * 1e-5;
        assert_true(fabs(gf_log(near) - log(near)) <= 1e-16 + 4e-16 * fabs(log(near)));
    }
    assert_true(gf_exp(0) == 1 && gf_log(1) == 0 && gf_exp(-1e300) == 0 && isfinite(gf_exp(1e300)));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Kolmogorov and Smirnov: the greatest distance of the counted share from the distribution's, at the 0.1 % level. */
static void is_distributed(double *x, int n, double (*share)(double))
{
    double most = 0;
    qsort(x, (size_t)n, sizeof *x, by_value);
    for (int i = 0; i < n; i++) {
        double p = share(x[i]);
        most = fmax(most, fmax(p - (double)i / n, (double)(i + 1) / n - p));
    }
    if (!(most < 1.95 / sqrt(n))) fail_msg("distance %g", most);
}

static double normal_share(double x) { return 0.5 * erfc(-x / sqrt(2)); }

enum { N = 100000 };
static double drawn[N];

static void normal_numbers_are_normal(void **state)
{
    (void)state;
    gf_rng r = gf_rng_make(2, GF_PURPOSE_SYNTHETIC, 0, 0);
    for (int i = 0; i < N; i++) drawn[i] = gf_rng_normal(&r);
    is_distributed(drawn, N, normal_share);
}

static double uniform_share(double x) { return x; }
static double humped_share(double x) { return x * x * (3 - 2 * x); }
static double arc_share(double x) { return asin(sqrt(x)) * 2 / M_PI; }
static double ramp_share(double x) { return x * x * x; }

/* Those whose distributions have a closed form. */
static void beta_numbers_are_beta(void **state)
{
    (void)state;
    static const struct {
        double a, b;
        double (*share)(double);
    } kinds[] = {{1, 1, uniform_share}, {2, 2, humped_share}, {0.5, 0.5, arc_share}, {3, 1, ramp_share}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        gf_rng r = gf_rng_make(3 + k, GF_PURPOSE_SYNTHETIC, 0, 0);
        for (int i = 0; i < N; i++) drawn[i] = gf_rng_beta(&r, kinds[k].a, kinds[k].b);
        is_distributed(drawn, N, kinds[k].share);
    }
    gf_rng r = gf_rng_make(9, GF_PURPOSE_SYNTHETIC, 0, 0);
    int ends = 0, high = 0;
    for (int i = 0; i < 1000; i++) {
        double x = gf_rng_beta(&r, 1e-4, 1e-4);
        assert_true(x >= 0 && x <= 1);
        ends += x < 1e-3 || x > 1 - 1e-3;
        high += x > 0.5;
    }
    assert_true(ends > 980 && high > 420 && high < 580);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_and_exp_are_near_libm),
        cmocka_unit_test(normal_numbers_are_normal),
        cmocka_unit_test(beta_numbers_are_beta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
