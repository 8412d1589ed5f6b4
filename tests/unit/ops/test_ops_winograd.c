/* Winograd's convolution against the reference implementation: on small integers, whose transforms bf16 holds, bit for
 * bit; on reals near it. Shapes of one tile and of many blocks, maps that tiles do not fill, every padding. */
#include "cases.h"
#include "with_ops.h"

#include "base/alloc.h"
#include "ops/variant.h"
#include "ops/winograd.h"
#include "support/needs.h"

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

static void check(const op_case *c, fill_kind kind, double allowed)
{
    gf_op_spec spec = c->spec;
    spec.src_dtype[0] = spec.src_dtype[1] = spec.dst_dtype = GF_BF16;
    if (!gf_winograd_fits(&spec, ops)) fail_msg("%s: does not fit", c->name);
    run fast, reference;
    run_new(&fast, c, &gf_op_winograd, GF_BF16, kind, ops);
    run_new(&reference, c, &gf_op_conv_reference, GF_BF16, kind, ops);
    run_forward(&fast);
    run_forward(&reference);
    bool evidence = kind == INTEGERS && spec.src[0].dim[1] > 1; /* of one place, most taps meet zeros */
    compare_dst(&fast, &reference, (tolerance){kind == INTEGERS ? 0 : allowed, evidence});
    memcpy(data_of(&reference.dst), data_of(&fast.dst), fast.dst.bytes);
    run_backward(&fast);
    run_backward(&reference);
    bool adds = c->spec.accumulate[0] || c->spec.accumulate[1]; /* what is added may be rounded before */
    compare_gradients(&fast, &reference, (tolerance){kind == INTEGERS && !adds ? 0 : allowed, evidence});
    run_check_guards(&fast);
    run_free(&fast);
    run_free(&reference);
}

