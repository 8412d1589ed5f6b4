/* images.c - images as samples: found, split, checked and cached; then out of the cache, with random changes where they
 * are to train. */
#include "data/images.h"

#include "data/looks.h"
#include "image/input.h"

#include <string.h>

static graft_status copy_options(gf_images *data, const gf_data_options *options, graft_error *err)
{
    data->options = *options;
    for (size_t i = 0; options->classes && i < options->n_classes; i++) {
        GF_TRY(gf_names_add(&data->given_classes, options->classes[i], err));
    }
    if (options->classes) data->options.classes = (const char *const *)data->given_classes.item;
    data->options.image_column = data->options.label_column = data->options.split_column = NULL; /* not needed again */
    data->options.label_delimiter = NULL;
    if (!options->cache_dir) return GRAFT_OK;
    data->cache_dir = gf_strdup(options->cache_dir);
    data->options.cache_dir = data->cache_dir;
    return data->cache_dir ? GRAFT_OK : gf_fail_memory(err, 4096, "a file name");
}

/* A class that had images and lost them all to the check. */
static graft_status refuse_emptied(const gf_images *data, const bool *drop, graft_error *err)
{
    const gf_index *index = data->set.index;
    uint32_t *left = gf_new_n(index->classes.n, uint32_t), *had = gf_new_n(index->classes.n, uint32_t);
    graft_status status = GRAFT_OK;
    if (!left || !had) GF_GOTO(gf_fail_memory(err, index->classes.n * sizeof *left, "class counts"));
    for (uint32_t i = 0; i < index->n; i++) {
        const uint32_t *label;
        for (size_t k = gf_index_labels(index, i, &label); k > 0; k--) {
            had[label[k - 1]]++;
            left[label[k - 1]] += !drop[i];
        }
    }
    for (size_t c = 0; c < index->classes.n && !data->options.allow_empty_class; c++) {
        if (!had[c] || left[c]) continue;
        status = gf_fail(err, GF_E_DATA_EMPTY_CLASS, "repair its images, or take its folder away",
                         "%s: class %s has no image left, %u could not be used", GF_ESC(index->root),
                         GF_ESC(index->classes.item[c]), had[c]);
        break;
    }
out:
    gf_free(left);
    gf_free(had);
    return status;
}

static graft_status drop_bad(gf_images *data, const bool *drop, graft_error *err)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < data->set.index->n; i++) n += drop[i];
    if (!n) return GRAFT_OK;
    GF_TRY(refuse_emptied(data, drop, err));
    gf_cache_drop(data->cache, drop);
    gf_index_drop(data->set.index, drop);
    if (data->report->n_bad) {
        gf_log_say(data->options.log, GF_WARNING, "%zu bad images are left out", data->report->n_bad);
    }
    if (data->set.index->n) return GRAFT_OK;
    return gf_fail(err, GF_E_DATA_NO_IMAGES, NULL, "%s: no image is left", GF_ESC(data->set.index->root));
}

static graft_status check_classes(const gf_index *x, const char *path, size_t least, graft_error *err)
{
    if (x->classes.n >= least) return GRAFT_OK;
    return gf_fail(err, GF_E_DATA_ONE_CLASS,
                   "a folder a class is wanted, two at least; is the data set a folder further down?",
                   "%s: holds the class \"%s\" alone: there is nothing to tell apart", GF_ESC(path),
                   x->classes.n ? GF_ESC(x->classes.item[0]) : "");
}

graft_status gf_images_open_index(gf_images **out, gf_index *index, const gf_data_options *options, gf_pool *pool,
                                  gf_data_report **report, graft_error *err)
{
    *out = NULL;
    if (report) *report = NULL;
    gf_images *data = gf_new(gf_images);
    if (!data) {
        gf_index_free(index);
        return gf_fail_memory(err, sizeof *data, "the data");
    }
    data->set.cls = &gf_dataset_images;
    data->set.index = index;
    bool *drop = NULL;
    graft_status status;
    GF_GOTO(copy_options(data, options, err));
    gf_index_tell_ignored(data->set.index, data->options.log);
    drop = gf_new_n(data->set.index->n, bool);
    if (!drop) GF_GOTO(gf_fail_memory(err, data->set.index->n, "the data"));
    GF_GOTO(gf_cache_create(&data->cache, data->set.index, &data->options, err));
    GF_GOTO(gf_check(data->set.index, data->cache, &data->options, pool, &data->report, drop, err));
    GF_GOTO(gf_check_policy(data->report, &data->options, err));
    GF_GOTO(drop_bad(data, drop, err));
    data->set.n_bad = data->report->n_bad;
    if (report) *report = data->report;
    *out = data;
out:
    gf_free(drop);
    if (status != GRAFT_OK && report) {
        *report = data->report;
        data->report = NULL;
    }
    if (status != GRAFT_OK) gf_images_close(data);
    return status;
}

