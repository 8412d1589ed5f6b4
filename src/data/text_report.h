/* text_report.h - what a data set of texts is like: rows and classes of each part, lengths in pieces, equal texts; as
 * JSON and for people. */
#ifndef GF_DATA_TEXT_REPORT_H
#define GF_DATA_TEXT_REPORT_H

#include "data/label_report.h"
#include "data/notes.h"
#include "data/texts.h"
#include "text/tokenizer.h"
#include "json/json.h"

enum { GF_TEXT_LIMITS = 4 }; /* 64, 128, 256, 512 pieces */

typedef struct gf_text_lengths {
    uint64_t pieces, unknown; /* of all texts, without special ones */
    uint32_t special;         /* pieces that a model's texts have besides: at the beginning, at the end */
    double mean;              /* of a text, with the special ones, as the following */
    uint32_t median, p90, p95, p99, max;
    uint64_t cut[GF_TEXT_LIMITS]; /* texts that are longer than the limit */
} gf_text_lengths;

typedef struct gf_text_report {
    const gf_texts *texts; /* borrowed */
    uint64_t *count;       /* [GF_SPLITS][classes.n + 1]; the last: without a label */
    uint64_t rows[GF_SPLITS], distinct[GF_SPLITS];
    uint64_t seen[GF_SPLITS]; /* rows of validation and test whose text is one of training, too */
    uint64_t conflicts;       /* different texts that have more than one label */
    uint64_t empty;           /* rows of white space alone */
    gf_label_report labels;   /* where texts have any number of them */
    bool has_pieces;
    gf_text_lengths pieces;
    char *tokenizer; /* its file; owned */
    gf_notes notes;
} gf_text_report;

/* Texts are equal where they are after runs of white space have become one space and those at both ends are gone.
 * `tokenizer` NULL: no lengths. `log` may be NULL. Free with gf_text_report_free, also after a failure. */
graft_status gf_text_report_make(gf_text_report *out, const gf_texts *texts, const gf_tokenizer *tokenizer,
                                 const gf_log *log, graft_error *err);
void gf_text_report_free(gf_text_report *r); /* takes a zeroed one */

gf_json *gf_text_report_json(const gf_text_report *r); /* as gf_report_json */
graft_status gf_text_report_text(const gf_text_report *r, char **out, graft_error *err);

#endif
