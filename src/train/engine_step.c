/* engine_step.c - one training step: frozen part of the batch (mostly done already, in the background), trainable part
 * in lanes, the sum of their gradients, the update. */
#include "train/engine_parts.h"
#include "train/metrics.h"

#include "ops/kernels.h"
#include "tasks/classify.h"

#include <math.h>
#include <string.h>

/* ---- the frozen part into a stage */

static size_t items_of(size_t n, int size) { return (n + (size_t)size - 1) / (size_t)size; }

static graft_status fill_item(void *ctx, size_t item, int worker, graft_error *err)
{
    gf_stage *st = ctx;
    gf_engine *e = st->engine;
    size_t micro = (size_t)e->spec.frozen_micro, at = item * micro;
    size_t n = st->batch.n - at < micro ? st->batch.n - at : micro;
    GF_TRY(gf_engine_frozen(e, &st->feed, st->batch.epoch, true, st->sample + at, n, worker, st->lost + at, err));
    for (size_t k = 0; k < e->parts; k++) {
        for (size_t i = 0; i < n; i++) gf_engine_take(e, worker, k, i, st->data[k], at + i);
    }
    return GRAFT_OK;
}

static void load_stage(gf_stage *st, const gf_batch *batch, const gf_feed *feed)
{
    memcpy(st->sample, batch->sample, batch->n * sizeof *st->sample);
    memcpy(st->label, batch->label, batch->n * sizeof *st->label);
    st->batch = *batch;
    st->batch.sample = st->sample;
    st->batch.label = st->label;
    st->feed = *feed;
    st->taken = true;
}

static gf_stage *find_stage(gf_engine *e, const gf_batch *batch)
{
    for (int s = 0; s < 2; s++) {
        if (e->stage[s].taken && e->stage[s].batch.number == batch->number) return &e->stage[s];
    }
    return NULL;
}

void gf_engine_quiet(gf_engine *e)
{
    if (!e->spec.train) return;
    gf_pool_drop_background(e->pool); /* what it makes would not be taken */
    e->stage[0].taken = e->stage[1].taken = false;
}

/* The stage that holds `batch`, complete; `next` is started behind it. */
static graft_status stage_batch(gf_engine *e, const gf_feed *feed, const gf_batch *batch, const gf_batch *next,
                                gf_stage **out, graft_error *err)
{
    graft_status status = gf_pool_finish_background_watched(e->pool, err);
    if (gf_is_stop(status)) return status; /* it goes on: gf_engine_quiet ends it */
    if (status != GRAFT_OK) {
        e->stage[0].taken = e->stage[1].taken = false;
        return status;
    }
    gf_stage *st = find_stage(e, batch);
    if (!st) {
        st = &e->stage[0];
        e->stage[1].taken = false;
        load_stage(st, batch, feed);
        status = gf_pool_run_watched(e->pool, items_of(batch->n, e->spec.frozen_micro), fill_item, st, err);
        st->taken = status == GRAFT_OK; /* half filled it must not be found again */
        GF_TRY(status);
    }
    *out = st;
    if (!next || find_stage(e, next)) return GRAFT_OK;
    gf_stage *other = st == &e->stage[0] ? &e->stage[1] : &e->stage[0];
    load_stage(other, next, feed);
    gf_pool_background(e->pool, items_of(next->n, e->spec.frozen_micro), fill_item, other);
    return GRAFT_OK;
}

/* ---- the trainable part */

/* Samples that were lost are no part of a step: micro-batches are made of the others, as equal as that goes (what is
 * measured on one - batch normalisation - is worth as much as its pictures are many). */
typedef struct tail_job {
    gf_engine *e;
    const gf_batch *batch;
    const gf_stage *stage; /* or */
    const gf_bank *bank;
    size_t items; /* micro-batches */
} tail_job;

static void list_present(const tail_job *j)
{
    gf_engine *e = j->e;
    e->pictures = 0;
    for (size_t i = 0; i < j->batch->n; i++) {
        bool lost = j->bank ? j->bank->lost[j->batch->sample[i] - j->bank->first] : j->stage->lost[i];
        if (lost) continue;
        e->label[e->pictures] = j->batch->label[i];
        e->present[e->pictures++] = i;
    }
}

/* The rows of the cut of n samples from `at` on, into the lane; the rest is 0. */
static void load_rows(const tail_job *j, gf_lane *lane, size_t at, size_t n)
{
    const gf_engine *e = j->e;
    for (size_t k = 0; k < e->parts; k++) {
        char *to = gf_lane_value(lane, e->crossing[k]);
        size_t row = e->part_bytes[k];
        for (size_t i = 0; i < n; i++) {
            size_t from = e->present[at + i];
            if (j->bank) from = j->batch->sample[from] - j->bank->first;
            memcpy(to + i * row, (j->bank ? j->bank->data[k] : j->stage->data[k]) + from * row, row);
        }
        memset(to + n * row, 0, ((size_t)e->spec.tail_micro - n) * row);
    }
}

