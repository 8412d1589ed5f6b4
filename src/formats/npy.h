/* npy.h - NumPy's .npy: written (format 1.0, float32, C order) row by row, and read. */
#ifndef GF_FORMATS_NPY_H
#define GF_FORMATS_NPY_H

#include "base/error.h"
#include "tensor/tensor.h"

#include <stddef.h>

/* ---- out ---- */

enum { GF_NPY_HEADER = 192 }; /* a multiple of 64, as NumPy pads it; room for 6 dimensions of 19 digits */

/* The header of a float32 array in C order. */
void gf_npy_header(const gf_shape *shape, char out[GF_NPY_HEADER]);

typedef struct gf_npy gf_npy;

/* Begins PATH.tmp. Each row has the shape `row` (rank 0 to 5); the array's shape is (rows, row...). */
graft_status gf_npy_create(gf_npy **out, const char *path, const gf_shape *row, graft_error *err);
/* Appends `rows` rows. After a failure only gf_npy_abort is left. */
graft_status gf_npy_add(gf_npy *npy, const float *data, size_t rows, graft_error *err);
/* Completes the header, syncs, renames to PATH; frees npy in any case. On failure PATH is what it was. */
graft_status gf_npy_finish(gf_npy *npy, graft_error *err);
/* Takes away PATH.tmp; frees npy (takes NULL). */
void gf_npy_abort(gf_npy *npy);

/* ---- in ---- */

typedef struct gf_npy_array {
    gf_shape shape;
    gf_dtype dtype; /* GF_DTYPES: of no little-endian floats; then `offset` tells nothing about what follows */
    bool fortran;   /* the first index runs fastest */
    size_t offset;  /* where the values begin */
} gf_npy_array;

/* Reads the header of a whole .npy (formats 1 to 3) and checks that the values are there to the byte, where they are
 * floats. E2504 names `file` and the array `name`. Nothing is unpickled. */
graft_status gf_npy_parse(const uint8_t *bytes, size_t n, const char *file, const char *name, gf_npy_array *out,
                          graft_error *err);
/* The values in C order; array->dtype is one of floats, `out` has room for gf_count(&array->shape). */
void gf_npy_values(const uint8_t *bytes, const gf_npy_array *array, float *out);

#endif
