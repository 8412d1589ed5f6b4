/* cache.h - decoded images by sample: u8 RGB [height, width, 3], of the size that gf_sample_size tells.
 *
 *   samples 0 .. m-1     in memory, one block: read without locks or copies
 *   samples m .. n-1     in a file on disk, read by pread into the caller's block, each with a checksum;
 *                        or, where there is no file, decoded anew each time
 *
 * GF_CACHE_MEMORY keeps what fits under the limit in memory, the rest on disk; DISK all on disk; NONE nothing; AUTO is
 * MEMORY where all fits, else DISK. Whatever cannot be had (memory, disk space, a folder to write to) is told in a
 * warning and done without: the cache never stops a run.
 *
 * Made empty for an index, filled by the check (check.h), then only read. */
#ifndef GF_DATA_CACHE_H
#define GF_DATA_CACHE_H

#include "data/load.h"

typedef struct gf_cache gf_cache;

/* Books the memory and opens or begins the file. index and options (its strings too) are borrowed and must outlive the
 * cache; so must the notes' log. */
graft_status gf_cache_create(gf_cache **out, gf_index *index, const gf_data_options *options, graft_error *err);
void gf_cache_free(gf_cache *cache); /* takes NULL; a file that was not sealed is taken away */

/* The rows that a cache file of an earlier run holds: index->n of them, state GF_UNCHECKED where the check has to
 * decode the sample. To be filled by the check; borrowed. */
gf_checked *gf_cache_rows(gf_cache *cache);

/* For the check: where sample's pixels are to be decoded to (scratch, or their place in memory), then that they are
 * there. Any thread, each sample once. */
uint8_t *gf_cache_place(gf_cache *cache, uint32_t sample, uint8_t *scratch);
void gf_cache_put(gf_cache *cache, uint32_t sample, const uint8_t *pixels);

/* Finishes the file, if there is one. Fails for want of memory only. */
graft_status gf_cache_seal(gf_cache *cache, graft_error *err);

/* To be called with every gf_index_drop, before it. */
void gf_cache_drop(gf_cache *cache, const bool *drop);

/* The sample's pixels: a pointer into the cache, or to scratch (gf_cache_image_bytes, the caller's, one per thread)
 * filled. Any thread. A file that changed or vanished since the check, or cannot be read, loses its sample: status DATA
 * or RESOURCE now and at every later call, so that no epoch has it again. E5001 loses nothing. */
graft_status gf_cache_get(gf_cache *cache, uint32_t sample, uint8_t *scratch, const uint8_t **pixels, graft_error *err);

/* Says which samples were lost since the last call. E1122 where more than options->max_bad of all are. Called by the
 * thread that runs the public call, between steps. */
graft_status gf_cache_tell_lost(gf_cache *cache, graft_error *err);
bool gf_cache_is_lost(const gf_cache *cache, uint32_t sample);
/* For a resumed run: loses a sample that the checkpoint says was lost, in memory or not. Nothing is said. */
void gf_cache_mark_lost(gf_cache *cache, uint32_t sample);
uint32_t gf_cache_lost(const gf_cache *cache); /* how many */

size_t gf_cache_image_bytes(const gf_cache *cache); /* of the largest */
uint32_t gf_cache_in_memory(const gf_cache *cache); /* samples held there */
bool gf_cache_has_file(const gf_cache *cache);

#endif
