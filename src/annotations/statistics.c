/* statistics.c - sizes of boxes, and the inspection's report. */
#include "annotations/statistics.h"

#include "annotations/format.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double share)
{
    return n ? sorted[(size_t)floor(share * (double)(n - 1) + 0.5)] : 0;
}

graft_status gf_box_statistics_of(const gf_annotations *a, int side, gf_box_statistics *out, graft_error *err)
{
    static const double share[GF_BOX_QUANTILES] = {0, 0.05, 0.5, 0.95, 1};
    *out = (gf_box_statistics){0};
    size_t n = a->boxes > a->images ? a->boxes : a->images;
    double *v = gf_new_n(n, double);
    if (!v) return gf_fail_memory(err, n * sizeof *v, "sizes of boxes");
    for (size_t b = 0; b < a->boxes; b++) {
        const gf_annotated *i = &a->image[a->box[b].image];
        double covers = a->box[b].box.w * a->box[b].box.h / ((double)i->w * i->h);
        v[b] = side * sqrt(covers);
        out->covering += covers > 0.98;
        out->tiny += v[b] < 8;
    }
    qsort(v, a->boxes, sizeof *v, by_value);
    for (int q = 0; q < GF_BOX_QUANTILES; q++) out->side[q] = quantile(v, a->boxes, share[q]);
    out->advised = GF_INPUT_SIDE;
    while (out->side[2] > 0 && out->side[2] * out->advised / side < 16 && out->advised < 2048) out->advised += 32;
    for (size_t i = 0; i < a->images; i++) v[i] = (double)a->image[i].w / a->image[i].h;
    qsort(v, a->images, sizeof *v, by_value);
    out->aspect = quantile(v, a->images, 0.5);
    gf_free(v);
    return GRAFT_OK;
}

/* ---- the report */

typedef struct counts {
    uint64_t background, split[4]; /* images: without boxes; of each part, and of none */
    uint64_t *boxes, *images;      /* of each class */
} counts;

static graft_status count(const gf_annotations *a, counts *c, graft_error *err)
{
    c->boxes = gf_new_n(2 * a->classes.n, uint64_t);
    if (!c->boxes) return gf_fail_memory(err, a->classes.n * sizeof *c->boxes, "classes");
    c->images = c->boxes + a->classes.n;
    for (size_t i = 0; i < a->images; i++) {
        const gf_annotated *image = &a->image[i];
        c->background += !image->n;
        c->split[image->split == GF_NO_SPLIT ? 3 : image->split]++;
        for (size_t b = image->first; b < image->first + image->n; b++) {
            bool first = true;
            for (size_t k = image->first; k < b && first; k++) first = a->box[k].class_id != a->box[b].class_id;
            c->boxes[a->box[b].class_id]++;
            c->images[a->box[b].class_id] += first;
        }
    }
    return GRAFT_OK;
}

static const char *const part[] = {"train", "validation", "test", "unsplit"};

