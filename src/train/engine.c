#include "train/engine_parts.h"

#include "data/memory.h"
#include "image/quantize.h"

#include <string.h>

void gf_engine_defaults(gf_engine_spec *spec)
{
    *spec = (gf_engine_spec){.batch = 32,
                             .frozen_micro = 2,
                             .trainable_micro = 8,
                             .dtype = GF_F32,
                             .output_layer = -1,
                             .target_bytes = sizeof(gf_class_target)};
}

void gf_engine_use_batch_stats(gf_engine_spec *spec)
{
    spec->batch_norm = true;
    spec->trainable_micro = 16;
}

double gf_engine_flops(const gf_engine *e, bool whole)
{
    double trainable_plan = e->trainable_plan ? gf_plan_flops(e->trainable_plan) : 0;
    return whole ? gf_plan_flops(e->frozen) + trainable_plan : trainable_plan;
}

int gf_engine_int8_layers(const gf_engine *e)
{
    if (!e->spec.int8_layers || !e->cut || !gf_ops_has_int8(e->ops)) return 0;
    int end = e->graph.node[e->cut - 1].layer + 1;
    return end < e->spec.int8_layers ? end : e->spec.int8_layers;
}

size_t gf_engine_trainable(const gf_engine *e) { return e->groups.values; }
const float *gf_engine_grads(const gf_engine *e) { return e->grad; }
const gf_param_groups *gf_engine_groups(const gf_engine *e) { return &e->groups; }
size_t gf_engine_outputs(const gf_engine *e) { return e->outputs; }
size_t gf_engine_own_samples(const gf_engine *e) { return e->own_samples; }

size_t gf_engine_micro(const gf_engine *e)
{
    return (size_t)(e->trainable_plan ? e->spec.trainable_micro : e->spec.frozen_micro);
}

/* ---- making it */

/* oneDNN does not survive an allocation that fails while it makes primitives: whether there is memory is asked before.
 */
static graft_status probe_memory(graft_error *err)
{
    const size_t enough = (size_t)64 << 20;
    void *probe = gf_alloc_raw(enough, 1);
    gf_free(probe);
    return probe ? GRAFT_OK : gf_fail_memory(err, enough, "plans");
}

