#include "train/phase.h"

#include "base/alloc.h"
#include "base/number.h"
#include "image/augment.h"
#include "train/param_groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PHASES = 64, MOST_EPOCHS = 100000 };

typedef enum key_kind { WHOLE, REAL, TEXT } key_kind;

/* Also in config.json, in this order. */
static const struct key {
    const char *name, *help;
    key_kind kind;
    size_t at;
    double low, high;
} keys[] = {
    {"epochs", "how many; 0 leaves the phase out", WHOLE, offsetof(gf_phase, epochs), 0, MOST_EPOCHS},
    {"at", "the first layer that trains, by number or name", TEXT, offsetof(gf_phase, at), 0, 0},
    {"last", "the number of layers before the head that train", TEXT, offsetof(gf_phase, last), 0, 0},
    {"lr", "learning rate", REAL, offsetof(gf_phase, lr), 1e-12, 100},
    {"schedule", "how the rate moves, as --schedule", TEXT, offsetof(gf_phase, schedule), 0, 0},
    {"solver", "what trains it: sgd, epochs of steps, or probe, the head's optimum", TEXT, offsetof(gf_phase, solver),
     0, 0},
    {"optimizer", "as --optimizer", TEXT, offsetof(gf_phase, optimizer), 0, 0},
    {"augment", "as --augment", TEXT, offsetof(gf_phase, augment), 0, 0},
    {"groups", "what of its layers trains, and how fast, as --groups", TEXT, offsetof(gf_phase, groups), 0, 0},
    {"batch-norm", "as --batch-norm", TEXT, offsetof(gf_phase, batch_norm), 0, 0},
    {"backbone-dropout", "as --backbone-dropout", TEXT, offsetof(gf_phase, backbone_dropout), 0, 0},
};
enum { KEYS = sizeof keys / sizeof *keys };

static void *place(const gf_phase *p, const struct key *k) { return (char *)p + k->at; }

void gf_phases_free(gf_phases *p)
{
    for (size_t i = 0; i < p->n; i++) {
        gf_free(p->item[i].name);
        gf_schedule_free(&p->item[i].schedule_parsed);
        gf_solver_free(&p->item[i].solver_parsed);
        for (int k = 0; k < KEYS; k++) {
            if (keys[k].kind == TEXT) gf_free(*(char **)place(&p->item[i], &keys[k]));
        }
    }
    gf_free(p->item);
    gf_free(p->name);
    *p = (gf_phases){0};
}

/* ---- the text */

static const char hint[] = "as in \"head epochs=5; tail last=30 epochs=5 lr=1e-5; all at=0 epochs=2\"";

/* A phase whose keys are not given yet: a rate that is not a number, no epochs, no texts. */
static gf_phase *add_phase(gf_phases *list, const char *name, size_t n, graft_error *err)
{
    if (!gf_grow(&list->item, list->n, &list->cap)) {
        gf_fail_memory(err, (list->n + 1) * sizeof *list->item, "the phases of a run");
        return NULL;
    }
    gf_phase *p = &list->item[list->n];
    *p = (gf_phase){.name = gf_strndup(name, n), .epochs = -1, .lr = -1};
    if (!p->name) gf_fail_memory(err, n, "the phases of a run");
    if (p->name) list->n++;
    return p->name ? p : NULL;
}

static graft_status take_value(gf_phase *p, const struct key *k, const char *value, graft_error *err)
{
    double x;
    char shown[64];
    if (k->kind == TEXT && *value) return gf_config_text(place(p, k), value, err);
    bool ok = k->kind != TEXT && gf_number_parse(value, strlen(value), &x) && x >= k->low && x <= k->high;
    if (ok && k->kind == WHOLE) ok = x == (double)(int64_t)x;
    if (!ok) {
        enum { DIGITS = 9 };
        char wanted[64] = "a value";
        if (k->kind != TEXT)
            snprintf(wanted, sizeof wanted, "a %snumber from %s to %s", k->kind == WHOLE ? "whole " : "",
                     GF_GENERAL(k->low, DIGITS), GF_GENERAL(k->high, DIGITS));
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "phase %s: %s \"%s\": wanted is %s", GF_ESC(p->name), k->name,
                       gf_escape(shown, sizeof shown, value), wanted);
    }
    if (k->kind == WHOLE) *(int64_t *)place(p, k) = (int64_t)x;
    if (k->kind == REAL) *(double *)place(p, k) = x;
    return GRAFT_OK;
}

