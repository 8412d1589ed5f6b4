#include "graph/plan.h"

#include "graph/arena.h"
#include "graph/groups.h"
#include "graph/int8.h"
#include "ops/kernels.h"
#include "ops/variant.h"

#include <string.h>

/* Time in a plan of N nodes: node i runs forward at step i and backward at step 2N - 1 - i. A value lives from its
 * forward step to the last step that reads it; its gradient from the backward step of its last reader to that of its
 * producer. */
struct gf_plan {
    const gf_graph *g;
    gf_plan_spec spec;
    size_t n;
    gf_op *op;
    gf_dtype *type; /* of each value of the graph */
    bool *int8;     /* nodes computed in bytes */
    gf_quants quants;
    size_t *grad_at;      /* of each node's block in a workspace's gradients */
    size_t *workspace_at; /* and of its workspace, in bytes behind the arena */
    gf_groups groups;     /* of nodes with parameters in common; empty without gradients */
    size_t grad_count, fold_count, workspace_bytes;
    gf_block *value, *diff; /* of each value of the graph; diff: empty where there is none */
    int *diff_alias;        /* the value whose gradient's memory this one's is */
    gf_block scratchpad;
    size_t arena_bytes;
    gf_input_layout input[GF_MAX_INPUTS];
    size_t begin; /* the node that forward begins with */
};

struct gf_workspace {
    const gf_plan *p;
    char *arena;
    float *grad;
    gf_exec *exec;
};

size_t gf_plan_nodes(const gf_plan *p) { return p->n; }
size_t gf_plan_grad_count(const gf_plan *p) { return p->grad_count; }
size_t gf_plan_fold_count(const gf_plan *p) { return p->fold_count; }

static const gf_node *node_at(const gf_plan *p, size_t i) { return &p->g->node[p->spec.first + i]; }

static bool needs_grad(const gf_plan *p, const gf_node *n) { return p->spec.backward && n->needs_grad; }

bool gf_plan_node_trains(const gf_plan *p, size_t i) { return p->spec.backward && node_at(p, i)->trains; }

double gf_plan_flops(const gf_plan *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) sum += node_at(p, i)->flops;
    return sum;
}

gf_dtype gf_plan_value_dtype(const gf_plan *p, int value) { return p->type[value]; }

/* Whether all that the first node does is to quantize an image in colours, which nothing else reads. */
static bool quantizes_image(const gf_plan *p)
{
    const int64_t rgb = 3;
    if (p->n < 2 || p->spec.keep || p->g->n_inputs != 1) return false;
    const gf_op_spec *s = &p->op[0].spec;
    int image = p->g->input;
    bool quantizes = s->cls == &gf_op_rescale && node_at(p, 0)->src[0] == image && s->dst_dtype == GF_U8 &&
                     s->dst.dim[s->dst.rank - 1] == rgb;
    for (size_t i = 1; i < p->n; i++) {
        const gf_node *n = node_at(p, i);
        for (int k = 0; k < n->spec.n_src; k++) quantizes = quantizes && n->src[k] != image;
    }
    return quantizes;
}

/* As the graph's value has it. Bytes are handed on as they are. */
static void lay_out_input(const gf_value *v, gf_input_layout *in)
{
    const gf_shape *s = &v->shape;
    *in = (gf_input_layout){.dtype = v->dtype, .shape = {.rank = s->rank - 1}};
    memcpy(in->shape.dim, s->dim + 1, (size_t)in->shape.rank * sizeof *s->dim);
    in->gray = in->shape.rank == 3 && in->shape.dim[0] > 1 && in->shape.dim[2] == 1;
    for (int c = 0; c < 3 && v->dtype == GF_U8; c++) in->map.factor[c] = 1, in->map.offset[c] = 0.5f;
}

/* Where the first node would quantize an image, whoever fills the input may leave what it would have made, and forward
 * begins behind it. */
