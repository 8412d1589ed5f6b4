/* Keras 3's files as graft writes them hold what Keras's own hold; both kinds are read, damaged ones are refused. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/cage_reply.h"
#include "formats/keras_config_file.h"
#include "formats/keras_h5.h"
#include "formats/keras_zip.h"
#include "formats/weights.h"
#include "formats/zip_write.h"
#include "support/one_file.h"
#include "unit/formats/tiny_keras.h"
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PLAIN GRAFT_FIXTURES "/formats/keras_plain.keras"
#define PACKED GRAFT_FIXTURES "/formats/keras_packed.keras"

static uint8_t *bytes_of(const char *file, size_t *n)
{
    uint8_t *bytes;
    assert_int_equal(gf_file_read(file, 1 << 24, &bytes, n, NULL), GRAFT_OK);
    return bytes;
}

static void write_bytes(const void *bytes, size_t n)
{
    assert_int_equal(gf_file_write(path, &(gf_bytes){bytes, n}, 1, NULL), GRAFT_OK);
}

/* The tiny tensors out of a file, bit for bit, and what else it holds. */
static void check_file(const char *file, const char *format, size_t left_out, const char *one)
{
    tiny_want t;
    gf_weights_notes notes = {0};
    graft_error err = {0};
    tiny_want_init(&t);
    if (gf_weights_read(file, t.want, TINY_TENSORS, NULL, &notes, &err) != GRAFT_OK) {
        fail_msg("%s: E%d %s", file, err.number, err.message);
    }
    assert_true(tiny_want_right(&t));
    assert_string_equal(notes.format, format);
    assert_false(notes.uncaged);
    assert_int_equal(notes.left_out.n, left_out);
    bool listed = false;
    for (size_t i = 0; i < notes.left_out.n; i++) listed |= !strcmp(notes.left_out.item[i], one);
    assert_true(listed);
    gf_weights_notes_free(&notes);
}

static void what_keras_writes_is_read(void **state)
{
    (void)state;
    check_file(PLAIN, "Keras zip", 7, "layers/dense_1/vars/0 (4, 2)");
    check_file(PACKED, "Keras zip", 7, "layers/normalization/vars/2 ()");
}

/* ---- out ---- */

static void names_become_keys_as_in_keras(void **state)
{
    (void)state;
    static const char *const row[][2] = {
        {"Conv2D", "conv2d"},
        {"DepthwiseConv2D", "depthwise_conv2d"},
        {"PReLU", "p_re_lu"},
        {"ReLU", "re_lu"},
        {"BatchNormalization", "batch_normalization"},
        {"ELU", "elu"},
        {"LSTM", "lstm"},
        {"ZeroPadding2D", "zero_padding2d"},
        {"LeakyReLU", "leaky_re_lu"},
        {"InputLayer", "input_layer"},
        {"Conv2DTranspose", "conv2d_transpose"},
        {"A-b c", "abc"},
    };
    char key[64], small[6];
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_keras_snake_case(row[i][0], key, sizeof key);
        assert_string_equal(key, row[i][1]);
    }
    gf_keras_snake_case("DepthwiseConv2D", small, sizeof small);
    assert_int_equal(strlen(small), 4); /* room for "_x" and the end is kept */
}

/* Every data set of a file, as "path shape". */
static gf_names list_of(const char *file)
{
    gf_weights_notes notes = {0};
    graft_error err = {0};
    if (gf_weights_read(file, NULL, 0, NULL, &notes, &err) != GRAFT_OK) fail_msg("%s: %s", file, err.message);
    return notes.left_out;
}

static void weights_stand_where_keras_puts_them(void **state)
{
    (void)state;
    tiny_keras t;
    tiny_keras_init(&t);
    assert_int_equal(gf_keras_h5_write(path, &t.model, NULL), GRAFT_OK);
    check_file(path, "Keras HDF5", 7, "layers/dense_1/vars/0 (4, 2)");
    size_t n;
    gf_free(bytes_of(path, &n));
    assert_true(n < 40000); /* as large as Keras's own */
    gf_names ours = list_of(path), keras = list_of(PLAIN);
    assert_int_equal(ours.n, 13);
    assert_int_equal(ours.n, keras.n);
    for (size_t i = 0; i < ours.n; i++) assert_string_equal(ours.item[i], keras.item[i]);
    gf_names_free(&ours);
    gf_names_free(&keras);
}

