/* engine_update.c - what becomes of a gradient: its norm, clipping, and the update of each group of parameters. */
#include "train/engine_parts.h"
#include "train/metrics.h"

#include <math.h>
#include <string.h>

/* Values that one thread updates at a time. */
enum { PIECE = 1 << 17 };

/* ---- ranges and tensors in pieces: an update is element by element, so that its bits do not depend on where they are
 * cut; the pieces of a tensor are summed in their order */

static size_t count_pieces(const gf_param_range *range, size_t n)
{
    size_t pieces = 0;
    for (size_t r = 0; r < n; r++) pieces += (range[r].count + PIECE - 1) / PIECE;
    return pieces;
}

/* numbered: a piece's group is the number of its range. Returns how many. */
static size_t cut_pieces(const gf_param_range *range, size_t n, bool numbered, gf_param_range *piece)
{
    size_t pieces = 0;
    for (size_t r = 0; r < n; r++) {
        for (size_t done = 0; done < range[r].count; done += PIECE) {
            gf_param_range *p = &piece[pieces++];
            *p = range[r];
            p->first += done;
            p->at += done;
            p->count = range[r].count - done < PIECE ? range[r].count - done : PIECE;
            if (numbered) p->group = (int)r;
        }
    }
    return pieces;
}

static size_t squares_of(size_t n) { return (n + GF_SQUARES_BLOCK - 1) / GF_SQUARES_BLOCK; }

graft_status gf_engine_make_update(gf_engine *e, graft_error *err)
{
    const gf_param_groups *g = &e->groups;
    size_t pieces = count_pieces(g->range, g->n_ranges), tensor_pieces = count_pieces(g->tensor, g->n_tensors);
    e->trainable_offset = gf_model_first_trainable(e->model);
    e->grad = gf_alloc_tensor(g->values * sizeof(float));
    e->squares = gf_new_n(squares_of(g->values) + 1, double);
    e->optimizer = gf_new_n(g->n_groups, gf_optimizer);
    e->piece = gf_new_n(pieces, gf_param_range);
    e->tensor_optimizer = gf_new_n(g->n_tensors, gf_optimizer);
    e->tensor_piece = gf_new_n(tensor_pieces, gf_param_range);
    e->tensor_squares = gf_new_n(2 * tensor_pieces, double);
    if (!e->grad || !e->squares || !e->optimizer || !e->piece || !e->tensor_optimizer || !e->tensor_piece ||
        !e->tensor_squares) {
        return gf_fail_memory(err, g->values * sizeof(float), "a training step");
    }
    e->n_pieces = cut_pieces(g->range, g->n_ranges, false, e->piece);
    e->n_tensor_pieces = cut_pieces(g->tensor, g->n_tensors, true, e->tensor_piece);
    return GRAFT_OK;
}

void gf_engine_free_update(gf_engine *e)
{
    gf_free(e->grad);
    gf_free(e->squares);
    gf_free(e->optimizer);
    gf_free(e->piece);
    gf_free(e->tensor_optimizer);
    gf_free(e->tensor_piece);
    gf_free(e->tensor_squares);
    gf_param_groups_free(&e->groups);
}

/* ---- what large weights cost: the gradient of l2 * sum w^2, of the kernels of the head's dense layers */

static bool is_head_kernel(const gf_model *m, const gf_param *p)
{
    const gf_layer *l = &m->layer[p->layer];
    return !l->backbone && l->cls == &gf_layer_dense && !strcmp(p->var, "kernel");
}

void gf_engine_add_penalty(gf_engine *e)
{
    const float factor = (float)(2 * e->spec.l2);
    for (size_t i = 0; i < e->model->n_params && factor > 0; i++) {
        const gf_param *p = &e->model->param[i];
        if (!is_head_kernel(e->model, p)) continue;
        for (size_t t = 0; t < e->groups.n_tensors; t++) {
            const gf_param_range *range = &e->groups.tensor[t];
            if (range->first != p->offset) continue;
            for (size_t k = 0; k < range->count; k++) e->grad[range->at + k] += factor * e->model->value[p->offset + k];
        }
    }
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

graft_status gf_engine_grad_norm(gf_engine *e, graft_error *err)
{
    double squares = 0;
    size_t n = squares_of(e->groups.values);
    GF_TRY(gf_pool_run(e->pool, n, norm_item, e, err));
    for (size_t i = 0; i < n; i++) squares += e->squares[i];
    e->norm = sqrt(squares);
    return GRAFT_OK;
}

/* ---- clipping */

typedef struct update_job {
    gf_engine *e;
    float *slots;
    bool torch;   /* the optimizer's form */
    float factor; /* of the whole gradient */
} update_job;

static graft_status squares_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker, (void)err;
    gf_engine *e = ((update_job *)ctx)->e;
    const gf_param_range *p = &e->tensor_piece[item];
    e->tensor_squares[2 * item] = gf_sum_squares(e->grad + p->at, p->count);
    return GRAFT_OK;
}

