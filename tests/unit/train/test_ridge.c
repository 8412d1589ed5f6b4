/* The classifier in closed form, beside the plain way: for each image all others are fitted anew by elimination. */
#include "train/ridge.h"

#include "support/ok.h"

#include <math.h>
#include <string.h>

enum { IMAGES = 14, ROW = 5, CLASSES = 3, LOST = 4 };

static const double share[] = {1e-3, 1e-2, 1e-1, 1, 10};
static gf_pool *pool;

typedef struct set {
    float exact[IMAGES * ROW], coarse[IMAGES * ROW];
    int32_t label[IMAGES];
    bool lost[IMAGES];
    int classes;
} set;

static set make_set(int classes)
{
    set s = {.classes = classes};
    s.lost[LOST] = true;
    for (int i = 0; i < IMAGES; i++) {
        s.label[i] = i % classes;
        for (int k = 0; k < ROW; k++) {
            float x = (float)((i * 7 + k * 13 + i * k * 5) % 11) + (k == s.label[i] ? 4 : 0);
            s.exact[i * ROW + k] = x;
            s.coarse[i * ROW + k] = x + 0.3f * (float)((i * 3 + k * 5) % 7 - 3);
        }
    }
    return s;
}

/* ---- the plain way */

typedef struct plain {
    double x[IMAGES][ROW], y[IMAGES][CLASSES], mean[ROW], part[CLASSES], spread;
    int columns;
} plain;

static plain centre(const set *s, const float *features)
{
    plain p = {.columns = s->classes == 2 ? 1 : s->classes};
    for (int i = 0; i < IMAGES; i++) {
        for (int k = 0; k < ROW && !s->lost[i]; k++) p.mean[k] += (double)features[i * ROW + k] / (IMAGES - 1);
        int column = s->label[i] - (p.columns == 1);
        if (!s->lost[i] && column >= 0) p.part[column] += 1.0 / (IMAGES - 1);
    }
    for (int i = 0; i < IMAGES; i++) {
        for (int k = 0; k < ROW; k++) p.x[i][k] = (double)features[i * ROW + k] - p.mean[k];
        for (int c = 0; c < p.columns; c++) p.y[i][c] = (s->label[i] - (p.columns == 1) == c) - p.part[c];
        for (int k = 0; k < ROW && !s->lost[i]; k++) p.spread += p.x[i][k] * p.x[i][k] / (IMAGES - 1);
    }
    return p;
}

/* Weights of the ROW features for column c from all images but one: (X'X + penalty) w = X'y by elimination. */
static void solve(const plain *p, const set *s, int left_out, double penalty, int c, double w[ROW])
{
    double a[ROW][ROW + 1] = {0};
    for (int i = 0; i < IMAGES; i++) {
        for (int k = 0; k < ROW && i != left_out && !s->lost[i]; k++) {
            for (int l = 0; l < ROW; l++) a[k][l] += p->x[i][k] * p->x[i][l];
            a[k][ROW] += p->x[i][k] * p->y[i][c];
        }
    }
    for (int k = 0; k < ROW; k++) a[k][k] += penalty;
    for (int k = 0; k < ROW; k++) {
        for (int i = 0; i < ROW; i++) {
            double factor = a[i][k] / a[k][k];
            for (int l = k; l <= ROW && i != k; l++) a[i][l] -= factor * a[k][l];
        }
    }
    for (int k = 0; k < ROW; k++) w[k] = a[k][ROW] / a[k][k];
}

/* Mean square of what images' features (NULL: those fitted on) are off by; right[i] gets the label. */
static double plain_noise(const plain *p, const set *s, double penalty, const float *read, int labels[IMAGES])
{
    double sum = 0;
    for (int i = 0; i < IMAGES; i++) {
        double best = -INFINITY;
        for (int c = 0; c < p->columns && !s->lost[i]; c++) {
            double w[ROW], score = 0;
            solve(p, s, i, penalty, c, w);
            for (int k = 0; k < ROW; k++) {
                score += w[k] * (read ? (double)read[i * ROW + k] - p->mean[k] : p->x[i][k]);
            }
            sum += (score - p->y[i][c]) * (score - p->y[i][c]);
            if (p->columns == 1) labels[i] = score + p->part[0] > 0.5;
            if (p->columns > 1 && score + p->part[c] > best) labels[i] = c;
            best = fmax(best, score + p->part[c]);
        }
    }
    return sum / (IMAGES - 1);
}

