/* Any bytes as the answer of ONNX's caged reader, as the parent reads it: the child may have been taken over. */
#include "base/alloc.h"
#include "formats/onnx.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_onnx o;
    graft_error err;
    if (gf_onnx_reply_parse(&o, data, size, "f", &err) != GRAFT_OK) return 0;
    gf_sink sink = {.fd = -1};
    gf_onnx_reply(&o, &sink);
    if (sink.bytes.n != size) abort(); /* all of it meant something */
    gf_text_free(&sink.bytes);
    gf_onnx_free(&o);
    return 0;
}
