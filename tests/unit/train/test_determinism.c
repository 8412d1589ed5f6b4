/* The engine's promise: the same bits of every parameter for any number of threads, with the next batch begun early or
 * not, with the frozen part kept or not, after a feed that failed and was asked again; lost samples count as if they
 * had never been in the batch; a batch is the mean of its samples. */
#include "base/alloc.h"
#include "image/input.h"
#include "support/needs.h"
#include "support/ok.h"
#include "support/seeded.h"
#include "train/engine.h"
#include "zoo/zoo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { SIZE = 32, CLASSES = 3, SAMPLES = 64, STEPS = 5, MOST_BATCH = 16 };

static gf_ops *ops;

/* ---- a feed of noise: another image every epoch, as augmentation makes them */

typedef struct source {
    bool fixed;      /* the same image every epoch */
    bool references; /* samples half the set apart have one image */
    bool lost[SAMPLES];
    atomic_long fail_after; /* images until one cannot be read, once; negative: never */
} source;

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    float *values = q->scratch;
    uint32_t sample = q->sample;
    source *s = ctx;
    if (s->lost[sample]) return gf_fail(err, GF_E_DATA_CHANGED, NULL, "sample %u is gone", sample);
    if (atomic_load(&s->fail_after) >= 0 && atomic_fetch_sub(&s->fail_after, 1) == 0) {
        return gf_fail(err, GF_E_IO_READ, NULL, "sample %u cannot be read now", sample);
    }
    uint64_t seed = s->fixed ? 0 : q->epoch * 2 + q->training;
    if (s->references) sample %= SAMPLES / 2;
    if (target) *(gf_class_target *)target = gf_target_of(sample % CLASSES);
    for (size_t i = 0; i < SIZE * SIZE * 3; i++) {
        values[i] = (float)(seeded_word("pixel", seed, sample * SIZE * SIZE * 3 + i) >> 56);
    }
    nanosleep(&(struct timespec){.tv_nsec = (long)(seeded_word("pause", seed, sample) % 300000)}, NULL); /* any order */
    gf_input_put_f32(&in[0], values, dst[0]);
    return GRAFT_OK;
}

/* ---- a bench */

typedef struct bench_spec {
    int threads, boundary, batch, trainable_micro, frozen_micro;
    gf_dtype dtype;
    bool batch_norm;
} bench_spec;

static const bench_spec usual = {.threads = 2, .boundary = 100, .batch = 10, .trainable_micro = 4, .frozen_micro = 3};

typedef struct bench {
    gf_pool *pool;
    gf_model m;
    gf_engine *e;
    source source;
    gf_feed feed;
    uint32_t sample[SAMPLES];
    gf_optimizer o;
    float *slots;
    int64_t steps;
    double loss; /* of the last step */
    bench_spec spec;
} bench;

static void seed_values(gf_model *m)
{
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        const gf_layer *l = &m->layer[p->layer];
        size_t fan = 1;
        for (int d = 0; d < p->shape.rank - 1; d++) fan *= (size_t)p->shape.dim[d];
        if (l->cls == &gf_layer_depthwise) fan = (size_t)(p->shape.dim[0] * p->shape.dim[1]);
        seeded_values(l->name, p->var, 1, fan, m->value + p->offset, p->count);
    }
}

