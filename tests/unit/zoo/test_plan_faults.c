/* Every allocation failing in turn while a model, its graph, a plan and a workspace are made: a clean status, nothing
 * left.
 */
#include "graph/plan.h"
#include "support/needs.h"
#include "support/sys_faults.h"
#include "zoo/zoo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static gf_ops *ops;

static graft_status build(gf_model *m, graft_error *err)
{
    gf_zoo_options o = {.width = 32, .height = 32, .alpha = 0.35, .classes = 3, .dropout = 0.2f};
    return gf_zoo_build(m, "mobilenet_v2", &o, err);
}

/* Fails allocation 0, 1, 2 ... of make until none is left to fail; returns how many failed. */
static long fail_each(graft_status (*make)(void *ctx, graft_error *err), void (*unmake)(void *ctx), void *ctx)
{
    long faults = 0;
    for (long k = 0;; k++) {
        long live = faults_live();
        graft_error err = {0};
        faults_arm(FAULT_ALLOC, k);
        graft_status status = make(ctx, &err);
        bool happened = faults_disarm();
        if (status == GRAFT_OK) {
            unmake(ctx);
        } else {
            assert_true(happened);
            assert_int_equal(status, GRAFT_RESOURCE);
            assert_int_equal(err.number, GF_E_NO_MEMORY);
            assert_true(err.message[0] != 0);
        }
        assert_int_equal(faults_live(), live);
        if (!happened) return faults;
        faults++;
    }
}

/* ---- a model */

static graft_status make_model(void *ctx, graft_error *err) { return build(ctx, err); }
static void free_model(void *ctx) { gf_model_free(ctx); }

/* A network that Keras orders in another way than it is built in; with its own classifier kept, and cut open. */
static graft_status make_small(gf_model *m, gf_head_spec head, graft_error *err)
{
    gf_zoo_options o = {.width = 32, .height = 32, .alpha = 0.25, .classes = 3, .head = head};
    return gf_zoo_build(m, "mobilenet_v3_small", &o, err);
}
static graft_status make_kept(void *ctx, graft_error *err)
{
    return make_small(ctx, (gf_head_spec){.keep_last = true}, err);
}
static graft_status make_replaced(void *ctx, graft_error *err)
{
    return make_small(
        ctx, (gf_head_spec){.item = {{&gf_layer_dense, 8, GF_ACT_RELU, 0, 0}}, .n_items = 1, .replace_last = true},
        err);
}

static void a_model(void **state)
{
    (void)state;
    gf_model m;
    assert_true(fail_each(make_model, free_model, &m) >= 3);
    assert_true(fail_each(make_kept, free_model, &m) >= 5);
    assert_true(fail_each(make_replaced, free_model, &m) >= 5);
}

/* ---- a graph */

typedef struct bench {
    gf_model m;
    gf_graph g;
    gf_plan *plan;
    gf_workspace *ws;
    gf_dtype dtype;
    bool no_fusion, reference;
    float *block;
} bench;

static graft_status make_graph(void *ctx, graft_error *err)
{
    bench *b = ctx;
    gf_lower_options o = {.output_layer = -1, .no_fusion = b->no_fusion, .reference = b->reference};
    return gf_graph_create(&b->g, &b->m, &o, err);
}

static void free_graph(void *ctx) { gf_graph_free(&((bench *)ctx)->g); }

static void a_graph(void **state)
{
    (void)state;
    bench b = {0};
    assert_int_equal(build(&b.m, NULL), GRAFT_OK);
    for (int fused = 0; fused < 2; fused++) {
        b.no_fusion = !fused;
        assert_true(fail_each(make_graph, free_graph, &b) >= 4);
    }
    gf_model_free(&b.m);
}

/* ---- a plan and a workspace */

static graft_status make_plan(void *ctx, graft_error *err)
{
    bench *b = ctx;
    gf_plan_spec spec = {.first = 0, .last = b->g.n_nodes, .micro_batch = 2, .dtype = b->dtype, .backward = true};
    return gf_plan_create(&b->plan, &b->g, ops, &spec, err);
}

static void free_plan(void *ctx) { gf_plan_destroy(((bench *)ctx)->plan); }

static graft_status make_workspace(void *ctx, graft_error *err)
{
    bench *b = ctx;
    return gf_workspace_create(&b->ws, b->plan, b->block, err);
}

static void free_workspace(void *ctx) { gf_workspace_destroy(((bench *)ctx)->ws); }

static void check_plan(bench b, long at_least)
{
    assert_int_equal(build(&b.m, NULL), GRAFT_OK);
    b.m.boundary = 140;
    assert_int_equal(make_graph(&b, NULL), GRAFT_OK);
    assert_int_equal(make_plan(&b, NULL), GRAFT_OK); /* makes the choices, and may keep them */
    free_plan(&b);
    assert_true(fail_each(make_plan, free_plan, &b) >= at_least);
    assert_int_equal(make_plan(&b, NULL), GRAFT_OK);
    b.block = gf_alloc_tensor(gf_plan_grad_count(b.plan) * sizeof(float));
    assert_non_null(b.block);
    assert_true(fail_each(make_workspace, free_workspace, &b) >= 3);
    gf_free(b.block);
    gf_plan_destroy(b.plan);
    gf_graph_free(&b.g);
    gf_model_free(&b.m);
}

static void a_plan_and_a_workspace(void **state)
{
    (void)state;
    check_plan((bench){0}, 150);
    check_plan((bench){.reference = true, .no_fusion = true}, 200);
}

static void a_plan_in_bf16(void **state)
{
    (void)state;
    NEEDS("bf16");
    check_plan((bench){.dtype = GF_BF16}, 150);
}

/* ---- timing a choice without memory: the plan is made all the same, or refused */

static graft_status make_fresh_ops(void *ctx, graft_error *err)
{
    (void)ctx;
    gf_ops *fresh;
    graft_status status = gf_ops_create(&fresh, "a=b\nc=d\n", err);
    gf_ops_destroy(fresh);
    return status;
}

static void nothing(void *ctx) { (void)ctx; }

static void the_operations_context(void **state)
{
    (void)state;
    assert_true(fail_each(make_fresh_ops, nothing, NULL) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model),
        cmocka_unit_test(a_graph),
        cmocka_unit_test(a_plan_and_a_workspace),
        cmocka_unit_test(a_plan_in_bf16),
        cmocka_unit_test(the_operations_context),
    };
    gf_ops_start_worker();
    if (gf_ops_create(&ops, NULL, NULL) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    return failed;
}
