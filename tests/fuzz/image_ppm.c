/* Any bytes behind "P" and a digit as a Netpbm image, strictly and leniently; what comes back must hold together. */
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    uint8_t *bytes = malloc(size + 1);
    if (!bytes) return 0;
    bytes[0] = 'P';
    bytes[1] = (uint8_t)('1' + data[0] % 6);
    memcpy(bytes + 2, data + 1, size - 1);
    gf_image_options opts = gf_image_options_default();
    opts.max_pixels = 1 << 16;
    for (int lenient = 0; lenient < 2; lenient++) {
        gf_image p;
        gf_image_info info;
        graft_error err = {0};
        opts.allow_truncated = lenient;
        if (gf_image_decode(bytes, size + 1, "fuzz", &opts, &p, &info, &err) == GRAFT_OK) {
            if (info.format != GF_IMAGE_PPM || p.w != info.stored_w || p.h != info.stored_h) abort();
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
