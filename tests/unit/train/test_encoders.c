/* Encoders and classifiers of texts beside transformers (tools/make_encoder_fixtures.py), and what is written as a
 * folder of Hugging Face's and read again. */
#include "bert_bench.h"
#include "exchange/hf_modules.h"
#include "exchange/hf_out.h"
#include "exchange/onnx.h"
#include "graph/head.h"

#include <stdio.h>
#include <unistd.h>

static gf_ops *ops;
static gf_pool *pool;
static const uint32_t all[TEXTS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const char *const kinds[] = {"distilbert", "roberta", "bert_parts"};
enum { KINDS = sizeof kinds / sizeof *kinds, CLASSES = 3 };

static int begin(void **state)
{
    (void)state;
    OK(gf_ops_create(&ops, NULL, &error));
    OK(gf_pool_create(&pool, 2, gf_ops_start_worker, &error));
    return 0;
}

static int end(void **state)
{
    (void)state;
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    return 0;
}

typedef struct encoder {
    char folder[256];
    fixture *expected;
    texts_feed texts;
} encoder;

static void open_encoder(encoder *e, const char *kind)
{
    char path[300];
    size_t n;
    *e = (encoder){0};
    snprintf(e->folder, sizeof e->folder, "%s/text/%s", GRAFT_FIXTURES, kind);
    snprintf(path, sizeof path, "%s/expected.safetensors", e->folder);
    e->expected = fixture_open(path);
    assert_non_null(e->expected);
    const float *piece = fixture_f32(e->expected, "pieces", &n);
    assert_int_equal(n, TEXTS * PLACES);
    for (size_t i = 0; i < n; i++) e->texts.piece[i / PLACES][i % PLACES] = (int32_t)piece[i];
}

static double off(const encoder *e, gf_model *m, const char *what)
{
    size_t n;
    gf_feed feed = {give_text, (void *)&e->texts};
    const float *want = fixture_f32(e->expected, what, &n);
    float *got = forward_of(m, ops, pool, &feed, all, TEXTS, GF_F32);
    assert_int_equal(n, TEXTS * gf_count(&m->layer[m->output].shape));
    double by = off_by(got, want, n);
    free(got);
    return by;
}

static void rows_are_those_of_transformers(void **state)
{
    (void)state;
    static const char *const poolings[] = {"first", "mean"};
    for (int k = 0; k < KINDS; k++) {
        encoder e;
        open_encoder(&e, kinds[k]);
        for (int i = 0; i < 2; i++) {
            gf_model m;
            OK(gf_hf_import(&m, e.folder, &(gf_hf_options){.pooling = poolings[i]}, &error));
            assert_int_equal(m.layer[0].shape.dim[0], PLACES);
            double by = off(&e, &m, poolings[i]);
            print_message("%s, %s: off by %.1e\n", kinds[k], poolings[i], by);
            assert_true(by <= 1e-5);
            gf_model_free(&m);
        }
        fixture_close(e.expected);
    }
}

static gf_model open_classifier(const encoder *e, gf_names *classes)
{
    gf_model m;
    OK(gf_hf_import(&m, e->folder, &(gf_hf_options){.classifier = true, .classes = classes}, &error));
    return m;
}

static void classifiers_are_those_of_transformers(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        encoder e;
        gf_names classes = {0};
        open_encoder(&e, kinds[k]);
        gf_model m = open_classifier(&e, &classes);
        double by = off(&e, &m, "logits");
        print_message("%s: logits off by %.1e\n", kinds[k], by);
        assert_true(by <= 1e-5);
        assert_int_equal(classes.n, CLASSES);
        assert_string_equal(classes.item[1], "so so");
        gf_names_free(&classes);
        gf_model_free(&m);
        fixture_close(e.expected);
    }
}

/* ---- written and read again */

static char root[64], folder[96];

static void make_root(void)
{
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    assert_non_null(mkdtemp(root));
    snprintf(folder, sizeof folder, "%s/out", root);
}

