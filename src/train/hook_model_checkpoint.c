/* hook_model_checkpoint.c - the model of the best epoch, or of each, as a file of its own while the run goes on:
 * Keras's ModelCheckpoint; with `export` in another tool's format too. Values are compared as floats, as Keras does;
 * all phases are one row of epochs.
 *
 * The files follow from the values alone: a run that was killed writes those anew that come behind its checkpoint. */
#include "train/export_boxes.h"
#include "train/run.h"

#include "base/io.h"
#include "base/sys.h"
#include "exchange/export.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const gf_hook_class gf_hook_model_checkpoint;

enum { MONITOR, MODE, MIN_DELTA, INITIAL, KEEP, EVERY, FILE_NAME, EXPORT };
static const gf_argument arguments[] = {
    [MONITOR] = {"monitor", GF_ARG_WORD, "auto", 0, 0, NULL, GF_MONITOR_HELP},
    [MODE] = {"mode", GF_ARG_WORD, "auto", 0, 0, "auto|min|max", "which way is better; auto: as the metric says"},
    [MIN_DELTA] = {"min_delta", GF_ARG_REAL, "0", -1e12, 1e12, NULL, "better is better by more than this"},
    [INITIAL] = {"initial", GF_ARG_REAL, NULL, -1e12, 1e12, NULL, "what the first one has to be better than"},
    [KEEP] = {"keep", GF_ARG_WORD, "best", 0, 0, "best|all", "which epochs are written"},
    [EVERY] = {"every", GF_ARG_WHOLE, "1", 1, 1e6, NULL, "of all, each so many epochs"},
    [FILE_NAME] = {"file", GF_ARG_WORD, NULL, 0, 0, NULL,
                   "where to, {epoch} being the number; best.safetensors, or epoch-{epoch}.safetensors of all"},
    [EXPORT] = {"export", GF_ARG_WORD, NULL, 0, 0, NULL,
                "the same as FILE.onnx, .keras, .npz: as graft export writes it"},
};

typedef struct checkpoint_state {
    double best;
    int32_t seen; /* 1: best is an epoch's */
    int32_t reserved;
} checkpoint_state;

static bool keeps_all(const gf_hook *h) { return !strcmp(h->arguments.word[KEEP], "all"); }

static const char *file_of(const gf_hook *h)
{
    if (h->arguments.word[FILE_NAME]) return h->arguments.word[FILE_NAME];
    return keeps_all(h) ? "epoch-{epoch}.safetensors" : "best.safetensors";
}

/* The name's path, {epoch} being the number. */
static graft_status path_of(const gf_hook *h, const gf_run *r, const char *name, int epoch, char **path,
                            graft_error *err)
{
    static const char mark[] = "{epoch}";
    const char *at = strstr(name, mark);
    char *own = at ? gf_sprintf("%.*s%d%s", (int)(at - name), name, epoch, at + sizeof mark - 1) : gf_strdup(name);
    if (!own) return gf_fail_memory(err, strlen(name), "a file name");
    graft_status status = gf_hook_path(r, h, own, path, err);
    gf_free(own);
    return status;
}

static graft_status open_checkpoint(gf_hook *h, gf_run *r, graft_error *err)
{
    const char *export = h->arguments.word[EXPORT];
    char *path = NULL;
    gf_monitor *m = h->own = gf_new(gf_monitor);
    if (!m) return gf_fail_memory(err, sizeof *m, "a hook");
    if (!keeps_all(h)) GF_TRY(gf_hook_monitor(m, r, h, h->arguments.word[MONITOR], h->arguments.word[MODE], err));
    GF_TRY(path_of(h, r, file_of(h), 0, &path, err));
    gf_free(path);
    const gf_export_format *format = export ? gf_export_by_ending(export) : NULL;
    if (!export || (format && !format->folder)) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "as in export=best.onnx", "hook %s: %s: no format is known by that ending",
                   h->class->name, GF_ESC(export));
}

