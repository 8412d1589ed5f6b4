/* help.h - what the tables say for people and shells: --help, man pages, completion. All to standard output. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "verbs.h"

graft_status help_command(graft_error *err);
graft_status help_version(bool json, graft_error *err);

/* json: the table as a document, {"verb","arguments","summary","options":[{"name","value","default","help"}]}. */
graft_status help_verb(const verb *v, bool json, graft_error *err);

/* graft help [VERB | --man [VERB] | --completion] [--json]; argv without the word help. */
graft_status help_main(int argc, char **argv, bool json, graft_error *err);

#endif
