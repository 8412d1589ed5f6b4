/* The average of the parameters is Keras's (tests/fixtures/ema.txt, made by tools/make_ema_fixtures.py), to a rounding;
 * it is in the model while an epoch is judged, and only then. */
#include "support/hook_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 1024, STEPS = 50 };

static void step(hook_run *f, gf_hook *h, const float value[VALUES])
{
    memcpy(f->value, value, sizeof f->value);
    f->run.state.applied++;
    assert_int_equal(h->class->step(h, &f->run, NULL), GRAFT_OK);
}

/* A line of values and averages. */
static void check_step(hook_run *f, gf_hook *h, char *line)
{
    char *rest = line;
    float value[VALUES];
    for (int i = 0; i < VALUES; i++) value[i] = strtof(rest, &rest);
    step(f, h, value);
    for (int i = 0; i < VALUES; i++) {
        double want = strtod(rest, &rest);
        if (!(fabs(h->values[i] - want) <= 1e-6 * (fabs(want) + 0.1))) {
            fail_msg("step %d: %.9g, Keras has %.9g", (int)f->run.state.applied, (double)h->values[i], want);
        }
    }
}

static void averages_are_keras_s(void **state)
{
    (void)state;
    char line[LINE], text[64];
    hook_run f = {0};
    gf_hook *h = NULL;
    int runs = 0, steps = 0;
    FILE *file = fopen(GRAFT_FIXTURES "/ema.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (*line == '#') continue;
        if (strncmp(line, "momentum ", 9)) {
            check_step(&f, h, line);
            steps++;
            continue;
        }
        if (runs++) gf_hooks_close(&f.run.hooks);
        hook_run_make(&f, 1);
        line[strcspn(line, "\n")] = 0;
        snprintf(text, sizeof text, "ema:momentum=%.16s", line + 9);
        h = hook_run_open(&f, text);
    }
    fclose(file);
    gf_hooks_close(&f.run.hooks);
    assert_true(runs == 4 && steps == runs * STEPS);
}

static void the_average_is_judged_and_training_goes_on(void **state)
{
    (void)state;
    static const float first[VALUES] = {1, 2, 3}, second[VALUES] = {3, 2, 1};
    hook_run f;
    hook_run_make(&f, 1);
    gf_hook *h = hook_run_open(&f, "ema:momentum=0.5");
    assert_int_equal(h->class->evaluation(h, &f.run, NULL), GRAFT_OK); /* nothing to average yet */
    assert_int_equal(h->class->after_epoch(h, &f.run, NULL), GRAFT_OK);
    step(&f, h, first);
    step(&f, h, second);
    assert_int_equal(h->class->step(h, &f.run, NULL), GRAFT_OK); /* one that was left out */
    for (int i = 0; i < 2; i++) { /* the second time as after a stop within the evaluation */
        assert_int_equal(h->class->evaluation(h, &f.run, NULL), GRAFT_OK);
        assert_true(f.value[0] == 2 && f.value[1] == 2 && f.value[2] == 2);
    }
    assert_int_equal(h->class->after_epoch(h, &f.run, NULL), GRAFT_OK);
    assert_memory_equal(f.value, second, sizeof second);
    gf_hooks_close(&f.run.hooks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(averages_are_keras_s),
        cmocka_unit_test(the_average_is_judged_and_training_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
