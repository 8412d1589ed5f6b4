/* wanted_names.h - which wanted tensor each name of a file is; one place for all formats whose tensors have plain
 * names.
 *
 * A tensor goes by LAYER/VAR, as graft and NumPy's files have it, or by PyTorch's LAYER.weight, LAYER.running_mean ...,
 * or an older LAYER.gamma, LAYER.beta. LAYER is the layer's name, one of its aliases (the zoo's: timm's names, Hugging
 * Face's, numbers of a Sequential), or either without the part before its first dot, where the file has the network's
 * inside alone ("features.").
 *
 * Before all that may stand anything up to a dot or a slash: `module.`, `resnet.`, `state_dict.model.`, `base/`. Of all
 * beginnings in the file the one counts behind which most is found in its shape; where several have all, the one that
 * is no running average, no teacher and no optimizer's, then the shortest, then the first: found->taken says which,
 * found->why what else there was. What one other beginning has in full and the first lacks, a head, comes from there.
 */
#ifndef GF_FORMATS_WANTED_NAMES_H
#define GF_FORMATS_WANTED_NAMES_H

#include "formats/found.h"

/* What PyTorch calls a variable of a layer: "weight" for "kernel", "query.weight" for "query/kernel"; else as we do. */
const char *gf_torch_var(const char *var);

/* Sets `want` and `turned` of every item of `found` by its path, shape and type, found->taken and found->why. What is
 * of a wanted layer but no tensor of it is GF_FOUND_UNEXPECTED; num_batches_tracked is left out. */
graft_status gf_wanted_match(gf_found *found, const gf_weight *want, size_t n, graft_error *err);

/* The shape that a found tensor has as graft keeps it for `want`: turned where item->turned says so. */
gf_shape gf_wanted_shape(const gf_found_tensor *item, const gf_weight *want);

#endif
