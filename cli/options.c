#include "options.h"
#include "effects.h"
#include "errors.h"
#include "recipe.h"
#include "text.h"
#include "values.h"
#include "verbs.h"

#include <inttypes.h>
#include <string.h>

bool options_takes_value(const option *o)
{
    const graft_option *row = o->setting ? graft_option_find(o->setting) : NULL;
    return row ? row->value != NULL : o->value != NULL;
}

option options_row(const verb *v, size_t i)
{
    option o = v->options[i];
    const graft_option *row = o.setting ? graft_option_find(o.setting) : NULL;
    if (!row) return o;
    o.value = row->value;
    o.choices = row->choices;
    if (!o.help) o.help = row->help;
    if (row->kind == GRAFT_OPTION_FILE) o.kind = OPTION_FILE;
    if (row->kind == GRAFT_OPTION_FOLDER) o.kind = OPTION_FOLDER;
    return o;
}

const option *options_find(const verb *v, const char *name, size_t n)
{
    for (size_t i = 0; i < v->n_options; i++) {
        const option *o = &v->options[i];
        if (o->name && strlen(o->name) == n && !memcmp(o->name, name, n)) return o;
    }
    return NULL;
}

bool options_given(const verb *v, const settings *s, const char *name)
{
    const option *o = options_find(v, name, strlen(name));
    return o && s->given[o - v->options];
}

/* Says what may have been meant: a name that is near, else the verb that has this option. */
static graft_status unknown_option(const verb *v, const char *dashes, const char *name, graft_error *err)
{
    const option *best = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < v->n_options; i++) {
        const option *o = &v->options[i];
        size_t distance = o->name ? text_distance(name, o->name) : SIZE_MAX;
        if (distance < least) least = distance, best = o;
    }
    fail(err, E_OPTION_UNKNOWN, NULL, "graft %s has no option %s%s", v->name, dashes, ESCAPED(name));
    const verb *other = NULL;
    for (size_t i = 0; (other = verbs_at(i)); i++)
        if (options_find(other, name, strlen(name))) break;
    if (best && text_is_near(name, least))
        fail_hint(err, "did you mean --%s?", best->name);
    else if (other)
        fail_hint(err, "it is an option of graft %s; `graft %s --help` lists those of %s", other->name, v->name,
                  v->name);
    else
        fail_hint(err, "`graft %s --help` lists the options", v->name);
    return err->status;
}

/* argv[*i] is --name, --name=value, or --name with its value in argv[*i + 1]. */
static graft_status parse_option(const verb *v, int argc, char **argv, int *i, settings *s, graft_error *err)
{
    char name[64];
    const char *text = argv[*i], *start = text + (text[1] == '-' ? 2 : 1), *equals = strchr(start, '=');
    size_t n = equals ? (size_t)(equals - start) : strlen(start);
    snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : (int)sizeof name - 1, start);
    const option *o = text[1] == '-'        ? options_find(v, start, n)
                      : !strcmp(text, "-h") ? options_find(v, "help", 4)
                                            : NULL;
    if (!o) return unknown_option(v, text[1] == '-' ? "--" : "-", name, err);

    const char *value = equals ? equals + 1 : NULL;
    if (!options_takes_value(o) && value)
        return fail(err, E_OPTION_VALUE, NULL, "--%s takes no value, but '%s' was given", o->name, ESCAPED(value));
    if (options_takes_value(o) && !value) {
        bool next = *i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0;
        const char *wanted = options_row(v, (size_t)(o - v->options)).value;
        if (!next) return fail(err, E_OPTION_VALUE, NULL, "--%s needs a value: --%s %s", o->name, o->name, wanted);
        value = argv[++*i];
    }
    s->given[o - v->options] = true;
    s->text[o - v->options] = value;
    return value_set(o, value, s, err);
}

static graft_status check_count(const verb *v, const settings *s, graft_error *err)
{
    size_t n = s->n_arguments;
    if (n < (size_t)v->least) {
        fail(err, E_USAGE, NULL, "graft %s needs %s, found %zu argument%s", v->name, v->arguments, n,
             n == 1 ? "" : "s");
        fail_hint(err, "graft %s %s; `graft %s --help` tells more", v->name, v->arguments, v->name);
        return err->status;
    }
    if (v->most >= 0 && n > (size_t)v->most) {
        fail(err, E_USAGE, NULL, "graft %s takes %s, but there is also '%s'", v->name,
             *v->arguments ? v->arguments : "options alone", ESCAPED(s->arguments[v->most]));
        fail_hint(err, "graft %s [options] %s", v->name, v->arguments);
        return err->status;
    }
    for (size_t i = 0; i < n; i++)
        if (!s->arguments[i][0]) return fail(err, E_USAGE, NULL, "graft %s: an argument is empty", v->name);
    return GRAFT_OK;
}

graft_status options_parse(const verb *v, int argc, char **argv, const char **arguments, settings *s, graft_error *err)
{
    bool ended = false; /* by "--": all that follows are arguments */
    s->arguments = arguments;
    for (int i = 0; i < argc; i++) {
        bool plain = ended || argv[i][0] != '-' || !argv[i][1];
        if (!plain && !strcmp(argv[i], "--")) {
            ended = true;
        } else if (plain) {
            arguments[s->n_arguments++] = argv[i];
        } else {
            graft_status status = parse_option(v, argc, argv, &i, s, err);
            if (status || s->help) return status;
        }
    }
    graft_status status = check_count(v, s, err);
    if (!status && s->recipe) status = recipe_apply(v, s, err);
    if (!status) status = effects_check(v, s, err);
    if (!status && v->check) status = v->check(v, s, err);
    settings_finish(s);
    return status;
}

const char *options_default(const option *o, const settings *s, char *buf, size_t size)
{
    const void *place = (const char *)s + o->place;
    const graft_model_options *model = place;
    const double *numbers = place;
    const graft_option *row = o->setting ? graft_option_find(o->setting) : NULL;
    buf[0] = '\0';
    if (row) {
        if (row->value && row->default_value) snprintf(buf, size, "%s", row->default_value);
        return buf;
    }
    switch (o->kind) {
    case OPTION_INT:
        if (*(const int *)place >= o->range.min) snprintf(buf, size, "%d", *(const int *)place);
        break;
    case OPTION_SEED: snprintf(buf, size, "%" PRIu64, *(const uint64_t *)place); break;
    case OPTION_SHARE:
    case OPTION_NUMBER:
        if (*numbers >= o->range.min) snprintf(buf, size, "%g", *numbers);
        break;
    case OPTION_TEXT:
    case OPTION_NAME:
        if (*(const char *const *)place) snprintf(buf, size, "%s", *(const char *const *)place);
        break;
    case OPTION_INDEX: {
        const char *c = o->choices;
        for (int i = *(const int *)place; i > 0; i--) c = strchr(c, '|') + 1;
        snprintf(buf, size, "%.*s", (int)strcspn(c, "|"), c);
        break;
    }
    case OPTION_SIZE:
        if (model->width) snprintf(buf, size, "%d", model->width);
        break;
    case OPTION_SPLIT: snprintf(buf, size, "%g,%g", numbers[0], numbers[1]); break;
    default: break; /* flags, and paths, which have no default but their absence */
    }
    return buf;
}
