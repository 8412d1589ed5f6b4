/* voc.c - one XML file per image, as the Pascal VOC challenge has them and labelImg writes them. */
#include "annotations/voc.h"

#include <math.h>
#include <string.h>

static graft_status is_voc(const gf_label_files *files, const char *file, bool *is, graft_error *err)
{
    char begin[GF_LABEL_BEGIN + 1];
    size_t n;
    *is = false;
    if (!gf_has_ending(file, "xml")) return GRAFT_OK;
    GF_TRY(gf_label_file_begin(files, file, begin, &n, err));
    *is = memmem(begin, n, "<annotation", 11) || memmem(begin, n, "<\0a\0n\0n\0o\0t\0", 12);
    return GRAFT_OK;
}

/* ---- one file */

static graft_status take_number(double *out, const gf_xml *x, size_t in, const char *key, const char *name,
                                gf_annotations *to, bool *fine, graft_error *err)
{
    size_t element = gf_xml_child(x, in, key);
    if (element && gf_coordinate(gf_xml_text(x, element), out)) return GRAFT_OK;
    *fine = false;
    if (!element)
        return gf_annotations_problem(to, GF_E_LABELS_FIELD, err, "%s:%u: <%s> has no <%s>", GF_ESC(name),
                                      x->element[in].line, gf_xml_name(x, in), key);
    const char *text = gf_xml_text(x, element);
    return gf_annotations_problem(to, GF_E_LABELS_BOX, err, "%s:%u: <%s> is \"%s\": wanted is a number%s", GF_ESC(name),
                                  x->element[element].line, key, GF_ESC(text),
                                  strchr(text, ',') ? " with a decimal point, not a comma" : "");
}

static bool is_set(const gf_xml *x, size_t in, const char *key)
{
    const char *text = gf_xml_child_text(x, in, key);
    return text && !strcmp(text, "1");
}

static graft_status take_object(const gf_voc_file *v, const gf_xml *x, size_t object, gf_annotations *to,
                                graft_error *err)
{
    size_t corners = gf_xml_child(x, object, "bndbox");
    const char *name = gf_xml_child_text(x, object, "name");
    bool fine = true;
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0, first = v->inclusive ? 1 : 0;
    if (!corners) return GRAFT_OK; /* polygons and marks of whole images are no boxes */
    if (!name || !*name)
        return gf_annotations_problem(to, GF_E_LABELS_FIELD, err, "%s:%u: <object> has no <name>", GF_ESC(v->name),
                                      x->element[object].line);
    GF_TRY(take_number(&x1, x, corners, "xmin", v->name, to, &fine, err));
    GF_TRY(take_number(&y1, x, corners, "ymin", v->name, to, &fine, err));
    GF_TRY(take_number(&x2, x, corners, "xmax", v->name, to, &fine, err));
    GF_TRY(take_number(&y2, x, corners, "ymax", v->name, to, &fine, err));
    if (!fine) return GRAFT_OK;
    gf_annotation box = {.image = (uint32_t)v->image,
                         .box = {x1 - first, y1 - first, x2 - x1 + first, y2 - y1 + first},
                         .area = NAN,
                         .place = x->element[object].line,
                         .difficult = is_set(x, object, "difficult"),
                         .truncated = is_set(x, object, "truncated")};
    GF_TRY(gf_annotating_class(to, v->rename, name, &box.class_id, err));
    return gf_annotations_add(to, &box, err);
}

bool gf_voc_is_inclusive(const gf_xml *x, gf_voc_pixels pixels)
{
    size_t source = gf_xml_child(x, 0, "source");
    const char *database = source ? gf_xml_child_text(x, source, "database") : NULL;
    switch (pixels) {
    case GF_VOC_CORNERS: return false;
    case GF_VOC_INCLUSIVE: return true;
    case GF_VOC_AUTO: break;
    }
    return database && strstr(database, "VOC");
}

