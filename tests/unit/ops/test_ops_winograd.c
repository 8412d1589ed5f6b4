/* Winograd's convolution against the naive twin: on small integers, whose transforms bf16 holds, bit for bit; on reals
 * near it. Shapes of one tile and of many blocks, maps that tiles do not fill, every padding. */
#include "cases.h"
#include "with_ops.h"

#include "base/alloc.h"

static const conv_shape shapes[] = {
    {"3x3", 2, 8, 8, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 16},
    {"3x3, one place", 1, 1, 1, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 16},
    {"3x3, odd height and width", 2, 7, 5, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 16},
    {"3x3, valid", 2, 9, 8, 16, 3, 3, 1, 1, 0, 0, 0, 0, 1, 48},
    {"3x3, as large as its source", 2, 3, 3, 16, 3, 3, 1, 1, 0, 0, 0, 0, 1, 16},
    {"3x3, padded by two", 1, 4, 5, 16, 3, 3, 1, 1, 2, 2, 2, 2, 1, 32},
    {"3x3, padded on two sides", 1, 6, 7, 16, 3, 3, 1, 1, 0, 2, 1, 0, 1, 16},
    {"3x3, several blocks", 3, 37, 21, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 16},
    {"3x3, columns in steps", 1, 5, 6, 128, 3, 3, 1, 1, 1, 1, 1, 1, 1, 64},
    {"3x3, many channels", 2, 3, 5, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 512},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static bool here(void)
{
    if (!gf_ops_has_bf16(ops)) print_message("NOT RUN: %s does not multiply bf16\n", gf_ops_machine(ops));
    return gf_ops_has_bf16(ops);
}

static void check(const op_case *c, fill_kind kind, double allowed)
{
    gf_op_spec spec = c->spec;
    spec.src_dtype[0] = spec.src_dtype[1] = spec.dst_dtype = GF_BF16;
    if (!gf_winograd_fits(&spec, ops)) fail_msg("%s: does not fit", c->name);
    run fast, naive;
    run_new(&fast, c, &gf_op_winograd, GF_BF16, kind, ops);
    run_new(&naive, c, &gf_op_conv_naive, GF_BF16, kind, ops);
    run_forward(&fast);
    run_forward(&naive);
    bool evidence = kind == INTEGERS && spec.src[0].dim[1] > 1; /* of one place, most taps meet zeros */
    compare_dst(&fast, &naive, (tolerance){kind == INTEGERS ? 0 : allowed, evidence});
    memcpy(data_of(&naive.dst), data_of(&fast.dst), fast.dst.bytes);
    run_backward(&fast);
    run_backward(&naive);
    bool adds = c->spec.accumulate[0] || c->spec.accumulate[1]; /* what is added may be rounded before */
    compare_gradients(&fast, &naive, (tolerance){kind == INTEGERS && !adds ? 0 : allowed, evidence});
    run_check_guards(&fast);
    run_free(&fast);
    run_free(&naive);
}

static void check_all(fill_kind kind, double allowed)
{
    for (int i = 0; i < SHAPES && here(); i++) {
        for (int v = 0; v < VARIANTS; v += kind == REALS ? 5 : 1) {
            op_case c = conv_case(&shapes[i], &variants[v]);
            check(&c, kind, allowed);
        }
        op_case c = conv_case(&shapes[i], &variants[1]);
        c.spec.act = GF_ACT_TANH; /* not a cut: behind the sums */
        if (kind == REALS) check(&c, kind, allowed);
    }
}

static void integers_are_exact(void **state)
{
    (void)state;
    check_all(INTEGERS, 0x1p-7);
}

static void reals_are_near(void **state)
{
    (void)state;
    check_all(REALS, 2e-2);
}

/* dst and diff_src of a run in bf16, from those in f32. */
static void measure(const op_case *c, const gf_op_class *cls, const run *wide, double off[2])
{
    run narrow;
    run_new(&narrow, c, cls, GF_BF16, REALS, ops);
    run_forward(&narrow);
    run_backward(&narrow);
    float *dst = floats(narrow.n_dst), *diff_src = floats(narrow.n_src[0]);
    load_all(&narrow.dst, GF_BF16, narrow.n_dst, dst);
    run_diff_src(&narrow, 0, diff_src);
    off[0] = distance(dst, data_of(&wide->dst), narrow.n_dst);
    off[1] = distance(diff_src, data_of(&wide->diff_src[0]), narrow.n_src[0]);
    free(dst);
    free(diff_src);
    run_free(&narrow);
}

/* What it costs: rounding twice as often, it is at most twice as far from f32 as the direct sum in bf16 is. */
static void about_as_near_f32_as_bf16_is(void **state)
{
    (void)state;
    if (!here()) return;
    static const conv_shape real = {"3x3, like ResNet's", 2, 14, 14, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 64};
    op_case c = conv_case(&real, &variants[1]);
    double direct[2], winograd[2];
    run wide, rounded; /* f32, on values that bf16 holds */
    run_new(&wide, &c, &gf_op_conv, GF_F32, REALS, ops);
    run_new(&rounded, &c, &gf_op_conv, GF_BF16, REALS, ops);
    load_all(&rounded.src[0], GF_BF16, wide.n_src[0], data_of(&wide.src[0]));
    load_all(&rounded.diff_dst, GF_BF16, wide.n_dst, data_of(&wide.diff_dst));
    run_free(&rounded);
    run_forward(&wide);
    run_backward(&wide);
    measure(&c, &gf_op_conv, &wide, direct);
    measure(&c, &gf_op_winograd, &wide, winograd);
    print_message("from f32: directly %.5f and %.5f, by Winograd %.5f and %.5f\n", direct[0], direct[1], winograd[0],
                  winograd[1]);
    run_free(&wide);
    for (int k = 0; k < 2; k++) assert_true(winograd[k] > 0 && winograd[k] <= 2 * direct[k]);
}

static void what_does_not_fit_is_left(void **state)
{
    (void)state;
    if (!here()) return;
    gf_op_spec fits = conv_case(&shapes[0], &variants[2]).spec, s;
    fits.src_dtype[0] = fits.dst_dtype = GF_BF16;
    assert_true(gf_winograd_fits(&fits, ops));
    s = fits, s.conv.sw = 2;
    assert_false(gf_winograd_fits(&s, ops));
    s = fits, s.conv.filters = 17;
    assert_false(gf_winograd_fits(&s, ops));
    s = fits, s.src_dtype[0] = s.dst_dtype = GF_F32; /* f32 computes the same whatever a clock says */
    assert_false(gf_winograd_fits(&s, ops));
    s = fits, s.backward = false;
    assert_false(gf_winograd_fits(&s, ops));
    s = fits, s.conv.dh = s.conv.dw = 1;
    assert_false(gf_winograd_fits(&s, ops));
}

static void the_faster_class_is_chosen_once(void **state)
{
    (void)state;
    if (!here()) return;
    op_case c = conv_case(&shapes[8], &variants[2]);
    c.spec.src_dtype[0] = c.spec.dst_dtype = GF_BF16;
    bool first = gf_winograd_wins(&c.spec, ops);
    char *text = gf_ops_choices_text(ops);
    assert_non_null(text);
    assert_non_null(strstr(text, first ? "conv 3x3 n1 5x6x128 o64 wd=winograd" : "conv 3x3 n1 5x6x128 o64 wd=onednn"));
    gf_free(text);
    for (int i = 0; i < 3; i++) assert_int_equal(gf_winograd_wins(&c.spec, ops), first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(reals_are_near),
        cmocka_unit_test(about_as_near_f32_as_bf16_is),
        cmocka_unit_test(what_does_not_fit_is_left),
        cmocka_unit_test(the_faster_class_is_chosen_once),
    };
    return RUN_WITH_OPS(tests);
}
