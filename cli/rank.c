#include "rank.h"
#include "signals.h"

#include <graft/ranks.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

bool rank_is(int argc, char **argv) { return argc == 3 && !strcmp(argv[1], RANK_VERB); }

static graft_status on_should_stop(void *user)
{
    (void)user;
    return signals_asked();
}

graft_status rank_work(char **argv)
{
    graft_context_options options;
    graft_context *context = NULL;
    graft_ranks *ranks = NULL;
    graft_context_defaults(&options);
    options.threads = (int)strtol(argv[2], NULL, 10);
    options.should_stop = on_should_stop;
    graft_status status = graft_ranks_join(&ranks, NULL);
    if (!status && !ranks) return GRAFT_USAGE;
    if (!status) status = graft_context_open(&options, &context, NULL);
    if (!status) status = graft_ranks_work(context, ranks, NULL);
    graft_context_free(context);
    graft_ranks_free(ranks);
    return status;
}
