#include "image/transform.h"

#include <math.h>
#include <string.h>

static const float identity[6] = {1, 0, 0, 0, 1, 0};

gf_transform gf_transform_identity(int h, int w)
{
    return (gf_transform){
        .pass_h = h, .pass_w = w, .m = {1, 0, 0, 0, 1, 0}, .within = true, .h = h, .w = w, .mix = {.lambda = 1}};
}

static bool has_identity_map(const gf_transform *t) { return !memcmp(t->m, identity, sizeof identity); }

bool gf_transform_moves(const gf_transform *t)
{
    return t->flip || t->h != t->pass_h || t->w != t->pass_w || !has_identity_map(t);
}

bool gf_transform_is_identity(const gf_transform *t, int h, int w)
{
    return !t->pass && t->h == h && t->w == w && !gf_transform_moves(t) && !t->color.set;
}

void gf_transform_about_center(gf_transform *t, int h, int w, float a00, float a01, float a10, float a11)
{
    float cx = 0.5f * (float)(w - 1), cy = 0.5f * (float)(h - 1);
    memcpy(t->m, (float[6]){a00, a01, cx - cx * a00 - cy * a01, a10, a11, cy - cx * a10 - cy * a11}, sizeof t->m);
    t->within = false;
}

/* Taylor series after taking off quarter turns. */
void gf_sin_cos(double x, float *sin_out, float *cos_out)
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

/* m = a b, products and sums in double. An identity leaves the other's bits. */
static void multiply(const float a[6], const float b[6], float m[6])
{
    float out[6];
    for (int r = 0; r < 2; r++) {
        double x = a[3 * r], y = a[3 * r + 1];
        for (int c = 0; c < 3; c++) out[3 * r + c] = (float)(x * b[c] + y * b[3 + c] + (c == 2 ? a[3 * r + 2] : 0.0));
    }
    memcpy(m, out, sizeof out);
}

/* A flip of an image that is not mapped otherwise stays a flag, which moves no coordinate. */
static void merge_maps(gf_transform *t, const gf_transform *then)
{
    float after[6];
    memcpy(after, then->m, sizeof after);
    if (then->flip && has_identity_map(t) && t->w == t->pass_w) {
        t->flip = !t->flip;
    } else if (then->flip) {
        multiply((float[6]){-1, 0, (float)(t->w - 1), 0, 1, 0}, then->m, after);
    }
    multiply(t->m, after, t->m);
    if (t->within) {
        t->border = then->border;
        t->fill = then->fill;
        t->nearest = then->nearest;
    }
    t->within = t->within && then->within;
    t->h = then->h;
    t->w = then->w;
}

/* Whether a map may go on behind what there is. Two maps as one interpolate once, and read real pixels where the first
 * would have left the image: better images, but not those of two libraries' layers in a row. */
static bool maps_merge(const gf_transform *t, const gf_transform *then)
{
    bool exact = t->exact || then->exact;
    if (t->color.set && (exact || (!then->within && then->border == GF_BORDER_CONSTANT))) return false;
    if (!gf_transform_moves(t)) return true;
    bool flips_alone = has_identity_map(t) && t->h == t->pass_h && t->w == t->pass_w;
    if (exact && !flips_alone) return false;
    if (t->within || then->within) return true;
    return t->border == then->border && t->nearest == then->nearest && t->fill == then->fill;
}

bool gf_transform_merge(gf_transform *t, const gf_transform *then)
{
    bool moves = gf_transform_moves(then);
    if (then->pass || (moves && !maps_merge(t, then))) return false;
    if (then->color.set && t->color.set && (t->exact || then->exact)) return false; /* each clips */
    if (moves) merge_maps(t, then);
    if (then->color.set) gf_color_merge(&t->color, &then->color);
    t->exact = t->exact || then->exact;
    return true;
}
