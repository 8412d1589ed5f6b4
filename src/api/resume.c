/* resume.c - graft_resume: a run that was stopped goes on from its checkpoint; of one that had ended, what is missing
 * or damaged is made again. */
#include "api/evaluate.h"

#include "base/io.h"
#include "data/manifest.h"
#include "data/paths.h"
#include "report/report.h"
#include "train/checkpoint.h"
#include "train/decisions.h"
#include "train/folder.h"

#include <string.h>

/* What is different from the data that the run began with. */
static graft_status data_differs(const char *run, const graft_data *d, graft_error *err)
{
    enum { LARGEST = 1 << 30 };
    uint8_t *text = NULL;
    size_t n;
    char *path = gf_path_join(run, GF_FOLDER_DATA);
    graft_status status = path ? gf_file_read(path, LARGEST, &text, &n, err) : gf_fail_memory(err, 64, "a file name");
    if (status == GRAFT_OK) status = gf_manifest_check(d->data->index, text, n, path, err);
    gf_free(text);
    gf_free(path);
    if (status != GRAFT_OK) return status;
    return gf_fail(err, GF_E_DATA_DIFFERS, "put the data back as they were, or train anew",
                   "%s: the images are not those the run began with", GF_ESC(d->path));
}

static void take_options(graft_data_options *o, const gf_run_config *k)
{
    o->width = (int)k->width;
    o->height = (int)k->height;
    o->split[0] = k->split_train;
    o->split[1] = k->split_validation;
    o->split[2] = k->split_test;
    o->test_from_validation = k->test_from_validation;
    o->batch = (int)k->data_batch;
    o->seed = (uint64_t)k->data_seed;
    o->antialias = (int)k->antialias;
    o->cache = k->cache >= 0 && k->cache <= GRAFT_CACHE_NONE ? (graft_cache)k->cache : GRAFT_CACHE_AUTO;
    o->memory_limit = (uint64_t)k->memory_limit;
    o->skip_bad = (int)k->skip_bad;
    o->max_bad = k->max_bad;
    o->allow_truncated = (int)k->allow_truncated;
    o->ignore_exif = (int)k->ignore_exif;
    o->allow_empty_class = (int)k->allow_empty_class;
}

void gf_api_data_of_run(graft_data *d, const gf_run_config *k)
{
    d->path = k->data;
    d->boxes = gf_api_task_detects(k->settings);
    d->labels = gf_api_task_labels(k->settings);
    d->settings = k->settings;
    d->cache_dir = k->cache_dir;
    take_options(&d->options, k);
    d->options.cache_dir = k->cache_dir;
}

graft_status gf_api_open_run_data(graft_context *c, const char *run, const gf_run_config *k, const char *moved,
                                  const gf_names *classes, graft_data **out, graft_error *err)
{
    graft_data *d = *out = gf_new(graft_data);
    if (!d) return gf_fail_memory(err, sizeof *d, "a data set");
    d->context = c;
    d->path = gf_strdup(moved ? moved : k->data ? k->data : "");
    d->cache_dir = k->cache_dir ? gf_strdup(k->cache_dir) : NULL;
    if (!d->path) return gf_fail_memory(err, 64, "a data set");
    GF_TRY(gf_settings_copy(&d->settings, k->settings, err));
    d->boxes = gf_api_task_detects(k->settings);
    d->labels = gf_api_task_labels(k->settings);
    graft_data_defaults(&d->options);
    take_options(&d->options, k);
    GF_TRY(gf_api_data_open(d, classes, err));
    char hex[65];
    gf_sha256 digest;
    GF_TRY(gf_index_digest(d->data->index, &digest, err));
    gf_sha256_hex(&digest, hex);
    if (k->digest && !strcmp(hex, k->digest)) return GRAFT_OK;
    if (run) return data_differs(run, d, err);
    return gf_fail(err, GF_E_RANK_DIFFERS, "every rank reads the same data, under the same path",
                   "%s: its digest is %s, that of rank 0 is %s", GF_ESC(d->path), hex, k->digest ? k->digest : "none");
}