graft_status gf_voc_take(const gf_voc_file *v, const gf_xml *x, gf_annotations *to, graft_error *err)
{
    graft_status status = GRAFT_OK;
    for (size_t o = gf_xml_child(x, 0, "object"); o && status == GRAFT_OK; o = gf_xml_next(x, o))
        status = take_object(v, x, o, to, err);
    return status;
}

/* ---- the folder */

/* Where several images have the label's stem, its <filename> may tell which. */
static gf_found image_of(const gf_label_files *files, const char *label, const gf_xml *x, size_t *image)
{
    const char *base = gf_base_name(label), *name = gf_xml_child_text(x, 0, "filename");
    char stem[1024];
    size_t n = gf_stem_length(base);
    gf_found by_stem = GF_FOUND_NONE;
    if (n < sizeof stem) {
        memcpy(stem, base, n);
        stem[n] = 0;
        by_stem = gf_find_image(files, label, stem, false, image);
    }
    if (by_stem == GF_FOUND_ONE) return by_stem;
    gf_found by_name = name ? gf_find_image(files, label, name, true, image) : GF_FOUND_NONE;
    if (by_name == GF_FOUND_ONE || by_stem == GF_FOUND_SEVERAL) return by_name == GF_FOUND_ONE ? by_name : by_stem;
    name = gf_xml_child_text(x, 0, "path");
    return name ? gf_find_image(files, label, name, true, image) : by_name;
}

static graft_status take_file(gf_annotating *a, const char *label, const gf_xml *x, graft_error *err)
{
    size_t number = 0, size = gf_xml_child(x, 0, "size");
    if (strcmp(gf_xml_name(x, 0), "annotation") != 0) return GRAFT_OK; /* something that has such elements within */
    gf_found which = image_of(a->files, label, x, &number);
    gf_voc_file v = {.name = label, .rename = &a->rename, .inclusive = gf_voc_is_inclusive(x, a->options->voc_pixels)};
    if (which != GF_FOUND_ONE) return gf_annotating_no_image(a, which, label, gf_base_name(label), err);
    uint32_t width = size ? gf_label_size(gf_xml_child_text(x, size, "width")) : 0;
    uint32_t height = size ? gf_label_size(gf_xml_child_text(x, size, "height")) : 0;
    GF_TRY(gf_annotating_image(a, number, label, width, height, &v.image, err));
    return v.image == SIZE_MAX ? GRAFT_OK : gf_voc_take(&v, x, a->to, err);
}

/* A line of a list of stems; behind the stem may stand a mark. */
static gf_found image_of_line(const gf_label_files *files, const char *list, char *line, size_t *image)
{
    gf_found found = gf_find_image(files, list, line, false, image);
    if (found != GF_FOUND_NONE) return found;
    line[strcspn(line, " \t")] = 0;
    return gf_find_image(files, list, line, false, image);
}

/* ImageSets/Main/train.txt and its like: a stem per line. Lists of one class ("cat_train.txt") are passed over. */
static graft_status take_split(gf_annotating *a, const char *list, uint8_t split, graft_error *err)
{
    uint8_t *bytes;
    size_t n, image;
    char *rest = NULL;
    GF_TRY(gf_label_file_read(a->files, list, &bytes, &n, err));
    for (char *line = strtok_r((char *)bytes, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest))
        if (image_of_line(a->files, list, line, &image) == GF_FOUND_ONE && a->image_of[image])
            a->to->image[a->image_of[image] - 1].split = split;
    gf_free(bytes);
    return GRAFT_OK;
}

static graft_status take_splits(gf_annotating *a, graft_error *err)
{
    for (size_t i = 0; i < a->files->file.n; i++) {
        const char *file = a->files->file.item[i];
        if (!strstr(file, "ImageSets/Main/") || !gf_has_ending(file, "txt")) continue;
        if (strchr(gf_base_name(file), '_') || !strcmp(gf_base_name(file), "trainval.txt")) continue;
        uint8_t split = gf_split_of_path(gf_base_name(file), true);
        if (split != GF_NO_SPLIT) GF_TRY(take_split(a, file, split, err));
    }
    return GRAFT_OK;
}

