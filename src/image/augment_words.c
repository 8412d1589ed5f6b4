/* --augment's grammar. Everything it knows of a word comes from the word's class. */
#include "image/augment.h"

#include "base/distance.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- names */

static const struct {
    const char *name;
    gf_change_family family;
} families[] = {{"graft", GF_CHANGE_OWN}, {"keras", GF_CHANGE_KERAS}, {"torch", GF_CHANGE_TORCH}};
enum { FAMILIES = sizeof families / sizeof *families };

static const struct {
    const char *name, *words;
} sets[] = {{"none", ""},
            {"light", "flip,rotate=0.03,zoom=0.1"},
            {"medium", "resized-crop=0.5-1,flip,jitter=0.2:0.2:0.2"},
            {"heavy", "resized-crop=0.08-1,flip,trivial,erase=0.25"}};
enum { SETS = sizeof sets / sizeof *sets };

typedef struct parser {
    gf_augment_spec *spec;
    gf_change_family family;
    graft_error *err;
} parser;

/* A piece of the text, not terminated. */
typedef struct piece {
    const char *at;
    size_t n;
} piece;

#define PIECE_SIZE 64
static const char *shown(piece p, char buf[PIECE_SIZE])
{
    if (p.n < PIECE_SIZE) {
        snprintf(buf, PIECE_SIZE, "%.*s", (int)p.n, p.at);
    } else {
        snprintf(buf, PIECE_SIZE, "%.*s...", PIECE_SIZE - 4, p.at);
    }
    return buf;
}
#define SHOWN(p) GF_ESC(shown((p), (char[PIECE_SIZE]){0}))

static bool is(piece p, const char *name) { return p.n == strlen(name) && !memcmp(p.at, name, p.n); }

static const char *family_name(gf_change_family family)
{
    int i = 0;
    while (i + 1 < FAMILIES && families[i].family != family) i++;
    return families[i].name;
}

/* The nearest name, and all that are known. */
static graft_status fail_name(const parser *p, piece word)
{
    char hint[400], text[PIECE_SIZE];
    const char *best = sets[0].name;
    shown(word, text);
    size_t n = 0, least = gf_edit_distance(text, best);
    const gf_random_change_class *c;
    for (size_t i = 0; (c = gf_random_change_at(i)); i++) {
        if (!(c->families & p->family) || gf_edit_distance(text, c->name) >= least) continue;
        best = c->name;
        least = gf_edit_distance(text, best);
    }
    n = (size_t)snprintf(hint, sizeof hint, "did you mean `%s`? Known: none", best);
    for (size_t i = 1; i < SETS && n < sizeof hint; i++)
        n += (size_t)snprintf(hint + n, sizeof hint - n, ", %s", sets[i].name);
    for (size_t i = 0; n < sizeof hint && (c = gf_random_change_at(i)); i++) {
        if (c->families & p->family) n += (size_t)snprintf(hint + n, sizeof hint - n, ", %s", c->name);
    }
    return gf_fail(p->err, GF_E_OPTION_VALUE, hint, "augment: `%s` is not known%s%s", SHOWN(word),
                   p->family == GF_CHANGE_OWN ? "" : " to ", p->family == GF_CHANGE_OWN ? "" : family_name(p->family));
}

/* ---- values */

/* Digits and at most one point, with a sign where allowed, up to the end or `-`; the bytes read, 0: none. */
static size_t read_number(const char *s, size_t n, double *out)
{
    size_t i = n && s[0] == '-';
    while (i < n && ((s[i] >= '0' && s[i] <= '9') || s[i] == '.')) i++;
    return i <= 20 && gf_number_parse(s, i, out) && isfinite(*out) ? i : 0;
}

static bool is_angle(const gf_change_arg *row) { return row->kind == GF_CHANGE_ANGLE || row->kind == GF_CHANGE_ANGLES; }

/* A number and its unit: turns, or degrees as 15deg. */
static size_t read_value(const gf_change_arg *row, const char *s, size_t n, double *out)
{
    size_t used = read_number(s, n, out);
    if (used && is_angle(row) && n - used >= 3 && !memcmp(s + used, "deg", 3)) {
        *out /= 360;
        used += 3;
    }
    if (used && row->kind == GF_CHANGE_WHOLE && *out != floor(*out)) return 0;
    return used && *out >= row->min && *out <= row->max ? used : 0;
}

/* The place of the n bytes at s in "a|b|c", -1: none. */
static int choice_of(const char *choices, const char *s, size_t n)
{
    for (int i = 0;; i++) {
        size_t length = strcspn(choices, "|");
        if (length == n && !memcmp(choices, s, n)) return i;
        if (!choices[length]) return -1;
        choices += length + 1;
    }
}

static const char border_names[] = "reflect|nearest|wrap";

