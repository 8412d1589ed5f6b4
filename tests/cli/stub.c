/* stub.c - a stand-in for libgraft that computes nothing: it tells what options it was given (so that a test sees where
 * each one lands), plays a run of a few epochs, and fails as told by the environment:
 *   STUB_FAIL=3   every call that can fails with that status
 *   STUB_HINT=..  and that hint
 *   STUB_STEPS=N  a run has N steps of 10 ms, in which it asks whether to stop
 *   STUB_DEAF=1   it never asks
 *   STUB_BAD=N    an inspected data set has N bad images */
#include <graft/boxes.h>
#include <graft/graft.h>
#include <graft/ranks.h>
#include <graft/serve.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct graft_context {
    graft_context_options options;
    const graft_settings *settings;
};
struct graft_model {
    graft_context *context;
    graft_model_options options;
    const char *run;
};
struct graft_data {
    graft_data_options options;
};
struct graft_serve {
    char address[4096]; /* the options instead */
};
struct graft_result {
    char json[8192];
    const char *const *paths;
    size_t n, top;
};

static int setting(const char *name) { return getenv(name) ? (int)strtol(getenv(name), NULL, 10) : 0; }

static graft_status outcome(graft_error *err)
{
    graft_status status = (graft_status)setting("STUB_FAIL");
    if (!status) return GRAFT_OK;
    memset(err, 0, sizeof *err);
    err->status = status;
    err->number = (int)status * 100 + 1000;
    snprintf(err->message, sizeof err->message, "stub \"failed\"\nwith \xC3\xA9 and \xFF and \x1b[31m");
    const char *hint = getenv("STUB_HINT");
    snprintf(err->hint, sizeof err->hint, "%s", hint ? hint : "do\tnothing");
    return status;
}

static graft_result *result_new(void)
{
    graft_result *r = calloc(1, sizeof *r);
    if (!r) abort();
    return r;
}

void graft_context_defaults(graft_context_options *o) { memset(o, 0, sizeof *o); }

graft_status graft_context_open(const graft_context_options *o, graft_context **out, graft_error *err)
{
    (void)err;
    *out = calloc(1, sizeof **out);
    (*out)->options = *o;
    return GRAFT_OK;
}

void graft_context_free(graft_context *c) { free(c); }

/* No further process: what is tested here is this one. */
graft_status graft_ranks_start(const graft_settings *settings, const char *const *command, graft_ranks **out,
                               graft_error *err)
{
    (void)settings, (void)command, (void)err;
    *out = NULL;
    return GRAFT_OK;
}

graft_status graft_ranks_join(graft_ranks **out, graft_error *err) { return graft_ranks_start(NULL, NULL, out, err); }

graft_status graft_ranks_work(graft_context *c, graft_ranks *ranks, graft_error *err)
{
    (void)c, (void)ranks, (void)err;
    return GRAFT_OK;
}

graft_status graft_context_ranks(graft_context *c, graft_ranks *ranks, graft_error *err)
{
    return graft_ranks_work(c, ranks, err);
}

void graft_ranks_free(graft_ranks *ranks) { (void)ranks; }

graft_status graft_context_settings(graft_context *c, const graft_settings *settings, graft_error *err)
{
    (void)err;
    c->settings = settings;
    return GRAFT_OK;
}

size_t graft_option_words(const char *name, char *buf, size_t size)
{
    (void)name, (void)buf, (void)size;
    return 0;
}

/* "threads":..,"settings":{..} of what was set by name */
static void context_json(const graft_context *c, char *buf, size_t size)
{
    const char *between = "";
    const graft_option *o;
    size_t n = (size_t)snprintf(buf, size, "\"threads\":%d,\"settings\":{", c->options.threads);
    for (size_t i = 0; (o = graft_option_at(i)); i++) {
        if (!graft_settings_given(c->settings, o->name)) continue;
        n += (size_t)snprintf(buf + n, size - n, "%s\"%s\":\"%s\"", between, o->name,
                              graft_settings_get(c->settings, o->name));
        between = ",";
    }
    snprintf(buf + n, size - n, "}");
}

void graft_model_defaults(graft_model_options *o)
{
    *o = (graft_model_options){
        .alpha = 1, .width = 160, .height = 160, .dropout = 0.2, .fine_tune_at = -1, .fine_tune_last = -1};
}

graft_status graft_model_open(graft_context *c, const graft_model_options *o, graft_model **out, graft_error *err)
{
    graft_status status = outcome(err);
    *out = NULL;
    if (status) return status;
    *out = calloc(1, sizeof **out);
    (*out)->context = c;
    (*out)->options = *o;
    return GRAFT_OK;
}

