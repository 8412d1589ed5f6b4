/* onnx_shapes.c - how the file's dimensions lie in layers' outputs, and the operators that change nothing else. Between
 * (n, c, h, w) and (n, h, w, c) nothing moves; what else is asked for is put off until somebody reads it: then Permute
 * and Reshape make it. */
#include "exchange/onnx_in.h"

#include <math.h>
#include <string.h>

gf_oi_const *gf_oi_weights(gf_oi *s, const gf_onnx_node *n, size_t k)
{
    gf_oi_value *v = gf_oi_input(s, n, k);
    return v ? v->constant : NULL;
}

const char *gf_oi_weights_name(const gf_onnx_node *n, size_t k) { return k < n->n_inputs ? n->input[k] : NULL; }

gf_oi_fill gf_oi_vector(int layer, const char *var, gf_oi_const *from)
{
    return (gf_oi_fill){.layer = layer, .var = var, .from = from, .how = GF_OI_VECTOR, .factor = 1};
}

bool gf_oi_is_map(const gf_oi_value *v)
{
    return (v->shape.rank == 3 || v->shape.rank == 4) && (v->layout == GF_OI_NCHW || v->layout == GF_OI_NHWC);
}

/* (h, w, c) -> (1, c, h, w), (steps, c) -> (1, c, steps) */
static gf_shape channels_first(const gf_shape *s)
{
    gf_shape first = {s->rank + 1, {1, s->dim[s->rank - 1]}};
    for (int i = 0; i + 1 < s->rank; i++) first.dim[i + 2] = s->dim[i];
    return first;
}

graft_status gf_oi_set_map(gf_oi *s, const gf_onnx_node *n, int layer)
{
    gf_shape shape = channels_first(&s->m->layer[layer].shape);
    return gf_oi_set(s, n, layer, GF_OI_NCHW, &shape);
}

static gf_oi_value *copy_of(gf_oi *s, const gf_oi_value *v)
{
    gf_oi_value *copy = gf_onnx_alloc(&s->mem, 1, sizeof *copy);
    if (copy) *copy = *v;
    return copy;
}

static graft_status permuted(gf_oi *s, const gf_onnx_node *n, int from, int rank, const int *order, int *layer)
{
    gf_layer l = {.cls = &gf_layer_permute, .n_src = 1, .src = {from}};
    for (int i = 0; i < rank; i++) l.at.permute[i] = order[i];
    return gf_oi_add_layer(s, l, n, NULL, layer);
}

static graft_status reshaped(gf_oi *s, const gf_onnx_node *n, int from, const gf_shape *to, int *layer)
{
    gf_layer l = {.cls = &gf_layer_reshape, .n_src = 1, .src = {from}, .at = {.target = {.rank = to->rank - 1}}};
    if (to->rank > 2) {
        memcpy(l.at.target.dim, to->dim + 1, (size_t)(to->rank - 1) * sizeof *to->dim);
    } else {
        l.cls = &gf_layer_flatten;
    }
    return gf_oi_add_layer(s, l, n, NULL, layer);
}

/* The value in the file's own order of dimensions: its layer's output is the file's, without n. */
static graft_status in_own_order(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, gf_oi_value **out)
{
    static const int map[] = {2, 0, 1}, steps[] = {1, 0};
    *out = copy_of(s, v);
    if (!*out) return gf_oi_no_memory(s);
    if (v->layout != GF_OI_NCHW && v->layout != GF_OI_FLAT_CHW) return GRAFT_OK;
    const int rank = s->m->layer[v->layer].shape.rank;
    if (rank != 2 && rank != 3) return gf_oi_refuse(s, n, "of dimensions that are not read");
    GF_TRY(permuted(s, n, v->layer, rank, rank == 3 ? map : steps, &(*out)->layer));
    if (v->layout == GF_OI_FLAT_CHW) GF_TRY(reshaped(s, n, (*out)->layer, &v->shape, &(*out)->layer));
    (*out)->layout = v->shape.rank == 2 ? GF_OI_FLAT : GF_OI_NHWC;
    return GRAFT_OK;
}

