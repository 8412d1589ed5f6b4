/* evaluate.c - metrics and confusion of a range of samples at the present weights. */
#include "train/run.h"

#include <string.h>

enum { CHUNK = 256 }; /* images between two looks at progress and stop */

/* Adds the chunk's samples that are there, in their order. */
static graft_status add_chunk(gf_run *r, gf_evaluation *e, const char *target, size_t n, const float *logits,
                              const bool *lost, graft_error *err)
{
    size_t bytes = r->task.cls->target_bytes;
    for (size_t i = 0; i < n; i++) {
        const float *out = logits + i * r->outputs;
        if (!lost[i]) GF_TRY(gf_evaluation_add_output(e, &r->task, out, r->outputs, target + i * bytes, err));
    }
    return GRAFT_OK;
}

/* A chunk's outputs, of which each rank computes a share. */
static graft_status infer(gf_run *r, const gf_forward *all, const gf_feed *feed, graft_error *err)
{
    const gf_share s = gf_run_share(r, all->n);
    const size_t outputs = r->outputs, bytes = r->task.cls->target_bytes;
    gf_forward f = *all;
    f.sample += s.first;
    f.n = s.end - s.first;
    f.out += s.first * outputs;
    f.target = (char *)f.target + s.first * bytes;
    f.lost += s.first;
    if (f.n) GF_TRY(gf_engine_infer(r->engine, feed, &f, err));
    GF_TRY(gf_run_gather(r, all->out, all->n, outputs * sizeof *f.out, err));
    GF_TRY(gf_run_gather(r, all->target, all->n, bytes, err));
    GF_TRY(gf_run_gather(r, all->lost, all->n, sizeof *all->lost, err));
    gf_run_adopt(r, all->target, all->lost, all->n);
    return GRAFT_OK;
}

graft_status gf_run_evaluate(gf_run *r, uint32_t first, uint32_t n, gf_evaluation *e, float *logits, graft_error *err)
{
    size_t outputs = r->outputs;
    gf_feed feed = gf_run_feed(r);
    uint32_t sample[CHUNK];
    bool lost[CHUNK];
    graft_status status = GRAFT_OK;
    float *out = gf_new_n(CHUNK * outputs, float);
    char *target = gf_alloc_tensor(CHUNK * r->task.cls->target_bytes);
    if (!out || !target) {
        status = gf_fail_memory(err, CHUNK * outputs * sizeof *out, "an evaluation");
        goto out;
    }
    GF_GOTO(gf_evaluation_expect(e, n, false, err));
    gf_evaluation_clear(e);
    for (uint32_t at = 0; at < n; at += CHUNK) {
        size_t m = n - at < CHUNK ? n - at : CHUNK;
        for (size_t i = 0; i < m; i++) sample[i] = first + at + (uint32_t)i;
        gf_feature_cache *cache = r->feature_cache.n ? &r->feature_cache : NULL;
        GF_GOTO(infer(r, &(gf_forward){sample, m, cache, out, NULL, target, lost}, &feed, err));
        GF_GOTO(add_chunk(r, e, target, m, out, lost, err));
        if (logits) memcpy(logits + at * outputs, out, m * outputs * sizeof *out);
        gf_run_progress p = gf_run_progress_of(r, GF_RUN_EVALUATING, at + (int64_t)m, n);
        gf_running_values(&e->running, p.value[GF_ON_TRAINING]);
        gf_run_report_progress(r, &p, false);
        GF_GOTO(gf_run_stop_asked(r, err));
    }
    GF_GOTO(gf_evaluation_finish(e, err));
    GF_GOTO(gf_dataset_tell_lost(r->data, err));
out:
    gf_free(target);
    gf_free(out);
    return status;
}
