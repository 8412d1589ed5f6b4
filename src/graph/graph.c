/* graph.c - what is known of a finished graph: gradients, outputs, and where it can be cut in two. */
#include "graph/lower.h"

static bool param_trains(const gf_model *m, int p) { return p >= 0 && gf_model_param_trains(m, &m->param[p]); }

void gf_graph_mark_gradients(gf_graph *g)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        gf_node *n = &g->node[i];
        const gf_model *m = g->model;
        n->trains = n->spec.cls == &gf_op_batch_norm; /* its statistics move */
        for (int r = 0; r < GF_ROLES; r++) n->trains |= param_trains(m, n->param[r]);
        n->needs_grad = n->trains;
        for (int k = 0; k < n->spec.n_src; k++) n->needs_grad |= g->value[n->src[k]].needs_grad;
        g->value[n->dst].needs_grad = n->needs_grad;
    }
}

/* Integers are for whoever makes numbers of them. */
graft_status gf_graph_check_integers(const gf_graph *g, graft_error *err)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        const gf_node *n = &g->node[i];
        for (int k = 0; k < n->spec.n_src && n->spec.cls != &gf_op_rescale && n->spec.cls != &gf_op_gather; k++) {
            const gf_value *v = &g->value[n->src[k]];
            if (v->producer >= 0 || v->dtype == GF_F32) continue;
            return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s computes with an input of integers",
                           GF_ESC(g->model->layer[n->layer].name));
        }
    }
    return GRAFT_OK;
}

void gf_graph_free(gf_graph *g)
{
    gf_free(g->node);
    gf_free(g->value);
    gf_free(g->value_of_layer);
    *g = (gf_graph){0};
}

size_t gf_graph_first_grad(const gf_graph *g)
{
    size_t i = 0;
    while (i < g->n_nodes && !g->node[i].needs_grad) i++;
    return i;
}

bool gf_graph_is_output(const gf_graph *g, int value)
{
    bool is = false;
    for (int i = 0; i < g->n_outputs; i++) is |= g->outputs[i] == value;
    return is;
}

size_t gf_graph_boundary_tensors(const gf_graph *g, size_t at, int value[GF_MAX_BOUNDARY_TENSORS])
{
    size_t n = 0;
    for (size_t v = 0; v < g->n_values; v++) {
        bool crosses = g->value[v].producer < (int)at && gf_graph_is_output(g, (int)v);
        for (size_t i = at; i < g->n_nodes && !crosses && g->value[v].producer < (int)at; i++) {
            for (int k = 0; k < g->node[i].spec.n_src; k++) crosses |= g->node[i].src[k] == (int)v;
        }
        if (!crosses) continue;
        if (n == GF_MAX_BOUNDARY_TENSORS) return GF_MAX_BOUNDARY_TENSORS + 1; /* too many: no place to cut */
        value[n++] = (int)v;
    }
    return n;
}

size_t gf_graph_common(const gf_graph *a, const gf_graph *b)
{
    size_t i = 0; /* a node is known by the last layer that went into it */
    while (i < a->n_nodes && i < b->n_nodes && a->node[i].layer == b->node[i].layer) i++;
    return i;
}

size_t gf_graph_first_dropout(const gf_graph *g)
{
    size_t i = 0;
    while (i < g->n_nodes && !(g->node[i].spec.cls == &gf_op_dropout && g->node[i].spec.dropout.rate > 0)) i++;
    return i;
}

bool gf_graph_is_packed(const gf_graph *g) { return g->n_inputs && g->value[g->inputs[0]].packed; }

/* Whether what crosses before node `at` is texts in the midst: rows of places that are no input. */
static bool cuts_texts(const gf_graph *g, size_t at)
{
    int value[GF_MAX_BOUNDARY_TENSORS];
    size_t n = gf_graph_boundary_tensors(g, at, value);
    bool cuts = n > GF_MAX_BOUNDARY_TENSORS && gf_graph_is_packed(g);
    for (size_t i = 0; i < n && n <= GF_MAX_BOUNDARY_TENSORS; i++) {
        cuts |= g->value[value[i]].packed && g->value[value[i]].producer >= 0;
    }
    return cuts;
}

size_t gf_graph_split_point(const gf_graph *g, size_t most, double share)
{
    size_t first = gf_graph_first_grad(g), best_size = SIZE_MAX;
    if (first > most) first = most;
    if (cuts_texts(g, first)) return 0;
    size_t best = first;
    double total = 0, moved = 0;
    for (size_t i = 0; i < g->n_nodes; i++) total += g->node[i].flops;
    for (size_t at = first;; at--) {
        int value[GF_MAX_BOUNDARY_TENSORS];
        size_t n = gf_graph_boundary_tensors(g, at, value), size = n > GF_MAX_BOUNDARY_TENSORS ? SIZE_MAX : 0;
        for (size_t i = 0; n <= GF_MAX_BOUNDARY_TENSORS && i < n; i++) size += gf_count(&g->value[value[i]].shape);
        if (size < best_size && !cuts_texts(g, at)) {
            best = at;
            best_size = size;
        }
        if (at == 0) break;
        moved += g->node[at - 1].flops;
        if (moved > share * total) break;
    }
    return best;
}
