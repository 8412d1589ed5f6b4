/* What a run tells of its trust: a temperature that is kept, promises, files of an evaluation and a prediction, runs
 * compared; each allocation and file call failed in turn. */
#include "base/alloc.h"
#include "base/io.h"
#include "image/image.h"
#include "support/own_dir.h"
#include "support/sys_faults.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include <graft/graft.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { KINDS = 3, VALIDATION = 40, IMAGES = KINDS * VALIDATION };

static char folder[96], run[96], other[96], pair[96], files[5][96], sorted[96];
static graft_context *context;

static void train(const char *out, int epochs)
{
    tiny_run t;
    graft_error err;
    tiny_run_defaults(&t, folder, out);
    t.train.epochs = epochs;
    t.train.fine_tune_epochs = 0;
    t.train.lr = 0.002;
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
}

static int make_runs(void **state)
{
    graft_context_options o;
    graft_error err;
    if (make_dir(state)) return 1;
    snprintf(folder, sizeof folder, "%s/data", dir);
    snprintf(run, sizeof run, "%s/run", dir);
    snprintf(other, sizeof other, "%s/other", dir);
    snprintf(pair, sizeof pair, "%s/pair", dir);
    snprintf(sorted, sizeof sorted, "%s/sorted", dir);
    static const char *const names[] = {"rows.csv", "confusion.csv", "reliability.png", "grid.png", "drawn.png"};
    for (int i = 0; i < 5; i++) snprintf(files[i], sizeof files[i], "%s/%s", dir, names[i]);
    tiny_data_make_kinds(folder, KINDS, 8, VALIDATION);
    train(run, 12);
    train(other, 1);
    graft_context_defaults(&o);
    o.threads = 1;
    return graft_context_open(&o, &context, &err) != GRAFT_OK;
}

static int remove_runs(void **state)
{
    graft_context_free(context);
    return remove_dir(state);
}

static void set(const char *const (*rows)[2])
{
    graft_settings *s;
    graft_error err;
    assert_int_equal(graft_settings_new(&s, &err), GRAFT_OK);
    for (; rows && (*rows)[0]; rows++) assert_int_equal(graft_settings_set(s, (*rows)[0], (*rows)[1], &err), GRAFT_OK);
    assert_int_equal(graft_context_settings(context, s, &err), GRAFT_OK);
    graft_settings_free(s);
}

static graft_result *evaluate(const char *const (*rows)[2])
{
    graft_model *m;
    graft_result *r;
    graft_error err;
    set(rows);
    assert_int_equal(graft_run_open(context, run, &m, &err), GRAFT_OK);
    if (graft_evaluate(m, folder, "validation", &r, &err)) fail_msg("%s", err.message);
    graft_model_free(m);
    return r;
}

static double number(const graft_result *r, const char *path) { return graft_result_number(r, path); }

static void a_temperature_is_kept_and_used(void **state)
{
    (void)state;
    static const char *const off[][2] = {{"model.calibration", "off"}, {NULL, NULL}};
    graft_result *with = evaluate(NULL), *without = evaluate(off);
    double t = number(with, "calibration.temperature");
    assert_true(t > 0 && fabs(t - 1) > 1e-3);
    assert_true(number(without, "calibration.temperature") == 1);
    assert_true(number(with, "calibration.log_loss") < number(without, "calibration.log_loss"));
    assert_true(number(with, "accuracy") == number(without, "accuracy")); /* no label changes */
    assert_true(number(with, "loss") == number(without, "loss"));         /* it is of the outputs as they are */
    assert_true(fabs(number(without, "loss") - number(without, "calibration.log_loss")) <= 1e-5);
    graft_result_free(with);
    graft_result_free(without);
}

