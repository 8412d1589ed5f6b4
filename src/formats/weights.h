/* weights.h - pretrained weights in: whatever file the user has, into the tensors that the architecture expects.
 *
 * The architecture says what it wants: layer, variable, shape. The file is opened by what it begins with, not by its
 * name: Keras HDF5 (`*_no_top.h5`, save_weights, Keras 3 `.weights.h5`, whole saved models with the base nested in
 * them), Keras's zip (`.keras`), PyTorch's state dicts (`.pth`, both forms), NumPy's `.npz` with names LAYER/VAR, or
 * safetensors with those or with PyTorch's names. PyTorch's layouts are turned. Every wanted tensor must be there in
 * its shape, or the file is refused in full; what the file holds besides (an old head, an optimizer) is listed and left
 * out. */
#ifndef GF_FORMATS_WEIGHTS_H
#define GF_FORMATS_WEIGHTS_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/io.h"
#include "tensor/tensor.h"

#include <stdbool.h>
#include <stddef.h>

/* One wanted tensor. Kernels are HWIO (depthwise: kh, kw, C, 1), dense kernels (in, out), batch norm's gamma, beta,
 * moving_mean and moving_variance (C). The order of the list matters for Keras 3 files older than 3.5, which number
 * layers by class ("conv2d_7") and say no names: list the layers in Keras's order (model.layers). */
typedef struct gf_weight {
    const char *layer, *var; /* "Conv1", "kernel"; borrowed */
    gf_shape shape;
    float *data;          /* the caller's, gf_count(&shape) values */
    bool found;           /* set by gf_weights_read: the file has it (whatever its shape) */
    const char *alias[3]; /* PyTorch: other names that files have for the layer; NULL: none; borrowed */
    gf_shape flat;   /* PyTorch: a dense kernel behind a flattened map of (height, width, channels), whose rows such
                        files have in the order of (channels, height, width); rank 0: not so */
    const char *key; /* Keras 3: where the file keeps the layer (keras_names.h); NULL: not known; borrowed */
} gf_weight;

typedef struct gf_weights_options {
    size_t max_bytes;     /* the largest file; 0: 4 GiB */
    double seconds;       /* how long a caged reader may take; 0: 20 s and a second for each 64 MiB */
    bool allow_nonfinite; /* NaN and infinity pass; else they are refused by tensor and count */
} gf_weights_options;

typedef struct gf_weights_notes {
    const char *format; /* "Keras HDF5", "Keras zip", "PyTorch", "safetensors", "NumPy zip"; static */
    gf_names left_out;  /* "head/kernel (1280, 2)": in the file, not wanted, not read; in file order */
    char *taken, *why;  /* owned; which of the file's weights, where it left a choice; NULL: it left none */
    size_t nonfinite;   /* values let through by allow_nonfinite */
    bool unchecked;     /* a zip archive without checksums: damage would not have been seen */
    bool uncaged;       /* the kernel refused the cage's system call filter; only its limits held */
} gf_weights_notes;
void gf_weights_notes_free(gf_weights_notes *notes);

/* The formats for help, a line each: ".npz - NumPy zip". */
void gf_weights_words(gf_text *text);

/* Fills want[i].data for all i, or fails: then no data of `want` has been touched. `options` and `notes` may be NULL;
 * notes must be zeroed or freed before, and are freed with gf_weights_notes_free after success and failure alike.
 * E2001 / E2002 list what is missing and misshaped. Any thread; forks a child for HDF5. */
graft_status gf_weights_read(const char *path, gf_weight *want, size_t n, const gf_weights_options *options,
                             gf_weights_notes *notes, graft_error *err);

#endif
