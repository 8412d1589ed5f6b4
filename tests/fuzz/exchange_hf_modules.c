/* Any bytes as the config.json of a Dense and of a Pooling module of sentence-transformers. */
#include "exchange/hf_modules.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_bert_stage s = {0};
    graft_error err;
    if (gf_hf_dense_parse(&s, (const char *)data, size, "fuzz", &err) == GRAFT_OK && s.units < 1) abort();
    gf_text_pooling pooling;
    if (gf_hf_pooling_parse(&pooling, (const char *)data, size, "fuzz", &err) == GRAFT_OK && pooling >= GF_POOLINGS)
        abort();
    return 0;
}
