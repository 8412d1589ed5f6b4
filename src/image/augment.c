/* Mirror and rotation, with the matrix of Keras 3's RandomRotation. */
#include "image/augment.h"

#include "base/alloc.h"
#include "base/distance.h"
#include "base/rng.h"
#include "image/rotate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CHANNELS = 3, MAX_WORD = 32 };

/* ---- the spec */

typedef struct word {
    const char *name;
    bool takes_value;
} word;
static const word words[] = {{"none", false}, {"flip", false}, {"rotate", true}};
enum { NONE, FLIP, ROTATE, WORDS };

static graft_status fail_word(const char *text, graft_error *err)
{
    int best = 0;
    for (int i = 1; i < WORDS; i++) {
        if (gf_edit_distance(text, words[i].name) < gf_edit_distance(text, words[best].name)) best = i;
    }
    char hint[96];
    snprintf(hint, sizeof hint, "did you mean `%s%s`? Known: flip, rotate=TURNS, none", words[best].name,
             words[best].takes_value ? "=0.2" : "");
    return gf_fail(err, GF_E_OPTION_VALUE, hint, "augment: `%s` is not known", GF_ESC(text));
}

/* A decimal number below 1, such as 0.2 or .125, whatever the locale's point is. */
static bool parse_fraction(const char *s, float *out)
{
    uint64_t digits = 0;
    double scale = 1;
    int seen = 0;
    bool point = false;
    for (; *s; s++) {
        if (*s == '.' && !point) {
            point = true;
            continue;
        }
        if (*s < '0' || *s > '9' || ++seen > 15) return false;
        digits = digits * 10 + (uint64_t)(*s - '0');
        if (point) scale *= 10;
    }
    *out = (float)((double)digits / scale);
    return seen > 0;
}

static graft_status parse_word(const char *text, gf_augment_spec *out, graft_error *err)
{
    char name[MAX_WORD];
    snprintf(name, sizeof name, "%s", text);
    char *value = strchr(name, '=');
    if (value) *value++ = 0;
    int i = 0;
    while (i < WORDS && strcmp(name, words[i].name) != 0) i++;
    if (i == WORDS) return fail_word(name, err);
    if (words[i].takes_value != (value != NULL)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "for example flip,rotate=0.2", "augment: `%s` %s", GF_ESC(text),
                       value ? "takes no value" : "needs a value, in turns");
    }
    if (i == FLIP) out->flip = true;
    if (i != ROTATE) return GRAFT_OK;
    if (!parse_fraction(value, &out->rotate) || !(out->rotate <= 0.5f)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "for example flip,rotate=0.2",
                       "augment: `%s`: a number of turns from 0 to 0.5 is wanted", GF_ESC(text));
    }
    return GRAFT_OK;
}

graft_status gf_augment_parse(const char *text, gf_augment_spec *out, graft_error *err)
{
    *out = (gf_augment_spec){0};
    if (!strcmp(text, "none")) return GRAFT_OK;
    gf_augment_spec spec = {0};
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ",");
        char one[MAX_WORD];
        if (n >= sizeof one || !n || !strncmp(at, "none", n)) {
            return gf_fail(err, GF_E_OPTION_VALUE, "for example flip,rotate=0.2, or none alone",
                           "augment: `%s` is not a list of changes", GF_ESC(text));
        }
        memcpy(one, at, n);
        one[n] = 0;
        GF_TRY(parse_word(one, &spec, err));
        at += n;
        if (!*at) break;
    }
    *out = spec;
    return GRAFT_OK;
}

bool gf_augment_any(const gf_augment_spec *spec) { return spec->flip || spec->rotate > 0; }

gf_augment_params gf_augment_draw(const gf_augment_spec *spec, uint64_t seed, uint32_t epoch, uint32_t sample)
{
    /* Both are always drawn, so that one change does not depend on whether the other is asked for. */
    gf_rng r = gf_rng_make(seed, GF_PURPOSE_AUGMENT, epoch, sample);
    float side = gf_rng_f32(&r), angle = gf_rng_range(&r, -1, 1);
    return (gf_augment_params){.flip = spec->flip && side < 0.5f, .turns = angle * spec->rotate};
}

/* ---- conversion and mirror */

/* restrict and a fixed count: compilers then make vector code of it. */
static void convert(const uint8_t *restrict rgb, size_t n, float *restrict dst)
{
    enum { BLOCK = 32 };
    for (; n >= BLOCK; n -= BLOCK, rgb += BLOCK, dst += BLOCK) {
        for (int i = 0; i < BLOCK; i++) dst[i] = (float)rgb[i];
    }
    for (size_t i = 0; i < n; i++) dst[i] = (float)rgb[i];
}

static void mirror(const uint8_t *restrict rgb, int h, int w, float *restrict dst)
{
    for (int y = 0; y < h; y++, rgb += (size_t)w * CHANNELS) {
        for (int x = w - 1; x >= 0; x--, dst += CHANNELS) {
            for (int c = 0; c < CHANNELS; c++) dst[c] = (float)rgb[CHANNELS * (size_t)x + (size_t)c];
        }
    }
}

/* ---- rotation */

/* sin and cos of |x| <= pi, correctly rounded to float in all but a few cases and the same on every CPU, which
 * libm's are not: Taylor series after taking off quarter turns. */
static void sin_cos(double x, float *sin_out, float *cos_out)
{
    int quarters = (int)(x * 2 / M_PI + (x < 0 ? -0.5 : 0.5));
    double r = x - quarters * (M_PI / 2), r2 = r * r, s = 0, c = 0;
    for (int k = 16; k >= 2; k -= 2) {
        s = (1 - s) * r2 / (k * (k + 1));
        c = (1 - c) * r2 / (k * (k - 1));
    }
    s = r * (1 - s);
    c = 1 - c;
    const double sines[4] = {s, c, -s, -c};
    *sin_out = (float)sines[quarters & 3];
    *cos_out = (float)sines[(quarters + 1) & 3];
}

static gf_rotation make_rotation(const gf_augment_params *params, int h, int w)
{
    float radians = (float)((double)params->turns * 360.0) * (float)(M_PI / 180.0);
    float s, c, cx = 0.5f * (float)(w - 1), cy = 0.5f * (float)(h - 1);
    sin_cos(radians, &s, &c);
    return (gf_rotation){
        .m = {c, -s, cx - cx * c + cy * s, s, c, cy - cx * s - cy * c}, .h = h, .w = w, .flip = params->flip};
}

void gf_augment_apply(const gf_augment_params *params, const uint8_t *rgb, int h, int w, float *dst)
{
    static const gf_augment_params none = {0};
    if (!params) params = &none;
    if (params->turns == 0) {
        if (params->flip) {
            mirror(rgb, h, w, dst);
        } else {
            convert(rgb, (size_t)h * (size_t)w * CHANNELS, dst);
        }
        return;
    }
    gf_rotation r = make_rotation(params, h, w);
    gf_rotate(&r, rgb, dst);
}

/* An image that is mirrored alone is turned by nothing: its weights are 0 and 1, and its values what they were. */
void gf_augment_int8(const gf_augment_params *params, const uint8_t *rgb, int h, int w, const gf_quantize_map *map,
                     uint8_t *dst)
{
    if (!params || (params->turns == 0 && !params->flip)) {
        gf_quantize_rgb(map, rgb, (size_t)h * (size_t)w, dst);
        return;
    }
    gf_rotation r = make_rotation(params, h, w);
    gf_rotate_int8(&r, rgb, map, dst);
}
