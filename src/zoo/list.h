/* list.h - all architectures, one file each; their order is that of `graft models`. */
#ifndef GF_ZOO_LIST_H
#define GF_ZOO_LIST_H

#include "zoo/zoo.h"

extern const gf_architecture gf_mobilenet_v2, gf_mobilenet_v3_small, gf_mobilenet_v3_large;
extern const gf_architecture gf_efficientnet_b0, gf_efficientnet_b1, gf_efficientnet_b2, gf_efficientnet_b3;
extern const gf_architecture gf_resnet50_v2, gf_resnet101_v2, gf_resnet152_v2, gf_resnet50_keras;
extern const gf_architecture gf_densenet121, gf_densenet169, gf_densenet201;
extern const gf_architecture gf_vgg16, gf_vgg19, gf_inception_v3, gf_xception;
extern const gf_architecture gf_resnet18, gf_resnet34, gf_resnet50, gf_resnet101;
extern const gf_architecture gf_efficientnet_lite0, gf_efficientnet_lite0_timm, gf_mobilenet_v2_torch;
extern const gf_architecture gf_vgg16_torch, gf_densenet121_torch;

#endif
