/* onnx.h - ONNX files and what is in them: nodes, tensors, inputs, outputs, all by name. What a node means is not this
 * file's business (exchange/onnx.h).
 *
 * A gf_onnx is plain data. Its texts, arrays and tensors are borrowed from blocks that gf_onnx_free frees together.
 * Texts are never NULL; where a file says nothing they are "". */
#ifndef GF_FORMATS_ONNX_H
#define GF_FORMATS_ONNX_H

#include "base/error.h"
#include "formats/cage.h"
#include "tensor/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element types by the schema's numbers. */
enum {
    GF_ONNX_FLOAT = 1,
    GF_ONNX_UINT8 = 2,
    GF_ONNX_INT8 = 3,
    GF_ONNX_INT32 = 6,
    GF_ONNX_INT64 = 7,
    GF_ONNX_BOOL = 9,
    GF_ONNX_FLOAT16 = 10,
    GF_ONNX_DOUBLE = 11,
    GF_ONNX_BFLOAT16 = 16
};

typedef struct gf_onnx_tensor {
    const char *name;
    int32_t type;     /* the schema's number */
    gf_dtype dtype;   /* GF_DTYPES: a type that graft does not compute with */
    gf_shape shape;   /* rank 0: a single number */
    const void *data; /* little-endian, not aligned; NULL while it lies in another file */
    size_t bytes;
    const char *location;    /* that file's name; "": none */
    uint64_t offset, length; /* in it; length 0: not said */
} gf_onnx_tensor;

/* Attribute types by the schema's numbers. */
enum {
    GF_ONNX_ATTR_FLOAT = 1,
    GF_ONNX_ATTR_INT = 2,
    GF_ONNX_ATTR_STRING = 3,
    GF_ONNX_ATTR_TENSOR = 4,
    GF_ONNX_ATTR_GRAPH = 5, /* told, not read */
    GF_ONNX_ATTR_FLOATS = 6,
    GF_ONNX_ATTR_INTS = 7
};

typedef struct gf_onnx_attr {
    const char *name;
    int32_t type;
    float f;
    int64_t i;
    const char *s;
    gf_onnx_tensor *t; /* NULL: none */
    float *floats;
    size_t n_floats;
    int64_t *ints;
    size_t n_ints;
} gf_onnx_attr;

typedef struct gf_onnx_node {
    const char *name, *op, *domain; /* domain "": ONNX's own operators */
    const char **input, **output;   /* "": left out */
    size_t n_inputs, n_outputs;
    gf_onnx_attr *attr;
    size_t n_attrs;
} gf_onnx_node;

/* An input or output of the graph. */
typedef struct gf_onnx_value {
    const char *name;
    int32_t type;
    bool has_shape;
    gf_shape shape;    /* -1: any, such as a batch's size */
    const char *batch; /* what the first dimension is called; "": it is not */
} gf_onnx_value;

typedef struct gf_onnx_meta {
    const char *key, *value;
} gf_onnx_meta;

typedef struct gf_onnx {
    int64_t ir_version, opset; /* opset of ONNX's own operators; 0: none named */
    const char *producer, *producer_version, *graph;
    gf_onnx_node *node;
    gf_onnx_tensor *tensor;
    gf_onnx_value *input, *output;
    gf_onnx_meta *meta;
    size_t n_nodes, n_tensors, n_inputs, n_outputs, n_meta;
    void **block; /* all that is borrowed above */
    size_t n_blocks, blocks_cap;
} gf_onnx;

typedef struct gf_onnx_limits {
    size_t max_file;  /* bytes, of the model and of all files beside it together; 0: 4 GiB */
    size_t max_nodes; /* 0: 100,000; tensors too */
    double seconds;   /* a caged reader's; 0: 20 s and a second for each 64 MiB */
} gf_onnx_limits;

/* Reads a model in a cage (cage.h), and tensors that lie in files beside it: these by plain names alone, which are
 * regular files in the model's own folder. `limits` and `uncaged` may be NULL. On failure *out is zeroed. */
graft_status gf_onnx_open(gf_onnx *out, const char *path, const gf_onnx_limits *limits, bool *uncaged,
                          graft_error *err);
void gf_onnx_free(gf_onnx *o); /* takes a zeroed one */

/* What the cage runs: bytes to model, pure, without the files beside it. The bytes need not outlive *out. */
graft_status gf_onnx_parse(gf_onnx *out, const uint8_t *bytes, size_t n, const char *name, const gf_onnx_limits *limits,
                           graft_error *err);
/* Fills in the tensors that lie in other files in `folder`. */
graft_status gf_onnx_load_external(gf_onnx *o, const char *folder, const char *name, const gf_onnx_limits *limits,
                                   graft_error *err);

/* Writes the model (tensors with data only), whole or not at all; equal models give equal bytes. */
graft_status gf_onnx_write(const gf_onnx *o, const char *path, graft_error *err);
/* The same into memory; *bytes is the caller's (gf_free). */
graft_status gf_onnx_pack(const gf_onnx *o, uint8_t **bytes, size_t *n, graft_error *err);

/* Zeroed memory, and a copy of a text, that live as long as the model; NULL where memory ran out. */
void *gf_onnx_alloc(gf_onnx *o, size_t n, size_t size);
const char *gf_onnx_text(gf_onnx *o, const char *s);

/* By name; NULL: none. */
const gf_onnx_tensor *gf_onnx_find(const gf_onnx *o, const char *name);
const gf_onnx_attr *gf_onnx_attribute(const gf_onnx_node *n, const char *name);
const char *gf_onnx_metadata(const gf_onnx *o, const char *key);

/* Its values as floats or integers, as many as gf_count(&t->shape); false: it has none, or of another type. */
bool gf_onnx_floats(const gf_onnx_tensor *t, float *out);
bool gf_onnx_ints(const gf_onnx_tensor *t, int64_t *out);

/* ---- between onnx*.c, tests and fuzz targets ---- */

/* Bytes an element of the type takes; 0: a type without fixed size. */
size_t gf_onnx_type_size(int32_t type);
/* Sets dtype; E2550 unless shape, type and bytes of the tensor fit together. */
graft_status gf_onnx_check_tensor(gf_onnx_tensor *t, const char *name, graft_error *err);

/* The cage's answer: the model, or why not. */
void gf_onnx_reply(const gf_onnx *o, gf_sink *sink);
void gf_onnx_reply_error(const graft_error *err, gf_sink *sink);
/* Reads it, believing nothing. *out borrows the bytes. E2108: they make no sense. */
graft_status gf_onnx_reply_parse(gf_onnx *out, const uint8_t *bytes, size_t n, const char *name, graft_error *err);

#endif