/* As channels first, (n, c, h, w) or (n, c, steps). */
static graft_status channels_in_front(gf_oi *s, const gf_onnx_node *n, gf_oi_value **v)
{
    static const int map[] = {1, 2, 0}, steps[] = {1, 0};
    GF_TRY(gf_oi_materialize(s, *v));
    const int rank = (*v)->shape.rank;
    if (rank != 3 && rank != 4) return gf_oi_refuse(s, n, "its input is not (n, c, h, w) or (n, c, steps)");
    if ((*v)->layout == GF_OI_NCHW) return GRAFT_OK;
    GF_TRY(in_own_order(s, n, *v, v));
    GF_TRY(permuted(s, n, (*v)->layer, rank - 1, rank == 4 ? map : steps, &(*v)->layer));
    (*v)->layout = GF_OI_NCHW;
    return GRAFT_OK;
}

graft_status gf_oi_map_input(gf_oi *s, const gf_onnx_node *n, gf_oi_value **v)
{
    *v = gf_oi_input(s, n, 0);
    return *v ? channels_in_front(s, n, v) : gf_oi_refuse(s, n, "it has no input");
}

graft_status gf_oi_alike(gf_oi *s, const gf_onnx_node *n, gf_oi_value **v, size_t count)
{
    bool same = true;
    for (size_t i = 0; i < count; i++) {
        GF_TRY(gf_oi_materialize(s, v[i]));
        same &= v[i]->layout == v[0]->layout && v[i]->layout != GF_OI_FLAT_CHW;
        if (v[i]->shape.rank != v[0]->shape.rank) return gf_oi_refuse(s, n, "of values of other numbers of dimensions");
    }
    const int rank = count ? v[0]->shape.rank : 0;
    for (size_t i = 0; i < count && !same; i++) {
        GF_TRY(rank == 3 || rank == 4 ? channels_in_front(s, n, &v[i]) : in_own_order(s, n, v[i], &v[i]));
    }
    return GRAFT_OK;
}

graft_status gf_oi_map_or_flat(gf_oi *s, const gf_onnx_node *n, gf_oi_value **v)
{
    *v = gf_oi_input(s, n, 0);
    if (!*v || (*v)->constant || !(*v)->known) return gf_oi_refuse(s, n, "it has no input that depends on the image");
    return GRAFT_OK;
}

/* ---- other shapes */

/* Another name for the value, whose values lie in the order (c, h, w) of a layer that still is (h, w, c). */
static graft_status put_off(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, const gf_shape *to)
{
    GF_TRY(gf_oi_alias(s, n, v));
    gf_oi_value *out = gf_oi_find(s, n->output[0]);
    out->layout = GF_OI_FLAT_CHW;
    out->shape = *to;
    return GRAFT_OK;
}

/* (n, everything): the global pooling before it just does not keep its dimensions; a map of one place is a list of
 * channels; else the order of the file's features must be kept in mind. */
static graft_status collapse(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, const gf_shape *flat)
{
    gf_layer *before = &s->m->layer[v->layer];
    int64_t c = (int64_t)gf_layer_channels(before);
    if (v->layout == GF_OI_FLAT_CHW) return put_off(s, n, v, flat);
    bool pools = before->cls == &gf_layer_global_pool || before->cls == &gf_layer_global_max_pool;
    if (pools && (size_t)v->layer + 1 == s->m->n_layers && v->uses == 1 && !v->shared) {
        before->at.keepdims = false;
        before->shape = GF_SHAPE(c);
        return gf_oi_set(s, n, v->layer, GF_OI_FLAT, flat);
    }
    bool one_position = (int64_t)gf_count(&before->shape) == c;
    if (v->layout == GF_OI_NCHW && !one_position && c != 1) return put_off(s, n, v, flat);
    int layer;
    GF_TRY(reshaped(s, n, v->layer, flat, &layer));
    return gf_oi_set(s, n, layer, GF_OI_FLAT, flat);
}

/* Of values in the order (c, h, w): back to their layer's shape, other places under the same channels, or put off. */
static graft_status from_channels_first(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, const gf_shape *to)
{
    const gf_layer *from = &s->m->layer[v->layer];
    gf_shape was = channels_first(&from->shape);
    if (gf_shape_equal(&was, to)) return gf_oi_set(s, n, v->layer, GF_OI_NCHW, to);
    bool positions = (to->rank == 3 || to->rank == 4) && to->dim[1] == (int64_t)gf_layer_channels(from);
    if (!positions) return put_off(s, n, v, to);
    gf_shape last = {to->rank, {1, to->dim[2], to->rank == 4 ? to->dim[3] : 0}};
    last.dim[to->rank - 1] = to->dim[1];
    int layer;
    GF_TRY(reshaped(s, n, v->layer, &last, &layer));
    return gf_oi_set(s, n, layer, GF_OI_NCHW, to);
}

