/* Calibration, temperature and McNemar's test against scikit-learn's, numpy's and scipy's
 * (tools/make_calibration_fixtures.py); what a threshold promises holds on the samples it was made of. */
#include "support/fixture.h"
#include "tasks/calibration.h"
#include "tasks/paired.h"
#include "tasks/task.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 500 };

static fixture *file;
static int32_t truth[MOST];
static gf_sureness sure[MOST];

static const float *tensor(const char *name, const char *what, size_t *n)
{
    char full[96];
    snprintf(full, sizeof full, "%s/%s", name, what);
    return fixture_f32(file, full, n);
}

static gf_outcomes samples(const char *name)
{
    size_t n, all;
    const float *label = tensor(name, "truth", &n), *score = tensor(name, "score", &all);
    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++) truth[i] = (int32_t)label[i];
    return (gf_outcomes){.n = n, .classes = all / n, .truth = truth, .score = score};
}

static void make_sure(const gf_outcomes *o, double beta)
{
    for (size_t i = 0; i < o->n; i++) {
        sure[i] = gf_sureness_of(o->score + i * o->classes, o->classes, o->truth[i], beta);
    }
    qsort(sure, o->n, sizeof *sure, gf_surest_first);
}

static int check(const char *name, const char *what, double got, double tolerance)
{
    const float *two = tensor(name, what, NULL);
    if (!two) return 0;
    double want = (double)two[0] + (double)two[1];
    if (!(fabs(got - want) <= tolerance)) fail_msg("%s: %s is %.15g, wanted %.15g", name, what, got, want);
    return 1;
}

static void calibration_is_scikit_learns(void **state)
{
    (void)state;
    static const char *const cases[] = {"two", "three", "ten", "ties", "few"};
    int seen = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gf_outcomes o = samples(cases[i]);
        make_sure(&o, 1);
        gf_reliability r = gf_reliability_of(sure, o.n, o.classes);
        seen += check(cases[i], "error", r.error, 1e-12);
        seen += check(cases[i], "equal_mass_error", r.equal_mass_error, 1e-12);
        seen += check(cases[i], "log_loss", r.log_loss, 1e-12);
        seen += check(cases[i], "brier", r.brier, 1e-12);
        double beta = gf_fit_beta(&o);
        seen += check(cases[i], "beta", beta, 1e-6 * beta);
        uint64_t images = 0;
        for (int k = 0; k < GF_RELIABILITY_BINS; k++) images += r.bin[k].images;
        assert_int_equal(images, o.n);
    }
    assert_int_equal(seen, 5 * 5 - 1);
}

/* No other temperature has a smaller log loss. */
static void the_temperature_is_the_best(void **state)
{
    (void)state;
    gf_outcomes o = samples("ten");
    double beta = gf_fit_beta(&o), loss[3];
    for (int k = 0; k < 3; k++) {
        make_sure(&o, beta * (1 + 0.001 * (k - 1)));
        loss[k] = gf_reliability_of(sure, o.n, o.classes).log_loss;
    }
    assert_true(loss[1] < loss[0] && loss[1] < loss[2]);
}

static void what_has_no_best_ends_at_a_bound(void **state)
{
    (void)state;
    const float right[] = {0, 3, 0, 1}, wrong[] = {0, -3, 0, -1};
    const int32_t ones[] = {1, 1};
    gf_outcomes o = {.n = 2, .classes = 2, .truth = ones, .score = right};
    assert_true(fabs(gf_fit_beta(&o) - exp(10)) <= 1e-9);
    o.score = wrong;
    assert_true(fabs(gf_fit_beta(&o) - exp(-10)) <= 1e-12);
    o.n = 0;
    assert_true(isnan(gf_fit_beta(&o)));
    assert_true(isnan(gf_reliability_of(sure, 0, 2).error));
}

