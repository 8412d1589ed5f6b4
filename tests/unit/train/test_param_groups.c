/* Parameter groups: what words make of a network; exactly what is in a group changes, at the group's own rate, with the
 * gradients that it has when all trains, and the same bits for any number of threads. */
#include "base/alloc.h"
#include "image/input.h"
#include "support/ok.h"
#include "support/seeded.h"
#include "train/engine.h"
#include "zoo/zoo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 32, CLASSES = 3, SAMPLES = 64, STEPS = 3, BATCH = 8, BOUNDARY = 100 };

static gf_ops *ops;

/* ---- words */

static void bad_words_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *words, *says;
    } rows[] = {
        {"", "\"\""},
        {"bias", "\"bias\""},
        {"bias-only=1", "\"bias-only=1\""},
        {"layer-decay", "\"layer-decay\""},
        {"layer-decay=0", "above 0"},
        {"layer-decay=1.1", "at most 1"},
        {"layer-decay=nan", "above 0"},
        {"layer-decay=0.5x", "above 0"},
        {"no-decay,,bias-only", "\"\""},
        {"no-decay,", "\"\""},
        {"only=", "a pattern"},
        {"only=a:lr=1", "a pattern alone"},
        {"freeze=a:", "a pattern alone"},
        {"group=a", "PATTERN:lr="},
        {"group=a:", "PATTERN:lr="},
        {"group=a:lr", "PATTERN:lr="},
        {"group=a:lr=0", "PATTERN:lr="},
        {"group=a:lr=1e9", "PATTERN:lr="},
        {"group=a:decay=1", "PATTERN:lr="},
        {"group=a:decay=-1", "PATTERN:lr="},
        {"group=a:lr=1:rate=2", "PATTERN:lr="},
        {"wor\x1b[m", "\\x1b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        graft_error err = {0};
        assert_int_equal(gf_param_groups_check(rows[i].words, &err), GRAFT_USAGE);
        assert_int_equal(err.number, GF_E_PARAM_GROUPS);
        if (!strstr(err.message, rows[i].says)) fail_msg("\"%s\": %s", rows[i].words, err.message);
    }
    char many[1024] = "";
    for (int i = 0; i < 65; i++) strcat(many, i ? ",freeze=a" : "freeze=a");
    assert_int_equal(gf_param_groups_check(many, &error), GRAFT_USAGE);
    memset(many, 'x', sizeof many - 1);
    assert_int_equal(gf_param_groups_check(many, &error), GRAFT_USAGE);
    OK(gf_param_groups_check(NULL, &error));
    OK(gf_param_groups_check("all", &error));
    OK(gf_param_groups_check("layer-decay=1,no-decay,norm-only,only=a*,freeze=b?/kernel,group=c:decay=0:lr=2", &error));
}

/* ---- a network */

static void make_model(gf_model *m, const char *name, int boundary)
{
    gf_zoo_options o = {.width = SIZE, .height = SIZE, .alpha = 0.35, .classes = CLASSES, .dropout = 0.5f};
    const gf_architecture *a = gf_zoo_find(name);
    assert_non_null(a);
    if (strcmp(name, "mobilenet_v2") != 0) o.width = o.height = 224, o.alpha = 1;
    OK(gf_zoo_build(m, name, &o, &error));
    m->boundary = boundary;
}

static const gf_param_range *tensor_of(const gf_param_groups *g, const gf_param *p)
{
    for (size_t i = 0; i < g->n_tensors; i++) {
        if (g->tensor[i].first == p->offset) return &g->tensor[i];
    }
    return NULL;
}

static const gf_param_group *group_of(const gf_model *m, const gf_param_groups *g, const char *layer, const char *var)
{
    const gf_param *p = gf_model_param(m, gf_model_find(m, layer), var);
    const gf_param_range *t = p ? tensor_of(g, p) : NULL;
    if (!t) fail_msg("%s/%s is in no group", layer, var);
    return &g->group[t->group];
}

