/* found.h - what a weight file turned out to hold, and the verdict whether it is what the architecture wants. */
#ifndef GF_FORMATS_FOUND_H
#define GF_FORMATS_FOUND_H

#include "base/error.h"
#include "formats/weights.h"

#include <stdint.h>

enum {
    GF_FOUND_OTHER = -1,     /* of no wanted layer: left out */
    GF_FOUND_UNEXPECTED = -2 /* of a wanted layer, but a tensor that the architecture does not give it: refused */
};

typedef struct gf_found_tensor {
    char *path;       /* the name in the file */
    char *layer_name; /* Keras 3: the layer's own name, said by an attribute of its group; else NULL */
    gf_shape shape;
    gf_dtype dtype;                 /* GF_DTYPES: none that can be read as floats */
    int32_t want;                   /* the index of the wanted tensor it is, or GF_FOUND_... */
    uint64_t address;               /* HDF5: the object's place in the file */
    int32_t layer_place, var_place; /* HDF5: by the lists that say the layers' order; -1: in none */
    bool transposed;                /* its layout is PyTorch's: see torch_view.h */
} gf_found_tensor;

typedef struct gf_found {
    gf_found_tensor *item;
    size_t n, cap;
    char *taken, *why; /* owned; which of the file's weights, where it left a choice; NULL: it left none */
} gf_found;

/* Copies path and layer_name (may be NULL); want is GF_FOUND_OTHER. The new item stays valid until the next add. */
graft_status gf_found_add(gf_found *found, const char *path, const char *layer_name, gf_found_tensor **item,
                          graft_error *err);
void gf_found_free(gf_found *found);

/* OK if each of the n wanted tensors is there exactly once, in its shape, of a type that can be read; else the error
 * that lists what is wrong. `which` (n places, may be NULL) gets the index of each wanted tensor in `found`, or -1. */
graft_status gf_found_judge(const char *path, const gf_found *found, const gf_weight *want, size_t n, int32_t *which,
                            graft_error *err);

#endif
