#include "data/texts.h"

#include "data/names.h"
#include "data/parts.h"
#include "data/texts_build.h"
#include "image/image.h"
#include "text/encoding.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 30, TEXT_LIMIT = 16 << 20, BEGINNING = 1 << 16 };

void gf_texts_free(gf_texts *t)
{
    gf_free(t->root);
    gf_names_free(&t->files);
    gf_text_free(&t->bytes);
    gf_names_free(&t->classes);
    gf_label_sets_free(&t->sets);
    gf_free(t->row);
    for (size_t i = 0; i < t->n_bad; i++) gf_free(t->bad[i].message);
    gf_free(t->bad);
    gf_free(t->encoding);
    gf_taken_free(t->taken, t->n_taken);
    *t = (gf_texts){0};
}

const char *gf_texts_text(const gf_texts *t, size_t i) { return t->bytes.s + t->row[i].at; }

/* ---- rows */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

graft_status gf_texts_add_label(gf_texts_build *b, const char *label, size_t n, graft_error *err)
{
    while (n && is_blank(label[n - 1])) n--;
    while (n && is_blank(*label)) label++, n--;
    return n ? gf_label_lists_put(&b->labels, label, n, err) : GRAFT_OK;
}

graft_status gf_texts_add(gf_texts_build *b, const char *text, size_t n, const char *label, size_t n_label,
                          gf_split split, uint32_t line, graft_error *err)
{
    gf_texts *t = b->texts;
    if (n > UINT32_MAX || t->n == UINT32_MAX) return gf_texts_bad(b, line, "longer than 4 GiB", err);
    if (!gf_grow(&t->row, t->n, &t->cap)) return gf_fail_memory(err, t->cap * sizeof *t->row, "a list of texts");
    t->row[t->n] = (gf_labelled_text){.at = t->bytes.n,
                                      .n = (uint32_t)n,
                                      .label = GF_NO_LABEL,
                                      .file = b->file,
                                      .line = line,
                                      .split = (uint8_t)split};
    gf_text_add_n(&t->bytes, text, n);
    gf_text_add_n(&t->bytes, "", 1);
    if (t->bytes.failed) return gf_fail_memory(err, t->bytes.cap, "texts");
    GF_TRY(gf_label_lists_begin(&b->labels, line, err));
    t->n++;
    b->labels.item[b->labels.n - 1].left_out = !label;
    return label ? gf_texts_add_label(b, label, n_label, err) : GRAFT_OK;
}

graft_status gf_texts_bad(gf_texts_build *b, uint32_t line, const char *what, graft_error *err)
{
    gf_texts *t = b->texts;
    char *message = gf_sprintf("%s:%u: %s", GF_ESC(b->name), line, what);
    if (!message || !gf_grow(&t->bad, t->n_bad, &t->cap_bad)) {
        gf_free(message);
        return gf_fail_memory(err, 4096, "a message");
    }
    t->bad[t->n_bad++] = (gf_bad_row){message, GF_E_TEXT_ROWS};
    return GRAFT_OK;
}

graft_status gf_texts_take(gf_texts_build *b, const char *what, const char *as, bool said, graft_error *err)
{
    gf_texts *t = b->texts;
    for (size_t i = 0; i < t->n_taken; i++) {
        if (!strcmp(t->taken[i].what, what) && !strcmp(t->taken[i].as, as)) return GRAFT_OK;
    }
    gf_taken taken = {gf_strdup(what), gf_strdup(as), said};
    if (!taken.what || !taken.as || !gf_grow(&t->taken, t->n_taken, &t->cap_taken)) {
        gf_free(taken.what);
        gf_free(taken.as);
        return gf_fail_memory(err, 256, "a note");
    }
    t->taken[t->n_taken++] = taken;
    if (said) gf_log_say(b->o->log, GF_NOTE, "%s: %s is taken as %s", b->name, what, as);
    return GRAFT_OK;
}

/* ---- classes */

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int64_t class_of(const void *names, const char *name)
{
    const gf_names *classes = names;
    char **found = bsearch(&name, classes->item, classes->n, sizeof *classes->item, by_bytes);
    return found ? found - classes->item : -1;
}