graft_status graft_run_open(graft_context *c, const char *run, graft_model **out, graft_error *err)
{
    graft_model_options o;
    graft_model_defaults(&o);
    graft_status status = graft_model_open(c, &o, out, err);
    if (!status) (*out)->run = run;
    return status;
}

void graft_model_free(graft_model *m) { free(m); }

static const char *text_of(const char *s) { return s ? s : "-"; }

static void model_json(const graft_model *m, char *buf, size_t size)
{
    const graft_model_options *o = &m->options;
    char context[2048];
    context_json(m->context, context, sizeof context);
    snprintf(
        buf, size,
        "\"run\":\"%s\",\"model\":\"%s\",\"weights\":\"%s\",\"alpha\":%g,\"width\":%d,\"height\":%d,\"classes\":%d,"
        "\"dropout\":%g,\"seed\":%" PRIu64 ",\"precision\":\"%s\",\"fine_tune_at\":%d,\"fine_tune_at_name\":\"%s\","
        "\"fine_tune_last\":%d,\"allow_nonfinite\":%d,\"head\":\"%s\",\"cut\":\"%s\",\"preprocess\":\"%s\","
        "\"labels\":\"%s\",\"channels\":%d,%s",
        text_of(m->run), text_of(o->model), text_of(o->weights), o->alpha, o->width, o->height, o->classes, o->dropout,
        o->seed, text_of(o->precision), o->fine_tune_at, text_of(o->fine_tune_at_name), o->fine_tune_last,
        o->allow_nonfinite, text_of(o->head), text_of(o->cut), text_of(o->preprocess), text_of(o->labels), o->channels,
        context);
}

graft_status graft_summary(const graft_model *m, graft_result **out, graft_error *err)
{
    char model[4096];
    (void)err;
    model_json(m, model, sizeof model);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{%s}", model);
    return GRAFT_OK;
}

void graft_data_defaults(graft_data_options *o)
{
    *o = (graft_data_options){.width = 160, .height = 160, .split = {0.8, 0.2, 0}, .batch = 32, .max_bad = 0.01};
}

graft_status graft_data_open(graft_context *c, const char *path, const graft_data_options *o, graft_data **out,
                             graft_error *err)
{
    (void)c, (void)path, (void)err;
    *out = calloc(1, sizeof **out);
    (*out)->options = *o;
    return GRAFT_OK;
}

void graft_data_free(graft_data *d) { free(d); }
int graft_data_classes(const graft_data *d) { return d ? 2 : 0; }
const char *graft_data_class_name(const graft_data *d, int i) { return d && i == 0 ? "cats" : "dogs"; }

static void data_json(const graft_data_options *o, char *buf, size_t size)
{
    snprintf(buf, size,
             "\"data\":{\"width\":%d,\"height\":%d,\"antialias\":%d,\"split\":[%g,%g,%g],\"test_from_validation\":%g,"
             "\"batch\":%d,\"seed\":%" PRIu64 ",\"cache\":%d,\"memory_limit\":%" PRIu64 ",\"cache_dir\":\"%s\","
             "\"skip_bad\":%d,\"max_bad\":%g,\"allow_truncated\":%d,\"ignore_exif\":%d,\"allow_empty_class\":%d}",
             o->width, o->height, o->antialias, o->split[0], o->split[1], o->split[2], o->test_from_validation,
             o->batch, o->seed, (int)o->cache, o->memory_limit, text_of(o->cache_dir), o->skip_bad, o->max_bad,
             o->allow_truncated, o->ignore_exif, o->allow_empty_class);
}

graft_status graft_inspect(graft_context *c, const char *path, const graft_data_options *o, graft_result **out,
                           int64_t *bad, graft_error *err)
{
    char data[2048], context[2048];
    graft_status status = outcome(err);
    (void)path;
    *out = NULL;
    if (status) return status;
    data_json(o, data, sizeof data);
    context_json(c, context, sizeof context);
    *out = result_new();
    *bad = setting("STUB_BAD");
    snprintf((*out)->json, sizeof(*out)->json, "{\"bad\":%" PRId64 ",%s,%s}", *bad, data, context);
    return GRAFT_OK;
}

int graft_checkpoint_is(const char *path) { return strstr(path, ".ckpt") != NULL; }

graft_status graft_checkpoint_convert(graft_context *c, const char *path, const char *file, graft_result **out,
                                      graft_error *err)
{
    graft_status status = outcome(err);
    (void)c;
    *out = NULL;
    if (status) return status;
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{\"checkpoint\":\"%s\",\"file\":\"%s\"}", path, file);
    return GRAFT_OK;
}

