/* page.h - what a section of report.html is written with. */
#ifndef GF_REPORT_PAGE_H
#define GF_REPORT_PAGE_H

#include "base/alloc.h"
#include "report/html.h"
#include "report/part.h"

enum { GF_NINE = 9, GF_MOST_PHOTOS = 12, GF_PAIR_SIDE = 160 };

struct gf_page {
    gf_text t; /* a failed allocation is remembered in it */
    const gf_run_record *r;
    graft_error *err;
};

/* The page's head with its title and style, up to the open <main>; and all behind it: *html is the caller's. With a
 * status that is not GRAFT_OK the text is freed and the status returned. */
void gf_page_begin(gf_page *p);
graft_status gf_page_end(gf_page *p, graft_status status, char **html, size_t *n);
/* In a list of class tiles: a number, and what it is; nothing for "-". */
void gf_page_tile(gf_page *p, const char *value, const char *name);

void gf_page_add(gf_page *p, const char *markup);
/* A table's cells: a number, a column's heading, a row's. Texts are escaped. */
void gf_page_cell(gf_page *p, const char *number);
void gf_page_head(gf_page *p, const char *text, bool number);
void gf_page_head_samples(gf_page *p, bool number); /* a column's that counts "Images" */
void gf_page_row_head(gf_page *p, const char *text);
/* Long tables of classes are folded: between these two. */
void gf_page_open_fold(gf_page *p, const char *what);
void gf_page_close_fold(gf_page *p);
/* A table of keys and values; nothing for none. */
void gf_page_facts(gf_page *p, gf_facts facts);
graft_status gf_page_plot(gf_page *p, const gf_plot *plot, const char *alt);
/* The first `most` photos: GF_NINE are shown in three columns. */
graft_status gf_page_photos(gf_page *p, gf_photos photos, size_t most, gf_caption caption, bool with_path);

#endif
