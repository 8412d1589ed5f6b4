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

void gf_data_feed_close(gf_data_feed *f)
{
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
    gf_augment_params drawn = {0};
    if (changes) drawn = gf_augment_draw(&f->augment, f->seed, q->epoch, q->sample);
    gf_input_put(&in[0], changes ? &drawn : NULL, pixels, q->scratch, dst[0]);
    if (target) memcpy(target, &(int32_t){(int32_t)f->data->index->sample[q->sample].class_id}, sizeof(int32_t));
    return GRAFT_OK;
}

gf_feed gf_data_feed_of(gf_data_feed *f) { return (gf_feed){fill, f}; }
