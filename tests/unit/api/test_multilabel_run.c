/* Several labels of an image through the public calls: the task is chosen by the data, a stop and another number of
 * threads change no bit, thresholds are kept in the model and used by eval, predict and sessions; exports end in
 * sigmoids; what has no sense for several labels is refused. */
#include "support/ok.h"
#include "support/own_dir.h"
#include "support/run_bytes.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"
#include "train/model_file.h"
#include "json/json.h"

#include <graft/session.h>
#include <math.h>

enum { IMAGES = 48, SIDE = 40 };

static char table[128], single[128];

static const char *in_dir(const char *name)
{
    static char path[6][160];
    static int at;
    at = (at + 1) % 6;
    snprintf(path[at], sizeof path[at], "%s/%s", dir, name);
    return path[at];
}

/* An image whose red, green and blue are bright where bits of `kind` are set, with some noise. */
static void write_image(int i, int kind)
{
    char name[32];
    uint32_t noise = (uint32_t)i * 2654435761u + 1;
    snprintf(name, sizeof name, "p%02d.ppm", i);
    FILE *f = fopen(in_dir(name), "wb");
    assert_non_null(f);
    fprintf(f, "P6\n%d %d\n255\n", SIDE, SIDE);
    for (int k = 0; k < SIDE * SIDE * 3; k++) {
        noise = noise * 1664525u + 1013904223u;
        fputc((kind >> k % 3 & 1 ? 170 : 30) + (int)(noise >> 26), f);
    }
    assert_int_equal(fclose(f), 0);
}

/* p00.ppm,red|blue,train ...; every eighth has no label. */
static int make_data(void **state)
{
    static const char *const name[] = {"red", "green", "blue"};
    if (make_dir(state)) return 1;
    snprintf(table, sizeof table, "%s/labels.csv", dir);
    snprintf(single, sizeof single, "%s/single.csv", dir);
    FILE *f = fopen(table, "w"), *g = fopen(single, "w");
    if (!f || !g) return 1;
    fputs("path,label,split\n", f);
    fputs("path,label,split\n", g);
    for (int i = 0; i < IMAGES; i++) {
        const char *part = i < 24 ? "train" : i < 40 ? "validation" : "test";
        bool any = false;
        write_image(i, i % 8);
        fprintf(f, "p%02d.ppm,", i);
        for (int k = 0; k < 3; k++) {
            if (!(i % 8 >> k & 1)) continue;
            fprintf(f, "%s%s", any ? "|" : "", name[k]);
            any = true;
        }
        fprintf(f, ",%s\n", part);
        fprintf(g, "p%02d.ppm,%s,%s\n", i, name[i % 3], part);
    }
    return fclose(f) || fclose(g);
}

static graft_status train(const char *data, const char *out, int threads, const char *(*by_name)[2], tiny_stop *s,
                          bool resume)
{
    tiny_run t;
    tiny_run_defaults(&t, data, out);
    if (s) tiny_run_stop(&t, s);
    t.context.threads = threads;
    t.train.epochs = 6;
    t.train.lr = 0.02;
    t.train.report = 1;
    t.by_name = by_name;
    return tiny_run_train(&t, resume, &error);
}

static gf_json *json_of(const char *run, const char *name)
{
    char path[256];
    uint8_t *text;
    size_t n;
    gf_json *j;
    snprintf(path, sizeof path, "%s/%s", run, name);
    OK(gf_file_read(path, 1 << 22, &text, &n, &error));
    OK(gf_json_parse(&j, (char *)text, n, name, &error));
    gf_free(text);
    return j;
}

static double number_of(const char *run, const char *part, const char *key)
{
    gf_json *j = json_of(run, "metrics.json");
    double x = gf_json_f64(gf_json_get(gf_json_get(j, part), key), NAN);
    gf_json_free(j);
    return x;
}

