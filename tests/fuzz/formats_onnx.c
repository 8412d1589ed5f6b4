/* Any bytes as an ONNX file, in this process: parsed, put on the tape and taken from it, packed and parsed again. */
#include "base/alloc.h"
#include "formats/onnx.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void packed_again(const gf_onnx *o)
{
    uint8_t *bytes;
    size_t n;
    gf_onnx again;
    for (size_t i = 0; i < o->n_tensors; i++) {
        if (!o->tensor[i].data) return;
    }
    if (gf_onnx_pack(o, &bytes, &n, NULL) != GRAFT_OK) return;
    if (gf_onnx_parse(&again, bytes, n, "again", NULL, NULL) != GRAFT_OK) abort();
    if (again.n_nodes != o->n_nodes || again.n_tensors != o->n_tensors) abort();
    gf_onnx_free(&again);
    gf_free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const gf_onnx_limits limits = {.max_nodes = 1000};
    gf_onnx o, taken;
    graft_error err;
    if (gf_onnx_parse(&o, data, size, "f", &limits, &err) != GRAFT_OK) return 0;
    gf_sink sink = {.fd = -1};
    gf_onnx_reply(&o, &sink);
    if (gf_onnx_reply_parse(&taken, (const uint8_t *)sink.bytes.s, sink.bytes.n, "f", &err) != GRAFT_OK) abort();
    if (taken.n_nodes != o.n_nodes || taken.n_tensors != o.n_tensors || taken.n_meta != o.n_meta) abort();
    for (size_t i = 0; i < taken.n_tensors; i++) {
        const gf_onnx_tensor *t = &taken.tensor[i];
        float *floats = malloc(gf_count(&t->shape) * sizeof *floats + 1);
        if (t->data && floats && gf_onnx_floats(t, floats) && t->bytes != o.tensor[i].bytes) abort();
        free(floats);
    }
    packed_again(&o);
    gf_onnx_free(&taken);
    gf_onnx_free(&o);
    gf_text_free(&sink.bytes);
    return 0;
}
