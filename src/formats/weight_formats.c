/* The table of formats and its lookup, nothing else: the extension tests compile it a second time. */
#include "formats/weight_format.h"

static const gf_weight_format *const formats[] = {
#define GF_WEIGHT_FORMAT(x) &gf_weight_format_##x,
#include "formats/weight_formats.def"
#undef GF_WEIGHT_FORMAT
};

const gf_weight_format *gf_weight_format_at(size_t i)
{
    return i < sizeof formats / sizeof *formats ? formats[i] : NULL;
}

const gf_weight_format *gf_weight_format_find(const uint8_t *file, size_t n)
{
    for (size_t i = 0; gf_weight_format_at(i); i++) {
        if (gf_weight_format_at(i)->looks(file, n)) return gf_weight_format_at(i);
    }
    return NULL;
}
