/* Resuming: what may change between a stop and a resume (threads, the run folder's place), and what may not. */
#include "support/run_bytes.h"
#include "support/run_places.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void count_warnings(void *user, graft_level level, const char *text)
{
    (void)text;
    *(int *)user += level == GRAFT_WARNING;
}

static void train_and_stop(uint64_t seed, int steps)
{
    tiny_run t;
    graft_error err = {0};
    tiny_stop s = {.left = steps};
    tiny_run_defaults(&t, data, run);
    t.seed = seed;
    tiny_run_stop(&t, &s);
    assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
    assert_non_null(strstr(err.hint, "resume"));
}

static graft_status resume(int threads, int *warnings, graft_error *err)
{
    tiny_run t;
    int seen = 0;
    tiny_run_defaults(&t, data, run);
    t.context.threads = threads;
    t.context.say = count_warnings;
    t.context.user = &seen;
    graft_status status = tiny_run_train(&t, true, err);
    if (warnings) *warnings = seen;
    return status;
}

static void good_resume(int threads, const char *where)
{
    graft_error err;
    if (resume(threads, NULL, &err) != GRAFT_OK) fail_msg("%s: %s", where, err.message);
}

static void a_stop_at_any_step_changes_no_bit(void **state)
{
    (void)state;
    for (int steps = 0; steps < 12; steps++) {
        char where[32];
        snprintf(where, sizeof where, "stopped after %d", steps);
        train_and_stop(0, steps);
        good_resume(1 + steps % 4, where);
        run_bytes_equal(reference, run, where);
    }
}

/* The runs above start from random values, so their batch normalisation measures its batches; here it does not. */
static void with_fixed_statistics_too(void **state)
{
    (void)state;
    char other[96];
    tiny_run t;
    graft_error err;
    snprintf(other, sizeof other, "%s/fixed", root);
    tiny_run_defaults(&t, data, other);
    t.train.batch_norm = "fixed";
    assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_OK);
    run_bytes_differ(reference, other, "fixed");
    tiny_stop s = {.left = 9};
    t.out = run;
    tiny_run_stop(&t, &s);
    assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
    good_resume(3, "fixed");
    run_bytes_equal(other, run, "fixed");
}

static void a_run_folder_may_be_moved(void **state)
{
    (void)state;
    char kept[96], moved[96];
    snprintf(moved, sizeof moved, "%s/moved", root);
    train_and_stop(0, 5);
    memcpy(kept, run, sizeof kept);
    assert_int_equal(rename(run, moved), 0);
    memcpy(run, moved, sizeof run);
    good_resume(2, "moved");
    run_bytes_equal(reference, run, "moved");
    tiny_data_remove(run);
    memcpy(run, kept, sizeof run);
}

/* config.json of the run with `from` in place of `to`; the text as it was is handed out. */
static void edit_config(const char *from, const char *to)
{
    char path[192];
    uint8_t *text;
    size_t n;
    snprintf(path, sizeof path, "%s/config.json", run);
    assert_int_equal(gf_file_read(path, 1 << 20, &text, &n, NULL), GRAFT_OK);
    char *at = strstr((char *)text, from);
    if (!at) fail_msg("no %s in config.json", from);
    gf_bytes parts[] = {
        {text, (size_t)(at - (char *)text)}, {to, strlen(to)}, {at + strlen(from), strlen(at + strlen(from))}};
    assert_int_equal(gf_file_write(path, parts, 3, NULL), GRAFT_OK);
    gf_free(text);
}

static void other_options_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const edits[][3] = {
        {"\"batch\": 4", "\"batch\": 8", "batch 4"},
        {"\"batch_norm\": \"batch\"", "\"batch_norm\": \"fixed\"", "batch_norm batch"},
        {"\"seed\": 0", "\"seed\": 1", "seed 0"},
        {"\"augment\": \"flip,rotate=0.2\"", "\"augment\": \"none\"", "augment flip,rotate=0.2"},
        {"\"optimizer\": \"adam\"", "\"optimizer\": \"sgd\"", "optimizer adam"},
        {"\"dropout\": \"0.2", "\"dropout\": \"0.3", "dropout 0.2"},
    };
    train_and_stop(0, 5);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        graft_error err = {0};
        edit_config(edits[i][0], edits[i][1]);
        assert_int_equal(resume(2, NULL, &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_CHECKPOINT_OTHER_RUN);
        if (!strstr(err.message, edits[i][2])) fail_msg("%s: %s", edits[i][1], err.message);
        edit_config(edits[i][1], edits[i][0]);
    }
    edit_config("\"memory_limit\": 0", "\"memory_limit\": 100000000"); /* no result depends on it */
    good_resume(2, "put back");
    run_bytes_equal(reference, run, "put back");
}

static void a_run_begun_anew_takes_nothing_from_the_old_one(void **state)
{
    (void)state;
    char other[96];
    tiny_run t;
    graft_error err;
    snprintf(other, sizeof other, "%s/other", root);
    tiny_run_defaults(&t, data, other);
    t.seed = 5;
    assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_OK);
    train_and_stop(0, 10);
    train_and_stop(5, 3);
    good_resume(2, "anew");
    run_bytes_equal(other, run, "anew");
}

static void a_damaged_latest_checkpoint_is_told_and_passed_over(void **state)
{
    (void)state;
    char dir[192], path[512];
    gf_names names;
    graft_error err;
    int warnings;
    train_and_stop(0, 6);
    snprintf(dir, sizeof dir, "%s/checkpoint", run);
    assert_int_equal(gf_dir_list(dir, &names, NULL), GRAFT_OK);
    const char *newest = NULL; /* names are sorted */
    for (size_t i = 0; i < names.n; i++) newest = strstr(names.item[i], "ckpt-") ? names.item[i] : newest;
    assert_non_null(newest);
    snprintf(path, sizeof path, "%s/%s", dir, newest);
    uint8_t *bytes;
    size_t n;
    assert_int_equal(gf_file_read(path, 1 << 28, &bytes, &n, NULL), GRAFT_OK);
    bytes[n / 2] ^= 1;
    assert_int_equal(gf_file_write(path, &(gf_bytes){bytes, n}, 1, NULL), GRAFT_OK);
    gf_free(bytes);
    gf_names_free(&names);
    assert_int_equal(resume(2, &warnings, &err), GRAFT_OK);
    assert_true(warnings >= 1);
    run_bytes_equal(reference, run, "damaged");
}

static int set_up(void **state)
{
    (void)state;
    tiny_run t;
    graft_error err;
    if (run_places_make(6, 3)) return -1;
    tiny_run_defaults(&t, data, reference);
    graft_status status = tiny_run_train(&t, false, &err);
    if (status != GRAFT_OK) print_error("the reference run: %s\n", err.message);
    return (int)status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_at_any_step_changes_no_bit),
        cmocka_unit_test(with_fixed_statistics_too),
        cmocka_unit_test(a_run_folder_may_be_moved),
        cmocka_unit_test(other_options_are_refused_by_name),
        cmocka_unit_test(a_run_begun_anew_takes_nothing_from_the_old_one),
        cmocka_unit_test(a_damaged_latest_checkpoint_is_told_and_passed_over),
    };
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