graft_status gf_images_open(gf_images **out, const char *path, const gf_data_options *options, gf_pool *pool,
                            gf_data_report **report, graft_error *err)
{
    gf_index *index;
    *out = NULL;
    if (report) *report = NULL;
    GF_TRY(gf_index_build(&index, path, options, err));
    graft_status status = check_classes(index, path, options->least_classes, err);
    if (status == GRAFT_OK) return gf_images_open_index(out, index, options, pool, report, err);
    gf_index_free(index);
    return status;
}

void gf_images_close(gf_images *data)
{
    if (!data) return;
    gf_cache_free(data->cache);
    gf_index_free(data->set.index);
    gf_report_free(data->report);
    gf_names_free(&data->given_classes);
    gf_free(data->cache_dir);
    gf_free(data);
}

graft_status gf_images_look(gf_index *index, const gf_data_options *options, gf_pool *pool, gf_data_report **report,
                            graft_error *err)
{
    gf_looks looks;
    gf_data_options o = *options;
    *report = NULL;
    GF_TRY(gf_looks_open(&looks, index->n, err));
    o.decoded = gf_looks_take;
    o.decoded_ctx = &looks;
    bool *drop = gf_new_n(index->n, bool);
    graft_status status =
        drop ? gf_check(index, NULL, &o, pool, report, drop, err) : gf_fail_memory(err, index->n, "the data");
    if (status == GRAFT_OK) status = gf_looks_report(&looks, index, *report, err);
    if (status != GRAFT_OK) {
        gf_report_free(*report);
        *report = NULL;
    }
    gf_free(drop);
    gf_looks_close(&looks);
    return status;
}

/* ---- as samples */

/* Per worker, an array of f->threads each. */
typedef struct image_feed {
    uint8_t **pixels;  /* of an image that is not in memory */
    void **for_change; /* what random changes need; NULL: nothing */
    float **partner;   /* where images are blended: one as the network reads it; else NULL */
} image_feed;

static gf_images *images_of(const gf_data_feed *f) { return (gf_images *)f->data; }

static graft_status open_set(gf_dataset **out, const char *path, const gf_data_options *o, gf_pool *pool,
                             graft_error *err)
{
    gf_images *data;
    GF_TRY(gf_images_open(&data, path, o, pool, NULL, err));
    *out = &data->set;
    return GRAFT_OK;
}

static void close_set(gf_dataset *d) { gf_images_close((gf_images *)d); }

static void free_each(const gf_data_feed *f, void **of)
{
    for (size_t i = 0; i < f->threads && of; i++) gf_free(of[i]);
    gf_free(of);
}

/* NULL: no memory. */
static void **for_each(const gf_data_feed *f, size_t bytes)
{
    void **of = gf_new_n(f->threads, void *);
    bool ok = of != NULL;
    for (size_t i = 0; i < f->threads && ok; i++) {
        of[i] = gf_alloc_tensor(bytes);
        ok = of[i] != NULL;
    }
    if (ok) return of;
    free_each(f, of);
    return NULL;
}

/* What changing images takes, be it by their size alone, and blending two. */
static graft_status book_change(const gf_data_feed *f, image_feed *own, graft_error *err)
{
    const gf_data_options *o = &images_of(f)->options;
    int h, w;
    gf_data_stored_size(o, true, &h, &w);
    size_t bytes = gf_augment_scratch_bytes(&f->augment, h, w, o->height, o->width);
    size_t blended = gf_augment_mixes(&f->augment) ? 3 * sizeof(float) * (size_t)o->height * (size_t)o->width : 0;
    free_each(f, own->for_change);
    free_each(f, (void **)own->partner);
    own->for_change = bytes ? for_each(f, bytes) : NULL;
    own->partner = blended ? (float **)for_each(f, blended) : NULL;
    if ((own->for_change || !bytes) && (own->partner || !blended)) return GRAFT_OK;
    return gf_fail_memory(err, f->threads * (bytes + blended), "random changes of images");
}

