#include "recipe.h"
#include "errors.h"
#include "text.h"
#include "values.h"
#include "verbs.h"

#include <string.h>

/* Of one call or one machine. */
static bool belongs(const option *o)
{
    static const char *const local[] = {"recipe",    "save-recipe", "out",       "force",        "checkpoint-seconds",
                                        "no-report", "cache",       "cache-dir", "memory",       "threads",
                                        "json",      "help",        "find-lr",   "feature-limit"};
    const graft_option *row = o->setting ? graft_option_find(o->setting) : NULL;
    if (o->kind == OPTION_HEADING || (row && row->flags & GRAFT_OPTION_LOCAL)) return false;
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (!strcmp(local[i], o->name)) return false;
    return true;
}

/* "recipe.yaml:3: " before a message that an option's parser made. */
static void at_line(const settings *s, size_t i, graft_error *err)
{
    graft_error why = *err;
    snprintf(err->message, sizeof err->message, "%.400s:%u: %.1000s", ESCAPED(s->recipe),
             graft_recipe_line(s->recipe_read, i), why.message);
}

static graft_status unknown(const verb *v, const char *name, graft_error *err)
{
    const option *best = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < v->n_options; i++) {
        const option *o = &v->options[i];
        size_t distance = o->name && belongs(o) ? text_distance(name, o->name) : SIZE_MAX;
        if (distance < least) least = distance, best = o;
    }
    fail(err, E_OPTION_UNKNOWN, NULL, "%s is no option of graft %s that a recipe holds", ESCAPED(name), v->name);
    if (best && text_is_near(name, least)) fail_hint(err, "did you mean %s?", best->name);
    return err->status;
}

/* Of a flag: 1, 0, or -1 where the word is neither. */
static int truth(const char *word)
{
    if (!strcmp(word, "true") || !strcmp(word, "yes") || !strcmp(word, "1")) return 1;
    return !strcmp(word, "false") || !strcmp(word, "no") || !strcmp(word, "0") ? 0 : -1;
}

static graft_status take_flag(const option *o, const char *value, settings *s, bool *given, graft_error *err)
{
    int on = truth(value);
    *given = on == 1;
    if (on < 0) return fail(err, E_OPTION_VALUE, NULL, "%s is a flag: true or false", o->name);
    return on ? value_set(o, NULL, s, err) : GRAFT_OK;
}

static graft_status take(const verb *v, size_t i, settings *s, const settings *defaults, graft_error *err)
{
    char fallback[96];
    const char *name = graft_recipe_name(s->recipe_read, i), *value = graft_recipe_value(s->recipe_read, i);
    const option *o = options_find(v, name, strlen(name));
    if (!o || !belongs(o)) return unknown(v, name, err);
    bool *given = &s->given[o - v->options];
    if (*given) return GRAFT_OK; /* by the command line, which has the last word */
    if (!options_takes_value(o)) return take_flag(o, value, s, given, err);
    if (!strcmp(options_default(o, defaults, fallback, sizeof fallback), value)) return GRAFT_OK;
    s->text[o - v->options] = value;
    *given = true;
    return value_set(o, value, s, err);
}

graft_status recipe_apply(const verb *v, settings *s, graft_error *err)
{
    settings defaults;
    settings_defaults(&defaults);
    graft_status status = graft_recipe_read(s->recipe, &s->recipe_read, err);
    for (size_t i = 0; !status && graft_recipe_name(s->recipe_read, i); i++) {
        status = take(v, i, s, &defaults, err);
        if (status) at_line(s, i, err);
    }
    return status;
}

graft_status recipe_save(const verb *v, const settings *s, graft_error *err)
{
    enum { DEFAULT_SIZE = 96 };
    const char *name[OPTIONS_MAX], *value[OPTIONS_MAX];
    char fallback[OPTIONS_MAX][DEFAULT_SIZE];
    settings defaults;
    size_t n = 0;
    settings_defaults(&defaults);
    for (size_t i = 0; i < v->n_options; i++) {
        const option *o = &v->options[i];
        if (!belongs(o)) continue;
        bool takes = options_takes_value(o);
        if (s->given[i])
            value[n] = takes ? s->text[i] : "true";
        else
            value[n] = takes ? options_default(o, &defaults, fallback[i], DEFAULT_SIZE) : "";
        if (!*value[n]) continue;
        name[n++] = o->name;
    }
    return graft_recipe_write(s->save_recipe, name, value, n, err);
}
