/* head.h - the new layers on top of a backbone: pooled features, perhaps a hidden layer, dropout, logits. */
#ifndef GF_GRAPH_HEAD_H
#define GF_GRAPH_HEAD_H

#include "graph/model.h"

typedef struct gf_head_spec {
    int hidden;        /* units of a hidden layer with ReLU before the dropout; 0: none */
    bool replace_last; /* the network's own classifier stays, its last Dense layer goes: the head stands behind what
                          that layer read */
    bool keep_last;    /* the network's own last layer is the head */
    bool none;         /* the network as it is, without a head: its output is the features */
} gf_head_spec;

/* "linear", "mlp:UNITS", "replace-last[:UNITS[,DROPOUT]]", "keep", "none" -> the spec; *dropout is set where the text
 * says one. E3002 for anything else. */
graft_status gf_head_parse(const char *text, gf_head_spec *spec, double *dropout, graft_error *err);

/* Adds the head behind layer `last`, after global average pooling where that is a map; sets features, output and
 * classes (2 share one logit; 0: none, the features are the output). */
graft_status gf_head_add(gf_model *m, int last, const gf_head_spec *spec, int classes, float dropout, graft_error *err);

/* The layer that gives a model's logits: `output`, or what stands before its softmax or sigmoid. */
int gf_head_logits(const gf_model *m, int output);
/* The last layer with a kernel that `logits` comes from, through flattening alone; -1: no such. What it reads are the
 * features. */
int gf_head_last(const gf_model *m, int logits);

/* Takes a classifier that ends with layer `logits`, the model's last: its last layer with a kernel is the head.
 * `classes` are its outputs (one output: 2). E3102 where it does not end in such a layer. */
graft_status gf_head_keep(gf_model *m, int logits, graft_error *err);

/* A whole network cut and given a head, with the values it has: `to` is new and finished. `cut`: a layer's name, or a
 * number as Keras's model.layers takes it ("-2": the last but one), whose output the head stands on; NULL: before the
 * network's own last layer where it ends in a classifier, else at its output. With keep_last nothing is cut but a final
 * softmax; two logits become their difference. */
graft_status gf_head_on(gf_model *to, const gf_model *whole, const char *cut, const gf_head_spec *spec, int classes,
                        float dropout, graft_error *err);

#endif
