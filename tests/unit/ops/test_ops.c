/* oneDNN's operations against their reference implementations, forward and backward: on small integers, where f32 is
 * exact, bit for bit; on reals within rounding; fused against one by one. All memory lies between guard bytes, and what
 * an op must set holds NaN before. Runs with oneDNN's best instructions and (a second ctest entry) with
 * ONEDNN_MAX_CPU_ISA=AVX2.
 */
#include "cases.h"
#include "with_ops.h"

static const gf_op_class *reference_of(const gf_op_class *cls)
{
    return cls == &gf_op_conv        ? &gf_op_conv_reference
           : cls == &gf_op_attention ? &gf_op_attention_reference
                                     : &gf_op_dense_reference;
}

/* Both run forward; then, from the same dst (where it is near a kink the last bit decides), both run backward. */
static void check_references(const op_case *c, fill_kind kind, double tolerance_forward, double tolerance_backward)
{
    run fast, reference;
    run_new(&fast, c, c->spec.cls, GF_F32, kind, ops);
    run_new(&reference, c, reference_of(c->spec.cls), GF_F32, kind, ops);
    run_forward(&fast);
    run_forward(&reference);
    compare_dst(&fast, &reference, (tolerance){tolerance_forward, kind == INTEGERS});
    memcpy(data_of(&reference.dst), data_of(&fast.dst), fast.dst.bytes);
    run_backward(&fast);
    run_backward(&reference);
    compare_gradients(&fast, &reference, (tolerance){tolerance_backward, kind == INTEGERS});
    run_check_guards(&fast);
    run_check_guards(&reference);
    run_free(&fast);
    run_free(&reference);
}

static void conv_is_its_reference_exactly(void **state)
{
    (void)state;
    for (int i = 0; i < CONV_SHAPES; i++) {
        for (int v = 0; v < VARIANTS; v++) {
            op_case c = conv_case(&conv_shapes[i], &variants[v]);
            check_references(&c, INTEGERS, 0, 0);
        }
    }
}

static void conv_of_every_padding_is_its_reference(void **state)
{
    (void)state;
    for (int i = 0; i < PADDINGS; i++) {
        conv_shape s = padding_shape(i);
        op_case c = conv_case(&s, &variants[2]);
        check_references(&c, INTEGERS, 0, 0);
        check_references(&c, REALS, 1e-5, 1e-5);
    }
}

static void conv_of_reals_is_near_its_reference(void **state)
{
    (void)state;
    for (int i = 0; i < CONV_SHAPES; i++) {
        for (int v = 0; v < VARIANTS; v++) {
            op_case c = conv_case(&conv_shapes[i], &variants[v]);
            check_references(&c, REALS, 1e-5, 1e-5);
        }
    }
}

static void conv_of_smooth_activations(void **state)
{
    (void)state;
    static const variant smooth[] = {{"bias, sigmoid", .act = GF_ACT_SIGMOID, .bias = true},
                                     {"bias, residual, tanh", .act = GF_ACT_TANH, .bias = true, .residual = true}};
    for (int i = 0; i < CONV_SHAPES; i += 3) {
        for (int v = 0; v < 2; v++) {
            op_case c = conv_case(&conv_shapes[i], &smooth[v]);
            check_references(&c, REALS, 1e-5, 1e-5);
        }
    }
}

static void dense_is_its_reference(void **state)
{
    (void)state;
    for (int i = 0; i < DENSE_SHAPES; i++) {
        for (int v = 0; v < VARIANTS; v++) {
            bool one = dense_shapes[i].n * dense_shapes[i].units == 1; /* may be clipped, and so no evidence */
            if (variants[v].residual || (one && clips(variants[v].act))) continue;
            op_case c = dense_case(&dense_shapes[i], &variants[v]);
            check_references(&c, INTEGERS, 0, 0);
            check_references(&c, REALS, 1e-5, 1e-5);
        }
        op_case c = dense_case(&dense_shapes[i], &(variant){"sigmoid", .act = GF_ACT_SIGMOID, .bias = true});
        check_references(&c, REALS, 1e-5, 1e-5);
    }
}

