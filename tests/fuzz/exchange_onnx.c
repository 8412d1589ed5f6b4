/* Any bytes as an ONNX file made into a model: whatever is accepted has a parameter block and an output. */
#include "exchange/onnx.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const gf_onnx_limits limits = {.max_nodes = 200};
    const gf_import_options options = {.width = 32, .height = 32, .preprocess = "unit"};
    gf_onnx o;
    gf_model m;
    graft_error err;
    if (gf_onnx_parse(&o, data, size, "f", &limits, &err) != GRAFT_OK) return 0;
    if (gf_onnx_to_model(&m, &o, "f", &options, &err) == GRAFT_OK) {
        if (!m.value || m.output < 0 || (size_t)m.output >= m.n_layers) abort();
        if (gf_count_nonfinite(m.value, m.n_values)) abort();
        gf_model_free(&m);
    }
    gf_onnx_free(&o);
    return 0;
}