static const char *text_of(const char *path)
{
    static char text[1 << 16];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void is_image(const char *path)
{
    uint8_t *bytes;
    size_t n;
    gf_image image;
    assert_int_equal(gf_file_read(path, 1 << 24, &bytes, &n, NULL), GRAFT_OK);
    assert_int_equal(gf_image_decode(bytes, n, path, NULL, &image, NULL, NULL), GRAFT_OK);
    assert_true(image.w > 100 && image.h > 100);
    gf_image_free(&image);
    gf_free(bytes);
}

static const char *const all_files[][2] = {{"eval.csv", files[0]},         {"eval.confusion_csv", files[1]},
                                           {"eval.reliability", files[2]}, {"eval.grid", "7"},
                                           {"eval.grid_file", files[3]},   {NULL, NULL}};

static void an_evaluation_writes_what_is_asked(void **state)
{
    (void)state;
    graft_result *r = evaluate(all_files);
    unsigned sum = 0, cell;
    const char *rows = text_of(files[1]);
    assert_true(!strncmp(rows, "true,kind0,kind1,kind2\nkind0,", 29));
    for (const char *s = strchr(rows, '\n'); s && s[1]; s = strchr(s + 1, '\n')) {
        for (const char *c = strchr(s, ','); c && c < strchr(s + 1, '\n'); c = strchr(c + 1, ',')) {
            assert_int_equal(sscanf(c, ",%u", &cell), 1);
            sum += cell;
        }
    }
    assert_int_equal(sum, IMAGES);
    is_image(files[2]);
    is_image(files[3]);
    const char *json = graft_result_json(r);
    assert_non_null(strstr(json, "\"confused\""));
    assert_non_null(strstr(json, "\"top_losses\""));
    graft_result_free(r);
}

static void what_cannot_be_done_is_refused(void **state)
{
    (void)state;
    static const char *const alone[][2] = {{"eval.grid", "3"}, {NULL, NULL}};
    static const char *const much[][2] = {{"predict.unknown", "0.999"}, {NULL, NULL}};
    static const char *const off[][2] = {{"predict.unknown", "0.5"}, {"model.calibration", "off"}, {NULL, NULL}};
    static const char *const own[][2] = {{"eval.reliability", run}, {NULL, NULL}};
    static const char *const(*const bad[])[2] = {alone, much, off, own};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        graft_model *m;
        graft_result *r;
        graft_error err;
        set(bad[i]);
        assert_int_equal(graft_run_open(context, run, &m, &err), GRAFT_OK);
        graft_status status = graft_evaluate(m, folder, NULL, &r, &err);
        if (i == 3) assert_int_equal(status, GRAFT_RESOURCE); /* a folder is there */
        if (i != 3) assert_int_equal(status, GRAFT_USAGE);
        assert_null(r);
        graft_model_free(m);
    }
}

/* The least accuracy that the run can promise, which the validation set then has. */
static void a_promise_holds_where_it_was_made(void **state)
{
    (void)state;
    static const char *const half[][2] = {{"predict.unknown", "0.5"}, {NULL, NULL}};
    graft_result *r = evaluate(half);
    assert_true(number(r, "unknown.accuracy") >= number(r, "unknown.promised_accuracy"));
    assert_true(fabs(number(r, "unknown.coverage") - number(r, "unknown.promised_coverage")) <= 1e-6);
    assert_true(number(r, "unknown.told") + number(r, "unknown.unknown") == IMAGES);
    graft_result_free(r);
}

static graft_result *predict(const char *const (*rows)[2], graft_status wanted)
{
    graft_model *m;
    graft_result *r;
    graft_error err = {0};
    char path[3][160];
    const char *paths[] = {path[0], path[1], path[2]};
    for (int i = 0; i < 3; i++) snprintf(path[i], sizeof path[i], "%s/validation/kind%d/%d.bmp", folder, i, 0);
    set(rows);
    assert_int_equal(graft_run_open(context, run, &m, &err), GRAFT_OK);
    graft_status status = graft_predict(m, paths, 3, 3, &r, &err);
    if (status != wanted) fail_msg("status %d: %s", status, err.message);
    graft_model_free(m);
    return r;
}

