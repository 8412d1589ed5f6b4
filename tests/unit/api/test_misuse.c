/* Callers' mistakes: every public function with each of its pointers NULL in turn, calls in the wrong order, objects
 * that a failed call left behind. Each is an error or does nothing; none crashes. */
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"

#include <graft/boxes.h>
#include <graft/serve.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64], folder[96], other[96], run[96], blocked[96];
static graft_context *context;
static graft_model *model;
static graft_data *data;
static graft_result *result;
static graft_settings *settings;
static int junk; /* what an out-parameter holds before */

/* ---- NULL: one row per public function; `at` is the argument that is NULL, counted over the pointers */

#define OR_NULL(k, p) (at == (k) ? NULL : (p))
#define OUT(k, type, call)                                                                                \
    do {                                                                                                  \
        type *out = (void *)&junk, **to = OR_NULL(k, &out);                                               \
        graft_status status = (call);                                                                     \
        if (to && out) fail_msg("%s: the out-parameter is not NULL after argument %d was", __func__, at); \
        return status;                                                                                    \
    } while (0)

/* What gives no status must give nothing. */
static graft_status nothing(bool is_nothing) { return is_nothing ? GRAFT_USAGE : GRAFT_OK; }

#define TAKES_NULL(name) \
    static graft_status name(int at, graft_error *e) { return (void)at, (void)e, graft_##name(NULL), nothing(true); }

static graft_status status_text(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_status_text((graft_status)12345) != NULL);
}
TAKES_NULL(context_defaults)
static graft_status context_open(int at, graft_error *e)
{
    graft_context_options o;
    graft_context_defaults(&o);
    OUT(1, graft_context, graft_context_open(OR_NULL(0, &o), to, e));
}
TAKES_NULL(context_free)
static graft_status context_settings(int at, graft_error *e)
{
    return graft_context_settings(OR_NULL(0, context), settings, e);
}
TAKES_NULL(model_defaults)
static graft_status model_size(int at, graft_error *e)
{
    int w = 1, h = 1;
    (void)e;
    graft_model_size(OR_NULL(0, model), OR_NULL(1, &w), OR_NULL(2, &h));
    return nothing(at ? w >= 1 && h >= 1 : w == 0 && h == 0);
}
static graft_status model_open(int at, graft_error *e)
{
    graft_model_options o;
    graft_model_defaults(&o);
    OUT(2, graft_model, graft_model_open(OR_NULL(0, context), OR_NULL(1, &o), to, e));
}
static graft_status run_open(int at, graft_error *e)
{
    OUT(2, graft_model, graft_run_open(OR_NULL(0, context), OR_NULL(1, run), to, e));
}
TAKES_NULL(model_free)
static graft_status summary(int at, graft_error *e) { OUT(1, graft_result, graft_summary(OR_NULL(0, model), to, e)); }
static graft_status fetch(int at, graft_error *e)
{
    OUT(2, graft_result, graft_fetch(OR_NULL(0, context), OR_NULL(1, "no-such"), "/nowhere", to, e));
}
static graft_status fetch_list(int at, graft_error *e)
{
    OUT(1, graft_result, graft_fetch_list(OR_NULL(0, context), to, e));
}
static graft_status fetch_data(int at, graft_error *e)
{
    OUT(2, graft_result, graft_fetch_data(OR_NULL(0, context), OR_NULL(1, "no-such"), NULL, "/nowhere", to, e));
}
static graft_status machine(int at, graft_error *e) { OUT(1, graft_result, graft_machine(OR_NULL(0, context), to, e)); }
TAKES_NULL(data_defaults)
static graft_status data_open(int at, graft_error *e)
{
    graft_data_options o;
    graft_data_defaults(&o);
    OUT(3, graft_data, graft_data_open(OR_NULL(0, context), OR_NULL(1, folder), OR_NULL(2, &o), to, e));
}
TAKES_NULL(data_free)
static graft_status data_classes(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_data_classes(NULL) == 0);
}
static graft_status data_class_name(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_data_class_name(NULL, 0) == NULL);
}
static graft_status inspect(int at, graft_error *e)
{
    graft_data_options o;
    int64_t bad;
    graft_data_defaults(&o);
    OUT(3, graft_result, graft_inspect(OR_NULL(0, context), OR_NULL(1, folder), OR_NULL(2, &o), to, &bad, e));
}
TAKES_NULL(train_defaults)
static graft_status train_check(int at, graft_error *e) { return (void)at, graft_train_check(NULL, e); }
static graft_status train(int at, graft_error *e)
{
    graft_train_options o;
    graft_train_defaults(&o);
    o.out = run;
    OUT(3, graft_result, graft_train(OR_NULL(0, model), OR_NULL(1, data), OR_NULL(2, &o), to, e));
}
static graft_status advise(int at, graft_error *e)
{
    OUT(3, graft_result, graft_advise(OR_NULL(0, context), OR_NULL(1, model), OR_NULL(2, data), to, e));
}
static graft_status resume(int at, graft_error *e)
{
    OUT(2, graft_result, graft_resume(OR_NULL(0, context), OR_NULL(1, run), NULL, to, e));
}
#include "misuse_judging.h"
static graft_status result_predictions(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_result_predictions(NULL) == 0);
}
static graft_status result_prediction(int at, graft_error *e)
{
    graft_prediction p = graft_result_prediction(OR_NULL(0, result), SIZE_MAX);
    return (void)e, nothing(!p.path && !p.label && !p.n_top && !p.top);
}
static graft_status features(int at, graft_error *e)
{
    const char *paths[] = {folder, OR_NULL(2, folder)};
    OUT(4, graft_result, graft_features(OR_NULL(0, model), OR_NULL(1, paths), 2, NULL, OR_NULL(3, blocked), to, e));
}
TAKES_NULL(export_defaults)
static graft_status export(int at, graft_error *e)
{
    const char *paths[] = {OR_NULL(4, folder)};
    graft_export_options o = {.to = "npz", .pictures = OR_NULL(5, paths), .n_pictures = 1};
    OUT(3, graft_result, graft_export(OR_NULL(0, model), OR_NULL(1, blocked), OR_NULL(2, &o), to, e));
}
static graft_status models(int at, graft_error *e)
{
    const char *names[] = {OR_NULL(2, "vgg16")};
    OUT(3, graft_result, graft_models(OR_NULL(0, context), OR_NULL(1, names), 1, 0, to, e));
}
TAKES_NULL(bench_defaults)
static graft_status bench(int at, graft_error *e)
{
    graft_bench_options o;
    graft_bench_defaults(&o);
    OUT(2, graft_result, graft_bench(OR_NULL(0, model), OR_NULL(1, &o), to, e));
}
static graft_status result_json(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_result_json(NULL) == NULL);
}
static graft_status result_text(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_result_text(NULL) == NULL);
}
static graft_status result_number(int at, graft_error *e)
{
    return (void)e, nothing(isnan(graft_result_number(OR_NULL(0, result), OR_NULL(1, "layers"))));
}
TAKES_NULL(result_free)
static graft_status option_at(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_option_at(SIZE_MAX) == NULL);
}
static graft_status option_find(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_option_find(NULL) == NULL);
}
static graft_status settings_new(int at, graft_error *e) { return (void)at, graft_settings_new(NULL, e); }
TAKES_NULL(settings_free)
static graft_status settings_set(int at, graft_error *e)
{
    return graft_settings_set(OR_NULL(0, settings), OR_NULL(1, "train.lr"), "1", e);
}
static graft_status settings_get(int at, graft_error *e)
{
    return (void)e, nothing(graft_settings_get(OR_NULL(0, settings), OR_NULL(1, "train.lr")) == NULL);
}
static graft_status settings_given(int at, graft_error *e)
{
    return (void)e, nothing(!graft_settings_given(OR_NULL(0, settings), OR_NULL(1, "train.lr")));
}

