/* Classifiers that other tools made (tools/make_foreign_fixtures.py): predictions are the file's own numbers, whatever
 * stands at its end, and so are those of the files that they are converted to; a new head takes the classifier's place;
 * what is concluded is said. The numbers wanted are ONNX Runtime's and Keras's. */
#include "support/fixture.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "exchange/import.h"
#include "graph/head.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOREIGN GRAFT_FIXTURES "/foreign/"
enum { IMAGES = 2, MOST = 5 };

static char root[64], said[8192];
static graft_context *context;
static graft_error err;

static void on_say(void *user, graft_level level, const char *text)
{
    (void)user, (void)level;
    size_t n = strlen(said);
    snprintf(said + n, sizeof said - n, "%s\n", text);
}

/* ---- images of the fixture, as files */

static void put32(uint8_t *to, uint32_t x)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(x >> (8 * i));
}

static void write_bmp(const char *path, const float *pixels, int w, int h, int channels)
{
    enum { HEADER = 54 };
    uint8_t header[HEADER] = {'B', 'M'}, pad[4] = {0};
    const uint32_t row = (uint32_t)(w * 3 + 3) / 4 * 4;
    put32(header + 2, HEADER + row * (uint32_t)h);
    put32(header + 10, HEADER);
    put32(header + 14, 40);
    put32(header + 18, (uint32_t)w);
    put32(header + 22, (uint32_t)h);
    header[26] = 1, header[28] = 24;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(header, 1, HEADER, f);
    for (int y = h - 1; y >= 0; y--) {
        for (int x = 0; x < w; x++) {
            const float *p = pixels + (y * w + x) * channels;
            uint8_t bgr[3];
            for (int c = 0; c < 3; c++) bgr[c] = (uint8_t)p[channels == 1 ? 0 : 2 - c];
            fwrite(bgr, 1, 3, f);
        }
        fwrite(pad, 1, row - (uint32_t)w * 3, f);
    }
    assert_int_equal(fclose(f), 0);
}

typedef struct wanted {
    float output[IMAGES * MOST];
    int n; /* numbers an image */
    char image[IMAGES][96];
    const char *paths[IMAGES];
} wanted;

static wanted wanted_of(const char *file)
{
    wanted w = {0};
    char path[256];
    int64_t dims[FIXTURE_MAX_RANK];
    size_t n;
    snprintf(path, sizeof path, FOREIGN "%.*s.safetensors", (int)strcspn(file, "."), file);
    fixture *f = fixture_open(path);
    if (!f) fail_msg("%s is missing", path);
    const float *output = fixture_f32(f, "output", &n), *pixels = fixture_f32(f, "pixels", NULL);
    assert_int_equal(fixture_shape(f, "pixels", dims), 4);
    assert_true(n <= IMAGES * MOST && dims[0] == IMAGES);
    memcpy(w.output, output, n * sizeof *output);
    w.n = (int)(n / IMAGES);
    for (int i = 0; i < IMAGES; i++) {
        snprintf(w.image[i], sizeof w.image[i], "%s/%d.bmp", root, i);
        write_bmp(w.image[i], pixels + i * dims[1] * dims[2] * dims[3], (int)dims[2], (int)dims[1], (int)dims[3]);
    }
    fixture_close(f);
    return w;
}

/* ---- predictions */

static graft_model *open_it(const char *path, const char *preprocess, const char *head)
{
    graft_model_options o;
    graft_model *m = NULL;
    graft_model_defaults(&o);
    o.model = path;
    o.preprocess = preprocess;
    o.head = head;
    o.precision = "f32";
    memset(&err, 0, sizeof err);
    *said = 0;
    return graft_model_open(context, &o, &m, &err) == GRAFT_OK ? m : NULL;
}

/* What predictions of a file with these numbers must be: probabilities of all classes. */
static int probabilities_of(const float *x, int n, char end, float *p)
{
    float sum = 0;
    if (n == 1) {
        p[1] = x[0];
        p[0] = 1 - x[0];
        return 2;
    }
    for (int i = 0; i < n; i++) sum += expf(x[i]);
    for (int i = 0; i < n; i++) p[i] = end == 'p' ? x[i] : end == 'z' ? expf(x[i]) / sum : expf(x[i]);
    return n;
}

