/* clip.h - gradients that are made smaller before an update: Keras's global_clipnorm, clipnorm and clipvalue; the first
 * of them is PyTorch's clip_grad_norm_. */
#ifndef GF_TRAIN_CLIP_H
#define GF_TRAIN_CLIP_H

#include "base/error.h"
#include "base/settings.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum gf_clip_kind {
    GF_CLIP_NOTHING,
    GF_CLIP_NORM,        /* the norm over all that trains is at most `limit` */
    GF_CLIP_TENSOR_NORM, /* the norm of each parameter */
    GF_CLIP_VALUE        /* each value is from -limit to limit */
} gf_clip_kind;

typedef struct gf_clip {
    gf_clip_kind kind;
    double limit; /* above 0 */
} gf_clip;

/* What train.clip_norm, train.clip_tensor_norm and train.clip_value say; one of them at most is set
 * (gf_clip_check: E3002). */
gf_clip gf_clip_of(const gf_settings *s);
graft_status gf_clip_check(const gf_settings *s, graft_error *err);

/* What gradients of that norm are multiplied by; torch: PyTorch's formula, which adds 1e-6 to the norm. A norm that is
 * not finite: 1. */
float gf_clip_factor(double norm, double limit, bool torch);

void gf_clip_scale(float *grad, size_t n, float factor);
void gf_clip_values(float *grad, size_t n, double limit);

#endif
