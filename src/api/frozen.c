/* frozen.c - whether a run's frozen part is computed in int8: where the processor has it, and it is safe on the run's
 * own images. */
#include "api/internal.h"
#include "train/calibrate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Images that ranges are taken from, and in all: some of each class, within bounds (docs/design/precision.md). */
enum { RANGED = 64, PER_CLASS = 8, LEAST_JUDGED = 256, MOST_JUDGED = 512 };
enum { RACERS = 16, GF_SAFETY = 320 };

/* ---- speed */

void gf_api_choice_key(const graft_model *m, const char *what, char key[GF_CHOICE_KEY])
{
    const gf_run_config *c = &m->config;
    int n = snprintf(key, GF_CHOICE_KEY, "%s %.80s alpha %g %lldx%lld", what, c->architecture, c->alpha,
                     (long long)c->width, (long long)c->height);
    if (!m->source.n_layers || n < 0 || n >= GF_CHOICE_KEY) return;
    snprintf(key + n, GF_CHOICE_KEY - (size_t)n, " %zu values",
             m->source.n_values); /* the file may be another by then */
}

static void write_times(char text[GF_TIMES], const char *const names[2], const double seconds[2])
{
    const double ms = 1e3;
    if (isfinite(seconds[0]) && isfinite(seconds[1]))
        snprintf(text, GF_TIMES, "timed: %s %.1f ms, %s %.1f ms of processor time for some images", names[0],
                 ms * seconds[0], names[1], ms * seconds[1]);
    else
        snprintf(text, GF_TIMES, "as timed by an earlier run");
}

int gf_api_choose_network(const graft_model *m, const char *what, const char *const names[2],
                          bool (*run)(void *ctx, int candidate), void *ctx, char times[GF_TIMES])
{
    char key[GF_CHOICE_KEY];
    gf_api_choice_key(m, what, key);
    double seconds[] = {NAN, NAN};
    gf_choice c = {.key = key,
                   .names = names,
                   .n = 2,
                   .preferred = 1,
                   .margin = GF_MARGIN_NETWORK,
                   .on_pool = true,
                   .pool = m->context->pool,
                   .run = run,
                   .ctx = ctx,
                   .seconds = seconds};
    int chosen = gf_ops_choose(m->context->ops, &c);
    write_times(times, names, seconds);
    return chosen;
}

typedef struct benchmark {
    graft_model *m;
    const gf_feed *feed;
    const uint32_t *sample;
    size_t n;
    gf_engine *engine[2];
    float *out;
    bool lost[RACERS];
} benchmark;

static bool run_autotune(void *ctx, int candidate)
{
    benchmark *r = ctx;
    if (!r->engine[candidate]) {
        gf_engine_spec spec;
        gf_engine_defaults(&spec);
        spec.dtype = r->m->facts.dtype;
        spec.int8_layers = candidate ? (int)r->m->model.n_layers : 0;
        spec.output_layer = r->m->model.features;
        graft_status status =
            gf_engine_create(&r->engine[candidate], &r->m->model, r->m->context->ops, r->m->context->pool, &spec, NULL);
        if (status != GRAFT_OK) return false;
    }
    return gf_engine_forward(r->engine[candidate], r->feed, NULL, r->sample, r->n, r->out, r->lost, NULL) == GRAFT_OK;
}

/* `times`: what was measured, for people. */
static bool is_fast(graft_model *m, const gf_feed *feed, const uint32_t *sample, size_t n, char times[GF_TIMES])
{
    const char *const names[] = {gf_dtype_name(m->facts.dtype), "int8"};
    benchmark r = {.m = m, .feed = feed, .sample = sample, .n = n < RACERS ? n : RACERS};
    times[0] = '\0';
    r.out = gf_new_n(RACERS * gf_count(&m->model.layer[m->model.features].shape), float);
    int chosen = r.out ? gf_api_choose_network(m, "frozen", names, run_autotune, &r, times) : 0;
    for (int i = 0; i < 2; i++) gf_engine_destroy(r.engine[i]);
    gf_free(r.out);
    return chosen == 1;
}

