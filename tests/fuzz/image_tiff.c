/* Any bytes behind a TIFF signature, strictly and leniently; what comes back must hold together. */
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const magic[] = {"II*\0", "MM\0*", "II+\0", "MM\0+"};
    if (size < 8) return 0;
    uint8_t *bytes = malloc(size);
    if (!bytes) return 0;
    memcpy(bytes, data, size);
    bool known = false;
    for (size_t i = 0; i < 4; i++) known |= !memcmp(data, magic[i], 4);
    if (!known) memcpy(bytes, magic[data[0] % 4], 4);
    gf_image_options opts = gf_image_options_default();
    opts.max_pixels = 1 << 16;
    for (int lenient = 0; lenient < 2; lenient++) {
        gf_image p;
        gf_image_info info;
        graft_error err = {0};
        opts.allow_truncated = lenient;
        if (gf_image_decode(bytes, size, "fuzz", &opts, &p, &info, &err) == GRAFT_OK) {
            bool swapped = info.orientation >= 5;
            if (info.format != GF_IMAGE_TIFF || p.w != (swapped ? info.stored_h : info.stored_w)) abort();
            if (info.truncated && !lenient) abort();
            volatile uint8_t last = p.rgb[(size_t)p.w * (size_t)p.h * 3 - 1];
            (void)last;
        } else if (p.rgb || !err.message[0]) {
            abort();
        }
        gf_image_free(&p);
    }
    free(bytes);
    return 0;
}
