/* Activations: the fast loops against act_reference.c's double arithmetic over their whole range, at their kinks and
 * ends; derivatives against differences; as operations of their own and fused behind convolution and dense layer. Runs
 * also with ONEDNN_MAX_CPU_ISA=AVX2. */
#include "cases.h"
#include "support/needs.h"
#include "with_ops.h"

typedef struct act_row {
    gf_act act;
    const char *name;
    float alpha;
    double ulps;   /* allowed of the larger of |value| and `floor`, in 2^-24 */
    double floor;  /* where the formula subtracts large numbers, or tends to 0 by 1 - 1 */
    float kink[4]; /* where the derivative jumps */
    int kinks;
} act_row;

static const act_row rows[] = {
    {GF_ACT_RELU, "relu", 0, 0, 0, {0}, 1},
    {GF_ACT_RELU6, "relu6", 0, 0, 0, {0, 6}, 2},
    {GF_ACT_SIGMOID, "sigmoid", 0, 8, 1e-25},
    {GF_ACT_TANH, "tanh", 0, 8, 0},
    {GF_ACT_LEAKY_RELU, "leaky relu", 0.2f, 2, 0, {0}, 1},
    {GF_ACT_LEAKY_RELU, "leaky relu, steep", 3, 2, 0, {0}, 1},
    {GF_ACT_ELU, "elu", 1, 8, 0},
    {GF_ACT_ELU, "elu, alpha 0.5", 0.5f, 8, 0, {0}, 1},
    {GF_ACT_SELU, "selu", 0, 8, 0, {0}, 1},
    {GF_ACT_HARD_SIGMOID, "hard sigmoid", 0, 2, 1, {-3, 3}, 2},
    {GF_ACT_HARD_TANH, "hard tanh", 0, 0, 0, {-1, 1}, 2},
    {GF_ACT_EXPONENTIAL, "exponential", 0, 8, 0},
    {GF_ACT_SILU, "silu", 0, 8, 1e-25},
    {GF_ACT_HARD_SILU, "hard silu", 0, 4, 1, {-3, 3}, 2},
    {GF_ACT_GELU, "gelu", 0, 8, 0.1},
    {GF_ACT_GELU_TANH, "gelu, by tanh", 0, 8, 0.1},
    {GF_ACT_SOFTPLUS, "softplus", 0, 8, 1e-25},
    {GF_ACT_SOFTSIGN, "softsign", 0, 4, 0},
    {GF_ACT_MISH, "mish", 0, 8, 1e-25},
    {GF_ACT_LOG_SIGMOID, "log sigmoid", 0, 8, 1e-25},
    {GF_ACT_TANH_SHRINK, "tanh shrink", 0, 8, 1},
    {GF_ACT_SOFT_SHRINK, "soft shrink", 0.5f, 2, 1, {-0.5f, 0.5f}, 2},
    {GF_ACT_HARD_SHRINK, "hard shrink", 0.5f, 0, 0, {-0.5f, 0.5f}, 2},
    {GF_ACT_THRESHOLD, "threshold", 0.25f, 0, 0, {0.25f}, 1},
    {GF_ACT_SQUAREPLUS, "squareplus", 4, 8, 0},
    {GF_ACT_SPARSE_PLUS, "sparse plus", 0, 4, 1, {-1, 1}, 2},
    {GF_ACT_SPARSE_SIGMOID, "sparse sigmoid", 0, 2, 1, {-1, 1}, 2},
    {GF_ACT_CELU, "celu", 1.5f, 16, 0},
};
enum { ROWS = sizeof rows / sizeof *rows, N = 60013 };

/* Ends and kinks, then -s .. s for growing s, so that all sizes of numbers are met. */
static float argument(size_t i)
{
    static const float special[] = {0,       -0.0f,  1,     -1,     3,    -3,    6,     0.5f,  -0.5f,
                                    20,      -20,    30,    -30,    88,   -88,   104,   -104,  1e-38f,
                                    -1e-38f, 1e-20f, 1e-7f, -1e-7f, 1e4f, -1e4f, 0.25f, -0.25f};
    if (i < sizeof special / sizeof *special) return special[i];
    return uniform("activations", "x", i) * exp2f((float)(i % 24) - 17);
}