/* Whether fields hold several labels, and what parts them. */
static graft_status part_labels(gf_texts_build *b, const char *path, graft_error *err)
{
    gf_label_parting p;
    char text[GF_DELIMITER_TEXT];
    const gf_label_rule *rule = &b->o->labels;
    if (b->from_columns && !rule->wanted) return gf_label_lists_check(&b->labels, path, err);
    if (b->labels.several) return GRAFT_OK;
    GF_TRY(gf_label_lists_part(&b->labels, rule, &p, path, err));
    if (!*p.delimiter) b->labels.several = rule->wanted;
    if (gf_label_parting_is_doubtful(&p)) {
        gf_log_say(b->o->log, GF_WARNING, GF_LABEL_DOUBT, GF_ESC(p.example),
                   gf_delimiter_text((char[2]){p.doubtful, 0}, text));
    }
    if (!*p.delimiter) return GRAFT_OK;
    b->name = path;
    return gf_texts_take(b, gf_delimiter_text(p.delimiter, text), "what parts a field into labels", p.why != NULL, err);
}

/* The labels in the order of their bytes, each once. */
static graft_status make_classes(gf_texts_build *b, const char *path, graft_error *err)
{
    gf_texts *t = b->texts;
    GF_TRY(part_labels(b, path, err));
    GF_TRY(gf_label_lists_names(&b->labels, NULL, &t->classes, err));
    t->several = b->labels.several;
    for (size_t i = 0; i < t->n; i++) {
        const gf_label_list *list = &b->labels.item[i];
        const char *unknown; /* all are known here */
        if (t->several && !list->left_out) {
            GF_TRY(
                gf_label_lists_number(&b->labels, i, class_of, &t->classes, &t->sets, &t->row[i].label, &unknown, err));
        } else if (!t->several && list->n) {
            t->row[i].label = (uint32_t)class_of(&t->classes, gf_label_lists_first(&b->labels, i));
        }
    }
    return GRAFT_OK;
}

size_t gf_texts_labels(const gf_texts *t, size_t i, const uint32_t **label)
{
    const gf_labelled_text *row = &t->row[i];
    if (t->several) return gf_label_sets_of(&t->sets, row->label, label);
    *label = &row->label;
    return row->label != GF_NO_LABEL;
}

/* ---- files */

typedef graft_status (*reader)(gf_texts_build *b, const char *text, size_t n, graft_error *err);

static graft_status read_csv(gf_texts_build *b, const char *text, size_t n, graft_error *err)
{
    return gf_texts_read_table(b, text, n, false, err);
}
static graft_status read_tsv(gf_texts_build *b, const char *text, size_t n, graft_error *err)
{
    return gf_texts_read_table(b, text, n, true, err);
}

/* By ending; of what may as well hold images or anything else, whether it begins like texts. */
static bool begins_with_label(const char *text, size_t n) { return n > 9 && !memcmp(text, "__label__", 9); }

/* No field of the first rows names an image: such a table is one of images and their labels. */
static bool names_no_image(const char *text, size_t n)
{
    char field[256];
    int rows = 0;
    for (size_t at = 0, end; at < n && rows < 3; at = end + 1) {
        for (end = at; end < n && !strchr("\t\r\n", text[end]);) end++;
        if (end < n && text[end] == '\n') rows++;
        if (end - at >= sizeof field) continue;
        memcpy(field, text + at, end - at);
        field[end - at] = '\0';
        if (gf_name_is_image(field)) return false;
    }
    return true;
}

static const struct kind {
    const char *ending;
    reader read;
    bool (*is)(const char *text, size_t n); /* NULL: the ending is enough */
} kind_row[] = {
    {".tsv", read_tsv, names_no_image},
    {".csv", read_csv, gf_texts_has_header},
    {".jsonl", gf_texts_read_json_lines, NULL},
    {".ndjson", gf_texts_read_json_lines, NULL},
    {".txt", gf_texts_read_fasttext, begins_with_label},
};

static const struct kind *kind_of(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof kind_row / sizeof *kind_row; i++) {
        size_t length = strlen(kind_row[i].ending);
        if (n > length && !strcmp(name + n - length, kind_row[i].ending)) return &kind_row[i];
    }
    return NULL;
}

