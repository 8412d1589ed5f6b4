/* engine_step.c - one training step: frozen part of the batch (mostly done already, in the background), trainable part
 * in workspaces, the sum of their gradients. */
#include "train/engine_parts.h"
#include "train/metrics.h"

#include "ops/kernels.h"

#include <string.h>

/* ---- the frozen part into a stage */

static uint32_t variant_of(const gf_batch *b) { return b->variants ? (b->epoch - b->start) % b->variants : 0; }

/* What the batch's random changes are drawn as. */
static uint32_t drawn_as(const gf_batch *b) { return b->variants ? b->start + variant_of(b) : b->epoch; }

/* Where a feature cache has a sample of the batch. */
static size_t row_of(const gf_feature_cache *c, const gf_batch *b, size_t i)
{
    return variant_of(b) * c->n + b->sample[i] - c->first;
}

static size_t items_of(size_t n, int size) { return (n + (size_t)size - 1) / (size_t)size; }

/* Samples at .. at + n - 1 of the batch, together. */
static graft_status fill_rows(gf_stage *st, size_t at, size_t n, int worker, graft_error *err)
{
    gf_engine *e = st->engine;
    char *target = st->target + at * e->spec.target_bytes;
    const gf_micro_batch b = {&st->feed, drawn_as(&st->batch), true, st->sample + at, n, target, st->lost + at};
    GF_TRY(gf_engine_frozen(e, &b, worker, err));
    for (size_t k = 0; k < e->parts; k++) {
        for (size_t i = 0; i < n; i++) gf_engine_copy_row(e, worker, k, i, st->data[k], at + i);
    }
    memset(st->filled + at, 1, n * sizeof *st->filled);
    return GRAFT_OK;
}

static graft_status fill_item(void *ctx, size_t item, int worker, graft_error *err)
{
    gf_stage *st = ctx;
    const gf_engine *e = st->engine;
    size_t micro = (size_t)e->spec.frozen_micro, at = st->share.first + item * micro;
    size_t n = st->share.end - at < micro ? st->share.end - at : micro;
    return fill_rows(st, at, n, worker, err);
}

static void load_stage(gf_stage *st, const gf_batch *batch, const gf_feed *feed)
{
    memcpy(st->sample, batch->sample, batch->n * sizeof *st->sample);
    st->batch = *batch;
    st->batch.sample = st->sample;
    st->feed = *feed;
    st->share = gf_engine_expected(st->engine, batch->n);
    memset(st->lost, 0, batch->n * sizeof *st->lost);
    memset(st->filled, 0, batch->n * sizeof *st->filled);
    st->taken = true;
}

static size_t fill_items(const gf_stage *st)
{
    return items_of(st->share.end - st->share.first, st->engine->spec.frozen_micro);
}

static gf_stage *find_stage(gf_engine *e, const gf_batch *batch)
{
    for (int s = 0; s < 2; s++) {
        if (e->stage[s].taken && e->stage[s].batch.number == batch->number) return &e->stage[s];
    }
    return NULL;
}

void gf_engine_drain_prefetch(gf_engine *e)
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
    if (gf_is_stop(status)) return status; /* it goes on: gf_engine_drain_prefetch ends it */
    if (status != GRAFT_OK) {
        e->stage[0].taken = e->stage[1].taken = false;
        return status;
    }
    gf_stage *st = find_stage(e, batch);
    if (!st) {
        st = &e->stage[0];
        e->stage[1].taken = false;
        load_stage(st, batch, feed);
        status = gf_pool_run_watched(e->pool, fill_items(st), fill_item, st, err);
        st->taken = status == GRAFT_OK; /* half filled it must not be found again */
        GF_TRY(status);
    }
    *out = st;
    if (!next || find_stage(e, next)) return GRAFT_OK;
    gf_stage *other = st == &e->stage[0] ? &e->stage[1] : &e->stage[0];
    load_stage(other, next, feed);
    gf_pool_background(e->pool, fill_items(other), fill_item, other);
    return GRAFT_OK;
}