/* Ranges and tensors cover the same floats in the block's order, each once, without a gap in `at`. */
static void check_layout(const gf_model *m, const gf_param_groups *g)
{
    size_t at = 0, end = 0, t = 0, tensors = 0;
    for (size_t r = 0; r < g->n_ranges; r++) {
        const gf_param_range *range = &g->range[r];
        assert_int_equal(range->at, at);
        assert_true(range->first >= end && range->count > 0);
        for (size_t done = 0; done < range->count; t++) {
            assert_true(t < g->n_tensors);
            assert_int_equal(g->tensor[t].first, range->first + done);
            assert_int_equal(g->tensor[t].at, at + done);
            assert_int_equal(g->tensor[t].group, range->group);
            done += g->tensor[t].count;
            assert_true(done <= range->count);
        }
        at += range->count;
        end = range->first + range->count;
    }
    assert_int_equal(at, g->values);
    assert_int_equal(t, g->n_tensors);
    assert_true(end <= m->n_trainable_values);
    for (size_t i = 0; i < g->n_groups; i++) tensors += g->group[i].tensors;
    assert_int_equal(tensors, g->n_tensors);
}

static void no_words_are_one_range(void **state)
{
    (void)state;
    static const char *const none[] = {NULL, "all", "layer-decay=1"};
    static const int boundaries[] = {0, 57, BOUNDARY, 154};
    gf_model m;
    make_model(&m, "mobilenet_v2", 0);
    for (size_t i = 0; i < 12; i++) {
        m.boundary = boundaries[i % 4];
        gf_param_groups g;
        OK(gf_param_groups_create(&g, &m, none[i / 4], &error));
        check_layout(&m, &g);
        assert_int_equal(g.n_ranges, 1);
        assert_int_equal(g.n_groups, 1);
        assert_int_equal(g.range[0].first, gf_model_first_trainable(&m));
        assert_int_equal(g.values, m.n_trainable_values - gf_model_first_trainable(&m));
        assert_true(g.group[0].lr_scale == 1 && g.group[0].weight_decay < 0);
        gf_param_groups_free(&g);
    }
    gf_model_free(&m);
}

static void blocks_are_what_the_names_say(void **state)
{
    (void)state;
    static const struct {
        const char *network;
        int blocks;
        const char *layer;
        int block;
    } rows[] = {
        {"mobilenet_v2", 17, "Conv1", 0},
        {"mobilenet_v2", 17, "block_1_expand", 1},
        {"mobilenet_v2", 17, "Conv_1_bn", 16},
        {"mobilenet_v2_torch", 20, "features.2.conv.0.0", 3},
        {"resnet18", 9, "conv1", 0},
        {"resnet18", 9, "layer1.0.conv1", 1},
        {"resnet18", 9, "layer1.1.bn2", 2},
        {"resnet18", 9, "layer4.1.conv2", 8},
        {"resnet50_v2", 17, "conv2_block1_1_conv", 1},
        {"resnet50_v2", 17, "conv5_block3_3_conv", 16},
        {"efficientnet_b0", 17, "stem_conv", 0},
        {"efficientnet_b0", 17, "block2b_dwconv", 3},
        {"densenet121", 59, "conv2_block6_1_conv", 6},
        {"xception", 15, "block14_sepconv1", 14},
        {"inception_v3", 16, "conv2d", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_model m;
        make_model(&m, rows[i].network, 0);
        int *block = calloc(m.n_layers, sizeof *block), at = gf_model_find(&m, rows[i].layer);
        int blocks = gf_param_blocks(&m, block), last = 0;
        if (at < 0 || blocks != rows[i].blocks || block[at] != rows[i].block) {
            fail_msg("%s: %d blocks, %s is %d of them", rows[i].network, blocks, rows[i].layer,
                     at < 0 ? -9 : block[at]);
        }
        for (size_t k = 0; k < m.n_layers; k++) { /* they never go back */
            assert_true(m.layer[k].backbone ? block[k] >= last && block[k] < blocks : block[k] == -1);
            if (m.layer[k].backbone) last = block[k];
        }
        assert_int_equal(last, blocks - 1);
        free(block);
        gf_model_free(&m);
    }
}

static void rates_fall_towards_the_image(void **state)
{
    (void)state;
    gf_model m;
    make_model(&m, "mobilenet_v2", 0);
    gf_param_groups g;
    OK(gf_param_groups_create(&g, &m, "group=block_9_*:lr=0.1:decay=0.01,layer-decay=0.5,no-decay", &error));
    check_layout(&m, &g);
    assert_true(group_of(&m, &g, "head", "kernel")->lr_scale == 1);
    assert_true(group_of(&m, &g, "head", "kernel")->weight_decay < 0);
    assert_true(group_of(&m, &g, "head", "bias")->weight_decay == 0);
    assert_true(group_of(&m, &g, "block_16_project", "kernel")->lr_scale == 0.5);
    assert_true(group_of(&m, &g, "block_15_project", "kernel")->lr_scale == 0.25);
    assert_true(group_of(&m, &g, "block_15_project_BN", "gamma")->weight_decay == 0);
    assert_true(group_of(&m, &g, "Conv1", "kernel")->lr_scale == 0x1p-17);
    assert_true(group_of(&m, &g, "block_9_expand", "kernel")->lr_scale == 0x1p-8 * 0.1);
    assert_true(group_of(&m, &g, "block_9_expand_BN", "beta")->weight_decay == 0.01);
    gf_param_groups_free(&g);
    gf_model_free(&m);
}

static void what_cannot_be_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *words, *says;
    } rows[] = {{"freeze=block_99_*", "fits no layer"},
                {"only=block_1_expand_relu", "fits no layer"},
                {"group=block_1_expand/bias:lr=2", "fits no layer"},
                {"freeze=*", "nothing is left"}};
    gf_model m;
    make_model(&m, "mobilenet_v2", BOUNDARY);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_param_groups g;
        graft_error err = {0};
        assert_int_equal(gf_param_groups_create(&g, &m, rows[i].words, &err), GRAFT_USAGE);
        assert_int_equal(err.number, GF_E_PARAM_GROUPS);
        if (!strstr(err.message, rows[i].says)) fail_msg("\"%s\": %s", rows[i].words, err.message);
        assert_null(g.group);
    }
    gf_model_free(&m);
}

