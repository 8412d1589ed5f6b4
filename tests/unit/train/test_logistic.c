/* Logistic regression, nearest neighbours and nearest centroids beside scikit-learn's (tools/make_probe_fixtures.py),
 * and the same bits for any threads. */
#include "train/neighbours.h"

#include "base/alloc.h"
#include "ops/engine.h"
#include "support/fixture.h"
#include "support/ok.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_STEPS = 20000, HELD = 40 };

static const char *const cases[] = {"two",           "five",  "twenty", "separable", "weighted",
                                    "weighted_four", "twice", "many",   "fifty"};
enum { CASES = sizeof cases / sizeof *cases };
static const struct {
    const char *name;
    double value;
} lambdas[] = {{"1", 1}, {"1e-2", 1e-2}, {"1e-4", 1e-4}};

static fixture *file;
static gf_pool *pool;

typedef struct problem {
    gf_rows rows, held;
    gf_scaling scaling;
    int32_t *label, held_label[HELD];
    double *weight;
    size_t classes;
} problem;

static const float *tensor(const char *name, const char *what, size_t *n)
{
    char full[64];
    snprintf(full, sizeof full, "%s/%s", name, what);
    const float *x = fixture_f32(file, full, n);
    if (!x) fail_msg("%s is not in the fixture", full);
    return x;
}

static void fill(gf_rows *r, const char *name, const char *what)
{
    int64_t dims[FIXTURE_MAX_RANK];
    char full[64];
    const float *x = tensor(name, what, NULL);
    snprintf(full, sizeof full, "%s/%s", name, what);
    assert_int_equal(fixture_shape(file, full, dims), 2);
    OK(gf_rows_create(r, (size_t)dims[0], (size_t)dims[1], &error));
    for (size_t i = 0; i < r->n; i++) memcpy(r->x + i * r->stride, x + i * r->d, r->d * sizeof *x);
}

static void open_problem(problem *p, const char *name)
{
    *p = (problem){0};
    fill(&p->rows, name, "x");
    fill(&p->held, name, "held/x");
    const float *label = tensor(name, "label", NULL), *weight = tensor(name, "weight", NULL),
                *held = tensor(name, "held/label", NULL);
    p->label = gf_new_n(p->rows.n, int32_t);
    p->weight = gf_new_n(p->rows.n, double);
    for (size_t i = 0; i < p->rows.n; i++) {
        p->label[i] = (int32_t)label[i];
        p->weight[i] = (double)weight[i];
        if (p->classes < (size_t)p->label[i] + 1) p->classes = (size_t)p->label[i] + 1;
    }
    for (size_t i = 0; i < HELD; i++) p->held_label[i] = (int32_t)held[i];
    OK(gf_scaling_measure(&p->scaling, &p->rows, &error));
    gf_scaling_apply(&p->scaling, &p->rows);
    gf_scaling_apply(&p->scaling, &p->held);
}

static void close_problem(problem *p)
{
    gf_rows_free(&p->rows);
    gf_rows_free(&p->held);
    gf_scaling_free(&p->scaling);
    gf_free(p->label);
    gf_free(p->weight);
}

static double *solve(const problem *p, gf_pool *by, double lambda, double excess, gf_minimum *m)
{
    const gf_logistic l = {&p->rows, p->label, p->weight, p->classes, by};
    double *w = gf_new_n(gf_logistic_outputs(p->classes) * p->rows.stride, double);
    gf_logistic_start(&l, w);
    OK(gf_logistic_fit(&l, lambda, excess, MOST_STEPS, w, m, &error));
    return w;
}

/* p[classes] of a row of logits. */
static void probabilities(const float *z, size_t classes, double *p)
{
    double sum = 0;
    for (size_t c = 0; c < classes; c++)
        sum += p[c] = exp(classes == 2 ? c ? (double)z[0] : 0 : (double)z[c] - (double)z[0]);
    for (size_t c = 0; c < classes; c++) p[c] /= sum;
}

