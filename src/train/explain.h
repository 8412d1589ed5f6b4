/* explain.h - what of an image speaks for a class: Grad-CAM (Selvaraju et al., 2017).
 *
 * Of the last map A of the network, h x w places with c channels: a_k is the mean over places of dy/dA_k, y the class's
 * logit, and the heat of a place is max(0, sum_k a_k A_k), divided by the greatest. The gradient is of the layers
 * behind the map alone, so nothing runs backward through the network. */
#ifndef GF_TRAIN_EXPLAIN_H
#define GF_TRAIN_EXPLAIN_H

#include "graph/model.h"

typedef struct gf_explain {
    const gf_model *m; /* borrowed */
    int map;           /* the layer whose output that map is */
    size_t h, w, c;
    int *chain; /* owned: the layers behind it, up to the logits */
    size_t n;
    double **value; /* owned: what each of them gives, value[0] being the map; n + 1 */
    double **slope; /* the gradient at each, likewise */
} gf_explain;

/* E3002 where the network has no such map, or something other than pooling, flattening, dense layers, batch
 * normalization, activations and dropout stands behind it. On failure there is nothing to close. */
graft_status gf_explain_open(gf_explain *x, const gf_model *m, graft_error *err);
void gf_explain_close(gf_explain *x);

/* heat[h * w] of the logit number `output` of the network that gives that map; with `against`, of its negative: one
 * logit stands for two classes. All zero where nothing speaks for the class. */
void gf_explain_heat(gf_explain *x, const float *map, size_t output, bool against, float *heat);

#endif
