#include "graph/int8.h"

#include <math.h>

/* ---- how values are quantized */

static const gf_node *producer_of(const gf_graph *g, size_t v)
{
    int producer = g->value[v].producer;
    return producer < 0 || (size_t)producer >= g->n_nodes || g->value[v].shape.rank != 4 ? NULL : &g->node[producer];
}

/* The least value that an activation gives; -INFINITY: it has none, or nobody asked. */
static float floor_of(gf_act act)
{
    static const struct {
        gf_act act;
        float least;
    } row[] = {{GF_ACT_RELU, 0}, {GF_ACT_RELU6, 0}, {GF_ACT_SILU, -0.2785f}, {GF_ACT_HARD_SILU, -0.375f}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (row[i].act == act) return row[i].least;
    }
    return -INFINITY;
}

/* The range that 0..255 stands for. Images may go a little beyond what calibration saw, and behind an activation with
 * a floor 0 is within: the convolution behind it may be padded. A channel that is (almost) silent gets a share of the
 * tensor's range, so that its scale is a number to divide by. */
static void bounds(const gf_range *r, gf_act act, float beyond, float least, float *low, float *high)
{
    const float six = 6, floor = floor_of(act);
    float spare = beyond * (floor == 0 ? r->high : r->high - r->low);
    *low = fmaxf(r->low - spare, floor);
    *high = r->high + spare;
    if (floor > -INFINITY && *low > 0) *low = 0;
    if (floor > -INFINITY && *high < 0) *high = 0;
    if (act == GF_ACT_RELU6 && *high > six) *high = six;
    if (!(*high - *low > least)) *high = *low + least;
}

static gf_quant quantize_value(const gf_node *n, const gf_range *r, size_t channels, float *block)
{
    const size_t rgb = 4;
    const float levels = 255, share = 1e-3f, beyond = channels > rgb ? 0.1f : 0; /* an image's bytes end at 255 */
    float *scale = block, *zero = block + channels, *mean = block + 2 * channels, widest = 0;
    for (size_t c = 0; c < channels; c++) widest = fmaxf(widest, r[c].high - r[c].low);
    if (!(widest > 0)) return (gf_quant){0}; /* calibration saw nothing of it */
    for (size_t c = 0; c < channels; c++) {
        float low, high;
        bounds(&r[c], n->spec.act, beyond, share * widest, &low, &high);
        scale[c] = (high - low) / levels;
        zero[c] = rintf(-low / scale[c]); /* a whole number: padding is exact */
        mean[c] = r[c].mean;
    }
    return (gf_quant){scale, floor_of(n->spec.act) == 0 ? NULL : zero, mean};
}

bool gf_graph_is_between(const gf_graph *g, int value)
{
    const gf_node *n = producer_of(g, (size_t)value);
    return n && g->model->layer[n->layer].cls == &gf_layer_separable && g->value_of_layer[n->layer] != value &&
           n->spec.cls == &gf_op_conv && n->spec.conv.groups > 1;
}

gf_range *gf_graph_range(const gf_graph *g, int value)
{
    int producer = g->value[value].producer, layer = producer < 0 ? -1 : g->node[producer].layer;
    gf_range *r = layer < 0 ? NULL : gf_model_range(g->model, layer);
    if (!r || g->value_of_layer[layer] == value) return r;
    return gf_graph_is_between(g, value) ? r + gf_layer_channels(&g->model->layer[layer]) : NULL;
}

graft_status gf_quants_create(gf_quants *q, const gf_graph *g, graft_error *err)
{
    size_t n = 0, at = 0;
    enum { KEPT = 3 };
    for (size_t v = 0; v < g->n_values; v++) {
        if (producer_of(g, v)) n += KEPT * (size_t)g->value[v].shape.dim[3];
    }
    *q = (gf_quants){gf_new_n(g->n_values, gf_quant), gf_new_n(n, float)};
    if (!q->value || !q->block) return gf_fail_memory(err, n * sizeof(float), "a plan");
    for (size_t v = 0; v < g->n_values && g->model->range; v++) {
        const gf_node *p = producer_of(g, v);
        const gf_range *range = p ? gf_graph_range(g, (int)v) : NULL;
        if (!range) continue;
        size_t channels = (size_t)g->value[v].shape.dim[3];
        q->value[v] = quantize_value(p, range, channels, q->block + at);
        at += KEPT * channels;
    }
    return GRAFT_OK;
}