static void lay_out_inputs(gf_plan *p)
{
    for (int i = 0; i < p->g->n_inputs; i++) lay_out_input(&p->g->value[p->g->inputs[i]], &p->input[i]);
    p->begin = p->spec.int8_inputs && quantizes_image(p);
    if (!p->begin) return;
    p->input[0].dtype = GF_U8;
    gf_rescale_byte_map(&p->op[0].spec, p->input[0].map.factor, p->input[0].map.offset);
}

size_t gf_plan_inputs(const gf_plan *p) { return p->spec.first ? 0 : (size_t)p->g->n_inputs; }

const gf_input_layout *gf_plan_input(const gf_plan *p, size_t i) { return &p->input[i]; }

/* Maps are of the plan's type; inputs are of their own, which for an image is f32; pooled features and what is computed
 * from those alone (the gates of squeeze-and-excitation) stay f32: there is little of it. */
static gf_dtype type_of(const gf_plan *p, size_t v)
{
    const gf_graph *g = p->g;
    const gf_shape *s = &g->value[v].shape;
    if (g->value[v].producer < 0) return g->value[v].dtype;
    if (s->rank < 4) return GF_F32;
    bool small = s->dim[1] == 1 && s->dim[2] == 1 && g->value[v].producer >= 0;
    const gf_node *n = small ? &g->node[g->value[v].producer] : NULL;
    for (int k = 0; small && k < n->spec.n_src; k++) small = n->src[k] < (int)v && p->type[n->src[k]] == GF_F32;
    return small ? GF_F32 : p->spec.dtype;
}

static graft_status choose_types(gf_plan *p, const gf_ops *ops, graft_error *err)
{
    const gf_graph *g = p->g;
    for (size_t v = 0; v < g->n_values; v++) p->type[v] = type_of(p, v);
    bool frozen = !p->spec.backward && p->spec.int8_layers > 0 && gf_ops_has_int8(ops);
    if (!frozen) return GRAFT_OK;
    GF_TRY(gf_quants_create(&p->quants, g, err));
    gf_graph_int8(g, &p->quants, p->spec.first, p->spec.last, p->spec.int8_layers, p->int8, p->type);
    return GRAFT_OK;
}

/* Places of the longest text. */
static int longest(const gf_plan *p)
{
    const gf_shape *input = &p->g->value[p->g->inputs[0]].shape;
    return gf_graph_is_packed(p->g) ? (int)input->dim[input->rank - 1] : 0;
}

size_t gf_plan_rows(const gf_plan *p)
{
    int rows = p->spec.rows;
    return (size_t)(rows ? rows : p->spec.micro_batch * longest(p));
}

/* A value's shape for the micro-batch; places of packed texts stand in one row of a map. */
static gf_shape batched(const gf_plan *p, int value, const gf_shape *s)
{
    gf_shape b = *s;
    b.dim[0] = p->spec.micro_batch;
    if (!p->g->value[value].packed) return b;
    b.dim[0] = 1;
    b.dim[b.rank == 2 ? 1 : 2] = (int64_t)gf_plan_rows(p);
    return b;
}

static size_t value_bytes(const gf_plan *p, int value)
{
    gf_shape s = batched(p, value, &p->g->value[value].shape);
    return gf_count(&s) * gf_dtype_size(gf_plan_value_dtype(p, value));
}

static void live(gf_block *b, int step)
{
    if (b->last < b->first) {
        b->first = b->last = step;
    } else {
        if (step < b->first) b->first = step;
        if (step > b->last) b->last = step;
    }
}

/* Whether node's backward, for its source k, may leave the gradient where dst's lies: it is handed on unchanged or
 * worked on in place. A value that is added to itself gets it twice. */
static bool aliases(const gf_plan *p, const gf_node *n, int k)
{
    for (int i = 0; i < n->spec.n_src; i++) {
        if (i != k && n->src[i] == n->src[k]) return false;
    }
    const gf_op_class *cls = n->spec.cls;
    return ((k == 1 && cls->residual) || (k == 0 && cls->in_place)) && p->type[n->src[k]] == p->type[n->dst];
}

