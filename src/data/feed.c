#include "data/feed.h"

#include "base/alloc.h"
#include "image/input.h"

#include <string.h>

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
    if (ok) return GRAFT_OK;
    gf_data_feed_close(f);
    return gf_fail_memory(err, threads * bytes, "images");
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

static void change_nothing(gf_data_feed *f)
{
    for (size_t i = 0; i < f->threads && f->for_change; i++) gf_free(f->for_change[i]);
    gf_free(f->for_change);
    f->for_change = NULL;
    f->augment = (gf_augment_spec){0};
}

graft_status gf_data_feed_change(gf_data_feed *f, const char *words, uint64_t seed, graft_error *err)
{
    change_nothing(f);
    GF_TRY(gf_data_parse_changes(words, &f->augment, err));
    f->seed = seed;
    if (!gf_augment_any(&f->augment)) return GRAFT_OK;
    int h = f->data->options.height, w = f->data->options.width;
    size_t bytes = gf_augment_scratch_bytes(&f->augment, h, w, h, w);
    f->for_change = gf_new_n(f->threads, void *);
    bool ok = f->for_change != NULL;
    for (size_t i = 0; i < f->threads && ok; i++) {
        f->for_change[i] = gf_alloc_tensor(bytes);
        ok = f->for_change[i] != NULL;
    }
    return ok ? GRAFT_OK : gf_fail_memory(err, f->threads * bytes, "random changes of images");
}

void gf_data_feed_close(gf_data_feed *f)
{
    change_nothing(f);
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
    bool changes = q->training && gf_augment_any(&f->augment);
    int h = f->data->options.height, w = f->data->options.width;
    gf_augment_drawn drawn;
    if (changes) gf_augment_draw(&f->augment, f->seed, q->epoch, q->sample, h, w, h, w, &drawn);
    gf_input_put(&in[0], changes ? &drawn : NULL, pixels, q->scratch, changes ? f->for_change[q->worker] : NULL,
                 dst[0]);
    if (target) memcpy(target, &(int32_t){(int32_t)f->data->index->sample[q->sample].class_id}, sizeof(int32_t));
    return GRAFT_OK;
}

gf_feed gf_data_feed_of(gf_data_feed *f) { return (gf_feed){fill, f}; }
