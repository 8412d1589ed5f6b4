/* torch_names.h - which wanted tensor a PyTorch parameter is, by its name: LAYER.weight, LAYER.running_mean ...
 *
 * LAYER is the layer's name or one of its aliases, behind a prefix that wrappers put before all names of a model:
 * `module.` (DataParallel), `_orig_mod.` (compile), `model.`, `backbone.`, `encoder.`, stacked in any way. Of all
 * prefixes in the file the one counts behind which most is found; what stands behind others is left out. */
#ifndef GF_FORMATS_TORCH_NAMES_H
#define GF_FORMATS_TORCH_NAMES_H

#include "formats/caged_weights.h"
#include "formats/found.h"

/* What PyTorch calls a variable of a layer: "weight" for "kernel", "query.weight" for "query/kernel"; else as we do. */
const char *gf_torch_var(const char *var);

/* Sets `want` of every item of `found`, by its path. num_batches_tracked is left out. */
graft_status gf_torch_match(gf_found *found, const gf_weight *want, size_t n, graft_error *err);

/* What a caged reader does with a whole file's bytes (gf_caged_weights). */
void gf_torch_reply(const gf_caged_file *file, const gf_weight *want, size_t n, gf_sink *sink);

#endif