static void check_predictions(graft_model *m, const char *what, char end, float tolerance)
{
    wanted w = wanted_of(what);
    graft_result *r = NULL;
    for (int i = 0; i < IMAGES; i++) w.paths[i] = w.image[i];
    if (graft_predict(m, w.paths, IMAGES, MOST, &r, &err)) fail_msg("%s: %s", what, err.message);
    for (size_t i = 0; i < IMAGES; i++) {
        float p[MOST];
        int n = probabilities_of(w.output + (int)i * w.n, w.n, end, p);
        graft_prediction got = graft_result_prediction(r, i);
        assert_int_equal(got.n_top, n);
        for (int k = 0; k < n; k++) {
            int at = atoi(got.top[k].label + strlen("class "));
            if (!(fabs(got.top[k].probability - (double)p[at]) <= (double)tolerance)) {
                fail_msg("%s: class %d is %g, wanted %g", what, at, got.top[k].probability, (double)p[at]);
            }
        }
    }
    graft_result_free(r);
}

typedef struct row {
    const char *file, *preprocess; /* NULL: the file tells */
    char end;                      /* its numbers: p probabilities, z logits, l logarithms */
    const char *says;              /* "": nothing of its end */
} row;

static const row rows[] = {
    {"softmax4.onnx", "unit", 'p', ""},
    {"softmax2.onnx", "unit", 'p', ""},
    {"sigmoid1.onnx", "unit", 'p', ""},
    {"sigmoid5.onnx", "unit", 'p', "each by itself"},
    {"sigmoid2.onnx", "unit", 'p', "each by itself"},
    {"two_outputs.onnx", "unit", 'p', "each by itself"},
    {"logits4.onnx", "unit", 'z', "taken for logits"},
    {"logits2.onnx", "unit", 'z', "taken for logits"},
    {"log4.onnx", "unit", 'l', "logarithms"},
    {"fcn_logits.onnx", "unit", 'z', "taken for logits"},
    {"fcn_softmax.onnx", "unit", 'p', ""},
    {"fcn_two.onnx", "unit", 'p', ""},
    {"fcn_max.onnx", "unit", 'p', ""},
    {"squeeze.onnx", "unit", 'p', ""},
    {"nhwc_grey.onnx", "unit", 'p', ""},
    {"nhwc_colour.onnx", "none", 'p', ""},
    {"automatic.keras", "unit", 'p', ""},
    {"convolutional.keras", "unit", 'p', ""},
    {"many.keras", "unit", 'p', "each by itself"},
    {"separate.keras", "unit", 'p', ""},
    {"one_place.keras", "unit", 'p', ""},
    {"augmented0.keras", NULL, 'p', "0 to 255"},
    {"augmented3.keras", NULL, 'p', "0 to 255"},
    {"augmented5.keras", NULL, 'p', "0 to 255"},
    {"augmented8.keras", NULL, 'p', "0 to 255"},
    {"nested7.keras", NULL, 'p', "(Resizing): left out"},
    {"shuffle.onnx", "unit", 'p', ""},
    {"sliced1.onnx", "unit", 'p', ""},
    {"slopes.onnx", "unit", 'p', ""},
    {"fixed1.onnx", "unit", 'p', ""},
    {"fixed3.onnx", "unit", 'p', ""},
    {"bare_map.onnx", "unit", 'p', ""},
    {"bare_list.onnx", "unit", 'p', ""},
    {"label.onnx", "unit", 'p', "label"},
    {"opset7.onnx", "unit", 'p', ""},
    {"opset8.onnx", "unit", 'p', ""},
    {"opset9.onnx", "unit", 'p', ""},
    {"opset10.onnx", "unit", 'p', ""},
    {"attributes7.onnx", "unit", 'p', ""},
    {"softmax9.onnx", "unit", 'p', ""},
    {"opset23.onnx", "unit", 'p', ""},
    {"opset24.onnx", "unit", 'p', ""},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char *in_foreign(char path[256], const char *file)
{
    snprintf(path, 256, FOREIGN "%s", file);
    return path;
}

static void predictions_are_the_files_own_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        char path[256];
        graft_model *m = open_it(in_foreign(path, rows[i].file), rows[i].preprocess, "keep");
        if (!m) fail_msg("%s: E%d %s", rows[i].file, err.number, err.message);
        if (*rows[i].says && !strstr(said, rows[i].says)) fail_msg("%s: says %s", rows[i].file, said);
        if (!*rows[i].says && *said) fail_msg("%s: says %s", rows[i].file, said);
        check_predictions(m, rows[i].file, rows[i].end, 2e-5f);
        graft_model_free(m);
    }
}

