/* draw.h - boxes drawn on an image of bytes. */
#ifndef GF_IMAGE_DRAW_H
#define GF_IMAGE_DRAW_H

#include <stdint.h>

/* The frame of a box, within the image: two pixels wide, one on images below 200 pixels, a 300th of the shorter side of
 * large ones. */
void gf_draw_box(uint8_t *rgb, int w, int h, double x1, double y1, double x2, double y2, const uint8_t color[3]);

#endif
