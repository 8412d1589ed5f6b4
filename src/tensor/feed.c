#include "tensor/feed.h"

size_t gf_input_bytes(const gf_input_layout *in) { return gf_count(&in->shape) * gf_dtype_size(in->dtype); }

size_t gf_feed_scratch(const gf_input_layout in[], size_t n)
{
    const size_t rgb = 3;
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        size_t values = gf_count(&in[i].shape) * (in[i].gray ? rgb : 1);
        if (values > most) most = values;
    }
    return most;
}
