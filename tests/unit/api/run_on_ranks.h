/* run_on_ranks.h - a tiny run on several ranks, which are threads of this process with a context each: what processes
 * do is tests/cli/test_ranks.py's. */
#ifndef TESTS_RUN_ON_RANKS_H
#define TESTS_RUN_ON_RANKS_H

#include "api/internal.h"
#include "base/io.h"
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

/* What was chosen by time in that run is what all later ones find on record in `cache`, which XDG_CACHE_HOME names:
 * timed anew, what is not clear could be chosen otherwise, and bits with it. */
static inline void keep_choices_of(const char *out, const char *cache)
{
    gf_run_config config = {0};
    gf_ops *ops = NULL;
    char *from = gf_path_join(out, "config.json"), *dir = gf_path_join(cache, "graft");
    assert_non_null(from);
    assert_non_null(dir);
    assert_int_equal(gf_config_read(&config, from, NULL), GRAFT_OK);
    assert_int_equal(gf_ops_create(&ops, NULL, NULL), GRAFT_OK);
    char *to = gf_path_join(dir, "choices");
    char *text = gf_sprintf("%s\n%s", gf_ops_timed_by(ops), config.choices ? config.choices : "");
    assert_int_equal(gf_make_dirs(dir, NULL), GRAFT_OK);
    assert_int_equal(gf_file_write_text(to, text, NULL), GRAFT_OK);
    gf_ops_destroy(ops);
    gf_config_free(&config);
    gf_free(from);
    gf_free(dir);
    gf_free(to);
    gf_free(text);
}

#endif
