/* Batch normalisation on the micro-batch's statistics against its definition, channel by channel in double: dst, all
 * gradients, what it hands to the moving statistics; with images that are not there, and at rest. Finite differences:
 * test_ops_gradients.c. */
#include "with_ops.h"

typedef struct batch_shape {
    gf_shape src;
    size_t images; /* that are there; 0: all */
} batch_shape;

static const batch_shape shapes[] = {
    {{4, {3, 5, 4, 7}}, 0},    {{4, {3, 5, 4, 7}}, 2},    {{4, {8, 9, 9, 24}}, 5}, {{4, {2, 2, 2, 700}}, 1},
    {{4, {8, 40, 40, 16}}, 0}, {{4, {4, 3, 3, 8195}}, 3}, {{2, {8, 33}}, 7},       {{3, {5, 6, 16}}, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const struct {
    const char *name;
    gf_act act;
    bool add, alias;
} ends[] = {{"linear", GF_ACT_LINEAR, false, true},
            {"relu", GF_ACT_RELU, true, false},
            {"relu6, alias", GF_ACT_RELU6, false, true},
            {"relu6", GF_ACT_RELU6, false, false}};
enum { ENDS = sizeof ends / sizeof *ends };

static op_case case_of(int shape, int end)
{
    op_case c = {.alias = ends[end].alias,
                 .spec = {.cls = &gf_op_batch_norm,
                          .n_src = 1,
                          .src = {shapes[shape].src},
                          .act = ends[end].act,
                          .has_bias = true,
                          .backward = true,
                          .diff_weights = true,
                          .diff_src = {true},
                          .accumulate = {ends[end].add},
                          .norm.epsilon = 1e-3f}};
    snprintf(c.name, sizeof c.name, "batch norm %d, %s", shape, ends[end].name);
    return c;
}

/* A run whose statistics are those of trained networks, far enough from the batch's. */
static void run_made(run *r, const op_case *c, int shape, gf_dtype dtype)
{
    run_new(r, c, c->spec.cls, dtype, REALS, ops);
    size_t channels = r->n_bias;
    for (size_t k = 0; k < channels; k++) {
        r->kernel[k] = 2 + uniform(c->name, "gamma", k);
        r->kernel[channels + k] = uniform(c->name, "mean", k);
        r->kernel[2 * channels + k] = 1 + uniform(c->name, "variance", k) / 2;
    }
    OK(gf_op_prepare(&r->op, r->kernel, r->bias, &error));
    r->step.images = shapes[shape].images;
}

static double cut(const run *r, double z)
{
    gf_act act = r->op.spec.act;
    return act == GF_ACT_RELU6 && z > 6 ? 6 : act != GF_ACT_LINEAR && z < 0 ? 0 : z;
}

/* What is wanted of a run, as floats. */
typedef struct wanted {
    float *dst, *diff_src, *dkernel, *dbias;
} wanted;

static double dz_at(const run *r, size_t i)
{
    double y = (double)gf_load(data_of(&r->dst), r->op.spec.dst_dtype, i);
    bool passes = r->op.spec.act == GF_ACT_LINEAR || (y > 0 && (r->op.spec.act == GF_ACT_RELU || y < 6));
    return passes ? (double)r->objective[i] : 0;
}

/* Channel k by the book; `there`: values of the tensor that count. After the forward run, whose cuts it takes. */
static void want_channel(const run *r, size_t k, size_t there, size_t images, const wanted *w)
{
    size_t c = r->n_bias;
    double n = (double)there / (double)c, mean = 0, variance = 0, a = 0, b = 0;
    const float *src = data_of(&r->src[0]);
    gf_dtype type = r->op.spec.src_dtype[0];
    for (size_t i = k; i < there; i += c) mean += (double)gf_load(src, type, i) / n;
    for (size_t i = k; i < there; i += c) variance += pow((double)gf_load(src, type, i) - mean, 2) / n;
    double root = 1 / sqrt(variance + (double)r->op.spec.norm.epsilon), gamma = (double)r->kernel[k];
    for (size_t i = k; i < there; i += c) {
        double x = ((double)gf_load(src, type, i) - mean) * root;
        w->dst[i] = (float)cut(r, x * gamma + (double)r->bias[k]);
        a += dz_at(r, i);
        b += dz_at(r, i) * x;
    }
    for (size_t i = k; i < there; i += c) {
        double x = ((double)gf_load(src, type, i) - mean) * root;
        w->diff_src[i] += (float)(gamma * root * (dz_at(r, i) - a / n - x * b / n));
    }
    double d = mean - (double)r->kernel[c + k];
    w->dkernel[k] = (float)b;
    w->dkernel[c + k] = (float)((double)images * d);
    w->dkernel[2 * c + k] = (float)((double)images * (variance + d * d));
    w->dbias[k] = (float)a;
}

static wanted want(const run *r)
{
    size_t all = (size_t)r->op.spec.dst.dim[0], images = r->step.images ? r->step.images : all;
    wanted w = {floats(r->n_dst), floats(r->n_dst), floats(r->n_kernel), floats(r->n_bias)};
    memcpy(w.diff_src, r->before[0], r->n_dst * sizeof *w.diff_src);
    for (size_t k = 0; k < r->n_bias; k++) want_channel(r, k, r->n_dst / all * images, images, &w);
    return w;
}

static void check_rows(const run *r, const wanted *w, double allowed)
{
    size_t c = r->n_bias;
    static const char *const rows[] = {"diff_gamma", "the mean", "the variance"};
    for (size_t i = 0; i < 3; i++) {
        compare(r->c->name, rows[i], r->dkernel + i * c, w->dkernel + i * c, c, (tolerance){allowed, true});
    }
    compare(r->c->name, "diff_beta", r->dbias, w->dbias, c, (tolerance){allowed, true});
}

static void check(int shape, int end, gf_dtype dtype, double allowed)
{
    op_case c = case_of(shape, end);
    run r;
    run_made(&r, &c, shape, dtype);
    run_forward(&r);
    float *dst = floats(r.n_dst), *diff = floats(r.n_dst);
    load_all(&r.dst, r.op.spec.dst_dtype, r.n_dst, dst);
    wanted w = want(&r);
    run_backward(&r);
    run_diff_src(&r, 0, diff);
    compare(c.name, "dst", dst, w.dst, r.n_dst, (tolerance){allowed, true});
    compare(c.name, "diff_src", diff, w.diff_src, r.n_dst, (tolerance){allowed, true});
    check_rows(&r, &w, dtype == GF_F32 ? 2e-5 : 1e-4);
    run_check_guards(&r);
    float *all[] = {w.dst, w.diff_src, w.dkernel, w.dbias, dst, diff};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    run_free(&r);
}

static void training_is_the_definition(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        for (int end = 0; end < ENDS; end++) {
            check(shape, end, GF_F32, 5e-6);
            check(shape, end, GF_BF16, 0x1p-7);
        }
    }
}

/* At rest: by the moving statistics, all images, whatever `pictures` says. */
static void at_rest_it_moves_nothing(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        op_case c = case_of(shape, 3);
        run r;
        run_made(&r, &c, shape, GF_F32);
        size_t channels = r.n_bias;
        r.step.training = false;
        run_forward(&r);
        float *got = floats(r.n_dst), *expected = floats(r.n_dst);
        load_all(&r.dst, GF_F32, r.n_dst, got);
        for (size_t i = 0; i < r.n_dst; i++) {
            size_t k = i % channels;
            double x = (double)gf_load(data_of(&r.src[0]), GF_F32, i) - (double)r.kernel[channels + k];
            x /= sqrt((double)r.kernel[2 * channels + k] + (double)c.spec.norm.epsilon);
            expected[i] = (float)cut(&r, x * (double)r.kernel[k] + (double)r.bias[k]);
        }
        compare(c.name, "dst", got, expected, r.n_dst, (tolerance){1e-6, true});
        run_check_guards(&r);
        free(got);
        free(expected);
        run_free(&r);
    }
}

