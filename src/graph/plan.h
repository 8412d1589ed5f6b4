/* plan.h - how a stretch of a graph is computed: for one micro-batch, one precision, with or without gradients.
 *
 * A plan owns the operations (primitives, packed weights); a lane owns the memory of one micro-batch at work:
 * activations, their gradients, and where its weight gradients go. Lanes of one plan run at the same time on different
 * threads; each is single-threaded. Nothing is allocated while a lane runs. */
#ifndef GF_GRAPH_PLAN_H
#define GF_GRAPH_PLAN_H

#include "base/threads.h"
#include "graph/graph.h"
#include "ops/engine.h"

typedef struct gf_plan gf_plan;
typedef struct gf_lane gf_lane;

typedef struct gf_plan_spec {
    size_t first, last; /* nodes [first, last) */
    int micro_batch;
    gf_dtype dtype;      /* of activations with height and width; pooled ones and the picture are f32 */
    bool backward;       /* with gradients for the nodes that need them */
    int int8_layers;     /* nodes below this layer are computed in bytes where they can be (graph/int8.h); 0: none */
    const gf_pool *pool; /* whose stop (gf_pool_asked) is asked for between primitives; NULL: none */
    bool keep;           /* every value can be read after forward; else outputs only */
} gf_plan_spec;

/* Plans and times primitives: call it on a worker thread (gf_ops_start_worker), so that they are single-threaded. The
 * plan borrows graph and ops. */
graft_status gf_plan_create(gf_plan **out, const gf_graph *g, gf_ops *ops, const gf_plan_spec *spec, graft_error *err);
void gf_plan_destroy(gf_plan *p);

size_t gf_plan_nodes(const gf_plan *p);
bool gf_plan_node_trains(const gf_plan *p, size_t i);
double gf_plan_flops(const gf_plan *p);      /* forward, a picture */
size_t gf_plan_grad_count(const gf_plan *p); /* floats of a lane's gradient block */
size_t gf_plan_fold_count(const gf_plan *p); /* floats of scratch for the two calls below */
gf_dtype gf_plan_value_dtype(const gf_plan *p, int value);

/* Whether all that the first node does is to make bytes of a picture in colours: v of channel c becomes
 * v factor[c] + offset[c], cut off to 0..255 and its fraction. Whoever makes these bytes himself leaves them in
 * gf_lane_picture_bytes and begins behind it. */
bool gf_plan_takes_bytes(const gf_plan *p, float factor[3], float offset[3]);

/* Folds and packs the weights of node i from the model's present values. Different nodes at the same time: each with
 * its own scratch. */
graft_status gf_plan_prepare(gf_plan *p, size_t i, float *scratch, graft_error *err);
/* From a (summed) gradient block to gradients laid out as the model's parameter block from value `origin` on, for node
 * i. */
graft_status gf_plan_finish_grad(const gf_plan *p, size_t i, const float *block, float *scratch, float *grad,
                                 size_t origin, graft_error *err);
/* Moves node i's statistics in the plan's model (gf_node_move) by a block that `pictures` pictures were summed into. */
void gf_plan_move(const gf_plan *p, size_t i, gf_model *m, const float *block, size_t pictures);
/* Where node i's gradients lie in a lane's block: [first, first + count). */
void gf_plan_grad_range(const gf_plan *p, size_t i, size_t *first, size_t *count);

/* grad: gf_plan_grad_count floats that the lane's backward sets (not adds to); NULL where the plan has no gradients. */
graft_status gf_lane_create(gf_lane **out, const gf_plan *p, float *grad, graft_error *err);
void gf_lane_destroy(gf_lane *lane);
size_t gf_plan_lane_bytes(const gf_plan *p); /* that a lane of it will take */
size_t gf_lane_bytes(const gf_lane *lane);

/* Where a value lies: inputs are written before forward, outputs are read after it (until the next forward). */
void *gf_lane_value(const gf_lane *lane, int value);
void *gf_lane_diff(const gf_lane *lane, int value); /* its gradient: the output's is written before backward */
void *gf_lane_picture_bytes(const gf_lane *lane);   /* of a plan that takes bytes */

graft_status gf_lane_forward(gf_lane *lane, const gf_step *step, graft_error *err);
graft_status gf_lane_forward_bytes(gf_lane *lane, const gf_step *step, graft_error *err); /* behind the first node */
graft_status gf_lane_backward(gf_lane *lane, const gf_step *step, graft_error *err);

#endif
