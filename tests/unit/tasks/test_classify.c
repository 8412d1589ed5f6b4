/* Classification's loss against its formula in double, its gradient against finite differences of that, and what
 * extreme logits give. */
#include "tasks/task.h"
#include "tensor/feed.h"

#include "support/seeded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST_CLASSES = 1000, SAMPLES = 64 };

static gf_task task_of(int classes, gf_end end)
{
    gf_task t;
    assert_int_equal(gf_task_open(&t, &(gf_task_options){.classes = classes, .end = end}, NULL), GRAFT_OK);
    return t; /* without weights it owns nothing */
}

static void losses(const float *z, const int32_t *label, size_t n, int classes, float scale, float *diff, float *loss,
                   int32_t *predicted)
{
    const gf_task t = task_of(classes, GF_END_SOFTMAX);
    gf_class_target *target = calloc(n, sizeof *target);
    for (size_t i = 0; i < n; i++) target[i] = gf_target_of((uint32_t)label[i]);
    t.cls->step(&t, &(gf_task_batch){.n = n,
                                     .width = t.cls->outputs(classes),
                                     .out = z,
                                     .target = target,
                                     .training = true,
                                     .scale = scale,
                                     .diff = diff,
                                     .loss = loss,
                                     .predicted = predicted});
    free(target);
}

static void own_loss(const float *z, size_t width, int32_t label, int classes, gf_end end, float *loss,
                     int32_t *predicted)
{
    const gf_task t = task_of(classes, end);
    const gf_class_target target = gf_target_of((uint32_t)label);
    t.cls->step(&t, &(gf_task_batch){
                        .n = 1, .width = width, .out = z, .target = &target, .loss = loss, .predicted = predicted});
}

static void probabilities(const float *z, size_t width, int classes, gf_end end, float *p)
{
    const gf_task t = task_of(classes, end);
    t.cls->decode(&t, z, width, p);
}

/* -log of the label's probability, by the definition. */
static double loss_of(const double *z, int classes, int label)
{
    if (classes == 2) {
        double p = 1 / (1 + exp(-z[0]));
        return label ? -log(p) : -log1p(-p);
    }
    double sum = 0, top = z[0];
    for (int i = 1; i < classes; i++) top = z[i] > top ? z[i] : top;
    for (int i = 0; i < classes; i++) sum += exp(z[i] - top);
    return log(sum) + top - z[label];
}

static double probability_of(const double *z, int classes, int k)
{
    if (classes == 2) return 1 / (1 + exp(k ? -z[0] : z[0]));
    double sum = 0;
    for (int i = 0; i < classes; i++) sum += exp(z[i] - z[k]);
    return 1 / sum;
}

static void check(double err, double allowed, const char *what, int classes)
{
    if (!(err <= allowed)) fail_msg("%s of %d classes is off by %g, allowed is %g", what, classes, err, allowed);
}

static const int class_counts[] = {2, 3, 5, 19, MOST_CLASSES};
enum { COUNTS = sizeof class_counts / sizeof *class_counts };

/* Logits of one sample, in f32 and the same in double. */
static void draw(int classes, size_t sample, float *z, double *wide)
{
    for (size_t i = 0; i < gf_task_classify.outputs(classes); i++) {
        uint64_t word = seeded_word("logits", (uint64_t)classes, sample * MOST_CLASSES + i);
        z[i] = (float)((double)(word >> 40) * 0x1p-21 - 4);
        wide[i] = (double)z[i];
    }
}

static void loss_is_the_formula(void **state)
{
    (void)state;
    for (int c = 0; c < COUNTS; c++) {
        int classes = class_counts[c];
        for (size_t s = 0; s < SAMPLES; s++) {
            float z[MOST_CLASSES], loss;
            double wide[MOST_CLASSES];
            draw(classes, s, z, wide);
            int32_t label = (int32_t)(s * 7 % (size_t)classes), predicted, best = 0;
            losses(z, &label, 1, classes, 1, NULL, &loss, &predicted);
            double want = loss_of(wide, classes, label);
            check(fabs((double)loss - want), 2e-6 * (1 + want), "the loss", classes);
            for (int k = 1; k < classes; k++) {
                if (probability_of(wide, classes, k) > probability_of(wide, classes, best)) best = k;
            }
            assert_int_equal(predicted, best);
        }
    }
}

