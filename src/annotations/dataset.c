/* dataset.c - images with objects, out of the images' own check and cache. */
#include "annotations/dataset.h"

#include "base/sys.h"
#include "boxes/target.h"
#include "data/build.h"
#include "data/layouts.h"
#include "image/draw.h"

#include <errno.h>
#include <math.h>
#include <string.h>

typedef struct boxes {
    gf_dataset set; /* its index is the images' */
    gf_images *images;
    gf_object *object; /* of all samples, in pixels of their stored images */
    size_t objects;
    size_t *first;    /* of each sample, and the end */
    gf_extent *image; /* of each sample, what of it is image */
} boxes;

/* ---- opening */

/* The class that an image counts as where it is split: that of its largest object. */
static uint32_t class_of(const gf_annotations *a, const gf_annotated *i)
{
    double most = -1;
    uint32_t class_id = 0;
    for (size_t b = i->first; b < i->first + i->n; b++) {
        double area = a->box[b].box.w * a->box[b].box.h;
        if (area <= most) continue;
        most = area;
        class_id = a->box[b].class_id;
    }
    return class_id;
}

static graft_status add_sample(gf_index *index, const gf_annotations *a, size_t image, graft_error *err)
{
    const gf_annotated *i = &a->image[image];
    const char *path = gf_annotations_path(a, image);
    struct stat st;
    char *whole = gf_path_join(a->root, path);
    if (!whole) return gf_fail_memory(err, strlen(path), path);
    int failed = gf_sys_stat(whole, &st) ? errno : 0;
    gf_free(whole);
    if (failed) return gf_fail_errno(err, GF_E_DATA_CHANGED, failed, "cannot be read any more", path);
    if (i->n > GF_OBJECTS_MOST)
        return gf_fail(err, GF_E_LABELS_BOX, NULL, "%s: %zu boxes; the most that is trained on is %d", GF_ESC(path),
                       i->n, GF_OBJECTS_MOST);
    gf_split split = i->split == GF_NO_SPLIT ? GF_TRAIN : (gf_split)i->split;
    return gf_index_add(index, path, &st, class_of(a, i), split, err);
}

static graft_status make_index(gf_index **out, const gf_annotations *a, const gf_data_options *o, graft_error *err)
{
    gf_index *index = gf_new(gf_index);
    if (!index) return gf_fail_memory(err, sizeof *index, "the list of files");
    graft_status status = GRAFT_OK;
    index->root = gf_strdup(a->root);
    if (!index->root) status = gf_fail_memory(err, strlen(a->root), "a file name");
    if (status == GRAFT_OK) status = gf_names_add_all(&index->classes, &a->classes, err);
    for (size_t i = 0; i < a->images && status == GRAFT_OK; i++) status = add_sample(index, a, i, err);
    if (status == GRAFT_OK) gf_index_sort(index);
    if (status == GRAFT_OK) status = gf_index_split(index, o, err);
    if (status != GRAFT_OK) {
        gf_index_free(index);
        index = NULL;
    }
    *out = index;
    return status;
}

/* A model's classes, in its order: the set's are numbered as they are. */
static graft_status use_classes(gf_annotations *a, const gf_data_options *o, graft_error *err)
{
    if (!o->classes) return GRAFT_OK;
    uint32_t *new_of = gf_new_n(a->classes.n, uint32_t);
    if (!new_of) return gf_fail_memory(err, a->classes.n * sizeof *new_of, "classes");
    graft_status status = GRAFT_OK;
    for (size_t c = 0; c < a->classes.n && status == GRAFT_OK; c++) {
        size_t k = 0;
        while (k < o->n_classes && strcmp(o->classes[k], a->classes.item[c]) != 0) k++;
        new_of[c] = (uint32_t)k;
        if (k == o->n_classes)
            status = gf_fail(err, GF_E_LABELS_CLASS, "--rename OLD=NEW makes two spellings one",
                             "%s: class \"%s\" is none of the model's", GF_ESC(a->root), GF_ESC(a->classes.item[c]));
    }
    for (size_t b = 0; b < a->boxes && status == GRAFT_OK; b++) a->box[b].class_id = new_of[a->box[b].class_id];
    gf_free(new_of);
    GF_TRY(status);
    gf_names_free(&a->classes);
    for (size_t k = 0; k < o->n_classes; k++) GF_TRY(gf_names_add(&a->classes, o->classes[k], err));
    return GRAFT_OK;
}

