/* engine_parts.h - the inside of an engine, shared by engine.c (making it), engine_step.c (training) and
 * engine_forward.c. */
#ifndef GF_TRAIN_ENGINE_PARTS_H
#define GF_TRAIN_ENGINE_PARTS_H

#include "comm/tree.h"
#include "graph/packing.h"
#include "train/engine.h"

/* A batch's values at the split point: two of them, one in use and one being filled. */
typedef struct gf_stage {
    bool taken;
    gf_batch batch;
    uint32_t *sample; /* a copy: the caller's may be gone while the background still works */
    char *target;
    char *data[GF_MAX_BOUNDARY_TENSORS];
    bool *lost, *filled; /* of each sample: it cannot be had; it was asked for, on this rank */
    gf_share share;      /* samples that are computed before it is known which are lost */
    gf_feed feed;
    gf_engine *engine;
} gf_stage;

/* What a worker keeps of a micro-batch of texts. */
typedef struct gf_engine_texts {
    gf_packer packer;
    int32_t *piece, *length;             /* of each text */
    int32_t *first;                      /* gf_packing.first of the run at hand */
    int32_t *known;                      /* pieces of texts that are evaluated where all of the network trains */
    char *rows[GF_MAX_BOUNDARY_TENSORS]; /* a row for each text of what crosses the split point */
    float *features;                     /* and of gf_engine_features; NULL: there are none */
} gf_engine_texts;

struct gf_engine {
    gf_engine_spec spec;
    gf_model *model;
    gf_ops *ops;
    gf_pool *pool;
    gf_graph graph;
    gf_graph train_graph; /* the same where batch normalisation measures its batches; equal up to the split point. Else
                             empty */
    size_t cut;
    size_t parts; /* values that cross the split point */
    int boundary_tensor[GF_MAX_BOUNDARY_TENSORS];
    size_t part_bytes[GF_MAX_BOUNDARY_TENSORS]; /* of one image */
    gf_plan *frozen, *trainable_plan;           /* tail: NULL without training */
    gf_plan *eval_plan; /* the trainable part at rest, by moving statistics: tail itself where it measures nothing */
    bool stale;         /* still has not seen the last update */
    int threads, all_blocks; /* gradient blocks, one per micro-batch of the largest batch */
    int blocks;              /* as many of them as this rank has at most */
    gf_tree tree;            /* their sum */
    size_t own_samples;      /* of the step, on this rank */
    size_t *missing;         /* of a batch, with ranks: samples to compute in a lost one's place */
    char *outcome;           /* with ranks: losses and predictions of a step, as they are sent */
    gf_workspace **frozen_workspace, **eval_workspace; /* threads of each */
    gf_workspace **trainable_workspace;                /* blocks; where that is still, the larger of both */
    size_t trainable_workspaces;
    float **block;
    float **scratch;      /* a thread: folding */
    float **feed_scratch; /* a thread: gf_request's */
    gf_input_layout input[GF_MAX_INPUTS];
    size_t inputs;
    gf_packer packer;        /* of a batch, where the trainable part begins with the texts' pieces; else zero */
    int32_t *length;         /* of the batch's texts, in the order of `present` */
    float **sum;             /* of a block's micro-batches before the last, where it has several */
    gf_engine_texts *texts;  /* a thread; NULL: samples are no texts */
    gf_param_groups groups;  /* what trains */
    size_t trainable_offset; /* the first value of the model's block that does */
    float *grad;             /* groups.values */
    gf_optimizer *optimizer; /* of each group, for the step at hand */
    gf_param_range *piece;   /* what one thread updates at a time */
    size_t n_pieces;
    gf_optimizer *tensor_optimizer; /* of each tensor, for kinds that look at norms */
    gf_param_range *tensor_piece;   /* the same values, no piece of two tensors; `group` is the tensor's number */
    size_t n_tensor_pieces;
    double *tensor_squares; /* two of each such piece: partial sums of norms */
    double norm;            /* of the last gradient, before it is clipped */
    double *squares;        /* partial sums of the norm */
    gf_stage stage[2];
    size_t *present;    /* of the step, batch of each: which of the batch's samples are there */
    float *sample_loss; /* and of those, in order */
    float *spare;       /* `outputs` of each micro-batch: gf_task_batch's */
    int32_t *predicted, *truth;
    double *weight;     /* of each sample present, where the task weighs them */
    char *task_scratch; /* task_scratch_bytes for each micro-batch */
    size_t task_scratch_bytes;
    float *score;
    char *target;
    gf_task task;  /* as the spec's, which owns its weights */
    size_t images; /* how many that were */
    float **level; /* accumulation: sums of 1, 2, 4, ... batches, as the bits of `merged` say */
    size_t n_levels, merged;
    size_t outputs;
};

