/* engine_forward.c - outputs without training: evaluation, prediction, features; and feature caches, which keep what
 * crosses the cut. */
#include "train/engine_parts.h"

#include <string.h>

size_t gf_feature_cache_bytes(const gf_engine *e, size_t n)
{
    size_t row = 2 + e->spec.target_bytes;
    for (size_t k = 0; k < e->parts; k++) row += e->part_bytes[k];
    return row * n;
}

graft_status gf_feature_cache_create(gf_feature_cache *feature_cache, const gf_engine *e, uint32_t first, size_t each,
                                     size_t variants, graft_error *err)
{
    size_t n = each * variants;
    *feature_cache = (gf_feature_cache){
        .first = first, .n = each, .variants = variants, .parts = e->parts, .target_bytes = e->spec.target_bytes};
    memcpy(feature_cache->row, e->part_bytes, sizeof e->part_bytes);
    feature_cache->target = gf_alloc_tensor(n * e->spec.target_bytes);
    feature_cache->lost = gf_new_n(n, bool);
    feature_cache->filled = gf_new_n(n, bool);
    bool ok = feature_cache->target && feature_cache->lost && feature_cache->filled;
    for (size_t k = 0; k < e->parts && ok; k++) {
        feature_cache->data[k] = gf_alloc_tensor(n * e->part_bytes[k]);
        ok = feature_cache->data[k];
    }
    if (ok) return GRAFT_OK;
    gf_feature_cache_free(feature_cache);
    return gf_fail_memory(err, gf_feature_cache_bytes(e, n), "activations at the freeze boundary");
}

void gf_feature_cache_free(gf_feature_cache *feature_cache)
{
    for (size_t k = 0; k < GF_MAX_BOUNDARY_TENSORS; k++) gf_free(feature_cache->data[k]);
    gf_free(feature_cache->target);
    gf_free(feature_cache->lost);
    gf_free(feature_cache->filled);
    *feature_cache = (gf_feature_cache){0};
}

size_t gf_engine_boundary_features(const gf_engine *e)
{
    int v = e->parts == 1 ? e->boundary_tensor[0] : -1;
    if (v < 0 || v != e->graph.features || !e->spec.train) return 0;
    gf_dtype type = gf_plan_value_dtype(e->frozen, v);
    return type == GF_F32 || type == GF_BF16 ? gf_count(&e->graph.value[v].shape) : 0;
}

void gf_engine_take_features(const gf_engine *e, const gf_feature_cache *feature_cache, size_t row, float *out)
{
    size_t n = gf_engine_boundary_features(e);
    const char *from = feature_cache->data[0] + row * e->part_bytes[0];
    if (gf_plan_value_dtype(e->frozen, e->boundary_tensor[0]) == GF_F32) {
        memcpy(out, from, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t x;
        memcpy(&x, from + i * sizeof x, sizeof x);
        out[i] = gf_bf16_to_f32(x);
    }
}

typedef struct variant_job {
    gf_engine *e;
    const gf_feed *feed;
    gf_feature_cache *feature_cache;
    uint32_t epoch;
    size_t first, at, n; /* the variant's first row; of its rows */
} variant_job;

static graft_status variant_item(void *ctx, size_t item, int worker, graft_error *err)
{
    enum { MOST = 256 };
    variant_job *j = ctx;
    gf_feature_cache *c = j->feature_cache;
    size_t micro = (size_t)j->e->spec.frozen_micro, at = j->at + item * micro, left = j->at + j->n - at;
    size_t n = left < micro ? left : micro, row = j->first + at;
    uint32_t sample[MOST];
    if (micro > MOST) return gf_fail(err, GF_E_INTERNAL, NULL, "micro-batch %zu", micro);
    for (size_t i = 0; i < n; i++) sample[i] = c->first + (uint32_t)(at + i);
    const gf_micro_batch b = {j->feed, j->epoch, true, sample, n, c->target + row * c->target_bytes, c->lost + row};
    GF_TRY(gf_engine_frozen(j->e, &b, worker, err));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < j->e->parts; k++) gf_engine_copy_row(j->e, worker, k, i, c->data[k], row + i);
        c->filled[row + i] = true;
    }
    return GRAFT_OK;
}

graft_status gf_engine_fill_variant(gf_engine *e, const gf_feed *feed, gf_feature_cache *feature_cache, size_t variant,
                                    uint32_t epoch, size_t at, size_t n, graft_error *err)
{
    variant_job j = {e, feed, feature_cache, epoch, variant * feature_cache->n, at, n};
    size_t micro = (size_t)e->spec.frozen_micro;
    gf_engine_drain_prefetch(e);
    return gf_pool_run_watched(e->pool, (n + micro - 1) / micro, variant_item, &j, err);
}

typedef struct forward_job {
    gf_engine *e;
    const gf_feed *feed;
    gf_forward f; /* target is there where a feature cache is, and lost always */
    size_t micro;
} forward_job;

size_t gf_engine_features(const gf_engine *e)
{
    int v = e->graph.features;
    bool has = !e->spec.train && e->spec.output_layer < 0 && v >= 0 && gf_plan_value_dtype(e->frozen, v) == GF_F32;
    return has ? gf_count(&e->graph.value[v].shape) : 0;
}

/* One frozen micro-batch's rows at the split point, to rows at + i of `rows` (one block a part) and into the feature
 * cache. */
