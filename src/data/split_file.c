/* split_file.c - split.csv: which part each sample is in, to be kept and used again. */
#include "base/io.h"
#include "data/csv.h"
#include "data/parts.h"
#include "data/split_rules.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 1 << 30, HEX = 64 };

typedef struct gf_listed {
    gf_sha256 content; /* zeros: not told */
    uint64_t path;     /* where in paths */
    gf_split split;
} gf_listed;

/* ---- out */

static void add_field(gf_text *t, const char *s)
{
    bool plain = !s[strcspn(s, ",\"\r\n")];
    if (!plain) gf_text_add(t, "\"");
    for (; *s; s++) gf_text_add_n(t, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
    if (!plain) gf_text_add(t, "\"");
}

graft_status gf_split_text(const gf_index *index, char **out, graft_error *err)
{
    gf_text t = {0};
    gf_text_add(&t, "path,label,group,sha256,split\n");
    for (uint32_t i = 0; i < index->n; i++) {
        const gf_sample *s = &index->sample[i];
        char hex[HEX + 1] = "";
        if (index->content) gf_sha256_hex(&index->content[i], hex);
        add_field(&t, gf_index_path(index, i));
        gf_text_add(&t, ",");
        gf_text label = {0};
        gf_index_label_text(index, i, &label);
        add_field(&t, label.s ? label.s : "");
        t.failed = t.failed || label.failed;
        gf_text_free(&label);
        gf_text_add(&t, ",");
        if (s->group) add_field(&t, index->groups.item[s->group - 1]);
        gf_text_printf(&t, ",%s,%s\n", hex, gf_split_name((gf_split)s->split));
    }
    *out = t.s;
    if (!t.failed) return GRAFT_OK;
    gf_text_free(&t);
    *out = NULL;
    return gf_fail_memory(err, index->n * 100, "the split");
}

/* ---- in */

static int by_content(const void *a, const void *b, void *paths)
{
    const gf_listed *x = a, *y = b;
    int order = memcmp(x->content.byte, y->content.byte, sizeof x->content.byte);
    return order ? order : strcmp((char *)paths + x->path, (char *)paths + y->path);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Nothing, or 64 digits. */
static bool read_hex(const char *text, gf_sha256 *out)
{
    memset(out, 0, sizeof *out);
    if (!*text) return true;
    for (int i = 0; i < HEX; i++) {
        int d = digit(text[i]);
        if (d < 0) return false;
        out->byte[i / 2] = (uint8_t)(out->byte[i / 2] << 4 | d);
    }
    return !text[HEX];
}

typedef struct places {
    size_t path, sha256, split;
} places;

static graft_status find_columns(const gf_csv *csv, places *p, graft_error *err)
{
    *p = (places){SIZE_MAX, SIZE_MAX, SIZE_MAX};
    for (size_t i = 0; i < csv->columns; i++) {
        const char *name = gf_csv_field(csv, i);
        if (!strcmp(name, "path")) p->path = i;
        if (!strcmp(name, "sha256")) p->sha256 = i;
        if (!strcmp(name, "split")) p->split = i;
    }
    if (p->split != SIZE_MAX && (p->path != SIZE_MAX || p->sha256 != SIZE_MAX)) return GRAFT_OK;
    return gf_fail(err, GF_E_CSV_COLUMN, "graft split and graft train write such files",
                   "%s: wanted are the columns split, and sha256 or path", GF_ESC(csv->name));
}

static graft_status read_row(gf_split_file *f, size_t *cap, const gf_csv *csv, const places *p, graft_error *err)
{
    const char *path = p->path < csv->columns ? gf_csv_field(csv, p->path) : "";
    const char *hex = p->sha256 < csv->columns ? gf_csv_field(csv, p->sha256) : "";
    const char *split = p->split < csv->columns ? gf_csv_field(csv, p->split) : "";
    gf_part_kind kind = gf_part_of_name(split);
    gf_listed row = {.path = f->paths.n, .split = gf_part_split(kind)};
    if (!kind || kind == GF_PART_UNLABELLED) {
        return gf_fail(err, GF_E_CSV_LABEL, "train, validation or test", "%s:%u: not the name of a part: %s",
                       GF_ESC(csv->name), csv->line, GF_ESC(split));
    }
    if (!read_hex(hex, &row.content)) {
        return gf_fail(err, GF_E_CSV_LABEL, "64 digits, in lower case", "%s:%u: not a SHA-256: %s", GF_ESC(csv->name),
                       csv->line, GF_ESC(hex));
    }
    gf_text_add_n(&f->paths, path, strlen(path) + 1);
    if (f->paths.failed || !gf_grow(&f->item, f->n, cap)) return gf_fail_memory(err, f->n * sizeof row, "a split");
    f->item[f->n++] = row;
    return GRAFT_OK;
}

graft_status gf_split_file_read(gf_split_file *f, const char *path, graft_error *err)
{
    uint8_t *data = NULL;
    size_t n, cap = 0;
    gf_csv csv = {0};
    places p;
    bool more = true;
    *f = (gf_split_file){0};
    graft_status status = gf_file_read(path, LIMIT, &data, &n, err);
    if (status == GRAFT_OK) status = gf_csv_open(&csv, data, n, path, err);
    if (status == GRAFT_OK) status = gf_csv_next(&csv, &more, err);
    if (status == GRAFT_OK) status = find_columns(&csv, &p, err);
    while (status == GRAFT_OK) {
        status = gf_csv_next(&csv, &more, err);
        if (status != GRAFT_OK || !more) break;
        status = read_row(f, &cap, &csv, &p, err);
    }
    if (status == GRAFT_OK && f->n) qsort_r(f->item, f->n, sizeof *f->item, by_content, f->paths.s);
    gf_csv_close(&csv);
    gf_free(data);
    if (status != GRAFT_OK) gf_split_file_free(f);
    return status;
}

void gf_split_file_free(gf_split_file *f)
{
    gf_free(f->item);
    gf_text_free(&f->paths);
    *f = (gf_split_file){0};
}

bool gf_split_file_find(const gf_split_file *f, const gf_sha256 *content, const char *path, gf_split *split)
{
    size_t low = 0, high = f->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool before = memcmp(f->item[middle].content.byte, content->byte, sizeof content->byte) < 0;
        *(before ? &low : &high) = before ? middle + 1 : middle;
    }
    bool same = low < f->n && !memcmp(f->item[low].content.byte, content->byte, sizeof content->byte);
    for (size_t i = 0; !same && i < f->n; i++) {
        same = f->paths.s[f->item[i].path] && !strcmp(f->paths.s + f->item[i].path, path);
        low = i;
    }
    if (same) *split = f->item[low].split;
    return same;
}
