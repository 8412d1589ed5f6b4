/* loss_list.c - losses by name, and what several of them use. */
#include "tasks/loss.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- by name */

static size_t count_args(const gf_loss_class *c)
{
    size_t n = 0;
    while (n < GF_LOSS_ARGS && c->arg[n].name) n++;
    return n;
}

static graft_status not_known(const char *word, size_t n, graft_error *err)
{
    enum { SHOWN = 40 };
    char shown[SHOWN + 1];
    gf_text known = {0};
    for (size_t i = 0; gf_loss_class_at(i); i++)
        gf_text_printf(&known, "%s%s", i ? ", " : "", gf_loss_class_at(i)->name);
    snprintf(shown, sizeof shown, "%.*s", (int)(n < SHOWN ? n : SHOWN), word);
    graft_status status =
        gf_fail(err, GF_E_OPTION_VALUE, known.failed ? NULL : known.s, "there is no loss \"%s\"", GF_ESC(shown));
    gf_text_free(&known);
    return status;
}

static graft_status wrong_arg(const gf_loss_class *c, const char *word, size_t n, graft_error *err)
{
    enum { SHOWN = 40 };
    char shown[SHOWN + 1];
    gf_text known = {0};
    for (size_t i = 0; i < count_args(c); i++) {
        const gf_loss_arg *a = &c->arg[i];
        gf_text_printf(&known, "%s%s from %g to %g", i ? ", " : "", a->name, a->low, a->high);
    }
    snprintf(shown, sizeof shown, "%.*s", (int)(n < SHOWN ? n : SHOWN), word);
    graft_status status = gf_fail(err, GF_E_OPTION_VALUE, known.failed || !known.n ? "it takes none" : known.s,
                                  "loss %s: \"%s\" is no argument of it with a value", c->name, GF_ESC(shown));
    gf_text_free(&known);
    return status;
}

/* "NAME=VALUE" */
static graft_status parse_arg(gf_loss *l, const char *word, size_t n, graft_error *err)
{
    const char *equals = memchr(word, '=', n);
    size_t name = equals ? (size_t)(equals - word) : n;
    for (size_t i = 0; equals && i < count_args(l->cls); i++) {
        const gf_loss_arg *a = &l->cls->arg[i];
        if (strlen(a->name) != name || memcmp(a->name, word, name)) continue;
        bool ok = gf_number_parse(equals + 1, n - name - 1, &l->arg[i]);
        l->given[i] = true;
        if (ok && l->arg[i] >= a->low && l->arg[i] <= a->high) return GRAFT_OK;
    }
    return wrong_arg(l->cls, word, n, err);
}

graft_status gf_loss_parse(gf_loss *l, const char *text, graft_error *err)
{
    const gf_loss_class *c = gf_loss_class_at(0);
    if (!text) text = c->name;
    size_t name = strcspn(text, ":");
    for (size_t i = 0; (c = gf_loss_class_at(i)); i++) {
        if (strlen(c->name) == name && !memcmp(c->name, text, name)) break;
    }
    if (!c) return not_known(text, name, err);
    *l = (gf_loss){.cls = c};
    for (size_t i = 0; i < count_args(c); i++) l->arg[i] = c->arg[i].value;
    for (const char *s = text + name; *s;) {
        s++; /* the ':' or ',' before an argument */
        size_t n = strcspn(s, ",");
        GF_TRY(parse_arg(l, s, n, err));
        s += n;
    }
    return GRAFT_OK;
}

void gf_loss_words(gf_text *text)
{
    enum { DIGITS = 6 };
    const gf_loss_class *c;
    for (size_t k = 0; (c = gf_loss_class_at(k)); k++) {
        gf_text_add(text, c->name);
        for (size_t i = 0; i < count_args(c); i++) {
            gf_text_printf(text, "%s%s=%s", i ? "," : ":", c->arg[i].name, GF_GENERAL(c->arg[i].value, DIGITS));
        }
        gf_text_printf(text, " - %s\n", c->help);
    }
}

/* ---- parts */

float gf_sigmoid(float z)
{
    float e = expf(-fabsf(z)); /* never overflows */
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

int gf_largest(const float *z, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++) {
        if (z[i] > z[at]) at = i;
    }
    return at;
}

void gf_softmax(const float *z, int n, float *p)
{
    float top = z[gf_largest(z, n)], sum = 0;
    for (int i = 0; i < n; i++) sum += p[i] = expf(z[i] - top);
    for (int i = 0; i < n; i++) p[i] /= sum;
}
