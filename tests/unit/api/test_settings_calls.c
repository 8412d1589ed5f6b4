/* Options by name through the public interface: the context carries them to every call, a run keeps them. */
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "api/internal.h"
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char root[64], data[96], out[96];

static void set(graft_settings *s, const char *name, const char *value)
{
    graft_error err = {0};
    if (graft_settings_set(s, name, value, &err)) fail_msg("%s: %s", name, err.message);
}

/* Some other value than the default, and the least of a number's range. */
static const char *another(const graft_option *o, char buf[64])
{
    if (o->kind == GRAFT_OPTION_FLAG) return o->default_value[0] == '1' ? "0" : "1";
    if (o->choices) return strrchr(o->choices, '|') + 1;
    if (o->kind == GRAFT_OPTION_SEED) return "77";
    if (o->kind == GRAFT_OPTION_BYTES) return "8M";
    if (o->kind == GRAFT_OPTION_TEXT || o->kind == GRAFT_OPTION_FOLDER) return "other";
    snprintf(buf, 64, "%g", o->min > 0 ? o->min : (double)(int)(o->max / 2) ? (double)(int)(o->max / 2) : o->max / 2);
    return buf;
}

/* A row of 0.1 that no field takes would be set without effect. */
static void every_row_of_the_first_version_reaches_its_field(void **state)
{
    (void)state;
    graft_context context = {0};
    for (size_t i = 0; graft_option_at(i); i++) {
        const graft_option *o = graft_option_at(i);
        char buf[64];
        union {
            graft_model_options model;
            graft_data_options data;
            graft_train_options train;
            graft_bench_options bench;
        } before, after;
        if (strcmp(o->since, "0.1")) continue;
        graft_error err;
        assert_int_equal(graft_settings_new(&context.settings, &err), GRAFT_OK);
        set(context.settings, o->name, another(o, buf));
        memset(&before, 0, sizeof before);
        memset(&after, 0, sizeof after);
        if (!strncmp(o->name, "model.", 6)) {
            graft_model_defaults(&before.model);
            after.model = gf_api_model_options(&context, &before.model);
        } else if (!strncmp(o->name, "data.", 5)) {
            graft_data_defaults(&before.data);
            after.data = gf_api_opened_options(&context, &before.data);
        } else if (!strncmp(o->name, "train.", 6)) {
            graft_train_defaults(&before.train);
            after.train = gf_api_train_options(&context, &before.train);
        } else {
            graft_bench_defaults(&before.bench);
            after.bench = gf_api_bench_options(&context, &before.bench);
        }
        if (!memcmp(&before, &after, sizeof before)) fail_msg("%s has no field", o->name);
        graft_settings_free(context.settings);
    }
}

static void the_defaults_are_those_of_the_structs(void **state)
{
    (void)state;
    graft_model_options m;
    graft_data_options d;
    graft_train_options t;
    graft_model_defaults(&m);
    graft_data_defaults(&d);
    graft_train_defaults(&t);
    graft_context context = {0};
    graft_error err;
    assert_int_equal(graft_settings_new(&context.settings, &err), GRAFT_OK);
    for (size_t i = 0; graft_option_at(i); i++) {
        const graft_option *o = graft_option_at(i);
        if (!strcmp(o->since, "0.1") && o->default_value) set(context.settings, o->name, o->default_value);
    }
    graft_model_options m2 = gf_api_model_options(&context, &m);
    graft_data_options d2 = gf_api_opened_options(&context, &d);
    graft_train_options t2 = gf_api_train_options(&context, &t);
    assert_true(m2.alpha == m.alpha && m2.dropout == m.dropout && m2.seed == m.seed);
    assert_string_equal(m2.head, m.head);
    assert_string_equal(m2.precision, m.precision);
    assert_int_equal(m2.allow_nonfinite, m.allow_nonfinite);
    assert_memory_equal(&d2, &d, sizeof d);
    assert_true(t2.lr == t.lr && t2.checkpoint_seconds == t.checkpoint_seconds && t2.fine_tune_lr == t.fine_tune_lr);
    assert_true(t2.batch == t.batch && t2.epochs == t.epochs && t2.fine_tune_epochs == t.fine_tune_epochs);
    assert_true(t2.report == t.report && t2.seed == t.seed);
    assert_string_equal(t2.optimizer, t.optimizer);
    assert_string_equal(t2.fine_tune_optimizer, t.fine_tune_optimizer);
    assert_string_equal(t2.augment, t.augment);
    assert_string_equal(t2.on_nan, t.on_nan);
    graft_settings_free(context.settings);
}

