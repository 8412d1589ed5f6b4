/* optimizer.c - what all kinds of optimizers share: their text, weight decay, the step in stretches. */
#include "train/optimizer.h"

#include "base/arguments.h"
#include "base/number.h"

#include <string.h>

/* Every kind has it, behind its own. */
static gf_optimizer_arg weight_decay_of(const gf_optimizer_class *class)
{
    return (gf_optimizer_arg){.name = "weight_decay",
                              .high = 1,
                              .value = class->weight_decay,
                              .torch = class->torch_decay,
                              .help = "the share of a parameter, times the learning rate, that each step takes off it"};
}

static gf_optimizer_arg arg_at(const gf_optimizer_class *class, size_t i)
{
    return i < class->n_args ? class->arg[i] : weight_decay_of(class);
}

/* ---- text, handled as (start, length): it is cut up where it lies */

static bool same(const char *s, size_t n, const char *name) { return strlen(name) == n && !memcmp(s, name, n); }

static const char *name_at(size_t i)
{
    const gf_optimizer_class *class = gf_optimizer_at(i);
    return class ? class->name : NULL;
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

/* "form=keras" or "form=torch": whose formulas and defaults these are. */
static bool is_form(const char *s, size_t n)
{
    static const char form[] = "form=";
    return n >= sizeof form - 1 && !memcmp(s, form, sizeof form - 1);
}

static graft_status parse_form(gf_optimizer *o, const char *s, size_t n, graft_error *err)
{
    char item[64], *text = gf_strndup(s, n);
    bool keras = text && !strcmp(text, "form=keras");
    graft_status status = GRAFT_OK;
    o->torch = text && o->class->torch && !strcmp(text, "form=torch");
    if (!keras && !o->torch) {
        status = gf_fail(err, GF_E_OPTIMIZER_OPTION, NULL, "optimizer %s: \"%s\": form takes %s", o->class->name,
                         gf_escape(item, sizeof item, text ? text : "?"), o->class->torch ? "keras or torch" : "keras");
    }
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
    if (arg.torch_only && !o->torch) {
        return gf_fail(err, GF_E_OPTIMIZER_OPTION, "write form=torch with it", "optimizer %s: Keras's form has no %s",
                       o->class->name, arg.name);
    }
    double *at = i < o->class->n_args ? &o->arg[i] : &o->weight_decay;
    if (equals && gf_number_parse(equals + 1, n - key_size - 1, at) && in_range(&arg, *at)) return GRAFT_OK;
    char item[64], *text = gf_strndup(s, n);
    graft_status status =
        gf_fail(err, GF_E_OPTIMIZER_OPTION, NULL, "optimizer %s: \"%s\": %s (%s) takes %s", o->class->name,
                gf_escape(item, sizeof item, text ? text : "?"), arg.name, arg.help, takes(&arg));
    gf_free(text);
    return status;
}

typedef graft_status parse_fn(gf_optimizer *o, const char *s, size_t n, graft_error *err);

/* Each "name=value" of the list that is a form, or is none. */
static graft_status parse_args(gf_optimizer *o, const char *s, bool form, parse_fn *parse, graft_error *err)
{
    while (*s) {
        s++; /* the ':' or ',' before an argument */
        size_t size = strcspn(s, ",");
        if (is_form(s, size) == form) GF_TRY(parse(o, s, size, err));
        s += size;
    }
    return GRAFT_OK;
}

graft_status gf_optimizer_parse(gf_optimizer *out, const char *text, graft_error *err)
{
    *out = (gf_optimizer){0};
    size_t n = strcspn(text, ":"), at = gf_name_find(name_at, text, n);
    if (at == SIZE_MAX) return gf_name_fail(GF_E_OPTIMIZER_UNKNOWN, "optimizer", name_at, text, strlen(text), err);
    const gf_optimizer_class *class = gf_optimizer_at(at);
    out->class = class;
    GF_TRY(parse_args(out, text + n, true, parse_form, err)); /* the defaults depend on it */
    out->weight_decay = out->torch ? class->torch_decay : class->weight_decay;
    for (size_t i = 0; i < class->n_args; i++) out->arg[i] = out->torch ? class->arg[i].torch : class->arg[i].value;
    return parse_args(out, text + n, false, parse_arg, err);
}

static void add_words(gf_text *text, const gf_optimizer_class *class, bool torch)
{
    enum { DIGITS = 6 };
    gf_text_printf(text, "%s%s", class->name, torch ? ":form=torch" : "");
    for (size_t i = 0; i <= class->n_args; i++) {
        const gf_optimizer_arg arg = arg_at(class, i);
        if (arg.torch_only && !torch) continue;
        gf_text_printf(text, "%s%s=%s", i || torch ? "," : ":", arg.name,
                       GF_GENERAL(torch ? arg.torch : arg.value, DIGITS));
    }
    gf_text_printf(text, " - %s%s\n", class->help, torch ? ", as in PyTorch" : "");
}

void gf_optimizer_words(gf_text *text)
{
    for (size_t k = 0; gf_optimizer_at(k); k++) {
        add_words(text, gf_optimizer_at(k), false);
        if (gf_optimizer_at(k)->torch) add_words(text, gf_optimizer_at(k), true);
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

/* PyTorch's AdamW. */
static void shrink(const gf_optimizer *o, float *param, size_t n)
{
    const float keeps = (float)(1 - (double)o->lr * o->weight_decay);
    for (size_t i = 0; i < n; i++) param[i] *= keeps;
}

enum { STRETCH = 2048 }; /* stays in the first-level cache between the decay and the update */

/* The gradient with which a stretch is updated, its decay done; `sum` has room for it. */
static const float *decayed(const gf_optimizer *o, float *param, const float *grad, size_t n, float sum[STRETCH])
{
    if (!(o->weight_decay > 0)) return grad;
    if (!o->torch || o->class->decoupled) {
        o->torch ? shrink(o, param, n) : decay(o, param, n);
        return grad;
    }
    const float weight_decay = (float)o->weight_decay;
    for (size_t i = 0; i < n; i++) sum[i] = grad[i] + weight_decay * param[i];
    return sum;
}

static size_t stretch_at(float **slot, int n_slots, float *slots, size_t total, size_t at, size_t n)
{
    for (int i = 0; i < n_slots; i++) slot[i] = slots + (size_t)i * total + at;
    return n - at < STRETCH ? n - at : STRETCH;
}

void gf_optimizer_step(const gf_optimizer *o, float *param, const float *grad, float *slots, size_t total, size_t n)
{
    float *slot[GF_OPTIMIZER_MAX_SLOTS], sum[STRETCH];
    int n_slots = gf_optimizer_slots(o);
    for (size_t at = 0; at < n; at += STRETCH) {
        size_t count = stretch_at(slot, n_slots, slots, total, at, n);
        const float *g = o->class->measure ? grad + at : decayed(o, param + at, grad + at, count, sum);
        o->class->step(o, param + at, g, slot, count);
    }
}

void gf_optimizer_measure(const gf_optimizer *o, float *param, const float *grad, float *slots, size_t total, size_t n,
                          double squares[2])
{
    float *slot[GF_OPTIMIZER_MAX_SLOTS], sum[STRETCH];
    int n_slots = gf_optimizer_slots(o);
    squares[0] = squares[1] = 0;
    for (size_t at = 0; at < n; at += STRETCH) {
        double part[2];
        size_t count = stretch_at(slot, n_slots, slots, total, at, n);
        const float *g = decayed(o, param + at, grad + at, count, sum);
        o->class->measure(o, param + at, g, slot, count, part);
        squares[0] += part[0];
        squares[1] += part[1];
    }
}

void gf_optimizer_prepare(gf_optimizer *o, double param_norm, double update_norm)
{
    o->class->prepare(o, param_norm, update_norm);
}