static graft_status augment(int at, graft_error *e)
{
    OUT(3, graft_result,
        graft_augment(OR_NULL(0, context), OR_NULL(1, "/no-such"), OR_NULL(2, "/no/sheet.png"), 1, to, e));
}
static graft_status progress_phase(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(!graft_progress_phase(NULL));
}
static graft_status checkpoint_convert(int at, graft_error *e)
{
    OUT(3, graft_result, graft_checkpoint_convert(OR_NULL(0, context), OR_NULL(1, folder), OR_NULL(2, other), to, e));
}
#include "misuse_boxes.h"
static graft_status checkpoint_is(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(!graft_checkpoint_is(NULL));
}
static graft_status option_words(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(!graft_option_words(NULL, NULL, 0));
}
static graft_status version(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_version() && graft_abi());
}
static graft_status progress_metric(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(!graft_progress_metric(NULL, 0));
}
static graft_status model_classes(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_model_classes(NULL) == 0);
}
static graft_status model_class_name(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_model_class_name(NULL, 0) == NULL);
}
#include "misuse_asked.h"
#include "misuse_service.h"

static const struct {
    const char *name;
    graft_status (*call)(int at, graft_error *err);
    int pointers;
} table[] = {
#define ROW(name, pointers)            \
    {                                  \
        "graft_" #name, name, pointers \
    }
    ROW(status_text, 1),
    ROW(context_defaults, 1),
    ROW(context_open, 2),
    ROW(context_free, 1),
    ROW(context_settings, 1),
    ROW(model_defaults, 1),
    ROW(model_size, 3),
    ROW(model_open, 3),
    ROW(run_open, 3),
    ROW(model_free, 1),
    ROW(summary, 2),
    ROW(fetch, 3),
    ROW(fetch_list, 2),
    ROW(fetch_data, 3),
    ROW(machine, 2),
    ROW(data_defaults, 1),
    ROW(data_open, 4),
    ROW(data_free, 1),
    ROW(data_classes, 1),
    ROW(data_class_name, 1),
    ROW(inspect, 4),
    ROW(train_defaults, 1),
    ROW(train_check, 1),
    ROW(train, 4),
    ROW(advise, 4),
    ROW(resume, 3),
    JUDGING_ROWS,
    ROW(result_predictions, 1),
    ROW(result_prediction, 1),
    ROW(features, 5),
    ROW(export, 6),
    ROW(export_defaults, 1),
    ROW(models, 4),
    ROW(bench_defaults, 1),
    ROW(bench, 3),
    ROW(result_json, 1),
    ROW(result_text, 1),
    ROW(result_number, 2),
    ROW(result_free, 1),
    ROW(option_at, 1),
    ROW(option_find, 1),
    ROW(settings_new, 1),
    ROW(settings_free, 1),
    ROW(settings_set, 2),
    ROW(settings_get, 2),
    ROW(settings_given, 2),
    ROW(version, 1),
    {"graft_abi", version, 1},
    ROW(progress_metric, 1),
    ROW(progress_phase, 1),
    ROW(checkpoint_is, 1),
    ROW(evaluate_detections, 4),
    ROW(convert_labels, 5),
    ROW(checkpoint_convert, 4),
    ROW(option_words, 1),
    ROW(augment, 4),
    ROW(model_classes, 1),
    ROW(model_class_name, 1),
    SESSION_ROWS,
    ASKED_ROWS,
    SERVE_ROWS,
    RECIPE_ROWS,
#undef ROW
};
enum { ROWS = sizeof table / sizeof *table };

