/* html.h - pieces of an HTML page (written so that it is well-formed XML too) added to a text. A failed allocation
 * is remembered in the text; what else can fail returns a status. */
#ifndef GF_REPORT_HTML_H
#define GF_REPORT_HTML_H

#include "base/alloc.h"
#include "report/plots.h"

/* Foreign text: & < > " ' become entities, bytes that are not printable UTF-8 are written as \xNN. */
void gf_html_text(gf_text *t, const char *s);

/* <tag>text</tag>; attributes (such as " class=\"n\"") may be "". */
void gf_html_element(gf_text *t, const char *tag, const char *attributes, const char *text);

/* The bytes as a data: URL. */
void gf_html_data(gf_text *t, const char *mime, const uint8_t *bytes, size_t n);

/* Both pass a text over that has failed: drawing is for nothing there.
 *
 * <img> of a photo as JPEG, at most `side` pixels wide and high; nothing for a photo without pixels. */
graft_status gf_html_photo(gf_text *t, const gf_pixels *photo, int side, const char *alt, graft_error *err);

/* <picture> of a plot in the light theme and, where the reader's screen is dark, in the dark one. Nothing where the
 * record has nothing to plot. */
graft_status gf_html_plot(gf_text *t, const gf_plot *plot, const gf_run_record *r, const char *alt, graft_error *err);

#endif
