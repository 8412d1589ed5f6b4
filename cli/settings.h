/* settings.h - what the options of a command line set: one struct for all verbs, filled with the defaults first, then
 * by the verb's option table (options.h). The library's own option structs are inside, so that a default is written
 * once, in the library, and `--help` shows the one that will be used. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include <graft/graft.h>
#include <stdbool.h>

enum { OPTIONS_MAX = 128 };

typedef struct settings {
    graft_context_options context;
    graft_model_options model; /* size and seed are kept here and copied to `data` and `train` by settings_finish */
    graft_data_options data;
    graft_train_options train; /* batch likewise */
    graft_bench_options bench;

    graft_settings *by_name; /* the library's options that were given; whoever parses owns it */
    int json;
    int help;
    int force, keep_top;
    int apply;                   /* advise: train so */
    int top;                     /* predict: labels an image */
    const char *out;             /* features: the file */
    const char *layer;           /* features: NULL is the pooled features */
    const char *to, *check;      /* export: the format, images to compare on */
    const char *convert_model;   /* convert: the architecture of IN */
    int time;                    /* models: with milliseconds */
    const char *from;            /* fetch: another place to fetch from; train: a run to begin with */
    int list;                    /* fetch: the catalogue instead */
    int of_data;                 /* fetch: an archive of images, not weights */
    const char *sha256;          /* fetch: what the archive must have; NULL: as its publisher tells */
    const char *part;            /* eval: "train", "validation", "test"; NULL is all */
    const char *truth, *results; /* eval: labelled boxes, detections of any tool; NULL: none */
    const char *data_path;       /* resume: the data where they are now; NULL is where they were */

    const char *recipe, *save_recipe; /* train: files; NULL: none */
    graft_recipe *recipe_read;        /* what `recipe` holds; whoever parses owns it */

    const char *const *arguments; /* what is no option, in order */
    size_t n_arguments;
    bool given[OPTIONS_MAX];       /* which rows of the verb's table were on the command line, or in the recipe */
    const char *text[OPTIONS_MAX]; /* and what their values were; NULL: a flag */
} settings;

/* The defaults of the library and of the command. */
void settings_defaults(settings *s);

/* After parsing: what one option sets in several places. */
void settings_finish(settings *s);

#endif
