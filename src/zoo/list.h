/* list.h - all architectures, one file each; their order is that of `graft models`. */
#ifndef GF_ZOO_LIST_H
#define GF_ZOO_LIST_H

#include "zoo/zoo.h"

extern const gf_architecture gf_mobilenet_v2;

#endif