static void null_is_refused_by_name_or_does_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        for (int at = 0; at < table[i].pointers; at++) {
            graft_error err = {0};
            graft_status status = table[i].call(at, &err);
            if (status != GRAFT_USAGE) fail_msg("%s, argument %d NULL: status %d", table[i].name, at, (int)status);
            bool named = strstr(err.message, table[i].name) && strstr(err.message, "NULL");
            if (err.number && (err.number != 3001 || !named)) {
                fail_msg("%s, argument %d NULL: E%d %s", table[i].name, at, err.number, err.message);
            }
            assert_int_equal(table[i].call(at, NULL), GRAFT_USAGE); /* and the error may be NULL as well */
        }
    }
}

/* Each function that the headers declare has its row. */
static void the_table_is_complete(void **state)
{
    (void)state;
    static const char *const headers[] = {"boxes.h", "graft.h", "serve.h", "session.h", "settings.h", "status.h"};
    size_t declared = 0;
    for (size_t k = 0; k < sizeof headers / sizeof *headers; k++) {
        char path[512];
        uint8_t *bytes;
        size_t n;
        snprintf(path, sizeof path, GRAFT_FIXTURES "/../../include/graft/%s", headers[k]);
        assert_int_equal(gf_file_read(path, 1 << 20, &bytes, &n, NULL), GRAFT_OK);
        for (const char *at = (char *)bytes; (at = strstr(at, "GRAFT_API "));) {
            const char *end = strchr(at, '(');
            if (strncmp(at, "GRAFT_API __attribute__", 23) == 0) { /* its definition */
                at++;
                continue;
            }
            assert_non_null(end);
            const char *name = end;
            while (name[-1] == '_' || (name[-1] >= 'a' && name[-1] <= 'z')) name--;
            size_t row = 0, length = (size_t)(end - name);
            while (row < ROWS && (strlen(table[row].name) != length || memcmp(table[row].name, name, length))) row++;
            if (row == ROWS) fail_msg("%.*s of %s has no row in this test", (int)length, name, headers[k]);
            declared++;
            at = end;
        }
        gf_free(bytes);
    }
    assert_int_equal(declared, ROWS);
}

