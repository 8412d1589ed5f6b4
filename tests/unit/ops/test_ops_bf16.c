/* Operations in bf16. On contents that bf16 holds exactly, oneDNN's convolution is its reference implementation up to
 * one rounding, with backward-data in either of the types that it may be timed into; on reals, bf16 is near f32. The
 * convolutions want instructions for bf16: a machine without runs the rest and says so. */
#include "cases.h"
#include "others.h"
#include "support/needs.h"
#include "with_ops.h"

static const double ULP = 0x1p-8; /* of bf16, relative */

/* ---- with bf16 instructions */

/* A context whose timed choices are all `wanted` ("bf16" or "f32"): those of `ops`, rewritten. */
static gf_ops *ops_that_chose(const char *wanted)
{
    char *text = gf_ops_choices_text(ops), *forced = calloc(1, text ? 2 * strlen(text) + 1 : 1);
    assert_non_null(text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *equals = strrchr(line, '=');
        assert_non_null(equals);
        *equals = 0;
        sprintf(forced + strlen(forced), "%s=%s\n", line, wanted);
    }
    gf_ops *made;
    OK(gf_ops_create(&made, forced, &error));
    free(forced);
    free(text);
    return made;
}

static void check_references(const op_case *c, gf_ops *with)
{
    run fast, reference;
    run_new(&fast, c, &gf_op_conv, GF_BF16, INTEGERS, with);
    run_new(&reference, c, &gf_op_conv_reference, GF_BF16, INTEGERS, with);
    run_forward(&fast);
    run_forward(&reference);
    compare_dst(&fast, &reference, (tolerance){0, true});
    memcpy(data_of(&reference.dst), data_of(&fast.dst), fast.dst.bytes);
    run_backward(&fast);
    run_backward(&reference);
    bool adds = c->spec.accumulate[0] || c->spec.accumulate[1]; /* what is added may be rounded before */
    compare_gradients(&fast, &reference, (tolerance){adds ? 2 * ULP : 0, true});
    run_check_guards(&fast);
    run_check_guards(&reference);
    run_free(&fast);
    run_free(&reference);
}

static void conv_is_its_reference(void **state)
{
    (void)state;
    NEEDS("bf16");
    for (int i = 0; i < CONV_SHAPES; i++) { /* makes the choices, by timing */
        for (int v = 0; v < VARIANTS; v++) {
            op_case c = conv_case(&conv_shapes[i], &variants[v]);
            check_references(&c, ops);
        }
    }
    static const char *const forced[] = {"bf16", "f32"};
    for (int k = 0; k < 2; k++) {
        gf_ops *with = ops_that_chose(forced[k]);
        for (int i = 0; i < CONV_SHAPES; i++) {
            for (int v = 2; v < 6; v++) {
                op_case c = conv_case(&conv_shapes[i], &variants[v]);
                check_references(&c, with);
            }
        }
        gf_ops_destroy(with);
    }
}

static void near(const op_case *c, const char *what, const float *got, const float *want, size_t n, double allowed)
{
    double off = distance(got, want, n);
    if (!(off <= allowed)) fail_msg("%s: %s in bf16 is off by %g, allowed is %g", c->name, what, off, allowed);
}

/* The same values, rounded to bf16, in both runs; dst of the bf16 run decides the kinks of both backwards. */
static void check_near_f32(const op_case *c, double allowed)
{
    run narrow, wide;
    run_new(&narrow, c, c->spec.cls, GF_BF16, REALS, ops);
    run_new(&wide, c, c->spec.cls, GF_F32, REALS, ops);
    for (int k = 0; k < c->spec.n_src; k++) {
        load_all(&narrow.src[k], narrow.op.spec.src_dtype[k], wide.n_src[k], data_of(&wide.src[k]));
    }
    run_forward(&narrow);
    run_forward(&wide);
    float *a = floats(wide.n_dst), *b = floats(wide.n_dst);
    load_all(&narrow.dst, narrow.op.spec.dst_dtype, wide.n_dst, a);
    load_all(&wide.dst, GF_F32, wide.n_dst, b);
    near(c, "dst", a, b, wide.n_dst, allowed);
    for (size_t i = 0; i < wide.n_dst; i++) gf_store(data_of(&wide.dst), GF_F32, i, a[i]);
    run_backward(&narrow);
    run_backward(&wide);
    for (int k = 0; k < c->spec.n_src; k++) {
        if (!c->spec.diff_src[k]) continue;
        float *x = floats(wide.n_src[k]), *y = floats(wide.n_src[k]);
        run_diff_src(&narrow, k, x);
        run_diff_src(&wide, k, y);
        near(c, "diff_src", x, y, wide.n_src[k], allowed);
        free(x);
        free(y);
    }
    if (c->spec.diff_weights) {
        near(c, "diff_kernel", narrow.dkernel, wide.dkernel, wide.n_kernel, allowed);
        if (c->spec.has_bias) near(c, "diff_bias", narrow.dbias, wide.dbias, wide.n_bias, allowed);
    }
    run_check_guards(&narrow);
    free(a);
    free(b);
    run_free(&narrow);
    run_free(&wide);
}

