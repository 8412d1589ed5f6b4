/* rank.h - the command as a further rank of a run: what `graft train --ranks N` starts. For no user: it is no verb. */
#ifndef CLI_RANK_H
#define CLI_RANK_H

#include <graft/status.h>
#include <stdbool.h>

#define RANK_VERB "rank-of-a-run"

/* Whether this process was started so: graft RANK_VERB THREADS. */
bool rank_is(int argc, char **argv);
/* Says nothing: the first rank tells what goes wrong. */
graft_status rank_work(char **argv);

#endif
