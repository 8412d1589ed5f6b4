/* yolo.c - a text file per image, a line per box in shares of the image; classes by number, named by data.yaml. */
#include "annotations/yolo.h"

#include "base/number.h"
#include "data/labels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- which files */

static bool has_file(const gf_names *sorted, const char *path, size_t *at)
{
    size_t low = 0, high = sorted->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(sorted->item[middle], path);
        if (!order) {
            *at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* The path of an image's label: the last folder `images` is `labels` there, the ending .txt. Without such a folder, or
 * with `beside`, it lies beside the image. gf_free it. */
static char *label_path(const char *image, bool beside)
{
    size_t stem = (size_t)(gf_base_name(image) - image) + gf_stem_length(gf_base_name(image)), at = SIZE_MAX;
    for (const char *c = image, *slash; !beside && (slash = strchr(c, '/')); c = slash + 1)
        if (slash - c == 6 && !memcmp(c, "images", 6)) at = (size_t)(c - image);
    if (at == SIZE_MAX) return gf_sprintf("%.*s.txt", (int)stem, image);
    return gf_sprintf("%.*slabels%.*s.txt", (int)at, image, (int)(stem - at - 6), image + at + 6);
}

/* Which of the files labels an image. */
static graft_status label_of(const gf_label_files *f, const char *image, bool *is, size_t *file, graft_error *err)
{
    *is = false;
    for (int beside = 0; beside < 2 && !*is; beside++) {
        char *path = label_path(image, beside);
        if (!path) return gf_fail_memory(err, strlen(image), image);
        *is = has_file(&f->file, path, file);
        gf_free(path);
    }
    return GRAFT_OK;
}

static bool is_yaml(const char *file) { return gf_has_ending(file, "yaml") || gf_has_ending(file, "yml"); }

static bool is_names(const char *file)
{
    static const char *const name[] = {"classes.txt", "labels.txt", "obj.names"};
    const char *base = gf_base_name(file);
    if (gf_has_ending(file, "names")) return true;
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (!strcmp(base, name[i])) return true;
    return false;
}

/* Whether a .yaml names classes. */
static graft_status names_classes(const gf_label_files *f, const char *file, bool *does, graft_error *err)
{
    char begin[GF_LABEL_BEGIN + 1];
    size_t n;
    *does = false;
    if (!is_yaml(file)) return GRAFT_OK;
    GF_TRY(gf_label_file_begin(f, file, begin, &n, err));
    const char *names = strstr(begin, "names");
    *does = names && (names == begin || strchr("\n\r\xbf", names[-1])); /* behind a line's end or a byte order mark */
    return GRAFT_OK;
}

/* The file that names the classes: a .yaml with `names`, else a list of names. NULL: none. */
static graft_status classes_file(const gf_label_files *f, const char **file, graft_error *err)
{
    *file = NULL;
    for (size_t i = 0; i < f->file.n; i++) {
        bool does;
        GF_TRY(names_classes(f, f->file.item[i], &does, err));
        if (does) {
            *file = f->file.item[i];
            return GRAFT_OK;
        }
        if (is_names(f->file.item[i]) && !*file) *file = f->file.item[i];
    }
    return GRAFT_OK;
}

static bool in_labels(const char *file) { return !strncmp(file, "labels/", 7) || strstr(file, "/labels/"); }

/* A yaml of names; a text of labels/, or beside an image where a list names the classes. */
static graft_status is_yolo(const gf_label_files *f, const char *file, bool *is, graft_error *err)
{
    GF_TRY(names_classes(f, file, is, err));
    if (*is || !gf_has_ending(file, "txt") || is_names(file)) return GRAFT_OK;
    *is = in_labels(file);
    char stem[1024];
    const char *base = gf_base_name(file);
    size_t n = gf_stem_length(base), image, list;
    if (*is || n >= sizeof stem) return GRAFT_OK;
    memcpy(stem, base, n);
    stem[n] = 0;
    if (gf_find_image(f, file, stem, false, &image) == GF_FOUND_NONE) return GRAFT_OK;
    for (list = 0; list < f->file.n && !is_names(f->file.item[list]); list++) continue;
    *is = list < f->file.n;
    return GRAFT_OK;
}

/* ---- classes */

static graft_status classes_of_map(gf_names *out, const gf_yaml *y, size_t map, const char *name, graft_error *err)
{
    for (size_t wanted = 0, i = gf_yaml_first(y, map); i; i = gf_yaml_next(y, i), wanted++) {
        char key[32];
        snprintf(key, sizeof key, "%zu", wanted);
        size_t at = gf_yaml_get(y, map, key);
        const char *text = at ? gf_yaml_text(y, at) : NULL;
        if (!text)
            return gf_fail(err, GF_E_LABELS_FIELD, "classes are numbered 0, 1, 2 ..", "%s:%u: names has no class %zu",
                           GF_ESC(name), y->node[map].line, wanted);
        GF_TRY(gf_names_add(out, text, err));
    }
    return GRAFT_OK;
}

graft_status gf_yolo_classes(gf_names *out, const gf_yaml *y, const char *name, graft_error *err)
{
    size_t names = gf_yaml_get(y, 0, "names"), nc = gf_yaml_get(y, 0, "nc");
    if (!names || !gf_yaml_first(y, names))
        return gf_fail(err, GF_E_LABELS_FIELD, NULL, "%s: no names of classes (names: [..])", GF_ESC(name));
    if (y->node[names].kind == GF_YAML_MAP) {
        GF_TRY(classes_of_map(out, y, names, name, err));
    } else {
        for (size_t i = gf_yaml_first(y, names); i; i = gf_yaml_next(y, i)) {
            const char *text = gf_yaml_text(y, i);
            if (!text)
                return gf_fail(err, GF_E_LABELS_FIELD, NULL, "%s:%u: the name of a class is no text", GF_ESC(name),
                               y->node[i].line);
            GF_TRY(gf_names_add(out, text, err));
        }
    }
    const char *said = nc ? gf_yaml_text(y, nc) : NULL;
    double n;
    if (!said || !gf_number_parse(said, strlen(said), &n) || n == (double)out->n) return GRAFT_OK;
    return gf_fail(err, GF_E_LABELS_FIELD, NULL, "%s: nc is %s, but there are %zu names", GF_ESC(name), GF_ESC(said),
                   out->n);
}

typedef struct yolo {
    gf_annotating *a;
    gf_yaml yaml; /* empty where a list of names stands for it */
    gf_names classes;
    uint32_t *class_id; /* the set's, of each */
} yolo;

static graft_status read_classes(yolo *y, const char *file, graft_error *err)
{
    uint8_t *bytes;
    size_t n;
    GF_TRY(gf_label_file_read(y->a->files, file, &bytes, &n, err));
    graft_status status;
    if (is_yaml(file)) {
        status = gf_yaml_parse(&y->yaml, bytes, n, file, err);
        if (status == GRAFT_OK) status = gf_yolo_classes(&y->classes, &y->yaml, file, err);
    } else {
        gf_labels list = {0};
        status = gf_labels_parse(&list, bytes, n, file, err);
        if (status == GRAFT_OK) status = gf_names_add_all(&y->classes, &list.names, err);
        gf_labels_free(&list);
    }
    gf_free(bytes);
    GF_TRY(status);
    y->class_id = gf_new_n(y->classes.n, uint32_t);
    if (!y->class_id) return gf_fail_memory(err, y->classes.n * sizeof *y->class_id, file);
    for (size_t i = 0; i < y->classes.n; i++)
        GF_TRY(gf_annotating_class(y->a->to, &y->a->rename, y->classes.item[i], &y->class_id[i], err));
    return GRAFT_OK;
}

/* ---- one file */

typedef struct row {
    gf_annotations *to;
    const char *name;
    uint32_t line;
    double least, most; /* of the coordinates */
    double x1, y1, x2, y2;
} row;

static graft_status bad_row(const row *r, gf_errno number, const char *what, const char *text, graft_error *err)
{
    return gf_annotations_problem(r->to, number, err, "%s:%u: %s%s", GF_ESC(r->name), r->line, what, GF_ESC(text));
}

/* "X Y W H", or points. False: told, as a problem. */
static graft_status take_numbers(row *r, const double *v, size_t n, bool *fine, graft_error *err)
{
    *fine = false;
    if (n == 5) n = 4; /* behind a detection's box stands its score */
    if (n != 4 && (n < 6 || n % 2))
        return bad_row(r, GF_E_LABELS_FIELD,
                       "wanted are a class and 4 numbers (5 with a score), or a class and a polygon's points", "", err);
    r->least = INFINITY;
    r->most = -INFINITY;
    r->x1 = r->y1 = INFINITY;
    r->x2 = r->y2 = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        r->least = fmin(r->least, v[i]);
        r->most = fmax(r->most, v[i]);
    }
    for (size_t i = 0; n > 4 && i < n; i += 2) {
        r->x1 = fmin(r->x1, v[i]);
        r->x2 = fmax(r->x2, v[i]);
        r->y1 = fmin(r->y1, v[i + 1]);
        r->y2 = fmax(r->y2, v[i + 1]);
    }
    if (r->most > 1.01 || r->least < -0.01)
        return bad_row(r, GF_E_LABELS_BOX,
                       r->most > 1.01 ? "these look like pixels: wanted are shares of the image, 0 to 1"
                                      : "a share of the image is below 0",
                       "", err);
    if (n == 4) {
        r->x1 = v[0] - v[2] / 2;
        r->y1 = v[1] - v[3] / 2;
        r->x2 = v[0] + v[2] / 2;
        r->y2 = v[1] + v[3] / 2;
    }
    *fine = true;
    return GRAFT_OK;
}

static graft_status take_line(row *r, char *line, double *v, const uint32_t *class_id, size_t classes, size_t image,
                              graft_error *err)
{
    size_t n = 0;
    double id = 0;
    char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);
    if (!word) return GRAFT_OK;
    if (!gf_coordinate(word, &id) || id != floor(id))
        return bad_row(r, GF_E_LABELS_CLASS, "no number of a class: ", word, err);
    if (id < 0 || id >= (double)classes) return bad_row(r, GF_E_LABELS_CLASS, "there is no class ", word, err);
    while ((word = strtok_r(NULL, " \t\r", &rest))) {
        if (!gf_coordinate(word, &v[n]))
            return bad_row(r, GF_E_LABELS_BOX,
                           strchr(word, ',') ? "numbers have a decimal point, not a comma: " : "no number: ", word,
                           err);
        n++;
    }
    bool fine;
    GF_TRY(take_numbers(r, v, n, &fine, err));
    gf_annotation box = {.image = (uint32_t)image,
                         .class_id = class_id[(size_t)id],
                         .area = NAN,
                         .place = r->line,
                         .box = {r->x1, r->y1, r->x2 - r->x1, r->y2 - r->y1},
                         .shares = true};
    return fine ? gf_annotations_add(r->to, &box, err) : GRAFT_OK;
}

