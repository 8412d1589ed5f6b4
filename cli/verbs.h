/* verbs.h - the verbs of the command. To add one: a file with its option table and its function, a row in verbs.c. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "options.h"
#include "session.h"

struct verb {
    const char *name;
    const char *arguments; /* as in the usage line: "RUN DATA" */
    int least, most;       /* how many arguments; most -1: any number */
    const char *summary;   /* one line */
    const char *about;     /* the paragraph(s) of --help */
    const char *examples;  /* a line each */
    const option *options;
    size_t n_options;
    bool log_epochs; /* progress belongs to the output: a line per epoch */
    /* What the options make no sense with each other; before anything is opened. May be NULL. */
    graft_status (*check)(const verb *v, settings *s, graft_error *err);
    graft_status (*run)(session *session, graft_error *err);
};

/* For the tables of the verbs' files. */
#define OPTIONS(table) .options = (table), .n_options = sizeof(table) / sizeof *(table)

extern const verb verb_train, verb_resume, verb_eval, verb_predict, verb_summary, verb_features, verb_inspect,
    verb_bench, verb_export, verb_convert, verb_models, verb_fetch, verb_augment, verb_compare, verb_labels, verb_split,
    verb_clean, verb_advise, verb_serve;

/* What export and convert share: the model into a file, its result told. */
graft_status verbs_export_to(session *self, graft_model *model, const char *out, graft_error *err);

const verb *verbs_find(const char *name); /* NULL: none */
const verb *verbs_at(size_t i);           /* in the order of --help; NULL after the last */

#endif
