/* duplicates.h - images with the same bytes. Within a class: harmless. In two classes: one label is wrong. In
 * training and in validation or test: the score is not to be trusted. */
#ifndef GF_DATA_DUPLICATES_H
#define GF_DATA_DUPLICATES_H

#include "data/report.h"

/* Compares index->content of all samples whose row is good; fills the report's duplicates and counts, adds notes. With
 * options->dedup marks in drop[] what is to go: of copies with one label all but one (which stays in test, else in
 * validation, so that no score changes its images), of copies with several labels all. */
graft_status gf_find_duplicates(gf_index *index, const gf_checked *rows, const gf_data_options *options,
                                gf_data_report *report, bool *drop, graft_error *err);

/* For qsort_r over numbers of samples, with index->content as `raw`: equal files stand together, in their order. */
int gf_by_content(const void *a, const void *b, void *raw);

#endif
