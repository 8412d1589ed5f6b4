/* graft_advise: the table alone, a run's network on images, and what cannot be told. */
#include "support/run_places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static graft_context *open_context(const char *images, const char *similarity)
{
    graft_context_options options;
    graft_context *c = NULL;
    graft_settings *s = NULL;
    graft_error err = {0};
    graft_context_defaults(&options);
    options.threads = 2;
    assert_int_equal(graft_context_open(&options, &c, &err), GRAFT_OK);
    assert_int_equal(graft_settings_new(&s, &err), GRAFT_OK);
    if (images) assert_int_equal(graft_settings_set(s, "advise.dataset_size", images, &err), GRAFT_OK);
    if (similarity) assert_int_equal(graft_settings_set(s, "advise.similarity", similarity, &err), GRAFT_OK);
    assert_int_equal(graft_context_settings(c, s, &err), GRAFT_OK);
    graft_settings_free(s);
    return c;
}

static void the_table_alone(void **state)
{
    (void)state;
    static const struct {
        const char *images, *similarity, *options;
        double last;
    } rows[] = {{"500", "high", "--probe\n", 0},
                {"5000", "low", "--fine-tune-last 50 --fine-tune-lr 3e-05", 50},
                {"50000", "low", "--fine-tune-at 0", -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        graft_context *c = open_context(rows[i].images, rows[i].similarity);
        graft_result *result = NULL;
        graft_error err = {0};
        if (graft_advise(c, NULL, NULL, &result, &err)) fail_msg("%s", err.message);
        assert_true(graft_result_number(result, "fine_tune_last") == rows[i].last);
        if (!strstr(graft_result_text(result), rows[i].options)) fail_msg("%s", graft_result_text(result));
        graft_result_free(result);
        graft_context_free(c);
    }
    graft_context *c = open_context("500", NULL);
    graft_result *result = NULL;
    graft_error err = {0};
    assert_int_equal(graft_advise(c, NULL, NULL, &result, &err), GRAFT_USAGE);
    assert_null(result);
    graft_context_free(c);
}

static graft_status advise(const char *from, graft_result **result, graft_error *err)
{
    graft_context *c = open_context(NULL, NULL);
    graft_model_options model_options;
    graft_data_options data_options;
    graft_model *model = NULL;
    graft_data *d = NULL;
    graft_model_defaults(&model_options);
    if (from) model_options.model = from;
    if (!from) model_options.alpha = 0.35;
    model_options.width = model_options.height = 32;
    graft_data_defaults(&data_options);
    data_options.width = data_options.height = 32;
    graft_status status = graft_model_open(c, &model_options, &model, err);
    if (!status) status = graft_data_open(c, data, &data_options, &d, err);
    if (!status) status = graft_advise(c, model, d, result, err);
    graft_data_free(d);
    graft_model_free(model);
    graft_context_free(c);
    return status;
}

static void a_network_is_asked(void **state)
{
    (void)state;
    graft_result *result = NULL, *again = NULL;
    graft_error err = {0};
    tiny_run t;
    tiny_run_defaults(&t, data, run);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    if (advise(run, &result, &err) || advise(run, &again, &err)) fail_msg("%s", err.message);
    double distance = graft_result_number(result, "distance");
    assert_true(distance > 0 && distance < 100);
    assert_true(graft_result_number(result, "layers_measured") >= 1);
    assert_true(graft_result_number(result, "images") == 16);
    assert_string_equal(graft_result_json(result), graft_result_json(again));
    graft_result_free(result);
    graft_result_free(again);
}

static void without_weights_nothing_is_measured(void **state)
{
    (void)state;
    graft_result *result = NULL;
    graft_error err = {0};
    assert_int_equal(advise(NULL, &result, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.hint, "--weights"));
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(8, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_alone),
        cmocka_unit_test(a_network_is_asked),
        cmocka_unit_test(without_weights_nothing_is_measured),
    };
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
