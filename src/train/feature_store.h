/* feature_store.h - feature caches on disk, for further runs: a file each, whose name is a digest of all that the rows
 * follow from - the frozen part's layers and values, its arithmetic on this machine, the images and how they are
 * prepared, random changes. What is damaged is told and computed anew; a file that cannot be written is told and left
 * out.
 *
 *   header (256 bytes, with a checksum of itself and of each block) | rows of each value at the split point | targets
 */
#ifndef GF_TRAIN_FEATURE_STORE_H
#define GF_TRAIN_FEATURE_STORE_H

#include "base/hash.h"
#include "base/log.h"
#include "train/engine.h"

struct gf_run;

/* --feature-cache */
typedef struct gf_feature_words {
    bool off, disk;
    int variants; /* 0: each epoch has random changes of its own */
} gf_feature_words;
/* "auto", "off", "disk", "4", "4,disk". E3002. */
graft_status gf_feature_words_parse(gf_feature_words *out, const char *text, graft_error *err);

typedef struct gf_feature_store {
    char *dir, *path;    /* owned */
    const char *samples; /* what the rows are features of: "images" */
    gf_sha256 key;
    uint64_t limit;
} gf_feature_store;

/* Of that cache of the run's present phase. E3002 where the run has no cache folder. */
graft_status gf_feature_store_open(gf_feature_store *s, struct gf_run *r, const gf_feature_cache *cache, bool changed,
                                   graft_error *err);
void gf_feature_store_close(gf_feature_store *s); /* takes a zeroed one */
/* False: it has to be filled. */
bool gf_feature_store_load(const gf_feature_store *s, gf_feature_cache *cache, const gf_log *log);
/* Not where a sample was lost. Then the oldest files go, until the rest is within the limit. */
void gf_feature_store_save(const gf_feature_store *s, const gf_feature_cache *cache, const gf_log *log);

/* Pure: the header of a file for such a cache, GF_FEATURE_HEAD bytes; sum[parts + 1] gets the blocks' checksums. E1124.
 */
enum { GF_FEATURE_HEAD = 256 };
graft_status gf_feature_head_parse(const uint8_t *bytes, size_t n, const gf_sha256 *key, const gf_feature_cache *cache,
                                   uint64_t sum[GF_MAX_BOUNDARY_TENSORS + 1], graft_error *err);
/* Bytes of block `i` (the last one: the targets). */
size_t gf_feature_block(const gf_feature_cache *cache, size_t i);

#endif