/* Of the definition in double, at half a step to each side. */
static double slope_of(double *z, int classes, int label, size_t i)
{
    const double step = 1e-5, here = z[i];
    z[i] = here + step;
    double above = loss_of(z, classes, label);
    z[i] = here - step;
    double below = loss_of(z, classes, label);
    z[i] = here;
    return (above - below) / (2 * step);
}

static void gradient_is_the_slope(void **state)
{
    (void)state;
    const float scale = 0.125f;
    for (int c = 0; c < COUNTS; c++) {
        int classes = class_counts[c];
        size_t outputs = gf_task_classify.outputs(classes);
        for (size_t s = 0; s < 8; s++) {
            float z[MOST_CLASSES], diff[MOST_CLASSES], loss;
            double wide[MOST_CLASSES], sum = 0;
            draw(classes, s, z, wide);
            int32_t label = (int32_t)(s % (size_t)classes), predicted;
            losses(z, &label, 1, classes, scale, diff, &loss, &predicted);
            for (size_t i = 0; i < outputs; i++) {
                double want = (double)scale * slope_of(wide, classes, label, i);
                check(fabs((double)diff[i] - want), 1e-7, "the gradient", classes);
                sum += (double)diff[i];
            }
            if (outputs > 1) check(fabs(sum), 1e-6, "the gradient's sum", classes);
        }
    }
}

/* A batch is its samples one by one: nothing of one goes into another. */
static void a_batch_is_its_samples(void **state)
{
    (void)state;
    enum { CLASSES = 5 };
    float z[SAMPLES * CLASSES], diff[SAMPLES * CLASSES], loss[SAMPLES], one[CLASSES], one_loss;
    double wide[CLASSES];
    int32_t label[SAMPLES], predicted[SAMPLES], one_predicted;
    for (size_t s = 0; s < SAMPLES; s++) {
        draw(CLASSES, s, z + s * CLASSES, wide);
        label[s] = (int32_t)(s % CLASSES);
    }
    losses(z, label, SAMPLES, CLASSES, 0.5f, diff, loss, predicted);
    for (size_t s = 0; s < SAMPLES; s++) {
        losses(z + s * CLASSES, &label[s], 1, CLASSES, 0.5f, one, &one_loss, &one_predicted);
        assert_memory_equal(one, diff + s * CLASSES, sizeof one);
        assert_true(one_loss == loss[s]);
        assert_int_equal(one_predicted, predicted[s]);
    }
}

static void extreme_logits_stay_finite(void **state)
{
    (void)state;
    static const float extremes[] = {-3e38f, -1e4f, -200, -1e-30f, 0, 1e-30f, 200, 1e4f, 3e38f};
    for (size_t a = 0; a < 9; a++) {
        for (int32_t label = 0; label < 2; label++) {
            float diff, loss, p[2], z = extremes[a];
            int32_t predicted;
            losses(&z, &label, 1, 2, 1, &diff, &loss, &predicted);
            double want = label ? fmax(-(double)z, 0) : fmax((double)z, 0);
            assert_true(isfinite(loss) && isfinite(diff));
            check(fabs((double)loss - want), 0.7 + 1e-6 * want, "an extreme loss", 2);
            assert_true(diff >= -1 && diff <= 1);
            assert_int_equal(predicted, z > 0);
            probabilities(&z, 1, 2, GF_END_SOFTMAX, p);
            assert_true(p[0] >= 0 && p[0] <= 1 && p[1] >= 0 && p[1] <= 1 && p[0] + p[1] == 1);
        }
        for (size_t b = 0; b < 9; b++) {
            float z[3] = {extremes[a], 0, extremes[b]}, diff[3], loss, p[3];
            int32_t label = 1, predicted;
            if ((double)extremes[a] - (double)extremes[b] > 3.4e38) continue; /* beyond what f32 holds */
            losses(z, &label, 1, 3, 1, diff, &loss, &predicted);
            probabilities(z, gf_task_classify.outputs(3), 3, GF_END_SOFTMAX, p);
            assert_true(isfinite(loss) && loss >= 0);
            for (int i = 0; i < 3; i++) assert_true(isfinite(diff[i]) && p[i] >= 0 && p[i] <= 1);
            assert_true(fabsf(p[0] + p[1] + p[2] - 1) <= 1e-6f);
        }
    }
}

