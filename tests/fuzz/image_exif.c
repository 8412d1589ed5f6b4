/* Any bytes as EXIF data: an orientation of 1 to 8, and 1 where they are bad. */
#include "image/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool bad;
    int orientation = gf_exif_orientation(data, size, &bad);
    if (orientation < 1 || orientation > 8 || (bad && orientation != 1)) __builtin_trap();
    return 0;
}
