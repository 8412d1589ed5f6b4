/* Plans of a small MobileNetV2: oneDNN's operations fused, one by one, and the naive reference implementations give the
 * same outputs and gradients at every kind of boundary; an image's bits do not depend on its neighbours, its place, its
 * workspace or what was computed before. Runs also with ONEDNN_MAX_CPU_ISA=AVX2. */
#include "unit/graph/whole.h"

#include "base/threads.h"
#include "support/needs.h"
#include "zoo/zoo.h"

static gf_ops *ops;
enum { SIZE = 64, BATCH = 4 };

static gf_model mobilenet(int classes)
{
    gf_model m;
    gf_zoo_options o = {.width = SIZE,
                        .height = SIZE,
                        .alpha = 0.35,
                        .classes = classes,
                        .head = {.outputs = classes == 2},
                        .dropout = 0.2f};
    OK(gf_zoo_build(&m, "mobilenet_v2", &o, &error));
    seed_model(&m, 1);
    return m;
}

static float *seeded_diff(size_t n)
{
    float *x = calloc(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (float)((int)(seeded_word("diff", 2, i) >> 60) - 7) / 8;
    return x;
}

/* ---- three ways */

typedef struct outcome {
    float *out, *grad;
    size_t n_out, n_grad;
} outcome;

static outcome outcome_of(const gf_model *m, whole_spec spec)
{
    whole w;
    whole_new(&w, m, ops, spec);
    outcome r = {.n_out = (size_t)spec.batch * w.outputs, .n_grad = w.trainable};
    float *images = seeded_images((size_t)spec.batch * w.image), *diff = seeded_diff(r.n_out);
    r.out = calloc(r.n_out, sizeof *r.out);
    r.grad = calloc(r.n_grad, sizeof *r.grad);
    whole_forward(&w, images, r.out);
    whole_backward(&w, diff);
    memcpy(r.grad, w.grad, r.n_grad * sizeof *r.grad);
    free(images);
    free(diff);
    whole_free(&w);
    return r;
}

static void outcome_free(outcome *r)
{
    free(r->out);
    free(r->grad);
}

/* Tensor by tensor: one that is small among large ones counts too. */
static void compare(const gf_model *m, const outcome *got, const outcome *want, const char *what, double allowed)
{
    char name[160];
    snprintf(name, sizeof name, "%s, boundary %d: outputs", what, m->boundary);
    ASSERT_CLOSE(name, distance(got->out, want->out, want->n_out), allowed);
    size_t trainable_offset = gf_model_first_trainable(m), compared = 0;
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        if (!gf_model_param_trains(m, p)) continue;
        snprintf(name, sizeof name, "%s, boundary %d: gradient of %s/%s", what, m->boundary, m->layer[p->layer].name,
                 p->var);
        const float *a = got->grad + (p->offset - trainable_offset), *b = want->grad + (p->offset - trainable_offset);
        size_t nonzero = 0;
        for (size_t k = 0; k < p->count; k++) nonzero += b[k] != 0;
        if (nonzero < p->count / 16) fail_msg("%s: %zu of %zu are not zero: no evidence", name, nonzero, p->count);
        ASSERT_CLOSE(name, distance(a, b, p->count), allowed);
        compared++;
    }
    assert_int_equal(compared, gf_model_counts(m).trainable_variables);
}

static void three_ways_are_one(void **state)
{
    (void)state;
    static const int boundaries[] = {0, 1, 2, 18, 99, 100, 101, 153, 154};
    gf_model m = mobilenet(5);
    for (size_t i = 0; i < sizeof boundaries / sizeof *boundaries; i++) {
        m.boundary = boundaries[i];
        outcome reference = outcome_of(&m, (whole_spec){.batch = BATCH, .reference = true, .no_fusion = true});
        outcome reference_fused = outcome_of(&m, (whole_spec){.batch = BATCH, .reference = true});
        outcome fused = outcome_of(&m, (whole_spec){.batch = BATCH});
        outcome single = outcome_of(&m, (whole_spec){.batch = BATCH, .no_fusion = true});
        compare(&m, &reference_fused, &reference, "naive, fused", 1e-4);
        compare(&m, &single, &reference, "one by one", 1e-4);
        compare(&m, &fused, &reference, "fused", 1e-4);
        outcome *all[] = {&reference, &reference_fused, &fused, &single};
        for (int k = 0; k < 4; k++) outcome_free(all[k]);
    }
    gf_model_free(&m);
}