static void promises_hold_where_they_were_made(void **state)
{
    (void)state;
    gf_outcomes o = samples("ten");
    gf_promise promise[GF_PROMISES];
    make_sure(&o, 1);
    size_t n = gf_promises_of(promise, sure, o.n);
    assert_true(n > 10);
    for (size_t i = 0; i < n; i++) {
        size_t told = 0, right = 0;
        double bounds[2];
        for (size_t k = 0; k < o.n; k++) {
            told += sure[k].confidence >= promise[i].threshold;
            right += sure[k].confidence >= promise[i].threshold && sure[k].right;
        }
        assert_true(told >= GF_PROMISE_LEAST);
        assert_true(fabs((double)told / (double)o.n - promise[i].coverage) <= 1e-12);
        gf_wilson((double)right / (double)told, (double)told, bounds);
        assert_true(bounds[0] >= promise[i].accuracy);
        assert_ptr_equal(gf_promise_for(promise, n, promise[i].accuracy), &promise[i]);
        assert_true(!i || promise[i].threshold >= promise[i - 1].threshold);
    }
    assert_null(gf_promise_for(promise, n, 1));
    assert_int_equal(gf_promises_of(promise, sure, GF_PROMISE_LEAST - 1), 0);
}

static void mcnemar_is_scipys(void **state)
{
    (void)state;
    size_t n;
    const float *pair = tensor("mcnemar", "pairs", &n), *p = tensor("mcnemar", "p", NULL);
    for (size_t i = 0; i < n; i += 2) {
        double want = (double)p[i] + (double)p[i + 1], got = gf_mcnemar((uint64_t)pair[i], (uint64_t)pair[i + 1]);
        if (!(fabs(got - want) <= 1e-12)) fail_msg("%g, %g: %.15g, scipy has %.15g", pair[i], pair[i + 1], got, want);
    }
    assert_int_equal(n, 18);
}

static void pairs_are_counted(void **state)
{
    (void)state;
    static bool a[MOST], b[MOST];
    for (int i = 0; i < MOST; i++) {
        a[i] = i % 5 != 0;
        b[i] = i % 10 != 0;
    }
    gf_paired p = gf_paired_of((const bool *const[2]){a, b}, MOST);
    assert_int_equal(p.images, MOST);
    assert_int_equal(p.both, 400);
    assert_int_equal(p.first, 0);
    assert_int_equal(p.second, 50);
    assert_int_equal(p.neither, 50);
    assert_true(fabs(p.difference - 0.1) <= 1e-12);
    assert_true(p.bounds[0] > 0.07 && p.bounds[0] < 0.1 && p.bounds[1] > 0.1 && p.bounds[1] < 0.13);
    assert_true(p.p < 1e-12);
    p = gf_paired_of((const bool *const[2]){a, a}, MOST);
    assert_true(p.p == 1 && p.bounds[0] == 0 && p.bounds[1] == 0);
    assert_true(isnan(gf_paired_of((const bool *const[2]){a, b}, 0).difference));
}

/* A temperature moves probabilities and no label; by 1 not a bit changes. */
static void probabilities_are_at_the_temperature(void **state)
{
    (void)state;
    gf_task t = {.cls = gf_task_find("classify"), .classes = 3};
    const float z[] = {0.5f, 2, -1};
    float plain[3], same[3], cool[3];
    t.cls->decode(&t, z, 3, plain);
    t.beta = 1;
    t.cls->decode(&t, z, 3, same);
    assert_memory_equal(plain, same, sizeof plain);
    t.beta = 2;
    t.cls->decode(&t, z, 3, cool);
    assert_true(cool[1] > plain[1] && cool[1] > cool[0] && cool[0] > cool[2]);
    for (int i = 0; i < 3; i++) {
        double sum = exp(1) + exp(4) + exp(-2), want = exp(2 * (double)z[i]) / sum;
        assert_true(fabs((double)cool[i] - want) <= 1e-6);
    }
    t.classes = 2;
    t.cls->decode(&t, z + 1, 1, cool);
    assert_true(fabs((double)cool[1] - 1 / (1 + exp(-4))) <= 1e-6);
}

static int open_file(void **state)
{
    (void)state;
    file = fixture_open(GRAFT_FIXTURES "/calibration.safetensors");
    return file ? 0 : -1;
}

static int close_file(void **state)
{
    (void)state;
    fixture_close(file);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calibration_is_scikit_learns),
        cmocka_unit_test(the_temperature_is_the_best),
        cmocka_unit_test(what_has_no_best_ends_at_a_bound),
        cmocka_unit_test(promises_hold_where_they_were_made),
        cmocka_unit_test(mcnemar_is_scipys),
        cmocka_unit_test(pairs_are_counted),
        cmocka_unit_test(probabilities_are_at_the_temperature),
    };
    return cmocka_run_group_tests(tests, open_file, close_file);
}