static bench *bench_new(bench_spec spec)
{
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->spec = spec;
    atomic_init(&b->source.fail_after, -1);
    b->feed = (gf_feed){image, &b->source};
    for (uint32_t i = 0; i < SAMPLES; i++) b->sample[i] = (i * 37 + 5) % SAMPLES;
    OK(gf_pool_create(&b->pool, spec.threads, gf_ops_start_worker, &error));
    assert_int_equal(gf_pool_threads(b->pool), spec.threads);
    gf_zoo_options o = {.width = SIZE, .height = SIZE, .alpha = 0.35, .classes = CLASSES, .dropout = 0.5f};
    OK(gf_zoo_build(&b->m, "mobilenet_v2", &o, &error));
    seed_values(&b->m);
    b->m.boundary = spec.boundary;
    gf_engine_spec engine;
    gf_engine_defaults(&engine);
    engine.train = true;
    engine.seed = 99;
    engine.batch = MOST_BATCH;
    engine.trainable_micro = spec.trainable_micro;
    engine.frozen_micro = spec.frozen_micro;
    engine.dtype = spec.dtype;
    engine.batch_norm = spec.batch_norm;
    OK(gf_engine_create(&b->e, &b->m, ops, b->pool, &engine, &error));
    OK(gf_optimizer_parse(&b->o, "adam", &error));
    b->slots = gf_alloc_tensor((size_t)gf_optimizer_slots(&b->o) * gf_engine_trainable(b->e) * sizeof(float));
    assert_non_null(b->slots);
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

static gf_batch batch_at(const bench *b, int step)
{
    size_t at = (size_t)(step * b->spec.batch) % (SAMPLES - MOST_BATCH);
    return (gf_batch){
        .epoch = (uint32_t)(step / 3), .number = (uint64_t)step, .n = (size_t)b->spec.batch, .sample = b->sample + at};
}

static graft_status try_step(bench *b, int step, bool prefetch, const gf_feature_cache *feature_cache)
{
    gf_batch batch = batch_at(b, step), next = batch_at(b, step + 1);
    gf_step_result r;
    GF_TRY(gf_engine_gradient(b->e, &b->feed, feature_cache, &batch, prefetch ? &next : NULL, &r, &error));
    b->loss = r.loss;
    return gf_engine_apply(b->e, &b->o, 1e-3, b->steps++, b->slots, &error);
}

static void train(bench *b, bool prefetch, const gf_feature_cache *feature_cache)
{
    for (int s = 0; s < STEPS; s++) OK(try_step(b, s, prefetch, feature_cache));
}

static void assert_same_bits(const bench *a, const bench *b)
{
    assert_int_equal(a->m.n_values, b->m.n_values);
    assert_memory_equal(a->m.value, b->m.value, a->m.n_values * sizeof *a->m.value);
    assert_true(a->loss == b->loss);
}

/* A bench that was trained in the plain way, and did learn something. */
static bench *reference(bench_spec spec, const source *from)
{
    bench *b = bench_new(spec);
    if (from) {
        b->source.fixed = from->fixed;
        memcpy(b->source.lost, from->lost, sizeof from->lost);
    }
    size_t n = gf_engine_trainable(b->e), changed = 0;
    float *before = malloc(n * sizeof *before);
    const float *now = b->m.value + gf_model_first_trainable(&b->m);
    memcpy(before, now, n * sizeof *before);
    train(b, false, NULL);
    for (size_t i = 0; i < n; i++) changed += before[i] != now[i];
    if (changed < n / 2) fail_msg("%zu of %zu parameters changed: no evidence", changed, n);
    assert_true(isfinite(b->loss));
    free(before);
    return b;
}

/* ---- threads and prefetch */

static void check_threads(bench_spec spec)
{
    bench *want = reference(spec, NULL);
    for (int threads = 1; threads <= 4; threads++) {
        for (int prefetch = 0; prefetch < 2; prefetch++) {
            bench_spec other = spec;
            other.threads = threads;
            bench *b = bench_new(other);
            train(b, prefetch, NULL);
            assert_same_bits(b, want);
            bench_free(b);
        }
    }
    bench_free(want);
}

static void any_number_of_threads(void **state)
{
    (void)state;
    static const int boundaries[] = {154, 100, 0};
    for (int i = 0; i < 6; i++) {
        bench_spec spec = usual;
        spec.boundary = boundaries[i / 2];
        spec.batch_norm = i % 2;
        check_threads(spec);
    }
}

static void any_number_of_threads_in_bf16(void **state)
{
    (void)state;
    NEEDS("bf16");
    bench_spec spec = usual;
    spec.dtype = GF_BF16;
    check_threads(spec);
    spec.batch_norm = true;
    check_threads(spec);
}

/* A stop in between forgets what was begun; going on gives the same. */
static void a_stop_in_between(void **state)
{
    (void)state;
    bench *want = reference(usual, NULL), *b = bench_new(usual);
    for (int s = 0; s < STEPS; s++) {
        OK(try_step(b, s, true, NULL));
        if (s % 2) gf_engine_drain_prefetch(b->e);
        if (s == 2) OK(gf_engine_reload(b->e, &error));
    }
    assert_same_bits(b, want);
    bench_free(b);
    bench_free(want);
}

/* ---- failing feeds */

static void a_failed_batch_can_be_asked_again(void **state)
{
    (void)state;
    bench *want = reference(usual, NULL);
    for (int prefetch = 0; prefetch < 2; prefetch++) {
        for (long after = 0; after < 45; after += 7) {
            bench *b = bench_new(usual);
            int failed = 0;
            atomic_store(&b->source.fail_after, after);
            for (int s = 0; s < STEPS;) {
                graft_status status = try_step(b, s, prefetch, NULL);
                if (status == GRAFT_OK) {
                    s++;
                } else {
                    assert_int_equal(status, GRAFT_RESOURCE);
                    failed++;
                }
            }
            assert_int_equal(failed, 1);
            assert_same_bits(b, want);
            bench_free(b);
        }
    }
    bench_free(want);
}

/* ---- gradients of batches */

static gf_step_result gradient(bench *b, const uint32_t *sample, size_t n)
{
    static uint64_t number = 1000;
    gf_batch batch = {.epoch = 1, .number = number++, .n = n, .sample = sample};
    gf_step_result r;
    OK(gf_engine_gradient(b->e, &b->feed, NULL, &batch, NULL, &r, &error));
    return r;
}

static double distance(const float *got, const double *want, size_t n)
{
    double d = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        w += want[i] * want[i];
    }
    return sqrt(d / w);
}