/* An attention keeps its projections in attributes, each a layer with a name of its own. */
static void layers_within_layers_stand_under_their_attribute(void **state)
{
    (void)state;
    static const float x[12] = {1, 2, 3};
    const gf_keras_var kernel = {GF_SHAPE(2, 2, 3), x, GF_F32};
    const gf_keras_layer inner[] = {
        {.name = "query", .class_name = "EinsumDense", .attr = "query_dense", .var = &kernel, .n_vars = 1},
        {.name = "value", .class_name = "EinsumDense", .attr = "value_dense", .var = &kernel, .n_vars = 1},
    };
    const gf_keras_layer layers[] = {
        {.name = "a", .class_name = "MultiHeadAttention", .inner = inner, .n_inner = 2},
        {.name = "b", .class_name = "MultiHeadAttention", .inner = inner, .n_inner = 1},
    };
    const gf_keras_layer model = {.name = "m", .class_name = "Functional", .inner = layers, .n_inner = 2};
    static const char *const wanted[] = {
        "layers/multi_head_attention/query_dense/vars/0 (2, 2, 3)",
        "layers/multi_head_attention/value_dense/vars/0 (2, 2, 3)",
        "layers/multi_head_attention_1/query_dense/vars/0 (2, 2, 3)",
    };
    assert_int_equal(gf_keras_h5_write(path, &model, NULL), GRAFT_OK);
    gf_names names = list_of(path);
    assert_int_equal(names.n, 3);
    for (size_t i = 0; i < 3; i++) assert_string_equal(names.item[i], wanted[i]);
    gf_names_free(&names);
}

static void a_thousand_layers_are_written(void **state)
{
    (void)state;
    enum { LAYERS = 1000 };
    static float x[LAYERS];
    static gf_keras_var var[LAYERS];
    static gf_keras_layer layer[LAYERS];
    static char name[LAYERS][16];
    static gf_weight want[LAYERS];
    static float got[LAYERS];
    for (int i = 0; i < LAYERS; i++) {
        x[i] = (float)i;
        snprintf(name[i], sizeof name[i], "dense-%d", i);
        var[i] = (gf_keras_var){GF_SHAPE(1, 1), &x[i], GF_F32};
        layer[i] = (gf_keras_layer){.name = name[i], .class_name = "Dense", .var = &var[i], .n_vars = 1};
        want[i] = (gf_weight){name[i], "kernel", GF_SHAPE(1, 1), &got[i], false};
    }
    const gf_keras_layer model = {.name = "m", .class_name = "Sequential", .inner = layer, .n_inner = LAYERS};
    assert_int_equal(gf_keras_h5_write(path, &model, NULL), GRAFT_OK);
    assert_int_equal(gf_weights_read(path, want, LAYERS, NULL, NULL, NULL), GRAFT_OK);
    assert_memory_equal(x, got, sizeof x);
}

/* Keras numbers layers on through a session: the third model's first convolution may be conv2d_2. All are of one shape,
 * so that the wrong order would fit, too. */
static void layers_numbered_on_are_read_in_their_order(void **state)
{
    (void)state;
    enum { CONVS = 4, SHIFT = 2 };
    float x[CONVS], got[CONVS], mean = 5, variance = 6, adapted[2];
    const int64_t count = 7;
    char name[CONVS][16], want_name[CONVS][16];
    gf_keras_var var[CONVS];
    const gf_keras_var norm[] = {{GF_SHAPE(1), &mean, GF_F32}, {GF_SHAPE(1), &variance, GF_F32}, {{0}, &count, GF_S64}};
    gf_keras_layer layer[CONVS + 1] = {{.name = "norm_3", .class_name = "Normalization", .var = norm, .n_vars = 3}};
    gf_weight want[CONVS + 2] = {{"normalization", "mean", GF_SHAPE(1), &adapted[0], false},
                                 {"normalization", "variance", GF_SHAPE(1), &adapted[1], false}};
    for (int i = 0; i < CONVS; i++) {
        x[i] = (float)i;
        snprintf(name[i], sizeof name[i], "conv2d_%d", i + SHIFT);
        snprintf(want_name[i], sizeof want_name[i], i ? "conv2d_%d" : "conv2d", i);
        var[i] = (gf_keras_var){GF_SHAPE(1, 1, 1, 1), &x[i], GF_F32};
        layer[i + 1] = (gf_keras_layer){.name = name[i], .class_name = "Conv2D", .var = &var[i], .n_vars = 1};
        want[i + 2] = (gf_weight){want_name[i], "kernel", GF_SHAPE(1, 1, 1, 1), &got[i], false};
    }
    const gf_keras_layer model = {.name = "m", .class_name = "Functional", .inner = layer, .n_inner = CONVS + 1};
    graft_error err = {0};
    assert_int_equal(gf_keras_h5_write(path, &model, NULL), GRAFT_OK);
    if (gf_weights_read(path, want, CONVS + 2, NULL, NULL, &err) != GRAFT_OK) fail_msg("%s", err.message);
    assert_memory_equal(got, x, sizeof x);
    assert_true(adapted[0] == mean && adapted[1] == variance);
    layer[0].name = "normalization"; /* and by names */
    for (int i = 0; i < CONVS; i++) layer[i + 1].name = want_name[i];
    memset(got, 0, sizeof got);
    assert_int_equal(gf_keras_h5_write(path, &model, NULL), GRAFT_OK);
    assert_int_equal(gf_weights_read(path, want, CONVS + 2, NULL, NULL, NULL), GRAFT_OK);
    assert_memory_equal(got, x, sizeof x);
}

