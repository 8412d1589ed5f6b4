/* Checkpoints written by a thread of their own, from a copy of the state, while training goes on. */
#include "train/checkpoint.h"

#include "base/alloc.h"
#include "base/sys.h"
#include "base/threads.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

enum { RETRY_SECONDS = 60, COPY_ALIGN = 64 };

struct gf_checkpoint_writer {
    char *dir;
    double interval;
    const gf_log *log;
    gf_pool *pool; /* one worker; NULL: none could be started, writes are made in the call */

    uint8_t *copy; /* of the sections' bytes; kept from write to write */
    size_t copy_cap;
    gf_section section[GF_CHECKPOINT_MAX_SECTIONS]; /* into copy and name */
    char name[GF_CHECKPOINT_MAX_SECTIONS][GF_CHECKPOINT_NAME_MAX + 1];
    size_t n;
    int64_t step;

    bool in_flight;   /* the worker has a write, or has ended it and nobody has asked */
    atomic_bool done; /* set by the worker at its end */

    double last_time; /* when the last one was taken */
    graft_status last_status;
    graft_error last_error;
    int failures;
    int64_t safe_step;
};

graft_status gf_checkpoint_writer_create(gf_checkpoint_writer **out, const char *dir, double interval,
                                         const gf_log *log, graft_error *err)
{
    *out = NULL;
    gf_checkpoint_writer *w = gf_new(gf_checkpoint_writer);
    if (w) w->dir = gf_strdup(dir);
    if (!w || !w->dir) {
        gf_checkpoint_writer_destroy(w);
        return gf_fail_memory(err, sizeof *w, "the writer of checkpoints");
    }
    w->interval = interval;
    w->log = log;
    w->safe_step = -1;
    w->last_time = gf_sys_seconds();
    if (gf_pool_create(&w->pool, 1, NULL, NULL) != GRAFT_OK) w->pool = NULL;
    *out = w;
    return GRAFT_OK;
}

static double retry_seconds(const gf_checkpoint_writer *w)
{
    return w->interval < RETRY_SECONDS ? w->interval : RETRY_SECONDS;
}

static void note_result(gf_checkpoint_writer *w, int64_t step, graft_status status, const graft_error *e)
{
    if (status == GRAFT_OK && w->last_status != GRAFT_OK)
        gf_log_say(w->log, GF_NOTE, "checkpoints can be written again");
    w->last_status = status;
    if (status == GRAFT_OK) {
        w->safe_step = step;
    } else {
        w->last_error = *e;
        w->failures++;
    }
}

static void note_and_warn(gf_checkpoint_writer *w, int64_t step, graft_status status, const graft_error *e)
{
    note_result(w, step, status, e);
    if (status == GRAFT_OK) return;
    gf_log_say(w->log, GF_WARNING,
               "the checkpoint of step %" PRId64 " could not be written: E%d: %s; training goes on, the next try is in "
               "%.0f s",
               step, e->number, e->message, retry_seconds(w));
}

/* Waits for a write in flight and takes note of how it went. */
static void collect(gf_checkpoint_writer *w)
{
    if (!w->in_flight) return;
    graft_error e = {0};
    graft_status status = gf_pool_finish_background(w->pool, &e);
    w->in_flight = false;
    note_and_warn(w, w->step, status, &e);
}

void gf_checkpoint_writer_destroy(gf_checkpoint_writer *w)
{
    if (!w) return;
    if (w->in_flight) gf_pool_finish_background(w->pool, NULL);
    gf_pool_destroy(w->pool);
    gf_free(w->copy);
    gf_free(w->dir);
    gf_free(w);
}

bool gf_checkpoint_writer_due(gf_checkpoint_writer *w)
{
    if (w->in_flight && !atomic_load_explicit(&w->done, memory_order_acquire)) return false;
    collect(w);
    double wait = w->last_status == GRAFT_OK ? w->interval : retry_seconds(w);
    return gf_sys_seconds() - w->last_time >= wait;
}

static size_t rounded(size_t size) { return (size + COPY_ALIGN - 1) / COPY_ALIGN * COPY_ALIGN; }

static graft_status copy_sections(gf_checkpoint_writer *w, const gf_section *section, size_t n, graft_error *err)
{
    size_t total = 0;
    if (n > GF_CHECKPOINT_MAX_SECTIONS) return gf_fail(err, GF_E_USAGE, NULL, "a checkpoint of %zu sections", n);
    for (size_t i = 0; i < n; i++) total += rounded(section[i].size);
    if (total > w->copy_cap) {
        gf_free(w->copy);
        w->copy_cap = 0;
        w->copy = gf_alloc_tensor(total);
        if (!w->copy) return gf_fail_memory(err, total, "a copy of the run's state");
        w->copy_cap = total;
    }
    uint8_t *at = w->copy;
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(section[i].name);
        if (length >= sizeof w->name[i]) return gf_fail(err, GF_E_USAGE, NULL, "a section's name of %zu bytes", length);
        memcpy(w->name[i], section[i].name, length + 1);
        if (section[i].size) memcpy(at, section[i].data, section[i].size);
        w->section[i] = (gf_section){w->name[i], at, section[i].size};
        at += rounded(section[i].size);
    }
    w->n = n;
    return GRAFT_OK;
}

static graft_status write_copy(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)item;
    (void)worker;
    gf_checkpoint_writer *w = ctx;
    graft_status status = gf_checkpoint_write(w->dir, w->step, w->section, w->n, err);
    atomic_store_explicit(&w->done, true, memory_order_release);
    return status;
}

void gf_checkpoint_writer_start(gf_checkpoint_writer *w, int64_t step, const gf_section *section, size_t n)
{
    graft_error e = {0};
    collect(w);
    w->last_time = gf_sys_seconds();
    if (!w->pool) {
        graft_status status = gf_checkpoint_write(w->dir, step, section, n, &e);
        note_and_warn(w, step, status, &e);
        return;
    }
    graft_status status = copy_sections(w, section, n, &e);
    if (status != GRAFT_OK) {
        note_and_warn(w, step, status, &e);
        return;
    }
    w->step = step;
    atomic_store_explicit(&w->done, false, memory_order_relaxed);
    w->in_flight = true;
    gf_pool_background(w->pool, 1, write_copy, w);
}

graft_status gf_checkpoint_writer_wait(gf_checkpoint_writer *w, graft_error *err)
{
    collect(w);
    if (w->last_status != GRAFT_OK && err) *err = w->last_error;
    return w->last_status;
}

graft_status gf_checkpoint_writer_finish(gf_checkpoint_writer *w, int64_t step, const gf_section *section, size_t n,
                                         graft_error *err)
{
    graft_error e = {0};
    collect(w);
    w->last_time = gf_sys_seconds();
    graft_status status = gf_checkpoint_write(w->dir, step, section, n, &e);
    note_result(w, step, status, &e);
    if (status != GRAFT_OK && err) *err = e;
    return status;
}

int gf_checkpoint_writer_failures(const gf_checkpoint_writer *w) { return w->failures; }
int64_t gf_checkpoint_writer_safe_step(const gf_checkpoint_writer *w) { return w->safe_step; }