static graft_status feed_open(gf_data_feed *f, graft_error *err)
{
    size_t bytes = gf_cache_image_bytes(images_of(f)->cache);
    if (!f->own) f->own = gf_new(image_feed);
    image_feed *own = f->own;
    if (own && !own->pixels) own->pixels = (uint8_t **)for_each(f, bytes);
    return own && own->pixels ? book_change(f, own, err) : gf_fail_memory(err, f->threads * bytes, "images");
}

static void feed_close(gf_data_feed *f)
{
    image_feed *own = f->own;
    if (!own) return;
    free_each(f, own->for_change);
    free_each(f, (void **)own->partner);
    free_each(f, (void **)own->pixels);
    gf_free(own);
}

static const gf_augment_spec *changes_of(const gf_data_feed *f, bool training)
{
    static const gf_augment_spec none = {0};
    return training ? &f->augment : &none;
}

/* What the sample gets; false: nothing. */
static bool draw(const gf_data_feed *f, const gf_augment_spec *spec, uint32_t epoch, uint32_t sample,
                 gf_augment_drawn *drawn)
{
    const gf_data_options *o = &images_of(f)->options;
    int h, w;
    gf_sample_size(f->data->index, sample, o, &h, &w);
    if (!gf_augment_any(spec) && h == o->height && w == o->width) return false;
    gf_augment_draw(spec, f->seed, epoch, sample, h, w, o->height, o->width, drawn);
    return true;
}

/* The image that a sample is blended with: any of those to train on, drawn by (seed, epoch, sample). Keras takes
 * another one of the same batch; which batch a sample is in depends on the batch size, this does not. */
static uint32_t partner_of(const gf_data_feed *f, uint32_t epoch, uint32_t sample)
{
    const gf_index *x = f->data->index;
    gf_rng rng = gf_rng_make(f->seed, GF_PURPOSE_PARTNER, epoch, sample);
    return x->first[GF_TRAIN] + gf_rng_below(&rng, x->first[GF_TRAIN + 1] - x->first[GF_TRAIN]);
}

/* The sample as `drawn` has it, and its partner with the changes of its own, blended: as values, and the target. A
 * partner whose file went away is left out. */
static graft_status blend(const gf_data_feed *f, uint32_t epoch, uint32_t sample, int worker,
                          const gf_augment_drawn *drawn, const uint8_t *pixels, float *values, gf_class_target *target,
                          graft_error *err)
{
    const image_feed *own = f->own;
    gf_images *data = images_of(f);
    void *for_change = own->for_change ? own->for_change[worker] : NULL;
    uint32_t other = partner_of(f, epoch, sample);
    gf_augment_drawn others;
    gf_augment_apply(drawn, pixels, values, for_change);
    if (!(drawn->mix.lambda < 1)) return GRAFT_OK;
    graft_status status = gf_cache_get(data->cache, other, own->pixels[worker], &pixels, err);
    if (status != GRAFT_OK) return gf_cache_is_lost(data->cache, other) ? GRAFT_OK : status;
    draw(f, &f->augment, epoch, other, &others);
    gf_augment_apply(&others, pixels, own->partner[worker], for_change);
    gf_augment_mix(&drawn->mix, drawn->ow, (size_t)drawn->oh * (size_t)drawn->ow, own->partner[worker], values);
    target->other = (int32_t)f->data->index->sample[other].class_id;
    target->other_weight = f->data->index->sample[other].weight;
    target->share = drawn->mix.lambda;
    return GRAFT_OK;
}

/* The class of the larger share comes first. */
static void put_target(gf_class_target t, void *target)
{
    if (t.share < 0.5f) t = (gf_class_target){t.other, t.label, 1 - t.share, t.other_weight, t.weight};
    if (target) *(gf_class_target *)target = t;
}

