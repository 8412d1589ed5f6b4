/* grey.h - a network for images of three channels turned into one for gray ones.
 *
 * A gray image g is the colour image (g, g, g). Behind its preprocessing channel c of the network's input is
 * A_c g + B_c; the first convolution sums k_c (A_c g + B_c) over the channels. With one channel, prepared as A g + B
 * (the means over the channels), the same comes out of the kernel k = sum_c k_c A_c / A and a constant, sum_c k_c (B_c
 * - B A_c / A) over the window, which goes into the bias or the mean of the batch normalisation behind it. Where
 * preprocessing is the same for all channels ([-1, 1], [0, 1]) that is three times the mean of the kernels, and no
 * constant: exact everywhere. Where it is not (ImageNet's means and deviations) it is exact except where the window
 * reaches over the border, whose zeros are no gray.
 *
 * GF_GRAY_MEAN does as tutorials do that take the mean of the kernels over the colours, and no constant: sums behind
 * the first convolution are a third of what they were, which the batch normalisation behind it was not made for. It is
 * there to give what such a program gives. */
#ifndef GF_GRAPH_GRAY_H
#define GF_GRAPH_GRAY_H

#include "graph/model.h"

/* In the order of the choices of model.gray_kernels. */
typedef enum gf_gray_kernels { GF_GRAY_SUM, GF_GRAY_MEAN } gf_gray_kernels;

/* *to is new and finished, with values. E3102 where the network does not begin with a convolution of the image. */
graft_status gf_model_to_gray(gf_model *to, const gf_model *from, gf_gray_kernels kernels, graft_error *err);

#endif
