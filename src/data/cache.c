#include "data/cache.h"

#include "data/cache_file.h"
#include "data/failed_samples.h"
#include "data/memory.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* `slot` is a sample's number when the cache was made; samples are renumbered when bad ones are dropped, pixels stay.
 */
struct gf_cache {
    gf_index *index;
    const gf_data_options *options;
    size_t train_bytes, image_bytes; /* of an image to train on, and of another */
    uint32_t train_slots;            /* the first ones */
    uint32_t slots, in_memory;
    uint8_t *memory;
    gf_cache_file file;
    atomic_bool file_failed; /* a write did; the file is given up at the seal */
    gf_checked *rows;        /* by slot */
    uint32_t *slot;          /* by sample */
    atomic_uchar *lost;      /* by slot */
    atomic_uint n_lost, n_damaged;
    gf_failed_samples failed;
};

static size_t bytes_of(const gf_cache *c, uint32_t slot)
{
    return slot < c->train_slots ? c->train_bytes : c->image_bytes;
}

/* Where a slot's pixels begin, and how much all those before it take. */
static uint64_t before(const gf_cache *c, uint32_t slot)
{
    uint64_t train = slot < c->train_slots ? slot : c->train_slots;
    return train * c->train_bytes + (slot - train) * c->image_bytes;
}

static graft_status warn(gf_cache *c, graft_error *err, const char *what, const graft_error *why)
{
    return gf_note_add(&c->index->notes, c->options->log, GF_WARNING, err, "%s: %s", what, why->message);
}

/* How many images memory takes. */
static uint32_t memory_slots(const gf_cache *c)
{
    gf_cache_mode mode = c->options->cache;
    if (mode == GF_CACHE_DISK || mode == GF_CACHE_NONE) return 0;
    uint64_t available = gf_memory_available();
    uint64_t limit = c->options->memory_limit ? c->options->memory_limit : available / 2;
    if (limit > available - available / 8)
        limit = available - available / 8; /* a wish for more would end the process */
    if (limit >= before(c, c->slots)) return c->slots;
    uint64_t train = before(c, c->train_slots), fitting = limit / c->train_bytes;
    if (limit >= train) fitting = c->train_slots + (limit - train) / c->image_bytes;
    /* on disk all have a better place than a part of them decoded anew; the system's own cache helps there */
    return mode == GF_CACHE_AUTO && c->options->cache_dir ? 0 : (uint32_t)fitting;
}

static graft_status book_memory(gf_cache *c, graft_error *err)
{
    c->in_memory = memory_slots(c);
    if (!c->in_memory) return GRAFT_OK;
    size_t bytes = (size_t)before(c, c->in_memory); /* below the limit, which is memory's */
    c->memory = gf_alloc_tensor(bytes);
    if (c->memory) return GRAFT_OK;
    graft_error why;
    gf_fail_memory(&why, bytes, "decoded images");
    c->in_memory = 0;
    return warn(c, err, "images are not kept in memory", &why);
}

/* Opens the file of an earlier run, or begins one. */
static graft_status book_file(gf_cache *c, graft_error *err)
{
    const char *dir = c->options->cache_dir;
    if (c->options->cache == GF_CACHE_NONE || c->in_memory == c->slots || !dir) return GRAFT_OK;
    gf_cache_key key;
    GF_TRY(gf_cache_key_make(&key, c->index, c->options, c->in_memory, err));
    bool found;
    graft_error why;
    GF_TRY(gf_cache_file_open(&c->file, dir, &key, c->rows, &found, &why, err));
    if (found) {
        for (uint32_t i = 0; i < c->in_memory; i++) c->rows[i].state = GF_UNCHECKED; /* their pixels are not here */
        return GRAFT_OK;
    }
    memset(c->rows, 0, c->slots * sizeof *c->rows);
    if (why.status != GRAFT_OK) GF_TRY(warn(c, err, "the cache on disk is made anew", &why));
    graft_status status = gf_cache_file_begin(&c->file, dir, &key, &why);
    if (status == GRAFT_OK) return GRAFT_OK;
    if (why.number == GF_E_NO_MEMORY) {
        if (err) *err = why;
        return status;
    }
    return warn(c, err, "no cache on disk", &why);
}

