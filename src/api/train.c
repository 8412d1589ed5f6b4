/* train.c - graft_train: options into a run's config, what is checked before, the run. */
#include "api/internal.h"

#include "base/io.h"
#include "base/sys.h"
#include "data/paths.h"
#include "text/utf8.h"
#include "train/decisions.h"
#include "train/folder.h"
#include "zoo/zoo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

void graft_train_defaults(graft_train_options *o)
{
    if (!o) return;
    *o = (graft_train_options){.batch = 32,
                               .epochs = 10,
                               .fine_tune_epochs = 10,
                               .lr = 1e-4,
                               .optimizer = "adam",
                               .fine_tune_optimizer = "rmsprop",
                               .augment = gf_settings_text(NULL, GF_SET_TRAIN_AUGMENT),
                               .on_nan = "stop",
                               .checkpoint_seconds = 60,
                               .report = 1};
}

static const char *text_or(const char *s, const char *fallback) { return s ? s : fallback; }

/* ---- options */

static graft_status check_numbers(const graft_train_options *o, graft_error *err)
{
    const struct {
        const char *name;
        double value, low, high;
    } row[] = {
        {"batch", o->batch, 1, 4096},
        {"epochs", o->epochs, 0, 100000},
        {"fine-tune-epochs", o->fine_tune_epochs, 0, 100000},
        {"lr", o->lr, 1e-12, 100},
        {"fine-tune-lr", o->fine_tune_lr ? o->fine_tune_lr : 1, 1e-12, 100},
        {"checkpoint-seconds", o->checkpoint_seconds, 0, 86400},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (row[i].value >= row[i].low && row[i].value <= row[i].high) continue;
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s %g: wanted is %g to %g", row[i].name, row[i].value, row[i].low,
                       row[i].high);
    }
    return GRAFT_OK;
}

static graft_status check_out(const graft_train_options *o, graft_error *err)
{
    if (!o->out || !*o->out) return gf_fail(err, GF_E_OPTION_VALUE, "--out runs/NAME", "no run folder was given");
    if (!gf_is_dir(o->out)) {
        struct stat st;
        if (gf_sys_stat(o->out, &st)) return GRAFT_OK; /* it will be made */
        return gf_fail(err, GF_E_OUT_EXISTS, "choose another --out", "%s: is there and is no folder", GF_ESC(o->out));
    }
    gf_names names;
    GF_TRY(gf_dir_list(o->out, &names, err));
    bool empty = true;
    for (size_t i = 0; i < names.n; i++) empty = empty && !strcmp(names.item[i], ".lock");
    gf_names_free(&names);
    if (empty || o->force || gf_folder_not_begun(o->out)) return GRAFT_OK;
    return gf_fail(err, GF_E_OUT_EXISTS, "choose another --out, resume it (graft resume), or replace it with --force",
                   "%s: the run folder is there and not empty", GF_ESC(o->out));
}

static graft_status check_batch_norm(const char *text, graft_error *err)
{
    if (!text || !strcmp(text, "fixed") || !strcmp(text, "batch")) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "fixed or batch", "batch-norm %s is not known", GF_ESC(text));
}

graft_status graft_train_check(const graft_train_options *o, graft_error *err)
{
    GF_NEEDS(o, "options");
    gf_augment_spec augment;
    gf_optimizer optimizer;
    gf_nan_policy policy;
    GF_TRY(check_numbers(o, err));
    GF_TRY(gf_optimizer_parse(&optimizer, text_or(o->optimizer, "adam"), err));
    GF_TRY(gf_optimizer_parse(&optimizer, text_or(o->fine_tune_optimizer, "rmsprop"), err));
    GF_TRY(gf_augment_parse(gf_api_text_or(o->augment, GF_SET_TRAIN_AUGMENT), &augment, err));
    GF_TRY(gf_nan_policy_parse(&policy, o->on_nan, err));
    GF_TRY(check_batch_norm(o->batch_norm, err));
    return check_out(o, err);
}

