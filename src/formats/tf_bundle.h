/* tf_bundle.h - a TensorFlow checkpoint (a "variable bundle"): P.index, which names tensors, and P.data-0000i-of-0000N
 * with their bytes; written by tf.compat.v1.train.Saver, tf.train.Checkpoint and in the folder `variables` of a
 * SavedModel. */
#ifndef GF_FORMATS_TF_BUNDLE_H
#define GF_FORMATS_TF_BUNDLE_H

#include "base/error.h"
#include "tensor/tensor.h"

typedef struct gf_tf_tensor {
    char *key;      /* in the file: "bert/pooler/dense/kernel", "variables/0/.ATTRIBUTES/VARIABLE_VALUE"; owned */
    char *name;     /* what the program that wrote it called the variable; the key where it is not said; owned */
    uint32_t type;  /* TensorFlow's DataType */
    gf_dtype dtype; /* GF_DTYPES: none that graft computes with */
    gf_shape shape;
    uint32_t shard, crc;
    uint64_t offset, bytes;
    bool slot; /* an optimizer's, or the file's own book-keeping */
} gf_tf_tensor;

typedef struct gf_tf_bundle {
    gf_tf_tensor *item; /* by key */
    size_t n, cap;
    uint32_t shards;
    char *path; /* of the index; owned */
} gf_tf_bundle;

/* Parses an index. E2701, E2702, E2704 (tf_table.h); E2704 as well of partitioned variables, big-endian files and files
 * of later versions. Free with gf_tf_bundle_close, also after a failure. */
graft_status gf_tf_bundle_parse(gf_tf_bundle *out, const uint8_t *index, size_t n, const char *path, graft_error *err);
void gf_tf_bundle_close(gf_tf_bundle *b); /* takes a zeroed one */

/* The tensor's bytes, checked against its checksum (gf_free). E2703 where the shard is missing or too short, E2702 a
 * wrong checksum. */
graft_status gf_tf_bundle_read(const gf_tf_bundle *b, const gf_tf_tensor *t, uint8_t **out, graft_error *err);

/* Gives the tensors of a file that holds an object graph (of tf.train.Checkpoint) their names, and marks the slots.
 * Nothing is done where there is none. E2705 where the graph is damaged. */
graft_status gf_tf_bundle_name(gf_tf_bundle *b, graft_error *err);
/* The same by a graph's bytes. */
graft_status gf_tf_object_graph(gf_tf_bundle *b, const uint8_t *graph, size_t n, graft_error *err);

#endif
