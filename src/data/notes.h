/* notes.h - what is worth telling about a data set without being an error: said through the log at once, and kept for
 * the report. Repetitions are bounded: past GF_NOTES_MAX they are only counted. */
#ifndef GF_DATA_NOTES_H
#define GF_DATA_NOTES_H

#include "base/error.h"
#include "base/log.h"

#include <stddef.h>
#include <stdint.h>

enum { GF_NOTES_MAX = 100 };

typedef struct gf_note {
    gf_log_level level;
    char *text; /* owned */
} gf_note;

typedef struct gf_notes {
    gf_note *item;
    size_t n, cap;
    uint64_t more; /* notes that were dropped */
} gf_notes;

/* Memory running out here is an error of the caller's. `log` may be NULL. */
graft_status gf_note_add(gf_notes *notes, const gf_log *log, gf_log_level level, graft_error *err, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void gf_notes_free(gf_notes *notes);

#endif
