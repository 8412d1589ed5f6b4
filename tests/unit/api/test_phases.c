/* Runs of listed phases: the two default phases written out give the bits of the default; three and more are trained,
 * stopped anywhere and resumed to the same bits; files name them. */
#include "support/run_bytes.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char root[64], data[96], reference[96];

/* The head; the last layers, with other random changes; all; the head again, of which no epoch is frozen in int8. */
#define THREE                                                                                  \
    "head epochs=1 lr=0.05; last_layers last=15 epochs=2 lr=1e-3 schedule=cosine:warmup=0.25 " \
    "optimizer=sgd:momentum=0.9 augment=flip; "                                                \
    "all at=0 epochs=1 lr=1e-4 batch-norm=batch augment=none; again epochs=1 lr=1e-3"
static const char *three[][2] = {{"train.phases", THREE}, {NULL, NULL}};

static graft_status never(void *user) { return (void)user, GRAFT_OK; }

static void of_phases(tiny_run *t, const char *out, const char *(*by_name)[2])
{
    tiny_run_defaults(t, data, out);
    t->context.should_stop = never;
    t->by_name = by_name;
    if (by_name) t->model.fine_tune_at = -1;
}

static char *text_of(const char *run, const char *name)
{
    char path[192];
    uint8_t *text;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", run, name);
    assert_int_equal(gf_file_read(path, 1 << 20, &text, &n, NULL), GRAFT_OK);
    return (char *)text;
}

static void expect_in(const char *run, const char *name, const char *part)
{
    char *text = text_of(run, name);
    if (!strstr(text, part)) fail_msg("%s has no \"%s\":\n%s", name, part, text);
    gf_free(text);
}

static void the_default_written_out_has_its_bits(void **state)
{
    (void)state;
    static const char *written[][2] = {
        {"train.phases", "feature_extraction epochs=2 lr=0.05; fine_tuning at=140 epochs=2 lr=0.005 optimizer=rmsprop"},
        {NULL, NULL}};
    char one[96], other[96];
    tiny_run t;
    graft_error err = {0};
    snprintf(one, sizeof one, "%s/default", root);
    snprintf(other, sizeof other, "%s/written", root);
    of_phases(&t, one, NULL);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    of_phases(&t, other, written);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    run_bytes_equal(one, other, "written out");
    expect_in(one, "config.json", "\"name\": \"fine_tuning\"");
}

static void files_name_the_phases(void **state)
{
    (void)state;
    expect_in(reference, "history.csv", "\n1,head,0.05,");
    expect_in(reference, "history.csv", "\n2,last_layers,0.00093301270"); /* of the last step: t = 3 of 8, W = 2 */
    expect_in(reference, "history.csv", "\n3,last_layers,6.69872981e-05,");
    expect_in(reference, "history.csv", "\n4,all,0.0001,");
    expect_in(reference, "history.csv", "\n5,again,0.001,");
    expect_in(reference, "config.json", "\"optimizer\": \"sgd:momentum=0.9\"");
    expect_in(reference, "config.json", "\"name\": \"last_layers\"");
    expect_in(reference, "config.json", "\"schedule\": \"cosine:warmup=0.25\"");
}

static void a_stop_anywhere_changes_no_bit(void **state)
{
    (void)state;
    static const int questions[] = {0, 2, 6, 9, 14, 17, 20, 24, 27};
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        char run[96], where[32];
        tiny_run t;
        graft_error err = {0};
        tiny_stop s = {.left = questions[i]};
        snprintf(run, sizeof run, "%s/stopped", root);
        snprintf(where, sizeof where, "stopped at question %d", s.left);
        of_phases(&t, run, three);
        tiny_run_stop(&t, &s);
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
        of_phases(&t, run, NULL);
        t.context.threads = 1 + (int)(i % 3);
        if (tiny_run_train(&t, true, &err)) fail_msg("%s: %s", where, err.message);
        run_bytes_equal(reference, run, where);
    }
}