static graft_status same_machine(graft_context *c, const gf_run_config *k)
{
    if (k->machine && strcmp(k->machine, gf_ops_machine(c->ops))) {
        gf_log_say(&c->log, GF_WARNING, "the run began on another machine (%s, here %s): its last bits may differ",
                   GF_ESC(k->machine), gf_ops_machine(c->ops));
    }
    return GRAFT_OK;
}

typedef struct resumed {
    gf_run_config config;
    gf_model model;
    gf_model_facts facts;
    graft_data *data;
    gf_decisions decisions; /* as the run began */
    bool longer;            /* its epochs are others than it began with */
} resumed;

/* More epochs, as the context's settings ask for. */
static graft_status prolong(const graft_context *c, resumed *x, graft_error *err)
{
    gf_run_config *k = &x->config;
    int64_t epochs = k->epochs, tuned = k->fine_tune_epochs;
    bool given = gf_settings_given(c->settings, GF_SET_TRAIN_EPOCHS) ||
                 gf_settings_given(c->settings, GF_SET_TRAIN_FINE_TUNE_EPOCHS);
    if (given && gf_settings_text(k->settings, GF_SET_TRAIN_PHASES)) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL,
                       "the run's phases are a list (train.phases), whose length stays as it is");
    }
    if (gf_settings_given(c->settings, GF_SET_TRAIN_EPOCHS)) {
        k->epochs = gf_settings_whole(c->settings, GF_SET_TRAIN_EPOCHS);
    }
    if (gf_settings_given(c->settings, GF_SET_TRAIN_FINE_TUNE_EPOCHS)) {
        k->fine_tune_epochs = gf_settings_whole(c->settings, GF_SET_TRAIN_FINE_TUNE_EPOCHS);
    }
    x->longer = k->epochs != epochs || k->fine_tune_epochs != tuned;
    return x->longer ? gf_config_text(&k->phases, NULL, err) : GRAFT_OK; /* they follow from the options anew */
}

/* The run is as long as that from here on. One that graft 0.1 began becomes one of this version: it has not ended. */
static graft_status keep_length(graft_context *c, const char *dir, gf_run *r, resumed *x, graft_error *err)
{
    char *config = gf_path_join(dir, GF_FOLDER_CONFIG);
    if (!config) return gf_fail_memory(err, 64, "a file name");
    graft_status status = gf_run_tie(r, err);
    char *choices = gf_ops_choices_text(c->ops);
    if (status == GRAFT_OK && !choices) status = gf_fail_memory(err, 1024, "a configuration");
    if (status == GRAFT_OK) status = gf_config_text(&x->config.choices, choices, err);
    gf_free(choices);
    if (status == GRAFT_OK) status = gf_config_write(config, &x->config, err);
    if (status == GRAFT_OK) gf_folder_remove(dir, GF_FOLDER_LIST);
    gf_free(config);
    return status;
}

/* A damaged decisions.json costs nothing but itself: the checkpoint has them too. */
static graft_status read_decisions(graft_context *c, const char *dir, gf_decisions *d, graft_error *err)
{
    graft_error why = {0};
    char *path = gf_path_join(dir, GF_FOLDER_DECISIONS);
    if (!path) return gf_fail_memory(err, 64, "a file name");
    graft_status status = gf_decisions_read(d, path, &why);
    gf_free(path);
    if (status == GRAFT_RESOURCE && err) *err = why;
    if (status == GRAFT_OK || status == GRAFT_RESOURCE) return status;
    gf_log_say(&c->log, GF_WARNING, "E%d: %s", why.number, why.message);
    gf_decisions_free(d);
    return GRAFT_OK;
}

