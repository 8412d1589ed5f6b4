/* read.c - a folder of images with labelled boxes, from finding the labels to boxes that can be trained on. */
#include "annotations/annotations.h"

#include "annotations/check.h"
#include "annotations/format.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the options say */

static graft_status take_renames(gf_names *to, const char *text, graft_error *err)
{
    for (const char *c = text; c && *c;) {
        size_t n = strcspn(c, ",");
        const char *equals = memchr(c, '=', n);
        char *old = equals ? gf_strndup(c, (size_t)(equals - c)) : NULL;
        char *new = equals ? gf_strndup(equals + 1, (size_t)(c + n - equals - 1)) : NULL;
        graft_status status = GRAFT_OK;
        if (!equals || (old && !*old) || (new && !*new))
            status = gf_fail(err, GF_E_OPTION_VALUE, "as in racoon=raccoon,Dog=dog", "rename \"%s\": wanted is OLD=NEW",
                             GF_ESC(text));
        else if (!old || !new)
            status = gf_fail_memory(err, n, text);
        if (status == GRAFT_OK) status = gf_names_add(to, old, err);
        if (status == GRAFT_OK) status = gf_names_add(to, new, err);
        gf_free(old);
        gf_free(new);
        GF_TRY(status);
        c += n + (c[n] == ',');
    }
    return GRAFT_OK;
}

/* ---- order */

typedef struct class_order {
    uint32_t old;
    const char *name;
} class_order;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const class_order *)a)->name, ((const class_order *)b)->name);
}

static graft_status sort_classes(gf_annotations *a, graft_error *err)
{
    size_t n = a->classes.n;
    class_order *order = gf_new_n(n, class_order);
    uint32_t *new_of = gf_new_n(n, uint32_t);
    if (order && new_of) {
        for (uint32_t i = 0; i < n; i++) order[i] = (class_order){i, a->classes.item[i]};
        qsort(order, n, sizeof *order, by_name);
        for (uint32_t i = 0; i < n; i++) new_of[order[i].old] = i;
        for (size_t b = 0; b < a->boxes; b++) a->box[b].class_id = new_of[a->box[b].class_id];
        gf_names_sort(&a->classes);
    }
    graft_status status = order && new_of ? GRAFT_OK : gf_fail_memory(err, n * sizeof *order, "classes");
    gf_free(order);
    gf_free(new_of);
    return status;
}

/* Images in the order of their paths, each image's boxes together in the order in which they were read. */
static graft_status sort_boxes(gf_annotating *g, graft_error *err)
{
    gf_annotations *a = g->to;
    graft_status status = GRAFT_OK;
    gf_annotated *image = gf_new_n(a->images, gf_annotated);
    gf_annotation *box = gf_new_n(a->boxes, gf_annotation);
    uint32_t *new_of = gf_new_n(a->images, uint32_t);
    size_t n = 0, first = 0;
    if (!image || !box || !new_of)
        status = gf_fail_memory(err, a->boxes * sizeof *box + a->images * sizeof *image, "annotations");
    for (size_t f = 0; f < g->files->image.n && status == GRAFT_OK; f++) {
        if (!g->image_of[f]) continue;
        image[n] = a->image[g->image_of[f] - 1];
        image[n].n = 0;
        new_of[g->image_of[f] - 1] = (uint32_t)n++;
    }
    for (size_t b = 0; b < a->boxes && status == GRAFT_OK; b++) image[new_of[a->box[b].image]].n++;
    for (size_t i = 0; i < n && status == GRAFT_OK; first += image[i++].n) image[i].first = first;
    for (size_t b = 0; b < a->boxes && status == GRAFT_OK; b++) {
        size_t to = image[new_of[a->box[b].image]].first++;
        box[to] = a->box[b];
        box[to].image = new_of[a->box[b].image];
    }
    for (size_t i = 0; i < n && status == GRAFT_OK; i++) image[i].first -= image[i].n;
    if (status == GRAFT_OK) {
        gf_free(a->image);
        gf_free(a->box);
        a->image = image;
        a->box = box;
        a->cap_images = a->images;
        a->cap_boxes = a->boxes;
        image = NULL;
        box = NULL;
    }
    gf_free(image);
    gf_free(box);
    gf_free(new_of);
    return status;
}

/* ---- images that nothing labels */

