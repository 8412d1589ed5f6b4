/* Any bytes as a .npz; or, where they do not begin as an archive, as one array (a .npy), past the archive's checksums.
 */
#include "formats/cage_reply.h"
#include "formats/npy.h"
#include "formats/npz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_archive(const uint8_t *data, size_t size)
{
    static float place[24];
    static const gf_weight want[] = {{"layer", "f32", {3, {2, 3, 4}}, place, false},
                                     {"layer", "fortran", {3, {2, 3, 4}}, place, false}};
    enum { WANTED = sizeof want / sizeof *want };
    gf_sink sink = {.fd = -1};
    gf_found found = {0};
    const uint8_t *values[WANTED];
    graft_error err = {0};
    const gf_caged_file file = {.bytes = data, .size = size, .path = "f.npz", .unpacks = 1 << 20};
    gf_npz_reply(&file, want, WANTED, &sink);
    graft_status status =
        gf_reply_parse((uint8_t *)sink.bytes.s, sink.bytes.n, "f.npz", want, WANTED, &found, values, &err);
    if (!sink.failed && status != GRAFT_OK && err.number == GF_E_CAGE_REPLY) abort(); /* own words not understood */
    gf_found_free(&found);
    gf_text_free(&sink.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_npy_array array;
    if (gf_zip_looks(data, size)) {
        read_archive(data, size);
    } else if (gf_npy_parse(data, size, "f", "a", &array, NULL) == GRAFT_OK && array.dtype != GF_DTYPES) {
        float *values = malloc(gf_count(&array.shape) * sizeof *values + 1);
        if (values) gf_npy_values(data, &array, values);
        free(values);
    }
    return 0;
}