/* One "key=value", cut out. */
static graft_status take_word(gf_phase *p, char *word, graft_error *err)
{
    char shown[64];
    char *equals = strchr(word, '=');
    if (equals) *equals = 0;
    for (int k = 0; k < KEYS && equals; k++) {
        if (!strcmp(keys[k].name, word)) return take_value(p, &keys[k], equals + 1, err);
    }
    gf_text known = {0};
    for (int k = 0; k < KEYS; k++) gf_text_printf(&known, "%s%s", k ? ", " : "", keys[k].name);
    graft_status status =
        gf_fail(err, GF_E_OPTION_VALUE, hint, "phase %s: \"%s\" is not one of its keys: %s", GF_ESC(p->name),
                gf_escape(shown, sizeof shown, word), known.failed ? "(no memory)" : known.s);
    gf_text_free(&known);
    return status;
}

static graft_status check_name(const gf_phases *list, const char *name, graft_error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    char shown[64];
    gf_escape(shown, sizeof shown, name);
    if (strspn(name, letters) != strlen(name)) {
        return gf_fail(err, GF_E_OPTION_VALUE, hint,
                       "phase \"%s\": a name comes first, of letters, digits, \"-\" and \"_\"", shown);
    }
    for (size_t i = 0; i + 1 < list->n; i++) {
        if (strcmp(list->item[i].name, name)) continue;
        return gf_fail(err, GF_E_OPTION_VALUE, hint, "phase %s: there are two of that name", shown);
    }
    return GRAFT_OK;
}

/* "name key=value ...", cut up in place. */
static graft_status take_phase(gf_phases *list, char *text, graft_error *err)
{
    char *rest = NULL, *name = strtok_r(text, " \t\n", &rest);
    if (!name) return gf_fail(err, GF_E_OPTION_VALUE, hint, "a phase is empty");
    if (list->n == MOST_PHASES)
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "there are more than %d phases", MOST_PHASES);
    gf_phase *p = add_phase(list, name, strlen(name), err);
    if (!p) return GRAFT_RESOURCE;
    GF_TRY(check_name(list, name, err));
    for (char *word; (word = strtok_r(NULL, " \t\n", &rest));) GF_TRY(take_word(p, word, err));
    if (p->at && p->last) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "phase %s: at and last both say where it begins: give one",
                       GF_ESC(p->name));
    }
    return GRAFT_OK;
}

static graft_status parse(gf_phases *out, const char *text, graft_error *err)
{
    char *copy = gf_strdup(text), *end = NULL;
    if (!copy) return gf_fail_memory(err, strlen(text), "the phases of a run");
    graft_status status = GRAFT_OK;
    for (char *at = copy; at && status == GRAFT_OK; at = end) {
        end = strchr(at, ';');
        if (end) *end++ = 0;
        bool trailing = !end && out->n && !at[strspn(at, " \t\n")]; /* behind a last semicolon */
        if (!trailing) status = take_phase(out, at, err);
    }
    gf_free(copy);
    return status;
}

/* ---- what was left out */

static graft_status two_phases(gf_phases *out, const gf_run_config *c, graft_error *err)
{
    static const char first[] = "feature_extraction", second[] = "fine_tuning";
    if (!add_phase(out, first, strlen(first), err)) return GRAFT_RESOURCE;
    gf_phase *tune = add_phase(out, second, strlen(second), err);
    if (!tune) return GRAFT_RESOURCE;
    if (c->fine_tune_at >= 0) return gf_config_text(&tune->at, GF_GENERAL((double)c->fine_tune_at, 9), err);
    if (!gf_settings_flag(c->settings, GF_SET_TRAIN_PROBE))
        out->item[0].epochs = c->epochs + c->fine_tune_epochs; /* graft 0.1: all epochs are the head's */
    tune->epochs = 0;
    return GRAFT_OK;
}

/* --probe: the first phase is solved. */
static graft_status take_probe(gf_phase *p, const gf_run_config *c, graft_error *err)
{
    const char *options = gf_settings_text(c->settings, GF_SET_TRAIN_PROBE_OPTIONS);
    if (!gf_settings_flag(c->settings, GF_SET_TRAIN_PROBE)) return GRAFT_OK;
    char *solver = gf_sprintf("%s%s%s", gf_solver_of_probes()->name, options ? ":" : "", options ? options : "");
    if (!solver) return gf_fail_memory(err, 64, "the phases of a run");
    graft_status status = gf_config_text(&p->solver, solver, err);
    gf_free(solver);
    return status;
}

static graft_status text_or(char **text, const char *fallback, graft_error *err)
{
    return *text ? GRAFT_OK : gf_config_text(text, fallback, err);
}

