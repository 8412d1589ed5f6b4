/* attention.h - what the kinds of attention do with one row of scores. */
#ifndef GF_OPS_ATTENTION_H
#define GF_OPS_ATTENTION_H

#include <stddef.h>

/* softmax of scale z over the first `seen` of n places, in place; the others get 0. */
void gf_attention_weigh(float scale, float *z, size_t seen, size_t n);
/* dz = scale p (dp - dp . p), in dp's place */
void gf_attention_weigh_back(float scale, const float *p, float *dp, size_t n);

#endif
