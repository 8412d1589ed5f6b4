#include "data/duplicates.h"

#include <stdlib.h>
#include <string.h>

int gf_by_content(const void *a, const void *b, void *raw)
{
    const gf_sha256 *content = raw;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = memcmp(content[x].byte, content[y].byte, sizeof content->byte);
    return order ? order : x < y ? -1 : x > y;
}

typedef struct finder {
    gf_index *index;
    const gf_data_options *options;
    gf_data_report *report;
    bool *drop;
} finder;

static graft_status add_pair(finder *f, uint32_t a, uint32_t b, graft_error *err)
{
    gf_data_report *r = f->report;
    if (r->n_duplicates == GF_DUPLICATES_MAX) return GRAFT_OK;
    const gf_sample *x = &f->index->sample[a], *y = &f->index->sample[b];
    gf_duplicate duplicate = {
        .path = gf_strdup(gf_index_path(f->index, a)),
        .duplicate = gf_strdup(gf_index_path(f->index, b)),
        .other_class = x->class_id != y->class_id,
        .other_split = x->split != y->split,
    };
    if (!duplicate.path || !duplicate.duplicate || !gf_grow(&r->duplicate, r->n_duplicates, &r->cap_duplicates)) {
        gf_free(duplicate.path);
        gf_free(duplicate.duplicate);
        return gf_fail_memory(err, sizeof duplicate, "the list of duplicates");
    }
    r->duplicate[r->n_duplicates++] = duplicate;
    return GRAFT_OK;
}

/* One group of equal files, sorted by sample, so by split. */
static graft_status group(finder *f, const uint32_t *member, uint32_t n, graft_error *err)
{
    const gf_sample *sample = f->index->sample;
    bool classes = false, splits = false;
    for (uint32_t i = 1; i < n; i++) {
        const gf_sample *one = &sample[member[i]], *before = &sample[member[i - 1]];
        classes |= one->class_id != sample[member[0]].class_id;
        splits |= one->split != before->split;
        f->report->same_class += one->class_id == before->class_id && one->split == before->split;
        GF_TRY(add_pair(f, member[0], member[i], err));
    }
    f->report->other_class += classes;
    f->report->other_split += splits;
    if (!f->options->dedup) return GRAFT_OK;
    uint32_t kept = n - 1; /* the last in the order train, validation, test; of that split the first by path */
    while (kept && sample[member[kept - 1]].split == sample[member[n - 1]].split) kept--;
    for (uint32_t i = 0; i < n; i++) f->drop[member[i]] |= classes || i != kept;
    return GRAFT_OK;
}

static graft_status tell(finder *f, graft_error *err)
{
    const gf_data_report *r = f->report;
    const char *done = f->options->dedup ? "left out" : "kept";
    const struct {
        uint64_t n;
        gf_log_level level;
        const char *what;
    } found[] = {
        {r->same_class, GF_NOTE, "images are exact copies of others of their class"},
        {r->other_class, GF_WARNING, "images are in two or more classes (label conflict): one label must be wrong"},
        {r->other_split, GF_WARNING,
         "images are in training and in validation or test too (leak): scores are too good"},
    };
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        if (!found[i].n) continue;
        GF_TRY(gf_note_add(&f->index->notes, f->options->log, found[i].level, err, "%llu %s; copies are %s",
                           (unsigned long long)found[i].n, found[i].what, done));
    }
    return GRAFT_OK;
}

graft_status gf_find_duplicates(gf_index *index, const gf_checked *rows, const gf_data_options *options,
                                gf_data_report *report, bool *drop, graft_error *err)
{
    finder f = {index, options, report, drop};
    uint32_t *order = gf_alloc_raw(index->n, sizeof *order);
    if (!order) return gf_fail_memory(err, index->n * sizeof *order, "the list of duplicates");
    uint32_t n = 0;
    for (uint32_t i = 0; i < index->n; i++) {
        if (rows[i].state == GF_GOOD) order[n++] = i;
    }
    qsort_r(order, n, sizeof *order, gf_by_content, index->content);
    graft_status status = GRAFT_OK;
    for (uint32_t i = 0, end; i < n && status == GRAFT_OK; i = end) {
        const gf_sha256 *first = &index->content[order[i]];
        for (end = i + 1; end < n && !memcmp(first, &index->content[order[end]], sizeof *first); end++) {
        }
        if (end - i > 1) status = group(&f, order + i, end - i, err);
    }
    gf_free(order);
    return status == GRAFT_OK ? tell(&f, err) : status;
}
