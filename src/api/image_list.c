/* image_list.c - images by path, decoded when they are asked for. */
#include "api/internal.h"

#include "image/input.h"

#include <string.h>

static graft_status decode(const gf_image_list *a, uint32_t sample, int worker, float *exact, graft_error *err)
{
    const gf_buffer *file = &a->buffer[worker];
    gf_checked *row = &a->checked[sample];
    GF_TRY(gf_sample_read(a->index, sample, &a->buffer[worker], err));
    return a->exact ? gf_sample_decode_f32(a->index, sample, file, &a->options, exact, row, err)
                    : gf_sample_decode(a->index, sample, file, &a->options, a->rgb[worker], row, err);
}

/* A failure is this image's alone: GRAFT_DATA, and why is kept. */
/* A worker has a sample for itself. Where there is no memory for the reason, that is the reason. */
static void keep_error(const gf_image_list *a, uint32_t sample, const graft_error *why)
{
    if (!a->error[sample]) a->error[sample] = gf_new(graft_error);
    if (a->error[sample]) *a->error[sample] = *why;
}

const graft_error *gf_image_list_error(const gf_image_list *a, uint32_t i)
{
    static const graft_error no_memory = {GRAFT_RESOURCE, GF_E_NO_MEMORY, "not enough memory for an image", ""};
    return a->error[i] ? a->error[i] : &no_memory;
}

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    (void)target, (void)err;
    const gf_image_list *a = ctx;
    graft_error why = {0};
    bool good = decode(a, q->sample, q->worker, q->scratch, &why) == GRAFT_OK;
    if (!good) keep_error(a, q->sample, &why);
    a->checked[q->sample].state = good ? GF_GOOD : GF_BAD;
    if (good && a->exact) gf_input_put_f32(&in[0], q->scratch, dst[0]);
    if (good && !a->exact) gf_input_put(&in[0], NULL, a->rgb[q->worker], q->scratch, NULL, dst[0]);
    return good ? GRAFT_OK : GRAFT_DATA;
}

gf_feed gf_image_list_feed(gf_image_list *a) { return a->pieces ? gf_text_list_feed(a) : (gf_feed){fill, a}; }

static size_t pixels(const gf_image_list *a) { return (size_t)a->options.width * (size_t)a->options.height; }

void gf_api_geometry(gf_model_facts *f, const gf_settings *s)
{
    gf_data_fit(&f->fit, s, NULL); /* the context checked it */
    f->antialias = gf_settings_flag(s, GF_SET_DATA_ANTIALIAS);
    f->fast_dct = gf_settings_choice(s, GF_SET_DATA_DECODE) == 1;
}

void gf_api_image_options(gf_data_options *o, const gf_model_facts *f, const gf_settings *s)
{
    gf_data_defaults(o);
    o->width = f->width;
    o->height = f->height;
    o->antialias = f->antialias;
    o->image.ignore_exif = f->ignore_exif;
    gf_data_take_settings(o, s);
    o->fit = f->fit;
    o->image.fast_dct = f->fast_dct;
    o->stored_side = 0;
    o->image.allow_truncated = gf_settings_flag(s, GF_SET_DATA_ALLOW_TRUNCATED);
}

/* Room for an image per thread. */
static bool make_room(gf_image_list *a)
{
    size_t threads = (size_t)gf_pool_threads(a->context->pool);
    a->rgb = gf_new_n(threads, uint8_t *);
    for (size_t i = 0; a->rgb && i < threads; i++) {
        a->rgb[i] = gf_alloc_raw(3 * pixels(a), 1);
        if (!a->rgb[i]) return false;
    }
    return a->rgb != NULL;
}

graft_status gf_image_list_open(gf_image_list *a, graft_context *c, const gf_model_facts *f, const char *const *paths,
                                size_t n, bool exact_values, graft_error *err)
{
    *a = (gf_image_list){.context = c, .exact = exact_values};
    gf_api_image_options(&a->options, f, c->settings);
    a->options.log = &c->log;
    graft_status status = GRAFT_OK;
    GF_GOTO(gf_index_images(&a->index, paths, n, &a->options, err));
    gf_index_tell_ignored(a->index, &c->log);
    size_t threads = (size_t)gf_pool_threads(c->pool);
    a->buffer = gf_new_n(threads, gf_buffer);
    a->error = gf_new_n(a->index->n, graft_error *);
    a->sample = gf_new_n(a->index->n, uint32_t);
    a->checked = gf_new_n(a->index->n, gf_checked);
    a->lost = gf_new_n(a->index->n, bool);
    bool ok = a->buffer && a->error && a->sample && a->checked && a->lost && (a->exact || make_room(a));
    if (!ok) {
        status = gf_fail_memory(err, a->index->n * sizeof *a->error, "pictures");
        goto out;
    }
    for (uint32_t i = 0; i < a->index->n; i++) a->sample[i] = i;
out:
    if (status != GRAFT_OK) gf_image_list_close(a);
    return status;
}

void gf_image_list_close(gf_image_list *a)
{
    for (int i = 0; i < gf_pool_threads(a->context->pool); i++) {
        if (a->buffer) gf_buffer_free(&a->buffer[i]);
        if (a->rgb) gf_free(a->rgb[i]);
        if (a->pieces) gf_pieces_free(&a->pieces[i]);
    }
    gf_free(a->pieces);
    gf_tokenizer_close(&a->tokenizer);
    gf_free(a->rgb);
    gf_free(a->buffer);
    for (uint32_t i = 0; a->error && i < a->index->n; i++) gf_free(a->error[i]);
    gf_free(a->error);
    gf_free(a->sample);
    gf_free(a->checked);
    gf_free(a->lost);
    gf_index_free(a->index);
    *a = (gf_image_list){.context = a->context};
}
