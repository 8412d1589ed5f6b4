/* torch_child.h - the caged reader of PyTorch's files. */
#ifndef GF_FORMATS_TORCH_CHILD_H
#define GF_FORMATS_TORCH_CHILD_H

#include "formats/caged_weights.h"

/* What a caged reader does with a whole file's bytes (gf_caged_weights). */
void gf_torch_reply(const gf_caged_file *file, const gf_weight *want, size_t n, gf_sink *sink);

#endif