/* ---- the trainable part */

/* Samples that were lost are no part of a step: micro-batches are made of the others, as equal as that goes (what is
 * measured on one - batch normalisation - is worth as much as its images are many). */
typedef struct trainable_job {
    gf_engine *e;
    const gf_batch *batch;
    gf_stage *stage; /* or */
    const gf_feature_cache *feature_cache;
    size_t first, images; /* of the step: how many came before this batch; how many are there of it */
    size_t items;         /* micro-batches */
    gf_share own;         /* of them: this rank's */
    float scale;          /* of each image's loss: the step's mean */
    size_t samples;       /* that it is a mean of */
} trainable_job;

/* Of sample i of the batch, part k of what crossed the split point. */
static const char *row_at(const trainable_job *j, size_t k, size_t i)
{
    size_t from = j->feature_cache ? row_of(j->feature_cache, j->batch, i) : i;
    return (j->feature_cache ? j->feature_cache->data[k] : j->stage->data[k]) + from * j->e->part_bytes[k];
}

static const int32_t *pieces_of(const void *job, size_t i) { return (const int32_t *)row_at(job, 0, i); }

static void list_present(trainable_job *j)
{
    gf_engine *e = j->e;
    size_t bytes = e->spec.target_bytes;
    const bool *lost = j->feature_cache ? j->feature_cache->lost : j->stage->lost;
    const char *target = j->feature_cache ? j->feature_cache->target : j->stage->target;
    e->images = j->first;
    j->images = 0;
    for (size_t i = 0; i < j->batch->n; i++) {
        size_t row = j->feature_cache ? row_of(j->feature_cache, j->batch, i) : i;
        if (!lost[row]) e->present[j->images++] = i;
    }
    if (e->packer.most) j->images = gf_engine_pack_batch(e, pieces_of, j, j->images);
    for (size_t i = 0; i < j->images; i++) {
        size_t row = j->feature_cache ? row_of(j->feature_cache, j->batch, e->present[i]) : e->present[i];
        memcpy(e->target + e->images++ * bytes, target + row * bytes, bytes);
    }
    j->items = items_of(j->images, e->spec.trainable_micro);
    if (e->packer.most) j->items = e->packer.n < (size_t)e->all_blocks ? e->packer.n : (size_t)e->all_blocks;
    j->own = gf_share_of(j->items, gf_comm_size(e->spec.comm), gf_comm_rank(e->spec.comm));
}

/* The first sample, of those present, of micro-batch (or of texts: block) `item`. */
static size_t begin_of(const trainable_job *j, size_t item)
{
    const gf_packer *p = &j->e->packer;
    if (!j->items) return 0;
    return p->most ? p->begin[item * p->n / j->items] : item * j->images / j->items;
}

/* ---- with ranks: which samples are lost is known where they were asked for */

static graft_status missing_item(void *ctx, size_t item, int worker, graft_error *err)
{
    gf_stage *st = ctx;
    return fill_rows(st, st->engine->missing[item], 1, worker, err);
}

/* Samples that this rank has to compute because others before them are lost. */
static graft_status fill_missing(const trainable_job *j, graft_error *err)
{
    gf_engine *e = j->e;
    size_t n = 0;
    for (size_t i = begin_of(j, j->own.first); i < begin_of(j, j->own.end); i++) {
        if (!j->stage->filled[e->present[i]]) e->missing[n++] = e->present[i];
    }
    return gf_pool_run_watched(e->pool, n, missing_item, j->stage, err);
}

/* Lists the samples that are present on all ranks, and sees to it that this one has those of its share. What is asked
 * for late may be lost, too: until no rank tells of more. */
static graft_status list_shared(trainable_job *j, graft_error *err)
{
    for (size_t known = 0;;) {
        size_t lost = 0;
        GF_TRY(gf_comm_any(j->e->spec.comm, j->stage->lost, j->batch->n, err));
        for (size_t i = 0; i < j->batch->n; i++) lost += j->stage->lost[i];
        list_present(j);
        if (lost == known) return GRAFT_OK;
        known = lost;
        GF_TRY(fill_missing(j, err));
    }
}

