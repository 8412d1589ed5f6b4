#include "api/internal.h"

#include "base/io.h"
#include "base/sys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void graft_context_defaults(graft_context_options *options)
{
    if (options) *options = (graft_context_options){0};
}

static void say(void *ctx, gf_log_level level, const char *text)
{
    gf_api_say(ctx, level == GF_WARNING ? GRAFT_WARNING : GRAFT_NOTE, text);
}

/* $XDG_CACHE_HOME/graft/NAME, or below ~/.cache; NULL where there is no home. */
static char *kept_path(const char *name)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char below[64];
    bool own = cache && *cache;
    snprintf(below, sizeof below, "%sgraft/%s", own ? "" : ".cache/", name);
    if (!own && !(home && *home)) return NULL;
    return gf_path_join(own ? cache : home, below);
}

/* The file's first line names the machine and the loops: what was measured with others does not hold. */
char *gf_api_kept(const char *name, const char *timed_by)
{
    enum { LARGEST = 1 << 20 };
    char *path = kept_path(name), *text = NULL;
    uint8_t *file;
    size_t n;
    if (path && gf_file_read(path, LARGEST, &file, &n, NULL) == GRAFT_OK) {
        size_t first = strlen(timed_by);
        bool same = n > first && !memcmp(file, timed_by, first) && file[first] == '\n';
        if (same) text = gf_strndup((char *)file + first + 1, n - first - 1);
        gf_free(file);
    }
    gf_free(path);
    return text;
}

void gf_api_keep(const char *name, const char *timed_by, const char *text)
{
    char *path = kept_path(name), *dir = path ? gf_strndup(path, (size_t)(strrchr(path, '/') - path)) : NULL;
    gf_bytes parts[] = {{timed_by, strlen(timed_by)}, {"\n", 1}, {text, strlen(text)}};
    if (dir && gf_make_dirs(dir, NULL) == GRAFT_OK) gf_file_write(path, parts, 3, NULL);
    gf_free(dir);
    gf_free(path);
}

static void load_choices(graft_context *c)
{
    char *text = gf_api_kept("choices", gf_ops_timed_by(c->ops));
    if (text) gf_ops_add_choices(c->ops, text);
    gf_free(text);
    c->choices_read = gf_ops_clear_choices_text(c->ops);
}

void gf_api_keep_choices(graft_context *c)
{
    char *now = gf_ops_clear_choices_text(c->ops);
    bool changed = now && (!c->choices_read || strcmp(now, c->choices_read));
    if (changed) gf_api_keep("choices", gf_ops_timed_by(c->ops), now);
    gf_free(now);
}

const char *graft_version(void) { return GRAFT_VERSION; }

uint32_t graft_abi(void)
{
    enum { SETS = 2 }; /* version nodes of cmake/exports.map */
    return SETS;
}

graft_status graft_context_open(const graft_context_options *options, graft_context **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(options, "options");
    graft_context *c = gf_new(graft_context);
    if (!c) return gf_fail_memory(err, sizeof *c, "a context");
    c->options = *options;
    gf_asked_begin(&c->asked);
    c->log = (gf_log){say, c};
    graft_status status = GRAFT_OK;
    enum { MOST_THREADS = 1024 };
    if (options->threads < 0 || options->threads > MOST_THREADS) {
        status =
            gf_fail(err, GF_E_OPTION_VALUE, NULL, "%d threads: wanted are 0 to %d", options->threads, MOST_THREADS);
        goto out;
    }
    GF_GOTO(gf_pool_create(&c->pool, options->threads, gf_ops_start_worker, err));
    GF_GOTO(gf_ops_create(&c->ops, NULL, err));
    load_choices(c);
out:
    if (status != GRAFT_OK) {
        graft_context_free(c);
    } else {
        *out = c;
    }
    return status;
}

void graft_context_free(graft_context *c)
{
    if (!c) return;
    gf_pool_destroy(c->pool);
    gf_ops_destroy(c->ops);
    gf_free(c->choices_read);
    gf_settings_free(c->settings);
    gf_asked_end(&c->asked);
    gf_free(c);
}

graft_status graft_context_settings(graft_context *c, const graft_settings *settings, graft_error *err)
{
    GF_NEEDS(c, "context");
    gf_settings *copy;
    GF_TRY(gf_api_check_settings(settings, err));
    GF_TRY(gf_settings_copy(&copy, settings, err));
    gf_settings_free(c->settings);
    c->settings = copy;
    return GRAFT_OK;
}

/* ---- progress and stops */

static graft_status ask(void *ctx) { return gf_api_ask(ctx); }