static void numbers_of_a_prediction_agree(void **state)
{
    (void)state;
    static const char *const kind[][2] = {{"predict.output", "probabilities"}, {NULL, NULL}};
    static const char *const log_kind[][2] = {{"predict.output", "log-probabilities"}, {NULL, NULL}};
    static const char *const raw[][2] = {{"predict.output", "logits"}, {NULL, NULL}};
    graft_result *p = predict(kind, GRAFT_OK), *l = predict(log_kind, GRAFT_OK), *z = predict(raw, GRAFT_OK),
                 *with = evaluate(NULL);
    double beta = 1 / number(with, "calibration.temperature"), a[4], b[4], c[4];
    char word[200];
    const char *const sheets[] = {graft_result_text(p), graft_result_text(l), graft_result_text(z)};
    double *const to[] = {a, b, c};
    for (int k = 0; k < 3; k++) {
        const char *second = strchr(sheets[k], '\n') + 1;
        assert_true(!strncmp(sheets[k], "path\tkind0\tkind1\tkind2\n", 23));
        assert_int_equal(sscanf(second, "%199s %lf %lf %lf", word, &to[k][0], &to[k][1], &to[k][2]), 4);
    }
    assert_true(fabs(a[0] + a[1] + a[2] - 1) <= 1e-6);
    double sum = exp(beta * c[0]) + exp(beta * c[1]) + exp(beta * c[2]);
    for (int k = 0; k < 3; k++) {
        assert_true(fabs(log(a[k]) - b[k]) <= 1e-5);
        assert_true(fabs(beta * c[k] - log(sum) - b[k]) <= 1e-5);
    }
    graft_result_free(p);
    graft_result_free(l);
    graft_result_free(z);
    graft_result_free(with);
}

static const char *const prediction_files[][2] = {
    {"predict.csv", files[0]}, {"predict.draw", files[4]}, {"predict.sort_into", sorted}, {NULL, NULL}};

static size_t count_sorted(void)
{
    size_t n = 0;
    gf_names classes = {0}, names = {0};
    if (!gf_is_dir(sorted)) return 0;
    assert_int_equal(gf_dir_list(sorted, &classes, NULL), GRAFT_OK);
    for (size_t i = 0; i < classes.n; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", sorted, classes.item[i]);
        assert_int_equal(gf_dir_list(path, &names, NULL), GRAFT_OK);
        n += names.n;
        gf_names_free(&names);
    }
    gf_names_free(&classes);
    return n;
}

/* Three images of one name, which keep apart; sorted again, nothing is added. */
static void a_prediction_writes_what_is_asked(void **state)
{
    (void)state;
    graft_result_free(predict(prediction_files, GRAFT_OK));
    const char *rows = text_of(files[0]);
    assert_true(!strncmp(rows, "path,predicted,p_kind0,p_kind1,p_kind2,z_kind0,z_kind1,z_kind2\n", 62));
    is_image(files[4]);
    assert_int_equal(count_sorted(), 3);
    graft_result_free(predict(prediction_files, GRAFT_OK));
    assert_int_equal(count_sorted(), 3);
}

static graft_status compare(const char *second, const char *data, graft_result **r, graft_error *err)
{
    const char *const runs[] = {run, second};
    return graft_compare(context, runs, 2, data, NULL, r, err);
}

static void runs_are_compared(void **state)
{
    (void)state;
    graft_result *r;
    graft_error err;
    set(NULL);
    if (compare(run, NULL, &r, &err)) fail_msg("%s", err.message);
    assert_non_null(strstr(graft_result_json(r), "no difference shown"));
    assert_non_null(strstr(graft_result_json(r), "\"p_corrected\": 1.0"));
    graft_result_free(r);
    assert_int_equal(compare(other, NULL, &r, &err), GRAFT_OK);
    const char *json = graft_result_json(r), *first = strstr(json, "\"first_alone\": ");
    int alone[2] = {0, 0}, images = 0;
    assert_int_equal(sscanf(strstr(json, "\"images\": "), "\"images\": %d", &images), 1);
    assert_int_equal(images, IMAGES);
    assert_int_equal(sscanf(first, "\"first_alone\": %d", &alone[0]), 1);
    assert_int_equal(sscanf(strstr(json, "\"second_alone\": "), "\"second_alone\": %d", &alone[1]), 1);
    double difference;
    assert_int_equal(sscanf(strstr(json, "\"difference\": "), "\"difference\": %lf", &difference), 1);
    assert_true(fabs(difference - (double)(alone[1] - alone[0]) / IMAGES) <= 1e-6);
    graft_result_free(r);
    assert_int_equal(compare(other, folder, &r, &err), GRAFT_OK); /* all of it, what was trained on too */
    assert_non_null(strstr(graft_result_json(r), "\"images\": 144"));
    graft_result_free(r);
    assert_int_equal(graft_compare(context, (const char *const[]){run}, 1, NULL, NULL, &r, &err), GRAFT_USAGE);
    assert_int_not_equal(compare(dir, NULL, &r, &err), GRAFT_OK);
    assert_null(r);
}

