/* Every operation's gradients against central finite differences of sum(diff_dst * dst), summed in double. Contents lie
 * on a lattice of powers of two beside the kinks of ReLU and ReLU6 (case.h), steps are a power of two: then differences
 * of linear and piecewise linear ops are exact, and so is the comparison. Runs also with ONEDNN_MAX_CPU_ISA=AVX2. */
#include "cases.h"
#include "others.h"
#include "support/sanitized.h"
#include "with_ops.h"

/* sum(diff_dst * dst) after a forward run. */
static double objective(run *r)
{
    double sum = 0;
    run_forward(r);
    for (size_t i = 0; i < r->n_dst; i++) {
        sum += (double)r->objective[i] * (double)gf_load(data_of(&r->dst), r->op.spec.dst_dtype, i);
    }
    return sum;
}

/* What a gradient is of: source 0, 1, ..., or these. */
enum { KERNEL = GF_OP_MAX_SRC, BIAS };
typedef int input;

static float *values_of(run *r, input in)
{
    return in == KERNEL ? r->kernel : in == BIAS ? r->bias : data_of(&r->src[in]);
}

static double objective_at(run *r, input in, size_t i, float value)
{
    values_of(r, in)[i] = value;
    if (in >= KERNEL) OK(gf_op_prepare(&r->op, r->kernel, r->bias, &error));
    return objective(r);
}

static double difference(run *r, input in, size_t i, float step)
{
    float here = values_of(r, in)[i];
    double above = objective_at(r, in, i, here + step), below = objective_at(r, in, i, here - step);
    objective_at(r, in, i, here);
    return (above - below) / (2 * (double)step);
}

/* Some elements of an input, chosen by the seed: all where they are few. */
static void check_input(run *r, input in, const float *gradient, size_t n, float step, double allowed)
{
    enum { MOST = SANITIZED ? 4 : 24 }; /* memory is touched alike by few */
    const char *title = in == KERNEL ? "kernel" : in == BIAS ? "bias" : numbered("src", in);
    double largest = 0;
    size_t nonzero = 0, count = n < MOST ? n : MOST;
    for (size_t i = 0; i < n; i++) {
        if (fabs((double)gradient[i]) > largest) largest = fabs((double)gradient[i]);
        nonzero += gradient[i] != 0;
    }
    for (size_t k = 0; k < count; k++) {
        size_t i = n <= MOST ? k : (size_t)(seeded_word(title, SEED, k) % n);
        double wanted = difference(r, in, i, step), err = fabs(wanted - (double)gradient[i]);
        if (!(err <= allowed * largest)) {
            fail_msg("%s: the gradient of %s[%zu] is %.9g, by differences %.9g (step %g, seed %d)", r->c->name, title,
                     i, (double)gradient[i], wanted, (double)step, SEED);
        }
    }
    if (n >= 32 && nonzero < n / 8) fail_msg("%s: the gradient of %s is mostly zero", r->c->name, title);
}

/* Values of the kernel that have a gradient: of batch normalisation's not the moving statistics. */
static size_t trained_values(const run *r) { return r->op.spec.cls == &gf_op_batch_norm ? r->n_bias : r->n_kernel; }

static void check_gradients(const op_case *c, fill_kind kind, float step, double allowed)
{
    run r;
    run_new(&r, c, c->spec.cls, GF_F32, kind, ops);
    if (kind == LATTICE) step = kernel_unit(fan_in_of(&r)) / 8;
    run_forward(&r);
    run_backward(&r);
    const gf_op_spec *s = &r.op.spec;
    float *diff[GF_OP_MAX_SRC] = {0};
    for (int k = 0; k < s->n_src; k++) {
        if (!s->diff_src[k]) continue;
        diff[k] = floats(r.n_src[k]);
        run_diff_src(&r, k, diff[k]);
        for (size_t i = 0; i < r.n_src[k]; i++) diff[k][i] -= r.before[k][i];
    }
    for (int k = 0; k < s->n_src; k++) {
        if (s->diff_src[k]) check_input(&r, k, diff[k], r.n_src[k], step, allowed);
    }
    if (s->diff_weights) {
        check_input(&r, KERNEL, r.dkernel, trained_values(&r), step, allowed);
        if (s->has_bias) check_input(&r, BIAS, r.dbias, r.n_bias, step, allowed);
    }
    run_check_guards(&r);
    for (int k = 0; k < s->n_src; k++) free(diff[k]);
    run_free(&r);
}