static void attention_is_near_its_reference(void **state)
{
    (void)state;
    for (int i = 0; i < ATTENTION_SHAPES; i++) {
        op_case c = attention_case(&attention_shapes[i]);
        check_references(&c, REALS, 1e-5, 2e-5);
        c.spec.backward = false;
        memset(c.spec.diff_src, 0, sizeof c.spec.diff_src);
        run fast, reference;
        run_new(&fast, &c, &gf_op_attention, GF_F32, REALS, ops);
        run_new(&reference, &c, &gf_op_attention_reference, GF_F32, REALS, ops);
        run_forward(&fast);
        run_forward(&reference);
        compare_dst(&fast, &reference, (tolerance){1e-5, true});
        run_check_guards(&fast);
        run_free(&fast);
        run_free(&reference);
    }
}

/* Forward alone, as a frozen part's plan makes it: no gradient's memory is touched, none is needed. */
static void inference_is_the_reference(void **state)
{
    (void)state;
    for (int i = 0; i < CONV_SHAPES; i++) {
        op_case c = conv_case(&conv_shapes[i], &variants[7]);
        c.spec.backward = c.spec.diff_weights = c.spec.diff_src[0] = c.spec.diff_src[1] = false;
        run fast, reference;
        run_new(&fast, &c, &gf_op_conv, GF_F32, INTEGERS, ops);
        run_new(&reference, &c, &gf_op_conv_reference, GF_F32, INTEGERS, ops);
        run_forward(&fast);
        run_forward(&reference);
        compare_dst(&fast, &reference, (tolerance){0, true});
        assert_int_equal(fast.op.grad_count, 0);
        run_check_guards(&fast);
        run_free(&fast);
        run_free(&reference);
    }
}

/* The convolutions of squeeze-and-excitation: whole and part blocks of outputs, pairs of images and one alone. */
static void conv_of_one_position_is_the_reference(void **state)
{
    (void)state;
    static const int units[] = {1, 8, 16, 40, 64, 72, 144, 576};
    for (int n = 1; n <= 3; n++) {
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            conv_shape shape = {"one place", n, 1, 1, 7 * (int)i + 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, units[i]};
            op_case c = conv_case(&shape, &(variant){"bias, relu", .act = GF_ACT_RELU, .bias = i % 3 != 0});
            c.spec.backward = c.spec.diff_weights = c.spec.diff_src[0] = false;
            for (int kind = 0; kind < 2; kind++) {
                run fast, reference;
                run_new(&fast, &c, &gf_op_conv_one_position, GF_F32, kind ? REALS : INTEGERS, ops);
                run_new(&reference, &c, &gf_op_conv_reference, GF_F32, kind ? REALS : INTEGERS, ops);
                run_forward(&fast);
                run_forward(&reference);
                compare_dst(&fast, &reference, (tolerance){kind ? 1e-6 : 0, !kind});
                run_check_guards(&fast);
                run_free(&fast);
                run_free(&reference);
            }
        }
    }
}

/* ---- fused against one by one */

/* A case without its residual and activation: the convolution alone. */
static op_case alone(const op_case *fused)
{
    op_case c = *fused;
    c.spec.n_src = 1;
    c.spec.act = GF_ACT_LINEAR;
    c.spec.diff_src[1] = c.alias = false;
    return c;
}

static op_case elementwise(const op_case *fused, int n_src, gf_act act)
{
    op_case c = {.spec = {.n_src = n_src, .act = act, .backward = true, .diff_src = {true, n_src == 2}}};
    snprintf(c.name, sizeof c.name, "%.90s", fused->name);
    for (int k = 0; k < n_src; k++) c.spec.src[k] = fused->spec.src[1];
    return c;
}

static void copy(const guarded *to, const guarded *from)
{
    assert_int_equal(to->bytes, from->bytes);
    memcpy(data_of(to), data_of(from), to->bytes);
}

/* The same source and weights as another run. */
static void take_inputs(run *to, const run *from)
{
    copy(&to->src[0], &from->src[0]);
    memcpy(to->kernel, from->kernel, to->n_kernel * sizeof *to->kernel);
    memcpy(to->bias, from->bias, to->n_bias * sizeof *to->bias);
    OK(gf_op_prepare(&to->op, to->kernel, to->bias, &error));
}

