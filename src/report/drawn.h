/* drawn.h - boxes with their names, drawn on an image. */
#ifndef GF_REPORT_DRAWN_H
#define GF_REPORT_DRAWN_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gf_drawn_box {
    double x1, y1, x2, y2; /* in pixels of the image */
    const char *label;     /* borrowed; NULL: none */
    uint32_t rgb;
} gf_drawn_box;

/* The colour of a class: eight that colour-blind people tell apart, in turn. */
uint32_t gf_class_color(int32_t class_id);

/* Frames, and above them what they are called, in sizes that suit the image; rgb: h x w x 3. On a thread of the pool,
 * whose stack is deep enough. E5001. */
graft_status gf_draw_boxes(uint8_t *rgb, int w, int h, const gf_drawn_box *box, size_t n, graft_error *err);

#endif
