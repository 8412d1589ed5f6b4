/* npz.h - NumPy's .npz: a zip of arrays, each a .npy of its own. Names are LAYER/VAR. */
#ifndef GF_FORMATS_NPZ_H
#define GF_FORMATS_NPZ_H

#include "formats/caged_weights.h"
#include "formats/zip.h"
#include "tensor/tensor.h"

/* Writes n f32 tensors as "NAME.npy", in the order given, whole or not at all. Equal contents give equal bytes. */
graft_status gf_npz_write(const char *path, const gf_tensor *tensor, size_t n, graft_error *err);

/* Does an archive hold arrays, and nothing else? */
bool gf_npz_is(const gf_zip *zip);

/* What a caged reader does with the whole archive's bytes (cage_reply.h). Arrays of Python objects are never
 * unpickled: they are listed as of no type that can be read. */
void gf_npz_reply(const gf_caged_file *file, const gf_weight *want, size_t n, gf_sink *sink);

#endif