static void what_is_not_told_is_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        char path[256];
        graft_model *m = open_it(in_foreign(path, rows[i].file), NULL, "keep");
        if (!rows[i].preprocess != (m != NULL)) fail_msg("%s without --preprocess", rows[i].file);
        if (!m && (err.number != GF_E_OPTION_VALUE || !strstr(err.hint, "--preprocess"))) {
            fail_msg("%s: E%d %s, %s", rows[i].file, err.number, err.message, err.hint);
        }
        graft_model_free(m);
    }
}

/* Read anew, without being told anything, each converted file gives the numbers of the file that it was made from. */
static void conversions_give_the_files_own_numbers(void **state)
{
    (void)state;
    static const char *const to[] = {"onnx", "keras"};
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < 2; k++) {
            char path[256], out[128];
            graft_result *r = NULL;
            graft_model *m = open_it(in_foreign(path, rows[i].file), rows[i].preprocess, "keep");
            assert_non_null(m);
            snprintf(out, sizeof out, "%s/converted.%s", root, to[k]);
            if (graft_export(m, out, &(graft_export_options){0}, &r, &err)) {
                fail_msg("%s to %s: E%d %s", rows[i].file, to[k], err.number, err.message);
            }
            graft_result_free(r);
            graft_model_free(m);
            m = open_it(out, NULL, "keep");
            if (!m) fail_msg("%s to %s: E%d %s", rows[i].file, to[k], err.number, err.message);
            check_predictions(m, rows[i].file, rows[i].end, 5e-5f);
            if (rows[i].end != 'p' && !strstr(said, rows[i].says))
                fail_msg("%s to %s says %s", rows[i].file, to[k], said);
            graft_model_free(m);
        }
    }
}

/* Values alone, too, are compared with the file's last numbers. */
static void values_alone_are_compared_as_well(void **state)
{
    (void)state;
    static const char *const files[] = {"log4.onnx",     "sigmoid5.onnx", "sigmoid1.onnx",
                                        "softmax2.onnx", "fcn_two.onnx",  "logits2.onnx"};
    static const char *const to[] = {"npz", "safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        for (size_t k = 0; k < 2; k++) {
            char path[256], out[128];
            graft_result *r = NULL;
            graft_model *m = open_it(in_foreign(path, files[i]), "unit", "keep");
            assert_non_null(m);
            snprintf(out, sizeof out, "%s/values.%s", root, to[k]);
            if (graft_export(m, out, &(graft_export_options){0}, &r, &err))
                fail_msg("%s to %s: %s", files[i], to[k], err.message);
            assert_true(graft_result_number(r, "difference") <= 1e-5);
            graft_result_free(r);
            graft_model_free(m);
        }
    }
}

/* ---- an end that is no classifier's */

static void other_ends_are_refused_by_name_and_converted_whole(void **state)
{
    (void)state;
    static const char *const to[] = {"onnx", "keras"};
    char path[256], out[128], npy[128];
    wanted w = wanted_of("tanh4.onnx");
    graft_result *r = NULL;
    assert_null(open_it(in_foreign(path, "tanh4.onnx"), "unit", "keep"));
    assert_int_equal(err.number, GF_E_MODEL_SHAPE);
    assert_non_null(strstr(err.message, "neither logits nor probabilities"));
    for (int i = 0; i < IMAGES; i++) w.paths[i] = w.image[i];
    for (size_t k = 0; k < 2; k++) {
        enum { ROOM = 4096 };
        char bytes[ROOM];
        graft_model *m = open_it(path, "unit", "none");
        assert_non_null(m);
        snprintf(out, sizeof out, "%s/tanh.%s", root, to[k]);
        snprintf(npy, sizeof npy, "%s/tanh.npy", root);
        if (graft_export(m, out, &(graft_export_options){0}, &r, &err)) fail_msg("%s: %s", to[k], err.message);
        graft_result_free(r);
        graft_model_free(m);
        m = open_it(out, NULL, "none");
        if (!m || graft_features(m, w.paths, IMAGES, NULL, npy, &r, &err)) fail_msg("%s: %s", to[k], err.message);
        graft_result_free(r);
        graft_model_free(m);
        FILE *f = fopen(npy, "rb");
        size_t n = fread(bytes, 1, ROOM, f), values = sizeof(float) * IMAGES * 4;
        assert_int_equal(fclose(f), 0);
        assert_true(n > values);
        for (int i = 0; i < IMAGES * 4; i++) {
            float x;
            memcpy(&x, bytes + n - values + sizeof x * (size_t)i, sizeof x);
            if (!(fabsf(x - w.output[i]) <= 2e-5f))
                fail_msg("%s: %g, wanted %g", to[k], (double)x, (double)w.output[i]);
        }
    }
}