graft_status gf_yolo_take(gf_annotations *to, char *text, size_t n, const uint32_t *class_id, size_t classes,
                          size_t image, const char *name, graft_error *err)
{
    row r = {.to = to, .name = name};
    if (n >= 2 && ((text[0] == '\xff' && text[1] == '\xfe') || (text[0] == '\xfe' && text[1] == '\xff')))
        return gf_annotations_problem(to, GF_E_LABELS_FIELD, err, "%s: this is UTF-16: save it as UTF-8", GF_ESC(name));
    double *v = gf_new_n(n / 2 + 1, double); /* of a line: each number has a blank before it */
    if (!v) return gf_fail_memory(err, n * sizeof *v, name);
    graft_status status = GRAFT_OK;
    char *line = n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? text + 3 : text, *end = text + n;
    while (line < end && status == GRAFT_OK) {
        char *next = memchr(line, '\n', (size_t)(end - line));
        if (next) *next = 0;
        r.line++;
        if (next ? strlen(line) != (size_t)(next - line) : strlen(line) != (size_t)(end - line))
            status = bad_row(&r, GF_E_LABELS_FIELD, "a zero byte: this is no text", "", err);
        else
            status = take_line(&r, line, v, class_id, classes, image, err);
        line = next ? next + 1 : end;
    }
    gf_free(v);
    return status;
}

