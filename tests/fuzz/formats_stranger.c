/* Any bytes as a file that is none of those wanted: what it is said to be, by its bytes and by its name. */
#include "formats/stranger.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const name[] = {"f", "f.pb", "f.mlmodel"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        for (int place = GF_STRANGER_WEIGHTS; place <= GF_STRANGER_NETWORK; place++) {
            graft_error err = {0};
            if (gf_stranger_refuse(name[i], data, size, (gf_stranger_place)place, &err) == GRAFT_OK) abort();
            if (!err.message[0]) abort();
        }
    }
    return 0;
}
