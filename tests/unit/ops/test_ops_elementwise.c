/* The operations that are their own reference implementations, against their formulas in double (formulas.h); and what
 * dropout promises. Their gradients: test_ops_gradients.c. */
#include "formulas.h"
#include "others.h"
#include "with_ops.h"

#include "tensor/tensor.h"

static void check_formula(const op_case *c, gf_dtype dtype, double allowed)
{
    for (size_t f = 0; f < sizeof formulas / sizeof *formulas; f++) {
        if (formulas[f].cls != c->spec.cls) continue;
        run r;
        run_new(&r, c, c->spec.cls, dtype, REALS, ops);
        run_forward(&r);
        float *want = floats(r.n_dst), *got = floats(r.n_dst);
        for (size_t i = 0; i < r.n_dst; i++) want[i] = (float)formulas[f].value(&r, i);
        load_all(&r.dst, r.op.spec.dst_dtype, r.n_dst, got);
        compare(c->name, "dst", got, want, r.n_dst, (tolerance){allowed, true});
        run_check_guards(&r);
        free(want);
        free(got);
        run_free(&r);
        return;
    }
    if (c->spec.cls != &gf_op_dropout) fail_msg("%s: no formula", c->name);
}

static void forward_is_the_formula(void **state)
{
    (void)state;
    for (int i = 0; i < OTHERS; i++) {
        op_case c = other_case(&others[i]);
        check_formula(&c, GF_F32, 1e-6);
        check_formula(&c, GF_BF16, 5e-3);
    }
}

/* What a source of NaN alone reaches is NaN: most of dst, whatever the operation; a table does not look at it. */
static void nan_passes_through(void **state)
{
    (void)state;
    for (int i = 0; i < OTHERS; i++) {
        for (int type = GF_F32; type <= GF_BF16; type++) {
            op_case c = other_case(&others[i]);
            if (c.spec.cls == &gf_op_table) continue;
            run r;
            run_new(&r, &c, c.spec.cls, (gf_dtype)type, REALS, ops);
            memset(data_of(&r.src[0]), UNSET_BYTE, r.src[0].bytes);
            run_forward(&r);
            size_t found = 0, reached = r.n_dst;
            if (c.spec.cls == &gf_op_pad || c.spec.cls == &gf_op_concat)
                reached = r.n_src[0] < r.n_dst ? r.n_src[0] : r.n_dst;
            for (size_t k = 0; k < r.n_dst; k++) found += isnan(gf_load(data_of(&r.dst), r.op.spec.dst_dtype, k));
            if (found * 3 < reached) fail_msg("%s: %zu of %zu are NaN", c.name, found, reached);
            run_free(&r);
        }
    }
}

static void a_table_has_no_gradient_of_its_source(void **state)
{
    (void)state;
    for (int adds = 0; adds < 2; adds++) {
        op_case c = {.name = "table", .spec = {.cls = &gf_op_table, .n_src = 1, .backward = true, .table = {5}}};
        c.spec.src[0] = GF_SHAPE(2, 1, 7, 3);
        c.spec.diff_src[0] = true;
        c.spec.accumulate[0] = adds;
        run r;
        run_new(&r, &c, c.spec.cls, GF_BF16, REALS, ops);
        run_backward(&r);
        float *got = floats(r.n_src[0]);
        run_diff_src(&r, 0, got);
        for (size_t i = 0; i < r.n_src[0]; i++) assert_true(got[i] == (adds ? r.before[0][i] : 0));
        run_check_guards(&r);
        free(got);
        run_free(&r);
    }
}

static void rescale_of_images(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 6; channels++) {
        for (int side = 1; side <= 65; side += 32) { /* less and more than the block it works by */
            op_case c = {.spec = {.cls = &gf_op_rescale, .n_src = 1}};
            snprintf(c.name, sizeof c.name, "rescale %d channels, %d a side", channels, side);
            c.spec.src[0] = GF_SHAPE(2, side, side, channels);
            for (int k = 0; k < 4; k++) {
                c.spec.rescale.scale[k] = 1 / 127.5f + (float)k;
                c.spec.rescale.offset[k] = -1 + 0.25f * (float)k;
            }
            for (int reverse = 0; reverse < 2; reverse++) {
                c.spec.rescale.reverse = reverse;
                check_formula(&c, GF_F32, 1e-6);
                check_formula(&c, GF_BF16, 5e-3);
            }
        }
    }
}