/* What is set by name holds instead of the struct; the settings may be freed as soon as the context has them. */
static void a_context_carries_them_into_a_run(void **state)
{
    (void)state;
    tiny_run t;
    graft_error err = {0};
    graft_context *context;
    graft_settings *s;
    char path[192];
    uint8_t *text;
    size_t n;
    tiny_run_defaults(&t, data, out);
    t.train.epochs = 1;
    t.train.fine_tune_epochs = 0;
    assert_int_equal(graft_settings_new(&s, &err), GRAFT_OK);
    set(s, "train.lr", "0.0625");
    set(s, "train.epochs", "2");
    set(s, "data.antialias", "1");
    set(s, "model.dropout", "0.125");
    assert_int_equal(graft_context_open(&t.context, &context, &err), GRAFT_OK);
    assert_int_equal(graft_context_settings(context, s, &err), GRAFT_OK);
    graft_settings_free(s);
    if (tiny_run_train_in(&t, context, &err)) fail_msg("%s", err.message);
    snprintf(path, sizeof path, "%s/config.json", out);
    assert_int_equal(gf_file_read(path, 1 << 20, &text, &n, &err), GRAFT_OK);
    assert_non_null(strstr((char *)text, "\"lr\": \"0.0625\""));
    assert_non_null(strstr((char *)text, "\"epochs\": 2"));
    assert_non_null(strstr((char *)text, "\"antialias\": 1"));
    assert_non_null(strstr((char *)text, "\"dropout\": \"0.125\""));
    assert_null(strstr((char *)text, "\"settings\"")); /* rows of 0.1 have their own place */
    gf_free(text);
    assert_int_equal(graft_context_settings(context, NULL, &err), GRAFT_OK); /* taken back */
    if (tiny_run_train_in(&t, context, &err)) fail_msg("%s", err.message);
    assert_int_equal(gf_file_read(path, 1 << 20, &text, &n, &err), GRAFT_OK);
    assert_non_null(strstr((char *)text, "\"epochs\": 1"));
    gf_free(text);
    graft_context_free(context);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(out, sizeof out, "%s/run", root);
    tiny_data_make(data, 8, 4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

/* Whatever the buffer's size, nothing behind it is written. */
static void what_a_text_may_be_made_of_is_listed(void **state)
{
    (void)state;
    static const char begins[] = "adam:beta_1=0.9,";
    char all[4096], part[16];
    size_t n = graft_option_words("train.optimizer", NULL, 0);
    assert_in_range(n, sizeof begins, sizeof all - 1);
    assert_int_equal(graft_option_words("train.optimizer", all, sizeof all), n);
    assert_int_equal(strlen(all), n);
    assert_int_equal(strncmp(all, begins, sizeof begins - 1), 0);
    memset(part, 'x', sizeof part);
    assert_int_equal(graft_option_words("train.optimizer", part, 5), n);
    assert_string_equal(part, "adam");
    assert_int_equal(part[5], 'x');
    assert_int_equal(graft_option_words("train.lr", all, sizeof all), 0);
    assert_string_equal(all, "");
    assert_int_equal(graft_option_words("train.nothing", NULL, 0), 0);
    assert_int_equal(graft_option_words(NULL, NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_first_version_reaches_its_field),
        cmocka_unit_test(the_defaults_are_those_of_the_structs),
        cmocka_unit_test(a_context_carries_them_into_a_run),
        cmocka_unit_test(what_a_text_may_be_made_of_is_listed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
