/* The file of timed choices in the user's cache: taken by the graft and the machine that it was timed by, by no other.
 */
#include "api/internal.h"
#include "support/ok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char choices[] = "one=fast\ntwo=slow\n";

static graft_context *opened(void)
{
    graft_context *c;
    graft_context_options o;
    graft_context_defaults(&o);
    o.threads = 1;
    OK(graft_context_open(&o, &c, &error));
    return c;
}

/* What a context knows that finds `choices` in the cache under that first line. */
static void expect_known(const char *timed_by, const char *want)
{
    gf_api_keep("choices", timed_by, choices);
    graft_context *c = opened();
    char *text = gf_ops_choices_text(c->ops);
    assert_non_null(text);
    assert_string_equal(text, want);
    gf_free(text);
    graft_context_free(c);
}

static void choices_of_another_version_are_timed_again(void **state)
{
    (void)state;
    graft_context *c = opened();
    char mine[256], other[300];
    snprintf(mine, sizeof mine, "%s", gf_ops_timed_by(c->ops));
    expect_known(mine, choices);
    expect_known(gf_ops_machine(c->ops), ""); /* of a graft that did not name its loops */
    snprintf(other, sizeof other, "%s graft %s loops %d", gf_ops_machine(c->ops), GRAFT_VERSION, GF_OPS_LOOPS + 1);
    expect_known(other, "");
    snprintf(other, sizeof other, "%s graft 0.0.9 loops %d", gf_ops_machine(c->ops), GF_OPS_LOOPS);
    expect_known(other, "");
    snprintf(other, sizeof other, "%s0", mine); /* loops 10 are not loops 1 */
    expect_known(other, "");
    graft_context_free(c);
}

static void new_choices_replace_old_ones(void **state)
{
    (void)state;
    gf_api_keep("choices", "of another graft", choices);
    graft_context *c = opened();
    gf_ops_add_choices(c->ops, "three=new\n");
    gf_ops_add_choices_of_run(c->ops, "four=unclear\n"); /* as a resumed run's */
    gf_api_keep_choices(c);
    char *text = gf_api_kept("choices", gf_ops_timed_by(c->ops));
    assert_non_null(text);
    assert_string_equal(text, "three=new\n");
    gf_free(text);
    graft_context_free(c);
}

static char root[] = "/tmp/graft-test-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(root) ? setenv("XDG_CACHE_HOME", root, 1) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_of_another_version_are_timed_again),
        cmocka_unit_test(new_choices_replace_old_ones),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
