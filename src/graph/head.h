/* head.h - the new layers on top of a backbone: pooled features, perhaps a hidden layer, dropout, logits. */
#ifndef GF_GRAPH_HEAD_H
#define GF_GRAPH_HEAD_H

#include "graph/model.h"

/* A layer of a head's list. */
typedef struct gf_head_item {
    const gf_layer_class *cls; /* dense, batch_norm, dropout or activation */
    int units;
    gf_act act;
    float alpha, rate; /* of the activation; of dropout */
} gf_head_item;
enum { GF_HEAD_MOST = 16 };

typedef struct gf_head_spec {
    int outputs; /* numbers that it gives, as its task says; 0: one per class */
    /* Layers of the task's own behind layer `last`, whatever its shape, instead of pooling, dropout and a dense layer:
     * sets m->output, and m->features where that is not `last`. NULL: those. */
    graft_status (*add)(gf_model *m, int last, int classes, float dropout, graft_error *err);
    gf_head_item item[GF_HEAD_MOST]; /* before the last dense layer */
    int n_items;
    bool own_dropout;  /* dropouts are among them: none is added before the last layer */
    bool norms;        /* batch normalization is: it measures its batches wherever the head trains, as its statistics
                          did not come with any weights */
    double l2;         /* of the kernels of its dense layers, the last among them: their squares times this are part of
                          what training makes smaller (Keras's L2); 0: none */
    bool replace_last; /* the network's own classifier stays, its last Dense layer goes: the head stands behind what
                          that layer read */
    bool keep_last;    /* the network's own last layer is the head */
    bool none;         /* the network as it is, without a head: its output is the features */
} gf_head_spec;

/* "linear", "mlp:LIST", "replace-last[:LIST]", "keep", "none" -> the spec; *dropout is set where the text says one for
 * the place before the last layer, as in "mlp:256,0.4". E3002 for anything else. */
graft_status gf_head_parse(const char *text, gf_head_spec *spec, double *dropout, graft_error *err);

/* Adds the head behind layer `last`, after global average pooling where that is a map; sets features, output and
 * classes (0: none, the features are the output). */
graft_status gf_head_add(gf_model *m, int last, const gf_head_spec *spec, int classes, float dropout, graft_error *err);

/* Adds a layer of the head that reads layer *at, and behind it the further sources that it has; its name is `stem`,
 * numbered where there is one of that name. */
graft_status gf_head_put(gf_model *m, gf_layer l, const char *stem, int *at, graft_error *err);

/* How a network ends, as far as its layers tell. */
typedef struct gf_ending {
    int logits;     /* the layer that gives them: the output, or what stands before a final softmax or sigmoid */
    gf_end end;     /* what stands behind them */
    bool own;       /* what does it is the logits' layer itself: a dense layer's own sigmoid */
    bool other;     /* the output is another function of something (tanh, ReLU): no classifier that graft knows */
    int classifier; /* the layer with a kernel that gives one output a class: dense, or a convolution, also behind
                       pooling, flattening and activations; -1: none is known */
} gf_ending;
gf_ending gf_head_ending(const gf_model *m, int output);

/* Its `logits`. */
int gf_head_logits(const gf_model *m, int output);
/* The classifier that `logits` come from; -1: none. What it reads are the features. */
int gf_head_last(const gf_model *m, int logits);

/* Takes a classifier that ends with layer `logits`, the model's last: its last layer with a kernel is the head.
 * `classes` are its outputs (one output: 2). E3102 where it does not end in such a layer. */
graft_status gf_head_keep(gf_model *m, int logits, graft_error *err);

/* A kept classifier as it trains, in place, with so many outputs as its task has: where that is one and the classifier
 * has two logits, their difference stands behind them. Its end is a softmax. */
graft_status gf_head_for_training(gf_model *m, size_t outputs, graft_error *err);

/* Where gf_head_on puts a new head without a cut: the layer, and the classifier that it takes the place of (-1: none,
 * the head stands on the output). E3002: the network ends in probabilities, but which layers are its classifier is not
 * clear. */
graft_status gf_head_position(const gf_model *m, int *at, int *replaced, graft_error *err);

/* A whole network cut and given a head, with the values it has: `to` is new and finished. `cut`: a layer's name, or a
 * number as Keras's model.layers takes it ("-2": the last but one), whose output the head stands on; NULL: before the
 * network's own last layer where it ends in a classifier, else at its output. With keep_last nothing is cut but a final
 * softmax or sigmoid, which `to->end` then says; two logits of one softmax become their difference. */
graft_status gf_head_on(gf_model *to, const gf_model *whole, const char *cut, const gf_head_spec *spec, int classes,
                        float dropout, graft_error *err);

#endif
