/* csv.c - a table with a row per box: the image's name, its class, two corners. */
#include "annotations/csv.h"

#include "base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const words[GF_BOX_COLUMNS][8] = {
    [GF_BOX_IMAGE] = {"filename", "path", "image", "file", "image_path", "image_name", "img_path", "image_id"},
    [GF_BOX_CLASS] = {"class", "label", "name", "class_name", "category"},
    [GF_BOX_X1] = {"xmin", "x1", "x_min", "left"},
    [GF_BOX_Y1] = {"ymin", "y1", "y_min", "top"},
    [GF_BOX_X2] = {"xmax", "x2", "x_max", "right"},
    [GF_BOX_Y2] = {"ymax", "y2", "y_max", "bottom"},
    [GF_BOX_WIDTH] = {"width", "image_width", "img_width"},
    [GF_BOX_HEIGHT] = {"height", "image_height", "img_height"},
    [GF_BOX_SPLIT] = {"split", "set", "subset"},
};

bool gf_box_columns(size_t column[GF_BOX_COLUMNS], const gf_csv *csv)
{
    for (int k = 0; k < GF_BOX_COLUMNS; k++) {
        column[k] = SIZE_MAX;
        for (size_t w = 0; w < 8 && words[k][w] && column[k] == SIZE_MAX; w++)
            for (size_t i = 0; i < csv->columns && column[k] == SIZE_MAX; i++)
                if (!strcasecmp(gf_csv_field(csv, i), words[k][w])) column[k] = i;
    }
    for (int k = 0; k <= GF_BOX_Y2; k++)
        if (column[k] == SIZE_MAX) return false;
    return true;
}

static graft_status is_csv(const gf_label_files *files, const char *file, bool *is, graft_error *err)
{
    char begin[GF_LABEL_BEGIN + 1];
    gf_csv csv;
    size_t column[GF_BOX_COLUMNS], n;
    bool more = false;
    *is = false;
    if (!gf_has_ending(file, "csv")) return GRAFT_OK;
    GF_TRY(gf_label_file_begin(files, file, begin, &n, err));
    char *line = memchr(begin, '\n', n);
    graft_error why = {0};
    graft_status status = gf_csv_open(&csv, (uint8_t *)begin, line ? (size_t)(line - begin) : n, file, &why);
    if (status == GRAFT_OK) {
        status = gf_csv_next(&csv, &more, &why);
        *is = status == GRAFT_OK && more && gf_box_columns(column, &csv);
        gf_csv_close(&csv);
    }
    return why.number == GF_E_NO_MEMORY ? gf_fail_memory(err, n, file) : GRAFT_OK; /* else it is no table of boxes */
}

/* ---- rows */

/* "" where there is no such column. */
static const char *field(const gf_csv *csv, const size_t column[GF_BOX_COLUMNS], gf_box_column which)
{
    return column[which] < csv->columns ? gf_csv_field(csv, column[which]) : "";
}

graft_status gf_box_row(gf_annotations *to, const gf_names *rename, const gf_csv *csv,
                        const size_t column[GF_BOX_COLUMNS], size_t image, graft_error *err)
{
    double v[4];
    size_t empty = 0;
    const char *name = field(csv, column, GF_BOX_CLASS);
    for (int i = 0; i < 4; i++) empty += !*field(csv, column, (gf_box_column)(GF_BOX_X1 + i));
    if (empty == 4) return GRAFT_OK; /* background */
    for (int i = 0; i < 4; i++) {
        const char *text = field(csv, column, (gf_box_column)(GF_BOX_X1 + i));
        if (!gf_coordinate(text, &v[i]))
            return gf_annotations_problem(to, GF_E_LABELS_BOX, err, "%s:%u: column %zu is \"%s\": wanted is a number%s",
                                          GF_ESC(csv->name), csv->line, column[GF_BOX_X1 + i] + 1, GF_ESC(text),
                                          strchr(text, ',') ? " with a decimal point, not a comma" : "");
    }
    if (!*name)
        return gf_annotations_problem(to, GF_E_LABELS_CLASS, err, "%s:%u: column %zu, the class, is empty",
                                      GF_ESC(csv->name), csv->line, column[GF_BOX_CLASS] + 1);
    gf_annotation box = {
        .image = (uint32_t)image, .area = NAN, .place = csv->line, .box = {v[0], v[1], v[2] - v[0], v[3] - v[1]}};
    GF_TRY(gf_annotating_class(to, rename, name, &box.class_id, err));
    return gf_annotations_add(to, &box, err);
}

/* The set's image of the row; rows of one image need not stand together. */
static graft_status image_of_row(gf_annotating *a, const gf_csv *csv, const size_t column[GF_BOX_COLUMNS],
                                 size_t *image, graft_error *err)
{
    const char *name = field(csv, column, GF_BOX_IMAGE), *split = field(csv, column, GF_BOX_SPLIT);
    size_t number = 0;
    *image = SIZE_MAX;
    gf_found which = gf_find_image(a->files, csv->name, name, true, &number);
    if (which != GF_FOUND_ONE) return gf_annotating_no_image(a, which, csv->name, name, err);
    if (a->image_of[number]) {
        *image = a->image_of[number] - 1;
        if (!strcmp(gf_annotations_source(a->to, *image), csv->name)) return GRAFT_OK;
    }
    GF_TRY(gf_annotating_image(a, number, csv->name, gf_label_size(field(csv, column, GF_BOX_WIDTH)),
                               gf_label_size(field(csv, column, GF_BOX_HEIGHT)), image, err));
    if (*image == SIZE_MAX) return GRAFT_OK;
    uint8_t said = *split ? gf_split_of_path(split, true) : gf_split_of_path(csv->name, true);
    if (said != GF_NO_SPLIT) a->to->image[*image].split = said;
    return GRAFT_OK;
}

