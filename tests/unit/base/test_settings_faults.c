/* Options by name where memory runs out: nothing leaks, and a value that was there stays. */
#include "base/settings.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void no_memory_loses_nothing(void **state)
{
    (void)state;
    long faults = 0, live = faults_live();
    for (long k = 0;; k++) {
        graft_status status = GRAFT_OK;
        gf_settings *copy = NULL;
        faults_arm(FAULT_ALLOC, k);
        gf_settings *s = gf_settings_new();
        if (s) status = gf_settings_set(s, "train.lr", "0.25", NULL);
        bool first = s && status == GRAFT_OK;
        if (first) status = gf_settings_set(s, "train.lr", "0.5", NULL);
        if (first && status != GRAFT_OK) assert_true(gf_settings_real(s, GF_SET_TRAIN_LR) == 0.25);
        if (s && status == GRAFT_OK) status = gf_settings_copy(&copy, s, NULL);
        bool happened = faults_disarm();
        if (happened) assert_true(!s || status == GRAFT_RESOURCE);
        if (happened) assert_null(copy);
        gf_settings_free(copy);
        gf_settings_free(s);
        assert_int_equal(faults_live(), live);
        if (!happened) break;
        faults++;
    }
    assert_int_equal(faults, 5); /* new, set, set, and a copy's two */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_memory_loses_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
