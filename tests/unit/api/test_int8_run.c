/* A whole run whose frozen part is computed in bytes: it says so, gives the same bytes for any number of threads and
 * when it is stopped and resumed, and what reads its model computes what it computed. The choice by time is set
 * beforehand, by the file that keeps such choices. A machine without instructions for bytes must train as before: there
 * it is tried that such a run is not in bytes. */
#include "support/run_bytes.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"
#include "ops/engine.h"
#include "json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char root[64], data[96], reference[96], run[96];
static const char *rest; /* what is not int8 */
static bool can;

static void train(const char *out, int threads, const char *precision)
{
    tiny_run t;
    graft_error err = {0};
    tiny_run_defaults(&t, data, out);
    t.context.threads = threads;
    t.precision = precision;
    if (tiny_run_train(&t, false, &err) != GRAFT_OK) fail_msg("%s: %s", out, err.message);
}

static gf_json *read_json(const char *dir, const char *name)
{
    char path[192];
    uint8_t *text;
    size_t n;
    gf_json *j;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(gf_file_read(path, 1 << 24, &text, &n, NULL), GRAFT_OK);
    assert_int_equal(gf_json_parse(&j, (char *)text, n, path, NULL), GRAFT_OK);
    gf_free(text);
    return j;
}

static void expect_frozen(const char *dir, const char *want)
{
    gf_json *j = read_json(dir, "config.json");
    assert_string_equal(gf_json_str(gf_json_get(gf_json_get(j, "model"), "frozen"), "none"), want);
    gf_json_free(j);
}

static void auto_takes_int8_where_it_can(void **state)
{
    (void)state;
    if (can) {
        expect_frozen(reference, "int8");
        return;
    }
    gf_json *j = read_json(reference, "config.json");
    assert_string_not_equal(gf_json_str(gf_json_get(gf_json_get(j, "model"), "frozen"), "none"), "int8");
    gf_json_free(j);
}

static void asked_for_f32_nothing_is_int8(void **state)
{
    (void)state;
    train(run, 2, "f32");
    expect_frozen(run, "f32");
}

/* The file of choices, as an earlier run of this graft on this machine would have left it: `frozen` has won; NULL: what
 * is not int8. */
static int write_choices(const char *frozen)
{
    gf_ops *ops;
    char dir[96], path[128], text[512];
    if (gf_ops_create(&ops, NULL, NULL) != GRAFT_OK) return -1;
    can = gf_ops_has_int8(ops);
    rest = gf_ops_has_bf16(ops) ? "bf16" : "f32";
    snprintf(dir, sizeof dir, "%s/graft", root);
    snprintf(path, sizeof path, "%s/choices", dir);
    snprintf(text, sizeof text, "%s\nfrozen mobilenet_v2 alpha 0.35 32x32=%s\nmodel mobilenet_v2 alpha 0.35 32x32=%s\n",
             gf_ops_timed_by(ops), frozen ? frozen : rest, rest);
    gf_ops_destroy(ops);
    graft_status status = gf_make_dirs(dir, NULL);
    if (status == GRAFT_OK) status = gf_file_write(path, &(gf_bytes){text, strlen(text)}, 1, NULL);
    return status == GRAFT_OK ? setenv("XDG_CACHE_HOME", root, 1) : -1;
}

/* The same bits as by auto, though what is on record says that int8 lost. */
static void asked_for_int8_it_is_what_auto_is_where_that_wins(void **state)
{
    (void)state;
    tiny_run t;
    graft_error err = {0};
    tiny_run_defaults(&t, data, run);
    t.precision = "int8";
    if (!can) {
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_USAGE);
        assert_non_null(strstr(err.message, "precision int8: this processor ("));
        assert_non_null(strstr(err.message, ") has no AVX-512 VNNI"));
        return;
    }
    assert_int_equal(write_choices(NULL), 0);
    train(run, 2, "int8");
    expect_frozen(run, "int8");
    run_bytes_equal(reference, run, "int8 by name");
    train(run, 2, "auto");
    expect_frozen(run, rest);
    run_bytes_differ(reference, run, "int8 lost");
    assert_int_equal(write_choices("int8"), 0);
}