static double best_penalty(const plain *p, const set *s)
{
    double best = INFINITY, penalty = 0;
    int labels[IMAGES];
    for (size_t k = 0; k < sizeof share / sizeof *share; k++) {
        double noise = plain_noise(p, s, share[k] * p->spread, NULL, labels);
        penalty = noise < best ? share[k] * p->spread : penalty;
        best = fmin(best, noise);
    }
    return penalty;
}

/* ---- tests */

static gf_reading read_set(const set *s, gf_pool *on)
{
    gf_ridge *exact, *coarse;
    gf_reading r;
    size_t classes = (size_t)s->classes;
    OK(gf_ridge_create(&exact, s->exact, s->label, s->lost, IMAGES, ROW, classes, on, &error));
    OK(gf_ridge_create(&coarse, s->coarse, s->label, s->lost, IMAGES, ROW, classes, on, &error));
    OK(gf_ridge_read(exact, s->coarse, 0, IMAGES, &r, &error));
    OK(gf_ridge_compare(exact, coarse, &r, &error));
    gf_ridge_destroy(exact);
    gf_ridge_destroy(coarse);
    return r;
}

static void near(double got, double want, const char *what)
{
    if (!(fabs(got - want) <= 1e-6 * (1 + fabs(want)))) fail_msg("%s: %.12g, wanted %.12g", what, got, want);
}

static void each_image_is_judged_by_the_others(void **state)
{
    (void)state;
    for (int classes = 2; classes <= CLASSES; classes++) {
        set s = make_set(classes);
        gf_reading r = read_set(&s, pool);
        plain exact = centre(&s, s.exact), coarse = centre(&s, s.coarse);
        int labels[IMAGES] = {0}, others[IMAGES] = {0}, unused[IMAGES];
        double penalty = best_penalty(&exact, &s), noise = plain_noise(&exact, &s, penalty, NULL, labels);
        near(r.noise, noise, "noise");
        near(r.crossed, plain_noise(&exact, &s, penalty, s.coarse, unused) / noise - 1, "crossed");
        near(r.added, plain_noise(&coarse, &s, best_penalty(&coarse, &s), NULL, others) / noise - 1, "added");
        size_t right = 0, other = 0;
        double distance = 0;
        for (int i = 0; i < IMAGES; i++) {
            right += !s.lost[i] && labels[i] == s.label[i];
            other += !s.lost[i] && labels[i] != others[i];
            for (int k = 0; k < ROW && !s.lost[i]; k++) {
                double d = (double)s.coarse[i * ROW + k] - (double)s.exact[i * ROW + k];
                distance += d * d / (IMAGES - 1);
            }
        }
        near(r.distance, sqrt(distance / exact.spread), "distance");
        assert_int_equal(r.images, IMAGES - 1);
        assert_int_equal(r.right, right);
        assert_int_equal(r.other, other);
        assert_true(right > 0 && r.added != 0 && r.crossed != 0);
    }
}

static void a_part_is_read_as_in_the_whole(void **state)
{
    (void)state;
    enum { FIRST = 6, PART = 5 };
    set s = make_set(CLASSES);
    gf_ridge *r;
    gf_reading part, rest[2];
    OK(gf_ridge_create(&r, s.exact, s.label, s.lost, IMAGES, ROW, CLASSES, pool, &error));
    OK(gf_ridge_read(r, s.coarse + FIRST * ROW, FIRST, PART, &part, &error));
    OK(gf_ridge_read(r, s.exact, 0, IMAGES, &rest[0], &error));
    assert_int_equal(part.images, PART);
    assert_true(part.distance > 0);
    near(rest[0].crossed, 0, "what is read as it was fitted");
    near(rest[0].distance, 0, "distance from itself");
    gf_ridge_destroy(r);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    set s = make_set(CLASSES);
    gf_pool *one;
    OK(gf_pool_create(&one, 1, NULL, &error));
    gf_reading a = read_set(&s, one), b = read_set(&s, pool);
    gf_pool_destroy(one);
    assert_true(a.noise == b.noise && a.added == b.added && a.crossed == b.crossed && a.distance == b.distance);
}

static void one_class_tells_nothing(void **state)
{
    (void)state;
    set s = make_set(2);
    memset(s.label, 0, sizeof s.label);
    gf_reading r = read_set(&s, pool);
    assert_true(isnan(r.added) && isnan(r.crossed) && r.distance > 0);
}

int main(void)
{
    OK(gf_pool_create(&pool, 3, NULL, &error));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_image_is_judged_by_the_others),
        cmocka_unit_test(a_part_is_read_as_in_the_whole),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(one_class_tells_nothing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_pool_destroy(pool);
    return failed;
}