static void compare_act(const act_row *a, const char *what, float x, float got, float want)
{
    double allowed = a->ulps * 0x1p-24 * fmax(fabs((double)want), a->floor) + 0x1p-140;
    double err = got == want ? 0 : fabs((double)got - (double)want);
    if (!(err <= allowed)) {
        fail_msg("%s of %.9g: %s is %.9g, wanted %.9g (%.1f units)", a->name, (double)x, what, (double)got,
                 (double)want, err / fmax(fabs((double)want), a->floor) * 0x1p24);
    }
}

static void values_are_the_formulas(void **state)
{
    (void)state;
    float *x = floats(N), *y = floats(N);
    for (size_t i = 0; i < N; i++) x[i] = argument(i);
    for (int k = 0; k < ROWS; k++) {
        memcpy(y, x, N * sizeof *y);
        gf_act_forward(rows[k].act, rows[k].alpha, y, GF_F32, N);
        for (size_t i = 0; i < N; i++) {
            compare_act(&rows[k], "value", x[i], y[i], gf_act_value(rows[k].act, rows[k].alpha, x[i]));
        }
    }
    free(x);
    free(y);
}

/* The second argument of a derivative: what the formula gives, or x itself. */
static float by_means_of(const act_row *a, float x)
{
    return a->act >= GF_ACT_NEEDS_SRC ? x : gf_act_value(a->act, a->alpha, x);
}

static void slopes_are_the_formulas(void **state)
{
    (void)state;
    float *x = floats(N), *y = floats(N), *d = floats(N);
    for (size_t i = 0; i < N; i++) x[i] = argument(i);
    for (int k = 0; k < ROWS; k++) {
        act_row wide = rows[k];
        wide.floor = wide.act >= GF_ACT_NEEDS_SRC ? 4 : 1;
        wide.ulps += 4;
        for (size_t i = 0; i < N; i++) {
            y[i] = gf_act_value(wide.act, wide.alpha, x[i]);
            d[i] = i % 2 ? -2 : 1;
        }
        gf_act_backward(wide.act, wide.alpha, d, wide.act >= GF_ACT_NEEDS_SRC ? x : NULL, y, N);
        for (size_t i = 0; i < N; i++) {
            float want = gf_act_slope(wide.act, wide.alpha, by_means_of(&wide, x[i])) * (i % 2 ? -2 : 1);
            if (isfinite(y[i])) compare_act(&wide, "derivative", x[i], d[i], want);
        }
    }
    free(x);
    free(y);
    free(d);
}

static void slopes_are_differences(void **state)
{
    (void)state;
    const float step = 0x1p-8f;
    for (int k = 0; k < ROWS; k++) {
        const act_row *a = &rows[k];
        int nonzero = 0;
        for (float x = -6.03f; x < 8; x += 0.17f) {
            bool near = false;
            for (int j = 0; j < a->kinks; j++) near = near || fabsf(x - a->kink[j]) < 2 * step;
            if (near) continue;
            double above = (double)gf_act_value(a->act, a->alpha, x + step);
            double below = (double)gf_act_value(a->act, a->alpha, x - step);
            double want = (above - below) / ((double)(x + step) - (double)(x - step));
            double got = (double)gf_act_slope(a->act, a->alpha, by_means_of(a, x));
            nonzero += got != 0;
            if (!(fabs(got - want) <= 1e-4 * fmax(1, fabs(want)))) {
                fail_msg("%s at %g: the derivative is %.9g, by differences %.9g", a->name, (double)x, got, want);
            }
        }
        if (nonzero < 8) fail_msg("%s: derivatives are mostly zero", a->name);
    }
}