void gf_quants_free(gf_quants *q)
{
    gf_free(q->value);
    gf_free(q->block);
    *q = (gf_quants){0};
}

/* ---- which nodes */

/* As the plan will have it; a map of one place is not worth the trouble. */
static gf_op_spec spec_in_int8(const gf_quants *q, const gf_node *n, gf_dtype src, gf_dtype dst)
{
    gf_op_spec s = n->spec;
    s.src_dtype[0] = src;
    s.dst_dtype = dst;
    s.src_quant = q->value[n->src[0]];
    s.dst_quant = dst == GF_U8 ? q->value[n->dst] : (gf_quant){0};
    return s;
}

static bool goes_in_int8(const gf_quants *q, const gf_node *n, int layers, gf_dtype dst)
{
    gf_op_spec s = spec_in_int8(q, n, GF_U8, dst);
    bool wide = n->spec.src[0].rank == 4 && n->spec.src[0].dim[1] * n->spec.src[0].dim[2] > 1;
    return n->layer < layers && wide && n->spec.cls == &gf_op_conv && gf_conv_int8_fits(&s);
}

/* Whether all that read v, in this stretch, take bytes. */
static bool all_take_int8(const gf_graph *g, size_t first, size_t last, const bool *int8, int v)
{
    for (size_t i = first; i < last; i++) {
        const gf_node *n = &g->node[i];
        for (int k = 0; k < n->spec.n_src; k++) {
            bool takes = (int8[i - first] && k == 0) || n->spec.cls == &gf_op_global_pool;
            if (n->src[k] == v && !takes) return false;
        }
    }
    int boundary_tensor[GF_MAX_BOUNDARY_TENSORS];
    size_t outputs = gf_graph_boundary_tensors(g, last, boundary_tensor);
    for (size_t i = 0; i < outputs && i < GF_MAX_BOUNDARY_TENSORS; i++) {
        if (boundary_tensor[i] == v) return false;
    }
    return outputs <= GF_MAX_BOUNDARY_TENSORS && !gf_graph_is_output(g, v);
}

/* A gate: bytes to bytes, or not at all. */
static bool gates_bytes(const gf_graph *g, const gf_quants *q, const gf_node *n, int layers)
{
    gf_op_spec s = spec_in_int8(q, n, GF_U8, GF_U8);
    const gf_node *from = n->src[0] < 0 ? NULL : producer_of(g, (size_t)n->src[0]);
    s.src_dtype[1] = GF_F32;
    return n->layer < layers && n->spec.cls == &gf_op_multiply && from && from->spec.cls == &gf_op_conv &&
           gf_multiply_int8_fits(&s);
}

/* The image as the network wants it. */
static bool makes_image(const gf_node *n)
{
    const int64_t rgb = 4;
    return n->spec.cls == &gf_op_rescale && !n->spec.rescale.reverse && n->spec.dst.rank == 4 &&
           n->spec.dst.dim[3] <= rgb;
}

void gf_graph_int8(const gf_graph *g, const gf_quants *q, size_t first, size_t last, int layers, bool *int8,
                   gf_dtype *type)
{
    for (size_t i = first; i < last; i++) int8[i - first] = goes_in_int8(q, &g->node[i], layers, type[g->node[i].dst]);
    for (size_t i = last; i-- > first;) { /* readers before what they read */
        const gf_node *n = &g->node[i];
        if (!q->value[n->dst].scale || !all_take_int8(g, first, last, int8, n->dst)) continue;
        bool gate = gates_bytes(g, q, n, layers);
        bool bends = n->spec.act != GF_ACT_LINEAR || gf_graph_is_between(g, n->dst);
        bool conv = int8[i - first] && bends && goes_in_int8(q, n, layers, GF_U8);
        if (!gate && !conv && !makes_image(n)) continue;
        type[n->dst] = GF_U8;
        int8[i - first] = gate || conv;
    }
    for (size_t i = first; i < last; i++) { /* a gate whose src did not become bytes is none */
        const gf_node *n = &g->node[i];
        if (n->spec.cls != &gf_op_multiply || !int8[i - first] || type[n->src[0]] == GF_U8) continue;
        int8[i - first] = false;
        type[n->dst] = type[n->src[0]];
    }
}
