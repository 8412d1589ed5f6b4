#include "ops/weights.h"

#include "base/alloc.h"

#include <string.h>

graft_status gf_weights_create(gf_weights *w, const gf_op_spec *s, graft_error *err)
{
    size_t kernel = gf_op_kernel_count(s) * sizeof(float);
    size_t bias = (size_t)s->dst.dim[s->dst.rank - 1] * sizeof(float);
    w->kernel = gf_alloc_tensor(kernel);
    w->bias = gf_alloc_tensor(bias);
    if (!w->kernel || !w->bias) return gf_fail_memory(err, kernel + bias, s->name);
    return GRAFT_OK;
}

void gf_weights_destroy(gf_weights *w)
{
    gf_free(w->kernel);
    gf_free(w->bias);
    *w = (gf_weights){0};
}

void gf_weights_fill(gf_weights *w, const gf_op_spec *s, const float *kernel, const float *bias)
{
    memcpy(w->kernel, kernel, gf_op_kernel_count(s) * sizeof *kernel);
    if (bias && s->has_bias) memcpy(w->bias, bias, gf_op_bias_count(s) * sizeof *bias);
}
