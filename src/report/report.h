/* report.h - a run's files for people: plots and the page that shows all of it. */
#ifndef GF_REPORT_REPORT_H
#define GF_REPORT_REPORT_H

#include "report/record.h"

/* Names within a run folder; the TensorBoard file's is in events.h. */
#define GF_REPORT_METRICS "metrics.json"
#define GF_REPORT_HISTORY "history.csv"
#define GF_REPORT_PLOTS "plots"
#define GF_REPORT_PAGE "report.html"
#define GF_REPORT_CARD "model-card.md"

/* The whole of report.html: one page that needs no network, no scripts and no other file, light or dark as the reader's
 * screen is. *html is the caller's (gf_free), terminated; *n (may be NULL) its length. What the record lacks is left
 * out. */
graft_status gf_report_page(char **html, size_t *n, const gf_run_record *r, graft_error *err);

/* Writes metrics.json, history.csv and the TensorBoard file (where there is a history), plots/NAME.png, report.html and
 * the model card into the run folder `dir`, which exists. Each file is complete or as it was before; stops at the first
 * failure. */
graft_status gf_report_write(const char *dir, const gf_run_record *r, graft_error *err);

#endif
