/* createml.c - one JSON list of images, as Apple's CreateML has them: boxes by their centers, in pixels. */
#include "annotations/createml.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

static const gf_json *either(const gf_json *j, const char *a, const char *b)
{
    const gf_json *first = gf_json_get(j, a);
    return first ? first : gf_json_get(j, b);
}

const char *gf_createml_image(const gf_json *item) { return gf_json_str(either(item, "image", "imagefilename"), NULL); }

static const gf_json *boxes_of(const gf_json *item) { return either(item, "annotations", "annotation"); }

static graft_status is_createml(const gf_label_files *files, const char *file, bool *is, graft_error *err)
{
    char begin[GF_LABEL_BEGIN + 1];
    const char *c = begin;
    size_t n;
    *is = false;
    if (!gf_has_ending(file, "json")) return GRAFT_OK;
    GF_TRY(gf_label_file_begin(files, file, begin, &n, err));
    if (n >= 3 && !memcmp(c, "\xef\xbb\xbf", 3)) c += 3;
    c += strspn(c, " \t\r\n");
    bool lists = *c == '[' && strstr(c, "\"image") && !strstr(c, "\"image_id\""); /* COCO's results are none */
    *is = lists && (strstr(c, "\"annotation") || n == GF_LABEL_BEGIN);
    return GRAFT_OK;
}

graft_status gf_createml_take(gf_annotations *to, const gf_names *rename, const gf_json *item, size_t image,
                              const char *name, size_t at, graft_error *err)
{
    static const char *const key[] = {"x", "y", "width", "height"};
    const gf_json *boxes = boxes_of(item);
    if (!gf_json_is_array(boxes))
        return gf_annotations_problem(to, GF_E_LABELS_FIELD, err, "%s: [%zu] has no list \"annotations\"", GF_ESC(name),
                                      at);
    for (size_t i = 0; i < gf_json_size(boxes); i++) {
        const gf_json *one = gf_json_at(boxes, i), *where = gf_json_get(one, "coordinates");
        const char *label = gf_json_str(gf_json_get(one, "label"), NULL);
        double v[4];
        bool fine = true;
        for (int k = 0; k < 4; k++) {
            v[k] = gf_json_f64(gf_json_get(where, key[k]), NAN);
            fine = fine && fabs(v[k]) <= 1e7;
        }
        if (!label || !*label || !fine) {
            GF_TRY(gf_annotations_problem(to, label && *label ? GF_E_LABELS_BOX : GF_E_LABELS_FIELD, err,
                                          "%s: [%zu].annotations[%zu] has no %s", GF_ESC(name), at, i,
                                          label && *label ? "coordinates of four numbers x, y, width, height"
                                                          : "\"label\""));
            continue;
        }
        gf_annotation box = {.image = (uint32_t)image,
                             .area = NAN,
                             .place = (uint32_t)i,
                             .box = {v[0] - v[2] / 2, v[1] - v[3] / 2, v[2], v[3]}};
        GF_TRY(gf_annotating_class(to, rename, label, &box.class_id, err));
        GF_TRY(gf_annotations_add(to, &box, err));
    }
    return GRAFT_OK;
}

static graft_status take_item(gf_annotating *a, const gf_json *item, const char *file, size_t at, graft_error *err)
{
    const char *name = gf_createml_image(item);
    size_t number = 0, image;
    if (!name)
        return gf_annotations_problem(a->to, GF_E_LABELS_FIELD, err, "%s: [%zu] has no \"image\"", GF_ESC(file), at);
    gf_found which = gf_find_image(a->files, file, name, true, &number);
    if (which != GF_FOUND_ONE) return gf_annotating_no_image(a, which, file, name, err);
    GF_TRY(gf_annotating_image(a, number, file, 0, 0, &image, err));
    if (image == SIZE_MAX) return GRAFT_OK;
    return gf_createml_take(a->to, &a->rename, item, image, file, at, err);
}

static graft_status take_bytes(gf_annotating *a, const char *file, const uint8_t *bytes, size_t n, graft_error *err)
{
    gf_json *document = NULL;
    graft_status status = gf_json_parse(&document, (const char *)bytes, n, file, err);
    for (size_t k = 0; k < gf_json_size(document) && status == GRAFT_OK; k++)
        status = take_item(a, gf_json_at(document, k), file, k, err);
    gf_json_free(document);
    return status;
}

static graft_status read_all(gf_annotating *a, graft_error *err)
{
    return gf_annotating_files(a, is_createml, take_bytes, err);
}

/* ---- writing */

static gf_json *item_of(const gf_annotation_writer *w, size_t image)
{
    const gf_annotated *i = &w->set->image[image];
    gf_json *item = gf_json_object(), *boxes = gf_json_array();
    for (size_t b = i->first; b < i->first + i->n; b++) {
        const gf_annotation *box = &w->set->box[b];
        gf_json *one = gf_json_object(), *where = gf_json_object();
        gf_json_set(where, "x", gf_json_real(box->box.x + box->box.w / 2));
        gf_json_set(where, "y", gf_json_real(box->box.y + box->box.h / 2));
        gf_json_set(where, "width", gf_json_real(box->box.w));
        gf_json_set(where, "height", gf_json_real(box->box.h));
        gf_json_set(one, "label", gf_json_string(w->set->classes.item[box->class_id]));
        gf_json_set(one, "coordinates", where);
        if (w->set->found) gf_json_set(one, "confidence", gf_json_real(box->score));
        gf_json_add(boxes, one);
    }
    gf_json_set(item, "image", gf_json_string(gf_writer_name(w, image)));
    gf_json_set(item, "annotations", boxes);
    return item;
}

static graft_status write_split(gf_annotation_writer *w, uint8_t split, const char *folder, graft_error *err)
{
    if (!gf_writer_has(w, split)) return GRAFT_OK;
    gf_json *document = gf_json_array();
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < w->set->images && status == GRAFT_OK; i++) {
        if (w->set->image[i].split != split) continue;
        gf_json_add(document, item_of(w, i));
        status = gf_writer_image(w, i, gf_sprintf("%s%s", folder, gf_writer_name(w, i)), err);
    }
    char *text = gf_json_text(document, 0);
    gf_json_free(document);
    if (status == GRAFT_OK && !text) status = gf_fail_memory(err, 1, w->folder);
    gf_text t = {0};
    if (text) gf_text_add(&t, text);
    gf_free(text);
    if (status == GRAFT_OK) status = gf_writer_text(w, &t, gf_sprintf("%s_annotations.createml.json", folder), err);
    gf_text_free(&t);
    return status;
}

static graft_status write_all(gf_annotation_writer *w, graft_error *err)
{
    static const char *const folder[] = {"train/", "valid/", "test/"};
    for (uint8_t s = 0; s < 3; s++) GF_TRY(write_split(w, s, folder[s], err));
    return write_split(w, GF_NO_SPLIT, "", err);
}

const gf_annotation_format gf_annotation_format_createml = {
    .name = "createml",
    .title = "CreateML JSON",
    .where = "createml (a .json list of image, annotations)",
    .is = is_createml,
    .read_all = read_all,
    .write_all = write_all,
};