void graft_train_defaults(graft_train_options *o)
{
    *o = (graft_train_options){
        .batch = 32, .epochs = 10, .fine_tune_epochs = 10, .lr = 1e-4, .checkpoint_seconds = 60, .report = 1};
}

graft_status graft_train_check(const graft_train_options *o, graft_error *err) { return (void)o, (void)err, GRAFT_OK; }

static graft_progress last;

static void tell(const graft_context_options *c, const graft_progress *at)
{
    last = *at;
    c->progress(c->user, at);
}

const graft_metric *graft_progress_metric(const graft_context *c, size_t i)
{
    static graft_metric metric[2];
    (void)c;
    bool measured = last.stage == GRAFT_STAGE_TRAIN || last.stage == GRAFT_STAGE_EPOCH;
    metric[0] = (graft_metric){sizeof *metric, -1, 0, "loss", "loss", last.loss, last.val_loss};
    metric[1] = (graft_metric){sizeof *metric, 1, 1, "accuracy", "accuracy", last.accuracy, last.val_accuracy};
    return measured && i < 2 ? &metric[i] : NULL;
}

const char *graft_progress_phase(const graft_context *c)
{
    (void)c;
    return last.phase == 2 ? "fine_tuning" : "feature_extraction";
}

static graft_status step(const graft_context_options *c, int epoch, int64_t done, graft_error *err)
{
    const graft_progress at = {.stage = GRAFT_STAGE_TRAIN,
                               .done = done,
                               .total = 100,
                               .epoch = epoch,
                               .epochs = 2,
                               .phase = epoch,
                               .loss = done ? 0.5 : (double)NAN,
                               .accuracy = done ? 0.75 : (double)NAN,
                               .images_per_second = 1234,
                               .seconds_left = 5};
    const struct timespec pause = {.tv_nsec = 10000000};
    tell(c, &at);
    graft_status status = setting("STUB_DEAF") ? GRAFT_OK : c->should_stop(c->user);
    if (status) {
        memset(err, 0, sizeof *err);
        err->status = status;
        snprintf(err->message, sizeof err->message, "stopped at epoch %d", epoch);
        snprintf(err->hint, sizeof err->hint, "graft resume RUN");
    }
    if (setting("STUB_STEPS")) nanosleep(&pause, NULL);
    return status;
}

static graft_status play(const graft_context_options *c, graft_error *err)
{
    int steps = setting("STUB_STEPS") ? setting("STUB_STEPS") : 4;
    const graft_progress check = {.stage = GRAFT_STAGE_CHECK, .done = 3, .total = 6, .loss = NAN, .accuracy = NAN};
    tell(c, &check);
    c->say(c->user, GRAFT_WARNING, "one class has few images: \x1b[2Jcats");
    for (int epoch = 1; epoch <= 2; epoch++) {
        for (int i = 0; i < steps; i++) {
            graft_status status = step(c, epoch, i * 100 / steps, err);
            if (status) return status;
        }
        const graft_progress end = {.stage = GRAFT_STAGE_EPOCH,
                                    .epoch = epoch,
                                    .epochs = 2,
                                    .phase = epoch,
                                    .loss = 0.5,
                                    .accuracy = 0.75,
                                    .val_loss = 0.25,
                                    .val_accuracy = 0.875,
                                    .images_per_second = 100,
                                    .seconds_left = -1,
                                    .seconds = 2.5};
        tell(c, &end);
    }
    return GRAFT_OK;
}

graft_status graft_train(graft_model *m, graft_data *d, const graft_train_options *o, graft_result **out,
                         graft_error *err)
{
    char model[4096], data[2048];
    *out = NULL;
    graft_status status = play(&m->context->options, err);
    if (status) return status;
    *out = result_new();
    model_json(m, model, sizeof model);
    data_json(&d->options, data, sizeof data);
    snprintf(
        (*out)->json, sizeof(*out)->json,
        "{%s,%s,\"train\":{\"out\":\"%s\",\"force\":%d,\"batch\":%d,\"epochs\":%d,\"fine_tune_epochs\":%d,\"lr\":%g,"
        "\"fine_tune_lr\":%g,\"optimizer\":\"%s\",\"fine_tune_optimizer\":\"%s\",\"augment\":\"%s\",\"seed\":%" PRIu64
        ",\"on_nan\":\"%s\",\"checkpoint_seconds\":%g,\"report\":%d}}",
        model, data, o->out, o->force, o->batch, o->epochs, o->fine_tune_epochs, o->lr, o->fine_tune_lr,
        text_of(o->optimizer), text_of(o->fine_tune_optimizer), text_of(o->augment), o->seed, text_of(o->on_nan),
        o->checkpoint_seconds, o->report);
    return GRAFT_OK;
}

