/* A run's config.json: what it must hold, what it may lack, what an older or a newer graft wrote. */
#include "train/config.h"

#include "base/alloc.h"
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64] = "/tmp/graft-test-XXXXXX";

/* A configuration as it is written, with `from` replaced by `to` in its text. */
static graft_status written_and_read(gf_run_config *out, const char *base_digest, const char *from, const char *to,
                                     graft_error *err)
{
    gf_run_config c;
    uint8_t *text;
    size_t n;
    c = (gf_run_config){0};
    c.epochs = 10;
    c.fine_tune_epochs = 5;
    c.fine_tune_at = 100;
    c.lr = 0.1;
    assert_int_equal(gf_config_text(&c.base_digest, base_digest, NULL), GRAFT_OK);
    assert_int_equal(gf_config_write(path, &c, NULL), GRAFT_OK);
    gf_config_free(&c);
    assert_int_equal(gf_file_read(path, 1 << 20, &text, &n, NULL), GRAFT_OK);
    char *at = from ? strstr((char *)text, from) : (char *)text + n;
    if (!at) fail_msg("no %s in config.json", from);
    size_t before = (size_t)(at - (char *)text), cut = from ? strlen(from) : 0;
    char *edited = gf_sprintf("%.*s%s%s", (int)before, (char *)text, to ? to : "", at + cut);
    assert_non_null(edited);
    *err = (graft_error){0};
    graft_status status = gf_config_parse(out, edited, strlen(edited), "config.json", err);
    gf_free(edited);
    gf_free(text);
    return status;
}

static void what_came_later_may_be_missing(void **state)
{
    (void)state;
    graft_error err;
    gf_run_config c;
    assert_int_equal(written_and_read(&c, NULL, NULL, NULL, &err), GRAFT_OK);
    char *old = gf_config_identity(&c);
    assert_null(strstr(old, "base_digest")); /* at its default no checkpoint knows of it */
    gf_config_free(&c);
    assert_int_equal(written_and_read(&c, "abc", ",\n    \"base_digest\": \"abc\"", "", &err), GRAFT_OK);
    assert_null(c.base_digest);
    char *without = gf_config_identity(&c);
    assert_string_equal(old, without);
    gf_config_free(&c);
    assert_int_equal(written_and_read(&c, "abc", NULL, NULL, &err), GRAFT_OK);
    assert_string_equal(c.base_digest, "abc");
    char *with = gf_config_identity(&c);
    assert_non_null(strstr(with, "\nbase_digest abc\n"));
    gf_config_free(&c);
    gf_free(old);
    gf_free(without);
    gf_free(with);
}

static void a_newer_grafts_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const edits[][3] = {
        {"\"format\": 3", "\"format\": 4", "of format 4"},
        {"\"format\": 3", "\"format\": 0", "of format 0"},
        {"\"epochs\": 10", "\"epochs\": 10, \"warm_up\": 3", "train.warm_up is not known"},
        {"\"epochs\": 10,", "", "train.epochs is missing"},
        {"\"epochs\": 10", "\"epochs\": \"10\"", "train.epochs is missing or of another type"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        gf_run_config c;
        graft_error err;
        assert_int_equal(written_and_read(&c, NULL, edits[i][0], edits[i][1], &err), GRAFT_USAGE);
        assert_int_equal(err.number, GF_E_CONFIG);
        if (!strstr(err.message, edits[i][2])) fail_msg("%s: %s", edits[i][1], err.message);
    }
}

/* Of format 1 is 0.1's; of 1 and 2 are runs that did what is another option's default today: it goes on, and is no part
 * of what their checkpoints are compared by. */
static void runs_of_old_formats_go_on(void **state)
{
    (void)state;
    static const char *const formats[] = {"\"format\": 1", "\"format\": 2", "\"format\": 3"};
    for (int i = 0; i < 3; i++) {
        gf_run_config c;
        graft_error err;
        assert_int_equal(written_and_read(&c, NULL, formats[2], formats[i], &err), GRAFT_OK);
        assert_int_equal(c.epochs, 10);
        bool old = i < 2;
        assert_string_equal(gf_settings_text(c.settings, GF_SET_TRAIN_HEAD_DROPOUT), old ? "fine-tuning" : "always");
        char *identity = gf_config_identity(&c);
        assert_true(old == !strstr(identity, "train.head_dropout"));
        gf_free(identity);
        gf_config_free(&c);
    }
}

/* A checkpoint tells how long its run was to be; every other option must be the same. */
static void length_is_told_apart_from_other_options(void **state)
{
    (void)state;
    graft_error err = {0};
    gf_run_config c;
    gf_config_length was;
    assert_int_equal(written_and_read(&c, NULL, NULL, NULL, &err), GRAFT_OK);
    char *kept = gf_config_identity(&c);
    c.epochs = 20;
    c.fine_tune_epochs = 7;
    c.fine_tune_at = 120;
    assert_int_equal(gf_config_text(&c.base_digest, "abc", NULL), GRAFT_OK); /* added since, to a run of 0.1 */
    assert_int_equal(gf_config_check_identity(&c, kept, strlen(kept), "f", &was, &err), GRAFT_OK);
    assert_int_equal(was.epochs, 10);
    assert_int_equal(was.fine_tune_epochs, 5);
    assert_int_equal(was.fine_tune_at, 100);
    c.batch = 3;
    assert_int_equal(gf_config_check_identity(&c, kept, strlen(kept), "f", &was, &err), GRAFT_WEIGHTS);
    assert_non_null(strstr(err.message, "batch 0"));
    c.batch = 0;
    char *tied = gf_config_identity(&c);
    assert_int_equal(gf_config_text(&c.base_digest, "other", NULL), GRAFT_OK);
    assert_int_equal(gf_config_check_identity(&c, tied, strlen(tied), "f", &was, &err), GRAFT_WEIGHTS);
    assert_non_null(strstr(err.message, "base_digest abc"));
    gf_config_free(&c);
    gf_free(kept);
    gf_free(tied);
}

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_later_may_be_missing),
        cmocka_unit_test(a_newer_grafts_is_refused_by_name),
        cmocka_unit_test(runs_of_old_formats_go_on),
        cmocka_unit_test(length_is_told_apart_from_other_options),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