static void live_forward(gf_plan *p)
{
    int end = 2 * (int)p->n;
    for (int i = 0; i < p->g->n_inputs && !p->spec.first; i++) live(&p->value[p->g->inputs[i]], -1);
    for (size_t i = 0; i < p->n; i++) {
        const gf_node *n = node_at(p, i);
        int back = end - 1 - (int)i;
        live(&p->value[n->dst], (int)i);
        for (int k = 0; k < n->spec.n_src; k++) {
            if (p->g->value[n->src[k]].producer < (int)p->spec.first) live(&p->value[n->src[k]], -1); /* an input */
            live(&p->value[n->src[k]], (int)i);
            if (needs_grad(p, n)) live(&p->value[n->src[k]], back);
        }
        if (needs_grad(p, n)) live(&p->value[n->dst], back);
    }
    int boundary_tensor[GF_MAX_BOUNDARY_TENSORS];
    size_t outputs = gf_graph_boundary_tensors(p->g, p->spec.last, boundary_tensor);
    for (size_t i = 0; i < outputs && i < GF_MAX_BOUNDARY_TENSORS; i++) {
        if (p->value[boundary_tensor[i]].last >= p->value[boundary_tensor[i]].first)
            live(&p->value[boundary_tensor[i]], end);
    }
    for (size_t v = 0; v < p->g->n_values && p->spec.keep; v++) {
        if (p->value[v].last >= p->value[v].first) live(&p->value[v], end);
    }
    for (int i = -1; i < p->g->n_outputs; i++) {
        gf_block *b = &p->value[i < 0 ? p->g->features : p->g->outputs[i]];
        if (b->last >= b->first) live(b, end);
    }
}

/* Walks the nodes backwards, gives each gradient its life and its memory, and tells each op what it adds to. */
static void live_backward(gf_plan *p, bool *written, gf_op_spec *spec)
{
    for (int i = 0; i < p->g->n_outputs; i++) {
        const int v = p->g->outputs[i];
        if (!p->g->value[v].needs_grad || p->g->value[v].producer < (int)p->spec.first) continue;
        live(&p->diff[v], -1); /* the loss writes it, before whoever else reads the value adds to it */
        written[v] = true;
    }
    for (size_t i = p->n; i-- > 0;) {
        const gf_node *n = node_at(p, i);
        int step = 2 * (int)p->n - 1 - (int)i;
        if (!needs_grad(p, n)) continue;
        live(&p->diff[p->diff_alias[n->dst]], step);
        for (int k = 0; k < n->spec.n_src; k++) {
            int v = n->src[k];
            if (!p->g->value[v].needs_grad || p->g->value[v].producer < (int)p->spec.first) continue;
            spec[i].diff_src[k] = true;
            spec[i].accumulate[k] = written[v];
            if (!written[v] && aliases(p, n, k)) p->diff_alias[v] = p->diff_alias[n->dst];
            written[v] = true;
            live(&p->diff[p->diff_alias[v]], step);
        }
    }
}