/* A phase that is solved is one epoch of images as they are. */
static graft_status fill_solved(gf_phase *p, graft_error *err)
{
    static const char none[] = "none";
    const char *solver = p->solver_parsed.class->name;
    if (p->at || p->last) {
        return gf_fail(err, GF_E_OPTION_VALUE, "let another phase fine-tune from it",
                       "phase %s: solver %s solves the head alone", GF_ESC(p->name), solver);
    }
    if (p->epochs > 1 || (p->augment && strcmp(p->augment, none) != 0)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "leave it out",
                       "phase %s: solver %s has no epochs and no random changes", GF_ESC(p->name), solver);
    }
    if (p->epochs < 0) p->epochs = 1;
    return text_or(&p->augment, none, err);
}

static graft_status fill(gf_phase *p, const gf_run_config *c, graft_error *err)
{
    bool tunes = p->at || p->last;
    GF_TRY(text_or(&p->solver, gf_solver_class_at(0)->name, err));
    GF_TRY(gf_solver_parse(&p->solver_parsed, p->solver, err));
    if (p->solver_parsed.class->solves) GF_TRY(fill_solved(p, err));
    if (p->epochs < 0) p->epochs = tunes ? c->fine_tune_epochs : c->epochs;
    if (p->lr < 0) p->lr = tunes ? c->fine_tune_lr : c->lr;
    gf_setting schedule = tunes ? GF_SET_TRAIN_FINE_TUNE_SCHEDULE : GF_SET_TRAIN_SCHEDULE;
    GF_TRY(text_or(&p->schedule, gf_settings_text(c->settings, schedule), err));
    GF_TRY(text_or(&p->optimizer, tunes ? c->fine_tune_optimizer : c->optimizer, err));
    GF_TRY(text_or(&p->augment, c->augment, err));
    GF_TRY(text_or(&p->groups, gf_settings_text(c->settings, GF_SET_TRAIN_GROUPS), err));
    const char *dropout = gf_settings_text(c->settings, GF_SET_TRAIN_BACKBONE_DROPOUT);
    GF_TRY(text_or(&p->backbone_dropout, dropout, err));
    return text_or(&p->batch_norm, c->batch_norm, err);
}

static graft_status check_either(const gf_phase *p, const char *key, const char *text, const char *one,
                                 const char *other, graft_error *err)
{
    char hint_[32];
    if (!text || !strcmp(text, one) || !strcmp(text, other)) return GRAFT_OK;
    snprintf(hint_, sizeof hint_, "%s or %s", one, other);
    return gf_fail(err, GF_E_OPTION_VALUE, hint_, "phase %s: %s %s is not known", GF_ESC(p->name), key, GF_ESC(text));
}

static graft_status check_texts(gf_phase *p, graft_error *err)
{
    if (!p->solver_parsed.class) GF_TRY(gf_solver_parse(&p->solver_parsed, p->solver, err));
    GF_TRY(gf_schedule_parse(&p->schedule_parsed, p->schedule, err));
    if (p->optimizer) GF_TRY(gf_optimizer_parse(&p->optimizer_parsed, p->optimizer, err));
    if (p->augment) GF_TRY(gf_augment_parse(p->augment, &p->augment_parsed, err));
    if (p->groups) GF_TRY(gf_param_groups_check(p->groups, err));
    GF_TRY(check_either(p, "backbone-dropout", p->backbone_dropout, "on", "off", err));
    return check_either(p, "batch-norm", p->batch_norm, "fixed", "batch", err);
}

static bool layer_number(const char *text, int most, int *out)
{
    double x;
    if (!gf_number_parse(text, strlen(text), &x) || !(x >= 0 && x <= most) || x != (double)(int)x) return false;
    *out = (int)x;
    return true;
}

static graft_status find_boundary(gf_phase *p, const gf_model *m, graft_error *err)
{
    int layers = (int)gf_model_backbone_layers(m), number = 0;
    p->boundary = layers;
    if (p->last && layer_number(p->last, layers, &number)) {
        p->boundary = layers - number;
    } else if (p->at && layer_number(p->at, layers, &number)) {
        p->boundary = number;
    } else if (p->at && (number = gf_model_find(m, p->at)) >= 0 && number < layers) {
        p->boundary = number;
    } else if (p->at || p->last) {
        return gf_fail(err, GF_E_OPTION_VALUE, "graft summary lists the layers",
                       "phase %s: \"%s\" is not one of the %d layers of the backbone", GF_ESC(p->name),
                       GF_ESC(p->at ? p->at : p->last), layers);
    }
    return GRAFT_OK;
}

/* ---- the list */

