/* Any bytes as a .keras: its two texts and its weights, by the functions that normally run in the cage. */
#include "formats/cage_reply.h"
#include "formats/keras_zip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static graft_status read_text(void (*reply)(const uint8_t *, size_t, const char *, gf_sink *), const uint8_t *data,
                              size_t size)
{
    gf_sink sink = {.fd = -1};
    graft_error err = {0};
    const char *text = NULL;
    size_t n = 0;
    reply(data, size, "f.keras", &sink);
    graft_status status = gf_reply_parse_text((uint8_t *)sink.bytes.s, sink.bytes.n, "f.keras", &text, &n, &err);
    if (!sink.failed && status != GRAFT_OK && err.number == GF_E_CAGE_REPLY) abort(); /* own words not understood */
    gf_text_free(&sink.bytes);
    return status;
}

static void read_weights(const uint8_t *data, size_t size)
{
    gf_sink sink = {.fd = -1};
    gf_found found = {0};
    graft_error err = {0};
    gf_keras_zip_reply(&(gf_caged_file){.bytes = data, .size = size, .path = "f.keras", .unpacks = 1 << 20}, NULL, 0,
                       &sink);
    graft_status status = gf_reply_parse((uint8_t *)sink.bytes.s, sink.bytes.n, "f.keras", NULL, 0, &found, NULL, &err);
    if (!sink.failed && status != GRAFT_OK && err.number == GF_E_CAGE_REPLY) abort();
    gf_found_free(&found);
    gf_text_free(&sink.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    graft_error err = {0};
    gf_zip zip;
    graft_status status = read_text(gf_keras_zip_config_reply, data, size);
    read_text(gf_keras_zip_metadata_reply, data, size);
    read_weights(data, size);
    if (gf_zip_open(&zip, data, size, "f.keras", NULL, &err) == GRAFT_OK) {
        if (status == GRAFT_OK && !gf_keras_zip_is(&zip)) abort();
        gf_zip_close(&zip);
    }
    return 0;
}
