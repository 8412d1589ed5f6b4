/* A run with a loss, class weights and metrics of its own: they stand in its history, its results and its progress, and
 * a stop in the middle of an epoch changes no bit of them. */
#include "support/run_bytes.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char root[64], data[96], whole[96], halved[96];

typedef struct option {
    const char *name, *value;
} option;

static const option options[] = {{"train.loss", "focal:gamma=1"},
                                 {"train.class_weight", "kind1=3,kind0=0.5"},
                                 {"train.metrics", "top2,macro_f1,auc"},
                                 {NULL, NULL}};

static graft_context *context_with(const graft_context_options *o, const option *row)
{
    graft_context *context;
    graft_settings *settings;
    assert_int_equal(graft_context_open(o, &context, NULL), GRAFT_OK);
    assert_int_equal(graft_settings_new(&settings, NULL), GRAFT_OK);
    for (; row->name; row++) {
        assert_int_equal(graft_settings_set(settings, row->name, row->value, NULL), GRAFT_OK);
    }
    assert_int_equal(graft_context_settings(context, settings, NULL), GRAFT_OK);
    graft_settings_free(settings);
    return context;
}

static graft_status train(const char *out, const option *row, tiny_stop *stop)
{
    tiny_run t;
    graft_error err = {0};
    tiny_run_defaults(&t, data, out);
    if (stop) tiny_run_stop(&t, stop);
    graft_context *context = context_with(&t.context, row);
    graft_status status = tiny_run_train_in(&t, context, &err);
    graft_context_free(context);
    if (status && status != GRAFT_TERMINATED) fail_msg("%s", err.message);
    return status;
}

static char *text_of(const char *folder, const char *name)
{
    char path[192];
    uint8_t *bytes;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(gf_file_read(path, 1 << 20, &bytes, &n, NULL), GRAFT_OK);
    char *text = gf_strndup((const char *)bytes, n);
    gf_free(bytes);
    assert_non_null(text);
    return text;
}

static size_t length_before(const char *text, const char *key)
{
    size_t n = 0;
    while (text[n] && strncmp(text + n, key, strlen(key)) != 0) n++;
    assert_true(text[n] != 0);
    return n;
}

static void a_stop_changes_no_bit(void **state)
{
    (void)state;
    assert_int_equal(train(whole, options, NULL), GRAFT_OK);
    tiny_stop stop = {.left = 4};
    assert_int_equal(train(halved, options, &stop), GRAFT_TERMINATED);
    tiny_run t;
    tiny_run_defaults(&t, data, halved);
    assert_int_equal(tiny_run_train(&t, true, NULL), GRAFT_OK);
    run_bytes_equal(whole, halved, "metrics of its own");
    char *one = text_of(whole, "metrics.json"), *other = text_of(halved, "metrics.json");
    size_t n = length_before(one, "\"seconds\"");
    assert_int_equal(n, length_before(other, "\"seconds\""));
    assert_memory_equal(one, other, n);
    gf_free(one);
    gf_free(other);
}

static void metrics_are_columns(void **state)
{
    (void)state;
    char *history = text_of(whole, "history.csv"), *metrics = text_of(whole, "metrics.json");
    assert_non_null(strstr(history, "epoch,phase,lr,loss,accuracy,top2,macro_f1,auc,val_loss,val_accuracy,val_top2,"
                                    "val_macro_f1,val_auc,seconds,images_per_second\n"));
    double x[13];
    const char *row = strchr(history, '\n') + 1;
    assert_int_equal(sscanf(row, "1,feature_extraction,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf", &x[0], &x[1],
                            &x[2], &x[3], &x[4], &x[5], &x[6], &x[7], &x[8], &x[9], &x[10]),
                     11);
    assert_true(x[3] >= x[2] && x[3] <= 1 && x[4] >= 0 && x[4] <= 1); /* top2 is at least the accuracy */
    assert_true(isnan(x[5]) && x[10] >= 0 && x[10] <= 1);             /* auc: of whole sets alone */
    static const char *const keys[] = {"\"loss\"", "\"accuracy\"", "\"top2\"", "\"macro_f1\"", "\"auc\""};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) assert_non_null(strstr(metrics, keys[i]));
    gf_free(history);
    gf_free(metrics);
}

static void loss_and_weights_are_trained_by(void **state)
{
    (void)state;
    static const option one[][2] = {{{"train.loss", "cross-entropy:smoothing=0.2"}, {NULL, NULL}},
                                    {{"train.class_weight", "balanced"}, {NULL, NULL}},
                                    {{"train.class_weight", "kind2=2"}, {NULL, NULL}},
                                    {{"train.metrics", "top3"}, {NULL, NULL}}};
    static const option none[] = {{NULL, NULL}};
    char plain[96];
    snprintf(plain, sizeof plain, "%s/plain", root);
    assert_int_equal(train(plain, none, NULL), GRAFT_OK);
    run_bytes_differ(plain, whole, "focal loss");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(train(halved, one[i], NULL), GRAFT_OK);
        if (i == 1) run_bytes_equal(plain, halved, "classes of the same size");
        if (i == 0 || i == 2) run_bytes_differ(plain, halved, one[i]->value);
    }
    tiny_run t;
    graft_error err = {0};
    tiny_run_defaults(&t, data, halved);
    graft_context *context = context_with(&t.context, (option[]){{"train.class_weight", "kind9=2"}, {NULL, NULL}});
    assert_int_equal(tiny_run_train_in(&t, context, &err), GRAFT_USAGE); /* the data have no such class */
    assert_non_null(strstr(err.message, "kind9"));
    graft_context_free(context);
}

typedef struct watch {
    graft_context *context;
    double last; /* top2 of the last progress that had it */
    size_t metrics;
} watch;

