/* Steps that several ranks share have the bits of one process: parameters, losses and predictions, for any number of
 * ranks, also more than there are micro-batches; with samples that are lost, with the next batch begun early, with
 * batch normalization that measures, and with steps of several batches. */
#include "base/alloc.h"
#include "image/input.h"
#include "support/ranks_of_threads.h"
#include "support/seeded.h"
#include "train/engine.h"
#include "zoo/zoo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 32, CLASSES = 3, SAMPLES = 128, STEPS = 3, MOST = 32, RANKS = 7 };

static gf_ops *ops;

typedef struct plan {
    int batch, accumulate, micro, lost_every;
    bool batch_norm, scores;
    int threads;
} plan;

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    const plan *p = ctx;
    if (target) *(gf_class_target *)target = gf_target_of(q->sample % CLASSES);
    if (p->lost_every && q->sample % (uint32_t)p->lost_every == 1)
        return gf_fail(err, GF_E_DATA_CHANGED, NULL, "sample %u is gone", q->sample);
    for (size_t i = 0; i < SIZE * SIZE * 3; i++) {
        q->scratch[i] = (float)(seeded_word("pixel", q->epoch, q->sample * SIZE * SIZE * 3 + i) >> 56);
    }
    gf_input_put_f32(&in[0], q->scratch, dst[0]);
    return GRAFT_OK;
}

/* What must be the same. */
typedef struct outcome {
    float *values;
    size_t n_values, own, n;
    double loss, norm;
    float sample_loss[MOST], score[MOST * CLASSES];
    int32_t predicted[MOST], label[MOST];
    graft_error err;
} outcome;

typedef struct job {
    const plan *plan;
    outcome *out; /* of each rank */
} job;

static graft_status steps(gf_engine *e, const plan *p, outcome *o, graft_error *err)
{
    gf_optimizer adam;
    uint32_t sample[SAMPLES];
    gf_feed feed = {image, (void *)(uintptr_t)p};
    GF_TRY(gf_optimizer_parse(&adam, "adam", err));
    float *slots = gf_alloc_tensor((size_t)gf_optimizer_slots(&adam) * gf_engine_trainable(e) * sizeof *slots);
    for (uint32_t i = 0; i < SAMPLES; i++) sample[i] = (i * 37 + 5) % SAMPLES;
    graft_status status = GRAFT_OK;
    gf_step_result r;
    for (uint32_t i = 0; i < STEPS && status == GRAFT_OK; i++) {
        size_t n = (size_t)p->batch * (size_t)p->accumulate - i; /* the last is short */
        gf_batch now = {.epoch = i, .number = i, .n = n, .sample = sample + i * MOST};
        gf_batch next = {.epoch = i + 1, .number = i + 1, .n = n - 1, .sample = sample + (i + 1) * MOST};
        status = gf_engine_gradient(e, &feed, NULL, &now, i % 2 ? NULL : &next, &r, err);
        if (status == GRAFT_OK) status = gf_engine_apply(e, &adam, 1e-3, i, slots, err);
    }
    gf_free(slots);
    if (status != GRAFT_OK) return status;
    o->n = r.n;
    o->loss = r.loss;
    o->norm = r.grad_norm;
    o->own = gf_engine_own_samples(e);
    memcpy(o->sample_loss, r.sample_loss, r.n * sizeof *r.sample_loss);
    memcpy(o->predicted, r.predicted, r.n * sizeof *r.predicted);
    memcpy(o->label, r.label, r.n * sizeof *r.label);
    if (p->scores) memcpy(o->score, r.score, r.n * CLASSES * sizeof *r.score);
    return GRAFT_OK;
}

static graft_status train(gf_comm *comm, const plan *p, gf_model *m, outcome *o, graft_error *err)
{
    gf_pool *pool;
    gf_engine *e = NULL;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.train = true;
    spec.seed = 99;
    spec.batch = p->batch;
    spec.accumulate = p->accumulate;
    spec.trainable_micro = p->micro;
    spec.batch_norm = p->batch_norm;
    spec.scores = p->scores;
    spec.comm = comm;
    GF_TRY(gf_pool_create(&pool, p->threads, gf_ops_start_worker, err));
    graft_status status = gf_engine_create(&e, m, ops, pool, &spec, err);
    if (status == GRAFT_OK) status = steps(e, p, o, err);
    gf_engine_destroy(e);
    gf_pool_destroy(pool);
    return status;
}

