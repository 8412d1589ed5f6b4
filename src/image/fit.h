/* fit.h - how an image of any shape becomes one of the network's shape. It is part of a model's preparation: what a
 * model was trained with is kept in its file and used wherever the model is used.
 *
 *     stretch            both sides are resized, whatever that does to the proportions: Keras's default
 *     crop               the largest centered part of the network's proportions: Keras's crop_to_aspect_ratio
 *     pad, pad=GRAY      the whole image, centered, with margins of one gray (114): letterboxing
 *     shortest=N,center  the shorter side becomes N, then the center is cut out: torchvision's Resize(N), CenterCrop
 */
#ifndef GF_IMAGE_FIT_H
#define GF_IMAGE_FIT_H

#include "base/error.h"
#include "image/resize_filter.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum gf_fit_kind { GF_FIT_STRETCH, GF_FIT_CROP, GF_FIT_PAD, GF_FIT_SHORTEST } gf_fit_kind;

typedef struct gf_fit {
    gf_fit_kind kind;
    int shortest;            /* GF_FIT_SHORTEST: N */
    uint8_t gray;            /* of margins: GF_FIT_PAD's; GF_FIT_SHORTEST's are 0, as torchvision's */
    gf_resize_filter filter; /* no part of the words */
} gf_fit;

enum { GF_FIT_TEXT = 32 };

/* From the words above; NULL is stretch. E3002 with the text and what is possible. */
graft_status gf_fit_parse(gf_fit *fit, const char *text, graft_error *err);
/* Back to the words, in one spelling. Returns buf. */
const char *gf_fit_text(const gf_fit *fit, char buf[GF_FIT_TEXT]);
static inline bool gf_fit_equal(const gf_fit *a, const gf_fit *b)
{
    return a->kind == b->kind && a->shortest == b->shortest && a->gray == b->gray && a->filter == b->filter;
}

/* Where a point of an h x w image comes to lie: x' = scale[0] x + offset[0], y' = scale[1] y + offset[1]; 0 at the
 * outer edges. */
void gf_fit_map(const gf_fit *fit, int h, int w, int oh, int ow, double scale[2], double offset[2]);

/* An image, h x w x 3, to oh x ow x 3 at dst; the resizing is resize.h's. Threads: any. E3001 for sides below 1. */
graft_status gf_fit_image(const gf_fit *fit, const uint8_t *rgb, int h, int w, float *dst, int oh, int ow,
                          bool antialias, graft_error *err);
/* The same values rounded to the nearest integer, halves up. */
graft_status gf_fit_image_u8(const gf_fit *fit, const uint8_t *rgb, int h, int w, uint8_t *dst, int oh, int ow,
                             bool antialias, graft_error *err);

#endif
