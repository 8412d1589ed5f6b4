/* A network of one's own as a list of layers: the same as its configuration in JSON, to the bit; what is no list is
 * refused. */
#include "support/run_places.h"

#include "base/io.h"
#include "exchange/layer_words.h"
#include "train/model_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORDS "layers:conv=8,3,relu;max-pool;separable=12,3,elu,same,stride=2;bn;act=relu;gap;dropout=0.1;dense=16,relu"

static graft_status train(const char *model, const char *cut, const char *out, graft_error *err)
{
    tiny_run t;
    tiny_run_defaults(&t, data, out);
    t.model.model = model;
    t.model.alpha = 1;
    t.model.cut = cut;
    t.model.preprocess = "unit";
    t.model.fine_tune_at = 0;
    t.train.epochs = 0;
    return tiny_run_train(&t, false, err);
}

static void expect_equal_values(const char *one, const char *other)
{
    gf_model m[2];
    gf_model_facts facts[2];
    for (int i = 0; i < 2; i++) {
        char path[192];
        snprintf(path, sizeof path, "%s/model.safetensors", i ? other : one);
        assert_int_equal(gf_model_file_read(&m[i], &facts[i], path, NULL), GRAFT_OK);
    }
    assert_int_equal(m[0].n_values, m[1].n_values);
    assert_memory_equal(m[0].value, m[1].value, m[0].n_values * sizeof *m[0].value);
    assert_memory_equal(facts[0].self_test, facts[1].self_test, sizeof facts[0].self_test);
    for (int i = 0; i < 2; i++) gf_model_free(&m[i]), gf_model_facts_free(&facts[i]);
}

static void words_are_their_json(void **state)
{
    (void)state;
    char json_path[128], one[128], other[128], *json;
    graft_error err = {0};
    snprintf(json_path, sizeof json_path, "%s/net.json", root);
    snprintf(one, sizeof one, "%s/words", root);
    snprintf(other, sizeof other, "%s/json", root);
    if (gf_layer_words_config(WORDS, &json, &err)) fail_msg("%s", err.message);
    assert_int_equal(gf_file_write_text(json_path, json, &err), GRAFT_OK);
    gf_free(json);
    if (train(WORDS, NULL, one, &err) || train(json_path, "-1", other, &err)) fail_msg("%s", err.message);
    expect_equal_values(one, other); /* the files tell by what name the network came */
    tiny_run t;
    tiny_run_defaults(&t, data, one);
    if (tiny_run_train(&t, true, &err)) fail_msg("%s", err.message); /* a run that has ended is told again */
}

static void arguments_become_keras_s(void **state)
{
    (void)state;
    static const char *const parts[] = {"\"class_name\": \"Conv2D\"",
                                        "\"filters\": 8",
                                        "\"kernel_size\": [3, 3]",
                                        "\"activation\": \"relu\"",
                                        "\"class_name\": \"MaxPooling2D\"",
                                        "\"pool_size\": [2, 2]",
                                        "\"padding\": \"same\"",
                                        "\"strides\": [2, 2]",
                                        "\"class_name\": \"Dropout\"",
                                        "\"rate\": 0.1",
                                        "\"units\": 16",
                                        "\"name\": \"dense_8\"",
                                        "\"class_name\": \"Activation\"",
                                        "\"class_name\": \"BatchNormalization\""};
    char *json;
    assert_int_equal(gf_layer_words_config(WORDS, &json, NULL), GRAFT_OK);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!strstr(json, parts[i])) fail_msg("%s is not in %s", parts[i], json);
    }
    gf_free(json);
    gf_text help = {0};
    gf_layer_words_help(&help);
    assert_non_null(strstr(help.s, "conv=FILTERS,SIDE,relu - Keras's Conv2D"));
    gf_text_free(&help);
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"layers:", "there is no layer"},
        {"layers:conf=3", "layer \"conf\" is not known"},
        {"layers:conv", "its filters is missing"},
        {"layers:conv=0,3", "\"0\" is not for it"},
        {"layers:conv=8,3,4", "\"4\" is not for it"},
        {"layers:gap=relu", "\"relu\" is not for it"},
        {"layers:dense=8,same", "\"same\" is not for it"},
        {"layers:dropout=1", "\"1\" is not for it"},
        {"layers:conv=8,,relu", "\"\" is not for it"},
        {"layers:act", "its activation is missing"},
        {"layers:max-pool=2,stride=x", "\"stride=x\" is not for it"},
        {"layers:conv=8,3;;gap", "layer \"\" is not known"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        graft_error err = {0};
        char *json;
        assert_int_equal(gf_layer_words_config(bad[i][0], &json, &err), GRAFT_USAGE);
        assert_null(json);
        if (!strstr(err.message, bad[i][1])) fail_msg("%s: %s", bad[i][0], err.message);
    }
    char out[128];
    graft_error err = {0};
    snprintf(out, sizeof out, "%s/refused", root);
    assert_int_not_equal(train("layers:conv=8,3,nothing;gap", NULL, out, &err), GRAFT_OK);
    assert_non_null(strstr(err.message, "conv_1"));
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(8, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_their_json),
        cmocka_unit_test(arguments_become_keras_s),
        cmocka_unit_test(what_is_no_list_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