static gf_json *json_of(const gf_annotations *a, const counts *c, const gf_box_statistics *s)
{
    static const char *const quantile_name[GF_BOX_QUANTILES] = {"least", "low", "median", "high", "most"};
    gf_json *j = gf_json_object(), *list = gf_json_array(), *side = gf_json_object(), *told = gf_json_array();
    gf_json *notes = gf_json_array(), *parts = gf_json_object();
    gf_json_set(j, "format", gf_json_string(a->format->name));
    gf_json_set(j, "images", gf_json_int((int64_t)a->images));
    gf_json_set(j, "boxes", gf_json_int((int64_t)a->boxes));
    gf_json_set(j, "background", gf_json_int((int64_t)c->background));
    gf_json_set(j, "unlabelled", gf_json_int((int64_t)a->count.unlabelled));
    gf_json_set(j, "duplicate_groups", gf_json_int((int64_t)a->count.duplicate_groups));
    for (int p = 0; p < 4; p++)
        if (c->split[p]) gf_json_set(parts, part[p], gf_json_int((int64_t)c->split[p]));
    gf_json_set(j, "parts", parts);
    for (size_t k = 0; k < a->classes.n; k++) {
        gf_json *one = gf_json_object();
        gf_json_set(one, "name", gf_json_string(a->classes.item[k]));
        gf_json_set(one, "boxes", gf_json_int((int64_t)c->boxes[k]));
        gf_json_set(one, "images", gf_json_int((int64_t)c->images[k]));
        gf_json_add(list, one);
    }
    gf_json_set(j, "classes", list);
    for (int q = 0; q < GF_BOX_QUANTILES; q++) gf_json_set(side, quantile_name[q], gf_json_real(s->side[q]));
    gf_json_set(j, "box_side_at_320", side);
    gf_json_set(j, "aspect", gf_json_real(s->aspect));
    gf_json_set(j, "advised_size", gf_json_int(s->advised));
    gf_json_set(j, "problems", gf_json_int((int64_t)a->problems));
    for (size_t i = 0; i < a->problems && i < GF_PROBLEMS_TOLD; i++)
        gf_json_add(told, gf_json_string(a->problem[i].text));
    gf_json_set(j, "told", told);
    for (size_t i = 0; i < a->notes.n; i++) gf_json_add(notes, gf_json_string(a->notes.item[i].text));
    gf_json_set(j, "notes", notes);
    return j;
}

static void text_of(gf_text *t, const gf_annotations *a, const counts *c, const gf_box_statistics *s)
{
    gf_text_printf(t, "%zu images, %s labels, %zu class%s, %zu boxes\n", a->images, a->format->title, a->classes.n,
                   a->classes.n == 1 ? "" : "es", a->boxes);
    if (c->background) gf_text_printf(t, "%llu images without boxes (background)\n", (unsigned long long)c->background);
    if (a->count.unlabelled)
        gf_text_printf(t, "%llu images that nothing labels: left out\n", (unsigned long long)a->count.unlabelled);
    for (int p = 0; p < 3; p++)
        if (c->split[p]) gf_text_printf(t, "  %-11s %llu images\n", part[p], (unsigned long long)c->split[p]);
    gf_text_printf(t, "%-28s %8s %8s\n", "class", "boxes", "images");
    for (size_t k = 0; k < a->classes.n; k++)
        gf_text_printf(t, "%-28s %8llu %8llu\n", GF_ESC(a->classes.item[k]), (unsigned long long)c->boxes[k],
                       (unsigned long long)c->images[k]);
    gf_text_printf(t,
                   "boxes at %d x %d: median %.0f px a side, 90 %% of them %.0f to %.0f, all %.0f to %.0f; "
                   "advice: --size %d\n",
                   GF_INPUT_SIDE, GF_INPUT_SIDE, s->side[2], s->side[1], s->side[3], s->side[0], s->side[4],
                   s->advised);
    for (size_t i = 0; i < a->notes.n; i++)
        gf_text_printf(t, "%s: %s\n", a->notes.item[i].level == GF_WARNING ? "warning" : "note", a->notes.item[i].text);
    if (a->notes.more) gf_text_printf(t, "and %llu more notes\n", (unsigned long long)a->notes.more);
    for (size_t i = 0; i < a->problems && i < GF_PROBLEMS_TOLD; i++) gf_text_printf(t, "bad: %s\n", a->problem[i].text);
    if (a->problems > GF_PROBLEMS_TOLD) gf_text_printf(t, "bad: and %zu more\n", a->problems - GF_PROBLEMS_TOLD);
}

graft_status gf_annotations_report(const gf_annotations *a, gf_json **document, char **text, graft_error *err)
{
    counts c = {0};
    gf_box_statistics s;
    gf_text t = {0};
    *document = NULL;
    *text = NULL;
    GF_TRY(gf_box_statistics_of(a, GF_INPUT_SIDE, &s, err));
    GF_TRY(count(a, &c, err));
    text_of(&t, a, &c, &s);
    if (!t.failed) *document = json_of(a, &c, &s);
    gf_free(c.boxes);
    if (t.failed) {
        gf_text_free(&t);
        return gf_fail_memory(err, t.n, "the report on labels");
    }
    *text = t.s;
    return GRAFT_OK;
}
