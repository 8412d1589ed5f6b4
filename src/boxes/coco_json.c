/* coco_json.c - reads COCO's files. */
#include "boxes/coco_json.h"

#include "base/alloc.h"
#include "json/json.h"

#include <math.h>
#include <stdlib.h>

/* Where in a file: "annotations[12]", for errors. */
typedef struct place {
    const char *file, *list;
    size_t at;
} place;

static graft_status lacks(const place *p, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_LABELS_FIELD, NULL, "%s: %s[%zu] has no %s", GF_ESC(p->file), p->list, p->at, what);
}

/* ---- members */

static graft_status take_id(int64_t *out, const gf_json *object, const char *key, const place *p, graft_error *err)
{
    const gf_json *j = gf_json_get(object, key);
    int64_t a = gf_json_i64(j, 0), b = gf_json_i64(j, 1); /* another kind gives the fallback */
    if (a != b) {
        const char *hint = gf_json_str(j, NULL) ? "ids are numbers; some tools write file names there" : NULL;
        return gf_fail(err, GF_E_LABELS_FIELD, hint, "%s: %s[%zu] has no whole number as \"%s\"", GF_ESC(p->file),
                       p->list, p->at, key);
    }
    *out = a;
    return GRAFT_OK;
}

static graft_status take_box(gf_box *out, const gf_json *object, const place *p, graft_error *err)
{
    const gf_json *j = gf_json_get(object, "bbox");
    if (!gf_json_is_array(j) || gf_json_size(j) != 4) return lacks(p, "\"bbox\" of four numbers", err);
    double v[4];
    for (size_t i = 0; i < 4; i++) v[i] = gf_json_f64(gf_json_at(j, i), NAN);
    bool finite = isfinite(v[0]) && isfinite(v[1]) && isfinite(v[2]) && isfinite(v[3]);
    if (!finite || v[2] < 0 || v[3] < 0)
        return gf_fail(err, GF_E_LABELS_BOX, "COCO's boxes are [x, y, width, height] in pixels",
                       "%s: %s[%zu] has the box [%g, %g, %g, %g]", GF_ESC(p->file), p->list, p->at, v[0], v[1], v[2],
                       v[3]);
    *out = (gf_box){v[0], v[1], v[2], v[3]};
    return GRAFT_OK;
}

static graft_status take_number(double *out, const gf_json *object, const char *key, const place *p, graft_error *err)
{
    *out = gf_json_f64(gf_json_get(object, key), NAN);
    if (isfinite(*out)) return GRAFT_OK;
    return gf_fail(err, GF_E_LABELS_FIELD, NULL, "%s: %s[%zu] has no finite number as \"%s\"", GF_ESC(p->file), p->list,
                   p->at, key);
}

/* ---- ids */

typedef struct identity {
    int64_t id;
    size_t at;
} identity;

