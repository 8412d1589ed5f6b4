/* build.c - adding to a set of annotations. */
#include "annotations/build.h"
#include "base/number.h"
#include "boxes/boxes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *gf_annotations_path(const gf_annotations *a, size_t image) { return a->text.s + a->image[image].path; }
const char *gf_annotations_source(const gf_annotations *a, size_t image) { return a->text.s + a->image[image].source; }

static graft_status keep(gf_annotations *to, const char *s, size_t *at, graft_error *err)
{
    *at = to->text.n;
    gf_text_add(&to->text, s);
    gf_text_add_n(&to->text, "", 1);
    return to->text.failed ? gf_fail_memory(err, strlen(s), s) : GRAFT_OK;
}

graft_status gf_annotations_problem(gf_annotations *to, gf_errno number, graft_error *err, const char *fmt, ...)
{
    if (to->problems >= GF_PROBLEMS_TOLD) {
        to->problems++;
        return GRAFT_OK;
    }
    char buf[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(buf, sizeof buf, fmt, args);
    va_end(args);
    char *text = gf_strdup(buf);
    if (!text) return gf_fail_memory(err, sizeof buf, "the list of problems");
    to->problem[to->problems++] = (gf_problem){number, text};
    return GRAFT_OK;
}

graft_status gf_annotating_no_image(gf_annotating *a, gf_found found, const char *label, const char *wanted,
                                    graft_error *err)
{
    if (a->options->skip_bad) {
        a->to->count.left_out++;
        return GRAFT_OK;
    }
    return gf_annotations_problem(a->to, GF_E_LABELS_IMAGE, err,
                                  found == GF_FOUND_SEVERAL ? "%s: several images are called %s"
                                                            : "%s: there is no image %s",
                                  GF_ESC(label), GF_ESC(wanted));
}

graft_status gf_annotating_image(gf_annotating *a, size_t found, const char *source, uint32_t width, uint32_t height,
                                 size_t *image, graft_error *err)
{
    gf_annotations *to = a->to;
    const char *path = a->files->image.item[found];
    *image = SIZE_MAX;
    if (a->image_of[found])
        return gf_annotations_problem(to, GF_E_LABELS_IMAGE, err, "%s: labels %s, which is labelled already by %s",
                                      GF_ESC(source), GF_ESC(path),
                                      GF_ESC(gf_annotations_source(to, a->image_of[found] - 1)));
    if (!gf_grow(&to->image, to->images, &to->cap_images))
        return gf_fail_memory(err, to->images * sizeof *to->image, "annotations");
    gf_annotated one = {.width = width, .height = height, .listed = true, .split = GF_NO_SPLIT, .orientation = 1};
    GF_TRY(keep(to, path, &one.path, err));
    GF_TRY(keep(to, source, &one.source, err));
    one.split = gf_split_of_path(path, false);
    to->image[to->images] = one;
    *image = to->images++;
    a->image_of[found] = (uint32_t)to->images;
    return GRAFT_OK;
}

graft_status gf_annotations_add_image(gf_annotations *to, const char *path, uint32_t w, uint32_t h, graft_error *err)
{
    gf_annotated one = {.w = w, .h = h, .split = GF_NO_SPLIT, .orientation = 1, .first = to->boxes};
    GF_TRY(keep(to, path, &one.path, err));
    one.source = one.path;
    if (!gf_grow(&to->image, to->images, &to->cap_images))
        return gf_fail_memory(err, to->images * sizeof *to->image, "annotations");
    to->image[to->images++] = one;
    return GRAFT_OK;
}

static const char *renamed(const gf_names *rename, const char *name)
{
    for (size_t i = 0; i + 1 < rename->n; i += 2)
        if (!strcmp(rename->item[i], name)) return rename->item[i + 1];
    return name;
}

graft_status gf_annotating_class(gf_annotations *to, const gf_names *rename, const char *name, uint32_t *class_id,
                                 graft_error *err)
{
    name = renamed(rename, name);
    for (*class_id = 0; *class_id < to->classes.n; (*class_id)++)
        if (!strcmp(to->classes.item[*class_id], name)) return GRAFT_OK;
    return gf_names_add(&to->classes, name, err);
}

graft_status gf_annotations_add(gf_annotations *to, const gf_annotation *box, graft_error *err)
{
    if (!gf_grow(&to->box, to->boxes, &to->cap_boxes))
        return gf_fail_memory(err, to->boxes * sizeof *to->box, "annotations");
    to->box[to->boxes++] = *box;
    return GRAFT_OK;
}

bool gf_coordinate(const char *s, double *out)
{
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r')) n--;
    while (n && (*s == ' ' || *s == '\t')) s++, n--;
    return gf_number_parse(s, n, out) && fabs(*out) <= 1e7; /* NaN is not */
}

uint32_t gf_label_size(const char *s)
{
    double x;
    return s && gf_coordinate(s, &x) && x >= 1 && x == floor(x) ? (uint32_t)x : 0;
}

void gf_annotations_free(gf_annotations *a)
{
    gf_free(a->root);
    gf_names_free(&a->classes);
    gf_free(a->image);
    gf_free(a->box);
    gf_text_free(&a->text);
    for (size_t i = 0; i < a->problems && i < GF_PROBLEMS_TOLD; i++) gf_free(a->problem[i].text);
    gf_notes_free(&a->notes);
    *a = (gf_annotations){0};
}

graft_status gf_annotations_refuse(const gf_annotations *a, graft_error *err)
{
    if (!a->problems) return GRAFT_OK;
    gf_text lines = {0};
    size_t told = a->problems < GF_PROBLEMS_TOLD ? a->problems : GF_PROBLEMS_TOLD;
    for (size_t i = 0; i < told; i++) gf_text_printf(&lines, "%s%s", i ? "\n    " : "", a->problem[i].text);
    if (a->problems > told) gf_text_printf(&lines, "\n    and %zu more", a->problems - told);
    graft_status status = lines.failed ? gf_fail_memory(err, lines.n, "the list of problems")
                                       : gf_fail(err, a->problem[0].number, NULL, "%s", lines.s);
    gf_text_free(&lines);
    return status;
}

graft_status gf_annotating_files(gf_annotating *a, gf_is_labels is, gf_take_labels take, graft_error *err)
{
    for (size_t i = 0; i < a->files->file.n; i++) {
        const char *file = a->files->file.item[i];
        uint8_t *bytes;
        size_t n;
        bool wanted;
        GF_TRY(is(a->files, file, &wanted, err));
        if (!wanted) continue;
        GF_TRY(gf_label_file_read(a->files, file, &bytes, &n, err));
        graft_status status = take(a, file, bytes, n, err);
        gf_free(bytes);
        GF_TRY(status);
    }
    return GRAFT_OK;
}