/* "train.tsv": which part, by what is before the ending. */
static gf_part_kind part_of_file(const char *name)
{
    const struct kind *k = kind_of(name);
    char stem[256];
    size_t n = k ? strlen(name) - strlen(k->ending) : 0;
    if (!n || n >= sizeof stem) return GF_PART_NONE;
    memcpy(stem, name, n);
    stem[n] = 0;
    return gf_part_of_name(stem);
}

static bool is_kind_of_texts(const char *path, const struct kind *k)
{
    uint8_t beginning[BEGINNING / 16];
    size_t n;
    if (!k || !k->is) return k != NULL;
    if (gf_file_read_begin(path, beginning, sizeof beginning, &n, NULL) != GRAFT_OK) return false;
    size_t mark = n >= 3 && !memcmp(beginning, "\xef\xbb\xbf", 3) ? 3 : 0;
    return k->is((const char *)beginning + mark, n - mark);
}

/* Reads a file and hands its text, as UTF-8, to `parse`. */
static graft_status read_file(gf_texts_build *b, const char *path, const char *name, size_t limit, reader parse,
                              graft_error *err)
{
    gf_texts *t = b->texts;
    uint8_t *bytes = NULL;
    size_t n;
    gf_decoded d = {0};
    graft_status status = gf_file_read(path, limit, &bytes, &n, err);
    if (status == GRAFT_OK) status = gf_names_add(&t->files, name, err);
    if (status == GRAFT_OK) status = gf_decode(&d, bytes, n, path, b->o->encoding, err);
    if (status == GRAFT_OK && (!t->encoding || strcmp(t->encoding, d.encoding))) {
        char *all = t->encoding ? gf_strdup("several") : gf_strdup(d.encoding);
        gf_free(t->encoding);
        t->encoding = all;
        if (!all) status = gf_fail_memory(err, 16, "a name");
    }
    b->name = path;
    b->file = (uint32_t)(t->files.n - 1);
    if (status == GRAFT_OK) status = parse(b, (const char *)d.text, d.n, err);
    gf_decoded_free(&d);
    gf_free(bytes);
    return status;
}

/* ---- folders */

/* Calls fn for each entry of a folder, by name, in order. */
typedef graft_status (*each)(gf_texts_build *b, const char *path, const char *name, void *ctx, graft_error *err);

static graft_status each_entry(gf_texts_build *b, const char *folder, each fn, void *ctx, graft_error *err)
{
    gf_names names = {0};
    graft_status status = gf_dir_list(folder, &names, err);
    for (size_t i = 0; i < names.n && status == GRAFT_OK; i++) {
        if (gf_name_is_litter(names.item[i])) continue;
        char *path = gf_path_join(folder, names.item[i]);
        status = path ? fn(b, path, names.item[i], ctx, err) : gf_fail_memory(err, strlen(folder), "a path");
        gf_free(path);
    }
    gf_names_free(&names);
    return status;
}

static graft_status part_file(gf_texts_build *b, const char *path, const char *name, void *ctx, graft_error *err)
{
    gf_part_kind part = part_of_file(name);
    (void)ctx;
    if (part == GF_PART_NONE || part == GF_PART_UNLABELLED || !gf_is_file(path)) return GRAFT_OK;
    b->split = gf_part_split(part);
    b->texts->parts = true;
    GF_TRY(gf_texts_take(b, name, gf_split_name(b->split), false, err));
    return read_file(b, path, name, FILE_LIMIT, kind_of(name)->read, err);
}

/* One text: the file without the end of its last line. */
static graft_status read_whole(gf_texts_build *b, const char *text, size_t n, graft_error *err)
{
    if (n && text[n - 1] == '\n') n--;
    if (n && text[n - 1] == '\r') n--;
    return gf_texts_add(b, text, n, b->class, strlen(b->class), b->split, 1, err);
}

static bool is_txt(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && !strcmp(name + n - 4, ".txt");
}

static graft_status text_file(gf_texts_build *b, const char *path, const char *name, void *ctx, graft_error *err)
{
    (void)ctx;
    return is_txt(name) && gf_is_file(path) ? read_file(b, path, name, TEXT_LIMIT, read_whole, err) : GRAFT_OK;
}