static graft_status make_plans(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)item, (void)worker;
    gf_engine *e = ctx;
    GF_TRY(probe_memory(err));
    gf_plan_spec spec = {.first = 0,
                         .last = e->cut,
                         .micro_batch = e->spec.frozen_micro,
                         .dtype = e->spec.dtype,
                         .int8_layers = e->spec.int8_layers,
                         .pool = e->pool,
                         .int8_inputs = gf_quantize_is_fast(),
                         .keep = e->spec.keep};
    gf_engine_pack_spec(e, &spec);
    e->spec.frozen_micro = spec.micro_batch;
    GF_TRY(gf_plan_create(&e->frozen, &e->graph, e->ops, &spec, err));
    e->inputs = gf_plan_inputs(e->frozen);
    for (size_t i = 0; i < e->inputs; i++) e->input[i] = *gf_plan_input(e->frozen, i);
    if (!e->spec.train) return GRAFT_OK;
    const gf_graph *learning = gf_engine_train_graph(e);
    spec = (gf_plan_spec){.first = e->cut,
                          .last = learning->n_nodes,
                          .micro_batch = e->spec.trainable_micro,
                          .dtype = e->spec.dtype,
                          .pool = e->pool,
                          .backward = true};
    if (gf_engine_trains_texts(e)) {
        gf_engine_pack_spec(e, &spec);
        e->spec.trainable_micro = spec.micro_batch;
    }
    GF_TRY(gf_plan_create(&e->trainable_plan, learning, e->ops, &spec, err));
    e->eval_plan = e->trainable_plan;
    if (learning == &e->graph) return GRAFT_OK;
    spec.last = e->graph.n_nodes;
    spec.backward = false;
    e->eval_plan = NULL;
    return gf_plan_create(&e->eval_plan, &e->graph, e->ops, &spec, err);
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static graft_status make_graph(gf_engine *e, graft_error *err)
{
    gf_lower_options lower = {.no_fusion = e->spec.no_fusion,
                              .reference = e->spec.reference,
                              .output_layer = e->spec.output_layer,
                              .int8_layers = e->spec.int8_layers};
    GF_TRY(gf_graph_create(&e->graph, e->model, &lower, err));
    lower.batch_norm = e->spec.batch_norm;
    lower.head_norm = e->spec.head_norm;
    lower.backbone_dropout = e->spec.backbone_dropout;
    bool other =
        lower.batch_norm || lower.head_norm || lower.backbone_dropout; /* in training than when it is evaluated */
    if (e->spec.train && other) GF_TRY(gf_graph_create(&e->train_graph, e->model, &lower, err));
    if (e->graph.n_outputs > 1 || e->graph.n_inputs > 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "%d inputs and %d outputs: what runs here has one of each",
                       e->graph.n_inputs, e->graph.n_outputs);
    }
    size_t most = gf_graph_common(&e->graph, gf_engine_train_graph(e)), drop = gf_graph_first_dropout(&e->graph);
    if (drop < most && !e->spec.frozen_dropout) most = drop;
    enum { PERCENT = 5 }; /* of the work may be done again in the tail for a smaller cut */
    e->cut = e->spec.train ? gf_graph_split_point(&e->graph, most, PERCENT / 100.0) : e->graph.n_nodes;
    int features = e->graph.features < 0 ? -1 : e->graph.value[e->graph.features].producer;
    size_t first = gf_graph_first_grad(&e->graph);
    if (e->spec.train && e->spec.at_features && features >= 0 && (size_t)features < smaller(first, most))
        e->cut = (size_t)features + 1;
    e->parts = gf_graph_boundary_tensors(&e->graph, e->cut, e->boundary_tensor);
    if (e->parts > GF_MAX_BOUNDARY_TENSORS) {
        return gf_fail(err, GF_E_MODEL_SHAPE, "choose another layer for --fine-tune-at",
                       "more than %d values cross the split point", GF_MAX_BOUNDARY_TENSORS);
    }
    return GRAFT_OK;
}

static graft_status make_feed_scratch(gf_engine *e, graft_error *err)
{
    size_t bytes = gf_feed_scratch(e->input, e->inputs) * sizeof(float);
    e->feed_scratch = gf_new_n((size_t)e->threads, float *);
    bool ok = e->feed_scratch != NULL;
    for (int i = 0; i < e->threads && ok; i++) {
        e->feed_scratch[i] = gf_alloc_tensor(bytes);
        ok = e->feed_scratch[i] != NULL;
    }
    return ok ? GRAFT_OK : gf_fail_memory(err, bytes, "an image");
}

static graft_status make_eval_workspaces(gf_engine *e, graft_error *err)
{
    e->eval_workspace = gf_new_n((size_t)e->threads, gf_workspace *);
    if (!e->eval_workspace) return gf_fail_memory(err, 0, "lanes");
    for (int i = 0; i < e->threads; i++) {
        GF_TRY(gf_pool_look(e->pool, err)); /* a workspace's memory is zeroed, which may take a while */
        GF_TRY(gf_workspace_create(&e->eval_workspace[i], e->eval_plan, NULL, err));
    }
    return GRAFT_OK;
}

static size_t fold_count(const gf_engine *e)
{
    size_t fold = gf_plan_fold_count(e->frozen);
    if (e->trainable_plan && gf_plan_fold_count(e->trainable_plan) > fold) fold = gf_plan_fold_count(e->trainable_plan);
    if (e->eval_plan && gf_plan_fold_count(e->eval_plan) > fold) fold = gf_plan_fold_count(e->eval_plan);
    return fold;
}

