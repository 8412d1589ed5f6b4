/* part.h - a random part of an image by its area and its proportions, as torchvision draws it. */
#ifndef GF_IMAGE_PART_H
#define GF_IMAGE_PART_H

#include "image/random_change.h"

/* Up to ten times: an area, as a share of the image's; proportions whose logarithm is uniform (width : height, or the
 * other way round where `upright`); taken where it fits, and is smaller than the image where `smaller`. Then a place.
 * False, and the part is empty, where none fitted. */
bool gf_draw_part(gf_rng *rng, int h, int w, const struct gf_change_value *area, const struct gf_change_value *ratio,
                  bool upright, bool smaller, gf_rect *part);

/* RandomResizedCrop's: where none fitted, the largest centered one of the nearest proportions allowed. */
gf_rect gf_draw_crop(gf_rng *rng, int h, int w, const struct gf_change_value *area,
                     const struct gf_change_value *ratio);

#endif