static graft_status warn_unlabelled(gf_annotating *g, const char *names, graft_error *err)
{
    gf_annotations *a = g->to;
    if (a->count.unlabelled * 10 <= a->images) return GRAFT_OK;
    return gf_note_add(&a->notes, g->options->log, GF_WARNING, err,
                       "%llu of %zu images have no label and are left out (%s%s): --unlabelled background takes "
                       "them as images without objects",
                       (unsigned long long)a->count.unlabelled, g->files->image.n, names,
                       a->count.unlabelled > 3 ? ", .." : "");
}

static graft_status take_background(gf_annotating *g, size_t found, graft_error *err)
{
    size_t image;
    GF_TRY(gf_annotating_image(g, found, g->files->image.item[found], 0, 0, &image, err));
    g->to->image[image].listed = false;
    return GRAFT_OK;
}

static graft_status take_unlabelled(gf_annotating *g, graft_error *err)
{
    gf_text names = {0};
    graft_status status = GRAFT_OK;
    for (size_t f = 0; f < g->files->image.n && status == GRAFT_OK; f++) {
        if (g->image_of[f]) continue;
        if (g->options->background) {
            status = take_background(g, f, err);
            continue;
        }
        if (g->to->count.unlabelled++ < 3)
            gf_text_printf(&names, "%s%s", names.n ? ", " : "", GF_ESC(g->files->image.item[f]));
    }
    if (status == GRAFT_OK && names.failed) status = gf_fail_memory(err, 1, "names");
    if (status == GRAFT_OK && names.n) status = warn_unlabelled(g, names.s, err);
    gf_text_free(&names);
    return status;
}

static graft_status none_labelled(const gf_annotating *g, graft_error *err)
{
    const gf_annotations *a = g->to;
    if (a->boxes || a->problems) return GRAFT_OK;
    if (!a->images)
        return gf_fail(err, GF_E_LABELS_NONE, NULL, "%s: no label belongs to any of its %zu images (looked for: %s)",
                       GF_ESC(a->root), g->files->image.n, a->format->where);
    return gf_fail(err, GF_E_LABELS_NONE, NULL,
                   "%s: nothing but background: the labels of %zu images have no boxes (%s)", GF_ESC(a->root),
                   a->images, a->format->where);
}

/* ---- all of it */

static graft_status take(gf_annotating *g, gf_pool *pool, graft_error *err)
{
    gf_annotations *a = g->to;
    const gf_annotation_options *o = g->options;
    g->image_of = gf_new_n(g->files->image.n, uint32_t);
    if (!g->image_of) return gf_fail_memory(err, g->files->image.n * sizeof *g->image_of, g->files->root);
    GF_TRY(take_renames(&g->rename, o->rename, err));
    GF_TRY(a->format->read_all(g, err));
    GF_TRY(none_labelled(g, err));
    GF_TRY(take_unlabelled(g, err));
    if (!a->format->ordered) GF_TRY(sort_classes(a, err));
    GF_TRY(sort_boxes(g, err));
    GF_TRY(gf_annotations_look(a, o, pool, err));
    GF_TRY(gf_annotations_check(a, o, err));
    return gf_annotations_judge(a, o->log, err);
}

graft_status gf_annotations_read(gf_annotations *out, const char *path, const gf_annotation_options *o, gf_pool *pool,
                                 graft_error *err)
{
    gf_label_files files;
    *out = (gf_annotations){.format = o->format};
    GF_TRY(gf_label_files_find(&files, path, true, err));
    gf_annotating g = {.to = out, .options = o, .files = &files};
    graft_status status = GRAFT_OK;
    out->root = gf_strdup(files.root);
    if (!out->root) status = gf_fail_memory(err, strlen(path), path);
    if (status == GRAFT_OK && !out->format) status = gf_annotation_format_find(&out->format, &files, err);
    if (status == GRAFT_OK) status = take(&g, pool, err);
    gf_names_free(&g.rename);
    gf_free(g.image_of);
    gf_label_files_free(&files);
    if (status != GRAFT_OK) gf_annotations_free(out);
    return status;
}

bool gf_annotations_are(const char *path)
{
    gf_label_files files;
    bool is = false;
    if (gf_label_files_find(&files, path, false, NULL) != GRAFT_OK) return false;
    for (size_t i = 0; gf_annotation_format_at(i) && !is; i++)
        for (size_t k = 0; k < files.file.n && !is; k++)
            if (gf_annotation_format_at(i)->is(&files, files.file.item[k], &is, NULL) != GRAFT_OK) is = false;
    gf_label_files_free(&files);
    return is;
}
