/* Gradient accumulation: a step of k batches is one of a batch k times as large, to the bit where the tree of sums is
 * the same, else within rounding; lost samples count as if they had never been there. And clipping, in a step. */
#include "base/alloc.h"
#include "image/input.h"
#include "support/ok.h"
#include "support/seeded.h"
#include "train/engine.h"
#include "zoo/zoo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 32, CLASSES = 3, SAMPLES = 128, STEPS = 3, IMAGES = 32, MICRO = 4, BOUNDARY = 120 };

static gf_ops *ops;
static bool lost[SAMPLES];

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    (void)ctx;
    if (target) *(gf_class_target *)target = gf_target_of(q->sample % CLASSES);
    if (lost[q->sample]) return gf_fail(err, GF_E_DATA_CHANGED, NULL, "sample %u is gone", q->sample);
    for (size_t i = 0; i < SIZE * SIZE * 3; i++) {
        q->scratch[i] = (float)(seeded_word("pixel", q->epoch, q->sample * SIZE * SIZE * 3 + i) >> 56);
    }
    gf_input_put_f32(&in[0], q->scratch, dst[0]);
    return GRAFT_OK;
}

typedef struct bench_spec {
    int batch, accumulate, threads;
    const char *optimizer;
    bool batch_norm, prefetch;
    gf_clip clip;
} bench_spec;

typedef struct bench {
    bench_spec spec;
    gf_pool *pool;
    gf_model m;
    gf_engine *e;
    gf_feed feed;
    gf_optimizer o;
    float *slots;
    uint32_t sample[SAMPLES];
    gf_step_result last;
} bench;

static bench *bench_new(bench_spec s)
{
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->spec = s;
    b->feed = (gf_feed){image, b};
    for (uint32_t i = 0; i < SAMPLES; i++) b->sample[i] = (i * 37 + 5) % SAMPLES;
    OK(gf_pool_create(&b->pool, s.threads, gf_ops_start_worker, &error));
    gf_zoo_options o = {.width = SIZE, .height = SIZE, .alpha = 0.35, .classes = CLASSES, .dropout = 0.5f};
    OK(gf_zoo_build(&b->m, "mobilenet_v2", &o, &error));
    gf_model_init(&b->m, 7, 0);
    b->m.boundary = BOUNDARY;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.train = true;
    spec.seed = 99;
    spec.batch = s.batch;
    spec.accumulate = s.accumulate;
    spec.trainable_micro = MICRO;
    spec.batch_norm = s.batch_norm;
    spec.clip = s.clip;
    OK(gf_engine_create(&b->e, &b->m, ops, b->pool, &spec, &error));
    OK(gf_optimizer_parse(&b->o, s.optimizer, &error));
    b->slots = gf_alloc_tensor((size_t)gf_optimizer_slots(&b->o) * gf_engine_trainable(b->e) * sizeof(float));
    return b;
}

static void bench_free(bench *b)
{
    gf_engine_destroy(b->e);
    gf_model_free(&b->m);
    gf_pool_destroy(b->pool);
    gf_free(b->slots);
    free(b);
}

static gf_batch step_at(const bench *b, int step, size_t n)
{
    return (gf_batch){.epoch = (uint32_t)step, .number = (uint64_t)step, .n = n, .sample = b->sample + step * IMAGES};
}

static void gradient(bench *b, int step, size_t n)
{
    gf_batch now = step_at(b, step, n), next = step_at(b, step + 1, n);
    OK(gf_engine_gradient(b->e, &b->feed, NULL, &now, b->spec.prefetch ? &next : NULL, &b->last, &error));
}

static bench *trained(bench_spec s)
{
    bench *b = bench_new(s);
    for (int i = 0; i < STEPS; i++) {
        gradient(b, i, IMAGES);
        OK(gf_engine_apply(b->e, &b->o, 1e-3, i, b->slots, &error));
    }
    assert_true(isfinite(b->last.loss) && b->last.grad_norm > 0);
    return b;
}

