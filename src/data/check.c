#include "data/check.h"

#include "base/sys.h"
#include "data/duplicates.h"
#include "data/names.h"

#include <stdio.h>
#include <string.h>

/* Between groups the calling thread tells progress and may be stopped: a group ends after so many files or so much
 * time, since images of 100 megapixels take a second each. */
enum { GROUP = 4096 };
static const double group_seconds = 0.25;
/* Bad files in an error's message: as many lines, as many bytes; the report has them all. */
enum { SHOWN = 20, SHOWN_BYTES = 1100 };

typedef struct worker {
    gf_buffer file;
    uint8_t *scratch;
} worker;

typedef struct check {
    gf_index *index;
    gf_cache *cache; /* may be NULL */
    const gf_data_options *options;
    gf_checked *rows;
    uint32_t first; /* of the group */
    double began;   /* the group */
    worker *worker;
    gf_failed_samples bad;
} check;

/* Reads, digests, decodes one file. What is wrong with the file is its row's state; the status is for what would hit
 * any file. */
static graft_status check_one(check *c, uint32_t sample, worker *w, graft_error *err)
{
    gf_checked *row = &c->rows[sample];
    graft_error why = {0};
    uint8_t *place = c->cache ? gf_cache_place(c->cache, sample, w->scratch) : w->scratch;
    graft_status status = gf_sample_read(c->index, sample, &w->file, &why);
    if (status == GRAFT_OK) {
        row->content = gf_sha256_of(w->file.data, w->file.n);
        if (gf_is_apple_double(w->file.data, w->file.n)) {
            row->state = GF_LITTER;
            return GRAFT_OK;
        }
        status = gf_sample_decode(c->index, sample, &w->file, c->options, place, row, &why);
    }
    if (status == GRAFT_OK && c->options->decoded) {
        int height, width;
        gf_sample_size(c->index, sample, c->options, &height, &width);
        GF_TRY(c->options->decoded(c->options->decoded_ctx, sample, place, height, width, err));
    }
    row->state = status == GRAFT_OK ? GF_GOOD : GF_BAD;
    if (status == GRAFT_OK && c->cache) gf_cache_put(c->cache, sample, place);
    if (status == GRAFT_OK) return GRAFT_OK;
    if (why.number != GF_E_NO_MEMORY) return gf_failed_samples_put(&c->bad, sample, &why, err);
    if (err) *err = why;
    return status;
}

/* When the group's time is over its other items are left unchecked, for the next group. The first never is. */
static graft_status check_item(void *raw, size_t item, int thread, graft_error *err)
{
    check *c = raw;
    uint32_t sample = c->first + (uint32_t)item;
    if (c->rows[sample].state != GF_UNCHECKED) return GRAFT_OK; /* known from the cache's file, or done */
    if (item && gf_sys_seconds() - c->began > group_seconds) return GRAFT_OK;
    return check_one(c, sample, &c->worker[thread], err);
}

static graft_status check_all(check *c, gf_pool *pool, graft_error *err)
{
    const gf_data_options *o = c->options;
    uint32_t n = c->index->n;
    for (;;) {
        while (c->first < n && c->rows[c->first].state != GF_UNCHECKED) c->first++;
        if (o->progress) GF_TRY(o->progress(o->user, c->first, n));
        if (c->first == n) return GRAFT_OK;
        c->began = gf_sys_seconds();
        GF_TRY(gf_pool_run_watched(pool, n - c->first < GROUP ? n - c->first : GROUP, check_item, c, err));
    }
}

static graft_status make_workers(check *c, int threads, graft_error *err)
{
    size_t bytes = gf_data_stored_bytes(c->options, true); /* the larger ones */
    c->worker = gf_new_n((size_t)threads, worker);
    if (!c->worker) return gf_fail_memory(err, (size_t)threads * sizeof *c->worker, "the check");
    for (int i = 0; i < threads; i++) {
        c->worker[i].scratch = gf_alloc_tensor(bytes);
        if (!c->worker[i].scratch) return gf_fail_memory(err, bytes, "the check");
    }
    return GRAFT_OK;
}

static void free_workers(check *c, int threads)
{
    for (int i = 0; c->worker && i < threads; i++) {
        gf_buffer_free(&c->worker[i].file);
        gf_free(c->worker[i].scratch);
    }
    gf_free(c->worker);
}

graft_status gf_check_tell(gf_index *index, const gf_checked *rows, const gf_log *log, graft_error *err)
{
    static const struct {
        uint16_t mark;
        const char *what;
    } told[] = {
        {GF_MARK_SURPLUS, "JPEG with bytes that belong to nothing before its end; all rows are there, so it is taken"},
        {GF_MARK_ANIMATED, "file of several frames or pages, of which the first is taken"},
        {GF_MARK_FRACTION, "JPEG too large to be decoded whole: decoded at 1/2, 1/4 or 1/8 of its size"},
    };
    for (size_t k = 0; k < sizeof told / sizeof *told; k++) {
        uint64_t n = 0;
        uint32_t first = 0;
        for (uint32_t i = 0; i < index->n; i++) {
            if (rows[i].state != GF_GOOD || !(rows[i].marks & told[k].mark)) continue;
            if (!n++) first = i;
        }
        if (!n) continue;
        char others[48] = "";
        if (n > 1) snprintf(others, sizeof others, " and %llu others", (unsigned long long)n - 1);
        GF_TRY(gf_note_add(&index->notes, log, GF_NOTE, err, "%s%s: a %s", GF_ESC(gf_index_path(index, first)), others,
                           told[k].what));
    }
    return GRAFT_OK;
}

