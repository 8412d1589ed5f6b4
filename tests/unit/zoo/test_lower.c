/* MobileNetV2 lowered: what fuses, what needs a gradient at every boundary, where the split point lies and what crosses
 * it. */
#include "graph/graph.h"
#include "support/ok.h"
#include "zoo/zoo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LAYERS = 154 };

static gf_model built(int size)
{
    gf_zoo_options o = {
        .width = size, .height = size, .alpha = 0.35, .classes = 2, .head = {.outputs = 1}, .dropout = 0.2f};
    gf_model m;
    OK(gf_zoo_build(&m, "mobilenet_v2", &o, &error));
    return m;
}

static gf_graph lowered(const gf_model *m, gf_lower_options o)
{
    gf_graph g;
    OK(gf_graph_create(&g, m, &o, &error));
    return g;
}

static size_t count(const gf_graph *g, const gf_op_class *cls)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_nodes; i++) n += g->node[i].spec.cls == cls;
    return n;
}

static void all_fuses(void **state)
{
    (void)state;
    gf_model m = built(160);
    gf_graph g = lowered(&m, (gf_lower_options){.output_layer = -1});
    assert_int_equal(count(&g, &gf_op_conv), 52);
    assert_int_equal(g.n_nodes, 52 + 4); /* and rescale, pool, dropout, dense */
    assert_int_equal(count(&g, &gf_op_rescale), 1);
    assert_int_equal(count(&g, &gf_op_global_pool), 1);
    assert_int_equal(count(&g, &gf_op_dropout), 1);
    assert_int_equal(count(&g, &gf_op_dense), 1);
    size_t residuals = 0, clipped = 0, padded = 0;
    double flops = 0;
    for (size_t i = 0; i < g.n_nodes; i++) {
        const gf_node *n = &g.node[i];
        if (n->spec.cls == &gf_op_conv)
            assert_true(n->param[GF_ROLE_GAMMA] >= 0 && n->param[GF_ROLE_MEAN] >= 0 && n->spec.has_bias);
        residuals += n->spec.n_src == 2;
        clipped += n->spec.act == GF_ACT_RELU6;
        padded += n->spec.cls == &gf_op_conv && n->spec.conv.pt != n->spec.conv.pb;
        flops += n->flops;
    }
    assert_int_equal(residuals, 10);
    assert_int_equal(clipped, 35);
    assert_int_equal(padded, 5); /* the strided ones */
    assert_true(flops > 5e7 && flops < 2e8);
    gf_graph_free(&g);
    gf_graph_free(&g); /* takes an empty one */
    gf_model_free(&m);
}

/* Behind the boundary it is a node of its own, with the activation; before it, it folds. Its statistics move whether or
 * not anything before it trains. */
static void batch_norm_that_trains(void **state)
{
    (void)state;
    gf_model m = built(160);
    for (int boundary = 0; boundary <= LAYERS; boundary += 11) {
        size_t norms = 0, clipped = 0;
        m.boundary = boundary;
        for (int i = boundary; i < LAYERS; i++) norms += m.layer[i].cls == &gf_layer_batch_norm;
        gf_graph g = lowered(&m, (gf_lower_options){.output_layer = -1, .batch_norm = true});
        assert_int_equal(count(&g, &gf_op_batch_norm), norms);
        assert_int_equal(count(&g, &gf_op_affine), 0);
        for (size_t i = 0; i < g.n_nodes; i++) {
            const gf_node *n = &g.node[i];
            clipped += n->spec.act == GF_ACT_RELU6;
            if (n->spec.cls != &gf_op_batch_norm) continue;
            assert_true(n->trains && n->needs_grad && n->param[GF_ROLE_GAMMA] >= 0 && n->param[GF_ROLE_MEAN] >= 0 &&
                        n->param[GF_ROLE_VARIANCE] >= 0);
            assert_true(n->momentum == 0.999f && n->spec.norm.epsilon == 1e-3f && !n->unbiased);
        }
        assert_int_equal(clipped, 35);
        gf_graph_free(&g);
    }
    gf_model_free(&m);
}

static void without_fusion_a_layer_is_a_node(void **state)
{
    (void)state;
    gf_model m = built(64);
    gf_graph g = lowered(&m, (gf_lower_options){.output_layer = -1, .no_fusion = true, .reference = true});
    assert_int_equal(g.n_nodes, m.n_layers);
    assert_int_equal(count(&g, &gf_op_affine), 52);
    assert_int_equal(count(&g, &gf_op_act), 35);
    assert_int_equal(count(&g, &gf_op_add), 10);
    assert_int_equal(count(&g, &gf_op_pad), 4);
    assert_int_equal(count(&g, &gf_op_conv_reference), 52);
    for (size_t i = 0; i < g.n_nodes; i++) {
        assert_int_equal(g.node[i].layer, i);
        gf_shape one = g.value[g.node[i].dst].shape, *layer = &m.layer[i].shape;
        assert_int_equal(one.dim[0], 1);
        for (int d = 0; d < layer->rank; d++) assert_int_equal(one.dim[d + 1], layer->dim[d]);
    }
    gf_graph_free(&g);
    gf_model_free(&m);
}