static void count_workspaces(gf_engine *e)
{
    int ranks = gf_comm_size(e->spec.comm);
    e->all_blocks = (e->spec.batch + e->spec.trainable_micro - 1) / e->spec.trainable_micro;
    if (gf_engine_trains_texts(e)) e->all_blocks = gf_engine_text_blocks(e);
    e->blocks = (e->all_blocks + ranks - 1) / ranks;
    e->trainable_workspaces =
        !e->trainable_plan
            ? 0
            : (size_t)(e->blocks > e->threads || e->eval_plan != e->trainable_plan ? e->blocks : e->threads);
}

/* Sums that a binary counter of so many batches keeps. */
static size_t levels_of(int accumulate)
{
    size_t n = 0;
    while (accumulate > 1 && (accumulate >> n) > 0) n++;
    return n;
}

/* What make_workspaces and make_step_memory will take, in doubles: no product of sizes is too large for them. */
static double bytes_wanted(const gf_engine *e)
{
    double threads = e->threads, row = 0, f = sizeof(float);
    double all = threads * ((double)gf_plan_workspace_bytes(e->frozen) + f * (double)fold_count(e));
    if (e->trainable_plan) {
        all += (double)e->trainable_workspaces * (double)gf_plan_workspace_bytes(e->trainable_plan);
        all += ((double)e->blocks * (gf_engine_trains_texts(e) ? 2 : 1) + (double)levels_of(e->spec.accumulate)) * f *
               (double)gf_plan_grad_count(e->trainable_plan);
    }
    if (e->eval_plan && e->eval_plan != e->trainable_plan)
        all += threads * (double)gf_plan_workspace_bytes(e->eval_plan);
    for (size_t k = 0; k < e->parts; k++) row += (double)e->part_bytes[k];
    all += 2 * (double)e->spec.batch * row;
    return all + f * (double)e->groups.values;
}

/* D5: told before the kernel ends the process, where a limit of its cgroup or the machine's memory are too small. */
static graft_status check_memory(const gf_engine *e, graft_error *err)
{
    uint64_t free_bytes = e->spec.train ? gf_memory_available() : UINT64_MAX;
    double wanted = bytes_wanted(e), mb = 1e6;
    if (free_bytes == UINT64_MAX || wanted <= (double)free_bytes + (double)gf_memory_swap()) return GRAFT_OK;
    return gf_fail(err, GF_E_NO_MEMORY, "a smaller --batch or --size, a later --fine-tune-at, or fewer --threads",
                   "training in batches of %d images takes %.0f MB more, %.0f MB are free (of the machine, or of the "
                   "limit that its control group has)",
                   e->spec.batch, wanted / mb, (double)free_bytes / mb);
}

static graft_status make_workspaces(gf_engine *e, graft_error *err)
{
    size_t grads = e->trainable_plan ? gf_plan_grad_count(e->trainable_plan) : 0, fold = fold_count(e);
    e->frozen_workspace = gf_new_n((size_t)e->threads, gf_workspace *);
    e->scratch = gf_new_n((size_t)e->threads, float *);
    e->trainable_workspace = gf_new_n(e->trainable_workspaces, gf_workspace *);
    e->block = gf_new_n(e->trainable_workspaces, float *);
    if (!e->frozen_workspace || !e->scratch || !e->trainable_workspace || !e->block)
        return gf_fail_memory(err, 0, "lanes");
    GF_TRY(make_feed_scratch(e, err));
    for (int i = 0; i < e->threads; i++) {
        GF_TRY(gf_pool_look(e->pool, err));
        GF_TRY(gf_workspace_create(&e->frozen_workspace[i], e->frozen, NULL, err));
        e->scratch[i] = gf_alloc_tensor(fold * sizeof(float));
        if (!e->scratch[i]) return gf_fail_memory(err, fold * sizeof(float), "folding");
    }
    for (size_t i = 0; i < e->trainable_workspaces; i++) {
        GF_TRY(gf_pool_look(e->pool, err));
        if (i < (size_t)e->blocks) {
            e->block[i] = gf_alloc_tensor(grads * sizeof(float));
            if (!e->block[i]) return gf_fail_memory(err, grads * sizeof(float), "gradients");
        }
        /* workspaces beyond the blocks only ever run forward */
        GF_TRY(gf_workspace_create(&e->trainable_workspace[i], e->trainable_plan,
                                   e->block[i] ? e->block[i] : e->block[0], err));
    }
    e->eval_workspace = e->trainable_workspace;
    return e->eval_plan == e->trainable_plan ? GRAFT_OK : make_eval_workspaces(e, err);
}

