/* run_on_ranks.h - a tiny run on several ranks, which are threads of this process with a context each: what processes
 * do is tests/cli/test_ranks.py's. */
#ifndef TESTS_RUN_ON_RANKS_H
#define TESTS_RUN_ON_RANKS_H

#include "api/internal.h"
#include "support/ranks_of_threads.h"
#include "support/tiny_run.h"

typedef struct shared_run {
    const tiny_run *run;
    bool resume;
    int stops_rank; /* which rank's should_stop is asked; the others go on */
    graft_status status[GF_MOST_RANKS];
    graft_error err[GF_MOST_RANKS];
} shared_run;

static graft_status rank_run(gf_comm *comm, shared_run *s, graft_error *err)
{
    graft_context *context;
    graft_result *result = NULL;
    graft_context_options o = s->run->context;
    if (comm->rank != s->stops_rank) o.should_stop = NULL;
    if (comm->rank) o.progress = NULL; /* a tiny_stop then counts from the first question */
    GF_TRY(graft_context_open(&o, &context, err));
    context->comm = comm;
    graft_status status = GRAFT_OK;
    if (comm->rank) {
        gf_api_begin(context, GRAFT_STAGE_PLAN);
        status = gf_api_work(context, err);
    } else {
        if (!s->resume) status = tiny_run_by_name(s->run, context, err);
        if (!status && s->resume) status = graft_resume(context, s->run->out, NULL, &result, err);
        if (!status && !s->resume) status = tiny_run_train_in(s->run, context, err);
    }
    graft_result_free(result);
    graft_context_free(context);
    return status;
}

static void rank_of_run(gf_comm *comm, void *ctx)
{
    shared_run *s = ctx;
    int r = comm->rank;
    s->status[r] = rank_run(comm, s, &s->err[r]);
    if (s->status[r]) comm->abort(comm->self, &s->err[r]); /* as a process that ends */
}

/* Of `ranks`; err is rank 0's. */
static inline graft_status run_on_ranks(const tiny_run *t, bool resume, int ranks, int stops_rank, graft_error *err)
{
    shared_run s = {.run = t, .resume = resume, .stops_rank = stops_rank};
    run_ranks(ranks, rank_of_run, &s);
    *err = s.err[0];
    for (int r = 1; r < ranks && !s.status[0]; r++) {
        if (s.status[r]) fail_msg("rank %d: E%d %s", r, s.err[r].number, s.err[r].message);
    }
    return s.status[0];
}

#endif
