/* run_features.c - what crosses the split point of the present phase, kept in memory, and on disk for further runs. */
#include "train/run.h"

#include "data/memory.h"

uint32_t gf_run_variants(const gf_run *r)
{
    return gf_augment_any(&r->feed.augment) ? (uint32_t)r->feature_words.variants : 0;
}

static void tell_filling(gf_run *r, size_t at, size_t total)
{
    gf_run_tell_stage(r, GF_RUN_EVALUATING, (int64_t)at, (int64_t)total);
}

enum { CHUNK = 256 }; /* images between two looks at progress and stop; whole micro-batches */

graft_status gf_run_fill_features(gf_run *r, gf_feature_cache *cache, size_t total, graft_error *err)
{
    uint32_t sample[CHUNK];
    bool lost[CHUNK];
    gf_feed feed = gf_run_feed(r);
    float *out = total ? gf_new_n(CHUNK * gf_engine_outputs(r->engine), float) : NULL;
    graft_status status = out || !total ? GRAFT_OK : gf_fail_memory(err, CHUNK * sizeof *out, "training images");
    for (size_t at = 0; status == GRAFT_OK && at < total; at += CHUNK) {
        size_t n = total - at < CHUNK ? total - at : CHUNK;
        for (size_t i = 0; i < n; i++) sample[i] = cache->first + (uint32_t)(at + i);
        tell_filling(r, at, total);
        const gf_share s = gf_run_share(r, n);
        if (s.end > s.first)
            status = gf_engine_forward(r->engine, &feed, cache, sample + s.first, s.end - s.first, out, lost, err);
        if (status == GRAFT_OK) status = gf_run_gather_features(r, cache, at, n, err);
        if (status == GRAFT_OK) status = gf_run_stop_asked(r, err);
    }
    gf_free(out);
    return status;
}

static graft_status fill_variants(gf_run *r, gf_feature_cache *cache, graft_error *err)
{
    gf_feed feed = gf_run_feed(r);
    for (size_t v = 0; v < cache->variants; v++) {
        for (size_t at = 0; at < cache->n; at += CHUNK) {
            size_t n = cache->n - at < CHUNK ? cache->n - at : CHUNK;
            tell_filling(r, v * cache->n + at, cache->variants * cache->n);
            const gf_share s = gf_run_share(r, n);
            GF_TRY(gf_engine_fill_variant(r->engine, &feed, cache, v, (uint32_t)r->phase_start + (uint32_t)v,
                                          at + s.first, s.end - s.first, err));
            GF_TRY(gf_run_gather_features(r, cache, v * cache->n + at, n, err));
            GF_TRY(gf_run_stop_asked(r, err));
        }
    }
    return GRAFT_OK;
}

/* As an earlier run left them, or computed and left for a later one. */
static graft_status fill(gf_run *r, gf_feature_cache *cache, bool changed, graft_error *err)
{
    gf_feature_store store = {0};
    bool found = false;
    bool disk = r->feature_words.disk && gf_run_writes(r);
    if (disk) GF_TRY(gf_feature_store_open(&store, r, cache, changed, err));
    if (disk) found = gf_feature_store_load(&store, cache, r->host.log);
    graft_status status = gf_run_agree(r, &found, sizeof found, err);
    if (status != GRAFT_OK) goto out;
    status = found     ? gf_run_spread_features(r, cache, err)
             : changed ? fill_variants(r, cache, err)
                       : gf_run_fill_features(r, cache, cache->n, err);
    if (status == GRAFT_OK && disk && !found) gf_feature_store_save(&store, cache, r->host.log);
out:
    gf_feature_store_close(&store);
    return status;
}

static graft_status make_held(gf_run *r, uint64_t *room, graft_error *err)
{
    uint32_t first, held = gf_run_split(r, GF_VALIDATION, &first) + gf_run_split(r, GF_TEST, NULL);
    uint64_t bytes = gf_feature_cache_bytes(r->engine, held);
    if (!held || bytes > *room) return GRAFT_OK;
    *room -= bytes;
    GF_TRY(gf_feature_cache_create(&r->feature_cache, r->engine, first, held, 1, err));
    return r->feature_words.disk ? fill(r, &r->feature_cache, false, err) : GRAFT_OK; /* else as it is evaluated */
}

static graft_status make_training(gf_run *r, uint64_t room, graft_error *err)
{
    uint32_t first, n = gf_run_split(r, GF_TRAIN, &first), variants = gf_run_variants(r);
    bool changed = gf_augment_any(&r->feed.augment);
    size_t each = changed ? variants : 1, all;
    if (!gf_run_next_phase(r) || !each || !gf_mul_size(n, each, &all)) return GRAFT_OK;
    if (gf_feature_cache_bytes(r->engine, all) > room) return GRAFT_OK;
    GF_TRY(gf_feature_cache_create(&r->train_feature_cache, r->engine, first, n, each, err));
    return fill(r, &r->train_feature_cache, changed, err);
}

graft_status gf_run_make_features(gf_run *r, graft_error *err)
{
    const uint64_t share = 4; /* of the memory that is free: a quarter at most */
    uint64_t room = gf_memory_available() / share / (uint64_t)gf_comm_size(r->host.comm);
    gf_feature_cache_free(&r->feature_cache);
    gf_feature_cache_free(&r->train_feature_cache);
    if (r->feature_words.off && !gf_run_phase(r)->solver_parsed.class->solves) return GRAFT_OK;
    GF_TRY(gf_run_agree(r, &room, sizeof room, err));
    GF_TRY(make_held(r, &room, err));
    return make_training(r, room, err);
}