static void remove_root(void)
{
    gf_hf_remove(folder);
    assert_int_equal(rmdir(root), 0);
}

static void tokenizer_files(gf_files *files)
{
    *files = (gf_files){0};
    OK(gf_files_add(files, "vocab.txt", "[PAD]\n[UNK]\n", 12, &error));
}

static void classifiers_come_back(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        encoder e;
        gf_names classes = {0}, again = {0};
        gf_files files;
        open_encoder(&e, kinds[k]);
        make_root();
        tokenizer_files(&files);
        gf_model m = open_classifier(&e, &classes), back;
        m.classes = CLASSES;
        OK(gf_hf_export(folder, &m, &(gf_export_what){.classes = &classes, .tokenizer = &files}, &error));
        m.classes = 0;
        const gf_hf_options o = {.classifier = true, .classes = &again};
        OK(gf_hf_import(&back, folder, &o, &error));
        assert_int_equal(back.n_values, m.n_values);
        assert_memory_equal(back.value, m.value, m.n_values * sizeof *m.value);
        assert_true(off(&e, &back, "logits") <= 1e-5);
        assert_int_equal(again.n, CLASSES);
        assert_string_equal(again.item[2], "good");
        char path[160];
        snprintf(path, sizeof path, "%s/vocab.txt", folder);
        assert_int_equal(access(path, R_OK), 0);
        assert_int_equal(gf_hf_export(folder, &m, &(gf_export_what){.classes = &classes, .tokenizer = &files}, &error),
                         GRAFT_RESOURCE);
        remove_root();
        gf_files_free(&files);
        gf_names_free(&classes);
        gf_names_free(&again);
        gf_model_free(&m);
        gf_model_free(&back);
        fixture_close(e.expected);
    }
}

/* The mean, a hidden layer and one logit for two classes: two logits, 0 and that, behind modules of
 * sentence-transformers. */
static void other_heads_are_modules(void **state)
{
    (void)state;
    encoder e;
    gf_names classes = {0};
    gf_files files;
    open_encoder(&e, "roberta");
    make_root();
    tokenizer_files(&files);
    OK(gf_names_add(&classes, "no", &error));
    OK(gf_names_add(&classes, "yes", &error));
    gf_model whole, m, back;
    OK(gf_hf_import(&whole, e.folder, &(gf_hf_options){.pooling = "mean"}, &error));
    OK(gf_head_on(&m, &whole, NULL,
                  &(gf_head_spec){.item = {{&gf_layer_dense, 5, GF_ACT_RELU, 0, 0}}, .n_items = 1, .outputs = 1}, 2,
                  0.2F, &error));
    gf_model_init(&m, 3, (int)gf_model_backbone_layers(&m));
    OK(gf_hf_export(folder, &m, &(gf_export_what){.classes = &classes, .tokenizer = &files}, &error));
    OK(gf_hf_import(&back, folder, &(gf_hf_options){.classifier = true}, &error));
    gf_feed feed = {give_text, &e.texts};
    float *one = forward_of(&m, ops, pool, &feed, all, TEXTS, GF_F32);
    float *two = forward_of(&back, ops, pool, &feed, all, TEXTS, GF_F32);
    for (size_t i = 0; i < TEXTS; i++) {
        assert_true(fabsf(two[2 * i]) == 0);
        assert_true(fabsf(two[2 * i + 1] - one[i]) <= 1e-6F);
    }
    free(one);
    free(two);
    remove_root();
    gf_files_free(&files);
    gf_names_free(&classes);
    gf_model_free(&whole);
    gf_model_free(&m);
    gf_model_free(&back);
    fixture_close(e.expected);
}