/* ---- the folder */

/* Whether `path` is below `folder` (n bytes), "" being all. */
static bool is_below(const char *path, const char *folder, size_t n)
{
    return !n || (!strncmp(path, folder, n) && path[n] == '/');
}

/* What data.yaml says of a split lies in `entry`: a folder that may begin elsewhere ("../train/images", an absolute
 * path), so its last components that are folders of images here. */
static graft_status split_of_entry(yolo *y, const char *entry, uint8_t split, graft_error *err)
{
    gf_annotations *to = y->a->to;
    size_t n = strlen(entry);
    while (n && entry[n - 1] == '/') n--;
    if (n > 4 && !strncmp(entry + n - 4, ".txt", 4)) {
        uint8_t *bytes;
        size_t size, image, file;
        const char *name = strncmp(entry, "./", 2) ? entry : entry + 2;
        if (!has_file(&y->a->files->file, name, &file)) return GRAFT_OK;
        GF_TRY(gf_label_file_read(y->a->files, name, &bytes, &size, err));
        for (char *rest = NULL, *line = strtok_r((char *)bytes, "\r\n", &rest); line;
             line = strtok_r(NULL, "\r\n", &rest))
            if (gf_find_image(y->a->files, name, line, true, &image) == GF_FOUND_ONE && y->a->image_of[image])
                to->image[y->a->image_of[image] - 1].split = split;
        gf_free(bytes);
        return GRAFT_OK;
    }
    for (const char *from = entry; from; from = strchr(from, '/') ? strchr(from, '/') + 1 : NULL) {
        size_t length = (size_t)(entry + n - from), hits = 0;
        if (from > entry + n || !length || *from == '.') continue;
        for (size_t i = 0; i < to->images; i++)
            if (is_below(gf_annotations_path(to, i), from, length)) to->image[i].split = split, hits++;
        if (hits) break;
    }
    return GRAFT_OK;
}

