#include "zoo/zoo.h"

#include "base/number.h"

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

/* One number or three behind NAME=, with commas between; *at moves behind them. */
static bool read_three(const char **at, const char *name, double low, double high, float value[3])
{
    size_t n = strlen(name);
    double x[3];
    int k = 0;
    if (strncmp(*at, name, n) || (*at)[n] != '=') return false;
    for (const char *s = *at + n + 1;; s++) {
        size_t length = strcspn(s, ",");
        if (k == 3 || !gf_number_parse(s, length, &x[k]) || !(x[k] >= low && x[k] <= high)) return false;
        k++;
        *at = s += length;
        if (!*s || !strncmp(s, ",std=", 5)) break;
    }
    for (int c = 0; c < 3; c++) value[c] = (float)x[k == 1 ? 0 : c];
    return k == 1 || k == 3;
}

graft_status gf_preprocess_parse(gf_preprocess *p, const char *text, graft_error *err)
{
    const gf_preprocess *known = gf_preprocess_find(text);
    const char *at = text;
    float mean[3], std[3];
    const double least = 1e-6;
    if (known) *p = *known;
    if (known) return GRAFT_OK;
    *p = (gf_preprocess){.name = text, .what = text};
    bool good = read_three(&at, "mean", -1, 1, mean) && *at++ == ',' && read_three(&at, "std", least, 1, std) && !*at;
    if (!good) {
        return gf_fail(
            err, GF_E_OPTION_VALUE,
            "tf, torch, caffe, lite, unit or none; or mean=0.5,std=0.25, mean=R,G,B,std=R,G,B of values from 0 "
            "to 1",
            "preprocess %s is not known", GF_ESC(text));
    }
    for (int c = 0; c < 3; c++) {
        p->scale[c] = 1 / (255 * std[c]);
        p->offset[c] = -mean[c] / std[c];
    }
    return GRAFT_OK;
}
