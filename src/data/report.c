#include "data/report.h"

#include "data/report_looks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const mark_names[GF_MARKS] = {"named_otherwise", "turned",    "bad_exif", "animated", "sixteen_bit",
                                                 "transparent",     "truncated", "surplus",  "reduced"};

static const char *const mark_texts[GF_MARKS] = {
    "of another format than their name says",
    "turned by their EXIF orientation",
    "with EXIF data that make no sense",
    "of several frames or pages: the first is used",
    "with 16 bits a channel: scaled to 8",
    "with transparency: put on the background colour",
    "that end early: padded with gray",
    "with bytes that belong to nothing before their end: all rows are there",
    "of more than 100000000 pixels: decoded at 1/2, 1/4 or 1/8 of their size",
};

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Sorts in place. The median of an even number is the lower of the two in the middle. */
static gf_spread spread(uint32_t *value, size_t n)
{
    if (!n) return (gf_spread){0};
    qsort(value, n, sizeof *value, by_value);
    return (gf_spread){value[0], value[(n - 1) / 2], value[n - 1]};
}

static graft_status measure(gf_data_report *r, const gf_index *index, const gf_checked *rows, graft_error *err)
{
    uint32_t *side = gf_alloc_raw(index->n, sizeof *side);
    if (!side) return gf_fail_memory(err, index->n * sizeof *side, "the report on the data");
    for (int which = 0; which < 2; which++) {
        size_t n = 0;
        for (uint32_t i = 0; i < index->n; i++) {
            if (rows[i].state == GF_GOOD) side[n++] = which ? rows[i].h : rows[i].w;
        }
        *(which ? &r->height : &r->width) = spread(side, n);
    }
    gf_free(side);
    return GRAFT_OK;
}

static void count(gf_data_report *r, const gf_index *index, const gf_checked *rows)
{
    for (uint32_t i = 0; i < index->n; i++) {
        const gf_sample *s = &index->sample[i];
        if (rows[i].state == GF_LITTER) continue;
        r->images++;
        r->bytes += s->size;
        r->split_count[s->split]++;
        const uint32_t *label;
        size_t labels = gf_index_labels(index, i, &label);
        for (size_t k = 0; k < labels; k++) r->count[s->split * index->classes.n + label[k]]++;
        if (rows[i].state != GF_GOOD) continue;
        uint32_t w = rows[i].w, h = rows[i].h;
        gf_binned_add(&r->side, w < h ? w : h);
        gf_binned_add(&r->shape, (double)w / h);
        r->format[rows[i].format]++;
        for (int m = 0; m < GF_MARKS; m++) r->mark[m] += rows[i].marks >> m & 1;
    }
}

static graft_status look_at_labels(gf_data_report *r, const gf_index *index, const gf_checked *rows, graft_error *err)
{
    r->several = index->sets != NULL;
    if (!index->sets) return GRAFT_OK;
    uint64_t *count = gf_new_n(index->sets->n, uint64_t);
    if (!count) return gf_fail_memory(err, index->sets->n * sizeof *count, "the report on the data");
    for (uint32_t i = 0; i < index->n; i++) count[index->sample[i].class_id] += rows[i].state != GF_LITTER;
    graft_status status = gf_label_report_make(&r->labels, index->sets, count, index->classes.n, err);
    gf_free(count);
    return status;
}

graft_status gf_report_create(gf_data_report **out, const gf_index *index, const gf_checked *rows, graft_error *err)
{
    *out = NULL;
    gf_data_report *r = gf_new(gf_data_report);
    if (!r) return gf_fail_memory(err, sizeof *r, "the report on the data");
    graft_status status = GRAFT_OK;
    r->root = gf_strdup(index->root);
    gf_report_bins(r);
    r->count = gf_new_n(GF_SPLITS * index->classes.n, uint64_t);
    if (!r->root || !r->count) GF_GOTO(gf_fail_memory(err, sizeof *r, "the report on the data"));
    for (size_t i = 0; i < index->classes.n; i++) GF_GOTO(gf_names_add(&r->classes, index->classes.item[i], err));
    GF_GOTO(measure(r, index, rows, err));
    count(r, index, rows);
    GF_GOTO(look_at_labels(r, index, rows, err));
    memcpy(r->ignored, index->ignored, sizeof r->ignored);
    r->n_ignored = index->n_ignored;
    r->ignored_system = index->ignored_system;
    r->special = index->special;
    r->loose = index->loose;
    *out = r;
out:
    if (status != GRAFT_OK) gf_report_free(r);
    return status;
}