static void stops_and_threads_change_no_bit(void **state)
{
    (void)state;
    char whole[160], other[160];
    snprintf(whole, sizeof whole, "%s", in_dir("whole"));
    snprintf(other, sizeof other, "%s", in_dir("other"));
    OK(train(table, whole, 2, NULL, NULL, false));
    OK(train(table, other, 1, NULL, NULL, false));
    run_bytes_equal(whole, other, "another number of threads");
    for (int left = 2; left < 60; left += 19) {
        tiny_stop s = {.left = left};
        if (train(table, other, 2, NULL, &s, false) != GRAFT_TERMINATED) break;
        OK(train(table, other, 2, NULL, NULL, true));
        run_bytes_equal(whole, other, "a stop");
    }
    gf_json *config = json_of(whole, "config.json");
    char *text = gf_json_text(config, 0);
    assert_non_null(strstr(text, "\"multilabel\""));
    gf_free(text);
    gf_json_free(config);
    assert_true(number_of(whole, "validation", "map") > 0.8);
    assert_true(number_of(whole, "validation", "micro_f1") > 0.7);
    assert_true(isnan(number_of(whole, "validation", "accuracy")));
}

static graft_context *open_context(const char *(*by_name)[2])
{
    tiny_run t;
    graft_context *c;
    tiny_run_defaults(&t, table, "");
    t.by_name = by_name;
    OK(graft_context_open(&t.context, &c, &error));
    OK(tiny_run_by_name(&t, c, &error));
    return c;
}

/* The best F1 that any threshold gives class c (column 3 + c of an evaluation's rows, after path, true and predicted).
 */
static double best_f1(const char *rows, const char *name, int column)
{
    double p[IMAGES], best = 0;
    bool is[IMAGES];
    int n = 0;
    for (const char *line = strchr(rows, '\n'); line && line[1]; line = strchr(line + 1, '\n'), n++) {
        const char *field = line + 1, *truth = strchr(field, ',') + 1;
        size_t length = strcspn(truth, ",");
        for (int k = 0; k < column; k++) field = strchr(field, ',') + 1;
        p[n] = strtod(field, NULL);
        is[n] = false;
        for (const char *s = truth; s < truth + length; s += strcspn(s, "|,") + 1)
            is[n] = is[n] || (strcspn(s, "|,") == strlen(name) && !strncmp(s, name, strlen(name)));
    }
    for (int i = 0; i < n; i++) {
        double right = 0, told = 0, labelled = 0;
        for (int k = 0; k < n; k++) {
            right += is[k] && p[k] >= p[i];
            told += p[k] >= p[i];
            labelled += is[k];
        }
        best = fmax(best, 2 * right / (told + labelled));
    }
    return best;
}

/* Each class's F1 with the thresholds of the run is the best there is. */
static void thresholds_are_the_best(void **state)
{
    (void)state;
    static const char *const name[] = {"blue", "green", "red"};
    const char *csv = in_dir("v.csv"), *by_name[][2] = {{"eval.csv", csv}, {NULL, NULL}};
    graft_context *c = open_context(by_name);
    graft_model *run;
    graft_result *result;
    gf_json *j;
    uint8_t *rows;
    size_t n;
    OK(graft_run_open(c, in_dir("whole"), &run, &error));
    OK(graft_evaluate(run, table, "validation", &result, &error));
    OK(gf_file_read(csv, 1 << 20, &rows, &n, &error));
    OK(gf_json_parse(&j, graft_result_json(result), strlen(graft_result_json(result)), "e", &error));
    for (int k = 0; k < 3; k++) {
        const gf_json *one = gf_json_at(gf_json_get(j, "per_class"), (size_t)k);
        double f1 = gf_json_f64(gf_json_get(one, "f1"), NAN), best = best_f1((char *)rows, name[k], 3 + k);
        assert_string_equal(gf_json_str(gf_json_get(one, "class"), ""), name[k]);
        if (!(fabs(f1 - best) <= 1e-8)) fail_msg("%s: F1 %g, the best is %g", name[k], f1, best);
    }
    gf_json_free(j);
    gf_free(rows);
    graft_result_free(result);
    graft_model_free(run);
    graft_context_free(c);
}