static graft_status take_rows(gf_annotating *a, gf_csv *csv, const size_t column[GF_BOX_COLUMNS], graft_error *err)
{
    bool more;
    size_t columns = csv->columns, image;
    GF_TRY(gf_csv_next(csv, &more, err));
    for (; more;) {
        if (csv->columns != columns)
            GF_TRY(gf_annotations_problem(a->to, GF_E_CSV_COLUMN, err, "%s:%u: %zu columns, the header has %zu",
                                          GF_ESC(csv->name), csv->line, csv->columns, columns));
        else {
            GF_TRY(image_of_row(a, csv, column, &image, err));
            if (image != SIZE_MAX) GF_TRY(gf_box_row(a->to, &a->rename, csv, column, image, err));
        }
        GF_TRY(gf_csv_next(csv, &more, err));
    }
    return GRAFT_OK;
}

void gf_box_shares(gf_annotations *to, size_t first)
{
    double most = 0;
    for (size_t i = first; i < to->boxes; i++) {
        const gf_box *b = &to->box[i].box;
        most = fmax(most, fmax(fmax(fabs(b->x), fabs(b->y)), fmax(fabs(b->x + b->w), fabs(b->y + b->h))));
    }
    for (size_t i = first; i < to->boxes; i++) to->box[i].shares = most <= 1.01;
}

static graft_status read_file(gf_annotating *a, const char *file, const uint8_t *bytes, size_t n, graft_error *err)
{
    gf_csv csv;
    size_t column[GF_BOX_COLUMNS], first = a->to->boxes;
    bool more;
    GF_TRY(gf_csv_open(&csv, bytes, n, file, err));
    graft_status status = gf_csv_next(&csv, &more, err);
    if (status == GRAFT_OK && (!more || !gf_box_columns(column, &csv)))
        status = gf_fail(err, GF_E_CSV_COLUMN, "the header wants filename,class,xmin,ymin,xmax,ymax",
                         "%s: no columns of boxes", GF_ESC(file));
    if (status == GRAFT_OK) status = take_rows(a, &csv, column, err);
    gf_csv_close(&csv);
    if (status == GRAFT_OK) gf_box_shares(a->to, first);
    return status;
}

/* A file that was named alone is taken for one. */
static graft_status is_wanted(const gf_label_files *files, const char *file, bool *is, graft_error *err)
{
    GF_TRY(is_csv(files, file, is, err));
    *is = *is || files->only;
    return GRAFT_OK;
}

static graft_status read_all(gf_annotating *a, graft_error *err)
{
    return gf_annotating_files(a, is_wanted, read_file, err);
}

/* ---- writing */

static void put_field(gf_text *t, const char *s)
{
    bool quoted = strpbrk(s, ",;|\t\" \r\n") != NULL;
    if (!quoted) {
        gf_text_add(t, s);
        return;
    }
    gf_text_add(t, "\"");
    for (; *s; s++) gf_text_add(t, *s == '"' ? "\"\"" : (char[]){*s, 0});
    gf_text_add(t, "\"");
}

static void put_image(gf_text *t, const gf_annotation_writer *w, size_t image)
{
    const gf_annotated *i = &w->set->image[image];
    put_field(t, gf_writer_name(w, image));
    gf_text_printf(t, ",%u,%u,", i->w, i->h);
}

static graft_status write_all(gf_annotation_writer *w, graft_error *err)
{
    const gf_annotations *a = w->set;
    char number[GF_NUMBER_SIZE];
    gf_text t = {0};
    gf_text_printf(&t, "filename,width,height,class,xmin,ymin,xmax,ymax,split%s\n", a->found ? ",confidence" : "");
    for (size_t i = 0; i < a->images; i++) {
        if (!a->image[i].n) {
            put_image(&t, w, i);
            gf_text_printf(&t, ",,,,,%s%s\n", gf_writer_split(w, i), a->found ? "," : "");
        }
        for (size_t k = a->image[i].first; k < a->image[i].first + a->image[i].n; k++) {
            const gf_box *b = &a->box[k].box;
            const double v[] = {b->x, b->y, b->x + b->w, b->y + b->h};
            put_image(&t, w, i);
            put_field(&t, a->classes.item[a->box[k].class_id]);
            for (int c = 0; c < 4; c++) gf_text_printf(&t, ",%s", gf_number_shortest(number, v[c]));
            gf_text_printf(&t, ",%s", gf_writer_split(w, i));
            if (a->found) gf_text_printf(&t, ",%s", gf_number_shortest(number, a->box[k].score));
            gf_text_add(&t, "\n");
        }
    }
    graft_status status = gf_writer_text(w, &t, gf_sprintf("labels.csv"), err);
    gf_text_free(&t);
    for (size_t i = 0; i < a->images && status == GRAFT_OK; i++)
        status = gf_writer_image(w, i, gf_sprintf("images/%s", gf_writer_name(w, i)), err);
    return status;
}

const gf_annotation_format gf_annotation_format_csv = {
    .name = "csv",
    .title = "CSV",
    .where = "csv (a .csv with columns filename, class, xmin, ymin, xmax, ymax)",
    .is = is_csv,
    .read_all = read_all,
    .write_all = write_all,
};
