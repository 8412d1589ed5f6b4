/* graft/ranks.h - training by several processes. Since 0.2.
 *
 * A rank is a process with a share of each batch; the result has the same bits for any number of them, and of threads.
 * Rank 0 is the program that calls graft_train or graft_resume. It starts the others, which run a command of its
 * choice: a program that does nothing but
 *
 *     graft_ranks_join(&ranks, &err)            which this process is; NULL: it was not started as a rank
 *     graft_ranks_work(context, ranks, &err)    until rank 0 needs it no more
 *     graft_ranks_free(ranks)
 *
 * with a context of its own (its threads are this rank's). Rank 0:
 *
 *     graft_ranks_start(settings, command, &ranks, &err)    as many as the setting "run.ranks" says
 *     graft_context_ranks(context, ranks, &err)             graft_train, graft_resume and graft_bench share their work
 *     ...
 *     graft_ranks_free(ranks)                               closes, waits for the others, ends what is left of them
 *
 * Nothing is printed and no process ends by these calls, but those that graft_ranks_start has started: they end when
 * rank 0 does, or its thread that made the call (so that none is left), or closes them. Only rank 0 reads and writes
 * the run folder; the others read the data, from the same path. A rank that is gone, or silent for "run.rank_timeout"
 * seconds, ends the call of every rank with GRAFT_WORKER; rank 0 has written the state of the last whole step, and the
 * run can be resumed, on any number of ranks. */
#ifndef GRAFT_RANKS_H
#define GRAFT_RANKS_H

#include <graft/graft.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct graft_ranks graft_ranks;

/* Starts the setting "run.ranks" less one processes of `command`: the path of a program, its arguments, NULL. Where
 * that setting is 1 there is nothing to start: *out is NULL, which all calls here take. `settings` may be NULL: all at
 * their defaults. The processes have this one's environment, working folder and standard files. E8005. */
GRAFT_API graft_status graft_ranks_start(const graft_settings *settings, const char *const *command, graft_ranks **out,
                                         graft_error *err);
/* In a process that was started so: takes up what it inherited. *out is NULL where there is nothing. */
GRAFT_API graft_status graft_ranks_join(graft_ranks **out, graft_error *err);
/* Takes part in what rank 0 does, until that is over. The context's should_stop stops all ranks at one step. */
GRAFT_API graft_status graft_ranks_work(graft_context *context, graft_ranks *ranks, graft_error *err);
/* From now on the context's training is shared with them; NULL: with nobody. They are borrowed. */
GRAFT_API graft_status graft_context_ranks(graft_context *context, graft_ranks *ranks, graft_error *err);
/* After the context's calls. Takes NULL. */
GRAFT_API void graft_ranks_free(graft_ranks *ranks);

#ifdef __cplusplus
}
#endif
#endif