static graft_status take_up_and_go(graft_context *c, const char *dir, const char *data, resumed *x, graft_error *err)
{
    char *base = gf_path_join(dir, GF_FOLDER_BASE);
    if (!base) return gf_fail_memory(err, 64, "a file name");
    graft_status status = gf_run_check_base(dir, &x->config, err);
    if (status == GRAFT_OK) status = gf_model_file_read(&x->model, &x->facts, base, err);
    gf_free(base);
    GF_TRY(status);
    GF_TRY(same_machine(c, &x->config));
    if (x->config.choices) gf_ops_add_choices_of_run(c->ops, x->config.choices);
    GF_TRY(gf_api_open_run_data(c, dir, &x->config, data, &x->facts.classes, &x->data, err));
    GF_TRY(gf_api_data_for(x->data, &x->model, &x->facts, err));
    GF_TRY(read_decisions(c, dir, &x->decisions, err));
    gf_run_host host = gf_api_host(c);
    const gf_log log = {c->log.say, c->log.ctx, &x->decisions};
    host.log = &log;
    if (x->longer) gf_api_choose_boundary(&x->config, &x->model, &log);
    if (x->longer) GF_TRY(gf_api_make_choices(c, &x->config, &x->model, err));
    gf_run run;
    GF_TRY(gf_run_open(&run, &host, dir, &x->config, &x->model, &x->facts, x->data->data, err));
    status = gf_api_share_run(c, &run, true, data, err);
    if (status == GRAFT_OK) status = gf_run_restore(&run, err);
    if (status == GRAFT_OK && x->longer) status = keep_length(c, dir, &run, x, err);
    if (status == GRAFT_OK) status = gf_run_train(&run, err);
    gf_api_end_sharing(c, status, err);
    gf_run_close(&run);
    return status;
}

static bool has_file(const char *dir, const char *name)
{
    char *path = gf_path_join(dir, name);
    bool there = path && gf_is_file(path);
    gf_free(path);
    return there;
}

/* A run of graft 0.1, which left no list, has ended where its files are there and can be read. */
static bool ended_by_0_1(const char *run, const gf_run_config *k)
{
    gf_model m;
    gf_model_facts f;
    if (k->base_digest) return false; /* a later graft's: not ended yet */
    bool page = !k->report || (has_file(run, GF_REPORT_PAGE) && has_file(run, GF_REPORT_HISTORY));
    if (!page || !has_file(run, GF_FOLDER_MODEL) || !has_file(run, GF_REPORT_METRICS)) return false;
    char *path = gf_path_join(run, GF_FOLDER_MODEL);
    bool good = path && gf_model_file_read(&m, &f, path, NULL) == GRAFT_OK;
    gf_free(path);
    if (!good) return false;
    gf_model_free(&m);
    gf_model_facts_free(&f);
    graft_result *result = NULL;
    good = gf_api_run_result(run, &result, NULL) == GRAFT_OK;
    graft_result_free(result);
    return good;
}

/* Class names alone are made again from the model; for the rest the run's end is done once more, from its last state.
 */
