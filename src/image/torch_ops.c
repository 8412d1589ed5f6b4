#include "image/torch_ops.h"

#include "image/pixel_ops.h"

#include <math.h>
#include <string.h>

enum {
    IDENTITY,
    SHEAR_X,
    SHEAR_Y,
    TRANSLATE_X,
    TRANSLATE_Y,
    ROTATE,
    BRIGHTNESS,
    COLOR,
    CONTRAST,
    SHARPNESS,
    POSTERIZE,
    SOLARIZE,
    AUTOCONTRAST,
    EQUALIZE
};

static void set_map(gf_transform *t, float xy, float x, float yx, float y)
{
    memcpy(t->m, (float[6]){1, xy, x, yx, 1, y}, sizeof t->m);
}

/* Shears are about the image's corner. */
static void warp(int op, float v, int h, int w, gf_transform *t)
{
    if (op == SHEAR_X) set_map(t, v, 0.5f * v, 0, 0);
    if (op == SHEAR_Y) set_map(t, 0, 0, v, 0.5f * v);
    if (op == TRANSLATE_X) set_map(t, 0, -truncf(v), 0, 0);
    if (op == TRANSLATE_Y) set_map(t, 0, 0, 0, -truncf(v));
    if (op == ROTATE) gf_transform_rotate(t, h, w, v / 360);
    t->within = false;
    t->nearest = true;
    t->border = GF_BORDER_CONSTANT;
}

static gf_image_pass *const passes[GF_TORCH_OPS] = {
    [BRIGHTNESS] = gf_pass_brightness,     [COLOR] = gf_pass_saturation,    [CONTRAST] = gf_pass_contrast,
    [SHARPNESS] = gf_pass_sharpness,       [POSTERIZE] = gf_pass_posterize, [SOLARIZE] = gf_pass_solarize,
    [AUTOCONTRAST] = gf_pass_autocontrast, [EQUALIZE] = gf_pass_equalize,
};

/* In the last bin. */
static float most_of(const gf_torch_space *s, int op, int h, int w)
{
    if (op == SHEAR_X || op == SHEAR_Y) return s->shear;
    if (op == TRANSLATE_X || op == TRANSLATE_Y)
        return s->translate < 1 ? s->translate * (float)(op == TRANSLATE_X ? w : h) : s->translate;
    return op == ROTATE ? s->rotate : s->enhance;
}

void gf_torch_op(const gf_torch_space *space, int op, int bin, gf_rng *rng, int h, int w, gf_transform *t)
{
    float share = (float)bin / (GF_TORCH_BINS - 1);
    bool has_sign = op >= SHEAR_X && op <= SHARPNESS;
    float v = most_of(space, op, h, w) * share;
    if (has_sign && gf_rng_f32(rng) <= 0.5f) v = -v;
    if (op == POSTERIZE) v = rintf(8 - (float)space->posterize * share);
    if (op == SOLARIZE) v = 255 * (1 - share);
    if (op >= BRIGHTNESS && op <= SHARPNESS) v += 1;
    t->pass = passes[op];
    t->pass_args[0] = v;
    if (op >= SHEAR_X && op <= ROTATE) warp(op, v, h, w, t);
}