/* The rows of the split point of n samples from `at` on, into the workspace; the rest is 0. */
static void load_rows(const trainable_job *j, gf_workspace *ws, size_t at, size_t n)
{
    const gf_engine *e = j->e;
    for (size_t k = 0; k < e->parts; k++) {
        char *to = gf_workspace_value(ws, e->boundary_tensor[k]);
        size_t row = e->part_bytes[k];
        for (size_t i = 0; i < n; i++) {
            memcpy(to + i * row, row_at(j, k, e->present[at + i]), row);
        }
        memset(to + n * row, 0, ((size_t)e->spec.trainable_micro - n) * row);
    }
}

/* Texts at .. at + n - 1 one behind the other. */
static void load_texts(const trainable_job *j, gf_workspace *ws, size_t at, const gf_packing *run)
{
    int32_t *to = gf_workspace_value(ws, j->e->graph.input);
    for (size_t i = 0; i < run->n; i++) {
        size_t n = (size_t)(run->first[i + 1] - run->first[i]);
        memcpy(to + run->first[i], pieces_of(j, j->e->present[at + i]), n * sizeof *to);
    }
}

/* One micro-batch: which samples it has, in which gradient block, and how it is computed. */
typedef struct micro_batch {
    size_t block, n, to;   /* to: the first sample's place in the step */
    const gf_packing *run; /* of texts; NULL: they are none */
    uint32_t sample[256];
    gf_exec_context step;
} micro_batch;

/* Samples at .. at + n - 1 of those present. */
static graft_status micro_batch_of(const trainable_job *j, size_t block, size_t at, size_t n, const gf_packing *run,
                                   micro_batch *m, graft_error *err)
{
    const gf_engine *e = j->e;
    *m = (micro_batch){.block = block, .n = n, .to = j->first + at, .run = run};
    if ((size_t)e->spec.trainable_micro > sizeof m->sample / sizeof *m->sample)
        return gf_fail(err, GF_E_INTERNAL, NULL, "micro-batch %d", e->spec.trainable_micro);
    for (size_t i = 0; i < n; i++) m->sample[i] = j->batch->sample[e->present[at + i]];
    m->step = (gf_exec_context){.training = true,
                                .seed = e->spec.seed,
                                .epoch = j->batch->epoch,
                                .sample = m->sample,
                                .images = n,
                                .packing = run};
    return GRAFT_OK;
}

/* What the task is given of it. */
static gf_task_batch task_batch_of(const trainable_job *j, const micro_batch *m)
{
    gf_engine *e = j->e;
    gf_workspace *ws = e->trainable_workspace[m->block];
    const int output = gf_engine_train_graph(e)->output;
    return (gf_task_batch){.n = m->n,
                           .width = e->outputs,
                           .out = gf_workspace_value(ws, output),
                           .target = e->target + m->to * e->spec.target_bytes,
                           .training = true,
                           .scale = j->scale,
                           .samples = j->samples,
                           .scratch = e->task_scratch + m->block * e->task_scratch_bytes,
                           .diff = gf_workspace_diff(ws, output),
                           .spare = e->spare + m->block * e->outputs,
                           .loss = e->sample_loss + m->to,
                           .truth = e->truth + m->to,
                           .predicted = e->predicted + m->to,
                           .score = e->score ? e->score + m->to * (size_t)e->task.classes : NULL};
}

/* Its rows of the split point, and forward. */
static graft_status forward_of(const trainable_job *j, const micro_batch *m, graft_error *err)
{
    gf_workspace *ws = j->e->trainable_workspace[m->block];
    if (m->run) load_texts(j, ws, m->to - j->first, m->run);
    if (!m->run) load_rows(j, ws, m->to - j->first, m->n);
    return gf_workspace_forward(ws, &m->step, err);
}

