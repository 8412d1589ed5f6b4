/* Any bytes as an ONNX file made into a model: whatever is accepted has a parameter block and an output, and takes a
 * head or says why not. */
#include "exchange/onnx.h"
#include "graph/head.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void with_head(const gf_model *m, const gf_head_spec *spec)
{
    gf_model head;
    graft_error err;
    if (gf_head_on(&head, m, NULL, spec, 3, 0.5f, &err) != GRAFT_OK) return;
    if (spec->keep_last && gf_head_for_training(&head, head.classes == 2 ? 1 : (size_t)head.classes, &err) != GRAFT_OK)
        abort();
    size_t n = gf_count(&head.layer[head.output].shape);
    if (head.layer[head.output].shape.rank != 1 || n != (head.classes == 2 ? 1 : (size_t)head.classes)) abort();
    gf_model_free(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const gf_onnx_limits limits = {.max_nodes = 200};
    const gf_import_options options = {.width = 32, .height = 32, .preprocess = size % 2 ? "unit" : NULL};
    gf_onnx o;
    gf_model m;
    graft_error err;
    if (gf_onnx_parse(&o, data, size, "f", &limits, &err) != GRAFT_OK) return 0;
    if (gf_onnx_to_model(&m, &o, "f", &options, &err) == GRAFT_OK) {
        if (!m.value || m.output < 0 || (size_t)m.output >= m.n_layers) abort();
        if (gf_count_nonfinite(m.value, m.n_values)) abort();
        with_head(&m, &(gf_head_spec){0});
        with_head(&m, &(gf_head_spec){.keep_last = true});
        gf_model_free(&m);
    }
    gf_onnx_free(&o);
    return 0;
}
