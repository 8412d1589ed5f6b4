#include "graph/int8.h"

#include <math.h>

/* ---- how values are quantised */

static const gf_node *producer_of(const gf_graph *g, size_t v)
{
    int producer = g->value[v].producer;
    return producer < 0 || (size_t)producer >= g->n_nodes || g->value[v].shape.rank != 4 ? NULL : &g->node[producer];
}

static bool clips_below(gf_act a) { return a == GF_ACT_RELU || a == GF_ACT_RELU6; }

/* The range that 0..255 stands for. Pictures may go a little beyond what calibration saw. A channel that is (almost)
 * silent gets a share of the tensor's range, so that its scale is a number to divide by. */
static void bounds(const gf_range *r, gf_act act, float least, float *low, float *high)
{
    const float beyond = 0.1f, six = 6;
    float spare = beyond * (r->high - r->low);
    *low = clips_below(act) ? 0 : r->low - spare;
    *high = clips_below(act) ? r->high * (1 + beyond) : r->high + spare;
    if (act == GF_ACT_RELU6 && *high > six) *high = six;
    if (!(*high - *low > least)) *high = *low + least;
}

static gf_quant quantise_value(const gf_node *n, const gf_range *r, size_t channels, float *block)
{
    const float levels = 255, share = 1e-3f;
    float *scale = block, *zero = block + channels, *mean = block + 2 * channels, widest = 0;
    for (size_t c = 0; c < channels; c++) widest = fmaxf(widest, r[c].high - r[c].low);
    if (!(widest > 0)) return (gf_quant){0}; /* calibration saw nothing of it */
    for (size_t c = 0; c < channels; c++) {
        float low, high;
        bounds(&r[c], n->spec.act, share * widest, &low, &high);
        scale[c] = (high - low) / levels;
        zero[c] = -low / scale[c];
        mean[c] = r[c].mean;
    }
    return (gf_quant){scale, clips_below(n->spec.act) ? NULL : zero, mean};
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
    const int64_t colours = 4; /* the picture itself, rescaled: its convolution stays as it is */
    for (size_t v = 0; v < g->n_values && g->model->range; v++) {
        const gf_node *p = producer_of(g, v);
        if (!p || g->value[v].shape.dim[3] <= colours || g->value_of_layer[p->layer] != (int)v) continue;
        size_t channels = (size_t)g->value[v].shape.dim[3];
        q->value[v] = quantise_value(p, gf_model_range(g->model, p->layer), channels, q->block + at);
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

static bool goes_in_int8(const gf_quants *quants, const gf_node *n, int layers)
{
    const gf_quant *q = &quants->value[n->src[0]];
    bool padded = n->spec.conv.pt | n->spec.conv.pb | n->spec.conv.pl | n->spec.conv.pr;
    return n->layer < layers && q->scale && !(padded && q->zero) &&
           (n->spec.act == GF_ACT_LINEAR || clips_below(n->spec.act));
}

/* Whether all that read v, in this stretch, take bytes. */
static bool all_take_bytes(const gf_graph *g, size_t first, size_t last, const bool *int8, int v)
{
    for (size_t i = first; i < last; i++) {
        const gf_node *n = &g->node[i];
        for (int k = 0; k < n->spec.n_src; k++) {
            bool takes = (int8[i - first] && k == 0) || n->spec.cls == &gf_op_global_pool;
            if (n->src[k] == v && !takes) return false;
        }
    }
    int crossing[GF_MAX_CROSSING];
    size_t outputs = gf_graph_crossing(g, last, crossing);
    for (size_t i = 0; i < outputs && i < GF_MAX_CROSSING; i++) {
        if (crossing[i] == v) return false;
    }
    return outputs <= GF_MAX_CROSSING && v != g->output;
}

void gf_graph_int8(const gf_graph *g, const gf_quants *q, size_t first, size_t last, int layers, bool *int8,
                   gf_dtype *type)
{
    for (size_t i = first; i < last; i++) {
        const gf_node *n = &g->node[i];
        int8[i - first] = n->spec.cls == &gf_op_conv && goes_in_int8(q, n, layers);
    }
    for (size_t i = first; i < last; i++) {
        const gf_node *n = &g->node[i];
        bool bytes = int8[i - first] && n->spec.n_src == 1 && clips_below(n->spec.act) && q->value[n->dst].scale &&
                     all_take_bytes(g, first, last, int8, n->dst);
        if (bytes) type[n->dst] = GF_U8;
    }
}