/* The norm of a tensor from the partial sums of its pieces: the first or the second of each piece's two. */
static double tensor_norm(const gf_engine *e, int tensor, int which)
{
    double sum = 0;
    size_t i = 0;
    while (e->tensor_piece[i].group != tensor) i++;
    for (; i < e->n_tensor_pieces && e->tensor_piece[i].group == tensor; i++) sum += e->tensor_squares[2 * i + which];
    return sqrt(sum);
}

static graft_status clip_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker, (void)err;
    const update_job *j = ctx;
    const gf_clip *c = &j->e->spec.clip;
    const gf_param_range *p = &j->e->tensor_piece[item];
    float *grad = j->e->grad + p->at, factor = j->factor;
    if (c->kind == GF_CLIP_VALUE) {
        gf_clip_values(grad, p->count, c->limit);
        return GRAFT_OK;
    }
    if (c->kind == GF_CLIP_TENSOR_NORM) factor = gf_clip_factor(tensor_norm(j->e, p->group, 0), c->limit, j->torch);
    if (factor < 1) gf_clip_scale(grad, p->count, factor);
    return GRAFT_OK;
}

static graft_status clip(update_job *j, graft_error *err)
{
    gf_engine *e = j->e;
    if (e->spec.clip.kind == GF_CLIP_NOTHING) return GRAFT_OK;
    if (e->spec.clip.kind == GF_CLIP_NORM) j->factor = gf_clip_factor(e->norm, e->spec.clip.limit, j->torch);
    if (e->spec.clip.kind == GF_CLIP_TENSOR_NORM) {
        GF_TRY(gf_pool_run(e->pool, e->n_tensor_pieces, squares_item, j, err));
    }
    return gf_pool_run(e->pool, e->n_tensor_pieces, clip_item, j, err);
}

/* ---- the update */

static graft_status apply_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker, (void)err;
    const update_job *j = ctx;
    gf_engine *e = j->e;
    const gf_param_range *p = &e->piece[item];
    gf_optimizer_step(&e->optimizer[p->group], e->model->value + p->first, e->grad + p->at,
                      j->slots ? j->slots + p->at : NULL, e->groups.values, p->count);
    return GRAFT_OK;
}

/* Kinds that look at norms: each tensor by itself, first what its update would be, then the update. */
static graft_status measure_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker, (void)err;
    const update_job *j = ctx;
    gf_engine *e = j->e;
    const gf_param_range *p = &e->tensor_piece[item];
    gf_optimizer_measure(&e->tensor_optimizer[p->group], e->model->value + p->first, e->grad + p->at, j->slots + p->at,
                         e->groups.values, p->count, &e->tensor_squares[2 * item]);
    return GRAFT_OK;
}

static graft_status apply_tensor_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker, (void)err;
    const update_job *j = ctx;
    gf_engine *e = j->e;
    const gf_param_range *p = &e->tensor_piece[item];
    gf_optimizer_step(&e->tensor_optimizer[p->group], e->model->value + p->first, e->grad + p->at, j->slots + p->at,
                      e->groups.values, p->count);
    return GRAFT_OK;
}

static graft_status apply_by_tensor(update_job *j, graft_error *err)
{
    gf_engine *e = j->e;
    for (size_t t = 0; t < e->groups.n_tensors; t++) {
        e->tensor_optimizer[t] = e->optimizer[e->groups.tensor[t].group];
    }
    GF_TRY(gf_pool_run(e->pool, e->n_tensor_pieces, measure_item, j, err));
    for (size_t t = 0; t < e->groups.n_tensors; t++) {
        gf_optimizer_prepare(&e->tensor_optimizer[t], tensor_norm(e, (int)t, 0), tensor_norm(e, (int)t, 1));
    }
    return gf_pool_run(e->pool, e->n_tensor_pieces, apply_tensor_item, j, err);
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
    update_job j = {.e = e, .slots = slots, .torch = o->torch, .factor = 1};
    GF_TRY(clip(&j, err));
    begin_groups(e, o, lr, steps_done);
    e->stale = e->eval_plan != e->trainable_plan;
    GF_TRY(o->class->measure ? apply_by_tensor(&j, err) : gf_pool_run(e->pool, e->n_pieces, apply_item, &j, err));
    return gf_pool_run(e->pool, gf_plan_nodes(e->trainable_plan), prepare_item, e, err);
}
