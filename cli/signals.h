/* signals.h - stopping politely. The first SIGINT, SIGTERM or SIGHUP asks the library to write a checkpoint and return;
 * a second SIGINT ends the process at once (the previous checkpoint is whole). SIGPIPE and
 * SIGXFSZ are ignored: a closed pipe or a file at its limit is an error of a write, not the death of a run. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <graft/status.h>
#include <stdbool.h>

void signals_catch(bool tells); /* on a terminal, what a second SIGINT would do */

/* GRAFT_OK, GRAFT_INTERRUPTED or GRAFT_TERMINATED: what the signals so far ask for. */
graft_status signals_asked(void);

#endif
