/* coco.c - one JSON file with lists of images, categories and annotations, as COCO has them. */
#include "boxes/coco_json.h"

#include "annotations/format.h"
#include "json/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Its lists may stand in any order, so the whole file is looked at. */
static graft_status is_coco(const gf_label_files *files, const char *file, bool *is, graft_error *err)
{
    uint8_t *bytes;
    size_t n, blank = 0;
    *is = false;
    if (!gf_has_ending(file, "json")) return GRAFT_OK;
    GF_TRY(gf_label_file_read(files, file, &bytes, &n, err));
    if (n >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3)) blank = 3;
    while (blank < n && memchr(" \t\r\n", bytes[blank], 4)) blank++;
    *is = blank < n && bytes[blank] == '{' && memmem(bytes, n, "\"annotations\"", 13) &&
          memmem(bytes, n, "\"images\"", 8);
    gf_free(bytes);
    return GRAFT_OK;
}

/* ---- reading */

/* The set's number of each of the file's images, in the order of their ids; SIZE_MAX: left out. */
static graft_status take_images(gf_annotating *a, const gf_coco_truth *t, const char *file, size_t *image,
                                graft_error *err)
{
    uint8_t split = gf_split_of_path(file, true);
    for (size_t i = 0; i < t->images; i++) {
        size_t number = 0;
        image[i] = SIZE_MAX;
        gf_found which = gf_find_image(a->files, file, t->file.item[i], true, &number);
        if (which != GF_FOUND_ONE) {
            GF_TRY(gf_annotating_no_image(a, which, file, t->file.item[i], err));
            continue;
        }
        GF_TRY(gf_annotating_image(a, number, file, t->width[i], t->height[i], &image[i], err));
        if (image[i] != SIZE_MAX && split != GF_NO_SPLIT) a->to->image[image[i]].split = split;
    }
    return GRAFT_OK;
}

static size_t at_id(const int64_t *id, size_t n, int64_t wanted)
{
    size_t low = 0, high = n;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (id[middle] <= wanted)
            low = middle;
        else
            high = middle;
    }
    return low; /* it is there: coco_json.c checked that */
}

static graft_status take_boxes(gf_annotating *a, const gf_coco_truth *t, const size_t *image, const uint32_t *class_id,
                               graft_error *err)
{
    for (size_t i = 0; i < t->truths; i++) {
        const gf_truth *truth = &t->truth[i];
        size_t of = image[at_id(t->image, t->images, truth->image)];
        if (of == SIZE_MAX) continue;
        gf_annotation box = {.image = (uint32_t)of,
                             .class_id = class_id[at_id(t->category, t->categories, truth->category)],
                             .box = truth->box,
                             .area = truth->area,
                             .place = (uint32_t)i,
                             .crowd = truth->crowd};
        GF_TRY(gf_annotations_add(a->to, &box, err));
    }
    return GRAFT_OK;
}

static graft_status take(gf_annotating *a, const gf_coco_truth *t, const char *file, graft_error *err)
{
    graft_status status = GRAFT_OK;
    size_t *image = gf_new_n(t->images, size_t);
    uint32_t *class_id = gf_new_n(t->categories, uint32_t);
    if (!image || !class_id) status = gf_fail_memory(err, t->images * sizeof *image, file);
    for (size_t i = 0; i < t->categories && status == GRAFT_OK; i++)
        status = gf_annotating_class(a->to, &a->rename, t->name.item[i], &class_id[i], err);
    if (status == GRAFT_OK) status = take_images(a, t, file, image, err);
    if (status == GRAFT_OK) status = take_boxes(a, t, image, class_id, err);
    gf_free(image);
    gf_free(class_id);
    return status;
}

static graft_status take_bytes(gf_annotating *a, const char *file, const uint8_t *bytes, size_t n, graft_error *err)
{
    gf_coco_truth t;
    GF_TRY(gf_coco_parse_truth(&t, (const char *)bytes, n, file, err));
    graft_status status = take(a, &t, file, err);
    gf_coco_truth_free(&t);
    return status;
}

static graft_status read_all(gf_annotating *a, graft_error *err)
{
    return gf_annotating_files(a, is_coco, take_bytes, err);
}

/* ---- writing */

static gf_json *image_json(const gf_annotation_writer *w, size_t i)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "id", gf_json_int((int64_t)i + 1));
    gf_json_set(j, "file_name", gf_json_string(gf_writer_name(w, i)));
    gf_json_set(j, "width", gf_json_int(w->set->image[i].w));
    gf_json_set(j, "height", gf_json_int(w->set->image[i].h));
    return j;
}

