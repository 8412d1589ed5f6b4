/* Any bytes as a file of torch.save, through the function that normally runs in the cage. */
#include "formats/cage_reply.h"
#include "formats/torch.h"
#include "formats/torch_child.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float place[108];
    static const gf_weight want[] = {
        {"Conv1", "kernel", {4, {3, 3, 3, 4}}, place, false, {"linear"}, {0}},
        {"bn_Conv1", "gamma", {1, {4}}, place, false, {NULL}, {0}},
        {"dw", "kernel", {4, {3, 3, 4, 1}}, place, false, {NULL}, {0}},
        {"flat", "kernel", {2, {24, 5}}, place, false, {"other.name"}, {3, {2, 3, 4}}},
    };
    enum { WANTED = sizeof want / sizeof *want };
    for (size_t n = 1; n <= WANTED; n += 3) { /* so that files with one wanted tensor alone get to its values */
        gf_sink sink = {.fd = -1};
        gf_found found = {0};
        const uint8_t *values[WANTED];
        graft_error err = {0};
        const gf_caged_file file = {.bytes = data, .size = size, .path = "f.pth"};
        gf_torch_reply(&file, want, n, &sink);
        graft_status status =
            gf_reply_parse((uint8_t *)sink.bytes.s, sink.bytes.n, "f.pth", want, n, &found, values, &err);
        if (!sink.failed && status != GRAFT_OK && err.number == GF_E_CAGE_REPLY) abort(); /* own words not understood */
        gf_found_free(&found);
        gf_text_free(&sink.bytes);
    }
    gf_torch_looks(data, size);
    return 0;
}