static graft_status create_ops(gf_plan *p, gf_ops *ops, gf_op_spec *spec, graft_error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        const gf_node *n = node_at(p, i);
        gf_op_spec *s = &spec[i];
        graft_status asked = p->spec.pool ? gf_pool_asked(p->spec.pool) : GRAFT_OK;
        if (asked != GRAFT_OK) return asked;
        for (int k = 0; k < n->spec.n_src; k++) {
            s->src[k] = batched(p, n->src[k], &n->spec.src[k]);
            s->src_dtype[k] = gf_plan_value_dtype(p, n->src[k]);
        }
        s->dst_dtype = gf_plan_value_dtype(p, n->dst);
        if (p->g->value[n->src[0]].packed) s->most_texts = p->spec.micro_batch, s->longest = longest(p);
        if (p->int8[i]) s->cls = s->cls->int8;
        if (p->int8[i] || s->src_dtype[0] == GF_U8) s->src_quant = p->quants.value[n->src[0]];
        if (s->dst_dtype == GF_U8) s->dst_quant = p->quants.value[n->dst];
        s->backward = needs_grad(p, n);
        s->diff_weights = s->backward && n->trains;
        gf_op_choose(s, ops);
        GF_TRY(gf_op_create(&p->op[i], s, ops, err));
        p->grad_at[i] = p->grad_count;
        p->grad_count += (p->op[i].grad_count + 15) / 16 * 16;
        p->workspace_at[i] = p->workspace_bytes;
        p->workspace_bytes += (p->op[i].workspace_bytes + 63) / 64 * 64;
        if (p->op[i].scratchpad_bytes > p->scratchpad.bytes) p->scratchpad.bytes = p->op[i].scratchpad_bytes;
        size_t fold = gf_op_kernel_count(&p->op[i].spec) + gf_op_bias_count(&p->op[i].spec);
        if (s->cls->borrows && !s->diff_weights) fold = 0;
        if (fold > p->fold_count) p->fold_count = fold;
    }
    return GRAFT_OK;
}

static graft_status position(gf_plan *p, graft_error *err)
{
    size_t n_values = p->g->n_values;
    gf_block *all = gf_new_n(2 * n_values + 1, gf_block);
    if (!all) return gf_fail_memory(err, (2 * n_values + 1) * sizeof *all, "a plan");
    for (size_t v = 0; v < n_values; v++) {
        p->value[v].bytes = value_bytes(p, (int)v);
        p->diff[v].bytes = value_bytes(p, (int)v);
    }
    p->scratchpad.first = -1;
    p->scratchpad.last = 2 * (int)p->n;
    memcpy(all, p->value, n_values * sizeof *all);
    memcpy(all + n_values, p->diff, n_values * sizeof *all);
    all[2 * n_values] = p->scratchpad;
    graft_status status = gf_arena_place(all, 2 * n_values + 1, &p->arena_bytes, err);
    memcpy(p->value, all, n_values * sizeof *all);
    memcpy(p->diff, all + n_values, n_values * sizeof *all);
    p->scratchpad = all[2 * n_values];
    gf_free(all);
    return status;
}

static graft_status plan_fill(gf_plan *p, gf_ops *ops, graft_error *err)
{
    size_t n_values = p->g->n_values;
    graft_status status = GRAFT_OK;
    bool *written = gf_new_n(n_values, bool);
    gf_op_spec *spec = gf_new_n(p->n, gf_op_spec);
    p->op = gf_new_n(p->n, gf_op);
    p->grad_at = gf_new_n(p->n, size_t);
    p->workspace_at = gf_new_n(p->n, size_t);
    p->value = gf_new_n(n_values, gf_block);
    p->diff = gf_new_n(n_values, gf_block);
    p->diff_alias = gf_new_n(n_values, int);
    p->type = gf_new_n(n_values, gf_dtype);
    p->int8 = gf_new_n(p->n, bool);
    if (!p->type || !p->int8 || !written || !spec || !p->op || !p->grad_at || !p->workspace_at || !p->value ||
        !p->diff || !p->diff_alias) {
        status = gf_fail_memory(err, n_values * sizeof(gf_block), "a plan");
        goto out;
    }
    for (size_t v = 0; v < n_values; v++) {
        p->value[v].last = p->diff[v].last = -2;
        p->value[v].first = p->diff[v].first = 0;
        p->diff_alias[v] = (int)v;
    }
    for (size_t i = 0; i < p->n; i++) spec[i] = node_at(p, i)->spec;
    if (p->spec.backward) GF_GOTO(gf_groups_create(&p->groups, p->g, p->spec.first, p->n, err));
    GF_GOTO(choose_types(p, ops, err));
    live_forward(p);
    if (p->spec.backward) live_backward(p, written, spec);
    GF_GOTO(create_ops(p, ops, spec, err));
    lay_out_inputs(p);
    GF_GOTO(position(p, err));
out:
    gf_free(written);
    gf_free(spec);
    return status;
}

