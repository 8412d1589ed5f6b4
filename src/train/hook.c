#include "train/hook.h"

#include "train/run.h"

#include "base/decide.h"
#include "train/folder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the list */

static const char *name_at(size_t i)
{
    const gf_hook_class *class = gf_hook_class_at(i);
    return !class ? NULL : class->always ? "" : class->name;
}

/* The second hook of a kind has other sections than the first. */
static void name_sections(const gf_hooks *hooks, gf_hook *h)
{
    int before = 0;
    for (size_t i = 0; &hooks->item[i] != h; i++) before += hooks->item[i].class == h->class;
    const gf_hook_class *c = h->class;
    char number[16] = "";
    if (before) snprintf(number, sizeof number, ".%d", before + 1);
    snprintf(h->section, sizeof h->section, "%s%.20s%s", c->section ? "" : "hook.", c->section ? c->section : c->name,
             number);
    if (c->values_section) {
        snprintf(h->values_section, sizeof h->values_section, "%.30s%s", c->values_section, number);
    } else {
        snprintf(h->values_section, sizeof h->values_section, "%.30s.values", h->section);
    }
}

static graft_status add(gf_hooks *hooks, const gf_hook_class *class, const char *text, size_t n, graft_error *err)
{
    if (hooks->n == GF_MOST_HOOKS)
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "there are more than %d hooks", GF_MOST_HOOKS);
    if (!gf_grow(&hooks->item, hooks->n, &hooks->cap)) return gf_fail_memory(err, sizeof(gf_hook), "a hook");
    gf_hook *h = &hooks->item[hooks->n];
    *h = (gf_hook){.class = class};
    GF_TRY(gf_arguments_parse(&h->arguments, "hook", class->name, class->argument, class->n_arguments, text, n, err));
    hooks->n++;
    name_sections(hooks, h);
    return GRAFT_OK;
}

/* Where the hook that begins at `at` ends: before a comma whose next word is no KEY=VALUE of it. */
static const char *end_of(const char *at)
{
    for (const char *end = at + strcspn(at, ",");; end += 1 + strcspn(end + 1, ",")) {
        if (!*end) return end;
        size_t word = strcspn(end + 1, ",:=");
        if (end[1 + word] != '=') return end;
    }
}

static graft_status parse(gf_hooks *hooks, const char *text, graft_error *err)
{
    for (const char *at = text; at && *at;) {
        const char *end = end_of(at);
        size_t name = strcspn(at, ":,");
        const char *arguments = at + name + (at[name] == ':');
        if (arguments > end) arguments = end;
        size_t kind = gf_name_find(name_at, at, name);
        if (kind == SIZE_MAX) return gf_name_fail(GF_E_OPTION_VALUE, "hook", name_at, at, name, err);
        GF_TRY(add(hooks, gf_hook_class_at(kind), arguments, (size_t)(end - arguments), err));
        at = *end ? end + 1 : NULL;
    }
    return GRAFT_OK;
}

static graft_status open_hook(gf_hook *h, gf_run *r, graft_error *err)
{
    const gf_hook_class *c = h->class;
    size_t bytes = r->kept.count * sizeof *h->values;
    if (c->state_bytes) {
        h->state = gf_alloc(1, c->state_bytes);
        if (!h->state) return gf_fail_memory(err, c->state_bytes, "a hook");
    }
    if (c->keeps_values && c->keeps_values(h)) {
        h->values = gf_alloc_tensor(bytes);
        if (!h->values) return gf_fail_memory(err, bytes, "a hook's copy of the parameters");
        gf_kept_take(&r->kept, r->model, h->values);
    }
    return c->open ? c->open(h, r, err) : GRAFT_OK;
}

graft_status gf_hooks_open(gf_hooks *hooks, const char *text, gf_run *r, graft_error *err)
{
    const gf_hook_class *class;
    *hooks = (gf_hooks){0};
    graft_status status = GRAFT_OK;
    for (size_t i = 0; (class = gf_hook_class_at(i)) && status == GRAFT_OK; i++) {
        if (class->always) status = add(hooks, class, "", 0, err);
    }
    if (status == GRAFT_OK) status = parse(hooks, text, err);
    for (size_t i = 0; i < hooks->n && status == GRAFT_OK; i++) status = open_hook(&hooks->item[i], r, err);
    if (status != GRAFT_OK) gf_hooks_close(hooks);
    return status;
}

void gf_hooks_close(gf_hooks *hooks)
{
    for (size_t i = 0; i < hooks->n; i++) {
        gf_hook *h = &hooks->item[i];
        if (h->class->close) h->class->close(h);
        gf_arguments_free(&h->arguments);
        gf_free(h->state);
        gf_free(h->values);
    }
    gf_free(hooks->item);
    *hooks = (gf_hooks){0};
}