static graft_status make_levels(gf_engine *e, graft_error *err)
{
    size_t bytes = gf_plan_grad_count(e->trainable_plan) * sizeof(float), n = levels_of(e->spec.accumulate);
    if (!n) return GRAFT_OK;
    e->level = gf_new_n(n, float *);
    if (!e->level) return gf_fail_memory(err, n * sizeof *e->level, "gradients");
    for (; e->n_levels < n; e->n_levels++) {
        e->level[e->n_levels] = gf_alloc_tensor(bytes);
        if (!e->level[e->n_levels]) return gf_fail_memory(err, bytes, "gradients");
    }
    return GRAFT_OK;
}

static graft_status make_step_memory(gf_engine *e, graft_error *err)
{
    size_t batch = (size_t)e->spec.batch;
    GF_TRY(gf_engine_make_update(e, err));
    size_t all = batch * (size_t)e->spec.accumulate;
    GF_TRY(make_levels(e, err));
    GF_TRY(gf_engine_make_ranks(e, all, err));
    e->present = gf_new_n(batch, size_t);
    e->sample_loss = gf_new_n(all, float);
    e->spare = gf_new_n(e->trainable_workspaces * e->outputs, float);
    e->predicted = gf_new_n(all, int32_t);
    e->target = gf_alloc_tensor(all * e->spec.target_bytes);
    e->truth = gf_new_n(all, int32_t);
    e->weight = gf_new_n(all, double);
    e->task_scratch_bytes = (gf_task_scratch(&e->task) + 63) / 64 * 64;
    e->task_scratch = gf_alloc(e->trainable_workspaces, e->task_scratch_bytes);
    if (e->spec.scores) e->score = gf_new_n(all * (size_t)e->task.classes, float);
    bool ok = e->present && e->sample_loss && e->spare && e->predicted && e->target && e->truth && e->weight &&
              e->task_scratch;
    ok = ok && (e->score || !e->spec.scores);
    for (int s = 0; s < 2; s++) {
        gf_stage *st = &e->stage[s];
        st->engine = e;
        st->sample = gf_new_n(batch, uint32_t);
        st->target = gf_alloc_tensor(batch * e->spec.target_bytes);
        st->lost = gf_new_n(batch, bool);
        st->filled = gf_new_n(batch, bool);
        ok = ok && st->sample && st->target && st->lost && st->filled;
        for (size_t k = 0; k < e->parts; k++) {
            st->data[k] = gf_alloc_tensor(batch * e->part_bytes[k]);
            ok = ok && st->data[k];
        }
    }
    return ok ? GRAFT_OK : gf_fail_memory(err, batch * sizeof(size_t), "a training step");
}

/* All that comes before memory is taken. */
static graft_status engine_plan(gf_engine *e, graft_error *err)
{
    if (e->spec.train) GF_TRY(gf_param_groups_create(&e->groups, e->model, e->spec.groups, err));
    GF_TRY(make_graph(e, err));
    GF_TRY(gf_pool_run_watched(e->pool, 1, make_plans, e, err));
    for (size_t k = 0; k < e->parts; k++) {
        const gf_shape *s = &e->graph.value[e->boundary_tensor[k]].shape;
        e->part_bytes[k] = gf_count(s) * gf_dtype_size(gf_plan_value_dtype(e->frozen, e->boundary_tensor[k]));
    }
    e->outputs = gf_count(&e->graph.value[e->graph.output].shape);
    count_workspaces(e);
    return check_memory(e, err);
}

