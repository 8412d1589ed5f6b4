/* param_groups.h - what trains, and how: groups of parameters with a learning rate and a weight decay of their own.
 *
 * Above the boundary all parameters train in one group, unless words say otherwise ("layer-decay=0.8,no-decay"). What
 * comes of them is a list of ranges of the model's block. The values that train have no gaps in gradients, optimizer
 * slots and checkpoints: `at` says where a range lies there. */
#ifndef GF_TRAIN_PARAM_GROUPS_H
#define GF_TRAIN_PARAM_GROUPS_H

#include "graph/model.h"

typedef struct gf_param_group {
    char name[GF_NAME_MAX + 32]; /* the pattern, block or head that it is of */
    double lr_scale;             /* its learning rate is the phase's times this */
    double weight_decay;         /* below 0: the optimizer's own */
    size_t tensors;
} gf_param_group;

/* Floats [first, first + count) of the model's block; at: where they lie among all that train. */
typedef struct gf_param_range {
    size_t first, count, at;
    int group;
} gf_param_range;

typedef struct gf_param_groups {
    gf_param_group *group;
    size_t n_groups;
    gf_param_range *range; /* in the block's order, as few as possible */
    size_t n_ranges;
    gf_param_range *tensor; /* the same floats, each parameter by itself */
    size_t n_tensors;
    size_t values; /* floats that train */
} gf_param_groups;

/* Checks words without a model: E3310 says what may be written. NULL and "all" are no words: one group. */
graft_status gf_param_groups_check(const char *words, graft_error *err);
/* What may be written, a line each. */
void gf_param_groups_words(gf_text *text);

/* The groups at the model's present boundary; sets which of its parameters are frozen above it (gf_model_freeze). E3310
 * also where a pattern fits no layer, and where nothing would train. */
graft_status gf_param_groups_create(gf_param_groups *out, gf_model *m, const char *words, graft_error *err);
void gf_param_groups_free(gf_param_groups *g);

/* The block that each layer of the backbone belongs to, from 0 at the image on; block[n_layers], -1 for the head.
 * Returns how many blocks there are. A block is what the layers' names say (block_3_expand, conv2_block1_1_conv,
 * layer1.0.conv1); where they say nothing, 12 parameters that can train. */
int gf_param_blocks(const gf_model *m, int *block);

#endif
