/* safetensors_weights.h - tensors of safetensors files as wanted ones: of one file, or of several. */
#ifndef GF_FORMATS_SAFETENSORS_WEIGHTS_H
#define GF_FORMATS_SAFETENSORS_WEIGHTS_H

#include "formats/safetensors.h"
#include "formats/weight_format.h"

/* Adds a tensor to what was found. */
graft_status gf_safetensors_list(gf_found *found, const gf_safetensors_tensor *t, graft_error *err);
/* Sets where the values of found tensor i, which is `t` of an open file, stand; none that is not wanted. */
void gf_safetensors_place(gf_weight_reading *r, size_t i, const gf_safetensors *st, const gf_safetensors_tensor *t);

#endif
