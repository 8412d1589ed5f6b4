/* One image, one answer: training, evaluation and prediction see the same bytes, in whatever way images are made to
 * fit, and a run keeps that way. */
#include "support/seeded.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include <sys/stat.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64], data[96];

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

/* Noise twice as wide as high, with the middle of one class brighter: what is cut off and what is squeezed matters. */
static void write_image(const char *path, int class, int number)
{
    enum { W = 96, H = 48, HEAD = 54 };
    static uint8_t file[HEAD + W * H * 3];
    char name[32];
    const uint8_t head[HEAD] = {
        'B',      'M',      [2] = sizeof file & 255, sizeof file >> 8, [10] = HEAD, [14] = 40, [18] = W, [22] = H,
        [26] = 1, [28] = 24};
    snprintf(name, sizeof name, "same%d/%d", class, number);
    memcpy(file, head, HEAD);
    seeded_pixels(name, 1, file + HEAD, W * H * 3);
    for (int y = 0; class && y < H; y++) {
        for (int x = W / 3 * 3; x < 2 * W; x++) file[HEAD + y * W * 3 + x] |= 0xc0;
    }
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(file, 1, sizeof file, f), sizeof file);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    (void)state;
    static const char *const splits[] = {"train", "validation"}, *const classes[] = {"dim", "lit"};
    snprintf(root, sizeof root, "/tmp/graft-same-XXXXXX");
    if (!mkdtemp(root)) return 1;
    snprintf(data, sizeof data, "%s/data", root);
    mkdir(data, 0700);
    for (int s = 0; s < 2; s++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", data, splits[s]);
        mkdir(path, 0700);
        for (int c = 0; c < 2; c++) {
            snprintf(path, sizeof path, "%s/%s/%s", data, splits[s], classes[c]);
            mkdir(path, 0700);
            for (int i = 0; i < 6; i++) {
                snprintf(path, sizeof path, "%s/%s/%s/%d.bmp", data, splits[s], classes[c], i);
                write_image(path, c, 10 * s + i);
            }
        }
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

static graft_context *open_context(const char *fit, const char *antialias, const char *filter)
{
    graft_context_options o;
    graft_context *c = NULL;
    graft_settings *s = NULL;
    graft_error err = {0};
    graft_context_defaults(&o);
    o.threads = 2;
    if (graft_context_open(&o, &c, &err) || graft_settings_new(&s, &err) ||
        graft_settings_set(s, "data.fit", fit, &err) || graft_settings_set(s, "data.antialias", antialias, &err) ||
        graft_settings_set(s, "data.resize_filter", filter, &err) || graft_context_settings(c, s, &err)) {
        fail_msg("%s", err.message);
    }
    graft_settings_free(s);
    return c;
}

/* The loss of a set of one image, as an evaluation gives it. */
static double loss_of(graft_model *m, const char *path, const char *label)
{
    char csv[160], text[512];
    graft_result *r = NULL;
    graft_error err = {0};
    snprintf(csv, sizeof csv, "%s/one.csv", root);
    snprintf(text, sizeof text, "path,label\n%s,%s\n", path + strlen(root) + 1, label);
    write_text(csv, text);
    if (graft_evaluate(m, csv, NULL, &r, &err)) fail_msg("%s", err.message);
    double loss = graft_result_number(r, "loss");
    graft_result_free(r);
    return loss;
}

/* -log of the probability that a prediction gives the label. */
static double loss_told(const graft_prediction *p, const char *label)
{
    for (size_t k = 0; k < p->n_top; k++) {
        if (!strcmp(p->top[k].label, label)) return -log(p->top[k].probability);
    }
    fail_msg("%s: %s is not among its labels", p->path, label);
    return NAN;
}

static void agree(graft_model *m)
{
    graft_result *r = NULL;
    graft_error err = {0};
    const char *paths[] = {data};
    if (graft_predict(m, paths, 1, 2, &r, &err)) fail_msg("%s", err.message);
    assert_true(graft_result_predictions(r) >= 10);
    for (size_t i = 0; i < graft_result_predictions(r); i++) {
        const graft_prediction p = graft_result_prediction(r, i);
        double wanted = loss_of(m, p.path, p.label), got = loss_told(&p, p.label);
        if (!(fabs(wanted - got) <= 1e-6)) fail_msg("%s: loss %.9g in eval, %.9g in predict", p.path, wanted, got);
    }
    graft_result_free(r);
}

static const struct {
    const char *fit, *antialias, *filter;
} ways[] = {{"stretch", "0", NULL},     {"stretch", "1", "bicubic"},       {"crop", "0", NULL},
            {"pad=7", "1", "lanczos3"}, {"shortest=40,center", "1", NULL}, {"crop", "0", "nearest"}};

static void evaluation_and_prediction_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char run[128];
        snprintf(run, sizeof run, "%s/run%zu", root, i);
        tiny_run t;
        graft_error err = {0};
        graft_context *trained = open_context(ways[i].fit, ways[i].antialias, ways[i].filter),
                      *plain = open_context(NULL, NULL, NULL);
        tiny_run_defaults(&t, data, run);
        t.train.epochs = 1;
        t.train.fine_tune_epochs = 1;
        if (tiny_run_train_in(&t, trained, &err)) fail_msg("%s", err.message);
        graft_model *m = NULL;
        if (graft_run_open(plain, run, &m, &err)) fail_msg("%s", err.message); /* the run keeps its way */
        agree(m);
        graft_model_free(m);
        graft_context_free(trained);
        graft_context_free(plain);
    }
}

/* Of the first image, the first probability, in a context of these settings. */
static double probability(const char *model, const char *fit, const char *filter, bool is_run)
{
    graft_context *c = open_context(fit, NULL, filter);
    graft_model *m = NULL;
    graft_result *r = NULL;
    graft_error err = {0};
    graft_model_options o;
    const char *paths[] = {data};
    graft_model_defaults(&o);
    o.model = model;
    o.head = "keep";
    if (is_run ? graft_run_open(c, model, &m, &err) : graft_model_open(c, &o, &m, &err)) fail_msg("%s", err.message);
    if (graft_predict(m, paths, 1, 1, &r, &err)) fail_msg("%s", err.message);
    double p = graft_result_prediction(r, 0).probability;
    graft_result_free(r);
    graft_model_free(m);
    graft_context_free(c);
    return p;
}

static void a_network_of_another_tool_takes_it_from_the_settings(void **state)
{
    (void)state;
    char run[128], file[160];
    snprintf(run, sizeof run, "%s/run2", root); /* it was cropped */
    snprintf(file, sizeof file, "%s/model.keras", root);
    graft_context *c = open_context(NULL, NULL, NULL);
    graft_model *m = NULL;
    graft_result *r = NULL;
    graft_error err = {0};
    if (graft_run_open(c, run, &m, &err) || graft_export(m, file, &(graft_export_options){0}, &r, &err)) {
        fail_msg("%s", err.message);
    }
    graft_result_free(r);
    graft_model_free(m);
    graft_context_free(c);
    double own = probability(run, NULL, NULL, true), crop = probability(file, "crop", NULL, false);
    assert_true(fabs(own - probability(run, "pad", "nearest", true)) == 0); /* a run's own way holds */
    assert_true(fabs(own - crop) <= 1e-5);
    assert_true(fabs(own - probability(file, "stretch", NULL, false)) > 1e-5);
    assert_true(fabs(own - probability(file, "crop", "area", false)) > 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluation_and_prediction_agree),
        cmocka_unit_test(a_network_of_another_tool_takes_it_from_the_settings),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
