/* Options by name: each kind's spellings, what is refused and how, which are kept by a run. */
#include "base/number.h"
#include "base/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *set(gf_settings *s, const char *name, const char *value, graft_error *err)
{
    *err = (graft_error){0};
    return gf_settings_set(s, name, value, err) == GRAFT_OK ? gf_settings_text(s, gf_setting_find(name)) : NULL;
}

static void every_row_is_whole(void **state)
{
    (void)state;
    char section[16] = "";
    gf_settings *s = gf_settings_new();
    graft_error err;
    for (int i = 0; i < gf_settings_count(); i++) {
        const graft_option *o = &gf_setting_rows[i];
        const char *point = strchr(o->name, '.');
        if (!point || !point[1] || !o->help || !o->since || o->size != sizeof *o) fail_msg("%s: half a row", o->name);
        if (strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != strlen(o->name))
            fail_msg("%s: letters", o->name);
        if ((o->kind == GRAFT_OPTION_FLAG) == (o->value != NULL)) fail_msg("%s: flags have no value", o->name);
        if ((o->kind == GRAFT_OPTION_CHOICE) != (o->choices != NULL)) fail_msg("%s: choices", o->name);
        if (gf_setting_find(o->name) != (gf_setting)i) fail_msg("%s: twice", o->name);
        if (strncmp(section, o->name, strlen(section)) != 0) { /* a section begins: it has not been before */
            for (int k = 0; k < i; k++) {
                assert_true(strncmp(gf_setting_rows[k].name, o->name, (size_t)(point - o->name) + 1) != 0);
            }
        }
        snprintf(section, sizeof section, "%.*s", (int)(point - o->name) + 1, o->name);
        /* a default is a value, in the spelling that it gets */
        const char *as = o->default_value ? set(s, o->name, o->default_value, &err) : "";
        if (!as) fail_msg("%s: its default is refused: %s", o->name, err.message);
        if (o->default_value) assert_string_equal(as, o->default_value);
    }
    gf_settings_free(s);
}

static void values_have_one_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *as;
    } rows[] = {
        {"train.lr", "1e-4", "0.0001"},
        {"train.lr", "0.00010", "0.0001"},
        {"train.lr", "1e2", "100"},
        {"train.batch", "0032", "32"},
        {"train.epochs", "-0", "0"},
        {"data.max_bad", "1%", "0.01"},
        {"data.max_bad", "100%", "1"},
        {"data.memory_limit", "2G", "2147483648"},
        {"data.memory_limit", "1.5GiB", "1610612736"},
        {"data.memory_limit", "512m", "536870912"},
        {"data.memory_limit", "1048576", "1048576"},
        {"data.cache", "disk", "disk"},
        {"model.seed", "18446744073709551615", "18446744073709551615"},
        {"train.report", "0", "0"},
        {"data.cache_dir", "/a b/\n", "/a b/\n"},
    };
    gf_settings *s = gf_settings_new();
    graft_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *as = set(s, rows[i].name, rows[i].value, &err);
        if (!as || strcmp(as, rows[i].as)) fail_msg("%s=%s: %s", rows[i].name, rows[i].value, as ? as : err.message);
    }
    assert_true(gf_settings_real(s, GF_SET_TRAIN_LR) == 100);
    assert_int_equal(gf_settings_whole(s, GF_SET_TRAIN_BATCH), 32);
    assert_int_equal(gf_settings_choice(s, GF_SET_DATA_CACHE), 2);
    assert_true(gf_settings_seed(s, GF_SET_MODEL_SEED) == UINT64_MAX);
    assert_false(gf_settings_flag(s, GF_SET_TRAIN_REPORT));
    assert_true(gf_settings_flag(NULL, GF_SET_TRAIN_REPORT)); /* defaults, without any settings */
    assert_true(gf_settings_real(NULL, GF_SET_TRAIN_LR) == 1e-4);
    assert_int_equal(gf_settings_choice(NULL, GF_SET_TRAIN_BATCH_NORM), -1);
    assert_null(gf_settings_text(NULL, GF_SET_DATA_CACHE_DIR));
    gf_settings_free(s);
}

