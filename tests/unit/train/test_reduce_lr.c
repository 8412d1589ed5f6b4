/* The learning rate after each epoch is that of Keras's ReduceLROnPlateau for 300 random sequences
 * (tests/fixtures/reduce_lr.txt, made by tools/make_reduce_lr_fixtures.py). */
#include "support/hook_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 4096 };

static int check_line(char *line)
{
    hook_run f;
    char text[256], *rest = NULL, *arguments = strtok_r(line, " \n", &rest);
    int reductions = 0;
    hook_run_make(&f, 1);
    f.phase.lr = atof(strtok_r(NULL, " ", &rest));
    snprintf(text, sizeof text, "reduce-lr:%s", arguments);
    gf_hook *h = hook_run_open(&f, text);
    double before = f.phase.lr;
    for (char *word; (word = strtok_r(NULL, " \n", &rest));) {
        double want = atof(strchr(word, '/') + 1);
        assert_false(hook_run_epoch(&f, h, atof(word)));
        double got = h->class->lr(h, f.phase.lr);
        if (!(fabs(got - want) <= 1e-6 * want)) {
            fail_msg("%s, epoch %d: %g, Keras has %g", arguments, f.run.state.phase_epoch, got, want);
        }
        reductions += got < before;
        before = got;
    }
    gf_hooks_close(&f.run.hooks);
    return reductions;
}

static void rates_are_keras_s(void **state)
{
    (void)state;
    static char line[LINE];
    int n = 0, reductions = 0;
    FILE *file = fopen(GRAFT_FIXTURES "/reduce_lr.txt", "r");
    assert_non_null(file);
    for (; fgets(line, sizeof line, file); n++) {
        if (*line != '#') reductions += check_line(line);
    }
    fclose(file);
    assert_true(n > 300 && reductions > 300);
}

static void a_phase_begins_with_its_own_rate(void **state)
{
    (void)state;
    hook_run f;
    hook_run_make(&f, 1);
    gf_hook *h = hook_run_open(&f, "reduce-lr:patience=1,factor=0.5");
    f.phase.lr = 1;
    hook_run_epoch(&f, h, 0.5);
    hook_run_epoch(&f, h, NAN); /* never better */
    hook_run_epoch(&f, h, 0.6);
    assert_true(h->class->lr(h, 1) == 0.25);
    assert_int_equal(h->class->begin_phase(h, &f.run, NULL), GRAFT_OK);
    assert_true(h->class->lr(h, 1) == 1);
    hook_run_epoch(&f, h, 0.9); /* the first one of the phase */
    assert_true(h->class->lr(h, 1) == 1);
    gf_hooks_close(&f.run.hooks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_keras_s),
        cmocka_unit_test(a_phase_begins_with_its_own_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
