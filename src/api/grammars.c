/* grammars.c - options by name whose text has a grammar: whoever parses it checks it, as soon as a context gets it. */
#include "api/internal.h"
#include "base/number.h"
#include "tasks/detector.h"
#include "train/clip.h"

#include "data/dataset.h"
#include "data/layouts.h"
#include "exchange/layer_words.h"
#include "zoo/zoo.h"

#include <string.h>

static graft_status optimizer(const char *text, graft_error *err)
{
    gf_optimizer parsed;
    return gf_optimizer_parse(&parsed, text, err);
}

static graft_status augment(const char *text, graft_error *err)
{
    gf_augment_spec parsed;
    return gf_augment_parse(text, &parsed, err);
}

/* Of a run: without what blends two images. */
static graft_status run_augment(const char *text, graft_error *err)
{
    gf_augment_spec parsed;
    return gf_augment_parse(text, &parsed, err);
}

static graft_status on_nan(const char *text, graft_error *err)
{
    gf_nan_policy parsed;
    return gf_nan_policy_parse(&parsed, text, err);
}

static graft_status head(const char *text, graft_error *err)
{
    gf_head_spec parsed;
    double dropout;
    return gf_head_parse(text, &parsed, &dropout, err);
}

static graft_status preprocess(const char *text, graft_error *err)
{
    gf_preprocess parsed;
    return gf_preprocess_parse(&parsed, text, err);
}

static graft_status fit(const char *text, graft_error *err)
{
    gf_fit parsed;
    return gf_fit_parse(&parsed, text, err);
}

static graft_status task(const char *text, graft_error *err)
{
    gf_task parsed;
    return gf_task_open(&parsed, &(gf_task_options){.name = text}, err);
}

static graft_status detector(const char *text, graft_error *err)
{
    const gf_detector_class *parsed;
    return gf_detector_parse(&parsed, text, err);
}

static graft_status loss(const char *text, graft_error *err)
{
    gf_loss parsed;
    return gf_loss_parse(&parsed, text, err);
}

/* The class names are not known yet. */
static graft_status class_weight(const char *text, graft_error *err)
{
    float *weight;
    graft_status status = gf_class_weights(&weight, &(gf_task_options){.class_weight = text}, err);
    gf_free(weight);
    return status;
}

static graft_status metrics(const char *text, graft_error *err)
{
    gf_metric_list parsed;
    return gf_metric_list_parse(&parsed, GF_OF_ANY, "", text, err);
}
static graft_status groups(const char *text, graft_error *err) { return gf_param_groups_check(text, err); }

static graft_status layout(const char *text, graft_error *err)
{
    const gf_layout_class *parsed;
    return gf_layout_parse(&parsed, text, err);
}

static graft_status max_time(const char *text, graft_error *err)
{
    double seconds;
    if (gf_number_seconds(text, &seconds)) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "as in 10m, 1h30m, 90s", "train.max_time: %s is no time", GF_ESC(text));
}

static graft_status feature_cache(const char *text, graft_error *err)
{
    gf_feature_words parsed;
    return gf_feature_words_parse(&parsed, text, err);
}

static const struct {
    gf_setting row;
    graft_status (*check)(const char *text, graft_error *err);
    void (*words)(gf_text *text); /* what may be written, a line each; NULL: the option's help says it */
} grammars[] = {
    {GF_SET_MODEL_HEAD, head, NULL},
    {GF_SET_MODEL_PREPROCESS, preprocess, NULL},
    {GF_SET_TRAIN_OPTIMIZER, optimizer, gf_optimizer_words},
    {GF_SET_TRAIN_FINE_TUNE_OPTIMIZER, optimizer, gf_optimizer_words},
    {GF_SET_TRAIN_GROUPS, groups, gf_param_groups_words},
    {GF_SET_TRAIN_AUGMENT, run_augment, gf_augment_words},
    {GF_SET_TRAIN_SCHEDULE, gf_schedule_check, gf_schedule_words},
    {GF_SET_TRAIN_FINE_TUNE_SCHEDULE, gf_schedule_check, gf_schedule_words},
    {GF_SET_TRAIN_HOOKS, gf_hooks_check, gf_hooks_words},
    {GF_SET_TRAIN_PHASES, gf_phases_check, gf_phases_words},
    {GF_SET_TRAIN_ON_NAN, on_nan, NULL},
    {GF_SET_BENCH_AUGMENT, run_augment, gf_augment_words},
    {GF_SET_AUGMENT_WORDS, augment, gf_augment_words},
    {GF_SET_DATA_FIT, fit, NULL},
    {GF_SET_TRAIN_TASK, task, gf_task_words},
    {GF_SET_MODEL_DETECTOR, detector, gf_detector_words},
    {GF_SET_TRAIN_LOSS, loss, gf_loss_words},
    {GF_SET_TRAIN_CLASS_WEIGHT, class_weight, NULL},
    {GF_SET_DATA_LAYOUT, layout, gf_layout_words},
    {GF_SET_TRAIN_METRICS, metrics, gf_metric_words},
    {GF_SET_TRAIN_MAX_TIME, max_time, NULL},
    {GF_SET_TRAIN_FEATURE_CACHE, feature_cache, NULL},
    {GF_SET_TRAIN_PROBE_OPTIONS, gf_probe_options_check, gf_probe_options_words},
};

/* Fields of graft.h's structs that no row stands for. */
static const struct {
    const char *name;
    void (*words)(gf_text *text);
} fields[] = {{"model.weights", gf_weights_words}, {"model.model", gf_layer_words_help}};

graft_status gf_api_check_settings(const gf_settings *s, graft_error *err)
{
    for (size_t i = 0; i < sizeof grammars / sizeof *grammars; i++) {
        if (!gf_settings_given(s, grammars[i].row)) continue;
        GF_TRY(grammars[i].check(gf_settings_text(s, grammars[i].row), err));
    }
    return gf_clip_check(s, err);
}

static size_t copy_text(const gf_text *text, char *buf, size_t size)
{
    size_t n = text->failed ? 0 : text->n, kept = n < size ? n : size - 1;
    if (!buf || !size) return n;
    if (kept) memcpy(buf, text->s, kept);
    buf[kept] = '\0';
    return n;
}

size_t graft_option_words(const char *name, char *buf, size_t size)
{
    gf_setting row = name ? gf_setting_find(name) : GF_SETTING_NONE;
    gf_text text = {0};
    for (size_t i = 0; i < sizeof grammars / sizeof *grammars; i++) {
        if (grammars[i].row == row && grammars[i].words) grammars[i].words(&text);
    }
    for (size_t i = 0; name && i < sizeof fields / sizeof *fields; i++) {
        if (!strcmp(fields[i].name, name)) fields[i].words(&text);
    }
    size_t n = copy_text(&text, buf, size);
    gf_text_free(&text);
    return n;
}
