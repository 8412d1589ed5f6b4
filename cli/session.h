/* session.h - one run of a verb: its settings, the library's context with progress, messages and signals connected. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "progress.h"
#include "settings.h"

#include <graft/ranks.h>

typedef struct session {
    const struct verb *verb;
    settings *settings;
    progress progress;
    graft_context *context;
    graft_ranks *ranks; /* with --ranks; NULL: this process alone */
    bool printed;       /* the result is on standard output */
} session;

/* s must outlive the session. On failure there is nothing to close. */
graft_status session_open(session *out, const struct verb *v, settings *s, graft_error *err);
void session_close(session *s);

/* The result to standard output: its JSON document with --json, else its text. A pipe that was closed on us is no error
 * unless the document was asked for. */
graft_status session_print(session *s, const graft_result *result, graft_error *err);

/* The same for text the verb made itself. */
graft_status session_print_text(session *s, const char *text, size_t n, graft_error *err);

/* The same, where a classifier is wanted: of what is not a run the own classifier is kept. */
graft_status session_open_classifier(session *s, const char *name, graft_model **out, graft_error *err);

/* A model by the name of an architecture, or a run folder or model file. */
graft_status session_open_model(session *s, const char *name, graft_model **out, graft_error *err);

#endif