bool gf_images_draw(const gf_data_feed *f, bool training, uint32_t epoch, uint32_t sample, gf_augment_drawn *drawn)
{
    return draw(f, changes_of(f, training), epoch, sample, drawn);
}

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    const gf_data_feed *f = ctx;
    const image_feed *own = f->own;
    gf_images *data = images_of(f);
    const uint8_t *pixels;
    gf_class_target t = gf_target_of(f->data->index->sample[q->sample].class_id);
    t.weight = f->data->index->sample[q->sample].weight;
    graft_status status = gf_cache_get(data->cache, q->sample, own->pixels[q->worker], &pixels, err);
    if (status != GRAFT_OK) return gf_cache_is_lost(data->cache, q->sample) ? GRAFT_DATA : status;
    gf_augment_drawn drawn;
    bool changes = draw(f, changes_of(f, q->training), q->epoch, q->sample, &drawn);
    if (changes && drawn.mix.lambda < 1) {
        GF_TRY(blend(f, q->epoch, q->sample, q->worker, &drawn, pixels, q->scratch, &t, err));
        gf_input_put_f32(&in[0], q->scratch, dst[0]);
    } else {
        void *for_change = own->for_change ? own->for_change[q->worker] : NULL;
        gf_input_put(&in[0], changes ? &drawn : NULL, pixels, q->scratch, for_change, dst[0]);
    }
    put_target(t, target);
    return GRAFT_OK;
}

/* ---- for people */

static graft_status change_shown(const gf_data_feed *f, uint32_t sample, uint32_t epoch, const uint8_t *pixels,
                                 gf_shown *out, graft_error *err)
{
    size_t n = 3 * (size_t)out->h * (size_t)out->w;
    float *values = gf_new_n(n, float);
    if (!values) return gf_fail_memory(err, n * sizeof *values, "an image of the report");
    gf_augment_drawn drawn;
    gf_class_target target;
    graft_status status = GRAFT_OK;
    if (draw(f, &f->augment, epoch, sample, &drawn)) {
        status = blend(f, epoch, sample, 0, &drawn, pixels, values, &target, err);
        for (size_t i = 0; i < n; i++) out->rgb[i] = (uint8_t)(values[i] + 0.5f);
    } else {
        memcpy(out->rgb, pixels, n);
    }
    gf_free(values);
    return status;
}

static graft_status show(gf_data_feed *f, uint32_t sample, bool changed, uint32_t epoch, gf_shown *out,
                         graft_error *err)
{
    const image_feed *own = f->own;
    gf_images *data = images_of(f);
    int h, w;
    gf_sample_size(f->data->index, sample, &data->options, &h, &w);
    const uint8_t *pixels;
    GF_TRY(gf_cache_get(data->cache, sample, own->pixels[0], &pixels, err));
    *out = (gf_shown){.w = changed ? data->options.width : w, .h = changed ? data->options.height : h};
    size_t bytes = 3 * (size_t)out->h * (size_t)out->w;
    out->rgb = gf_alloc_raw(bytes, 1);
    if (!out->rgb) return gf_fail_memory(err, bytes, "an image of the report");
    if (changed) return change_shown(f, sample, epoch, pixels, out, err);
    memcpy(out->rgb, pixels, bytes);
    return GRAFT_OK;
}

/* ---- images whose files went away */

static bool is_lost(const gf_dataset *d, uint32_t sample)
{
    return gf_cache_is_lost(((const gf_images *)d)->cache, sample);
}

static uint32_t n_lost(const gf_dataset *d) { return gf_cache_lost(((const gf_images *)d)->cache); }

static void mark_lost(gf_dataset *d, uint32_t sample) { gf_cache_mark_lost(((gf_images *)d)->cache, sample); }

static graft_status tell_lost(gf_dataset *d, graft_error *err)
{
    return gf_cache_tell_lost(((gf_images *)d)->cache, err);
}

const gf_dataset_class gf_dataset_images = {
    .name = "images",
    .samples = "images",
    .makes = "An image classifier",
    .pipeline = "image-classification",
    .open = open_set,
    .close = close_set,
    .feed_open = feed_open,
    .feed_close = feed_close,
    .fill = fill,
    .show = show,
    .is_lost = is_lost,
    .mark_lost = mark_lost,
    .n_lost = n_lost,
    .tell_lost = tell_lost,
};