void gf_report_free(gf_data_report *r)
{
    if (!r) return;
    gf_free(r->root);
    gf_names_free(&r->classes);
    gf_free(r->count);
    for (size_t i = 0; i < r->n_bad; i++) {
        gf_free(r->bad[i].path);
        gf_free(r->bad[i].message);
    }
    gf_free(r->bad);
    for (size_t i = 0; i < r->n_duplicates; i++) {
        gf_free(r->duplicate[i].path);
        gf_free(r->duplicate[i].duplicate);
    }
    gf_free(r->duplicate);
    for (size_t i = 0; i < r->n_near; i++) {
        gf_free(r->near[i].path);
        gf_free(r->near[i].copy);
    }
    gf_free(r->near);
    gf_taken_free(r->taken, r->n_taken);
    gf_notes_free(&r->notes);
    gf_free(r);
}

graft_status gf_report_add_bad(gf_data_report *r, const gf_index *index, const gf_failed_sample *all, graft_error *err)
{
    for (const gf_failed_sample *b = all; b; b = b->next) {
        gf_bad_file bad = {gf_strdup(gf_index_path(index, b->sample)), b->number, gf_strdup(b->message)};
        if (!bad.path || !bad.message || !gf_grow(&r->bad, r->n_bad, &r->cap_bad)) {
            gf_free(bad.path);
            gf_free(bad.message);
            return gf_fail_memory(err, sizeof bad, "the list of bad images");
        }
        r->bad[r->n_bad++] = bad;
    }
    return GRAFT_OK;
}

void gf_report_take_notes(gf_data_report *r, gf_index *index)
{
    gf_notes_free(&r->notes);
    r->notes = index->notes;
    index->notes = (gf_notes){0};
    gf_taken_free(r->taken, r->n_taken);
    r->taken = index->taken;
    r->n_taken = index->n_taken;
    index->taken = NULL;
    index->n_taken = index->cap_taken = 0;
}

/* ---- JSON */

static gf_json *spread_json(gf_spread s)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "min", gf_json_int((int64_t)s.min));
    gf_json_set(j, "median", gf_json_int((int64_t)s.median));
    gf_json_set(j, "max", gf_json_int((int64_t)s.max));
    return j;
}

/* Class names are keys, so escaped: JSON has no other bytes than UTF-8. */
static gf_json *split_json(const gf_data_report *r, int split)
{
    gf_json *j = gf_json_object(), *classes = gf_json_object();
    for (size_t c = 0; c < r->classes.n; c++) {
        gf_json_set(classes, GF_ESC(r->classes.item[c]), gf_json_int((int64_t)r->count[split * r->classes.n + c]));
    }
    gf_json_set(j, "images", gf_json_int((int64_t)r->split_count[split]));
    gf_json_set(j, "classes", classes);
    return j;
}

static gf_json *bad_json(const gf_data_report *r)
{
    gf_json *all = gf_json_array();
    for (size_t i = 0; i < r->n_bad; i++) {
        char number[16];
        snprintf(number, sizeof number, "E%04d", r->bad[i].number);
        gf_json *j = gf_json_object();
        gf_json_set(j, "path", gf_json_string(r->bad[i].path));
        gf_json_set(j, "error", gf_json_string(number));
        gf_json_set(j, "message", gf_json_string(r->bad[i].message));
        gf_json_add(all, j);
    }
    return all;
}

static gf_json *duplicates_json(const gf_data_report *r)
{
    gf_json *j = gf_json_object(), *pairs = gf_json_array();
    for (size_t i = 0; i < r->n_duplicates; i++) {
        gf_json *pair = gf_json_object();
        gf_json_set(pair, "path", gf_json_string(r->duplicate[i].path));
        gf_json_set(pair, "twin", gf_json_string(r->duplicate[i].duplicate));
        gf_json_set(pair, "other_class", gf_json_bool(r->duplicate[i].other_class));
        gf_json_set(pair, "other_split", gf_json_bool(r->duplicate[i].other_split));
        gf_json_add(pairs, pair);
    }
    gf_json_set(j, "within_class", gf_json_int((int64_t)r->same_class));
    gf_json_set(j, "across_classes", gf_json_int((int64_t)r->other_class));
    gf_json_set(j, "across_splits", gf_json_int((int64_t)r->other_split));
    gf_json_set(j, "pairs", pairs);
    return j;
}

static gf_json *files_json(const gf_data_report *r)
{
    gf_json *j = gf_json_object(), *extensions = gf_json_object();
    for (size_t i = 0; i < r->n_ignored; i++) {
        gf_json_set(extensions, GF_ESC(r->ignored[i].name), gf_json_int((int64_t)r->ignored[i].n));
    }
    gf_json_set(j, "by_extension", extensions);
    gf_json_set(j, "system", gf_json_int((int64_t)r->ignored_system));
    gf_json_set(j, "special", gf_json_int((int64_t)r->special));
    gf_json_set(j, "loose", gf_json_int((int64_t)r->loose));
    return j;
}

