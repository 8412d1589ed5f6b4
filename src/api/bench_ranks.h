/* bench_ranks.h - steps that several ranks share, timed, and what more of them would take. */
#ifndef GF_API_BENCH_RANKS_H
#define GF_API_BENCH_RANKS_H

#include "api/internal.h"

typedef struct gf_bench_ranks {
    int ranks;                 /* 0: there is one process */
    double ms[GF_MOST_RANKS];  /* a fine-tuning step of 1, 2, .. ranks */
    double latency, bandwidth; /* of an exchange between two: seconds, bytes a second each way */
    int64_t batch;
    size_t values; /* that train */
} gf_bench_ranks;

/* Times all numbers of the context's ranks, in rank 0. */
graft_status gf_bench_on_ranks(graft_model *m, const graft_bench_options *o, gf_bench_ranks *out, graft_error *err);
/* What the other ranks do for that: `config` is the model's. */
graft_status gf_bench_take_part(graft_model *m, const gf_json *order, graft_error *err);
/* Into a result, where there is something to tell. */
void gf_bench_ranks_tell(const gf_bench_ranks *r, gf_json *document, gf_text *text);

/* bench.c: a step of the model's fine-tuning by the ranks of comm (NULL: this process), in ms, and the values that
 * train. */
graft_status gf_bench_shared_step(graft_model *m, const graft_bench_options *o, const gf_comm *comm, double *ms,
                                  size_t *values, graft_error *err);
/* ranks.c: gives the other ranks the model with its configuration, and `what` to do. */
graft_status gf_api_share_model(graft_model *m, gf_json *what, graft_error *err);

#endif