/* dst = act(conv(src) + bias + residual) in one op, and in three. */
static void check_fused(const op_case *fused, fill_kind kind, tolerance t)
{
    op_case conv_c = alone(fused), add_c = elementwise(fused, 2, GF_ACT_LINEAR),
            act_c = elementwise(fused, 1, fused->spec.act);
    run whole, conv, add, act;
    run_new(&whole, fused, &gf_op_conv, GF_F32, kind, ops);
    run_new(&conv, &conv_c, &gf_op_conv, GF_F32, kind, ops);
    run_new(&add, &add_c, &gf_op_add, GF_F32, kind, ops);
    run_new(&act, &act_c, &gf_op_act, GF_F32, kind, ops);
    take_inputs(&conv, &whole);
    run_forward(&conv);
    copy(&add.src[0], &conv.dst);
    copy(&add.src[1], &whole.src[1]);
    run_forward(&add);
    copy(&act.src[0], &add.dst);
    run_forward(&act);
    run_forward(&whole);
    compare_dst(&whole, &act, t);
    copy(&act.dst, &whole.dst);
    copy(&act.diff_dst, &whole.diff_dst);
    run_backward(&act);
    copy(&add.diff_dst, &act.diff_src[0]);
    run_backward(&add);
    copy(&conv.diff_dst, &add.diff_src[0]);
    run_backward(&conv);
    run_backward(&whole);
    compare(fused->name, "diff_residual", whole.exec.args.diff_src[1], data_of(&add.diff_src[1]), whole.n_src[1], t);
    whole.op.spec.diff_src[1] = false; /* compared */
    compare_gradients(&whole, &conv, t);
    run *all[] = {&whole, &conv, &add, &act};
    for (int i = 0; i < 4; i++) {
        run_check_guards(all[i]);
        run_free(all[i]);
    }
}

static void fused_is_one_by_one(void **state)
{
    (void)state;
    static const variant fusions[] = {
        {"relu6 over all", .act = GF_ACT_RELU6, .bias = true, .residual = true},
        {"relu over all", .act = GF_ACT_RELU, .bias = true, .residual = true},
        {"residual alone", .act = GF_ACT_LINEAR, .residual = true, .alias = true},
    };
    for (int i = 0; i < CONV_SHAPES; i++) {
        for (int v = 0; v < 3; v++) {
            op_case c = conv_case(&conv_shapes[i], &fusions[v]);
            check_fused(&c, INTEGERS, (tolerance){0, true});
            check_fused(&c, REALS, (tolerance){1e-5, true});
        }
    }
}

/* ---- what does not fit */

static void shapes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    gf_op op;
    gf_op_spec conv = conv_case(&conv_shapes[7], &variants[0]).spec;
    conv.name = "a layer";
    gf_op_spec attention = attention_case(&attention_shapes[0]).spec;
    gf_op_spec bad[8] = {conv,      conv,      conv, conv, dense_case(&dense_shapes[0], &variants[0]).spec,
                         attention, attention, conv};
    bad[0].conv.groups = 3;
    bad[1].conv.kh = 11;
    bad[2].src[0] = GF_SHAPE(2, 8, 8);
    bad[3].conv.filters = 15, bad[3].conv.groups = 4;
    bad[4].src[0] = GF_SHAPE(2, 4, 4, 8);
    bad[5].attention.heads = 5;
    bad[6].src[2].dim[2]++;
    bad[7].conv.dw = 5;
    for (int i = 0; i < 8; i++) {
        bad[i].name = "a layer";
        error = (graft_error){0};
        assert_int_equal(gf_op_create(&op, &bad[i], ops, &error), GRAFT_USAGE);
        assert_int_equal(error.number, GF_E_MODEL_SHAPE);
        assert_non_null(strstr(error.message, "a layer"));
        gf_op_destroy(&op);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_is_its_reference_exactly),
        cmocka_unit_test(conv_of_every_padding_is_its_reference),
        cmocka_unit_test(conv_of_reals_is_near_its_reference),
        cmocka_unit_test(conv_of_smooth_activations),
        cmocka_unit_test(dense_is_its_reference),
        cmocka_unit_test(attention_is_near_its_reference),
        cmocka_unit_test(inference_is_the_reference),
        cmocka_unit_test(conv_of_one_position_is_the_reference),
        cmocka_unit_test(fused_is_one_by_one),
        cmocka_unit_test(shapes_that_do_not_fit_are_refused),
    };
    return RUN_WITH_OPS(tests);
}
