/* Any bytes as an HDF5 file, through the function that normally runs in the cage. Here nothing stands between: a crash
 * inside the HDF5 library itself is what the cage is for, one in graft's own code is a bug. */
#include "formats/cage_reply.h"
#include "formats/keras_h5.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float place[108];
    static const gf_weight want[] = {
        {"Conv1", "kernel", {4, {3, 3, 3, 4}}, place, false},
        {"bn_Conv1", "gamma", {1, {4}}, place, false},
        {"bn_Conv1", "beta", {1, {4}}, place, false},
        {"bn_Conv1", "moving_mean", {1, {4}}, place, false},
        {"bn_Conv1", "moving_variance", {1, {4}}, place, false},
        {"dw", "kernel", {4, {3, 3, 4, 1}}, place, false},
    };
    enum { WANTED = sizeof want / sizeof *want };
    gf_sink sink = {.fd = -1};
    gf_found found = {0};
    const uint8_t *values[WANTED];
    graft_error err = {0};
    gf_keras_h5_reply(&(gf_caged_file){.bytes = data, .size = size, .path = "f.h5"}, want, WANTED, &sink);
    graft_status status =
        gf_reply_parse((uint8_t *)sink.bytes.s, sink.bytes.n, "f.h5", want, WANTED, &found, values, &err);
    if (!sink.failed && status != GRAFT_OK && err.number == GF_E_CAGE_REPLY) abort(); /* own words not understood */
    gf_found_free(&found);
    gf_text_free(&sink.bytes);
    return 0;
}
