/* detector_pan.c - four levels, of strides 8 to 64: a path from coarse maps to fine ones, and one back.
 *
 *     tap 8 ---> L3 ----------> + --D--> T3 = B3 ------------------> head
 *                               ^ up                | D, stride 2
 *     tap 16 --> L4 ----> + --D--> T4 ------------> + --D--> B4 ---> head
 *                         ^ up                               |
 *     tap 32 --> L5 --D--> T5 ----------------------------> + --D--> B5 ---> head
 *                                                                    | D, stride 2
 *                                                                    B6 ---> head
 *
 * D: a depthwise convolution of 5 x 5, then one of 1 x 1, with ReLU. A head: two D, then the level's places. */
#include "tasks/detector.h"

enum { LEVELS = 4, TAPS = 3, WIDTH = 96, FIRST_STRIDE = 8 };

/* ---- taps */

/* Whether all that comes behind a layer hangs on it: nothing reads past it. */
static bool is_waist(const gf_model *m, int layer, int last)
{
    for (int i = layer + 1; i <= last; i++)
        for (int k = 0; k < m->layer[i].n_src; k++)
            if (m->layer[i].src[k] < layer) return false;
    return true;
}

/* Whether layer i is a map of that stride which all later ones hang on. */
static bool is_stage(const gf_model *m, int i, int last, int64_t stride)
{
    const gf_shape *input = &m->layer[0].shape, *s = &m->layer[i].shape;
    return s->rank == 3 && input->rank == 3 && s->dim[0] * stride == input->dim[0] &&
           s->dim[1] * stride == input->dim[1] && is_waist(m, i, last);
}

/* What a stage hands on: the last such layer, but not one that is expanded again for what comes next: of those before
 * it that have a third of its channels or less, the last. */
static graft_status tap_of(const gf_model *m, int last, int64_t stride, int *tap, graft_error *err)
{
    const gf_shape *input = &m->layer[0].shape;
    enum { EXPANDED = 3 };
    *tap = -1;
    for (int i = last; i > 0; i--) {
        if (!is_stage(m, i, last, stride)) continue;
        if (*tap < 0 || m->layer[i].shape.dim[2] * EXPANDED <= m->layer[*tap].shape.dim[2]) *tap = i;
    }
    if (*tap >= 0) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "--size of a multiple of 32, or --detector plain",
                   "the network has no map of a %lldth of %s: the neck \"pan\" cannot stand on it", (long long)stride,
                   GF_SHAPE_TEXT(input));
}

/* ---- the neck */

static graft_status pointwise(gf_model *m, int from, const char *stem, int *at, graft_error *err)
{
    gf_layer l = {.cls = &gf_layer_conv2d};
    l.at.filters = WIDTH;
    l.at.kh = l.at.kw = 1;
    l.at.use_bias = true;
    l.at.act = GF_ACT_RELU;
    return gf_detector_put(m, l, stem, &from, 1, at, err);
}

static graft_status wide(gf_model *m, int from, int stride, const char *stem, int *at, graft_error *err)
{
    gf_layer l = {.cls = &gf_layer_depthwise};
    l.at.kh = l.at.kw = 5;
    l.at.sh = l.at.sw = stride;
    l.at.padding = GF_PAD_SAME;
    l.at.use_bias = true;
    GF_TRY(gf_detector_put(m, l, "depthwise", &from, 1, at, err));
    return pointwise(m, *at, stem, at, err);
}

static graft_status add(gf_model *m, int a, int b, int *at, graft_error *err)
{
    const int both[] = {a, b};
    return gf_detector_put(m, (gf_layer){.cls = &gf_layer_add}, "merge", both, 2, at, err);
}

static graft_status doubled(gf_model *m, int from, int *at, graft_error *err)
{
    gf_layer l = {.cls = &gf_layer_upsampling};
    l.at.factor_h = l.at.factor_w = 2;
    return gf_detector_put(m, l, "up", &from, 1, at, err);
}

/* From coarse to fine: level[TAPS]. */
static graft_status down(gf_model *m, const int tap[TAPS], int level[TAPS], graft_error *err)
{
    for (int k = TAPS - 1; k >= 0; k--) {
        int up;
        GF_TRY(pointwise(m, tap[k], "lateral", &level[k], err));
        if (k + 1 < TAPS) {
            GF_TRY(doubled(m, level[k + 1], &up, err));
            GF_TRY(add(m, level[k], up, &level[k], err));
        }
        GF_TRY(wide(m, level[k], 1, "top_down", &level[k], err));
    }
    return GRAFT_OK;
}

/* And back. */
static graft_status up(gf_model *m, int level[LEVELS], graft_error *err)
{
    for (int k = 1; k < LEVELS; k++) {
        int halved;
        GF_TRY(wide(m, level[k - 1], 2, "halved", &halved, err));
        if (k == TAPS) {
            level[k] = halved;
            continue;
        }
        GF_TRY(add(m, level[k], halved, &level[k], err));
        GF_TRY(wide(m, level[k], 1, "bottom_up", &level[k], err));
    }
    return GRAFT_OK;
}

static graft_status add_head(gf_model *m, int last, int classes, float dropout, graft_error *err)
{
    int tap[TAPS], level[LEVELS], places[LEVELS];
    (void)dropout;
    for (int k = 0; k < TAPS; k++) GF_TRY(tap_of(m, last, FIRST_STRIDE << k, &tap[k], err));
    m->features = tap[TAPS - 1];
    GF_TRY(down(m, tap, level, err));
    GF_TRY(up(m, level, err));
    for (int k = 0; k < LEVELS; k++) {
        for (int i = 0; i < 2; i++) GF_TRY(wide(m, level[k], 1, "head", &level[k], err));
        GF_TRY(gf_detector_level(m, level[k], classes, &places[k], err));
    }
    return gf_detector_end(m, places, LEVELS, err);
}

const gf_detector_class gf_detector_pan = {
    .name = "pan",
    .help = "four levels of strides 8 to 64, with a path down and one up: objects of all sizes",
    .add_head = add_head,
};
