/* Recipes: what is read, what is refused with its line, and that what is written reads back. */
#include "recipe/recipe.h"

#include "base/io.h"
#include "support/own_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *value_of(const gf_recipe *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->item[i].name, name)) return r->item[i].value;
    return NULL;
}

static void both_languages_say_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "# a job\nmodel: mobilenet_v2\nlr: 1e-4\nprobe: true\nhook:\n  - early-stopping:patience=3\n  - ema\n"
        "phases:\n  - {name: head, epochs: 5}\n  - name: tail\n    last: 30\n    optimizer: adam:epsilon=1e-3\n",
        "{\"model\": \"mobilenet_v2\", \"lr\": 1e-4, \"probe\": true, \"hook\": [\"early-stopping:patience=3\", "
        "\"ema\"],\n"
        "\"phases\": [{\"epochs\": 5, \"name\": \"head\"}, {\"name\": \"tail\", \"last\": 30,\n"
        "\"optimizer\": \"adam:epsilon=1e-3\"}]}"};
    for (int i = 0; i < 2; i++) {
        gf_recipe r;
        graft_error err = {0};
        if (gf_recipe_parse(&r, texts[i], strlen(texts[i]), "r", &err)) fail_msg("%s", err.message);
        assert_int_equal(r.n, 5);
        assert_string_equal(value_of(&r, "model"), "mobilenet_v2");
        assert_string_equal(value_of(&r, "lr"), "1e-4");
        assert_string_equal(value_of(&r, "probe"), "true");
        assert_string_equal(value_of(&r, "hook"), "early-stopping:patience=3,ema");
        assert_string_equal(value_of(&r, "phases"), "head epochs=5; tail last=30 optimizer=adam:epsilon=1e-3");
        assert_int_equal(r.item[1].line, i ? 1 : 3);
        gf_recipe_free(&r);
    }
}

static void refused(const char *text, const char *message)
{
    gf_recipe r;
    graft_error err = {0};
    assert_int_equal(gf_recipe_parse(&r, text, strlen(text), "r.yaml", &err), GRAFT_USAGE);
    assert_int_equal(err.number, GF_E_RECIPE);
    assert_string_equal(err.message, message);
    assert_int_equal(r.n, 0);
}

static void what_is_no_recipe_is_refused_with_its_line(void **state)
{
    (void)state;
    refused("- lr\n", "r.yaml: a recipe is a map of options");
    refused("", "r.yaml: a recipe is a map of options");
    refused("lr: 1\ntrain:\n  lr: 1\n", "r.yaml:3: train: is a map: options are all on one level");
    refused("lr: 1\nepochs:\n", "r.yaml:2: epochs: has no value");
    refused("phases:\n  - {epochs: 5}\n", "r.yaml:2: : a phase needs a name");
    refused("phases:\n  - {name: a, lr: 1; 2}\n", "r.yaml:2: lr: a space or semicolon cannot be in a phase's value");
    refused("hook: [a, {name: b}]\n", "r.yaml:1: hook: texts and maps in one list");
    refused("hook: []\n", "r.yaml:1: hook: the list is empty");
    refused("lr: 1\nlr: 2\n", "r.yaml:2:1: a key is there twice");
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    const char *const name[] = {"model", "augment", "weights", "probe", "phases"},
                      *const value[] = {"layers:conv=8,3,relu;gap", "flip,rotate=0.1", "a \"b\"\\c: #d\xc3\xa9\n",
                                        "true", " head  epochs=5 ;tail last=30 lr=1e-5; "};
    char path[128];
    for (int i = 0; i < 2; i++) {
        gf_recipe r;
        graft_error err = {0};
        snprintf(path, sizeof path, "%s/r.%s", dir, i ? "json" : "yaml");
        if (gf_recipe_write(path, name, value, 5, &err) || gf_recipe_read(&r, path, &err)) fail_msg("%s", err.message);
        assert_int_equal(r.n, 5);
        for (size_t k = 0; k < 4; k++) assert_string_equal(value_of(&r, name[k]), value[k]);
        assert_string_equal(value_of(&r, "phases"), "head epochs=5; tail last=30 lr=1e-5");
        gf_recipe_free(&r);
    }
}

static void a_text_that_is_no_utf8_is_not_written(void **state)
{
    (void)state;
    const char *const name[] = {"weights"}, *const value[] = {"a\xff"};
    char path[128];
    graft_error err = {0};
    snprintf(path, sizeof path, "%s/bad.yaml", dir);
    assert_int_equal(gf_recipe_write(path, name, value, 1, &err), GRAFT_USAGE);
    assert_int_equal(err.number, GF_E_RECIPE);
    assert_false(gf_is_file(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_languages_say_the_same),
        cmocka_unit_test(what_is_no_recipe_is_refused_with_its_line),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_text_that_is_no_utf8_is_not_written),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
