/* Rates that are read off the loss of a learning rate finder are those of fastai's rules (tests/fixtures/lr_find.txt).
 */
#include "train/lr_find.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double number(char **rest) { return atof(strtok_r(NULL, " \n", rest)); }

static void check(char *line)
{
    char *rest = NULL;
    size_t n = (size_t)atoi(strtok_r(line, " ", &rest));
    double want[3];
    for (int i = 0; i < 3; i++) want[i] = number(&rest);
    gf_lr_curve c = {0};
    for (size_t i = 0; i < n; i++) {
        bool more = gf_lr_add(&c, number(&rest));
        if (i + 1 < n) assert_true(more);
    }
    gf_lr_found found;
    assert_int_equal(c.n, n);
    assert_true(gf_lr_read(&c, &found));
    const double got[] = {found.valley, found.steep, found.minimum};
    for (int i = 0; i < 3; i++) {
        if (!(fabs(got[i] / want[i] - 1) <= 1e-9))
            fail_msg("%zu losses, rule %d: %g, fastai %g", n, i, got[i], want[i]);
    }
}

static void rates_are_fastai_s(void **state)
{
    (void)state;
    static char line[4096];
    int n = 0;
    FILE *file = fopen(GRAFT_FIXTURES "/lr_find.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (*line != '#') check(line), n++;
    }
    fclose(file);
    assert_int_equal(n, 40);
}

static void it_ends_where_nothing_more_can_be_seen(void **state)
{
    (void)state;
    gf_lr_curve c = {0};
    gf_lr_found found;
    for (int i = 0; i < 20; i++) assert_true(gf_lr_add(&c, 1));
    assert_false(gf_lr_read(&c, &found)); /* it never falls */
    assert_false(gf_lr_add(&c, NAN));
    assert_int_equal(c.n, 20);
    assert_false(gf_lr_add(&c, 1e6)); /* four times the least, smoothed */
    c = (gf_lr_curve){0};
    for (int i = 0; i < GF_LR_STEPS - 1; i++) assert_true(gf_lr_add(&c, 1 - 0.001 * i));
    assert_false(gf_lr_add(&c, 0.5));
    assert_true(gf_lr_read(&c, &found));
    assert_true(gf_lr_at(0) == 1e-7 && fabs(gf_lr_at(GF_LR_STEPS - 1) - 10) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_fastai_s),
        cmocka_unit_test(it_ends_where_nothing_more_can_be_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
