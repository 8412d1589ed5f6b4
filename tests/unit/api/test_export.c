/* A run in every format of other tools, read back: names and predictions return, and a file that would compute
 * something else, or cannot be written, is not there afterwards. */
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/io.h"
#include "graph/head.h"
#include "train/model_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { IMAGES = 6 };

static char root[64], data[96], run[96], out[96], images[160];
static graft_context *context;

static const char *in_out(char path[192], const char *name)
{
    snprintf(path, 192, "%s/%s", out, name);
    return path;
}

static size_t files_in_out(void)
{
    gf_names names;
    assert_int_equal(gf_dir_list(out, &names, NULL), GRAFT_OK);
    size_t n = names.n;
    gf_names_free(&names);
    return n;
}

static graft_status export(const char *from, const char *name, const char *to, const char *check, double *difference,
                           graft_error *err)
{
    char path[192];
    graft_model *m = NULL;
    graft_result *r = NULL;
    graft_export_options o = {.to = to, .pictures = &check, .n_pictures = check != NULL};
    graft_status status = graft_run_open(context, from, &m, err);
    if (!status) status = graft_export(m, in_out(path, name), &o, &r, err);
    if (!status && difference) *difference = graft_result_number(r, "difference");
    assert_int_equal(status == GRAFT_OK, r != NULL);
    graft_result_free(r);
    graft_model_free(m);
    return status;
}

static void good_export(const char *name, const char *to)
{
    graft_error err = {0};
    double difference = NAN;
    if (export(run, name, to, NULL, &difference, &err)) fail_msg("%s: %s", name, err.message);
    if (!(difference <= 1e-4)) fail_msg("%s differs by %g", name, difference);
}

/* The labels and probabilities of the validation images. */
static graft_result *predict(graft_model *m)
{
    const char *paths[] = {images};
    graft_result *r = NULL;
    graft_error err = {0};
    if (graft_predict(m, paths, 1, 2, &r, &err)) fail_msg("%s", err.message);
    assert_int_equal(graft_result_predictions(r), IMAGES);
    return r;
}

static graft_model *open_model(const graft_model_options *o)
{
    graft_model *m = NULL;
    graft_error err = {0};
    graft_status status = o ? graft_model_open(context, o, &m, &err) : graft_run_open(context, run, &m, &err);
    if (status) fail_msg("%s: %s", o ? o->model : run, err.message);
    return m;
}

static void networks_predict_what_the_run_predicts(void **state)
{
    (void)state;
    static const char *const names[] = {"m.keras", "m.onnx"};
    graft_model *m = open_model(NULL);
    graft_result *want = predict(m);
    graft_model_free(m);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[192];
        graft_model_options o;
        good_export(names[i], NULL);
        graft_model_defaults(&o);
        o.model = in_out(path, names[i]);
        o.head = "keep";
        m = open_model(&o);
        graft_result *got = predict(m);
        for (size_t k = 0; k < IMAGES; k++) {
            graft_prediction a = graft_result_prediction(want, k), b = graft_result_prediction(got, k);
            assert_string_equal(a.path, b.path);
            assert_string_equal(a.label, b.label); /* "blue" and "red", not numbers */
            if (!(fabs(a.probability - b.probability) <= 1e-4))
                fail_msg("%s, %s: %g, %g", names[i], a.path, a.probability, b.probability);
        }
        graft_result_free(got);
        graft_model_free(m);
    }
    graft_result_free(want);
}

static void features_of(graft_model *m, const char *name, uint8_t **bytes, size_t *n)
{
    char path[192];
    const char *paths[] = {images};
    graft_result *r = NULL;
    graft_error err = {0};
    if (graft_features(m, paths, 1, NULL, in_out(path, name), &r, &err)) fail_msg("%s", err.message);
    graft_result_free(r);
    graft_model_free(m);
    assert_int_equal(gf_file_read(path, 1 << 20, bytes, n, NULL), GRAFT_OK);
}