const char *gf_change_parse_value(const gf_change_arg *row, const char *s, size_t n, struct gf_change_value *out,
                                  char *buf, size_t size)
{
    *out = (struct gf_change_value){.given = true};
    bool fill = row->kind == GF_CHANGE_FILL;
    if (row->kind == GF_CHANGE_CHOICE || fill) {
        int i = choice_of(fill ? border_names : row->choices, s, n);
        out->low = out->high = i;
        if (i >= 0) return NULL;
        out->low = GF_BORDER_CONSTANT;
        if (fill && read_value(row, s, n, &out->high) == n && n) return NULL;
        snprintf(buf, size, "%s%s", fill ? border_names : row->choices, fill ? "|0 to 255" : "");
        return buf;
    }
    size_t used = read_value(row, s, n, &out->low);
    out->high = out->low;
    bool spans = row->kind == GF_CHANGE_SPAN || row->kind == GF_CHANGE_ANGLES;
    if (used && spans && used < n && s[used] == '-') {
        size_t more = read_value(row, s + used + 1, n - used - 1, &out->high);
        used = more && out->high >= out->low ? used + 1 + more : 0;
        out->pair = true;
    }
    if (used && used == n) return NULL;
    snprintf(buf, size, "a %snumber%s from %s to %s%s", row->kind == GF_CHANGE_WHOLE ? "whole " : "",
             is_angle(row) ? " of turns" : "", GF_GENERAL(row->min, 6), GF_GENERAL(row->max, 6),
             spans ? ", or two as LOW-HIGH" : "");
    return buf;
}

static const gf_change_arg probability = {.name = "p", .kind = GF_CHANGE_NUMBER, .max = 1};

static graft_status take_value(const parser *p, piece word, const gf_change_arg *row, piece value,
                               struct gf_change_value *out)
{
    char buf[160];
    const char *wanted = gf_change_parse_value(row, value.at, value.n, out, buf, sizeof buf);
    if (!wanted) return GRAFT_OK;
    return gf_fail(p->err, GF_E_OPTION_VALUE, row->help, "augment: `%s`: %s: %s is wanted", SHOWN(word), row->name,
                   wanted);
}

/* ---- a word */

static piece cut(piece *rest, char at)
{
    const char *end = memchr(rest->at, at, rest->n);
    piece first = {rest->at, end ? (size_t)(end - rest->at) : rest->n};
    size_t used = first.n + (end != NULL);
    *rest = (piece){rest->at + used, rest->n - used};
    return first;
}

/* key=value, a flag's name, or a value by place. */
static graft_status parse_argument(const parser *p, piece word, piece one, int *place, gf_augment_word *to)
{
    const gf_random_change_class *c = to->change;
    piece value = one, key = cut(&value, '=');
    bool has_key = key.n < one.n;
    for (int i = 0; i < c->n_args; i++) {
        const gf_change_arg *row = &c->args[i];
        if (!is(key, row->name) || (row->kind != GF_CHANGE_FLAG && !has_key)) continue;
        to->args.value[i] = (struct gf_change_value){1, 1, true, false};
        if (row->kind == GF_CHANGE_FLAG && !has_key) return GRAFT_OK;
        return take_value(p, word, row, value, &to->args.value[i]);
    }
    if (has_key && is(key, probability.name)) {
        struct gf_change_value share;
        GF_TRY(take_value(p, word, &probability, value, &share));
        to->p = (float)share.low;
        return GRAFT_OK;
    }
    if (!has_key && *place < c->n_args && c->args[*place].kind != GF_CHANGE_FLAG) {
        int i = (*place)++;
        return take_value(p, word, &c->args[i], one, &to->args.value[i]);
    }
    char hint[160] = "it takes p=SHARE";
    size_t n = strlen(hint);
    for (int i = 0; i < c->n_args && n < sizeof hint; i++)
        n += (size_t)snprintf(hint + n, sizeof hint - n, ", %s", c->args[i].name);
    return gf_fail(p->err, GF_E_OPTION_VALUE, hint, "augment: `%s`: `%s` is not a value of it", SHOWN(word),
                   SHOWN(key));
}

static graft_status fill_defaults(const parser *p, piece word, gf_augment_word *to)
{
    const gf_random_change_class *c = to->change;
    for (int i = 0; i < c->n_args; i++) {
        const gf_change_arg *row = &c->args[i];
        struct gf_change_value *value = &to->args.value[i];
        char buf[160];
        if (value->given) continue;
        if (row->default_value) {
            (void)gf_change_parse_value(row, row->default_value, strlen(row->default_value), value, buf, sizeof buf);
            value->given = false;
        } else if (row->kind != GF_CHANGE_FLAG) {
            struct gf_change_value ignored;
            return gf_fail(p->err, GF_E_OPTION_VALUE, row->help, "augment: `%s` needs a value: %s: %s", SHOWN(word),
                           row->name, gf_change_parse_value(row, "", 0, &ignored, buf, sizeof buf));
        }
    }
    return GRAFT_OK;
}

/* Its numbers: the class's, and others for each word of the class that stood before. */
static uint32_t stream_of(const gf_augment_spec *spec, const gf_random_change_class *c)
{
    uint32_t before = 0;
    for (int i = 0; i < spec->n; i++) before += spec->word[i].change == c;
    return c->stream << 8 | before << 24;
}