static graft_status take_bytes(gf_annotating *a, const char *file, const uint8_t *bytes, size_t n, graft_error *err)
{
    gf_xml x;
    GF_TRY(gf_xml_parse(&x, bytes, n, file, err));
    graft_status status = take_file(a, file, &x, err);
    gf_xml_free(&x);
    return status;
}

static graft_status read_all(gf_annotating *a, graft_error *err)
{
    GF_TRY(gf_annotating_files(a, is_voc, take_bytes, err));
    return take_splits(a, err);
}

/* ---- writing */

static void put_number(gf_text *t, const char *key, double x)
{
    char number[GF_NUMBER_SIZE];
    gf_text_printf(t, "<%s>%s</%s>", key, gf_number_shortest(number, x), key);
}

static void put_text(gf_text *t, const char *key, const char *s)
{
    gf_text_printf(t, "<%s>", key);
    for (; *s; s++) {
        if (*s == '&' || *s == '<' || *s == '>')
            gf_text_add(t, *s == '&' ? "&amp;" : *s == '<' ? "&lt;" : "&gt;");
        else
            gf_text_add_n(t, s, 1);
    }
    gf_text_printf(t, "</%s>", key);
}

static void put_object(gf_text *t, const gf_annotations *a, const gf_annotation *b)
{
    gf_text_add(t, "  <object>");
    put_text(t, "name", a->classes.item[b->class_id]);
    gf_text_printf(t, "<truncated>%d</truncated><difficult>%d</difficult>", b->truncated, b->difficult || b->crowd);
    if (a->found) put_number(t, "confidence", b->score);
    gf_text_add(t, "<bndbox>");
    put_number(t, "xmin", b->box.x);
    put_number(t, "ymin", b->box.y);
    put_number(t, "xmax", b->box.x + b->box.w);
    put_number(t, "ymax", b->box.y + b->box.h);
    gf_text_add(t, "</bndbox></object>\n");
}

static graft_status write_one(gf_annotation_writer *w, size_t image, graft_error *err)
{
    const gf_annotated *i = &w->set->image[image];
    const char *name = gf_writer_name(w, image);
    gf_text t = {0};
    gf_text_add(&t, "<annotation>\n  ");
    put_text(&t, "filename", name);
    gf_text_printf(&t, "\n  <size><width>%u</width><height>%u</height><depth>3</depth></size>\n", i->w, i->h);
    for (size_t b = i->first; b < i->first + i->n; b++) put_object(&t, w->set, &w->set->box[b]);
    gf_text_add(&t, "</annotation>\n");
    graft_status status =
        gf_writer_text(w, &t, gf_sprintf("Annotations/%.*s.xml", (int)gf_stem_length(name), name), err);
    gf_text_free(&t);
    return status;
}

static graft_status write_split(gf_annotation_writer *w, uint8_t split, graft_error *err)
{
    static const char *const list[] = {"train", "val", "test"};
    gf_text t = {0};
    for (size_t i = 0; i < w->set->images; i++) {
        const char *name = gf_writer_name(w, i);
        if (w->set->image[i].split == split) gf_text_printf(&t, "%.*s\n", (int)gf_stem_length(name), name);
    }
    graft_status status = t.n ? gf_writer_text(w, &t, gf_sprintf("ImageSets/Main/%s.txt", list[split]), err) : GRAFT_OK;
    gf_text_free(&t);
    return status;
}

static graft_status write_all(gf_annotation_writer *w, graft_error *err)
{
    for (size_t i = 0; i < w->set->images; i++) {
        GF_TRY(write_one(w, i, err));
        GF_TRY(gf_writer_image(w, i, gf_sprintf("JPEGImages/%s", gf_writer_name(w, i)), err));
    }
    for (uint8_t s = 0; s < 3; s++) GF_TRY(write_split(w, s, err));
    return GRAFT_OK;
}

const gf_annotation_format gf_annotation_format_voc = {
    .name = "voc",
    .title = "VOC XML",
    .where = "voc (.xml files of <annotation>)",
    .is = is_voc,
    .read_all = read_all,
    .write_all = write_all,
};