static void see(void *user, const graft_progress *p)
{
    watch *w = user;
    const graft_metric *m;
    size_t i = 0;
    for (; (m = graft_progress_metric(w->context, i)); i++) {
        assert_true(m->size == sizeof *m && m->name && m->title);
        if (!strcmp(m->name, "top2")) w->last = m->value;
        if (!strcmp(m->name, "accuracy")) assert_true(m->value == p->accuracy || isnan(m->value));
        if (!strcmp(m->name, "loss")) assert_true(m->better == -1 && !m->share);
    }
    if (p->stage == GRAFT_STAGE_EVALUATE && i) w->metrics = i;
    assert_null(graft_progress_metric(NULL, 0));
}

static void an_evaluation_measures_them(void **state)
{
    (void)state;
    watch w = {0};
    graft_model *model;
    graft_result *result;
    graft_context_options o;
    graft_context_defaults(&o);
    o.threads = 2;
    o.progress = see;
    o.user = &w;
    w.context = context_with(&o, (option[]){{"train.metrics", "top2,mcc,auc"}, {"eval.intervals", "1"}, {NULL, NULL}});
    assert_int_equal(graft_run_open(w.context, whole, &model, NULL), GRAFT_OK);
    assert_int_equal(graft_evaluate(model, data, "validation", &result, NULL), GRAFT_OK);
    assert_int_equal(w.metrics, 5);
    double top2 = graft_result_number(result, "top2"), auc = graft_result_number(result, "auc");
    assert_true(top2 == w.last && top2 >= graft_result_number(result, "accuracy") && auc >= 0 && auc <= 1);
    assert_true(graft_result_number(result, "mcc") <= 1);
    assert_non_null(strstr(graft_result_text(result), ", top2 "));
    assert_non_null(strstr(graft_result_text(result), "\nmcc  "));
    const char *intervals = strstr(graft_result_json(result), "\"intervals\"");
    assert_true(intervals && strstr(intervals, "\"loss\"") && strstr(intervals, "\"mcc\""));
    graft_result_free(result);
    graft_model_free(model);
    graft_context_free(w.context);
}

/* The cells of a line of CSV without quotes; returns how many. */
static int split(char *line, char *cell[], int most)
{
    int n = 0;
    for (char *s = line; s && n < most; n++) {
        cell[n] = s;
        s = strchr(s, ',');
        if (s) *s++ = 0;
    }
    return n;
}

static void an_evaluation_is_told_image_by_image(void **state)
{
    (void)state;
    char csv[128], first[128];
    graft_model *model;
    graft_result *result;
    graft_error err = {0};
    snprintf(csv, sizeof csv, "%s/rows.csv", root);
    graft_context_options o;
    graft_context_defaults(&o);
    o.threads = 2;
    graft_context *context = context_with(&o, (option[]){{"eval.csv", csv}, {NULL, NULL}});
    assert_int_equal(graft_run_open(context, whole, &model, NULL), GRAFT_OK);
    assert_int_equal(graft_evaluate(model, data, "validation", &result, NULL), GRAFT_OK);
    double right = 0, images = graft_result_number(result, "images");
    char *text = text_of(root, "rows.csv"), *cell[12], *rest = text;
    assert_string_equal(strsep(&rest, "\n"), "path,true,predicted,p_kind0,p_kind1,p_kind2,z_kind0,z_kind1,z_kind2");
    *first = 0;
    int rows = 0;
    for (; rest && *rest; rows++) {
        assert_int_equal(split(strsep(&rest, "\n"), cell, 12), 9);
        assert_true(strcmp(first, cell[0]) < 0); /* in the data's order */
        snprintf(first, sizeof first, "%s", cell[0]);
        assert_non_null(strstr(cell[0], cell[1])); /* kind1/0.bmp */
        double p[3], z[3], sum = 0;
        int best = 0;
        for (int k = 0; k < 3; k++) p[k] = atof(cell[3 + k]);
        for (int k = 0; k < 3; k++) z[k] = atof(cell[6 + k]);
        for (int k = 0; k < 3; k++) sum += exp(z[k]);
        for (int k = 0; k < 3; k++) assert_true(fabs(p[k] - exp(z[k]) / sum) <= 1e-6);
        for (int k = 0; k < 3; k++) best = p[k] > p[best] ? k : best;
        assert_int_equal(cell[2][4], '0' + best);
        right += !strcmp(cell[1], cell[2]);
    }
    assert_true(rows == images && fabs(right / images - graft_result_number(result, "accuracy")) < 1e-12);
    assert_non_null(strstr(graft_result_json(result), "\"intervals\""));
    assert_non_null(strstr(graft_result_json(result), "\"per_class\""));
    gf_free(text);
    graft_result_free(result);
    graft_model_free(model);
    graft_context_free(context);
    snprintf(csv, sizeof csv, "%s/model.safetensors", whole); /* not over what a run wrote */
    context = context_with(&o, (option[]){{"eval.csv", csv}, {NULL, NULL}});
    assert_int_equal(graft_run_open(context, whole, &model, NULL), GRAFT_OK);
    assert_int_equal(graft_evaluate(model, data, "validation", &result, &err), GRAFT_USAGE);
    graft_model_free(model);
    graft_context_free(context);
}

static int make(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(whole, sizeof whole, "%s/whole", root);
    snprintf(halved, sizeof halved, "%s/halved", root);
    tiny_data_make_kinds(data, 3, 8, 6);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_changes_no_bit),
        cmocka_unit_test(metrics_are_columns),
        cmocka_unit_test(loss_and_weights_are_trained_by),
        cmocka_unit_test(an_evaluation_measures_them),
        cmocka_unit_test(an_evaluation_is_told_image_by_image),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