static graft_status to_shape(gf_oi *s, const gf_onnx_node *n, gf_oi_value *v, const gf_shape *to)
{
    if (gf_shape_equal(&v->shape, to)) return gf_oi_alias(s, n, v);
    size_t have = gf_count(&v->shape), want;
    if (!gf_shape_count(to, &want) || want != have) return gf_oi_refuse(s, n, "into a shape that does not fit");
    if (to->rank < 2 || to->dim[0] != 1) return gf_oi_refuse(s, n, "into a shape that is not (n, ...)");
    GF_TRY(gf_oi_materialize(s, v));
    if (to->rank == 2) return v->shape.rank == 2 ? gf_oi_alias(s, n, v) : collapse(s, n, v, to);
    int64_t c = (int64_t)gf_layer_channels(&s->m->layer[v->layer]);
    bool position = (int64_t)have == c && to->rank <= 4; /* what is called channels moves */
    bool first = position && to->dim[1] == c, last = position && to->dim[to->rank - 1] == c;
    bool same_rank = s->m->layer[v->layer].shape.rank + 1 == to->rank;
    if ((first || last) && same_rank) return gf_oi_set(s, n, v->layer, first ? GF_OI_NCHW : GF_OI_NHWC, to);
    if (v->layout == GF_OI_NCHW || v->layout == GF_OI_FLAT_CHW) return from_channels_first(s, n, v, to);
    gf_shape own = *to;
    if (first) {
        own.dim[1] = 1;
        own.dim[to->rank - 1] = c;
    }
    int layer;
    GF_TRY(reshaped(s, n, v->layer, &own, &layer));
    return gf_oi_set(s, n, layer, first ? GF_OI_NCHW : GF_OI_NHWC, to);
}

graft_status gf_oi_flatten(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    GF_TRY(gf_oi_map_or_flat(s, n, &v));
    int64_t axis = gf_oi_axis(v, gf_oi_int(n, "axis", 1));
    bool whole = axis == 1 || (axis == 0 && s->batch == 1); /* (1, everything) */
    if (!whole || (v->bare && axis != 1)) return gf_oi_refuse(s, n, "along another axis than 1");
    return to_shape(s, n, v, &GF_SHAPE(1, (int64_t)gf_count(&v->shape)));
}

graft_status gf_oi_reshape(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t dims[2 * GF_MAX_RANK];
    int count, open = -1;
    GF_TRY(gf_oi_map_or_flat(s, n, &v));
    GF_TRY(gf_oi_int_list(s, n, 1, "shape", dims, &count));
    gf_shape to = {.rank = count};
    if (count < 1 || count > GF_MAX_RANK) return gf_oi_refuse(s, n, "into more dimensions than 6");
    int64_t known = 1, have = (int64_t)gf_count(&v->shape);
    if (s->batch > 1 && dims[0] == s->batch) dims[0] = 1; /* the file's n, written out */
    for (int d = 0; d < count; d++) {
        const int same = d + v->bare; /* whose size 0 stands for */
        to.dim[d] = !dims[d] && same < v->shape.rank ? v->shape.dim[same] : dims[d];
        if (to.dim[d] == -1 && open < 0) {
            open = d;
        } else if (to.dim[d] < 1 || to.dim[d] > have || known > have) {
            return gf_oi_refuse(s, n, "into a shape that does not fit");
        } else {
            known *= to.dim[d];
        }
    }
    if (open >= 0 && known > 0) to.dim[open] = have / known;
    const bool bare = count == 1 || (s->batch == 1 && to.dim[0] != 1 && count < GF_MAX_RANK);
    for (int d = count; bare && d > 0; d--) to.dim[d] = to.dim[d - 1];
    if (bare) to.dim[0] = 1, to.rank++;
    GF_TRY(to_shape(s, n, v, &to));
    gf_oi_find(s, n->output[0])->bare = bare;
    return GRAFT_OK;
}

