/* tokenizers.c - the table of tokenizers.def and its lookup, nothing else. */
#include "text/tokenizer.h"

#define GF_TOKENIZER(x) extern const gf_tokenizer_class gf_tokenizer_##x;
#include "text/tokenizers.def"
#undef GF_TOKENIZER

const gf_tokenizer_class *gf_tokenizer_at(size_t i)
{
    static const gf_tokenizer_class *const class[] = {
#define GF_TOKENIZER(x) &gf_tokenizer_##x,
#include "text/tokenizers.def"
#undef GF_TOKENIZER
    };
    return i < sizeof class / sizeof *class ? class[i] : NULL;
}
