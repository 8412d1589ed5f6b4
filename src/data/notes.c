#include "data/notes.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>

graft_status gf_note_add(gf_notes *notes, const gf_log *log, gf_log_level level, graft_error *err, const char *fmt, ...)
{
    if (notes->n >= GF_NOTES_MAX) {
        if (!notes->more++) gf_log_say(log, GF_NOTE, "more notes on the data are counted, not shown");
        return GRAFT_OK;
    }
    char said[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(said, sizeof said, fmt, args);
    va_end(args);
    char *text = gf_strdup(said);
    if (!text || !gf_grow(&notes->item, notes->n, &notes->cap)) {
        gf_free(text);
        return gf_fail_memory(err, sizeof *notes->item, "notes on the data");
    }
    notes->item[notes->n++] = (gf_note){level, text};
    gf_log_say(log, level, "%s", text);
    return GRAFT_OK;
}

void gf_notes_free(gf_notes *notes)
{
    for (size_t i = 0; i < notes->n; i++) gf_free(notes->item[i].text);
    gf_free(notes->item);
    *notes = (gf_notes){0};
}