static graft_status make(gf_phases *out, const gf_run_config *c, const gf_model *m, graft_error *err)
{
    const char *text = gf_settings_text(c->settings, GF_SET_TRAIN_PHASES);
    GF_TRY(text ? parse(out, text, err) : two_phases(out, c, err));
    out->name = gf_new_n(out->n, const char *);
    if (!out->name) return gf_fail_memory(err, out->n * sizeof *out->name, "the phases of a run");
    int untrained = (int)m->n_layers;
    if (!text) GF_TRY(take_probe(&out->item[0], c, err));
    for (size_t i = 0; i < out->n; i++) {
        gf_phase *p = &out->item[i];
        GF_TRY(fill(p, c, err));
        GF_TRY(check_texts(p, err));
        GF_TRY(find_boundary(p, m, err));
        out->name[i] = p->name;
        p->int8_layers = untrained;
        if (p->epochs && p->boundary < untrained) untrained = p->boundary;
    }
    return GRAFT_OK;
}

graft_status gf_phases_of(gf_phases *out, const gf_run_config *c, const gf_model *m, graft_error *err)
{
    *out = (gf_phases){0};
    graft_status status = make(out, c, m, err);
    if (status != GRAFT_OK) gf_phases_free(out);
    return status;
}

graft_status gf_phases_check(const char *text, graft_error *err)
{
    gf_phases list = {0};
    graft_status status = parse(&list, text, err);
    for (size_t i = 0; i < list.n && status == GRAFT_OK; i++) status = check_texts(&list.item[i], err);
    gf_phases_free(&list);
    return status;
}

void gf_phases_words(gf_text *text)
{
    for (int k = 0; k < KEYS; k++) gf_text_printf(text, "%s - %s\n", keys[k].name, keys[k].help);
}

int64_t gf_phases_epochs(const gf_phases *p)
{
    int64_t sum = 0;
    for (size_t i = 0; i < p->n; i++) sum += p->item[i].epochs;
    return sum;
}

int gf_phases_boundary(const gf_phases *p, const gf_model *m)
{
    int least = (int)gf_model_backbone_layers(m);
    for (size_t i = 0; i < p->n; i++) {
        if (p->item[i].epochs && p->item[i].boundary < least) least = p->item[i].boundary;
    }
    return least;
}

bool gf_phase_uses_batch_stats(const gf_phase *p) { return p->batch_norm && !strcmp(p->batch_norm, "batch"); }

bool gf_phases_use_batch_stats(const gf_phases *p)
{
    bool any = false;
    for (size_t i = 0; i < p->n; i++) any = any || gf_phase_uses_batch_stats(&p->item[i]);
    return any;
}

gf_json *gf_phases_json(const gf_phases *p)
{
    enum { DIGITS = 17 }; /* a double reads back as itself */
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < p->n; i++) {
        gf_json *j = gf_json_object();
        gf_json_set(j, "name", gf_json_string(p->item[i].name));
        gf_json_set(j, "boundary", gf_json_int(p->item[i].boundary));
        for (int k = 0; k < KEYS; k++) {
            const void *at = place(&p->item[i], &keys[k]);
            if (keys[k].kind == WHOLE) gf_json_set(j, keys[k].name, gf_json_int(*(const int64_t *)at));
            if (keys[k].kind == REAL)
                gf_json_set(j, keys[k].name, gf_json_string(GF_GENERAL(*(const double *)at, DIGITS)));
            if (keys[k].kind == TEXT && *(char *const *)at)
                gf_json_set(j, keys[k].name, gf_json_string(*(char *const *)at));
        }
        gf_json_add(list, j);
    }
    return list;
}

/* ---- compared */

typedef struct compared {
    const gf_json *own;
    bool same, failed;
} compared;

static graft_status compare_key(void *ctx, const char *key, const gf_json *value)
{
    compared *c = ctx;
    const gf_json *same = gf_json_get(c->own, key);
    char *kept = gf_json_text(value, 0), *own = same ? gf_json_text(same, 0) : NULL;
    c->failed = c->failed || !kept || (same && !own);
    c->same = c->same && kept && own && !strcmp(kept, own);
    gf_free(kept);
    gf_free(own);
    return GRAFT_OK;
}

graft_status gf_phases_agree(const gf_phases *p, const gf_json *list, bool *agree, graft_error *err)
{
    gf_json *own = gf_phases_json(p);
    char *text = gf_json_text(own, 0);
    bool whole = text != NULL;
    gf_free(text);
    compared c = {NULL, gf_json_is_array(list) && gf_json_size(list) == p->n, false};
    for (size_t i = 0; i < p->n && c.same; i++) {
        const gf_json *phase = gf_json_at(list, i);
        c.own = gf_json_at(own, i);
        c.same = gf_json_is_object(phase);
        if (c.same) gf_json_each(phase, compare_key, &c);
    }
    gf_json_free(own);
    *agree = c.same;
    return whole && !c.failed ? GRAFT_OK : gf_fail_memory(err, 1024, "the phases of a run");
}