/* ---- which images tell */

/* The images that give the ranges, evenly over the set, then those that are judged beside them. */
typedef struct chosen {
    uint32_t sample[MOST_JUDGED];
    int32_t label[MOST_JUDGED];
    size_t n, ranged;
} chosen;

static size_t judged_of(size_t images, size_t classes)
{
    size_t n = PER_CLASS * classes;
    n = n < LEAST_JUDGED ? LEAST_JUDGED : n > MOST_JUDGED ? MOST_JUDGED : n;
    return n < images ? n : images;
}

static graft_status choose_images(chosen *c, const gf_index *x, graft_error *err)
{
    uint32_t first = x->first[GF_TRAIN], n = x->first[GF_TRAIN + 1] - first;
    bool *taken = gf_new_n(n, bool);
    if (!taken) return gf_fail_memory(err, n, "calibration");
    c->n = judged_of(n, x->classes.n);
    c->ranged = n < RANGED ? n : RANGED;
    for (size_t i = 0; i < c->n; i++) {
        bool ranged = i < c->ranged;
        uint64_t step = ranged ? i : i - c->ranged, steps = ranged ? c->ranged : c->n - c->ranged;
        uint32_t at = (uint32_t)(step * n / steps);
        while (taken[at]) at = (at + 1) % n;
        taken[at] = true;
        c->sample[i] = first + at;
        const uint32_t *label; /* of several labels the first stands for all, of none class 0: features are judged */
        c->label[i] = gf_index_labels(x, first + at, &label) ? (int32_t)*label : 0;
    }
    gf_free(taken);
    return GRAFT_OK;
}

static graft_status calibration_goes_on(void *ctx, size_t done, size_t total, graft_error *err)
{
    graft_context *c = ctx;
    graft_progress p = gf_api_progress(GRAFT_STAGE_PLAN, (int64_t)done, (int64_t)total);
    gf_api_show(c, &p);
    return gf_api_stop_asked(c, err);
}

/* ---- the choice */

/* Layers that stay out of int8 are part of what config.json says; a resume takes their ranges from base.safetensors. */
static graft_status record(graft_model *m, bool int8, const gf_calibration *c, graft_error *err)
{
    m->facts.int8_layers = int8 ? (int)m->model.n_layers : 0;
    if (!int8) gf_model_drop_ranges(&m->model);
    if (!int8 || !c->outside) return gf_config_text(&m->config.frozen, int8 ? "int8" : m->config.dtype, err);
    char *text = gf_sprintf("int8, but for %s", c->outside);
    graft_status status =
        text ? gf_config_text(&m->config.frozen, text, err) : gf_fail_memory(err, 256, "a configuration");
    gf_free(text);
    return status;
}

/* What was measured of its safety, for people. */
static void tell_safety(const gf_calibration *c, char text[GF_SAFETY])
{
    const double percent = 100;
    const gf_reading *r = &c->reading;
    snprintf(
        text, GF_SAFETY,
        "a classifier in closed form, of %zu training images, is %.1f %% noisier on int8 features than on f32's (up "
        "to %.0f %% is safe) and labels %zu of them otherwise; the features are %.1f %% from f32's",
        r->images, percent * r->added, percent * GF_MOST_ADDED, r->other, percent * c->int8_error);
}

static void say_choice(const graft_model *m, const gf_calibration *c, bool int8, const char *times)
{
    const char *dtype = gf_dtype_name(m->facts.dtype), *what = "frozen part";
    char safety[GF_SAFETY];
    tell_safety(c, safety);
    if (!gf_ops_has_int8(m->context->ops)) {
        gf_decide(&m->log, what, dtype, "auto: this processor has no int8 dot products");
    } else if (!c->safe) {
        gf_decide(&m->log, what, dtype, "auto: int8 would not be safe: %s", safety);
    } else if (int8) {
        gf_decide(&m->log, what, m->config.frozen,
                  "auto: safe: %s; int8 where the processor has it, unless it is clearly slower; %s", safety, times);
    } else {
        gf_decide(&m->log, what, dtype, "auto: int8 is clearly slower here; %s", times);
    }
}