/* Divergence must be seen: what is not finite among the logits makes the loss not finite. */
static void nonsense_is_not_hidden(void **state)
{
    (void)state;
    static const float nonsense[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (int n = 0; n < 4; n++) {
        for (int32_t label = 0; label < 3; label++) {
            for (int at = 0; at < 3; at++) {
                float z[3] = {1, -2, 0.5f}, diff[3], loss = 0;
                int32_t predicted = -1;
                z[at] = nonsense[n];
                losses(z, &label, 1, 3, 1, diff, &loss, &predicted);
                bool impossible = nonsense[n] == -INFINITY && at != label; /* a class of probability 0: well defined */
                assert_true(impossible ? isfinite(loss) : !isfinite(loss));
                assert_true(predicted >= 0 && predicted < 3);
            }
        }
        for (int32_t label = 0; label < 2; label++) {
            float diff, loss = 0;
            int32_t predicted = -1;
            losses(&nonsense[n], &label, 1, 2, 1, &diff, &loss, &predicted);
            bool sure = isinf(nonsense[n]) && (nonsense[n] > 0) == (label == 1);
            assert_true(sure || !isfinite(loss));
            assert_true(predicted == 0 || predicted == 1);
        }
    }
}

static void probabilities_sum_to_one(void **state)
{
    (void)state;
    for (int c = 0; c < COUNTS; c++) {
        int classes = class_counts[c];
        for (size_t s = 0; s < SAMPLES; s++) {
            float z[MOST_CLASSES], p[MOST_CLASSES];
            double wide[MOST_CLASSES], sum = 0;
            draw(classes, s, z, wide);
            probabilities(z, gf_task_classify.outputs(classes), classes, GF_END_SOFTMAX, p);
            for (int k = 0; k < classes; k++) {
                check(fabs((double)p[k] - probability_of(wide, classes, k)), 1e-6, "a probability", classes);
                sum += (double)p[k];
            }
            check(fabs(sum - 1), 2e-6, "the sum of probabilities", classes);
        }
    }
    assert_int_equal(gf_task_classify.outputs(2), 1);
    assert_int_equal(gf_task_classify.outputs(3), 3);
}

/* A kept classifier's: by the formulas, in double precision. */
static void what_a_file_ends_in_is_kept(void **state)
{
    (void)state;
    enum { N = 5 };
    const float z[N] = {-3, 0.5f, 2, 90, -90};
    float p[N], loss;
    int32_t predicted;
    double all = 0, sum = 0;
    probabilities(z, N, N, GF_END_SIGMOID, p);
    for (int i = 0; i < N; i++) {
        double q = 1 / (1 + exp(-(double)z[i]));
        check(fabs((double)p[i] - q), 1e-6, "a sigmoid", i);
        all += fmax((double)z[i], 0) - (double)z[i] * (i == 2) + log1p(exp(-fabs((double)z[i])));
    }
    own_loss(z, N, 2, N, GF_END_SIGMOID, &loss, &predicted);
    check(fabs((double)loss - all / N), 1e-5, "the mean of binary losses", N);
    assert_int_equal(predicted, 3);
    static const gf_end like_softmax[] = {GF_END_SOFTMAX, GF_END_LINEAR, GF_END_LOG_SOFTMAX};
    for (size_t k = 0; k < 3; k++) {
        probabilities(z, 3, 3, like_softmax[k], p);
        sum = exp(-3) + exp(0.5) + exp(2);
        for (int i = 0; i < 3; i++) check(fabs((double)p[i] - exp((double)z[i]) / sum), 1e-6, "a softmax", i);
        own_loss(z, 3, 1, 3, like_softmax[k], &loss, &predicted);
        check(fabs((double)loss + log(exp(0.5) / sum)), 1e-5, "a cross-entropy", 3);
    }
    probabilities(z + 1, 1, 2, GF_END_LINEAR, p);
    check(fabs((double)p[1] - 1 / (1 + exp(-0.5))), 1e-6, "one logit", 1);
    probabilities(z, 2, 2, GF_END_SOFTMAX, p); /* two, as a file has them */
    check(fabs((double)p[1] - 1 / (1 + exp(-3.5))), 1e-6, "two logits", 2);
}

/* A soft target's cross-entropy, -sum t ln p, and softmax - t, by the definition (Keras's CategoricalCrossentropy of a
 * blended target); with its classes' weights each share has its class's. */
static void a_blended_target_is_a_soft_one(void **state)
{
    (void)state;
    for (int c = 0; c < COUNTS; c++) {
        int classes = class_counts[c];
        size_t width = gf_task_classify.outputs(classes);
        float weight[MOST_CLASSES];
        for (int k = 0; k < classes; k++) weight[k] = 1 + (float)(k % 3);
        for (size_t s = 0; s < SAMPLES; s++) {
            float z[MOST_CLASSES], diff[MOST_CLASSES], spare[MOST_CLASSES], loss;
            double wide[MOST_CLASSES];
            draw(classes, s, z, wide);
            bool weighs = s % 2;
            gf_task t = task_of(classes, GF_END_SOFTMAX);
            t.class_weight = weighs ? weight : NULL;
            const gf_class_target y = {(int32_t)(s * 7 % (size_t)classes), (int32_t)(s * 5 % (size_t)classes), 0.7f,
                                       1.5f, 0.25f};
            const double shares[2] = {1.5 * (double)y.share * (weighs ? (double)weight[y.label] : 1),
                                      0.25 * (1 - (double)y.share) * (weighs ? (double)weight[y.other] : 1)};
            int32_t truth, predicted;
            t.cls->step(&t, &(gf_task_batch){.n = 1,
                                             .width = width,
                                             .out = z,
                                             .target = &y,
                                             .training = true,
                                             .scale = 0.5f,
                                             .diff = diff,
                                             .spare = spare,
                                             .loss = &loss,
                                             .truth = &truth,
                                             .predicted = &predicted});
            double want = shares[0] * loss_of(wide, classes, y.label) + shares[1] * loss_of(wide, classes, y.other);
            check(fabs((double)loss - want), 2e-6 * (1 + want), "the loss of a blended target", classes);
            assert_int_equal(truth, y.label);
            for (size_t i = 0; i < width; i++) {
                int k = classes == 2 ? 1 : (int)i;
                double soft = shares[0] * (y.label == k) + shares[1] * (y.other == k);
                double slope = 0.5 * ((shares[0] + shares[1]) * probability_of(wide, classes, k) - soft);
                check(fabs((double)diff[i] - slope), 2e-6, "the slope of a blended target", classes);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_is_the_formula),         cmocka_unit_test(gradient_is_the_slope),
        cmocka_unit_test(a_batch_is_its_samples),      cmocka_unit_test(extreme_logits_stay_finite),
        cmocka_unit_test(nonsense_is_not_hidden),      cmocka_unit_test(probabilities_sum_to_one),
        cmocka_unit_test(what_a_file_ends_in_is_kept), cmocka_unit_test(a_blended_target_is_a_soft_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
