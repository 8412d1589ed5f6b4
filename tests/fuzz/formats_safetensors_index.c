/* Any bytes as model.safetensors.index.json: every entry is of a listed file, which lies beside it. */
#include "formats/safetensors_index.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_safetensors_index x;
    graft_error err;
    if (gf_safetensors_index_parse(&x, (const char *)data, size, "fuzz", &err) == GRAFT_OK) {
        for (size_t i = 0; i < x.n; i++) {
            if (!x.entry[i].name || x.entry[i].part >= x.parts.n) abort();
        }
        for (size_t i = 0; i < x.parts.n; i++) {
            if (!*x.parts.item[i] || *x.parts.item[i] == '.' || strchr(x.parts.item[i], '/')) abort();
        }
    }
    gf_safetensors_index_free(&x);
    return 0;
}