static void batches_of_a_step_are_one_large_batch(void **state)
{
    (void)state;
    bench_spec whole = {.batch = IMAGES, .threads = 2, .optimizer = "adam", .batch_norm = true};
    for (int norm = 0; norm < 2; norm++) {
        whole.batch_norm = norm;
        bench *want = trained(whole);
        for (int k = 2; k <= 8; k *= 2) {
            bench_spec s = whole;
            s.batch = IMAGES / k;
            s.accumulate = k;
            s.prefetch = k != 4;
            s.threads = k / 2;
            bench *b = trained(s);
            assert_int_equal(b->last.n, IMAGES);
            assert_true(b->last.loss == want->last.loss && b->last.grad_norm == want->last.grad_norm);
            assert_memory_equal(b->last.sample_loss, want->last.sample_loss, IMAGES * sizeof(float));
            assert_memory_equal(b->last.label, want->last.label, IMAGES * sizeof(int32_t));
            assert_memory_equal(b->m.value, want->m.value, b->m.n_values * sizeof(float));
            bench_free(b);
        }
        bench_free(want);
    }
}

static double distance(const bench *a, const bench *b)
{
    double worst = 0, largest = 0;
    assert_int_equal(gf_engine_trainable(a->e), gf_engine_trainable(b->e));
    for (size_t i = 0; i < gf_engine_trainable(a->e); i++) {
        double x = (double)gf_engine_grads(a->e)[i], y = (double)gf_engine_grads(b->e)[i];
        if (!(fabs(x - y) <= worst)) worst = fabs(x - y);
        largest = fmax(largest, fabs(y));
    }
    assert_true(largest > 0);
    return worst / largest;
}

/* Batches that are no power of two of micro-batches, the last one smaller: another tree of the same sums. */
static void uneven_batches_are_it_within_rounding(void **state)
{
    (void)state;
    static const struct {
        int batch, accumulate;
        size_t images;
    } rows[] = {{11, 3, 32}, {12, 3, 30}, {5, 7, 32}, {8, 4, 9}, {8, 4, 8}, {1, 32, 31}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bench *want = bench_new((bench_spec){.batch = IMAGES, .threads = 2, .optimizer = "sgd"});
        bench *b = bench_new(
            (bench_spec){.batch = rows[i].batch, .accumulate = rows[i].accumulate, .threads = 2, .optimizer = "sgd"});
        gradient(want, 0, rows[i].images);
        gradient(b, 0, rows[i].images);
        assert_int_equal(b->last.n, rows[i].images);
        assert_true(fabs(b->last.loss - want->last.loss) <= 1e-6);
        double d = distance(b, want);
        if (!(d <= 1e-5)) fail_msg("%d batches of %d: %g", rows[i].accumulate, rows[i].batch, d);
        bench_free(b);
        bench_free(want);
    }
}

/* Some samples of some batches, a whole batch, the last one, all. */
static void lost_samples_are_no_part_of_a_step(void **state)
{
    (void)state;
    static const struct {
        int first, n;
    } rows[] = {{2, 3}, {8, 8}, {24, 8}, {6, 20}, {0, 32}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bench *want = bench_new((bench_spec){.batch = IMAGES, .threads = 2, .optimizer = "sgd"});
        bench *b = bench_new((bench_spec){.batch = 8, .accumulate = 4, .threads = 2, .optimizer = "sgd"});
        for (int k = 0; k < rows[i].n; k++) lost[b->sample[rows[i].first + k]] = true;
        gradient(want, 0, IMAGES);
        gradient(b, 0, IMAGES);
        assert_int_equal(b->last.n, IMAGES - rows[i].n);
        assert_int_equal(b->last.n, want->last.n);
        if (b->last.n) {
            double d = distance(b, want);
            if (!(d <= 1e-5)) fail_msg("%d samples from %d lost: %g", rows[i].n, rows[i].first, d);
        } else {
            assert_true(b->last.grad_norm == 0 && gf_engine_grads(b->e)[0] == 0);
        }
        memset(lost, 0, sizeof lost);
        bench_free(b);
        bench_free(want);
    }
}