/* ---- the wrong order */

static graft_train_options quick(const char *out)
{
    tiny_run t;
    tiny_run_defaults(&t, folder, out);
    t.train.out = out;
    t.train.epochs = 1;
    t.train.fine_tune_epochs = 0;
    return t.train;
}

static graft_model *fresh(graft_context *c)
{
    tiny_run t;
    graft_error err = {0};
    graft_model *m;
    tiny_run_defaults(&t, folder, run);
    t.model.precision = "f32";
    if (graft_model_open(c, &t.model, &m, &err)) fail_msg("%s", err.message);
    return m;
}

static graft_data *opened(graft_context *c, const char *path, int size)
{
    graft_data_options o;
    graft_error err = {0};
    graft_data *d;
    graft_data_defaults(&o);
    o.width = o.height = size;
    if (graft_data_open(c, path, &o, &d, &err)) fail_msg("%s", err.message);
    return d;
}

static void a_model_without_a_head_labels_nothing(void **state)
{
    (void)state;
    graft_model *m = fresh(context);
    graft_error err = {0};
    graft_result *r;
    const char *paths[] = {folder};
    const graft_export_options o = {.to = "labels"};
    assert_int_equal(graft_predict(m, paths, 1, 1, &r, &err), GRAFT_USAGE);
    assert_null(r);
    assert_true(err.message[0] != 0);
    assert_int_equal(graft_evaluate(m, folder, NULL, &r, &err), GRAFT_USAGE);
    assert_int_equal(graft_export(m, blocked, &o, &r, &err), GRAFT_USAGE);
    graft_model_free(m);
}

/* The same file from a model whose first training was refused as from a fresh one. */
static uint64_t digest_of(const char *out)
{
    char path[192];
    uint8_t *bytes;
    size_t n;
    uint64_t h = 1469598103934665603u;
    snprintf(path, sizeof path, "%s/model.safetensors", out);
    assert_int_equal(gf_file_read(path, 1 << 28, &bytes, &n, NULL), GRAFT_OK);
    for (size_t i = 0; i < n; i++) h = (h ^ bytes[i]) * 1099511628211u;
    gf_free(bytes);
    return h;
}

static void a_refused_training_leaves_the_model_as_it_was(void **state)
{
    (void)state;
    graft_error err = {0};
    graft_result *r;
    graft_model *m = fresh(context), *n = fresh(context);
    graft_train_options o = quick(blocked);
    graft_data *small = opened(context, folder, 48);
    FILE *f = fopen(blocked, "w"); /* a file where the run folder is to be */
    assert_non_null(f);
    fclose(f);
    assert_int_equal(graft_train(m, data, &o, &r, &err), GRAFT_USAGE);
    assert_null(r);
    o.out = run;
    assert_int_equal(graft_train(m, small, &o, &r, &err), GRAFT_USAGE); /* another size than the model's */
    o.lr = NAN;
    assert_int_equal(graft_train(m, data, &o, &r, &err), GRAFT_USAGE);
    o = quick(run);
    if (graft_train(m, data, &o, &r, &err)) fail_msg("%s", err.message);
    graft_result_free(r);
    uint64_t first = digest_of(run);
    if (graft_train(n, data, &o, &r, &err)) fail_msg("%s", err.message); /* two models on one context, one data set */
    graft_result_free(r);
    assert_true(first == digest_of(run));
    const char *paths[] = {folder};
    assert_int_equal(graft_predict(m, paths, 1, 1, &r, &err), GRAFT_OK); /* the other one still works */
    graft_result_free(r);
    graft_data_free(small);
    graft_model_free(m);
    graft_model_free(n);
    unlink(blocked);
}