/* All the transforms that are drawn, and a stretch at the end, have their places. */
static graft_status add_word(const parser *p, const gf_augment_word *word)
{
    gf_augment_spec *spec = p->spec;
    int transforms = 1;
    for (int i = 0; i <= spec->n; i++) {
        const gf_augment_word *at = i < spec->n ? &spec->word[i] : word;
        transforms += at->change->times ? at->change->times(&at->args) : 1;
    }
    if (spec->n == GF_AUGMENT_WORDS || transforms > GF_AUGMENT_TRANSFORMS) {
        return gf_fail(p->err, GF_E_OPTION_VALUE, NULL, "augment: more than %d words, or %d changes", GF_AUGMENT_WORDS,
                       GF_AUGMENT_TRANSFORMS - 1);
    }
    spec->word[spec->n++] = *word;
    return GRAFT_OK;
}

static graft_status parse_list(parser *p, piece text);

static size_t name_length(piece word)
{
    size_t n = 0;
    while (n < word.n && word.at[n] != '=' && word.at[n] != ':') n++;
    return n;
}

/* Takes a prefix off, which holds from here on. */
static piece without_prefix(parser *p, piece word)
{
    for (int i = 0; i < FAMILIES; i++) {
        size_t n = strlen(families[i].name);
        if (word.n <= n || word.at[n] != ':' || !is((piece){word.at, n}, families[i].name)) continue;
        p->family = families[i].family;
        return (piece){word.at + n + 1, word.n - n - 1};
    }
    return word;
}

static graft_status parse_word(parser *p, piece word)
{
    piece rest = without_prefix(p, word);
    for (size_t i = 0; i < SETS; i++) {
        if (!is(rest, sets[i].name)) continue;
        parser inner = {p->spec, GF_CHANGE_OWN, p->err};
        return *sets[i].words ? parse_list(&inner, (piece){sets[i].words, strlen(sets[i].words)}) : GRAFT_OK;
    }
    piece name = {rest.at, name_length(rest)};
    const gf_random_change_class *c = gf_random_change_find(p->family, name.at, name.n);
    if (!c) return fail_name(p, name);
    gf_augment_word to = {.change = c, .p = 1, .stream = stream_of(p->spec, c), .exact = p->family != GF_CHANGE_OWN};
    int place = 0;
    bool more = name.n < rest.n;
    if (more) rest = (piece){rest.at + name.n + 1, rest.n - name.n - 1};
    while (more) {
        more = memchr(rest.at, ':', rest.n) != NULL;
        GF_TRY(parse_argument(p, word, cut(&rest, ':'), &place, &to));
    }
    GF_TRY(fill_defaults(p, word, &to));
    return add_word(p, &to);
}

static graft_status parse_list(parser *p, piece text)
{
    for (;;) {
        bool last = !memchr(text.at, ',', text.n);
        piece word = cut(&text, ',');
        if (!word.n) {
            return gf_fail(p->err, GF_E_OPTION_VALUE, "for example flip,rotate=0.2, or none",
                           "augment: a word is missing beside a comma, or all are");
        }
        GF_TRY(parse_word(p, word));
        if (last) return GRAFT_OK;
    }
}

graft_status gf_augment_parse(const char *text, gf_augment_spec *out, graft_error *err)
{
    gf_augment_spec spec = {0};
    parser p = {&spec, GF_CHANGE_OWN, err};
    out->n = 0;
    GF_TRY(parse_list(&p, (piece){text, strlen(text)}));
    *out = spec;
    return GRAFT_OK;
}

/* ---- help */

/* name, then =VALUE or =default of the first row, :key=.. of the others, [:key] of flags. */
static void add_form(gf_text *text, const gf_random_change_class *c)
{
    gf_text_add(text, c->name);
    for (int i = 0; i < c->n_args; i++) {
        const gf_change_arg *row = &c->args[i];
        if (row->kind == GF_CHANGE_FLAG) {
            gf_text_printf(text, "[:%s]", row->name);
            continue;
        }
        gf_text_add(text, i ? ":" : "=");
        if (i) gf_text_printf(text, "%s=", row->name);
        for (const char *s = row->name; !row->default_value && *s; s++)
            gf_text_printf(text, "%c", *s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
        if (row->default_value) gf_text_add(text, row->default_value);
    }
}

void gf_augment_words(gf_text *text)
{
    const gf_random_change_class *c;
    for (int f = 0; f < FAMILIES; f++) {
        for (size_t i = 0; (c = gf_random_change_at(i)); i++) {
            if (!(c->families & families[f].family)) continue;
            if (families[f].family != GF_CHANGE_OWN) gf_text_printf(text, "%s:", families[f].name);
            add_form(text, c);
            gf_text_printf(text, " - %s", c->help);
            for (const char *s = c->aliases; s; s = strchr(s, '|') ? strchr(s, '|') + 1 : NULL)
                gf_text_printf(text, "%s%.*s", s == c->aliases ? " (or " : ", ", (int)strcspn(s, "|"), s);
            gf_text_add(text, c->aliases ? ")\n" : "\n");
        }
    }
    for (size_t i = 0; i < SETS; i++)
        gf_text_printf(text, "%s - %s\n", sets[i].name, *sets[i].words ? sets[i].words : "nothing changes");
}