/* D5: what will be decoded again and again, in numbers. */
static graft_status tell_rest(gf_cache *c, graft_error *err)
{
    uint32_t rest = c->slots - c->in_memory;
    if (!rest || c->file.fd >= 0 || c->options->cache == GF_CACHE_NONE) return GRAFT_OK;
    return gf_note_add(&c->index->notes, c->options->log, GF_WARNING, err,
                       "%u of %u images are decoded anew in each epoch: all decoded take %llu MB, memory for %llu MB",
                       rest, c->slots, (unsigned long long)before(c, c->slots) >> 20,
                       (unsigned long long)before(c, c->in_memory) >> 20);
}

graft_status gf_cache_create(gf_cache **out, gf_index *index, const gf_data_options *options, graft_error *err)
{
    *out = NULL;
    GF_TRY(gf_data_options_check(options, err));
    gf_cache *c = gf_new(gf_cache);
    if (!c) return gf_fail_memory(err, sizeof *c, "the cache");
    graft_status status = GRAFT_OK;
    c->index = index;
    c->options = options;
    c->file.fd = -1;
    c->slots = index->n;
    c->image_bytes = gf_data_stored_bytes(options, false);
    c->train_bytes = gf_data_stored_bytes(options, true);
    c->train_slots = index->first[GF_TRAIN + 1];
    c->rows = gf_new_n(c->slots, gf_checked);
    c->slot = gf_alloc_raw(c->slots, sizeof *c->slot);
    c->lost = gf_alloc(c->slots, sizeof *c->lost);
    if (!c->rows || !c->slot || !c->lost) GF_GOTO(gf_fail_memory(err, c->slots * sizeof *c->rows, "the cache"));
    for (uint32_t i = 0; i < c->slots; i++) c->slot[i] = i;
    GF_GOTO(book_memory(c, err));
    GF_GOTO(book_file(c, err));
    GF_GOTO(tell_rest(c, err));
    *out = c;
out:
    if (status != GRAFT_OK) gf_cache_free(c);
    return status;
}

void gf_cache_free(gf_cache *cache)
{
    if (!cache) return;
    size_t n;
    gf_failed_sample_free(gf_failed_samples_take(&cache->failed, &n));
    gf_cache_file_close(&cache->file);
    gf_free(cache->memory);
    gf_free(cache->rows);
    gf_free(cache->slot);
    gf_free(cache->lost);
    gf_free(cache);
}

gf_checked *gf_cache_rows(gf_cache *cache) { return cache->rows; }

uint8_t *gf_cache_place(gf_cache *cache, uint32_t sample, uint8_t *scratch)
{
    return sample < cache->in_memory ? cache->memory + before(cache, sample) : scratch;
}

void gf_cache_put(gf_cache *cache, uint32_t sample, const uint8_t *pixels)
{
    if (sample < cache->in_memory || !cache->file.making || atomic_load(&cache->file_failed)) return;
    cache->rows[sample].sum = gf_pixel_sum(pixels, bytes_of(cache, sample));
    if (gf_cache_file_put(&cache->file, sample, pixels, NULL) != GRAFT_OK) atomic_store(&cache->file_failed, true);
}

graft_status gf_cache_seal(gf_cache *cache, graft_error *err)
{
    if (!cache->file.making) return GRAFT_OK;
    graft_error why;
    graft_status status = GRAFT_OK;
    if (atomic_load(&cache->file_failed)) {
        status = gf_fail(&why, GF_E_IO_WRITE, NULL, "%s: a write failed; is the disk full?", GF_ESC(cache->file.tmp));
    } else {
        status = gf_cache_file_finish(&cache->file, cache->rows, &why);
    }
    if (status == GRAFT_OK) return GRAFT_OK;
    gf_cache_file_close(&cache->file);
    GF_TRY(warn(cache, err, "no cache on disk", &why));
    return tell_rest(cache, err);
}

void gf_cache_drop(gf_cache *cache, const bool *drop)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cache->index->n; i++) {
        if (!drop[i]) cache->slot[kept++] = cache->slot[i];
    }
}

