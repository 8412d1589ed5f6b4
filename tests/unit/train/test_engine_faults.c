/* Every allocation failing in turn while an engine and a feature cache are made and used: a clean status, nothing left,
 * and after it the same engine works as if nothing had been. */
#include "base/alloc.h"
#include "image/input.h"
#include "support/needs.h"
#include "support/seeded.h"
#include "support/sys_faults.h"
#include "train/engine.h"
#include "zoo/zoo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 32, CLASSES = 3, BATCH = 6, SAMPLES = 12 };

typedef struct bench {
    gf_ops *ops;
    gf_pool *pool;
    gf_model m;
    gf_engine *e;
    gf_engine_spec spec;
    gf_feed feed;
    uint32_t sample[SAMPLES];
} bench;

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    (void)ctx, (void)err;
    float *values = q->scratch;
    for (size_t i = 0; i < SIZE * SIZE * 3; i++) values[i] = (float)(seeded_word("pixel", q->sample, i) >> 56);
    gf_input_put_f32(&in[0], values, dst[0]);
    if (target) *(gf_class_target *)target = gf_target_of(q->sample % CLASSES);
    return GRAFT_OK;
}

/* What an engine is made for; the last two train. */
typedef enum engine_kind { FORWARD, FIXED_NORM, BATCH_NORM } engine_kind;

static void open_bench(bench *b, engine_kind kind, gf_dtype dtype)
{
    *b = (bench){.feed = {.fill = image}};
    gf_zoo_options o = {.width = SIZE, .height = SIZE, .alpha = 0.35, .classes = CLASSES, .dropout = 0.2f};
    assert_int_equal(gf_ops_create(&b->ops, NULL, NULL), GRAFT_OK);
    assert_int_equal(gf_pool_create(&b->pool, 2, gf_ops_start_worker, NULL), GRAFT_OK);
    assert_int_equal(gf_zoo_build(&b->m, "mobilenet_v2", &o, NULL), GRAFT_OK);
    gf_model_init(&b->m, 1, 0);
    b->m.boundary = 140;
    gf_engine_defaults(&b->spec);
    b->spec.train = kind != FORWARD;
    b->spec.batch_norm = kind == BATCH_NORM;
    b->spec.batch = BATCH;
    b->spec.trainable_micro = 2;
    b->spec.dtype = dtype;
    for (uint32_t i = 0; i < SAMPLES; i++) b->sample[i] = i;
}

static void close_bench(bench *b)
{
    gf_model_free(&b->m);
    gf_pool_destroy(b->pool);
    gf_ops_destroy(b->ops);
}

static graft_status make(bench *b, graft_error *err)
{
    return gf_engine_create(&b->e, &b->m, b->ops, b->pool, &b->spec, err);
}

static void check_failure(graft_status status, const graft_error *err, bool happened)
{
    assert_true(happened);
    assert_int_equal(status, GRAFT_RESOURCE);
    assert_int_equal(err->number, GF_E_NO_MEMORY);
    assert_true(err->message[0] != 0);
}

static void check_creation(engine_kind kind, gf_dtype dtype, long at_least)
{
    bench b;
    open_bench(&b, kind, dtype);
    assert_int_equal(make(&b, NULL), GRAFT_OK); /* makes the precision choices, and keeps them */
    gf_engine_destroy(b.e);
    long faults = 0;
    for (long k = 0;; k++) {
        long live = faults_live();
        graft_error err = {0};
        faults_arm(FAULT_ALLOC, k);
        graft_status status = make(&b, &err);
        bool happened = faults_disarm();
        if (status == GRAFT_OK) {
            gf_engine_destroy(b.e);
        } else {
            check_failure(status, &err, happened);
            assert_null(b.e);
        }
        assert_int_equal(faults_live(), live);
        if (!happened) break;
        faults++;
    }
    print_message("%ld allocations failed\n", faults);
    assert_true(faults >= at_least);
    close_bench(&b);
}

static void an_engine(void **state)
{
    (void)state;
    check_creation(FIXED_NORM, GF_F32, 200);
    check_creation(BATCH_NORM, GF_F32, 200);
    check_creation(FORWARD, GF_F32, 150);
}