static void conv_is_near_f32(void **state)
{
    (void)state;
    NEEDS("bf16");
    for (int i = 0; i < CONV_SHAPES; i++) {
        for (int v = 0; v < VARIANTS; v++) {
            op_case c = conv_case(&conv_shapes[i], &variants[v]);
            check_near_f32(&c, 4 * ULP);
        }
    }
}

static void attention_is_near_f32(void **state)
{
    (void)state;
    NEEDS("bf16");
    for (int i = 0; i < ATTENTION_SHAPES; i++) {
        op_case c = attention_case(&attention_shapes[i]);
        check_near_f32(&c, 4 * ULP);
        c.mixed = true; /* the value's type is another: as the reference implementation does */
        check_near_f32(&c, 4 * ULP);
    }
}

/* ---- on any machine */

static void reference_conv_is_near_f32(void **state)
{
    (void)state;
    for (int i = 0; i < CONV_SHAPES; i++) {
        op_case c = conv_case(&conv_shapes[i], &variants[5]);
        c.spec.cls = &gf_op_conv_reference;
        check_near_f32(&c, 4 * ULP);
    }
}

static void the_others_are_near_f32(void **state)
{
    (void)state;
    for (int i = 0; i < OTHERS; i++) {
        op_case c = other_case(&others[i]);
        check_near_f32(&c, 4 * ULP);
        c.mixed = !c.alias && c.spec.cls != &gf_op_max_pool && c.spec.cls != &gf_op_avg_pool;
        if (c.mixed) check_near_f32(&c, 4 * ULP);
    }
}

static void conversions_round_to_even(void **state)
{
    (void)state;
    enum { N = 4099 };
    float wide[N], back[N];
    uint16_t narrow[N + 1];
    for (size_t i = 0; i < N; i++) wide[i] = uniform("conversions", "wide", i) * (i % 2 ? 1 : 3e4f);
    wide[0] = 1.00390625f, wide[1] = 1.01171875f; /* ties: down to 1, up to 1.015625 */
    wide[2] = INFINITY, wide[3] = -0.0f, wide[4] = 3.4e38f;
    narrow[N] = 0x5555;
    gf_convert(narrow, GF_BF16, wide, GF_F32, N);
    assert_int_equal(narrow[N], 0x5555);
    for (size_t i = 0; i < N; i++) assert_int_equal(narrow[i], gf_f32_to_bf16(wide[i]));
    gf_convert(back, GF_F32, narrow, GF_BF16, N);
    assert_true(back[0] == 1 && back[1] == 1.015625f && back[2] == INFINITY && signbit(back[3]) && back[4] == INFINITY);
    for (size_t i = 5; i < N; i++) assert_true(fabsf(back[i] - wide[i]) <= fabsf(wide[i]) * 0x1p-8f);
}

static void sums_of_rows(void **state)
{
    (void)state;
    enum { ROWS = 37, C = 21 };
    static const gf_act acts[] = {GF_ACT_LINEAR, GF_ACT_RELU, GF_ACT_RELU6, GF_ACT_TANH};
    for (int a = 0; a < 4; a++) {
        for (int t = 0; t < 2; t++) {
            gf_dtype type = t ? GF_BF16 : GF_F32;
            guarded diff = guarded_new(ROWS * C * gf_dtype_size(type)), y = guarded_new(ROWS * C * gf_dtype_size(type));
            double want[C] = {0};
            float sum[C];
            for (size_t i = 0; i < ROWS * C; i++) {
                float value = small_integer("rows", "y", i, 8), d = small_integer("rows", "diff", i, 3);
                value = gf_act_value(acts[a], 0, value);
                gf_store(data_of(&y), type, i, value);
                gf_store(data_of(&diff), type, i, d);
                float slope = gf_act_slope(acts[a], 0, gf_load(data_of(&y), type, i));
                want[i % C] += (double)(t ? gf_bf16_to_f32(gf_f32_to_bf16(d * slope)) : d * slope);
            }
            gf_act_backward_bias(acts[a], 0, data_of(&diff), acts[a] ? data_of(&y) : NULL, type, ROWS, C, sum);
            for (size_t c = 0; c < C; c++) assert_true(fabs((double)sum[c] - want[c]) <= 1e-5 * (1 + fabs(want[c])));
            check_guards(&diff, "rows", "diff");
            free(diff.block);
            free(y.block);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_is_its_reference),
        cmocka_unit_test(conv_is_near_f32),
        cmocka_unit_test(attention_is_near_f32),
        cmocka_unit_test(reference_conv_is_near_f32),
        cmocka_unit_test(the_others_are_near_f32),
        cmocka_unit_test(conversions_round_to_even),
        cmocka_unit_test(sums_of_rows),
    };
    return RUN_WITH_OPS(tests);
}
