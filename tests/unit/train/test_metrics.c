/* metrics and divergence: means in sample order, confusion, the best epoch past NaN, norms, the policy and its record.
 */
#include "base/alloc.h"
#include "base/io.h"
#include "train/diverged.h"
#include "train/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void means_do_not_depend_on_the_batches(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static float loss[COUNT];
    static int32_t truth[COUNT], predicted[COUNT];
    gf_running a = {0}, b = {0};
    assert_true(isnan(gf_running_loss(&a)) && isnan(gf_running_accuracy(&a)));
    for (int i = 0; i < COUNT; i++) {
        loss[i] = 1 / (float)(i + 1);
        truth[i] = i % 3;
        predicted[i] = i % 4;
    }
    gf_running_add(&a, loss, truth, predicted, COUNT);
    for (size_t at = 0, n = 1; at < COUNT; at += n, n = n % 7 + 1) {
        gf_running_add(&b, loss + at, truth + at, predicted + at, COUNT - at < n ? COUNT - at : n);
    }
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(fabs(gf_running_loss(&a) - 7.485470860550345e-3) < 1e-9); /* the 1000th harmonic number / 1000 */
    assert_true(gf_running_accuracy(&a) == 0.252); /* 3 of each 12 samples, and 3 of the last 4 */
}

static void confusion_has_true_classes_in_rows(void **state)
{
    (void)state;
    const float loss[] = {0.5f, 1.5f, 1, 1, 1};
    const int32_t truth[] = {0, 0, 1, 2, 1}, predicted[] = {0, 2, 1, -1, 3};
    gf_evaluation e;
    assert_int_equal(gf_evaluation_init(&e, 3, NULL), GRAFT_OK);
    gf_evaluation_add(&e, loss, truth, predicted, 2);
    gf_evaluation_add(&e, loss + 2, truth + 2, predicted + 2, 3);
    static const uint64_t wanted[] = {1, 0, 1, 0, 1, 0, 0, 0, 0};
    gf_metrics m = gf_evaluation_metrics(&e);
    assert_memory_equal(m.confusion, wanted, sizeof wanted);
    assert_int_equal(m.images, 5);
    assert_true(m.loss == 1 && m.accuracy == 0.4);

    gf_json *j = gf_metrics_json(&m, 3);
    char *text = gf_json_text(j, 0);
    assert_string_equal(
        text, "{\"images\": 5, \"loss\": 1.0, \"accuracy\": 0.4, \"confusion\": [[1, 0, 1], [0, 1, 0], [0, 0, 0]]}");
    gf_free(text);
    gf_json_free(j);

    gf_evaluation_clear(&e);
    m = gf_evaluation_metrics(&e);
    assert_true(m.images == 0 && m.confusion[0] == 0);
    gf_evaluation_free(&e);
    gf_evaluation_free(NULL);
    graft_error err;
    assert_int_equal(gf_evaluation_init(&e, (size_t)1 << 40, &err), GRAFT_RESOURCE);
}

static void best_epoch_is_found_past_nan(void **state)
{
    (void)state;
    gf_best best = {0};
    assert_false(gf_best_offer(&best, 1, (double)NAN, (double)NAN));
    assert_false(gf_best_offer(&best, 2, 0.9, (double)NAN));
    assert_false(gf_best_offer(&best, 3, 0.9, (double)INFINITY));
    assert_int_equal(best.epoch, 0);
    assert_true(gf_best_offer(&best, 4, 0.5, 0.7));
    assert_false(gf_best_offer(&best, 5, 0.5, 0.7)); /* the first of equals */
    assert_true(gf_best_offer(&best, 6, 0.5, 0.6));
    assert_false(gf_best_offer(&best, 7, 0.4, 0.1));
    assert_false(gf_best_offer(&best, 8, (double)NAN, 0.1));
    assert_true(gf_best_offer(&best, 9, 0.75, 0.9));
    assert_int_equal(best.epoch, 9);
    assert_true(best.accuracy == 0.75 && best.loss == 0.9);
}