/* ---- clipping: gradient descent at a rate of 1 takes the gradient off the parameters as it was clipped */

static void check_clipped(const bench *b, const float *grad, double norm)
{
    const gf_param_groups *g = gf_engine_groups(b->e);
    const gf_clip *c = &b->spec.clip;
    bool any = false;
    for (size_t t = 0; t < g->n_tensors; t++) {
        const gf_param_range *r = &g->tensor[t];
        double own = 0, factor = c->limit / norm;
        for (size_t k = 0; k < r->count; k++) own += (double)grad[r->at + k] * (double)grad[r->at + k];
        if (c->kind == GF_CLIP_TENSOR_NORM) factor = c->limit / sqrt(own);
        for (size_t k = 0; k < r->count; k++) {
            double was = (double)grad[r->at + k], want = was * fmin(factor, 1);
            if (c->kind == GF_CLIP_VALUE) want = fmax(-c->limit, fmin(c->limit, was));
            any = any || want != was;
            assert_true(fabs((double)gf_engine_grads(b->e)[r->at + k] - want) <= 1e-6 * fabs(want));
        }
    }
    assert_true(any);
}

static void a_step_takes_the_clipped_gradient(void **state)
{
    (void)state;
    static const gf_clip clips[] = {{GF_CLIP_NORM, 0.1}, {GF_CLIP_TENSOR_NORM, 0.02}, {GF_CLIP_VALUE, 0.001}};
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        bench *b = bench_new((bench_spec){.batch = IMAGES, .threads = 2, .optimizer = "sgd", .clip = clips[i]});
        size_t n = gf_engine_trainable(b->e), first = gf_model_first_trainable(&b->m);
        float *grad = malloc(n * sizeof *grad), *before = malloc(n * sizeof *before);
        gradient(b, 0, IMAGES);
        memcpy(grad, gf_engine_grads(b->e), n * sizeof *grad);
        memcpy(before, b->m.value + first, n * sizeof *before);
        OK(gf_engine_apply(b->e, &b->o, 1, 0, b->slots, &error));
        check_clipped(b, grad, b->last.grad_norm);
        for (size_t k = 0; k < n; k++) {
            float now = before[k] - gf_engine_grads(b->e)[k];
            assert_memory_equal(&now, &b->m.value[first + k], sizeof now);
        }
        free(grad);
        free(before);
        bench_free(b);
    }
}

/* Per-tensor norms, of clipping and of LAMB, depend on no thread count. */
static void norms_of_tensors_have_the_same_bits_on_any_threads(void **state)
{
    (void)state;
    bench_spec s = {.batch = 16,
                    .accumulate = 2,
                    .threads = 1,
                    .optimizer = "lamb:weight_decay=0.01",
                    .clip = {GF_CLIP_TENSOR_NORM, 0.02}};
    bench *want = trained(s);
    for (int threads = 2; threads <= 4; threads++) {
        s.threads = threads;
        bench *b = trained(s);
        assert_memory_equal(b->m.value, want->m.value, b->m.n_values * sizeof(float));
        bench_free(b);
    }
    bench_free(want);
}

static int set_up(void **state)
{
    (void)state;
    return gf_ops_create(&ops, NULL, &error) == GRAFT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    gf_ops_destroy(ops);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_of_a_step_are_one_large_batch),
        cmocka_unit_test(uneven_batches_are_it_within_rounding),
        cmocka_unit_test(lost_samples_are_no_part_of_a_step),
        cmocka_unit_test(a_step_takes_the_clipped_gradient),
        cmocka_unit_test(norms_of_tensors_have_the_same_bits_on_any_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