static gf_json *taken_json(const gf_data_report *r)
{
    gf_json *all = gf_json_array();
    for (size_t i = 0; i < r->n_taken; i++) {
        gf_json *j = gf_json_object();
        gf_json_set(j, "what", gf_json_string(r->taken[i].what));
        gf_json_set(j, "as", gf_json_string(r->taken[i].as));
        gf_json_add(all, j);
    }
    return all;
}

static gf_json *notes_json(const gf_data_report *r)
{
    gf_json *all = gf_json_array();
    for (size_t i = 0; i < r->notes.n; i++) {
        gf_json *j = gf_json_object();
        gf_json_set(j, "level", gf_json_string(r->notes.item[i].level == GF_WARNING ? "warning" : "note"));
        gf_json_set(j, "text", gf_json_string(r->notes.item[i].text));
        gf_json_add(all, j);
    }
    return all;
}

gf_json *gf_report_json(const gf_data_report *r)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "path", gf_json_string(r->root));
    gf_json_set(j, "images", gf_json_int((int64_t)r->images));
    gf_json_set(j, "bytes", gf_json_int((int64_t)r->bytes));
    gf_json *classes = gf_json_array();
    for (size_t i = 0; i < r->classes.n; i++) gf_json_add(classes, gf_json_string(r->classes.item[i]));
    gf_json_set(j, "classes", classes);
    gf_json *splits = gf_json_object();
    for (int s = 0; s < GF_SPLITS; s++) gf_json_set(splits, gf_split_name((gf_split)s), split_json(r, s));
    gf_json_set(j, "splits", splits);
    if (r->several) gf_json_set(j, "labels", gf_label_report_json(&r->labels, &r->classes));
    gf_json *formats = gf_json_object();
    for (int f = 0; f < GF_IMAGE_FORMATS; f++) {
        if (r->format[f]) {
            gf_json_set(formats, gf_image_format_name((gf_image_format)f), gf_json_int((int64_t)r->format[f]));
        }
    }
    gf_json_set(j, "formats", formats);
    gf_json_set(j, "width", spread_json(r->width));
    gf_json_set(j, "height", spread_json(r->height));
    gf_report_looks_json(r, j);
    gf_json *marks = gf_json_object();
    for (int m = 0; m < GF_MARKS; m++) gf_json_set(marks, mark_names[m], gf_json_int((int64_t)r->mark[m]));
    gf_json_set(j, "peculiar", marks);
    gf_json_set(j, "bad_images", gf_json_int((int64_t)r->n_bad));
    gf_json_set(j, "bad", bad_json(r));
    gf_json_set(j, "duplicates", duplicates_json(r));
    gf_json_set(j, "ignored", files_json(r));
    gf_json_set(j, "taken", taken_json(r));
    gf_json_set(j, "notes", notes_json(r));
    gf_json_set(j, "seconds", gf_json_real(r->seconds));
    return j;
}

/* ---- text */

/* Columns that a terminal gives to UTF-8 text, near enough: its code points. */
static size_t columns(const char *s)
{
    size_t n = 0;
    for (; *s; s++) n += (*s & 0xc0) != 0x80;
    return n;
}

static void pad(gf_text *t, const char *s, size_t width)
{
    gf_text_add(t, s);
    for (size_t n = columns(s); n < width; n++) gf_text_add(t, " ");
}

static uint64_t of_class(const gf_data_report *r, size_t c)
{
    uint64_t n = 0;
    for (size_t s = 0; s < GF_SPLITS; s++) n += r->count[s * r->classes.n + c];
    return n;
}

/* The longest of all classes is as wide as this. */
static void class_bar(const gf_data_report *r, size_t c, uint64_t most, gf_text *t)
{
    enum { WIDTH = 24 };
    gf_text_add(t, "  ");
    for (uint64_t k = (of_class(r, c) * WIDTH + most - 1) / most; k; k--) gf_text_add(t, "#");
}