static graft_status fill_data(gf_run_config *c, const graft_data *d, graft_error *err)
{
    const graft_data_options *o = &d->options;
    char hex[65];
    gf_sha256 digest;
    GF_TRY(gf_index_digest(d->data->index, &digest, err));
    gf_sha256_hex(&digest, hex);
    GF_TRY(gf_config_text(&c->data, d->path, err));
    GF_TRY(gf_config_text(&c->digest, hex, err));
    GF_TRY(gf_config_text(&c->cache_dir, d->cache_dir, err));
    c->split_train = o->split[0];
    c->split_validation = o->split[1];
    c->split_test = o->split[2];
    c->test_from_validation = o->test_from_validation;
    c->data_batch = o->batch;
    c->data_seed = (int64_t)o->seed;
    c->antialias = o->antialias;
    c->cache = (int64_t)o->cache;
    c->memory_limit = (int64_t)o->memory_limit;
    c->skip_bad = o->skip_bad;
    c->max_bad = o->max_bad;
    c->allow_truncated = o->allow_truncated;
    c->ignore_exif = o->ignore_exif;
    c->allow_empty_class = o->allow_empty_class;
    return GRAFT_OK;
}

/* Random changes, where none were asked for: those of a detector keep what lies outside gray, so that no object is
 * there that nothing labels. */
static const char *changes(const graft_context *context, const graft_train_options *o)
{
    static const char of_boxes[] =
        "flip,zoom=0.3:fill=114,shift=0.1:fill=114,brightness=0.15,contrast=0.3,saturation=0.4";
    const char *asked = gf_api_text_or(o->augment, GF_SET_TRAIN_AUGMENT);
    bool own = gf_settings_given(context->settings, GF_SET_TRAIN_AUGMENT) ||
               strcmp(asked, gf_settings_text(NULL, GF_SET_TRAIN_AUGMENT)) != 0;
    if (own || !gf_api_detects(context)) return asked;
    gf_decide(&context->log, "random changes", of_boxes, "those of labelled boxes; --augment says others");
    return of_boxes;
}

static graft_status fill_train(gf_run_config *c, const graft_context *context, const graft_train_options *o,
                               graft_error *err)
{
    const double tenth = 0.1;
    GF_TRY(gf_config_text(&c->optimizer, text_or(o->optimizer, "adam"), err));
    GF_TRY(gf_config_text(&c->fine_tune_optimizer, text_or(o->fine_tune_optimizer, "rmsprop"), err));
    GF_TRY(gf_config_text(&c->augment, changes(context, o), err));
    GF_TRY(gf_config_text(&c->on_nan, text_or(o->on_nan, "stop"), err));
    GF_TRY(gf_config_text(&c->command_line, o->command_line, err));
    GF_TRY(gf_config_text(&c->phases, NULL, err)); /* of a run before this one */
    c->batch = o->batch;
    c->epochs = o->epochs;
    c->fine_tune_epochs = o->fine_tune_epochs;
    c->lr = o->lr;
    c->fine_tune_lr = o->fine_tune_lr ? o->fine_tune_lr : tenth * o->lr;
    c->seed = (int64_t)o->seed;
    c->checkpoint_seconds = o->checkpoint_seconds;
    c->report = o->report;
    return GRAFT_OK;
}

/* The context's settings, but of the data those that they were opened with. */
static graft_status fill_settings(gf_run_config *c, const graft_model *m, const graft_data *d, graft_error *err)
{
    gf_settings *s = gf_settings_new();
    if (!s) return gf_fail_memory(err, 1024, "a configuration");
    graft_status status = gf_settings_take(s, m->context->settings, "", err);
    if (status == GRAFT_OK && m->task) status = gf_settings_set(s, "train.task", m->task->name, err);
    if (status == GRAFT_OK) status = gf_settings_take(s, d->settings, "data.", err);
    if (status == GRAFT_OK) status = gf_settings_take(s, d->settings, "image.", err);
    gf_settings_free(c->settings);
    c->settings = s;
    return status;
}

static graft_status fill_versions(gf_run_config *c, graft_context *context, graft_error *err)
{
    char *choices = gf_ops_choices_text(context->ops);
    if (!choices) return gf_fail_memory(err, 1024, "a configuration");
    graft_status status = gf_config_text(&c->choices, choices, err);
    gf_free(choices);
    if (status == GRAFT_OK) status = gf_config_text(&c->graft, GRAFT_VERSION, err);
    return status == GRAFT_OK ? gf_config_text(&c->machine, gf_ops_machine(context->ops), err) : status;
}

/* ---- the run folder */

