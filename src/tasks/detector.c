/* detector.c - what the heads of detectors share. */
#include "tasks/detector.h"

#include "graph/head.h"

#include <string.h>

graft_status gf_detector_put(gf_model *m, gf_layer l, const char *stem, const int *src, int n, int *at,
                             graft_error *err)
{
    int first = src[0];
    for (int k = 1; k < n; k++) l.src[k] = src[k];
    l.n_src = n;
    GF_TRY(gf_head_put(m, l, stem, &first, err));
    *at = first;
    return GRAFT_OK;
}

graft_status gf_detector_level(gf_model *m, int map, int classes, int *places, graft_error *err)
{
    const gf_shape *s = &m->layer[map].shape;
    if (s->rank != 3)
        return gf_fail(err, GF_E_MODEL_SHAPE, "cut it earlier (--cut), at a map",
                       "layer %s gives %s: a detector stands on a map of height, width, channels",
                       GF_ESC(m->layer[map].name), GF_SHAPE_TEXT(s));
    const int width = classes + GF_SIDES;
    const int64_t n = s->dim[0] * s->dim[1];
    gf_layer detector = {.cls = &gf_layer_conv2d};
    detector.at.filters = width;
    detector.at.kh = detector.at.kw = 1;
    detector.at.use_bias = true;
    gf_layer rows = {.cls = &gf_layer_reshape};
    rows.at.target = GF_SHAPE(n, width);
    GF_TRY(gf_detector_put(m, detector, "detector", &map, 1, places, err));
    return gf_detector_put(m, rows, "places", places, 1, places, err);
}

graft_status gf_detector_end(gf_model *m, const int *places, int levels, graft_error *err)
{
    gf_layer all = {.cls = &gf_layer_concatenate};
    m->output = places[0];
    if (levels > 1) GF_TRY(gf_detector_put(m, all, "all_places", places, levels, &m->output, err));
    m->end = GF_END_LINEAR;
    return GRAFT_OK;
}

/* The convolution behind a level's reshape; -1: there is none. */
static int convolution_of(const gf_model *m, int places)
{
    const gf_layer *l = &m->layer[places];
    if (l->cls != &gf_layer_reshape || l->shape.rank != 2 || l->n_src != 1) return -1;
    const gf_layer *from = &m->layer[l->src[0]];
    return from->cls == &gf_layer_conv2d && from->shape.rank == 3 ? l->src[0] : -1;
}

int gf_detector_levels(const gf_model *m, int convolution[GF_MAX_LEVELS])
{
    const gf_layer *l = &m->layer[m->output];
    const int *src = l->cls == &gf_layer_concatenate ? l->src : &m->output;
    int n = l->cls == &gf_layer_concatenate ? l->n_src : 1;
    if (n > GF_MAX_LEVELS) return 0;
    for (int k = 0; k < n; k++)
        if ((convolution[k] = convolution_of(m, src[k])) < 0) return 0;
    return n;
}