/* Thresholds are one for each class, those of best F1; eval with them gives what the run measured. */
static void thresholds_are_kept(void **state)
{
    (void)state;
    gf_model m;
    gf_model_facts f;
    char path[256];
    snprintf(path, sizeof path, "%s/model.safetensors", in_dir("whole"));
    OK(gf_model_file_read(&m, &f, path, &error));
    assert_string_equal(f.task, "multilabel");
    assert_int_equal(m.end, GF_END_SIGMOID);
    assert_int_equal(f.labels.n, 3);
    assert_int_equal(f.labels.images, 16);
    for (int c = 0; c < 3; c++) assert_true(f.labels.value[c] > 0 && f.labels.value[c] < 1);
    graft_context *c = open_context(NULL);
    graft_model *run;
    graft_result *result;
    OK(graft_run_open(c, in_dir("whole"), &run, &error));
    OK(graft_evaluate(run, table, "validation", &result, &error));
    static const char *const same[] = {"loss", "map", "micro_f1", "macro_f1"};
    for (size_t i = 0; i < 4; i++) {
        double want = number_of(in_dir("whole"), "validation", same[i]), got = graft_result_number(result, same[i]);
        if (!(fabs(got - want) <= 1e-6)) fail_msg("%s: %g, the run had %g", same[i], got, want);
    }
    assert_true(fabs(graft_result_number(result, "macro_f1") - f.labels.macro_f1) <= 1e-6);
    assert_true(fabs(graft_result_number(result, "per_class.0.threshold") - (double)f.labels.value[0]) <= 1e-6 ||
                isnan(graft_result_number(result, "per_class.0.threshold")));
    graft_result_free(result);
    graft_model_free(run);
    graft_context_free(c);
    gf_model_free(&m);
    gf_model_facts_free(&f);
}

/* Of all three labels, likeliest first, those whose probability is the threshold or more. */
static size_t above(const gf_json *prediction, const gf_json *thresholds)
{
    static const char *const name[] = {"blue", "green", "red"};
    size_t n = 0;
    for (size_t k = 0; k < 3; k++) {
        const gf_json *row = gf_json_at(gf_json_get(prediction, "top"), k);
        for (size_t c = 0; c < 3; c++) {
            bool it = !strcmp(gf_json_str(gf_json_get(row, "label"), ""), name[c]);
            double p = gf_json_f64(gf_json_get(row, "probability"), NAN);
            n += it && p >= gf_json_f64(gf_json_at(thresholds, c), NAN);
        }
    }
    return n;
}

/* What predict tells is what lies above the thresholds, in order; and what a session's probabilities make. */
static void predictions(void **state)
{
    (void)state;
    const char *csv = in_dir("p.csv");
    const char *by_name[][2] = {{"predict.csv", csv}, {NULL, NULL}},
               *all[][2] = {{"predict.threshold", "0"}, {NULL, NULL}};
    graft_context *c = open_context(by_name);
    graft_model *run;
    graft_result *result;
    gf_json *j;
    const char *images[] = {in_dir("p07.ppm"), in_dir("p08.ppm")}; /* all three labels; none */
    OK(graft_run_open(c, in_dir("whole"), &run, &error));
    OK(graft_predict(run, images, 2, 3, &result, &error));
    const char *text = graft_result_json(result);
    OK(gf_json_parse(&j, text, strlen(text), "p", &error));
    assert_true(graft_result_number(result, "labels_of") == 3);
    for (size_t i = 0; i < 2; i++) {
        const gf_json *one = gf_json_at(gf_json_get(j, "predictions"), i), *told = gf_json_get(one, "labels");
        const graft_prediction p = graft_result_prediction(result, i);
        assert_int_equal(gf_json_size(gf_json_get(one, "top")), 3);
        assert_int_equal(gf_json_size(told), p.n_top);
        assert_int_equal(above(one, gf_json_get(j, "thresholds")), p.n_top);
        for (size_t k = 1; k < p.n_top; k++) assert_true(p.top[k - 1].probability >= p.top[k].probability);
    }
    gf_json_free(j);
    graft_result_free(result);
    uint8_t *rows;
    size_t n;
    OK(gf_file_read(csv, 1 << 20, &rows, &n, &error));
    assert_non_null(strstr((char *)rows, "path,predicted,p_blue,p_green,p_red,z_blue,z_green,z_red\n"));
    gf_free(rows);
    graft_model_free(run);
    graft_context_free(c);
    c = open_context(all);
    OK(graft_run_open(c, in_dir("whole"), &run, &error));
    OK(graft_predict(run, images, 2, 1, &result, &error));
    for (size_t i = 0; i < 2; i++) assert_int_equal(graft_result_prediction(result, i).n_top, 3);
    assert_string_equal(graft_result_prediction(result, 0).label, "blue|green|red");
    graft_result_free(result);
    graft_model_free(run);
    graft_context_free(c);
}

