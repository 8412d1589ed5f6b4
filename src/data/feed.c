#include "data/feed.h"

#include "base/alloc.h"
#include "image/input.h"

#include <string.h>

static void free_change(gf_data_feed *f)
{
    for (size_t i = 0; i < f->threads && f->for_change; i++) gf_free(f->for_change[i]);
    gf_free(f->for_change);
    f->for_change = NULL;
}

/* What changing images takes, be it by their size alone. */
static graft_status book_change(gf_data_feed *f, graft_error *err)
{
    const gf_data_options *o = &f->data->options;
    int h, w;
    gf_data_stored_size(o, true, &h, &w);
    size_t bytes = gf_augment_scratch_bytes(&f->augment, h, w, o->height, o->width);
    free_change(f);
    if (!bytes) return GRAFT_OK;
    f->for_change = gf_new_n(f->threads, void *);
    bool ok = f->for_change != NULL;
    for (size_t i = 0; i < f->threads && ok; i++) {
        f->for_change[i] = gf_alloc_tensor(bytes);
        ok = f->for_change[i] != NULL;
    }
    return ok ? GRAFT_OK : gf_fail_memory(err, f->threads * bytes, "random changes of images");
}

graft_status gf_data_feed_open(gf_data_feed *f, const gf_data *data, size_t threads, graft_error *err)
{
    size_t bytes = gf_cache_image_bytes(data->cache);
    *f = (gf_data_feed){.data = data, .threads = threads};
    f->pixels = gf_new_n(threads, uint8_t *);
    bool ok = f->pixels != NULL;
    for (size_t i = 0; i < threads && ok; i++) {
        f->pixels[i] = gf_alloc_tensor(bytes);
        ok = f->pixels[i] != NULL;
    }
    graft_status status = ok ? book_change(f, err) : gf_fail_memory(err, threads * bytes, "images");
    if (status != GRAFT_OK) gf_data_feed_close(f);
    return status;
}

graft_status gf_data_parse_changes(const char *words, gf_augment_spec *out, graft_error *err)
{
    GF_TRY(gf_augment_parse(words, out, err));
    const char *mixes = gf_augment_mixes(out);
    if (!mixes) return GRAFT_OK;
    out->n = 0;
    return gf_fail(err, GF_E_OPTION_VALUE, "graft augment shows what it does to an image",
                   "augment: `%s` blends two images, whose targets a run cannot blend yet", mixes);
}

graft_status gf_data_feed_change(gf_data_feed *f, const gf_augment_spec *changes, uint64_t seed, graft_error *err)
{
    f->augment = *changes;
    f->seed = seed;
    return book_change(f, err);
}

void gf_data_feed_close(gf_data_feed *f)
{
    free_change(f);
    for (size_t i = 0; i < f->threads && f->pixels; i++) gf_free(f->pixels[i]);
    gf_free(f->pixels);
    *f = (gf_data_feed){0};
}

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    const gf_data_feed *f = ctx;
    const uint8_t *pixels;
    graft_status status = gf_cache_get(f->data->cache, q->sample, f->pixels[q->worker], &pixels, err);
    if (status != GRAFT_OK) return gf_cache_is_lost(f->data->cache, q->sample) ? GRAFT_DATA : status;
    static const gf_augment_spec none = {0};
    const gf_data_options *o = &f->data->options;
    const gf_augment_spec *spec = q->training ? &f->augment : &none;
    int h, w;
    gf_sample_size(f->data->index, q->sample, o, &h, &w);
    bool changes = gf_augment_any(spec) || h != o->height || w != o->width;
    gf_augment_drawn drawn;
    if (changes) gf_augment_draw(spec, f->seed, q->epoch, q->sample, h, w, o->height, o->width, &drawn);
    gf_input_put(&in[0], changes ? &drawn : NULL, pixels, q->scratch, changes ? f->for_change[q->worker] : NULL,
                 dst[0]);
    if (target) memcpy(target, &(int32_t){(int32_t)f->data->index->sample[q->sample].class_id}, sizeof(int32_t));
    return GRAFT_OK;
}

gf_feed gf_data_feed_of(gf_data_feed *f) { return (gf_feed){fill, f}; }