static graft_status engine_fill(gf_engine *e, graft_error *err)
{
    GF_TRY(engine_plan(e, err));
    GF_TRY(make_workspaces(e, err));
    if (e->spec.train) GF_TRY(make_step_memory(e, err));
    GF_TRY(gf_engine_make_texts(e, err));
    return gf_engine_reload(e, err);
}

static gf_engine *begin(gf_model *m, gf_ops *ops, gf_pool *pool, const gf_engine_spec *spec)
{
    gf_engine *e = gf_new(gf_engine);
    if (!e) return NULL;
    *e = (gf_engine){.spec = *spec, .model = m, .ops = ops, .pool = pool, .threads = gf_pool_threads(pool)};
    e->task = spec->task ? *spec->task : gf_task_of_model(m, NULL);
    if (spec->task) e->spec.target_bytes = e->task.cls->target_bytes;
    if (!e->spec.accumulate) e->spec.accumulate = 1;
    return e;
}

graft_status gf_engine_create(gf_engine **out, gf_model *m, gf_ops *ops, gf_pool *pool, const gf_engine_spec *spec,
                              graft_error *err)
{
    *out = NULL;
    gf_engine *e = begin(m, ops, pool, spec);
    if (!e) return gf_fail_memory(err, sizeof *e, "an engine");
    graft_status status = engine_fill(e, err);
    if (status != GRAFT_OK) {
        gf_engine_destroy(e);
    } else {
        *out = e;
    }
    return status;
}

graft_status gf_engine_fits(gf_model *m, gf_ops *ops, gf_pool *pool, const gf_engine_spec *spec, graft_error *err)
{
    gf_engine *e = begin(m, ops, pool, spec);
    if (!e) return gf_fail_memory(err, sizeof *e, "an engine");
    graft_status status = engine_plan(e, err);
    e->trainable_workspaces = 0; /* none were made */
    gf_engine_destroy(e);
    return status;
}

static void free_stage(gf_stage *st)
{
    gf_free(st->sample);
    gf_free(st->target);
    gf_free(st->lost);
    gf_free(st->filled);
    for (int k = 0; k < GF_MAX_BOUNDARY_TENSORS; k++) gf_free(st->data[k]);
}

void gf_engine_destroy(gf_engine *e)
{
    if (!e) return;
    gf_engine_drain_prefetch(e);
    for (int i = 0; i < e->threads; i++) {
        if (e->frozen_workspace) gf_workspace_destroy(e->frozen_workspace[i]);
        if (e->scratch) gf_free(e->scratch[i]);
        if (e->feed_scratch) gf_free(e->feed_scratch[i]);
    }
    gf_free(e->feed_scratch);
    for (size_t i = 0; i < e->trainable_workspaces; i++) {
        if (e->trainable_workspace) gf_workspace_destroy(e->trainable_workspace[i]);
        if (e->block) gf_free(e->block[i]);
    }
    if (e->eval_workspace != e->trainable_workspace) {
        for (int i = 0; e->eval_workspace && i < e->threads; i++) gf_workspace_destroy(e->eval_workspace[i]);
        gf_free(e->eval_workspace);
    }
    gf_free(e->frozen_workspace);
    gf_free(e->scratch);
    gf_free(e->trainable_workspace);
    gf_free(e->block);
    gf_engine_free_update(e);
    gf_engine_free_texts(e);
    gf_engine_free_ranks(e);
    for (size_t i = 0; i < e->n_levels; i++) gf_free(e->level[i]);
    gf_free(e->level);
    gf_free(e->present);
    gf_free(e->sample_loss);
    gf_free(e->spare);
    gf_free(e->predicted);
    gf_free(e->target);
    gf_free(e->truth);
    gf_free(e->weight);
    gf_free(e->task_scratch);
    gf_free(e->score);
    for (int s = 0; s < 2; s++) free_stage(&e->stage[s]);
    gf_plan_destroy(e->frozen);
    if (e->eval_plan != e->trainable_plan) gf_plan_destroy(e->eval_plan);
    gf_plan_destroy(e->trainable_plan);
    gf_graph_free(&e->graph);
    gf_graph_free(&e->train_graph);
    gf_free(e);
}

