/* An encoder of texts against transformers on the same values and pieces (tools/make_bert_fixtures.py), and what
 * packing texts of different lengths may not change. */
#include "bert_bench.h"
#include "exchange/keras_config.h"
#include "graph/head.h"
#include "support/needs.h"

#include <stdio.h>
#include <stdlib.h>

static gf_ops *ops;
static gf_pool *pool;
static texts_feed texts;
static fixture *expected;
static const uint32_t all[TEXTS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static int begin(void **state)
{
    (void)state;
    OK(gf_ops_create(&ops, NULL, &error));
    OK(gf_pool_create(&pool, 2, gf_ops_start_worker, &error));
    expected = expected_of(&texts);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_close(expected);
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    return 0;
}

static gf_model open_model(const char *pooling, int max_length)
{
    gf_model m;
    OK(gf_hf_import(&m, bert_folder, &(gf_hf_options){.pooling = pooling, .max_length = max_length}, &error));
    return m;
}

static float *run(gf_model *m, const uint32_t *sample, size_t n, gf_dtype dtype)
{
    gf_feed feed = {give_text, &texts};
    return forward_of(m, ops, pool, &feed, sample, n, dtype);
}

static void rows_are_those_of_transformers(void **state)
{
    (void)state;
    static const char *const poolings[] = {"pooler", "first", "mean"};
    for (int i = 0; i < 3; i++) {
        gf_model m = open_model(poolings[i], 0);
        size_t n;
        const float *want = fixture_f32(expected, poolings[i], &n);
        float *got = run(&m, all, TEXTS, GF_F32);
        double off = off_by(got, want, n);
        print_message("%s: off by %.1e\n", poolings[i], off);
        assert_true(off <= 1e-5);
        free(got);
        gf_model_free(&m);
    }
}

static void gelu_follows_the_file(void **state)
{
    (void)state;
    gf_model m = open_model("pooler", 0);
    for (size_t i = 0; i < m.n_layers; i++) {
        if (m.layer[i].at.act == GF_ACT_GELU) m.layer[i].at.act = GF_ACT_GELU_TANH;
    }
    size_t n;
    const float *want = fixture_f32(expected, "pooler_tanh", &n), *other = fixture_f32(expected, "pooler", NULL);
    float *got = run(&m, all, TEXTS, GF_F32);
    assert_true(off_by(got, want, n) <= 1e-5);
    assert_true(off_by(got, other, n) > 1e-5);
    free(got);
    gf_model_free(&m);
}

/* The same values under Google's names, as TensorFlow writes them, with Google's GELU. */
static void googles_checkpoint_is_the_same_network(void **state)
{
    (void)state;
    static const char folder[] = GRAFT_FIXTURES "/text/bert_google";
    gf_model m, same = open_model("pooler", 0);
    assert_true(gf_hf_is_folder(folder));
    OK(gf_hf_import(&m, folder, &(gf_hf_options){0}, &error));
    assert_int_equal(m.n_values, same.n_values);
    assert_memory_equal(m.value, same.value, m.n_values * sizeof *m.value);
    size_t n;
    const float *want = fixture_f32(expected, "pooler_tanh", &n);
    float *got = run(&m, all, TEXTS, GF_F32);
    assert_true(off_by(got, want, n) <= 1e-5);
    free(got);
    gf_model_free(&m);
    gf_model_free(&same);
}

/* The same bits whatever stands beside it, and in whatever order. */
static void a_text_does_not_know_its_neighbours(void **state)
{
    (void)state;
    gf_model m = open_model("mean", 0);
    const size_t width = 32;
    float *together = run(&m, all, TEXTS, GF_F32);
    uint32_t reversed[TEXTS];
    for (uint32_t i = 0; i < TEXTS; i++) reversed[i] = TEXTS - 1 - i;
    float *turned = run(&m, reversed, TEXTS, GF_F32);
    for (uint32_t i = 0; i < TEXTS; i++) {
        float *alone = run(&m, &i, 1, GF_F32);
        assert_memory_equal(alone, together + i * width, width * sizeof *alone);
        assert_memory_equal(alone, turned + (TEXTS - 1 - i) * width, width * sizeof *alone);
        free(alone);
    }
    free(together);
    free(turned);
    gf_model_free(&m);
}

static void a_text_is_cut_where_it_is_asked_for(void **state)
{
    (void)state;
    gf_model m = open_model("mean", 7);
    assert_int_equal(m.layer[0].shape.dim[0], 7);
    texts_feed cut = texts;
    for (int i = 0; i < TEXTS; i++) {
        for (int k = 7; k < PLACES; k++) cut.piece[i][k] = -1;
    }
    gf_model whole = open_model("mean", 0);
    gf_feed feed = {give_text, &cut};
    float *want = forward_of(&whole, ops, pool, &feed, all, TEXTS, GF_F32), *got = run(&m, all, TEXTS, GF_F32);
    assert_true(off_by(got, want, TEXTS * 32) <= 1e-6);
    free(got);
    free(want);
    gf_model_free(&m);
    gf_model_free(&whole);
    assert_int_equal(gf_hf_import(&m, bert_folder, &(gf_hf_options){.max_length = 25}, &error), GRAFT_USAGE);
    assert_int_equal(error.number, GF_E_OPTION_VALUE);
}

static void bf16_is_near(void **state)
{
    (void)state;
    NEEDS("bf16");
    gf_model m = open_model("mean", 0);
    float *exact = run(&m, all, TEXTS, GF_F32), *near = run(&m, all, TEXTS, GF_BF16);
    for (size_t i = 0; i < TEXTS; i++) {
        double ab = 0, aa = 0, bb = 0;
        for (size_t k = i * 32; k < (i + 1) * 32; k++) {
            ab += (double)exact[k] * (double)near[k];
            aa += (double)exact[k] * (double)exact[k];
            bb += (double)near[k] * (double)near[k];
        }
        assert_true(ab / sqrt(aa * bb) >= 0.999);
    }
    free(exact);
    free(near);
    gf_model_free(&m);
}

static void a_piece_beyond_the_table_is_told(void **state)
{
    (void)state;
    gf_model m = open_model("mean", 0);
    gf_engine_spec spec;
    gf_engine *e;
    float out[32];
    texts_feed bad = texts;
    bad.piece[3][5] = 50;
    gf_feed feed = {give_text, &bad};
    gf_engine_defaults(&spec);
    OK(gf_engine_create(&e, &m, ops, pool, &spec, &error));
    assert_int_not_equal(gf_engine_forward(e, &feed, NULL, &(uint32_t){3}, 1, out, NULL, &error), GRAFT_OK);
    assert_non_null(strstr(error.message, "row 50 is asked for, the table has 50"));
    gf_engine_destroy(e);
    gf_model_free(&m);
}

static void a_config_says_what_it_lacks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"{\"model_type\":\"gpt2\"}", "model_type \"gpt2\" is not known"},
        {"{\"model_type\":\"bert\"}", "vocab_size: wanted is a whole number from 1 to 2097152"},
        {"{\"model_type\":\"bert\",\"position_embedding_type\":\"relative_key\"}", "wanted is absolute"},
        {"{\"model_type\":\"bert\",\"vocab_size\":9,\"max_position_embeddings\":8,\"type_vocab_size\":2,\"hidden_"
         "size\":9,"
         "\"num_hidden_layers\":1,\"num_attention_heads\":2,\"intermediate_size\":8}",
         "hidden_size: wanted is a multiple of num_attention_heads"},
        {"{\"model_type\":\"bert\",\"vocab_size\":9,\"max_position_embeddings\":8,\"type_vocab_size\":2,\"hidden_"
         "size\":8,"
         "\"num_hidden_layers\":1,\"num_attention_heads\":2,\"intermediate_size\":8,\"hidden_act\":\"erf\"}",
         "hidden_act: wanted is gelu"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gf_bert t = {0};
        assert_int_not_equal(gf_hf_config_parse(&t, bad[i].text, strlen(bad[i].text), "config.json", false, &error),
                             GRAFT_OK);
        assert_int_equal(error.number, GF_E_ENCODER_CONFIG);
        if (!strstr(error.message, bad[i].message)) fail_msg("%s, wanted %s", error.message, bad[i].message);
    }
}