/* The set's image of that path: they are in its order. */
static size_t image_at(const gf_annotations *a, const char *path)
{
    size_t low = 0, high = a->images;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(gf_annotations_path(a, middle), path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The objects of a sample, in pixels of its stored image. */
static void take_objects(boxes *d, const gf_annotations *a, uint32_t sample)
{
    const gf_annotated *i = &a->image[image_at(a, gf_index_path(d->set.index, sample))];
    double scale[2], offset[2];
    int h, w;
    gf_sample_size(d->set.index, sample, &d->images->options, &h, &w);
    gf_fit_map(&d->images->options.fit, (int)i->h, (int)i->w, h, w, scale, offset);
    d->image[sample] = (gf_extent){fmax(offset[0], 0), fmax(offset[1], 0), fmin(i->w * scale[0] + offset[0], w),
                                   fmin(i->h * scale[1] + offset[1], h)};
    d->first[sample] = d->objects;
    for (size_t b = i->first; b < i->first + i->n; b++) {
        const gf_annotation *from = &a->box[b];
        d->object[d->objects++] = (gf_object){
            .box = {from->box.x * scale[0] + offset[0], from->box.y * scale[1] + offset[1],
                    (from->box.x + from->box.w) * scale[0] + offset[0],
                    (from->box.y + from->box.h) * scale[1] + offset[1]},
            .class_id = (int32_t)from->class_id,
            .ignored = from->crowd || from->difficult,
        };
    }
    d->first[sample + 1] = d->objects;
}

/* Boxes as they were checked: in pixels of the displayed image, so that the input's size does not matter. */
static graft_status digest_of(const gf_annotations *a, const gf_annotated *image, gf_sha256 *out, graft_error *err)
{
    gf_sha256_state *sha = gf_sha256_begin();
    if (!sha) return gf_fail_memory(err, 256, "a digest");
    for (size_t b = image->first; b < image->first + image->n; b++) {
        const gf_annotation *box = &a->box[b];
        const double side[] = {box->box.x, box->box.y, box->box.w, box->box.h};
        const uint32_t rest[] = {box->class_id, box->crowd || box->difficult};
        gf_sha256_add(sha, side, sizeof side);
        gf_sha256_add(sha, rest, sizeof rest);
    }
    *out = gf_sha256_end(sha);
    return GRAFT_OK;
}

/* What a resumed run tells changed labels by. */
static graft_status digest_labels(gf_index *index, const gf_annotations *a, graft_error *err)
{
    index->labels = gf_new_n(index->n, gf_sha256);
    if (!index->labels) return gf_fail_memory(err, index->n * sizeof *index->labels, "digests of labels");
    for (uint32_t i = 0; i < index->n; i++)
        GF_TRY(digest_of(a, &a->image[image_at(a, gf_index_path(index, i))], &index->labels[i], err));
    return GRAFT_OK;
}

static graft_status fill_set(boxes *d, gf_annotations *a, const gf_data_options *o, gf_pool *pool, graft_error *err)
{
    gf_index *index = NULL;
    GF_TRY(gf_annotations_refuse(a, err));
    GF_TRY(use_classes(a, o, err));
    GF_TRY(make_index(&index, a, o, err));
    GF_TRY(gf_images_open_index(&d->images, index, o, pool, NULL, err));
    d->set.index = d->images->set.index;
    d->set.n_bad = d->images->set.n_bad;
    d->object = gf_new_n(a->boxes, gf_object);
    d->first = gf_new_n(d->set.index->n + 1, size_t);
    d->image = gf_new_n(d->set.index->n, gf_extent);
    if (!d->object || !d->first || !d->image) return gf_fail_memory(err, a->boxes * sizeof *d->object, "objects");
    for (uint32_t i = 0; i < d->set.index->n; i++) take_objects(d, a, i);
    return digest_labels(d->set.index, a, err);
}

static void close_set(gf_dataset *set)
{
    boxes *d = (boxes *)set;
    gf_images_close(d->images);
    gf_free(d->object);
    gf_free(d->first);
    gf_free(d->image);
    gf_free(d);
}

/* ---- samples: the images' own feed makes the pixels */

static boxes *boxes_of(const gf_data_feed *f) { return (boxes *)f->data; }

static graft_status feed_open(gf_data_feed *f, graft_error *err)
{
    if (f->own) return gf_data_feed_change(f->own, &f->augment, f->seed, err);
    gf_data_feed *inner = gf_new(gf_data_feed);
    if (!inner) return gf_fail_memory(err, sizeof *inner, "images");
    graft_status status = gf_data_feed_open(inner, &boxes_of(f)->images->set, f->threads, err);
    if (status == GRAFT_OK) status = gf_data_feed_change(inner, &f->augment, f->seed, err);
    if (status != GRAFT_OK) {
        gf_data_feed_close(inner);
        gf_free(inner);
        return status;
    }
    f->own = inner;
    return GRAFT_OK;
}

static void feed_close(gf_data_feed *f)
{
    if (!f->own) return;
    gf_data_feed_close(f->own);
    gf_free(f->own);
}

static void put_target(const boxes *d, const gf_data_feed *inner, const gf_request *q, gf_boxes_target *t)
{
    const gf_data_options *o = &d->images->options;
    gf_augment_drawn drawn;
    *t = (gf_boxes_target){.object = d->object + d->first[q->sample],
                           .objects = (uint32_t)(d->first[q->sample + 1] - d->first[q->sample]),
                           .sample = q->sample,
                           .image = d->image[q->sample],
                           .m = {1, 0, 0, 0, 1, 0},
                           .width = o->width,
                           .height = o->height};
    if (gf_images_draw(inner, q->training, q->epoch, q->sample, &drawn)) gf_augment_map(&drawn, t->m);
}

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    const gf_data_feed *f = ctx;
    gf_data_feed *inner = f->own;
    GF_TRY(inner->data->cls->fill(inner, q, in, dst, NULL, err));
    if (target) put_target(boxes_of(f), inner, q, target);
    return GRAFT_OK;
}

/* With its boxes drawn. */
static graft_status show(gf_data_feed *f, uint32_t sample, bool changed, uint32_t epoch, gf_shown *out,
                         graft_error *err)
{
    const boxes *d = boxes_of(f);
    const gf_request q = {.epoch = epoch, .sample = sample, .training = changed};
    gf_boxes_target t;
    GF_TRY(gf_data_feed_show(f->own, sample, changed, epoch, out, err));
    put_target(d, f->own, &q, &t);
    t.width = out->w;
    t.height = out->h;
    gf_object *object = gf_new_n(t.objects, gf_object);
    if (!object) {
        gf_free(out->rgb);
        *out = (gf_shown){0};
        return gf_fail_memory(err, t.objects * sizeof *object, "objects");
    }
    static const uint8_t green[3] = {60, 220, 80};
    size_t n = gf_target_objects(&t, object);
    for (size_t i = 0; i < n; i++) {
        const gf_extent *e = &object[i].box;
        gf_draw_box(out->rgb, out->w, out->h, e->x1, e->y1, e->x2, e->y2, green);
    }
    gf_free(object);
    return GRAFT_OK;
}

static bool is_lost(const gf_dataset *d, uint32_t sample)
{
    return gf_dataset_is_lost(&((const boxes *)d)->images->set, sample);
}

static void adopt(const gf_dataset *set, void *target)
{
    const boxes *d = (const boxes *)set;
    gf_boxes_target *t = target;
    t->object = d->object + d->first[t->sample];
}

static uint32_t n_lost(const gf_dataset *d) { return gf_dataset_n_lost(&((const boxes *)d)->images->set); }

static void mark_lost(gf_dataset *d, uint32_t sample) { gf_dataset_mark_lost(&((boxes *)d)->images->set, sample); }

static graft_status tell_lost(gf_dataset *d, graft_error *err)
{
    return gf_dataset_tell_lost(&((boxes *)d)->images->set, err);
}

static const gf_dataset_class class_of_boxes = {
    .name = "boxes",
    .samples = "images",
    .makes = "An object detector",
    .pipeline = "object-detection",
    .close = close_set,
    .feed_open = feed_open,
    .feed_close = feed_close,
    .fill = fill,
    .show = show,
    .is_lost = is_lost,
    .mark_lost = mark_lost,
    .n_lost = n_lost,
    .adopt = adopt,
    .tell_lost = tell_lost,
};

graft_status gf_boxes_open(gf_dataset **out, const char *path, const gf_annotation_options *labels,
                           const gf_data_options *o, gf_pool *pool, graft_error *err)
{
    gf_annotations a;
    *out = NULL;
    if (o->weight_column) return gf_layout_no_column(path, err);
    boxes *d = gf_new(boxes);
    if (!d) return gf_fail_memory(err, sizeof *d, "the data");
    d->set.cls = &class_of_boxes;
    graft_status status = gf_annotations_read(&a, path, labels, pool, err);
    if (status == GRAFT_OK) status = fill_set(d, &a, o, pool, err);
    gf_annotations_free(&a);
    if (status != GRAFT_OK)
        close_set(&d->set);
    else
        *out = &d->set;
    return status;
}