/* Another seed shares the same images out otherwise. */
static void runs_of_other_splits_are_not(void **state)
{
    (void)state;
    char train_part[128], again[96], third[96];
    graft_result *r;
    graft_error err;
    snprintf(train_part, sizeof train_part, "%s/validation", folder);
    snprintf(again, sizeof again, "%s/again", dir);
    snprintf(third, sizeof third, "%s/third", dir);
    for (int k = 0; k < 2; k++) {
        static const char *by_name[][2] = {{"data.seed", "1"}, {NULL, NULL}};
        tiny_run t;
        tiny_run_defaults(&t, train_part, k ? third : again);
        t.train.epochs = 1;
        t.train.fine_tune_epochs = 0;
        if (k) t.by_name = by_name;
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_OK);
    }
    set(NULL);
    const char *const runs[] = {again, third};
    assert_int_equal(graft_compare(context, runs, 2, NULL, NULL, &r, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.hint, "--data"));
    assert_int_equal(graft_compare(context, runs, 2, folder, "validation", &r, &err), GRAFT_OK);
    graft_result_free(r);
}

/* The exported file gives the same probabilities, or those of the outputs as they are. */
static void an_export_has_the_temperature(void **state)
{
    (void)state;
    static const char *const off[][2] = {{"model.calibration", "off"}, {NULL, NULL}};
    char file[2][96];
    double p[3][3];
    for (int k = 0; k < 2; k++) {
        graft_model *m;
        graft_result *r;
        graft_error err;
        graft_export_options o;
        graft_export_defaults(&o);
        snprintf(file[k], sizeof file[k], "%s/%d.onnx", dir, k);
        set(k ? off : NULL);
        assert_int_equal(graft_run_open(context, run, &m, &err), GRAFT_OK);
        for (int again = 0; again < 2; again++) { /* the model itself stays as it is */
            if (graft_export(m, file[k], &o, &r, &err)) fail_msg("%s", err.message);
            graft_result_free(r);
        }
        graft_model_free(m);
        graft_model_options mo;
        graft_model_defaults(&mo);
        mo.model = file[k];
        mo.head = "keep";
        char path[160];
        const char *paths[] = {path};
        snprintf(path, sizeof path, "%s/validation/kind1/3.bmp", folder);
        for (int from_run = 0; from_run < 2 - k; from_run++) {
            graft_status status =
                from_run ? graft_run_open(context, run, &m, &err) : graft_model_open(context, &mo, &m, &err);
            if (status) fail_msg("%s", err.message);
            assert_int_equal(graft_predict(m, paths, 1, 3, &r, &err), GRAFT_OK);
            graft_prediction one = graft_result_prediction(r, 0);
            for (int i = 0; i < 3; i++) p[k + 2 * from_run][i] = one.top[i].probability;
            graft_result_free(r);
            graft_model_free(m);
        }
    }
    double most = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(p[0][i] - p[2][i]) <= 1e-4);
        most = fmax(most, fabs(p[0][i] - p[1][i]));
    }
    assert_true(most > 1e-3);
}