/* From the sample's own file. */
static graft_status decode(gf_cache *cache, uint32_t sample, uint8_t *scratch, graft_error *err)
{
    gf_buffer buffer = {0};
    graft_status status = gf_sample_read(cache->index, sample, &buffer, err);
    if (status == GRAFT_OK) {
        status = gf_sample_decode(cache->index, sample, &buffer, cache->options, scratch, NULL, err);
    }
    gf_buffer_free(&buffer);
    return status;
}

static graft_status lose(gf_cache *cache, uint32_t sample, const graft_error *why, graft_error *err)
{
    if (err) *err = *why;
    if (why->number == GF_E_NO_MEMORY) return why->status;
    if (atomic_exchange(&cache->lost[cache->slot[sample]], 1)) return why->status;
    atomic_fetch_add(&cache->n_lost, 1);
    graft_error full;
    graft_status status = gf_failed_samples_put(&cache->failed, sample, why, &full);
    if (status != GRAFT_OK && err) *err = full;
    return status != GRAFT_OK ? status : why->status;
}

graft_status gf_cache_get(gf_cache *cache, uint32_t sample, uint8_t *scratch, const uint8_t **pixels, graft_error *err)
{
    *pixels = NULL;
    uint32_t slot = cache->slot[sample];
    if (gf_cache_is_lost(cache, sample)) {
        return gf_fail(err, GF_E_DATA_CHANGED, NULL, "%s: lost before", GF_ESC(gf_index_path(cache->index, sample)));
    }
    if (slot < cache->in_memory) {
        *pixels = cache->memory + before(cache, slot);
        return GRAFT_OK;
    }
    bool on_disk = cache->file.fd >= 0 && cache->rows[slot].sum;
    bool read = on_disk && gf_cache_file_get(&cache->file, slot, cache->rows[slot].sum, scratch, NULL) == GRAFT_OK;
    if (on_disk && !read) atomic_fetch_add(&cache->n_damaged, 1);
    if (!read) {
        graft_error why = {0};
        if (decode(cache, sample, scratch, &why) != GRAFT_OK) return lose(cache, sample, &why, err);
    }
    *pixels = scratch;
    return GRAFT_OK;
}

graft_status gf_cache_tell_lost(gf_cache *cache, graft_error *err)
{
    const gf_log *log = cache->options->log;
    uint32_t damaged = atomic_exchange(&cache->n_damaged, 0);
    if (damaged) gf_log_say(log, GF_WARNING, "%u images of the cache on disk were damaged and decoded anew", damaged);
    size_t n;
    gf_failed_sample *all = gf_failed_samples_take(&cache->failed, &n);
    for (gf_failed_sample *b = all; b; b = b->next) {
        gf_log_say(log, GF_WARNING, "E%04d: %s: trained on without it from here on", b->number, b->message);
    }
    gf_failed_sample_free(all);
    uint32_t lost = gf_cache_lost(cache);
    double most = cache->options->max_bad * cache->index->n;
    if (cache->options->max_bad > 0 && most < 1) most = 1; /* of a small set too: any share is one image */
    if ((double)lost <= most) return GRAFT_OK;
    return gf_fail(err, GF_E_DATA_LOST, "put the data back as they were, and resume",
                   "%u of %u images were lost during the run, at most %.0f (%g %%) are allowed", lost, cache->index->n,
                   floor(most), 100 * cache->options->max_bad);
}

bool gf_cache_is_lost(const gf_cache *cache, uint32_t sample) { return atomic_load(&cache->lost[cache->slot[sample]]); }

void gf_cache_mark_lost(gf_cache *cache, uint32_t sample)
{
    if (!atomic_exchange(&cache->lost[cache->slot[sample]], 1)) atomic_fetch_add(&cache->n_lost, 1);
}

uint32_t gf_cache_lost(const gf_cache *cache) { return atomic_load(&cache->n_lost); }

size_t gf_cache_image_bytes(const gf_cache *cache)
{
    return cache->train_bytes > cache->image_bytes ? cache->train_bytes : cache->image_bytes;
}

uint32_t gf_cache_in_memory(const gf_cache *cache) { return cache->in_memory; }
bool gf_cache_has_file(const gf_cache *cache) { return cache->file.fd >= 0; }