static void run(gf_comm *comm, void *ctx)
{
    const job *j = ctx;
    outcome *o = &j->out[gf_comm_rank(comm)];
    gf_model m = {0};
    gf_zoo_options z = {.width = SIZE, .height = SIZE, .alpha = 0.35, .classes = CLASSES, .dropout = 0.5f};
    *o = (outcome){0};
    if (gf_zoo_build(&m, "mobilenet_v2", &z, &o->err) == GRAFT_OK) {
        gf_model_init(&m, 7, 0);
        m.boundary = 120;
        if (train(comm, j->plan, &m, o, &o->err) == GRAFT_OK) {
            o->n_values = m.n_values;
            o->values = malloc(m.n_values * sizeof *m.value);
            memcpy(o->values, m.value, m.n_values * sizeof *m.value);
        } else if (comm) {
            comm->abort(comm->self, &o->err);
        }
    }
    gf_model_free(&m);
}

static void expect_equal(const outcome *got, const outcome *want, const char *where)
{
    if (!got->values) fail_msg("%s: E%d %s", where, got->err.number, got->err.message);
    assert_int_equal(got->n_values, want->n_values);
    if (memcmp(got->values, want->values, want->n_values * sizeof *want->values) != 0) fail_msg("%s: values", where);
    if (got->n != want->n || got->loss != want->loss || got->norm != want->norm) fail_msg("%s: loss", where);
    if (memcmp(got->sample_loss, want->sample_loss, sizeof want->sample_loss) != 0) fail_msg("%s: losses", where);
    if (memcmp(got->score, want->score, sizeof want->score) != 0) fail_msg("%s: scores", where);
    if (memcmp(got->predicted, want->predicted, sizeof want->predicted) != 0) fail_msg("%s: predictions", where);
    if (memcmp(got->label, want->label, sizeof want->label) != 0) fail_msg("%s: labels", where);
}

static void compare(const plan *p)
{
    static const int sizes[] = {1, 2, 3, 4, 5, RANKS};
    outcome want, got[RANKS];
    run(NULL, &(job){p, &want});
    if (!want.values) fail_msg("E%d %s", want.err.number, want.err.message);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t samples = 0;
        run_ranks(sizes[s], run, &(job){p, got});
        for (int r = 0; r < sizes[s]; r++) {
            char where[96];
            snprintf(where, sizeof where, "batch %d x %d, lost %d, rank %d of %d", p->batch, p->accumulate,
                     p->lost_every, r, sizes[s]);
            expect_equal(&got[r], &want, where);
            samples += got[r].own;
            free(got[r].values);
        }
        assert_int_equal(samples, want.n); /* each sample on one rank */
    }
    free(want.values);
}

static void any_ranks_give_the_same_bits(void **state)
{
    (void)state;
    static const plan plans[] = {
        {.batch = 32, .accumulate = 1, .micro = 4, .threads = 1},
        {.batch = 13, .accumulate = 1, .micro = 4, .threads = 2, .scores = true},
        {.batch = 12, .accumulate = 1, .micro = 8, .threads = 1, .batch_norm = true},
        {.batch = 9, .accumulate = 3, .micro = 2, .threads = 1},
    };
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) compare(&plans[i]);
}

static void lost_samples_are_lost_for_all(void **state)
{
    (void)state;
    static const plan plans[] = {
        {.batch = 24, .accumulate = 1, .micro = 4, .threads = 1, .lost_every = 5},
        {.batch = 24, .accumulate = 1, .micro = 4, .threads = 2, .lost_every = 2},
        {.batch = 16, .accumulate = 2, .micro = 4, .threads = 1, .lost_every = 7, .scores = true},
    };
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) compare(&plans[i]);
}

static int set_up(void **state)
{
    (void)state;
    return gf_ops_create(&ops, NULL, NULL) == GRAFT_OK ? 0 : -1;
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
        cmocka_unit_test(any_ranks_give_the_same_bits),
        cmocka_unit_test(lost_samples_are_lost_for_all),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
