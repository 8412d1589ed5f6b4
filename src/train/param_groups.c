#include "train/param_groups.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

/* ---- words: "layer-decay=0.8,no-decay,freeze=block_7_*" */

enum { MAX_RULES = 64 };

/* "PATTERN:lr=X:decay=Y" */
typedef struct rule {
    char pattern[GF_NAME_MAX];
    double lr, decay; /* decay below 0: not given */
} rule;

typedef struct rules {
    rule item[MAX_RULES];
    size_t n;
} rules;

typedef struct spec {
    double layer_decay; /* 1: none */
    bool no_decay, bias_only, norm_only;
    rules only, freeze, group;
} spec;

typedef graft_status take_fn(spec *s, const char *value, graft_error *err);

static graft_status bad_value(const char *word, const char *value, const char *wanted, graft_error *err)
{
    return gf_fail(err, GF_E_PARAM_GROUPS, NULL, "groups: %s=%s: %s is wanted", word, GF_ESC(value), wanted);
}

static graft_status take_layer_decay(spec *s, const char *value, graft_error *err)
{
    bool ok = gf_number_parse(value, strlen(value), &s->layer_decay) && s->layer_decay > 0 && s->layer_decay <= 1;
    return ok ? GRAFT_OK : bad_value("layer-decay", value, "a number above 0, at most 1", err);
}

static graft_status take_no_decay(spec *s, const char *value, graft_error *err)
{
    (void)value, (void)err;
    s->no_decay = true;
    return GRAFT_OK;
}

static graft_status take_bias_only(spec *s, const char *value, graft_error *err)
{
    (void)value, (void)err;
    s->bias_only = true;
    return GRAFT_OK;
}

static graft_status take_norm_only(spec *s, const char *value, graft_error *err)
{
    (void)value, (void)err;
    s->norm_only = true;
    return GRAFT_OK;
}

/* A further rule with the pattern that `value` begins with; *rest stands behind it. */
static graft_status add_rule(rules *to, const char *word, const char *value, rule **out, const char **rest,
                             graft_error *err)
{
    size_t n = strcspn(value, ":");
    if (!n || n >= GF_NAME_MAX) return bad_value(word, value, "a pattern of layer names, as block_1?_*", err);
    if (to->n == MAX_RULES) return gf_fail(err, GF_E_PARAM_GROUPS, NULL, "groups: more than %d patterns", MAX_RULES);
    rule *r = &to->item[to->n++];
    *r = (rule){.lr = 1, .decay = -1};
    memcpy(r->pattern, value, n);
    *out = r;
    *rest = value + n;
    return GRAFT_OK;
}

static graft_status take_pattern(rules *to, const char *word, const char *value, graft_error *err)
{
    rule *r = NULL;
    const char *rest = "";
    GF_TRY(add_rule(to, word, value, &r, &rest, err));
    return *rest ? bad_value(word, value, "a pattern alone", err) : GRAFT_OK;
}

static graft_status take_only(spec *s, const char *value, graft_error *err)
{
    return take_pattern(&s->only, "only", value, err);
}

static graft_status take_freeze(spec *s, const char *value, graft_error *err)
{
    return take_pattern(&s->freeze, "freeze", value, err);
}

/* "lr=0.1" or "decay=0" of n bytes. */
static bool take_rate(rule *r, const char *s, size_t n)
{
    static const char lr[] = "lr=", decay[] = "decay=";
    const double most = 1000;
    if (n > strlen(lr) && !memcmp(s, lr, strlen(lr))) {
        return gf_number_parse(s + strlen(lr), n - strlen(lr), &r->lr) && r->lr > 0 && r->lr <= most;
    }
    if (n <= strlen(decay) || memcmp(s, decay, strlen(decay)) != 0) return false;
    return gf_number_parse(s + strlen(decay), n - strlen(decay), &r->decay) && r->decay >= 0 && r->decay < 1;
}

