/* layer_shapes.c - merging, and the same values in another shape. */
#include "graph/lower.h"

static graft_status mismatch(const gf_model *m, const gf_layer *l, int k, graft_error *err)
{
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): its inputs are %s and %s", GF_ESC(l->name),
                   gf_layer_class_name(l), GF_SHAPE_TEXT(gf_source_shape(m, l, 0)),
                   GF_SHAPE_TEXT(gf_source_shape(m, l, k)));
}

static graft_status add_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *gf_source_shape(m, l, 0);
    for (int k = 1; k < l->n_src; k++) {
        if (!gf_shape_equal(&l->shape, gf_source_shape(m, l, k))) return mismatch(m, l, k, err);
    }
    return GRAFT_OK;
}

static graft_status lower_add(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    for (int k = 0; k < 2 && l->n_src == 2; k++) {
        gf_node *n = gf_lower_open(st, l->src[k]);
        int other = st->g->value_of_layer[l->src[1 - k]];
        if (!n || !n->spec.cls->residual || n->spec.n_src != 1 || st->g->value[other].producer >= n - st->g->node)
            continue;
        if (n->src[0] == other) continue; /* one node would write that value's gradient twice */
        n->src[1] = other;
        n->spec.src[1] = st->g->value[other].shape;
        n->spec.n_src = 2;
        gf_lower_fused(st, layer, n);
        return GRAFT_OK;
    }
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_add, &n, err));
    return gf_lower_close(st, layer, n, err);
}

/* Whether `s` is one value a channel of `of`: (1, 1, c) for (h, w, c), (1, c) for (steps, c). */
static bool is_gate(const gf_shape *s, const gf_shape *of)
{
    gf_shape gate = *of;
    for (int i = 0; i < of->rank - 1; i++) gate.dim[i] = 1;
    return (of->rank == 2 || of->rank == 3) && gf_shape_equal(s, &gate);
}

static graft_status multiply_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    if (l->n_src != 2) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (Multiply): %d inputs, 2 are wanted", GF_ESC(l->name),
                       l->n_src);
    }
    if (is_gate(gf_source_shape(m, l, 0), gf_source_shape(m, l, 1))) { /* the gate comes second */
        int first = l->src[0];
        l->src[0] = l->src[1];
        l->src[1] = first;
    }
    l->shape = *gf_source_shape(m, l, 0);
    const gf_shape *by = gf_source_shape(m, l, 1);
    return gf_shape_equal(by, &l->shape) || is_gate(by, &l->shape) ? GRAFT_OK : mismatch(m, l, 1, err);
}

static graft_status lower_multiply(gf_lowering *st, int layer, graft_error *err)
{
    return gf_lower_as(st, layer, &gf_op_multiply, err);
}

static graft_status concatenate_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *gf_source_shape(m, l, 0);
    if (l->at.axis < 0) l->at.axis += l->shape.rank;
    bool fits = l->at.axis >= 0 && l->at.axis < l->shape.rank;
    for (int k = 1; k < l->n_src && fits; k++) {
        gf_shape other = *gf_source_shape(m, l, k);
        int64_t along = other.rank == l->shape.rank ? other.dim[l->at.axis] : 0;
        if (other.rank == l->shape.rank) other.dim[l->at.axis] = l->shape.dim[l->at.axis];
        if (!gf_shape_equal(&other, &l->shape)) return mismatch(m, l, k, err);
        l->shape.dim[l->at.axis] += along;
    }
    if (fits) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: axis %d of %s", GF_ESC(l->name), l->at.axis,
                   GF_SHAPE_TEXT(&l->shape));
}

static graft_status lower_concatenate(gf_lowering *st, int layer, graft_error *err)
{
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_concat, &n, err));
    n->spec.concat.axis = gf_lowered(st, layer)->at.axis + 1 + gf_rows_before(gf_lowered(st, layer));
    return gf_lower_close(st, layer, n, err);
}

static graft_status flatten_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    (void)err;
    l->shape = GF_SHAPE((int64_t)gf_count(gf_source_shape(m, l, 0)));
    return GRAFT_OK;
}

static graft_status reshape_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = l->at.target;
    int64_t have = (int64_t)gf_count(gf_source_shape(m, l, 0)), known = 1;
    int open = -1;
    for (int i = 0; i < l->shape.rank; i++) {
        if (l->shape.dim[i] == -1 && open < 0) {
            open = i;
        } else if (l->shape.dim[i] < 1 || l->shape.dim[i] > have) {
            known = have + 1; /* never fits */
            break;
        } else if (known <= have) {
            known *= l->shape.dim[i];
        }
    }
    if (open >= 0 && known <= have && have % known == 0) {
        l->shape.dim[open] = have / known;
        known = have;
    }
    if (known == have && l->shape.rank > 0 && l->shape.rank < GF_MAX_RANK) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %s into %s", GF_ESC(l->name),
                   GF_SHAPE_TEXT(gf_source_shape(m, l, 0)), GF_SHAPE_TEXT(&l->at.target));
}

static graft_status lower_reshape(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_shape from = gf_as_map(&gf_lowered(st, l->src[0])->shape), to = gf_as_map(&l->shape);
    if (gf_shape_equal(&from, &to)) return gf_lower_identity(st, layer, err);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_reshape, &n, err));
    n->spec.reshape.shape = to;
    return gf_lower_close(st, layer, n, err);
}

static graft_status permute_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    const gf_shape *s = gf_source_shape(m, l, 0);
    unsigned seen = 0;
    l->shape = *s;
    for (int i = 0; i < s->rank; i++) {
        int from = l->at.permute[i];
        if (from >= 0 && from < s->rank) {
            seen |= 1u << from;
            l->shape.dim[i] = s->dim[from];
        }
    }
    if (seen == (1u << s->rank) - 1) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: not an order of %d dimensions", GF_ESC(l->name), s->rank);
}

static graft_status lower_permute(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_permute, &n, err));
    int first = 1 + gf_rows_before(l);
    n->spec.permute.axis[1] = 1;
    for (int i = 0; i < l->shape.rank; i++) n->spec.permute.axis[i + first] = l->at.permute[i] + first;
    return gf_lower_close(st, layer, n, err);
}

const gf_layer_class gf_layer_add = {"Add", add_infer, NULL, lower_add};
const gf_layer_class gf_layer_multiply = {"Multiply", multiply_infer, NULL, lower_multiply};
const gf_layer_class gf_layer_concatenate = {"Concatenate", concatenate_infer, NULL, lower_concatenate};
const gf_layer_class gf_layer_flatten = {"Flatten", flatten_infer, NULL, lower_reshape};
const gf_layer_class gf_layer_reshape = {"Reshape", reshape_infer, NULL, lower_reshape};
const gf_layer_class gf_layer_permute = {"Permute", permute_infer, NULL, lower_permute};
