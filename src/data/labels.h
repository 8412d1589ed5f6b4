/* labels.h - a file of class names, a line each, as programs and people write them: with or without a byte order mark,
 * a blank last line, and numbers before the names ("0 Rock", "1: Paper"). Pure. */
#ifndef GF_DATA_LABELS_H
#define GF_DATA_LABELS_H

#include "base/io.h"

typedef struct gf_labels {
    gf_names names;
    bool numbered; /* every line had a number of its own, 0 to n - 1 or 1 to n: taken off, and the names put in that
                      order */
    bool moved;    /* which was not that of the lines */
} gf_labels;

/* E3002 where the text is UTF-16 or no text; `name` is for messages. Free with gf_labels_free, also after a failure. */
graft_status gf_labels_parse(gf_labels *labels, const uint8_t *text, size_t n, const char *name, graft_error *err);
void gf_labels_free(gf_labels *labels);

#endif
