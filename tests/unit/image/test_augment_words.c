/* --augment's grammar: every kind of value, what is refused and how it is told. */
#include "image/augment.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static gf_augment_spec spec;
static graft_error err;

static bool parses(const char *words)
{
    memset(&err, 0, sizeof err);
    return gf_augment_parse(words, &spec, &err) == GRAFT_OK;
}

static void good_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int n;
        double value; /* of the last word's first row */
    } good[] = {
        {"none", 0, 0},
        {"flip", 1, 0.5},
        {"hflip", 1, 0.5},
        {"flip,rotate=0.2", 2, 0.2},
        {"rotate=.125", 1, 0.125},
        {"rotate=0.05,flip", 2, 0.5},
        {"rotate=0.5", 1, 0.5},
        {"rotate=0", 1, 0},
        {"rotate=angle=0.1", 1, 0.1},
        {"none,flip", 1, 0.5},
        {"flip,none,rotate=0.1", 2, 0.1},
        {"rotate=18deg", 1, 0.05},
        {"rotate=0.1:nearest", 1, 0.1},
        {"rotate=0.1:fill=wrap", 1, 0.1},
        {"rotate=0.1:fill=127.5:p=0.5", 1, 0.1},
        {"rotate=0.1:wrap:nearest", 1, 0.1},
        {"flip=0.25", 1, 0.25},
        {"torch:flip", 1, 0.5},
        {"torch:hflip=1", 1, 1},
        {"torch:flip,graft:rotate=0.1", 2, 0.1},
        {"torch:none", 0, 0},
        {"light", 3, 0.1},
        {"none,light", 3, 0.1},
        {"torch:resized-crop=0.8-1:size=256,rotate=15deg,jitter,hflip,center-crop=224", 5, 224},
        {"keras:rotate=0.1-0.3,keras:contrast=0.2:lower=0.1,graft:jitter=hue=0.1", 3, 0},
        {"flip:p=1", 1, 1},
        {"flip:p=0.25,rotate=0.1:nearest=1", 2, 0.1},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!parses(good[i].text)) fail_msg("`%s`: %s", good[i].text, err.message);
        assert_int_equal(spec.n, good[i].n);
        assert_int_equal(gf_augment_any(&spec), good[i].n > 0);
        if (!spec.n) continue;
        const struct gf_change_value *first = &spec.word[spec.n - 1].args.value[0];
        if (!(fabs(first->high - good[i].value) < 1e-12)) fail_msg("`%s`: %g", good[i].text, first->high);
    }
    assert_true(parses("rotate=0.1:fill=127.5:p=0.75:nearest"));
    const gf_augment_word *w = &spec.word[0];
    assert_true(w->p == 0.75f && w->args.value[1].low == GF_BORDER_CONSTANT && w->args.value[1].high == 127.5);
    assert_true(w->args.value[2].low == 1 && w->args.value[2].given);
    assert_true(parses("rotate=0.1") && !spec.word[0].args.value[1].given && spec.word[0].args.value[2].low == 0);
}

static void bad_words(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ",",
        "flip,",
        ",flip",
        "flop",
        "rotate",
        "rotate=",
        "rotate=0,2",
        "rotate=nan",
        "rotate=inf",
        "rotate=0.6",
        "rotate=-0.1",
        "rotate=1e-1",
        "flip=2",
        "flip=",
        "flip,,rotate=0.2",
        "flip ",
        " flip",
        "rotate=0.2x",
        "rotatte=0.2",
        "rotate=0..2",
        "rotate=0.2:",
        "rotate=0.2::nearest",
        "rotate=0.2:nearest=2",
        "rotate=0.2:fill",
        "rotate=0.2:fill=256",
        "rotate=0.2:fill=pink",
        "rotate=0.2:p=1.1",
        "rotate=0.2:p",
        "rotate=0.2:q=1",
        "flip:",
        "flip:=",
        "rotate=0.1-0.2",
        "rotate=0.2-0.1",
        "rotate=0.2-",
        "rotate=200deg",
        "rotate=10de",
        "rotate=0.2:reflect:0.3",
        "keras:",
        "torch:",
        "keras:flop",
        "tensorflow:flip",
        "none=1",
        "flip:rotate=0.2",
        "Flip",
        "rotate=0.0000000000000000000000001",
        "flip,a_word_that_is_much_longer_than_any_of_the_words_that_are_known_and_than_any_buffer_for_one_of_them",
        "flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip",
        "fl\xff\x01p",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parses(bad[i])) fail_msg("`%s` was taken", bad[i]);
        assert_int_equal(err.number, GF_E_OPTION_VALUE);
        assert_true(spec.n == 0 && *err.message);
    }
}

