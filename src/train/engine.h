/* engine.h - a model at work: batches through workspaces, gradients, updates.
 *
 * The graph is cut in two. The frozen part runs in small micro-batches, a workspace a thread, from the image to the
 * split point; what crosses the split point is kept for the batch (or, where images do not change, for the whole split:
 * a feature cache). The trainable part runs in larger micro-batches; micro-batch i puts its gradient into block i, the
 * blocks are summed in a fixed tree, so the bits do not depend on threads. While a step's trainable part runs, idle
 * threads already work on the next batch's frozen part: it does not depend on what is being learnt. */
#ifndef GF_TRAIN_ENGINE_H
#define GF_TRAIN_ENGINE_H

#include "base/threads.h"
#include "comm/comm.h"
#include "graph/plan.h"
#include "tasks/task.h"
#include "train/clip.h"
#include "train/optimizer.h"
#include "train/param_groups.h"

typedef struct gf_engine gf_engine;

typedef struct gf_engine_spec {
    bool train;          /* else the whole graph is one plan without gradients */
    int batch;           /* the largest batch of a training step */
    int frozen_micro;    /* images per micro-batch below the split point; 0: 2 */
    int trainable_micro; /* and above it; 0: 8 */
    gf_dtype dtype;
    bool batch_norm;           /* batch normalisation that trains measures each micro-batch (ops/batch_norm.c) */
    bool head_norm;            /* that of the head does so, whatever batch_norm says */
    double l2;                 /* of the head's dense kernels (gf_head_spec) */
    bool backbone_dropout;     /* the backbone's own dropout drops */
    int int8_layers;           /* what of the frozen part lies below this layer is computed in bytes; 0: nothing */
    bool keep;                 /* without training: all values of a workspace can be read */
    int output_layer;          /* without training: the layer whose output is wanted; -1: the logits */
    bool reference, no_fusion; /* for tests */
    uint64_t seed;             /* of dropout */
    bool frozen_dropout;       /* where all behind it but dropout is frozen, dropout is, too: it does nothing */
    size_t target_bytes;       /* of what feeds give beside a sample's inputs; the task's, where there is one */
    int accumulate;            /* batches whose gradients are added up before a step; 0: 1 */
    gf_clip clip;              /* of a step's gradient */
    const char *groups;        /* words of param_groups.h; NULL: all that is above the boundary, in one group */
    const gf_task *task;       /* with training: what is learned; NULL: what the model is for, with the default loss */
    bool scores;               /* with training: gf_step_result.score is wanted */
    const gf_comm *comm; /* with training: the ranks that share it, whose batches are the same; NULL: one process */
    bool at_features;    /* with training: the split point is where the pooled features are, if all goes through them */
} gf_engine_spec;

void gf_engine_defaults(gf_engine_spec *spec);
/* Batch normalisation that trains is to measure its batches: 16 images at a time (docs/design/batch-norm.md). */
void gf_engine_use_batch_stats(gf_engine_spec *spec);

/* Borrows all. Plans are made on a worker of the pool. E5001 with both figures where the memory that training takes is
 * not there, before it is taken. */
graft_status gf_engine_create(gf_engine **out, gf_model *m, gf_ops *ops, gf_pool *pool, const gf_engine_spec *spec,
                              graft_error *err);
/* That alone: the plans are made, and thrown away. */
graft_status gf_engine_fits(gf_model *m, gf_ops *ops, gf_pool *pool, const gf_engine_spec *spec, graft_error *err);
void gf_engine_destroy(gf_engine *e);

/* Folds and packs all weights anew, after the model's values were set from outside. */
graft_status gf_engine_reload(gf_engine *e, graft_error *err);

/* ---- training */

typedef struct gf_batch {
    uint32_t epoch;
    uint64_t number;        /* of the batch, over the whole run: what tells two batches apart */
    size_t n;               /* up to spec.batch times spec.accumulate */
    const uint32_t *sample; /* n, borrowed while the batch is in use */
    uint32_t variants;      /* not 0: random changes are drawn as in one of so many epochs from `start` on, in turn */
    uint32_t start;
} gf_batch;

typedef struct gf_step_result {
    size_t n;    /* samples that were not lost; loss and gradient are means over them */
    double loss; /* mean */
    double grad_norm;
    const float *sample_loss; /* of the batch's samples in order, lost ones left out: n */
    const int32_t *predicted, *label;
    const float *score; /* n x classes; NULL where the spec does not want them */
} gf_step_result;

struct gf_feature_cache;