/* Loss and backward. */
static graft_status backward_of(const trainable_job *j, const micro_batch *m, graft_error *err)
{
    gf_engine *e = j->e;
    const gf_task_batch b = task_batch_of(j, m);
    memset(b.diff, 0, (size_t)e->spec.trainable_micro * e->outputs * sizeof *b.diff);
    e->task.cls->step(&e->task, &b);
    return gf_workspace_backward(e->trainable_workspace[m->block], &m->step, err);
}

static graft_status run_micro_batch(const trainable_job *j, size_t block, size_t at, size_t n, const gf_packing *run,
                                    graft_error *err)
{
    micro_batch m;
    GF_TRY(micro_batch_of(j, block, at, n, run, &m, err));
    GF_TRY(forward_of(j, &m, err));
    return backward_of(j, &m, err);
}

/* Block `item` of this rank's, of a batch of texts: its micro-batches one after the other, their gradients added in
 * that order. */
static graft_status text_item(const trainable_job *j, size_t item, int worker, graft_error *err)
{
    gf_engine *e = j->e;
    const gf_packer *p = &e->packer;
    size_t all = j->own.first + item, first = all * p->n / j->items, end = (all + 1) * p->n / j->items;
    size_t count = gf_plan_grad_count(e->trainable_plan);
    for (size_t i = first; i < end; i++) {
        gf_packing run = gf_packer_at(p, i, e->length, e->texts[worker].first);
        GF_TRY(run_micro_batch(j, item, p->begin[i], run.n, &run, err));
        if (i > first) gf_accumulate_f32(e->sum[item], e->block[item], count);
        if (i == first && end > first + 1) memcpy(e->sum[item], e->block[item], count * sizeof(float));
    }
    if (end > first + 1) memcpy(e->block[item], e->sum[item], count * sizeof(float));
    return GRAFT_OK;
}

/* Of samples that are no texts: item `item` of this rank's. */
static graft_status rows_of_item(const trainable_job *j, size_t item, micro_batch *m, graft_error *err)
{
    size_t at = begin_of(j, j->own.first + item), n = begin_of(j, j->own.first + item + 1) - at;
    return micro_batch_of(j, item, at, n, NULL, m, err);
}

/* Micro-batch `item`, or of texts block `item`. */
static graft_status trainable_item(void *ctx, size_t item, int worker, graft_error *err)
{
    const trainable_job *j = ctx;
    if (j->e->packer.most) return text_item(j, item, worker, err);
    micro_batch m;
    GF_TRY(rows_of_item(j, item, &m, err));
    GF_TRY(forward_of(j, &m, err));
    return backward_of(j, &m, err);
}

/* The same in two halves, where the loss of one sample hangs on what all of the batch weigh. */
static graft_status weigh_item(void *ctx, size_t item, int worker, graft_error *err)
{
    const trainable_job *j = ctx;
    gf_engine *e = j->e;
    micro_batch m;
    (void)worker;
    GF_TRY(rows_of_item(j, item, &m, err));
    GF_TRY(forward_of(j, &m, err));
    const gf_task_batch b = task_batch_of(j, &m);
    for (size_t i = 0; i < m.n; i++) e->weight[m.to + i] = e->task.cls->weigh(&e->task, &b, i);
    return GRAFT_OK;
}

static graft_status second_half_item(void *ctx, size_t item, int worker, graft_error *err)
{
    micro_batch m;
    (void)worker;
    GF_TRY(rows_of_item(ctx, item, &m, err));
    return backward_of(ctx, &m, err);
}

/* begin[r]: the first sample, of those present, of rank r's micro-batches. */
static void begins_of(const trainable_job *j, size_t begin[GF_MOST_RANKS + 1])
{
    int ranks = gf_comm_size(j->e->spec.comm);
    for (int r = 0; r < ranks; r++) begin[r] = begin_of(j, gf_share_of(j->items, ranks, r).first);
    begin[ranks] = j->images;
}

static graft_status gather_weights(const trainable_job *j, graft_error *err)
{
    size_t begin[GF_MOST_RANKS + 1];
    begins_of(j, begin);
    for (int r = 0; r <= gf_comm_size(j->e->spec.comm); r++) begin[r] *= sizeof *j->e->weight;
    return gf_comm_gather(j->e->spec.comm, j->e->weight + j->first, begin, err);
}

