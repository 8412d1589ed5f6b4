/* engine_update.c - what becomes of a gradient: its norm, and the update of each group of parameters. */
#include "train/engine_parts.h"
#include "train/metrics.h"

#include <math.h>

/* Values that one thread updates at a time. */
enum { PIECE = 1 << 17 };

static size_t pieces_of(size_t n) { return (n + PIECE - 1) / PIECE; }

static size_t squares_of(size_t n) { return (n + GF_SQUARES_BLOCK - 1) / GF_SQUARES_BLOCK; }

/* Ranges in pieces: an update is element by element, so that its bits do not depend on where they are cut. */
static void cut_pieces(gf_engine *e)
{
    for (size_t r = 0; r < e->groups.n_ranges; r++) {
        const gf_param_range *range = &e->groups.range[r];
        for (size_t done = 0; done < range->count; done += PIECE) {
            gf_param_range piece = *range;
            piece.first += done;
            piece.at += done;
            piece.count = range->count - done < PIECE ? range->count - done : PIECE;
            e->piece[e->n_pieces++] = piece;
        }
    }
}

graft_status gf_engine_make_update(gf_engine *e, graft_error *err)
{
    const gf_param_groups *g = &e->groups;
    size_t pieces = 0;
    for (size_t r = 0; r < g->n_ranges; r++) pieces += pieces_of(g->range[r].count);
    e->trainable_offset = gf_model_first_trainable(e->model);
    e->grad = gf_alloc_tensor(g->values * sizeof(float));
    e->squares = gf_new_n(squares_of(g->values) + 1, double);
    e->optimizer = gf_new_n(g->n_groups, gf_optimizer);
    e->piece = gf_new_n(pieces, gf_param_range);
    if (!e->grad || !e->squares || !e->optimizer || !e->piece) {
        return gf_fail_memory(err, g->values * sizeof(float), "a training step");
    }
    cut_pieces(e);
    return GRAFT_OK;
}

void gf_engine_free_update(gf_engine *e)
{
    gf_free(e->grad);
    gf_free(e->squares);
    gf_free(e->optimizer);
    gf_free(e->piece);
    gf_param_groups_free(&e->groups);
}

/* ---- the norm: blocks of a size that no thread count changes, summed in their order */

static graft_status norm_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker, (void)err;
    gf_engine *e = ctx;
    size_t at = item * GF_SQUARES_BLOCK, left = e->groups.values - at;
    e->squares[item] = gf_sum_squares(e->grad + at, left < GF_SQUARES_BLOCK ? left : GF_SQUARES_BLOCK);
    return GRAFT_OK;
}

graft_status gf_engine_grad_norm(gf_engine *e, double *norm, graft_error *err)
{
    double squares = 0;
    size_t n = squares_of(e->groups.values);
    GF_TRY(gf_pool_run(e->pool, n, norm_item, e, err));
    for (size_t i = 0; i < n; i++) squares += e->squares[i];
    *norm = sqrt(squares);
    return GRAFT_OK;
}

/* ---- the update */

typedef struct apply_job {
    gf_engine *e;
    float *slots;
} apply_job;

static graft_status apply_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker, (void)err;
    const apply_job *j = ctx;
    gf_engine *e = j->e;
    const gf_param_range *p = &e->piece[item];
    gf_optimizer_step(&e->optimizer[p->group], e->model->value + p->first, e->grad + p->at,
                      j->slots ? j->slots + p->at : NULL, e->groups.values, p->count);
    return GRAFT_OK;
}

static graft_status prepare_item(void *ctx, size_t item, int worker, graft_error *err)
{
    gf_engine *e = ctx;
    gf_plan *p = e->trainable_plan;
    if (!gf_plan_node_trains(p, item) || !gf_plan_node_leads(p, item)) return GRAFT_OK;
    gf_plan_update_moving_stats(p, item, e->model, e->block[0], e->scratch[worker], e->images);
    for (size_t i = item; i < gf_plan_nodes(p); i = gf_plan_node_next(p, i)) {
        GF_TRY(gf_plan_prepare(p, i, e->scratch[worker], err));
    }
    return GRAFT_OK;
}

/* The optimizer of each group, begun for this step. */
static void begin_groups(gf_engine *e, const gf_optimizer *o, double lr, int64_t steps_done)
{
    for (size_t i = 0; i < e->groups.n_groups; i++) {
        const gf_param_group *g = &e->groups.group[i];
        e->optimizer[i] = *o;
        if (g->weight_decay >= 0) e->optimizer[i].weight_decay = g->weight_decay;
        gf_optimizer_begin_step(&e->optimizer[i], lr * g->lr_scale, steps_done);
    }
}

graft_status gf_engine_apply(gf_engine *e, const gf_optimizer *o, double lr, int64_t steps_done, float *slots,
                             graft_error *err)
{
    apply_job j = {e, slots};
    begin_groups(e, o, lr, steps_done);
    e->stale = e->eval_plan != e->trainable_plan;
    GF_TRY(gf_pool_run(e->pool, e->n_pieces, apply_item, &j, err));
    return gf_pool_run(e->pool, gf_plan_nodes(e->trainable_plan), prepare_item, e, err);
}