graft_status graft_advise(graft_context *c, graft_model *m, graft_data *d, graft_result **out, graft_error *err)
{
    char model[4096] = "", data[2048] = "", context[2048];
    graft_status status = outcome(err);
    *out = NULL;
    if (status) return status;
    *out = result_new();
    if (m) model_json(m, model, sizeof model);
    if (d) data_json(&d->options, data, sizeof data);
    context_json(c, context, sizeof context);
    snprintf((*out)->json, sizeof(*out)->json, "{%s%s%s%s%s}", model, m ? "," : "", data, d ? "," : "", context);
    return GRAFT_OK;
}

graft_status graft_resume(graft_context *c, const char *run, const char *data, graft_result **out, graft_error *err)
{
    char context[2048];
    graft_status status = outcome(err);
    *out = NULL;
    if (!status) status = play(&c->options, err);
    if (status) return status;
    context_json(c, context, sizeof context);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{\"run\":\"%s\",\"data\":\"%s\",%s}", run, text_of(data), context);
    return GRAFT_OK;
}

graft_status graft_evaluate_detections(graft_context *c, const char *truth, const char *results, graft_result **out,
                                       graft_error *err)
{
    (void)err;
    char context[4096];
    context_json(c, context, sizeof context);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{\"truth\":\"%s\",\"results\":\"%s\",%s}", truth, results, context);
    return GRAFT_OK;
}

graft_status graft_convert_labels(graft_context *c, const char *path, const char *format, const char *folder,
                                  graft_result **out, graft_error *err)
{
    (void)err;
    char context[4096];
    context_json(c, context, sizeof context);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{\"path\":\"%s\",\"format\":\"%s\",\"folder\":\"%s\",%s}", path, format,
             folder, context);
    return GRAFT_OK;
}

graft_status graft_evaluate(graft_model *m, const char *path, const char *split, graft_result **out, graft_error *err)
{
    char model[4096];
    (void)err;
    model_json(m, model, sizeof model);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{%s,\"path\":\"%s\",\"split\":\"%s\"}", model, path, text_of(split));
    return GRAFT_OK;
}

graft_status graft_predict(graft_model *m, const char *const *paths, size_t n, int top, graft_result **out,
                           graft_error *err)
{
    char model[4096];
    (void)err;
    model_json(m, model, sizeof model);
    *out = result_new();
    (*out)->paths = paths;
    (*out)->n = n;
    (*out)->top = top < 2 ? 1 : 2;
    snprintf((*out)->json, sizeof(*out)->json, "{%s,\"n\":%zu,\"top\":%d}", model, n, top);
    return GRAFT_OK;
}

graft_status graft_split(graft_context *c, const char *path, const graft_data_options *o, const char *out_dir,
                         graft_result **out, graft_error *err)
{
    char context[4096];
    (void)err;
    context_json(c, context, sizeof context);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json,
             "{\"path\":\"%s\",\"out\":\"%s\",\"split\":[%g,%g,%g],\"seed\":%" PRIu64 ",%s}", path, out_dir,
             o->split[0], o->split[1], o->split[2], o->seed, context);
    return GRAFT_OK;
}

graft_status graft_clean(graft_model *m, const char *path, graft_result **out, graft_error *err)
{
    char model[4096];
    (void)err;
    model_json(m, model, sizeof model);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{%s,\"path\":\"%s\"}", model, path);
    return GRAFT_OK;
}

graft_status graft_compare(graft_context *c, const char *const *runs, size_t n, const char *data, const char *split,
                           graft_result **out, graft_error *err)
{
    char context[4096];
    (void)err;
    context_json(c, context, sizeof context);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{\"run\":\"%s\",\"n\":%zu,\"data\":\"%s\",\"split\":\"%s\",%s}",
             runs[0], n, text_of(data), text_of(split), context);
    return GRAFT_OK;
}

graft_status graft_serve_open(graft_context *c, const char *const *runs, size_t n, const graft_settings *settings,
                              graft_serve **out, graft_error *err)
{
    (void)runs, (void)n, (void)settings;
    graft_status status = outcome(err);
    *out = status ? NULL : calloc(1, sizeof **out);
    if (*out) context_json(c, (*out)->address, sizeof(*out)->address);
    return status;
}

const char *graft_serve_address(const graft_serve *s) { return s->address; }

graft_status graft_serve_run(graft_serve *s, graft_error *err)
{
    (void)s;
    return outcome(err);
}

void graft_serve_free(graft_serve *s) { free(s); }

size_t graft_result_predictions(const graft_result *r) { return r->n; }

