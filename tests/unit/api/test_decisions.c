/* What graft decides for its user is said, and stands in the run folder: also after a stop and a resume. */
#include "support/run_places.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"
#include "train/decisions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct listener {
    tiny_stop stop; /* first: tiny_run.h's functions get it */
    char heard[16384];
} listener;

static void hear(void *user, graft_level level, const char *text)
{
    listener *l = user;
    size_t n = strlen(l->heard);
    (void)level;
    snprintf(l->heard + n, sizeof l->heard - n, "%s\n", text);
}

static void read_back(gf_decisions *d)
{
    char path[192];
    graft_error err = {0};
    snprintf(path, sizeof path, "%s/decisions.json", run);
    *d = (gf_decisions){0};
    if (gf_decisions_read(d, path, &err)) fail_msg("%s", err.message);
}

static bool has(const char *text, const char *file)
{
    char path[192];
    uint8_t *bytes;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", run, file);
    assert_int_equal(gf_file_read(path, 1 << 26, &bytes, &n, NULL), GRAFT_OK);
    bool there = strstr((char *)bytes, text) != NULL;
    gf_free(bytes);
    return there;
}

static void decisions_outlive_a_stop(void **state)
{
    (void)state;
    static const char *const expected[] = {"image size", "batch norm", "precision", "frozen part"};
    tiny_run t;
    graft_error err = {0};
    listener l = {.stop = {.left = 3}};
    tiny_run_defaults(&t, data, run);
    t.model.width = t.model.height = 0; /* the network's own: 160 */
    t.size = 160;
    t.precision = "auto";
    t.train.report = 1;
    t.train.fine_tune_epochs = 0;
    tiny_run_stop(&t, &l.stop);
    t.context.say = hear;
    assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
    gf_decisions first, second;
    read_back(&first);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        size_t k = 0;
        char line[2048];
        while (k < first.n && strcmp(first.item[k].what, expected[i]) != 0) k++;
        if (k == first.n) fail_msg("nothing on %s in decisions.json", expected[i]);
        snprintf(line, sizeof line, "%s: %s (%s)\n", first.item[k].what, first.item[k].value, first.item[k].why);
        if (!strstr(l.heard, line)) fail_msg("not said: %s", line);
    }
    tiny_run_defaults(&t, data, run);
    if (tiny_run_train(&t, true, &err)) fail_msg("%s", err.message);
    read_back(&second);
    assert_int_equal(second.n, first.n);
    for (size_t i = 0; i < first.n; i++) {
        assert_string_equal(first.item[i].what, second.item[i].what);
        assert_string_equal(first.item[i].value, second.item[i].value);
        assert_string_equal(first.item[i].why, second.item[i].why);
    }
    assert_true(has("What graft decided", "report.html"));
    assert_true(has("the network&#39;s own; none was given", "report.html") ||
                has("the network's own; none was given", "report.html"));
    gf_decisions_free(&first);
    gf_decisions_free(&second);
}

static void what_was_asked_for_is_no_decision(void **state)
{
    (void)state;
    tiny_run t;
    graft_error err = {0};
    listener l = {0};
    tiny_run_defaults(&t, data, run);
    t.train.batch_norm = "fixed";
    t.context.say = hear;
    t.context.user = &l;
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    gf_decisions d;
    read_back(&d);
    for (size_t i = 0; i < d.n; i++) {
        if (strstr("image size, batch norm, precision, frozen part", d.item[i].what)) fail_msg("%s", d.item[i].what);
    }
    gf_decisions_free(&d);
}

static void a_split_is_told_with_its_counts(void **state)
{
    (void)state;
    tiny_run t;
    graft_error err = {0};
    char train[128];
    snprintf(train, sizeof train, "%s/train", data); /* two classes of 8, no parts */
    tiny_run_defaults(&t, train, run);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    gf_decisions d;
    read_back(&d);
    assert_true(d.n > 0);
    size_t k = 0;
    while (k < d.n && strcmp(d.item[k].what, "split") != 0) k++;
    assert_true(k < d.n);
    assert_string_equal(d.item[k].value, "12 training, 4 validation, 0 test");
    assert_non_null(strstr(d.item[k].why, "no validation set"));
    gf_decisions_free(&d);
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(8, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decisions_outlive_a_stop),
                                       cmocka_unit_test(what_was_asked_for_is_no_decision),
                                       cmocka_unit_test(a_split_is_told_with_its_counts)};
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
