/* look.c - every image is read once: does it decode, how large is it. */
#include "annotations/build.h"
#include "annotations/check.h"
#include "data/load.h"
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

typedef struct looking {
    gf_annotations *a;
    gf_image_options image;
    char **message; /* of each image; NULL: it can be read */
} looking;

/* Decoded as small as its format allows: what counts is that it can be, its size and how it is turned. */
static graft_status look_at(const looking *l, gf_annotated *image, const char *name, const uint8_t *bytes, size_t n,
                            graft_error *err)
{
    gf_image shown;
    gf_image_info info;
    GF_TRY(gf_image_decode(bytes, n, name, &l->image, &shown, &info, err));
    gf_image_free(&shown);
    bool turned = info.orientation >= 5;
    image->content = gf_sha256_of(bytes, n);
    image->stored_w = (uint32_t)info.stored_w;
    image->stored_h = (uint32_t)info.stored_h;
    image->orientation = (uint8_t)info.orientation;
    image->w = turned ? image->stored_h : image->stored_w;
    image->h = turned ? image->stored_w : image->stored_h;
    return GRAFT_OK;
}

static graft_status look_item(void *ctx, size_t item, int worker, graft_error *err)
{
    looking *l = ctx;
    (void)worker;
    const char *name = gf_annotations_path(l->a, item);
    char *path = gf_path_join(l->a->root, name);
    uint8_t *bytes = NULL;
    size_t n = 0;
    graft_error why = {0};
    if (!path) return gf_fail_memory(err, strlen(name), name);
    graft_status status = gf_file_read(path, GF_IMAGE_FILE_MAX, &bytes, &n, &why);
    if (status == GRAFT_OK) status = look_at(l, &l->a->image[item], name, bytes, n, &why);
    gf_free(bytes);
    gf_free(path);
    if (status == GRAFT_OK) return GRAFT_OK;
    if (why.number == GF_E_NO_MEMORY) return gf_fail_memory(err, n, name);
    l->message[item] = gf_strdup(why.message);
    return l->message[item] ? GRAFT_OK : gf_fail_memory(err, 1, name);
}

/* Bad images leave the set with their boxes: those that a problem tells, too, so that nothing hangs on them. */
static void drop(gf_annotations *a, char *const *message)
{
    size_t n = 0, boxes = 0;
    for (size_t i = 0; i < a->images; i++) {
        size_t first = boxes;
        if (message[i]) continue;
        for (size_t b = a->image[i].first; b < a->image[i].first + a->image[i].n; b++) {
            a->box[boxes] = a->box[b];
            a->box[boxes++].image = (uint32_t)n;
        }
        a->image[n] = a->image[i];
        a->image[n++].first = first;
    }
    a->images = n;
    a->boxes = boxes;
}

static graft_status tell_bad(gf_annotations *a, const gf_annotation_options *o, char *const *message, graft_error *err)
{
    for (size_t i = 0; i < a->images; i++) {
        if (!message[i]) continue;
        if (o->skip_bad) {
            a->count.left_out++;
            GF_TRY(gf_note_add(&a->notes, o->log, GF_WARNING, err, "left out: %s", message[i]));
        } else {
            GF_TRY(gf_annotations_problem(a, GF_E_DATA_BAD_IMAGES, err, "%s", message[i]));
        }
    }
    return GRAFT_OK;
}

static int by_content(const void *a, const void *b) { return memcmp(a, b, sizeof(gf_sha256)); }

static graft_status count_duplicates(gf_annotations *a, graft_error *err)
{
    gf_sha256 *all = gf_new_n(a->images, gf_sha256);
    if (!all) return gf_fail_memory(err, a->images * sizeof *all, "digests of images");
    for (size_t i = 0; i < a->images; i++) all[i] = a->image[i].content;
    qsort(all, a->images, sizeof *all, by_content);
    for (size_t i = 1; i < a->images; i++)
        a->count.duplicate_groups +=
            !by_content(&all[i - 1], &all[i]) && (i < 2 || by_content(&all[i - 2], &all[i]) != 0);
    gf_free(all);
    return GRAFT_OK;
}

graft_status gf_annotations_look(gf_annotations *a, const gf_annotation_options *o, gf_pool *pool, graft_error *err)
{
    looking l = {a, gf_image_options_default(), gf_new_n(a->images, char *)};
    graft_status status = GRAFT_OK;
    if (!l.message) return gf_fail_memory(err, a->images * sizeof *l.message, "images");
    l.image.ignore_exif = o->ignore_exif;
    l.image.whole_pixels = 1;
    l.image.least_w = l.image.least_h = 1;
    if (pool)
        status = gf_pool_run_watched(pool, a->images, look_item, &l, err);
    else
        for (size_t i = 0; i < a->images && status == GRAFT_OK; i++) status = look_item(&l, i, 0, err);
    if (status == GRAFT_OK) status = tell_bad(a, o, l.message, err);
    size_t n = a->images;
    if (status == GRAFT_OK) drop(a, l.message);
    for (size_t i = 0; i < n; i++) gf_free(l.message[i]);
    gf_free(l.message);
    return status == GRAFT_OK ? count_duplicates(a, err) : status;
}