graft_status gf_hooks_check(const char *text, graft_error *err)
{
    gf_hooks hooks = {0};
    graft_status status = parse(&hooks, text, err);
    gf_hooks_close(&hooks);
    return status;
}

void gf_hooks_words(gf_text *text)
{
    const gf_hook_class *c;
    for (size_t i = 0; (c = gf_hook_class_at(i)); i++) {
        if (!c->always) gf_arguments_words(text, c->name, c->help, c->argument, c->n_arguments);
    }
}

/* What "auto" is. */
static const char *default_column(const gf_run *r)
{
    const char *asked = gf_settings_text(r->config->settings, GF_SET_TRAIN_MONITOR);
    if (asked) return asked;
    if (gf_run_split(r, GF_VALIDATION, NULL)) return "val_loss";
    gf_decide(r->host.log, "monitor", "loss", "there is no validation set to look at");
    return "loss";
}

graft_status gf_hook_monitor(gf_monitor *out, const gf_run *r, gf_hook *h, const char *column, const char *mode,
                             graft_error *err)
{
    if (!strcmp(column, "auto")) column = default_column(r);
    GF_TRY(gf_monitor_parse(out, &r->metrics, column, err));
    snprintf(h->column, sizeof h->column, "%s", column);
    if (!strcmp(mode, "min")) out->better = GF_BETTER_MIN;
    if (!strcmp(mode, "max")) out->better = GF_BETTER_MAX;
    if (out->on != GF_ON_VALIDATION || gf_run_split(r, GF_VALIDATION, NULL)) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "give the data a validation part, or look at a column of training",
                   "hook %s: there is no validation set for %s", h->class->name, GF_ESC(column));
}

graft_status gf_hook_path(const gf_run *r, const gf_hook *h, const char *name, char **path, graft_error *err)
{
    if (gf_folder_writes(name)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "give another name", "hook %s: the run itself writes %s", h->class->name,
                       GF_ESC(name));
    }
    return *name == '/' ? gf_config_text(path, name, err) : gf_run_path(r, name, path, err);
}

bool gf_hook_improves(const gf_monitor *m, double value, double than, double delta)
{
    if (!gf_is_finite(value)) return false;
    if (!gf_is_finite(than)) return true;
    if (m->better == GF_BETTER_MIN) return (float)(value + fabs(delta)) < (float)than;
    return (float)(value - fabs(delta)) > (float)than;
}

/* ---- calls */

#define CALL_EACH(r, call, ...)                                     \
    for (size_t i = 0; i < (r)->hooks.n; i++) {                     \
        gf_hook *h = &(r)->hooks.item[i];                           \
        if (h->class->writes && !gf_run_writes(r)) continue;        \
        if (h->class->call) GF_TRY(h->class->call(h, __VA_ARGS__)); \
    }                                                               \
    return GRAFT_OK

graft_status gf_hooks_begin_run(gf_run *r, graft_error *err) { CALL_EACH(r, begin_run, r, err); }
graft_status gf_hooks_begin_phase(gf_run *r, graft_error *err) { CALL_EACH(r, begin_phase, r, err); }
graft_status gf_hooks_gradient(gf_run *r, gf_hook_step *step, graft_error *err)
{
    CALL_EACH(r, gradient, r, step, err);
}
graft_status gf_hooks_step(gf_run *r, graft_error *err) { CALL_EACH(r, step, r, err); }
graft_status gf_hooks_evaluation(gf_run *r, graft_error *err) { CALL_EACH(r, evaluation, r, err); }
graft_status gf_hooks_epoch(gf_run *r, const gf_history_row *row, graft_error *err)
{
    CALL_EACH(r, epoch, r, row, err);
}
graft_status gf_hooks_after_epoch(gf_run *r, graft_error *err) { CALL_EACH(r, after_epoch, r, err); }
graft_status gf_hooks_checkpoint(gf_run *r, graft_error *err) { CALL_EACH(r, checkpoint, r, err); }
graft_status gf_hooks_end(gf_run *r, graft_error *err) { CALL_EACH(r, end, r, err); }

graft_status gf_hooks_show(gf_run *r, bool judged, graft_error *err)
{
    for (size_t i = 0; i < r->hooks.n; i++) {
        gf_hook *h = &r->hooks.item[i];
        const gf_hook_class *c = h->class;
        if (c->evaluation && c->after_epoch) GF_TRY((judged ? c->evaluation : c->after_epoch)(h, r, err));
    }
    return GRAFT_OK;
}

double gf_hooks_lr(const gf_run *r, double lr)
{
    for (size_t i = 0; i < r->hooks.n; i++) {
        const gf_hook *h = &r->hooks.item[i];
        if (h->class->lr) lr = h->class->lr(h, lr);
    }
    return lr;
}