/* Of mirrored images it is the same, whatever the network makes of either; without it, it is not. */
static void a_mirror_does_not_matter(void **state)
{
    (void)state;
    static const char *const flip[][2] = {{"predict.tta", "flip"}, {"predict.output", "probabilities"}, {NULL, NULL}};
    static const char *const none[][2] = {{"predict.output", "probabilities"}, {NULL, NULL}};
    enum { SIDE = 40 };
    char path[2][160];
    double p[2][2][KINDS];        /* [with][mirrored] */
    for (int k = 0; k < 2; k++) { /* white on the left, then on the right */
        snprintf(path[k], sizeof path[k], "%s/side%d.ppm", dir, k);
        FILE *f = fopen(path[k], "wb");
        assert_non_null(f);
        fprintf(f, "P6 %d %d 255\n", SIDE, SIDE);
        for (int i = 0; i < SIDE * SIDE * 3; i++) {
            int x = i / 3 % SIDE, y = i / 3 / SIDE;
            x = k ? SIDE - 1 - x : x;
            fputc(x < SIDE / 3 ? 250 - i % 3 * 90 : (x * y) % 200, f);
        }
        fclose(f);
    }
    for (int with = 0; with < 2; with++) {
        graft_model *m;
        graft_result *r;
        graft_error err;
        char word[200];
        const char *paths[] = {path[0], path[1]};
        set(with ? flip : none);
        assert_int_equal(graft_run_open(context, run, &m, &err), GRAFT_OK);
        if (graft_predict(m, paths, 2, 1, &r, &err)) fail_msg("%s", err.message);
        const char *line = graft_result_text(r);
        for (int k = 0; k < 2; k++) {
            line = strchr(line, '\n') + 1;
            double *to = p[with][k];
            assert_int_equal(sscanf(line, "%199s %lf %lf %lf", word, &to[0], &to[1], &to[2]), 1 + KINDS);
        }
        graft_result_free(r);
        graft_model_free(m);
    }
    double most = 0;
    for (int c = 0; c < KINDS; c++) {
        assert_true(fabs(p[1][0][c] - p[1][1][c]) <= 1e-6);
        assert_true(fabs(p[1][0][c] - (p[0][0][c] + p[0][1][c]) / 2) <= 1e-5); /* the mean of both */
        most = fmax(most, fabs(p[0][0][c] - p[0][1][c]));
    }
    assert_true(most > 1e-3);
}

static const char *const faulty_files[][2] = {{"predict.tta", "flip"},
                                              {"eval.csv", files[0]},
                                              {"eval.confusion_csv", files[1]},
                                              {"predict.csv", files[0]},
                                              {"predict.sort_into", sorted},
                                              {"predict.output", "logits"},
                                              {NULL, NULL}};

typedef graft_status (*attempt)(graft_model *m, graft_result **r, graft_error *err);

static graft_status try_evaluate(graft_model *m, graft_result **r, graft_error *err)
{
    return graft_evaluate(m, folder, "validation", r, err);
}

static graft_status try_predict(graft_model *m, graft_result **r, graft_error *err)
{
    char path[160];
    const char *paths[] = {path};
    snprintf(path, sizeof path, "%s/validation/kind1/3.bmp", folder);
    return graft_predict(m, paths, 1, 3, r, err);
}

static graft_status try_compare(graft_model *m, graft_result **r, graft_error *err)
{
    return (void)m, compare(other, NULL, r, err);
}

static void each_call_fails_cleanly(void **state)
{
    (void)state;
    static const attempt attempts[] = {try_evaluate, try_predict, try_compare};
    set(faulty_files);
    for (size_t a = 0; a < sizeof attempts / sizeof *attempts; a++) {
        graft_model *m;
        graft_error err;
        graft_result *r;
        assert_int_equal(graft_run_open(context, run, &m, &err), GRAFT_OK);
        if (attempts[a](m, &r, &err)) fail_msg("%s", err.message); /* what is kept from now on is there */
        graft_result_free(r);
        for (int kind = 0; kind < FAULT_KINDS; kind++) {
            const long stride = kind == FAULT_ALLOC || kind == FAULT_READ || kind == FAULT_OPEN ? 29 : 1;
            for (long k = 0;; k += stride) {
                long live = faults_live();
                faults_arm((fault_kind)kind, k);
                graft_status status = attempts[a](m, &r, &err);
                bool happened = faults_disarm();
                assert_true((status == GRAFT_OK) == (r != NULL));
                if (status) assert_true(err.status == status && err.number && err.message[0]);
                graft_result_free(r);
                if (a) assert_int_equal(faults_live(), live);
                if (!happened) break;
            }
        }
        graft_model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_temperature_is_kept_and_used),
        cmocka_unit_test(an_evaluation_writes_what_is_asked),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(a_promise_holds_where_it_was_made),
        cmocka_unit_test(numbers_of_a_prediction_agree),
        cmocka_unit_test(a_prediction_writes_what_is_asked),
        cmocka_unit_test(runs_are_compared),
        cmocka_unit_test(runs_of_other_splits_are_not),
        cmocka_unit_test(an_export_has_the_temperature),
        cmocka_unit_test(each_call_fails_cleanly),
        cmocka_unit_test(a_mirror_does_not_matter),
    };
    return cmocka_run_group_tests(tests, make_runs, remove_runs);
}