/* The encoder with the fixture's classifier on its pooler. */
static gf_model classifier(void)
{
    enum { CLASSES = 3 };
    gf_model whole = open_model("pooler", 0), m;
    const gf_head_spec head = {.outputs = CLASSES};
    OK(gf_head_on(&m, &whole, NULL, &head, CLASSES, 0, &error));
    gf_model_free(&whole);
    m.boundary = 0;
    return m;
}

/* Fixture tensor PREFIX.NAME in the layout of the model's parameter; malloc. */
static float *fixture_param(const gf_model *m, const gf_param *p, const char *prefix)
{
    static const char *const var[][2] = {
        {"kernel", "weight"}, {"bias", "bias"}, {"gamma", "weight"}, {"beta", "bias"}, {"embeddings", "weight"}};
    char name[256];
    for (size_t i = 0; i < sizeof var / sizeof *var; i++) {
        if (strcmp(p->var, var[i][0])) continue;
        snprintf(name, sizeof name, "%s%s.%s", prefix, m->layer[p->layer].name, var[i][1]);
    }
    size_t n;
    const float *x = fixture_f32(expected, name, &n);
    if (!x || n != p->count) fail_msg("the fixture has no %s of %zu values", name, p->count);
    float *out = malloc(n * sizeof *out);
    bool turned = !strcmp(p->var, "kernel");
    size_t in = turned ? (size_t)p->shape.dim[0] : 1, units = n / in;
    for (size_t i = 0; i < n; i++) out[i] = turned ? x[i % units * in + i / units] : x[i];
    return out;
}

static double params_off(const gf_model *m, const float *values, const char *prefix)
{
    double most = 0;
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        /* a key's bias moves all scores of a row alike: its gradient is rounding, of which Adam makes whole steps */
        bool nothing = !strcmp(p->var, "bias") && strstr(m->layer[p->layer].name, ".self.key");
        if (nothing && !strcmp(prefix, "after.")) continue;
        float *want = fixture_param(m, p, prefix);
        double off = off_by(values + p->offset, want, p->count);
        if (!(off <= most)) most = off;
        free(want);
    }
    return most;
}