static graft_status take_group(spec *s, const char *value, graft_error *err)
{
    rule *r = NULL;
    const char *at = "";
    GF_TRY(add_rule(&s->group, "group", value, &r, &at, err));
    bool ok = *at;
    while (*at && ok) {
        size_t n = strcspn(++at, ":");
        ok = take_rate(r, at, n);
        at += n;
    }
    return ok ? GRAFT_OK
              : bad_value("group", value,
                          "PATTERN:lr=FACTOR, PATTERN:decay=X or both, with a factor above 0 and at most 1000, and a "
                          "decay from 0 to 1, 1 not included",
                          err);
}

static const struct {
    const char *name, *value; /* NULL: it takes none */
    take_fn *take;
    const char *help;
} words[] = {
    {"layer-decay", "X", take_layer_decay,
     "each block's learning rate is X times that of the next one; the head's is whole"},
    {"no-decay", NULL, take_no_decay, "no weight decay for biases and parameters of normalization"},
    {"bias-only", NULL, take_bias_only, "of the backbone, biases and offsets of normalization alone train"},
    {"norm-only", NULL, take_norm_only, "of the backbone, parameters of normalization alone train"},
    {"only", "PATTERN", take_only,
     "of the backbone, only what fits trains: block_1?_* or block_16_*/gamma; may be repeated"},
    {"freeze", "PATTERN", take_freeze, "what fits stays as it is, the head's too; may be repeated"},
    {"group", "PATTERN:lr=X:decay=Y", take_group, "what fits has X times the learning rate, Y as its weight decay"},
};
enum { WORDS = sizeof words / sizeof *words };

void gf_param_groups_words(gf_text *text)
{
    for (size_t i = 0; i < WORDS; i++) {
        gf_text_printf(text, "%s%s%s - %s\n", words[i].name, words[i].value ? "=" : "",
                       words[i].value ? words[i].value : "", words[i].help);
    }
}

static graft_status fail_word(const char *word, graft_error *err)
{
    gf_text known = {0};
    for (size_t i = 0; i < WORDS; i++) {
        gf_text_printf(&known, "%s%s%s%s", i ? ", " : "a list of ", words[i].name, words[i].value ? "=" : "",
                       words[i].value ? words[i].value : "");
    }
    graft_status status =
        gf_fail(err, GF_E_PARAM_GROUPS, known.failed ? NULL : known.s, "groups: \"%s\" is not known", GF_ESC(word));
    gf_text_free(&known);
    return status;
}

static graft_status parse_word(spec *s, char *word, graft_error *err)
{
    char *value = strchr(word, '=');
    size_t n = value ? (size_t)(value - word) : strlen(word), i = 0;
    while (i < WORDS && (strlen(words[i].name) != n || memcmp(words[i].name, word, n) != 0)) i++;
    if (i == WORDS || !words[i].value != !value) return fail_word(word, err);
    return words[i].take(s, value ? value + 1 : "", err);
}

static graft_status parse(spec *s, const char *text, graft_error *err)
{
    enum { LONGEST = 256 };
    *s = (spec){.layer_decay = 1};
    if (!text || !strcmp(text, "all")) return GRAFT_OK;
    for (const char *at = text;; at++) {
        char word[LONGEST];
        size_t n = strcspn(at, ",");
        if (n >= sizeof word) return fail_word(at, err);
        memcpy(word, at, n);
        word[n] = '\0';
        GF_TRY(parse_word(s, word, err));
        at += n;
        if (!*at) return GRAFT_OK;
    }
}

graft_status gf_param_groups_check(const char *text, graft_error *err)
{
    spec *s = gf_new(spec);
    if (!s) return gf_fail_memory(err, sizeof *s, "parameter groups");
    graft_status status = parse(s, text, err);
    gf_free(s);
    return status;
}

/* ---- what they mean for a parameter */