static graft_status cross(forward_job *j, size_t at, size_t n, int worker, char *const rows[], size_t to,
                          graft_error *err)
{
    gf_engine *e = j->e;
    gf_feature_cache *b = j->f.feature_cache;
    const uint32_t *sample = j->f.sample + at;
    bool *lost = j->f.lost + at;
    char *target = j->f.target ? (char *)j->f.target + at * e->spec.target_bytes : NULL;
    bool banked = b != NULL;
    for (size_t i = 0; i < n && banked; i++) banked = b->filled[sample[i] - b->first];
    const gf_micro_batch images = {j->feed, 0, false, sample, n, target, lost};
    if (!banked) GF_TRY(gf_engine_frozen(e, &images, worker, err));
    for (size_t i = 0; i < n; i++) {
        size_t row = b ? sample[i] - b->first : 0;
        for (size_t k = 0; k < e->parts; k++) {
            size_t bytes = e->part_bytes[k];
            if (!banked && b) gf_engine_copy_row(e, worker, k, i, b->data[k], row);
            if (b) {
                memcpy(rows[k] + (to + i) * bytes, b->data[k] + row * bytes, bytes);
            } else {
                gf_engine_copy_row(e, worker, k, i, rows[k], to + i);
            }
        }
        if (!b) continue;
        size_t bytes = b->target_bytes;
        if (!banked) {
            b->lost[row] = lost[i];
            memcpy(b->target + row * bytes, target + i * bytes, bytes);
            b->filled[row] = true;
        } else {
            lost[i] = b->lost[row];
            memcpy(target + i * bytes, b->target + row * bytes, bytes);
        }
    }
    return GRAFT_OK;
}

static graft_status forward_item(void *ctx, size_t item, int worker, graft_error *err)
{
    forward_job *j = ctx;
    gf_engine *e = j->e;
    size_t at = item * j->micro, n = j->f.n - at < j->micro ? j->f.n - at : j->micro,
           small = (size_t)e->spec.frozen_micro;
    char *rows[GF_MAX_BOUNDARY_TENSORS] = {
        (char *)(j->f.out + at * e->outputs)}; /* without a tail the output is all that crosses */
    gf_workspace *ws = e->eval_plan ? e->eval_workspace[worker] : NULL;
    for (size_t k = 0; k < e->parts && ws; k++) rows[k] = gf_workspace_value(ws, e->boundary_tensor[k]);
    bool texts = ws && gf_engine_trains_texts(e);
    if (texts) rows[0] = (char *)e->texts[worker].known;
    for (size_t i = 0; i < n; i += small) {
        GF_TRY(cross(j, at + i, n - i < small ? n - i : small, worker, rows, i, err));
    }
    if (!ws && j->f.features) {
        size_t row = gf_engine_features(e);
        memcpy(j->f.features + at * row, gf_engine_feature_row(e, worker, 0), n * row * sizeof(float));
    }
    if (!ws) return GRAFT_OK;
    if (texts) return gf_engine_forward_texts(e, worker, n, j->f.lost + at, j->f.out + at * e->outputs, err);
    for (size_t k = 0; k < e->parts; k++) {
        memset(rows[k] + n * e->part_bytes[k], 0, ((size_t)e->spec.trainable_micro - n) * e->part_bytes[k]);
    }
    GF_TRY(gf_workspace_forward(ws, &(gf_exec_context){.training = false}, err));
    memcpy(j->f.out + at * e->outputs, gf_workspace_value(ws, e->graph.output), n * e->outputs * sizeof(float));
    return GRAFT_OK;
}

graft_status gf_engine_infer(gf_engine *e, const gf_feed *feed, const gf_forward *f, graft_error *err)
{
    gf_engine_drain_prefetch(e);
    forward_job j = {e, feed, *f, gf_engine_micro(e)};
    char *own = NULL;
    graft_status status = GRAFT_OK;
    bool narrow = !e->trainable_plan && gf_plan_value_dtype(e->frozen, e->graph.output) != GF_F32;
    GF_TRY(gf_engine_refresh(e, err));
    if (narrow) return gf_fail(err, GF_E_INTERNAL, NULL, "outputs of maps are computed in f32");
    if (!f->lost) j.f.lost = gf_new_n(f->n, bool);
    if (!f->target && f->feature_cache) j.f.target = own = gf_alloc_tensor(f->n * e->spec.target_bytes);
    if (!j.f.lost || (f->feature_cache && !j.f.target)) {
        status = gf_fail_memory(err, f->n, "an evaluation");
        goto out;
    }
    GF_GOTO(gf_pool_run_watched(e->pool, (f->n + j.micro - 1) / j.micro, forward_item, &j, err));
    for (size_t i = 0; i < f->n && !f->lost; i++) {
        if (j.f.lost[i]) status = gf_fail(err, GF_E_DATA_NOT_FOUND, NULL, "sample %u cannot be read", f->sample[i]);
    }
out:
    if (!f->lost) gf_free(j.f.lost);
    gf_free(own);
    return status;
}

graft_status gf_engine_forward(gf_engine *e, const gf_feed *feed, gf_feature_cache *feature_cache,
                               const uint32_t *sample, size_t n, float *out, bool *lost, graft_error *err)
{
    const gf_forward f = {.sample = sample, .n = n, .feature_cache = feature_cache, .out = out, .lost = lost};
    return gf_engine_infer(e, feed, &f, err);
}
