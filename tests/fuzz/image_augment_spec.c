/* Any text as an augmentation spec: what is taken is in range. */
#include "image/augment.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[256];
    if (size >= sizeof text) size = sizeof text - 1;
    memcpy(text, data, size);
    text[size] = 0;
    gf_augment_spec spec;
    graft_error err = {0};
    if (gf_augment_parse(text, &spec, &err) != GRAFT_OK) return 0;
    if (!(spec.rotate >= 0 && spec.rotate <= 0.5f)) __builtin_trap();
    return 0;
}