static void bf16_is_near(void **state)
{
    (void)state;
    NEEDS("bf16");
    gf_model m = mobilenet(5);
    m.boundary = 120;
    outcome narrow = outcome_of(&m, (whole_spec){.batch = BATCH, .dtype = GF_BF16});
    outcome wide = outcome_of(&m, (whole_spec){.batch = BATCH});
    ASSERT_CLOSE("outputs", distance(narrow.out, wide.out, wide.n_out), 0.1);
    ASSERT_CLOSE("gradients", distance(narrow.grad, wide.grad, wide.n_grad), 0.35); /* kinks fall otherwise */
    outcome_free(&narrow);
    outcome_free(&wide);
    gf_model_free(&m);
}

/* ---- the same bits */

/* Forward of images picked from a row of seeded ones. */
static void forward_of(whole *w, const float *images, const uint32_t *pick, float *out)
{
    size_t n = (size_t)w->spec.batch;
    float *batch = calloc(n * w->image, sizeof *batch);
    for (size_t i = 0; i < n; i++) {
        memcpy(batch + i * w->image, images + pick[i] * w->image, w->image * sizeof *batch);
        w->sample[i] = pick[i]; /* dropout goes by the sample */
    }
    whole_forward(w, batch, out);
    free(batch);
}

static void check_neighbours(gf_dtype dtype)
{
    gf_model m = mobilenet(5);
    whole w;
    whole_new(&w, &m, ops, (whole_spec){.batch = BATCH, .dtype = dtype});
    float *images = seeded_images(8 * w.image), first[BATCH * 5], again[BATCH * 5];
    static const uint32_t picks[][BATCH] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {0, 4, 5, 6}, {7, 0, 7, 7}, {0, 0, 0, 0}};
    forward_of(&w, images, picks[0], first);
    for (size_t k = 1; k < sizeof picks / sizeof *picks; k++) {
        forward_of(&w, images, picks[k], again);
        for (size_t i = 0; i < BATCH; i++) {
            if (picks[k][i] < BATCH) assert_memory_equal(again + i * 5, first + picks[k][i] * 5, 5 * sizeof(float));
        }
    }
    free(images);
    whole_free(&w);
    gf_model_free(&m);
}

static void neighbours_change_no_bit(void **state)
{
    (void)state;
    check_neighbours(GF_F32);
}

static void neighbours_change_no_bit_in_bf16(void **state)
{
    (void)state;
    NEEDS("bf16");
    check_neighbours(GF_BF16);
}

/* A workspace that has seen NaN, and another batch, gives what a new workspace gives. */
static void the_past_changes_no_bit(void **state)
{
    (void)state;
    gf_model m = mobilenet(5);
    m.boundary = 0;
    outcome want = outcome_of(&m, (whole_spec){.batch = BATCH});
    whole w;
    whole_new(&w, &m, ops, (whole_spec){.batch = BATCH});
    float *images = seeded_images(2 * BATCH * w.image), *diff = seeded_diff(want.n_out), out[BATCH * 5];
    float *bad = malloc(BATCH * w.image * sizeof *bad);
    memset(bad, 0xFF, BATCH * w.image * sizeof *bad);
    const float *past[] = {bad, images + BATCH * w.image, images};
    for (int i = 0; i < 3; i++) {
        whole_forward(&w, past[i], out);
        whole_backward(&w, diff);
    }
    assert_memory_equal(out, want.out, sizeof out);
    assert_memory_equal(w.grad, want.grad, want.n_grad * sizeof *want.grad);
    free(bad);
    free(images);
    free(diff);
    whole_free(&w);
    outcome_free(&want);
    gf_model_free(&m);
}

/* ---- workspaces on threads */

typedef struct workspaces {
    whole *w; /* its plan */
    gf_workspace *ws[8];
    float *block[8], out[8][BATCH * 5];
    const float *images, *diff;
    bool backward_too;
} workspaces;