static graft_status features_of(const char *precision, graft_error *err)
{
    char out[128], image[128];
    graft_context_options options;
    graft_context *context;
    graft_model *model;
    graft_result *result;
    graft_context_defaults(&options);
    options.threads = 1;
    assert_int_equal(graft_context_open(&options, &context, err), GRAFT_OK);
    tiny_run t;
    tiny_run_defaults(&t, data, run);
    t.model.precision = precision;
    assert_int_equal(graft_model_open(context, &t.model, &model, err), GRAFT_OK);
    snprintf(out, sizeof out, "%s/features.npy", root);
    snprintf(image, sizeof image, "%s/train/red/0.bmp", data);
    graft_status status = graft_features(model, (const char *[]){image}, 1, NULL, out, &result, err);
    graft_result_free(result);
    graft_model_free(model);
    graft_context_free(context);
    return status;
}

static void int8_wants_images_to_take_ranges_from(void **state)
{
    (void)state;
    graft_error err = {0};
    assert_int_equal(features_of("f32", &err), GRAFT_OK);
    assert_int_equal(features_of("int8", &err), GRAFT_USAGE);
    assert_non_null(strstr(err.message, "precision int8: the model has not been trained"));
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads *= 2) {
        char where[32];
        snprintf(where, sizeof where, "%d threads", threads);
        train(run, threads, "auto");
        run_bytes_equal(reference, run, where);
    }
}

static void a_stop_changes_no_bit(void **state)
{
    (void)state;
    for (int steps = 1; steps < 12; steps += 5) { /* in either phase */
        char where[32];
        tiny_run t;
        graft_error err = {0};
        tiny_stop s = {.left = steps};
        snprintf(where, sizeof where, "stopped after %d", steps);
        tiny_run_defaults(&t, data, run);
        t.precision = "auto";
        tiny_run_stop(&t, &s);
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
        tiny_run_defaults(&t, data, run);
        t.context.threads = 1 + steps % 4;
        if (tiny_run_train(&t, true, &err) != GRAFT_OK) fail_msg("%s: %s", where, err.message);
        run_bytes_equal(reference, run, where);
    }
}

/* Evaluating the model file alone gives the loss that the run ended with. */
static void a_model_is_read_as_it_was_trained(void **state)
{
    (void)state;
    graft_context_options options;
    graft_context *context;
    graft_model *model;
    graft_result *result;
    graft_error err = {0};
    graft_context_defaults(&options);
    options.threads = 1;
    assert_int_equal(graft_context_open(&options, &context, &err), GRAFT_OK);
    assert_int_equal(graft_run_open(context, reference, &model, &err), GRAFT_OK);
    if (graft_evaluate(model, data, "validation", &result, &err) != GRAFT_OK) fail_msg("%s", err.message);
    gf_json *got, *want = read_json(reference, "metrics.json");
    const char *text = graft_result_json(result);
    assert_int_equal(gf_json_parse(&got, text, strlen(text), "the result", NULL), GRAFT_OK);
    double loss = gf_json_f64(gf_json_get(got, "loss"), NAN);
    double trained = gf_json_f64(gf_json_get(gf_json_get(want, "validation"), "loss"), NAN);
    if (!(fabs(loss - trained) <= 1e-6 * fabs(trained))) fail_msg("loss %.9g, the run's was %.9g", loss, trained);
    gf_json_free(got);
    gf_json_free(want);
    graft_result_free(result);
    graft_model_free(model);
    graft_context_free(context);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root) || write_choices("int8")) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(reference, sizeof reference, "%s/reference", root);
    snprintf(run, sizeof run, "%s/run", root);
    tiny_data_make(data, 6, 3);
    train(reference, 2, "auto");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_takes_int8_where_it_can),
        cmocka_unit_test(asked_for_f32_nothing_is_int8),
        cmocka_unit_test(asked_for_int8_it_is_what_auto_is_where_that_wins),
        cmocka_unit_test(int8_wants_images_to_take_ranges_from),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_stop_changes_no_bit),
        cmocka_unit_test(a_model_is_read_as_it_was_trained),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