static void equal_models_are_equal_bytes(void **state)
{
    (void)state;
    tiny_keras t;
    tiny_keras_init(&t);
    uint8_t *first = NULL;
    size_t first_n = 0;
    const gf_meta meta[] = {{"classes", "cat\ndog"}};
    for (int i = 0; i < 3; i++) {
        void *other_heap = malloc(1000 + 12345 * (size_t)i);
        assert_int_equal(gf_keras_zip_write(path, "{}", &t.model, meta, 1, NULL), GRAFT_OK);
        free(other_heap);
        size_t n;
        uint8_t *now = bytes_of(path, &n);
        if (first) {
            assert_int_equal(n, first_n);
            assert_memory_equal(now, first, n);
            gf_free(now);
        } else {
            first = now;
            first_n = n;
        }
    }
    assert_non_null(memmem(first, first_n, "\"classes\":", 10));
    gf_free(first);
}

/* ---- configurations ---- */

static void check_config(const char *file, const char *class_name)
{
    char *text;
    gf_json *j;
    graft_error err = {0};
    if (gf_keras_config_read(file, &text, &err) != GRAFT_OK) fail_msg("%s: %s", file, err.message);
    assert_int_equal(gf_json_parse(&j, text, strlen(text), file, NULL), GRAFT_OK);
    assert_string_equal(gf_json_str(gf_json_get(j, "class_name"), ""), class_name);
    gf_json_free(j);
    gf_free(text);
}

static void configurations_come_from_every_container(void **state)
{
    (void)state;
    char command[700];
    tiny_keras t;
    tiny_keras_init(&t);
    check_config(PLAIN, "Functional");
    check_config(PACKED, "Functional");
    snprintf(command, sizeof command, "gunzip -c '%s/mobilenet_v2_a035_96_nested.h5.gz' > %s", GRAFT_FIXTURES, path);
    assert_int_equal(system(command), 0);
    check_config(path, "Functional");
    assert_int_equal(gf_file_write_text(path, " {\"class_name\": \"Sequential\"}\n", NULL), GRAFT_OK);
    check_config(path, "Sequential");
    assert_int_equal(gf_keras_zip_write(path, "{\"class_name\": \"Mine\"}", &t.model, NULL, 0, NULL), GRAFT_OK);
    check_config(path, "Mine");
    check_file(path, "Keras zip", 7, "layers/dense_1/vars/0 (4, 2)");
}

static void refuse_config(int number, const char *says)
{
    char *text = (char *)1;
    graft_error err = {0};
    assert_int_equal(gf_keras_config_read(path, &text, &err), GRAFT_WEIGHTS);
    if (err.number != number || !strstr(err.message, says)) fail_msg("E%d %s", err.number, err.message);
    assert_null(text);
}

static void files_without_a_configuration_say_so(void **state)
{
    (void)state;
    size_t n;
    uint8_t *h5 = bytes_of(GRAFT_FIXTURES "/formats/good_keras3.h5", &n);
    write_bytes(h5, n);
    refuse_config(GF_E_KERAS_CONFIG, "holds no model_config");
    write_bytes(h5, n / 2);
    refuse_config(GF_E_HDF5_DAMAGED, "cannot be read");
    const gf_zip_member no_config[] = {{"model.weights.h5", .body = {h5, n}}, {"other", .body = {"x", 1}}};
    assert_int_equal(gf_zip_write(path, no_config, 2, NULL), GRAFT_OK);
    refuse_config(GF_E_KERAS_ZIP, "the archive has no `config.json`");
    const gf_zip_member nul[] = {{"config.json", .body = {"{}\0{}", 5}}};
    assert_int_equal(gf_zip_write(path, nul, 1, NULL), GRAFT_OK);
    refuse_config(GF_E_KERAS_CONFIG, "is no text: it has a NUL");
    write_bytes("{}\0{}", 5);
    refuse_config(GF_E_KERAS_CONFIG, "holds no configuration");
    write_bytes("[1]", 3);
    refuse_config(GF_E_KERAS_CONFIG, "holds no configuration");
    gf_free(h5);
}