graft_status gf_oi_squeeze(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t axes[2 * GF_MAX_RANK];
    int count;
    GF_TRY(gf_oi_map_or_flat(s, n, &v));
    GF_TRY(gf_oi_int_list(s, n, 1, "axes", axes, &count));
    if (v->bare && count >= 0) return gf_oi_refuse(s, n, "of a value without n");
    bool bare = v->bare || (s->batch == 1 && (count < 0 || gf_oi_in_axes(axes, count, 0, v->shape.rank)));
    gf_shape to = {1, {v->shape.dim[0]}};
    for (int d = 1; d < v->shape.rank; d++) {
        bool drop = count < 0 ? v->shape.dim[d] == 1 : gf_oi_in_axes(axes, count, d, v->shape.rank);
        if (!drop) to.dim[to.rank++] = v->shape.dim[d];
    }
    if (!bare && gf_oi_in_axes(axes, count, 0, v->shape.rank)) return gf_oi_refuse(s, n, "of n");
    GF_TRY(to_shape(s, n, v, &to));
    gf_oi_find(s, n->output[0])->bare = bare;
    return GRAFT_OK;
}

graft_status gf_oi_unsqueeze(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t axes[2 * GF_MAX_RANK];
    int count;
    GF_TRY(gf_oi_map_or_flat(s, n, &v));
    GF_TRY(gf_oi_int_list(s, n, 1, "axes", axes, &count));
    if (v->bare && count == 1 && !axes[0]) return gf_oi_alias(s, n, v); /* n is back */
    if (v->bare) return gf_oi_refuse(s, n, "of a value without n");
    gf_shape to = {.rank = v->shape.rank + count};
    if (count < 1 || to.rank > GF_MAX_RANK) return gf_oi_refuse(s, n, "into more dimensions than 6");
    for (int d = 0, k = 0; d < to.rank; d++) {
        bool is_new = gf_oi_in_axes(axes, count, d, to.rank);
        to.dim[d] = is_new || k == v->shape.rank ? 1 : v->shape.dim[k++];
    }
    return to_shape(s, n, v, &to);
}

/* ---- other orders */

/* Between channels first and last only what the file calls the dimensions changes. */
static graft_status renamed(gf_oi *s, const gf_onnx_node *n, gf_oi_value *v, gf_oi_layout layout, const gf_shape *shape)
{
    GF_TRY(gf_oi_alias(s, n, v));
    gf_oi_value *out = gf_oi_find(s, n->output[0]);
    out->layout = layout;
    out->shape = *shape;
    return GRAFT_OK;
}

graft_status gf_oi_transpose(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    GF_TRY(gf_oi_map_or_flat(s, n, &v));
    const gf_onnx_attr *perm = gf_onnx_attribute(n, "perm");
    const int rank = v->shape.rank;
    gf_shape shape = {.rank = rank};
    unsigned seen = 0;
    bool same = true, to_first = true, to_last = true, fits = perm && perm->n_ints == (size_t)rank;
    for (int i = 0; fits && i < rank; i++) {
        int64_t from = perm->ints[i];
        fits = from >= 0 && from < rank && (i || !from);
        if (!fits) break;
        seen |= 1u << from;
        shape.dim[i] = v->shape.dim[from];
        same &= from == i;
        to_first &= !i || from == (i == 1 ? rank - 1 : i - 1);
        to_last &= !i || from == (i == rank - 1 ? 1 : i + 1);
    }
    if (!fits || seen != (1u << rank) - 1) return gf_oi_refuse(s, n, "of other than all dimensions but the first");
    if (same) return gf_oi_alias(s, n, v);
    GF_TRY(gf_oi_materialize(s, v));
    if (v->layout == GF_OI_NHWC && gf_oi_is_map(v) && to_first) return renamed(s, n, v, GF_OI_NCHW, &shape);
    if (v->layout == GF_OI_NCHW && gf_oi_is_map(v) && to_last) return renamed(s, n, v, GF_OI_NHWC, &shape);
    int order[GF_MAX_RANK], layer;
    for (int i = 1; i < rank; i++) order[i - 1] = (int)perm->ints[i] - 1;
    GF_TRY(in_own_order(s, n, v, &v));
    GF_TRY(permuted(s, n, v->layer, rank - 1, order, &layer));
    return gf_oi_set(s, n, layer, GF_OI_NHWC, &shape);
}

/* ---- borders and sizes */

