/* zoo.h - the architectures: each writes its layers into a model.
 *
 * A layer's name is the one it has in the source of its weights: Keras's, or the path of PyTorch's module. Where two
 * sources differ in more than names (padding, preprocessing), they are two architectures. */
#ifndef GF_ZOO_H
#define GF_ZOO_H

#include "graph/head.h"
#include "zoo/builder.h"

enum { GF_IMAGENET_CLASSES = 1000 }; /* of the classifiers that the architectures were published with */

typedef struct gf_zoo_options {
    int width, height;
    double alpha;           /* width multiplier, where the architecture has one; 0: 1 */
    int classes;            /* of the new head; 2 share one logit; 0: no head, the pooled features are the output */
    float dropout;          /* before the head */
    gf_head_spec head;      /* hidden layer, ...; zeroed: linear */
    int top;                /* with the architecture's own classifier for so many classes; 0: without */
    const char *preprocess; /* instead of the weights' own; NULL: that */
} gf_zoo_options;

/* How images of 0..255 become what the weights were trained on. */
typedef struct gf_preprocess {
    const char *name;
    float scale[3], offset[3]; /* red, green, blue: scale x + offset; with bgr: blue, green, red */
    bool bgr;
    const char *what; /* for people: "[-1, 1]" */
} gf_preprocess;

const gf_preprocess *gf_preprocess_find(const char *name); /* NULL: no such */
/* A name, or "mean=R,G,B,std=R,G,B" (or one number for all three) of values from 0 to 1: (x / 255 - mean) / std, as
 * torchvision's ToTensor and Normalize. E3002. `name` and `what` are then the text, borrowed. */
graft_status gf_preprocess_parse(gf_preprocess *p, const char *text, graft_error *err);
const gf_preprocess *gf_preprocess_at(size_t i); /* NULL behind the last */

typedef struct gf_architecture {
    const char *name, *title;
    const char *source;        /* of its names and weights: "keras" or "torch" */
    const char *preprocess;    /* of those weights; "none" where the model's own layers do it */
    const char *when;          /* to choose it */
    int least_size, size;      /* of an image's sides: the smallest, and what it was trained on */
    int fine_tune_at;          /* where fine-tuning begins unless told otherwise: some two thirds up */
    size_t params, params_top; /* as published: without and with its classifier for 1000 classes; Keras counts running
                                  statistics, PyTorch does not */
    bool has_alpha;
    /* Adds the backbone's layers behind the input layer, which is there; Keras's include_top=False. */
    void (*build)(gf_builder *b, const gf_zoo_options *o);
    /* Adds its own classifier behind it; the last layer is a Dense (or 1x1 convolution and Flatten) of `classes`
     * outputs, without softmax. */
    void (*top)(gf_builder *b, int classes);
    /* Other names that a layer has in files of weights, such as timm's: the k-th into buf; false: there are no more.
     * May be NULL. */
    bool (*alias)(const char *layer, int k, char buf[GF_NAME_MAX]);
} gf_architecture;

#define GF_ARCHITECTURE(x) extern const gf_architecture gf_architecture_##x;
#include "zoo/architectures.def"
#undef GF_ARCHITECTURE

const gf_architecture *gf_zoo_find(const char *name); /* NULL: no such */
const gf_architecture *gf_zoo_at(size_t i);           /* NULL behind the last */

/* Backbone and head; parameters allocated, not yet set. Refused: unknown name (E3101), sizes out of range. */
graft_status gf_zoo_build(gf_model *m, const char *name, const gf_zoo_options *options, graft_error *err);
/* The layers alone: no parameters are allocated (gf_model_finish does it). */
graft_status gf_zoo_layers(gf_model *m, const char *name, const gf_zoo_options *options, graft_error *err);

#endif