static void weights_give_the_runs_features(void **state)
{
    (void)state;
    static const char *const names[] = {"w.safetensors", "w.npz"};
    uint8_t *want, *got;
    size_t n, n_got;
    features_of(open_model(NULL), "run.npy", &want, &n);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[192];
        graft_model_options o;
        good_export(names[i], NULL);
        graft_model_defaults(&o);
        o.alpha = 0.35;
        o.width = o.height = 32;
        o.precision = "f32";
        o.weights = in_out(path, names[i]);
        features_of(open_model(&o), "got.npy", &got, &n_got);
        assert_int_equal(n_got, n);
        assert_memory_equal(got, want, n);
        gf_free(got);
    }
    gf_free(want);
}

static void labels_are_lines(void **state)
{
    (void)state;
    char path[192];
    uint8_t *text;
    size_t n;
    graft_error err = {0};
    assert_int_equal(export(run, "labels", "labels", NULL, NULL, &err), GRAFT_OK);
    assert_int_equal(gf_file_read(in_out(path, "labels"), 1 << 10, &text, &n, NULL), GRAFT_OK);
    assert_string_equal((char *)text, "blue\nred\n");
    gf_free(text);
}

static void equal_exports_are_equal_bytes(void **state)
{
    (void)state;
    static const char *const formats[] = {"keras", "onnx", "safetensors", "npz"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char path[192];
        uint8_t *bytes[2];
        size_t n[2];
        for (int k = 0; k < 2; k++) {
            good_export("again", formats[i]);
            assert_int_equal(gf_file_read(in_out(path, "again"), 1 << 28, &bytes[k], &n[k], NULL), GRAFT_OK);
        }
        assert_int_equal(n[0], n[1]);
        if (memcmp(bytes[0], bytes[1], n[0])) fail_msg("%s: two exports differ", formats[i]);
        gf_free(bytes[0]);
        gf_free(bytes[1]);
    }
}

/* ---- what leaves no file */

static void refused(const char *from, const char *name, const char *to, const char *check, int number, const char *says)
{
    graft_error err = {0};
    size_t before = files_in_out();
    if (export(from, name, to, check, NULL, &err) == GRAFT_OK) fail_msg("%s was written", name);
    if (err.number != number) fail_msg("%s: E%d: %s", name, err.number, err.message);
    if (!strstr(err.message, says)) fail_msg("%s: no \"%s\" in: %s", name, says, err.message);
    assert_int_equal(files_in_out(), before);
}

typedef void (*change_fn)(gf_model *m);

/* A model file ROOT/NAME: image in [0, 1] or [-1, 1], a 3x3 maximum of it (padded where it has both signs), pooled, a
 * hidden layer, one logit. */
static void write_small(char path[160], const char *name, bool both_signs, change_fn change)
{
    graft_error err = {0};
    gf_model m = {.name = "small"};
    gf_model_facts f = {.architecture = "small", .width = 32, .height = 32};
    gf_layer l = {.cls = &gf_layer_input, .name = "picture", .shape = GF_SHAPE(32, 32, 3), .backbone = true};
    int at;
    for (int c = 0; c < 3; c++) {
        l.at.scale[c] = both_signs ? 1 / 127.5f : 1 / 255.0f;
        l.at.offset[c] = both_signs ? -1 : 0;
    }
    assert_int_equal(gf_model_add(&m, &l, NULL, &err), GRAFT_OK);
    l = (gf_layer){.cls = &gf_layer_max_pool, .name = "pool", .n_src = 1, .backbone = true};
    l.at.kh = l.at.kw = 3;
    l.at.padding = both_signs ? GF_PAD_EXPLICIT : GF_PAD_VALID;
    l.at.pt = l.at.pl = both_signs;
    assert_int_equal(gf_model_add(&m, &l, &at, &err), GRAFT_OK);
    assert_int_equal(
        gf_head_add(&m, at,
                    &(gf_head_spec){.outputs = 1, .item = {{&gf_layer_dense, 4, GF_ACT_RELU, 0, 0}}, .n_items = 1}, 2,
                    0.2f, &err),
        GRAFT_OK);
    assert_int_equal(gf_model_finish(&m, &err), GRAFT_OK);
    gf_model_init(&m, 1, 0);
    change(&m);
    assert_int_equal(gf_names_add(&f.classes, "a", &err), GRAFT_OK);
    assert_int_equal(gf_names_add(&f.classes, "b", &err), GRAFT_OK);
    snprintf(path, 160, "%s/%s", root, name);
    if (gf_model_file_write(path, &m, &f, &err)) fail_msg("%s", err.message);
    gf_model_free(&m);
    gf_model_facts_free(&f);
}

