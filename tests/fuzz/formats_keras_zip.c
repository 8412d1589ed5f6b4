/* Any bytes as a .keras: what is graft's own of its reader. The HDF5 file inside is formats_keras_h5's. */
#include "formats/cage_reply.h"
#include "formats/keras_zip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_sink sink = {.fd = -1};
    graft_error err = {0};
    const char *text = NULL;
    size_t n = 0;
    gf_zip zip;
    gf_keras_zip_config_reply(data, size, "f.keras", &sink);
    graft_status status = gf_reply_parse_text((uint8_t *)sink.bytes.s, sink.bytes.n, "f.keras", &text, &n, &err);
    if (!sink.failed && status != GRAFT_OK && err.number == GF_E_CAGE_REPLY) abort(); /* own words not understood */
    if (gf_zip_open(&zip, data, size, "f.keras", NULL, &err) == GRAFT_OK) {
        if (status == GRAFT_OK && !gf_keras_zip_is(&zip)) abort();
        gf_zip_close(&zip);
    }
    gf_text_free(&sink.bytes);
    return 0;
}