static void norms_tell_what_is_finite(void **state)
{
    (void)state;
    assert_true(gf_is_finite(0) && gf_is_finite(-1e308) && gf_is_finite(5e-324));
    assert_false(gf_is_finite((double)NAN) || gf_is_finite((double)INFINITY) || gf_is_finite((double)-INFINITY));
    enum { COUNT = GF_SQUARES_BLOCK + 77 };
    float *x = gf_alloc_tensor(COUNT * sizeof(float));
    assert_non_null(x);
    for (int i = 0; i < COUNT; i++) x[i] = (float)(i % 5 - 2); /* squares 4 1 0 1 4: exact in any order */
    double exact = 0;
    for (int i = 0; i < COUNT; i++) exact += (double)x[i] * (double)x[i];
    assert_true(gf_norm(x, COUNT) == sqrt(exact));
    for (size_t n = 0; n < 40; n++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
        assert_true(gf_sum_squares(x, n) == sum);
    }
    for (int i = 0; i < COUNT; i++) x[i] = 3e38f; /* finite: no overflow on the way */
    assert_true(gf_is_finite(gf_norm(x, COUNT)));
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 60; i++) {
        int at = i < 20 ? i : i < 40 ? GF_SQUARES_BLOCK - 30 + i : COUNT - 60 + i;
        float kept = x[at];
        x[at] = bad[i % 3];
        assert_false(gf_is_finite(gf_norm(x, COUNT)));
        x[at] = kept;
    }
    gf_free(x);
}

static void policies_are_parsed(void **state)
{
    (void)state;
    gf_nan_policy p;
    graft_error err;
    assert_int_equal(gf_nan_policy_parse(&p, NULL, &err), GRAFT_OK);
    assert_int_equal(p.kind, GF_NAN_STOP);
    assert_int_equal(gf_nan_policy_parse(&p, "stop", &err), GRAFT_OK);
    assert_int_equal(p.kind, GF_NAN_STOP);
    assert_int_equal(gf_nan_policy_parse(&p, "lower-lr", &err), GRAFT_OK);
    assert_int_equal(p.kind, GF_NAN_LOWER_LR);
    assert_int_equal(gf_nan_policy_parse(&p, "skip:12", &err), GRAFT_OK);
    assert_int_equal(p.kind, GF_NAN_SKIP);
    assert_int_equal(p.limit, 12);
    static const char *const bad[] = {"",        "Stop",    "skip",       "skip:",   "skip:0",
                                      "skip:-1", "skip:1x", "skip:1e3",   "skip: 1", "skip:9999999999",
                                      "lower",   "stop ",   "\x1b[31mred"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(gf_nan_policy_parse(&p, bad[i], &err), GRAFT_USAGE);
        assert_int_equal(err.number, GF_E_NAN_POLICY);
        assert_null(strchr(err.message, 0x1b));
    }
}

static gf_nan_action decide(const char *policy, gf_nan_state *s, int64_t step, double loss, double norm)
{
    gf_nan_policy p;
    assert_int_equal(gf_nan_policy_parse(&p, policy, NULL), GRAFT_OK);
    return gf_nan_decide(&p, s, step, loss, norm);
}

static void a_bad_loss_is_tried_again_then_the_policy_speaks(void **state)
{
    (void)state;
    gf_nan_state s = {0};
    assert_int_equal(decide("stop", &s, 0, 0.5, 1), GF_NAN_GO);
    assert_int_equal(decide("stop", &s, 0, (double)NAN, 1), GF_NAN_RETRY);
    assert_int_equal(decide("stop", &s, 0, (double)NAN, 1), GF_NAN_END);

    s = (gf_nan_state){0};
    assert_int_equal(decide("skip:2", &s, 5, (double)INFINITY, (double)NAN), GF_NAN_RETRY);
    assert_int_equal(decide("skip:2", &s, 5, 0.5, 1), GF_NAN_GO); /* the second time it was well */
    assert_int_equal(s.skipped, 0);
    for (int64_t step = 6; step < 9; step++) {
        assert_int_equal(decide("skip:2", &s, step, (double)NAN, 1), GF_NAN_RETRY);
        assert_int_equal(decide("skip:2", &s, step, (double)NAN, 1), step < 8 ? GF_NAN_LEAVE : GF_NAN_END);
    }
    assert_int_equal(s.skipped, 2);

    s = (gf_nan_state){0};
    assert_true(gf_nan_lr_factor(&s) == 1);
    for (int64_t step = 0; step < 11; step++) {
        assert_int_equal(decide("lower-lr", &s, step, (double)NAN, 1), GF_NAN_RETRY);
        assert_int_equal(decide("lower-lr", &s, step, (double)NAN, 1), step < 10 ? GF_NAN_LEAVE : GF_NAN_END);
    }
    assert_true(gf_nan_lr_factor(&s) == 1 / 1024.0);
}