static void class_table(const gf_data_report *r, gf_text *t)
{
    size_t width = strlen("class");
    uint64_t most = 1;
    for (size_t c = 0; c < r->classes.n; c++) {
        most = of_class(r, c) > most ? of_class(r, c) : most;
        size_t n = columns(GF_ESC(r->classes.item[c]));
        if (n > width) width = n;
    }
    if (width > 48) width = 48;
    pad(t, "class", width);
    for (int s = 0; s < GF_SPLITS; s++) gf_text_printf(t, "  %10s", gf_split_name((gf_split)s));
    gf_text_add(t, "\n");
    for (size_t c = 0; c <= r->classes.n; c++) {
        bool sum = c == r->classes.n;
        pad(t, sum ? "all" : GF_ESC(r->classes.item[c]), width);
        for (int s = 0; s < GF_SPLITS; s++) {
            uint64_t n = sum ? r->split_count[s] : r->count[(size_t)s * r->classes.n + c];
            gf_text_printf(t, "  %10llu", (unsigned long long)n);
        }
        if (!sum) class_bar(r, c, most, t);
        gf_text_add(t, "\n");
    }
}

static void line(gf_text *t, const char *name, uint64_t n, const char *rest)
{
    if (n) gf_text_printf(t, "%-10s %8llu  %s\n", name, (unsigned long long)n, rest);
}

static void image_lines(const gf_data_report *r, gf_text *t)
{
    gf_text_printf(t, "\n%-10s %8s  %8s  %8s\n", "", "least", "median", "most");
    const struct {
        const char *name;
        gf_spread s;
    } rows[] = {{"width", r->width}, {"height", r->height}};
    for (size_t i = 0; i < 2; i++) {
        gf_text_printf(t, "%-10s %8llu  %8llu  %8llu\n", rows[i].name, (unsigned long long)rows[i].s.min,
                       (unsigned long long)rows[i].s.median, (unsigned long long)rows[i].s.max);
    }
    gf_text_add(t, "\n");
    for (int f = 0; f < GF_IMAGE_FORMATS; f++)
        line(t, gf_image_format_name((gf_image_format)f), r->format[f], "pictures");
    for (int m = 0; m < GF_MARKS; m++) line(t, "of these", r->mark[m], mark_texts[m]);
}

static void ignored_lines(const gf_data_report *r, gf_text *t)
{
    for (size_t i = 0; i < r->n_ignored; i++) {
        char rest[64];
        snprintf(rest, sizeof rest, "files %s%s", r->ignored[i].name[0] == '(' ? "" : ".", GF_ESC(r->ignored[i].name));
        line(t, "left out", r->ignored[i].n, rest);
    }
    line(t, "left out", r->ignored_system, "files of the operating system");
    line(t, "left out", r->special, "pipes, sockets, devices");
    line(t, "left out", r->loose, "images outside of class folders");
}

static void duplicate_lines(const gf_data_report *r, gf_text *t)
{
    enum { SHOWN = 20 };
    size_t shown = 0;
    for (size_t i = 0; i < r->n_duplicates && shown < SHOWN; i++) {
        const gf_duplicate *w = &r->duplicate[i];
        if (!w->other_class && !w->other_split) continue;
        gf_text_printf(t, "the same (%s%s%s): %s = %s\n", w->other_class ? "other class" : "",
                       w->other_class && w->other_split ? ", " : "", w->other_split ? "other split" : "",
                       GF_ESC(w->path), GF_ESC(w->duplicate));
        shown++;
    }
}

graft_status gf_report_text(const gf_data_report *r, char **out, graft_error *err)
{
    gf_text t = {0};
    gf_text_printf(&t, "%s: %llu images, %zu classes, %.1f MB\n\n", GF_ESC(r->root), (unsigned long long)r->images,
                   r->classes.n, (double)r->bytes / 1e6);
    class_table(r, &t);
    gf_label_report_text(&r->labels, &r->classes, &t);
    image_lines(r, &t);
    gf_report_looks_text(r, &t);
    ignored_lines(r, &t);
    duplicate_lines(r, &t);
    for (size_t i = 0; i < r->n_taken; i++) {
        if (!r->taken[i].said) continue;
        gf_text_printf(&t, "taken      %s as %s\n", GF_ESC(r->taken[i].what), GF_ESC(r->taken[i].as));
    }
    for (size_t i = 0; i < r->notes.n; i++) {
        gf_text_printf(&t, "%s: %s\n", r->notes.item[i].level == GF_WARNING ? "warning" : "note",
                       r->notes.item[i].text);
    }
    for (size_t i = 0; i < r->n_bad; i++) gf_text_printf(&t, "bad: E%04d: %s\n", r->bad[i].number, r->bad[i].message);
    gf_text_printf(&t, "%s\n", r->n_bad ? "" : "no bad files");
    *out = t.failed ? NULL : t.s;
    if (*out) return GRAFT_OK;
    gf_text_free(&t);
    return gf_fail_memory(err, t.cap, "the report on the data");
}
