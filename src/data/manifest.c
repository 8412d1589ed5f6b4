#include "data/manifest.h"

#include <stdlib.h>
#include <string.h>

static const char title[] = "graft-data 1\n";
enum { TITLE = sizeof title - 1, LINE = 34 };

typedef struct entry {
    uint64_t path, rest;
    uint32_t sample;
} entry;

static int by_path(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->path != y->path) return x->path < y->path ? -1 : 1;
    return x->rest < y->rest ? -1 : x->rest > y->rest;
}

static uint64_t first_bytes(gf_sha256 digest)
{
    uint64_t x = 0;
    for (int i = 0; i < 8; i++) x = x << 8 | digest.byte[i];
    return x;
}

static graft_status rest_of(const gf_index *index, uint32_t sample, uint64_t *out, graft_error *err)
{
    const gf_sample *s = &index->sample[sample];
    gf_text label = {0};
    gf_index_label_text(index, sample, &label);
    gf_sha256_state *sha = label.failed ? NULL : gf_sha256_begin();
    if (!sha) gf_text_free(&label);
    if (!sha) return gf_fail_memory(err, 256, "a digest");
    uint8_t number[9] = {s->split};
    for (int i = 0; i < 8; i++) number[i + 1] = (uint8_t)(s->size >> 8 * i);
    gf_sha256_add(sha, number, sizeof number);
    gf_sha256_add(sha, label.s ? label.s : "", label.n + 1);
    gf_text_free(&label);
    if (index->content) gf_sha256_add(sha, index->content[sample].byte, sizeof index->content[sample].byte);
    if (index->labels) gf_sha256_add(sha, index->labels[sample].byte, sizeof index->labels[sample].byte);
    *out = first_bytes(gf_sha256_end(sha));
    return GRAFT_OK;
}

static graft_status list_index(const gf_index *index, entry **out, graft_error *err)
{
    *out = NULL;
    entry *list = gf_alloc_raw(index->n, sizeof *list);
    if (!list) return gf_fail_memory(err, index->n * sizeof *list, "the list of files");
    for (uint32_t i = 0; i < index->n; i++) {
        const char *path = gf_index_path(index, i);
        list[i].path = first_bytes(gf_sha256_of(path, strlen(path)));
        list[i].sample = i;
        graft_status status = rest_of(index, i, &list[i].rest, err);
        if (status != GRAFT_OK) {
            gf_free(list);
            return status;
        }
    }
    qsort(list, index->n, sizeof *list, by_path);
    *out = list;
    return GRAFT_OK;
}

graft_status gf_manifest_text(const gf_index *index, char **out, graft_error *err)
{
    *out = NULL;
    entry *list;
    GF_TRY(list_index(index, &list, err));
    gf_text text = {0};
    gf_text_add(&text, title);
    for (uint32_t i = 0; i < index->n; i++) {
        gf_text_printf(&text, "%016llx %016llx\n", (unsigned long long)list[i].path, (unsigned long long)list[i].rest);
    }
    gf_free(list);
    if (text.failed) {
        gf_text_free(&text);
        return gf_fail_memory(err, (size_t)index->n * LINE, "the list of files");
    }
    *out = text.s;
    return GRAFT_OK;
}

static bool parse_hex(const uint8_t *text, uint64_t *out)
{
    uint64_t x = 0;
    for (int i = 0; i < 16; i++) {
        uint8_t c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return false;
        x = x << 4 | (uint64_t)digit;
    }
    *out = x;
    return true;
}

static bool parse_line(const uint8_t *line, entry *e)
{
    return parse_hex(line, &e->path) && line[16] == ' ' && parse_hex(line + 17, &e->rest) && line[33] == '\n';
}

static graft_status parse(const uint8_t *text, size_t n, const char *name, entry **out, size_t *count, graft_error *err)
{
    *out = NULL;
    if (n < TITLE || memcmp(text, title, TITLE) || (n - TITLE) % LINE) {
        return gf_fail(err, GF_E_DATA_DIFFERS, NULL, "%s: not a list of files of a run", GF_ESC(name));
    }
    *count = (n - TITLE) / LINE;
    entry *list = gf_new_n(*count, entry);
    if (!list) return gf_fail_memory(err, *count * sizeof *list, "the list of files");
    for (size_t i = 0; i < *count; i++) {
        if (parse_line(text + TITLE + i * LINE, &list[i]) && (!i || by_path(&list[i - 1], &list[i]) <= 0)) continue;
        gf_free(list);
        return gf_fail(err, GF_E_DATA_DIFFERS, NULL, "%s:%zu: damaged", GF_ESC(name), i + 2);
    }
    *out = list;
    return GRAFT_OK;
}

/* Both lists are sorted by path. */
static gf_manifest_difference merge(const entry *now, size_t n_now, const entry *before, size_t n_before)
{
    gf_manifest_difference d = {.first = UINT32_MAX};
    for (size_t i = 0, k = 0; i < n_now || k < n_before;) {
        bool only_before = i == n_now || (k < n_before && before[k].path < now[i].path);
        if (only_before) {
            d.removed++;
            k++;
            continue;
        }
        bool only_now = k == n_before || now[i].path < before[k].path;
        bool differs = only_now || now[i].rest != before[k].rest;
        if (differs && now[i].sample < d.first) d.first = now[i].sample;
        d.added += only_now;
        d.changed += !only_now && differs;
        i++;
        k += !only_now;
    }
    return d;
}

graft_status gf_manifest_compare(const gf_index *index, const uint8_t *text, size_t n, const char *name,
                                 gf_manifest_difference *out, graft_error *err)
{
    entry *before, *now = NULL;
    size_t n_before;
    GF_TRY(parse(text, n, name, &before, &n_before, err));
    graft_status status = list_index(index, &now, err);
    if (status == GRAFT_OK) *out = merge(now, index->n, before, n_before);
    gf_free(now);
    gf_free(before);
    return status;
}

graft_status gf_manifest_check(const gf_index *index, const uint8_t *text, size_t n, const char *name, graft_error *err)
{
    gf_manifest_difference d;
    GF_TRY(gf_manifest_compare(index, text, n, name, &d, err));
    if (!d.added && !d.removed && !d.changed) return GRAFT_OK;
    bool named = d.first != UINT32_MAX;
    return gf_fail(err, GF_E_DATA_DIFFERS, "put the data back as they were, or start a new run",
                   "%s: the data differ from the run's: %llu added, %llu removed, %llu changed%s%s",
                   GF_ESC(index->root), (unsigned long long)d.added, (unsigned long long)d.removed,
                   (unsigned long long)d.changed, named ? ", such as " : "",
                   named ? GF_ESC(gf_index_path(index, d.first)) : "");
}
