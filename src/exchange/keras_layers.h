/* keras_layers.h - the allow-list of Keras's layer classes: how the arguments of each are read and written.
 * One row per class; a new class is a row in keras_layers.c, with a table of its arguments (keras_fields.h) and, for
 * what does not fit into one, a function that reads and one that writes. */
#ifndef GF_EXCHANGE_KERAS_LAYERS_H
#define GF_EXCHANGE_KERAS_LAYERS_H

#include "exchange/keras_fields.h"

typedef struct gf_keras_class {
    const char *name;                                  /* as Keras writes it */
    const gf_layer_class *cls;                         /* graft's; `read` may choose another */
    const gf_keras_field *fields;                      /* read before `read`, written before `write`; may be NULL */
    void (*read)(gf_keras_reader *r);                  /* may be NULL */
    void (*write)(const gf_layer *l, gf_json *config); /* may be NULL: no arguments */
    enum {
        GF_KERAS_LAYER,
        GF_KERAS_OPERATION,
        GF_KERAS_POSITIONS
    } kind;        /* operations: keras.ops on tensors, and tf
                    functions; places: those that make numbers */
    bool sequence; /* a layer of sequences (steps, c) */
} gf_keras_class;

/* NULL: not on the list. An operation of TensorFlow ("nn.relu6") is looked up by `function`. */
const gf_keras_class *gf_keras_class_find(const char *name);
const gf_keras_class *gf_keras_class_of_function(const char *function);
/* The row that writes this layer; NULL: Keras has no such. */
const gf_keras_class *gf_keras_class_for(const gf_layer *l);

/* Reads the layer's arguments with its row. */
graft_status gf_keras_layer_read(gf_keras_reader *r, const gf_keras_class *row);

/* Activations by Keras's name, with the argument that the name stands for. */
typedef struct gf_keras_act {
    const char *name;
    gf_act act;
    float alpha;
    bool ours; /* Keras has no such name: for graft's own files */
} gf_keras_act;
const gf_keras_act *gf_keras_act_find(const char *name); /* NULL: not known */
const gf_keras_act *gf_keras_act_of(gf_act act);

/* The others, which are layers of graft's. */
typedef struct gf_keras_layer_act {
    const char *name;
    const gf_layer_class *cls;
    bool log;
} gf_keras_layer_act;
const gf_keras_layer_act *gf_keras_layer_act_find(const char *name); /* NULL: not known */
const gf_keras_layer_act *gf_keras_layer_act_of(const gf_layer *l);  /* NULL: no such layer */

#endif
