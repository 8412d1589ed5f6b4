#include "train/optimizer.h"

#include "base/alloc.h"
#include "base/number.h"

#include <string.h>

static const gf_optimizer_class *const classes[] = {&gf_optimizer_adam, &gf_optimizer_adamw, &gf_optimizer_rmsprop,
                                                    &gf_optimizer_sgd};
enum { N_CLASSES = sizeof classes / sizeof *classes };

/* Every option of any kind: where it lives and what it may be. A flag takes 0 or 1. Epsilon is above 0, in f32 too: a
 * gradient of 0 must not make 0 / 0. */
typedef struct option_row {
    const char *name;
    size_t offset;
    bool flag;
    double low, high; /* low <= value < high */
} option_row;

#define ROW(name, flag, low, high)                                   \
    {                                                                \
#name, offsetof(gf_optimizer_options, name), flag, low, high \
    }
static const option_row rows[] = {
    ROW(beta_1, false, 0, 1),   ROW(beta_2, false, 0, 1),      ROW(rho, false, 0, 1),
    ROW(momentum, false, 0, 1), ROW(epsilon, false, 1e-30, 1), ROW(weight_decay, false, 0, 1),
    ROW(amsgrad, true, 0, 2),   ROW(centered, true, 0, 2),     ROW(nesterov, true, 0, 2),
};
enum { N_ROWS = sizeof rows / sizeof *rows };

/* Text is handled as (start, length): an option string is cut up where it lies. */
static bool same(const char *s, size_t n, const char *name) { return strlen(name) == n && !memcmp(s, name, n); }

static const gf_optimizer_class *find_class(const char *s, size_t n)
{
    for (size_t i = 0; i < N_CLASSES; i++) {
        if (same(s, n, classes[i]->name)) return classes[i];
    }
    return NULL;
}

static bool reads(const gf_optimizer_class *class, const char *option)
{
    char word[32];
    size_t n = strlen(option);
    word[0] = ' ';
    memcpy(word + 1, option, n);
    memcpy(word + 1 + n, " ", 2);
    return strstr(class->options, word) != NULL;
}

static const option_row *find_row(const gf_optimizer_class *class, const char *s, size_t n)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (same(s, n, rows[i].name) && reads(class, rows[i].name)) return &rows[i];
    }
    return NULL;
}

static bool set(gf_optimizer_options *options, const option_row *row, const char *s, size_t n)
{
    double value;
    if (!gf_number_parse(s, n, &value) || !(value >= row->low && value < row->high)) return false;
    char *at = (char *)options + row->offset;
    if (!row->flag) {
        memcpy(at, &value, sizeof value);
    } else if (value == 0 || value == 1) {
        *(bool *)at = value == 1;
    } else {
        return false;
    }
    return true;
}

/* One "key=value" of n bytes. */
static graft_status parse_option(gf_optimizer *o, const char *s, size_t n, graft_error *err)
{
    char key[64], item[64];
    const char *equals = memchr(s, '=', n);
    size_t key_size = equals ? (size_t)(equals - s) : n;
    const option_row *row = find_row(o->class, s, key_size);
    if (!row) {
        char *text = gf_strndup(s, key_size);
        graft_status status = gf_fail(err, GF_E_OPTIMIZER_OPTION, "write options as KIND:NAME=VALUE,NAME=VALUE",
                                      "optimizer %s has no option \"%s\"; its options are%s", o->class->name,
                                      gf_escape(key, sizeof key, text ? text : "?"), o->class->options);
        gf_free(text);
        return status;
    }
    if (!equals || !set(&o->options, row, equals + 1, n - key_size - 1)) {
        char *text = gf_strndup(s, n);
        graft_status status = gf_fail(err, GF_E_OPTIMIZER_OPTION, NULL, "optimizer %s: \"%s\": %s takes %s",
                                      o->class->name, gf_escape(item, sizeof item, text ? text : "?"), row->name,
                                      row->flag      ? "0 or 1"
                                      : row->low > 0 ? "a number between 0 and 1"
                                                     : "a number from 0 to 1, 1 not included");
        gf_free(text);
        return status;
    }
    return GRAFT_OK;
}

static graft_status fail_unknown(const char *text, graft_error *err)
{
    gf_text hint = {0};
    char name[64];
    for (size_t i = 0; i < N_CLASSES; i++) gf_text_printf(&hint, "%s%s", i ? ", " : "use one of ", classes[i]->name);
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
    out->options = class->defaults;
    for (const char *s = text + n; *s;) {
        s++; /* the ':' or ',' before an option */
        size_t size = strcspn(s, ",");
        GF_TRY(parse_option(out, s, size, err));
        s += size;
    }
    return GRAFT_OK;
}

int gf_optimizer_slots(const gf_optimizer *o) { return o->class->slots(&o->options); }

void gf_optimizer_begin_step(gf_optimizer *o, double lr, int64_t steps_done)
{
    o->now.lr = (float)lr;
    if (o->class->begin_step) o->class->begin_step(o, steps_done);
}

/* Keras: variable -= variable * weight_decay * lr, before the update. */
static void decay(const gf_optimizer *o, float *param, size_t n)
{
    const float weight_decay = (float)o->options.weight_decay, lr = o->now.lr;
    for (size_t i = 0; i < n; i++) param[i] -= param[i] * weight_decay * lr;
}

/* In stretches that stay in the first-level cache between the decay and the update. */
void gf_optimizer_step(const gf_optimizer *o, float *param, const float *grad, float *slots, size_t total, size_t from,
                       size_t count)
{
    enum { STRETCH = 2048 };
    float *slot[GF_OPTIMIZER_MAX_SLOTS];
    int n_slots = gf_optimizer_slots(o);
    for (size_t at = from; at < from + count; at += STRETCH) {
        size_t n = from + count - at < STRETCH ? from + count - at : STRETCH;
        for (int i = 0; i < n_slots; i++) slot[i] = slots + (size_t)i * total + at;
        if (o->options.weight_decay > 0) decay(o, param + at, n);
        o->class->step(o, param + at, grad + at, slot, n);
    }
}