static graft_status run_items(trainable_job *j, graft_error *err)
{
    gf_engine *e = j->e;
    size_t own = j->own.end - j->own.first;
    if (!e->task.cls->weigh) return gf_pool_run_watched(e->pool, own, trainable_item, j, err);
    GF_TRY(gf_pool_run_watched(e->pool, own, weigh_item, j, err));
    GF_TRY(gather_weights(j, err));
    double sum = 0;
    for (size_t i = 0; i < j->images; i++) sum += e->weight[j->first + i];
    j->scale = (float)((double)j->images * (double)j->scale / (sum > 1 ? sum : 1));
    return gf_pool_run_watched(e->pool, own, second_half_item, j, err);
}

/* ---- the gradient */

/* ---- accumulation: the sums of batches are merged as a binary counter counts, so that a step of several batches adds
 * its micro-batches in the same tree as one large batch would */

static void carry(const gf_engine *e, size_t first, size_t count)
{
    float *from = e->block[0];
    size_t l = 0;
    for (; e->merged >> l & 1; l++) {
        gf_accumulate_f32(e->level[l] + first, from + first, count);
        from = e->level[l];
    }
    memcpy(e->level[l] + first, from + first, count * sizeof *from);
}

/* All levels that hold something, into block 0. */
static void collect(const gf_engine *e, size_t first, size_t count)
{
    float *from = NULL;
    for (size_t l = 0; l < e->n_levels; l++) {
        if (!(e->merged >> l & 1)) continue;
        if (from) gf_accumulate_f32(e->level[l] + first, from + first, count);
        from = e->level[l];
    }
    memcpy(e->block[0] + first, from + first, count * sizeof *from);
}

static graft_status finish_node(const gf_engine *e, size_t node, float *scratch, graft_error *err)
{
    return gf_plan_finish_grad(e->trainable_plan, node, e->block[0], scratch, e->grad, e->trainable_offset, err);
}

/* One node's part: summed, a stretch that stays in the cache at a time, then unfolded. */
static graft_status reduce_node(gf_engine *e, size_t node, float *scratch, graft_error *err)
{
    size_t first, count;
    bool summed = gf_comm_size(e->spec.comm) > 1;
    gf_plan_grad_range(e->trainable_plan, node, &first, &count);
    for (size_t at = 0; at < count && !summed; at += GF_ENGINE_STRETCH) {
        size_t left = count - at;
        gf_tree_fold(&e->tree, e->block, first + at, left < GF_ENGINE_STRETCH ? left : GF_ENGINE_STRETCH);
    }
    if (!e->n_levels) return finish_node(e, node, scratch, err);
    carry(e, first, count);
    return GRAFT_OK;
}

/* Of the group that node `item` leads. */
static graft_status reduce_item(void *ctx, size_t item, int worker, graft_error *err)
{
    gf_engine *e = ctx;
    const gf_plan *p = e->trainable_plan;
    bool leads = gf_plan_node_trains(p, item) && gf_plan_node_leads(p, item);
    for (size_t i = item; leads && i < gf_plan_nodes(p); i = gf_plan_node_next(p, i)) {
        GF_TRY(reduce_node(e, i, e->scratch[worker], err));
    }
    return GRAFT_OK;
}

static graft_status collect_item(void *ctx, size_t item, int worker, graft_error *err)
{
    gf_engine *e = ctx;
    const gf_plan *p = e->trainable_plan;
    bool leads = gf_plan_node_trains(p, item) && gf_plan_node_leads(p, item);
    for (size_t i = item; leads && i < gf_plan_nodes(p); i = gf_plan_node_next(p, i)) {
        size_t first, count;
        gf_plan_grad_range(p, i, &first, &count);
        collect(e, first, count);
        GF_TRY(finish_node(e, i, e->scratch[worker], err));
    }
    return GRAFT_OK;
}