static void the_image_stays_f32(void **state)
{
    (void)state;
    op_case c = {.name = "rescale to bf16", .spec = {.cls = &gf_op_rescale, .n_src = 1}};
    c.spec.src[0] = GF_SHAPE(2, 33, 31, 3);
    for (int k = 0; k < 4; k++) c.spec.rescale.scale[k] = 1 / 127.5f, c.spec.rescale.offset[k] = -1;
    run r;
    run_new(&r, &c, &gf_op_rescale, GF_F32, REALS, ops);
    guarded narrow = guarded_new(r.n_dst * 2);
    r.exec.args.dst = data_of(&narrow);
    r.op.spec.dst_dtype = GF_BF16; /* what a plan in bf16 asks for: f32 in, bf16 out */
    for (size_t i = 0; i < r.n_src[0]; i++) ((float *)data_of(&r.src[0]))[i] = (float)(i * 7 % 256);
    OK(gf_op_rescale.forward(&r.exec, &r.step, &error));
    for (size_t i = 0; i < r.n_dst; i++) {
        float want = gf_bf16_to_f32(gf_f32_to_bf16((float)(i * 7 % 256) * (1 / 127.5f) - 1));
        assert_true(gf_load(data_of(&narrow), GF_BF16, i) == want);
    }
    check_guards(&narrow, c.name, "dst");
    free(narrow.block);
    run_free(&r);
}

#define BAD(class, sources, ...)                               \
    {                                                          \
        .cls = &gf_op_##class, .n_src = (sources), __VA_ARGS__ \
    }

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    const gf_op_spec bad[] = {
        BAD(add, 2, .src = {R4(1, 2, 2, 3), R4(1, 2, 3, 2)}),
        BAD(add, 3, .src = {R4(1, 2, 2, 3), R4(1, 2, 2, 3), R3(1, 4, 3)}),
        BAD(multiply, 2, .src = {R4(2, 3, 3, 4), R4(2, 1, 3, 4)}),
        BAD(multiply, 2, .src = {R4(2, 3, 3, 4), R4(1, 1, 1, 4)}),
        BAD(multiply, 2, .src = {R2(2, 4), R2(2, 1)}),
        BAD(pad, 1, .src = {R2(2, 8)}),
        BAD(pad, 1, .src = {R4(2, 4, 4, 3)}, .pad = {-4, 2, 0, 0}),
        BAD(pad, 1, .src = {R4(2, 4, 4, 3)}, .pad = {0, 0, -2, -2}),
        BAD(global_pool, 1, .src = {R2(2, 8)}),
        BAD(global_max_pool, 1, .src = {R2(2, 8)}),
        BAD(concat, 2, .src = {R4(1, 2, 2, 3), R4(1, 2, 3, 3)}, .concat = {3}),
        BAD(concat, 2, .src = {R3(1, 2, 3), R4(1, 2, 2, 3)}, .concat = {2}),
        BAD(concat, 2, .src = {R2(2, 3), R2(2, 3)}, .concat = {0}),
        BAD(concat, 2, .src = {R2(2, 3), R2(2, 3)}, .concat = {2}),
        BAD(reshape, 1, .src = {R2(2, 12)}, .reshape.shape = R2(3, 5)),
        BAD(reshape, 1, .src = {R2(2, 12)}, .reshape.shape = R2(-3, -4)),
        BAD(reshape, 1, .src = {R2(2, 12)}, .reshape.shape = {6, {1, 1, 1, 1, 3, 4}}),
        BAD(permute, 1, .src = {R3(2, 3, 4)}, .permute = {{1, 0, 2}}),
        BAD(permute, 1, .src = {R3(2, 3, 4)}, .permute = {{0, 1, 1}}),
        BAD(permute, 1, .src = {R3(2, 3, 4)}, .permute = {{0, 1, 3}}),
        BAD(upsample, 1, .src = {R4(2, 3, 4, 5)}, .upsample = {0, 2, false}),
        BAD(upsample, 1, .src = {R3(2, 3, 4)}, .upsample = {2, 2, false}),
        BAD(softmax, 1, .src = {R3(2, 3, 4)}, .softmax = {1, false}),
        BAD(glu, 1, .src = {R4(2, 3, 4, 5)}),
        BAD(norm, 1, .src = {R4(2, 3, 4, 5)}, .norm = {2, 1e-3f}),
        BAD(norm, 1, .src = {R4(2, 3, 4, 5)}, .norm = {-1, 1e-3f}),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gf_op op;
        gf_op_spec s = bad[i];
        s.name = "a layer";
        error = (graft_error){0};
        graft_status status = gf_op_create(&op, &s, ops, &error);
        if (status != GRAFT_USAGE || error.number != GF_E_MODEL_SHAPE) fail_msg("%s, row %zu: taken", s.cls->name, i);
        assert_non_null(strstr(error.message, "a layer"));
        gf_op_destroy(&op);
    }
}

