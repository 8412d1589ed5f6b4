/* Any bytes as a safetensors file: parsed, and every tensor read that can be. */
#include "formats/safetensors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_safetensors st;
    graft_error err;
    const gf_safetensors_limits limits = {.max_header = 1 << 16, .max_tensors = 100};
    if (gf_safetensors_parse(&st, data, size, "f", &limits, &err) != GRAFT_OK) return 0;
    for (size_t i = 0; i < st.n; i++) {
        const gf_safetensors_tensor *t = gf_safetensors_find(&st, st.tensor[i].name);
        if (t != &st.tensor[i]) abort();
        float *out = malloc(gf_count(&t->shape) * sizeof *out + 1);
        if (out) gf_safetensors_f32(&st, t, &t->shape, out, &err);
        free(out);
    }
    gf_safetensors_meta(&st, "graft.sha256");
    gf_safetensors_close(&st);
    return 0;
}