static graft_status mend(graft_context *c, const char *run, const gf_names *broken, const gf_run_config *k, bool *whole,
                         graft_error *err)
{
    char *model = gf_path_join(run, GF_FOLDER_MODEL), *checkpoints = gf_path_join(run, GF_FOLDER_CHECKPOINTS);
    graft_status status = model && checkpoints ? GRAFT_OK : gf_fail_memory(err, 64, "a file name");
    *whole = false;
    for (size_t i = 0; i < broken->n; i++) { /* what would be read again; the checkpoint has them too */
        if (!strcmp(broken->item[i], GF_FOLDER_DECISIONS)) gf_folder_remove(run, GF_FOLDER_DECISIONS);
    }
    if (status == GRAFT_OK && broken->n == 1 && !strcmp(broken->item[0], GF_FOLDER_CLASSES)) {
        gf_model m;
        gf_model_facts f;
        GF_GOTO(gf_model_file_read(&m, &f, model, err));
        status = gf_run_write_classes(run, &f.classes, err);
        gf_model_free(&m);
        gf_model_facts_free(&f);
        *whole = true;
    } else if (status == GRAFT_OK && k->epochs + k->fine_tune_epochs && !gf_checkpoint_exists(checkpoints)) {
        status = gf_fail(err, GF_E_CHECKPOINT_NONE, "put the file back; `graft train --force` begins anew",
                         "%s: %s is missing or damaged, and %s holds no checkpoint to make it again from", GF_ESC(run),
                         GF_ESC(broken->item[0]), GF_FOLDER_CHECKPOINTS);
    }
    if (status == GRAFT_OK) {
        gf_log_say(&c->log, GF_NOTE, "%s: made again from %s",
                   broken->n == 1 ? GF_ESC(broken->item[0]) : "these files are",
                   *whole ? GF_FOLDER_MODEL : GF_FOLDER_CHECKPOINTS);
    }
out:
    gf_free(model);
    gf_free(checkpoints);
    return status;
}

/* A run that has ended goes on from its last checkpoint: never from its beginning. */
static graft_status check_state(const char *run, graft_error *err)
{
    char *checkpoints = gf_path_join(run, GF_FOLDER_CHECKPOINTS);
    if (!checkpoints) return gf_fail_memory(err, 64, "a file name");
    bool there = gf_checkpoint_exists(checkpoints);
    gf_free(checkpoints);
    if (there) return GRAFT_OK;
    return gf_fail(err, GF_E_CHECKPOINT_NONE, "train a new run from its model: graft train DATA --model RUN",
                   "%s: its checkpoints are gone; it has ended and cannot be given more epochs", GF_ESC(run));
}

static graft_status resume(graft_context *c, const char *run, const char *data, graft_result **out, graft_error *err)
{
    resumed x = {0};
    int lock = -1;
    graft_status status = GRAFT_OK;
    gf_folder_state state;
    gf_names broken = {0};
    char *path = gf_path_join(run, GF_FOLDER_CONFIG);
    if (!path) return gf_fail_memory(err, 64, "a file name");
    if (!gf_is_file(path)) {
        GF_GOTO(gf_fail(err, GF_E_NOT_A_RUN,
                        "give the folder that graft train wrote; a run that was stopped before it had one is started "
                        "again by the same graft train",
                        "%s: not a run folder: no config.json in it", GF_ESC(run)));
    }
    GF_GOTO(gf_lock_dir(run, &lock, err));
    GF_GOTO(gf_config_read(&x.config, path, err));
    GF_GOTO(gf_folder_check(run, &state, &broken, &c->log, err));
    GF_GOTO(prolong(c, &x, err));
    bool whole = state == GF_FOLDER_WHOLE || (state == GF_FOLDER_OPEN && ended_by_0_1(run, &x.config));
    if (broken.n) GF_GOTO(mend(c, run, &broken, &x.config, &whole, err));
    if (whole && x.longer) GF_GOTO(check_state(run, err));
    if (!whole || x.longer) GF_GOTO(take_up_and_go(c, run, data, &x, err));
    gf_folder_remove_tmp(run);
    GF_GOTO(gf_api_run_result(run, out, err));
out:
    gf_unlock(lock);
    gf_free(path);
    gf_names_free(&broken);
    graft_data_free(x.data);
    gf_model_free(&x.model);
    gf_model_facts_free(&x.facts);
    gf_config_free(&x.config);
    gf_decisions_free(&x.decisions);
    return status;
}

graft_status graft_resume(graft_context *c, const char *run, const char *data, graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(c, "context");
    GF_NEEDS(run, "run");
    gf_api_begin(c, GRAFT_STAGE_PLAN);
    return gf_api_end(resume(c, run, data, out, err), err);
}
