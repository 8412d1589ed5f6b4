/* album.c - pictures by path, decoded when they are asked for. */
#include "api/internal.h"

#include <string.h>

static graft_status picture(void *ctx, uint32_t epoch, uint32_t sample, bool training, float *dst, int worker,
                            graft_error *err)
{
    (void)epoch, (void)training, (void)err;
    gf_album *a = ctx;
    graft_error *why = &a->error[sample];
    graft_status status = gf_sample_read(a->index, sample, &a->buffer[worker], why);
    if (status == GRAFT_OK) {
        status = gf_sample_decode_f32(a->index, sample, &a->buffer[worker], &a->options, dst, &a->checked[sample], why);
    }
    a->checked[sample].state = status == GRAFT_OK ? GF_GOOD : GF_BAD;
    if (status != GRAFT_OK) return GRAFT_DATA; /* this picture alone: why is kept */
    return GRAFT_OK;
}

gf_feed gf_album_feed(gf_album *a) { return (gf_feed){picture, a}; }

graft_status gf_album_open(gf_album *a, graft_context *c, const gf_model_facts *f, const char *const *paths, size_t n,
                           graft_error *err)
{
    *a = (gf_album){.context = c};
    gf_data_defaults(&a->options);
    a->options.width = f->width;
    a->options.height = f->height;
    a->options.antialias = f->antialias;
    a->options.image.ignore_exif = f->ignore_exif;
    gf_data_take_settings(&a->options, c->settings);
    a->options.image.allow_truncated = gf_settings_flag(c->settings, GF_SET_DATA_ALLOW_TRUNCATED);
    a->options.log = &c->log;
    graft_status status = GRAFT_OK;
    GF_GOTO(gf_index_pictures(&a->index, paths, n, &a->options, err));
    gf_index_tell_ignored(a->index, &c->log);
    size_t threads = (size_t)gf_pool_threads(c->pool);
    a->buffer = gf_new_n(threads, gf_buffer);
    a->error = gf_new_n(a->index->n, graft_error);
    a->sample = gf_new_n(a->index->n, uint32_t);
    a->checked = gf_new_n(a->index->n, gf_checked);
    a->lost = gf_new_n(a->index->n, bool);
    bool ok = a->buffer && a->error && a->sample && a->checked && a->lost;
    if (!ok) {
        status = gf_fail_memory(err, a->index->n * sizeof *a->error, "pictures");
        goto out;
    }
    for (uint32_t i = 0; i < a->index->n; i++) a->sample[i] = i;
out:
    if (status != GRAFT_OK) gf_album_close(a);
    return status;
}

void gf_album_close(gf_album *a)
{
    for (int i = 0; i < gf_pool_threads(a->context->pool); i++) {
        if (a->buffer) gf_buffer_free(&a->buffer[i]);
    }
    gf_free(a->buffer);
    gf_free(a->error);
    gf_free(a->sample);
    gf_free(a->checked);
    gf_free(a->lost);
    gf_index_free(a->index);
    *a = (gf_album){.context = a->context};
}