static void compare(const char *name, const problem *p, size_t l)
{
    char what[32];
    gf_minimum m;
    double *w = solve(p, pool, lambdas[l].value, 1e-7, &m), most = 0;
    size_t k = gf_logistic_outputs(p->classes), n;
    float *z = gf_new_n(p->rows.n * k, float);
    OK(gf_logistic_scores(&p->rows, w, k, pool, z, &error));
    snprintf(what, sizeof what, "%s/value", lambdas[l].name);
    const float *value = tensor(name, what, NULL);
    double excess = m.value - ((double)value[0] + (double)value[1]);
    snprintf(what, sizeof what, "%s/p", lambdas[l].name);
    const float *want = tensor(name, what, &n);
    assert_int_equal(n, p->rows.n * p->classes);
    for (size_t i = 0; i < p->rows.n; i++) {
        double own[64];
        probabilities(z + i * k, p->classes, own);
        for (size_t c = 0; c < p->classes; c++) {
            double d = fabs(own[c] - (double)want[i * p->classes + c]);
            most = isnan(d) || d > most ? d : most;
        }
    }
    print_message("%-14s lambda %-5s %4d steps: excess %9.2e, probabilities differ by %.1e\n", name, lambdas[l].name,
                  m.steps, excess, most);
    if (!(excess <= 1e-5) || !(excess >= -1e-6)) fail_msg("%s: the objective is %g off", name, excess);
    if (!(most <= 3e-3)) fail_msg("%s: probabilities differ by %g", name, most);
    gf_free(z);
    gf_free(w);
}

static void optima_are_scikit_learn_s(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        problem p;
        open_problem(&p, cases[i]);
        for (size_t l = 0; l < sizeof lambdas / sizeof *lambdas; l++) compare(cases[i], &p, l);
        close_problem(&p);
    }
}

static void neighbours_and_centroids_are_scikit_learn_s(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        problem p;
        int32_t predicted[HELD];
        open_problem(&p, cases[i]);
        const gf_known known = {&p.rows, p.label, p.classes, pool};
        const float *knn = tensor(cases[i], "knn", NULL), *centroid = tensor(cases[i], "centroid", NULL);
        OK(gf_nearest_centroid(&known, &p.held, predicted, &error));
        for (size_t h = 0; h < HELD; h++) {
            if (predicted[h] != (int32_t)centroid[h]) fail_msg("%s: centroid of row %zu", cases[i], h);
        }
        if (strcmp(cases[i], "twice") != 0) { /* where rows come twice, which of two is the tenth is open */
            OK(gf_nearest_neighbours(&known, &p.held, 10, predicted, &error));
            for (size_t h = 0; h < HELD; h++) {
                if (predicted[h] != (int32_t)knn[h]) fail_msg("%s: neighbours of row %zu", cases[i], h);
            }
        }
        close_problem(&p);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    problem p;
    gf_minimum m;
    open_problem(&p, "twenty");
    size_t bytes = gf_logistic_outputs(p.classes) * p.rows.stride * sizeof(double);
    double *want = solve(&p, pool, 1e-3, 1e-6, &m);
    for (int threads = 1; threads <= 5; threads += 2) {
        gf_pool *other;
        OK(gf_pool_create(&other, threads, gf_ops_start_worker, &error));
        double *w = solve(&p, other, 1e-3, 1e-6, &m);
        assert_memory_equal(w, want, bytes);
        gf_free(w);
        gf_pool_destroy(other);
    }
    gf_free(want);
    close_problem(&p);
}

/* A row of weight 0 is as if it were not there. */
static void rows_that_are_left_out_do_not_count(void **state)
{
    (void)state;
    problem p;
    gf_minimum m, less;
    open_problem(&p, "five");
    for (size_t i = 150; i < p.rows.n; i++) p.weight[i] = 0;
    double *w = solve(&p, pool, 1e-2, 1e-6, &m);
    for (size_t i = 150; i < p.rows.n; i++) p.rows.x[i * p.rows.stride] = 1e3f, p.label[i] = 0;
    double *other = solve(&p, pool, 1e-2, 1e-6, &less);
    assert_memory_equal(w, other, gf_logistic_outputs(p.classes) * p.rows.stride * sizeof *w);
    gf_free(w);
    gf_free(other);
    close_problem(&p);
}

static int set_up(void **state)
{
    (void)state;
    file = fixture_open(GRAFT_FIXTURES "/probe.safetensors");
    return file && gf_pool_create(&pool, 2, gf_ops_start_worker, NULL) == GRAFT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(file);
    gf_pool_destroy(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optima_are_scikit_learn_s),
        cmocka_unit_test(neighbours_and_centroids_are_scikit_learn_s),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(rows_that_are_left_out_do_not_count),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