static void check_close(double err, double allowed, const char *what, size_t n)
{
    if (!(err <= allowed)) fail_msg("%s of a batch of %zu is off by %g, allowed is %g", what, n, err, allowed);
}

/* Whatever the batch's size is to the micro-batches': its gradient is the mean of those of its samples. */
static void a_batch_is_the_mean_of_its_samples(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 16};
    bench *b = bench_new(usual);
    size_t n = gf_engine_trainable(b->e);
    double *sum = calloc(n, sizeof *sum), loss = 0;
    for (size_t at = 0, k = 0; at < MOST_BATCH; at++) {
        gf_step_result one = gradient(b, b->sample + at, 1);
        for (size_t i = 0; i < n; i++) sum[i] += (double)gf_engine_grads(b->e)[i];
        loss += one.loss;
        if (sizes[k] != at + 1) continue;
        gf_step_result all = gradient(b, b->sample, sizes[k]);
        assert_int_equal(all.n, sizes[k]);
        double *mean = calloc(n, sizeof *mean), squares = 0;
        for (size_t i = 0; i < n; i++) mean[i] = sum[i] / (double)sizes[k];
        for (size_t i = 0; i < n; i++) squares += mean[i] * mean[i];
        check_close(distance(gf_engine_grads(b->e), mean, n), 1e-4, "the gradient", sizes[k]);
        check_close(fabs(all.loss - loss / (double)sizes[k]), 1e-5, "the loss", sizes[k]);
        check_close(fabs(all.grad_norm / sqrt(squares) - 1), 1e-4, "the norm", sizes[k]);
        free(mean);
        k++;
    }
    free(sum);
    bench_free(b);
}

/* Two samples of one image and label differ by their dropout alone; one sample twice does not. */
static void dropout_goes_by_the_sample(void **state)
{
    (void)state;
    bench *b = bench_new(usual);
    b->source.references = true;
    size_t n = gf_engine_trainable(b->e), bytes = n * sizeof(float);
    const uint32_t one = 7, other = 7 + SAMPLES / 2;
    float *first = malloc(bytes);
    gradient(b, &one, 1);
    memcpy(first, gf_engine_grads(b->e), bytes);
    gradient(b, &other, 1);
    assert_memory_not_equal(gf_engine_grads(b->e), first, bytes);
    gradient(b, &one, 1);
    assert_memory_equal(gf_engine_grads(b->e), first, bytes);
    free(first);
    bench_free(b);
}

static void check_lost(bool batch_norm)
{
    static const uint32_t gone[][4] = {
        {0, 0, 0, 0}, {3, 4, 5, 9}, {6, 7, 8, 9}, {0, 1, 2, 3}}; /* places in the batch */
    enum { N = 10 };
    bench_spec spec = usual;
    spec.batch_norm = batch_norm;
    bench *b = bench_new(spec);
    size_t n = gf_engine_trainable(b->e);
    for (size_t g = 0; g < sizeof gone / sizeof *gone; g++) {
        memset(b->source.lost, 0, sizeof b->source.lost);
        for (int i = 0; i < 4; i++) b->source.lost[b->sample[gone[g][i]]] = true;
        uint32_t sample[N];
        int32_t label[N];
        size_t left = 0;
        for (size_t i = 0; i < N; i++) {
            if (b->source.lost[b->sample[i]]) continue;
            sample[left] = b->sample[i];
            label[left++] = (int32_t)(b->sample[i] % CLASSES);
        }
        gf_step_result r = gradient(b, sample, left);
        assert_int_equal(r.n, left);
        double *want = calloc(n, sizeof *want), loss = r.loss;
        for (size_t i = 0; i < n; i++) want[i] = (double)gf_engine_grads(b->e)[i];
        r = gradient(b, b->sample, N);
        assert_int_equal(r.n, left);
        assert_memory_equal(r.label, label, left * sizeof *label);
        for (size_t i = 0; i < n; i++) assert_true((double)gf_engine_grads(b->e)[i] == want[i]);
        assert_true(r.loss == loss);
        free(want);
    }
    memset(b->source.lost, true, sizeof b->source.lost);
    gf_step_result none = gradient(b, b->sample, N);
    assert_int_equal(none.n, 0);
    assert_true(none.loss == 0 && none.grad_norm == 0);
    for (size_t i = 0; i < n; i++) assert_true(gf_engine_grads(b->e)[i] == 0);
    bench_free(b);
}

