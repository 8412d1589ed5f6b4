/* Any bytes through gf_image_decode, strictly and leniently; what comes back must hold together. */
#include "image/image.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int truth)
{
    if (!truth) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_image_options opts = gf_image_options_default();
    opts.max_pixels = 1 << 18; /* so that a run is quick */
    for (int lenient = 0; lenient < 2; lenient++) {
        gf_image p;
        gf_image_info info;
        graft_error err = {0};
        int w = 0, h = 0;
        opts.allow_truncated = lenient;
        graft_status probed = gf_image_probe(data, size, "fuzz", &opts, &w, &h, NULL, NULL);
        graft_status status = gf_image_decode(data, size, "fuzz", &opts, &p, &info, &err);
        if (status == GRAFT_OK) {
            check(probed == GRAFT_OK && info.stored_w == w && info.stored_h == h);
            check((p.w == w && p.h == h) || (p.w == h && p.h == w && info.orientation >= 5));
            check(!info.truncated || lenient);
            volatile uint8_t last = p.rgb[(size_t)p.w * (size_t)p.h * 3 - 1];
            (void)last;
        } else {
            check(!p.rgb && err.status == status && err.message[0]);
        }
        gf_image_free(&p);
    }
    return 0;
}