/* ---- damage ---- */

static graft_status read_here(const uint8_t *bytes, size_t n, tiny_want *t, graft_error *err)
{
    gf_sink sink = {.fd = -1};
    gf_found found = {0};
    const uint8_t *values[TINY_TENSORS];
    const gf_caged_file file = {.bytes = bytes, .size = n, .path = "f.keras", .unpacks = 1 << 20};
    tiny_want_init(t);
    gf_keras_zip_reply(&file, t->want, TINY_TENSORS, &sink);
    graft_status status = gf_reply_parse((const uint8_t *)sink.bytes.s, sink.bytes.n, "f.keras", t->want, TINY_TENSORS,
                                         &found, values, err);
    if (status == GRAFT_OK) status = gf_found_judge("f.keras", &found, t->want, TINY_TENSORS, NULL, err);
    for (int i = 0; i < TINY_TENSORS && status == GRAFT_OK; i++) {
        memcpy(t->data[i], values[i], gf_count(&t->want[i].shape) * sizeof(float));
        t->want[i].found = true;
    }
    gf_found_free(&found);
    gf_text_free(&sink.bytes);
    return status;
}

static void a_keras_file_cut_at_any_length_is_refused(void **state)
{
    (void)state;
    static const char *const file[] = {PLAIN, PACKED};
    for (int f = 0; f < 2; f++) {
        size_t n;
        uint8_t *bytes = bytes_of(file[f], &n);
        tiny_want t;
        assert_int_equal(read_here(bytes, n, &t, NULL), GRAFT_OK);
        assert_true(tiny_want_right(&t));
        for (size_t cut = 0; cut < n; cut++) {
            uint8_t *copy = malloc(cut + 1); /* so that a read past the end is seen */
            graft_error err = {0};
            memcpy(copy, bytes, cut);
            if (read_here(copy, cut, &t, &err) != GRAFT_WEIGHTS || err.number != GF_E_ZIP_DAMAGED) {
                fail_msg("cut at %zu: E%d %s", cut, err.number, err.message);
            }
            assert_true(tiny_want_untouched(&t));
            free(copy);
        }
        for (size_t cut = 0; cut < n; cut += n / 20) {
            graft_error err = {0};
            write_bytes(bytes, cut);
            assert_int_equal(gf_weights_read(path, t.want, TINY_TENSORS, NULL, NULL, &err), GRAFT_WEIGHTS);
            assert_int_equal(err.number, cut < 4 ? GF_E_WEIGHTS_UNKNOWN_FORMAT : GF_E_ZIP_DAMAGED);
        }
        gf_free(bytes);
    }
}

/* One bit of each byte turned: refused, or (in a date, say) without a say in what is read. */
static void a_flipped_bit_is_never_read_as_a_weight(void **state)
{
    (void)state;
    size_t n, refused = 0;
    uint8_t *bytes = bytes_of(PLAIN, &n);
    for (size_t i = 0; i < n; i++) {
        tiny_want t;
        bytes[i] ^= (uint8_t)(1 << i % 8);
        graft_status status = read_here(bytes, n, &t, NULL);
        bytes[i] ^= (uint8_t)(1 << i % 8);
        if (status == GRAFT_OK ? !tiny_want_right(&t) : status != GRAFT_WEIGHTS) fail_msg("byte %zu: %d", i, status);
        refused += status != GRAFT_OK;
    }
    uint8_t *weights = memmem(bytes, n, "\x89HDF", 4);
    assert_non_null(weights);
    assert_true(refused > 20000); /* all of model.weights.h5 among them */
    weights[5000] ^= 1;
    write_bytes(bytes, n);
    tiny_want t;
    graft_error err = {0};
    tiny_want_init(&t);
    assert_int_equal(gf_weights_read(path, t.want, TINY_TENSORS, NULL, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_ZIP_CHECKSUM);
    assert_non_null(strstr(err.message, "`model.weights.h5` has checksum"));
    gf_free(bytes);
}

/* What no honest archive has is made by turning the names of one in place. */
static void rename_all(uint8_t *bytes, size_t n, const char *from, const char *to)
{
    size_t length = strlen(from);
    int places = 0;
    assert_int_equal(strlen(to), length);
    for (uint8_t *at = bytes; (at = memmem(at, n - (size_t)(at - bytes), from, length)); places++) {
        memcpy(at, to, length);
    }
    assert_int_equal(places, 2);
}

static void strange_members_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } row[] = {
        {"a.txt", "b.txt", "entry `b.txt` is there twice"},
        {"a.txt", "../xy", "has `..`"},
        {"a.txt", "/root", "has an absolute path"},
        {"a.txt", "a\\..b", "has a backslash"},
        {"a.txt", "./xyz", "has `..`, `.`"},
        {"config.json", "cOnfig.json", NULL},
    };
    size_t n;
    uint8_t *h5 = bytes_of(GRAFT_FIXTURES "/formats/good_keras3.h5", &n);
    const gf_zip_member member[] = {{"config.json", .body = {"{}", 2}},
                                    {"model.weights.h5", .body = {h5, n}},
                                    {"a.txt", .body = {"x", 1}},
                                    {"b.txt", .body = {"x", 1}}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        tiny_want t;
        graft_error err = {0};
        size_t size;
        assert_int_equal(gf_zip_write(path, member, 4, NULL), GRAFT_OK);
        uint8_t *bytes = bytes_of(path, &size);
        rename_all(bytes, size, row[i].from, row[i].to);
        write_bytes(bytes, size);
        gf_free(bytes);
        tiny_want_init(&t);
        graft_status status = gf_weights_read(path, t.want, TINY_TENSORS, NULL, NULL, &err);
        if (!row[i].says) { /* weights do not need the configuration */
            assert_int_equal(status, GRAFT_OK);
            continue;
        }
        if (status != GRAFT_WEIGHTS || !strstr(err.message, row[i].says)) fail_msg("%zu: %s", i, err.message);
        assert_true(tiny_want_untouched(&t));
        assert_int_equal(err.number, GF_E_ZIP_ENTRY);
    }
    gf_free(h5);
}