static graft_status class_in(gf_texts_build *b, const char *path, const char *name, void *ctx, graft_error *err)
{
    b->class = name;
    return gf_is_dir(path) ? each_entry(b, path, text_file, ctx, err) : GRAFT_OK;
}

/* A folder of the data: of a part, which has classes in it, or of a class. */
static graft_status class_or_part(gf_texts_build *b, const char *path, const char *name, void *ctx, graft_error *err)
{
    gf_part_kind part = gf_part_of_name(name);
    if (!gf_is_dir(path)) return GRAFT_OK;
    b->split = GF_TRAIN;
    if (part == GF_PART_NONE || part == GF_PART_UNLABELLED) return class_in(b, path, name, ctx, err);
    b->split = gf_part_split(part);
    b->texts->parts = true;
    GF_TRY(gf_texts_take(b, name, gf_split_name(b->split), false, err));
    return each_entry(b, path, class_in, NULL, err);
}

static graft_status read_folder(gf_texts_build *b, const char *path, graft_error *err)
{
    GF_TRY(each_entry(b, path, part_file, NULL, err));
    if (b->texts->n || b->texts->n_bad) return GRAFT_OK;
    return each_entry(b, path, class_or_part, NULL, err);
}

/* ---- is it texts? */

enum { ENOUGH = 10000 }; /* files that are looked at */

typedef struct signs {
    bool texts, images;
    int depth, files;
} signs;

/* By its name, or, whatever its name, by what it begins with. */
static bool is_image(const char *path, const char *name)
{
    uint8_t begin[GF_IMAGE_BEGIN];
    size_t n;
    if (gf_name_is_image(name)) return true;
    if (is_txt(name) || !gf_is_file(path)) return false;
    return gf_file_read_begin(path, begin, sizeof begin, &n, NULL) == GRAFT_OK && gf_image_begins(begin, n);
}

/* Files of parts in the data folder; .txt files in its folders, and in theirs. Where there are images as well, texts
 * are notes on them. */
static graft_status look(gf_texts_build *b, const char *path, const char *name, void *ctx, graft_error *err)
{
    signs *s = ctx;
    if (s->images || s->files == ENOUGH) return GRAFT_OK;
    if (gf_is_dir(path)) {
        if (s->depth == 2) return GRAFT_OK;
        s->depth++;
        graft_status status = each_entry(b, path, look, ctx, err);
        s->depth--;
        return status;
    }
    s->files++;
    s->images = is_image(path, name);
    bool is = s->depth ? is_txt(name) : part_of_file(name) != GF_PART_NONE && is_kind_of_texts(path, kind_of(name));
    s->texts = s->texts || is;
    return GRAFT_OK;
}

bool gf_texts_are(const char *path)
{
    if (gf_is_file(path)) return is_kind_of_texts(path, kind_of(path));
    signs s = {0};
    gf_texts_build b = {0};
    if (!gf_is_dir(path)) return false;
    return each_entry(&b, path, look, &s, NULL) == GRAFT_OK && s.texts && !s.images;
}

/* ---- */

static graft_status read_all(gf_texts_build *b, const char *path, graft_error *err)
{
    gf_texts *t = b->texts;
    t->root = gf_strdup(path);
    if (!t->root) return gf_fail_memory(err, strlen(path), "a path");
    if (gf_is_dir(path)) {
        GF_TRY(read_folder(b, path, err));
    } else {
        const struct kind *k = kind_of(path);
        if (!k) k = &kind_row[1];
        const char *slash = strrchr(path, '/');
        GF_TRY(read_file(b, path, slash ? slash + 1 : path, FILE_LIMIT, k->read, err));
    }
    if (t->n) return make_classes(b, path, err);
    return gf_fail(err, GF_E_TEXT_ROWS, NULL, "%s: there is no row that can be used%s%s", GF_ESC(path),
                   t->n_bad ? ": " : "", t->n_bad ? GF_ESC(t->bad[0].message) : "");
}

graft_status gf_texts_read(gf_texts *out, const char *path, const gf_texts_options *options, graft_error *err)
{
    *out = (gf_texts){0};
    gf_texts_build b = {.texts = out, .o = options, .name = path};
    graft_status status = read_all(&b, path, err);
    gf_label_lists_free(&b.labels);
    return status;
}