/* The graph that `tail` computes. */
static inline const gf_graph *gf_engine_train_graph(const gf_engine *e)
{
    return e->train_graph.n_nodes ? &e->train_graph : &e->graph;
}

/* What updates need, once groups are there (engine_update.c). */
graft_status gf_engine_make_update(gf_engine *e, graft_error *err);
void gf_engine_free_update(gf_engine *e);
void gf_engine_add_penalty(gf_engine *e); /* to the gradient: of spec.l2 */
/* Sets `norm` to that of the last gradient. */
graft_status gf_engine_grad_norm(gf_engine *e, graft_error *err);

/* Ranks (engine_ranks.c). What this rank computes of a batch of n samples as long as none is known to be lost. */
gf_share gf_engine_expected(const gf_engine *e, size_t n);
/* All floats of the blocks that this rank has filled, and of the other ranks', into block 0. */
graft_status gf_engine_sum_ranks(gf_engine *e, graft_error *err);
/* Losses, predictions and scores of samples begin[r] .. begin[r + 1] - 1 of the step are rank r's, and then
 * everybody's. */
graft_status gf_engine_gather_outcomes(gf_engine *e, const size_t begin[GF_MOST_RANKS + 1], graft_error *err);
graft_status gf_engine_make_ranks(gf_engine *e, size_t samples, graft_error *err); /* memory, for so many of a step */
void gf_engine_free_ranks(gf_engine *e);
enum { GF_ENGINE_STRETCH = 4096 }; /* floats that are summed at a time */

/* Brings `still` up to the last update. */
graft_status gf_engine_refresh(gf_engine *e, graft_error *err);

/* Up to frozen_micro samples. */
typedef struct gf_micro_batch {
    const gf_feed *feed;
    uint32_t epoch;
    bool training;
    const uint32_t *sample;
    size_t n;
    char *target; /* spec.target_bytes of each; NULL: not wanted */
    bool *lost;   /* of each */
} gf_micro_batch;

/* Texts (engine_texts.c): what their plans are like, memory for them, and the frozen part of a micro-batch whose pieces
 * are there. */
void gf_engine_pack_spec(const gf_engine *e, gf_plan_spec *spec);
graft_status gf_engine_make_texts(gf_engine *e, graft_error *err);
void gf_engine_free_texts(gf_engine *e);
/* Whether texts go through the trainable part: its plan is packed. */
bool gf_engine_trains_texts(const gf_engine *e);
/* Gradient blocks of such an engine, so many that threads find work: a block sums several micro-batches. */
int gf_engine_text_blocks(const gf_engine *e);
/* Plans the present samples' micro-batches, their pieces being rows[present[i]] of `rows`, and puts `present` into that
 * order; those without any piece are left out. Returns how many stay. */
size_t gf_engine_pack_batch(gf_engine *e, const int32_t *(*row)(const void *ctx, size_t i), const void *ctx, size_t n);
/* Outputs of n texts, whose pieces are e->texts[worker].known, through the trainable part at rest. */
graft_status gf_engine_forward_texts(gf_engine *e, int worker, size_t n, const bool *lost, float *out,
                                     graft_error *err);
graft_status gf_engine_frozen_texts(gf_engine *e, const gf_micro_batch *b, int worker, graft_error *err);

/* Runs the frozen part for them on this worker's workspace; a lost one sets its `lost` and leaves its rows undefined.
 */
graft_status gf_engine_frozen(gf_engine *e, const gf_micro_batch *b, int worker, graft_error *err);
/* The pooled features of sample i of the last micro-batch. */
const float *gf_engine_feature_row(const gf_engine *e, int worker, size_t i);
/* Copies row `from` of the frozen workspace's value at the split point to row `to` of a block of rows. */
void gf_engine_copy_row(const gf_engine *e, int worker, size_t part, size_t from, char *rows, size_t to);

#endif
