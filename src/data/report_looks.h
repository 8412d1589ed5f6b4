/* report_looks.h - distributions and near copies of a report, as JSON and as text. */
#ifndef GF_DATA_REPORT_LOOKS_H
#define GF_DATA_REPORT_LOOKS_H

#include "data/report.h"

/* The bins of a report's histograms, all empty. */
void gf_report_bins(gf_data_report *r);
/* What a bin is called, as "181 to 256" or "3:4"; into buf. */
const char *gf_report_bin_name(const gf_data_report *r, const gf_binned *h, size_t bin, char *buf, size_t size);

void gf_report_looks_json(const gf_data_report *r, gf_json *j);
void gf_report_looks_text(const gf_data_report *r, gf_text *t);

#endif
