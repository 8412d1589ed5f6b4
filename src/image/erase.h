/* erase.h - a rectangle of an image filled, by one value or by noise: a pass of a transform. */
#ifndef GF_IMAGE_ERASE_H
#define GF_IMAGE_ERASE_H

#include "image/random_change.h"

/* Sets t's pass. gray < 0: each value is normal, 255 times deviation 1, clipped to 0..255, as Keras has it; `rng` then
 * gives the noise's own key. An empty rectangle changes nothing. */
void gf_transform_erase(gf_transform *t, gf_rect part, float gray, gf_rng *rng);

/* The row that both kinds have. */
#define GF_CHANGE_ERASE_ROW(default_)                                                                 \
    {                                                                                                 \
        .name = "fill", .kind = GF_CHANGE_NUMBER, .min = -1, .max = 255, .default_value = (default_), \
        .help = "the value that fills it; -1: noise"                                                  \
    }

#endif
