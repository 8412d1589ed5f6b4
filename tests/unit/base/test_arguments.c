/* "KEY=VALUE,..." against rows: defaults, kinds, what is refused and how. */
#include "base/arguments.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { RATE, COUNT, ON, MODE, ANY, ROWS };
static const gf_argument rows[ROWS] = {
    [RATE] = {"rate", GF_ARG_REAL, "0.5", 0, 1, NULL, "a rate"},
    [COUNT] = {"count", GF_ARG_WHOLE, NULL, 1, 10, NULL, "a count"},
    [ON] = {"on", GF_ARG_FLAG, "1", 0, 0, NULL, "whether"},
    [MODE] = {"mode", GF_ARG_WORD, "auto", 0, 0, "auto|min|max", "which way"},
    [ANY] = {"any", GF_ARG_WORD, NULL, 0, 0, NULL, "a word"},
};

static graft_status parse(gf_arguments *a, const char *text, graft_error *err)
{
    return gf_arguments_parse(a, "hook", "toy", rows, ROWS, text, strlen(text), err);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    gf_arguments a;
    assert_int_equal(parse(&a, "", NULL), GRAFT_OK);
    assert_true(a.number[RATE] == 0.5 && isnan(a.number[COUNT]) && a.number[ON] == 1);
    assert_string_equal(a.word[MODE], "auto");
    assert_null(a.word[ANY]);
    gf_arguments_free(&a);
}

static void what_is_given_holds(void **state)
{
    (void)state;
    gf_arguments a;
    assert_int_equal(parse(&a, "mode=max,any=val_loss,rate=1e-3,on=0,count=7,mode=min", NULL), GRAFT_OK);
    assert_true(a.number[RATE] == 1e-3 && a.number[COUNT] == 7 && a.number[ON] == 0);
    assert_string_equal(a.word[MODE], "min"); /* the last one */
    assert_string_equal(a.word[ANY], "val_loss");
    gf_arguments_free(&a);
    gf_arguments_free(&a);
}

static void people_write_it_their_way(void **state)
{
    (void)state;
    static const gf_argument own[] = {{"from_epoch", GF_ARG_WHOLE, "0", 0, 9, NULL, "a number"},
                                      {"restore", GF_ARG_FLAG, "no", 0, 0, NULL, "whether"}};
    static const char *const on[] = {"restore=yes", "restore=true", "restore=on", "restore=1", "restore=True"},
                             *const off[] = {"restore=no", "restore=false", "restore=off", "restore=0"};
    gf_arguments a;
    for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
        assert_int_equal(gf_arguments_parse(&a, "hook", "toy", own, 2, on[i], strlen(on[i]), NULL), GRAFT_OK);
        assert_true(a.number[1] == 1);
    }
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        assert_int_equal(gf_arguments_parse(&a, "hook", "toy", own, 2, off[i], strlen(off[i]), NULL), GRAFT_OK);
        assert_true(a.number[1] == 0);
    }
    static const char dash[] = "from-epoch=4", none[] = "from+epoch=4";
    assert_int_equal(gf_arguments_parse(&a, "hook", "toy", own, 2, dash, strlen(dash), NULL), GRAFT_OK);
    assert_true(a.number[0] == 4);
    assert_int_equal(gf_arguments_parse(&a, "hook", "toy", own, 2, none, strlen(none), NULL), GRAFT_USAGE);
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"rat=1", "hook toy has no \"rat\"; it has rate, count, on, mode, any"},
        {"rate", "has no \"rate\""},
        {"rate=2", "rate \"2\": wanted is a number from 0 to 1 (a rate)"},
        {"rate=nan", "rate \"nan\""},
        {"rate=", "rate \"\""},
        {"count=1.5", "count \"1.5\": wanted is a whole number from 1 to 10"},
        {"on=2", "on \"2\": wanted is yes or no"},
        {"mode=ma", "mode \"ma\": wanted is auto|min|max"},
        {"any=", "any \"\": wanted is a word"},
        {",rate=1", "has no \"\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gf_arguments a;
        graft_error err = {0};
        assert_int_equal(parse(&a, bad[i][0], &err), GRAFT_USAGE);
        if (!strstr(err.message, bad[i][1])) fail_msg("%s: %s", bad[i][0], err.message);
        assert_null(a.word[MODE]);
    }
    gf_arguments a;
    graft_error err = {0};
    assert_int_equal(gf_arguments_parse(&a, "schedule", "constant", NULL, 0, "x=1", 3, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.message, "schedule constant takes nothing, not \"x\""));
}

static void help_is_made_of_the_rows(void **state)
{
    (void)state;
    gf_text t = {0};
    gf_arguments_words(&t, "toy", "a toy", rows, ROWS);
    assert_string_equal(t.s, "toy - a toy\n  rate=0.5 - a rate (a number from 0 to 1)\n"
                             "  count= - a count (a whole number from 1 to 10)\n  on=1 - whether (yes or no)\n"
                             "  mode=auto - which way (auto|min|max)\n  any= - a word (a word)\n");
    gf_text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default), cmocka_unit_test(what_is_given_holds),
        cmocka_unit_test(people_write_it_their_way),         cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(help_is_made_of_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