static void lost_samples_do_not_count(void **state)
{
    (void)state;
    check_lost(false);
    check_lost(true);
}

static void check_lost_and_threads(bool batch_norm)
{
    source s = {0};
    for (int i = 0; i < SAMPLES; i += 5) s.lost[i] = true;
    bench_spec spec = usual;
    spec.threads = 1;
    spec.batch_norm = batch_norm;
    bench *want = reference(spec, &s);
    for (int threads = 2; threads <= 4; threads++) {
        spec.threads = threads;
        bench *b = bench_new(spec);
        memcpy(b->source.lost, s.lost, sizeof s.lost);
        train(b, true, NULL);
        assert_same_bits(b, want);
        bench_free(b);
    }
    bench_free(want);
}

static void lost_samples_and_threads(void **state)
{
    (void)state;
    check_lost_and_threads(false);
    check_lost_and_threads(true);
}

/* ---- feature caches */

static void a_feature_cache_gives_the_same(void **state)
{
    (void)state;
    for (int losing = 0; losing < 2; losing++) {
        source s = {.fixed = true};
        for (int i = 0; losing && i < SAMPLES; i += 6) s.lost[i] = true;
        bench *want = reference(usual, &s), *b = bench_new(usual);
        b->source.fixed = true;
        memcpy(b->source.lost, s.lost, sizeof s.lost);
        gf_feature_cache feature_cache;
        OK(gf_feature_cache_create(&feature_cache, b->e, 0, SAMPLES, 1, &error));
        float first[SAMPLES * CLASSES], again[SAMPLES * CLASSES];
        bool lost[SAMPLES];
        OK(gf_engine_forward(b->e, &b->feed, &feature_cache, b->sample, SAMPLES, first, lost, &error));
        for (int i = 0; i < SAMPLES; i++) assert_int_equal(lost[i], s.lost[b->sample[i]]);
        atomic_store(&b->source.fail_after, 0); /* from here on no image is read */
        OK(gf_engine_forward(b->e, &b->feed, &feature_cache, b->sample, SAMPLES, again, lost, &error));
        for (int i = 0; i < SAMPLES; i++) {
            if (!lost[i]) assert_memory_equal(first + i * CLASSES, again + i * CLASSES, CLASSES * sizeof *first);
        }
        train(b, false, &feature_cache);
        assert_same_bits(b, want);
        assert_int_equal(atomic_load(&b->source.fail_after), 0);
        assert_true(gf_feature_cache_bytes(b->e, SAMPLES) > 0);
        gf_feature_cache_free(&feature_cache);
        bench_free(b);
        bench_free(want);
    }
}

/* ---- forward */

static void outputs_are_the_same_for_any_threads(void **state)
{
    (void)state;
    float want[SAMPLES * CLASSES], got[SAMPLES * CLASSES];
    for (int threads = 1; threads <= 4; threads++) {
        bench_spec spec = usual;
        spec.threads = threads;
        bench *b = bench_new(spec);
        OK(gf_engine_forward(b->e, &b->feed, NULL, b->sample, SAMPLES, threads == 1 ? want : got, NULL, &error));
        if (threads > 1) assert_memory_equal(got, want, sizeof want);
        for (size_t at = 0; at < SAMPLES; at += 7) { /* an image alone, as in company */
            OK(gf_engine_forward(b->e, &b->feed, NULL, b->sample + at, 1, got, NULL, &error));
            assert_memory_equal(got, want + at * CLASSES, CLASSES * sizeof *got);
        }
        b->source.lost[b->sample[3]] = true; /* nobody asked which are lost: an error */
        assert_int_equal(gf_engine_forward(b->e, &b->feed, NULL, b->sample, 8, got, NULL, &error), GRAFT_DATA);
        bench_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(any_number_of_threads_in_bf16),
        cmocka_unit_test(a_stop_in_between),
        cmocka_unit_test(a_failed_batch_can_be_asked_again),
        cmocka_unit_test(a_batch_is_the_mean_of_its_samples),
        cmocka_unit_test(dropout_goes_by_the_sample),
        cmocka_unit_test(lost_samples_do_not_count),
        cmocka_unit_test(lost_samples_and_threads),
        cmocka_unit_test(a_feature_cache_gives_the_same),
        cmocka_unit_test(outputs_are_the_same_for_any_threads),
    };
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    return failed;
}
