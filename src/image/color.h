/* color.h - affine maps of RGB, a pass over an image that a warp has made. Values are 0..255. */
#ifndef GF_IMAGE_COLOR_H
#define GF_IMAGE_COLOR_H

#include "image/quantize.h"

/* A pixel x becomes own x + mean mu + add, mu being the means of the image's channels as it comes; then it is clipped
 * to 0..255. Brightness, contrast, saturation and gray are of this kind, and so are any of them in a row but for
 * clipping between them. Matrices row by row. */
typedef struct gf_color {
    float own[9], mean[9], add[3];
    bool set; /* false: none; the rest does not matter */
} gf_color;

/* Luma of ITU-R BT.601, the gray of JPEG, Pillow and torchvision. */
extern const float gf_luma[3];

/* x + add. */
gf_color gf_color_shift(float add);
/* factor x + (1 - factor) m, m being each channel's mean: Keras's contrast. */
gf_color gf_color_contrast(float factor);
/* factor x + (1 - factor) gray(x), gray = weight . x: saturation. */
gf_color gf_color_saturation(float factor, const float weight[3]);
/* factor x + (1 - factor) (weight . mean): contrast about the gray image's mean. */
gf_color gf_color_gray_contrast(float factor, const float weight[3]);
/* factor x. */
gf_color gf_color_scale(float factor);

/* `then` behind c, which becomes both. */
void gf_color_merge(gf_color *c, const gf_color *then);

/* n pixels at value, in place; or to bytes at dst, and what is then at value has no meaning. The means are sums of
 * whole numbers (256ths): the same bits on any CPU. Threads: any. */
void gf_color_apply(const gf_color *c, float *value, size_t n);
void gf_color_int8(const gf_color *c, float *value, size_t n, const gf_quantize_map *map, uint8_t *dst);

#endif