/* ---- convolution and dense, and their reference implementations */

static void gradients_of_conv(void **state)
{
    (void)state;
    for (int i = 0; i < CONV_SHAPES; i++) {
        for (int v = 0; v < VARIANTS; v++) {
            op_case c = conv_case(&conv_shapes[i], &variants[v]);
            check_gradients(&c, LATTICE, 0, 0);
        }
    }
    for (int i = 0; i < PADDINGS; i++) {
        conv_shape s = padding_shape(i);
        op_case c = conv_case(&s, &variants[7]);
        check_gradients(&c, LATTICE, 0, 0);
    }
}

static void gradients_of_reference_conv(void **state)
{
    (void)state;
    for (int i = 0; i < CONV_SHAPES; i++) {
        for (int v = 2; v < VARIANTS; v += 3) {
            op_case c = conv_case(&conv_shapes[i], &variants[v]);
            c.spec.cls = &gf_op_conv_reference;
            if (c.spec.src[0].dim[0] * c.spec.src[0].dim[3] <= 32) check_gradients(&c, LATTICE, 0, 0);
        }
    }
}

/* Differences of a smooth function err by step^2: a hundredth of a step of 1/64. */
static void gradients_of_smooth_activations(void **state)
{
    (void)state;
    static const variant smooth[] = {{"bias, sigmoid", .act = GF_ACT_SIGMOID, .bias = true},
                                     {"bias, residual, tanh", .act = GF_ACT_TANH, .bias = true, .residual = true}};
    for (int i = 0; i < CONV_SHAPES; i++) {
        for (int v = 0; v < 2; v++) {
            op_case c = conv_case(&conv_shapes[i], &smooth[v]);
            check_gradients(&c, REALS, 0x1p-6f, 2e-3);
        }
    }
}

static void gradients_of_dense(void **state)
{
    (void)state;
    const gf_op_class *classes[] = {&gf_op_dense, &gf_op_dense_reference};
    for (int i = 0; i < DENSE_SHAPES; i++) {
        for (int v = 0; v < VARIANTS; v++) {
            bool one = dense_shapes[i].n * dense_shapes[i].units == 1; /* may be clipped: no evidence */
            if (variants[v].residual || (one && clips(variants[v].act))) continue;
            op_case c = dense_case(&dense_shapes[i], &variants[v]);
            for (int k = 0; k < 2; k++) {
                c.spec.cls = classes[k];
                check_gradients(&c, LATTICE, 0, 0);
            }
        }
        op_case c = dense_case(&dense_shapes[i], &(variant){"sigmoid", .act = GF_ACT_SIGMOID, .bias = true});
        check_gradients(&c, REALS, 0x1p-6f, 2e-3);
    }
}

static void gradients_of_attention(void **state)
{
    (void)state;
    const gf_op_class *classes[] = {&gf_op_attention, &gf_op_attention_reference};
    for (int i = 0; i < ATTENTION_SHAPES; i++) {
        for (int k = 0; k < 2; k++) {
            op_case c = attention_case(&attention_shapes[i]);
            c.spec.cls = classes[k];
            check_gradients(&c, REALS, 0x1p-6f, 2e-3);
        }
    }
}

static void gradients_of_the_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < OTHERS; i++) {
        op_case c = other_case(&others[i]);
        check_gradients(&c, others[i].curved ? REALS : LATTICE, others[i].curved, others[i].allowed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_conv),      cmocka_unit_test(gradients_of_reference_conv),
        cmocka_unit_test(gradients_of_dense),     cmocka_unit_test(gradients_of_smooth_activations),
        cmocka_unit_test(gradients_of_attention), cmocka_unit_test(gradients_of_the_others),
    };
    return RUN_WITH_OPS(tests);
}
