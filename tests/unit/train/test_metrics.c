/* metrics and divergence: the best epoch past NaN, norms, the policy and its record.
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

static gf_history_row row_of(int32_t epoch, double accuracy, double loss)
{
    return (gf_history_row){.epoch = epoch, .value = {{0, 0}, {loss, accuracy}}};
}

static bool offer(gf_best *best, int32_t epoch, double accuracy, double loss)
{
    static const gf_monitor by = {GF_ON_VALIDATION, 1, GF_BETTER_MAX}, then = {GF_ON_VALIDATION, 0, GF_BETTER_MIN};
    gf_history_row row = row_of(epoch, accuracy, loss);
    return gf_best_offer(best, &by, &then, &row);
}

static void best_epoch_is_found_past_nan(void **state)
{
    (void)state;
    gf_best best = {0};
    assert_false(offer(&best, 1, (double)NAN, (double)NAN));
    assert_false(offer(&best, 2, 0.9, (double)NAN));
    assert_false(offer(&best, 3, 0.9, (double)INFINITY));
    assert_int_equal(best.epoch, 0);
    assert_true(offer(&best, 4, 0.5, 0.7));
    assert_false(offer(&best, 5, 0.5, 0.7)); /* the first of equals */
    assert_true(offer(&best, 6, 0.5, 0.6));
    assert_false(offer(&best, 7, 0.4, 0.1));
    assert_false(offer(&best, 8, (double)NAN, 0.1));
    assert_true(offer(&best, 9, 0.75, 0.9));
    assert_int_equal(best.epoch, 9);
    assert_true(best.value == 0.75 && best.second == 0.9);
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
        cmocka_unit_test(best_epoch_is_found_past_nan),
        cmocka_unit_test(norms_tell_what_is_finite),
        cmocka_unit_test(policies_are_parsed),
        cmocka_unit_test(a_bad_loss_is_tried_again_then_the_policy_speaks),
        cmocka_unit_test(a_bad_gradient_is_left_out_and_counted),
        cmocka_unit_test(the_record_tells_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
