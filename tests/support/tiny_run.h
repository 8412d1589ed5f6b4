/* tiny_run.h - a training run that takes a tenth of a second: MobileNetV2 0.35 (or another) at 32 x 32 from seeded
 * random weights, on tiny_data.h's images, two epochs of each phase, augmentation and dropout on, a checkpoint
 * whenever one can be written. For tests that link the whole library. */
#ifndef TESTS_TINY_RUN_H
#define TESTS_TINY_RUN_H

#include <graft/graft.h>

#include <stdbool.h>
#include <string.h>

typedef struct tiny_run {
    const char *data, *out;
    graft_context_options context;
    graft_model_options model; /* `seed` and `precision` are set from below */
    graft_train_options train; /* `out` is set from above */
    uint64_t seed;
    const char *precision;
    int size;                  /* that the data are opened at; 32 */
    const char *(*by_name)[2]; /* options by name and their values, NULL behind the last; NULL: none */
} tiny_run;

static inline void tiny_run_defaults(tiny_run *t, const char *data, const char *out)
{
    memset(t, 0, sizeof *t);
    t->data = data;
    t->out = out;
    graft_context_defaults(&t->context);
    t->context.threads = 2;
    t->size = 32;
    graft_model_defaults(&t->model);
    t->model.alpha = 0.35;
    t->model.width = t->model.height = 32;
    t->model.fine_tune_at = 140;
    graft_train_defaults(&t->train);
    t->precision = "f32";
    t->train.force = 1;
    t->train.batch = 4;
    t->train.epochs = 2;
    t->train.fine_tune_epochs = 2;
    t->train.lr = 0.05;
    t->train.checkpoint_seconds = 0;
    t->train.report = 0;
}

/* Stops a run at the n-th question that is asked once it has begun (images are checked before). */
typedef struct tiny_stop {
    int left;
    bool begun;
} tiny_stop;

static inline graft_status tiny_stop_then(void *user)
{
    tiny_stop *s = user;
    return !s->begun || s->left-- > 0 ? GRAFT_OK : GRAFT_TERMINATED;
}

static inline void tiny_stop_see(void *user, const graft_progress *progress)
{
    tiny_stop *s = user;
    if (progress->stage == GRAFT_STAGE_TRAIN || progress->stage == GRAFT_STAGE_EVALUATE) s->begun = true;
}

/* `s`, of which `left` is set, lives as long as the run. */
static inline void tiny_run_stop(tiny_run *t, tiny_stop *s)
{
    t->context.should_stop = tiny_stop_then;
    t->context.progress = tiny_stop_see;
    t->context.user = s;
}

static inline graft_status tiny_run_train_in(const tiny_run *t, graft_context *context, graft_error *err)
{
    graft_model *model = NULL;
    graft_data *data = NULL;
    graft_result *result = NULL;
    graft_model_options model_options = t->model;
    graft_data_options data_options;
    model_options.precision = t->precision;
    model_options.seed = t->seed;
    graft_data_defaults(&data_options);
    data_options.width = data_options.height = t->size;
    data_options.batch = t->train.batch;
    graft_train_options train_options = t->train;
    train_options.out = t->out;
    train_options.seed = t->seed;
    graft_status status = graft_model_open(context, &model_options, &model, err);
    if (!status) status = graft_data_open(context, t->data, &data_options, &data, err);
    if (!status) status = graft_train(model, data, &train_options, &result, err);
    graft_result_free(result);
    graft_data_free(data);
    graft_model_free(model);
    return status;
}

static inline graft_status tiny_run_by_name(const tiny_run *t, graft_context *context, graft_error *err)
{
    graft_settings *s = NULL;
    if (!t->by_name) return GRAFT_OK;
    graft_status status = graft_settings_new(&s, err);
    for (int i = 0; !status && t->by_name[i][0]; i++) {
        status = graft_settings_set(s, t->by_name[i][0], t->by_name[i][1], err);
    }
    if (!status) status = graft_context_settings(context, s, err);
    graft_settings_free(s);
    return status;
}

/* Trains, or takes up what is in t->out. */
static inline graft_status tiny_run_train(const tiny_run *t, bool resume, graft_error *err)
{
    graft_context *context = NULL;
    graft_result *result = NULL;
    graft_status status = graft_context_open(&t->context, &context, err);
    if (!status && !resume) status = tiny_run_by_name(t, context, err);
    if (!status && resume) status = graft_resume(context, t->out, NULL, &result, err);
    if (!status && !resume) status = tiny_run_train_in(t, context, err);
    graft_result_free(result);
    graft_context_free(context);
    return status;
}

#endif
