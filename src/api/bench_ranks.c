#include "api/bench_ranks.h"

#include "base/sys.h"

#include <stdlib.h>

/* ---- measured */

enum { SMALL = 8, LARGE = 4 << 20, TURNS = 200, LARGE_TURNS = 8 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The median time of an exchange of n bytes each way between the ranks 0 and 1. */
static graft_status time_exchange(const gf_comm *c, char *out, char *in, size_t n, int turns, double *seconds,
                                  graft_error *err)
{
    double took[TURNS];
    for (int i = 0; i < turns; i++) {
        double begin = gf_sys_seconds();
        GF_TRY(c->exchange(c->self, 1 - c->rank, out, n, in, n, c->timeout, &c->watch, err));
        took[i] = gf_sys_seconds() - begin;
    }
    qsort(took, (size_t)turns, sizeof *took, by_value);
    *seconds = took[turns / 2];
    return GRAFT_OK;
}

static graft_status time_link(const gf_comm *c, gf_bench_ranks *r, graft_error *err)
{
    char *bytes = gf_alloc(2, LARGE);
    double large = 1;
    if (!bytes) return gf_fail_memory(err, 2 * LARGE, "a benchmark");
    graft_status status = time_exchange(c, bytes, bytes + LARGE, SMALL, TURNS, &r->latency, err);
    if (status == GRAFT_OK) status = time_exchange(c, bytes, bytes + LARGE, LARGE, LARGE_TURNS, &large, err);
    r->bandwidth = LARGE / large;
    gf_free(bytes);
    return status;
}

/* All ranks: steps of 1, 2, .. of them, the others waiting. */
static graft_status measure(graft_model *m, const graft_bench_options *o, gf_bench_ranks *r, graft_error *err)
{
    const gf_comm *c = m->context->comm;
    *r = (gf_bench_ranks){.ranks = c->size, .batch = o->batch};
    for (int n = 1; n <= c->size; n++) {
        gf_comm some = *c;
        some.size = n;
        if (c->rank < n) GF_TRY(gf_bench_shared_step(m, o, n > 1 ? &some : NULL, &r->ms[n - 1], &r->values, err));
        GF_TRY(gf_comm_barrier(c, err));
    }
    if (c->rank < 2) GF_TRY(time_link(c, r, err));
    return gf_comm_barrier(c, err);
}

graft_status gf_bench_on_ranks(graft_model *m, const graft_bench_options *o, gf_bench_ranks *out, graft_error *err)
{
    if (gf_comm_size(m->context->comm) == 1) return GRAFT_OK;
    gf_json *what = gf_json_object();
    gf_json_set(what, "batch", gf_json_int(o->batch));
    gf_json_set(what, "steps", gf_json_int(o->steps));
    gf_json_set(what, "augment", gf_json_string(gf_api_text_or(o->augment, GF_SET_BENCH_AUGMENT)));
    GF_TRY(gf_api_share_model(m, what, err));
    graft_status status = measure(m, o, out, err);
    gf_api_end_sharing(m->context, status, err);
    return status;
}

graft_status gf_bench_take_part(graft_model *m, const gf_json *order, graft_error *err)
{
    gf_bench_ranks r;
    const graft_bench_options o = {.batch = (int)gf_json_i64(gf_json_get(order, "batch"), 1),
                                   .steps = (int)gf_json_i64(gf_json_get(order, "steps"), 1),
                                   .augment = gf_json_str(gf_json_get(order, "augment"), NULL)};
    return measure(m, &o, &r, err);
}

/* ---- modelled */

enum { MICRO = 8 };

/* A step of n ranks like the first, any two of which exchange bytes as two here do: the largest share of the
 * micro-batches, and the exchange of gradients, where each sends and gets a part of them to and from each other rank,
 * twice. */
static double modelled_ms(const gf_bench_ranks *r, int n)
{
    const double ms = 1e3;
    double parts = (double)((r->batch + MICRO - 1) / MICRO), largest = (double)(((int64_t)parts + n - 1) / n);
    double bytes = (double)r->values * sizeof(float), others = n - 1;
    double exchange = 2 * others * r->latency + 2 * bytes * others / n / r->bandwidth;
    return r->ms[0] * largest / parts + (n > 1 ? ms * exchange : 0);
}

void gf_bench_ranks_tell(const gf_bench_ranks *r, gf_json *document, gf_text *text)
{
    const double us = 1e6, gb = 1e9;
    if (!r->ranks) return;
    gf_json *list = gf_json_array();
    gf_text_printf(text, "\nranks      step ms   modelled ms, where each has processors of its own\n");
    for (int n = 1; n <= GF_MOST_RANKS; n = n < r->ranks ? n + 1 : 2 * n) {
        gf_json *row = gf_json_object();
        gf_json_set(row, "ranks", gf_json_int(n));
        gf_json_set(row, "step_ms", n <= r->ranks ? gf_json_real(r->ms[n - 1]) : gf_json_null());
        gf_json_set(row, "modelled_ms", gf_json_real(modelled_ms(r, n)));
        gf_json_add(list, row);
        if (n <= r->ranks) gf_text_printf(text, "%5d %12.2f %12.2f\n", n, r->ms[n - 1], modelled_ms(r, n));
        if (n > r->ranks) gf_text_printf(text, "%5d %12s %12.2f\n", n, "-", modelled_ms(r, n));
    }
    gf_text_printf(text, "an exchange between two: %.0f us, %.2f GB/s each way; %.1f MB of gradients\n",
                   us * r->latency, r->bandwidth / gb, (double)r->values * sizeof(float) / 1e6);
    gf_json_set(document, "ranks", list);
    gf_json_set(document, "latency_us", gf_json_real(us * r->latency));
    gf_json_set(document, "bandwidth_gb_s", gf_json_real(r->bandwidth / gb));
}
