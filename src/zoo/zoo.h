/* zoo.h - the architectures: each builds its layers into a model. */
#ifndef GF_ZOO_H
#define GF_ZOO_H

#include "graph/model.h"

typedef struct gf_zoo_options {
    int width, height;
    double alpha;  /* width multiplier, where the architecture has one */
    int classes;   /* of the new head; 2 share one logit; 0: no head, the pooled features are the output */
    float dropout; /* before the head */
} gf_zoo_options;

typedef struct gf_architecture {
    const char *name, *title;
    int least_size; /* of a picture's sides */
    /* Adds the backbone's layers; *last gets its last layer. Preprocessing is the architecture's own: the input layer
     * rescales the picture (scale, offset), so nobody can apply it twice or forget it. */
    graft_status (*build)(gf_model *m, const gf_zoo_options *options, int input, int *last, graft_error *err);
    float scale, offset; /* picture values 0..255 -> scale x + offset */
    int fine_tune_at;    /* where fine-tuning begins unless told otherwise: some two thirds up */
} gf_architecture;

extern const gf_architecture gf_mobilenet_v2;

const gf_architecture *gf_zoo_find(const char *name); /* NULL: no such */
const gf_architecture *gf_zoo_at(size_t i);           /* NULL behind the last */

/* Backbone, global average pooling, dropout, dense head; parameters allocated, not yet set. Refused: unknown name
 * (E3101), sizes out of range. */
graft_status gf_zoo_build(gf_model *m, const char *name, const gf_zoo_options *options, graft_error *err);

#endif