static void another_archive_is_named(void **state)
{
    (void)state;
    tiny_want t;
    graft_error err = {0};
    tiny_want_init(&t);
    assert_int_equal(gf_zip_write(path, &(gf_zip_member){"a.txt", .body = {"x", 1}}, 1, NULL), GRAFT_OK);
    assert_int_equal(gf_weights_read(path, t.want, TINY_TENSORS, NULL, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_WEIGHTS_UNKNOWN_FORMAT);
    assert_non_null(strstr(err.message, "a zip archive, but not of a kind that is known"));
    assert_int_equal(gf_zip_write(path, &(gf_zip_member){"config.json", .body = {"{}", 2}}, 1, NULL), GRAFT_OK);
    assert_int_equal(gf_weights_read(path, t.want, TINY_TENSORS, NULL, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_KERAS_ZIP);
    assert_non_null(strstr(err.message, "has no `model.weights.h5`"));
}

static void bad_calls_of_the_zip_writer_are_refused(void **state)
{
    (void)state;
    static const char *const name[] = {"", "a//b", "../a", "a/..", "/a", "a\\b", "./a", "a/", "c:/a"};
    graft_error err = {0};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        unlink(path);
        assert_int_equal(gf_zip_write(path, &(gf_zip_member){name[i]}, 1, &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_ZIP_WRITE);
        assert_int_equal(access(path, F_OK), -1);
    }
    const gf_zip_member twice[] = {{"a"}, {"b"}, {"a"}};
    assert_int_equal(gf_zip_write(path, twice, 3, &err), GRAFT_WEIGHTS);
    assert_non_null(strstr(err.message, "`a` cannot be written: there are two of it"));
    const gf_zip_member huge[] = {{"a", .body = {path, (size_t)3 << 30}}, {"b", .body = {path, (size_t)2 << 30}}};
    assert_int_equal(gf_zip_write(path, huge, 2, &err), GRAFT_WEIGHTS);
    assert_non_null(strstr(err.message, "over 4 GiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_keras_writes_is_read),
        cmocka_unit_test(names_become_keys_as_in_keras),
        cmocka_unit_test(weights_stand_where_keras_puts_them),
        cmocka_unit_test(layers_within_layers_stand_under_their_attribute),
        cmocka_unit_test(a_thousand_layers_are_written),
        cmocka_unit_test(layers_numbered_on_are_read_in_their_order),
        cmocka_unit_test(equal_models_are_equal_bytes),
        cmocka_unit_test(configurations_come_from_every_container),
        cmocka_unit_test(files_without_a_configuration_say_so),
        cmocka_unit_test(a_keras_file_cut_at_any_length_is_refused),
        cmocka_unit_test(a_flipped_bit_is_never_read_as_a_weight),
        cmocka_unit_test(strange_members_are_refused),
        cmocka_unit_test(another_archive_is_named),
        cmocka_unit_test(bad_calls_of_the_zip_writer_are_refused),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
