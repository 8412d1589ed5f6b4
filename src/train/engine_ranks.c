/* engine_ranks.c - a step that several ranks share: what each computes, and what they exchange. A rank has a contiguous
 * range of the batch's micro-batches; gradients are added by the tree that one process adds them by (comm/tree.h), so
 * that no bit depends on the ranks. Between exchanges each does what one process does. */
#include "train/engine_parts.h"

#include "ops/kernels.h"

#include <string.h>

gf_share gf_engine_expected(const gf_engine *e, size_t n)
{
    int ranks = gf_comm_size(e->spec.comm);
    size_t micro = (size_t)e->spec.trainable_micro, items = (n + micro - 1) / micro;
    if (ranks == 1 || !items || gf_engine_trains_texts(e))
        return (gf_share){0, n}; /* pieces of texts are had at once */
    gf_share own = gf_share_of(items, ranks, gf_comm_rank(e->spec.comm));
    return (gf_share){own.first * n / items, own.end * n / items};
}

/* ---- losses and predictions */

typedef struct outcome {
    float loss;
    int32_t predicted, truth;
} outcome;

static size_t scores_of(const gf_engine *e) { return e->score ? (size_t)e->task.classes : 0; }

static size_t outcome_bytes(const gf_engine *e)
{
    return sizeof(outcome) + (e->spec.scores ? (size_t)e->task.classes * sizeof(float) : 0);
}

graft_status gf_engine_make_ranks(gf_engine *e, size_t samples, graft_error *err)
{
    e->tree = (gf_tree){.comm = e->spec.comm, .add = gf_accumulate_f32};
    if (gf_comm_size(e->spec.comm) == 1) return GRAFT_OK;
    e->missing = gf_new_n((size_t)e->spec.batch, size_t);
    e->outcome = gf_alloc(samples, outcome_bytes(e));
    return e->missing && e->outcome ? GRAFT_OK : gf_fail_memory(err, samples * outcome_bytes(e), "a training step");
}

void gf_engine_free_ranks(gf_engine *e)
{
    gf_tree_free(&e->tree);
    gf_free(e->missing);
    gf_free(e->outcome);
}

static void pack(const gf_engine *e, size_t i)
{
    const outcome o = {e->sample_loss[i], e->predicted[i], e->truth[i]};
    char *to = e->outcome + i * outcome_bytes(e);
    size_t scores = scores_of(e);
    memcpy(to, &o, sizeof o);
    if (scores) memcpy(to + sizeof o, e->score + i * scores, scores * sizeof(float));
}

static void unpack(gf_engine *e, size_t i)
{
    outcome o;
    const char *from = e->outcome + i * outcome_bytes(e);
    size_t scores = scores_of(e);
    memcpy(&o, from, sizeof o);
    e->sample_loss[i] = o.loss;
    e->predicted[i] = o.predicted;
    e->truth[i] = o.truth;
    if (scores) memcpy(e->score + i * scores, from + sizeof o, scores * sizeof(float));
}

graft_status gf_engine_gather_outcomes(gf_engine *e, const size_t begin[GF_MOST_RANKS + 1], graft_error *err)
{
    int ranks = gf_comm_size(e->spec.comm), rank = gf_comm_rank(e->spec.comm);
    size_t bytes[GF_MOST_RANKS + 1];
    if (ranks == 1) return GRAFT_OK;
    for (int r = 0; r <= ranks; r++) bytes[r] = begin[r] * outcome_bytes(e);
    for (size_t i = begin[rank]; i < begin[rank + 1]; i++) pack(e, i);
    GF_TRY(gf_comm_gather(e->spec.comm, e->outcome, bytes, err));
    for (size_t i = begin[0]; i < begin[ranks]; i++) unpack(e, i);
    return GRAFT_OK;
}

/* ---- gradients */

enum { FOLDED = 16 * GF_ENGINE_STRETCH }; /* floats, by one worker */

static graft_status fold_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker, (void)err;
    gf_engine *e = ctx;
    size_t all = gf_plan_grad_count(e->trainable_plan), first = item * FOLDED;
    for (size_t at = first; at < all && at < first + FOLDED; at += GF_ENGINE_STRETCH) {
        gf_tree_fold(&e->tree, e->block, at, all - at < GF_ENGINE_STRETCH ? all - at : GF_ENGINE_STRETCH);
    }
    return GRAFT_OK;
}

graft_status gf_engine_sum_ranks(gf_engine *e, graft_error *err)
{
    size_t count = gf_plan_grad_count(e->trainable_plan);
    if (gf_comm_size(e->spec.comm) == 1) return GRAFT_OK;
    GF_TRY(gf_pool_run(e->pool, (count + FOLDED - 1) / FOLDED, fold_item, e, err));
    return gf_tree_sum(&e->tree, e->block, count, err);
}
