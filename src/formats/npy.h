/* npy.h - NumPy's .npy (format 1.0), written row by row: float32, C order. */
#ifndef GF_FORMATS_NPY_H
#define GF_FORMATS_NPY_H

#include "base/error.h"
#include "tensor/tensor.h"

#include <stddef.h>

typedef struct gf_npy gf_npy;

/* Begins PATH.tmp. Each row has the shape `row` (rank 0 to 5); the array's shape is (rows, row...). */
graft_status gf_npy_create(gf_npy **out, const char *path, const gf_shape *row, graft_error *err);
/* Appends `rows` rows. After a failure only gf_npy_abort is left. */
graft_status gf_npy_add(gf_npy *npy, const float *data, size_t rows, graft_error *err);
/* Completes the header, syncs, renames to PATH; frees npy in any case. On failure PATH is what it was. */
graft_status gf_npy_finish(gf_npy *npy, graft_error *err);
/* Takes away PATH.tmp; frees npy (takes NULL). */
void gf_npy_abort(gf_npy *npy);

#endif
