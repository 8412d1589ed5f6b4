/* Any bytes as a JPEG whose last block is looked for: always an end, never a byte outside. */
#include "image/jpeg_rest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size ? size : 1); /* exactly so many, for the sanitizer */
    if (!bytes) return 0;
    memcpy(bytes, data, size);
    gf_jpeg_rest_is_pixels(bytes, size);
    free(bytes);
    return 0;
}