graft_status gf_plan_create(gf_plan **out, const gf_graph *g, gf_ops *ops, const gf_plan_spec *spec, graft_error *err)
{
    *out = NULL;
    gf_plan *p = gf_new(gf_plan);
    if (!p) return gf_fail_memory(err, sizeof *p, "a plan");
    p->g = g;
    p->spec = *spec;
    p->n = spec->last - spec->first;
    graft_status status = plan_fill(p, ops, err);
    if (status != GRAFT_OK) {
        gf_plan_destroy(p);
    } else {
        *out = p;
    }
    return status;
}

void gf_plan_destroy(gf_plan *p)
{
    if (!p) return;
    for (size_t i = 0; p->op && i < p->n; i++) gf_op_destroy(&p->op[i]);
    gf_free(p->op);
    gf_free(p->grad_at);
    gf_free(p->workspace_at);
    gf_groups_free(&p->groups);
    gf_free(p->value);
    gf_free(p->diff);
    gf_free(p->diff_alias);
    gf_free(p->type);
    gf_free(p->int8);
    gf_quants_free(&p->quants);
    gf_free(p);
}

graft_status gf_plan_prepare(gf_plan *p, size_t i, float *scratch, graft_error *err)
{
    gf_op *op = &p->op[i];
    float *bias = scratch + gf_op_kernel_count(&op->spec);
    if (op->spec.cls->borrows) {
        const gf_model *m = p->g->model;
        return gf_op_prepare(op, m->value + m->param[node_at(p, i)->param[GF_ROLE_KERNEL]].offset, NULL, err);
    }
    gf_node_fold(p->g->model, node_at(p, i), scratch, bias);
    return gf_op_prepare(op, scratch, op->spec.has_bias ? bias : NULL, err);
}

graft_status gf_plan_finish_grad(const gf_plan *p, size_t i, const float *block, float *scratch, float *grad,
                                 size_t trainable_offset, graft_error *err)
{
    const gf_op *op = &p->op[i];
    float *dbias = scratch + gf_op_kernel_count(&op->spec);
    GF_TRY(gf_op_finish_grad(op, block + p->grad_at[i], scratch, op->spec.has_bias ? dbias : NULL, err));
    gf_node_unfold(p->g->model, node_at(p, i), scratch, dbias, p->groups.adds[i], grad, trainable_offset);
    return GRAFT_OK;
}

/* The calls of one normalization, from node i on, in their order. */
static void move_calls(const gf_plan *p, size_t i, gf_model *m, const float *block, float *start, size_t images)
{
    const int mean = node_at(p, i)->param[GF_ROLE_MEAN];
    memcpy(start, m->value + m->param[mean].offset, m->param[mean].count * sizeof *start);
    for (size_t k = i; k < p->n; k = p->groups.next[k]) {
        if (node_at(p, k)->param[GF_ROLE_MEAN] == mean)
            gf_node_update_moving_stats(m, node_at(p, k), block + p->grad_at[k], start, images);
    }
}

void gf_plan_update_moving_stats(const gf_plan *p, size_t i, gf_model *m, const float *block, float *scratch,
                                 size_t images)
{
    for (size_t k = i; k < p->n; k = p->groups.next[k]) {
        bool measures = node_at(p, k)->spec.cls == &gf_op_batch_norm;
        if (measures && !(p->groups.adds[k] & 1u << GF_ROLE_MEAN)) move_calls(p, k, m, block, scratch, images);
    }
}

bool gf_plan_node_leads(const gf_plan *p, size_t i) { return p->groups.lead[i] == i; }
size_t gf_plan_node_next(const gf_plan *p, size_t i) { return p->groups.next[i]; }

