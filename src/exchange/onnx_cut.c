/* onnx_cut.c - parts of a value, and labels. A part of any dimension is made by layers that every tool has: with all
 * that lies before and behind the dimension laid together it is a column of a map, which Cropping2D cuts. */
#include "exchange/onnx_in.h"

#include <string.h>

int gf_oi_own_axis(const gf_oi_value *v, int64_t axis)
{
    const int rank = v->shape.rank;
    if (axis < 1 || axis >= rank || v->layout == GF_OI_FLAT_CHW) return -1;
    if (v->layout != GF_OI_NCHW) return (int)axis - 1;
    return axis == 1 ? rank - 2 : (int)axis - 2;
}

static graft_status shaped(gf_oi *s, const gf_onnx_node *n, int from, const gf_shape *to, int *layer)
{
    gf_layer l = {.cls = &gf_layer_reshape, .n_src = 1, .src = {from}, .at = {.target = *to}};
    if (to->rank == 1) l.cls = &gf_layer_flatten;
    return gf_oi_add_layer(s, l, n, NULL, layer);
}

graft_status gf_oi_cut(gf_oi *s, const gf_onnx_node *n, int from, int axis, int64_t before, int64_t after, int *layer)
{
    gf_shape shape = s->m->layer[from].shape; /* a copy: layers move */
    int64_t rows = 1, each = 1, most = 65535;
    for (int d = 0; d < shape.rank; d++) {
        if (d < axis) rows *= shape.dim[d];
        if (d > axis) each *= shape.dim[d];
    }
    bool fits = before >= 0 && after >= 0 && before <= most && after <= most && before + after < shape.dim[axis];
    if (!fits) return gf_oi_refuse(s, n, "of a part that is not there");
    if (!before && !after) {
        *layer = from;
        return GRAFT_OK;
    }
    gf_layer crop = {.cls = &gf_layer_cropping, .n_src = 1, .at = {.pl = (int)before, .pr = (int)after}};
    GF_TRY(shaped(s, n, from, &GF_SHAPE(rows, shape.dim[axis], each), &crop.src[0]));
    GF_TRY(gf_oi_add_layer(s, crop, n, NULL, layer));
    shape.dim[axis] -= before + after;
    return shaped(s, n, *layer, &shape, layer);
}

/* ---- Split */

/* How long each part is: as the file says, or all alike but the last. */
static bool parts_of(const gf_onnx_node *n, int64_t whole, const int64_t *given, int count, int64_t *part)
{
    const int64_t parts = (int64_t)n->n_outputs, each = (whole + parts - 1) / parts;
    int64_t left = whole;
    if (count >= 0 && count != parts) return false;
    for (int64_t i = 0; i < parts; i++) {
        part[i] = count >= 0 ? given[i] : i + 1 < parts ? each : left;
        if (part[i] < 1 || part[i] > left) return false;
        left -= part[i];
    }
    return !left;
}

graft_status gf_oi_split(gf_oi *s, const gf_onnx_node *n)
{
    enum { MOST = 2 * GF_MAX_RANK };
    gf_oi_value *v;
    int64_t given[MOST], part[MOST], at = 0, axis = gf_oi_int(n, "axis", 0);
    int count;
    GF_TRY(gf_oi_map_or_flat(s, n, &v));
    GF_TRY(gf_oi_materialize(s, v));
    GF_TRY(gf_oi_int_list(s, n, 1, "split", given, &count));
    if (axis < 0) axis += v->shape.rank;
    const int own = gf_oi_own_axis(v, axis);
    if (own < 0 || n->n_outputs > MOST) return gf_oi_refuse(s, n, "along n, or into more than 12 parts");
    const int64_t whole = v->shape.dim[axis];
    if (!parts_of(n, whole, given, count, part)) return gf_oi_refuse(s, n, "into parts that do not fit");
    const gf_oi_value from = *v;
    for (size_t k = 0; k < n->n_outputs; k++) {
        int layer;
        gf_shape shape = from.shape;
        shape.dim[axis] = part[k];
        GF_TRY(gf_oi_cut(s, n, from.layer, own, at, whole - at - part[k], &layer));
        GF_TRY(gf_oi_set_k(s, n, k, layer, from.layout, &shape));
        at += part[k];
    }
    return GRAFT_OK;
}

/* ---- labels */

static bool is_any(const char *op, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(op, list[i])) return true;
    }
    return false;
}

/* Whether the node chooses one of the values' classes. */
static bool chooses(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v)
{
    static const char *const compare[] = {"Greater", "GreaterOrEqual", "Less", "LessOrEqual"};
    if (is_any(n->op, compare, sizeof compare / sizeof *compare)) { /* with a number */
        const gf_oi_const *c = gf_oi_weights(s, n, 1);
        return c && gf_count(&c->shape) == 1;
    }
    bool most = !strcmp(n->op, "ArgMax"), top = !strcmp(n->op, "TopK");
    if ((!most && !top) || v->layout == GF_OI_FLAT_CHW) return false;
    int64_t axis = gf_oi_axis(v, gf_oi_int(n, "axis", top ? -1 : 0));
    return gf_oi_own_axis(v, axis) == s->m->layer[v->layer].shape.rank - 1;
}

graft_status gf_oi_labels(gf_oi *s, const gf_onnx_node *n, bool *does)
{
    static const char *const hand_on[] = {"Cast", "Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten"};
    gf_oi_value *v = gf_oi_input(s, n, 0);
    *does = false;
    if (!v || v->constant || !v->known) return GRAFT_OK;
    if (!v->label) {
        if (gf_oi_handler_of(n->op) != gf_oi_label) return GRAFT_OK;
        GF_TRY(gf_oi_materialize(s, v));
        if (!chooses(s, n, v)) return GRAFT_OK;
    } else if (!is_any(n->op, hand_on, sizeof hand_on / sizeof *hand_on)) {
        return gf_oi_refuse(s, n, "of the number of a class");
    }
    const gf_oi_value from = *v;
    for (size_t k = 0; k < n->n_outputs; k++) {
        GF_TRY(gf_oi_set_k(s, n, k, from.layer, from.layout, &from.shape));
        gf_oi_value *out = gf_oi_find(s, n->output[k]);
        if (out) out->label = true;
    }
    *does = true;
    return GRAFT_OK;
}

graft_status gf_oi_label(gf_oi *s, const gf_onnx_node *n) { return gf_oi_refuse(s, n, "of other than classes"); }
