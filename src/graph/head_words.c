/* head_words.c - the text of a head: "mlp:bn,256,dropout=0.5", "replace-last:256,0.4". */
#include "graph/head.h"

#include <stdlib.h>
#include <string.h>

static graft_status bad_head(const char *text, graft_error *err)
{
    return gf_fail(
        err, GF_E_OPTION_VALUE,
        "linear, mlp:256, mlp:bn,256,dropout=0.5, replace-last, replace-last:256,0.4, keep or none; in a list "
        "UNITS, UNITS=tanh, bn, dropout=X, l2=X, relu",
        "head %s is not known", GF_ESC(text));
}

static const struct {
    const char *name;
    gf_act act;
    float alpha;
} acts[] = {
    {"linear", GF_ACT_LINEAR, 0}, {"relu", GF_ACT_RELU, 0},       {"relu6", GF_ACT_RELU6, 0},
    {"tanh", GF_ACT_TANH, 0},     {"sigmoid", GF_ACT_SIGMOID, 0}, {"elu", GF_ACT_ELU, 1},
    {"selu", GF_ACT_SELU, 0},     {"silu", GF_ACT_SILU, 0},       {"gelu", GF_ACT_GELU, 0},
};

/* A word of a list: n letters. */
typedef struct word {
    const char *s;
    size_t n;
} word;

static bool is(word w, const char *name) { return strlen(name) == w.n && !memcmp(w.s, name, w.n); }

static bool find_act(word w, gf_head_item *item)
{
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (!is(w, acts[i].name)) continue;
        item->act = acts[i].act;
        item->alpha = acts[i].alpha;
        return true;
    }
    return false;
}

/* "0", "0.4", "1e-3" has no place here: at least 0 and below `below`, with a point in every locale. */
static bool parse_real(word w, double below, double *out)
{
    const int64_t most = 1000000000000000; /* digits that a double holds exactly */
    int64_t digits = 0, ten = 0;
    for (size_t i = 0; i < w.n; i++) {
        bool digit = w.s[i] >= '0' && w.s[i] <= '9';
        if (!digit && !(w.s[i] == '.' && !ten && i)) return false;
        if (!digit) {
            ten = 1;
        } else if (ten < most && digits < most) {
            digits = 10 * digits + (w.s[i] - '0');
            if (ten) ten *= 10;
        }
    }
    *out = (double)digits / (double)(ten ? ten : 1);
    return w.n > 0 && *out < below && w.s[w.n - 1] != '.';
}

/* "256", "256=tanh" */
static bool parse_units(word w, gf_head_item *item)
{
    enum { LARGEST = 1 << 20, DIGITS = 7 };
    size_t digits = strspn(w.s, "0123456789");
    if (!digits || digits > w.n || digits > DIGITS || w.s[0] == '0') return false;
    long units = strtol(w.s, NULL, 10);
    *item = (gf_head_item){.cls = &gf_layer_dense, .units = (int)units, .act = GF_ACT_RELU};
    if (units < 1 || units > LARGEST) return false;
    if (digits == w.n) return true;
    return w.s[digits] == '=' && find_act((word){w.s + digits + 1, w.n - digits - 1}, item);
}

/* One word; a bare share at the end is the dropout before the last layer. */
static bool take(word w, gf_head_spec *spec, double *dropout)
{
    static const char drop[] = "dropout=", decay[] = "l2=";
    const size_t drops = sizeof drop - 1, decays = sizeof decay - 1;
    const double most_decay = 10;
    double share;
    gf_head_item item = {0};
    if (w.n > decays && !memcmp(w.s, decay, decays))
        return parse_real((word){w.s + decays, w.n - decays}, most_decay, &spec->l2);
    if (w.n && w.s[0] == '0')
        return !w.s[w.n] && spec->n_items && parse_real(w, 1, dropout) && (w.n == 1 || w.s[1] == '.');
    if (w.n > drops && !memcmp(w.s, drop, drops)) {
        if (!parse_real((word){w.s + drops, w.n - drops}, 1, &share)) return false;
        item = (gf_head_item){.cls = &gf_layer_dropout, .rate = (float)share};
        spec->own_dropout = true;
    } else if (is(w, "bn")) {
        item.cls = &gf_layer_batch_norm;
        spec->norms = true;
    } else if (parse_units(w, &item)) {
        if (item.units < 2 && spec->n_items) return false; /* "256,1" means a dropout, which cannot be */
    } else {
        item = (gf_head_item){.cls = &gf_layer_activation};
        if (!find_act(w, &item)) return false;
    }
    if (spec->n_items == GF_HEAD_MOST) return false;
    spec->item[spec->n_items++] = item;
    return true;
}

static bool take_list(const char *at, gf_head_spec *spec, double *dropout)
{
    for (;; at++) {
        word w = {at, strcspn(at, ",")};
        if (!take(w, spec, dropout)) return false;
        at += w.n;
        if (!*at) return true;
    }
}

graft_status gf_head_parse(const char *text, gf_head_spec *spec, double *dropout, graft_error *err)
{
    static const char mlp[] = "mlp:", replace[] = "replace-last";
    *spec = (gf_head_spec){0};
    if (!strcmp(text, "linear")) return GRAFT_OK;
    spec->keep_last = !strcmp(text, "keep");
    spec->none = !strcmp(text, "none");
    spec->replace_last = !strncmp(text, replace, strlen(replace));
    if (spec->none || spec->keep_last || !strcmp(text, replace)) return GRAFT_OK;
    bool named = spec->replace_last ? text[strlen(replace)] == ':' : !strncmp(text, mlp, strlen(mlp));
    const char *list = named ? strchr(text, ':') + 1 : "";
    return take_list(list, spec, dropout) ? GRAFT_OK : bad_head(text, err);
}
