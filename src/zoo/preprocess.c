#include "zoo/zoo.h"

#include <string.h>

#define ALL(x)        \
    {                 \
        (x), (x), (x) \
    }

/* ImageNet's means and deviations as PyTorch states them (red, green, blue, of 0..1) and, without deviation, as Caffe
 * did (blue, green, red, of 0..255). */
static const gf_preprocess table[] = {
    {"tf", ALL(1 / 127.5f), ALL(-1), false, "[-1, 1]"},
    {"torch",
     {1 / (255 * 0.229f), 1 / (255 * 0.224f), 1 / (255 * 0.225f)},
     {-0.485f / 0.229f, -0.456f / 0.224f, -0.406f / 0.225f},
     false,
     "mean and deviation of ImageNet"},
    {"caffe", ALL(1), {-103.939f, -116.779f, -123.68f}, true, "BGR minus mean"},
    {"lite", ALL(1 / 128.0f), ALL(-127 / 128.0f), false, "(x - 127) / 128"},
    {"unit", ALL(1 / 255.0f), ALL(0), false, "[0, 1]"},
    {"none", ALL(1), ALL(0), false, "[0, 255], inside the model"},
};

const gf_preprocess *gf_preprocess_at(size_t i) { return i < sizeof table / sizeof *table ? &table[i] : NULL; }

const gf_preprocess *gf_preprocess_find(const char *name)
{
    for (size_t i = 0; gf_preprocess_at(i); i++) {
        if (!strcmp(table[i].name, name)) return &table[i];
    }
    return NULL;
}
