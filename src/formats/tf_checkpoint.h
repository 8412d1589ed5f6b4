/* tf_checkpoint.h - TensorFlow checkpoints as people name them: the prefix of the files, the index, a folder. */
#ifndef GF_FORMATS_TF_CHECKPOINT_H
#define GF_FORMATS_TF_CHECKPOINT_H

#include "base/io.h"
#include "formats/tf_bundle.h"

/* The index that `path` stands for (gf_free): a prefix (P where P.index is a file), a folder with
 * variables/variables.index (a SavedModel), with a file `checkpoint` that names one, or with one .index alone, or a
 * file `checkpoint` itself. *file NULL: none of that. E2701 where a folder holds several, or what `checkpoint` names is
 * not there. */
graft_status gf_tf_locate(const char *path, char **file, graft_error *err);

/* Writes all tensors of a checkpoint that graft has types for into a safetensors file, under the names of their
 * variables; left_out gets the others (texts, types without floats or integers, optimizers' slots), "name (shape)";
 * *kept how many were written. */
graft_status gf_tf_to_safetensors(const char *path, const char *out, gf_names *left_out, size_t *kept,
                                  graft_error *err);

/* Whether gf_tf_to_safetensors can be asked: an index, or what stands for one. */
bool gf_tf_is(const char *path);

#endif
