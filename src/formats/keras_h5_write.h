/* keras_h5_write.h - a model's weights as the `.weights.h5` that Keras 3 loads.
 *
 *   /vars                        attribute `name`: the model's name
 *   /layers/KEY/vars/0, 1 ...    one group a layer, attribute `name` of `vars`: the layer's name
 *   /layers/KEY/layers/KEY/...   the layers of a model that is a layer of another
 *   /layers/KEY/ATTR/vars/0 ...  a layer that another keeps in an attribute (the projections of an attention)
 * KEY is the class in snake case and, from the second layer of a class on, its number: conv2d, conv2d_1. */
#ifndef GF_FORMATS_KERAS_H5_WRITE_H
#define GF_FORMATS_KERAS_H5_WRITE_H

#include "base/error.h"
#include "formats/cage.h"
#include "tensor/tensor.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gf_keras_var {
    gf_shape shape;
    const void *data; /* gf_count(&shape) values; borrowed */
    gf_dtype dtype;   /* GF_F32 or GF_S64 (the count of a Normalization) */
} gf_keras_var;

/* A layer, or a model: that is a layer with inner ones. All borrowed. */
typedef struct gf_keras_layer {
    const char *name;       /* its own: "Conv1" */
    const char *class_name; /* Keras's: "DepthwiseConv2D", "Functional" */
    const char *attr;       /* the attribute in which the outer layer keeps it ("query_dense"); NULL: in its `layers` */
    const gf_keras_var *var; /* in the order of Keras's layer.weights: vars/0 is the first */
    size_t n_vars;
    const struct gf_keras_layer *inner; /* those with attr NULL in the order of Keras's model.layers */
    size_t n_inner;
} gf_keras_layer;

/* The whole file in memory (gf_free). The HDF5 library runs in a cage, so that its state is no thread's here, and any
 * thread may call. Equal models give equal bytes. */
graft_status gf_keras_h5_bytes(const gf_keras_layer *model, uint8_t **bytes, size_t *n, graft_error *err);
/* The same as a file, whole or not at all. */
graft_status gf_keras_h5_write(const char *path, const gf_keras_layer *model, graft_error *err);

/* What the child does: puts the file, or an E record of cage_reply.h. */
void gf_keras_h5_put(const gf_keras_layer *model, gf_sink *sink);

/* "DepthwiseConv2D" -> "depthwise_conv2d", "PReLU" -> "p_re_lu", as Keras does it, cut at the buffer's end. */
void gf_keras_snake_case(const char *class_name, char *buf, size_t size);

#endif