/* Input 0 as a map, wherever its channels are; *first is its first dimension of places. */
static graft_status any_map(gf_oi *s, const gf_onnx_node *n, gf_oi_value **v, int *first)
{
    GF_TRY(gf_oi_map_or_flat(s, n, v));
    GF_TRY(gf_oi_materialize(s, *v));
    if (!gf_oi_is_map(*v)) GF_TRY(gf_oi_map_input(s, n, v));
    *first = (*v)->layout == GF_OI_NCHW ? 2 : 1;
    return GRAFT_OK;
}

/* A layer of that class behind v; the result's shape in the file is the layer's. */
static graft_status set_positions(gf_oi *s, const gf_onnx_node *n, gf_layer l, const gf_oi_value *v)
{
    int layer;
    l.n_src = 1;
    l.src[0] = v->layer;
    l.at.sequence = v->shape.rank == 3;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    if (v->layout == GF_OI_NCHW) return gf_oi_set_map(s, n, layer);
    const gf_shape *own = &s->m->layer[layer].shape;
    gf_shape shape = {own->rank + 1, {1}};
    memcpy(shape.dim + 1, own->dim, (size_t)own->rank * sizeof *own->dim);
    return gf_oi_set(s, n, layer, GF_OI_NHWC, &shape);
}

/* A border of zeros (or what is cut off) of each dimension; false: other than of places. */
static bool set_border(gf_layer *l, const gf_oi_value *v, int first, const int64_t *before, const int64_t *after)
{
    const int positions = v->shape.rank - 2;
    for (int d = 0; d < v->shape.rank; d++) {
        bool position = d >= first && d < first + positions;
        if (before[d] < 0 || after[d] < 0 || before[d] > 65535 || after[d] > 65535) return false;
        if (!position && (before[d] || after[d])) return false;
        if (!position) continue;
        bool rows = positions == 2 && d == first;
        *(rows ? &l->at.pt : &l->at.pl) = (int)before[d];
        *(rows ? &l->at.pb : &l->at.pr) = (int)after[d];
    }
    return true;
}

graft_status gf_oi_pad(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t p[2 * GF_MAX_RANK];
    int count, first;
    GF_TRY(any_map(s, n, &v, &first));
    GF_TRY(gf_oi_int_list(s, n, 1, "pads", p, &count));
    const gf_onnx_attr *mode = gf_onnx_attribute(n, "mode");
    gf_oi_const *with = gf_oi_weights(s, n, 2);
    const float *number = with && gf_count(&with->shape) == 1 ? gf_oi_floats(s, with) : NULL;
    bool zero = (!mode || !strcmp(mode->s, "constant")) && (!number || *number == 0) && gf_oi_float(n, "value", 0) == 0;
    gf_layer l = {.cls = &gf_layer_zero_padding};
    bool fits = count == 2 * v->shape.rank && n->n_inputs <= 3 && set_border(&l, v, first, p, p + count / 2);
    if (!zero || !fits) return gf_oi_refuse(s, n, "other than zeros around height and width");
    return set_positions(s, n, l, v);
}

/* How much of each of the file's dimensions is cut off; false: more than that, or nothing is left. */
static bool slice_of(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, int64_t *before, int64_t *after,
                     graft_status *status)
{
    static const char *const names[] = {"starts", "ends", "axes", "steps"};
    int64_t list[4][2 * GF_MAX_RANK];
    int count[4];
    for (size_t k = 0; k < 4 && *status == GRAFT_OK; k++) {
        *status = gf_oi_int_list(s, n, k + 1, names[k], list[k], &count[k]);
    }
    if (*status != GRAFT_OK) return false;
    bool fits = count[0] > 0 && count[1] == count[0] && count[0] <= v->shape.rank;
    for (int i = 0; i < count[0] && fits; i++) {
        int64_t axis = count[2] > i ? list[2][i] : i, start = list[0][i], end = list[1][i];
        if (axis < 0) axis += v->shape.rank;
        fits = axis >= 0 && axis < v->shape.rank && (count[3] <= i || list[3][i] == 1);
        if (!fits) break;
        int64_t size = v->shape.dim[axis];
        start = start < -size ? 0 : start < 0 ? start + size : start;
        end = end < -size ? 0 : end < 0 ? end + size : end > size ? size : end;
        fits = start < end;
        before[axis] = start;
        after[axis] = size - end;
    }
    return fits;
}