void gf_plan_grad_range(const gf_plan *p, size_t i, size_t *first, size_t *count)
{
    *first = p->grad_at[i];
    *count = p->op[i].grad_count;
}

/* ---- workspaces */

void *gf_workspace_value(const gf_workspace *ws, int value) { return ws->arena + ws->p->value[value].offset; }

void *gf_workspace_diff(const gf_workspace *ws, int value)
{
    return ws->arena + ws->p->diff[ws->p->diff_alias[value]].offset;
}

size_t gf_plan_workspace_bytes(const gf_plan *p) { return p->arena_bytes + p->workspace_bytes; }
size_t gf_workspace_bytes(const gf_workspace *ws) { return gf_plan_workspace_bytes(ws->p); }

static graft_status bind_node(gf_workspace *ws, size_t i, graft_error *err)
{
    const gf_plan *p = ws->p;
    const gf_node *n = node_at(p, i);
    gf_op_args a = {.dst = gf_workspace_value(ws, n->dst),
                    .scratchpad = ws->arena + p->scratchpad.offset,
                    .workspace = ws->arena + p->arena_bytes + p->workspace_at[i]};
    for (int k = 0; k < n->spec.n_src; k++) {
        a.src[k] = gf_workspace_value(ws, n->src[k]);
        if (p->op[i].spec.diff_src[k]) a.diff_src[k] = gf_workspace_diff(ws, n->src[k]);
    }
    if (needs_grad(p, n)) a.diff_dst = gf_workspace_diff(ws, n->dst);
    if (ws->grad) a.grad = ws->grad + p->grad_at[i];
    return gf_op_bind(&p->op[i], &a, &ws->exec[i], err);
}

graft_status gf_workspace_create(gf_workspace **out, const gf_plan *p, float *grad, graft_error *err)
{
    *out = NULL;
    gf_workspace *ws = gf_new(gf_workspace);
    if (!ws) return gf_fail_memory(err, sizeof *ws, "a workspace");
    ws->p = p;
    ws->grad = grad;
    ws->arena = gf_alloc_tensor(gf_workspace_bytes(ws));
    ws->exec = gf_new_n(p->n, gf_exec);
    graft_status status = GRAFT_OK;
    if (!ws->arena || !ws->exec) status = gf_fail_memory(err, gf_workspace_bytes(ws), "a workspace's activations");
    for (size_t i = 0; status == GRAFT_OK && i < p->n; i++) status = bind_node(ws, i, err);
    if (status != GRAFT_OK) {
        gf_workspace_destroy(ws);
    } else {
        *out = ws;
    }
    return status;
}

void gf_workspace_destroy(gf_workspace *ws)
{
    if (!ws) return;
    for (size_t i = 0; ws->exec && i < ws->p->n; i++) gf_op_unbind(&ws->exec[i]);
    gf_free(ws->exec);
    gf_free(ws->arena);
    gf_free(ws);
}

void *gf_workspace_input(const gf_workspace *ws, size_t i)
{
    return gf_workspace_value(ws, ws->p->begin ? node_at(ws->p, 0)->dst : ws->p->g->inputs[i]);
}

graft_status gf_workspace_forward(gf_workspace *ws, const gf_exec_context *step, graft_error *err)
{
    for (size_t i = ws->p->begin; i < ws->p->n; i++) {
        GF_TRY(ws->exec[i].op->spec.cls->forward(&ws->exec[i], step, err));
    }
    return GRAFT_OK;
}

graft_status gf_workspace_backward(gf_workspace *ws, const gf_exec_context *step, graft_error *err)
{
    for (size_t i = ws->p->n; i-- > 0;) {
        if (!needs_grad(ws->p, node_at(ws->p, i))) continue;
        GF_TRY(ws->exec[i].op->spec.cls->backward(&ws->exec[i], step, err));
    }
    return GRAFT_OK;
}
