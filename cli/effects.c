#include "effects.h"
#include "errors.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool given(const verb *v, const settings *s, const char *name) { return options_given(v, s, name); }

/* ---- when an option has nothing to act on */

static bool no_boundary(const verb *v, const settings *s)
{
    return !given(v, s, "fine-tune-at") && !given(v, s, "fine-tune-last");
}
static bool no_tuning(const verb *v, const settings *s)
{
    return given(v, s, "fine-tune-epochs") && s->train.fine_tune_epochs == 0;
}
static bool no_extraction(const verb *v, const settings *s) { return (void)v, s->train.epochs == 0; }
static bool probes(const verb *v, const settings *s) { return given(v, s, "probe"); }
static bool no_probe(const verb *v, const settings *s) { return !given(v, s, "probe"); }
static bool probes_alone(const verb *v, const settings *s) { return probes(v, s) && no_boundary(v, s); }
static bool refuses_bad(const verb *v, const settings *s) { return (void)v, !s->data.skip_bad; }
static bool not_in_memory(const verb *v, const settings *s)
{
    return (void)v, s->data.cache == GRAFT_CACHE_DISK || s->data.cache == GRAFT_CACHE_NONE;
}
static bool not_cached(const verb *v, const settings *s) { return (void)v, s->data.cache == GRAFT_CACHE_NONE; }
static bool head_given(const verb *v, const settings *s) { return given(v, s, "head"); }
static bool keeps_head(const verb *v, const settings *s)
{
    return (void)v, s->keep_top || (s->model.head && !strcmp(s->model.head, "keep"));
}
static bool head_has_dropout(const verb *v, const settings *s)
{
    const char *list = s->model.head ? strchr(s->model.head, ':') : NULL;
    return (void)v, list && (strstr(list, "dropout=") || strstr(list, ",0"));
}
static bool adds_layers(const verb *v, const settings *s)
{
    return (void)v, s->model.head && !strncmp(s->model.head, "mlp", 3);
}
static bool is_file(const char *path)
{
    struct stat st;
    return path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}
static bool model_is_file(const verb *v, const settings *s) { return (void)v, is_file(s->model.model); }
static bool first_is_file(const verb *v, const settings *s)
{
    return (void)v, !s->convert_model && is_file(s->arguments[0]);
}
static bool no_weight_file(const verb *v, const settings *s)
{
    bool from_argument = !strcmp(v->name, "predict") || !strcmp(v->name, "eval") || !strcmp(v->name, "summary");
    return !s->model.weights && !is_file(from_argument ? s->arguments[0] : s->model.model);
}
static bool no_architecture(const verb *v, const settings *s) { return (void)v, !s->convert_model; }
static bool takes_colors(const verb *v, const settings *s) { return (void)v, s->model.channels != 1; }
static bool writes_names(const verb *v, const settings *s)
{
    const char *out = !strcmp(v->name, "convert") ? s->arguments[1] : s->out, *ending = out ? strrchr(out, '.') : NULL;
    return s->to ? !strcmp(s->to, "labels") : ending && !strcmp(ending, ".txt");
}

/* ---- the table: where `idle` holds, the option says nothing */

static const struct {
    const char *verbs; /* with a space before and behind each */
    const char *option;
    bool (*idle)(const verb *v, const settings *s);
    const char *why;
} rules[] = {
    {" train ", "fine-tune-lr", no_boundary, "without --fine-tune-at or --fine-tune-last nothing is fine-tuned"},
    {" train ", "fine-tune-optimizer", no_boundary, "without --fine-tune-at or --fine-tune-last nothing is fine-tuned"},
    {" train ", "fine-tune-lr", no_tuning, "with --fine-tune-epochs 0 nothing is fine-tuned"},
    {" train ", "fine-tune-optimizer", no_tuning, "with --fine-tune-epochs 0 nothing is fine-tuned"},
    {" train ", "optimizer", no_extraction, "with --epochs 0 there is no feature extraction"},
    {" train ", "epochs", probes, "--probe solves the head: there are no epochs of it"},
    {" train ", "optimizer", probes, "--probe solves the head"},
    {" train ", "schedule", probes, "--probe solves the head"},
    {" train ", "lr", probes_alone, "--probe solves the head"},
    {" train ", "augment", probes_alone, "--probe takes images as they are"},
    {" train ", "probe-options", no_probe, "they belong to --probe"},
    {" train eval ", "max-bad", refuses_bad, "bad images are refused without --bad-images skip"},
    {" train ", "memory", not_in_memory, "with this --cache nothing is kept in memory"},
    {" train ", "cache-dir", not_cached, "with --cache none nothing is kept on disk"},
    {" train ", "dropout", keeps_head, "a classifier that is kept has no new head"},
    {" train ", "dropout", head_has_dropout, "--head has a dropout of its own"},
    {" train summary features bench ", "keep-top", head_given, "--head says which head it is"},
    {" features ", "head", adds_layers, "features are taken before the head"},
    {" train features bench ", "alpha", model_is_file, "the network of a file has its widths"},
    {" predict eval summary ", "alpha", first_is_file, "the network of a file has its widths"},
    {" predict eval ", "classes", first_is_file, "the classifier of a file has its classes"},
    {" train features bench predict eval summary ", "allow-nonfinite", no_weight_file, "no weight file is read"},
    {" train summary features bench ", "gray-kernels", takes_colors, "without --channels 1 images stay in color"},
    {" convert ", "alpha", no_architecture, "it belongs to --model, an architecture"},
    {" convert ", "classes", no_architecture, "it belongs to --model, an architecture"},
    {" export convert ", "check", writes_names, "class names compute nothing that could be compared"},
};

graft_status effects_check(const verb *v, const settings *s, graft_error *err)
{
    char name[32];
    snprintf(name, sizeof name, " %s ", v->name);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!strstr(rules[i].verbs, name) || !given(v, s, rules[i].option) || !rules[i].idle(v, s)) continue;
        return fail(err, E_USAGE, "leave it out", "--%s has no effect here: %s", rules[i].option, rules[i].why);
    }
    return GRAFT_OK;
}
