/* run_ranks.c - a run that several ranks share. Each has all of it - values, optimizer, history, hooks - and takes
 * every decision by the same bits; what is computed by shares is exchanged before anything is decided by it. What hangs
 * on a clock, a user or a machine is the first rank's, or told to all. The first has the run's folder: a run does not
 * know how many had a part in it. */
#include "train/run.h"

#include <stdio.h>
#include <string.h>

bool gf_run_writes(const gf_run *r) { return gf_comm_rank(r->host.comm) == 0; }

graft_status gf_run_agree(gf_run *r, void *what, size_t n, graft_error *err)
{
    return gf_comm_broadcast(r->host.comm, what, n, err);
}

/* ---- stops, and lost samples */

/* What one has lost all have. */
static graft_status share_lost(gf_run *r, graft_error *err)
{
    uint32_t n = r->data->index->n;
    bool *lost = gf_new_n(n, bool);
    if (!lost) return gf_fail_memory(err, n, "lost samples");
    for (uint32_t i = 0; i < n; i++) lost[i] = gf_dataset_is_lost(r->data, i);
    graft_status status = gf_comm_any(r->host.comm, lost, n, err);
    for (uint32_t i = 0; i < n && status == GRAFT_OK; i++) {
        if (!lost[i] || gf_dataset_is_lost(r->data, i)) continue;
        gf_log_say(r->host.log, GF_WARNING, "%s: lost on another rank: trained on without it from here on",
                   GF_ESC(gf_index_path(r->data->index, i)));
        gf_dataset_mark_lost(r->data, i);
    }
    r->lost_known = gf_dataset_n_lost(r->data);
    gf_free(lost);
    return status;
}

typedef struct told {
    int32_t stop, news;
} told;

static graft_status hear_all(gf_run *r, told *own, graft_error *err)
{
    const gf_comm *c = r->host.comm;
    told all[GF_MOST_RANKS];
    size_t begin[GF_MOST_RANKS + 1];
    if (gf_comm_size(c) == 1) return GRAFT_OK;
    own->news = gf_dataset_n_lost(r->data) != r->lost_known;
    all[c->rank] = *own;
    gf_comm_begins(c, (size_t)c->size, 1, sizeof *all, begin);
    GF_TRY(gf_comm_gather(c, all, begin, err));
    for (int i = 0; i < c->size; i++) {
        if (all[i].stop > own->stop) own->stop = all[i].stop;
        own->news = own->news || all[i].news;
    }
    return own->news ? share_lost(r, err) : GRAFT_OK;
}

graft_status gf_run_stop_asked(gf_run *r, graft_error *err)
{
    told t = {.stop = (int32_t)(r->host.should_stop ? r->host.should_stop(r->host.ctx) : GRAFT_OK)};
    GF_TRY(hear_all(r, &t, err));
    graft_status asked = (graft_status)t.stop;
    if (asked != GRAFT_OK && err) *err = (graft_error){.status = asked};
    return asked;
}

/* ---- what is computed by shares */

gf_share gf_run_share(const gf_run *r, size_t n)
{
    const gf_comm *c = r->host.comm;
    return gf_share_in_units(n, gf_engine_micro(r->engine), gf_comm_size(c), gf_comm_rank(c));
}

graft_status gf_run_gather(gf_run *r, void *rows, size_t n, size_t row, graft_error *err)
{
    size_t begin[GF_MOST_RANKS + 1];
    gf_comm_begins(r->host.comm, n, gf_engine_micro(r->engine), row, begin);
    return gf_comm_gather(r->host.comm, rows, begin, err);
}

graft_status gf_run_gather_features(gf_run *r, gf_feature_cache *cache, size_t at, size_t n, graft_error *err)
{
    if (gf_comm_size(r->host.comm) == 1) return GRAFT_OK;
    for (size_t k = 0; k < cache->parts; k++) {
        GF_TRY(gf_run_gather(r, cache->data[k] + at * cache->row[k], n, cache->row[k], err));
    }
    GF_TRY(gf_run_gather(r, cache->target + at * cache->target_bytes, n, cache->target_bytes, err));
    GF_TRY(gf_run_gather(r, cache->lost + at, n, sizeof *cache->lost, err));
    GF_TRY(gf_run_gather(r, cache->filled + at, n, sizeof *cache->filled, err));
    gf_run_adopt(r, cache->target + at * cache->target_bytes, cache->lost + at, n);
    return GRAFT_OK;
}

graft_status gf_run_spread_features(gf_run *r, gf_feature_cache *cache, graft_error *err)
{
    size_t n = cache->n * cache->variants;
    for (size_t k = 0; k < cache->parts; k++) GF_TRY(gf_run_agree(r, cache->data[k], n * cache->row[k], err));
    GF_TRY(gf_run_agree(r, cache->target, n * cache->target_bytes, err));
    GF_TRY(gf_run_agree(r, cache->lost, n * sizeof *cache->lost, err));
    GF_TRY(gf_run_agree(r, cache->filled, n * sizeof *cache->filled, err));
    gf_run_adopt(r, cache->target, cache->lost, n);
    return GRAFT_OK;
}

void gf_run_adopt(const gf_run *r, char *target, const bool *lost, size_t n)
{
    size_t bytes = r->task.cls->target_bytes;
    for (size_t i = 0; i < n && gf_comm_size(r->host.comm) > 1; i++) {
        if (!lost[i]) gf_dataset_adopt(r->data, target + i * bytes);
    }
}

/* ---- the end */

graft_status gf_run_part(gf_run *r, graft_error *err)
{
    gf_comm *c = r->host.comm;
    int64_t samples[GF_MOST_RANKS], all = 0;
    size_t begin[GF_MOST_RANKS + 1];
    if (gf_comm_size(c) == 1) return GRAFT_OK;
    samples[c->rank] = r->rank_samples;
    gf_comm_begins(c, (size_t)c->size, 1, sizeof *samples, begin);
    GF_TRY(gf_comm_gather(c, samples, begin, err));
    c->together = false;
    gf_text t = {0};
    for (int i = 0; i < c->size; i++) {
        all += samples[i];
        gf_text_printf(&t, "%s%lld", i ? " + " : "", (long long)samples[i]);
    }
    if (t.s)
        gf_log_say(r->host.log, GF_NOTE, "samples through the trainable part, by rank: %s = %lld", t.s, (long long)all);
    gf_text_free(&t);
    r->host.comm = NULL;
    return GRAFT_OK;
}

graft_status gf_run_break(gf_run *r, graft_status status, graft_error *err)
{
    gf_comm *c = r->host.comm;
    graft_error why = err ? *err : (graft_error){.status = status};
    if (gf_comm_size(c) == 1) return status;
    bool first = gf_run_writes(r);
    if (!why.message[0]) c->look(c->self, c->timeout, &why);
    c->abort(c->self, &why);
    c->together = false;
    if (status != GRAFT_WORKER) return status;
    size_t n = strlen(why.message);
    snprintf(why.message + n, sizeof why.message - n, ", at step %lld", (long long)r->state.total_steps);
    if (err) *err = why;
    if (!first || r->finishing || r->torn || !r->engine) return status;
    gf_engine_drain_prefetch(r->engine);
    if (gf_run_checkpoint(r, true, &why) != GRAFT_OK)
        gf_log_say(r->host.log, GF_WARNING, "E%d: %s", why.number, why.message);
    return status;
}
