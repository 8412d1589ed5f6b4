#include "base/arguments.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 9, SHOWN = 64 };

/* ---- names */

size_t gf_name_find(gf_name_at *name_at, const char *text, size_t n)
{
    const char *name;
    for (size_t i = 0; n && (name = name_at(i)); i++) {
        if (strlen(name) == n && !memcmp(name, text, n)) return i;
    }
    return SIZE_MAX;
}

graft_status gf_name_fail(gf_errno number, const char *what, gf_name_at *name_at, const char *text, size_t n,
                          graft_error *err)
{
    char shown[SHOWN], *asked = gf_strndup(text, n);
    const char *name;
    gf_text hint = {0};
    for (size_t i = 0; (name = name_at(i)); i++) {
        if (*name) gf_text_printf(&hint, "%s%s", hint.n ? ", " : "use one of ", name);
    }
    graft_status status = gf_fail(err, number, hint.failed ? NULL : hint.s, "%s \"%s\" is not known", what,
                                  gf_escape(shown, sizeof shown, asked ? asked : "?"));
    gf_text_free(&hint);
    gf_free(asked);
    return status;
}

/* ---- arguments */

void gf_arguments_free(gf_arguments *a)
{
    for (int i = 0; i < GF_MAX_ARGUMENTS; i++) gf_free(a->word[i]);
    *a = (gf_arguments){0};
}

static bool is_choice(const char *choices, const char *s, size_t n)
{
    while (choices) {
        size_t length = strcspn(choices, "|");
        if (length == n && !memcmp(choices, s, n)) return true;
        choices = choices[length] ? choices + length + 1 : NULL;
    }
    return false;
}

static bool flag_word(const char *s, size_t n, double *x)
{
    static const char *const words[2] = {"no|false|off|No|False|Off", "yes|true|on|Yes|True|On"};
    for (int i = 0; i < 2; i++) {
        if (!is_choice(words[i], s, n)) continue;
        *x = i;
        return true;
    }
    return false;
}

/* Whether the n bytes are a key's name: "min-delta" is "min_delta". */
static bool is_key(const char *name, const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && name[i] && (s[i] == name[i] || (s[i] == '-' && name[i] == '_'))) i++;
    return i == n && !name[i];
}

/* Whether the n bytes are a value for the row; the number that they are. */
static bool is_value(const gf_argument *row, const char *s, size_t n, double *x)
{
    *x = NAN;
    if (row->kind == GF_ARG_WORD) return n && (!row->choices || is_choice(row->choices, s, n));
    if (row->kind == GF_ARG_FLAG && flag_word(s, n, x)) return true;
    if (!gf_number_parse(s, n, x) || isnan(*x)) return false;
    if (row->kind == GF_ARG_FLAG) return *x == 0 || *x == 1;
    return *x >= row->low && *x <= row->high && (row->kind == GF_ARG_REAL || *x == floor(*x));
}

static const char *wanted(const gf_argument *row, char buf[SHOWN])
{
    if (row->kind == GF_ARG_FLAG) return "yes or no";
    if (row->kind == GF_ARG_WORD) return row->choices ? row->choices : "a word";
    snprintf(buf, SHOWN, "a %snumber from %s to %s", row->kind == GF_ARG_WHOLE ? "whole " : "",
             GF_GENERAL(row->low, DIGITS), GF_GENERAL(row->high, DIGITS));
    return buf;
}

typedef struct kind {
    const char *what, *name;
    const gf_argument *row;
    size_t rows;
} kind;

static graft_status fail_key(const kind *k, const char *s, size_t n, graft_error *err)
{
    char shown[SHOWN], *key = gf_strndup(s, n);
    gf_text known = {0};
    for (size_t i = 0; i < k->rows; i++) gf_text_printf(&known, "%s%s", i ? ", " : "", k->row[i].name);
    gf_escape(shown, sizeof shown, key ? key : "?");
    graft_status status =
        k->rows ? gf_fail(err, GF_E_OPTION_VALUE, "write NAME:KEY=VALUE,KEY=VALUE", "%s %s has no \"%s\"; it has %s",
                          k->what, k->name, shown, known.failed ? "(no memory)" : known.s)
                : gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s %s takes nothing, not \"%s\"", k->what, k->name, shown);
    gf_text_free(&known);
    gf_free(key);
    return status;
}

static graft_status set(gf_arguments *out, size_t i, const char *s, size_t n, double x, graft_error *err)
{
    out->number[i] = x;
    if (!isnan(x)) return GRAFT_OK;
    gf_free(out->word[i]);
    out->word[i] = gf_strndup(s, n);
    return out->word[i] ? GRAFT_OK : gf_fail_memory(err, n, "an argument");
}

/* One "KEY=VALUE" of n bytes. */
static graft_status take(gf_arguments *out, const kind *k, const char *s, size_t n, graft_error *err)
{
    const char *equals = memchr(s, '=', n);
    size_t key = equals ? (size_t)(equals - s) : n, i = 0;
    while (i < k->rows && !is_key(k->row[i].name, s, key)) i++;
    if (i == k->rows || !equals) return fail_key(k, s, key, err);
    double x;
    const char *value = equals + 1;
    size_t length = n - key - 1;
    if (is_value(&k->row[i], value, length, &x)) return set(out, i, value, length, x, err);
    char shown[SHOWN], takes[SHOWN], *text = gf_strndup(value, length);
    graft_status status =
        gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s %s: %s \"%s\": wanted is %s (%s)", k->what, k->name, k->row[i].name,
                gf_escape(shown, sizeof shown, text ? text : "?"), wanted(&k->row[i], takes), k->row[i].help);
    gf_free(text);
    return status;
}

static graft_status defaults(gf_arguments *out, const kind *k, graft_error *err)
{
    for (size_t i = 0; i < k->rows; i++) {
        const char *value = k->row[i].value;
        double x = NAN;
        if (value) is_value(&k->row[i], value, strlen(value), &x);
        out->number[i] = x;
        if (value && k->row[i].kind == GF_ARG_WORD) GF_TRY(set(out, i, value, strlen(value), NAN, err));
    }
    return GRAFT_OK;
}

graft_status gf_arguments_parse(gf_arguments *out, const char *what, const char *name, const gf_argument *row,
                                size_t rows, const char *text, size_t n, graft_error *err)
{
    const kind k = {what, name, row, rows};
    const char *end = text + n;
    *out = (gf_arguments){0};
    graft_status status = defaults(out, &k, err);
    for (const char *at = text; status == GRAFT_OK && at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t length = (size_t)((comma ? comma : end) - at);
        status = take(out, &k, at, length, err);
        at += length + (comma != NULL);
    }
    if (status != GRAFT_OK) gf_arguments_free(out);
    return status;
}

void gf_arguments_words(gf_text *text, const char *name, const char *help, const gf_argument *row, size_t rows)
{
    gf_text_printf(text, "%s - %s\n", name, help);
    for (size_t i = 0; i < rows; i++) {
        char takes[SHOWN];
        gf_text_printf(text, "  %s=%s - %s (%s)\n", row[i].name, row[i].value ? row[i].value : "", row[i].help,
                       wanted(&row[i], takes));
    }
}
