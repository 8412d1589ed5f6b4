/* torch_tensor.h - a parameter as PyTorch has it. */
#ifndef GF_EXCHANGE_TORCH_TENSOR_H
#define GF_EXCHANGE_TORCH_TENSOR_H

#include "graph/model.h"

/* Sets name (LAYER.weight, gf_free), shape and data (gf_free) of *t, after failure as well: kernels are turned. E5001.
 */
graft_status gf_torch_tensor(gf_tensor *t, const gf_model *m, const gf_param *p, graft_error *err);

#endif