static void close_checkpoint(gf_hook *h) { gf_free(h->own); }

static void remove_at(const gf_hook *h, const gf_run *r, const char *name, int epoch)
{
    char *path = NULL;
    if (path_of(h, r, name, epoch, &path, NULL) == GRAFT_OK) gf_sys_unlink(path);
    gf_free(path);
}

/* What another run has left there is not taken for this one's. */
static graft_status begin(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)err;
    if (r->state.phase) return GRAFT_OK;
    for (int epoch = 1; epoch <= gf_phases_epochs(&r->phases); epoch++) {
        remove_at(h, r, file_of(h), epoch);
        if (h->arguments.word[EXPORT]) remove_at(h, r, h->arguments.word[EXPORT], epoch);
    }
    return GRAFT_OK;
}

static graft_status export_to(const gf_run *r, const char *path, graft_error *err)
{
    char *part = gf_sprintf("%s.part", path);
    if (!part) return gf_fail_memory(err, strlen(path), "a file name");
    gf_detector_export d;
    graft_status status = gf_detector_export_open(&d, r->model, r->facts, GF_BOXES_DECODED, err);
    const gf_export_what what = gf_detector_export_what(&d, r->facts);
    if (status == GRAFT_OK) status = gf_export_by_ending(path)->write(part, r->model, &what, err);
    gf_detector_export_close(&d);
    if (status == GRAFT_OK && gf_sys_rename(part, path)) {
        status = gf_fail(err, GF_E_IO_WRITE, NULL, "%s: cannot be renamed", GF_ESC(part));
    }
    if (status != GRAFT_OK) gf_sys_unlink(part);
    gf_free(part);
    return status;
}

static graft_status write_files(const gf_hook *h, gf_run *r, int epoch, graft_error *err)
{
    char *file = NULL, *export = NULL;
    graft_status status = GRAFT_OK;
    GF_GOTO(path_of(h, r, file_of(h), epoch, &file, err));
    GF_GOTO(gf_run_write_model(r, file, err));
    if (!h->arguments.word[EXPORT]) goto out;
    GF_GOTO(path_of(h, r, h->arguments.word[EXPORT], epoch, &export, err));
    GF_GOTO(export_to(r, export, err));
out:
    gf_free(file);
    gf_free(export);
    return status;
}

static bool wanted(const gf_hook *h, const gf_history_row *row)
{
    checkpoint_state *s = h->state;
    const double *a = h->arguments.number;
    if (keeps_all(h)) return row->epoch % (int32_t)a[EVERY] == 0;
    double value = gf_monitor_value(h->own, row), than = s->seen ? s->best : a[INITIAL];
    if (!gf_hook_improves(h->own, value, than, a[MIN_DELTA])) return false;
    s->best = value;
    s->seen = 1;
    return true;
}

static graft_status look(gf_hook *h, gf_run *r, const gf_history_row *row, graft_error *err)
{
    graft_error why = {0};
    graft_status status = wanted(h, row) ? write_files(h, r, row->epoch, &why) : GRAFT_OK;
    if (status == GRAFT_OK) return status;
    if (gf_is_stop(status) && err) *err = why;
    if (gf_is_stop(status)) return status;
    gf_log_say(r->host.log, GF_WARNING, "E%d: %s; training goes on without the model of epoch %d", why.number,
               why.message, row->epoch);
    return GRAFT_OK;
}

const gf_hook_class gf_hook_model_checkpoint = {
    .name = "model-checkpoint",
    .help = "the best epoch's model, or each, as a file while the run goes on (Keras's ModelCheckpoint)",
    .argument = arguments,
    .n_arguments = sizeof arguments / sizeof *arguments,
    .state_bytes = sizeof(checkpoint_state),
    .version = 1,
    .writes = true,
    .open = open_checkpoint,
    .begin_run = begin,
    .epoch = look,
    .close = close_checkpoint,
};