graft_prediction graft_result_prediction(const graft_result *r, size_t i)
{
    static const graft_label labels[] = {{"cats", 0.875}, {"dogs", 0.125}};
    graft_prediction p = {.path = r->paths[i], .label = "cats", .probability = 0.875, .n_top = r->top, .top = labels};
    if (strstr(p.path, "bad")) p = (graft_prediction){.path = r->paths[i], .error = "the image file is empty"};
    return p;
}

graft_status graft_features(graft_model *m, const char *const *paths, size_t n, const char *layer, const char *out_file,
                            graft_result **out, graft_error *err)
{
    char model[4096];
    (void)paths, (void)err;
    model_json(m, model, sizeof model);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{%s,\"n\":%zu,\"layer\":\"%s\",\"out\":\"%s\"}", model, n,
             text_of(layer), out_file);
    return GRAFT_OK;
}

graft_status graft_augment(graft_context *c, const char *image, const char *out_file, uint64_t seed, graft_result **out,
                           graft_error *err)
{
    char context[2048];
    (void)err;
    context_json(c, context, sizeof context);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{%s,\"image\":\"%s\",\"out\":\"%s\",\"seed\":%" PRIu64 "}", context,
             image, out_file, seed);
    return GRAFT_OK;
}

void graft_bench_defaults(graft_bench_options *o) { *o = (graft_bench_options){.batch = 32, .steps = 30}; }

graft_status graft_bench(graft_model *m, const graft_bench_options *o, graft_result **out, graft_error *err)
{
    char model[4096];
    (void)err;
    model_json(m, model, sizeof model);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{%s,\"batch\":%d,\"steps\":%d,\"augment\":\"%s\"}", model, o->batch,
             o->steps, text_of(o->augment));
    return GRAFT_OK;
}

void graft_model_size(const graft_model *m, int *width, int *height)
{
    *width = m->options.width;
    *height = m->options.height;
}

void graft_export_defaults(graft_export_options *o) { memset(o, 0, sizeof *o); }

graft_status graft_export(graft_model *m, const char *file, const graft_export_options *o, graft_result **out,
                          graft_error *err)
{
    char model[4096];
    graft_status status = outcome(err);
    *out = NULL;
    if (status) return status;
    model_json(m, model, sizeof model);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{%s,\"file\":\"%s\",\"to\":\"%s\",\"pictures\":\"%s\"}", model, file,
             text_of(o->to), o->n_pictures ? o->pictures[0] : "-");
    return GRAFT_OK;
}

graft_status graft_models(graft_context *c, const char *const *names, size_t n_names, int time, graft_result **out,
                          graft_error *err)
{
    char context[2048];
    graft_status status = outcome(err);
    *out = NULL;
    if (status) return status;
    context_json(c, context, sizeof context);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{%s,\"models\":[],\"time\":%d,\"names\":%zu,\"first\":\"%s\"}", context,
             time, n_names, n_names ? names[0] : "");
    return GRAFT_OK;
}

graft_status graft_fetch(graft_context *c, const char *name, const char *from, graft_result **out, graft_error *err)
{
    char context[2048];
    graft_status status = outcome(err);
    *out = NULL;
    if (status) return status;
    context_json(c, context, sizeof context);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{%s,\"name\":\"%s\",\"from\":\"%s\"}", context, name, text_of(from));
    return GRAFT_OK;
}

graft_status graft_fetch_data(graft_context *c, const char *what, const char *sha256, const char *from,
                              graft_result **out, graft_error *err)
{
    char context[2048];
    graft_status status = outcome(err);
    *out = NULL;
    if (status) return status;
    context_json(c, context, sizeof context);
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{%s,\"what\":\"%s\",\"sha256\":\"%s\",\"from\":\"%s\"}", context, what,
             text_of(sha256), text_of(from));
    return GRAFT_OK;
}

graft_status graft_fetch_list(graft_context *c, graft_result **out, graft_error *err)
{
    (void)c, (void)err;
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{\"weights\":[]}");
    return GRAFT_OK;
}

graft_status graft_machine(graft_context *c, graft_result **out, graft_error *err)
{
    (void)c, (void)err;
    *out = result_new();
    snprintf((*out)->json, sizeof(*out)->json, "{\"version\":\"1.2.3\",\"machine\":\"none\"}");
    return GRAFT_OK;
}

const char *graft_result_json(const graft_result *r) { return r->json; }
const char *graft_result_text(const graft_result *r) { return r->json; }
double graft_result_number(const graft_result *r, const char *path) { return (void)r, (void)path, (double)NAN; }
void graft_result_free(graft_result *r) { free(r); }