/* * stands for any text, ? for one character. */
static bool fits(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

/* A pattern with a stroke is one of "LAYER/PARAMETER", without one of "LAYER". */
static bool fits_param(const char *pattern, const gf_model *m, const gf_param *p)
{
    char name[2 * GF_NAME_MAX];
    const char *layer = m->layer[p->layer].name;
    if (!strchr(pattern, '/') || strchr(layer, '/')) {
        if (fits(pattern, layer)) return true;
    }
    snprintf(name, sizeof name, "%s/%s", layer, p->var);
    return fits(pattern, name);
}

static const rule *find_rule(const rules *r, const gf_model *m, const gf_param *p)
{
    for (size_t i = 0; i < r->n; i++) {
        if (fits_param(r->item[i].pattern, m, p)) return &r->item[i];
    }
    return NULL;
}

static bool is_norm(const gf_param *p) { return !strcmp(p->var, "gamma") || !strcmp(p->var, "beta"); }

/* "bias", "query_bias"; a normalization's "beta". */
static bool is_bias(const gf_param *p)
{
    static const char end[] = "bias";
    size_t n = strlen(p->var);
    return !strcmp(p->var, "beta") || (n >= sizeof end - 1 && !strcmp(p->var + n - (sizeof end - 1), end));
}

static bool wanted(const spec *s, const gf_model *m, const gf_param *p)
{
    if (find_rule(&s->freeze, m, p)) return false;
    bool any = s->only.n || s->bias_only || s->norm_only;
    if (!any || !m->layer[p->layer].backbone) return true;
    return find_rule(&s->only, m, p) || (s->bias_only && is_bias(p)) || (s->norm_only && is_norm(p));
}

static bool rule_of_use(const rules *r, const gf_model *m, size_t i)
{
    for (size_t k = 0; k < m->n_params; k++) {
        if (fits_param(r->item[i].pattern, m, &m->param[k])) return true;
    }
    return false;
}

static graft_status check_patterns(const rules *r, const gf_model *m, graft_error *err)
{
    for (size_t i = 0; i < r->n; i++) {
        if (rule_of_use(r, m, i)) continue;
        return gf_fail(err, GF_E_PARAM_GROUPS, "`graft summary` lists the layers",
                       "groups: the pattern \"%s\" fits no layer with parameters", GF_ESC(r->item[i].pattern));
    }
    return GRAFT_OK;
}

/* ---- groups */

typedef struct work {
    gf_param_groups *out;
    gf_model *m;
    const spec *s;
    int *block, blocks;
} work;

static double block_scale(const work *w, int block)
{
    double scale = 1;
    if (block < 0) return scale;
    for (int i = block; i < w->blocks; i++) scale *= w->s->layer_decay; /* no library's pow */
    return scale;
}

static gf_param_group group_of(const work *w, const gf_param *p)
{
    enum { VECTOR = 1 }; /* timm's rule: what has one dimension, or none, does not decay */
    const rule *r = find_rule(&w->s->group, w->m, p);
    int block = w->block[p->layer];
    gf_param_group g = {.lr_scale = block_scale(w, block), .weight_decay = -1};
    if (w->s->no_decay && (p->shape.rank <= VECTOR || is_bias(p) || is_norm(p))) g.weight_decay = 0;
    if (r) g.lr_scale *= r->lr;
    if (r && r->decay >= 0) g.weight_decay = r->decay;
    char where[32] = "all";
    if (w->s->layer_decay < 1 && block >= 0) snprintf(where, sizeof where, "block %d", block);
    if (w->s->layer_decay < 1 && block < 0) snprintf(where, sizeof where, "head");
    snprintf(g.name, sizeof g.name, "%s%s%s", r ? r->pattern : "", r ? ", " : "", where);
    return g;
}

/* The number of the group, a new one where there is none such. */
static int take_group_number(work *w, const gf_param *p)
{
    gf_param_group g = group_of(w, p);
    size_t i = 0;
    for (; i < w->out->n_groups; i++) {
        const gf_param_group *have = &w->out->group[i];
        if (have->lr_scale == g.lr_scale && have->weight_decay == g.weight_decay && !strcmp(have->name, g.name)) break;
    }
    if (i == w->out->n_groups) w->out->group[w->out->n_groups++] = g;
    w->out->group[i].tensors++;
    return (int)i;
}

/* One further parameter that trains. */
static void add_tensor(work *w, const gf_param *p)
{
    gf_param_groups *g = w->out;
    gf_param_range t = {.first = p->offset, .count = p->count, .at = g->values, .group = take_group_number(w, p)};
    gf_param_range *last = g->n_ranges ? &g->range[g->n_ranges - 1] : NULL;
    g->tensor[g->n_tensors++] = t;
    if (last && last->first + last->count == t.first && last->group == t.group) {
        last->count += t.count;
    } else {
        g->range[g->n_ranges++] = t;
    }
    g->values += t.count;
}

/* Statistics move with what trains in their layer; where nothing there can, by their own names. */
static bool statistic_stays(const gf_model *m, const spec *s, const bool *frozen, const gf_param *p)
{
    const gf_layer *l = &m->layer[p->layer];
    bool any = false, all = true;
    for (int k = 0; k < l->n_params; k++) {
        if (m->param[l->param[k]].statistic) continue;
        any = true;
        all = all && frozen[l->param[k]];
    }
    return any ? all : !wanted(s, m, p);
}

static graft_status fill(work *w, bool *frozen, graft_error *err)
{
    gf_model *m = w->m;
    GF_TRY(check_patterns(&w->s->only, m, err));
    GF_TRY(check_patterns(&w->s->freeze, m, err));
    GF_TRY(check_patterns(&w->s->group, m, err));
    for (size_t i = 0; i < m->n_params; i++) {
        if (!m->param[i].statistic) frozen[i] = !wanted(w->s, m, &m->param[i]);
    }
    for (size_t i = 0; i < m->n_params; i++) {
        if (m->param[i].statistic) frozen[i] = statistic_stays(m, w->s, frozen, &m->param[i]);
    }
    gf_model_freeze(m, frozen);
    w->blocks = gf_param_blocks(m, w->block);
    for (size_t i = 0; i < m->n_params; i++) {
        if (gf_model_param_trains(m, &m->param[i])) add_tensor(w, &m->param[i]);
    }
    return w->out->values ? GRAFT_OK : gf_fail(err, GF_E_PARAM_GROUPS, NULL, "groups: nothing is left that trains");
}

graft_status gf_param_groups_create(gf_param_groups *out, gf_model *m, const char *text, graft_error *err)
{
    *out = (gf_param_groups){0};
    spec *s = gf_new(spec);
    int *block = gf_new_n(m->n_layers, int);
    bool *frozen = gf_new_n(m->n_params, bool);
    graft_status status = GRAFT_OK;
    out->group = gf_new_n(m->n_params, gf_param_group);
    out->range = gf_new_n(m->n_params, gf_param_range);
    out->tensor = gf_new_n(m->n_params, gf_param_range);
    if (!s || !block || !frozen || !out->group || !out->range || !out->tensor) {
        status = gf_fail_memory(err, m->n_params * sizeof(gf_param_range), "parameter groups");
        goto out;
    }
    GF_GOTO(parse(s, text, err));
    work w = {.out = out, .m = m, .s = s, .block = block};
    GF_GOTO(fill(&w, frozen, err));
out:
    gf_free(s);
    gf_free(block);
    gf_free(frozen);
    if (status != GRAFT_OK) gf_param_groups_free(out);
    return status;
}

void gf_param_groups_free(gf_param_groups *g)
{
    gf_free(g->group);
    gf_free(g->range);
    gf_free(g->tensor);
    *g = (gf_param_groups){0};
}