static graft_status step_result(gf_engine *e, gf_step_result *r, graft_error *err)
{
    double sum = 0;
    gf_engine_add_penalty(e);
    GF_TRY(gf_engine_grad_norm(e, err));
    for (size_t i = 0; i < e->images; i++) sum += e->sample_loss[i];
    *r = (gf_step_result){.n = e->images,
                          .loss = e->images ? sum / (double)e->images : 0,
                          .grad_norm = e->norm,
                          .sample_loss = e->sample_loss,
                          .predicted = e->predicted,
                          .label = e->truth,
                          .score = e->score};
    return GRAFT_OK;
}

/* Batch `i` of those that make a step. */
static gf_batch part_of(const gf_engine *e, const gf_batch *step, size_t i)
{
    size_t size = (size_t)e->spec.batch, at = i * size;
    gf_batch part = *step;
    part.number = step->number * (uint64_t)e->spec.accumulate + i;
    part.sample += at;
    part.n = step->n - at < size ? step->n - at : size;
    return part;
}

static graft_status part_gradient(gf_engine *e, const gf_feed *feed, const gf_feature_cache *feature_cache,
                                  const gf_batch *batch, const gf_batch *next, size_t all, graft_error *err)
{
    gf_stage *stage = NULL;
    if (!feature_cache) GF_TRY(stage_batch(e, feed, batch, next, &stage, err));
    trainable_job j = {.e = e, .batch = stage ? &stage->batch : batch, .stage = stage, .feature_cache = feature_cache};
    j.first = e->images;
    if (stage && gf_comm_size(e->spec.comm) > 1) {
        GF_TRY(list_shared(&j, err));
    } else {
        list_present(&j);
    }
    j.samples = e->n_levels ? all : j.images;
    j.scale = 1 / (float)j.samples;
    if (!j.images) return GRAFT_OK; /* nothing to learn from */
    size_t begin[GF_MOST_RANKS + 1];
    GF_TRY(gf_tree_begin(&e->tree, j.items, err));
    GF_TRY(run_items(&j, err));
    begins_of(&j, begin);
    for (int r = 0; r <= gf_comm_size(e->spec.comm); r++) begin[r] += j.first;
    e->own_samples += begin_of(&j, j.own.end) - begin_of(&j, j.own.first);
    GF_TRY(gf_engine_gather_outcomes(e, begin, err));
    GF_TRY(gf_engine_sum_ranks(e, err));
    GF_TRY(gf_pool_run(e->pool, gf_plan_nodes(e->trainable_plan), reduce_item, e, err));
    e->merged++;
    return GRAFT_OK;
}

/* The losses of accumulated batches were divided by the number of all images; some may have been lost. */
static graft_status finish_accumulated(gf_engine *e, size_t all, graft_error *err)
{
    GF_TRY(gf_pool_run(e->pool, gf_plan_nodes(e->trainable_plan), collect_item, e, err));
    float factor = (float)((double)all / (double)e->images);
    for (size_t i = 0; i < e->groups.values && e->images < all; i++) e->grad[i] *= factor;
    return GRAFT_OK;
}

graft_status gf_engine_gradient(gf_engine *e, const gf_feed *feed, const gf_feature_cache *feature_cache,
                                const gf_batch *batch, const gf_batch *next, gf_step_result *result, graft_error *err)
{
    size_t parts = items_of(batch->n, e->spec.batch);
    e->images = e->merged = e->own_samples = 0;
    for (size_t i = 0; i < parts; i++) {
        gf_batch part = part_of(e, batch, i), then = {0};
        bool last = i + 1 == parts, more = !last || next;
        if (more) then = last ? part_of(e, next, 0) : part_of(e, batch, i + 1);
        GF_TRY(part_gradient(e, feed, feature_cache, &part, more ? &then : NULL, batch->n, err));
    }
    if (!e->images) {
        memset(e->grad, 0, e->groups.values * sizeof *e->grad);
    } else if (e->n_levels) {
        GF_TRY(finish_accumulated(e, batch->n, err));
    }
    return step_result(e, result, err);
}