/* Micro-batch `item`: its rows of the cut, forward, loss, backward. */
static graft_status tail_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker;
    tail_job *j = ctx;
    gf_engine *e = j->e;
    gf_lane *lane = e->tail_lane[item];
    size_t at = item * e->pictures / j->items, n = (item + 1) * e->pictures / j->items - at;
    size_t micro = (size_t)e->spec.tail_micro, outputs = e->outputs;
    const int output = gf_engine_learning(e)->output;
    load_rows(j, lane, at, n);
    uint32_t sample[256] = {0};
    if (micro > 256) return gf_fail(err, GF_E_INTERNAL, NULL, "micro-batch %zu", micro);
    for (size_t i = 0; i < n; i++) sample[i] = j->batch->sample[e->present[at + i]];
    gf_step step = {.training = true, .seed = e->spec.seed, .epoch = j->batch->epoch, .sample = sample, .pictures = n};
    GF_TRY(gf_lane_forward(lane, &step, err));
    float *diff = gf_lane_diff(lane, output);
    memset(diff, 0, micro * outputs * sizeof *diff);
    gf_classify_loss(gf_lane_value(lane, output), e->label + at, n, e->model->classes, 1 / (float)e->pictures, diff,
                     e->sample_loss + at, e->predicted + at);
    return gf_lane_backward(lane, &step, err);
}

/* ---- the gradient */

enum { STRETCH = 4096 }; /* floats that are summed at a time */

typedef struct reduce_job {
    gf_engine *e;
    size_t used; /* blocks that this batch filled */
} reduce_job;

/* Sums `count` floats from `first` on of all blocks into block 0: ((0+1)+(2+3)) + ((4+5)+(6+7)) ... */
static void sum_blocks(const reduce_job *j, size_t first, size_t count)
{
    float **block = j->e->block;
    for (size_t stride = 1; stride < j->used; stride *= 2) {
        for (size_t b = 0; b + stride < j->used; b += 2 * stride) {
            gf_accumulate_f32(block[b] + first, block[b + stride] + first, count);
        }
    }
}

/* Node `item`'s part: summed, a stretch that stays in the cache at a time, then unfolded. */
static graft_status reduce_item(void *ctx, size_t item, int worker, graft_error *err)
{
    reduce_job *j = ctx;
    gf_engine *e = j->e;
    size_t first, count;
    if (!gf_plan_node_trains(e->tail, item)) return GRAFT_OK;
    gf_plan_grad_range(e->tail, item, &first, &count);
    for (size_t at = 0; at < count; at += STRETCH) {
        sum_blocks(j, first + at, count - at < STRETCH ? count - at : STRETCH);
    }
    return gf_plan_finish_grad(e->tail, item, e->block[0], e->scratch[worker], e->grad, e->origin, err);
}

static graft_status norm_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker, (void)err;
    gf_engine *e = ctx;
    size_t at = item * GF_SQUARES_BLOCK, left = e->trainable - at;
    e->squares[item] = gf_sum_squares(e->grad + at, left < GF_SQUARES_BLOCK ? left : GF_SQUARES_BLOCK);
    return GRAFT_OK;
}

static void step_result(const gf_engine *e, gf_step_result *r)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < e->pictures; i++) sum += e->sample_loss[i];
    for (size_t i = 0; i < items_of(e->trainable, GF_SQUARES_BLOCK); i++) squares += e->squares[i];
    *r = (gf_step_result){.n = e->pictures,
                          .loss = e->pictures ? sum / (double)e->pictures : 0,
                          .grad_norm = sqrt(squares),
                          .sample_loss = e->sample_loss,
                          .predicted = e->predicted,
                          .label = e->label};
}

graft_status gf_engine_gradient(gf_engine *e, const gf_feed *feed, const gf_bank *bank, const gf_batch *batch,
                                const gf_batch *next, gf_step_result *result, graft_error *err)
{
    gf_stage *stage = NULL;
    if (!bank) GF_TRY(stage_batch(e, feed, batch, next, &stage, err));
    tail_job j = {.e = e, .batch = stage ? &stage->batch : batch, .stage = stage, .bank = bank};
    list_present(&j);
    j.items = items_of(e->pictures, e->spec.tail_micro);
    if (!e->pictures) { /* nothing to learn from */
        memset(e->grad, 0, e->trainable * sizeof *e->grad);
    } else {
        GF_TRY(gf_pool_run_watched(e->pool, j.items, tail_item, &j, err));
        reduce_job reduce = {e, j.items};
        GF_TRY(gf_pool_run(e->pool, gf_plan_nodes(e->tail), reduce_item, &reduce, err));
    }
    GF_TRY(gf_pool_run(e->pool, items_of(e->trainable, GF_SQUARES_BLOCK), norm_item, e, err));
    step_result(e, result);
    return GRAFT_OK;
}

/* ---- the update */

typedef struct apply_job {
    gf_engine *e;
    const gf_optimizer *o;
    float *slots;
} apply_job;

enum { APPLY_BLOCK = 1 << 17 };

static graft_status apply_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker, (void)err;
    apply_job *j = ctx;
    size_t at = item * APPLY_BLOCK, left = j->e->trainable - at;
    gf_optimizer_step(j->o, gf_engine_params(j->e), j->e->grad, j->slots, j->e->trainable, at,
                      left < APPLY_BLOCK ? left : APPLY_BLOCK);
    return GRAFT_OK;
}

static graft_status prepare_item(void *ctx, size_t item, int worker, graft_error *err)
{
    gf_engine *e = ctx;
    if (!gf_plan_node_trains(e->tail, item)) return GRAFT_OK;
    gf_plan_move(e->tail, item, e->model, e->block[0], e->pictures);
    return gf_plan_prepare(e->tail, item, e->scratch[worker], err);
}

graft_status gf_engine_apply(gf_engine *e, const gf_optimizer *o, float *slots, graft_error *err)
{
    apply_job j = {e, o, slots};
    e->stale = e->still != e->tail;
    GF_TRY(gf_pool_run(e->pool, (e->trainable + APPLY_BLOCK - 1) / APPLY_BLOCK, apply_item, &j, err));
    return gf_pool_run(e->pool, gf_plan_nodes(e->tail), prepare_item, e, err);
}