static void a_training_that_stopped_half_way_leaves_no_result(void **state)
{
    (void)state;
    tiny_run t;
    tiny_stop s = {.left = 2};
    graft_error err = {0};
    graft_context *c;
    graft_result *r;
    const char *paths[] = {folder};
    graft_train_options o = quick(other);
    const graft_export_options to = {.to = "npz"};
    tiny_run_defaults(&t, folder, other);
    tiny_run_stop(&t, &s);
    assert_int_equal(graft_context_open(&t.context, &c, &err), GRAFT_OK);
    graft_model *m = fresh(c);
    graft_data *d = opened(c, folder, 32);
    assert_int_equal(graft_train(m, d, &o, &r, &err), GRAFT_TERMINATED);
    assert_null(r);
    s.left = 1 << 30; /* no more */
    assert_int_equal(graft_predict(m, paths, 1, 1, &r, &err), GRAFT_USAGE);
    assert_int_equal(err.number, 3001);
    assert_non_null(strstr(err.hint, "graft_resume"));
    assert_int_equal(graft_evaluate(m, folder, NULL, &r, &err), GRAFT_USAGE);
    assert_int_equal(graft_features(m, paths, 1, NULL, blocked, &r, &err), GRAFT_USAGE);
    assert_int_equal(graft_export(m, blocked, &to, &r, &err), GRAFT_USAGE);
    assert_int_equal(graft_train(m, d, &o, &r, &err), GRAFT_USAGE);
    assert_int_equal(graft_summary(m, &r, &err), GRAFT_OK); /* its layers are what they were */
    graft_result_free(r);
    if (graft_resume(c, other, NULL, &r, &err)) fail_msg("%s", err.message);
    graft_result_free(r);
    graft_data_free(d);
    graft_model_free(m);
    graft_context_free(c);
}

static void options_out_of_range_are_named(void **state)
{
    (void)state;
    graft_data_options o;
    graft_error err = {0};
    graft_data *d;
    graft_data_defaults(&o);
    o.cache = (graft_cache)77;
    assert_int_equal(graft_data_open(context, folder, &o, &d, &err), GRAFT_USAGE);
    assert_int_equal(err.number, 3002);
    assert_non_null(strstr(err.message, "cache 77"));
    graft_data_defaults(&o);
    o.height = -5;
    assert_int_equal(graft_data_open(context, folder, &o, &d, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.message, "height -5"));
    assert_null(d);
}

static int set_up(void **state)
{
    (void)state;
    graft_context_options o;
    graft_error err;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(folder, sizeof folder, "%s/data", root);
    snprintf(run, sizeof run, "%s/run", root);
    snprintf(other, sizeof other, "%s/other", root);
    snprintf(blocked, sizeof blocked, "%s/blocked", root);
    tiny_data_make(folder, 8, 4);
    graft_context_defaults(&o);
    o.threads = 2;
    if (graft_context_open(&o, &context, &err)) return -1;
    model = fresh(context);
    data = opened(context, folder, 32);
    return graft_summary(model, &result, &err) || graft_settings_new(&settings, &err);
}

static int tear_down(void **state)
{
    (void)state;
    graft_settings_free(settings);
    graft_result_free(result);
    graft_data_free(data);
    graft_model_free(model);
    graft_context_free(context);
    tiny_data_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_refused_by_name_or_does_nothing),
        cmocka_unit_test(the_table_is_complete),
        cmocka_unit_test(a_model_without_a_head_labels_nothing),
        cmocka_unit_test(a_refused_training_leaves_the_model_as_it_was),
        cmocka_unit_test(a_training_that_stopped_half_way_leaves_no_result),
        cmocka_unit_test(options_out_of_range_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
