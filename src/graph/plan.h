/* plan.h - how a stretch of a graph is computed: for one micro-batch, one precision, with or without gradients.
 *
 * A plan owns the operations (primitives, packed weights); a workspace owns the memory of one micro-batch at work:
 * activations, their gradients, and where its weight gradients go. Workspaces of one plan run at the same time on
 * different threads; each is single-threaded. Nothing is allocated while a workspace runs. */
#ifndef GF_GRAPH_PLAN_H
#define GF_GRAPH_PLAN_H

#include "base/threads.h"
#include "graph/graph.h"
#include "ops/engine.h"
#include "tensor/feed.h"

typedef struct gf_plan gf_plan;
typedef struct gf_workspace gf_workspace;

typedef struct gf_plan_spec {
    size_t first, last; /* nodes [first, last) */
    int micro_batch;
    int rows; /* of a packed graph: places of all texts of a micro-batch together; 0: as many as micro_batch of the
                 longest ones have */
    gf_dtype dtype;      /* of activations with height and width; pooled ones and the image are f32 */
    bool backward;       /* with gradients for the nodes that need them */
    int int8_layers;     /* nodes below this layer are computed in bytes where they can be (graph/int8.h); 0: none */
    const gf_pool *pool; /* whose stop (gf_pool_asked) is asked for between primitives; NULL: none */
    bool keep;           /* every value can be read after forward; else outputs only */
    bool int8_inputs;    /* an image that the first node would quantize is wanted quantized already */
} gf_plan_spec;

/* Plans and times primitives: call it on a worker thread (gf_ops_start_worker), so that they are single-threaded. The
 * plan borrows graph and ops. */
graft_status gf_plan_create(gf_plan **out, const gf_graph *g, gf_ops *ops, const gf_plan_spec *spec, graft_error *err);
void gf_plan_destroy(gf_plan *p);

size_t gf_plan_nodes(const gf_plan *p);
size_t gf_plan_rows(const gf_plan *p); /* gf_plan_spec.rows; 0: of no packed graph */
bool gf_plan_node_trains(const gf_plan *p, size_t i);
double gf_plan_flops(const gf_plan *p);      /* forward, an image */
size_t gf_plan_grad_count(const gf_plan *p); /* floats of a workspace's gradient block */
size_t gf_plan_fold_count(const gf_plan *p); /* floats of scratch for the two calls below */
gf_dtype gf_plan_value_dtype(const gf_plan *p, int value);

/* What the plan's inputs want, of a plan from the graph's first node on. */
size_t gf_plan_inputs(const gf_plan *p);
const gf_input_layout *gf_plan_input(const gf_plan *p, size_t i);

/* Folds and packs the weights of node i from the model's present values. Different nodes at the same time: each with
 * its own scratch. */
graft_status gf_plan_prepare(gf_plan *p, size_t i, float *scratch, graft_error *err);
/* Nodes that train the same parameters (calls of one layer, and what is folded into them) are a group; most are alone
 * in theirs. The first of a group in the order of the graph leads it; the next one of i's group, gf_plan_nodes: none.
 * The nodes of a group are worked on one after the other, groups at the same time. */
bool gf_plan_node_leads(const gf_plan *p, size_t i);
size_t gf_plan_node_next(const gf_plan *p, size_t i);

/* From a (summed) gradient block to gradients laid out as the model's parameter block from value `trainable_offset` on,
 * for node i; they are added to those of the nodes of its group before it. */
graft_status gf_plan_finish_grad(const gf_plan *p, size_t i, const float *block, float *scratch, float *grad,
                                 size_t trainable_offset, graft_error *err);
/* Moves the statistics in the plan's model (gf_node_update_moving_stats) of the group that node i leads, by a block
 * that `images` images were summed into. */
void gf_plan_update_moving_stats(const gf_plan *p, size_t i, gf_model *m, const float *block, float *scratch,
                                 size_t images);
/* Where node i's gradients lie in a workspace's block: [first, first + count). */
void gf_plan_grad_range(const gf_plan *p, size_t i, size_t *first, size_t *count);

/* grad: gf_plan_grad_count floats that the workspace's backward sets (not adds to); NULL where the plan has no
 * gradients. */
graft_status gf_workspace_create(gf_workspace **out, const gf_plan *p, float *grad, graft_error *err);
void gf_workspace_destroy(gf_workspace *ws);
size_t gf_plan_workspace_bytes(const gf_plan *p); /* that a workspace of it will take */
size_t gf_workspace_bytes(const gf_workspace *ws);

/* Where a value lies: inputs are written before forward, outputs are read after it (until the next forward). */
void *gf_workspace_value(const gf_workspace *ws, int value);
void *gf_workspace_diff(const gf_workspace *ws,
                        int value); /* its gradient: those of all outputs are written before backward */
void *gf_workspace_input(const gf_workspace *ws, size_t i); /* micro_batch samples of gf_plan_input's layout */

graft_status gf_workspace_forward(gf_workspace *ws, const gf_exec_context *step, graft_error *err);
graft_status gf_workspace_backward(gf_workspace *ws, const gf_exec_context *step, graft_error *err);

#endif
