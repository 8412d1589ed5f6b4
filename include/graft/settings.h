/* graft/settings.h - options by name.
 *
 * Every option is one row of a table: its name, kind, range, default, help. A graft_settings holds values for some of
 * them; graft_context_settings (graft.h) gives them to a context, and every call with that context uses them. Options
 * that came after version 0.1 are set in this way alone, so that no struct has to grow. The fields of 0.1's structs
 * have rows as well: where a row is set it holds instead of the field. */
#ifndef GRAFT_SETTINGS_H
#define GRAFT_SETTINGS_H

#include <graft/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum graft_option_kind {
    GRAFT_OPTION_FLAG,   /* 0 or 1 */
    GRAFT_OPTION_WHOLE,  /* a whole number from min to max */
    GRAFT_OPTION_SEED,   /* a whole number of 64 bits without a sign */
    GRAFT_OPTION_REAL,   /* a decimal number from min to max */
    GRAFT_OPTION_SHARE,  /* the same; also as a percentage: 0.01 or 1% */
    GRAFT_OPTION_BYTES,  /* a number of bytes from min to max: 2G, 512M, 1.5GiB, 4096 */
    GRAFT_OPTION_CHOICE, /* one of `choices` */
    GRAFT_OPTION_TEXT,   /* not empty */
    GRAFT_OPTION_FILE,   /* a path */
    GRAFT_OPTION_FOLDER, /* a path */
} graft_option_kind;

enum {
    GRAFT_OPTION_RESULT = 1, /* what is computed depends on it: a checkpoint belongs to runs with the same value */
    GRAFT_OPTION_LOCAL = 2,  /* of one call or one machine: a run folder does not keep it */
};

typedef struct graft_option {
    uint32_t size;    /* of this struct: fields beyond it are not there */
    uint32_t flags;   /* GRAFT_OPTION_... */
    const char *name; /* "train.lr": section, a point, name */
    graft_option_kind kind;
    double min, max;           /* of numbers */
    int below;                 /* 1: max itself is excluded */
    const char *choices;       /* "auto|f32|bf16"; NULL where there are none */
    const char *default_value; /* as text; NULL: none, `help` says what holds then */
    const char *value;         /* what help pages call the value ("N"); NULL for flags */
    const char *help;
    const char *since;  /* the version that brought it: "0.2" */
    const char *verbs;  /* the verbs of the command that take it as --flag: "train bench"; NULL: each says so itself */
    const char *flag;   /* "max-pixels" */
    const char *group;  /* where --help lists it: "Data" */
    const char *before; /* what runs of versions without this option did, where that is not its default; else NULL */
} graft_option;

/* The rows, sorted by section; NULL behind the last. They are constants. */
GRAFT_API const graft_option *graft_option_at(size_t i);
GRAFT_API const graft_option *graft_option_find(const char *name); /* NULL: there is no such option */

/* What the text of an option, or "model.weights", may be made of, a line each ("adam:beta_1=0.9,... - Adam (Kingma and
 * Ba, 2015)\n"): into buf, cut off behind size - 1 bytes; buf may be NULL. Returns the length of all of it; 0: the
 * option has no such list, or no memory. */
GRAFT_API size_t graft_option_words(const char *name, char *buf, size_t size);

typedef struct graft_settings graft_settings;

GRAFT_API graft_status graft_settings_new(graft_settings **out, graft_error *err);
GRAFT_API void graft_settings_free(graft_settings *settings); /* takes NULL */

/* Sets one option from text; `value` NULL: not set any more. All of the text must be the value: no white space around
 * it, no locale. On failure (E3002 a value, E3003 a name) nothing has changed. */
GRAFT_API graft_status graft_settings_set(graft_settings *settings, const char *name, const char *value,
                                          graft_error *err);

/* The value as text in one spelling ("0.0001" for "1e-4"): what was set, else the default. NULL: neither, or no such
 * option. Lives until the option is set again. */
GRAFT_API const char *graft_settings_get(const graft_settings *settings, const char *name);
/* Whether it was set. */
GRAFT_API int graft_settings_given(const graft_settings *settings, const char *name);

/* A recipe: the options of a run as a file, YAML or JSON: a map of names and values. Names are those of graft train's
 * options ("lr"). A list of texts is told with commas between them, a list of maps as phases ("head epochs=5; tail
 * last=30"). E3008 with the line where it is none. */
typedef struct graft_recipe graft_recipe;
GRAFT_API graft_status graft_recipe_read(const char *file, graft_recipe **out, graft_error *err);
GRAFT_API void graft_recipe_free(graft_recipe *recipe); /* takes NULL */
/* Writes n names and values as a recipe: JSON where the file's name ends in .json, else YAML. */
GRAFT_API graft_status graft_recipe_write(const char *file, const char *const *names, const char *const *values,
                                          size_t n, graft_error *err);
/* The entries in the file's order, until the recipe is freed; NULL, 0 behind the last. */
GRAFT_API const char *graft_recipe_name(const graft_recipe *recipe, size_t i);
GRAFT_API const char *graft_recipe_value(const graft_recipe *recipe, size_t i);
GRAFT_API unsigned graft_recipe_line(const graft_recipe *recipe, size_t i); /* from 1 */

#ifdef __cplusplus
}
#endif
#endif