static void an_engine_in_bf16(void **state)
{
    (void)state;
    NEEDS("bf16");
    check_creation(FIXED_NORM, GF_BF16, 200);
}

/* ---- at work */

typedef struct work {
    gf_feature_cache feature_cache;
    float out[SAMPLES * CLASSES];
    bool has_feature_cache;
} work;

/* One step, an evaluation into a feature cache, a step out of it. */
static graft_status use(bench *b, work *w, graft_error *err)
{
    gf_batch batch = {.number = 1, .n = BATCH, .sample = b->sample}, next = batch;
    gf_step_result r;
    next.number = 2;
    next.sample += BATCH;
    GF_TRY(gf_engine_gradient(b->e, &b->feed, NULL, &batch, &next, &r, err));
    GF_TRY(gf_feature_cache_create(&w->feature_cache, b->e, 0, SAMPLES, 1, err));
    w->has_feature_cache = true;
    GF_TRY(gf_engine_forward(b->e, &b->feed, &w->feature_cache, b->sample, SAMPLES, w->out, NULL, err));
    GF_TRY(gf_engine_gradient(b->e, &b->feed, &w->feature_cache, &batch, NULL, &r, err));
    return gf_engine_reload(b->e, err);
}

static void done(work *w)
{
    if (w->has_feature_cache) gf_feature_cache_free(&w->feature_cache);
    w->has_feature_cache = false;
}

static void an_engine_at_work(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, FIXED_NORM, GF_F32);
    assert_int_equal(make(&b, NULL), GRAFT_OK);
    work w = {0}, want = {0};
    assert_int_equal(use(&b, &want, NULL), GRAFT_OK);
    done(&want);
    long faults = 0;
    for (long k = 0;; k++) {
        long live = faults_live();
        graft_error err = {0};
        faults_arm(FAULT_ALLOC, k);
        graft_status status = use(&b, &w, &err);
        gf_engine_drain_prefetch(b.e);
        bool happened = faults_disarm();
        if (status != GRAFT_OK) check_failure(status, &err, happened);
        done(&w);
        assert_int_equal(faults_live(), live);
        assert_int_equal(use(&b, &w, &err), GRAFT_OK); /* it works on */
        assert_memory_equal(w.out, want.out, sizeof want.out);
        done(&w);
        gf_engine_drain_prefetch(b.e);
        if (!happened) break;
        faults++;
    }
    assert_true(faults >= 3);
    gf_engine_destroy(b.e);
    gf_engine_destroy(NULL);
    close_bench(&b);
}

/* A step allocates nothing: what it needs was booked when the engine was made. */
static void check_step(engine_kind kind)
{
    bench b;
    open_bench(&b, kind, GF_F32);
    assert_int_equal(make(&b, NULL), GRAFT_OK);
    gf_optimizer o;
    assert_int_equal(gf_optimizer_parse(&o, "sgd", NULL), GRAFT_OK);
    float *slots = gf_alloc_tensor(((size_t)gf_optimizer_slots(&o) + 1) * gf_engine_trainable(b.e) * sizeof *slots);
    gf_batch batch = {.number = 1, .n = BATCH, .sample = b.sample}, next = batch;
    for (int s = 0; s < 3; s++) {
        long before = faults_allocations();
        gf_step_result r;
        next.number = batch.number + 1;
        assert_int_equal(gf_engine_gradient(b.e, &b.feed, NULL, &batch, &next, &r, NULL), GRAFT_OK);
        assert_int_equal(gf_engine_apply(b.e, &o, 1e-3, s, slots, NULL), GRAFT_OK);
        batch = next;
        assert_int_equal(faults_allocations(), before);
    }
    gf_engine_drain_prefetch(b.e);
    gf_free(slots);
    gf_engine_destroy(b.e);
    close_bench(&b);
}

static void a_step_allocates_nothing(void **state)
{
    (void)state;
    check_step(FIXED_NORM);
    check_step(BATCH_NORM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine),
        cmocka_unit_test(an_engine_in_bf16),
        cmocka_unit_test(an_engine_at_work),
        cmocka_unit_test(a_step_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