static void exports_end_in_sigmoids(void **state)
{
    (void)state;
    static const char *const to[] = {"onnx", "keras"};
    graft_context *c = open_context(NULL);
    graft_model *run;
    OK(graft_run_open(c, in_dir("whole"), &run, &error));
    for (int i = 0; i < 2; i++) {
        graft_result *result;
        graft_export_options o;
        graft_export_defaults(&o);
        o.to = to[i];
        const char *file = in_dir(i ? "m.keras" : "m.onnx");
        OK(graft_export(run, file, &o, &result, &error));
        assert_true(graft_result_number(result, "difference") <= 1e-5);
        graft_result_free(result);
    }
    graft_model_free(run);
    graft_context_free(c);
}

static void refuse_eval(const char *name, const char *value)
{
    const char *by_name[][2] = {{name, value}, {NULL, NULL}};
    graft_context *c = open_context(by_name);
    graft_model *run;
    graft_result *result = NULL;
    OK(graft_run_open(c, in_dir("whole"), &run, &error));
    graft_status status = graft_evaluate(run, table, NULL, &result, &error);
    if (status != GRAFT_USAGE) fail_msg("%s: %d", name, status);
    assert_true(error.message[0] && error.hint[0]);
    graft_result_free(result);
    graft_model_free(run);
    graft_context_free(c);
}

static void what_has_no_sense_is_refused(void **state)
{
    (void)state;
    const char *classify[][2] = {{"train.task", "classify"}, {NULL, NULL}};
    const char *top[][2] = {{"train.metrics", "top2"}, {NULL, NULL}};
    const char *out = in_dir("refused");
    assert_int_equal(train(table, out, 2, classify, NULL, false), GRAFT_USAGE);
    assert_non_null(strstr(error.hint, "multilabel"));
    assert_int_equal(train(table, out, 2, top, NULL, false), GRAFT_USAGE);
    assert_non_null(strstr(error.message, "top2"));
    refuse_eval("eval.confusion_csv", in_dir("c.csv"));
    refuse_eval("eval.reliability", in_dir("r.png"));
    refuse_eval("predict.unknown", "0.9");
}

/* Each class against the rest, solved: the same bits for any threads, and good on the images that it is fitted on. */
static void probes(void **state)
{
    (void)state;
    const char *probe[][2] = {{"train.probe", "1"}, {"train.augment", "none"}, {NULL, NULL}};
    char one[160], two[160];
    snprintf(one, sizeof one, "%s", in_dir("probe1"));
    snprintf(two, sizeof two, "%s", in_dir("probe2"));
    OK(train(table, one, 1, probe, NULL, false));
    OK(train(table, two, 2, probe, NULL, false));
    run_bytes_equal(one, two, "another number of threads");
    gf_json *j = json_of(one, "probe.json");
    assert_int_equal(gf_json_size(gf_json_get(j, "tried")), 11);
    assert_true(gf_json_f64(gf_json_get(j, "folds"), NAN) == 5);
    gf_json_free(j);
    assert_true(number_of(one, "validation", "map") > 0.8);
}

/* One class each is a case of any number of labels where the task says so; the other way round it is refused. */
static void single_labels(void **state)
{
    (void)state;
    const char *several[][2] = {{"train.task", "multilabel"}, {"train.class_weight", "balanced"}, {NULL, NULL}};
    char out[160], one[160];
    snprintf(out, sizeof out, "%s", in_dir("several"));
    snprintf(one, sizeof one, "%s", in_dir("one"));
    OK(train(single, out, 2, several, NULL, false));
    assert_true(number_of(out, "test", "images") == 8);
    assert_true(isfinite(number_of(out, "test", "map")));
    OK(train(single, one, 2, NULL, NULL, false));
    graft_context *c = open_context(NULL);
    graft_model *run;
    graft_result *result = NULL;
    OK(graft_run_open(c, one, &run, &error));
    assert_int_equal(graft_evaluate(run, table, NULL, &result, &error), GRAFT_USAGE);
    assert_non_null(strstr(error.message, "any number of labels"));
    graft_model_free(run);
    graft_context_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_and_threads_change_no_bit),
        cmocka_unit_test(thresholds_are_kept),
        cmocka_unit_test(thresholds_are_the_best),
        cmocka_unit_test(predictions),
        cmocka_unit_test(exports_end_in_sigmoids),
        cmocka_unit_test(what_has_no_sense_is_refused),
        cmocka_unit_test(single_labels),
        cmocka_unit_test(probes),
    };
    return cmocka_run_group_tests(tests, make_data, remove_dir);
}
