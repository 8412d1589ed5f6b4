/* label_report.h - what the labels of samples with any number of them are like: how many each has, which go together.
 */
#ifndef GF_DATA_LABEL_REPORT_H
#define GF_DATA_LABEL_REPORT_H

#include "base/io.h"
#include "data/label_sets.h"
#include "json/json.h"

enum { GF_LABELS_COUNTED = 9, GF_LABEL_PAIRS = 20 };

/* Two classes of the same samples. */
typedef struct gf_label_pair {
    uint32_t first, second;
    uint64_t together, of_first, of_second; /* samples with both; with each of them */
} gf_label_pair;

/* Zeroed is of samples with one class each: nothing is told. */
typedef struct gf_label_report {
    uint64_t samples, labels;           /* labels: of all samples together */
    uint64_t with[GF_LABELS_COUNTED];   /* samples with so many labels; the last: with as many or more */
    size_t most, combinations;          /* labels of a sample; different sets of them */
    gf_label_pair pair[GF_LABEL_PAIRS]; /* the commonest first */
    size_t n_pairs;
} gf_label_report;

/* count: of each set, how many samples have it. E5001. */
graft_status gf_label_report_make(gf_label_report *r, const gf_label_sets *sets, const uint64_t *count, size_t classes,
                                  graft_error *err);
/* {"mean","most","combinations","with":[..],"together":[{"labels":[A,B],"samples","of":[..]}]} */
gf_json *gf_label_report_json(const gf_label_report *r, const gf_names *classes);
void gf_label_report_text(const gf_label_report *r, const gf_names *classes, gf_text *t);

#endif