/* ---- steps */

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    (void)ctx, (void)err;
    if (target) *(gf_class_target *)target = gf_target_of(q->sample % CLASSES);
    for (size_t i = 0; i < SIZE * SIZE * 3; i++) {
        q->scratch[i] = (float)(seeded_word("pixel", q->epoch, q->sample * SIZE * SIZE * 3 + i) >> 56);
    }
    gf_input_put_f32(&in[0], q->scratch, dst[0]);
    return GRAFT_OK;
}

typedef struct bench {
    gf_pool *pool;
    gf_model m;
    gf_engine *e;
    gf_feed feed;
    gf_optimizer o;
    float *slots, *before;
    uint32_t sample[SAMPLES];
} bench;

static bench *bench_at(int boundary, const char *words, const char *optimizer, int threads, bool batch_norm)
{
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->feed = (gf_feed){image, b};
    for (uint32_t i = 0; i < SAMPLES; i++) b->sample[i] = (i * 37 + 5) % SAMPLES;
    OK(gf_pool_create(&b->pool, threads, gf_ops_start_worker, &error));
    make_model(&b->m, "mobilenet_v2", boundary);
    gf_model_init(&b->m, 7, 0);
    for (size_t i = 0; i < b->m.n_params; i++) { /* no bias is 0 */
        const gf_param *p = &b->m.param[i];
        if (p->statistic || p->shape.rank > 1) continue;
        for (size_t k = 0; k < p->count; k++) b->m.value[p->offset + k] += 0.25f;
    }
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.train = true;
    spec.seed = 99;
    spec.batch = BATCH;
    spec.trainable_micro = 4;
    spec.groups = words;
    spec.batch_norm = batch_norm;
    OK(gf_engine_create(&b->e, &b->m, ops, b->pool, &spec, &error));
    OK(gf_optimizer_parse(&b->o, optimizer, &error));
    b->slots = gf_alloc_tensor((size_t)gf_optimizer_slots(&b->o) * gf_engine_trainable(b->e) * sizeof(float));
    b->before = malloc(b->m.n_values * sizeof *b->before);
    assert_non_null(b->before);
    memcpy(b->before, b->m.value, b->m.n_values * sizeof *b->before);
    return b;
}

static bench *bench_new(const char *words, const char *optimizer, int threads, bool batch_norm)
{
    return bench_at(BOUNDARY, words, optimizer, threads, batch_norm);
}

static void bench_free(bench *b)
{
    gf_engine_destroy(b->e);
    gf_model_free(&b->m);
    gf_pool_destroy(b->pool);
    gf_free(b->slots);
    free(b->before);
    free(b);
}

static void gradient(bench *b, int step)
{
    gf_batch batch = {
        .epoch = (uint32_t)step, .number = (uint64_t)step, .n = BATCH, .sample = b->sample + step * BATCH};
    gf_step_result r;
    OK(gf_engine_gradient(b->e, &b->feed, NULL, &batch, NULL, &r, &error));
    assert_true(r.n == BATCH && isfinite(r.loss) && r.grad_norm > 0);
}