/* D3, D4: what would stop a run at its end is found before it begins. */
static graft_status check_disk(graft_context *c, const char *dir, const gf_model *m, graft_error *err)
{
    struct statvfs fs;
    if (access(dir, W_OK | X_OK)) return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be written to", dir);
    if (statvfs(dir, &fs)) return GRAFT_OK;
    double have = (double)fs.f_bavail * (double)fs.f_frsize, values = (double)m->n_values * sizeof(float);
    double one = 5 * values,
           all = 2 * one + 2 * values; /* parameters, best, up to three slots; two generations; base and model */
    const double mb = 1e6;
    if (have < one) {
        return gf_fail(err, GF_E_NO_SPACE, "free some space, or choose another --out",
                       "%s: %.0f MB are free, one checkpoint takes up to %.0f MB", GF_ESC(dir), have / mb, one / mb);
    }
    if (have < all) {
        gf_log_say(&c->log, GF_WARNING, "%s: %.0f MB are free, checkpoints and model take up to %.0f MB", GF_ESC(dir),
                   have / mb, all / mb);
    }
    return GRAFT_OK;
}

/* The output must not lie in a class folder of the data, where its images would become data. */
static graft_status check_apart(const char *dir, const graft_data *d, graft_error *err)
{
    char *real;
    gf_real_path(dir, &real, NULL);
    size_t n = strlen(d->path);
    bool inside = real && !strncmp(real, d->path, n) && (real[n] == 0 || real[n] == '/');
    gf_free(real);
    if (!inside) return GRAFT_OK;
    return gf_fail(err, GF_E_OUT_EXISTS, "choose an --out outside of the data", "%s: lies in the data folder %s",
                   GF_ESC(dir), GF_ESC(d->path));
}

/* ---- train */

/* What hangs on the network where it was left open. */
static void say_defaults(const graft_model *m, const graft_train_options *o)
{
    char size[64];
    bool texts = gf_api_is_of_texts(&m->model);
    snprintf(size, sizeof size, "%lldx%lld", (long long)m->config.width, (long long)m->config.height);
    if (m->facts.fit.kind == GF_FIT_PAD && !gf_settings_given(m->context->settings, GF_SET_DATA_FIT)) {
        gf_decide(&m->log, "image geometry", "pad", "objects keep their proportions; --fit stretch fills the input");
    } else if (!texts && !gf_settings_given(m->context->settings, GF_SET_DATA_FIT)) {
        gf_decide(&m->log, "image geometry", "stretch",
                  "as Keras does; --fit crop or pad keeps an image's proportions");
    }
    if (m->own_size && !texts) gf_decide(&m->log, "image size", size, "the network's own; none was given");
    if (m->from_run && (m->was_antialias != m->facts.antialias || m->was_ignore_exif != m->facts.ignore_exif)) {
        gf_log_say(&m->log, GF_WARNING, "the model that this one begins with was trained %s --antialias, %s --no-exif",
                   m->was_antialias ? "with" : "without", m->was_ignore_exif ? "with" : "without");
    }
    if (o->batch_norm || texts) return;
    gf_decide(&m->log, "batch norm", m->config.batch_norm,
              m->random ? "the backbone starts from random values" : "its statistics came with the weights");
}

/* A list of phases says where each begins. */
static graft_status check_phases(const gf_run_config *k, const gf_model *m, graft_error *err)
{
    if (!gf_settings_text(k->settings, GF_SET_TRAIN_PHASES)) return GRAFT_OK;
    if (k->fine_tune_at >= 0) {
        return gf_fail(err, GF_E_OPTION_VALUE, "leave one of them out",
                       "train.phases lists all phases: there is no other for fine_tune_at");
    }
    gf_phases phases;
    GF_TRY(gf_phases_of(&phases, k, m, err));
    int64_t epochs = gf_phases_epochs(&phases);
    gf_phases_free(&phases);
    return epochs ? GRAFT_OK : gf_fail(err, GF_E_OPTION_VALUE, NULL, "train.phases: no phase has an epoch");
}

/* Boxes move with their images by maps alone: known before anything is written. */
static graft_status check_changes(const graft_context *context, const gf_run_config *k, const gf_model *m,
                                  graft_error *err)
{
    gf_phases phases;
    if (!gf_api_detects(context)) return GRAFT_OK;
    GF_TRY(gf_phases_of(&phases, k, m, err));
    const char *word = NULL;
    for (size_t i = 0; i < phases.n && !word; i++)
        word = phases.item[i].epochs ? gf_augment_unmapped(&phases.item[i].augment_parsed) : NULL;
    graft_status status =
        word ? gf_fail(err, GF_E_OPTION_VALUE, "graft's own flip, zoom, shift, rotate, resized-crop .. move boxes, too",
                       "augment: boxes cannot follow an image through %s", GF_ESC(word))
             : GRAFT_OK;
    gf_phases_free(&phases);
    return status;
}