/* ---- a new head */

static void a_new_head_takes_the_classifiers_place(void **state)
{
    (void)state;
    static const struct {
        const char *file, *on, *replaces;
    } places[] = {
        {"softmax4.onnx", "Flatten", "fc"},
        {"sigmoid5.onnx", "Flatten", "fc"},
        {"tanh4.onnx", "Flatten", "fc"},
        {"fcn_logits.onnx", "Relu", "last"},
        {"fcn_softmax.onnx", "Relu", "last"},
        {"fcn_two.onnx", "Relu", "last"},
        {"fcn_max.onnx", "Relu", "last"},
        {"squeeze.onnx", "Relu", "last"},
        {"convolutional.keras", "batch_normalization", "conv2d"},
        {"separate.keras", "global_max_pooling2d", "dense"},
        {"one_place.keras", "global_average_pooling2d", "conv2d_1"},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char path[256];
        gf_model m, with_head;
        bool has_values;
        int at, replaced;
        gf_head_spec linear = {0};
        const gf_import_options o = {.preprocess = "unit"};
        if (gf_import(&m, in_foreign(path, places[i].file), &o, &has_values, &err)) fail_msg("%s", err.message);
        assert_int_equal(gf_head_position(&m, &at, &replaced, &err), GRAFT_OK);
        if (replaced < 0 || strcmp(m.layer[replaced].name, places[i].replaces)) {
            fail_msg("%s: replaced is %s", places[i].file, replaced < 0 ? "none" : m.layer[replaced].name);
        }
        if (!strstr(places[i].file, "onnx") && strcmp(m.layer[at].name, places[i].on)) {
            fail_msg("%s: the head stands on %s", places[i].file, m.layer[at].name);
        }
        assert_int_equal(gf_head_on(&with_head, &m, NULL, &linear, 3, 0.2f, &err), GRAFT_OK);
        assert_int_equal(gf_model_find(&with_head, places[i].replaces), -1);
        for (size_t l = 0; l < with_head.n_layers; l++) assert_true(with_head.layer[l].cls != &gf_layer_softmax);
        gf_model_free(&with_head);
        gf_model_free(&m);
    }
}

/* ---- training the classifier that is there: its loss has one logit for two classes */

static void kept_classifiers_train(void **state)
{
    (void)state;
    static const char *const files[] = {"fcn_two.onnx", "sigmoid2.onnx", "logits2.onnx"};
    char data[96], out[96], path[256];
    snprintf(data, sizeof data, "%s/data", root);
    tiny_data_make(data, 8, 4);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        tiny_run t;
        graft_model *m = NULL;
        graft_result *r = NULL;
        snprintf(out, sizeof out, "%s/run%zu", root, i);
        tiny_run_defaults(&t, data, out);
        graft_model_defaults(&t.model);
        t.model.model = in_foreign(path, files[i]);
        t.model.preprocess = "unit";
        t.model.head = "keep";
        t.size = t.model.width = t.model.height = 20;
        t.train.epochs = 6;
        t.train.fine_tune_epochs = 0;
        t.train.lr = 0.05;
        memset(&err, 0, sizeof err);
        if (tiny_run_train(&t, false, &err)) fail_msg("%s: %s", files[i], err.message);
        if (graft_run_open(context, out, &m, &err)) fail_msg("%s: %s", files[i], err.message);
        if (graft_evaluate(m, data, "validation", &r, &err)) fail_msg("%s: %s", files[i], err.message);
        double accuracy = graft_result_number(r, "accuracy");
        if (!(accuracy > 0.6)) fail_msg("%s: accuracy %g", files[i], accuracy);
        graft_result_free(r);
        graft_model_free(m);
    }
}

static int set_up(void **state)
{
    (void)state;
    graft_context_options o;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    graft_context_defaults(&o);
    o.threads = 2;
    o.say = on_say;
    return graft_context_open(&o, &context, &err) == GRAFT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    graft_context_free(context);
    tiny_data_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_the_files_own_numbers),
        cmocka_unit_test(what_is_not_told_is_asked_for),
        cmocka_unit_test(conversions_give_the_files_own_numbers),
        cmocka_unit_test(values_alone_are_compared_as_well),
        cmocka_unit_test(other_ends_are_refused_by_name_and_converted_whole),
        cmocka_unit_test(a_new_head_takes_the_classifiers_place),
        cmocka_unit_test(kept_classifiers_train),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