static graft_status report_on(check *c, gf_data_report **report, bool *drop, graft_error *err)
{
    gf_index *index = c->index;
    gf_sha256 *content = gf_alloc_raw(index->n, sizeof *content);
    if (!content) return gf_fail_memory(err, index->n * sizeof *content, "digests of the files");
    for (uint32_t i = 0; i < index->n; i++) {
        content[i] = c->rows[i].content;
        drop[i] = c->rows[i].state != GF_GOOD;
        index->ignored_system += c->rows[i].state == GF_LITTER;
    }
    gf_free(index->content);
    index->content = content;
    GF_TRY(gf_check_tell(index, c->rows, c->options->log, err));
    GF_TRY(gf_report_create(report, index, c->rows, err));
    size_t n;
    gf_failed_sample *bad = gf_failed_samples_take(&c->bad, &n);
    graft_status status = gf_report_add_bad(*report, index, bad, err);
    gf_failed_sample_free(bad);
    if (status != GRAFT_OK) return status;
    return gf_find_duplicates(index, c->rows, c->options, *report, drop, err);
}

graft_status gf_check(gf_index *index, gf_cache *cache, const gf_data_options *options, gf_pool *pool,
                      gf_data_report **report, bool *drop, graft_error *err)
{
    *report = NULL;
    double began = gf_sys_seconds();
    check c = {.index = index, .cache = cache, .options = options};
    gf_checked *own_rows = cache ? NULL : gf_new_n(index->n, gf_checked);
    c.rows = cache ? gf_cache_rows(cache) : own_rows;
    int threads = gf_pool_threads(pool);
    graft_status status = GRAFT_OK;
    bool known = true;
    if (!c.rows) GF_GOTO(gf_fail_memory(err, index->n * sizeof *c.rows, "the check"));
    for (uint32_t i = 0; i < index->n; i++) {
        if (c.rows[i].state != GF_GOOD) c.rows[i] = (gf_checked){0};
        known &= c.rows[i].state == GF_GOOD;
    }
    GF_GOTO(make_workers(&c, threads, err));
    GF_GOTO(check_all(&c, pool, err));
    GF_GOTO(report_on(&c, report, drop, err));
    if (cache) GF_GOTO(gf_cache_seal(cache, err));
    gf_report_take_notes(*report, index);
    (*report)->checked_before = known;
    (*report)->seconds = gf_sys_seconds() - began;
out:;
    size_t n;
    gf_failed_sample_free(gf_failed_samples_take(&c.bad, &n));
    free_workers(&c, threads);
    gf_free(own_rows);
    if (status != GRAFT_OK) {
        gf_report_free(*report);
        *report = NULL;
    }
    return status;
}

/* What may be done about bad files: for all of them, and for kinds that have an option of their own. */
static void advise(const gf_data_report *report, bool skip, char *hint, size_t size)
{
    static const struct {
        int number;
        const char *advice;
    } kinds[] = {
        {GF_E_IMAGE_TOO_LARGE, "; --max-pixels raises the limit on pixels"},
        {GF_E_IMAGE_TRUNCATED, "; --allow-truncated fills missing rows with gray"},
    };
    snprintf(hint, size, "repair or take away the files; %s",
             skip ? "--max-bad allows more of them" : "--bad-images skip leaves them out");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t i = 0, n = strlen(hint);
        while (i < report->n_bad && report->bad[i].number != kinds[k].number) i++;
        if (i < report->n_bad) snprintf(hint + n, size - n, "%s", kinds[k].advice);
    }
}

graft_status gf_check_policy(const gf_data_report *report, const gf_data_options *options, graft_error *err)
{
    bool skip = options->bad_images == GF_BAD_SKIP;
    bool few = (double)report->n_bad <= options->max_bad * (double)report->images;
    if (!report->n_bad || (skip && few)) return GRAFT_OK;
    gf_text list = {0};
    size_t shown = 0;
    for (; shown < report->n_bad && shown < SHOWN && (!shown || list.n < SHOWN_BYTES); shown++) {
        gf_text_printf(&list, "\n  %.300s", report->bad[shown].message);
    }
    if (report->n_bad > shown) gf_text_printf(&list, "\n  and %zu more", report->n_bad - shown);
    char limit[64] = "", hint[300];
    advise(report, skip, hint, sizeof hint);
    if (skip) snprintf(limit, sizeof limit, ", at most %g %% are allowed", 100 * options->max_bad);
    graft_status status =
        list.failed ? gf_fail_memory(err, list.cap, "the list of bad images")
                    : gf_fail(err, GF_E_DATA_BAD_IMAGES, hint, "%s: %zu of %llu images cannot be used%s:%s",
                              GF_ESC(report->root), report->n_bad, (unsigned long long)report->images, limit, list.s);
    gf_text_free(&list);
    return status;
}