static graft_status run_workspace(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker;
    workspaces *l = ctx;
    whole *w = l->w;
    size_t n = (size_t)w->spec.batch;
    memcpy(gf_workspace_value(l->ws[item], w->g.input), l->images, n * w->image * sizeof(float));
    GF_TRY(gf_workspace_forward(l->ws[item], &w->step, err));
    memcpy(l->out[item], gf_workspace_value(l->ws[item], w->g.output), n * w->outputs * sizeof(float));
    memcpy(gf_workspace_diff(l->ws[item], w->g.output), l->diff, n * w->outputs * sizeof(float));
    return gf_workspace_backward(l->ws[item], &w->step, err);
}

static void workspaces_share_a_plan(void **state)
{
    (void)state;
    gf_model m = mobilenet(5);
    m.boundary = 0;
    whole w;
    whole_new(&w, &m, ops, (whole_spec){.batch = BATCH});
    size_t count = gf_plan_grad_count(w.plan);
    float *images = seeded_images(BATCH * w.image), *diff = seeded_diff(BATCH * 5);
    workspaces l = {.w = &w, .images = images, .diff = diff};
    for (int i = 0; i < 8; i++) {
        l.block[i] = gf_alloc_tensor(count * sizeof(float));
        OK(gf_workspace_create(&l.ws[i], w.plan, l.block[i], &error));
        assert_true(gf_workspace_bytes(l.ws[i]) > 0);
    }
    gf_pool *pool;
    OK(gf_pool_create(&pool, 4, gf_ops_start_worker, &error));
    for (int round = 0; round < 3; round++) OK(gf_pool_run(pool, 8, run_workspace, &l, &error));
    for (int i = 1; i < 8; i++) {
        assert_memory_equal(l.out[i], l.out[0], sizeof l.out[0]);
        assert_memory_equal(l.block[i], l.block[0], count * sizeof(float));
    }
    gf_pool_destroy(pool);
    for (int i = 0; i < 8; i++) {
        gf_workspace_destroy(l.ws[i]);
        gf_free(l.block[i]);
    }
    gf_workspace_destroy(NULL);
    gf_plan_destroy(NULL);
    free(images);
    free(diff);
    whole_free(&w);
    gf_model_free(&m);
}

/* ---- two plans, cut anywhere */

typedef struct part {
    gf_plan *plan;
    gf_workspace *ws;
    float *block;
} part;

static part part_of(whole *w, size_t first, size_t last, bool backward)
{
    part p;
    gf_plan_spec spec = {
        .first = first, .last = last, .micro_batch = BATCH, .dtype = w->spec.dtype, .backward = backward};
    OK(gf_plan_create(&p.plan, &w->g, ops, &spec, &error));
    for (size_t i = 0; i < gf_plan_nodes(p.plan); i++) OK(gf_plan_prepare(p.plan, i, w->scratch, &error));
    p.block = gf_alloc_tensor(gf_plan_grad_count(p.plan) * sizeof(float));
    OK(gf_workspace_create(&p.ws, p.plan, backward ? p.block : NULL, &error));
    return p;
}

static void part_free(part *p)
{
    gf_workspace_destroy(p->ws);
    gf_plan_destroy(p->plan);
    gf_free(p->block);
}

