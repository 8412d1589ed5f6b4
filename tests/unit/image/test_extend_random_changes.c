/* A random change is one file and one line: a toy, listed by tests/extend/random_changes.def alone, is parsed, checked,
 * drawn, done, and shown in hints and help. The room's table is compiled once more with it. */
#include "image/augment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const gf_change_arg rows[] = {
    {.name = "levels", .kind = GF_CHANGE_WHOLE, .min = 1, .max = 50, .default_value = "20", .help = "how much darker"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)h, (void)w;
    t->color = gf_color_shift(-(float)gf_rng_below(rng, (uint32_t)args->value[0].low) - 1);
}

extern const gf_random_change_class gf_random_change_toy;
const gf_random_change_class gf_random_change_toy = {
    .families = GF_CHANGE_OWN,
    .name = "darken",
    .help = "darker by whole levels",
    GF_ROWS_OF(rows),
    .stream = 0xffff,
    .draw = draw,
};

enum { H = 4, W = 5, N = H * W * 3 };

static void a_toy_is_a_word(void **state)
{
    (void)state;
    gf_augment_spec spec, without;
    graft_error err;
    uint8_t image[N];
    float values[N], plain[N];
    static _Alignas(64) char scratch[1 << 16];
    assert_int_equal(gf_augment_parse("flip,darken=30", &spec, &err), GRAFT_OK);
    assert_int_equal(gf_augment_parse("flip", &without, &err), GRAFT_OK);
    for (int i = 0; i < N; i++) image[i] = (uint8_t)(100 + i);
    float least = 1000, most = 0;
    for (uint32_t sample = 0; sample < 500; sample++) {
        gf_augment_drawn d, bare;
        gf_augment_draw(&spec, 1, 0, sample, H, W, H, W, &d);
        gf_augment_draw(&without, 1, 0, sample, H, W, H, W, &bare);
        gf_augment_apply(&d, image, values, scratch);
        gf_augment_apply(&bare, image, plain, scratch);
        float by = plain[0] - values[0];
        for (int i = 0; i < N; i++) assert_true(plain[i] - values[i] == by); /* the flip is what it was */
        least = by < least ? by : least;
        most = by > most ? by : most;
    }
    assert_true(least == 1 && most == 30);
}

static void errors_and_help_know_it(void **state)
{
    (void)state;
    gf_augment_spec spec;
    graft_error err;
    assert_int_equal(gf_augment_parse("darkn", &spec, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.hint, "did you mean `darken`"));
    assert_int_equal(gf_augment_parse("darken=51", &spec, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.message, "from 1 to 50"));
    gf_text text = {0};
    gf_augment_words(&text);
    assert_non_null(strstr(text.s, "darken=20 - darker by whole levels\n"));
    assert_non_null(strstr(text.s, "\nrotate="));
    gf_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_toy_is_a_word),
        cmocka_unit_test(errors_and_help_know_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