static graft_status take_splits(yolo *y, graft_error *err)
{
    static const char *const key[] = {"train", "val", "test"};
    for (uint8_t s = 0; s < 3 && y->yaml.n; s++) {
        size_t at = gf_yaml_get(&y->yaml, 0, key[s]);
        if (at && gf_yaml_text(&y->yaml, at)) GF_TRY(split_of_entry(y, gf_yaml_text(&y->yaml, at), s, err));
        for (size_t i = at ? gf_yaml_first(&y->yaml, at) : 0; i; i = gf_yaml_next(&y->yaml, i))
            if (gf_yaml_text(&y->yaml, i)) GF_TRY(split_of_entry(y, gf_yaml_text(&y->yaml, i), s, err));
    }
    return GRAFT_OK;
}

static graft_status take_image(yolo *y, size_t number, size_t file, graft_error *err)
{
    const char *name = y->a->files->file.item[file];
    uint8_t *bytes;
    size_t n, image;
    GF_TRY(gf_annotating_image(y->a, number, name, 0, 0, &image, err));
    if (image == SIZE_MAX) return GRAFT_OK;
    GF_TRY(gf_label_file_read(y->a->files, name, &bytes, &n, err));
    graft_status status = gf_yolo_take(y->a->to, (char *)bytes, n, y->class_id, y->classes.n, image, name, err);
    gf_free(bytes);
    return status;
}

/* Files of labels/ that belong to no image. */
static graft_status tell_strays(yolo *y, const bool *used, graft_error *err)
{
    const gf_label_files *f = y->a->files;
    for (size_t i = 0; i < f->file.n; i++) {
        const char *file = f->file.item[i];
        if (!used[i] && in_labels(file) && gf_has_ending(file, "txt") && !is_names(file))
            GF_TRY(gf_annotating_no_image(y->a, GF_FOUND_NONE, file, gf_base_name(file), err));
    }
    return GRAFT_OK;
}

