/* What an operation's kernel is made of: parts of one layer's parameters behind one another, by the roles of a node.
 * Batch normalisation that is folded is in test_graph_gradients. */
#include "whole.h"

/* The kernels of an attention, taken as three parts of one. */
static const char *const vars[] = {"query/kernel", "key/kernel", "value/kernel"};
static const gf_role roles[] = {GF_ROLE_KERNEL, GF_ROLE_MORE, GF_ROLE_MORE + 1};
enum { PARTS = 3, CHANNELS = 4, SEED = 5 };

static size_t all_parts(const gf_op_spec *s)
{
    (void)s;
    return (size_t)PARTS * CHANNELS * 2 * 3;
}

static const gf_op_class made_of_parts = {.name = "parts", .kernel_count = all_parts};

static gf_model attention(void)
{
    gf_model m = {0};
    gf_layer in = {.cls = &gf_layer_input, .name = "in", .shape = GF_SHAPE(6, CHANNELS), .backbone = true};
    gf_layer self = {.cls = &gf_layer_attention, .name = "self", .backbone = true, .n_src = 2};
    self.at.heads = 2, self.at.key_dim = 3;
    OK(gf_model_add(&m, &in, NULL, &error));
    OK(gf_model_add(&m, &self, &m.output, &error));
    OK(gf_model_finish(&m, &error));
    seed_model(&m, SEED);
    m.boundary = 0;
    return m;
}

static gf_node node_of(const gf_model *m)
{
    gf_node n = {.spec = {.cls = &made_of_parts, .dst = GF_SHAPE(1, 6, 6)}};
    for (int r = 0; r < GF_ROLES; r++) n.param[r] = -1;
    for (int i = 0; i < PARTS; i++) n.param[roles[i]] = (int)(gf_model_param(m, m->output, vars[i]) - m->param);
    return n;
}

static void parts_stand_behind_one_another(void **state)
{
    (void)state;
    gf_model m = attention();
    gf_node n = node_of(&m);
    size_t count = all_parts(&n.spec), at = 0;
    float *kernel = malloc(count * sizeof *kernel);
    assert_non_null(kernel);
    memset(kernel, 0xFF, count * sizeof *kernel);
    gf_node_fold(&m, &n, kernel, NULL);
    for (int i = 0; i < PARTS; i++) {
        const gf_param *p = &m.param[n.param[roles[i]]];
        assert_memory_equal(kernel + at, m.value + p->offset, p->count * sizeof *kernel);
        at += p->count;
    }
    assert_int_equal(at, count);
    free(kernel);
    gf_model_free(&m);
}

/* Set, but for those that a node before this one has set. */
static void gradients_go_back_to_the_parts(void **state)
{
    (void)state;
    gf_model m = attention();
    gf_node n = node_of(&m);
    size_t count = all_parts(&n.spec), at = 0;
    float *dkernel = malloc(count * sizeof *dkernel), *grad = malloc(m.n_values * sizeof *grad);
    assert_true(dkernel && grad);
    for (size_t i = 0; i < count; i++) dkernel[i] = (float)i;
    for (size_t i = 0; i < m.n_values; i++) grad[i] = 1000;
    gf_node_unfold(&m, &n, dkernel, NULL, 1u << GF_ROLE_MORE, grad, 0);
    for (int i = 0; i < PARTS; i++) {
        const gf_param *p = &m.param[n.param[roles[i]]];
        for (size_t k = 0; k < p->count; k++, at++) {
            assert_true(grad[p->offset + k] == (float)at + (i == 1 ? 1000 : 0));
        }
    }
    const gf_param *other = gf_model_param(&m, m.output, "query/bias");
    assert_true(grad[other->offset] == 1000);
    free(dkernel);
    free(grad);
    gf_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_stand_behind_one_another),
                                       cmocka_unit_test(gradients_go_back_to_the_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