/* ---- dropout */

static op_case dropout_case(int n, int c, float rate)
{
    op_case d = {.spec = {.cls = &gf_op_dropout, .n_src = 1, .backward = true, .diff_src = {true}}};
    snprintf(d.name, sizeof d.name, "dropout %g of %d x %d", (double)rate, n, c);
    d.spec.src[0] = GF_SHAPE(n, c);
    d.spec.dropout.rate = rate;
    d.spec.dropout.salt = 5;
    return d;
}

/* Runs over a source of ones, so that dst is the mask. */
static void mask_of(run *r, const op_case *c)
{
    run_new(r, c, &gf_op_dropout, GF_F32, REALS, ops);
    for (size_t i = 0; i < r->n_src[0]; i++) ((float *)data_of(&r->src[0]))[i] = 1;
    run_forward(r);
}

static void dropout_keeps_its_share_and_the_mean(void **state)
{
    (void)state;
    static const float rates[] = {0, 0.2f, 0.5f, 0.9f};
    enum { N = 16, C = 4000 };
    for (int k = 0; k < 4; k++) {
        op_case c = dropout_case(N, C, rates[k]);
        double keep = 1 - (double)rates[k];
        run r;
        mask_of(&r, &c);
        const float *mask = data_of(&r.dst);
        size_t kept = 0;
        for (size_t i = 0; i < r.n_dst; i++) {
            assert_true(mask[i] == 0 || fabs((double)mask[i] - 1 / keep) < 1e-6 / keep);
            kept += mask[i] != 0;
        }
        double sigma = sqrt(keep * (1 - keep) / (N * C)), off = fabs((double)kept / (N * C) - keep);
        if (!(off <= 5 * sigma)) fail_msg("rate %g keeps %zu of %d", (double)rates[k], kept, N * C);
        run_check_guards(&r);
        run_free(&r);
    }
}

static void dropout_is_off_without_training(void **state)
{
    (void)state;
    op_case c = dropout_case(3, 37, 0.5f);
    run r;
    run_new(&r, &c, &gf_op_dropout, GF_F32, REALS, ops);
    r.step.training = false;
    run_forward(&r);
    assert_memory_equal(data_of(&r.dst), data_of(&r.src[0]), r.dst.bytes);
    run_free(&r);
}

static void dropout_drops_the_same_backward(void **state)
{
    (void)state;
    op_case c = dropout_case(4, 63, 0.5f);
    run r;
    mask_of(&r, &c);
    run_backward(&r);
    const float *mask = data_of(&r.dst), *diff = data_of(&r.diff_src[0]);
    for (size_t i = 0; i < r.n_dst; i++) assert_true(diff[i] == r.objective[i] * mask[i]);
    run_free(&r);
}