void gf_api_choose_boundary(gf_run_config *k, const gf_model *m, const gf_log *log)
{
    const gf_architecture *a = gf_zoo_find(k->architecture);
    int layers = (int)gf_model_backbone_layers(m);
    bool listed = gf_settings_text(k->settings, GF_SET_TRAIN_PHASES);
    if (listed || !k->fine_tune_epochs || k->fine_tune_at >= 0) return;
    k->fine_tune_at = a && a->fine_tune_at < layers ? a->fine_tune_at : 2 * layers / 3;
    char layer[32];
    snprintf(layer, sizeof layer, "%lld", (long long)k->fine_tune_at);
    gf_decide(log, "fine-tuning begins at layer", layer, "of %d; none was given", layers);
}

/* A model keeps its classes' names as JSON, which has no other bytes. */
static graft_status check_names(const gf_names *classes, graft_error *err)
{
    for (size_t i = 0; i < classes->n; i++) {
        const char *name = classes->item[i];
        size_t n = strlen(name);
        if (gf_utf8_valid((const uint8_t *)name, n) == n) continue;
        return gf_fail(err, GF_E_DATA_CLASS_NAME, "rename its folder", "class %s: its name is not UTF-8", GF_ESC(name));
    }
    return GRAFT_OK;
}

static graft_status resolve(graft_model *m, graft_data *d, const graft_train_options *o, graft_error *err)
{
    const gf_names *classes = &d->data->index->classes;
    if (m->config.width != d->options.width || m->config.height != d->options.height) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL,
                       "the model takes images of %lldx%lld, the data were opened at %dx%d", (long long)m->config.width,
                       (long long)m->config.height, d->options.width, d->options.height);
    }
    GF_TRY(check_names(classes, err));
    GF_TRY(gf_api_data_for(d, &m->model, &m->facts, err));
    GF_TRY(gf_api_choose_task(m, d, err));
    GF_TRY(gf_api_set_classes(m, classes, err));
    m->facts.antialias = d->options.antialias;
    m->facts.ignore_exif = d->options.ignore_exif;
    m->facts.fast_dct = gf_settings_choice(d->settings, GF_SET_DATA_DECODE) == 1;
    GF_TRY(gf_data_fit(&m->facts.fit, d->settings, err));
    GF_TRY(fill_data(&m->config, d, err));
    GF_TRY(fill_train(&m->config, m->context, o, err));
    bool texts = gf_api_is_of_texts(&m->model);
    if (texts && !strcmp(m->config.augment, gf_settings_text(NULL, GF_SET_TRAIN_AUGMENT))) {
        GF_TRY(gf_config_text(&m->config.augment, "none", err));
    }
    GF_TRY(fill_settings(&m->config, m, d, err));
    GF_TRY(gf_config_text(&m->config.batch_norm, text_or(o->batch_norm, m->random ? "batch" : "fixed"), err));
    say_defaults(m, o);
    bool measures = gf_config_uses_batch_stats(&m->config) || gf_config_head(&m->config).norms;
    if (measures && o->batch == 1) {
        gf_log_say(&m->context->log, GF_WARNING, "batches of one image: batch normalisation measures each by itself");
    }
    GF_TRY(check_phases(&m->config, &m->model, err));
    gf_api_choose_boundary(&m->config, &m->model, &m->log);
    GF_TRY(check_changes(m->context, &m->config, &m->model, err));
    return gf_api_resolve_precision(m, err);
}

/* Calls fn with each phase that has epochs, the model's boundary being the phase's. */
static graft_status each_phase(graft_context *c, const gf_run_config *k, gf_model *m,
                               graft_status (*fn)(graft_context *c, gf_model *m, const gf_engine_spec *spec,
                                                  graft_error *err),
                               graft_error *err)
{
    gf_phases phases;
    int boundary = m->boundary;
    GF_TRY(gf_phases_of(&phases, k, m, err));
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < phases.n && status == GRAFT_OK; i++) {
        if (!phases.item[i].epochs) continue;
        gf_engine_spec spec = gf_run_engine_spec(k, &phases.item[i]);
        m->boundary = phases.item[i].boundary;
        status = fn(c, m, &spec, err);
    }
    m->boundary = boundary;
    gf_phases_free(&phases);
    return status;
}