static void nan_passes_through(void **state)
{
    (void)state;
    for (int k = 0; k < ROWS; k++) {
        for (int type = GF_F32; type <= GF_BF16; type++) {
            uint32_t room[20] = {0};
            for (size_t i = 0; i < 20; i++) gf_store(room, (gf_dtype)type, i, i % 5 ? 0.75f : NAN);
            gf_act_forward(rows[k].act, rows[k].alpha, room, (gf_dtype)type, 20);
            for (size_t i = 0; i < 20; i++) {
                bool nan = isnan(gf_load(room, (gf_dtype)type, i));
                if (nan != (i % 5 == 0)) fail_msg("%s: a NaN in place %zu is lost or new", rows[k].name, i);
            }
        }
    }
}

/* Where a value stands, and with how many others, does not change a bit; bf16 is f32 rounded once. */
static void position_and_type_do_not_matter(void **state)
{
    (void)state;
    enum { M = 1300 };
    float whole[M], part[M], src[M], dst[M];
    uint16_t narrow[M];
    for (int k = 0; k < ROWS; k++) {
        const act_row *a = &rows[k];
        for (size_t i = 0; i < M; i++) {
            narrow[i] = gf_f32_to_bf16(argument(i));
            src[i] = whole[i] = part[i] = gf_bf16_to_f32(narrow[i]);
        }
        gf_act_forward(a->act, a->alpha, whole, GF_F32, M);
        for (size_t at = 0, n = 1; at < M; at += n, n = n % 37 + 1) {
            gf_act_forward(a->act, a->alpha, part + at, GF_F32, n < M - at ? n : M - at);
        }
        gf_act_forward(a->act, a->alpha, narrow, GF_BF16, M);
        for (size_t i = 0; i < M; i++) {
            assert_true(part[i] == whole[i]);
            assert_int_equal(narrow[i], gf_f32_to_bf16(whole[i]));
            dst[i] = whole[i];
            whole[i] = part[i] = 1;
        }
        gf_act_backward(a->act, a->alpha, whole, src, dst, M);
        for (size_t at = 0, n = 1; at < M; at += n, n = n % 37 + 1) {
            gf_act_backward(a->act, a->alpha, part + at, src + at, dst + at, n < M - at ? n : M - at);
        }
        for (size_t i = 0; i < M; i++) assert_true(part[i] == whole[i] || (isnan(part[i]) && isnan(whole[i])));
    }
}

/* As an operation between bf16 tensors, of all values there are: the same bits as from f32. */
static void every_bf16_is_f32_rounded(void **state)
{
    (void)state;
    enum { ALL = 1 << 16 };
    uint16_t *src = calloc(ALL, sizeof *src), *dst = calloc(ALL, sizeof *dst);
    float *want = floats(ALL);
    assert_true(src && dst);
    for (size_t i = 0; i < ALL; i++) src[i] = (uint16_t)i;
    for (int k = 0; k < ROWS; k++) {
        gf_op op;
        gf_exec exec;
        gf_op_spec s = {.cls = &gf_op_act, .name = rows[k].name, .n_src = 1, .src = {GF_SHAPE(1, 16, 16, 256)}};
        s.act = rows[k].act;
        s.act_alpha = rows[k].alpha;
        s.src_dtype[0] = s.dst_dtype = GF_BF16;
        OK(gf_op_create(&op, &s, ops, &error));
        OK(gf_op_bind(&op, &(gf_op_args){.src = {src}, .dst = dst}, &exec, &error));
        OK(s.cls->forward(&exec, NULL, &error));
        for (size_t i = 0; i < ALL; i++) want[i] = gf_bf16_to_f32(src[i]);
        gf_act_forward(s.act, s.act_alpha, want, GF_F32, ALL);
        for (size_t i = 0; i < ALL; i++) {
            if (dst[i] != gf_f32_to_bf16(want[i])) fail_msg("%s of bf16 %04zx is %04x", s.name, i, dst[i]);
        }
        gf_op_unbind(&exec);
        gf_op_destroy(&op);
    }
    free(src);
    free(dst);
    free(want);
}

/* ---- fused */

