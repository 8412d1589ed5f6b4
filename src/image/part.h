/* part.h - parts of an image: a random one by its area and its proportions, as torchvision draws it; a window of a
 * size.
 */
#ifndef GF_IMAGE_PART_H
#define GF_IMAGE_PART_H

#include "image/random_change.h"

/* Up to ten times: an area, as a share of the image's; proportions whose logarithm is uniform (width : height, or the
 * other way round where `upright`); taken where it fits, and is smaller than the image where `smaller`. Then a place.
 * False, and the part is empty, where none fitted. */
bool gf_draw_part(gf_rng *rng, int h, int w, const struct gf_change_value *area, const struct gf_change_value *ratio,
                  bool upright, bool smaller, gf_rect *part);

/* RandomResizedCrop's arguments, the size that it leaves (t->h, t->w) and its part: where none fitted, the largest
 * centered one of the nearest proportions allowed. A single number as the scale is the least area; the most is all. */
enum { GF_RESIZED_CROP_SCALE, GF_RESIZED_CROP_RATIO, GF_RESIZED_CROP_SIZE, GF_RESIZED_CROP_ROWS };
extern const gf_change_arg gf_resized_crop_rows[GF_RESIZED_CROP_ROWS];
void gf_resized_crop_size(const gf_change_args *args, int *h, int *w);
gf_rect gf_draw_resized_crop(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t);

/* A window's arguments, and the size that they ask for: the width, where it is not given, is the height. */
enum { GF_WINDOW_HEIGHT, GF_WINDOW_WIDTH, GF_WINDOW_ROWS };
extern const gf_change_arg gf_window_rows[GF_WINDOW_ROWS];
void gf_window_size(const gf_change_args *args, int *h, int *w);

#endif