graft_status gf_api_choose_frozen(graft_model *m, const gf_feed *feed, uint32_t n, graft_error *err)
{
    bool named = !strcmp(m->config.precision, "int8"), either = named || !strcmp(m->config.precision, "auto");
    bool may = either && gf_ops_has_int8(m->context->ops) && n > 0 && !gf_api_is_of_texts(&m->model);
    uint32_t sample[RANGED];
    char times[GF_TIMES];
    gf_calibration_job j = {.model = &m->model,
                            .ops = m->context->ops,
                            .pool = m->context->pool,
                            .feed = feed,
                            .sample = sample,
                            .n = n < RANGED ? n : RANGED,
                            .dtype = m->facts.dtype};
    j.ranged = j.n;
    gf_calibration c = {0};
    for (uint32_t i = 0; i < j.n && may; i++) sample[i] = (uint32_t)((uint64_t)i * n / j.n);
    if (may) GF_TRY(gf_calibrate(&j, &c, err));
    return record(m, may && (named || is_fast(m, feed, sample, j.n, times)), &c, err);
}

static graft_status choose_for(graft_model *m, const gf_feed *feed, const chosen *images, graft_error *err)
{
    bool named = !strcmp(m->config.precision, "int8");
    char times[GF_TIMES], safety[GF_SAFETY];
    gf_calibration c = {0};
    gf_calibration_job j = {.model = &m->model,
                            .ops = m->context->ops,
                            .pool = m->context->pool,
                            .feed = feed,
                            .sample = images->sample,
                            .label = images->label,
                            .n = images->n,
                            .ranged = images->ranged,
                            .classes = (size_t)m->model.classes,
                            .dtype = m->facts.dtype,
                            .mix = !named,
                            .tell = calibration_goes_on,
                            .ctx = m->context};
    bool may = gf_ops_has_int8(m->context->ops);
    graft_status status = may ? gf_calibrate(&j, &c, err) : GRAFT_OK;
    bool int8 =
        status == GRAFT_OK && may && (named || (c.safe && is_fast(m, feed, images->sample, images->ranged, times)));
    if (status == GRAFT_OK) status = record(m, int8, &c, err);
    if (status == GRAFT_OK && !named) say_choice(m, &c, int8, times);
    if (status == GRAFT_OK && named && !c.safe) {
        tell_safety(&c, safety);
        gf_log_say(&m->context->log, GF_WARNING, "the frozen part is computed in int8, as asked for: %s", safety);
    }
    gf_free(c.outside);
    return status;
}

graft_status gf_api_choose_frozen_for(graft_model *m, const graft_data *d, graft_error *err)
{
    bool either = !strcmp(m->config.precision, "int8") ||
                  (!strcmp(m->config.precision, "auto") && !gf_api_detects(m->context)); /* safe by a classifier */
    if (!either || gf_api_is_of_texts(&m->model) ||
        d->data->index->first[GF_TRAIN + 1] == d->data->index->first[GF_TRAIN]) {
        return record(m, false, &(gf_calibration){0}, err);
    }
    gf_data_feed s;
    chosen *images = gf_new(chosen);
    if (!images) return gf_fail_memory(err, sizeof *images, "calibration");
    graft_status status = gf_data_feed_open(&s, d->data, (size_t)gf_pool_threads(m->context->pool), err);
    if (status == GRAFT_OK) {
        gf_feed feed = gf_data_feed_of(&s);
        status = choose_images(images, d->data->index, err);
        if (status == GRAFT_OK) status = choose_for(m, &feed, images, err);
        gf_data_feed_close(&s);
    }
    gf_free(images);
    return status;
}