static void check_fused(const op_case *c, const gf_op_class *reference, gf_dtype dtype, double allowed)
{
    run fast, slow;
    run_new(&fast, c, c->spec.cls, dtype, INTEGERS, ops); /* so that sums before a jump are equal */
    run_new(&slow, c, reference, dtype, INTEGERS, ops);
    for (size_t i = 0; i < fast.n_bias; i++)
        fast.bias[i] = slow.bias[i] = 3 * fast.bias[i]; /* to both sides of kinks */
    OK(gf_op_prepare(&fast.op, fast.kernel, fast.bias, &error));
    OK(gf_op_prepare(&slow.op, slow.kernel, slow.bias, &error));
    run_forward(&fast);
    run_forward(&slow);
    compare_dst(&fast, &slow, (tolerance){allowed, true});
    run_check_guards(&fast);
    run_free(&fast);
    run_free(&slow);
}

static void check_all_fused(gf_dtype dtype, double allowed)
{
    static const int chosen[] = {0, 8, 18}; /* 1x1, 3x3 and depthwise */
    for (int k = 0; k < ROWS; k++) {
        const variant v = {.what = rows[k].name, .act = rows[k].act, .bias = true};
        for (int i = 0; i < 3; i++) {
            op_case c = conv_case(&conv_shapes[chosen[i]], &v);
            c.spec.act_alpha = rows[k].alpha;
            c.spec.backward = c.spec.diff_weights = c.spec.diff_src[0] = false;
            check_fused(&c, &gf_op_conv_reference, dtype, allowed);
        }
        if (dtype != GF_F32) continue;
        op_case c = dense_case(&dense_shapes[3], &v);
        c.spec.act_alpha = rows[k].alpha;
        c.spec.backward = c.spec.diff_weights = c.spec.diff_src[0] = false;
        check_fused(&c, &gf_op_dense_reference, dtype, allowed);
    }
}

static void fused_forward_is_the_reference(void **state)
{
    (void)state;
    check_all_fused(GF_F32, 1e-5);
}

static void fused_forward_in_bf16_is_near(void **state)
{
    (void)state;
    NEEDS("bf16");
    check_all_fused(GF_BF16, 2e-2);
}

/* Those whose derivative follows from dst, behind layers that train. */
static void fused_backward_is_the_reference(void **state)
{
    (void)state;
    for (int k = 0; k < ROWS && rows[k].act < GF_ACT_NEEDS_SRC; k++) {
        const variant v = {.what = rows[k].name, .act = rows[k].act, .bias = true, .accumulate = {true}};
        op_case cases[2] = {conv_case(&conv_shapes[7], &v), dense_case(&dense_shapes[2], &v)};
        const gf_op_class *const reference[2] = {&gf_op_conv_reference, &gf_op_dense_reference};
        for (int i = 0; i < 2; i++) {
            run fast, slow;
            cases[i].spec.act_alpha = rows[k].alpha;
            run_new(&fast, &cases[i], cases[i].spec.cls, GF_F32, REALS, ops);
            run_new(&slow, &cases[i], reference[i], GF_F32, REALS, ops);
            run_forward(&fast);
            memcpy(data_of(&slow.dst), data_of(&fast.dst), fast.dst.bytes);
            run_backward(&fast);
            run_backward(&slow);
            compare_gradients(&fast, &slow, (tolerance){1e-5, false});
            run_check_guards(&fast);
            run_free(&fast);
            run_free(&slow);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_formulas),         cmocka_unit_test(slopes_are_the_formulas),
        cmocka_unit_test(slopes_are_differences),          cmocka_unit_test(nan_passes_through),
        cmocka_unit_test(position_and_type_do_not_matter), cmocka_unit_test(every_bf16_is_f32_rounded),
        cmocka_unit_test(fused_forward_is_the_reference),  cmocka_unit_test(fused_forward_in_bf16_is_near),
        cmocka_unit_test(fused_backward_is_the_reference),
    };
    return RUN_WITH_OPS(tests);
}
