/* Any bytes as config.json of an encoder of texts. What is read is within bounds, and small ones can be built. */
#include "exchange/hf_folder.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const double small = 20000;
    gf_bert t = {.places = 2, .pooling = GF_POOL_POOLER};
    gf_model m;
    graft_error err;
    if (gf_hf_config_parse(&t, (const char *)data, size, "fuzz", size % 2, &err) != GRAFT_OK) return 0;
    if (t.width < 1 || t.heads < 1 || t.width % t.heads || !(t.epsilon >= 0)) abort();
    if (gf_bert_values(&t) > small || t.layers > 4) return 0;
    if (gf_bert_build(&m, &t, &err) != GRAFT_OK) abort();
    if ((double)m.n_values != gf_bert_values(&t)) abort();
    gf_model_free(&m);
    return 0;
}
