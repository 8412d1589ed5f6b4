/* Early stopping: the epoch that ends a phase, and the best one, are those of Keras's EarlyStopping for 400 random
 * sequences (tests/fixtures/early_stopping.txt, made by tools/make_early_stopping_fixtures.py). */
#include "support/hook_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINE = 4096 };

/* The state begins with wait and the best epoch. */
static int best_epoch(const gf_hook *h) { return ((const int32_t *)h->state)[1]; }

static void check_line(char *line)
{
    hook_run f;
    char text[256], *rest = NULL, *arguments = strtok_r(line, " \n", &rest);
    int want_stop = atoi(strtok_r(NULL, " ", &rest)), want_best = atoi(strtok_r(NULL, " ", &rest)), stop = 0;
    hook_run_make(&f, 1);
    snprintf(text, sizeof text, "early-stopping:%s", arguments);
    gf_hook *h = hook_run_open(&f, text);
    for (char *word; !stop && (word = strtok_r(NULL, " \n", &rest));) {
        if (hook_run_epoch(&f, h, atof(word))) stop = f.run.state.phase_epoch;
    }
    if (stop != want_stop || best_epoch(h) != want_best) {
        fail_msg("%s: stops at %d, best is %d; Keras: %d, %d", arguments, stop, best_epoch(h), want_stop, want_best);
    }
    gf_hooks_close(&f.run.hooks);
}

static void decisions_are_keras_s(void **state)
{
    (void)state;
    static char line[LINE];
    int n = 0;
    FILE *file = fopen(GRAFT_FIXTURES "/early_stopping.txt", "r");
    assert_non_null(file);
    for (; fgets(line, sizeof line, file); n++) {
        if (*line != '#') check_line(line);
    }
    fclose(file);
    assert_true(n > 400);
}

static void without_validation_the_loss_is_looked_at(void **state)
{
    (void)state;
    hook_run f;
    hook_run_make(&f, 0);
    gf_hook *h = hook_run_open(&f, "early-stopping:patience=1,restore-best-weights=yes");
    assert_string_equal(h->column, "loss");
    gf_hooks_close(&f.run.hooks);
    hook_run_make(&f, 1);
    h = hook_run_open(&f, "early-stopping");
    assert_string_equal(h->column, "val_loss");
    gf_hooks_close(&f.run.hooks);
}

static void what_is_not_finite_is_never_better(void **state)
{
    (void)state;
    hook_run f;
    hook_run_make(&f, 1);
    gf_hook *h = hook_run_open(&f, "early-stopping:patience=2");
    assert_false(hook_run_epoch(&f, h, NAN));
    assert_false(hook_run_epoch(&f, h, 0.5)); /* better than that */
    assert_int_equal(best_epoch(h), 2);
    assert_false(hook_run_epoch(&f, h, -INFINITY));
    assert_true(hook_run_epoch(&f, h, NAN));
    assert_int_equal(best_epoch(h), 2);
    gf_hooks_close(&f.run.hooks);
}

static void the_next_phase_goes_on_from_the_best_epoch(void **state)
{
    (void)state;
    static const char *const rows[] = {"early-stopping:patience=2", "early-stopping:patience=2,restore_best_weights=1"};
    for (int k = 0; k < 2; k++) {
        hook_run f;
        hook_run_make(&f, 1);
        gf_hook *h = hook_run_open(&f, rows[k]);
        static const double values[] = {0.5, 0.4, 0.3, 0.45};
        for (int i = 0; i < 4; i++) assert_false(hook_run_epoch(&f, h, values[i]));
        assert_true(hook_run_epoch(&f, h, 0.6));
        assert_int_equal(best_epoch(h), 3);
        assert_int_equal(h->class->begin_phase(h, &f.run, NULL), GRAFT_OK);
        assert_true(f.value[0] == (k ? 3 : 5) && f.value[VALUES - 1] == (k ? 3 : 5));
        assert_int_equal(best_epoch(h), 0); /* begun anew */
        gf_hooks_close(&f.run.hooks);
    }
}

static void what_cannot_be_monitored_is_told(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"early-stopping:monitor=val_loss", "there is no validation set for val_loss"},
        {"early-stopping:monitor=val_f2", "val_f2"},
        {"early-stoping", "hook \"early-stoping\" is not known"},
        {"nan", "hook \"nan\" is not known"},
        {"early-stopping:patience=-1", "patience \"-1\""},
        {"early-stopping,,", "hook \"\" is not known"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hook_run f;
        graft_error err = {0};
        hook_run_make(&f, 0);
        assert_int_equal(gf_hooks_open(&f.run.hooks, rows[i][0], &f.run, &err), GRAFT_USAGE);
        if (!strstr(err.message, rows[i][1])) fail_msg("%s: %s", rows[i][0], err.message);
        assert_int_equal(f.run.hooks.n, 0);
    }
    hook_run f;
    hook_run_make(&f, 0);
    hook_run_open(&f, "early-stopping:monitor=loss"); /* training's has a value */
    gf_hooks_close(&f.run.hooks);
}

/* Several, also of one kind: each has sections of its own. */
static void each_hook_has_its_own_sections(void **state)
{
    (void)state;
    hook_run f;
    hook_run_make(&f, 1);
    static const char text[] =
        "early-stopping:patience=2,restore_best_weights=1,early-stopping:monitor=loss,early-stopping";
    assert_int_equal(gf_hooks_open(&f.run.hooks, text, &f.run, NULL), GRAFT_OK);
    const gf_hook *h = f.run.hooks.item + f.run.hooks.n - 3;
    assert_string_equal(h[0].section, "hook.early-stopping");
    assert_string_equal(h[0].values_section, "hook.early-stopping.values");
    assert_string_equal(h[1].section, "hook.early-stopping.2");
    assert_string_equal(h[2].section, "hook.early-stopping.3");
    assert_true(h[0].values && !h[1].values && !h[2].values);
    assert_string_equal(h[1].arguments.word[0], "loss");
    assert_true(h[0].arguments.number[2] == 2 && h[1].arguments.number[2] == 0);
    gf_hooks_close(&f.run.hooks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_are_keras_s),
        cmocka_unit_test(without_validation_the_loss_is_looked_at),
        cmocka_unit_test(what_is_not_finite_is_never_better),
        cmocka_unit_test(the_next_phase_goes_on_from_the_best_epoch),
        cmocka_unit_test(what_cannot_be_monitored_is_told),
        cmocka_unit_test(each_hook_has_its_own_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