static void train(bench *b)
{
    for (int s = 0; s < STEPS; s++) {
        gradient(b, s);
        OK(gf_engine_apply(b->e, &b->o, 1e-3, s, b->slots, &error));
    }
}

/* What is to train, told by names without the code under test. */
typedef bool trains_fn(const gf_layer *l, int layer, const gf_param *p);

static bool begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

static bool all_above(const gf_layer *l, int layer, const gf_param *p)
{
    (void)p;
    return !l->backbone || layer >= BOUNDARY;
}

static bool head_alone(const gf_layer *l, int layer, const gf_param *p)
{
    (void)layer, (void)p;
    return !l->backbone;
}

static bool biases(const gf_layer *l, int layer, const gf_param *p)
{
    return !l->backbone || (layer >= BOUNDARY && (!strcmp(p->var, "bias") || !strcmp(p->var, "beta")));
}

static bool norms(const gf_layer *l, int layer, const gf_param *p)
{
    return !l->backbone || (layer >= BOUNDARY && (!strcmp(p->var, "gamma") || !strcmp(p->var, "beta")));
}

static bool around_an_island(const gf_layer *l, int layer, const gf_param *p)
{
    return all_above(l, layer, p) && !begins(l->name, "block_13_") && !begins(l->name, "block_14_");
}

static bool one_block(const gf_layer *l, int layer, const gf_param *p)
{
    (void)p;
    return !l->backbone || (layer >= BOUNDARY && begins(l->name, "block_14_"));
}

static bool kernels_of_a_block_alone(const gf_layer *l, int layer, const gf_param *p)
{
    return l->backbone && layer >= BOUNDARY && begins(l->name, "block_15_") && strstr(p->var, "kernel");
}

static const struct {
    const char *words;
    trains_fn *trains;
} cases[] = {
    {NULL, all_above},
    {"only=head", head_alone},
    {"bias-only", biases},
    {"norm-only", norms},
    {"freeze=block_13_*,freeze=block_14_*", around_an_island},
    {"only=block_14_*", one_block},
    {"only=block_15_*/*kernel,freeze=head", kernels_of_a_block_alone},
    {"layer-decay=0.8,no-decay", all_above},
};
enum { CASES = sizeof cases / sizeof *cases };

static bool changed(const bench *b, const gf_param *p)
{
    return memcmp(b->before + p->offset, b->m.value + p->offset, p->count * sizeof *b->before) != 0;
}

static void exactly_the_tensors_of_the_groups_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        bench *b = bench_new(cases[i].words, "adam", 2, false);
        check_layout(&b->m, gf_engine_groups(b->e));
        train(b);
        size_t n = 0;
        for (size_t k = 0; k < b->m.n_params; k++) {
            const gf_param *p = &b->m.param[k];
            const gf_layer *l = &b->m.layer[p->layer];
            bool want = !p->statistic && cases[i].trains(l, p->layer, p);
            n += want;
            if (changed(b, p) != want) {
                fail_msg("%s: %s/%s %s", cases[i].words, l->name, p->var, want ? "did not change" : "changed");
            }
        }
        assert_int_equal(n, gf_engine_groups(b->e)->n_tensors);
        bench_free(b);
    }
}

/* Largest difference, as a share of the largest wanted value. */
static double distance(const float *got, const float *want, size_t n)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - (double)want[i]);
        if (!(d <= worst)) worst = d;
        if (fabs((double)want[i]) > largest) largest = fabs((double)want[i]);
    }
    return largest > 0 ? worst / largest : worst;
}

/* Freezing some parameters changes nothing about the others' gradients: no bit where the split point is the same, else
 * what another plan of the frozen part rounds otherwise. */
static void gradients_are_those_of_the_whole(void **state)
{
    (void)state;
    const double rounding = 1e-5;
    bench *all = bench_new(NULL, "sgd", 2, false);
    const gf_param_groups *whole = gf_engine_groups(all->e);
    gradient(all, 0);
    for (size_t i = 2; i < CASES; i++) {
        bench *b = bench_new(cases[i].words, "sgd", 2, false);
        gradient(b, 0);
        const gf_param_groups *g = gf_engine_groups(b->e);
        bool same = i != 5 && i != 6;
        for (size_t t = 0; t < g->n_tensors; t++) {
            const float *got = gf_engine_grads(b->e) + g->tensor[t].at;
            const float *want = gf_engine_grads(all->e) + (g->tensor[t].first - whole->range[0].first);
            double d = distance(got, want, g->tensor[t].count);
            if (!(d <= (same ? 0 : rounding))) fail_msg("%s: tensor %zu is off by %g", cases[i].words, t, d);
        }
        bench_free(b);
    }
    bench_free(all);
}

