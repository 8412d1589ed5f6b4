#include "image/erase.h"

#include "base/distribution.h"

#include <string.h>

enum { X, Y, W, H, GRAY, KEY_LOW, KEY_HIGH, CHANNELS = 3, KEY_BITS = 24 };

static uint8_t noise(gf_rng *rng)
{
    double v = 255 * gf_rng_normal(rng);
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

static void erase(const float args[GF_PASS_ARGS], const uint8_t *src, int h, int w, uint8_t *dst, int oh, int ow)
{
    (void)oh, (void)ow;
    memcpy(dst, src, (size_t)h * (size_t)w * CHANNELS);
    uint64_t key = (uint64_t)args[KEY_HIGH] << KEY_BITS | (uint64_t)args[KEY_LOW];
    gf_rng rng = gf_rng_make(key, GF_PURPOSE_AUGMENT, 0, 0);
    size_t row = (size_t)args[W] * CHANNELS;
    for (int y = (int)args[Y]; y < (int)args[Y] + (int)args[H]; y++) {
        uint8_t *to = dst + ((size_t)y * (size_t)w + (size_t)args[X]) * CHANNELS;
        if (args[GRAY] >= 0) {
            memset(to, (int)(args[GRAY] + 0.5f), row);
        } else {
            for (size_t i = 0; i < row; i++) to[i] = noise(&rng);
        }
    }
}

/* Whole numbers of 24 bits are floats. */
void gf_transform_erase(gf_transform *t, gf_rect part, float gray, gf_rng *rng)
{
    if (part.w < 1 || part.h < 1) return;
    t->pass = erase;
    const float values[] = {(float)part.x, (float)part.y, (float)part.w, (float)part.h, gray};
    memcpy(t->pass_args, values, sizeof values);
    t->pass_args[KEY_LOW] = (float)(gf_rng_u32(rng) >> (32 - KEY_BITS));
    t->pass_args[KEY_HIGH] = (float)(gf_rng_u32(rng) >> (32 - KEY_BITS));
}