static int by_id(const void *a, const void *b)
{
    const identity *x = a, *y = b;
    if (x->id != y->id) return x->id < y->id ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static bool has_id(const int64_t *id, size_t n, int64_t wanted)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (id[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && id[low] == wanted;
}

static graft_status take_list(const gf_json **out, const gf_json *document, const char *list, const char *file,
                              graft_error *err)
{
    *out = gf_json_get(document, list);
    if (gf_json_is_array(*out)) return GRAFT_OK;
    const char *hint = gf_json_is_array(document) ? "this looks like detections (--results), not like labels (--truth)"
                                                  : "COCO's labels have \"images\", \"categories\" and \"annotations\"";
    return gf_fail(err, GF_E_LABELS_FIELD, hint, "%s has no list \"%s\"", GF_ESC(file), list);
}

/* The ids of a list in *order, ascending, each once; at least one byte in any case. */
static graft_status take_ids(identity **order, size_t *n, const gf_json *items, const char *list, const char *file,
                             graft_error *err)
{
    *n = gf_json_size(items);
    *order = gf_new_n(*n, identity);
    if (!*order) return gf_fail_memory(err, *n * sizeof **order, file);
    for (size_t i = 0; i < *n; i++) {
        place p = {file, list, i};
        (*order)[i].at = i;
        GF_TRY(take_id(&(*order)[i].id, gf_json_at(items, i), "id", &p, err));
    }
    qsort(*order, *n, sizeof **order, by_id);
    for (size_t i = 1; i < *n; i++)
        if ((*order)[i].id == (*order)[i - 1].id)
            return gf_fail(err, GF_E_LABELS_ID, NULL, "%s: %s[%zu] and %s[%zu] have one id, %lld", GF_ESC(file), list,
                           (*order)[i - 1].at, list, (*order)[i].at, (long long)(*order)[i].id);
    return GRAFT_OK;
}

static graft_status copy_ids(int64_t **out, const identity *order, size_t n, graft_error *err)
{
    *out = gf_new_n(n, int64_t);
    if (!*out) return gf_fail_memory(err, n * sizeof **out, "ids");
    for (size_t i = 0; i < n; i++) (*out)[i] = order[i].id;
    return GRAFT_OK;
}

static uint32_t size_of(const gf_json *object, const char *key)
{
    int64_t side = gf_json_i64(gf_json_get(object, key), 0);
    return side > 0 && side <= INT32_MAX ? (uint32_t)side : 0;
}

static graft_status read_files(gf_coco_truth *t, const gf_json *items, const identity *order, graft_error *err)
{
    t->width = gf_new_n(t->images, uint32_t);
    t->height = gf_new_n(t->images, uint32_t);
    if (!t->width || !t->height) return gf_fail_memory(err, t->images * sizeof *t->width, "sizes of images");
    for (size_t i = 0; i < t->images; i++) {
        const gf_json *one = gf_json_at(items, order[i].at);
        t->width[i] = size_of(one, "width");
        t->height[i] = size_of(one, "height");
        GF_TRY(gf_names_add(&t->file, gf_json_str(gf_json_get(one, "file_name"), ""), err));
    }
    return GRAFT_OK;
}

static graft_status read_images(gf_coco_truth *t, const gf_json *document, const char *file, graft_error *err)
{
    const gf_json *items;
    identity *order = NULL;
    graft_status status = take_list(&items, document, "images", file, err);
    if (status == GRAFT_OK) status = take_ids(&order, &t->images, items, "images", file, err);
    if (status == GRAFT_OK) status = copy_ids(&t->image, order, t->images, err);
    if (status == GRAFT_OK) status = read_files(t, items, order, err);
    gf_free(order);
    return status;
}

static graft_status read_names(gf_coco_truth *t, const gf_json *items, const identity *order, const char *file,
                               graft_error *err)
{
    for (size_t i = 0; i < t->categories; i++) {
        place p = {file, "categories", order[i].at};
        const char *name = gf_json_str(gf_json_get(gf_json_at(items, order[i].at), "name"), NULL);
        if (!name) return lacks(&p, "\"name\"", err);
        GF_TRY(gf_names_add(&t->name, name, err));
    }
    return GRAFT_OK;
}

static graft_status read_categories(gf_coco_truth *t, const gf_json *document, const char *file, graft_error *err)
{
    const gf_json *items;
    identity *order = NULL;
    graft_status status = take_list(&items, document, "categories", file, err);
    if (status == GRAFT_OK) status = take_ids(&order, &t->categories, items, "categories", file, err);
    if (status == GRAFT_OK) status = copy_ids(&t->category, order, t->categories, err);
    if (status == GRAFT_OK) status = read_names(t, items, order, file, err);
    gf_free(order);
    return status;
}

/* ---- boxes */

static graft_status take_place(int64_t *image, int64_t *category, const gf_json *object, const gf_coco_truth *t,
                               const place *p, graft_error *err)
{
    GF_TRY(take_id(image, object, "image_id", p, err));
    GF_TRY(take_id(category, object, "category_id", p, err));
    bool known = has_id(t->image, t->images, *image);
    if (known && has_id(t->category, t->categories, *category)) return GRAFT_OK;
    return gf_fail(err, GF_E_LABELS_ID, NULL, "%s: %s[%zu] is of %s %lld, which the labels do not have",
                   GF_ESC(p->file), p->list, p->at, known ? "category" : "image",
                   (long long)(known ? *category : *image));
}

static graft_status read_truth(gf_truth *out, const gf_json *object, const gf_coco_truth *t, const place *p,
                               graft_error *err)
{
    GF_TRY(take_place(&out->image, &out->category, object, t, p, err));
    GF_TRY(take_box(&out->box, object, p, err));
    out->area = out->box.w * out->box.h;
    if (gf_json_get(object, "area")) GF_TRY(take_number(&out->area, object, "area", p, err));
    const gf_json *crowd = gf_json_get(object, "iscrowd");
    out->crowd = gf_json_i64(crowd, gf_json_true(crowd, false)) != 0;
    return GRAFT_OK;
}

static graft_status read_annotations(gf_coco_truth *t, const gf_json *document, const char *file, graft_error *err)
{
    const gf_json *items;
    GF_TRY(take_list(&items, document, "annotations", file, err));
    size_t n = gf_json_size(items);
    t->truth = gf_new_n(n, gf_truth);
    if (!t->truth) return gf_fail_memory(err, n * sizeof *t->truth, file);
    for (t->truths = 0; t->truths < n; t->truths++) {
        place p = {file, "annotations", t->truths};
        GF_TRY(read_truth(&t->truth[t->truths], gf_json_at(items, t->truths), t, &p, err));
    }
    return GRAFT_OK;
}

graft_status gf_coco_parse_truth(gf_coco_truth *out, const char *text, size_t n, const char *name, graft_error *err)
{
    *out = (gf_coco_truth){0};
    gf_json *document = NULL;
    graft_status status = gf_json_parse(&document, text, n, name, err);
    if (status == GRAFT_OK) status = read_images(out, document, name, err);
    if (status == GRAFT_OK) status = read_categories(out, document, name, err);
    if (status == GRAFT_OK) status = read_annotations(out, document, name, err);
    gf_json_free(document);
    if (status != GRAFT_OK) gf_coco_truth_free(out);
    return status;
}

static graft_status read_results(gf_detection *out, const gf_json *items, const gf_coco_truth *t, const char *file,
                                 graft_error *err)
{
    for (size_t i = 0; i < gf_json_size(items); i++) {
        const gf_json *object = gf_json_at(items, i);
        place p = {file, "results", i};
        GF_TRY(take_place(&out[i].image, &out[i].category, object, t, &p, err));
        GF_TRY(take_box(&out[i].box, object, &p, err));
        GF_TRY(take_number(&out[i].score, object, "score", &p, err));
    }
    return GRAFT_OK;
}

graft_status gf_coco_parse_results(gf_detection **out, size_t *n, const gf_coco_truth *truth, const char *text,
                                   size_t size, const char *name, graft_error *err)
{
    *out = NULL;
    *n = 0;
    gf_json *document = NULL;
    GF_TRY(gf_json_parse(&document, text, size, name, err));
    graft_status status = GRAFT_OK;
    size_t found = gf_json_size(document);
    if (!gf_json_is_array(document))
        status = gf_fail(err, GF_E_LABELS_FIELD,
                         "COCO's results are one list: [{\"image_id\": .., \"category_id\": .., "
                         "\"bbox\": [x, y, w, h], \"score\": ..}, ..]",
                         "%s is not a list of detections", GF_ESC(name));
    gf_detection *list = status == GRAFT_OK ? gf_new_n(found, gf_detection) : NULL;
    if (status == GRAFT_OK && !list) status = gf_fail_memory(err, found * sizeof *list, name);
    if (status == GRAFT_OK) status = read_results(list, document, truth, name, err);
    gf_json_free(document);
    if (status != GRAFT_OK) {
        gf_free(list);
        return status;
    }
    *out = list;
    *n = found;
    return GRAFT_OK;
}

/* ---- files */

graft_status gf_coco_read_truth(gf_coco_truth *out, const char *path, graft_error *err)
{
    uint8_t *text;
    size_t n;
    *out = (gf_coco_truth){0};
    GF_TRY(gf_file_read(path, GF_COCO_MOST_BYTES, &text, &n, err));
    graft_status status = gf_coco_parse_truth(out, (const char *)text, n, path, err);
    gf_free(text);
    return status;
}

graft_status gf_coco_read_results(gf_detection **out, size_t *n, const gf_coco_truth *truth, const char *path,
                                  graft_error *err)
{
    uint8_t *text;
    size_t size;
    *out = NULL;
    *n = 0;
    GF_TRY(gf_file_read(path, GF_COCO_MOST_BYTES, &text, &size, err));
    graft_status status = gf_coco_parse_results(out, n, truth, (const char *)text, size, path, err);
    gf_free(text);
    return status;
}

void gf_coco_truth_free(gf_coco_truth *t)
{
    gf_free(t->image);
    gf_free(t->category);
    gf_free(t->truth);
    gf_free(t->width);
    gf_free(t->height);
    gf_names_free(&t->file);
    gf_names_free(&t->name);
    *t = (gf_coco_truth){0};
}