/* Words that leave the head alone are the boundary behind the backbone, to the bit. */
static void the_head_alone_is_feature_extraction(void **state)
{
    (void)state;
    bench *b = bench_new("only=head", "adam", 2, false), *want = bench_at(154, NULL, "adam", 2, false);
    assert_int_equal(gf_engine_trainable(b->e), gf_engine_trainable(want->e));
    train(b);
    train(want);
    assert_memory_equal(b->m.value, want->m.value, b->m.n_values * sizeof(float));
    bench_free(b);
    bench_free(want);
}

/* w -= w decay lr, then w -= g lr, with the group's own numbers. */
static void each_group_has_its_own_rate_and_decay(void **state)
{
    (void)state;
    const double lr = 1e-3, decay = 0.125;
    bench *b =
        bench_new("layer-decay=0.8,no-decay,group=block_15_*:lr=3:decay=0.5", "sgd:weight_decay=0.125", 2, false);
    const gf_param_groups *g = gf_engine_groups(b->e);
    gradient(b, 0);
    OK(gf_engine_apply(b->e, &b->o, lr, 0, b->slots, &error));
    for (size_t t = 0; t < g->n_tensors; t++) {
        const gf_param_range *r = &g->tensor[t];
        const gf_param *p = b->m.param;
        while (p->offset != r->first || p->statistic) p++;
        const char *name = b->m.layer[p->layer].name;
        double scale = 1, own = p->shape.rank <= 1 ? 0 : decay;
        int block = begins(name, "block_") ? atoi(name + 6) : 16; /* Conv_1 is the last block's */
        for (int k = block; k <= 16 && b->m.layer[p->layer].backbone; k++) scale *= 0.8;
        if (block == 15) {
            scale *= 3;
            own = 0.5;
        }
        const float rate = (float)(lr * scale), d = (float)own;
        for (size_t k = 0; k < r->count; k++) {
            float w = b->before[r->first + k];
            if (own > 0) w -= w * d * rate;
            w -= gf_engine_grads(b->e)[r->at + k] * rate;
            assert_memory_equal(&w, &b->m.value[r->first + k], sizeof w);
        }
    }
    bench_free(b);
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    static const char words[] = "freeze=block_14_*,layer-decay=0.7,no-decay";
    bench *want = bench_new(words, "adamw", 1, false);
    train(want);
    for (int threads = 2; threads <= 4; threads++) {
        bench *b = bench_new(words, "adamw", threads, false);
        train(b);
        assert_memory_equal(b->m.value, want->m.value, b->m.n_values * sizeof(float));
        bench_free(b);
    }
    bench_free(want);
}

/* Batch normalization that measures its batches does so where something of it trains. */
static void statistics_move_with_what_trains(void **state)
{
    (void)state;
    bench *b = bench_new("freeze=block_14_*", "adam", 2, true);
    train(b);
    size_t moved = 0;
    for (size_t k = 0; k < b->m.n_params; k++) {
        const gf_param *p = &b->m.param[k];
        const char *name = b->m.layer[p->layer].name;
        bool want = p->layer >= BOUNDARY && !begins(name, "block_14_");
        if (changed(b, p) != want) fail_msg("%s/%s", name, p->var);
        moved += want && p->statistic;
    }
    assert_true(moved > 10);
    bench_free(b);
}

static int set_up(void **state)
{
    (void)state;
    return gf_ops_create(&ops, NULL, &error) == GRAFT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    gf_ops_destroy(ops);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_words_are_refused),
        cmocka_unit_test(no_words_are_one_range),
        cmocka_unit_test(blocks_are_what_the_names_say),
        cmocka_unit_test(rates_fall_towards_the_image),
        cmocka_unit_test(what_cannot_be_is_said),
        cmocka_unit_test(exactly_the_tensors_of_the_groups_change),
        cmocka_unit_test(gradients_are_those_of_the_whole),
        cmocka_unit_test(the_head_alone_is_feature_extraction),
        cmocka_unit_test(each_group_has_its_own_rate_and_decay),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(statistics_move_with_what_trains),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
