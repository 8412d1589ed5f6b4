/* The backward of depthwise convolutions in vectors against the reference implementation: on small integers bit for
 * bit, f32 and bf16; shapes of one band and of many, channels that do not fill a block, every stride and padding. Runs
 * with AVX-512 and (a second ctest entry) with AVX2. */
#include "cases.h"
#include "with_ops.h"

#include "base/alloc.h"
#include "ops/depthwise.h"
#include "ops/variant.h"
#include "support/needs.h"

/* Beyond those of cases.h: several bands of rows, several blocks of channels. */
static const conv_shape larger[] = {
    {"depthwise, several bands", 1, 40, 90, 40, 3, 3, 1, 1, 1, 1, 1, 1, 40, 40},
    {"depthwise, several bands, stride 2", 2, 61, 70, 33, 3, 3, 2, 2, 0, 1, 0, 1, 33, 33},
    {"depthwise, 5x5, several bands, stride 2", 1, 50, 77, 8, 5, 5, 2, 2, 1, 2, 2, 1, 8, 8},
    {"depthwise, 7x7", 1, 9, 12, 70, 7, 7, 1, 1, 3, 3, 3, 3, 70, 70},
    {"depthwise, strides 2 and 1", 1, 12, 11, 24, 3, 5, 2, 1, 1, 1, 2, 2, 24, 24},
    {"depthwise, valid", 2, 10, 10, 17, 3, 3, 1, 1, 0, 0, 0, 0, 17, 17},
    {"depthwise, valid, stride 2 that leaves a row", 1, 12, 12, 16, 3, 3, 2, 2, 0, 0, 0, 0, 16, 16},
};
enum { LARGER = sizeof larger / sizeof *larger };

static bool check(const conv_shape *s, const variant *v, gf_dtype dtype, fill_kind kind, double tolerance_of)
{
    op_case c = conv_case(s, v);
    gf_op_spec spec = c.spec;
    spec.src_dtype[0] = spec.dst_dtype = dtype;
    if (!gf_depthwise_fits(&spec)) return false;
    run fast, reference;
    run_new(&fast, &c, &gf_op_depthwise, dtype, kind, ops);
    run_new(&reference, &c, &gf_op_conv_reference, dtype, kind, ops);
    run_forward(&fast);
    run_forward(&reference);
    memcpy(data_of(&reference.dst), data_of(&fast.dst), fast.dst.bytes);
    run_backward(&fast);
    run_backward(&reference);
    compare_gradients(&fast, &reference, (tolerance){tolerance_of, kind == INTEGERS});
    run_check_guards(&fast);
    run_check_guards(&reference);
    run_free(&fast);
    run_free(&reference);
    return true;
}

static int check_all(gf_dtype dtype, fill_kind kind, double tolerance_of)
{
    int done = 0;
    for (int v = 0; v < VARIANTS; v++) {
        for (int i = 0; i < CONV_SHAPES; i++) done += check(&conv_shapes[i], &variants[v], dtype, kind, tolerance_of);
        for (int i = 0; i < LARGER; i++) done += check(&larger[i], &variants[v], dtype, kind, tolerance_of);
    }
    for (int i = 0; i < PADDINGS; i++) {
        conv_shape s = padding_shape(i);
        done += check(&s, &variants[2], dtype, kind, tolerance_of);
    }
    return done;
}

enum { LEAST = 90 }; /* shapes that fit: a test that checks none must fail */

static void integers_are_exact(void **state)
{
    (void)state;
    assert_true(check_all(GF_F32, INTEGERS, 0) >= LEAST);
}

static void reals_are_near(void **state)
{
    (void)state;
    assert_true(check_all(GF_F32, REALS, 1e-5) >= LEAST);
}

static void bf16_is_near(void **state)
{
    (void)state;
    NEEDS("bf16"); /* the forward, which is oneDNN's, wants it */
    assert_true(check_all(GF_BF16, REALS, 1e-2) >= LEAST);
}

/* f32 computes the same whatever a clock says. */
static void f32_is_never_timed(void **state)
{
    (void)state;
    op_case c = conv_case(&larger[0], &variants[2]);
    c.spec.src_dtype[0] = c.spec.dst_dtype = GF_F32;
    assert_false(gf_op_variant_wins(&gf_variant_depthwise, &c.spec, ops));
}

static void the_faster_class_is_chosen_once(void **state)
{
    (void)state;
    NEEDS("bf16");
    op_case c = conv_case(&larger[0], &variants[2]);
    c.spec.src_dtype[0] = c.spec.dst_dtype = GF_BF16;
    bool first = gf_op_variant_wins(&gf_variant_depthwise, &c.spec, ops);
    char *text = gf_ops_choices_text(ops);
    assert_non_null(text);
    assert_non_null(strstr(text, "depthwise backward bf16 n1 40x90x40 k3x3 s1x1 wd="));
    gf_free(text);
    for (int i = 0; i < 3; i++) assert_int_equal(gf_op_variant_wins(&gf_variant_depthwise, &c.spec, ops), first);
    c.spec.backward = false;
    assert_false(gf_op_variant_wins(&gf_variant_depthwise, &c.spec, ops)); /* forward alone is the other class's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(reals_are_near),
        cmocka_unit_test(bf16_is_near),
        cmocka_unit_test(f32_is_never_timed),
        cmocka_unit_test(the_faster_class_is_chosen_once),
    };
    return RUN_WITH_OPS(tests);
}