/* The word, its range, the nearest name. */
static void errors_help(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
    } told[] = {
        {"rotatte=0.2", "`rotatte` is not known", "did you mean `rotate`"},
        {"flip,flop", "`flop`", "did you mean `flip`? Known: none"},
        {"flip,rotate=0.6", "`rotate=0.6`: angle: a number of turns from 0 to 0.5", "15deg"},
        {"rotate", "`rotate` needs a value: angle", ""},
        {"rotate=0.1:fill=red", "fill: reflect|nearest|wrap|0 to 255", ""},
        {"rotate=0.1:fil=3", "`fil` is not a value", "angle, fill, nearest"},
        {"flip=1.5", "`flip=1.5`: p: a number from 0 to 1", ""},
        {"torch:vlip", "`vlip` is not known to torch", "flip"},
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        assert_false(parses(told[i].text));
        if (!strstr(err.message, told[i].message) || !strstr(err.hint, told[i].hint))
            fail_msg("`%s`: %s / %s", told[i].text, err.message, err.hint);
    }
}

/* Each class's rows can be used: defaults are values, the range's ends too, names are the grammar's. */
static void rows_are_sound(void **state)
{
    (void)state;
    const gf_random_change_class *c;
    char buf[160];
    for (size_t i = 0; (c = gf_random_change_at(i)); i++) {
        assert_true(c->families && c->name && c->help && *c->help && c->draw && c->n_args <= GF_CHANGE_ARGS);
        assert_int_equal(strspn(c->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(c->name));
        for (int a = 0; a < c->n_args; a++) {
            const gf_change_arg *row = &c->args[a];
            struct gf_change_value value;
            const char *text = row->default_value;
            if (text && gf_change_parse_value(row, text, strlen(text), &value, buf, sizeof buf))
                fail_msg("%s: %s: default %s: %s", c->name, row->name, text, buf);
            assert_true(row->name && row->help && row->min <= row->max);
            assert_true((row->kind == GF_CHANGE_CHOICE) == (row->choices != NULL));
        }
        for (unsigned family = 1; family <= GF_CHANGE_TORCH; family *= 2) {
            bool found = gf_random_change_find((gf_change_family)family, c->name, strlen(c->name)) == c;
            assert_int_equal(found, (c->families & family) != 0);
        }
    }
}

/* Help has a line of each class and family, and each line's word can be written. */
static void help_lists_every_word(void **state)
{
    (void)state;
    gf_text text = {0};
    gf_augment_words(&text);
    assert_false(text.failed);
    size_t classes = 0, lines = 0;
    const gf_random_change_class *c;
    for (size_t i = 0; (c = gf_random_change_at(i)); i++) {
        for (unsigned family = 1; family <= GF_CHANGE_TORCH; family *= 2) classes += (c->families & family) != 0;
    }
    for (char *line = text.s, *end; *line; line = end + 1, lines++) {
        end = strchr(line, '\n');
        *end = 0;
        char *help = strstr(line, " - ");
        assert_non_null(help);
        *help = 0;
        for (char *flag; (flag = strstr(line, "[:"));) memmove(flag, strchr(flag, ']') + 1, strlen(strchr(flag, ']')));
        bool needs = line[strcspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != 0;
        if (parses(line) == needs) fail_msg("`%s`: %s", line, err.message);
    }
    assert_true(lines > classes);
    gf_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_words),
        cmocka_unit_test(bad_words),
        cmocka_unit_test(errors_help),
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(help_lists_every_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