/* A sample's mask does not depend on where in which micro-batch it stands. */
static void dropout_belongs_to_the_sample(void **state)
{
    (void)state;
    enum { N = 8, C = 45 };
    op_case whole_c = dropout_case(N, C, 0.2f);
    run whole;
    mask_of(&whole, &whole_c);
    const float *want = data_of(&whole.dst);
    for (int size = 1; size <= 4; size *= 2) {
        for (int at = 0; at < N; at += size) {
            op_case c = dropout_case(size, C, 0.2f);
            run r;
            mask_of(&r, &c);
            r.step.sample = whole.sample + at;
            run_forward(&r);
            assert_memory_equal(data_of(&r.dst), want + at * C, r.dst.bytes);
            run_free(&r);
        }
    }
    run_free(&whole);
}

/* Of channels and of samples: one draw each, kept in its share; of values the same draws as ever. */
static void dropout_drops_channels_and_samples(void **state)
{
    (void)state;
    enum { N = 16, PLACES = 6, C = 7, EPOCHS = 40 };
    for (int what = GF_DROP_CHANNELS; what <= GF_DROP_SAMPLES; what++) {
        op_case c = dropout_case(N, C, 0.25f);
        c.spec.src[0] = GF_SHAPE(N, 2, 3, C);
        c.spec.dropout.what = (gf_dropped)what;
        run r;
        mask_of(&r, &c);
        const float *mask = data_of(&r.dst), *diff = data_of(&r.diff_src[0]);
        int kept = 0, draws = what == GF_DROP_CHANNELS ? C : 1;
        for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
            r.step.epoch = epoch;
            run_forward(&r);
            for (int n = 0; n < N; n++) {
                const float *of = mask + n * PLACES * C;
                for (int k = 0; k < draws; k++) kept += of[k] != 0;
                for (int i = 0; i < PLACES * C; i++) assert_true(of[i] == of[i % draws]);
            }
            run_backward(&r);
            for (size_t i = 0; i < r.n_dst; i++) assert_true(diff[i] == r.objective[i] * mask[i]);
        }
        double keep = 0.75, n = N * EPOCHS * draws, sigma = sqrt(keep * (1 - keep) / n);
        if (!(fabs(kept / n - keep) <= 5 * sigma)) fail_msg("%d of %g are kept", kept, n);
        run_free(&r);
    }
}

/* ... but on seed, epoch, sample and layer. */
static void dropout_differs_where_it_should(void **state)
{
    (void)state;
    op_case c = dropout_case(1, 400, 0.5f);
    run r;
    mask_of(&r, &c);
    float base[400];
    memcpy(base, data_of(&r.dst), sizeof base);
    uint32_t other_sample = 4711;
    for (int what = 0; what < 4; what++) {
        gf_exec_context step = r.step;
        r.op.spec.dropout.salt = what == 0 ? 6 : 5;
        if (what == 1) r.step.epoch++;
        if (what == 2) r.step.seed += UINT64_C(1) << 32;
        if (what == 3) r.step.sample = &other_sample;
        run_forward(&r);
        int same = 0;
        const float *now = data_of(&r.dst);
        for (int i = 0; i < 400; i++) same += now[i] == base[i];
        if (same < 140 || same > 260) fail_msg("%d of 400 are the same", same); /* six sigmas round 200 */
        r.step = step;
    }
    r.op.spec.dropout.salt = 5;
    run_forward(&r);
    assert_memory_equal(data_of(&r.dst), base, sizeof base);
    run_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_the_formula),
        cmocka_unit_test(a_table_has_no_gradient_of_its_source),
        cmocka_unit_test(nan_passes_through),
        cmocka_unit_test(rescale_of_images),
        cmocka_unit_test(the_image_stays_f32),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(dropout_keeps_its_share_and_the_mean),
        cmocka_unit_test(dropout_drops_channels_and_samples),
        cmocka_unit_test(dropout_is_off_without_training),
        cmocka_unit_test(dropout_drops_the_same_backward),
        cmocka_unit_test(dropout_belongs_to_the_sample),
        cmocka_unit_test(dropout_differs_where_it_should),
    };
    return RUN_WITH_OPS(tests);
}