static graft_status look(void *ctx)
{
    graft_context *c = ctx;
    const double between = 0.05;
    double now = gf_sys_seconds();
    if (now - c->looked < between) return GRAFT_OK;
    c->looked = now;
    gf_api_show(c, &c->last);
    if (c->comm && c->comm->together)
        return c->comm->look(c->comm->self, c->comm->timeout, NULL); /* they stop at a step */
    return ask(ctx);
}

graft_progress gf_api_progress(graft_stage stage, int64_t done, int64_t total)
{
    return (graft_progress){.stage = stage,
                            .done = done,
                            .total = total,
                            .loss = NAN,
                            .accuracy = NAN,
                            .val_loss = NAN,
                            .val_accuracy = NAN,
                            .seconds_left = -1};
}

/* Of the metrics of 0.1's struct. */
static double by_name(const gf_metric_list *list, const double *value, const char *name)
{
    int i = gf_metric_list_find(list, name);
    return i < 0 || !value ? NAN : value[i];
}

void gf_api_measured(graft_context *c, graft_progress *p, const gf_metric_list *list, const double *value,
                     const double *validation)
{
    c->metrics = *list;
    for (size_t i = 0; i < list->n; i++) {
        const gf_metric *m = &c->metrics.item[i];
        c->metric[i] = (graft_metric){.size = sizeof(graft_metric),
                                      .better = m->cls->better == GF_BETTER_MAX   ? 1
                                                : m->cls->better == GF_BETTER_MIN ? -1
                                                                                  : 0,
                                      .share = m->cls->format == GF_METRIC_SHARE,
                                      .name = m->name,
                                      .title = m->title,
                                      .value = value[i],
                                      .validation = validation ? validation[i] : NAN};
    }
    p->loss = by_name(list, value, "loss");
    p->accuracy = by_name(list, value, "accuracy");
    p->val_loss = by_name(list, validation, "loss");
    p->val_accuracy = by_name(list, validation, "accuracy");
}

const graft_metric *graft_progress_metric(const graft_context *c, size_t i)
{
    return c && i < c->metrics.n ? &c->metric[i] : NULL;
}

const char *graft_progress_phase(const graft_context *c) { return c ? c->phase : NULL; }

void gf_api_watch(graft_context *c, gf_pool *pool) { gf_pool_watch(pool, &(gf_watch){look, c}); }

void gf_api_begin(graft_context *c, graft_stage stage)
{
    c->phase = NULL;
    c->last = gf_api_progress(stage, 0, 0);
    c->metrics.n = 0;
    c->looked = gf_sys_seconds();
    gf_api_watch(c, c->pool);
}

void gf_api_tell(graft_context *c, const graft_progress *p)
{
    if (p->stage != GRAFT_STAGE_EPOCH) c->last = *p; /* an epoch ends once: that is not said again while work goes on */
    c->looked = gf_sys_seconds();
    gf_api_show(c, p);
}

void gf_api_stage(graft_context *c, graft_stage stage)
{
    const graft_progress p = gf_api_progress(stage, 0, 0);
    c->metrics.n = 0;
    gf_api_tell(c, &p);
}

graft_status gf_api_stop_asked(graft_context *c, graft_error *err)
{
    graft_status asked = ask(c);
    if (asked != GRAFT_OK && err) *err = (graft_error){.status = asked};
    return asked;
}

graft_status gf_api_end(graft_status status, graft_error *err)
{
    if (gf_is_stop(status) && err && !err->message[0]) {
        *err = (graft_error){.status = status, .message = "stopped before it was done; nothing was written"};
    }
    return status;
}

static void run_progress(void *ctx, const gf_run_progress *p)
{
    graft_context *c = ctx;
    static const graft_stage stage[] = {
        [GF_RUN_PLANNING] = GRAFT_STAGE_PLAN,       [GF_RUN_TRAINING] = GRAFT_STAGE_TRAIN,
        [GF_RUN_EVALUATING] = GRAFT_STAGE_EVALUATE, [GF_RUN_EPOCH_END] = GRAFT_STAGE_EPOCH,
        [GF_RUN_REPORTING] = GRAFT_STAGE_REPORT,
    };
    graft_progress out = gf_api_progress(stage[p->stage], p->done, p->total);
    out.epoch = p->epoch;
    out.epochs = p->epochs;
    out.phase = p->phase;
    c->phase = p->phase_name;
    out.images_per_second = p->images_per_second;
    out.seconds_left = p->seconds_left;
    out.seconds = p->seconds;
    gf_api_measured(c, &out, p->metrics, p->value[GF_ON_TRAINING], p->value[GF_ON_VALIDATION]);
    gf_api_tell(c, &out);
}

gf_run_host gf_api_host(graft_context *c)
{
    return (gf_run_host){
        .pool = c->pool, .ops = c->ops, .log = &c->log, .progress = run_progress, .should_stop = ask, .ctx = c};
}
