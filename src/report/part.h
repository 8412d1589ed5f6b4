/* part.h - a part of a run's report, as a class: a plot, a section of report.html, or both, made of the run's record.
 *
 * A new part: src/report/part_NAME.c with one gf_report_part, and its line in parts.def. */
#ifndef GF_REPORT_PART_H
#define GF_REPORT_PART_H

#include "report/plots.h"

typedef struct gf_page gf_page; /* page.h */

typedef struct gf_report_part {
    const char *name;
    gf_plot plot; /* its image in RUN/plots; file NULL: none */
    /* Adds its section to the page, or nothing where the record has nothing for it. NULL: it has none. */
    graft_status (*section)(gf_page *p);
} gf_report_part;

#define GF_REPORT_PART(x) extern const gf_report_part gf_report_part_##x;
#include "report/parts.def"
#undef GF_REPORT_PART
const gf_report_part *gf_report_part_at(size_t i); /* in the page's order; NULL behind the last */
const gf_plot *gf_report_plot_at(size_t i);        /* those that have one; NULL behind the last */

#endif