static graft_status take_images(yolo *y, graft_error *err)
{
    const gf_label_files *f = y->a->files;
    graft_status status = GRAFT_OK;
    bool *used = gf_new_n(f->file.n, bool);
    if (!used) return gf_fail_memory(err, f->file.n, f->root);
    for (size_t i = 0; i < f->image.n && status == GRAFT_OK; i++) {
        size_t file = 0;
        bool is;
        status = label_of(f, f->image.item[i], &is, &file, err);
        if (status != GRAFT_OK || !is || is_names(f->file.item[file])) continue;
        if (used[file]) {
            status = gf_annotations_problem(y->a->to, GF_E_LABELS_IMAGE, err, "%s: labels two images, one of them %s",
                                            GF_ESC(f->file.item[file]), GF_ESC(f->image.item[i]));
            continue;
        }
        used[file] = true;
        status = take_image(y, i, file, err);
    }
    if (status == GRAFT_OK) status = tell_strays(y, used, err);
    gf_free(used);
    return status;
}

static graft_status read_all(gf_annotating *a, graft_error *err)
{
    const char *classes;
    yolo y = {.a = a};
    GF_TRY(classes_file(a->files, &classes, err));
    if (!classes)
        return gf_fail(err, GF_E_LABELS_CLASS,
                       "a data.yaml with \"names: [..]\", or a classes.txt with a name per line",
                       "%s: nothing names the classes that labels/ has by number", GF_ESC(a->files->root));
    graft_status status = read_classes(&y, classes, err);
    if (status == GRAFT_OK) status = take_images(&y, err);
    if (status == GRAFT_OK) status = take_splits(&y, err);
    gf_yaml_free(&y.yaml);
    gf_names_free(&y.classes);
    gf_free(y.class_id);
    return status;
}

/* ---- writing */

static void put_line(gf_text *t, const gf_annotation *b, const gf_annotated *i, bool scored)
{
    const double v[] = {(b->box.x + b->box.w / 2) / i->w, (b->box.y + b->box.h / 2) / i->h, b->box.w / i->w,
                        b->box.h / i->h};
    char number[GF_NUMBER_SIZE];
    gf_text_printf(t, "%u", b->class_id);
    for (int k = 0; k < 4; k++) gf_text_printf(t, " %s", gf_number_decimals(number, v[k], 6));
    if (scored) gf_text_printf(t, " %s", gf_number_decimals(number, b->score, 6));
    gf_text_add(t, "\n");
}

static graft_status write_yaml(gf_annotation_writer *w, graft_error *err)
{
    static const char *const key[] = {"train", "val", "test"}, *const folder[] = {"train", "valid", "test"};
    const gf_annotations *a = w->set;
    gf_text t = {0};
    for (uint8_t s = 0; s < 3; s++) {
        if (gf_writer_has(w, s)) gf_text_printf(&t, "%s: images/%s\n", key[s], folder[s]);
    }
    gf_text_printf(&t, "nc: %zu\nnames:\n", a->classes.n);
    for (size_t k = 0; k < a->classes.n; k++) {
        gf_text_printf(&t, "  %zu: '", k);
        for (const char *c = a->classes.item[k]; *c; c++) gf_text_add(&t, *c == '\'' ? "''" : (char[]){*c, 0});
        gf_text_add(&t, "'\n");
    }
    graft_status status = gf_writer_text(w, &t, gf_sprintf("data.yaml"), err);
    gf_text_free(&t);
    return status;
}

static graft_status write_all(gf_annotation_writer *w, graft_error *err)
{
    GF_TRY(write_yaml(w, err));
    for (size_t i = 0; i < w->set->images; i++) {
        const gf_annotated *image = &w->set->image[i];
        const char *split = gf_writer_split(w, i), *slash = *split ? "/" : "", *name = gf_writer_name(w, i);
        gf_text t = {0};
        for (size_t b = image->first; b < image->first + image->n; b++)
            put_line(&t, &w->set->box[b], image, w->set->found);
        graft_status status = gf_writer_text(
            w, &t, gf_sprintf("labels/%s%s%.*s.txt", split, slash, (int)gf_stem_length(name), name), err);
        gf_text_free(&t);
        GF_TRY(status);
        GF_TRY(gf_writer_image(w, i, gf_sprintf("images/%s%s%s", split, slash, name), err));
    }
    return GRAFT_OK;
}

const gf_annotation_format gf_annotation_format_yolo = {
    .name = "yolo",
    .title = "YOLO text",
    .where = "yolo (data.yaml, or labels/ beside images/, with a .txt per image)",
    .ordered = true,
    .is = is_yolo,
    .read_all = read_all,
    .write_all = write_all,
};