/* As sentence-transformers writes it up to version 5, and since. */
static void pooling_is_said_in_two_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        gf_text_pooling want; /* GF_POOLINGS: refused */
    } rows[] = {
        {"{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": false}", GF_POOL_FIRST},
        {"{\"pooling_mode_cls_token\": false, \"pooling_mode_mean_tokens\": true}", GF_POOL_MEAN},
        {"{\"embedding_dimension\": 384, \"pooling_mode\": \"mean\", \"include_prompt\": true}", GF_POOL_MEAN},
        {"{\"pooling_mode\": \"cls\"}", GF_POOL_FIRST},
        {"{\"pooling_mode\": \"max\"}", GF_POOLINGS},
        {"{\"pooling_mode_max_tokens\": true}", GF_POOLINGS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_text_pooling got;
        graft_status status = gf_hf_pooling_parse(&got, rows[i].text, strlen(rows[i].text), "config.json", &error);
        assert_int_equal(status, rows[i].want == GF_POOLINGS ? GRAFT_WEIGHTS : GRAFT_OK);
        assert_int_equal(got, rows[i].want);
    }
}

/* As tokenizer_config.json has "no limit". */
static void large_whole_numbers_are_reals(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": 1000000000000000019884624838656, \"b\": \"\\\"99999999999999999999\", "
                               "\"c\": [-99999999999999999999, 7, 1.5e+3, 123456789012345678]}";
    gf_json *j;
    assert_int_not_equal(gf_json_parse(&j, text, strlen(text), "text", &error), GRAFT_OK);
    OK(gf_json_parse_large(&j, text, strlen(text), "text", &error));
    const gf_json *c = gf_json_get(j, "c");
    assert_true(fabs(gf_json_f64(gf_json_get(j, "a"), 0) / 1e30 - 1) < 1e-9);
    assert_int_equal(gf_json_i64(gf_json_get(j, "a"), -3), -3);
    assert_string_equal(gf_json_str(gf_json_get(j, "b"), ""), "\"99999999999999999999");
    assert_true(fabs(gf_json_f64(gf_json_at(c, 0), 0) / -1e20 - 1) < 1e-9);
    assert_int_equal(gf_json_i64(gf_json_at(c, 1), 0), 7);
    assert_true(gf_json_f64(gf_json_at(c, 2), 0) == 1500);
    assert_true(gf_json_i64(gf_json_at(c, 3), 0) == 123456789012345678);
    gf_json_free(j);
}

/* What is computed with them is compared by tools/check_text_exports.py. */
static void onnx_holds_what_was_written(void **state)
{
    (void)state;
    static const char *const inputs[KINDS] = {NULL, NULL, "token_type_ids"};
    for (int k = 0; k < KINDS; k++) {
        encoder e;
        gf_names classes = {0};
        gf_onnx o;
        bool it;
        open_encoder(&e, kinds[k]);
        make_root();
        gf_model m = open_classifier(&e, &classes);
        const char *const *names = (const char *const *)classes.item;
        OK(gf_onnx_export(&m, names, classes.n, NULL, folder, &error));
        OK(gf_onnx_holds(folder, &m, names, classes.n, &it, &error));
        assert_true(it);
        OK(gf_onnx_open(&o, folder, NULL, NULL, &error));
        assert_int_equal(o.n_inputs, inputs[k] ? 3 : 2);
        assert_string_equal(o.input[0].name, "input_ids");
        assert_string_equal(o.input[1].name, "attention_mask");
        if (inputs[k]) assert_string_equal(o.input[2].name, inputs[k]);
        assert_string_equal(gf_onnx_metadata(&o, "classes"), "bad\nso so\ngood");
        gf_onnx_free(&o);
        m.value[m.n_values / 2] += 1;
        OK(gf_onnx_holds(folder, &m, names, classes.n, &it, &error));
        assert_false(it);
        assert_int_equal(unlink(folder), 0);
        assert_int_equal(rmdir(root), 0);
        gf_names_free(&classes);
        gf_model_free(&m);
        fixture_close(e.expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_transformers), cmocka_unit_test(classifiers_are_those_of_transformers),
        cmocka_unit_test(classifiers_come_back),          cmocka_unit_test(other_heads_are_modules),
        cmocka_unit_test(onnx_holds_what_was_written),    cmocka_unit_test(pooling_is_said_in_two_ways),
        cmocka_unit_test(large_whole_numbers_are_reals),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