static void nothing(gf_model *m) { (void)m; }

static void set(gf_model *m, const char *layer, float even, float odd)
{
    const gf_param *p = gf_model_param(m, gf_model_find(m, layer), "kernel");
    for (size_t i = 0; i < p->count; i++) m->value[p->offset + i] = i % 2 ? odd : even;
}

/* The hidden layer overflows, the logit is inf - inf. */
static void overflow(gf_model *m)
{
    set(m, "hidden", 3e38f, 3e38f);
    set(m, "head", 1, -1);
}

/* What cannot be compared is not right. */
static void a_file_that_differs_is_not_left(void **state)
{
    (void)state;
    static const char *const formats[] = {"keras", "onnx", "safetensors", "npz"};
    char path[160];
    write_small(path, "overflow.safetensors", false, overflow);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        refused(path, "no", formats[i], NULL, GF_E_EXPORT_DIFFERS, formats[i]);
    }
}

/* A pool of values of both signs that pads with the lowest number: Keras's pools pad with nothing, its padding with 0.
 */
static void what_keras_cannot_say_is_refused(void **state)
{
    (void)state;
    char path[160];
    graft_error err = {0};
    write_small(path, "pool.safetensors", true, nothing);
    refused(path, "pool.keras", NULL, NULL, GF_E_MODEL_EXPORT, "layer pool");
    if (export(path, "pool.onnx", NULL, NULL, NULL, &err)) fail_msg("%s", err.message); /* ONNX can */
}

static void what_is_asked_wrongly_is_refused(void **state)
{
    (void)state;
    refused(run, "m.tflite", NULL, NULL, GF_E_OPTION_VALUE, "m.tflite");
    refused(run, "m.onnx2", "tflite", NULL, GF_E_OPTION_VALUE, "tflite");
    refused(run, "none/m.onnx", NULL, NULL, GF_E_IO_WRITE, "none/m.onnx");
    char nowhere[160];
    snprintf(nowhere, sizeof nowhere, "%s/nowhere", root);
    refused(run, "n.onnx", NULL, nowhere, GF_E_DATA_NOT_FOUND, "nowhere");
}

static void images_that_cannot_be_read_prove_nothing(void **state)
{
    (void)state;
    char path[192];
    in_out(path, "noise.jpg");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("no image", f);
    fclose(f);
    refused(run, "unproven.onnx", NULL, path, GF_E_DATA_NO_IMAGES, "can be read");
    unlink(path);
}

static int set_up(void **state)
{
    (void)state;
    tiny_run t;
    graft_error err = {0};
    graft_context_options options;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(run, sizeof run, "%s/run", root);
    snprintf(out, sizeof out, "%s/out", root);
    snprintf(images, sizeof images, "%s/validation", data);
    if (gf_make_dirs(out, &err)) return -1;
    tiny_data_make(data, 6, IMAGES / 2);
    tiny_run_defaults(&t, data, run);
    graft_status status = tiny_run_train(&t, false, &err);
    if (status) print_error("the run: %s\n", err.message);
    graft_context_defaults(&options);
    options.threads = 2;
    return status ? -1 : (int)graft_context_open(&options, &context, &err);
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
        cmocka_unit_test(networks_predict_what_the_run_predicts),
        cmocka_unit_test(weights_give_the_runs_features),
        cmocka_unit_test(labels_are_lines),
        cmocka_unit_test(equal_exports_are_equal_bytes),
        cmocka_unit_test(a_file_that_differs_is_not_left),
        cmocka_unit_test(what_keras_cannot_say_is_refused),
        cmocka_unit_test(what_is_asked_wrongly_is_refused),
        cmocka_unit_test(images_that_cannot_be_read_prove_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