/* Rows, columns or steps cut off, or entries of another dimension. */
graft_status gf_oi_slice(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t before[GF_MAX_RANK] = {0}, after[GF_MAX_RANK] = {0};
    graft_status status = GRAFT_OK;
    GF_TRY(gf_oi_map_or_flat(s, n, &v));
    GF_TRY(gf_oi_materialize(s, v));
    bool fits = slice_of(s, n, v, before, after, &status);
    GF_TRY(status);
    gf_layer l = {.cls = &gf_layer_cropping};
    if (fits && gf_oi_is_map(v) && set_border(&l, v, v->layout == GF_OI_NCHW ? 2 : 1, before, after)) {
        return set_positions(s, n, l, v);
    }
    int layer = v->layer;
    gf_shape shape = v->shape;
    for (int d = 0; d < v->shape.rank && fits; d++) {
        if (!before[d] && !after[d]) continue;
        int own = gf_oi_own_axis(v, d);
        fits = own >= 0;
        if (fits) GF_TRY(gf_oi_cut(s, n, layer, own, before[d], after[d], &layer));
        shape.dim[d] -= before[d] + after[d];
    }
    return fits ? gf_oi_set(s, n, layer, v->layout, &shape)
                : gf_oi_refuse(s, n, "of other than entries that stand together");
}

/* Before opset 11 the source of pixel x was x / scale, and the scales stood elsewhere. */
static bool resizes_as_of_old(const gf_oi *s, const gf_onnx_node *n)
{
    return s->o->opset < 11 || !strcmp(n->op, "Upsample");
}

/* By how much a dimension grows, as scales or sizes say; 0: no whole number. */
static int factor_of(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, int d)
{
    const bool old = resizes_as_of_old(s, n);
    gf_oi_const *scales = gf_oi_weights(s, n, old ? 1 : 2), *sizes = old ? NULL : gf_oi_weights(s, n, 3);
    const gf_onnx_attr *a = old ? gf_onnx_attribute(n, "scales") : NULL; /* Upsample before opset 9 */
    enum { LARGEST = 64 };
    double factor = 0;
    if (a && a->n_floats == (size_t)v->shape.rank) {
        factor = (double)a->floats[d];
    } else if (scales && (int)gf_count(&scales->shape) == v->shape.rank) {
        const float *x = gf_oi_floats(s, scales);
        factor = x ? (double)x[d] : 0;
    } else if (sizes && (int)gf_count(&sizes->shape) == v->shape.rank) {
        const int64_t *x = gf_oi_ints(s, sizes);
        factor = x ? (double)x[d] / (double)v->shape.dim[d] : 0;
    }
    return factor >= 1 && factor <= LARGEST && factor == floor(factor) ? (int)factor : 0;
}

/* Whole factors: where a pixel is nearest (all ways to round agree there but at ties), or half-pixel centres between.
 */
graft_status gf_oi_resize(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int first;
    GF_TRY(any_map(s, n, &v, &first));
    const gf_onnx_attr *mode = gf_onnx_attribute(n, "mode"),
                       *at = gf_onnx_attribute(n, "coordinate_transformation_mode");
    const gf_onnx_attr *rounds = gf_onnx_attribute(n, "nearest_mode");
    const char *how = mode ? mode->s : "nearest", *where = at ? at->s : "half_pixel";
    const char *round = rounds ? rounds->s : "round_prefer_floor";
    if (resizes_as_of_old(s, n)) where = "asymmetric", round = "floor";
    bool half = !strcmp(where, "half_pixel") || !strcmp(where, "pytorch_half_pixel");
    bool nearest = !strcmp(how, "nearest") && ((!strcmp(where, "asymmetric") && !strcmp(round, "floor")) ||
                                               (half && !strncmp(round, "round_prefer", 12)));
    bool linear = !strcmp(how, "linear") && half && v->shape.rank == 4;
    gf_layer l = {.cls = &gf_layer_upsampling, .at = {.factor_h = 1, .factor_w = 1, .bilinear = linear}};
    bool fits = nearest || linear;
    for (int d = 0; d < v->shape.rank && fits; d++) {
        int factor = factor_of(s, n, v, d), positions = v->shape.rank - 2;
        bool position = d >= first && d < first + positions;
        fits = position ? factor > 0 : factor == 1;
        if (position) *(positions == 2 && d == first ? &l.at.factor_h : &l.at.factor_w) = factor;
    }
    return fits
               ? set_positions(s, n, l, v)
               : gf_oi_refuse(s, n, "other than by whole factors, to the nearest or linear between half-pixel centres");
}
