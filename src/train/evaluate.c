/* evaluate.c - metrics and confusion of a range of samples at the present weights. */
#include "train/run.h"

#include "tasks/classify.h"

#include <string.h>

enum { CHUNK = 256 }; /* images between two looks at progress and stop */

/* Adds the chunk's samples that are there, in their order. */
static void add_chunk(gf_run *r, gf_evaluation *e, const int32_t *target, size_t n, const float *logits,
                      const bool *lost)
{
    size_t outputs = gf_classify_outputs(r->model->classes);
    for (size_t i = 0; i < n; i++) {
        if (lost[i]) continue;
        float loss;
        int32_t predicted, label = target[i];
        gf_classify_loss(logits + i * outputs, &label, 1, r->model->classes, 1, NULL, &loss, &predicted);
        gf_evaluation_add(e, &(gf_outcomes){1, r->facts->classes.n, &loss, &label, &predicted, NULL});
    }
}

graft_status gf_run_evaluate(gf_run *r, uint32_t first, uint32_t n, gf_evaluation *e, float *logits, graft_error *err)
{
    size_t outputs = gf_classify_outputs(r->model->classes);
    gf_feed feed = gf_run_feed(r);
    uint32_t sample[CHUNK];
    int32_t target[CHUNK];
    bool lost[CHUNK];
    graft_status status = GRAFT_OK;
    float *out = gf_new_n(CHUNK * outputs, float);
    if (!out) return gf_fail_memory(err, CHUNK * outputs * sizeof *out, "an evaluation");
    gf_evaluation_clear(e);
    for (uint32_t at = 0; at < n; at += CHUNK) {
        size_t m = n - at < CHUNK ? n - at : CHUNK;
        for (size_t i = 0; i < m; i++) sample[i] = first + at + (uint32_t)i;
        GF_GOTO(gf_engine_forward_with(r->engine, &feed, r->feature_cache.n ? &r->feature_cache : NULL, sample, m, out,
                                       target, lost, err));
        add_chunk(r, e, target, m, out, lost);
        if (logits) memcpy(logits + at * outputs, out, m * outputs * sizeof *out);
        gf_run_progress p = gf_run_progress_of(r, GF_RUN_EVALUATING, at + (int64_t)m, n);
        gf_running_values(&e->running, p.value[GF_ON_TRAINING]);
        gf_run_report_progress(r, &p, false);
        GF_GOTO(gf_run_stop_asked(r, err));
    }
    GF_GOTO(gf_cache_tell_lost(r->data->cache, err));
out:
    gf_free(out);
    return status;
}
