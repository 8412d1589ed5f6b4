/* keras_layers.h - the allow-list of Keras's layer classes: how the arguments of each are read and written.
 * One row a class; a new class is a row in keras_layers.c, with a function that reads and one that writes. */
#ifndef GF_EXCHANGE_KERAS_LAYERS_H
#define GF_EXCHANGE_KERAS_LAYERS_H

#include "graph/model.h"
#include "json/json.h"

/* A layer while its arguments are read. After a failure every call does nothing; the failure is in `status`. */
typedef struct gf_keras_reader {
    const char *file, *cls; /* for messages: the file's name, the class as the file has it */
    const gf_json *config;
    const gf_shape *src; /* of its first source; NULL: none */
    double constant;     /* the other operand of an operation on one tensor, such as x + 3 */
    bool has_constant, constant_first;
    bool old;       /* written by Keras 2: a few names meant something else there */
    gf_layer *l;    /* what comes out: name and sources are set, reading sets class and attributes */
    gf_layer after; /* a second layer behind it, where cls is set: a softmax that Keras has inside the layer */
    graft_error *err;
    graft_status status;
} gf_keras_reader;

typedef struct gf_keras_class {
    const char *name;                                  /* as Keras writes it */
    const gf_layer_class *cls;                         /* graft's; `read` may choose another */
    void (*read)(gf_keras_reader *r);                  /* may be NULL */
    void (*write)(const gf_layer *l, gf_json *config); /* may be NULL: no arguments */
    enum { GF_KERAS_LAYER, GF_KERAS_OPERATION } kind;  /* operations: keras.ops on tensors, and tf functions */
} gf_keras_class;

/* NULL: not on the list. An operation of TensorFlow ("nn.relu6") is looked up by `function`. */
const gf_keras_class *gf_keras_class_find(const char *name);
const gf_keras_class *gf_keras_class_of_function(const char *function);
/* The row that writes this layer; NULL: Keras has no such. */
const gf_keras_class *gf_keras_class_for(const gf_layer *l);

/* Reads the layer's arguments with its row. */
graft_status gf_keras_layer_read(gf_keras_reader *r, const gf_keras_class *row);

/* Fails the reader: E2601, "FILE: layer NAME (CLASS): KEY is VALUE, wanted ...". */
void gf_keras_refuse(gf_keras_reader *r, const char *key, const char *wanted);
/* An integer argument in lowest .. highest; absent or null: the fallback. */
int gf_keras_int(gf_keras_reader *r, const char *key, int lowest, int highest, int fallback);
/* The elements of a list or tuple, as either Keras writes it; NULL: it is none. */
const gf_json *gf_keras_list(const gf_json *j);
/* The number that reads back as the same float, with as few digits as that takes. */
gf_json *gf_keras_real(float x);

/* Activations by Keras's name, with the argument that the name stands for. */
typedef struct gf_keras_act {
    const char *name;
    gf_act act;
    float alpha;
    bool ours; /* Keras has no such name: for graft's own files */
} gf_keras_act;
const gf_keras_act *gf_keras_act_find(const char *name); /* NULL: not known */
const gf_keras_act *gf_keras_act_of(gf_act act);

#endif