/* All of the network, by AdamW; `batch` texts at a time make a micro-batch of their own where it is 1. */
static void steps_are_those_of_torch(void **state)
{
    (void)state;
    enum { STEPS = 5 };
    gf_model m = classifier();
    for (size_t i = 0; i < m.n_params; i++) {
        const gf_param *p = &m.param[i];
        if (strcmp(m.layer[p->layer].name, "head")) continue;
        float *x = fixture_param(&m, p, "");
        memcpy(m.value + p->offset, x, p->count * sizeof *x);
        free(x);
    }
    gf_engine_spec spec;
    gf_engine *e;
    gf_optimizer o;
    gf_engine_defaults(&spec);
    spec.train = true;
    spec.batch = TEXTS;
    OK(gf_engine_create(&e, &m, ops, pool, &spec, &error));
    OK(gf_optimizer_parse(&o, "adamw:form=torch,weight_decay=0.01", &error));
    assert_int_equal(gf_engine_trainable(e), m.n_values);
    float *slots = calloc(gf_optimizer_slots(&o) * m.n_values, sizeof *slots);
    const gf_feed feed = {give_text, &texts};
    const float *loss = fixture_f32(expected, "loss", NULL);
    for (uint32_t step = 0; step < STEPS; step++) {
        gf_step_result r;
        const gf_batch batch = {.number = step, .n = TEXTS, .sample = all};
        OK(gf_engine_gradient(e, &feed, NULL, &batch, NULL, &r, &error));
        print_message("step %u: loss off by %.1e\n", step, fabs(r.loss - (double)loss[step]));
        assert_int_equal(r.n, TEXTS);
        assert_true(fabs(r.loss - (double)loss[step]) <= 5e-5);
        if (!step) {
            double off = params_off(&m, gf_engine_grads(e), "grad.");
            print_message("gradients off by %.1e\n", off);
            assert_true(off <= 2e-5);
        }
        OK(gf_engine_apply(e, &o, 1e-3, step, slots, &error));
    }
    double off = params_off(&m, m.value, "after.");
    print_message("parameters off by %.1e\n", off);
    assert_true(off <= 1e-4);
    free(slots);
    gf_engine_destroy(e);
    gf_model_free(&m);
}

/* Evaluated where it trains, too: through the same packed plan. */
static void it_is_evaluated_as_it_predicts(void **state)
{
    (void)state;
    enum { CLASSES = 3 };
    gf_model m = classifier();
    gf_model_init(&m, 5, (int)gf_model_backbone_layers(&m));
    float *want = run(&m, all, TEXTS, GF_F32), got[TEXTS * CLASSES];
    gf_engine_spec spec;
    gf_engine *e;
    gf_feed feed = {give_text, &texts};
    gf_engine_defaults(&spec);
    spec.train = true;
    spec.batch = 4;
    OK(gf_engine_create(&e, &m, ops, pool, &spec, &error));
    OK(gf_engine_forward(e, &feed, NULL, all, TEXTS, got, NULL, &error));
    assert_true(off_by(got, want, TEXTS * CLASSES) <= 1e-6);
    gf_engine_destroy(e);
    gf_model_free(&m);
    free(want);
}

static void its_layers_are_written_and_read_again(void **state)
{
    (void)state;
    const gf_keras_config_options own = {.own = true, .max_params = 1 << 20};
    gf_model m = open_model("mean", 9), back;
    char *text = NULL, *again = NULL;
    m.layer[3].at.separator = 4;
    OK(gf_keras_config_text(&text, &m, &own, &error));
    OK(gf_keras_config_parse(&back, text, strlen(text), "graph", &own, &error));
    OK(gf_keras_config_text(&again, &back, &own, &error));
    assert_string_equal(text, again);
    assert_int_equal(back.n_values, m.n_values);
    assert_int_equal(back.layer[3].at.separator, 4);
    memcpy(back.value, m.value, m.n_values * sizeof *m.value);
    float *want = run(&m, all, TEXTS, GF_F32), *got = run(&back, all, TEXTS, GF_F32);
    assert_memory_equal(got, want, TEXTS * 32 * sizeof *got);
    free(want);
    free(got);
    gf_free(text);
    gf_free(again);
    gf_model_free(&m);
    gf_model_free(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_transformers),
        cmocka_unit_test(gelu_follows_the_file),
        cmocka_unit_test(googles_checkpoint_is_the_same_network),
        cmocka_unit_test(a_text_does_not_know_its_neighbours),
        cmocka_unit_test(a_text_is_cut_where_it_is_asked_for),
        cmocka_unit_test(bf16_is_near),
        cmocka_unit_test(a_piece_beyond_the_table_is_told),
        cmocka_unit_test(a_config_says_what_it_lacks),
        cmocka_unit_test(steps_are_those_of_torch),
        cmocka_unit_test(it_is_evaluated_as_it_predicts),
        cmocka_unit_test(its_layers_are_written_and_read_again),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