/* Early stopping ends phases; its counts and its best weights, which the next phase goes on from, survive any stop. */
static void early_stopping_survives_a_stop(void **state)
{
    (void)state;
    static const char *by_name[][2] = {
        {"train.phases", "head epochs=6 lr=0.3; last_layers last=15 epochs=5 lr=0.05; again epochs=1"},
        {"train.hooks", "early-stopping:patience=1,restore_best_weights=1,early-stopping:monitor=loss,patience=3,"
                        "reduce-lr:patience=1,factor=0.5,ema:momentum=0.8"},
        {NULL, NULL}};
    static const int questions[] = {4, 9, 13, 18, 23, 27, 31, 36};
    char whole[96], run[96], where[32];
    tiny_run t;
    graft_error err = {0};
    snprintf(whole, sizeof whole, "%s/early", root);
    of_phases(&t, whole, by_name);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    char *rows = text_of(whole, "history.csv");
    int n = 0, heads = 0;
    for (const char *at = rows; (at = strchr(at, '\n')) && at[1]; n++) heads += strstr(at, ",head,") != NULL, at++;
    if (!(heads >= 2 && n < 12)) fail_msg("no phase has ended early:\n%s", rows);
    gf_free(rows);
    expect_in(whole, "history.csv", ",again,");
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        tiny_stop s = {.left = questions[i]};
        snprintf(run, sizeof run, "%s/early_stopped", root);
        snprintf(where, sizeof where, "stopped at question %d", s.left);
        of_phases(&t, run, by_name);
        tiny_run_stop(&t, &s);
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
        of_phases(&t, run, NULL);
        t.context.threads = 1 + (int)(i % 3);
        if (tiny_run_train(&t, true, &err)) fail_msg("%s: %s", where, err.message);
        run_bytes_equal(whole, run, where);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const lists[][2] = {
        {"head epochs=0", "no phase has an epoch"},
        {"head epochs=1; tail at=nowhere", "\"nowhere\" is not one of the 154 layers of the backbone"},
    };
    const char *by_name[][2] = {{"train.phases", NULL}, {NULL, NULL}};
    char run[96];
    tiny_run t;
    snprintf(run, sizeof run, "%s/refused", root);
    for (size_t i = 0; i < 2; i++) {
        by_name[0][1] = lists[i][0];
        graft_error err = {0};
        of_phases(&t, run, by_name);
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_USAGE);
        if (!strstr(err.message, lists[i][1])) fail_msg("%s", err.message);
    }
    graft_error err = {0};
    of_phases(&t, run, three);
    t.model.fine_tune_at = 100; /* of which phase? */
    assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.message, "lists all phases"));
}

/* config.json shows the phases; changed there they are not what runs, and this is told. */
static void edited_phases_are_told(void **state)
{
    (void)state;
    char run[96], path[192];
    tiny_run t;
    graft_error err = {0};
    tiny_stop s = {.left = 9};
    snprintf(run, sizeof run, "%s/edited", root);
    of_phases(&t, run, three);
    tiny_run_stop(&t, &s);
    assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
    char *text = text_of(run, "config.json");
    size_t at = 0;
    while (text[at] && strncmp(text + at, "\"name\": \"all\"", 13)) at++;
    assert_int_equal(text[at], '"');
    text[at + 9] = 'o';
    snprintf(path, sizeof path, "%s/config.json", run);
    assert_int_equal(gf_file_write_text(path, text, NULL), GRAFT_OK);
    gf_free(text);
    of_phases(&t, run, NULL);
    assert_int_equal(tiny_run_train(&t, true, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.message, "its phases are not those that its options make"));
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(reference, sizeof reference, "%s/reference", root);
    tiny_data_make(data, 8, 4);
    tiny_run t;
    graft_error err = {0};
    of_phases(&t, reference, three);
    if (tiny_run_train(&t, false, &err)) return fprintf(stderr, "%s\n", err.message), -1;
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
        cmocka_unit_test(the_default_written_out_has_its_bits),
        cmocka_unit_test(files_name_the_phases),
        cmocka_unit_test(a_stop_anywhere_changes_no_bit),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(edited_phases_are_told),
        cmocka_unit_test(early_stopping_survives_a_stop),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
