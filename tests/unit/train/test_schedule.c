/* Schedules: the rate at every step of a phase is Keras's, PyTorch's or transformers' (tests/fixtures/schedules.txt,
 * made by tools/make_schedule_fixtures.py); what is no schedule is told with those there are. */
#include "train/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINE = 1 << 16, KINDS = 7 };

/* One line of the fixtures: "TEXT RATE EPOCHS EPOCH_STEPS rate rate ..."; its steps. */
static int64_t check_line(char *line)
{
    char *rest = NULL, *text = strtok_r(line, " \n", &rest);
    gf_schedule s;
    graft_error err = {0};
    if (gf_schedule_parse(&s, text, &err)) fail_msg("%s: %s", text, err.message);
    gf_schedule_at at = {.lr = atof(strtok_r(NULL, " ", &rest))};
    int64_t epochs = atoll(strtok_r(NULL, " ", &rest));
    at.epoch_steps = atoll(strtok_r(NULL, " ", &rest));
    at.steps = epochs * at.epoch_steps;
    for (char *word; (word = strtok_r(NULL, " \n", &rest)); at.step++) {
        double want = atof(word), got = gf_schedule_lr(&s, &at);
        if (!(fabs(got - want) <= 1e-7 * fabs(want) + 1e-18)) {
            fail_msg("%s, step %lld of %lld: %.17g, wanted is %.17g", text, (long long)at.step, (long long)at.steps,
                     got, want);
        }
    }
    assert_int_equal(at.step, at.steps);
    gf_schedule_free(&s);
    return at.steps;
}

static void rates_are_the_frameworks(void **state)
{
    (void)state;
    static char line[LINE];
    int64_t steps = 0;
    FILE *f = fopen(GRAFT_FIXTURES "/schedules.txt", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (*line != '#') steps += check_line(line);
    }
    fclose(f);
    assert_true(steps > 4000);
}

static void every_kind_has_a_fixture(void **state)
{
    (void)state;
    static char line[LINE];
    for (size_t i = 0; i < KINDS; i++) {
        const gf_schedule_class *class = gf_schedule_class_at(i);
        FILE *f = fopen(GRAFT_FIXTURES "/schedules.txt", "r");
        assert_non_null(f);
        bool found = false;
        while (!found && fgets(line, sizeof line, f)) found = !strncmp(line, class->name, strlen(class->name));
        fclose(f);
        if (!found) fail_msg("%s has none", class->name);
    }
    assert_null(gf_schedule_class_at(KINDS));
}

static void nothing_is_constant(void **state)
{
    (void)state;
    gf_schedule s;
    assert_int_equal(gf_schedule_parse(&s, NULL, NULL), GRAFT_OK);
    assert_string_equal(s.class->name, "constant");
    assert_true(gf_schedule_lr(&s, &(gf_schedule_at){.lr = 0.1, .step = 5, .steps = 6, .epoch_steps = 3}) == 0.1);
    gf_schedule_free(&s);
}

/* Where more steps are asked for than a phase was to have: the last rate, never below. */
static void beyond_the_end_it_stays(void **state)
{
    (void)state;
    static const char *const texts[] = {"cosine", "linear", "polynomial:power=2", "one-cycle"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        gf_schedule s;
        assert_int_equal(gf_schedule_parse(&s, texts[i], NULL), GRAFT_OK);
        double rate = gf_schedule_lr(&s, &(gf_schedule_at){.lr = 1, .step = 25, .steps = 10, .epoch_steps = 5});
        if (!(rate >= 0 && rate < 1e-5)) fail_msg("%s: %g", texts[i], rate);
        gf_schedule_free(&s);
    }
}

static void what_is_no_schedule_is_told(void **state)
{
    (void)state;
    graft_error err = {0};
    assert_int_equal(gf_schedule_check("cosin", &err), GRAFT_USAGE);
    assert_non_null(strstr(err.message, "schedule \"cosin\" is not known"));
    assert_non_null(strstr(err.hint, "constant, cosine, linear"));
    assert_int_equal(gf_schedule_check("cosine:floor=2", &err), GRAFT_USAGE);
    assert_non_null(strstr(err.message, "floor \"2\""));
    assert_int_equal(gf_schedule_check("constant:rate=1", &err), GRAFT_USAGE);
    assert_int_equal(gf_schedule_check("step:every=3", &err), GRAFT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_the_frameworks),    cmocka_unit_test(every_kind_has_a_fixture),
        cmocka_unit_test(nothing_is_constant),         cmocka_unit_test(beyond_the_end_it_stays),
        cmocka_unit_test(what_is_no_schedule_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