/* What a label and a result have in common. */
static gf_json *place_json(const gf_annotation *b, size_t image)
{
    gf_json *j = gf_json_object(), *box = gf_json_array();
    const double side[] = {b->box.x, b->box.y, b->box.w, b->box.h};
    for (int i = 0; i < 4; i++) gf_json_add(box, gf_json_real(side[i]));
    gf_json_set(j, "image_id", gf_json_int((int64_t)image + 1));
    gf_json_set(j, "category_id", gf_json_int(b->class_id + 1));
    gf_json_set(j, "bbox", box);
    return j;
}

static gf_json *box_json(const gf_annotation *b, size_t image, size_t id)
{
    gf_json *j = place_json(b, image);
    gf_json_set(j, "id", gf_json_int((int64_t)id));
    gf_json_set(j, "area", gf_json_real(isnan(b->area) ? b->box.w * b->box.h : b->area));
    gf_json_set(j, "iscrowd", gf_json_int(b->crowd || b->difficult));
    return j;
}

/* The document of one split. */
static gf_json *document_of(const gf_annotation_writer *w, uint8_t split)
{
    const gf_annotations *a = w->set;
    gf_json *document = gf_json_object(), *images = gf_json_array(), *classes = gf_json_array();
    gf_json *boxes = gf_json_array();
    size_t id = 0;
    for (size_t i = 0; i < a->images; i++) {
        if (a->image[i].split != split) continue;
        gf_json_add(images, image_json(w, i));
        for (size_t b = a->image[i].first; b < a->image[i].first + a->image[i].n; b++)
            gf_json_add(boxes, box_json(&a->box[b], i, ++id)); /* from 1: pycocotools takes 0 as "no match" */
    }
    for (size_t k = 0; k < a->classes.n; k++) {
        gf_json *one = gf_json_object();
        gf_json_set(one, "id", gf_json_int((int64_t)k + 1));
        gf_json_set(one, "name", gf_json_string(a->classes.item[k]));
        gf_json_add(classes, one);
    }
    gf_json_set(document, "images", images);
    gf_json_set(document, "annotations", boxes);
    gf_json_set(document, "categories", classes);
    return document;
}

/* Frees the document. */
static graft_status write_document(const gf_annotation_writer *w, gf_json *document, char *relative, graft_error *err)
{
    char *text = gf_json_text(document, 0);
    gf_json_free(document);
    gf_text t = {0};
    gf_text_add(&t, text ? text : "");
    t.failed = t.failed || !text;
    gf_free(text);
    graft_status status = gf_writer_text(w, &t, relative, err);
    gf_text_free(&t);
    return status;
}

static graft_status write_split(gf_annotation_writer *w, uint8_t split, const char *name, graft_error *err)
{
    if (!gf_writer_has(w, split)) return GRAFT_OK;
    return write_document(w, document_of(w, split), gf_sprintf("annotations/%s.json", name), err);
}

/* Detections as COCO's tools take them (loadRes), by the ids of annotations/instances.json. */
static graft_status write_results(const gf_annotation_writer *w, graft_error *err)
{
    gf_json *list = gf_json_array();
    for (size_t b = 0; b < w->set->boxes; b++) {
        const gf_annotation *box = &w->set->box[b];
        gf_json *one = place_json(box, box->image);
        gf_json_set(one, "score", gf_json_real(box->score));
        gf_json_add(list, one);
    }
    return write_document(w, list, gf_sprintf("detections.json"), err);
}

static graft_status write_all(gf_annotation_writer *w, graft_error *err)
{
    static const char *const name[] = {"instances_train", "instances_val", "instances_test"};
    for (uint8_t s = 0; s < 3; s++) GF_TRY(write_split(w, s, name[s], err));
    GF_TRY(write_split(w, GF_NO_SPLIT, "instances", err));
    for (size_t i = 0; i < w->set->images; i++)
        GF_TRY(gf_writer_image(w, i, gf_sprintf("images/%s", gf_writer_name(w, i)), err));
    return w->set->found ? write_results(w, err) : GRAFT_OK;
}

const gf_annotation_format gf_annotation_format_coco = {
    .name = "coco",
    .title = "COCO JSON",
    .where = "coco (a .json of images, categories, annotations)",
    .ordered = true,
    .is = is_coco,
    .read_all = read_all,
    .write_all = write_all,
};
