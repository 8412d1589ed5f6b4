/* safetensors.h - the format of Hugging Face's safetensors: 8 bytes of header length, a JSON header (name -> dtype,
 * shape, data_offsets, and "__metadata__" text by text), then the data without a gap. Little-endian.
 *
 * Files that graft writes carry metadata "graft.sha256": the digest of all other metadata, every tensor's name, dtype
 * and shape, and the data. Where a file has it, opening it checks it. */
#ifndef GF_FORMATS_SAFETENSORS_H
#define GF_FORMATS_SAFETENSORS_H

#include "base/error.h"
#include "tensor/tensor.h"
#include "json/json.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gf_safetensors_limits {
    size_t max_file;    /* bytes; 0: 64 GiB */
    size_t max_header;  /* bytes; 0: 16 MiB */
    size_t max_tensors; /* 0: 100,000 */
} gf_safetensors_limits;

typedef struct gf_safetensors_tensor {
    const char *name;       /* borrowed from the file's header */
    gf_dtype dtype;         /* GF_DTYPES: a type of the format that graft does not compute with; dtype_name tells */
    const char *dtype_name; /* the format's own: "F32" */
    gf_shape shape;
    size_t offset, bytes; /* in the data */
} gf_safetensors_tensor;

typedef struct gf_safetensors {
    gf_safetensors_tensor *tensor; /* sorted by name */
    size_t n;
    gf_json *header;     /* the whole parsed header, what the names point into */
    const uint8_t *data; /* the data part */
    size_t data_bytes;
    uint8_t *file; /* the whole file where gf_safetensors_open read it, else NULL */
    char *path;    /* what messages call it */
} gf_safetensors;

/* Reads the file whole (it is not mapped: a file cut short meanwhile must not kill the process) and parses it. */
graft_status gf_safetensors_open(gf_safetensors *out, const char *path, const gf_safetensors_limits *limits,
                                 graft_error *err);
/* The same on bytes, which stay the caller's and must outlive *out. `name` stands in messages. `limits` may be NULL.
 * On failure *out is zeroed. */
graft_status gf_safetensors_parse(gf_safetensors *out, const uint8_t *bytes, size_t n, const char *name,
                                  const gf_safetensors_limits *limits, graft_error *err);
void gf_safetensors_close(gf_safetensors *st); /* takes NULL and a zeroed one */

/* NULL: the file has none. */
const gf_safetensors_tensor *gf_safetensors_find(const gf_safetensors *st, const char *name);
const char *gf_safetensors_meta(const gf_safetensors *st, const char *key);
/* A tensor's bytes as they are in the file; aligned only as the file aligns them. */
const void *gf_safetensors_bytes(const gf_safetensors *st, const gf_safetensors_tensor *t);

/* Converts F32, F16, BF16 or F64 into floats. `shape` (may be NULL: any) is what the caller expects; out has room for
 * gf_count(&t->shape) floats. NaN and infinities pass: the caller decides with gf_count_nonfinite. */
graft_status gf_safetensors_f32(const gf_safetensors *st, const gf_safetensors_tensor *t, const gf_shape *shape,
                                float *out, graft_error *err);

typedef struct gf_meta {
    const char *key, *value; /* UTF-8 */
} gf_meta;

/* Writes n tensors (name, dtype, shape, data; in any order) and the metadata, by gf_file_write: whole or not at all.
 * Equal contents give equal bytes: tensors stand by element size (large first, so that all are aligned), then by name;
 * data begins at a multiple of 64. Duplicate names, "__metadata__" and "graft.sha256" as names or keys are E3001. */
graft_status gf_safetensors_write(const char *path, const gf_tensor *tensor, size_t n, const gf_meta *meta,
                                  size_t n_meta, graft_error *err);
/* The same bytes in memory: *out is gf_free's. */
graft_status gf_safetensors_make(uint8_t **out, size_t *n_out, const gf_tensor *tensor, size_t n, const gf_meta *meta,
                                 size_t n_meta, graft_error *err);

#endif