/* The frozen part up to `cut`, what crosses, the rest: outputs and gradients have the bits of one plan. */
static size_t check_cut(whole *w, size_t cut, const float *images, const float *diff, const outcome *want)
{
    part frozen = part_of(w, 0, cut, false), tail = part_of(w, cut, w->g.n_nodes, true);
    int boundary_tensor[GF_MAX_BOUNDARY_TENSORS];
    size_t crosses = gf_graph_boundary_tensors(&w->g, cut, boundary_tensor), n = BATCH;
    assert_true(crosses >= 1 && crosses <= GF_MAX_BOUNDARY_TENSORS);
    memcpy(gf_workspace_value(frozen.ws, w->g.input), images, n * w->image * sizeof(float));
    OK(gf_workspace_forward(frozen.ws, &w->step, &error));
    for (size_t k = 0; k < crosses; k++) {
        int v = boundary_tensor[k];
        assert_int_equal(gf_plan_value_dtype(frozen.plan, v), gf_plan_value_dtype(tail.plan, v));
        memcpy(gf_workspace_value(tail.ws, v), gf_workspace_value(frozen.ws, v),
               n * gf_count(&w->g.value[v].shape) * gf_dtype_size(gf_plan_value_dtype(tail.plan, v)));
    }
    OK(gf_workspace_forward(tail.ws, &w->step, &error));
    assert_memory_equal(gf_workspace_value(tail.ws, w->g.output), want->out, want->n_out * sizeof(float));
    memcpy(gf_workspace_diff(tail.ws, w->g.output), diff, want->n_out * sizeof(float));
    OK(gf_workspace_backward(tail.ws, &w->step, &error));
    memset(w->grad, 0xFF, w->trainable * sizeof(float));
    for (size_t i = 0; i < gf_plan_nodes(tail.plan); i++) {
        if (!gf_plan_node_trains(tail.plan, i)) continue;
        OK(gf_plan_finish_grad(tail.plan, i, tail.block, w->scratch, w->grad, w->trainable_offset, &error));
    }
    assert_memory_equal(w->grad, want->grad, want->n_grad * sizeof(float));
    part_free(&frozen);
    part_free(&tail);
    return crosses;
}

static void cut_anywhere(void **state)
{
    (void)state;
    gf_model m = mobilenet(5);
    m.boundary = 120;
    for (int fused = 0; fused < 2; fused++) {
        whole_spec spec = {.batch = BATCH, .no_fusion = !fused};
        outcome want = outcome_of(&m, spec);
        whole w;
        whole_new(&w, &m, ops, spec);
        float *images = seeded_images(BATCH * w.image), *diff = seeded_diff(want.n_out);
        size_t most = 0;
        for (size_t cut = 1; cut <= gf_graph_first_grad(&w.g); cut += fused ? 1 : 3) {
            size_t crosses = check_cut(&w, cut, images, diff, &want);
            if (crosses > most) most = crosses;
        }
        assert_true(most >= 2); /* in the middle of a residual */
        free(images);
        free(diff);
        whole_free(&w);
        outcome_free(&want);
    }
    gf_model_free(&m);
}

/* Other micro-batches are other primitives: the same values, within rounding. */
static void any_micro_batch_gives_the_same(void **state)
{
    (void)state;
    gf_model m = mobilenet(5);
    m.boundary = 100;
    outcome want = outcome_of(&m, (whole_spec){.batch = 8});
    for (int batch = 1; batch <= 4; batch *= 2) {
        whole w;
        whole_new(&w, &m, ops, (whole_spec){.batch = batch});
        float *images = seeded_images(8 * w.image), *diff = seeded_diff(8 * 5), out[8 * 5];
        double *sum = calloc(w.trainable, sizeof *sum);
        for (int at = 0; at < 8; at += batch) {
            for (int i = 0; i < batch; i++) w.sample[i] = (uint32_t)(at + i);
            whole_forward(&w, images + (size_t)at * w.image, out + at * 5);
            whole_backward(&w, diff + at * 5);
            for (size_t i = 0; i < w.trainable; i++) sum[i] += (double)w.grad[i];
        }
        for (size_t i = 0; i < w.trainable; i++) w.grad[i] = (float)sum[i];
        ASSERT_CLOSE("outputs", distance(out, want.out, want.n_out), 1e-5);
        ASSERT_CLOSE("gradients", distance(w.grad, want.grad, want.n_grad), 1e-4);
        free(sum);
        free(images);
        free(diff);
        whole_free(&w);
    }
    outcome_free(&want);
    gf_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_ways_are_one),
        cmocka_unit_test(bf16_is_near),
        cmocka_unit_test(neighbours_change_no_bit),
        cmocka_unit_test(neighbours_change_no_bit_in_bf16),
        cmocka_unit_test(the_past_changes_no_bit),
        cmocka_unit_test(workspaces_share_a_plan),
        cmocka_unit_test(any_micro_batch_gives_the_same),
        cmocka_unit_test(cut_anywhere),
    };
    gf_ops_start_worker();
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    print_message("%s\n", gf_ops_machine(ops));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    return failed;
}
