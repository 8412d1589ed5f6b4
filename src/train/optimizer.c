/* optimizer.c - what all kinds of optimizers share: their text, weight decay, the step in stretches. */
#include "train/optimizer.h"

#include "base/number.h"

#include <string.h>

/* Every kind has it, behind its own. */
static gf_optimizer_arg weight_decay_of(const gf_optimizer_class *class)
{
    return (gf_optimizer_arg){
        "weight_decay",      0,     1,
        class->weight_decay, false, "the share of a parameter, times the learning rate, that each step takes off it"};
}

static gf_optimizer_arg arg_at(const gf_optimizer_class *class, size_t i)
{
    return i < class->n_args ? class->arg[i] : weight_decay_of(class);
}

/* ---- text, handled as (start, length): it is cut up where it lies */

static bool same(const char *s, size_t n, const char *name) { return strlen(name) == n && !memcmp(s, name, n); }

static const gf_optimizer_class *find_class(const char *s, size_t n)
{
    for (size_t i = 0; gf_optimizer_at(i); i++) {
        if (same(s, n, gf_optimizer_at(i)->name)) return gf_optimizer_at(i);
    }
    return NULL;
}

/* n_args: weight_decay; beyond it: there is no such argument. */
static size_t find_arg(const gf_optimizer_class *class, const char *s, size_t n)
{
    size_t i = 0;
    while (i <= class->n_args && !same(s, n, arg_at(class, i).name)) i++;
    return i;
}

static const char *takes(const gf_optimizer_arg *arg)
{
    if (arg->flag) return "0 or 1";
    return arg->low > 0 ? "a number between 0 and 1" : "a number from 0 to 1, 1 not included";
}

static bool in_range(const gf_optimizer_arg *arg, double x)
{
    return arg->flag ? x == 0 || x == 1 : x >= arg->low && x < arg->high;
}

static graft_status fail_arg(const gf_optimizer_class *class, const char *s, size_t n, graft_error *err)
{
    char key[64], *text = gf_strndup(s, n);
    gf_text known = {0};
    for (size_t i = 0; i <= class->n_args; i++) gf_text_printf(&known, " %s", arg_at(class, i).name);
    graft_status status =
        gf_fail(err, GF_E_OPTIMIZER_OPTION, "write options as KIND:NAME=VALUE,NAME=VALUE",
                "optimizer %s has no option \"%s\"; its options are%s", class->name,
                gf_escape(key, sizeof key, text ? text : "?"), known.failed ? " not listed" : known.s);
    gf_text_free(&known);
    gf_free(text);
    return status;
}

/* One "name=value" of n bytes. */
static graft_status parse_arg(gf_optimizer *o, const char *s, size_t n, graft_error *err)
{
    const char *equals = memchr(s, '=', n);
    size_t key_size = equals ? (size_t)(equals - s) : n, i = find_arg(o->class, s, key_size);
    if (i > o->class->n_args) return fail_arg(o->class, s, key_size, err);
    const gf_optimizer_arg arg = arg_at(o->class, i);
    double *at = i < o->class->n_args ? &o->arg[i] : &o->weight_decay;
    if (equals && gf_number_parse(equals + 1, n - key_size - 1, at) && in_range(&arg, *at)) return GRAFT_OK;
    char item[64], *text = gf_strndup(s, n);
    graft_status status =
        gf_fail(err, GF_E_OPTIMIZER_OPTION, NULL, "optimizer %s: \"%s\": %s (%s) takes %s", o->class->name,
                gf_escape(item, sizeof item, text ? text : "?"), arg.name, arg.help, takes(&arg));
    gf_free(text);
    return status;
}

static graft_status fail_unknown(const char *text, graft_error *err)
{
    gf_text hint = {0};
    char name[64];
    for (size_t i = 0; gf_optimizer_at(i); i++) {
        gf_text_printf(&hint, "%s%s", i ? ", " : "use one of ", gf_optimizer_at(i)->name);
    }
    graft_status status = gf_fail(err, GF_E_OPTIMIZER_UNKNOWN, hint.failed ? NULL : hint.s,
                                  "optimizer \"%s\" is not known", gf_escape(name, sizeof name, text));
    gf_text_free(&hint);
    return status;
}

graft_status gf_optimizer_parse(gf_optimizer *out, const char *text, graft_error *err)
{
    *out = (gf_optimizer){0};
    size_t n = strcspn(text, ":");
    const gf_optimizer_class *class = find_class(text, n);
    if (!class) return fail_unknown(text, err);
    out->class = class;
    out->weight_decay = class->weight_decay;
    for (size_t i = 0; i < class->n_args; i++) out->arg[i] = class->arg[i].value;
    for (const char *s = text + n; *s;) {
        s++; /* the ':' or ',' before an argument */
        size_t size = strcspn(s, ",");
        GF_TRY(parse_arg(out, s, size, err));
        s += size;
    }
    return GRAFT_OK;
}

void gf_optimizer_words(gf_text *text)
{
    enum { DIGITS = 6 };
    for (size_t k = 0; gf_optimizer_at(k); k++) {
        const gf_optimizer_class *class = gf_optimizer_at(k);
        gf_text_add(text, class->name);
        for (size_t i = 0; i <= class->n_args; i++) {
            const gf_optimizer_arg arg = arg_at(class, i);
            gf_text_printf(text, "%s%s=%s", i ? "," : ":", arg.name, GF_GENERAL(arg.value, DIGITS));
        }
        gf_text_printf(text, " - %s\n", class->help);
    }
}

/* ---- a step */

int gf_optimizer_slots(const gf_optimizer *o) { return o->class->slots(o); }

void gf_optimizer_begin_step(gf_optimizer *o, double lr, int64_t steps_done)
{
    o->lr = (float)lr;
    if (o->class->begin_step) o->class->begin_step(o, steps_done);
}

/* Keras: variable -= variable * weight_decay * lr, before the update. */
static void decay(const gf_optimizer *o, float *param, size_t n)
{
    const float weight_decay = (float)o->weight_decay, lr = o->lr;
    for (size_t i = 0; i < n; i++) param[i] -= param[i] * weight_decay * lr;
}

/* In stretches that stay in the first-level cache between the decay and the update. */
void gf_optimizer_step(const gf_optimizer *o, float *param, const float *grad, float *slots, size_t total, size_t n)
{
    enum { STRETCH = 2048 };
    float *slot[GF_OPTIMIZER_MAX_SLOTS];
    int n_slots = gf_optimizer_slots(o);
    for (size_t at = 0; at < n; at += STRETCH) {
        size_t count = n - at < STRETCH ? n - at : STRETCH;
        for (int i = 0; i < n_slots; i++) slot[i] = slots + (size_t)i * total + at;
        if (o->weight_decay > 0) decay(o, param + at, count);
        o->class->step(o, param + at, grad + at, slot, count);
    }
}