static graft_status make_plan(graft_context *c, gf_model *m, const gf_engine_spec *spec, graft_error *err)
{
    gf_engine *e = NULL;
    if (spec->dtype == GF_F32 && !spec->int8_layers) return GRAFT_OK;
    graft_status status = gf_engine_create(&e, m, c->ops, c->pool, spec, err);
    gf_engine_destroy(e);
    return status;
}

graft_status gf_api_make_choices(graft_context *c, const gf_run_config *k, gf_model *m, graft_error *err)
{
    return each_phase(c, k, m, make_plan, err);
}

static graft_status fits(graft_context *c, gf_model *m, const gf_engine_spec *spec, graft_error *err)
{
    bool frozen = m->boundary == (int)gf_model_backbone_layers(m);
    return frozen ? GRAFT_OK : gf_engine_fits(m, c->ops, c->pool, spec, err);
}

/* What fine-tuning takes is known before the first epoch, not after the last one of the head. */
static graft_status check_memory(graft_context *c, const gf_run_config *k, gf_model *m, graft_error *err)
{
    return each_phase(c, k, m, fits, err);
}

static graft_status begin_and_go(graft_model *m, graft_data *d, const char *dir, graft_error *err)
{
    gf_run_host host = gf_api_host(m->context);
    gf_run run;
    GF_TRY(gf_decisions_merge(&m->decisions, &d->decisions, err));
    host.log = &m->log;
    GF_TRY(gf_run_open(&run, &host, dir, &m->config, &m->model, &m->facts, d->data, err));
    graft_status status = gf_run_begin(&run, err);
    if (status == GRAFT_OK) {
        m->half_trained = true;
        status = gf_api_share_run(m->context, &run, false, NULL, err);
        if (status == GRAFT_OK) status = gf_run_train(&run, err);
        m->half_trained = status != GRAFT_OK;
    }
    gf_api_end_sharing(m->context, status, err);
    gf_run_close(&run);
    return status;
}

static graft_status train(graft_model *m, graft_data *d, const graft_train_options *options, graft_result **out,
                          graft_error *err)
{
    const graft_train_options with = gf_api_train_options(m->context, options), *o = &with;
    int lock = -1;
    graft_status status = GRAFT_OK;
    GF_TRY(graft_train_check(o, err));
    GF_TRY(gf_api_check_run_out(m, o->out, err));
    GF_TRY(resolve(m, d, o, err));
    if (d->data->index->first[1] == 0) {
        return gf_fail(err, GF_E_DATA_NOT_FOUND, NULL, "%s: there is no training image", GF_ESC(d->path));
    }
    GF_GOTO(gf_make_dirs(o->out, err));
    GF_GOTO(gf_lock_dir(o->out, &lock, err));
    GF_GOTO(check_apart(o->out, d, err));
    GF_GOTO(check_disk(m->context, o->out, &m->model, err));
    gf_api_stage(m->context, GRAFT_STAGE_PLAN);
    GF_GOTO(gf_api_choose_frozen_for(m, d, err));
    GF_GOTO(check_memory(m->context, &m->config, &m->model, err));
    GF_GOTO(gf_api_make_choices(m->context, &m->config, &m->model, err));
    GF_GOTO(fill_versions(&m->config, m->context, err));
    gf_api_keep_choices(m->context);
    if (gf_settings_flag(m->config.settings, GF_SET_TRAIN_FIND_LR)) {
        GF_GOTO(gf_api_find_lr(m, d, o->out, out, err));
        goto out;
    }
    gf_folder_clear(o->out);
    GF_GOTO(begin_and_go(m, d, o->out, err));
    m->trained = true;
    GF_GOTO(gf_api_run_result(o->out, out, err));
out:
    gf_unlock(lock);
    return status;
}

graft_status graft_train(graft_model *m, graft_data *d, const graft_train_options *options, graft_result **out,
                         graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(m, "model");
    GF_NEEDS(d, "data");
    GF_NEEDS(options, "options");
    GF_TRY(gf_api_whole(m, err));
    gf_api_drop_session(m);
    gf_api_begin(m->context, GRAFT_STAGE_PLAN);
    return gf_api_end(train(m, d, options, out, err), err);
}