static void a_bad_gradient_is_left_out_and_counted(void **state)
{
    (void)state;
    gf_nan_state s = {0};
    for (int64_t step = 0; step < 99; step++) {
        assert_int_equal(decide("stop", &s, step, 0.5, (double)INFINITY), GF_NAN_LEAVE);
    }
    assert_int_equal(decide("stop", &s, 99, 0.5, 1), GF_NAN_GO);
    for (int64_t step = 100; step < 199; step++) {
        assert_int_equal(decide("stop", &s, step, 0.5, (double)NAN), GF_NAN_LEAVE);
    }
    assert_int_equal(decide("stop", &s, 199, 0.5, (double)NAN), GF_NAN_END);
    assert_int_equal(s.bad_gradients, 199);
    assert_true(gf_nan_lr_factor(&s) == 1);
}

static const uint32_t ids[] = {7, 1999};
static const char *const paths[] = {"cats/1.jpg", "dogs/\xff.jpg"};
static const gf_diverged record = {.epoch = 3,
                                   .phase = 1,
                                   .step = 130,
                                   .lr = 1e-4,
                                   .loss = (double)NAN,
                                   .gradient_norm = (double)-INFINITY,
                                   .policy = "skip:2",
                                   .action = GF_NAN_LEAVE,
                                   .state = {.skipped = 1},
                                   .sample = ids,
                                   .path = paths,
                                   .n_samples = 2};

static void the_record_tells_the_batch(void **state)
{
    (void)state;
    char path[] = "/tmp/graft-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    graft_error err;
    assert_int_equal(gf_diverged_write(path, &record, &err), GRAFT_OK);
    uint8_t *text;
    size_t n;
    gf_json *j;
    assert_int_equal(gf_file_read(path, 1 << 20, &text, &n, NULL), GRAFT_OK);
    assert_int_equal(gf_json_parse(&j, (char *)text, n, path, &err), GRAFT_OK);
    assert_int_equal(gf_json_i64(gf_json_get(j, "epoch"), 0), 3);
    assert_int_equal(gf_json_i64(gf_json_get(j, "step"), 0), 130);
    assert_true(gf_json_f64(gf_json_get(j, "lr"), 0) == 1e-4);
    assert_string_equal(gf_json_str(gf_json_get(j, "loss"), ""), "nan");
    assert_string_equal(gf_json_str(gf_json_get(j, "gradient_norm"), ""), "-inf");
    assert_string_equal(gf_json_str(gf_json_get(j, "policy"), ""), "skip:2");
    assert_string_equal(gf_json_str(gf_json_get(j, "action"), ""), "left out");
    const gf_json *samples = gf_json_get(j, "samples");
    assert_int_equal(gf_json_size(samples), 2);
    assert_int_equal(gf_json_i64(gf_json_get(gf_json_at(samples, 1), "id"), 0), 1999);
    assert_string_equal(gf_json_str(gf_json_get(gf_json_at(samples, 0), "path"), ""), "cats/1.jpg");
    assert_string_equal(gf_json_str(gf_json_get(gf_json_at(samples, 1), "path"), ""), "dogs/\\xff.jpg");
    gf_json_free(j);
    gf_free(text);
    assert_int_equal(unlink(path), 0);

    assert_int_equal(gf_nan_fail(&record, "run/diverged.json", &err), GRAFT_DIVERGED);
    assert_int_equal(err.number, GF_E_DIVERGED);
    assert_non_null(strstr(err.message, "epoch 3, step 130"));
    assert_non_null(strstr(err.message, "run/diverged.json"));
    gf_diverged gradient = record;
    gradient.loss = 0.5;
    assert_int_equal(gf_nan_fail(&gradient, "run/diverged.json", &err), GRAFT_DIVERGED);
    assert_int_equal(err.number, GF_E_DIVERGED_GRADIENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_do_not_depend_on_the_batches),
        cmocka_unit_test(confusion_has_true_classes_in_rows),
        cmocka_unit_test(best_epoch_is_found_past_nan),
        cmocka_unit_test(norms_tell_what_is_finite),
        cmocka_unit_test(policies_are_parsed),
        cmocka_unit_test(a_bad_loss_is_tried_again_then_the_policy_speaks),
        cmocka_unit_test(a_bad_gradient_is_left_out_and_counted),
        cmocka_unit_test(the_record_tells_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
