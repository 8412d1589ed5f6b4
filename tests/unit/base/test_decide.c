/* Decisions: said once, kept in order, a later one in the place of an earlier one. */
#include "base/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct heard {
    char text[256];
    int n;
} heard;

static void hear(void *ctx, gf_log_level level, const char *text)
{
    heard *h = ctx;
    assert_int_equal(level, GF_NOTE);
    snprintf(h->text, sizeof h->text, "%s", text);
    h->n++;
}

static void a_decision_is_said_and_kept(void **state)
{
    (void)state;
    heard h = {0};
    gf_decisions d = {0};
    const gf_log log = {hear, &h, &d}, bare = {hear, &h, NULL};
    gf_decide(&log, "precision", "bf16", "measured: %.1f times as fast", 1.5);
    assert_string_equal(h.text, "precision: bf16 (measured: 1.5 times as fast)");
    gf_decide(&log, "split", "80 %", "no parts");
    gf_decide(&log, "precision", "bf16", "measured: %.1f times as fast", 1.5); /* nothing new */
    assert_int_equal(h.n, 2);
    gf_decide(&log, "precision", "f32", "no bf16");
    assert_int_equal(h.n, 3);
    assert_int_equal(d.n, 2);
    assert_string_equal(d.item[0].what, "precision");
    assert_string_equal(d.item[0].value, "f32");
    assert_string_equal(d.item[0].why, "no bf16");
    assert_string_equal(d.item[1].what, "split");
    gf_decide(&bare, "split", "80 %", "no parts"); /* without a list: said each time */
    gf_decide(&bare, "split", "80 %", "no parts");
    assert_int_equal(h.n, 5);
    gf_decide(NULL, "split", "80 %", "no parts");
    gf_decide(&(gf_log){NULL, NULL, &d}, "size", "160", "own"); /* kept where nobody listens */
    assert_int_equal(d.n, 3);
    gf_decisions all = {0};
    gf_decisions_add(&all, "size", "96", "other");
    assert_int_equal(gf_decisions_merge(&all, &d, NULL), GRAFT_OK);
    assert_int_equal(all.n, 3);
    assert_string_equal(all.item[0].value, "160");
    gf_decisions_free(&all);
    gf_decisions_free(&d);
}

static void a_long_reason_is_cut(void **state)
{
    (void)state;
    char longest[4096];
    gf_decisions d = {0};
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    gf_decide(&(gf_log){NULL, NULL, &d}, "a", "b", "%s", longest);
    assert_int_equal(strlen(d.item[0].why), 1023);
    gf_decisions_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_decision_is_said_and_kept),
                                       cmocka_unit_test(a_long_reason_is_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