/* ---- weights */

typedef struct prepare_job {
    gf_engine *e;
    gf_plan *plan;
} prepare_job;

static graft_status prepare_node(void *ctx, size_t item, int worker, graft_error *err)
{
    const prepare_job *j = ctx;
    return gf_plan_prepare(j->plan, item, j->e->scratch[worker], err);
}

static graft_status prepare_plan(gf_engine *e, gf_plan *plan, graft_error *err)
{
    prepare_job j = {e, plan};
    return plan ? gf_pool_run(e->pool, gf_plan_nodes(plan), prepare_node, &j, err) : GRAFT_OK;
}

graft_status gf_engine_reload(gf_engine *e, graft_error *err)
{
    GF_TRY(prepare_plan(e, e->frozen, err));
    GF_TRY(prepare_plan(e, e->trainable_plan, err));
    e->stale = e->eval_plan != e->trainable_plan;
    return GRAFT_OK;
}

graft_status gf_engine_refresh(gf_engine *e, graft_error *err)
{
    if (!e->stale) return GRAFT_OK;
    GF_TRY(prepare_plan(e, e->eval_plan, err));
    e->stale = false;
    return GRAFT_OK;
}

/* ---- the frozen part */

/* The inputs of sample i of a micro-batch; 0 where it is lost. */
static graft_status fill_inputs(gf_engine *e, const gf_micro_batch *b, size_t i, int worker, graft_error *err)
{
    void *dst[GF_MAX_INPUTS];
    for (size_t k = 0; k < e->inputs; k++) {
        void *first = e->texts ? e->texts[worker].piece : gf_workspace_input(e->frozen_workspace[worker], k);
        dst[k] = (char *)first + i * gf_input_bytes(&e->input[k]);
    }
    graft_status status = GRAFT_DATA;
    if (i < b->n) {
        const gf_request request = {b->epoch, b->sample[i], b->training, worker, e->feed_scratch[worker]};
        char *target = b->target ? b->target + i * e->spec.target_bytes : NULL;
        status = b->feed->fill(b->feed->ctx, &request, e->input, dst, target, err);
        b->lost[i] = status == GRAFT_DATA;
    }
    for (size_t k = 0; k < e->inputs && status == GRAFT_DATA; k++) memset(dst[k], 0, gf_input_bytes(&e->input[k]));
    return status == GRAFT_DATA ? GRAFT_OK : status;
}

graft_status gf_engine_frozen(gf_engine *e, const gf_micro_batch *b, int worker, graft_error *err)
{
    size_t lost = 0;
    for (size_t i = 0; i < b->n; i++) {
        GF_TRY(fill_inputs(e, b, i, worker, err));
        lost += b->lost[i];
    }
    if (lost == b->n) return GRAFT_OK;
    if (e->texts) return gf_engine_frozen_texts(e, b, worker, err);
    for (size_t i = b->n; i < (size_t)e->spec.frozen_micro; i++) GF_TRY(fill_inputs(e, b, i, worker, err));
    return gf_workspace_forward(e->frozen_workspace[worker], &(gf_exec_context){.training = false}, err);
}

void gf_engine_copy_row(const gf_engine *e, int worker, size_t part, size_t from, char *rows, size_t to)
{
    const char *value = !e->texts ? gf_workspace_value(e->frozen_workspace[worker], e->boundary_tensor[part])
                        : e->cut  ? e->texts[worker].rows[part]
                                  : (const char *)e->texts[worker].piece;
    memcpy(rows + to * e->part_bytes[part], value + from * e->part_bytes[part], e->part_bytes[part]);
}

const float *gf_engine_feature_row(const gf_engine *e, int worker, size_t i)
{
    const float *first =
        e->texts ? e->texts[worker].features : gf_workspace_value(e->frozen_workspace[worker], e->graph.features);
    return first + i * gf_engine_features(e);
}