static void check_all(fill_kind kind, double allowed)
{
    for (int i = 0; i < SHAPES; i++) {
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
    NEEDS("bf16");
    check_all(INTEGERS, 0x1p-7);
}

static void reals_are_near(void **state)
{
    (void)state;
    NEEDS("bf16");
    check_all(REALS, 2e-2);
}

/* What is promised of reals: a distance from f32 (L2, relative to what f32 gives) that follows from the number format,
 * on any processor.
 *
 * Rounding to bf16 (8 bits of significand, to nearest) moves a value x by at most half a step: |x| u, u = 2^-8. Over
 * the places of a step its error is spread evenly with mean 0, so that its mean square is at most (x u)^2 / 3. Errors
 * of different values are independent, so their squares add. Products and sums are f32, whose own errors are 2^-16 of
 * that.
 *
 * Let src and kernel be independent values of mean 0 and variances s and g, of C channels. A sum over 9 taps has the
 * variance 9 C s g, the four of a tile 36 C s g together. Winograd rounds each V[k] and each U[k] (k = 4 i + j):
 *     V = B^T d B      each row of B^T is the sum of two values, so the variance of V[k] is 2 * 2 s
 *     U = G kernel G^T rows of G have squares that add up to (1, 3/4, 3/4, 1)
 *     A^T M A          M[k] comes into the four sums with squares that add up to (1, 2, 2, 1)[i] (1, 2, 2, 1)[j]
 * An error of V[k] or of U[k], relative square e each, makes one of 2 e C 4 s U[k]^2 in M[k], and in the four sums
 *     2 e C 4 s g (1 + 3/4 2 + 3/4 2 + 1)^2 = 200 e C s g = 50/9 e of 36 C s g.
 * dst is rounded once more: (50/9 + 1) e, e = u^2 / 3. diff_src is the same sum of dz and the kernel turned round.
 * diff_kernel sums over T tiles: V[k] as above, E[k] by A (1, 2, 2, 1) and G^T's columns (1, 3/4, 3/4, 1) take the
 * places of each other, so it is 50/9 e again; it stays f32. The direct sum rounds kernel and dst,
 * 2 e; what its diff_kernel is summed of is bf16 already: less than one rounding.
 *
 * Zeros around the map take from the sum 2 taps of the 3 H that a dimension of H places has, and of the errors 1 of the
 * 10 parts of the first tile and of the last: 2 of 10 (H / 2). */
static double bound(double roundings, int height, int width)
{
    double h = height, w = width;
    double edges = (1 - 2 / (5 * h)) / (1 - 2 / (3 * h)) * (1 - 2 / (5 * w)) / (1 - 2 / (3 * w));
    return sqrt(roundings * edges / 3) * 0x1p-8;
}

enum { DST, DIFF_SRC, DIFF_KERNEL, RESULTS };

/* dst, diff_src and diff_kernel of a run in bf16, from those in f32. */
static void measure(const op_case *c, const gf_op_class *cls, const run *wide, double off[RESULTS])
{
    run narrow;
    run_new(&narrow, c, cls, GF_BF16, REALS, ops);
    run_forward(&narrow);
    run_backward(&narrow);
    float *dst = floats(narrow.n_dst), *diff_src = floats(narrow.n_src[0]);
    load_all(&narrow.dst, GF_BF16, narrow.n_dst, dst);
    run_diff_src(&narrow, 0, diff_src);
    off[DST] = distance(dst, data_of(&wide->dst), narrow.n_dst);
    off[DIFF_SRC] = distance(diff_src, data_of(&wide->diff_src[0]), narrow.n_src[0]);
    off[DIFF_KERNEL] = distance(narrow.dkernel, wide->dkernel, narrow.n_kernel);
    free(dst);
    free(diff_src);
    run_free(&narrow);
}

static void no_further_from_f32_than_roundings_go(void **state)
{
    (void)state;
    NEEDS("bf16");
    static const conv_shape real = {"3x3, like ResNet's", 2, 14, 14, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 64};
    static const char *const what[RESULTS] = {"dst", "diff_src", "diff_kernel"};
    const double direct_roundings[RESULTS] = {2, 2, 1}, roundings[RESULTS] = {50 / 9.0 + 1, 50 / 9.0 + 1, 50 / 9.0};
    op_case c = conv_case(&real, &variants[0]);
    double direct[RESULTS], winograd[RESULTS];
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
    run_free(&wide);
    for (int k = 0; k < RESULTS; k++) {
        double allowed = bound(roundings[k], real.h, real.w),
               direct_allowed = bound(direct_roundings[k], real.h, real.w);
        print_message("%s from f32: by Winograd %.5f (allowed %.5f), directly %.5f (allowed %.5f)\n", what[k],
                      winograd[k], allowed, direct[k], direct_allowed);
        assert_true(winograd[k] > 0 && winograd[k] <= allowed);
        assert_true(direct[k] <= direct_allowed);
    }
}

static void what_does_not_fit_is_left(void **state)
{
    (void)state;
    NEEDS("bf16");
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
    NEEDS("bf16");
    op_case c = conv_case(&shapes[8], &variants[2]);
    c.spec.src_dtype[0] = c.spec.dst_dtype = GF_BF16;
    bool first = gf_op_variant_wins(&gf_variant_winograd, &c.spec, ops);
    char *text = gf_ops_choices_text(ops);
    assert_non_null(text);
    assert_non_null(strstr(text, first ? "conv 3x3 n1 5x6x128 o64 wd=winograd" : "conv 3x3 n1 5x6x128 o64 wd=onednn"));
    gf_free(text);
    for (int i = 0; i < 3; i++) assert_int_equal(gf_op_variant_wins(&gf_variant_winograd, &c.spec, ops), first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(reals_are_near),
        cmocka_unit_test(no_further_from_f32_than_roundings_go),
        cmocka_unit_test(what_does_not_fit_is_left),
        cmocka_unit_test(the_faster_class_is_chosen_once),
    };
    return RUN_WITH_OPS(tests);
}
