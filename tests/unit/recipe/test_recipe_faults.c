/* Recipes where memory runs out or a file cannot be read or written: nothing leaks, the error says so, and a file that
 * is there stays whole. */
#include "recipe/recipe.h"

#include "support/fail_each.h"
#include "support/own_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char path[128];
static const char *const names[] = {"model", "hook", "phases"}, *const values[] = {
                                                                    "mobilenet_v2", "early-stopping,ema",
                                                                    "head epochs=5; tail last=30 lr=1e-5"};
enum { ENTRIES = 3 };

static graft_status write_one(graft_error *err) { return gf_recipe_write(path, names, values, ENTRIES, err); }

static graft_status read_one(graft_error *err)
{
    gf_recipe r;
    GF_TRY(gf_recipe_read(&r, path, err));
    bool whole = r.n == ENTRIES;
    for (size_t i = 0; whole && i < r.n; i++) whole = !strcmp(r.item[i].value, values[i]);
    gf_recipe_free(&r);
    assert_true(whole);
    return GRAFT_OK;
}

static void old_is_there(void) { assert_int_equal(read_one(NULL), GRAFT_OK); }

static void every_fault_is_survived(void **state)
{
    (void)state;
    graft_error err = {0};
    snprintf(path, sizeof path, "%s/r.yaml", dir);
    assert_int_equal(write_one(&err), GRAFT_OK);
    assert_true(fail_each(FAULT_ALLOC, read_one, old_is_there) > 5);
    assert_true(fail_each(FAULT_ALLOC, write_one, old_is_there) > 5);
    for (fault_kind kind = FAULT_OPEN; kind < FAULT_KINDS; kind++) {
        long read = fail_each(kind, read_one, old_is_there), written = fail_each(kind, write_one, old_is_there);
        assert_true(read > 0 || written > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_fault_is_survived)};
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