/* Values around 4000 with a spread of one: sums of squares in f32 would lose all of it. */
static void a_large_mean_costs_nothing(void **state)
{
    (void)state;
    op_case c = case_of(4, 0);
    run r;
    run_made(&r, &c, 4, GF_F32);
    for (size_t i = 0; i < r.n_dst; i++) ((float *)data_of(&r.src[0]))[i] += 4000;
    run_forward(&r);
    float *dst = floats(r.n_dst);
    load_all(&r.dst, GF_F32, r.n_dst, dst);
    wanted w = want(&r);
    compare(c.name, "dst", dst, w.dst, r.n_dst, (tolerance){3e-4, true}); /* f32 has steps of 2.4e-4 there */
    float *all[] = {w.dst, w.diff_src, w.dkernel, w.dbias, dst};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    run_free(&r);
}

/* One value a channel: no spread, so beta comes out and nothing goes back. */
static void one_value_a_channel_is_harmless(void **state)
{
    (void)state;
    op_case c = case_of(6, 0);
    run r;
    run_made(&r, &c, 6, GF_F32);
    r.step.images = 1;
    run_forward(&r);
    float *dst = floats(r.n_dst), *diff = floats(r.n_dst);
    load_all(&r.dst, GF_F32, r.n_dst, dst);
    run_backward(&r);
    run_diff_src(&r, 0, diff);
    for (size_t i = 0; i < r.n_dst; i++) assert_true(diff[i] == 0 && dst[i] == (i < r.n_bias ? r.bias[i] : 0));
    free(dst);
    free(diff);
    run_free(&r);
}

static void an_activation_that_bends_is_refused(void **state)
{
    (void)state;
    op_case c = case_of(0, 0);
    gf_op op;
    c.spec.name = c.name;
    c.spec.act = GF_ACT_TANH;
    assert_int_equal(gf_op_create(&op, &c.spec, ops, &error), GRAFT_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_is_the_definition),          cmocka_unit_test(at_rest_it_moves_nothing),
        cmocka_unit_test(a_large_mean_costs_nothing),          cmocka_unit_test(one_value_a_channel_is_harmless),
        cmocka_unit_test(an_activation_that_bends_is_refused),
    };
    return RUN_WITH_OPS(tests);
}