/* Loss and gradient of a batch at the present weights; nothing is changed. With ranks all of them make this call, and
 * each computes a share of the micro-batches; the result is the whole batch's on every one. `next` (may be NULL) is
 * started in the background. With a feature cache (may be NULL) the frozen part is taken from it and no image is read.
 */
graft_status gf_engine_gradient(gf_engine *e, const gf_feed *feed, const struct gf_feature_cache *feature_cache,
                                const gf_batch *batch, const gf_batch *next, gf_step_result *result, graft_error *err);
/* Applies the gradient, and moves the statistics of batch normalisation by what that batch showed. steps_done: how
 * often o was applied before; slots as optimizer.h says, for gf_engine_trainable values. A group's learning rate is lr
 * times its scale. */
graft_status gf_engine_apply(gf_engine *e, const gf_optimizer *o, double lr, int64_t steps_done, float *slots,
                             graft_error *err);

/* Waits for background work and forgets what was started: before anything else uses the feed, or at a stop. */
void gf_engine_drain_prefetch(gf_engine *e);

/* How many values train, and the last gradient: of those values alone, in the order of the model's block. */
size_t gf_engine_trainable(const gf_engine *e);
const float *gf_engine_grads(const gf_engine *e);
const gf_param_groups *gf_engine_groups(const gf_engine *e);

/* ---- forward */

/* What crosses the split point, and the targets, of samples first .. first + n - 1; filled by the first
 * gf_engine_logits that gets it.
 */
typedef struct gf_feature_cache {
    uint32_t first;
    size_t n;
    size_t variants; /* n rows of each, one behind the other: of gf_batch's epochs; 1: images as they are */
    size_t parts;
    size_t row[GF_MAX_BOUNDARY_TENSORS]; /* bytes of a row of each */
    char *data[GF_MAX_BOUNDARY_TENSORS];
    char *target;
    size_t target_bytes;
    bool *lost, *filled;
} gf_feature_cache;
size_t gf_feature_cache_bytes(const gf_engine *e, size_t n); /* what a feature cache of n samples would take */
graft_status gf_feature_cache_create(gf_feature_cache *feature_cache, const gf_engine *e, uint32_t first, size_t n,
                                     size_t variants, graft_error *err);
/* Fills rows `at` .. at + n - 1 of a variant: the images with the random changes of epoch `epoch`. */
graft_status gf_engine_fill_variant(gf_engine *e, const gf_feed *feed, gf_feature_cache *feature_cache, size_t variant,
                                    uint32_t epoch, size_t at, size_t n, graft_error *err);
void gf_feature_cache_free(gf_feature_cache *feature_cache);
/* How many numbers cross the split point where they are the pooled features, and nothing else does; 0: something else
 * crosses. */
size_t gf_engine_boundary_features(const gf_engine *e);
/* A feature cache's row of them, which is filled. */
void gf_engine_take_features(const gf_engine *e, const gf_feature_cache *feature_cache, size_t row, float *out);

/* Outputs (logits, or the output layer's values) of n samples without augmentation or dropout:
 * out[n][gf_engine_outputs], lost[n] (may be NULL: a lost sample is an error). */
graft_status gf_engine_forward(gf_engine *e, const gf_feed *feed, gf_feature_cache *feature_cache,
                               const uint32_t *sample, size_t n, float *out, bool *lost, graft_error *err);
size_t gf_engine_outputs(const gf_engine *e);
/* Samples that are put through the network together: parts of a row of samples that begin at multiples of it are
 * computed as the whole row is. */
size_t gf_engine_micro(const gf_engine *e);
/* Of the last gradient: samples that this rank has put through the trainable part. */
size_t gf_engine_own_samples(const gf_engine *e);
/* The pooled features that are computed on the way to the logits; 0: they cannot be had of this engine. */
size_t gf_engine_features(const gf_engine *e);

/* The same with more of what is known. Of an engine that does not train, several calls may be under way at the same
 * time. */
typedef struct gf_forward {
    const uint32_t *sample;
    size_t n;
    gf_feature_cache *feature_cache; /* may be NULL, as all that follows may be but `out` */
    float *out;
    float *features; /* n rows of gf_engine_features */
    void *target;    /* n of spec.target_bytes */
    bool *lost;
} gf_forward;
graft_status gf_engine_infer(gf_engine *e, const gf_feed *feed, const gf_forward *f, graft_error *err);

/* As a spec without training must have it to compute what this engine does; 0: nothing in bytes. */
int gf_engine_int8_layers(const gf_engine *e);

/* ---- facts */

double gf_engine_flops(const gf_engine *e,
                       bool whole); /* forward, an image: of the whole graph, or of the trainable part */

#endif