static void what_is_no_value_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *wanted;
    } rows[] = {
        {"train.lr", "0", "from 1e-12 to 100"},
        {"train.lr", "nan", "a number"},
        {"train.lr", "inf", "a number"},
        {"train.lr", "1e400", "a number"},
        {"train.lr", "0x1p-3", "a number"},
        {"train.lr", " 1", "a number"},
        {"train.lr", "1 ", "a number"},
        {"train.lr", "", "a number"},
        {"train.lr", "0,1", "a number"},
        {"train.batch", "4097", "a whole number from 1 to 4096"},
        {"train.batch", "1.5", "a whole number"},
        {"train.batch", "99999999999999999999", "a whole number"},
        {"model.dropout", "1", "from 0, below 1"},
        {"model.seed", "18446744073709551616", "18446744073709551615"},
        {"model.seed", "-1", "18446744073709551615"},
        {"data.max_bad", "101%", "percentage"},
        {"data.max_bad", "%", "percentage"},
        {"data.memory_limit", "1023K", "1048576"},
        {"data.memory_limit", "2GG", "512M"},
        {"data.memory_limit", "G", "512M"},
        {"data.cache", "memory|disk", "auto, memory, disk, none"},
        {"data.cache", "", "auto"},
        {"train.report", "yes", "0 or 1"},
        {"data.cache_dir", "", "a path"},
    };
    gf_settings *s = gf_settings_new();
    graft_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *had = gf_settings_text(s, gf_setting_find(rows[i].name));
        if (set(s, rows[i].name, rows[i].value, &err)) fail_msg("%s=%s was taken", rows[i].name, rows[i].value);
        if (err.number != 3002 || !strstr(err.message, rows[i].wanted) || !strstr(err.message, rows[i].name)) {
            fail_msg("%s=%s: E%d %s", rows[i].name, rows[i].value, err.number, err.message);
        }
        assert_ptr_equal(gf_settings_text(s, gf_setting_find(rows[i].name)), had);
        assert_false(gf_settings_given(s, gf_setting_find(rows[i].name)));
    }
    gf_settings_free(s);
}

static void a_name_that_is_none_gets_the_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hint;
    } rows[] = {{"train.1r", "train.lr"},
                {"batch_norm", "train.batch_norm"},
                {"train.LR", "train.lr"},
                {"", ""},
                {"nothing.of.the.kind", ""}};
    gf_settings *s = gf_settings_new();
    graft_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(set(s, rows[i].name, "1", &err));
        assert_int_equal(err.number, 3003);
        if (!strstr(err.hint, rows[i].hint)) fail_msg("%s: %s", rows[i].name, err.hint);
    }
    char longest[4096];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_null(set(s, longest, "1", &err));
    assert_int_equal(err.number, 3003);
    gf_settings_free(s);
}

static void copies_and_sections(void **state)
{
    (void)state;
    gf_settings *s = gf_settings_new(), *copy, *part = gf_settings_new();
    graft_error err;
    set(s, "train.lr", "0.5", &err);
    set(s, "data.cache", "disk", &err);
    assert_int_equal(gf_settings_copy(&copy, s, &err), GRAFT_OK);
    set(s, "train.lr", NULL, &err);
    assert_false(gf_settings_given(s, GF_SET_TRAIN_LR));
    assert_true(gf_settings_real(copy, GF_SET_TRAIN_LR) == 0.5);
    set(part, "data.max_bad", "0.5", &err);
    set(part, "train.batch", "8", &err);
    assert_int_equal(gf_settings_take(part, copy, "data.", &err), GRAFT_OK);
    assert_int_equal(gf_settings_choice(part, GF_SET_DATA_CACHE), 2);
    assert_false(gf_settings_given(part, GF_SET_DATA_MAX_BAD)); /* the whole section */
    assert_false(gf_settings_given(part, GF_SET_TRAIN_LR));     /* and no other */
    assert_int_equal(gf_settings_whole(part, GF_SET_TRAIN_BATCH), 8);
    gf_settings_free(part);
    gf_settings_free(copy);
    gf_settings_free(s);
    assert_int_equal(gf_settings_copy(&copy, NULL, &err), GRAFT_OK);
    assert_null(copy);
}

/* Rows of 0.1 are fields of config.json; the newer ones are kept where they are not the default. */
static void what_a_run_keeps(void **state)
{
    (void)state;
    gf_settings *s = gf_settings_new();
    graft_error err;
    for (int i = 0; i < gf_settings_count(); i++) {
        const graft_option *o = &gf_setting_rows[i];
        char other[GF_NUMBER_SIZE] = "x";
        bool newer = strcmp(o->since, "0.1") != 0, local = o->flags & GRAFT_OPTION_LOCAL;
        if (o->default_value && set(s, o->name, o->default_value, &err))
            assert_false(gf_settings_kept(s, (gf_setting)i));
        if (o->kind == GRAFT_OPTION_FLAG) snprintf(other, sizeof other, "%d", !gf_settings_flag(s, (gf_setting)i));
        if (o->kind == GRAFT_OPTION_SEED) snprintf(other, sizeof other, "77");
        if (o->choices) snprintf(other, sizeof other, "%s", strrchr(o->choices, '|') + 1);
        if (o->max > 0) {
            double value = o->default_value && gf_settings_real(s, (gf_setting)i) == o->min ? o->max : o->min;
            gf_number_shortest(other, o->below && value == o->max ? (o->min + o->max) / 2 : value);
        }
        if (o->kind == GRAFT_OPTION_BYTES) snprintf(other, sizeof other, "8M");
        if (!set(s, o->name, other, &err)) fail_msg("%s=%s: %s", o->name, other, err.message);
        if (gf_settings_kept(s, (gf_setting)i) != (newer && !local)) fail_msg("%s=%s", o->name, other);
    }
    gf_settings_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(values_have_one_spelling),
        cmocka_unit_test(what_is_no_value_is_refused_and_changes_nothing),
        cmocka_unit_test(a_name_that_is_none_gets_the_nearest),
        cmocka_unit_test(copies_and_sections),
        cmocka_unit_test(what_a_run_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