/* Sources are made before they are used, by the node that says so. */
static void check_order(const gf_graph *g)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        const gf_node *n = &g->node[i];
        assert_int_equal(g->value[n->dst].producer, i);
        for (int k = 0; k < n->spec.n_src; k++) {
            assert_true(g->value[n->src[k]].producer < (int)i);
            assert_true(gf_shape_equal(&g->value[n->src[k]].shape, &n->spec.src[k]));
        }
    }
}

static bool listed(const int *value, size_t n, int v)
{
    for (size_t i = 0; i < n; i++) {
        if (value[i] == v) return true;
    }
    return false;
}

static void check_cut(const gf_graph *g, size_t cut, double share)
{
    size_t first = gf_graph_first_grad(g);
    int value[GF_MAX_BOUNDARY_TENSORS];
    size_t n = gf_graph_boundary_tensors(g, cut, value), used = 0;
    assert_true(cut <= first && n >= 1 && n <= GF_MAX_BOUNDARY_TENSORS);
    double total = 0, moved = 0;
    for (size_t i = 0; i < g->n_nodes; i++) {
        total += g->node[i].flops;
        if (i >= cut && i < first) moved += g->node[i].flops;
        assert_true(i >= cut || !g->node[i].needs_grad);
        for (int k = 0; i >= cut && k < g->node[i].spec.n_src; k++) {
            int v = g->node[i].src[k];
            assert_true(g->value[v].producer >= (int)cut || listed(value, n, v));
        }
    }
    assert_true(moved <= share * total);
    for (size_t i = 0; i < n; i++) {
        assert_true(g->value[value[i]].producer < (int)cut);
        for (size_t k = cut; k < g->n_nodes; k++)
            used += listed(g->node[k].src, (size_t)g->node[k].spec.n_src, value[i]);
    }
    assert_true(used >= n); /* nothing crosses for nobody */
}

static void check_needs(const gf_graph *g)
{
    const gf_model *m = g->model;
    for (size_t i = 0; i < g->n_nodes; i++) {
        const gf_node *n = &g->node[i];
        const int params[] = {n->param[GF_ROLE_KERNEL], n->param[GF_ROLE_BIAS], n->param[GF_ROLE_GAMMA],
                              n->param[GF_ROLE_BETA]};
        bool trains = false;
        for (int k = 0; k < 4; k++) trains |= params[k] >= 0 && gf_model_param_trains(m, &m->param[params[k]]);
        bool needs = trains;
        for (int k = 0; k < n->spec.n_src; k++) needs |= g->value[n->src[k]].needs_grad;
        assert_int_equal(n->trains, trains);
        assert_int_equal(n->needs_grad, needs);
        assert_int_equal(g->value[n->dst].needs_grad, needs);
    }
}

static void every_boundary(void **state)
{
    (void)state;
    gf_model m = built(160);
    size_t before = 0;
    for (int fused = 0; fused < 2; fused++) {
        for (m.boundary = 0; m.boundary <= LAYERS; m.boundary++) {
            gf_graph g = lowered(&m, (gf_lower_options){.output_layer = -1, .no_fusion = !fused});
            check_order(&g);
            check_needs(&g);
            static const double shares[] = {0, 0.05, 1};
            for (int k = 0; k < 3; k++) check_cut(&g, gf_graph_split_point(&g, g.n_nodes, shares[k]), shares[k]);
            size_t first = gf_graph_first_grad(&g);
            assert_true(first >= before || m.boundary == 0); /* freezing more needs less */
            assert_true(first < g.n_nodes);                  /* the head trains always */
            before = first;
            gf_graph_free(&g);
        }
    }
    gf_model_free(&m);
}

static void the_cut_at_100_is_small(void **state)
{
    (void)state;
    gf_model m = built(160);
    m.boundary = 100;
    gf_graph g = lowered(&m, (gf_lower_options){.output_layer = -1});
    int value[GF_MAX_BOUNDARY_TENSORS];
    size_t cut = gf_graph_split_point(&g, g.n_nodes, 0.05);
    assert_int_equal(gf_graph_boundary_tensors(&g, cut, value), 1);
    assert_string_equal(m.layer[g.node[cut - 1].layer].name, "block_10_project_BN");
    gf_graph_free(&g);
    gf_model_free(&m);
}

/* A graph can end with any layer, and then holds nothing behind it. */
static void every_output_layer(void **state)
{
    (void)state;
    gf_model m = built(96);
    for (int fused = 0; fused < 2; fused++) {
        for (int layer = 0; layer < (int)m.n_layers; layer++) {
            gf_graph g = lowered(&m, (gf_lower_options){.output_layer = layer, .no_fusion = !fused});
            check_order(&g);
            assert_int_equal(g.output, g.value_of_layer[layer]);
            assert_int_equal(g.value[g.output].producer, g.n_nodes - 1);
            const gf_shape *s = &g.value[g.output].shape, *l = &m.layer[layer].shape;
            for (int d = 0; d < l->rank; d++) assert_int_equal(s->dim[d + 1], l->dim[d]);
            assert_true(g.node[g.n_nodes - 1].layer == layer); /* nothing later is fused into it */
            gf_graph_free(&g);
        }
    }
    gf_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fuses),          cmocka_unit_test(without_fusion_a_layer_is_a_node),
        cmocka_unit_test(every_boundary),     cmocka_unit_test(the_cut_at_100_is_small),
        cmocka_unit_test(every_output_layer), cmocka_unit_test(batch_norm_that_trains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
